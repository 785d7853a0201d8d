"""Find the groups of bright pixels from which on charge spills into the neighbours, and flag them there too."""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def find_first_above(first_row, last_row, data, group_dq, unusable, threshold, first_above):
    """Find the first usable group above a threshold.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp; NaN is not above anything.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Its flags.
    unusable : int
        Groups with exactly these flags do not count.
    threshold : float, DN
    first_above : int32 array (nints, ny, nx)
        Result: index of the first such group; `ngroups` if there is none.
    """
    n_integrations, n_groups, _, nx = data.shape
    for integration in range(n_integrations):
        for row in range(first_row, last_row):
            first = first_above[integration, row]
            for column in range(nx):
                first[column] = n_groups
            # Backwards, so that the earliest group is written last and the loop over columns has no branch.
            for group in range(n_groups - 1, -1, -1):
                values = data[integration, group, row]
                flags = group_dq[integration, group, row]
                for column in range(nx):
                    above = (values[column] > threshold) & (flags[column] != unusable)
                    first[column] = group if above else first[column]


@kernel
def flag_with_neighbors(first_row, last_row, first_above, flag, group_dq):
    """Flag each pixel and its four neighbours from a group on, in place.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector; `first_above` is read one row further.
    first_above : int32 array (nints, ny, nx)
        As `find_first_above` gives.
    flag : int
        Group flags to set.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Gets the flags.
    """
    n_integrations, n_groups, ny, nx = group_dq.shape
    earliest = np.empty(nx, np.int32)
    for integration in range(n_integrations):
        image = first_above[integration]
        for row in range(first_row, last_row):
            start = n_groups
            for column in range(nx):
                first = image[row, column]
                first = min(first, image[row - 1, column]) if row > 0 else first
                first = min(first, image[row + 1, column]) if row < ny - 1 else first
                first = min(first, image[row, column - 1]) if column > 0 else first
                first = min(first, image[row, column + 1]) if column < nx - 1 else first
                earliest[column] = first
                start = min(start, first)
            for group in range(start, n_groups):
                flags = group_dq[integration, group, row]
                for column in range(nx):
                    flags[column] |= flag if earliest[column] <= group else 0
