"""JWST, release 3.0.0.

What the rules of both levels know of an exposure, where it differs from release 1.13.4, and how tables are made of
those of 1.13.4.

``is_ami``
    t for an interferogram: its integrations are kept apart.
``nod``
    Number of the nod, as before, but the number of positions of each may also be in SUBPXPTS.
``nods``
    How many nods there are.
"""

from hexcal.associations.exposure_roles import is_ami
from hexcal.associations.rules import jwst
from hexcal.associations.tables.table import SET, unlike, when

# Bright objects of NIRSpec need a named slit, and light on this detector; F277W of SOSS is for calibration.
OF_TIME_SERIES = (
    when(exp_type="nrs_brightobj", fxd_slit=SET, on_detector=SET)
    | when(exp_type="nis_soss", filter=unlike("^f277w$"))
    | when(exp_type=unlike("^(nrs_brightobj|nis_soss)$"))
)


def facts(values):
    """Return the facts of an exposure (dict of str to str), from the columns that have a value."""
    of_each = values.get("subpxpns") or values.get("subpxpts")
    known = jwst.facts(values if of_each is None else {**values, "subpxpns": of_each})
    more = {"is_ami": is_ami(values) and "t", "nods": _quotient(values.get("numdthpt"), of_each)}
    return known | {name: value for name, value in more.items() if value}


def _quotient(positions, of_each):
    if positions is None or of_each is None or not (positions.isdecimal() and of_each.isdecimal() and int(of_each)):
        return None
    return str(int(positions) // int(of_each))


def with_changes(rules, changed, added=()):
    """Return rules in the order of names, some of them in the place of those of the same names, and others added."""
    by_name = {rule.name: rule for rule in (*rules, *changed, *added)}
    return tuple(by_name[name] for name in sorted(by_name))
