"""Find saturated samples and flag them with their neighbours.

Once saturated, a pixel stays so until the end of the integration. One number per pixel and integration says it all: the
first saturated group (the number of groups if there is none). Growing the flags by a box is then a minimum over the
box, whatever the number of groups.
"""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def prepare_threshold(first_row, last_row, threshold, reference_dq, no_check, unreachable, pixel_dq, usable):
    """Replace thresholds that must not be used, and hand on the flags of the reference.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    threshold : float32 array (ny, nx), DN
        As in the reference file.
    reference_dq : uint32 array (ny, nx)
        Its flags, in master bits.
    no_check : int
        The flag NO_SAT_CHECK; also given to pixels whose threshold is NaN.
    unreachable : float, DN
        Threshold of pixels with that flag.
    pixel_dq : uint32 array (ny, nx)
        Gets all flags of the reference.
    usable : float32 array (ny, nx), DN
        Result: the threshold to compare with; never NaN.
    """
    nx = threshold.shape[1]
    for row in range(first_row, last_row):
        for column in range(nx):
            limit = threshold[row, column]
            flags = np.int64(reference_dq[row, column])
            if limit != limit or flags & no_check:
                limit = np.float32(unreachable)
                flags |= no_check
            usable[row, column] = limit
            pixel_dq[row, column] = np.int64(pixel_dq[row, column]) | flags


@kernel
def find_saturation(first_row, last_row, data, threshold, floor_flags, group_dq, first_saturated):
    """Find the first group at or above the threshold; flag samples at or below the A/D floor.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp; NaN is neither above a threshold nor below the floor.
    threshold : float32 array (ny, nx), DN
        As `prepare_threshold` makes it.
    floor_flags : int
        Group flags of a sample that is zero or negative; only that sample gets them.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags, changed in place.
    first_saturated : int16 array (nints, ny, nx)
        Result: index of the first saturated group; `ngroups` if none is.
    """
    n_integrations, n_groups, _, nx = data.shape
    for integration in range(n_integrations):
        for row in range(first_row, last_row):
            limit = threshold[row]
            first = first_saturated[integration, row]
            for column in range(nx):
                first[column] = n_groups
            # Backwards, so that the earliest saturated group is written last and the loop over columns has no branch.
            for group in range(n_groups - 1, -1, -1):
                values = data[integration, group, row]
                n_floor = 0
                for column in range(nx):
                    value = values[column]
                    first[column] = group if value >= limit[column] else first[column]
                    n_floor += 1 if value <= 0 else 0
                if n_floor > 0:
                    flags = group_dq[integration, group, row]
                    for column in range(nx):
                        if values[column] <= 0:
                            flags[column] |= floor_flags


@kernel
def flag_saturation(first_row, last_row, first_saturated, distance, flag, group_dq, grown):
    """Flag each pixel from the first group in which it or a pixel of the box around it is saturated.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    first_saturated : int16 array (nints, ny, nx)
        From `find_saturation`; only read.
    distance : int
        The box is ``2 * distance + 1`` pixels wide, cut at the edges of the image; 0 for no growth.
    flag : int
        The group flag SATURATED.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags, changed in place.
    grown : int16 array (nints, ny, nx)
        Result: `first_saturated` after the growth.
    """
    n_integrations, ny, nx = first_saturated.shape
    n_groups = group_dq.shape[1]
    lowest = np.empty(nx, np.int16)
    for integration in range(n_integrations):
        for row in range(first_row, last_row):
            for column in range(nx):
                lowest[column] = n_groups
            for near in range(max(0, row - distance), min(ny, row + distance + 1)):
                for column in range(nx):
                    lowest[column] = min(lowest[column], first_saturated[integration, near, column])
            result = grown[integration, row]
            earliest = n_groups
            for column in range(nx):
                result[column] = lowest[column]
                earliest = min(earliest, lowest[column])
            if earliest == n_groups:
                continue
            for column in range(nx):
                for near in range(max(0, column - distance), min(nx, column + distance + 1)):
                    result[column] = min(result[column], lowest[near])
            for group in range(earliest, n_groups):
                flags = group_dq[integration, group, row]
                for column in range(nx):
                    if result[column] <= group:
                        flags[column] |= flag


@kernel
def find_partly_saturated(
    first_row, last_row, data, threshold, unreachable, bias, dilution, n_frames, grown, flag, group_dq, partly
):
    """Find groups whose average hides frames that were saturated, just before the first group flagged as saturated.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    threshold : float32 array (ny, nx), DN
        As `prepare_threshold` makes it.
    unreachable : float, DN
        Threshold of pixels that are not checked; the test for a steady ramp leaves them out.
    bias : float32 array (ny, nx), DN
        Signal of an unexposed pixel; NaN: the test for a jump leaves the pixel out.
    dilution : float64 array (ngroups,)
        Mean frame number of a group divided by that of its last frame.
    n_frames : int
        Frames averaged to a group.
    grown : int16 array (nints, ny, nx)
        From `flag_saturation`.
    flag : int
        Group flag to set in the second group: see `hexcal.steps.detector.saturation.flag_partly_saturated`.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags, changed in place.
    partly : int16 array (nints, ny, nx)
        Result: index of the group of a steady ramp that ended above the threshold; -1 if none did.
    """
    n_integrations, n_groups, _, nx = data.shape
    for integration in range(n_integrations):
        for row in range(first_row, last_row):
            for column in range(nx):
                first = grown[integration, row, column]
                partly[integration, row, column] = -1
                if first == 0 or first == n_groups:
                    continue
                limit = np.float64(threshold[row, column])
                if limit < unreachable and data[integration, first - 1, row, column] >= limit * dilution[first - 1]:
                    partly[integration, row, column] = first - 1
                if first == 2:
                    early, later = np.float64(data[integration, 0, row, column]), data[integration, 1, row, column]
                    zero = np.float64(bias[row, column])
                    if later > early + (limit - early) / n_frames and early < zero + (limit - zero) * dilution[0] / 3:
                        group_dq[integration, 1, row, column] |= flag


@kernel
def flag_partly_saturated(first_row, last_row, partly, distance, flag, group_dq):
    """Flag the groups that `find_partly_saturated` found, in the pixel and in the box around it.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    partly : int16 array (nints, ny, nx)
        Index of the group, -1 for none; only read.
    distance : int
        The box is ``2 * distance + 1`` pixels wide.
    flag : int
        Group flag to set.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags, changed in place.
    """
    n_integrations, ny, nx = partly.shape
    for integration in range(n_integrations):
        for row in range(first_row, last_row):
            for near_row in range(max(0, row - distance), min(ny, row + distance + 1)):
                for centre in range(nx):
                    group = partly[integration, near_row, centre]
                    if group >= 0:
                        for column in range(max(0, centre - distance), min(nx, centre + distance + 1)):
                            group_dq[integration, group, row, column] |= flag
