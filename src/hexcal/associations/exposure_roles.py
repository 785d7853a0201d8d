"""What one exposure of a pool is for, by its type and the marks it has."""

__all__ = [
    "ACQUISITIONS",
    "INVALID_VALUES",
    "TIME_SERIES",
    "exposure_role",
    "is_ami",
    "is_coronagraphic",
    "is_time_series",
]

INVALID_VALUES = (None, "", *"NULL Null null -- N n F f FALSE false False N/A n/a".split())
"""Texts of a pool that mean that there is no value."""

ACQUISITIONS = (
    *("mir_tacq", "mir_taconfirm", "nis_taconfirm", "nis_tacq", "nrc_taconfirm", "nrc_tacq"),
    *("nrs_confirm", "nrs_msata", "nrs_taconfirm", "nrs_tacq", "nrs_taslit", "nrs_wata"),
)

TIME_SERIES = ("nrc_tsimage", "nrc_tsgrism", "nrs_brightobj")
"""Types that are always time series."""

# Of the type alone. A type that is not listed is science, unless a mark says otherwise.
_OF_TYPE = {
    "autoflat": ("nrs_autoflat",),
    "autowave": ("nrs_autowave",),
    "dark": ("fgs_dark", "mir_darkimg", "mir_darkmrs", "nis_dark", "nrc_dark", "nrs_dark"),
    "engineering": ("nis_focus", "nis_lamp", "nrc_focus", "nrc_led", "nrs_focus", "nrs_image", "nrs_lamp"),
    "flat": (
        *("fgs_intflat", "fgs_skyflat", "mir_flatimage", "mir_flatimage-ext", "mir_flatmrs", "mir_flatmrs-ext"),
        "nrc_flat",
    ),
    "target_acquisition": ACQUISITIONS,
}
_ROLE = {exp_type: role for role, types in _OF_TYPE.items() for exp_type in types}
_MARKS = {"is_psf": "psf", "is_imprt": "imprint", "bkgdtarg": "background"}

_CORONAGRAPHIC = ("mir_4qpm", "mir_lyot", "nrc_coron")
# NIRCam full frames: the other short-wave detectors of module A do not see the mask of this pupil.
_SEES_MASK = {"maskrnd": "nrca2", "maskbar": "nrca4"}
_SHORT_WAVE_A = ("nrca1", "nrca2", "nrca3", "nrca4")


def _given(item, column):
    """The value of a column in lower case, or None where it means that there is none."""
    value = item.get(column)
    return None if value in INVALID_VALUES else str(value).lower()


def exposure_role(item, default="science"):
    """Return the role of an exposure, see `DMSBaseMixin.get_exposure_type`; without a default, raise LookupError."""
    if _given(item, "pntgtype") == "target_acquisition":
        return "target_acquisition"
    role = _ROLE.get(_given(item, "exp_type"))
    if role is None:
        role = next((marked for column, marked in _MARKS.items() if _given(item, column) is not None), default)
    if role is None:
        raise LookupError(f"the role of an exposure of type '{item.get('exp_type')}' is not known")
    return role


def _is_science_pointing(item):
    return _given(item, "pntgtype") in (None, "science")


def is_time_series(item, others=()):
    """Whether an exposure belongs to a time series (bool); `others` are types that count as such."""
    exp_type = _given(item, "exp_type")
    if not _is_science_pointing(item) or exp_type in ACQUISITIONS or exp_type == "nrs_verify":
        return False
    marked = _given(item, "tsovisit") in ("t", "true")
    return marked or exp_type in TIME_SERIES or exp_type in [name.lower() for name in others]


def is_ami(item):
    """Whether an exposure is one of aperture masking interferometry (bool)."""
    return _is_science_pointing(item) and _given(item, "exp_type") == "nis_ami"


def is_coronagraphic(item):
    """Whether an exposure is coronagraphic (bool)."""
    exp_type = _given(item, "exp_type")
    if not _is_science_pointing(item) or exp_type not in _CORONAGRAPHIC:
        return False
    detector, mask = _given(item, "detector"), _given(item, "pupil")
    if exp_type == "nrc_coron" and _given(item, "subarray") == "full" and mask in _SEES_MASK:
        return detector not in _SHORT_WAVE_A or detector == _SEES_MASK[mask]
    return True
