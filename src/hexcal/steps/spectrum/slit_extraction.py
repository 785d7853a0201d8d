"""Extraction of a spectrum from a slit: where the source is, what is summed, and what is known of it."""

from typing import Any, NamedTuple

import numpy as np

from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.spectrum import box_extraction, unseen
from hexcal.steps.spectrum.apertures import Aperture, centre_at, moved, nominal_aperture
from hexcal.steps.spectrum.extraction_reference import ApertureEntry
from hexcal.steps.spectrum.image_extraction import fitted_image, image_sums, image_weights
from hexcal.steps.spectrum.parts import SkipPart
from hexcal.steps.spectrum.source_place import (
    place_of_sky,
    row_wavelengths,
    trace_in_slit,
    trace_of_sky,
    wavelengths_of,
)

IN_SLITS_OF_NIRSPEC = ("NRS_FIXEDSLIT", "NRS_MSASPEC", "NRS_BRIGHTOBJ")
MAY_BE_OFF_CENTRE = ("MIR_LRS-FIXEDSLIT", "NRS_FIXEDSLIT", "NRS_MSASPEC", "NRS_BRIGHTOBJ")
"""Exposure types whose sources need not be where the reference has its aperture: nods, dithers, catalogues."""


_AT_ONCE = 16
"""Integrations of which contiguous copies are made at one time."""


class Turned(NamedTuple):
    """A slit, dispersed along the last axis.

    Attributes
    ----------
    data : float32 array (nints, ny, nx)
        Values.
    variances : tuple of 3 float32 arrays or None
        VAR_POISSON, VAR_RNOISE, VAR_FLAT.
    wavelengths : float64 array (ny, nx)
        Micron.
    dispaxis : int
        1: the image is as it was; 2: its axes were exchanged.
    """

    data: np.ndarray
    variances: tuple
    wavelengths: np.ndarray
    dispaxis: int

    @property
    def shape(self):
        """(ny, nx)."""
        return self.data.shape[1:]

    def integrations(self, first, last):
        """Return some of the integrations, as contiguous arrays."""

        def part_of(values):
            return None if values is None else np.ascontiguousarray(values[first:last], np.float32)

        return self._replace(data=part_of(self.data), variances=tuple(map(part_of, self.variances)))


def turned(slit, dispaxis) -> Turned:
    """Return a slit with its light dispersed along the last axis, and integrations along the first.

    Pixels of a rectified slit that no pixel of the exposures reached (fillval=INDEF leaves 0) are NaN.
    """

    def turn(values) -> Any:
        if values is None:
            return None
        values = values if values.ndim == 3 else values[None]
        values = values if dispaxis == 1 else np.swapaxes(values, 1, 2)
        # Of many integrations views: copies are made of a few at a time.
        return np.ascontiguousarray(values, np.float32) if len(values) == 1 else values

    variances = tuple(turn(getattr(slit, name)) for name in ("var_poisson", "var_rnoise", "var_flat"))
    data, weights = turn(slit.data), turn(getattr(slit, "wht", None))
    if weights is not None and weights.shape == data.shape:
        data = np.where((weights == 0) & (data == 0), np.float32(np.nan), data)
    return Turned(data, variances, wavelengths_of(slit, slit.shape[-2:], dispaxis), dispaxis)


def uses_source_position(parameter, entry, exposure_type, source_type):
    """Return whether the aperture is moved to the source: by the user, the reference, or the kind of exposure."""
    if parameter is not None:
        return parameter
    if entry.use_source_posn is not None:
        return bool(entry.use_source_posn) and source_type != "EXTENDED"
    return exposure_type in MAY_BE_OFF_CENTRE and source_type == "POINT"


