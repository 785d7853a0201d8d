"""Median by selection: linear in the number of values, where sorting is not."""

import numpy as np

from hexcal.kernels.compiled import helper


@helper
def select(values, n, wanted):
    """Put the value of rank `wanted` (from 0) of the first `n` values in its place.

    None before it is larger, none behind it is smaller.
    """
    low, high = 0, n - 1
    while low < high:
        middle = (low + high) // 2
        a, b, c = values[low], values[middle], values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            break
    return values[wanted]


@helper
def median_of(values, n):
    """Median of the first `n` values, none of them NaN, n > 0; the mean of the middle two for an even number.

    The values are put into another order.
    """
    middle = n // 2
    upper = select(values, n, middle)
    if n % 2 == 1:
        return np.float64(upper)
    lower = values[0]
    for j in range(1, middle):
        lower = max(lower, values[j])
    return 0.5 * (np.float64(lower) + np.float64(upper))
