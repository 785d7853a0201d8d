"""Large cosmic-ray events of near-infrared detectors.

A core that saturates at once, and a halo far beyond the pixels that show a jump.
"""

from typing import NamedTuple

import numpy as np

from hexcal.kernels.compiled import helper, kernel
from hexcal.kernels.jump_differences import JUMP_DET, UNUSABLE
from hexcal.kernels.regions import CENTER_X, CENTER_Y, MAJOR, MINOR, N_COLUMNS, flag_ellipse, in_ellipse, regions_at

SATURATED = np.uint8(2)
NOTHING = np.uint8(0)
STRETCH = 64
"""Pixels that are looked at together."""


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
def any_new(now, before, bit):
    """Whether a bit is set anywhere in a stretch of a row that was not set there before."""
    some = NOTHING
    for x in range(now.size):
        some |= now[x] & ~before[x]
    return some & bit != 0


@helper
def mark(now, before, bit, mask, places):
    """Mark the pixels that have a bit that they did not have before; their number, and where they are, row by row.

    Most stretches of a row have none: those are passed over many pixels at a time.
    """
    ny, nx = now.shape
    n = 0
    for y in range(ny):
        for x0 in range(0, nx, STRETCH):
            if not any_new(now[y, x0 : x0 + STRETCH], before[y, x0 : x0 + STRETCH], bit):
                continue
            for x in range(x0, min(x0 + STRETCH, nx)):
                if now[y, x] & ~before[y, x] & bit != 0:
                    mask[y, x] = True
                    places[n] = y * nx + x
                    n += 1
    return n


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
    mask, places, stack = np.zeros((ny, nx), np.bool_), np.empty(ny * nx, np.int64), np.empty(ny * nx, np.int64)
    clear = np.zeros((ny, nx), np.uint8)
    n_snowballs = 0
    # Backwards: what is flagged in later groups and in the next integration is never taken for an event.
    for i in range(n_ints - 1, -1, -1):
        cores = next_cores = np.empty((0, N_COLUMNS))
        for k in range(n_groups - 1, 0, -1):
            if test.core_required:
                next_cores, n = cores, mark(group_dq[i, k], group_dq[i, k - 1], SATURATED, mask, places)
                cores = regions_at(places[:n], mask, test.least_core_area, stack)
            n = mark(group_dq[i, k], clear, JUMP_DET, mask, places)
            regions = regions_at(places[:n], mask, test.least_jump_area, stack)
            extend_cores(group_dq, i, k, cores, test)
            n_snowballs += expand_jumps(group_dq[i, k], regions, cores, next_cores, test)
    return n_snowballs
