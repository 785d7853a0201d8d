"""A reference file tried on the rules of a context.

Whether they take it, where it would stand, and what they choose there now.
"""

from hexcal.errors import ReferenceError_
from hexcal.references.dates import parse_date
from hexcal.references.delivery.insert import trial
from hexcal.references.names import named
from hexcal.references.patterns import Pattern
from hexcal.references.rules import FILE, Rules


def check(subject, context, result):
    """Note in a `Certificate` whether the rules of a context take a `Subject`, and where it would stand.

    Raises
    ------
    ReferenceError_
        If a mapping of the context is missing or corrupt.
    """
    instruments = {name.upper() for name in context.instruments()}
    if subject.instrument not in instruments:
        result.error(
            "INSTRUME",
            f"must be an instrument of {context.name} ({', '.join(sorted(instruments))}), it is {subject.instrument}",
        )
        return
    known = context.types(subject.instrument)
    if subject.reference_type not in known:
        result.warn(
            "REFTYPE",
            f"{context.name} has no rules for {subject.reference_type} of {subject.instrument}: "
            "a new type needs an .rmap",
        )
        result.rule = "none"
        return
    rules = context.rules(subject.instrument, subject.reference_type)
    if not isinstance(rules, Rules):
        result.warn(
            "REFTYPE",
            f"{context.name} says {rules} for {subject.reference_type} of {subject.instrument}: "
            "there are no rules to add to",
        )
        result.rule = "none"
        return
    try:
        place, warnings = trial(rules, subject.header)
    except ReferenceError_ as error:
        _not_taken(error, subject, rules.mapping, result)
        return
    for text in warnings:
        result.warn(rules.mapping.name, text.removeprefix(f"{subject.name}: "))
    new = ", a new rule" if place.is_new else ""
    instead = f", instead of {place.replaced}" if place.replaced and place.replaced != subject.name else ""
    result.rule = f"{rules.mapping.name}: {', '.join(place.keys)}{new}{instead}"
    result.previous = _chosen_now(rules, subject, place)


def _not_taken(error, subject, mapping, result):
    """Note why the rules do not take a file.

    One that they name already is in use: rules may be edited by hand, and the header does not decide then.
    """
    text = f"{error.message}{f'; {error.hint}' if error.hint else ''}"
    where = (error.where or "").removeprefix(f"{subject.path}: ").removeprefix(f"{subject.path} in ") or mapping.name
    if subject.name in named(mapping):
        result.warn(where, f"its header asks for another place than the rules list it in: {text}")
        result.rule = f"{mapping.name} names it already"
    else:
        result.error(where, text)
        result.rule = f"{mapping.name}: none"


def _chosen_now(rules, subject, place):
    """Return the file that is chosen now for an exposure of this file's rule, on the day from which it holds.

    "" if none, or it is this one.
    """
    names = [name for group in rules.groups for name in group]
    values = dict.fromkeys(rules.parameters, "N/A")
    for parameter, text in zip(names, place.keys, strict=False):
        literals = Pattern(text).literals
        values[parameter] = min(map(str, literals)) if literals else "N/A"
    if getattr(rules.selector, "name", "") == "Match" and len(rules.groups) > 1:
        date = parse_date(place.keys[-1])
        for parameter, text in zip(rules.groups[1], (date.date(), date.time()), strict=False):
            values[parameter] = str(text) if len(rules.groups[1]) > 1 else str(date)
    choice = rules.choose(values)
    return choice.name if choice.status == FILE and choice.name != subject.name else ""
