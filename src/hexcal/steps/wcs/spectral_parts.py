"""The slices of an integral-field exposure, as its stored WCS knows them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.errors import InputError
from hexcal.steps.wcs import miri_slices, nirspec_slits, oversampling
from hexcal.steps.wcs.evaluate import box_of, transform_points

SLIT_FRAME = "slit_frame"
"""Frame of NIRSpec: position in a slit, in units of its width and height, and wavelength (metres)."""
_SLICER = "slicer"


def is_of_many_slits(wcs):
    """Whether a WCS holds the transforms of several slits."""
    return bool(nirspec_slits.slit_numbers(wcs))


def sees_sky(wcs):
    """Whether a WCS reaches the sky; those of lamps do not."""
    return "world" in wcs.available_frames


def blanked(wcs, x, y, planes):
    """Return planes with NaN where x, y are outside the bounding box of a WCS, or one of the planes is NaN already."""
    x, y = np.asarray(x), np.asarray(y)
    box, outside = box_of(wcs), np.zeros(x.shape, bool)
    if box is not None:
        outside = ~((x >= box[0]) & (x <= box[1]) & (y >= box[2]) & (y <= box[3]))
    for plane in planes:
        outside = outside | np.isnan(plane)
    return tuple(np.where(outside, np.nan, plane) for plane in planes)


def pixels_in_box(wcs, shape):
    """Return the rows and columns of an image that have pixels in the bounding box of a WCS: a pair of slices."""
    box = box_of(wcs)
    if box is None:
        return np.s_[: shape[0], : shape[1]]
    first_row, last_row = _pixels(box[2], box[3], shape[0])
    first_column, last_column = _pixels(box[0], box[1], shape[1])
    return np.s_[first_row : max(last_row + 1, first_row), first_column : max(last_column + 1, first_column)]


@dataclass(frozen=True)
class Part:
    """One slice: which pixels it has, and what evaluates them.

    Parameters
    ----------
    number, channel : int
        As of `spectral.IFUSlice`.
    row0, col0 : int
        First pixel.
    member : bool array (ny, nx)
        Which pixels of the window belong to the slice.
    evaluate : callable
        ``evaluate(x, y, on_sky=True) -> (ra, dec, wavelength, across, along)``, arrays of points; without the first two
        if not `on_sky`.
    """

    number: int
    channel: int
    row0: int
    col0: int
    member: np.ndarray
    evaluate: Any

    def coordinates(self):
        """Return (ra, dec, wavelength, across, along) of the window; NaN outside the slice."""
        rows, columns = np.nonzero(self.member)
        values = self.evaluate(columns + float(self.col0), rows + float(self.row0))
        known = np.isfinite(values[2:]).all(axis=0)
        planes = np.full((5, *self.member.shape), np.nan)
        for plane, points in zip(planes, values, strict=True):
            plane[rows[known], columns[known]] = points[known]
        return tuple(planes)


def slices_of(wcs, model):
    """Yield the slices (Part) of an integral-field exposure.

    Raises
    ------
    InputError
        If the WCS is not one of slices.
    """
    yield from _slices(wcs, model.shape[-2:], model)


def _slices(wcs, shape, model):
    divided = oversampling.of(wcs)
    if divided is not None:
        native = tuple(n // (divided.factor if axis == divided.axis else 1) for axis, n in enumerate(shape))
        for part in _slices(divided.wcs, native, model):
            yield _divided_part(part, divided)
    elif is_of_many_slits(wcs):
        yield from _of_slit_list(wcs, shape)
    elif _SLICER in wcs.available_frames:
        yield from _of_slice_map(wcs, shape)
    elif miri_slices.is_of_mrs(wcs):
        yield from _of_mrs(wcs, shape)
    else:
        raise InputError(
            "the WCS of an integral-field exposure is required; "
            f"this one has the frames {', '.join(wcs.available_frames)}",
            where=str(model.path or "model in memory"),
            hint="run assign_wcs on an exposure of NIRSpec IFU or MIRI MRS",
        )


def _divided_part(part, divided):
    """A slice in fine pixels."""
    corner = [part.row0, part.col0]
    corner[divided.axis] *= divided.factor

    def evaluate(x, y, on_sky=True):
        return part.evaluate(*divided.to_detector(x, y), on_sky)

    return Part(part.number, part.channel, corner[0], corner[1], divided.fine(part.member), evaluate)


def _of_slit_list(wcs, shape):
    """Slices of NIRSpec whose transforms stand in a list: each has a bounding box."""
    for number in nirspec_slits.slit_numbers(wcs):
        slit_wcs = nirspec_slits.slit_wcs(wcs, number)
        box = box_of(slit_wcs)
        if box is None:
            raise InputError(f"slice {number} has no bounding box in the WCS", hint="run the step assign_wcs again")
        first_row, last_row = _pixels(box[2], box[3], shape[0])
        first_column, last_column = _pixels(box[0], box[1], shape[1])
        member = np.ones((max(last_row - first_row + 1, 0), max(last_column - first_column + 1, 0)), bool)
        if member.size:
            yield Part(int(number), 0, first_row, first_column, member, _slice_evaluator(slit_wcs))


def _pixels(lower, upper, length):
    """First and last pixel whose centres lie between two edges, inside the frame."""
    return max(int(np.ceil(lower)), 0), min(int(np.floor(upper)), length - 1)


def _slice_evaluator(wcs):
    def evaluate(x, y, on_sky=True):
        slit_x, slit_y, wavelength, *_ = transform_points(wcs, "detector", SLIT_FRAME, x, y)
        if not sees_sky(wcs):
            nowhere = [np.full_like(wavelength, np.nan)] * 2 if on_sky else []
            return np.array([*nowhere, wavelength, slit_x, slit_y])
        world = transform_points(
            wcs, SLIT_FRAME, wcs.available_frames[-1], slit_x, slit_y, wavelength, wanted=None if on_sky else (2,)
        )
        return np.array([*world, slit_x, slit_y])

    return evaluate


def _of_slice_map(wcs, shape):
    """Slices of NIRSpec that a map of the frame tells apart (the way of release 3.0.0), numbered from 1 in it."""
    selector = next(step.transform for step in wcs.pipeline if hasattr(step.transform, "label_mapper"))
    labels = np.asarray(selector.label_mapper.mapper)
    _require_shape(labels, shape)
    for label, (row0, col0, member) in _labelled(labels).items():
        yield Part(int(label) - 1, 0, row0, col0, member, _map_evaluator(wcs, selector.selector[label]))


def _map_evaluator(wcs, to_slicer):
    to_slit, to_slicer_plane = to_slicer.left, to_slicer.right

    def evaluate(x, y, on_sky=True):
        slit_x, slit_y, metres = transform_points(wcs, None, to_slit, x, y)
        places = transform_points(wcs, None, to_slicer_plane, slit_x, slit_y, metres)
        world = transform_points(wcs, _SLICER, wcs.available_frames[-1], *places, wanted=None if on_sky else (2,))
        return np.array([*world, slit_x, slit_y])

    return evaluate


def _of_mrs(wcs, shape):
    """Slices of MIRI MRS: their label is 100 times the channel, and the number of the slice."""
    labels = miri_slices.labels_of(wcs)
    _require_shape(labels, shape)
    evaluators = miri_slices.evaluators(wcs)
    for label, (row0, col0, member) in _labelled(labels).items():
        if label in evaluators:
            yield Part(int(label) % 100, int(label) // 100, row0, col0, member, evaluators[label])


def _require_shape(labels, shape):
    if labels.shape != tuple(shape):
        raise InputError(
            f"the map of slices in the WCS has {labels.shape[1]} x {labels.shape[0]} pixels, "
            f"the exposure {shape[1]} x {shape[0]}",
            hint="run the step assign_wcs again",
        )


def _labelled(labels):
    """Return label -> (first row, first column, its pixels in their window) for all labels but 0."""
    from hexcal.kernels.label_windows import columns_of_labels

    # scipy.ndimage finds the same windows, and takes a second to load.
    labels = np.ascontiguousarray(labels if labels.dtype.kind in "iu" else labels.astype(np.int32))
    ends = np.full((2, labels.shape[0], max(int(labels.max(initial=0)), 0) + 1), -1, np.int32)
    run_bands(columns_of_labels, labels.shape[0], labels, *ends)
    has = ends[1] >= 0
    first_row, end_row = has.argmax(axis=0), len(has) - has[::-1].argmax(axis=0)
    found = {}
    for number in map(int, np.flatnonzero(has.any(axis=0))):
        rows = np.s_[int(first_row[number]) : int(end_row[number])]
        first, last = (values[rows, number][has[rows, number]] for values in ends)
        columns = np.s_[int(first.min()) : int(last.max()) + 1]
        found[number] = rows.start, columns.start, labels[rows, columns] == number
    return found
