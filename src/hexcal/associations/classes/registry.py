"""Rules, by name, and what belongs to them: callbacks, utilities, schemas."""

import os
import sys
from functools import lru_cache
from types import ModuleType, new_class

from hexcal.associations import rule_files
from hexcal.associations.classes.association import Association, version_text
from hexcal.associations.classes.marker import RegistryMarker
from hexcal.associations.classes.rule_classes import base_of, classes_of
from hexcal.associations.tables.table import RuleSet
from hexcal.errors import ParameterError
from hexcal.models.association_check import AssociationError, AssociationNotValidError, member_names, warn_of_folders
from hexcal.models.association_text import parse

__all__ = ["AssociationRegistry", "CallbackRegistry", "RegistryMarker", "default_registry"]


class CallbackRegistry:
    """Functions that are called on events."""

    def __init__(self):
        self.registry = {}

    def add(self, event, function):
        """Call a function on an event."""
        functions = self.registry.setdefault(event, [])
        if function not in functions:
            functions.append(function)

    def reduce(self, event, value):
        """Give a value, such as the associations, to the first function of an event, its result to the next ..."""
        for function in self.registry.get(event, ()):
            value = function(value)
        return value


class AssociationRegistry(dict):
    """Rules by name, ready to be matched with items.

    Each rule is a class of its own in each registry, derived from what the module defines, so that a module may be used
    in several registries.

    Parameters
    ----------
    definition_files : path-like or list of path-like, optional
        Python files with rules: classes marked with `RegistryMarker.rule`; in a file that marks none, those called
        ``Asn_...``.
    include_default : bool
        Include the rules of the observatory.
    global_constraints : Constraint, optional
        Must be fulfilled for each rule.
    name : str, optional
        Put before the names of the rules: ``name_Asn_...``.
    include_bases : bool
        Include classes of associations that are not rules.
    observatory : str
        Whose rules are the default ones.
    rules_of : str, optional
        Release of the default rules, where they have releases: for jwst "1.13.4" (what None means) or "3.0.0".

    Attributes
    ----------
    callback : CallbackRegistry
        Functions for events.
    schemas : list
        Schema files that the modules name.
    Utility : type
        Has the functions of all classes marked as utility.

    Raises
    ------
    AssociationError
        If a file cannot be used, or nothing is to be included.
    """

    def __init__(
        self,
        definition_files=None,
        include_default=True,
        global_constraints=None,
        name=None,
        include_bases=False,
        *,
        observatory="jwst",
        rules_of=None,
    ):
        super().__init__()
        self.name, self.callback, self.schemas, self.Utility = name, CallbackRegistry(), [], type("Utility", (), {})
        self._include_bases, self._global_constraints = include_bases, global_constraints
        if definition_files is None:
            definition_files = []
        elif isinstance(definition_files, str | os.PathLike):
            definition_files = [definition_files]
        if not definition_files and not include_default:
            raise AssociationError(
                "no rules: no rules file is given, and the default rules are not included",
                hint="name a file, or include the default rules",
            )
        if rules_of is not None and not include_default:
            raise ParameterError(
                f"rules_of={rules_of!r} chooses the default rules, which are not included", hint="give one of the two"
            )
        for module in rule_files.of_observatory(observatory, rules_of) if include_default else ():
            self.populate(module)
        for path in definition_files:
            if not self._populate(rule_files.of_file(path), global_constraints, include_bases):
                raise AssociationError(
                    "the file defines no rule",
                    where=str(path),
                    hint="put @RegistryMarker.rule before a subclass of Association, or call it Asn_...",
                )

    def copy_of(self, names):
        """Return a registry of some of the rules (`AssociationRegistry`), with the callbacks of this one."""
        part = type(self).__new__(type(self))
        dict.__init__(part, {name: self[name] for name in names})
        part.__dict__.update(self.__dict__)
        return part

    @property
    def rule_set(self):
        """The rules (set of type)."""
        return set(self.values())

    # ---- what modules define

    def populate(self, module, global_constraints=None, include_bases=None):
        """Take up what a module defines, and the marked modules in it.

        Parameters
        ----------
        module : module
            With rules, callbacks, utilities and schemas; or a ``RULE_SET``.
        global_constraints : Constraint, optional
            Must be fulfilled for each rule; by default, those of the registry.
        include_bases : bool, optional
            Include classes of associations that are not rules; by default, as for the registry.
        """
        self._populate(
            module,
            self._global_constraints if global_constraints is None else global_constraints,
            self._include_bases if include_bases is None else include_bases,
        )

    def _populate(self, module, global_constraints, include_bases):
        """Return how many things of the module concern the registry."""
        rule_set = getattr(module, "RULE_SET", None)
        if isinstance(rule_set, RuleSet):
            return self._add_rule_set(rule_set, global_constraints, include_bases)
        used = 0
        # By name: the order must not depend on how the file is written.
        contents = [(name, obj, _role(obj)) for name, obj in sorted(vars(module).items())]
        # Where rules are marked, a class that is called Asn_... but not marked is meant as a base.
        by_name = not any(role == "rule" and obj.__module__ == module.__name__ for _, obj, role in contents)
        for name, obj, role in contents:
            own = isinstance(obj, type) and issubclass(obj, Association) and obj.__module__ == module.__name__
            used += role is not None
            if role == "callback":
                self._add_callback(obj)
            elif role == "utility":
                self._add_utility(obj)
            elif role == "schema":
                self.schemas.append(vars(obj)["filename"])
            elif role == "rule" or (by_name and own and name.startswith("Asn_")):
                self.add_rule(name, obj, global_constraints)
                used += role is None
            elif isinstance(obj, ModuleType) and RegistryMarker.is_marked(obj):
                used += self._populate(obj, global_constraints, include_bases)
            elif include_bases and isinstance(obj, type) and issubclass(obj, Association):
                self.add_rule(name, obj, global_constraints)
        return used

    def _add_rule_set(self, rule_set, global_constraints, include_bases):
        classes = sorted(classes_of(rule_set).items())
        base = base_of(rule_set)
        for name, rule in [*classes, (base.__name__, base)] if include_bases else classes:
            self.add_rule(name, rule, global_constraints)
        self.schemas.append(rule_set.schema)
        return len(classes)

    def _add_callback(self, function):
        for event in function._asnreg_events:
            self.callback.add(event, function)

    def _add_utility(self, utility):
        self.Utility = type("Utility", (utility, *self.Utility.__bases__), {})
        for name, attribute in vars(utility).items():
            # The mark may be above or below @staticmethod.
            marked = next(
                (candidate for candidate in (attribute, getattr(utility, name)) if RegistryMarker.is_marked(candidate)),
                None,
            )
            if marked is not None and marked._asnreg_role == "callback":
                for event in marked._asnreg_events:
                    self.callback.add(event, getattr(utility, name))

    def add_rule(self, name, obj, global_constraints=None):
        """Add a subclass of `Association` as rule; the name of the registry is put before its name."""
        if not (isinstance(obj, type) and issubclass(obj, Association)):
            raise AssociationError(
                f"the rule '{name}' must be a subclass of hexcal.associations.Association, it is {obj!r}",
                where=getattr(sys.modules.get(getattr(obj, "__module__", "")), "__file__", None),
            )
        name = name if self.name is None else f"{self.name}_{name}"
        attributes = {"__module__": obj.__module__, "__doc__": obj.__doc__, "registry": self}
        if global_constraints is not None:
            attributes["GLOBAL_CONSTRAINT"] = global_constraints
        self[name] = new_class(name, (obj,), exec_body=lambda body: body.update(attributes))

    # ---- from items to associations, from text to associations

    def match(self, item, version_id=None, allow=None, ignore=None):
        """Make all associations that an item starts.

        `allow` limits the rules to these (list of type), `ignore` leaves some out: rules, or those of some
        associations, since the item belongs to one of theirs already. Returns a list of associations, and a list of
        `ProcessList`: what is to be processed again.
        """
        ignored = {entry if isinstance(entry, type) else type(entry) for entry in ignore or ()}
        allowed = None if allow is None else set(allow)
        version_id = version_text(version_id)
        associations, again = [], []
        for rule in self.values():
            if not ignored.isdisjoint(rule.__mro__) or (allowed is not None and allowed.isdisjoint(rule.__mro__)):
                continue
            association, more = rule.create(item, version_id)
            again += more
            if association is not None:
                associations.append(association)
        return associations, again

    def validate(self, association):
        """Return the rules whose schema an association follows (list of type), or raise AssociationNotValidError."""
        rules, problems = [], {}
        answers = {}
        for rule in self.values():
            # Most rules of a set share method and schema: each is asked once.
            key = (rule.validate.__func__, rule.schema_file)
            if key not in answers:
                answers[key] = _problem(rule, association)
            if answers[key] is None:
                rules.append(rule)
            else:
                problems.setdefault(str(answers[key]), answers[key])
        if not rules:
            raise _not_valid(list(problems.values()))
        return rules

    def load(self, serialized, format=None, validate=True, first=True, **kwargs):
        """Read an association, as `load_asn` does, and compare it with these rules."""
        association = parse(serialized, format=format, **kwargs)
        rules = self.validate(association) if validate else list(self.values())
        warn_of_folders(member_names(association))
        return association if first else [association for _ in rules]


