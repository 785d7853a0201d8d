"""From pixels to the sky and back: by compiled transforms where all of them are known, else by gwcs itself."""

import weakref

import numpy as np

from hexcal.errors import InputError
from hexcal.models import stored_wcs
from hexcal.models.stored_wcs import library_objects
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.transforms import Transform
from hexcal.steps.wcs.program import NotCompilable, compiled
from hexcal.steps.wcs.sky_angles import eastward

_CLOSE = 1e-7
"""Pixels, or arcsec: a compiled transform that differs from the original by more at the corners of the image is not
used.
"""
_AGREEMENT, _SAMPLE = 1e-11, 64
"""Of compiled transforms of any frames with astropy: relative difference; points at which they are compared."""
_KNOWN: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
"""WCS: {is forward: (what its transforms are, program)}."""


def pixel_to_sky(wcs, x, y, *, bounded=False):
    """Return the sky positions of pixel positions.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of an image.
    x, y : float or array
        Pixel positions; the centre of the first pixel is 0, 0. Broadcast against each other.
    bounded : bool
        NaN outside the bounding box of the WCS.

    Returns
    -------
    ra, dec : float64 arrays
        Degrees, ICRS.

    Raises
    ------
    InputError
        If there is no WCS, or it is not that of an image.
    """
    require_image(wcs)
    x, y = _broadcast(x, y)
    program = _program(wcs, forward=True)
    if program is None:
        return _as_arrays(_library(wcs)(x, y, with_bounding_box=bounded), x.shape)
    ra, dec = program(x, y)
    return (ra, dec) if not bounded else _inside(wcs, x, y, ra, dec)


def sky_to_pixel(wcs, ra, dec, *, bounded=False):
    """Return the pixel positions of sky positions, by the inverse transform that the WCS holds.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of an image.
    ra, dec : float or array
        Degrees, ICRS. Broadcast against each other.
    bounded : bool
        NaN outside the bounding box of the WCS.

    Returns
    -------
    x, y : float64 arrays
        Pixel positions; the centre of the first pixel is 0, 0.

    Raises
    ------
    InputError
        If there is no WCS, or it is not that of an image.
    """
    require_image(wcs)
    ra, dec = _broadcast(ra, dec)
    program = _program(wcs, forward=False)
    if program is None:
        return _as_arrays(_library(wcs).invert(ra, dec, with_bounding_box=bounded), ra.shape)
    x, y = program(ra, dec)
    return (x, y) if not bounded else _inside(wcs, x, y, x, y)


def _library(wcs):
    return stored_wcs.opened(wcs)


def require_image(wcs):
    """Raise InputError unless a WCS maps two pixel coordinates to two sky coordinates."""
    if wcs is None:
        raise InputError("a WCS is required, there is none", hint="run the step assign_wcs first")
    if (wcs.pixel_n_dim, wcs.world_n_dim) != (2, 2):
        raise InputError(
            "the WCS of an image is required (2 pixel and 2 sky coordinates), "
            f"this one has {wcs.pixel_n_dim} and {wcs.world_n_dim}"
        )


def _program(wcs, forward):
    """Return the compiled transforms of a WCS in one direction.

    None if there is a model in them that the compiler does not know, or no inverse.
    """
    state = state_of(wcs)
    known = _KNOWN.setdefault(wcs, {})
    if known.get(forward, (None,))[0] != state:
        try:
            program = _checked(wcs, compiled(wcs.forward_transform if forward else wcs.backward_transform), forward)
        except (NotCompilable, NotImplementedError):
            program = None
        known[forward] = (state, program)
    return known[forward][1]


def state_of(wcs):
    """Return what tells whether a WCS has been changed since; a description is never changed."""
    return (
        ()
        if isinstance(wcs, Wcs)
        else tuple(
            (id(step.transform), step.transform.parameters.tobytes())
            for step in wcs.pipeline
            if step.transform is not None
        )
    )


def transforms_of(wcs):
    """Return what tells whether a WCS has other transforms than before; numbers in them are not looked at."""
    return tuple(id(step.transform) for step in wcs.pipeline)


def transform_points(wcs, first, last, *coordinates, wanted=None):
    """Return points of one frame of a WCS in another.

    Parameters
    ----------
    wcs : gwcs.WCS
        With the frames.
    first, last : str
        Names of frames; or `first` None and `last` a transform.
    *coordinates : float or arrays
        Of the points; broadcast against each other.
    wanted : tuple of int, optional
        Which axes of the other frame are wanted; what only the others need is not computed. Default: all.

    Returns
    -------
    tuple of float64 arrays
        Of one shape.
    """
    if first is None:
        return evaluate_points(last, *coordinates)
    return _evaluated(_chain(wcs, first, last, wanted), coordinates, wanted)


def to_world(wcs, *pixels):
    """Return the coordinates in the last frame of a WCS of points in its first one, wherever its box ends.

    Parameters and result are those of `transform_points`.
    """
    return transform_points(wcs, wcs.pipeline[0].frame.name, wcs.pipeline[-1].frame.name, *pixels)


def to_pixels(wcs, *world):
    """Return the coordinates in the first frame of a WCS of points in its last one."""
    return transform_points(wcs, wcs.pipeline[-1].frame.name, wcs.pipeline[0].frame.name, *world)