def source_aperture(
    slit, exposure, entry: ApertureEntry, view: Turned, choices, use_position, offset, log, follows=False
) -> Aperture:
    """Return the aperture of a spectrum.

    Parameters
    ----------
    slit, exposure : DataModel
        The slit, and the product that it is a part of (or itself).
    entry : ApertureEntry
        Of the reference.
    view : Turned
        The slit.
    choices : Choices
        What parameters say of the background.
    use_position : bool
        Whether it is moved to the source.
    offset : float
        Pixels by which it is moved besides.
    log : logging.Logger
        Says where it is.
    follows : bool
        Whether it is moved to where the source is at each wavelength, in spectra that are not rectified; those in slits
        of NIRSpec are anyway.

    Returns
    -------
    Aperture
        Cut to where wavelengths are known.
    """
    rows = row_wavelengths(view.wavelengths)
    known = np.flatnonzero(np.isfinite(rows))
    if not len(known):
        raise SkipPart("no pixel has a wavelength")
    aperture = nominal_aperture(entry, view.shape, view.dispaxis, np.nan_to_num(rows), choices)
    if use_position or follows:
        aperture = _at_source(slit, exposure, entry, view, aperture, rows, log, follows)
    if offset:
        aperture = moved(aperture, offset)
    from dataclasses import replace

    aperture = replace(aperture, first=max(aperture.first, int(known[0])), last=min(aperture.last, int(known[-1]) + 1))
    if aperture.first >= aperture.last:
        raise SkipPart("its aperture lies beside the pixels in dispersion direction that have a wavelength")
    low, high = aperture.limits
    log.info("Aperture from %.2f to %.2f along the slit", low, high)
    if high < -0.5 or low > view.shape[0] - 0.5:
        raise SkipPart(f"its aperture, {low:.1f} to {high:.1f}, lies beside the slit of {view.shape[0]} pixels")
    if entry.image is None:
        _tell_missing_background(aperture, view.shape[0], choices.subtract_background, log)
    return aperture


def _tell_missing_background(aperture, n_along, is_wanted, log):
    """Warn if a background is to be subtracted, and there is none."""
    if is_wanted and not aperture.has_background:
        log.warning("subtract_background is set, but the extract1d reference has no bkg_coeff: nothing is subtracted")
    if not aperture.has_background:
        return
    lower = np.maximum(aperture.background_lower, -0.5)[:, aperture.first : aperture.last]
    upper = np.minimum(aperture.background_upper, n_along - 0.5)[:, aperture.first : aperture.last]
    if not (upper > lower).any():
        log.warning(
            "No pixel of the slit, of %d pixels, is in the regions of the background (bkg_coeff of the extract1d "
            "reference, lower and upper limits in turn): nothing is subtracted",
            n_along,
        )


