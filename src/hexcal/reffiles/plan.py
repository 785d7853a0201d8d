"""The plan of a run: for each type of reference file its groups, what remains to be done to them, and names."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hexcal.core.parameters import validated
from hexcal.errors import HexcalError
from hexcal.reffiles import grouping, headers, pipeline_steps, registry
from hexcal.reffiles.inputs import LeftOut

SELF = "SELF"
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
    """

    number: int
    group: grouping.Group
    remaining: list[pipeline_steps.Remaining]
    output: Path


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
    final : pathlib.Path
        The file that is delivered.
    problem : str or None
        Why nothing can be made.
    """

    maker: Any
    parameters: Any
    origins: dict[str, str] = field(default_factory=dict)
    groups: list[GroupPlan] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)
    final: Path = Path()
    problem: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "maker": self.maker.label,
            "type": self.maker.reference_type,
            "final": str(self.final),
            "problem": self.problem,
            "parameters": {
                name: {"value": value, "origin": self.origins.get(name, "default")} for name, value in self.parameters
            },
            "references": self.references,
            "groups": [
                {
                    "number": item.number,
                    "output": str(item.output),
                    "members": [str(member.path) for member in item.group.members],
                    "days": round(item.group.days, 4),
                    "steps": [list(remaining.to_do) for remaining in item.remaining],
                    "notes": list(item.group.notes),
                }
                for item in self.groups
            ],
            "left": [{"path": str(item.path), "reason": item.reason} for item in self.left],
        }


def plan_of(chosen, inputs, configuration, places, author_needed: bool = True) -> list[Task]:
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
        _task(maker, inputs, configuration, places, references[maker.label], author_needed)
        for maker in registry.in_order(chosen, selves)
    ]


def _references(maker, configuration):
    """What the pipeline uses: for all makers, and what the section of the maker says instead."""
    own = (configuration.values.get(maker.label) or {}).get("reffile4ssb") or {}
    none = dict.fromkeys(maker.without, "N/A")
    chosen = {**none, **(configuration.values.get("reffile4ssb") or {}), **own}
    return {registry.ALIASES.get(str(kind), str(kind)): str(source) for kind, source in chosen.items()}


def _task(maker, inputs, configuration, places, references, author_needed):
    usage, values = configuration.of_maker(maker)
    parameters = validated(maker.Parameters, values, where=maker.label)
    if author_needed:
        headers.require_author(parameters, maker.label)
    headers.useafter(parameters.useafter, inputs)
    origins = {name: configuration.origins.get(f"{maker.label}.{name}", "configuration") for name in values}
    pattern, steps = str(usage.get("imtypes", maker.inputs)), str(usage.get("ssbsteps", maker.steps))
    pipeline_steps.parsed(steps, where=f"ssbsteps of {maker.label}")
    groups, left = grouping.grouped(inputs, configuration.rules(pattern, maker.label))
    task = Task(maker, parameters, origins, references=references, final=places.final(maker))
    task.left = [LeftOut(item.path, reason) for item, reason in left]
    for group in groups:
        try:
            remaining = [pipeline_steps.remaining(item, steps, maker.forbidden) for item in group.members]
        except HexcalError as error:
            task.left += [LeftOut(item.path, error.message) for item in group.members]
            continue
        number = len(task.groups) + 1
        task.groups.append(GroupPlan(number, group, remaining, places.individual(maker, number)))
    if not task.groups:
        reasons = [f"{item.path.name}: {item.reason}" for item in task.left[:2]]
        task.problem = f"{_NO_GROUP} {pattern} ({'; '.join(reasons) or 'there are none of that kind'})"
    return task


def lines(tasks: list[Task], left_out: list[LeftOut]) -> list[str]:
    """Return the lines that tell a plan."""
    result = []
    for task in tasks:
        result.append(f"{task.maker.label}: {len(task.groups)} groups -> {task.final}")
        if task.problem:
            result.append(f"  nothing can be made: {task.problem}")
        for item in task.groups:
            result.append(f"  group {item.number} ({item.group.days:.2f} days) -> {item.output.name}")
            for member, remaining in zip(item.group.members, item.remaining, strict=True):
                to_do = ", ".join(remaining.to_do) or "nothing to do"
                result.append(f"    {member.kind:6s} {member.path.name}: {to_do}")
            result += [f"    note: {note}" for note in item.group.notes]
        changed = [
            f"{name} = {value} ({task.origins[name]})" for name, value in task.parameters if name in task.origins
        ]
        result += [f"  {text}" for text in changed]
        result += [f"  not used: {item.path.name}: {item.reason}" for item in task.left]
    return [*result, *(f"not used: {item.path.name}: {item.reason}" for item in left_out)]
