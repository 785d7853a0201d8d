"""Write where the telescope points into the headers of exposures."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import DataUnusable, InputError
from hexcal.files import gate
from hexcal.steps.pointing.engdb import EngdbError
from hexcal.steps.pointing.rotations import corners_on_sky
from hexcal.steps.pointing.telemetry import get_pointings
from hexcal.steps.pointing.transforms import TransformParameters, Transforms, WCSRef, calc_wcs
from hexcal.steps.wcs.footprint import s_region

EXPECTED_MODELS = ("Level1bModel", "ImageModel", "CubeModel")
"""Models of files that are updated by default: a product with a WCS would be spoilt."""

log = logging.getLogger(__name__)


def add_wcs(
    filename,
    allow_any_file=False,
    force_level1bmodel=False,
    default_pa_v3=0.0,
    siaf_path=None,
    prd=None,
    engdb_url=None,
    fgsid=None,
    tolerance=60,
    allow_default=False,
    reduce_func=None,
    dry_run=False,
    save_transforms=None,
    **transform_kwargs,
):
    """Write the pointing keywords into an exposure, in place.

    Parameters
    ----------
    filename : path-like
        The exposure: raw, or its rates.
    allow_any_file : bool
        Update files of other models, too.
    force_level1bmodel : bool
        Open a file of an unknown model as a raw exposure.
    default_pa_v3, siaf_path, prd, engdb_url, fgsid, tolerance, allow_default, reduce_func, **transform_kwargs
        As of `update_wcs`.
    dry_run : bool
        Write nothing.
    save_transforms : path-like, optional
        ASDF file for the rotations.

    Returns
    -------
    TransformParameters, Transforms

    Raises
    ------
    InputError
        If the file is not one that is updated, or its header lacks what is needed.
    DataUnusable, EngdbError
        If there is no telemetry, and `allow_default` is False.
    """
    from hexcal.models.open import open as open_model
    from hexcal.models.science import Level1bModel

    model: Any = open_model(filename)
    if type(model).__name__ not in EXPECTED_MODELS and not allow_any_file:
        if not (force_level1bmodel and type(model).__name__ == "DataModel"):
            raise InputError(
                f"only raw exposures and rates are updated ({', '.join(EXPECTED_MODELS)}), "
                f"this is a {model.model_type}",
                where=str(filename),
                hint="a product with a WCS would be spoilt; --allow-any-file updates it all the same",
            )
        model = Level1bModel(filename)
    t_pars, transforms = update_wcs(
        model,
        default_pa_v3=default_pa_v3,
        siaf_path=siaf_path,
        prd=prd,
        engdb_url=engdb_url,
        fgsid=fgsid,
        tolerance=tolerance,
        allow_default=allow_default,
        reduce_func=reduce_func,
        dry_run=dry_run,
        **transform_kwargs,
    )
    if not dry_run:
        gate.edits(filename)
        model.save(filename)
    if transforms is not None and save_transforms:
        transforms.write_to_asdf(save_transforms)
    return t_pars, transforms


def update_wcs(
    model,
    default_pa_v3=0.0,
    default_roll_ref=0.0,
    siaf_path=None,
    prd=None,
    engdb_url=None,
    fgsid=None,
    tolerance=60,
    allow_default=False,
    reduce_func=None,
    **transform_kwargs,
):
    """Write the pointing keywords into the metadata of an exposure.

    Parameters
    ----------
    model : DataModel
        The exposure, changed.
    default_pa_v3, default_roll_ref : float
        Position angles for an exposure without telemetry, degrees. The latter is that of V3 at the aperture.
    siaf_path, prd : str, optional
        Another table of apertures than that of Hexcal: not offered.
    engdb_url : str, optional
        File of telemetry, or address of the engineering database.
    fgsid : int, optional
        The guider of the coarse method; default: as telemetry says.
    tolerance : float
        Seconds beyond the observation in which telemetry is looked for.
    allow_default : bool
        Without telemetry take the position of the target.
    reduce_func : callable, optional
        Makes one pointing of a list of them; default: their average.
    **transform_kwargs
        Further values of `TransformParameters`, such as ``method`` and ``override_transforms``.

    Returns
    -------
    TransformParameters, Transforms or None
        None where there was no telemetry.
    """
    if siaf_path is not None or prd is not None:
        raise InputError(
            "Hexcal has one table of apertures; siaf_path and prd cannot choose another",
            where="siaf_path" if siaf_path is not None else "prd",
            hint="tools/siaf_table.py renews the table from another release of the PRD",
        )
    t_pars = t_pars_from_model(
        model,
        default_pa_v3=default_pa_v3,
        engdb_url=engdb_url,
        fgsid=fgsid,
        tolerance=tolerance,
        allow_default=allow_default,
        reduce_func=reduce_func,
        **transform_kwargs,
    )
    try:
        if t_pars.pointing is None:
            t_pars.update_pointing()
        wcsinfo, vinfo, transforms = calc_wcs(t_pars)
        quality = f"CALCULATED_{t_pars.method.value.upper()}"
    except (DataUnusable, EngdbError) as error:
        if not allow_default:
            raise
        log.warning("Without telemetry, the position of the target is used: %s", error.message)
        wcsinfo, vinfo, transforms, quality = *_planned(model, default_pa_v3, default_roll_ref, t_pars), None, "PLANNED"
    _write(model, t_pars.siaf, wcsinfo, vinfo, quality)
    return t_pars, transforms


def t_pars_from_model(model, **values):
    """Return what the rotations are computed from, as the header of an exposure has it.

    Parameters
    ----------
    model : DataModel
        The exposure.
    **values
        Of `TransformParameters`; they go before those of the header.

    Raises
    ------
    InputError
        If the aperture (APERNAME) is missing or not in the table, or the time of the exposure (EXPSTART, EXPEND) is
        missing, or it is of a guider function.
    """
    meta = model.meta
    if model.is_guiding if hasattr(model, "is_guiding") else False:
        raise InputError(
            f"the pointing of guider exposures is not computed (EXP_TYPE {meta.exposure.type})", where=str(model.path)
        )
    apertures = model.observatory.apertures
    name = meta.aperture.name
    if name not in apertures:
        from hexcal.errors import unknown_name

        if name is None:
            raise InputError("the aperture (APERNAME) is needed, it is not set", where=str(model.path))
        raise unknown_name("aperture", name, apertures, where=f"APERNAME of {model.path}", error=InputError)
    star = meta.guidestar
    velocity = [model.get_meta(f"meta.ephemeris.velocity_{axis}_bary") for axis in "xyz"]
    header = {
        "siaf": apertures[name],
        "siaf_db": apertures,
        "detector": meta.instrument.detector,
        "exp_type": meta.exposure.type,
        "obsstart": meta.exposure.start_time,
        "obsend": meta.exposure.end_time,
        "pcs_mode": star.gs_pcs_mode,
        "guide_star_wcs": WCSRef(star.gs_ra, star.gs_dec, star.gs_v3_pa_science),
        "jwst_velocity": None if None in velocity else np.array(velocity),
        "useafter": meta.observation.date,
    }
    if header["obsstart"] is None or header["obsend"] is None:
        raise InputError("the time of the exposure (EXPSTART, EXPEND) is needed, it is not set", where=str(model.path))
    return TransformParameters(**{**header, **values})


def _planned(model, default_pa_v3, default_roll_ref, t_pars):
    """The pointing by the position of the target."""
    ra, dec = model.meta.target.ra, model.meta.target.dec
    if ra is None or dec is None:
        raise InputError(
            "there is neither telemetry nor a position of the target (TARG_RA, TARG_DEC)", where=str(model.path)
        )
    pa_of_y = default_roll_ref + t_pars.siaf.v3_idl_yang if default_roll_ref else default_pa_v3
    return WCSRef(ra, dec, pa_of_y), WCSRef(ra, dec, default_pa_v3)


def _write(model, aperture, wcsinfo, vinfo, quality):
    meta = model.meta
    meta.wcsinfo.v2_ref, meta.wcsinfo.v3_ref = aperture.v2_ref, aperture.v3_ref
    meta.wcsinfo.v3yangle, meta.wcsinfo.vparity = aperture.v3_idl_yang, aperture.v_idl_parity
    meta.pointing.ra_v1, meta.pointing.dec_v1, meta.pointing.pa_v3 = vinfo
    meta.wcsinfo.ra_ref, meta.wcsinfo.dec_ref = wcsinfo.ra, wcsinfo.dec
    meta.wcsinfo.roll_ref = wcsinfo.pa - aperture.v3_idl_yang
    meta.aperture.position_angle = wcsinfo.pa
    meta.visit.engdb_pointing_quality = quality
    if aperture.corners:
        meta.wcsinfo.s_region = s_region(corners_on_sky(aperture, wcsinfo))
    if _is_imaging(model):
        _write_linear(model, aperture, wcsinfo)


def _is_imaging(model):
    return model.observatory.exposure_fact(model.meta.exposure.type, "wcs") in ("imaging", "nirspec_imaging")


def _write_linear(model, aperture, wcsinfo):
    """The keywords of a tangent plane, of images."""
    info, angle = model.meta.wcsinfo, np.radians(wcsinfo.pa)
    info.wcsaxes, info.ctype1, info.ctype2, info.cunit1, info.cunit2 = 2, "RA---TAN", "DEC--TAN", "deg", "deg"
    info.crval1, info.crval2 = wcsinfo.ra, wcsinfo.dec
    if aperture.x_ref is not None and aperture.x_scale is not None:
        info.crpix1, info.crpix2 = aperture.x_ref, aperture.y_ref
        info.cdelt1, info.cdelt2 = aperture.x_scale / 3600, aperture.y_scale / 3600
    parity = aperture.v_idl_parity
    info.pc1_1, info.pc1_2 = float(parity * np.cos(angle)), float(np.sin(angle))
    info.pc2_1, info.pc2_2 = float(-parity * np.sin(angle)), float(np.cos(angle))
    model.meta.coordinates.reference_frame = "ICRS"


def calc_wcs_over_time(obsstart, obsend, t_pars):
    """Return the pointings during an interval.

    Parameters
    ----------
    obsstart, obsend : float
        MJD.
    t_pars : TransformParameters
        All else.

    Returns
    -------
    obstimes : list of astropy.time.Time
    wcsinfos, vinfos : list of WCSRef
        As of `calc_wcs`, one of each per pointing.
    """
    from dataclasses import replace

    t_pars = replace(t_pars, obsstart=obsstart, obsend=obsend)
    pointings = get_pointings(t_pars)
    if t_pars.reduce_func is not None:
        reduced = t_pars.reduce_func(pointings)
        pointings = reduced if isinstance(reduced, list) else [reduced]
    rows = [(pointing.obstime, *calc_wcs(replace(t_pars, pointing=pointing))[:2]) for pointing in pointings]
    return tuple(map(list, zip(*rows, strict=True)))


def transforms_path(filename):
    """The file for the rotations of an exposure: its name with ``_transforms.asdf``."""
    path = Path(filename)
    return path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.fits')}_transforms.asdf")


__all__ = ["Transforms", "add_wcs", "calc_wcs_over_time", "t_pars_from_model", "transforms_path", "update_wcs"]
