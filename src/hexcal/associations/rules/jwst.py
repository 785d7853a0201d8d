"""JWST: what the rules of both levels know of an exposure.

Facts are attributes beside the columns of the pool:

``kind``
    What an exposure is for: science, target_acquisition, psf, imprint, background, autoflat or autowave.
``is_tso``
    t for a time series: by its type, or because its visit is one (TSOVISIT) and it is no target acquisition.
``is_coron``
    t for a coronagraphic exposure with the occulter in view.
``slit``
    FXD_SLIT; none for S200A1 and S200A2, which go with any slit.
``nod``
    Number of the nod: PATT_NUM counts the positions of all nods, SUBPXPNS of which belong to one.
``on_detector``
    t if the light that grating and filter let through falls on this detector of NIRSpec.
``lamp_on_detector``
    t if the light of this lamp through this grating does.
"""

from hexcal.associations.exposure_roles import ACQUISITIONS, exposure_role, is_coronagraphic, is_time_series

NON_SCIENCE = frozenset(ACQUISITIONS) | frozenset(
    "mir_coroncal nis_focus nrc_focus nrs_focus nrs_image nrs_verify".split()
)
IMAGES = frozenset("fgs_image mir_image nis_image nrc_image nrs_mimf".split())
IMAGE2 = IMAGES | frozenset("mir_4qpm mir_lyot nis_ami nrc_coron nrc_tsimage".split())
SPECTRA = frozenset(
    "mir_lrs-fixedslit mir_lrs-slitless mir_mrs nis_soss nis_wfss nrc_tsgrism nrc_wfss".split()
) | frozenset("nrs_brightobj nrs_fixedslit nrs_ifu nrs_msaspec".split())
LAMPS = frozenset("nrs_autoflat nrs_autowave nrs_lamp".split())

OPTICAL_PATH = ("filter?", "pupil|grating?", "slit?")
DETECTOR = (
    *("program", "instrume", "detector", "exp_type", "filter|band", "pupil|grating?"),
    *("slit?", "subarray?", "channel?", "band?"),
)

OBSERVED = ("observation",)
"""Types of the candidates that are one observation."""

CALIBRATED = IMAGE2 | SPECTRA | NON_SCIENCE
"""Exposure types that stage 2 calibrates."""

# Filter and grating of NIRSpec, and whether their spectrum reaches both detectors (only the first one otherwise).
_DISPERSED = {
    ("f070lp", "g140h"): False,
    ("f070lp", "g140m"): False,
    ("f100lp", "g140h"): True,
    ("f100lp", "g140m"): False,
    ("f170lp", "g235h"): True,
    ("f170lp", "g235m"): False,
    ("f290lp", "g395h"): True,
    ("f290lp", "g395m"): False,
    ("clear", "prism"): False,
}
# Lamp of NIRSpec and the gratings it is made for, in the fixed slits.
_LAMP_GRATINGS = {
    "line1": "g140h g140m",
    "line2": "g235h g235m",
    "line3": "g395h g395m",
    "line4": "prism",
    "flat1": "g140h g140m",
    "flat2": "g235h g235m",
    "flat3": "g395h g395m",
    "flat4": "g140h g140m",
    "flat5": "prism",
    "ref": "g140h",
    "test": "prism",
}
_IFU_GRATINGS = frozenset("g140h g140m g235h g235m g395h g395m prism".split())


def facts(values):
    """Return the facts of an exposure (dict of str to str), from the columns that have a value."""
    slit = values.get("fxd_slit")
    known = {
        "kind": exposure_role(values),
        "is_tso": is_time_series(values),
        "is_coron": is_coronagraphic(values),
        "slit": None if slit in ("s200a1", "s200a2") else slit,
        # Pools of the planning system have OBS_NUM, headers have OBSERVTN.
        "obs_num": values.get("obs_num") or values.get("observtn", "").lstrip("0"),
        "nod": _nod(values),
        "on_detector": _on_detector(values),
        "lamp_on_detector": values.get("exp_type") in LAMPS and _lamp_on_detector(values),
    }
    return {name: "t" if value is True else value for name, value in known.items() if value}


def _nod(values):
    position, positions = values.get("patt_num"), values.get("subpxpns")
    if position is None or positions is None or not (position.isdecimal() and positions.isdecimal() and int(positions)):
        return position
    return str((int(position) - 1) // int(positions) + 1)


def _on_detector(values):
    both = _DISPERSED.get((values.get("filter"), values.get("grating")))
    return both is not None and (both or values.get("detector") == "nrs1")


def _lamp_on_detector(values):
    lamp, grating, mode = values.get("lamp"), values.get("grating"), values.get("opmode")
    if lamp is None or grating is None:
        return False
    if mode == "fixedslit":
        return grating in _LAMP_GRATINGS.get(lamp, "").split()
    if mode == "msaspec":
        return "msametfl" in values and grating != "mirror"
    if mode != "ifu" or grating not in _IFU_GRATINGS:
        return False
    return values.get("detector") == "nrs1" or (grating.endswith("h") and (lamp, grating) != ("flat4", "g140h"))
