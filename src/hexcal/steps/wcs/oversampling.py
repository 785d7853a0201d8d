"""The WCS of spectral images whose pixels were divided across the spectrum."""

from typing import NamedTuple

COORDINATES = "coordinates"
"""Frame of the fine pixels, before that of the detector."""
_OTHER_NAME = "oversampled"
_NAME = "coord2det"
"""Name of the transform from one to the other, as in release 3.0.0."""


class Oversampling(NamedTuple):
    """How pixels were divided.

    Attributes
    ----------
    wcs : gwcs.WCS
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
    wcs : gwcs.WCS
        Of the pixels of the detector; not changed.
    factor : int
        Number of fine pixels for each.
    axis : int
        0: rows are divided (the dispersion is along x), 1: columns.

    Returns
    -------
    gwcs.WCS
        With a frame ``coordinates`` (``oversampled``, if there is one of this name) before the first one.
    """
    import copy

    import gwcs
    from astropy.modeling import models

    steps = [(step.frame, step.transform) for step in wcs.pipeline]
    divide = models.Scale(1.0 / factor) | models.Shift(0.5 / factor - 0.5)
    same = models.Identity(1)
    transform = same & divide if axis == 0 else divide & same
    others = wcs.pipeline[0].transform.n_inputs - 2
    transform = transform & models.Identity(others) if others else transform
    transform.name = _NAME
    if steps[0][0].name == COORDINATES and isinstance(steps[0][1], models.Identity):
        # Release 3.0.0 has the frame in all its exposures.
        return gwcs.WCS([(steps[0][0], transform), *steps[1:]])
    frame = copy.deepcopy(steps[0][0])
    frame.name = _OTHER_NAME if COORDINATES in wcs.available_frames else COORDINATES
    return gwcs.WCS([(frame, transform), *steps])


def of(wcs):
    """Return how the pixels of a WCS were divided (Oversampling), or None."""
    import gwcs

    first = wcs.pipeline[0]
    if first.frame.name not in (COORDINATES, _OTHER_NAME):
        return None
    leaves = list(_leaves(first.transform))
    scales = [number for number, part in enumerate(leaves) if hasattr(part, "factor")]
    if len(scales) != 1:
        return None
    factor = round(1 / float(leaves[scales[0]].factor.value))
    rest = gwcs.WCS([(step.frame, step.transform) for step in wcs.pipeline[1:]])
    # The one that stands before the scale is the identity of x.
    return Oversampling(rest, factor, 0 if scales[0] else 1)


def _leaves(transform):
    if hasattr(transform, "left"):
        yield from _leaves(transform.left)
        yield from _leaves(transform.right)
    else:
        yield transform
