"""JWST, release 3.0.0: which exposures stage 3 combines. Only the rules that differ from those of release 1.13.4."""

from dataclasses import replace

from hexcal.associations.rules import jwst_level3
from hexcal.associations.rules.jwst_3 import OF_TIME_SERIES, facts, with_changes
from hexcal.associations.rules.jwst_names import is_of_several
from hexcal.associations.tables.table import Rule, unlike, when

_1_13_4 = {rule.name: rule for rule in jwst_level3.RULES}
_IMAGE = _1_13_4["Asn_Lv3Image"]
_FSS = _1_13_4["Asn_Lv3NRSFSS"]
_SOURCES = _1_13_4["Asn_Lv3SpectralSource"]
_TSO = _1_13_4["Asn_Lv3TSO"]
_WFSSNIS = _1_13_4["Asn_Lv3WFSSNIS"]

_CHANGED = (
    replace(_FSS, naming={**_FSS.naming, "source": "{target}-{source_id}"}),
    replace(
        _SOURCES,
        members={role: who & when(exp_type=unlike("^nrc_wfss$")) for role, who in _SOURCES.members.items()},
    ),
    replace(_TSO, members={"science": _TSO.members["science"] & OF_TIME_SERIES}),
    replace(_WFSSNIS, naming={"subarray": False}),
)

_ADDED = (
    Rule(
        "Asn_Lv3ImageMosaic",
        "image3",
        "Images of all targets of a mosaic through one optical path.",
        same=tuple(same.text for same in _IMAGE.same if same.text != "targetid"),
        members=_IMAGE.members,
        candidates=("mosaic",),
        naming={"target": "t000"},
        acquisitions=True,
    ),
    Rule(
        "Asn_Lv3WFSSNRC",
        "spec3",
        "Grism exposures of NIRCam through one filter and grism.",
        same=("program", "instrume", "targetid", "filter", "pupil"),
        members={kind: when(exp_type="nrc_wfss", kind=kind) for kind in ("science", "psf", "background")},
        free={"background": ("targetid",)},
        naming={"subarray": False},
        acquisitions=True,
    ),
)


def _accepts(candidate, members):
    """Whether members belong together: those of a background, group or mosaic must be of several observations."""
    return is_of_several(candidate, members, "background group mosaic")


def _with_slits(rule):
    """The rule, with the slits of NIRSpec in the names of products, where its optical path has them."""
    if "slit" in rule.naming or not any(same.text == "slit?" for same in rule.same):
        return rule
    return replace(rule, naming={**rule.naming, "slit": "each"})


RULE_SET = replace(
    jwst_level3.RULE_SET,
    rules=tuple(_with_slits(rule) for rule in with_changes(jwst_level3.RULES, _CHANGED, _ADDED)),
    facts=facts,
    accepts=_accepts,
    whole=jwst_level3.RULE_SET.whole | {"Asn_Lv3WFSSNRC"},
    fullest=True,
    candidates_apart=True,
)
