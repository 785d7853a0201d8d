"""Rules that are tables, as classes of the documented interface, from which users derive rules of their own."""

from functools import cache
from typing import Any, cast

from hexcal.associations import listed
from hexcal.associations.classes.association import Association
from hexcal.associations.classes.dms import DMSBaseMixin
from hexcal.associations.result import GeneratedAssociation, described
from hexcal.associations.rules import jwst_level2, jwst_level3
from hexcal.associations.tables.facts import Exposure
from hexcal.associations.tables.grouping import complete_members
from hexcal.associations.tables.keys import agree, filled
from hexcal.associations.tables.preference import chosen
from hexcal.associations.tables.table import RuleSet

__all__ = ["DMSLevel2bBase", "DMS_Level3_Base", "TableAssociation", "base_of", "classes_of"]

# What the tables make is an association too, for those who ask with isinstance.
cast(Any, Association).register(GeneratedAssociation)


class TableAssociation(DMSBaseMixin):
    """An association whose rule is a `table` (`Rule`) of a `rule_set`; `exposures` are its members and their roles."""

    table: Any = None
    rule_set: RuleSet

    def __init__(self, version_id=None):
        super().__init__(version_id=version_id)
        if self.table is not None:
            self.data["asn_type"] = self.table.type
        self.exposures = []
        self._key = None
        if self.rule_set.combines:
            pool = self.data.pop("asn_pool")
            self.data.update(target="none", asn_pool=pool)  # in the order of the original's files

    @property
    def item_names(self):
        """File names of the exposures it was made of (set of str)."""
        return {exposure.name for exposure, _ in self.exposures}

    @property
    def is_valid(self):
        """Whether it has all that its table needs, and follows the schema (bool)."""
        roles = {role for _, role in self.exposures}
        return (self.table is None or all(needed in roles for needed in self.table.needs)) and super().is_valid

    @classmethod
    def is_table(cls):
        """Whether a table says all of the rule (bool): the class has no constraints or methods of its own."""
        own = cls.__mro__[1] if "registry" in vars(cls) else cls
        attributes = {name for name in vars(own) if not name.startswith(("__", "_abc_", "_asnreg_"))}
        return "table" in attributes and attributes <= {"table", "rule_set"} and own.__base__ is base_of(own.rule_set)

    def check_and_set_constraints(self, item):
        """See `Association`; here the table is asked, and constraints that a derived class adds."""
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
        """Whether a companion is related to the science exposure as the table asks, and no other is rather taken."""
        science = self.exposures[0][0]
        if not all(relation.holds(science, exposure) for relation in self.table.related.get(role, ())):
            return False
        new = (exposure, role)
        return any(companion is new for companion in chosen(self.table, science, [*self._companions(), new]))

    def _companions(self):
        """The companions of the science exposure, with their roles as the table has them."""
        return [
            (exposure, next((sort for sort in self.table.roles(exposure) if sort.partition(":")[0] == role), role))
            for exposure, role in self.exposures[1:]
        ]

    def _exposure(self, item):
        exposure = Exposure(item)
        exposure.values.update(self.rule_set.facts(exposure.values))
        return exposure

    def _add(self, item):
        exposure = self._exposure(item)
        role = self._fitting(exposure) or "science"
        key = self.table.key(exposure, role) or (None,) * len(self.table.same)
        members = [*self.exposures, (exposure, role.partition(":")[0])]
        if self._key is None:
            self._key = key
        elif self.table.alone:
            # What the science exposure does not say stays open; one that is farther in time, or less preferred, may
            # have to go.
            kept = chosen(self.table, self.exposures[0][0], [*self._companions(), (exposure, role)])
            members = [self.exposures[0], *((companion, role.partition(":")[0]) for companion, role in kept)]
        else:
            self._key = filled(self._key, key)
        members = complete_members(self.table, members)
        candidate = exposure.candidates[0] if len(exposure.candidates) == 1 else None
        self.exposures = members
        self.acid = self.acid
        description = self.rule_set.describe(self.table, members, candidate)
        self.data.update(described(self.rule_set, self.table, members, description))
        if "asn_pool" in members[0][0].item:
            self["asn_pool"] = members[0][0].item["asn_pool"]

    def _add_items(self, items, **kwargs):
        (listed.add_together if self.rule_set.combines else listed.add_each)(self, items, **kwargs)


class DMSLevel2bBase(TableAssociation):
    """Base of the rules of level 2: an association, with one product, for each exposure to calibrate."""

    schema_file = jwst_level2.RULE_SET.schema
    rule_set = jwst_level2.RULE_SET


class DMS_Level3_Base(TableAssociation):
    """Base of the rules of level 3: exposures of one target, or of a target and its reference."""

    schema_file = jwst_level3.RULE_SET.schema
    rule_set = jwst_level3.RULE_SET


@cache
def base_of(rule_set):
    """Return the class that the rules of a `RuleSet` are derived from (type)."""
    if rule_set.prefix == DMSBaseMixin.NAME_PREFIX:
        return DMS_Level3_Base if rule_set.combines else DMSLevel2bBase
    attributes = {"rule_set": rule_set, "schema_file": rule_set.schema, "NAME_PREFIX": rule_set.prefix}
    return type(f"{rule_set.name}Association", (TableAssociation,), attributes)


@cache
def classes_of(rule_set):
    """Return the rules of a `RuleSet` as classes (dict of str to type)."""
    return {
        rule.name: type(
            rule.name,
            (base_of(rule_set),),
            {"__module__": __name__, "__doc__": rule.text, "table": rule, "rule_set": rule_set},
        )
        for rule in rule_set.rules
    }
