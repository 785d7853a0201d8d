"""IRIS: which candidates make associations, and how associations, their products and members are called."""

import re

from hexcal import observatories
from hexcal.core.names import without_suffix

NOT_OBSERVED = "a3001"
"""Identifier of what belongs to no observation."""

_IDENTIFIER = re.compile(r"[a-z0-9-]+")


def candidate_id(candidate):
    """Return the identifier of a candidate ((identifier, type), or None for the whole pool) in names (str)."""
    return candidate[0] if candidate is not None and _IDENTIFIER.fullmatch(candidate[0]) else NOT_OBSERVED


def belongs(candidate, members):
    """Whether members make an association for a candidate: always, since a science exposure needs no other."""
    return True


def describe(rule, members, candidate):
    """Return ``target`` and ``products``: raw exposures, and a product called after the science exposure."""
    science = members[0][0]
    return {
        "target": science.values.get("targname") or science.values.get("targprop") or "none",
        "products": [{"name": _stem(science), "members": [_member(exposure, role) for exposure, role in members]}],
    }


def _stem(exposure):
    return without_suffix(
        exposure.file_name.rpartition(".")[0] or exposure.file_name, observatories.get("tmt").suffixes
    )


def _member(exposure, role):
    problem = exposure.values.get("exposerr")
    if problem is None and "dataprob" in exposure.values:
        problem = "telemetry indicated a problem"
    return {"expname": exposure.file_name, "exptype": role, "exposerr": problem}
