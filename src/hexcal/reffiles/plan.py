"""The plan of a run: for each type of reference file its groups, what remains to be done to them, and names."""

import re
import textwrap
from collections.abc import Container
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hexcal.core.parameters import validated
from hexcal.errors import HexcalError
from hexcal.reffiles import group_file, grouping, headers, patterns, pipeline_steps, registry, restart
from hexcal.reffiles.inputs import LeftOut, told
from hexcal.workflow import estimates

SELF = "SELF"
BARE = "reference pixels only"
"""Stands for a mask that has nothing but the reference pixels, which follow from the detector and its window."""
_NO_GROUP = "no group of the inputs fits"


@dataclass
class GroupPlan:
    """What becomes of one group.

    Attributes
    ----------
    number : int
        From 1.
    group : Group
        Its members.
    remaining : list of Remaining
        What has to be done to each of them.
    output : pathlib.Path
        The individual file.
    final : pathlib.Path
        The file that it is joined to.
    """

    number: int
    group: grouping.Group
    remaining: list[pipeline_steps.Remaining]
    output: Path
    final: Path = Path()

    def without(self, lost: Container[Any], rules: grouping.Rules | None) -> "GroupPlan | None":
        """Return the group without some exposures; None if the rules do not allow that."""
        kept = [pair for pair in zip(self.group.members, self.remaining, strict=True) if pair[0] not in lost]
        members = tuple(member for member, _ in kept)
        if rules is None or not rules.allow(members):
            return None
        return replace(self, group=replace(self.group, members=members), remaining=[each for _, each in kept])


@dataclass
class Task:
    """What a maker has to do.

    Attributes
    ----------
    maker : type
        The maker.
    parameters : MakerParameters
        Its parameters.
    origins : dict of str to str
        Parameter -> where its value comes from, for those that are not the defaults.
    groups : list of GroupPlan
        One individual file each.
    left : list of LeftOut
        Inputs that it does not use, and why.
    references : dict of str to str
        Type -> CRDS, SELF or a file: what the pipeline uses.
    validation : str or None
        CRDS or a file: what the new one is compared with.
    flags : str
        Step whose flags are used with the data of the steps before it.
    problem : str or None
        Why nothing can be made.
    rules : Rules or None
        What the groups follow; None where a file gives them: then nothing can be missing from them.
    """

    maker: Any
    parameters: Any
    origins: dict[str, str] = field(default_factory=dict)
    groups: list[GroupPlan] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)
    validation: str | None = None
    flags: str = ""
    problem: str | None = None
    rules: grouping.Rules | None = None

    @property
    def finals(self) -> dict[Path, list[GroupPlan]]:
        """The files that are delivered, and the groups that each is made of."""
        result: dict[Path, list[GroupPlan]] = {}
        for item in self.groups:
            result.setdefault(item.final, []).append(item)
        return result

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "maker": self.maker.label,
            "type": self.maker.reference_type,
            "final": [str(path) for path in self.finals],
            "problem": self.problem,
            "parameters": {
                name: {"value": value, "origin": self.origins.get(name, "default")} for name, value in self.parameters
            },
            "references": self.references,
            "groups": [
                {
                    "number": item.number,
                    "output": str(item.output),
                    "final": str(item.final),
                    "members": [str(member.path) for member in item.group.members],
                    "days": round(item.group.days, 4),
                    "steps": [list(remaining.to_do) for remaining in item.remaining],
                    "notes": list(item.group.notes),
                }
                for item in self.groups
            ],
            "left": [{"path": str(item.path), "reason": item.reason} for item in self.left],
        }


def plan_of(chosen, inputs, configuration, places, author_needed: bool = True, given=None) -> list[Task]:
    """Plan what makers have to do.

    Parameters
    ----------
    chosen : list of type
        Makers.
    inputs : list of Input
        The exposures.
    configuration : Configuration
        What is set.
    places : Places
        Where files go.
    author_needed : bool
        Whether a missing author is an error.
    given : dict of str to list, optional
        Label -> groups of paths that are used instead of those that the rules give.

    Returns
    -------
    list of Task
        In the order in which they have to be done.
    """
    references: dict[str, dict[str, str]] = {maker.label: _references(maker, configuration) for maker in chosen}
    selves: dict[str, set[str]] = {
        label: {kind for kind, source in own.items() if source == SELF} for label, own in references.items()
    }
    return [
        _task(
            maker, inputs, configuration, places, references[maker.label], author_needed, (given or {}).get(maker.label)
        )
        for maker in registry.in_order(chosen, selves)
    ]


