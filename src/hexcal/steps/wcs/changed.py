"""A WCS with other steps than another one has, in the same form: a description, or an object of gwcs."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from hexcal.models.stored_wcs import as_gwcs
from hexcal.models.wcs.description import Frame, Wcs


def with_steps(wcs, steps) -> Any:
    """Return a WCS of other steps, with the name, the bounding box and the shape of another one.

    Parameters
    ----------
    wcs : Wcs or gwcs.WCS
        Not changed; the result is of the same form.
    steps : list of (frame, transform)
        The transform of the last one is None. Descriptions, or for an object of gwcs some of them.
    """
    result: Any = Wcs(steps, wcs.name) if isinstance(wcs, Wcs) else as_gwcs(steps, wcs.name)
    result.bounding_box = wcs.bounding_box
    if wcs.pixel_shape is not None:
        result.pixel_shape = wcs.pixel_shape
    return result


def renamed(frame, name) -> Any:
    """Return a frame like another one under a new name; in the same form."""
    if isinstance(frame, Frame):
        return replace(frame, name=name)
    copy = deepcopy(frame)
    copy.name = name
    return copy


def parts_of(transform) -> list:
    """Return the simple transforms that a compound one is made of, in their order."""
    if getattr(transform, "op", None) is None:
        return [transform]
    return [*parts_of(transform.left), *parts_of(transform.right)]


def values_of(parameter) -> np.ndarray:
    """Return the numbers of a parameter of a transform, of a description or of a model of astropy (float64 array)."""
    return np.array(getattr(parameter, "value", parameter), np.float64)
