"""The WCS of NIRSpec spectra: fixed slits, micro-shutters, integral-field unit, bright objects, lamps.

One WCS for the exposure holds all its slits, or slices: its third input says which.
"""

from functools import partial
from typing import Any

import numpy as np

from hexcal.core import SkipStep
from hexcal.errors import DataUnusable, ReferenceError_
from hexcal.steps.wcs import (
    nirspec_assembly,
    nirspec_boxes,
    nirspec_ifu,
    nirspec_open_slits,
    nirspec_optics,
    nirspec_range,
    spectral_frames,
)
from hexcal.steps.wcs.evaluate import evaluate_points
from hexcal.steps.wcs.nirspec_range import LAMPS
from hexcal.steps.wcs.reference_transforms import content_of, transform_in

FIXED, SHUTTERS, IFU = "FIXEDSLIT", "MSASPEC", "IFU"
"""The ways of light through NIRSpec."""
_MODES = {
    "NRS_FIXEDSLIT": FIXED,
    "NRS_BRIGHTOBJ": FIXED,
    "NRS_MSASPEC": SHUTTERS,
    "NRS_IFU": IFU,
    "NRS_AUTOFLAT": SHUTTERS,
}
_WITHOUT_SLITS = ("IMAGE", "GRATING-ONLY")
"""Modes of lamps (OPMODE) without slits."""
EDGES = (-0.55, 0.55)
"""Edges of a slit, slit_y: a little beyond the opening."""
_COMMON = ("camera", "collimator", "disperser", "fpa", "msa", "wavelengthrange")
_TO_SKY = ("fore", "ote")
_SLICED = ("ifufore", "ifuslicer", "ifupost")
DISPERSION_AXIS = 1
"""Light is dispersed along the rows of the detectors."""


def mode_of(model):
    """Return the way of light: `FIXED`, `SHUTTERS` or `IFU`; None for a lamp without slits."""
    exposure_type = model.meta.exposure.type
    if exposure_type in _MODES:
        return _MODES[exposure_type]
    lamp_mode = str(model.meta.instrument.lamp_mode or "").upper()
    if lamp_mode in _WITHOUT_SLITS:
        return None
    return lamp_mode if lamp_mode in (SHUTTERS, IFU) else FIXED


def sees_sky(model):
    """Whether the sky can be seen; not so in spectra of lamps."""
    return model.meta.exposure.type not in LAMPS


def reference_types(model):
    """Return the types of reference files that the WCS needs (tuple of str)."""
    mode = mode_of(model)
    if mode is None:
        return ()
    types = _COMMON + (_TO_SKY if sees_sky(model) else ())
    if mode != IFU:
        return types
    return (*types, *_SLICED, "chromcorr") if sees_sky(model) else (*types, *_SLICED)


def wcs_of(model, references, log, edges=EDGES, by_slice=True):
    """Return the WCS of a spectroscopic exposure; order and range of wavelengths are set in its metadata.

    Parameters
    ----------
    model : DataModel
        The exposure.
    references : References
        Those of `reference_types`.
    log : logging.Logger
        Of the step.
    edges : (float, float)
        Lower and upper edge of a slit, slit_y.
    by_slice : bool
        Of an integral-field exposure: its slices are kept one by one, as slits are. Else a map of the frame, REGIONS of
        the exposure, says which slice a pixel belongs to, and the WCS takes pixels of the frame.

    Returns
    -------
    Wcs
        With a bounding box for each slit or slice that falls on the detector; the others are left out.

    Raises
    ------
    InputError
        If a keyword or the MSA metadata file is missing.
    DataUnusable
        If no slit falls on the detector.

    Notes
    -----
    JWST pipeline documentation 1.13.5, assign_wcs; Dorner et al. 2016, A&A 592, A113.
    """
    mode = mode_of(model)
    if mode is None:
        raise SkipStep("an exposure of a lamp without slits is not mapped", is_expected=True)
    order, wavelength_range = nirspec_range.set_range(model, references.wavelengthrange, log)
    disperser = nirspec_optics.disperser_of(model, references.disperser, order, log)
    if disperser.wavelength is None:
        raise SkipStep("the mirror does not disperse light: there is no spectrum", is_expected=True)
    # In the frames of slits wavelengths are in metres; those of lamps, which go no further, in micron.
    unit = 1.0 if sees_sky(model) else nirspec_optics.MICRON
    chain = nirspec_optics.SlitChain(disperser, spectral_frames.to_barycentre(model, log), unit)
    to_gwa = nirspec_optics.msa_to_gwa(transform_in(references.collimator, "model", "collimator"), disperser)
    if mode == IFU:
        slits = nirspec_ifu.slices(references, wavelength_range, edges, to_gwa)
    else:
        opened = nirspec_open_slits.open_slits(model, mode, edges, log)
        slits = geometry_of_slits(opened, references.msa, to_gwa)
    path = to_detector(model, references, disperser)
    lit_slits = traced(slits, chain, path, wavelength_range, model.shape[-2:])
    _require_some(lit_slits, slits, model, log)
    steps = list(nirspec_assembly.sky_steps(model, references, mode == IFU, sees_sky(model), log))
    if mode == IFU and not by_slice:
        model.regions = nirspec_ifu.map_of_slices(lit_slits, path, model.shape[-2:])
        return nirspec_assembly.with_map(model.regions, lit_slits, path, steps)
    return nirspec_assembly.of_slits(lit_slits, path, steps, is_ifu=mode == IFU)


