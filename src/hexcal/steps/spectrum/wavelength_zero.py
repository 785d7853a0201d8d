"""The zero point of wavelengths of a source that is not centred in its slit."""

import warnings
from typing import Any

import numpy as np

from hexcal.models.stored_wcs import wcs_of
from hexcal.models.wcs import models
from hexcal.models.wcs.description import Wcs
from hexcal.steps.spectrum.parts import SkipPart
from hexcal.steps.wcs import nirspec_frames, nirspec_slits
from hexcal.steps.wcs.evaluate import transform_points
from hexcal.steps.wcs.spectral import MICRON, slit_coordinates

CORRECTED = "wavecorr_frame"
"""Frame of the WCS behind the correction."""


def correct(part, table):
    """Correct the wavelengths of a slit: its WCS and its array of wavelengths.

    Parameters
    ----------
    part : SlitModel
        The slit, with the place of its source. Changed in place.
    table : astropy.modeling.models.Tabular2D
        Offset in pixels by wavelength (metres) and place of the source in the slit.

    Raises
    ------
    SkipPart
        If no pixel of the slit has a wavelength, or the source is so far outside that wavelengths lose their order.
    """
    wavelength, corrected = relation(part, table)
    steps = np.diff(corrected) * np.sign(np.diff(wavelength))
    if not (steps > 0).all():
        raise SkipPart(
            f"its source lies {part.source_xpos:.3g} slit widths from the middle, so far outside that the correction "
            "would put wavelengths out of their order"
        )
    part.meta.wcs = with_correction(wcs_of(part), wavelength, corrected)
    part.wavelength = slit_coordinates(part).wavelength.astype(np.float32)


def relation(part, table):
    """Return the correction as a table: wavelengths, and corrected ones, one for each column that the slit is seen in.

    Parameters
    ----------
    part, table
        As of `correct`.

    Returns
    -------
    wavelength : float32 array (n,)
    corrected : float64 array (n,)
        Metres.

    Notes
    -----
    JWST pipeline documentation 1.13.5, wavecorr: the offset in pixels, times the dispersion. Both are averages of the
    columns, as release 3.0.0 takes them: of WAVELENGTH, and of the difference of wavelengths between the edges of a
    pixel.
    """
    ny, nx = part.shape[-2:]
    y, x = np.mgrid[:ny, :nx].astype(np.float64)
    right, left = (transform_points(wcs_of(part), "detector", "world", x + half, y)[2] for half in (0.5, -0.5))
    wavelength = _mean(np.asarray(part.wavelength) * np.float32(1e-6))
    dispersion = _mean((right - left) / MICRON)
    known = np.isfinite(wavelength) & np.isfinite(dispersion)
    if known.sum() < 2:
        raise SkipPart("no pixel of it has a wavelength")
    wavelength = wavelength[known]
    offset = offsets(table, wavelength.astype(np.float64), part.source_xpos)
    return wavelength, wavelength + offset * dispersion[known]


def _mean(values):
    """Mean of each column, without NaN; NaN where there is nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        return np.nanmean(values, axis=0)


def offsets(table, wavelength, place):
    """Return the offset in pixels at wavelengths: linear between the points of the table, and beyond its edges."""
    along, across = (np.asarray(axis, np.float64) for axis in table.points)
    values = np.asarray(table.lookup_table, np.float64)
    first, share = _between(along, wavelength)
    column, part = _between(across, np.full(wavelength.shape, float(place)))
    lower = values[first, column] * (1 - part) + values[first, column + 1] * part
    upper = values[first + 1, column] * (1 - part) + values[first + 1, column + 1] * part
    return lower * (1 - share) + upper * share


def _between(points, places):
    """The point before each place, and the share of the way to the next one; of the ends beyond them."""
    before = np.clip(np.searchsorted(points, places, side="right") - 1, 0, len(points) - 2)
    return before, (places - points[before]) / (points[before + 1] - points[before])


def with_correction(wcs, wavelength, corrected) -> Any:
    """Return a WCS with the frame of corrected wavelengths behind slit_frame; linear between the points of a table."""

    def tabulated(points, values, name=None):
        table = models.Tabular1D(points, values, bounds_error=False, fill_value=None, name=name)
        return models.Identity(2) & table

    transform = tabulated(wavelength, corrected, "wave2wavecorr")
    transform.inverse = tabulated(corrected, wavelength)
    frame = nirspec_frames.Frames().slit(CORRECTED)
    steps: Any = []
    wcs = nirspec_slits.required(wcs)
    for step in wcs.pipeline:
        if step.frame.name == CORRECTED:
            continue
        if step.frame.name == nirspec_frames.SLIT:
            beyond = next((later.transform for later in wcs.pipeline if later.frame.name == CORRECTED), step.transform)
            steps += [(step.frame, transform), (frame, beyond)]
        else:
            steps.append((step.frame, step.transform))
    result = Wcs(steps)
    result.bounding_box = wcs.bounding_box
    return result
