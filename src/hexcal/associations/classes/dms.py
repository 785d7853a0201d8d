"""What the rules of both stages have in common.

Roles of exposures, identifiers and names of associations, products and members.

The documented base for rules that are written as classes and follow the naming of the observatory's data management
system (DMS).
"""

import itertools
from typing import Any, NamedTuple

from hexcal.associations.classes.association import Association
from hexcal.associations.classes.constraints import AttrConstraint, Constraint, SimpleConstraint
from hexcal.associations.exposure_roles import (
    INVALID_VALUES,
    TIME_SERIES,
    exposure_role,
    is_ami,
    is_coronagraphic,
    is_time_series,
)
from hexcal.associations.result import degraded_status, name_of
from hexcal.models.association_check import AssociationError
from hexcal.python_texts import literal

__all__ = [
    "ACID",
    "Constraint_TSO",
    "Constraint_TargetAcq",
    "Constraint_WFSC",
    "DMSAttrConstraint",
    "DMSBaseMixin",
    "Member",
]


class Member(dict):
    """A member of a product: ``expname``, ``exptype`` ...; `item` is the row of the pool that it comes from."""

    def __init__(self, initial=None, item=None):
        super().__init__(initial or {})
        self.item = item


class ACID(NamedTuple):
    """Identifier of a candidate, such as ``o001``, and its type: ``observation``, ``background``, ``DISCOVERED`` ..."""

    id: str
    type: str

    def __str__(self):
        return self.id


class DMSAttrConstraint(AttrConstraint):
    """A constraint on a column of a pool, where ``null``, ``f``, blank and the like mean that there is no value."""

    def __init__(self, init=None, **kwargs):
        kwargs.setdefault("invalid_values", INVALID_VALUES)
        super().__init__(init=init, **kwargs)


class Constraint_TSO(Constraint):
    """Time series: marked so by the visit, or of a type that always is one."""

    def __init__(self, *args, **kwargs):
        marked = DMSAttrConstraint(sources=["tsovisit"], value="t|true")
        of_type = DMSAttrConstraint(sources=["exp_type"], value="|".join(TIME_SERIES))
        science = DMSAttrConstraint(sources=["pntgtype"], value="science")
        super().__init__(
            [science, Constraint([marked, of_type], reduce=Constraint.any)], *args, name="is_tso", **kwargs
        )


class Constraint_WFSC(Constraint):
    """Visits for sensing and control of the wavefront."""

    def __init__(self, *args, **kwargs):
        visit = DMSAttrConstraint(name="wfsc", sources=["visitype"], value=".+wfsc.+", force_unique=False)
        super().__init__([visit], *args, **kwargs)


class Constraint_TargetAcq(SimpleConstraint):
    """Target acquisitions, by the `get_exposure_type` of an association if one is given, else by the common one."""

    def __init__(self, association=None):
        role = exposure_role if association is None else association.get_exposure_type
        super().__init__(name="target_acq", value="target_acquisition", sources=role)


