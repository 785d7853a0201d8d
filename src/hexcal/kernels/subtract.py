"""Subtract one image from groups of a ramp."""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def subtract(first_row, last_row, data, plane, plane_row, first_integration, last_integration, first_group, last_group):
    """Subtract an image from the same rows of a range of groups, in place.

    ``data[i, g, y, x] -= plane[y - plane_row, x]``; a NaN in the image counts as 0, so that such a pixel keeps its
    value.

    Parameters
    ----------
    first_row, last_row : int
        Rows ``first_row <= y < last_row`` of the detector are corrected.
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    plane : float32 array (rows, nx), DN
        Rows ``plane_row <= y < plane_row + rows`` of the image.
    plane_row : int
        Row of the detector that the first row of `plane` is.
    first_integration, last_integration : int
        Integrations ``first_integration <= i < last_integration`` are corrected.
    first_group, last_group : int
        Groups ``first_group <= g < last_group`` are corrected.
    """
    nx = data.shape[3]
    zero = np.float32(0)
    for integration in range(first_integration, last_integration):
        for group in range(first_group, last_group):
            for row in range(first_row, last_row):
                values = data[integration, group, row]
                image = plane[row - plane_row]
                for column in range(nx):
                    offset = image[column]
                    values[column] -= offset if offset == offset else zero
