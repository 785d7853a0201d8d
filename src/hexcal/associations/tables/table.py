"""The language of association rules.

A rule is a table of who may be a member, in which role, and what members must share.

::

    Rule(
        "Asn_Lv3Image",
        "image3",
        "Images of one target through one optical path.",
        same=("program", "instrume", "targetid", "filter?", "pupil|grating?"),
        members={
            "science": when(exp_type=IMAGES, bkgdtarg=UNSET, is_tso=UNSET),
            "psf": when(exp_type=IMAGES, is_psf=SET),
        },
    )

reads: exposures of the types IMAGES that are neither background targets nor time series are science, those marked as
PSF are `psf`. All come from one programme, instrument and target; filter, and pupil or grating, are the same where they
are given (``?``: an exposure without a value goes with any). Each set of science exposures that share all this makes
one association. With ``alone=True`` each science exposure makes an association of its own, and the others of its set
are its companions.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from hexcal.errors import ParameterError, unknown_name
from hexcal.models.association_check import STAGE_2

__all__ = ["SET", "UNSET", "Rule", "RuleSet", "Same", "When", "like", "unlike", "when"]


class Condition(NamedTuple):
    """What is asked of one attribute of an exposure (column or fact); `text` is the condition as one reads it."""

    attribute: str
    test: Callable
    text: str
    values: frozenset | None = None

    def holds(self, exposure):
        """Whether an `Exposure` fulfils the condition."""
        return self.test(exposure.values.get(self.attribute))


class _Pattern(NamedTuple):
    holds: Callable
    text: str


SET = _Pattern(lambda value: value is not None, "is given")
UNSET = _Pattern(lambda value: value is None, "is not given")


def like(pattern):
    """Require a value that contains a regular expression."""
    search = re.compile(pattern).search
    return _Pattern(lambda value: value is not None and search(value) is not None, f"contains '{pattern}'")


def unlike(pattern):
    """Require no value, or one that does not contain a regular expression."""
    search = re.compile(pattern).search
    return _Pattern(lambda value: value is None or search(value) is None, f"does not contain '{pattern}'")


def _condition(attribute, wanted):
    if isinstance(wanted, _Pattern):
        return Condition(attribute, wanted.holds, f"{attribute} {wanted.text}")
    values = frozenset(wanted.split() if isinstance(wanted, str) else wanted)
    text = " or ".join(sorted(values)) if len(values) < 6 else f"one of {' '.join(sorted(values))}"
    return Condition(attribute, values.__contains__, f"{attribute} is {text}", values)


class When:
    """Conditions that must all hold, or any of several such sets (``a | b``), its `alternatives`."""

    __slots__ = ("alternatives",)

    def __init__(self, alternatives):
        self.alternatives = tuple(alternatives)

    def __or__(self, other):
        return When(self.alternatives + other.alternatives)

    def __and__(self, other):
        return When(conditions + others for conditions in self.alternatives for others in other.alternatives)

    def holds(self, exposure):
        """Whether an `Exposure` fulfils the conditions."""
        return any(all(condition.holds(exposure) for condition in conditions) for conditions in self.alternatives)

    def exposure_types(self):
        """Return the values of EXP_TYPE that can fulfil the conditions (frozenset), or None for any."""
        types = set()
        for conditions in self.alternatives:
            named = [
                condition.values
                for condition in conditions
                if condition.attribute == "exp_type" and condition.values is not None
            ]
            if not named:
                return None
            types |= frozenset.intersection(*named)
        return frozenset(types)

    @property
    def text(self):
        """The conditions as one reads them."""
        return "; or ".join(", ".join(condition.text for condition in conditions) for conditions in self.alternatives)


def when(**wanted):
    """Make conditions on attributes, all of which must hold (`When`).

    Allowed are: a text of values with blanks between, a set of values, `SET`, `UNSET`, ``like(...)`` or
    ``unlike(...)``.
    """
    return When([tuple(_condition(attribute, value) for attribute, value in wanted.items())])


class Same:
    """One attribute that members share.

    ``"filter"``, ``"filter?"`` (an exposure without it goes with any), ``"pupil|grating"`` (the first that is given).
    """

    __slots__ = ("attributes", "optional", "text")

    def __init__(self, text):
        self.text = text
        self.optional = text.endswith("?")
        self.attributes = tuple(text.rstrip("?").split("|"))

    def value(self, exposure):
        """Return the value of an `Exposure` (str), or None."""
        for attribute in self.attributes:
            value = exposure.values.get(attribute)
            if value is not None:
                return value
        return None


@dataclass(frozen=True, eq=False)
class Rule:
    """One association rule.

    Parameters
    ----------
    name : str
        Of the class that it makes: ``Asn_...``.
    type : str
        Association type, which chooses the pipeline.
    text : str
        One sentence.
    members : dict of str to When
        Role and who may take it. An exposure takes the first role that fits; with `alone`, as a companion of another
        exposure, the first besides science. What follows a colon tells two sorts of exposures of the same role apart
        (``background:nods``).
    same : tuple of str
        What members share, see `Same`.
    free : dict of str to tuple of str
        For some roles: which of `same` they need not share.
    needs : tuple of str
        Roles without which there is no association.
    least : int
        Smallest number of members.
    alone : bool
        Each science exposure makes its own association.
    related : dict of str to tuple of Relation or Within
        For some roles of companions: how they are related to the science exposure, with `alone`.
    anywhere : tuple of str
        Roles of companions that are looked for in the whole pool, whatever candidate they belong to, with `alone`.
    candidates : tuple of str
        Types of the candidates it is tried on; none: all.
    acquisitions : bool
        Target acquisitions of the same observations go along.
    elsewhere : tuple of str
        Roles of companions: an exposure that goes along in one of them makes no association of its own.
    also : dict of str to When
        Members that are listed once more, in another role, if there are at least two of them.
    naming : dict
        What the observatory's names of products need to know of the rule.
    """

    name: str
    type: str
    text: str
    members: dict
    same: tuple
    free: dict = field(default_factory=dict)
    needs: tuple = ("science",)
    least: int = 1
    alone: bool = False
    related: dict = field(default_factory=dict)
    anywhere: tuple = ()
    candidates: tuple = ()
    acquisitions: bool = False
    elsewhere: tuple = ()
    also: dict = field(default_factory=dict)
    naming: dict = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "same", tuple(Same(same) if isinstance(same, str) else same for same in self.same))
        relating = [*self.related, *self.anywhere]
        if relating and not self.alone:
            raise ParameterError(
                f"companions of roles {', '.join(relating)} are related to one science exposure each",
                where=self.name,
                hint="alone=True",
            )
        for role in relating:
            if role not in self.members:
                raise unknown_name("role", role, self.members, where=self.name)

    def roles(self, exposure):
        """Return the roles that an `Exposure` may take (list of str)."""
        return [role for role, who in self.members.items() if who.holds(exposure)]

    def key(self, exposure, role="science"):
        """Return what an exposure brings of what members share: one value for each of `same` (tuple of str or None).

        None stands for one that it lacks or that its role need not share; None instead of the tuple if it lacks one
        that is required.
        """
        free = self.free.get(role, ())
        values = []
        for same in self.same:
            value = None if same.text in free else same.value(exposure)
            if value is None and not same.optional and same.text not in free:
                return None
            values.append(value)
        return tuple(values)

    def exposure_types(self):
        """Return the values of EXP_TYPE that can be members (frozenset), or None for any."""
        types = [who.exposure_types() for who in self.members.values()]
        return None if None in types else frozenset().union(*types)


def padded_program(exposure):
    """Return the programme of an `Exposure` in five digits (str), as names of JWST have it."""
    return f"{exposure.values.get('program', 'noprogram'):0>5}"


@dataclass(frozen=True, eq=False)
class RuleSet:
    """Rules that share their names of members and products: one level of one observatory.

    Parameters
    ----------
    name : str
        In the names of its rules: ``Lv3`` of ``Asn_Lv3Image``.
    rules : tuple of Rule
    facts : callable
        ``facts(values)`` returns what is to be known of an exposure beside its columns (dict of str to str).
    accepts : callable
        ``accepts(candidate, members)``: whether members that belong to a candidate make an association. A candidate is
        (identifier, type), or None for the whole programme.
    describe : callable
        ``describe(rule, members, candidate)`` returns ``target`` and ``products`` of an association.
    identifier : callable
        ``identifier(candidate)`` returns how names call a candidate (str).
    whole : frozenset of str
        Names of the rules that are also tried on the whole programme, without regard to candidates.
    fullest : bool
        Of associations whose product has the same name, only those with the most members stay; and of those with the
        same members the last one by name. Otherwise, only those of level 2 are left out, whose members are all in
        another one.
    candidates_apart : bool
        What is found in the whole programme does not depend on the candidates when it alone is asked for.
    combines : bool
        An association combines exposures into one product; otherwise each science exposure has a product of its own.
    schema : path-like
        JSON schema that the associations follow.
    prefix : str
        What the names of their files begin with.
    program : callable
        ``program(exposure)`` returns the programme of an `Exposure` as names have it (str).
    """

    name: str
    rules: tuple
    facts: Callable
    accepts: Callable
    describe: Callable
    identifier: Callable
    whole: frozenset = frozenset()
    fullest: bool = False
    candidates_apart: bool = False
    combines: bool = False
    schema: str = STAGE_2
    prefix: str = "jw"
    program: Callable = padded_program

    def whole_of(self, rules):
        """Return the names of rules that are also tried on the whole programme.

        Rules of users are if any is (frozenset).
        """
        own = {rule.name for rule in self.rules}
        return frozenset(
            rule.name for rule in rules if rule.name in self.whole or (self.whole and rule.name not in own)
        )
