"""How companions are related to the science exposure, beside what all members share: `related` in tables of rules."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Relation", "apart", "differ", "equal", "rather"]


@dataclass(frozen=True)
class Relation:
    """What a companion must have in common with the science exposure, or not, in some columns or facts.

    `text` is the condition as one reads it.

    ``holds(science, other)`` tells whether two `Exposure` are so related; ``prefers(science, other)``, if there is one,
    whether the other `Exposure` is taken rather than those that are not preferred.
    """

    attributes: tuple
    text: str
    holds: Callable
    prefers: Callable | None = None


def _compared(attributes, wanted, given):
    def holds(science, other):
        values = [[exposure.values.get(name) for name in attributes] for exposure in (science, other)]
        if None in values[0] or None in values[1]:
            return not given
        return (values[0] == values[1]) == wanted

    text = f"{'same' if wanted else 'other'} {' and '.join(attributes)}{'' if given else ', or none'}"
    return Relation(attributes, text, holds)


def equal(*attributes):
    """Require that a companion has the values of the science exposure."""
    return _compared(attributes, wanted=True, given=True)


def differ(*attributes, given=True):
    """Require that a companion differs in one of these; unless `given`, a value that is not given differs."""
    return _compared(attributes, wanted=False, given=given)


def apart(attribute, least):
    """Require that a whole number differs from that of the science exposure by at least so much."""

    def holds(science, other):
        values = [exposure.values.get(attribute) for exposure in (science, other)]
        return None not in values and abs(int(values[0]) - int(values[1])) >= least

    return Relation((attribute,), f"{attribute} that differs by {least} or more", holds)


def rather(attribute):
    """Prefer companions that have the value of the science exposure; if there is none, all are taken."""

    def prefers(science, other):
        value = science.values.get(attribute)
        return value is not None and other.values.get(attribute) == value

    return Relation((attribute,), f"same {attribute}, if there are such", lambda science, other: True, prefers)
