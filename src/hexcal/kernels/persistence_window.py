"""Groups within a time after much light."""

import numpy as np

from hexcal.kernels.compiled import kernel

SATURATED = 2


@kernel
def flag_window(first_row, last_row, data, group_dq, threshold, window, times, flags, end):
    """Flag the groups of rows ``first_row <= y < last_row`` from one with much light on until the window has passed.

    Much light are a signal above the threshold, unless a window is open, and the first saturated group of an
    integration or after others.

    Parameters
    ----------
    data : float32 (nints, ngroups, ny, nx), DN
        Only read.
    group_dq : uint8 (nints, ngroups, ny, nx)
        Gets the flags.
    threshold : DN; infinite for none
    window : s
    times : float64 (nints, ngroups), s
        Ends of the groups.
    flags : uint8
        What to set.
    end : float64 (ny, nx), s
        Until when the windows are open that were opened before; in the end, that were opened at all. -inf where there
        is none.
    """
    n_ints, n_groups, _, nx = data.shape
    for y in range(first_row, last_row):
        for i in range(n_ints):
            for g in range(n_groups):
                time = times[i, g]
                for x in range(nx):
                    saturates = group_dq[i, g, y, x] & SATURATED != 0
                    if saturates and g > 0:
                        saturates = group_dq[i, g - 1, y, x] & SATURATED == 0
                    if saturates or (end[y, x] < time and data[i, g, y, x] > threshold):
                        end[y, x] = time + window
                    if end[y, x] >= time:
                        group_dq[i, g, y, x] |= np.uint8(flags)
