"""Parameter files: ASDF as documented, and the former .cfg; reading, merging, writing."""

import datetime
from pathlib import Path

from hexcal.core.parameters import NOT_IN_REFERENCES, FromFile, values_of
from hexcal.errors import InputError, ParameterError
from hexcal.files import gate
from hexcal.models.bounds import require_regular

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
        ``class`` (str or None), ``name``, ``parameters`` (name -> value) and ``steps`` (step -> configuration). A
        ``config_file`` among the parameters names the file of a step, relative to this one; here it has its whole path.

    Raises
    ------
    InputError
        If the file is missing or not readable.
    ParameterError
        If required keys are missing.
    """
    path = Path(path)
    require_regular(path, "a parameter file")
    if not path.is_file():
        raise InputError("there is no such parameter file", where=str(path))
    gate.reading(path, "parameter file")
    tree = _read_cfg(path) if path.suffix == ".cfg" else _read_asdf(path)
    return _section(tree, path)


def is_parameter_file(path):
    """Whether a file says which class it has parameters for; an exposure may be an ASDF file too."""
    path = Path(path)
    require_regular(path)
    if not path.is_file():
        raise InputError("there is no such file", where=str(path))
    if path.suffix == ".cfg":
        return True
    from hexcal.models import asdf_tree

    return "class" in asdf_tree.from_file(path)


def _read_asdf(path):
    from hexcal.models import asdf_tree

    try:
        tree = asdf_tree.from_file(path)
    except OSError as error:
        raise InputError(f"the parameter file cannot be read: {error.strerror}", where=str(path)) from error
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
    except (ConfigObjError, UnicodeDecodeError, OSError) as error:
        reason = "it is not a text" if isinstance(error, UnicodeDecodeError) else error
        raise InputError(
            f"not readable as a .cfg parameter file: {reason}",
            where=str(path),
            hint="a parameter file has lines such as name = value",
        ) from error
    except RecursionError as error:
        raise InputError("the sections of a parameter file are nested too deep", where=str(path)) from error
    steps = [
        {"name": name, "class": values.pop("class", None), "parameters": values}
        for name, values in content.pop("steps", {}).items()
    ]
    return {
        "class": content.pop("class", None),
        "name": content.pop("name", None),
        "parameters": content,
        "steps": steps,
    }


def _section(tree, path):
    parameters = tree.get("parameters") or {}
    sections = tree.get("steps") or []
    if not isinstance(parameters, dict):
        raise ParameterError(
            "'parameters' must hold lines 'name: value'", where=str(path), hint=f"found: {parameters!r}"
        )
    if not isinstance(sections, list) or not all(isinstance(section, dict) for section in sections):
        raise ParameterError("'steps' must be a list of entries with 'name', 'class' and 'parameters'", where=str(path))
    parameters = {
        name: FromFile(value, path.parent) if isinstance(value, str) else value for name, value in parameters.items()
    }
    result = {"class": tree.get("class"), "name": tree.get("name"), "parameters": {}, "steps": {}}
    if parameters.get("config_file") is not None:
        parameters["config_file"] = str(path.parent / str(parameters["config_file"]))
    for section in sections:
        # Without a name, the class tells which step is meant (see `Pipeline.configure`).
        name = section.get("name") or str(section.get("class") or "").rpartition(".")[2]
        if not name:
            raise ParameterError("each entry of 'steps' needs a 'name' or a 'class'", where=str(path))
        result["steps"][name] = merged(result["steps"].get(name, {}), _section(section, path))
    # ``parameters: {steps: {jump: {...}}}`` says the same as a list of steps.
    return merged(result, nested(parameters))


def nested(parameters):
    """Return keyword parameters, among which ``steps={name: {parameter: value}}``, as a configuration."""
    if not isinstance(parameters, dict) or not isinstance(parameters.get("steps") or {}, dict):
        raise ParameterError(f"parameters must be given as {{name: value}}, got {parameters!r}")
    parameters = dict(parameters)
    steps = parameters.pop("steps", None) or {}
    return {"parameters": parameters, "steps": {name: nested(values) for name, values in steps.items()}}


def expanded(content, parents=()):
    """Return a configuration with the file that it names as ``config_file`` read, and its own values put on top.

    Files of its steps are left.

    Raises
    ------
    ParameterError
        If the file names itself, or one that names it.
    """
    path = content.get("parameters", {}).get("config_file")
    if path is None:
        return content
    if path in parents:
        raise ParameterError("parameter files name each other in a circle", where=" -> ".join((*parents, path)))
    own = {name: value for name, value in content["parameters"].items() if name != "config_file"}
    return merged(expanded(load(path), (*parents, path)), {**content, "parameters": own})


def load_config_file(path):
    """Read a parameter file as `load`, and the files that it names for its steps, below its own values."""
    content = expanded(load(path), (str(path),))
    return {**content, "steps": {name: expanded(section) for name, section in content["steps"].items()}}


def named_files(content):
    """Return (path, configuration of the outermost step) for each ``config_file`` in a configuration."""
    path = content.get("parameters", {}).get("config_file")
    sections = [] if path is None else [(str(path), expanded(load(path), (path,)))]
    for name, section in content.get("steps", {}).items():
        sections += [(path, {"steps": {name: inner}}) for path, inner in named_files(section)]
    return sections


def without_named_files(content):
    """Return a configuration without its ``config_file`` entries."""
    parameters = {name: value for name, value in content.get("parameters", {}).items() if name != "config_file"}
    steps = {name: without_named_files(section) for name, section in content.get("steps", {}).items()}
    return {**content, "parameters": parameters, "steps": steps}


def merged(below, above):
    """Return the configuration `below` with what `above` says put on top."""
    result = {**below, **{key: value for key, value in above.items() if key in ("class", "name") and value is not None}}
    result["parameters"] = {**below.get("parameters", {}), **above.get("parameters", {})}
    result["steps"] = dict(below.get("steps", {}))
    for name, section in above.get("steps", {}).items():
        result["steps"][name] = merged(result["steps"].get(name, {}), section)
    return result


def merge(config, other):
    """Put what the configuration `other` says on top of `config`, in place."""
    config.update(merged(config, other))


def export(step, filename, include_meta=False):
    """Write all parameters of a step or pipeline to an ASDF parameter file.

    Parameters
    ----------
    step : Step
        Whose parameters.
    filename : path-like
        The file.
    include_meta : bool
        Add ``meta`` and ``history`` as a parameter reference file needs them, and leave out where files are, hooks, and
        overrides.
    """
    from hexcal.models import asdf_tree

    tree = _tree(step)
    history = []
    if include_meta:
        tree = _without_places(tree)
        tree["meta"] = {
            **_META_DEFAULTS,
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "description": f"Parameters of {step.alias}",
            "instrument": {"name": "<SPECIFY>"},
            "reftype": type(step).get_config_reftype(),
            "title": f"{type(step).__name__} default parameters",
        }
        history = ["Base values"]
    asdf_tree.to_file(filename, tree, history)


def _tree(step):
    tree = {
        "class": f"{type(step).__module__}.{type(step).__name__}",
        "name": step.name,
        "parameters": storable(values_of(step.parameters)),
    }
    if step.steps:
        tree["steps"] = [_tree(inner) for inner in step.steps.values()]
    return tree


def _without_places(tree):
    """The tree of a parameter file without what does not belong into a parameter reference."""
    parameters = {
        name: value
        for name, value in tree["parameters"].items()
        if name not in NOT_IN_REFERENCES and not name.startswith("override_")
    }
    steps = {"steps": [_without_places(inner) for inner in tree["steps"]]} if "steps" in tree else {}
    return {**tree, "parameters": parameters, **steps}


def storable(value):
    """Return parameter values as text, numbers, lists and dicts.

    Anything else (a function as hook, an open model) by its description.
    """
    if isinstance(value, dict):
        return {name: storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return (
        value
        if value is None or isinstance(value, str | int | float | bool)
        else str(getattr(value, "path", None) or value)
    )
