"""From telemetry to where an aperture looks: a chain of rotations.

The frames are those of `hexcal.steps.pointing.rotations`.
"""

import enum
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from hexcal.errors import InputError
from hexcal.steps.pointing.aberration import angles_of
from hexcal.steps.pointing.rotations import (
    Z_TO_X,
    axes_at,
    eci2j,
    fgs2gs,
    gs2gsapp,
    position_angle,
    turned,
    v2siaf,
)

GUIDERS = {1: "FGS1_FULL_OSS", 2: "FGS2_FULL_OSS"}


class WCSRef(NamedTuple):
    """A position of the sky and an angle there.

    Parameters
    ----------
    ra, dec, pa : float or None
        Degrees; `pa` north over east.
    """

    ra: float | None = None
    dec: float | None = None
    pa: float | None = None


class Methods(enum.Enum):
    """How the pointing is computed."""

    COARSE_TR_202111 = "coarse_tr_202111"
    TRACK_TR_202111 = "track_tr_202111"
    OPS_TR_202111 = "ops_tr_202111"
    COARSE = COARSE_TR_202111
    TRACK = TRACK_TR_202111
    OPS = OPS_TR_202111
    default = OPS_TR_202111  # noqa: PIE796 - documented alias

    @property
    def func(self):
        """Function of `TransformParameters` that returns what `calc_wcs` does, by this method."""
        return partial(_by_method, calc_wcs, self)

    @property
    def calc_func(self):
        """Function of `TransformParameters` that returns the rotations, by this method."""
        return partial(_by_method, calc_transforms, self)

    @property
    def mnemonics(self):
        """Names of the telemetry that the method needs (tuple of str)."""
        from hexcal.steps.pointing import telemetry

        needs_place = self is not Methods.COARSE_TR_202111
        return tuple(name for name in telemetry.MNEMONICS if needs_place or name not in telemetry.POSITION)


def _by_method(function, method, t_pars):
    return function(replace(t_pars, method=method))


_TRACKING = ("TRACK", "FINEGUIDE", "MOVING")
"""Values of PCS_MODE in which a guide star is held."""


class Pointing(NamedTuple):
    """What telemetry says of one moment, or of the average of some.

    Parameters
    ----------
    q : float64 array (4,)
        Quaternion from ECI to J (SA_ZATTEST1 ... 4; the last is the scalar).
    j2fgs_matrix : float64 array (3, 3)
        From J to guider 1 (SA_ZRFGS2J.., which are stored the other way round).
    fsmcorr : float64 array (2,)
        Correction by the fine steering mirror, arcsec (SA_ZADUCMDX, Y).
    obstime : astropy.time.Time
        When.
    gs_commanded, gs_position : float64 array (2,)
        Where in the ideal frame of the guider the guide star was commanded to be (SA_ZFGGSCMDX, Y) and is
        (SA_ZFGGSPOSX, Y), arcsec.
    fgsid : int or None
        The guider (SA_ZFGDETID).
    """

    q: Any
    j2fgs_matrix: Any
    fsmcorr: Any
    obstime: Any
    gs_commanded: Any
    gs_position: Any
    fgsid: int | None = None


@dataclass
class TransformParameters:
    """What the rotations are computed from; documented names and defaults."""

    allow_default: bool = False
    default_pa_v3: float = 0.0
    detector: str | None = None
    dry_run: bool = False
    engdb_url: str | None = None
    exp_type: str | None = None
    fgsid: int | None = None
    guide_star_wcs: WCSRef = field(default_factory=WCSRef)
    j2fgs_transpose: bool = True
    jwst_velocity: Any = None
    method: Methods = Methods.default
    obsend: float | None = None
    obsstart: float | None = None
    override_transforms: Any = None
    pcs_mode: str | None = None
    pointing: Pointing | None = None
    reduce_func: Any = None
    siaf: Any = None
    siaf_db: Any = None
    tolerance: float = 60.0
    useafter: str | None = None
    v3pa_at_gs: float | None = None

    def as_reprdict(self):
        """All values as their representation (dict of str)."""
        return {item.name: repr(getattr(self, item.name)) for item in fields(self)}

    def update_pointing(self):
        """Read `pointing` from the engineering database."""
        from hexcal.steps.pointing.telemetry import get_pointing

        self.pointing = get_pointing(self)


@dataclass
class Transforms:
    """The rotations, float64 arrays (3, 3); None what a method does not have."""

    m_eci2fgs1: Any = None
    m_eci2gs: Any = None
    m_eci2j: Any = None
    m_eci2siaf: Any = None
    m_eci2sifov: Any = None
    m_eci2v: Any = None
    m_fgs12sifov: Any = None
    m_fgsx2gs: Any = None
    m_gs2gsapp: Any = None
    m_j2fgs1: Any = None
    m_sifov2v: Any = None
    m_sifov_fsm_delta: Any = None
    m_v2siaf: Any = None
    override: Any = field(default=None, repr=False)

    def __post_init__(self):
        override = self.override
        if override is not None:
            values = override if isinstance(override, dict) else {name: getattr(override, name) for name in _MATRICES}
            for name, value in values.items():
                if value is not None:
                    setattr(self, name, np.asarray(value, float))

    def given(self, name, compute):
        """Return a matrix that stands here already, else what ``compute()`` gives, which is kept."""
        if getattr(self, name) is None:
            setattr(self, name, compute())
        return getattr(self, name)

    def to_asdf(self):
        """The matrices as the tree of an ASDF file (dict)."""
        return {"transforms": {name: getattr(self, name) for name in _MATRICES}}

    def write_to_asdf(self, path):
        """Write them to an ASDF file."""
        from hexcal.models import asdf_tree

        asdf_tree.to_file(path, self.to_asdf())

    @classmethod
    def from_asdf(cls, path):
        """Read them from an ASDF file."""
        from hexcal.models import asdf_tree

        content: Any = asdf_tree.from_file(path)
        tree = content.get("transforms")
        if not isinstance(tree, dict) or not set(tree) & set(_MATRICES):
            raise InputError("a file of transforms is required (key 'transforms' with matrices)", where=str(path))
        return cls(**{name: None if tree.get(name) is None else np.array(tree[name], float) for name in _MATRICES})


