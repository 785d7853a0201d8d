"""What an association is: a dictionary that knows which items belong to it."""

import datetime
import logging
import weakref
from collections import UserDict
from collections.abc import Mapping

from hexcal.associations.classes.attr_constraint import AttrConstraint
from hexcal.associations.classes.constraints import Constraint
from hexcal.models.association_check import (
    AssociationError,
    AssociationNotValidError,
    check_schema,
    member_names,
    warn_of_folders,
)
from hexcal.models.association_text import FORMATS, format_named, parse

__all__ = ["Association", "version_text"]

_log = logging.getLogger("hexcal.associations")

# Rules whose lack of a schema has been told: validity is asked again and again.
_TOLD = weakref.WeakSet()


def version_text(version_id):
    """Return the identifier of a version: None, a text, or the time now (``20210610t121508``) for True."""
    if version_id is True:
        return datetime.datetime.now(datetime.UTC).strftime("%Y%m%dt%H%M%S")
    return version_id


class Association(UserDict):
    """Base of all rules; an instance of a rule is an association.

    A rule has `constraints`, and a method ``_add(item)`` that puts an item into `data`. It may have
    ``_init_hook(item)``, which is called once, when the first item has matched and before it is added.

    Parameters
    ----------
    version_id : str, True or None
        Identifier of the version; True: the time now.

    Attributes
    ----------
    data : dict
        The association itself; the instance behaves as this dictionary.
    meta : dict
        What is needed to make it.
    constraints : Constraint
        What an item must fulfil. May be given by the class: each association gets a copy. Without constraints nothing
        matches.
    schema_file : path-like or None
        JSON schema that the association must follow.
    """

    registry = None
    """The `AssociationRegistry` that the rule is in."""

    DEFAULT_FORCE_UNIQUE = False
    DEFAULT_EVALUATE = False
    DEFAULT_REQUIRE_CONSTRAINT = True
    """What `match_constraint` takes where its conditions do not say it."""

    GLOBAL_CONSTRAINT: Constraint | None = None
    """Fulfilled by all items, besides `constraints`; set by the registry."""

    INVALID_VALUES: tuple | None = None
    """Values of an attribute that mean that it has none."""

    ioregistry = FORMATS
    """Formats in which it can be written."""

    schema_file = None
    constraints: Constraint

    def __init__(self, version_id=None):
        from hexcal import __version__

        super().__init__()
        self.version_id = version_text(version_id)
        self.data = {
            "asn_type": "None",
            "asn_rule": self.asn_rule,
            "version_id": self.version_id,
            "code_version": __version__,
        }
        self.meta = {}
        self.run_init_hook = True
        self.additions = 0
        self._added = []
        self._own_name = None
        self._with_global = False
        if "constraints" not in vars(self):
            of_class = getattr(type(self), "constraints", None)
            self.constraints = Constraint() if of_class is None else of_class.copy()

    # ---- what it is called, whether it is complete

    @property
    def asn_rule(self):
        """Name of the rule (str)."""
        return type(self).__name__

    @property
    def asn_name(self):
        """Suggested name of its file, without ending (str); may be set."""
        return self._own_name or self._suggested_name()

    @asn_name.setter
    def asn_name(self, name):
        self._own_name = name

    def _suggested_name(self):
        return "unnamed_association"

    @property
    def item_names(self):
        """File names of the items that were added (set of str)."""
        return {item["filename"] for item in self._added if isinstance(item, Mapping) and "filename" in item}

    @property
    def is_valid(self):
        """Whether it is a valid association of its rule (bool)."""
        try:
            return bool(self.validate(self))
        except AssociationNotValidError:
            return False

    @classmethod
    def validate(cls, asn):
        """Return True if an association follows the schema of the rule or there is none.

        Else AssociationNotValidError.
        """
        if cls.schema_file is None:
            if cls not in _TOLD:
                _TOLD.add(cls)
                _log.warning("%s has no schema: every association counts as valid", cls.__name__)
        else:
            check_schema(asn, cls.schema_file)
        return True

    # ---- items

    @classmethod
    def create(cls, item, version_id=None):
        """Return an association of an item, or None if it does not match, and a list of `ProcessList`."""
        association = cls(version_id=version_id)
        matches, again = association.add(item)
        return (association if matches else None), again

    def add(self, item, check_constraints=True):
        """Add an item, if it fulfils the constraints or they are not to be checked.

        Returns whether it belongs to the association, or did already, and a list of `ProcessList`.
        """
        if self.is_item_member(item):
            return True, []
        again = []
        if check_constraints:
            matches, again = self.check_and_set_constraints(item)
            if not matches:
                return False, again
        if self.run_init_hook:
            self._init_hook(item)
            self.run_init_hook = False
        self._add(item)
        self._added.append(item)
        self.additions += 1
        return True, again

    def check_and_set_constraints(self, item):
        """Check whether an item fulfils the constraints; wildcards become fixed if it does.

        Returns whether it does, and a list of `ProcessList`, to be processed with this rule unless they say otherwise.
        """
        if self.GLOBAL_CONSTRAINT is not None and not self._with_global:
            self.constraints = Constraint([self.constraints, self.GLOBAL_CONSTRAINT.copy()])
            self._with_global = True
        # An item that fails may have fixed some wildcards before it did: that must not count.
        constraints = self.constraints.copy()
        matches, again = constraints.check_and_set(item)
        if matches:
            self.constraints = constraints
        else:
            again = [process_list for process_list in again if not process_list.only_on_match]
        for process_list in again:
            if process_list.rules is None:
                process_list.rules = [type(self)]
            process_list.trigger_rules.add(type(self))
        return matches, again

    def match_constraint(self, item, constraint, conditions):
        """Check an item against one condition on its attributes.

        `constraint` is the name of the condition, and of the attribute unless `conditions` (parameters of
        `AttrConstraint`) name others; what these do not say, the class says (DEFAULT_EVALUATE, ...). The value that
        became fixed is put into `conditions`. Returns whether it matches, and a list of `ProcessList`.
        """
        given = {"name": constraint, "sources": [constraint], **conditions}
        given.setdefault("evaluate", self.DEFAULT_EVALUATE)
        given.setdefault("force_unique", self.DEFAULT_FORCE_UNIQUE)
        given.setdefault("required", self.DEFAULT_REQUIRE_CONSTRAINT)
        given.setdefault("invalid_values", self.INVALID_VALUES)
        checked = AttrConstraint(**given)
        result = checked.check_and_set(item)
        conditions.update(value=checked.value, force_unique=checked.force_unique)
        return result

    def is_item_member(self, item):
        """Whether an item has been added before (bool)."""
        return any(item is added or item == added for added in self._added)

    def finalize(self):
        """Return what the completed association stands for: a list with itself; None if it is not valid."""
        return [self] if self.is_valid else None

    def _init_hook(self, item):
        """Prepare for the first item; a rule may do something here."""

    def _add(self, item):
        raise AssociationError(f"the rule {self.asn_rule} must have a method _add(item) that puts an item into `data`")

    def _add_items(self, items, product_name=None, acid=None):
        """Put items in as they are, for an association that is made from a list."""
        if acid is not None:
            self["asn_id"] = acid
        if product_name is not None:
            self["name"] = product_name
        self["members"] = list(items)

    # ---- text

    def dump(self, format="json", **kwargs):
        """Write it as text.

        Parameters
        ----------
        format : str
            ``"json"`` or ``"yaml"``.
        **kwargs
            For the library that writes the format.

        Returns
        -------
        tuple of str
            Suggested file name, and text.

        Raises
        ------
        AssociationNotValidError
            If it is not valid.
        AssociationError
            If there is no such format.
        """
        chosen = format_named(format)
        self.validate(self)
        if not self.is_valid:
            raise AssociationNotValidError(
                f"association '{self.asn_name}' is not complete", hint="it lacks members that its rule requires"
            )
        return chosen.dump(self, **kwargs)

    @classmethod
    def load(cls, serialized, format=None, validate=True, **kwargs):
        """Read an association as `hexcal.associations.load_asn` does, by the schema of this rule only (dict)."""
        association = parse(serialized, format=format, **kwargs)
        if validate:
            cls.validate(association)
        warn_of_folders(member_names(association))
        return association