def _at_source(slit, exposure, entry, view, aperture, rows, log, follows):
    """The aperture moved to the source; where that is not known, as it was."""
    known = np.flatnonzero(np.isfinite(rows))
    column = int((known[0] + known[-1] + 1) // 2)
    trace = None
    if exposure.get_meta("meta.exposure.type") in IN_SLITS_OF_NIRSPEC:
        trace = _in_slit(slit, rows, view.dispaxis)
        place = float("nan") if trace is None else float(trace[column])
    else:
        trace = _trace_on_sky(slit, exposure, rows, view.dispaxis) if follows else None
        place = _on_sky(slit, exposure, rows, view.dispaxis, column) if trace is None else float(trace[column])
    if not np.isfinite(place):
        reason = "The place of the source is not known" if trace is None else "The source is outside of its slit"
        log.warning("%s: the aperture stays where the reference puts it", reason)
        return aperture
    if not -0.5 <= place <= view.shape[0] - 0.5:
        log.warning(
            "The source is at %.1f, outside of a slit of %d pixels: the aperture stays where the reference puts it",
            place,
            view.shape[0],
        )
        return aperture
    log.info("The source is at %.2f along the slit, at %.2f micron", place, rows[column])
    if trace is not None and (follows or entry.extract_width is not None) and not entry.src_coeff:
        # The trace of a source is curved in spectra that are not rectified.
        return moved(aperture, np.where(np.isfinite(trace), trace, place) - centre_at(aperture, column, view.shape[0]))
    return moved(aperture, place - centre_at(aperture, column, view.shape[0]))


def _in_slit(slit, rows, dispaxis):
    """Trace of the place that the slit's own coordinates give; None if they do not."""
    x, y = slit.get_meta("source_xpos"), slit.get_meta("source_ypos")
    if x is None or y is None or wcs_of(slit) is None:
        return None
    return trace_in_slit(slit, rows, dispaxis, x, y)


def _on_sky(slit, exposure, rows, dispaxis, column):
    """Place of the target; NaN if it is not known."""
    sky = _target_of(slit, exposure)
    return float("nan") if sky is None else place_of_sky(slit, *sky, rows, dispaxis, column)


def _trace_on_sky(slit, exposure, rows, dispaxis):
    """Trace of the target; None if its place is not known."""
    sky = _target_of(slit, exposure)
    return None if sky is None else trace_of_sky(slit, *sky, rows, dispaxis)


def _target_of(slit, exposure):
    """RA and Dec of the target: of MIRI LRS with a slit those of the dithered pointing; None if they are not known."""
    dither, target = exposure.meta.dither, exposure.meta.target
    ra, dec = target.ra, target.dec
    if exposure.get_meta("meta.exposure.type") == "MIR_LRS-FIXEDSLIT":
        ra, dec = dither.dithered_ra, dither.dithered_dec
    return None if ra is None or dec is None or wcs_of(slit) is None else (ra, dec)


def extracted(view: Turned, aperture, wavelengths, unit, pixel_area, image=None, threads=None):
    """Return the columns of the spectrum of each integration: list of dict, of the whole slit in dispersion direction.

    Parameters
    ----------
    view : Turned
        The slit.
    aperture : Aperture
        The regions.
    wavelengths : float64 array (nx,)
        Micron.
    unit : str
        Of the data.
    pixel_area : float
        sr.
    image : float32 array, optional
        Reference image, as the slit lies in its file, instead of the aperture.
    threads : int, optional
        Default: the number of the run.
    """
    spectra, regions = [], None
    if image is not None:
        regions = fitted_image(image if view.dispaxis == 1 else image.T, view.shape)[None]
    for first in range(0, len(view.data), _AT_ONCE):
        part = view.integrations(first, first + _AT_ONCE)
        if regions is None:
            totals = box_extraction.sums(part.data, part.variances, aperture, threads)
        else:
            totals = np.swapaxes(image_sums(part.data, part.variances, regions, 1), 0, 1)
        spectra += [box_extraction.columns_of(total, wavelengths, unit, pixel_area) for total in totals]
    return spectra


def flag_unseen(spectra, view: Turned, aperture, unit, pixel_area, limit):
    """Flag DO_NOT_USE, in place, wavelengths at which light is not seen, or too little of the background is.

    Parameters
    ----------
    spectra : list of dict
        Of `extracted`.
    view, aperture, unit, pixel_area
        As of `extracted`.
    limit : float
        Share of the light that may be unseen.

    Returns
    -------
    int
        Number of wavelengths that are flagged, and were not.
    """
    number, inside = 0, slice(aperture.first, aperture.last)
    to_level = pixel_area if unit == box_extraction.FLUX_UNIT and pixel_area else 1.0
    for first in range(0, len(view.data), _AT_ONCE):
        data, part = view.integrations(first, first + _AT_ONCE).data, spectra[first : first + _AT_ONCE]
        level = np.nan_to_num([columns["BACKGROUND"] * to_level for columns in part])
        shares, is_known = unseen.of_slit(data, aperture, level), unseen.background_of_slit(data, aperture)
        for k, columns in enumerate(part):
            known = None if is_known is None else is_known[k, inside]
            number += unseen.flag(columns["DQ"][inside], shares[k, inside], limit, known)
    return number


def weights_of(view: Turned, aperture, image=None):
    """Return with which factors the pixels of an image count in what is extracted.

    Parameters
    ----------
    view, aperture, image
        As of `extracted`.

    Returns
    -------
    float64 array (2, ny, nx)
        In the sum less the background, and in the background.
    """
    if image is None:
        return box_extraction.weights(view.data, aperture)
    turned_image = image if view.dispaxis == 1 else image.T
    return image_weights(view.data[0], fitted_image(turned_image, view.shape), 0)