def _references(maker, configuration):
    """What the pipeline uses: for all makers, and what the section of the maker says instead."""
    own = (configuration.values.get(maker.label) or {}).get("reffile4ssb") or {}
    none = {kind: BARE if kind == "mask" else "N/A" for kind in maker.without}
    chosen = {**none, **(configuration.values.get("reffile4ssb") or {}), **own}
    return {registry.ALIASES.get(str(kind), str(kind)): str(source) for kind, source in chosen.items()}


def _task(maker, inputs, configuration, places, references, author_needed, given):
    usage, values = configuration.of_maker(maker)
    parameters = validated(maker.Parameters, values, where=maker.label)
    if author_needed:
        headers.require_author(parameters, maker.label)
    headers.useafter(parameters.useafter, inputs)
    origins = {name: configuration.origins.get(f"{maker.label}.{name}", "configuration") for name in values}
    pattern, steps = str(usage.get("imtypes", maker.inputs)), str(usage.get("ssbsteps", maker.steps))
    flags = str(usage.get("flags", maker.flags) or "")
    pipeline_steps.parsed(steps, where=f"ssbsteps of {maker.label}")
    pipeline_steps.parsed(flags, where=f"flags of {maker.label}")
    fitting, wrong = _of_instruments(maker, inputs)
    pattern = _alternative(pattern, fitting)
    rules = configuration.rules(pattern, maker.label)
    groups, left = grouping.grouped(fitting, rules) if given is None else group_file.groups_of(given, fitting)
    task = Task(maker, parameters, origins, references=references, flags=flags)
    task.validation = configuration.validation(maker)
    task.rules = rules if given is None else None
    task.left = [*wrong, *(LeftOut(item.path, reason) for item, reason in left)]
    finder = restart.Restarts(references, inputs)
    for group in groups:
        try:
            members = [finder.member(item, steps) for item in group.members]
            remaining = [pipeline_steps.remaining(item, steps, maker.forbidden, flags, maker.also) for item in members]
        except HexcalError as error:
            task.left += [LeftOut(item.path, error.message) for item in group.members]
            continue
        number = len(task.groups) + 1
        group = replace(group, members=tuple(members))
        task.groups.append(GroupPlan(number, group, remaining, places.individual(maker, number)))
    _name_finals(task, places)
    reason = maker.why_not([member for item in task.groups for member in item.group.members]) if task.groups else None
    if reason is not None:
        task.groups, task.problem = [], reason
        return task
    if not task.groups:
        reasons = [f"{item.path.name}: {item.reason}" for item in task.left[:2]]
        task.problem = f"{_NO_GROUP} {pattern} ({'; '.join(reasons) or 'there are none of that kind'})"
    return task


def _alternative(pattern, inputs):
    """The first of patterns such as ``D+F+|D+`` of which all kinds are there; the first one if there is none."""
    kinds = {item.kind for item in inputs}
    alternatives = [word.strip() for word in pattern.split("|")]
    return next((word for word in alternatives if set(patterns.parsed(word)) <= kinds), alternatives[0])


def _of_instruments(maker, inputs):
    """Inputs of instruments that have the type, and the others with the reason."""
    if not maker.instruments:
        return inputs, []
    fitting = [item for item in inputs if item.value("INSTRUME") in maker.instruments]
    names = ", ".join(maker.instruments)
    reason = f"{{}} has no {maker.reference_type} reference; it is made for {names}"
    wrong = [LeftOut(item.path, reason.format(item.value("INSTRUME"))) for item in inputs if item not in fitting]
    return fitting, wrong


