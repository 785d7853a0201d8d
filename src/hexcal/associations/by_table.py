"""Rules that are tables, as classes of the documented interface: `create` and `add` ask the table."""

import sys

from hexcal.associations.classes.dms import ACID, DMSBaseMixin
from hexcal.associations.tables.facts import Exposure
from hexcal.associations.tables.grouping import agree, complete_members
from hexcal.associations.tables.preference import chosen
from hexcal.associations.tables.table import Rule, RuleSet

__all__ = ["TableAssociation", "classes_of", "names_of"]


class TableAssociation(DMSBaseMixin):
    """An association whose rule is a table.

    Attributes
    ----------
    table : Rule
        Who may be a member, in which role, and what members share.
    rule_set : RuleSet
        The rules it belongs to.
    found : list of (Exposure, str)
        Members and their roles.
    """

    table: Rule | None = None
    rule_set: RuleSet

    def __init__(self, version_id=None):
        super().__init__(version_id=version_id)
        if self.table is not None:
            self.data["asn_type"] = self.table.type
        self.found = []
        self._key = None

    @classmethod
    def from_members(cls, members, said, candidate, identifier, version_id=None, pool_name="none"):
        """Return an association of members that are known to belong together.

        Parameters
        ----------
        members : list of (Exposure, str)
            With their roles.
        said : dict
            What the rule set says of them: ``target`` and ``products``.
        candidate : tuple of str or None
            Identifier and type; None: the whole programme.
        identifier : str
            Of the candidate, as names have it.
        version_id : str, optional
            Identifier of the version.
        pool_name : str
            Name of the file that the exposures come from.
        """
        new = cls(version_id=version_id)
        new["asn_pool"] = pool_name
        new._say(members, said, ACID(identifier, candidate[1] if candidate else "DISCOVERED"))
        return new

    def take(self, other):
        """Add the products of another association; products of the same name become one, with the members of both."""
        self.found = [*self.found, *other.found]
        products = {product["name"]: product for product in self["products"]}
        for product in other["products"]:
            own = products.setdefault(product["name"], {"name": product["name"], "members": []})
            own["members"] += [member for member in product["members"] if member not in own["members"]]
        self["products"] = list(products.values())
        self.update_degraded_status()

    @property
    def item_names(self):
        """File names of the exposures it was made of (set of str)."""
        return {exposure.name for exposure, _ in self.found}

    @property
    def is_valid(self):
        """Whether it has all that its table needs, and follows the schema (bool)."""
        roles = {role for _, role in self.found}
        return (self.table is None or all(needed in roles for needed in self.table.needs)) and super().is_valid

    @classmethod
    def is_plain(cls):
        """Whether a table says all of the rule (bool): a class derived from another rule, or with constraints or methods of its own, says more."""
        own = cls.__mro__[1] if "registry" in vars(cls) else cls
        said = {name for name in vars(own) if not name.startswith(("__", "_abc_", "_asnreg_"))}
        return "table" in said and own.table is not None and said <= {"table", "rule_set"}

    def check_and_set_constraints(self, item):
        """Check whether an item belongs to the association by its table, and by constraints that a derived class adds.

        Returns
        -------
        tuple
            Whether it does (bool); list of `ProcessList`, what is to be processed again.
        """
        if self._fitting(self._exposure(item)) is None:
            return False, []
        if self.constraints.constraints:
            return super().check_and_set_constraints(item)
        allowed = self.GLOBAL_CONSTRAINT is None or self.GLOBAL_CONSTRAINT.copy().check_and_set(item)[0]
        return allowed, []

    def _fitting(self, exposure):
        """The role that an exposure takes in the association, or None."""
        table = self.table
        roles = table.roles(exposure)
        if self._key is None:
            return "science" if "science" in roles and table.key(exposure) is not None else None
        for role in roles:
            key = table.key(exposure, role)
            if (table.alone and role == "science") or key is None or not agree(self._key, key):
                continue
            if not table.alone or self._is_related(exposure, role):
                return role
        return None

    def _is_related(self, exposure, role):
        """Whether a companion is related to the science exposure as the table has it, and none that it has are preferred or nearer in time."""
        science = self.found[0][0]
        if not all(one.holds(science, exposure) for one in self.table.related.get(role, ())):
            return False
        new = (exposure, role)
        return any(one is new for one in chosen(self.table, science, [*self._companions(), new]))

    def _companions(self):
        """The companions of the science exposure, with their roles as the table has them."""
        return [(one, next(self._sorts(one, role), role)) for one, role in self.found[1:]]

    def _sorts(self, exposure, role):
        return (sort for sort in self.table.roles(exposure) if sort.partition(":")[0] == role)

    def _exposure(self, item):
        exposure = Exposure(item)
        exposure.values.update(self.rule_set.facts(exposure.values))
        return exposure

    def _add(self, item):
        exposure = self._exposure(item)
        role = self._fitting(exposure) or "science"
        key = self.table.key(exposure, role) or (None,) * len(self.table.same)
        found = [*self.found, (exposure, role.partition(":")[0])]
        if self._key is None:
            self._key = key
        elif self.table.alone:
            # What the science exposure does not say stays open; one that is farther in time, or less preferred, may have to go.
            kept = chosen(self.table, self.found[0][0], [*self._companions(), (exposure, role)])
            found = [self.found[0], *((one, role.partition(":")[0]) for one, role in kept)]
        else:
            self._key = tuple(b if a is None else a for a, b in zip(self._key, key, strict=True))
        members = complete_members(self.table, found)
        candidate = exposure.candidates[0] if len(exposure.candidates) == 1 else None
        self._say(members, self.rule_set.describe(self.table, members, candidate), self.acid)

    def _say(self, members, said, acid):
        self.found = members
        exposure = members[0][0]
        self.acid = acid
        self["program"] = self.program_of(exposure)
        self["constraints"] = "\n".join(self._constraints(exposure))
        self["target"] = said["target"]
        if "asn_pool" in exposure.item:
            self["asn_pool"] = exposure.item["asn_pool"]
        self["products"] = said["products"]
        self.update_degraded_status()

    @staticmethod
    def program_of(exposure):
        """Return the programme of an `Exposure` as the association and its name have it (str)."""
        return f"{exposure.values.get('program', 'noprogram'):0>5}"

    def _constraints(self, exposure):
        """What the members share, and the conditions for each role: one line each."""
        for same in self.table.same:
            yield f"{'|'.join(same.attributes)}: {same.value(exposure)}"
        for role, who in self.table.members.items():
            yield f"{role}: {who.text}"
            for relation in self.table.related.get(role, ()):
                yield f"{role}: {relation.text}"


def classes_of(rule_set, base, module):
    """Return the rules of a set as classes.

    Parameters
    ----------
    rule_set : RuleSet
    base : type
        A subclass of `TableAssociation`.
    module : str
        Name of the module that they are to belong to.

    Returns
    -------
    dict of str to type
    """
    return {
        rule.name: type(
            rule.name, (base,), {"__module__": module, "__doc__": rule.text, "table": rule, "rule_set": rule_set}
        )
        for rule in rule_set.rules
    }


def names_of(classes, module):
    """Return ``__getattr__`` and ``__dir__`` for a module, so that it has classes made from a table as attributes.

    Parameters
    ----------
    classes : dict of str to type
        From `classes_of`.
    module : str
        Name of the module.
    """

    def get(name):
        if name in classes:
            return classes[name]
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return get, lambda: sorted({*vars(sys.modules[module]), *classes})