def _role(obj):
    return getattr(obj, "_asnreg_role", None) if RegistryMarker.is_marked(obj) else None


def _problem(rule, association):
    try:
        rule.validate(association)
    except AssociationNotValidError as error:
        return error
    return None


def _not_valid(problems):
    if len(problems) == 1:
        return problems[0]
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    messages = [problem.message for problem in problems[:2]]
    return AssociationNotValidError(
        "no rule takes the association: " + "; or ".join(messages) if messages else "there are no rules",
        hint="; or ".join(hints) or None,
    )


@lru_cache(maxsize=1)
def default_registry():
    """Return the registry of the default rules, made once: for reading associations, not for changing it."""
    return AssociationRegistry()


def load_asn(serialized, format=None, first=True, validate=True, registry=..., **kwargs):
    """Read an association.

    Parameters
    ----------
    serialized : str, bytes, path, file object or mapping
        Its text, or a file that holds it.
    format : str, optional
        ``"json"`` or ``"yaml"``; None: all are tried.
    first : bool
        Return the result of the first rule that takes it, not the list of all.
    validate : bool
        Compare it with the schemas of the rules.
    registry : AssociationRegistry, its class, or None
        Whose rules it is compared with; by default, those of JWST. None: none, as `Association.load` does it.
    **kwargs
        For the library that reads the format.

    Returns
    -------
    dict
        The association: ``asn["products"][0]["members"][0]["expname"]`` is the name of the first file. A list of them
        if `first` is False.

    Raises
    ------
    AssociationNotValidError
        If it cannot be read, or no rule takes it.
    """
    if registry is None:
        return Association.load(serialized, format=format, validate=validate, **kwargs)
    if registry is ... or registry is AssociationRegistry:
        registry = default_registry()
    elif isinstance(registry, type):
        registry = registry()
    return registry.load(serialized, format=format, first=first, validate=validate, **kwargs)
