"""Correct a ramp for the non-linear response of the detector with one polynomial per pixel."""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def linearize(first_row, last_row, data, group_dq, coefficients, coefficients_row, uncorrected, saturated):
    """Replace each value by the polynomial of its pixel, in place.

    ``F -> c0 + c1 F + c2 F^2 + ... + cn F^n``, evaluated in float32 from the highest order down (Horner).

    Parameters
    ----------
    first_row, last_row : int
        Rows ``first_row <= y < last_row`` of the detector are corrected.
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags; a value with the bit `saturated` is left alone.
    coefficients : float32 array (ncoeffs, rows, nx)
        Rows ``coefficients_row <= y < coefficients_row + rows``; plane = order; at least two planes.
    coefficients_row : int
        Row of the detector that the first row of `coefficients` is.
    uncorrected : bool array (rows, nx)
        Pixels that are left alone altogether; the same rows as `coefficients`.
    saturated : int
        Value of the flag SATURATED.
    """
    n_integrations, n_groups, _, nx = data.shape
    highest = coefficients.shape[0] - 1
    flag = np.uint8(saturated)
    sums = np.empty(nx, np.float32)
    for row in range(first_row, last_row):
        own_row = row - coefficients_row
        skipped = uncorrected[own_row]
        for integration in range(n_integrations):
            for group in range(n_groups):
                values = data[integration, group, row]
                flags = group_dq[integration, group, row]
                # One order at a time over the whole row: the row of sums stays in the nearest cache and the loops are
                # vectorised.
                leading, next_lower = coefficients[highest, own_row], coefficients[highest - 1, own_row]
                for column in range(nx):
                    sums[column] = leading[column] * values[column] + next_lower[column]
                for order in range(highest - 2, -1, -1):
                    lower = coefficients[order, own_row]
                    for column in range(nx):
                        sums[column] = sums[column] * values[column] + lower[column]
                for column in range(nx):
                    keep = skipped[column] or (flags[column] & flag) != 0
                    values[column] = values[column] if keep else sums[column]