_MATRICES = tuple(item.name for item in fields(Transforms) if item.name != "override")


def calc_transforms(t_pars):
    """Return the rotations for one pointing.

    Parameters
    ----------
    t_pars : TransformParameters
        With ``pointing`` and ``siaf``.

    Returns
    -------
    Transforms

    Raises
    ------
    InputError
        If the tracking method is asked for and the position of the guide star is not known.

    Notes
    -----
    JWST-STScI-003222 (SM-12) revision C, as summarised in the JWST pipeline documentation 1.13.5,
    set_telescope_pointing.
    """
    method = t_pars.method
    if method is Methods.OPS_TR_202111:
        tracking = str(t_pars.pcs_mode or "").strip().upper() in _TRACKING
        method = Methods.TRACK_TR_202111 if tracking else Methods.COARSE_TR_202111
    t_pars.method = method
    override = t_pars.override_transforms
    transforms = Transforms(override=override)
    guider = _guider(t_pars, is_coarse=method is Methods.COARSE_TR_202111)
    if method is Methods.COARSE_TR_202111:
        _coarse(t_pars, transforms, guider)
    else:
        _track(t_pars, transforms, guider)
    m_v2siaf = transforms.given("m_v2siaf", lambda: v2siaf(t_pars.siaf))
    transforms.given("m_eci2siaf", lambda: Z_TO_X @ m_v2siaf @ transforms.m_eci2v)
    return transforms


def _guider(t_pars, is_coarse):
    """The aperture of the guider: of the one that was asked for, else that of telemetry, or the first.

    Without tracking not the one that takes the exposure.
    """
    other = {"GUIDER1": 2, "GUIDER2": 1}.get(str(t_pars.detector).upper()) if is_coarse else None
    number = t_pars.fgsid or other or t_pars.pointing.fgsid or 1
    if number not in GUIDERS:
        raise InputError(f"there is no guider {number}", where="fgsid", hint="1 or 2")
    return t_pars.siaf_db[GUIDERS[number]]


def _coarse(t_pars, transforms, guider):
    """V from the attitude that the star trackers give: the guide star is where it was commanded to be."""
    pointing = t_pars.pointing
    m_eci2j = transforms.given("m_eci2j", lambda: eci2j(pointing.q))
    m_j2fgs1 = transforms.given("m_j2fgs1", lambda: np.asarray(pointing.j2fgs_matrix, float))
    m_fgsx2gs = transforms.given("m_fgsx2gs", lambda: fgs2gs(pointing.gs_commanded))
    true = m_fgsx2gs @ m_j2fgs1 @ m_eci2j
    m_gs2gsapp = transforms.given("m_gs2gsapp", lambda: gs2gsapp(true, t_pars.jwst_velocity))
    m_eci2gs = transforms.given("m_eci2gs", lambda: Z_TO_X @ m_gs2gsapp @ true)
    transforms.given("m_eci2v", lambda: v2siaf(guider).T @ m_fgsx2gs.T @ Z_TO_X.T @ m_eci2gs)


def _track(t_pars, transforms, guider):
    """V from the catalogue position of the guide star, where the guider sees it, and the roll there."""
    star = t_pars.guide_star_wcs
    if star.ra is None or star.dec is None:
        raise InputError(
            "the position of the guide star (GS_RA, GS_DEC) is needed where it is tracked",
            where=f"PCS_MODE {t_pars.pcs_mode}",
            hint="--method coarse_tr_202111 uses the attitude alone",
        )
    if transforms.m_eci2v is not None:
        return
    coarse = Transforms(override=t_pars.override_transforms)
    _coarse(t_pars, coarse, guider)
    roll = t_pars.v3pa_at_gs
    if roll is None:
        roll = position_angle(coarse.m_eci2gs[0], coarse.m_eci2gs[2]) - guider.v3_idl_yang
    # Where the guide star is in the telescope, and what is at right angles to it there ...
    x, y, z = v2siaf(guider).T @ fgs2gs(t_pars.pointing.gs_position).T @ [0.0, 0.0, 1.0]
    here = np.array(axes_at(np.arctan2(y, x), np.arcsin(z)))
    # ... and on the sky: V3 is at its position angle.
    east, north, out = axes_at(np.radians(star.ra), np.radians(star.dec))
    v2, v3 = turned(east, north, np.radians(roll))
    transforms.m_eci2v = here.T @ np.array([v2, v3, out])


def calc_wcs(t_pars):
    """Return where the aperture and the telescope look.

    Parameters
    ----------
    t_pars : TransformParameters
        With ``pointing`` and ``siaf``.

    Returns
    -------
    wcsinfo, vinfo : WCSRef
        Of the reference point of the aperture, with the position angle of its y axis; of V1, with that of V3.
    transforms : Transforms
        The rotations.
    """
    transforms = calc_transforms(t_pars)
    references = []
    for matrix in (transforms.m_eci2siaf, transforms.m_eci2v):
        references.append(
            WCSRef(*angles_of(matrix[0]), position_angle(matrix[0] / np.linalg.norm(matrix[0]), matrix[2]))
        )
    return references[0], references[1], transforms


__all__ = [
    "Methods",
    "Pointing",
    "TransformParameters",
    "Transforms",
    "WCSRef",
    "calc_transforms",
    "calc_wcs",
]
