"""JWST: which products are the members of associations, and how associations and their products are called."""

import re

from hexcal.associations.rules.jwst import CALIBRATED
from hexcal.associations.tables.facts import UNREAD

DISCOVERED = "a3001"
"""Identifier of what is found in the whole programme."""

_LEVEL1B = re.compile(r"(.+)_uncal(\.[^.]+)?$")
_NOT_NAMED = frozenset({"full", "generic"})
_APART = frozenset({"is_tso", "is_coron", "is_ami"})


def candidate_id(candidate):
    """Return the identifier of a candidate ((identifier, type), or None for the whole programme) in names (str)."""
    return candidate[0] if candidate is not None and candidate[1] not in ("", UNREAD) else DISCOVERED


def is_observed_together(candidate, members):
    """Whether members belong together: those of a background or group must be of several observations."""
    return is_of_several(candidate, members, "background group")


def is_of_several(candidate, members, kinds):
    """Whether a candidate of one of some types brings exposures of several observations; others need not."""
    if candidate is None or candidate[1] not in kinds.split():
        return True
    return len({_observation(exposure) for exposure, _ in members}) > 1


def is_level2_candidate(candidate, members):
    """Whether a candidate asks for associations of level 2: an observation does, and one that adds a background."""
    if candidate is None:
        return False
    if candidate[1] == "background":
        return is_observed_together(candidate, members) and _adds_background(members)
    return candidate[1] == "observation"


def _adds_background(members):
    """Whether exposures of a background target are among the members."""
    return any(exposure.values.get("kind") == "background" for exposure, _ in members)


def _observation(exposure):
    named = [name for name, kind in exposure.candidates if kind == "observation"]
    return named[0] if named else exposure.values.get("obs_num")


# ---- level 2


def level2(rule, members, candidate):
    """Return what an association of level 2 says: ``target`` and ``products``."""
    science = members[0][0]
    suffix = "rate" if rule.name.endswith("AsRate") else None
    listed = [
        _member(exposure, role, suffix or f"rate{_integrations(exposure)}")
        for exposure, role in members
        if role != "direct_image"
    ]
    direct = [exposure for exposure, role in members if role == "direct_image"]
    if direct:
        # The image product of the first direct exposure has the name of the association that makes it.
        name = _product_name(direct[0], candidate, path=("filter", "pupil|grating"))
        for ending, role in (("_i2d.fits", "direct_image"), ("_cat.ecsv", "sourcecat"), ("_segm.fits", "segmap")):
            listed.append({"expname": name + ending, "exptype": role})
    return {
        "target": science.values.get("targetid", "none"),
        "products": [{"name": stem(science.name), "members": listed}],
    }


# ---- level 3


def level3(rule, members, candidate):
    """Return what an association of level 3 says: ``target`` and ``products``."""
    science = next(exposure for exposure, role in members if role == "science")
    listed = [_level3_member(rule, exposure, role, candidate) for exposure, role in members]
    naming = {**rule.naming, "slit": _slits(members) if rule.naming.get("slit") == "each" else rule.naming.get("slit")}
    name = _product_name(science, candidate, path=naming.get("path", ("filter", "pupil|grating")), naming=naming)
    return {"target": naming.get("target") or _target(science), "products": [{"name": name, "members": listed}]}


def _slits(members):
    """The fixed slits of the members, target acquisitions apart."""
    slits = {exposure.values.get("fxd_slit") for exposure, role in members if role != "target_acquisition"}
    return "-".join(sorted(slits - {None}))


def _level3_member(rule, exposure, role, candidate):
    if role == "background":
        suffix = f"x1d{_integrations(exposure)}"
    elif role == "target_acquisition":
        suffix = "cal"
    else:
        suffix = "cal" if exposure.values.get("exp_type") in CALIBRATED else "rate"
        suffix += "" if rule.naming.get("plain") else _integrations(exposure)
    member = _member(exposure, role, suffix)
    whole = exposure.item.get("asn_candidate")
    member["asn_candidate"] = whole if candidate is None or role == "target_acquisition" else str(candidate)
    return member


def _product_name(science, candidate, path, naming=()):
    """``jw<program>-<candidate>_<target or source>_<instrument>_<optical elements>[-<subarray>]``."""
    values, naming = science.values, dict(naming)
    elements = {
        values[first] for columns in path if (first := next((c for c in columns.split("|") if c in values), None))
    }
    parts = sorted(elements) or (["clear"] if path else [])
    parts += [naming["slit"]] if naming.get("slit") else []
    subarray = values.get("subarray")
    if subarray and subarray not in _NOT_NAMED and naming.get("subarray", True):
        parts.append(subarray)
    target = naming.get("target") or _target(science)
    if "source" in naming:
        # Other braces stay: stage 3 fills them in.
        target = naming["source"].replace("{target}", target)
    name = f"jw{values['program']:0>5}-{candidate_id(candidate)}_{target}_{values['instrume']}"
    name += f"_{'-'.join(parts)}" if parts else ""
    return name + naming.get("ending", "").format(
        **{**values, "act_id": f"{values.get('act_id', ''):0>2}", "suffix": "{suffix}"}
    )


def _target(exposure):
    return f"t{exposure.values.get('targetid', '0'):0>3}"


# ---- members


def stem(name):
    """Return the name of an exposure without suffix and ending (str); a name that is not of level 1b stays as it is."""
    match = _LEVEL1B.match(name)
    return match.group(1) if match else name


def _member(exposure, role, suffix):
    match = _LEVEL1B.match(exposure.name)
    name = f"{match.group(1)}_{suffix}{match.group(2) or ''}" if match else exposure.name
    problem = exposure.item.get("exposerr")
    return {"expname": name, "exptype": role, "exposerr": None if problem in (None, "", "null") else problem}


def _integrations(exposure):
    """``ints`` for an exposure whose integrations are kept apart."""
    return "ints" if not exposure.values.keys().isdisjoint(_APART) else ""
