"""JWST: which exposures stage 2 needs to calibrate one."""

from functools import partial

from hexcal.associations.pool_terms import PoolTerms
from hexcal.associations.rules.jwst import DETECTOR, IMAGE2, LAMPS, NON_SCIENCE, OBSERVED, SPECTRA, facts
from hexcal.associations.rules.jwst_names import candidate_id, is_level2_candidate, level2
from hexcal.associations.tables.relations import differ, equal
from hexcal.associations.tables.table import SET, UNSET, Rule, RuleSet, like, unlike, when
from hexcal.observatories.jwst.exposure_types import exposure_types

# A PSF star is calibrated like any target.
_TARGET = {"kind": "science psf"}
_NOT_TSO = {**_TARGET, "is_tso": UNSET}
_SENSING = like(".wfsc.")
_NO_SENSING = unlike(".wfsc.")
_NO_NODS = unlike("^(2-point-nod|4-point-nod|along-slit-nod)$")
# Spectra of which there is light on the detector.
_EXPOSED = (
    when(exp_type=SPECTRA - {"nrs_ifu", "nrc_tsgrism"})
    | when(exp_type="nrs_ifu", on_detector=SET)
    | when(exp_type="nrc_tsgrism", pupil=unlike("^clear$"), detector=unlike("^nrcblong$"))
)
# Those that have to be calibrated though they are no science.
CALIBRATORS = _EXPOSED & (when(bkgdtarg=SET) | when(is_psf=SET))
_PLAIN_SPECTRA = "mir_lrs-fixedslit mir_lrs-slitless mir_mrs nis_soss nrs_ifu"

# Each exposure makes an association of its own; most share with their companions how they were taken.
_each = partial(Rule, same=DETECTOR, alone=True)

