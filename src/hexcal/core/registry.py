"""Find a step or pipeline by alias, class name, dotted class, or parameter file."""

import importlib
import importlib.util
import sys
from pathlib import Path

from hexcal.errors import ParameterError
from hexcal.observatories.documented import unknown_target

_OURS = ("jwst", "stpipe", "hexcal")
"""First words of dotted classes that stand for classes of Hexcal."""
PARAMETER_FILES = (".asdf", ".cfg")


def aliases():
    """Return {alias: "module:Class"} of all steps and pipelines, pipelines first.

    The tables belong to the rooms above this one; they are read by name, and nothing is imported but the tables.
    """
    tables = (importlib.import_module(f"hexcal.{room}").ALIASES for room in ("pipelines", "steps"))
    return {alias: place for table in tables for alias, place in table.items()}


def find(name, beside=None):
    """Return the class that a word of the command line or a parameter file stands for.

    Parameters
    ----------
    name : str
        An alias (``jump``), a class name (``JumpStep``), or a dotted class. Dotted classes of the original (``jwst.jump.JumpStep``) give Hexcal's class of that
        name.
    beside : path-like, optional
        Folder of the parameter file: a module there may be named too.

    Raises
    ------
    ParameterError
        If there is none; carries the nearest right name.
    """
    table = aliases()
    by_class = {place.partition(":")[2]: place for place in table.values()}
    module, _, last = str(name).rpartition(".")
    place = table.get(name) or by_class.get(last if module.split(".")[0] in ("", *_OURS) else None)
    if place is not None:
        module, _, last = place.partition(":")
        return getattr(importlib.import_module(module), last)
    if module and module.split(".")[0] not in _OURS and all(part.isidentifier() for part in name.split(".")):
        return _foreign(module, last, beside)
    raise unknown_target(name, [*table, *by_class])


def _module_in(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    found = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def _foreign(module, last, beside):
    """A class of the user: importable, or in a module beside the parameter file."""
    try:
        path = Path(beside, f"{module}.py") if beside is not None else None
        if path is not None and path.is_file():
            found = _module_in(path, module)
        else:
            found = importlib.import_module(module)
        found = getattr(found, last)
    except (ImportError, AttributeError) as error:
        raise ParameterError(
            f"the class '{module}.{last}' cannot be imported: {error}", hint="`hexcal steps` lists what there is"
        ) from None
    if not hasattr(found, "parameters_class"):
        raise ParameterError(f"'{module}.{last}' is not a step: it must be a subclass of hexcal.step.Step")
    return found
