"""How much pixels stand out from their neighbours: cosmic rays more than stars."""

import math

import numpy as np

from hexcal.kernels.compiled import helper, kernel


@kernel
def sharpness(first_row, last_row, net, errors, snr, straight, oblique):
    """How much a pixel stands out from its neighbours on two opposite sides, as a part of what it has above the sky.

    ``(value - lower) / value``, the lower one of the means of two opposite neighbours: left and right, and above and
    below (`straight`), or those at the corners (`oblique`). It is 1 for a cosmic ray, which fills a pixel or a track,
    and less for a star, whose light falls on its neighbours too. A straight track lets one of the straight pairs free,
    and one whose pixels lie like stairs only one of the oblique pairs.

    Parameters
    ----------
    first_row, last_row : int
        Rows that are worked on.
    net, errors : float32 array (ny, nx)
        An image without its sky, and its standard deviations.
    snr : float
        Pixels less than so many errors above the sky have none.
    straight, oblique : float32 array (ny, nx)
        Overwritten; NaN for pixels that have none. At the edges of the image and beside NaN the pair that is there
        counts; where there is none, NaN.
    """
    nx = net.shape[1]
    for row in range(first_row, last_row):
        for column in range(nx):
            straight[row, column] = np.nan
            oblique[row, column] = np.nan
            here = np.float64(net[row, column])
            if not here > snr * errors[row, column]:
                continue
            lower = _lower(_pair(net, row, column, 0, 1), _pair(net, row, column, 1, 0))
            straight[row, column] = (here - lower) / here
            lower = _lower(_pair(net, row, column, 1, 1), _pair(net, row, column, 1, -1))
            oblique[row, column] = (here - lower) / here


@helper
def _pair(net, row, column, down, right):
    """Mean of the two neighbours in one direction; NaN at the edges, and beside NaN."""
    ny, nx = net.shape
    if row < down or row + down >= ny or column < abs(right) or column + abs(right) >= nx:
        return np.nan
    return 0.5 * (np.float64(net[row - down, column - right]) + np.float64(net[row + down, column + right]))


@helper
def _lower(first, second):
    """The lower one of two numbers; the other one where one is NaN."""
    if not math.isfinite(first):
        return second
    if not math.isfinite(second):
        return first
    return min(first, second)
