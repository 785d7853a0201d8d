"""IRIS at TMT: which dark, flat, sky and arc exposures go with a science exposure, and how far apart in time.

Calibrations are looked for in the whole pool: those of the day belong to no programme. Where a reference file of the
cache can stand in (dark, flat), or the science can do without (sky), an association is made without them. Nothing
stands in for an arc: without one a spectrum has no wavelengths.
"""

from hexcal.associations.pool_terms import PoolTerms
from hexcal.associations.rules.iris_facts import facts
from hexcal.associations.rules.iris_names import belongs, candidate_id, describe
from hexcal.associations.tables.table import Rule, RuleSet, unlike, when
from hexcal.associations.tables.within import within

IMAGER = "img"
FIELD_UNIT = "slicer lenslet"

# What is read out, and how; what the light goes through; and whose sky it is.
_READ_OUT = ("instrume", "detector", "mode", "window?", "readmode?", "exposure_time")
_OPTICS = ("filter", "pupil?", "grating?", "scale?")
_SAME = (*_READ_OUT, *_OPTICS, "program?")

_DAY = "calibrations are taken in the daytime before or after the night"
_TEN = "the mean of 10 adds a twentieth to the noise of one exposure"
_NEAR = {
    "dark": (within("mjd", hours=24, nearest=10, reason=f"{_DAY}; {_TEN}"),),
    "flat": (within("mjd", hours=24, nearest=10, reason=f"{_DAY}; {_TEN}"),),
    "flat:whole": (within("mjd", hours=24, nearest=10, reason=f"{_DAY}; {_TEN}"),),
    "sky": (
        within("mjd", hours=1, nearest=5, reason="airglow changes in less; 5 are enough for a median without stars"),
    ),
}
_ARCS = {"arc": (within("mjd", hours=24, reason=f"{_DAY}; all of them, since each lamp has its lines"),)}

_FREE = {
    # Without light the optics do not matter.
    "dark": (*_OPTICS, "mode", "program?"),
    # A lamp is bright: exposed as it needs to be. A flat of the whole detector holds for every part of it.
    "flat": ("readmode?", "exposure_time", "program?"),
    "flat:whole": ("window?", "readmode?", "exposure_time", "program?"),
    "arc": ("readmode?", "exposure_time", "program?"),
}


def _members(mode, **more):
    """Raw exposures of one mode, each in the role of its type; what is reduced already is none."""
    raw = when(datalvl=unlike("^[23]"))
    roles = {
        "science": when(imtype="sci", mode=mode),
        "sky": when(imtype="sky", mode=mode),
        "dark": when(imtype="dark"),
        "flat:whole": when(imtype="flat", mode=mode, window="full"),
        "flat": when(imtype="flat", mode=mode, window=unlike("^full$")),
        **more,
    }
    return {role: who & raw for role, who in roles.items()}


RULES = (
    Rule(
        "Asn_IRISImage",
        "imager2",
        "An exposure of the imager, with the dark, flat and sky exposures that are near in time.",
        same=_SAME,
        members=_members(IMAGER),
        free=_FREE,
        related=_NEAR,
        anywhere=tuple(_NEAR),
        alone=True,
    ),
    Rule(
        "Asn_IRISCube",
        "ifu2",
        "An exposure of the integral-field unit, with the dark, flat, sky and arc exposures that are near in time.",
        same=_SAME,
        members=_members(FIELD_UNIT, arc=when(imtype="arc", mode=FIELD_UNIT)),
        free=_FREE,
        needs=("science", "arc"),
        related={**_NEAR, **_ARCS},
        anywhere=(*_NEAR, *_ARCS),
        alone=True,
    ),
)

RULE_SET = RuleSet(
    "IRIS",
    RULES,
    facts=facts,
    accepts=belongs,
    describe=describe,
    identifier=candidate_id,
    prefix="tmt",
    # As it is written: it need not be a number.
    program=lambda exposure: exposure.values.get("program", "noprogram"),
    # Exposures that belong to no observation, too: the observatory's own, or those of the simulator.
    whole=frozenset(rule.name for rule in RULES),
)

POOL = PoolTerms(
    needed=("filename", "instrume", "detector", "imtype", "expstart|date-obs|date-beg|date"),
    kind="imtype",
    kinds=frozenset({"sci", "sky", "dark", "flat", "arc"}),
    observation=("observtn", "obsnum"),
    has_strays=True,
)
