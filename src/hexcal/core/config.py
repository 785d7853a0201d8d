"""Parameter files: ASDF as documented, and the former .cfg; reading, merging, writing."""

import datetime
from pathlib import Path

from hexcal.errors import InputError, ParameterError

_META_DEFAULTS = {"author": "hexcal", "pedigree": "GROUND", "telescope": "JWST", "useafter": "1990-04-24T00:00:00"}


def load(path):
    """Read a parameter file.

    Parameters
    ----------
    path : path-like
        ``.asdf``, or the former ``.cfg``.

    Returns
    -------
    dict
        ``class`` (str or None), ``name``, ``parameters`` (name -> value) and ``steps`` (step -> configuration). A step's own ``config_file`` has been
        read, and the values given beside it put on top.

    Raises
    ------
    InputError
        If the file is missing or not readable.
    ParameterError
        If required keys are missing.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("there is no such parameter file", where=str(path))
    tree = _read_cfg(path) if path.suffix == ".cfg" else _read_asdf(path)
    return _section(tree, path)


def _read_asdf(path):
    from hexcal.models import asdf_tree

    tree = asdf_tree.from_file(path)
    for key in ("class", "parameters"):
        if key not in tree:
            raise ParameterError(
                f"a parameter file needs the key '{key}'",
                where=str(path),
                hint=f"found: {', '.join(tree) or 'nothing'}",
            )
    return tree


def _read_cfg(path):
    from configobj import ConfigObj, ConfigObjError

    try:
        content = ConfigObj(str(path), file_error=True, interpolation=False).dict()
    except ConfigObjError as error:
        raise InputError(f"not readable as a .cfg parameter file: {error}", where=str(path)) from error
    steps = [{"name": name, "parameters": values} for name, values in content.pop("steps", {}).items()]
    return {
        "class": content.pop("class", None),
        "name": content.pop("name", None),
        "parameters": content,
        "steps": steps,
    }


def _section(tree, path):
    parameters = dict(tree.get("parameters") or {})
    result = {"class": tree.get("class"), "name": tree.get("name"), "parameters": {}, "steps": {}}
    config_file = parameters.pop("config_file", None)
    if config_file is not None:
        inner = load(path.parent / config_file)
        result = merged(result, {"parameters": inner["parameters"], "steps": inner["steps"]})
    for section in tree.get("steps") or []:
        name = section.get("name")
        if name is None:
            raise ParameterError("each entry of 'steps' needs a 'name'", where=str(path))
        result["steps"][name] = merged(result["steps"].get(name, {}), _section(section, path))
    inline = {"parameters": parameters}
    # ``parameters: {steps: {jump: {...}}}`` says the same as a list of steps.
    steps = parameters.pop("steps", None)
    if isinstance(steps, dict):
        inline["steps"] = {name: {"parameters": values} for name, values in steps.items()}
    return merged(result, inline)


def merged(below, above):
    """Return the configuration `below` with what `above` says put on top."""
    result = {**below, **{key: value for key, value in above.items() if key in ("class", "name") and value is not None}}
    result["parameters"] = {**below.get("parameters", {}), **above.get("parameters", {})}
    result["steps"] = dict(below.get("steps", {}))
    for name, section in above.get("steps", {}).items():
        result["steps"][name] = merged(result["steps"].get(name, {}), section)
    return result


def export(step, filename, include_meta=False):
    """Write all parameters of a step or pipeline to an ASDF parameter file.

    Parameters
    ----------
    step : Step
        Whose parameters.
    filename : path-like
        The file.
    include_meta : bool
        Add ``meta`` and ``history`` as a parameter reference file needs them.
    """
    from hexcal.models import asdf_tree

    tree = _tree(step)
    history = []
    if include_meta:
        kind = f"pars-{type(step).__name__.lower()}"
        tree["meta"] = {
            **_META_DEFAULTS,
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "description": f"Parameters of {step.alias}",
            "instrument": {"name": "<SPECIFY>"},
            "reftype": kind,
            "title": f"{type(step).__name__} default parameters",
        }
        history = ["Base values"]
    asdf_tree.to_file(filename, tree, history)


def _tree(step):
    tree = {
        "class": f"{type(step).__module__}.{type(step).__name__}",
        "name": step.name,
        "parameters": storable(step.parameters.model_dump()),
    }
    if hasattr(step, "step_defs"):
        tree["steps"] = [_tree(inner) for inner in step.steps.values()]
    return tree


def storable(value):
    """Return parameter values as text, numbers, lists and dicts; anything else (a function as hook, an open model) by its description."""
    if isinstance(value, dict):
        return {name: storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return (
        value
        if value is None or isinstance(value, str | int | float | bool)
        else str(getattr(value, "path", None) or value)
    )
