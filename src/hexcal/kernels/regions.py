"""Connected regions of an image, and the ellipses that stand for them."""

import numpy as np

from hexcal.kernels.compiled import helper, kernel

CENTER_Y, CENTER_X, MAJOR, MINOR, COSINE, SINE, AREA = 0, 1, 2, 3, 4, 5, 6
"""Columns of the table of `find_regions`: centre, semi-axes (pixels), direction of the major axis (to x and to y),
pixels without gaps.
"""
N_COLUMNS = 7


@helper
def take_region(mask, y, x, stack):
    """Take the region that holds (y, x) out of the mask; neighbours touch by sides or corners.

    Its pixels, as ``y * nx + x``, are left in ``stack``; returns their number.
    """
    ny, nx = mask.shape
    n = 1
    stack[0] = y * nx + x
    mask[y, x] = False
    at = 0
    while at < n:
        y0, x0 = stack[at] // nx, stack[at] % nx
        at += 1
        for ya in range(max(y0 - 1, 0), min(y0 + 2, ny)):
            for xa in range(max(x0 - 1, 0), min(x0 + 2, nx)):
                if mask[ya, xa]:
                    mask[ya, xa] = False
                    stack[n] = ya * nx + xa
                    n += 1
    return n


@helper
def outline_ellipse(stack, n, nx, region):
    """Ellipse with the centre and the second moments of n pixels.

    Its border runs through the centres of the outermost ones.

    A filled ellipse with semi-axis a has the variance a^2 / 4 along it; half a pixel is taken off for the outer half of
    the border pixels.
    """
    total_y = total_x = 0.0
    for j in range(n):
        total_y += stack[j] // nx
        total_x += stack[j] % nx
    center_y, center_x = total_y / n, total_x / n
    yy = yx = xx = 0.0
    for j in range(n):
        dy, dx = stack[j] // nx - center_y, stack[j] % nx - center_x
        yy += dy * dy
        yx += dy * dx
        xx += dx * dx
    mean, half_difference = 0.5 * (yy + xx) / n, 0.5 * (xx - yy) / n
    spread = np.hypot(half_difference, yx / n)
    angle = 0.5 * np.arctan2(yx / n, half_difference)
    region[CENTER_Y], region[CENTER_X] = center_y, center_x
    region[MAJOR] = max(2.0 * np.sqrt(mean + spread) - 0.5, 0.0)
    region[MINOR] = max(2.0 * np.sqrt(max(mean - spread, 0.0)) - 0.5, 0.0)
    region[COSINE], region[SINE] = np.cos(angle), np.sin(angle)
    region[AREA] = n


@helper
def area_with_holes(stack, n, nx):
    """Number of pixels of a region and of the gaps that it encloses on all sides, corners included."""
    first_y, last_y, first_x, last_x = stack[0] // nx, stack[0] // nx, stack[0] % nx, stack[0] % nx
    for j in range(1, n):
        y, x = stack[j] // nx, stack[j] % nx
        first_y, last_y, first_x, last_x = min(first_y, y), max(last_y, y), min(first_x, x), max(last_x, x)
    height, width = last_y - first_y + 3, last_x - first_x + 3
    outside = np.ones((height, width), np.bool_)
    for j in range(n):
        outside[stack[j] // nx - first_y + 1, stack[j] % nx - first_x + 1] = False
    # What can be reached from the corner of the surrounding frame is outside.
    return height * width - take_region(outside, 0, 0, np.empty(height * width, np.int64))


@helper
def regions_at(places, mask, least_area, stack):
    """Table of the regions of a mask as of `find_regions`; ``places`` are its pixels, as ``y * nx + x``, in order."""
    nx = mask.shape[1]
    regions = np.empty((16, N_COLUMNS))
    n_regions = 0
    for place in places:
        if not mask[place // nx, place % nx]:
            continue
        n = take_region(mask, place // nx, place % nx, stack)
        # A ring of n pixels encloses less than (n / 4)^2 others: no need to look for gaps in the single pixels that
        # most regions are.
        if n < least_area and (n * n < 16 * (least_area - n) or area_with_holes(stack, n, nx) < least_area):
            continue
        if n_regions == len(regions):
            longer = np.empty((2 * n_regions, N_COLUMNS))
            longer[:n_regions] = regions
            regions = longer
        outline_ellipse(stack, n, nx, regions[n_regions])
        n_regions += 1
    return regions[:n_regions]


@kernel
def find_regions(mask, least_area, stack):
    """Table of the regions of a mask, with their ellipses.

    Parameters
    ----------
    mask : bool array (ny, nx)
        Is cleared.
    least_area : float, pixels
        Smallest region, with the gaps that it encloses.
    stack : int64 array (ny * nx,)
        Scratch.

    Returns
    -------
    float64 array (nregions, N_COLUMNS)
    """
    ny, nx = mask.shape
    count = 0
    for y in range(ny):
        for x in range(nx):
            count += mask[y, x]
    places = np.empty(count, np.int64)
    n = 0
    for y in range(ny):
        for x in range(nx):
            if mask[y, x]:
                places[n] = y * nx + x
                n += 1
    return regions_at(places, mask, least_area, stack)


@helper
def in_ellipse(region, y, x, center_y, center_x, major, minor):
    """Whether a point lies inside an ellipse that is oriented as a region is; the border is outside."""
    if major <= 0.0 or minor <= 0.0:
        return False
    dy, dx = y - center_y, x - center_x
    along = (region[COSINE] * dx + region[SINE] * dy) / major
    across = (region[COSINE] * dy - region[SINE] * dx) / minor
    # Pixels on the border of a circle must not depend on the rounding of its axes.
    return along * along + across * across < 1.0 - 1e-12


@helper
def flag_ellipse(flags, region, major, minor, added, removed, spared):
    """Change the flags inside an ellipse around a region; centre and semi-axes are rounded to whole pixels.

    Parameters
    ----------
    flags : uint8 array (ny, nx)
    region : row of `find_regions`
    major, minor : float, pixels
        Semi-axes.
    added, removed : uint8
        Bits that are set and cleared.
    spared : uint8
        Pixels with one of these bits are left alone.
    """
    ny, nx = flags.shape
    center_y, center_x, major, minor = (
        np.rint(region[CENTER_Y]),
        np.rint(region[CENTER_X]),
        np.rint(major),
        np.rint(minor),
    )
    reach = int(max(major, minor))
    for y in range(max(int(center_y) - reach, 0), min(int(center_y) + reach + 1, ny)):
        for x in range(max(int(center_x) - reach, 0), min(int(center_x) + reach + 1, nx)):
            if flags[y, x] & spared == 0 and in_ellipse(region, y, x, center_y, center_x, major, minor):
                flags[y, x] = (flags[y, x] | added) & ~removed
