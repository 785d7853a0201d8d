"""Means over neighbouring frequencies, for makers that weigh noise in Fourier space."""

from typing import Any

import numpy as np


def means_of_neighbours(values: Any, share: float, least: int, most: int | None = None) -> Any:
    """Return the means over neighbouring frequencies, whose number grows with the frequency.

    Parameters
    ----------
    values : array (..., nfrequencies)
        Frequency 0 first; it is that of the means, and enters only its own result.
    share : float
        Frequencies within this share of a frequency are taken together.
    least, most : int
        At least, and at most, so many.
    """
    number = values.shape[-1]
    index = np.arange(number)
    half = np.maximum(least // 2, (share * index).astype(int))
    half = half if most is None else np.minimum(half, most // 2)
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, number)
    low[1:] = np.maximum(low[1:], 1)
    total = np.concatenate([np.zeros((*values.shape[:-1], 1), values.dtype), np.cumsum(values, axis=-1)], axis=-1)
    return (total[..., high] - total[..., low]) / (high - low)
