"""What a rule that is a class asks of exposures: its constraints, one by one."""

from hexcal.associations.classes.by_class import rule_error
from hexcal.associations.classes.constraints import Constraint
from hexcal.errors import HexcalError

__all__ = ["of_one", "of_two"]

_REDUCE = {"all": "all of", "any": "any of", "notall": "not all of", "notany": "none of"}


def of_one(rule, exposure, candidate=None):
    """Return the constraints of a rule, checked against an exposure as member of a candidate (dict)."""
    item = _item(exposure, candidate or next((name for name, _ in exposure.candidates), None))
    try:
        return _constraints(rule(), item) | {"text": _first_line(rule)}
    except HexcalError:
        raise
    except Exception as error:
        raise rule_error(error) from error


def of_two(rule, exposures, candidate=None):
    """Return what keeps two exposures apart (dict): an association begun with one is asked for the other."""
    shared = [pair[0] for pair in exposures[0].candidates if pair in exposures[1].candidates]
    chosen = candidate or next(iter(shared), None)
    reasons = []
    try:
        for first, second in (exposures, exposures[::-1]):
            begun, _ = rule.create(_item(first, chosen))
            if begun is None:
                reasons.append(f"{first.name} does not begin an association")
                continue
            checked = _constraints(begun, _item(second, chosen))["constraints"]
            failing = [entry for entry in checked if not entry["holds"] and not entry["parts"]]
            reasons += [f"{second.name} does not go with {first.name}: {_text(entry)}" for entry in failing]
    except HexcalError:
        raise
    except Exception as error:
        raise rule_error(error) from error
    if not shared and not candidate:
        reasons.append("they have no candidate in common")
    return {"reasons": reasons or ["the associations with both are not complete, or other exposures came first"]}


def _item(exposure, candidate):
    """The row of an exposure, as it is tried for one candidate."""
    pair = next((pair for pair in exposure.candidates if pair[0] == candidate), None)
    return exposure.item if pair is None else {**exposure.item, "asn_candidate": str(pair)}


def _constraints(association, item):
    entries = []
    # One that matches becomes fixed: they are listed as they are before.
    _walk(association.constraints, item, 0, entries)
    matches, _ = association.check_and_set_constraints(dict(item))
    return {"takes": matches, "constraints": entries}


def _walk(constraint, item, depth, entries):
    matched = bool(constraint.copy().check_and_set(item)[0])
    entry = {"name": constraint.name, "depth": depth, "holds": matched, "parts": isinstance(constraint, Constraint)}
    if isinstance(constraint, Constraint):
        how = getattr(constraint.reduce, "__name__", "")
        entries.append(entry | {"asks": _REDUCE.get(how, how), "found": None})
        for part in constraint:
            _walk(part, item, depth + 1, entries)
        return
    sources = getattr(constraint, "sources", None)
    columns = list(sources) if isinstance(sources, list | tuple) else []
    values = {name: item.get(name) for name in columns}
    value = constraint.value
    asks = "anything" if value is None else str(value() if callable(value) else value).replace("\\", "")
    entries.append(entry | {"asks": asks, "found": values})


def _text(entry):
    values = ", ".join(f"{name} is {value}" for name, value in (entry["found"] or {}).items())
    return f"{entry['name']} asks for {entry['asks']}" + (f"; {values}" if values else "")


def _first_line(rule):
    return (rule.__doc__ or "").strip().split("\n")[0]
