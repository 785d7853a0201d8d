"""Large cosmic-ray events of near-infrared detectors.

A core that saturates at once, and a halo far beyond the pixels that show a jump.
"""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.jump_differences import JUMP_DET, UNUSABLE
from hexcal.kernels.regions import CENTER_X, CENTER_Y, MAJOR, MINOR, N_COLUMNS, find_regions, flag_ellipse, in_ellipse

SATURATED = np.uint8(2)
NOTHING = np.uint8(0)


class SnowballTest(NamedTuple):
    """What a snowball is, and what is flagged around it.

    least_jump_area, least_core_area : pixels
    core_required : only regions of jumps with a saturated core, or near the edge
    edge : pixels; nearer to the edge of the image than that no core is required
    expand_factor : factor on the minor semi-axis of the region of jumps; the major one grows by as many pixels
    largest_radius : pixels, bound of the semi-axes of what is flagged
    least_extended_core : pixels, minor axis from which on a core is extended
    core_expansion : pixels, by which the semi-axes of a core grow
    next_groups : up to this group (not included) the core is masked in the next integration; 0 for nowhere
    """

    least_jump_area: float
    least_core_area: float
    core_required: bool
    edge: float
    expand_factor: float
    largest_radius: float
    least_extended_core: float
    core_expansion: float
    next_groups: int


@helper
def is_near_edge(region, ny, nx, edge):
    """Whether the centre of a region lies within ``edge`` pixels of the edge of the image."""
    y, x = region[CENTER_Y], region[CENTER_X]
    return y < edge or x < edge or y > ny - edge or x > nx - edge


@helper
def holds_core(region, cores):
    """Whether the centre of a core lies in the ellipse of a region."""
    y, x, major, minor = region[CENTER_Y], region[CENTER_X], region[MAJOR], region[MINOR]
    for j in range(len(cores)):
        if in_ellipse(region, cores[j, CENTER_Y], cores[j, CENTER_X], y, x, major, minor):
            return True
    return False


@helper
def new_cores(group_dq, i, k, least_area, mask, stack):
    """Regions of the pixels that are saturated in group k and were not in the one before."""
    now, before = group_dq[i, k], group_dq[i, k - 1]
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            mask[y, x] = now[y, x] & ~before[y, x] & SATURATED != 0
    return find_regions(mask, least_area, stack)


@helper
def jump_regions(image, least_area, mask, stack):
    """Regions of the jumps of one group."""
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            mask[y, x] = image[y, x] & JUMP_DET != 0
    return find_regions(mask, least_area, stack)


@helper
def extend_cores(group_dq, i, k, cores, test):
    """Flag large cores with their margin as saturated from group k on, and mask them in the next integration."""
    n_ints, n_groups = group_dq.shape[:2]
    for j in range(len(cores)):
        core = cores[j]
        major, minor = core[MAJOR], core[MINOR]
        if 2.0 * minor < test.least_extended_core:
            continue
        wide, narrow = (
            min(major + test.core_expansion, test.largest_radius),
            min(minor + test.core_expansion, test.largest_radius),
        )
        for later in range(k, n_groups):
            flag_ellipse(group_dq[i, later], core, wide, narrow, SATURATED, JUMP_DET, NOTHING)
        if i + 1 < n_ints:
            wide, narrow = min(major, test.largest_radius), min(minor, test.largest_radius)
            for later in range(1, min(test.next_groups, n_groups)):
                flag_ellipse(group_dq[i + 1, later], core, wide, narrow, JUMP_DET, NOTHING, UNUSABLE)


@helper
def expand_jumps(image, regions, cores, next_cores, test):
    """Flag the ellipses of the snowballs of one group; the number of snowballs."""
    ny, nx = image.shape
    n_snowballs = 0
    for j in range(len(regions)):
        region = regions[j]
        if test.core_required and not (
            holds_core(region, cores) or holds_core(region, next_cores) or is_near_edge(region, ny, nx, test.edge)
        ):
            continue
        growth = (test.expand_factor - 1.0) * region[MINOR]
        major, minor = (
            min(region[MAJOR] + growth, test.largest_radius),
            min(region[MINOR] + growth, test.largest_radius),
        )
        flag_ellipse(image, region, major, minor, JUMP_DET, NOTHING, UNUSABLE)
        n_snowballs += 1
    return n_snowballs


@kernel
def flag_snowballs(group_dq, test):
    """Flag the snowballs of all groups.

    In each group the regions of jumps, and those of pixels that are saturated for the first time, are enclosed by
    ellipses. A region of jumps that holds the centre of a core of this group or of the next one (the charge may come in
    the last frames of a group) is a snowball; without ``core_required`` every large region is. Its ellipse is enlarged
    and flagged JUMP_DET.

    Parameters
    ----------
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Gets JUMP_DET and SATURATED.
    test : SnowballTest

    Returns
    -------
    int
        Number of snowballs.
    """
    n_ints, n_groups, ny, nx = group_dq.shape
    mask, stack = np.empty((ny, nx), np.bool_), np.empty(ny * nx, np.int64)
    n_snowballs = 0
    # Backwards: what is flagged in later groups and in the next integration is never taken for an event.
    for i in range(n_ints - 1, -1, -1):
        cores = next_cores = np.empty((0, N_COLUMNS))
        for k in range(n_groups - 1, 0, -1):
            if test.core_required:
                cores, next_cores = new_cores(group_dq, i, k, test.least_core_area, mask, stack), cores
            regions = jump_regions(group_dq[i, k], test.least_jump_area, mask, stack)
            extend_cores(group_dq, i, k, cores, test)
            n_snowballs += expand_jumps(group_dq[i, k], regions, cores, next_cores, test)
    return n_snowballs
