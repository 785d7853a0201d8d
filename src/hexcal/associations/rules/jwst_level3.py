"""JWST: which exposures stage 3 combines."""

from functools import partial

from hexcal.associations.rules.jwst import IMAGES, OBSERVED, OPTICAL_PATH, facts
from hexcal.associations.rules.jwst_names import candidate_id, is_observed_together, level3
from hexcal.associations.tables.table import SET, UNSET, Rule, RuleSet, like, unlike, when
from hexcal.models.association_check import STAGE_3

_TARGET = ("program", "instrume", "targetid")
_PATH = (*_TARGET, *OPTICAL_PATH, "subarray")
_LAMPS = {"autoflat": when(exp_type="nrs_autoflat"), "autowave": when(exp_type="nrs_autowave")}
_TARGETS = ("science", "psf", "background")
_OTHER_TARGET = {"background": ("targetid",), "psf": ("targetid",)}
_OTHER_BACKGROUND = {"background": ("targetid",)}


def _of(exposures, *kinds):
    """Exposures of several kinds, each in the role of its name."""
    return {kind: exposures & when(kind=kind) for kind in kinds}


# The target acquisitions of the same observations go along.
_combined = partial(Rule, acquisitions=True)

RULES = (
    _combined(
        "Asn_Lv3Image",
        "image3",
        "Images of one target through one optical path.",
        same=(*_PATH, "exp_type"),
        members=_of(when(exp_type=IMAGES, visitype=unlike("wfsc"), is_tso=UNSET, bkgdtarg=UNSET), "science", "psf"),
    ),
    _combined(
        "Asn_Lv3ImageBackground",
        "image3",
        "Images of the background target through one optical path.",
        same=(*_PATH, "exp_type", "bkgdtarg"),
        members={"science": when(exp_type=IMAGES, visitype=unlike("wfsc"), is_tso=UNSET, bkgdtarg=SET, is_imprt=UNSET)},
    ),
    _combined(
        "Asn_Lv3AMI",
        "ami3",
        "Interferograms of a target and of a PSF star.",
        same=_PATH,
        members=_of(when(exp_type="nis_ami"), *_TARGETS),
        free=_OTHER_TARGET,
        needs=("science", "psf"),
    ),
    _combined(
        "Asn_Lv3MIRCoron",
        "coron3",
        "Coronagraphic images of MIRI of a target and of a PSF star.",
        same=(*_PATH, "exp_type"),
        members=_of(when(exp_type="mir_lyot mir_4qpm", bkgdtarg=UNSET), "science", "psf"),
        free=_OTHER_TARGET,
        needs=("science", "psf"),
    ),
    _combined(
        "Asn_Lv3NRCCoron",
        "coron3",
        "Coronagraphic images of NIRCam of a target and of a PSF star, from the detectors that hold the target.",
        same=_PATH,
        members=_of(when(exp_type="nrc_coron", instrume="nircam", is_coron=SET, bkgdtarg=UNSET), "science", "psf"),
        free=_OTHER_TARGET,
        needs=("science", "psf"),
    ),
    _combined(
        "Asn_Lv3NRCCoronImage",
        "image3",
        "Full frames of the short-wave detectors of NIRCam behind the coronagraph, as plain images.",
        same=_PATH,
        members={"science": when(exp_type="nrc_coron", kind="science", subarray="full", channel="short", is_tso=UNSET)},
        naming={"ending": "-image3", "plain": True},
    ),
    _combined(
        "Asn_Lv3MIRMRS",
        "spec3",
        "IFU spectra of MIRI of one target, with those of the background target.",
        same=_TARGET,
        members=_of(when(exp_type="mir_mrs", is_tso=UNSET), *_TARGETS),
        free=_OTHER_BACKGROUND,
        naming={"path": (), "subarray": False},
    ),
    _combined(
        "Asn_Lv3MIRMRSBackground",
        "spec3",
        "IFU spectra of MIRI of the background target.",
        same=_TARGET,
        members={"science": when(exp_type="mir_mrs", is_tso=UNSET, bkgdtarg="t", is_imprt=UNSET)},
        naming={"path": (), "subarray": False},
    ),
    _combined(
        "Asn_Lv3NRSIFU",
        "spec3",
        "IFU spectra of NIRSpec of one target through one grating, with those of the background target.",
        same=(*_TARGET, "patttype", "grating"),
        members=_of(when(exp_type="nrs_ifu", is_tso=UNSET, on_detector=SET), *_TARGETS)
        | {"autowave": when(exp_type="nrs_autowave", on_detector=SET)},
        free=_OTHER_BACKGROUND,
        naming={"path": ("grating",), "subarray": False},
    ),
    _combined(
        "Asn_Lv3NRSIFUBackground",
        "spec3",
        "IFU spectra of NIRSpec of the background target through one grating.",
        same=(*_TARGET, "grating"),
        members={"science": when(exp_type="nrs_ifu", is_tso=UNSET, on_detector=SET, bkgdtarg="t", is_imprt=UNSET)},
        naming={"path": ("grating",), "subarray": False},
    ),
    _combined(
        "Asn_Lv3NRSFSS",
        "spec3",
        "Fixed-slit spectra of NIRSpec of one target, with those of the background target; the products are by slit.",
        same=_PATH,
        members=_of(when(exp_type="nrs_fixedslit", fxd_slit=SET, is_tso=UNSET, on_detector=SET), *_TARGETS)
        | {role: lamp & when(on_detector=SET) for role, lamp in _LAMPS.items()},
        free=_OTHER_BACKGROUND,
        naming={"source": "{source_id}", "slit": "{slit_name}"},
    ),
    _combined(
        "Asn_Lv3SpecAux",
        "spec3",
        "Slit spectra of the background target.",
        same=(*_PATH, "exp_type"),
        members={
            "science": when(exp_type="mir_lrs-fixedslit nrs_fixedslit", is_tso=UNSET, bkgdtarg="t", is_imprt=UNSET)
        },
    ),
    _combined(
        "Asn_Lv3SlitlessSpectral",
        "spec3",
        "Slitless spectra of one target that are no time series.",
        same=_PATH,
        members=_of(when(exp_type="nis_soss", is_tso=UNSET, patttype=UNSET), *_TARGETS),
        free=_OTHER_BACKGROUND,
    ),
    _combined(
        "Asn_Lv3SpectralSource",
        "spec3",
        "Spectra of many sources; the products are by source.",
        same=_PATH,
        members=_of(
            when(exp_type="nrc_wfss", is_tso=UNSET) | when(exp_type="nrs_msaspec", msametfl=SET, is_tso=UNSET),
            *_TARGETS,
        )
        | _LAMPS,
        free=_OTHER_BACKGROUND,
        naming={"source": "{source_id}"},
    ),
    _combined(
        "Asn_Lv3SpectralTarget",
        "spec3",
        "Slit spectra of one target, with the nods as background of one another.",
        same=(*_PATH, "patttype"),
        members=_of(when(exp_type="mir_lrs-fixedslit nis_soss", is_tso=UNSET, patttype=like("nod")), *_TARGETS),
        free=_OTHER_BACKGROUND,
        also={"background": when(kind="science", patttype=like("nod"))},
    ),
    _combined(
        "Asn_Lv3TSO",
        "tso3",
        "A time series of one target.",
        same=(*_PATH, "exp_type"),
        members={
            "science": when(
                is_tso=SET,
                exp_type=unlike(
                    "^(mir_mrs|mir_flatmrs|nrs_autowave|nrs_ifu|nrc_tsgrism|.*dark.*|.*flat.*|nis_lamp|nrc_led)$"
                ),
                kind="science",
            )
            | when(
                exp_type="nrc_tsgrism",
                is_tso=SET,
                pupil=unlike("^clear$"),
                detector=unlike("^nrcblong$"),
                kind="science",
            )
        },
        candidates=OBSERVED,
    ),
    _combined(
        "Asn_Lv3WFSCMB",
        "wfs-image3",
        "Pairs of dithered images for the phasing of the mirrors.",
        same=(*_PATH, "detector", "obs_id", "act_id"),
        members=_of(when(exp_type=IMAGES, patttype=like("wfsc"), dms_note=unlike("^wfsc_los_jitter$")), *_TARGETS),
        free=_OTHER_TARGET,
        least=2,
        naming={"ending": "-{detector}_{suffix}-{act_id}"},
    ),
    _combined(
        "Asn_Lv3WFSSNIS",
        "spec3",
        "Grism exposures of NIRISS through one filter; the products are by source.",
        same=(*_TARGET, "filter?", "pupil"),
        members=_of(when(exp_type="nis_wfss", is_tso=UNSET), *_TARGETS),
        free=_OTHER_BACKGROUND,
        naming={"source": "{source_id}", "subarray": False},
    ),
)

RULE_SET = RuleSet(
    "Lv3",
    RULES,
    facts=facts,
    accepts=is_observed_together,
    describe=level3,
    identifier=candidate_id,
    whole=frozenset(rule.name for rule in RULES) - {"Asn_Lv3TSO"},
    combines=True,
    schema=STAGE_3,
)
