"""An association that tables of rules make: what it says, the name of its file, and the exposures it is made of."""

from collections import UserDict

from hexcal.associations.exposure_roles import INVALID_VALUES
from hexcal.associations.tables.search import Found
from hexcal.models.association_check import AssociationNotValidError, check_schema
from hexcal.models.association_text import format_named

__all__ = ["GeneratedAssociation", "degraded_status", "described", "name_of"]

DEGRADED = (
    "One or more members have an error associated with them.\nDetails can be found in the member.exposerr attribute."
)
NOT_DEGRADED = "No known degraded exposures in association."


class GeneratedAssociation(UserDict):
    """An association: behaves as the dictionary `data` that its file holds.

    Made of a group of exposures (`Found`), the name of the rule, the identifier of the version and the name of the
    pool. `exposures` are those it is made of, with their roles (list of (Exposure, str)); `sequence` is its number
    among the associations of its type and candidate.
    """

    def __init__(self, group: Found, asn_rule, version_id=None, pool_name="none"):
        from hexcal import __version__

        super().__init__()
        self.table, self.rule_set, self.version_id = group.rule, group.rule_set, version_id
        self.exposures, self.sequence, self._own_name = group.members, None, None
        description = described(group.rule_set, group.rule, group.members, group.said)
        self.data = {
            "asn_type": group.rule.type,
            "asn_rule": asn_rule,
            "version_id": version_id,
            "code_version": __version__,
            "degraded_status": description["degraded_status"],
            "program": description["program"],
            "constraints": description["constraints"],
            "asn_id": group.rule_set.identifier(group.candidate),
        }
        pool = {"asn_pool": group.members[0][0].item.get("asn_pool", pool_name)}
        target = {"target": description["target"]}
        # In the order of the original's files.
        self.data.update(target | pool if group.rule_set.combines else pool | target, products=description["products"])

    @property
    def asn_name(self):
        """Name of its file without ending: ``jw<program>-<candidate>[_<version>]_<type>_<number>_asn``; may be set."""
        return self._own_name or name_of(self, self.rule_set.prefix, self["asn_id"])

    @asn_name.setter
    def asn_name(self, name):
        self._own_name = name

    @property
    def item_names(self):
        """File names of the exposures it is made of (set of str)."""
        return {exposure.name for exposure, _ in self.exposures}

    @property
    def is_valid(self):
        """Whether it follows its schema (bool)."""
        try:
            check_schema(self.data, self.rule_set.schema)
        except AssociationNotValidError:
            return False
        return True

    def dump(self, format="json", **kwargs):
        """Return the suggested file name and the text; see `hexcal.associations.Association.dump`."""
        chosen = format_named(format)
        check_schema(self.data, self.rule_set.schema)
        return chosen.dump(self, **kwargs)


def described(rule_set, rule, members, description):
    """Return what an association says of its members as a whole (dict)."""
    science = members[0][0]
    return {
        "program": rule_set.program(science),
        "constraints": "\n".join(_constraints(rule, science)),
        "target": description["target"],
        "products": description["products"],
        "degraded_status": degraded_status(description["products"]),
    }


def _constraints(rule, science):
    """What the members share, and the conditions for each role: one line each."""
    for same in rule.same:
        yield f"{'|'.join(same.attributes)}: {same.value(science)}"
    for role, who in rule.members.items():
        yield f"{role}: {who.text}"
        for relation in rule.related.get(role, ()):
            yield f"{role}: {relation.text}"


def degraded_status(products):
    """Return whether a member of some products has a known problem, as associations say it (str)."""
    problems = (member.get("exposerr") for product in products for member in product["members"])
    degraded = any(problem not in INVALID_VALUES and str(problem).lower() != "none" for problem in problems)
    return DEGRADED if degraded else NOT_DEGRADED


def name_of(association, prefix, candidate):
    """Return the suggested name of the file of an association, without ending (str)."""
    version = f"_{association.version_id}" if association.version_id else ""
    number = association.sequence or 1
    return f"{prefix}{association['program']}-{candidate}{version}_{association['asn_type']}_{number:05d}_asn".lower()
