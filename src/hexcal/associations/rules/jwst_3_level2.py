"""JWST, release 3.0.0: which exposures stage 2 needs to calibrate one, where it differs from release 1.13.4."""

from dataclasses import replace

from hexcal.associations.rules import jwst_level2
from hexcal.associations.rules.jwst import DETECTOR
from hexcal.associations.rules.jwst_3 import OF_TIME_SERIES, facts, with_changes
from hexcal.associations.tables.relations import apart, differ, rather
from hexcal.associations.tables.table import SET, UNSET, Rule, unlike, when

_1_13_4 = {rule.name: rule for rule in jwst_level2.RULES}
_SPEC = _1_13_4["Asn_Lv2Spec"]
_NOD = _1_13_4["Asn_Lv2MIRLRSFixedSlitNod"]
_FSS = _1_13_4["Asn_Lv2NRSFSS"]
_MSA = _1_13_4["Asn_Lv2NRSMSA"]
_SPECIAL = _1_13_4["Asn_Lv2SpecSpecial"]
_TSO = _1_13_4["Asn_Lv2SpecTSO"]

_LRS = "mir_lrs-fixedslit mir_lrs-slitless"
# The image that confirms where the target is in the slit goes along, whatever it was taken with.
_CONFIRMATION = {"target_acquisition": when(exp_type="mir_taconfirm")}


def _whatever(same):
    return tuple(attribute for attribute in same if attribute != "program")


_CHANGED = (
    replace(_1_13_4["Asn_Lv2WFSC"], type="image2"),
    # Imprint exposures are of the same tile, and if possible of the same dither position; those of the background
    # target go with its exposures.
    replace(
        _SPEC,
        same=(*DETECTOR, "mostilno"),
        members=_SPEC.members
        | {
            "science": _SPEC.members["science"]
            & (when(exp_type=unlike("^nrs_ifu$")) | when(exp_type="nrs_ifu", on_detector=SET)),
            "imprint": _SPEC.members["imprint"] & when(bkgdtarg=UNSET),
            "imprint:background": _SPEC.members["imprint"] & when(bkgdtarg=SET),
        },
        free={"background": ("mostilno",), "imprint:background": ("mostilno",)},
        related={"imprint": (rather("dithptin"),)},
    ),
    replace(
        _NOD,
        members=_NOD.members | _CONFIRMATION,
        free={"target_acquisition": _whatever((*DETECTOR, "patttype"))},
    ),
    # Nods of the same slitlets: the same metafile, and another position.
    replace(
        _MSA,
        same=(*DETECTOR, "expspcin?", "msametfl"),
        members={
            "science": _MSA.members["science"],
            "background": when(exp_type="nrs_msaspec", msametfl=SET, kind="background"),
            "background:nods": when(exp_type="nrs_msaspec", msametfl=SET, kind="science psf"),
            "imprint": _MSA.members["imprint"],
        },
        related={"background:nods": (differ("nod", given=False),)},
    ),
    # In the square aperture, the spectra of neighbours among five nods overlap.
    replace(
        _FSS,
        members={
            "science": _FSS.members["science"],
            "background": _FSS.members["background"],
            "background:square": _FSS.members["background:nods"] & when(fxd_slit="s1600a1", nods="5"),
            "background:nods": _FSS.members["background:nods"]
            & (when(fxd_slit=unlike("^s1600a1$")) | when(nods=unlike("^5$"))),
            "imprint": _FSS.members["imprint"],
        },
        related=_FSS.related | {"background:square": (apart("nod", 2),)},
    ),
    replace(_SPECIAL, members=_SPECIAL.members | {"science": jwst_level2.CALIBRATORS}),
    replace(_TSO, members={"science": _TSO.members["science"] & OF_TIME_SERIES}),
)

_ADDED = (
    Rule(
        "Asn_MIRLRSTAConfirm",
        "spec2",
        "A MIRI LRS spectrum, with images that confirm where the target is, and spectra of the background target.",
        same=DETECTOR,
        members={
            "science": when(exp_type=_LRS, kind="science psf"),
            "background": when(exp_type=_LRS, kind="background", is_tso=UNSET),
        }
        | _CONFIRMATION,
        free={"target_acquisition": _whatever(DETECTOR)},
        alone=True,
    ),
)

POOL = jwst_level2.POOL
RULE_SET = replace(
    jwst_level2.RULE_SET,
    rules=with_changes(jwst_level2.RULES, _CHANGED, _ADDED),
    facts=facts,
    fullest=True,
    candidates_apart=True,
)
