"""Names of products: base name, suffix, directory."""

import itertools
from pathlib import Path

from hexcal.core.parameters import word
from hexcal.errors import InputError, ParameterError, ResourceError
from hexcal.files import gate
from hexcal.models import formats


def without_suffix(stem, known_suffixes):
    """Remove a known product suffix from the end of a file's stem; an unknown one stays.

    Parameters
    ----------
    stem : str
        ``jw00001001001_02101_00001_nrca1_uncal``.
    known_suffixes : container of str
        ``uncal``, ``rate`` ...; some contain underscores (``dq_init``).

    Returns
    -------
    str
    """
    return split_suffix(stem, known_suffixes, "_")[0]


def split_suffix(stem, known_suffixes, separators="_-"):
    """Split a known product suffix, the longest, off a file's stem.

    Parameters
    ----------
    stem : str
        ``jw00001001001_gs-id_1_image-uncal``: images of guide star identification have a dash before their suffix.
    known_suffixes : container of str
        As for `without_suffix`.
    separators : str
        Characters that may stand before a suffix.

    Returns
    -------
    base, separator : str
        The separator is ``_`` if there is no known suffix.
    """
    for position, character in enumerate(stem):
        if position and character in separators and stem[position + 1 :].lower() in known_suffixes:
            return stem[:position], character
    return stem, "_"


def base_name(step, model=None):
    """Return the base of a product's name, and what stands between it and the suffix.

    The first that exists: `output_file` (of the step, or of the pipelines that own it if `search_output_file`), the
    product of the association, the first input file, the file name in the model's metadata, ``step_<name>``. With
    `output_use_model` the model's file name comes right after `output_file`.
    """
    parameters, context = step.parameters, _context(step)
    output_file = output_file_of(step)
    model_name = model.get_meta("meta.filename") if model is not None else None
    first_input = context.first_input if context else None
    product = context.product if context else None
    candidates = [output_file, model_name if parameters.output_use_model else None, product, first_input, model_name]
    name_given = next((name for name in candidates if name), None)
    if name_given is None:
        return f"step_{step.name}", "_"
    return split_suffix(
        _stem(name_given) if name_given != product else _stem_of_product(name_given),
        _known_suffixes(step, model),
    )


def _context(step):
    """What the steps of the present run share, before a step of a pipeline runs too; None outside of a run."""
    while step.context is None and step.parent is not None:
        step = step.parent
    return step.context


def name_of_member(step, model):
    """Return the base of the name of a product that belongs to one exposure of several.

    That of the exposure, without its suffix.
    """
    name = model.get_meta("meta.filename") or (model.path.name if model.path is not None else None)
    if not name:
        raise InputError(
            "an exposure in memory has no file name that its product could be named after",
            where=step.where,
            hint="set meta.filename",
        )
    return without_suffix(_stem(name), _known_suffixes(step, model))


def _stem(name):
    """Name of a file without folder and extension; that of the compression goes too."""
    return formats.split(Path(name).name)[0]


def _stem_of_product(name):
    """The name of a product of an association, which may have dots; where it is that of a file, without the format."""
    name = Path(name).name
    stem, ending = formats.split(name)
    return stem if ending.lower() in formats.READ else name


def output_file_of(step):
    """The `output_file` that holds for a step, or None."""
    return step.inherited("output_file") if step.parameters.search_output_file else step.parameters.output_file


def folder_of(step):
    """Return the folder of a step's products: `output_dir`, and in it the folder that `output_file` names.

    Raises
    ------
    ParameterError
        If `output_file` is an absolute path and `output_dir` is given too.
    """
    output_dir, output_file = step.inherited("output_dir"), output_file_of(step)
    folder = Path(output_file).parent if output_file else Path()
    if output_dir and folder.is_absolute():
        raise ParameterError(
            f"output_file is a full path, and output_dir names another folder: {output_file}, {output_dir}",
            where=step.where,
            hint="give one of the two, or a bare name as output_file",
        )
    return Path(output_dir or ".") / folder


def make_folder(folder):
    """Make the folder of a product, if it is not there; ResourceError if that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"the output directory cannot be created: {error.strerror}",
            where=str(folder),
            hint="give another output_dir",
        ) from error


def _known_suffixes(step, model):
    from hexcal import observatories

    return {
        *(model.observatory.suffixes if model is not None else observatories.suffixes()),
        step.name.lower(),
        *(step.parent.step_defs if step.parent is not None else ()),
    }


def output_path(step, basepath=None, suffix=None, ext=None, idx=None, model=None, again=0):
    """Return the path of a product.

    Parameters
    ----------
    step : Step
        Which makes it.
    basepath : path-like, optional
        Base name instead of `base_name`.
    suffix : str, optional
        Default: the step's parameter `suffix`, its class's default, its name.
    ext : str, optional
        Extension; default the parameter `output_ext`.
    idx : int, optional
        Number between base name and suffix, if the parameter `output_use_index` allows it.
    model : DataModel, optional
        The product.
    again : int
        Number of a further product that would have the same name otherwise; 0 for the first.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ParameterError
        If nothing is written in the format that the extension stands for.
    """
    parameters = step.parameters
    base, separator = (Path(basepath).stem, "_") if basepath else base_name(step, model)
    suffix = word(suffix or parameters.suffix or step.suffix_for(model) or step.name, "suffix")
    extension = word(ext or parameters.output_ext, "output_ext").lstrip(".")
    number = [str(idx)] if idx is not None and parameters.output_use_index else []
    number += [str(again)] if again else []
    path = folder_of(step) / f"{'_'.join([base, *number])}{separator}{suffix.lower()}.{extension}"
    if ext is None:
        # What a step writes itself, such as a catalogue, is no model.
        formats.require_written(path)
    return path


def free_path(step, **details):
    """Return the path of a product, as `output_path`.

    With a number, if the present run has written one of that name already.
    """
    paths = (output_path(step, again=again, **details) for again in itertools.count())
    return next(path for path in paths if not gate.is_written(path))
