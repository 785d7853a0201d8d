"""The WCS of spectral images whose pixels were divided across the spectrum."""

from dataclasses import replace
from typing import Any, NamedTuple

from hexcal.models.wcs import models as described
from hexcal.models.wcs.description import Wcs

COORDINATES = "coordinates"
"""Frame of the fine pixels, before that of the detector."""
_OTHER_NAME = "oversampled"
_NAME = "coord2det"
"""Name of the transform from one to the other, as in release 3.0.0."""


class Oversampling(NamedTuple):
    """How pixels were divided.

    Attributes
    ----------
    wcs : Wcs or gwcs.WCS
        Of the pixels of the detector.
    factor : int
        Number of fine pixels for each.
    axis : int
        0: rows were divided, 1: columns.
    """

    wcs: object
    factor: int
    axis: int

    def to_detector(self, x, y):
        """Return where fine pixels lie on the detector."""
        if self.axis == 0:
            return x, (y + 0.5) / self.factor - 0.5
        return (x + 0.5) / self.factor - 0.5, y

    def fine(self, values):
        """Return an array (ny, nx) with each pixel as many times as it was divided."""
        import numpy as np

        return np.repeat(values, self.factor, axis=self.axis)


def divided(wcs, factor, axis):
    """Return a WCS of fine pixels.

    Parameters
    ----------
    wcs : Wcs or gwcs.WCS
        Of the pixels of the detector; not changed.
    factor : int
        Number of fine pixels for each.
    axis : int
        0: rows are divided (the dispersion is along x), 1: columns.

    Returns
    -------
    Wcs or gwcs.WCS
        As it came. With a frame ``coordinates`` (``oversampled``, if there is one of this name) before the first one.
    """
    import copy

    models = _models(wcs)
    steps = [(step.frame, step.transform) for step in wcs.pipeline]
    divide = models.Scale(1.0 / factor) | models.Shift(0.5 / factor - 0.5)
    same = models.Identity(1)
    transform = same & divide if axis == 0 else divide & same
    others = wcs.pipeline[0].transform.n_inputs - 2
    transform = transform & models.Identity(others) if others else transform
    transform.name = _NAME
    if steps[0][0].name == COORDINATES and isinstance(steps[0][1], models.Identity):
        # Release 3.0.0 has the frame in all its exposures.
        return type(wcs)([(steps[0][0], transform), *steps[1:]])
    name = _OTHER_NAME if COORDINATES in wcs.available_frames else COORDINATES
    if isinstance(wcs, Wcs):
        frame = replace(steps[0][0], name=name)
    else:
        frame = copy.deepcopy(steps[0][0])
        frame.name = name
    return type(wcs)([(frame, transform), *steps])


def _models(wcs) -> Any:
    """The module whose transforms a WCS is made of."""
    if isinstance(wcs, Wcs):
        return described
    from astropy.modeling import models

    return models


def of(wcs):
    """Return how the pixels of a WCS were divided (Oversampling), or None."""
    first = wcs.pipeline[0]
    if first.frame.name not in (COORDINATES, _OTHER_NAME):
        return None
    leaves = list(_leaves(first.transform))
    scales = [number for number, part in enumerate(leaves) if hasattr(part, "factor")]
    if len(scales) != 1:
        return None
    scale: Any = leaves[scales[0]].factor
    factor = round(1 / float(getattr(scale, "value", scale)))
    rest = type(wcs)([(step.frame, step.transform) for step in wcs.pipeline[1:]])
    # The one that stands before the scale is the identity of x.
    return Oversampling(rest, factor, 0 if scales[0] else 1)


def _leaves(transform):
    if hasattr(transform, "left"):
        yield from _leaves(transform.left)
        yield from _leaves(transform.right)
    else:
        yield transform
