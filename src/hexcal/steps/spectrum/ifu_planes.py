"""Slices of integral-field exposures: where their pixels, and the corners of their pixels, lie on the sky."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.wcs import miri_slices, nirspec_slits, oversampling, spectral_parts
from hexcal.steps.wcs.evaluate import transform_points
from hexcal.steps.wcs.spectral import MICRON

HALF = 0.4999
"""Distance from the middle of a pixel to its edge, pixels; a bit less, so that edges belong to the slice."""
HALF_ALONG_NIRSPEC = 0.49
"""The same for the edges along a slice of NIRSpec."""
_ANY_WAVELENGTH = 2e-6
"""Metres; the plane of the slicer does not depend on it."""


@dataclass(frozen=True)
class SlicePlane:
    """One slice of an exposure.

    Parameters
    ----------
    number, channel : int
        As of `spectral.IFUSlice`.
    rows, columns : int array (n,)
        Its pixels in the frame.
    locate : callable
        ``locate(x, y) -> (along, across, wavelength)`` of places on the detector; NaN outside the slice.
    to_sky : callable
        ``to_sky(along, across, wavelength) -> (ra, dec)``, degrees.
    to_field : callable
        ``to_field(along, across) -> (along, across)`` in the field of all slices: of NIRSpec in the plane of the
        slicer, metres; of MIRI alpha and beta, arcsec.
    width : float
        Of the slice, in the unit of `across`.
    along_x : bool
        Whether the slice runs along detector rows (MIRI), or along columns (NIRSpec).
    """

    number: int
    channel: int
    rows: np.ndarray
    columns: np.ndarray
    locate: Callable[..., Any]
    to_sky: Callable[..., Any]
    to_field: Callable[..., Any]
    width: float
    along_x: bool


@dataclass(frozen=True)
class SlicePixels:
    """The pixels of a slice that see something, arrays (n,).

    Parameters
    ----------
    rows, columns : int array
        In the frame.
    along, across, wavelength : float64 array
        Of the middle: in the slice; micron.
    depth : float64 array
        Extent in wavelength, micron.
    ends : float64 array (4, n)
        Position along the slice and wavelength of its one edge, and of the other.
    """

    rows: np.ndarray
    columns: np.ndarray
    along: np.ndarray
    across: np.ndarray
    wavelength: np.ndarray
    depth: np.ndarray
    ends: np.ndarray


def slice_planes(model, channels=None) -> Iterator[SlicePlane]:
    """Yield the slices of an exposure.

    Parameters
    ----------
    model : IFUImageModel
        Of NIRSpec or MIRI, with its WCS.
    channels : collection of int, optional
        Channels of MIRI that are wanted; default all.

    Yields
    ------
    SlicePlane

    Raises
    ------
    InputError
        If there is no WCS of an integral-field exposure.
    """
    wcs = wcs_of(model)
    if wcs is None:
        raise InputError(
            "a WCS is required, there is none",
            where=str(model.path or "model in memory"),
            hint="run the step assign_wcs first",
        )
    parts = [part for part in spectral_parts.slices_of(wcs, model) if channels is None or part.channel in channels]
    divided = oversampling.of(wcs)
    wcs = wcs if divided is None else divided.wcs
    widths = _widths_of_miri(wcs, parts) if model.is_miri else _widths_of_nirspec(wcs, parts)
    seen = {part.channel for part in parts} if model.is_miri else ()
    to_sky = {channel: miri_slices.alpha_beta_to_sky(wcs, channel) for channel in seen}
    for part, width in zip(parts, widths, strict=True):
        rows, columns = np.nonzero(part.member)
        yield SlicePlane(
            part.number,
            part.channel,
            rows + part.row0,
            columns + part.col0,
            _locator(part.evaluate),
            to_sky[part.channel] if model.is_miri else _sky_of_nirspec(wcs, part.number),
            (lambda along, across: (along, across)) if model.is_miri else _field_of_nirspec(wcs, part.number),
            width,
            bool(model.is_miri),
        )


def pixels_of(plane: SlicePlane, whole=True) -> SlicePixels:
    """Return the pixels of a slice, and where their edges lie.

    The extent along the slice and that in wavelength are taken along the two axes of the detector, as if the slice ran
    along one of them (Law et al. 2023, AJ 166, 45).

    Parameters
    ----------
    plane : SlicePlane
        The slice.
    whole : bool
        Whether only those are wanted that are inside the slice with their edges, too; else edges may be NaN.

    Returns
    -------
    SlicePixels
        Those whose middle is inside the slice.
    """
    x, y = plane.columns.astype(np.float64), plane.rows.astype(np.float64)
    reach = HALF if plane.along_x else HALF_ALONG_NIRSPEC
    # The middle, the ends along the slice, and those in wavelength, in one call, which takes longer than its points.
    by_slice, by_wavelength = np.array([0.0, -reach, reach, 0.0, 0.0]), np.array([0.0, 0.0, 0.0, -HALF, HALF])
    by_x, by_y = (by_slice, by_wavelength) if plane.along_x else (by_wavelength, by_slice)
    places = plane.locate((x + by_x[:, None]).ravel(), (y + by_y[:, None]).ravel())
    all_along, all_across, all_waves = (values.reshape(5, -1) for values in places)
    along, across, wavelength = all_along[0], all_across[0], all_waves[0]
    depth = np.abs(all_waves[4] - all_waves[3])
    ends = np.array([all_along[1], all_waves[1], all_along[2], all_waves[2]])
    sees = np.isfinite(along + wavelength)
    if whole:
        sees &= np.isfinite(depth) & np.isfinite(ends).all(axis=0)
    return SlicePixels(
        plane.rows[sees],
        plane.columns[sees],
        along[sees],
        across[sees],
        wavelength[sees],
        depth[sees],
        np.ascontiguousarray(ends[:, sees]),
    )


def _locator(evaluate):
    def locate(x, y):
        wavelength, across, along = evaluate(x, y, on_sky=False)
        return along, across, wavelength

    return locate


def _widths_of_miri(wcs, parts):
    """Distance of neighbouring slices of a channel: the median, arcsec."""
    middles: dict[int, list] = {}
    for part in parts:
        middles.setdefault(part.channel, []).append(_middle_across(part))
    width = {channel: _median_step(values) for channel, values in middles.items()}
    return [width[part.channel] for part in parts]


def _middle_across(part):
    """Beta of a slice: the same for all its pixels."""
    rows, columns = np.nonzero(part.member)
    middle = rows.size // 2
    x, y = np.array([columns[middle] + part.col0 + 0.0]), np.array([rows[middle] + part.row0 + 0.0])
    return float(part.evaluate(x, y, on_sky=False)[1, 0])


def _median_step(values):
    if len(values) < 2:
        raise InputError(f"{len(values)} slice of a channel is in the WCS, at least two are required")
    return float(np.median(np.diff(np.sort(np.asarray(values, np.float64)))))


def _widths_of_nirspec(wcs, parts):
    """Distance of neighbouring slices, in units of the width of each."""
    ends = np.array([[_slicer_x(wcs, part.number, end) for end in (0.0, 1.0)] for part in parts])
    return list(_median_step(ends[:, 0]) / (ends[:, 1] - ends[:, 0]))


def _slicer_x(wcs, number, slit_x):
    """Position in the plane of the slicer of a place in a slice."""
    return float(_field_of_nirspec(wcs, number)(0.0, slit_x)[1])


def _field_of_nirspec(wcs, number):
    numbers = nirspec_slits.slit_numbers(wcs)
    frames = (spectral_parts.SLIT_FRAME, "slicer") if numbers else (None, _to_slicer(wcs, number))
    source = nirspec_slits.slit_wcs(wcs, number) if numbers else wcs

    def to_field(along, across):
        slicer_x, slicer_y, *_ = transform_points(source, *frames, across, along, _ANY_WAVELENGTH)
        return slicer_y, slicer_x

    return to_field


def _to_slicer(wcs, number):
    """From a slice to the plane of the slicer, of a WCS with a map of slices."""
    selector = next(step.transform for step in wcs.pipeline if hasattr(step.transform, "label_mapper"))
    return selector.selector[number + 1].right


def _sky_of_nirspec(wcs, number):
    if nirspec_slits.slit_numbers(wcs):
        slice_wcs = nirspec_slits.slit_wcs(wcs, number)
        return lambda along, across, wavelength: transform_points(
            slice_wcs, spectral_parts.SLIT_FRAME, "world", across, along, wavelength / MICRON
        )[:2]
    to_slicer = _to_slicer(wcs, number)

    def to_sky(along, across, wavelength):
        places = transform_points(wcs, None, to_slicer, across, along, wavelength / MICRON)
        return transform_points(wcs, "slicer", "world", *places)[:2]

    return to_sky
