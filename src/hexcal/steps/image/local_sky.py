"""The sky around each pixel of an image: medians of boxes, and straight lines between them and beyond."""

from typing import Any

import numpy as np


def local_sky(data, usable, box=64):
    """Return the sky of an image.

    The sky of the mid-infrared slopes by more than its noise, most of all towards the edges, where boxes that are
    filtered or continued as they are would be beside it.

    Parameters
    ----------
    data : float32 array (ny, nx)
        The image.
    usable : bool array (ny, nx)
        Its pixels that count.
    box : int
        Size of the boxes, about, in pixels. Those of which less than half is usable have the value of the nearest.

    Returns
    -------
    float32 array (ny, nx) or None
        None if no box is usable.
    """
    from scipy.ndimage import distance_transform_edt

    edges = [np.linspace(0, length, max(1, round(length / box)) + 1).astype(int) for length in data.shape]
    levels = np.full([len(of_axis) - 1 for of_axis in edges], np.nan)
    for j, i in np.ndindex(levels.shape):
        part = np.s_[edges[0][j] : edges[0][j + 1], edges[1][i] : edges[1][i + 1]]
        values = data[part][usable[part]]
        if 2 * values.size > usable[part].size:
            levels[j, i] = np.median(values)
    is_known = np.isfinite(levels)
    if not is_known.any():
        return None
    nearest: Any = distance_transform_edt(~is_known, return_distances=False, return_indices=True)
    levels = levels[tuple(nearest)]
    along, across = (_straight_lines(of_axis) for of_axis in edges)
    return (along @ levels @ across.T).astype(np.float32)


def _straight_lines(edges):
    """What each box counts in each pixel of one axis: float array (length, boxes)."""
    centres, places = 0.5 * (edges[:-1] + edges[1:] - 1), np.arange(edges[-1])
    result = np.zeros((len(places), len(centres)))
    if len(centres) == 1:
        return result + 1
    first = np.clip(np.searchsorted(centres, places) - 1, 0, len(centres) - 2)
    part = (places - centres[first]) / (centres[first + 1] - centres[first])
    result[places, first], result[places, first + 1] = 1 - part, part
    return result
