"""Put one reference file among the rules of an .rmap.

Under the rule that its header asks for, at the date from which it holds.
"""

from dataclasses import dataclass

from hexcal.errors import ReferenceError_
from hexcal.references.conditioning import ANY, NOT_APPLICABLE
from hexcal.references.dates import parse_date
from hexcal.references.mapping_file import Call
from hexcal.references.patterns import Pattern

DATED = ("UseAfter", "ClosestTime")


@dataclass(frozen=True)
class Place:
    """Where a file was put.

    Parameters
    ----------
    keys : tuple of str
        Values of the rule, then the date.
    replaced : str or None
        What stood there: name of a file, or N/A.
    is_new : bool
        Whether no rule had these values.
    beside : tuple of str
        Other rules that match some of the same exposures with the same weight: where both match, the dates of both are
        taken together.
    """

    keys: tuple
    replaced: str | None
    is_new: bool
    beside: tuple


def put(selector, groups, kinds, values, date, name, substitutions=None):
    """Return a selector with one file more, and where the file was put.

    Parameters
    ----------
    selector : Call
        Of the mapping; it is not changed.
    groups : list of tuple of str
        Parameters, one group per level.
    kinds : sequence of str
        Selectors per level, for rules that lead nowhere yet.
    values : dict of str to str
        Parameter -> value of the rule.
    date : str
        ``2021-03-04 05:06:07``.
    name : str
        Of the file.
    substitutions : dict, optional
        Parameter -> {value in the mapping: pattern that stands for it}.

    Returns
    -------
    Call, Place

    Raises
    ------
    ReferenceError_
        If a selector has no rules that follow from a header, or the new rule would be a special case of one that counts
        the same: exposures would then have two rules, and only dates would decide between them.
    """
    if selector.selector == "Match":
        return _put_match(selector, groups, kinds, values, date, name, substitutions or {})
    if selector.selector in DATED:
        return _put_date(selector, date, name)
    raise ReferenceError_(
        f"rules of the kind {selector.selector} do not follow from the header of a reference file",
        hint="write the rule into a new mapping by hand; `hexcal crds checksum --update` then sets its sum",
    )


def _put_match(selector, groups, kinds, values, date, name, substitutions):
    texts = tuple(values[parameter] for parameter in groups[0])
    key = texts[0] if len(texts) == 1 else texts
    patterns = _patterns(key)
    rules = list(selector.rules)
    number = next((n for n, (other, _) in enumerate(rules) if _same(_patterns(other), patterns)), None)
    beside = []
    if number is None:
        meant = [substitutions.get(parameter, {}) for parameter in groups[0]]
        beside = [other for other in rules if _overlap(other[0], key, meant)]
        _refuse_ambiguous(key, beside, kinds[1] if groups[1:] else None)
        beside = [_text(other) for other, _ in beside]
        number = next((n for n, (other, _) in enumerate(rules) if _tuple(other) > texts), len(rules))
        below, place = _leaf(None, groups[1:], kinds[1:], values, date, name, substitutions)
        rules.insert(number, (key, below))
    else:
        key, old = rules[number]
        below, place = _leaf(old, groups[1:], kinds[1:], values, date, name, substitutions)
        rules[number] = key, below
    is_new = place.is_new or bool(len(rules) > len(selector.rules))
    place = Place((*_tuple(key), *place.keys), place.replaced, is_new, (*beside, *place.beside))
    return Call(selector.selector, tuple(rules)), place


def _leaf(old, groups, kinds, values, date, name, substitutions):
    """What a rule leads to: the file itself where no group of parameters is left, else a selector with it."""
    if not groups:
        return name, Place((), old if isinstance(old, str) else None, False, ())
    if isinstance(old, Call):
        return put(old, groups, kinds, values, date, name, substitutions)
    below, place = put(Call(kinds[0], ()), groups, kinds, values, date, name, substitutions)
    # A rule that said N/A is replaced, not one that led to a file of this level.
    return below, Place(place.keys, old, False, place.beside)