def _name_finals(task, places):
    """Name the final files: one for each mode; where there are several, by what tells them apart."""
    keys = (*grouping.AGREE, *(grouping.FLATS_AGREE if task.maker.reference_type == "flat" else ()))
    modes = [tuple(item.group.members[-1].value(key) for key in keys) for item in task.groups]
    differing = [number for number in range(len(keys)) if len({mode[number] for mode in modes}) > 1]
    for item, mode in zip(task.groups, modes, strict=True):
        tag = "_".join(mode[number].lower() or "none" for number in differing)
        item.final = places.final(task.maker, re.sub(r"[^a-z0-9_-]", "", tag))


def lines(
    tasks: list[Task], left_out: list[LeftOut], commands: dict[Any, str] | None = None, shared: bool = False
) -> list[str]:
    """Return the lines that tell a plan.

    Parameters
    ----------
    tasks : list of Task
        The plan.
    left_out : list of LeftOut
        Files that nobody uses.
    commands : dict, optional
        (label, path of an exposure) -> command that brings it to what the maker wants.
    shared : bool
        Whether makers share products of the pipeline (see `estimate`).
    """
    result = []
    for task in tasks:
        finals = [str(path) for path in task.finals] or ["nothing"]
        groups = f"{len(task.groups)} group{'' if len(task.groups) == 1 else 's'}"
        result.append(f"{task.maker.label}: {groups} -> {', '.join(finals)}")
        if task.problem:
            result.append(f"  nothing can be made: {task.problem}")
        for item in task.groups:
            result.append(f"  group {item.number} ({item.group.days:.2f} days) -> {item.output.name}")
            for member, remaining in zip(item.group.members, item.remaining, strict=True):
                to_do = ", ".join(remaining.to_do) or "nothing to do"
                result.append(f"    {member.kind:6s} {member.path.name}: {to_do}")
                command = (commands or {}).get((task.maker.label, member.path))
                result += [f"           {command}"] if command else []
            result += [f"    note: {note}" for note in item.group.notes]
        result += _told_values(task)
        result += [f"  reference {kind}: {source}" for kind, source in task.references.items()]
        result += [f"  {line}" for line in told(task.left)]
    seconds, size = estimate(tasks, shared)
    result.append(f"about {seconds:.0f} s on one core, and {size / 1e6:.0f} MB of disk")
    return [*result, *told(left_out)]


def _told_values(task):
    """The values of the parameters: first those that were set, with their origin, then the defaults."""
    origins = {name: task.origins.get(name, "default") for name, _ in task.parameters}
    own = [f"{name} = {value} ({origins[name]})" for name, value in task.parameters if origins[name] != "default"]
    others = [f"{name} = {value}" for name, value in task.parameters if origins[name] == "default"]
    texts = ["; ".join(own), f"defaults: {'; '.join(others)}" if others else ""]
    return [line for text in texts for line in textwrap.wrap(text, 118, initial_indent="  ", subsequent_indent="  ")]


def estimate(tasks: list[Task], shared: bool = False) -> tuple[float, int]:
    """Return about how long the runs of the pipeline take on one core, s, and how large their products are, bytes.

    Parameters
    ----------
    tasks : list of Task
        The plan.
    shared : bool
        Whether makers that want the same steps share the products. They do not where each uses the reference files that
        were made before it.
    """
    seconds, size = 0.0, 0
    counted = set()
    for task in tasks:
        for item in task.groups:
            for member, remaining in zip(item.group.members, item.remaining, strict=True):
                key = (
                    member.path,
                    remaining.order,
                    tuple(sorted(task.references.items())),
                    "" if shared else task.maker.label,
                )
                if not remaining.to_do or key in counted:
                    continue
                counted.add(key)
                shape = [int(member.header.get(name) or 1) for name in ("NINTS", "NGROUPS", "SUBSIZE2", "SUBSIZE1")]
                seconds += estimates.of(pipeline_steps.PIPELINE, (shape[0], shape[1], shape[2], shape[3]), 1)[1]
                # Values, errors and flags of each sample, and flags of pixels; rates are images.
                pixels, ramp = shape[2] * shape[3], 9 * shape[0] * shape[1] + 4
                saved = {*remaining.also, remaining.data_step} & set(remaining.to_do) - {remaining.order[-1]}
                size += ((20 if remaining.suffix == "rate" else ramp) + len(saved) * ramp) * pixels
    return seconds, size