RULES = (
    _each(
        "Asn_Lv2Image",
        "image2",
        "An image, with the images of the background target.",
        members={
            "science": when(exp_type=IMAGE2, visitype=_NO_SENSING, **_NOT_TSO),
            "background": when(exp_type=IMAGE2, kind="background", is_tso=UNSET),
        },
    ),
    _each(
        "Asn_Lv2CoronAsRate",
        "image2",
        "A full-frame coronagraphic exposure of NIRCam, as a plain image.",
        members={
            "science": when(exp_type="nrc_coron", subarray="full", visitype=_NO_SENSING, **_NOT_TSO),
            "background": when(exp_type="nrc_coron", kind="background"),
        },
    ),
    _each(
        "Asn_Lv2FGS",
        "image2",
        "An image of the guider.",
        same=("program",),
        members={
            "science": when(
                exp_type="fgs_focus fgs_image",
                pntgtype=unlike("^target_acq"),
                visitype=_NO_SENSING,
                bkgdtarg=UNSET,
                is_imprt=UNSET,
            )
        },
    ),
    _each(
        "Asn_Lv2ImageNonScience",
        "image2",
        "Target acquisitions and other images that are not science.",
        same=("program",),
        members={
            "science": when(kind="target_acquisition")
            | when(exp_type=NON_SCIENCE)
            | when(exp_type="nrs_msaspec", grating="mirror", msastate="primarypark_allopen")
        },
    ),
    _each(
        "Asn_Lv2ImageSpecial",
        "image2",
        "An image of the background target or of a PSF star, calibrated as if it were science.",
        members={"science": when(exp_type=IMAGE2, visitype=_NO_SENSING) & (when(bkgdtarg=SET) | when(is_psf=SET))},
    ),
    _each(
        "Asn_Lv2ImageTSO",
        "tso-image2",
        "A time series of images.",
        members={"science": when(exp_type=IMAGE2, is_tso=SET, bkgdtarg=UNSET, is_imprt=UNSET, visitype=_NO_SENSING)},
    ),
    _each(
        "Asn_Lv2WFSC",
        "wfs-image2",
        "An image for wavefront sensing and control.",
        same=("program",),
        members={
            "science": when(exp_type=IMAGE2, visitype=_SENSING, **_TARGET)
            & (when(exp_type=IMAGE2 - {"nrc_image"}) | when(dms_note=unlike("^wfsc_los_jitter$")))
        },
    ),
    _each(
        "Asn_Lv2NRSLAMPImage",
        "image2",
        "An image of a NIRSpec lamp.",
        members={"science": when(exp_type="nrs_lamp", grating="mirror") & (when(opmode="image") | when(opmode=UNSET))},
    ),
    _each(
        "Asn_Lv2NRSLAMPSpectral",
        "nrslamp-spec2",
        "A spectrum of a NIRSpec lamp that falls on the detector.",
        members={"science": when(exp_type=LAMPS, lamp_on_detector=SET)},
    ),
    _each(
        "Asn_Lv2Spec",
        "spec2",
        "A spectrum of one target, with the spectra of the background target and imprint exposures.",
        members={
            "science": when(exp_type=_PLAIN_SPECTRA, patttype=_NO_NODS, **_NOT_TSO),
            "background": when(exp_type=_PLAIN_SPECTRA, patttype=_NO_NODS, kind="background", is_tso=UNSET),
            "imprint": when(exp_type=_PLAIN_SPECTRA, patttype=_NO_NODS, mostilno=SET, is_imprt=SET, is_tso=UNSET),
        },
    ),
    _each(
        "Asn_Lv2MIRLRSFixedSlitNod",
        "spec2",
        "A spectrum of a nod along the slit of the MIRI LRS, with the other nods as background.",
        same=(*DETECTOR, "patttype"),
        members={
            "science": when(exp_type="mir_lrs-fixedslit", patttype=like("along-slit-nod"), **_TARGET),
            "background": when(exp_type="mir_lrs-fixedslit", patttype=like("along-slit-nod")),
        },
        related={"background": (differ("patt_num"),)},
        candidates=OBSERVED,
    ),
    _each(
        "Asn_Lv2NRSFSS",
        "spec2",
        "A NIRSpec fixed-slit spectrum, with the other nods along the slit, and the background target, as background.",
        same=(*DETECTOR, "fxd_slit", "expspcin?", "numdthpt", "subpxpns"),
        members={
            "science": when(exp_type="nrs_fixedslit", on_detector=SET, **_TARGET),
            "background": when(exp_type="nrs_fixedslit", kind="background"),
            "background:nods": when(exp_type="nrs_fixedslit", **_TARGET),
            "imprint": when(exp_type="nrs_fixedslit", is_imprt=SET),
        },
        free={"background": ("numdthpt", "subpxpns", "expspcin?")},
        related={"background:nods": (differ("nod"),)},
    ),
    _each(
        "Asn_Lv2NRSIFUNod",
        "spec2",
        "A spectrum of a nod with the NIRSpec IFU, with the other nods as background, and imprint exposures.",
        same=(*DETECTOR, "patttype", "mostilno"),
        members={
            "science": when(exp_type="nrs_ifu", patttype="2-point-nod 4-point-nod", on_detector=SET, **_TARGET),
            "background": when(exp_type="nrs_ifu", kind="science psf background", patttype="2-point-nod 4-point-nod"),
            "imprint": when(exp_type="nrs_ifu", is_imprt=SET),
        },
        free={"imprint": ("patttype",)},
    ),
    _each(
        "Asn_Lv2NRSMSA",
        "spec2",
        "A spectrum through the shutters of NIRSpec, with the other nods in the slitlets as background.",
        same=(*DETECTOR, "expspcin?"),
        members={
            "science": when(exp_type="nrs_msaspec", msametfl=SET, **_TARGET),
            "background": when(exp_type="nrs_msaspec", msametfl=SET, kind="background science psf"),
            "imprint": when(exp_type="nrs_msaspec", is_imprt=SET),
        },
    ),
    _each(
        "Asn_Lv2SpecImprint",
        "spec2",
        "An imprint exposure, calibrated as if it were science.",
        members={"science": _EXPOSED & when(is_imprt=SET)},
    ),
    _each(
        "Asn_Lv2SpecSpecial",
        "spec2",
        "A spectrum of the background target or of a PSF star, calibrated as if it were science, with its imprints.",
        members={
            "science": CALIBRATORS & (when(is_imprt=UNSET) | when(mostilno=SET)),
            "imprint": when(exp_type=SPECTRA, is_imprt=SET, bkgdtarg=SET, mostilno=SET),
        },
        related={"imprint": (equal("bkgdtarg"),)},
        elsewhere=("imprint",),
    ),
    _each(
        "Asn_Lv2SpecTSO",
        "tso-spec2",
        "A time series of spectra.",
        members={
            "science": (_EXPOSED | when(exp_type="nrs_ifu"))
            & when(exp_type=SPECTRA - {"nrs_msaspec", "nrs_fixedslit"}, is_tso=SET, bkgdtarg=UNSET, is_imprt=UNSET)
            & when(visitype=_NO_SENSING)
        },
    ),
    _each(
        "Asn_Lv2WFSSNIS",
        "spec2",
        "A grism exposure of NIRISS, with the products of its direct images.",
        same=("program", "instrume", "targetid", "pupil?"),
        members={
            "science": when(exp_type="nis_wfss", **_TARGET),
            "direct_image": when(exp_type="nis_image", **_TARGET),
            "background": when(exp_type="nis_wfss nis_image", kind="background"),
        },
        needs=("science", "direct_image"),
    ),
    _each(
        "Asn_Lv2WFSSNRC",
        "spec2",
        "A grism exposure of NIRCam, with the products of its direct images.",
        same=("program", "instrume", "targetid", "detector"),
        members={
            "science": when(exp_type="nrc_wfss", **_TARGET),
            "direct_image": when(exp_type="nrc_image", **_TARGET),
            "background": when(exp_type="nrc_wfss nrc_image", kind="background"),
        },
        needs=("science", "direct_image"),
    ),
)

POOL = PoolTerms(
    needed=("filename", "program", "exp_type", "instrume", "detector", "targetid", "asn_candidate"),
    kinds=frozenset(name.lower() for name in exposure_types()),
)
RULE_SET = RuleSet("Lv2", RULES, facts=facts, accepts=is_level2_candidate, describe=level2, identifier=candidate_id)