class DMSBaseMixin(Association):
    """Identifiers, names, products and members of an association.

    Attributes
    ----------
    sequence : int or None
        Number among the associations of its type, given when it is created.
    validity : dict
        Name of a test: ``{"validated": bool, "check": function of a member or item}``. The association is valid when
        all tests have been passed once.
    """

    INVALID_VALUES = INVALID_VALUES
    NAME_PREFIX = "jw"
    """What names of associations begin with."""
    _sequences: dict = {}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sequence = None
        self._acid = None
        self.validity = {}
        self.data.update(
            degraded_status=degraded_status(()),
            program="noprogram",
            constraints="No constraints",
            asn_id=self.acid.id,
            asn_pool="none",
        )

    @classmethod
    def create(cls, item, version_id=None):
        """See `Association.create`; a new association gets the next number of its type."""
        association: Any
        association, again = super().create(item, version_id)
        if association is not None:
            numbers = DMSBaseMixin._sequences.setdefault(association["asn_type"], itertools.count(1))
            association.sequence = next(numbers)
        return association, again

    @classmethod
    def reset_sequence(cls):
        """Number associations of all types from 1 again."""
        DMSBaseMixin._sequences.clear()

    # ---- names

    @property
    def acid(self):
        """Candidate it belongs to (`ACID`): of the constraint ``asn_candidate`` once fixed, else a discovered one."""
        if self._acid is not None:
            return self._acid
        named = (value for constraint, value in self.constraints.get_all_attr("name") if value == "asn_candidate")
        if next(named, None) is not None:
            values = getattr(self.constraints["asn_candidate"], "found_values", ())
            if len(values) == 1:
                return _candidate(next(iter(values)))
        return ACID("a3001", "DISCOVERED")

    @acid.setter
    def acid(self, candidate):
        self._acid = ACID(*candidate)
        self["asn_id"] = self._acid.id

    def _suggested_name(self):
        """``jw<program>-<candidate>[_<version>]_<type>_<number>_asn``."""
        return name_of(self, self.NAME_PREFIX, self.acid.id)

    # ---- products and members

    @property
    def current_product(self):
        """The product that is being filled (dict)."""
        if not self.get("products"):
            raise AssociationError(
                f"association '{self.asn_rule}' has no product yet", hint="start one with new_product()"
            )
        return self["products"][-1]

    def new_product(self, product_name="undefined"):
        """Start a product."""
        self.data.setdefault("products", []).append({"name": product_name, "members": []})

    def _members(self):
        return [member for product in self.get("products", ()) for member in product["members"]]

    @property
    def member_ids(self):
        """File names of all members (set of str)."""
        return {member["expname"] for member in self._members()}

    @property
    def from_items(self):
        """Rows of the pool that its members come from (list of dict)."""
        items = (getattr(member, "item", None) for member in self._members())
        return [item for item in items if item is not None]

    def is_member(self, new_member):
        """Whether a member of this file name is in it (bool)."""
        return new_member["expname"] in self.member_ids

    def is_item_member(self, item):
        """Whether a member comes from this row of the pool (bool)."""
        return super().is_item_member(item) or item in self.from_items

    # ---- what an exposure is

    def get_exposure_type(self, item, default="science"):
        """Return the role of an exposure (row of a pool).

        `default` for one that has no other, and a LookupError where that is None.

        Roles are ``science``, ``target_acquisition``, ``autoflat``, ``autowave``, ``psf``, ``imprint``, ``background``,
        ``dark``, ``flat`` and ``engineering``.
        """
        return exposure_role(item, default)

    def is_item_ami(self, item):
        """Whether an exposure is one of aperture masking interferometry (bool)."""
        return is_ami(item)

    def is_item_coron(self, item):
        """Whether an exposure is coronagraphic, with the occulter in view of its detector (bool)."""
        return is_coronagraphic(item)

    def is_item_tso(self, item, other_exp_types=None):
        """Whether an exposure is part of a time series (bool), as those of `other_exp_types` always are."""
        return is_time_series(item, other_exp_types or ())

    def item_getattr(self, item, attributes):
        """Return the first of some attributes that an item has, and its value; raises KeyError if it has none."""
        for attribute in attributes:
            value = item.get(attribute)
            if value not in self.INVALID_VALUES:
                return attribute, value
        raise KeyError(f"the item has none of the attributes {', '.join(attributes)}")

    # ---- what is known of the whole

    @property
    def is_valid(self):
        """Whether all tests are passed, and the schema is followed (bool)."""
        return all(test["validated"] for test in self.validity.values()) and super().is_valid

    def update_validity(self, entry):
        """Try the tests that have not been passed on a member or item."""
        for test in self.validity.values():
            if not test["validated"]:
                test["validated"] = bool(test["check"](entry))

    def update_degraded_status(self):
        """Say in ``degraded_status`` whether a member has a known problem."""
        self["degraded_status"] = degraded_status(self.get("products", ()))

    def update_asn(self, item=None, member=None):
        """Bring what is said of the whole up to date: programme, target, candidate, constraints, problems of members.

        `item` is a row of a pool; the row that a `member` comes from takes precedence over it.
        """
        for source in (item, getattr(member, "item", None)):
            if source is not None:
                program, target = source.get("program"), source.get("targetid")
                if program not in INVALID_VALUES:
                    self["program"] = f"{program:0>5}"
                if target not in INVALID_VALUES:
                    self["target"] = target
                pool = source.get("asn_pool")
                if pool is not None:
                    self["asn_pool"] = pool
        self["asn_id"] = self.acid.id
        self["constraints"] = str(self.constraints) or "No constraints"
        self.update_degraded_status()


def _candidate(pattern):
    """The candidate that a constraint has found, written as a regular expression."""
    text = pattern.replace("\\", "")
    try:
        candidate = literal(text)
    except (ValueError, SyntaxError):
        candidate = text
    return ACID(*candidate) if isinstance(candidate, tuple) and len(candidate) == 2 else ACID(str(candidate), "")
