"""Names of products: base name, suffix, directory."""

from pathlib import Path

from hexcal.errors import InputError


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
    parts = stem.split("_")
    # The longest known suffix wins: `dq_init` before `init`.
    for count in range(min(4, len(parts) - 1), 0, -1):
        if "_".join(parts[-count:]).lower() in known_suffixes:
            return "_".join(parts[:-count])
    return stem


def base_name(step, model=None):
    """Return the base of a product's name.

    The first that exists: `output_file` (of the step, or of the pipelines that own it if `search_output_file`), the product of the association, the first
    input file, the file name in the model's metadata, ``step_<name>``. With `output_use_model` the model's file name comes right after `output_file`.
    """
    parameters, context = step.parameters, step.context
    output_file = step.inherited("output_file") if parameters.search_output_file else parameters.output_file
    model_name = model.get_meta("meta.filename") if model is not None else None
    first_input = context.first_input if context else None
    product = context.product if context else None
    candidates = [output_file, model_name if parameters.output_use_model else None, product, first_input, model_name]
    found = next((name for name in candidates if name), None)
    if found is None:
        return f"step_{step.name}"
    return without_suffix(
        _stem(found) if found != product else Path(found).name,
        _known_suffixes(step, model),
    )


def name_of_member(step, model):
    """Return the base of the name of a product that belongs to one exposure of several: that of the exposure, without its suffix."""
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
    return Path(Path(name).name.removesuffix(".gz")).stem


def _known_suffixes(step, model):
    from hexcal import observatories

    known = model.observatory if model is not None else observatories.get("jwst")
    return {
        *known.suffixes,
        step.name.lower(),
        *(getattr(step.parent, "step_defs", ()) if step.parent is not None else ()),
    }


def output_path(step, basepath=None, suffix=None, ext=None, idx=None, model=None):
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

    Returns
    -------
    pathlib.Path
    """
    parameters = step.parameters
    base = Path(basepath).stem if basepath else base_name(step, model)
    suffix = suffix or parameters.suffix or step.default_suffix or step.name
    extension = (ext or parameters.output_ext).lstrip(".")
    number = [str(idx)] if idx is not None and parameters.output_use_index else []
    directory = step.inherited("output_dir") or "."
    return Path(directory, "_".join([base, *number, suffix.lower()]) + f".{extension}")


def refuse_to_overwrite(path, inputs):
    """Raise InputError if `path` is one of the files that the run reads."""
    path = Path(path)
    if not path.exists():
        return
    for name in inputs:
        if name is not None and Path(name).exists() and path.samefile(name):
            raise InputError(
                "the output would overwrite an input; nothing was written",
                where=str(path),
                hint="give another output_dir, output_file or suffix",
            )
