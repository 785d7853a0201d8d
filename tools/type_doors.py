"""Write what type checkers and editors see of the public modules, ``step.pyi`` and its like (``make format``).

The public modules import each name when it is first used, which a type checker cannot follow; and the models of the
tables have no class in the source. The stubs say both: where a name comes from, and which arrays and parts a declared
model has.
"""

import importlib
import inspect
from pathlib import Path
from types import ModuleType

from hexcal.associations.lib import MODULES
from hexcal.models.layout import Array

SOURCE = Path(__file__).resolve().parents[1] / "src"
DOORS = {
    "hexcal.step": "hexcal/step.pyi",
    "hexcal.pipeline": "hexcal/pipeline.pyi",
    "hexcal.stpipe": "hexcal/stpipe.pyi",
    "hexcal.datamodels": "hexcal/datamodels.pyi",
    "hexcal.associations": "hexcal/associations/__init__.pyi",
    **{f"hexcal.associations.lib.{name}": f"hexcal/associations/lib/{name}.pyi" for name in MODULES},
}
"""Public module -> its stub."""


def stub(name: str) -> str:
    """Return the stub of a public module.

    Parameters
    ----------
    name : str
        Such as "hexcal.step".
    """
    door = importlib.import_module(name)
    public_names = {public: getattr(door, public) for public in dir(door) if not public.startswith("__")}
    declared = {
        public: value for public, value in public_names.items() if inspect.isclass(value) and not _has_source(value)
    }
    imports = {_import(public, value) for public, value in public_names.items() if public not in declared}
    imports |= {_import_base(cls) for cls in declared.values() if cls.__bases__[0].__name__ not in public_names}
    if any("layout" in cls.__dict__ for cls in declared.values()):
        imports |= {"from typing import Any", "from numpy import ndarray"}
    lines = [*sorted(imports), "", "__all__ = [", *(f'    "{public}",' for public in sorted(public_names)), "]", ""]
    for cls in declared.values():
        lines += _class(cls)
    return _HEADER + "\n".join(lines)


_HEADER = '"""Made by tools/type_doors.py (make format)."""\n\n'


def _import(public, value):
    if isinstance(value, ModuleType):
        package, _, module = value.__name__.rpartition(".")
        return f"from {package} import {module} as {public}"
    return f"from {value.__module__} import {value.__qualname__} as {public}"


def _has_source(cls):
    """Whether a class can be imported from the module that it says it is of; those that a table makes cannot."""
    place = importlib.import_module(cls.__module__)
    return place.__name__ not in DOORS and getattr(place, cls.__qualname__, None) is cls


def _import_base(cls):
    base = cls.__bases__[0]
    return f"from {base.__module__} import {base.__qualname__}"


def _class(cls):
    own = [
        f"    {spec.name}: {'ndarray' if isinstance(spec, Array) else 'Any'}" for spec in cls.__dict__.get("layout", ())
    ]
    own += [f"    {name}: Any" for name in cls.__dict__.get("of_tree", ())]
    if "parts_name" in cls.__dict__:
        own.append(f"    {cls.parts_name}: list[{cls.part_class.__name__}]")
    doc = f'    """{cls.__doc__}"""' if cls.__doc__ else ""
    body = [*filter(None, [doc]), *own] or ["    ..."]
    return [f"class {cls.__name__}({cls.__bases__[0].__name__}):", *body, ""]


def main() -> None:
    """Write all stubs."""
    for name, place in DOORS.items():
        (SOURCE / place).write_text(stub(name), encoding="utf-8")


if __name__ == "__main__":
    main()