def _put_date(selector, date, name):
    rules = list(selector.rules)
    number = next((n for n, (other, _) in enumerate(rules) if _same_date(other, date)), None)
    if number is None:
        number = next((n for n, (other, _) in enumerate(rules) if str(other) > date), len(rules))
        rules.insert(number, (date, name))
        return Call(selector.selector, tuple(rules)), Place((date,), None, False, ())
    key, old = rules[number]
    if isinstance(old, Call):
        raise ReferenceError_(
            f"the rule for {key} leads to {old.selector}, not to a file",
            hint="write the rule into a new mapping by hand; `hexcal crds checksum --update` then sets its sum",
        )
    rules[number] = key, name
    return Call(selector.selector, tuple(rules)), Place((str(key),), old, False, ())


def _same_date(date, other):
    try:
        return parse_date(str(date)) == parse_date(other)
    except (ValueError, OverflowError):
        return str(date) == other


# ---- rules compared


def _tuple(key):
    return tuple(str(part) for part in key) if isinstance(key, tuple) else (str(key),)


def _text(key):
    return ", ".join(_tuple(key)) or "(all)"


def _patterns(key, meant=None):
    """Patterns of a rule; `meant` holds per parameter what stands for a value (GENERIC: N/A)."""
    texts = _tuple(key)
    meant = meant if meant is not None and len(meant) == len(texts) else [{}] * len(texts)
    return [Pattern(table.get(text, text)) for table, text in zip(meant, texts, strict=True)]


def _same(patterns, other):
    return len(patterns) == len(other) and all(
        set(a.elements) == set(b.elements) for a, b in zip(patterns, other, strict=True)
    )


def _overlap(old_key, new_key, meant):
    """Whether both rules match some exposure with the same weight.

    Refused if the new one is a special case of the old.
    """
    old, new = _patterns(old_key, meant), _patterns(new_key, meant)
    if len(old) != len(new) or sum(p.counts for p in old) != sum(p.counts for p in new):
        return False
    pairs = list(zip(old, new, strict=True))
    if not _same(old, new) and all(_within(a, b) for a, b in pairs):
        raise ReferenceError_(
            f"the rule ({_text(new_key)}) would be a special case of the rule ({_text(old_key)}), "
            "which counts the same",
            hint=(
                "give the file the values of that rule (P_ keywords hold several, separated by |), "
                "or values that no rule has"
            ),
        )
    return all(_common(a, b) for a, b in pairs)


def _refuse_ambiguous(key, beside, kind):
    """Refuse a rule that counts the same as one with which it cannot be taken together.

    Exposures that match both would get no file at all.
    """
    for other, below in beside:
        if not isinstance(below, Call) or below.selector != kind:
            leads = below.selector if isinstance(below, Call) else below
            raise ReferenceError_(
                f"the rule ({_text(key)}) would count the same as ({_text(other)}), which leads to {leads}: "
                "exposures that match both get none",
                hint="give the file the values of that rule, to replace it, or values that it does not match",
            )


def _within(old, new):
    """Whether the original takes a new pattern for a special case of an old one.

    The same, some of the values listed, N/A, or ANY where N/A was.
    """
    if set(old.elements) == set(new.elements) or new.elements == (NOT_APPLICABLE,):
        return True
    if new.elements == (ANY,):
        return old.elements == (NOT_APPLICABLE,)
    return old.literals is not None and new.literals is not None and new.literals <= old.literals


def _common(pattern, other):
    """Whether a value may match both patterns."""
    if pattern.elements in ((ANY,), (NOT_APPLICABLE,)) or other.elements in ((ANY,), (NOT_APPLICABLE,)):
        return True
    if pattern.literals is not None and other.literals is not None:
        return bool(pattern.literals & other.literals)
    known, tested = (pattern, other) if pattern.literals is not None else (other, pattern)
    return known.literals is None or any(tested.weight(value) is not None for value in known.literals)