def geometry_of_slits(slits, reference, to_gwa):
    """Return the geometry of slits (list of nirspec_optics.SlitGeometry), quadrant by quadrant."""
    geometry = []
    for quadrant in range(1, 6):
        chosen = [slit for slit in slits if slit.quadrant == quadrant]
        if not chosen:
            continue
        table, plane = _quadrant(reference, quadrant)
        beyond = plane | to_gwa
        for slit in chosen:
            geometry.append(_of_table(slit, table, plane, beyond, reference))
    return geometry


def _quadrant(reference, quadrant):
    part = content_of(reference, f"Q{quadrant}", "msa")
    if part is None:
        raise ReferenceError_(
            f"an MSA file has quadrants Q1 to Q5, this one has no Q{quadrant}", where=str(reference.path or "MSA")
        )
    data = np.asarray(part["data"])
    if data.dtype.names:
        data = np.column_stack([np.asarray(data[name], np.float64) for name in data.dtype.names])
    return data, part["model"]


def _of_table(slit, table, plane, beyond, reference):
    """Place and size of one slit: number, x, y, width, height in a row of the table."""
    is_fixed = slit.quadrant == nirspec_open_slits.FIXED_QUADRANT
    row = slit.shutter_id if is_fixed else slit.shutter_id - 1
    if not 0 <= row < len(table):
        raise ReferenceError_(
            f"slit {slit.name} is number {row + 1} of quadrant {slit.quadrant}; the MSA file has {len(table)}",
            where=str(reference.path or "MSA"),
        )
    _, x, y, width, height = table[row]
    if not is_fixed:
        slit = slit._replace(**_scales(table, row, width, height))
    place = nirspec_optics.aperture((x, y), (width, height))
    return nirspec_optics.SlitGeometry(
        slit, slit.slit_id, str(slit.name), (slit.ymin, slit.ymax), place | beyond, None, place | plane
    )


def _scales(table, row, width, height):
    """Pitch of the shutters over the size of their open areas."""
    per_row = nirspec_open_slits.SHUTTERS_PER_ROW
    beside = row + 1 if (row + 1) % per_row else row - 1
    above = row + per_row if row + per_row < len(table) else row - per_row
    if not 0 <= above < len(table):
        return {}
    return {
        "slit_xscale": abs(float(table[beside, 1] - table[row, 1])) / float(width),
        "slit_yscale": abs(float(table[above, 2] - table[row, 2])) / float(height),
    }


def to_detector(model, references, disperser):
    """Return the transforms from the detector to ``sca`` and on to ``gwa``."""
    return (
        nirspec_optics.detector_to_sca(model),
        nirspec_optics.detector_to_gwa(model, references, disperser),
    )


def traced(slits, chain, path, wavelength_range, shape):
    """Return the slits that fall on an exposure, each with its transform and bounding box.

    Parameters
    ----------
    slits : list of SlitGeometry
    chain : SlitChain
    path : (Model, Model)
        From detector to sca, and from sca to gwa.
    wavelength_range : (float, float)
        Metres.
    shape : (int, int)
        (ny, nx) of the exposure.

    Returns
    -------
    list of (SlitGeometry, Model, box)
    """
    lit_slits = []
    pixel_to_gwa: Any = path[0] | path[1]
    gwa_to_pixel = pixel_to_gwa.inverse
    span = (wavelength_range[0] * chain.unit, wavelength_range[1] * chain.unit)
    for slit in slits:
        transform = chain.of_slit(slit.axis_to_gwa, slit.edges, slit.slit_to_gwa)
        box = nirspec_boxes.bounding_box(
            partial(evaluate_points, transform.inverse | gwa_to_pixel),
            partial(evaluate_points, pixel_to_gwa | transform),
            span,
            slit.edges,
            shape,
        )
        if box is not None:
            lit_slits.append((slit, transform, box))
    return lit_slits


def _require_some(lit_slits, slits, model, log):
    """Say which slits are on the detector; DataUnusable if there is none."""
    detector, kept = model.meta.instrument.detector, {slit.key for slit, _, _ in lit_slits}
    outside = [slit.label for slit in slits if slit.key not in kept]
    if outside:
        log.info("Left out, since they are not on detector %s: %s", detector, ", ".join(outside))
    if not lit_slits:
        raise DataUnusable(
            f"no slit or slice falls on detector {detector}, of {len(slits)} that are open"
            if slits
            else f"no slit is open, so that none falls on detector {detector}",
            where=str(model.path or "model in memory"),
            hint="an exposure without spectra on this detector is not calibrated",
        )
    log.info("On detector %s: %s", detector, ", ".join(slit.label for slit, _, _ in lit_slits))


def complete(model, references, log):
    """Set what goes with the WCS: the axis of dispersion; of integral-field exposures the outline on the sky."""
    model.meta.wcsinfo.dispersion_direction = DISPERSION_AXIS
    if mode_of(model) == IFU and sees_sky(model):
        nirspec_ifu.set_region(model, log)
