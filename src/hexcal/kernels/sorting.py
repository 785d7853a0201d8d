"""Sorting of many finite values."""

import numpy as np

from hexcal.kernels.compiled import kernel

_BITS, _BINS = 11, 2048


@kernel
def sort_finite(values, scratch):
    """Sort values in place, in time that is linear in their number: by their bits, eleven at a time, the lowest first.

    Parameters
    ----------
    values : uint32 array (n,)
        The bits of finite float32 values.
    scratch : uint32 array (n,)
        Room for them; holds the result.
    """
    counts = np.zeros((3, _BINS), np.int64)
    for k in range(values.size):
        # In this order whole numbers without sign lie as the values do.
        bits = values[k]
        bits = ~bits if bits >> np.uint32(31) else bits | np.uint32(0x80000000)
        values[k] = bits
        counts[0, bits & np.uint32(2047)] += 1
        counts[1, (bits >> np.uint32(11)) & np.uint32(2047)] += 1
        counts[2, bits >> np.uint32(22)] += 1
    for turn in range(3):
        total = 0
        for number in range(_BINS):
            total, counts[turn, number] = total + counts[turn, number], total
    for turn in range(3):
        source, target = (values, scratch) if turn % 2 == 0 else (scratch, values)
        shift = np.uint32(_BITS * turn)
        for k in range(source.size):
            digit = (source[k] >> shift) & np.uint32(2047)
            target[counts[turn, digit]] = source[k]
            counts[turn, digit] += 1
    for k in range(scratch.size):
        bits = scratch[k]
        scratch[k] = bits & np.uint32(0x7FFFFFFF) if bits >> np.uint32(31) else ~bits
