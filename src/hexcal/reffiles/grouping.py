"""Which exposures go into one reference file: those that agree, near in time, as many as the maker asks for."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hexcal.reffiles.patterns import Count

AGREE = (
    *("INSTRUME", "DETECTOR", "SUBARRAY", "SUBSTRT1", "SUBSTRT2", "SUBSIZE1", "SUBSIZE2", "FASTAXIS", "SLOWAXIS"),
    *("NOUTPUTS", "READPATT", "NFRAMES", "GROUPGAP", "TGROUP", "GAINFACT"),
)
"""Keywords in which all members of a group must agree."""
FLATS_AGREE = ("FILTER", "PUPIL", "GRATING", "BAND", "CHANNEL", "LAMP", "EXP_TYPE")
"""Keywords in which the members of a group that see light must agree besides."""


@dataclass(frozen=True)
class Rules:
    """What holds for the groups of one type of reference file.

    Attributes
    ----------
    counts : dict of str to Count
        How many of each kind.
    max_days : float or None
        Most days between the first and the last member.
    same, loose : tuple of str
        Further keywords in which members must agree, and keywords of `AGREE` and `FLATS_AGREE` in which they need not.
    within : dict of str to float
        Keyword -> largest difference of its values in a group.
    without : dict of str to str
        Keyword -> value of inputs that are not used.
    same_ngroups : bool
        Whether NGROUPS must be the same; otherwise the smallest of the group is used.
    overlapping : bool
        Whether an input may be in several groups: pairs that move by one.
    min_members, max_members : int or None
        Fewest and most members of a group of all that go together, of each kind.
    """

    counts: dict[str, Count]
    max_days: float | None = None
    same: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    within: dict[str, float] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)
    same_ngroups: bool = False
    overlapping: bool = False
    min_members: int | None = None
    max_members: int | None = None

    def least(self, kind: str) -> int:
        """Return the fewest exposures of a kind that a group has."""
        count = self.counts[kind]
        return count.least if count.most is not None else max(count.least, self.min_members or 0)

    def allow(self, members: Iterable[Any]) -> bool:
        """Whether exposures are enough for a group."""
        kinds = [member.kind for member in members]
        return all(kinds.count(kind) >= self.least(kind) for kind in self.counts)


@dataclass(frozen=True)
class Group:
    """The exposures that one individual reference file is made of.

    Attributes
    ----------
    members : tuple of Input
        In the order of kind and time.
    notes : tuple of str
        What should be known of it.
    """

    members: tuple[Any, ...]
    notes: tuple[str, ...] = ()

    @property
    def days(self) -> float:
        """Time between the first and the last member."""
        times = [member.mjd for member in self.members]
        return max(times) - min(times)

    def of_kind(self, kind: str) -> list[Any]:
        """Return the members of a kind."""
        return [member for member in self.members if member.kind == kind]


def grouped(inputs: Iterable[Any], rules: Rules) -> tuple[list[Group], list[tuple[Any, str]]]:
    """Group inputs.

    Parameters
    ----------
    inputs : iterable of Input
        In any order.
    rules : Rules
        What holds for the groups.

    Returns
    -------
    groups : list of Group
        In the order of time; each input is in one group at most, unless `overlapping`.
    left : list of (Input, str)
        Inputs of the kinds that are asked for that are in no group, and why.
    """
    wanted = [item for item in inputs if item.kind in rules.counts]
    refused = [
        (item, f"{key} is {value}") for item in wanted if (lack := _without(item, rules)) for key, value in [lack]
    ]
    usable = sorted((item for item in wanted if not _without(item, rules)), key=lambda item: (item.mjd, item.path.name))
    groups, left = [], list(refused)
    for members in _agreeing(usable, rules):
        in_time, rest = _in_time(members, rules)
        groups += in_time
        left += rest
    return sorted(groups, key=lambda group: min((item.mjd, item.path.name) for item in group.members)), left


def _without(item, rules):
    return next(
        ((key, value) for key, value in rules.without.items() if item.value(key).upper() == str(value).upper()), None
    )


def _agreeing(inputs, rules):
    """Yield dicts of kind -> inputs that agree in all keywords; darks go with the flats of every filter."""
    common = [name for name in (*AGREE, *rules.same) if name not in rules.loose]
    common += ["NGROUPS"] if rules.same_ngroups else []
    own = [name for name in FLATS_AGREE if name not in rules.loose]
    by_common = defaultdict(list)
    for item in inputs:
        by_common[tuple(item.value(name) for name in common)].append(item)
    for alike in by_common.values():
        lit, dark = defaultdict(list), [item for item in alike if item.kind == "dark"]
        for item in alike:
            if item.kind != "dark":
                lit[tuple(item.value(name) for name in own)].append(item)
        if set(rules.counts) == {"dark"} or not lit:
            yield _by_kind(dark)
            continue
        for members in lit.values():
            yield _by_kind([*dark, *members])


def _by_kind(items):
    result = defaultdict(list)
    for item in items:
        result[item.kind].append(item)
    return result


def _in_time(members, rules):
    """Groups of inputs that agree, near in time; and what is left of them."""
    groups, used = [], set()
    fixed = [kind for kind, count in rules.counts.items() if count.most is not None]
    first = next((kind for kind in rules.counts if kind != "dark"), "dark")
    while True:
        group = _next_group(members, rules, used, first, fixed)
        if group is None:
            break
        groups.append(_noted(group))
        used.update(_ids(group if not rules.overlapping else [item for item in group if item is group[0]]))
    in_groups = {id(item) for group in groups for item in group.members}
    left = [
        (item, _why_left(item, members, rules))
        for items in members.values()
        for item in items
        if id(item) not in in_groups
    ]
    return groups, left


def _ids(items):
    return {id(item) for item in items}


def _next_group(members, rules, used, first, fixed):
    """The next group that begins with an unused member of the leading kind; None if there is none."""
    free = {kind: [item for item in members.get(kind, ()) if id(item) not in used] for kind in rules.counts}
    for start in range(len(free[first])):
        lead = _take(free[first][start:], rules, first, None)
        if lead is None:
            continue
        group = list(lead)
        for kind in rules.counts:
            if kind == first:
                continue
            middle = sum(item.mjd for item in lead) / len(lead)
            near = sorted(free[kind], key=lambda item: abs(item.mjd - middle))
            taken = _take(near, rules, kind, group)
            if taken is None:
                break
            group += taken
        else:
            return group
    return None


def _take(candidates, rules, kind, group):
    """As many of the candidates, the first ones, as a group may have beside those that it has; None if too few."""
    count, taken = rules.counts[kind], []
    limit = count.most if count.most is not None else rules.max_members
    for item in candidates:
        if limit is not None and len(taken) == limit:
            break
        if _fits(item, [*(group or ()), *taken], rules):
            taken.append(item)
        elif count.most is not None and group is None and taken:
            # Neighbours in time: what comes later does not fit either.
            return None
    is_enough = len(taken) >= rules.least(kind)
    return sorted(taken, key=lambda item: (item.mjd, item.path.name)) if is_enough else None


def _fits(item, others, rules):
    items = [*others, item]
    times = [each.mjd for each in items]
    if rules.max_days is not None and max(times) - min(times) > rules.max_days:
        return False
    for keyword, width in rules.within.items():
        values = [float(each.header.get(keyword)) for each in items if each.header.get(keyword) is not None]
        if len(values) < len(items) or max(values) - min(values) > width:
            return False
    return True


def _noted(members):
    numbers = sorted({int(item.header.get("NGROUPS") or 1) for item in members})
    note = f"NGROUPS is {numbers[0]} to {numbers[-1]}: the first {numbers[0]} groups are used"
    return Group(tuple(members), (note,) if len(numbers) > 1 else ())


def _why_left(item, members, rules):
    for kind, count in rules.counts.items():
        there = len(members.get(kind, ()))
        if there < count.least:
            return f"{count.least} {kind}s that agree are needed, there are {there}"
    return "no partner is left" + (f" within {rules.max_days:g} days" if rules.max_days is not None else "")
