"""Rules written as classes, and registries of such rules, for several tests."""

import itertools
from types import ModuleType

from hexcal.associations import Association, AssociationRegistry, RegistryMarker
from hexcal.associations.classes.constraints import AttrConstraint, Constraint

_numbers = itertools.count()


class Recorder(Association):
    """Keeps its items in ``members`` and a record of all that was tried in `trace`."""

    trace: list = []

    def is_item_member(self, item):
        return item in self.data.get("members", [])

    def _add(self, item):
        self.data.setdefault("members", []).append(item)

    @classmethod
    def create(cls, item, version_id=None):
        association, again = super().create(item, version_id)
        cls.trace.append(("create", cls.__name__, item["n"], association is not None))
        return association, again

    def add(self, item, check_constraints=True):
        matches, again = super().add(item, check_constraints)
        self.trace.append(("add", type(self).__name__, item["n"], matches))
        return matches, again


def rule(name, parts, base=Recorder, **attributes):
    """Make a rule; `parts` returns its constraints."""

    def init(self, *args, **kwargs):
        self.constraints = Constraint(parts())
        base.__init__(self, *args, **kwargs)

    return RegistryMarker.rule(type(base)(name, (base,), {"__init__": init, "trace": [], **attributes}))


def attr(name, *args, **kwargs):
    return AttrConstraint(name=name, sources=[name], **kwargs)


def registry(tmp_path, *rules, **kwargs):
    """Return a registry with these rules only."""
    path = tmp_path / f"callbacks_{next(_numbers)}.py"
    path.write_text(
        "from hexcal.associations import RegistryMarker\n@RegistryMarker.callback('none')\ndef none(x): return x\n"
    )
    made = AssociationRegistry(path, include_default=False, **kwargs)
    module = ModuleType("rules")
    for one in rules:
        setattr(module, one.__name__, one)
    made.populate(module)
    return made