def _chain(wcs, first, last, wanted):
    """The transforms from one frame of a WCS to another, as what `_evaluated` takes; kept with the WCS."""
    known, state = _KNOWN.setdefault(wcs, {}), transforms_of(wcs)
    key = first, last, wanted
    if known.get(key, (None,))[0] != state:
        names = list(wcs.available_frames)
        start, end = names.index(first), names.index(last)
        if start < end:
            steps = [step.transform for step in wcs.pipeline[start:end]]
        else:
            steps = [step.transform.inverse for step in reversed(wcs.pipeline[end:start])]
        known[key] = (state, _compiled_steps(steps, wanted))
    return known[key][1]


def _compiled_steps(steps, wanted=None):
    """Return (program or None, transforms)."""
    try:
        return compiled(steps[0], *steps[1:], only_last=True, wanted=wanted), steps
    except NotCompilable:
        return None, steps


def evaluate_points(transform, *coordinates):
    """Return what a transform makes of points: tuple of float64 arrays of one shape.

    Parameters
    ----------
    transform : astropy.modeling.Model
        Its bounding box is not looked at.
    *coordinates : float or arrays
        Of the points; broadcast against each other.
    """
    return _evaluated(_compiled_steps([transform]), coordinates)


def _evaluated(chain, coordinates, wanted=None):
    """Carry out transforms one after the other; compiled ones where they are seen to do what astropy does.

    Each call is judged by its own points: what a process has done before must not change the last digits of a product.
    """
    program, steps = chain
    points = np.broadcast_arrays(*(np.asarray(c, np.float64) for c in coordinates))
    # What is made of descriptions is proven by tests. A program works on copies.
    if program is not None and isinstance(steps[0], Transform):
        return program(*points)
    points, shape = [np.array(values) for values in points], points[0].shape
    if program is not None and _agrees(program, steps, points, wanted):
        return program(*points)
    return _as_arrays(_wanted(_by_astropy(steps, points), wanted), shape)


def _wanted(values, wanted):
    return values if wanted is None else tuple(values[number] for number in wanted)


def _by_astropy(steps, points):
    if any(isinstance(step, Transform) for step in steps):
        steps = library_objects(steps)
    for step in steps:
        points = step(*points, with_bounding_box=False)
        points = points if isinstance(points, tuple) else (points,)
    return points


def _agrees(program, steps, points, wanted):
    """Whether a program gives what astropy gives, at some of the points that are asked for."""
    flat = [values.ravel() for values in points]
    picked = [values[:: max(values.size // _SAMPLE, 1)] for values in flat]
    with np.errstate(invalid="ignore", divide="ignore"):
        true = _as_arrays(_wanted(_by_astropy(steps, picked), wanted), picked[0].shape)
        computed = program(*picked)
    for own, other in zip(computed, true, strict=True):
        seen = np.isfinite(other)
        if not np.array_equal(np.isfinite(own), seen):
            return False
        if not np.allclose(
            own[seen], other[seen], rtol=_AGREEMENT, atol=_AGREEMENT * np.abs(other[seen]).max(initial=0.0)
        ):
            return False
    return True


def _checked(wcs, program, forward):
    """Return the program if it does what gwcs does at the corners of the image, else None."""
    if isinstance(wcs, Wcs):
        return program
    x_min, x_max, y_min, y_max = box_of(wcs) or (0.0, 1000.0, 0.0, 1000.0)
    x, y = np.array([[x_min, x_min, x_max, x_max], [y_min, y_max, y_max, y_min]])
    sky = wcs(x, y, with_bounding_box=False)
    if forward:
        ra, dec = program(x, y)
        offsets = eastward(ra, sky[0], sky[1]) * 3600, (dec - sky[1]) * 3600
    else:
        ends = program(*(np.asarray(values, np.float64) for values in sky))
        offsets = [
            computed - true for computed, true in zip(ends, wcs.invert(*sky, with_bounding_box=False), strict=True)
        ]
    return program if np.nanmax(np.abs(offsets), initial=0.0) < _CLOSE else None


def _inside(wcs, x, y, first, second):
    """Make values NaN where the pixel positions are outside the bounding box."""
    box = box_of(wcs)
    if box is None:
        return first, second
    outside = ~((x >= box[0]) & (x <= box[1]) & (y >= box[2]) & (y <= box[3]))
    first, second = np.where(outside, np.nan, first), np.where(outside, np.nan, second)
    return first, second


def _broadcast(first, second):
    first, second = np.broadcast_arrays(np.asarray(first, np.float64), np.asarray(second, np.float64))
    return first, second


def _as_arrays(pair, shape):
    return tuple(np.asarray(getattr(values, "value", values), np.float64).reshape(shape) for values in pair)


def box_of(wcs):
    """Return the bounding box of the WCS of an image as (xmin, xmax, ymin, ymax), pixels; None if it has none."""
    box = wcs.bounding_box
    if box is None:
        return None
    names = wcs.pipeline[0].transform.inputs
    if isinstance(wcs, Wcs):
        return tuple(float(edge) for name in names for edge in box[name])
    return tuple(float(edge) for name in names for edge in (box[name].lower, box[name].upper))
