"""Whether a FITS file that ends behind a complete HDU is all that was written.

A file cut between two HDUs is well formed.

What can be noticed: products end with the ASDF extension, so a file that does is whole. Of another file, NEXTEND may
say how many extensions there are; a file that a pipeline made has lost at least its ASDF extension; and a model needs
its primary array. Other files that hold less than their class describes are taken as they are: the arrays that they
lack are None, or the documented default.
"""

from hexcal.errors import InputError
from hexcal.models.layout import Array

_HINT = "the file may have been cut between two extensions: copy or download it again"
_MADE_BY = ("meta.calibration_software_version", "meta.data_processing_software_version")
"""Where the programs that make products give their version: those that make raw exposures, and the pipeline."""
_ON_PURPOSE = "; if extensions were removed on purpose, "


def require_whole(source, model_class, observatory):
    """Raise InputError if extensions at the end of a file are missing.

    Parameters
    ----------
    source : FitsSource
        The file.
    model_class : type
        Class of the model that it is opened as.
    observatory : Observatory
        Whose keywords say that a pipeline made it.
    """
    if source.extensions[-1].name == "ASDF":
        return
    _require_count(source)
    header = source.primary
    # A reference file that lacks an array says so where the array is needed; certify tells what else is wrong with it.
    if header.get("REFTYPE") is not None or str(header.get("DATAMODL", "")).strip() != model_class.model_type:
        return
    _require_primary(source, model_class)
    if source.find("ASDF") is None:
        _require_end_of_product(source, model_class, observatory)


def _require_count(source):
    promised, actual = source.primary.get("NEXTEND"), len(source.extensions) - 1
    if isinstance(promised, int) and promised > actual:
        raise InputError(
            f"the header says that {promised} extensions follow (NEXTEND), the file has {actual}",
            where=str(source.path),
            hint=f"{_HINT}{_ON_PURPOSE}correct NEXTEND",
        )


def _require_primary(source, model_class):
    if model_class.primary not in model_class.specs or source.extensions[0].shape:
        return
    spec = model_class.specs[model_class.primary]
    if source.of(spec) is None:
        names = ", ".join(extension.name or "one without a name" for extension in source.extensions[1:])
        raise InputError(
            f"a {model_class.model_type} needs the image extension {' or '.join(spec.hdus)}, "
            f"the file has {names or 'no extension'}",
            where=str(source.path),
            hint=_HINT,
        )


def _require_end_of_product(source, model_class, observatory):
    """A product of a pipeline, without the ASDF extension that ends it."""
    versions = [row.keyword for row in map(observatory.keywords.of_path, _MADE_BY) if row is not None]
    maker = next((keyword for keyword in versions if keyword in source.primary), None)
    if maker is not None:
        raise InputError(
            f"a product of a pipeline ends with the extension ASDF, this one ends with {source.extensions[-1].name}",
            where=str(source.path),
            hint=f"{_HINT}{_ON_PURPOSE}remove {' and '.join(versions)} from the primary header",
        )
    steps = [row.keyword for row in observatory.keywords if row.path.startswith("meta.cal_step.")]
    done = next((keyword for keyword in steps if keyword in source.primary), None)
    if done is None:
        return
    for spec in model_class.specs.values():
        if isinstance(spec, Array) and spec.fill is not None and source.of(spec) is None:
            raise InputError(
                f"a {model_class.model_type} that a pipeline has worked on ({done}) holds the extension {spec.hdu}, "
                "this file does not",
                where=str(source.path),
                hint=f"{_HINT}{_ON_PURPOSE}remove {done} from the primary header",
            )
