"""Events of cosmic rays that hit hundreds of pixels: snowballs of near-infrared detectors, showers of MIRI."""

import numpy as np

from hexcal.core import StepParameters, parameter
from hexcal.errors import InputError


class LargeEventParameters(StepParameters):
    """Parameters of the search for large events."""

    expand_large_events: bool = parameter(
        False, "Find snowballs (large events of near-infrared detectors), and flag their halo and core."
    )
    min_sat_area: float = parameter(1.0, "Smallest saturated core of a snowball.", unit="pixel", ge=0)
    min_jump_area: float = parameter(
        5.0, "Smallest region of jumps that can be a snowball, with what it encloses.", unit="pixel", ge=0
    )
    expand_factor: float = parameter(
        2.0, "Factor by which the minor axis of a snowball is enlarged; the major one grows by as many pixels.", ge=0
    )
    use_ellipses: bool = parameter(
        False, "Deprecated: the outline of an event is always an ellipse, which is nearly a circle for a snowball."
    )
    sat_required_snowball: bool = parameter(
        True, "A snowball has a newly saturated core, except near the edge; otherwise every large region is one."
    )
    min_sat_radius_extend: float = parameter(
        2.5, "Saturated cores are extended if their minor axis is at least as long as this.", unit="pixel", ge=0
    )
    sat_expand: int = parameter(2, "Extension of the radius of saturated cores.", unit="pixel", ge=0)
    edge_size: int = parameter(
        25, "Within this distance from the edge a snowball needs no saturated core.", unit="pixel", ge=0
    )
    mask_snowball_core_next_int: bool = parameter(
        True, "Flag the saturated cores that are extended as jumps in the next integration as well."
    )
    snowball_time_masked_next_int: int = parameter(
        4000, "Time in the next integration in which such a core is flagged.", unit="s", ge=0
    )
    find_showers: bool = parameter(
        False, "Find showers (faint, extended events, above all of MIRI), and flag them and some time after them."
    )
    max_shower_amplitude: float | None = parameter(
        None, "Events whose mean excess is larger than this are no showers. Default: no limit.", unit="DN/s", ge=0
    )
    extend_snr_threshold: float = parameter(
        1.2,
        "Least mean signal-to-noise ratio, in a ring around it, of a pixel that belongs to a shower.",
        unit="sigma",
        ge=0,
    )
    extend_min_area: int = parameter(
        90, "Smallest region of such pixels that is a shower, with what it encloses.", unit="pixel", ge=0
    )
    extend_inner_radius: float = parameter(1.0, "Inner radius of the ring.", unit="pixel", ge=0)
    extend_outer_radius: float = parameter(
        2.6, "Width of the ring, from its inner radius outwards.", unit="pixel", ge=0
    )
    extend_ellipse_expand_ratio: float = parameter(
        1.1, "Factor by which the minor axis of a shower is enlarged; the major one grows by as many pixels.", ge=0
    )
    shower_jump_limit: float = parameter(
        0.0,
        "Most that the difference into a jump counts in the search for showers; 0: jumps are left out, which makes "
        "holes in showers that are bright.",
        unit="sigma",
        ge=0,
    )
    time_masked_after_shower: float = parameter(
        15.0, "Time after a shower in which whole groups are flagged.", unit="s", ge=0
    )
    max_extended_radius: int = parameter(
        200, "Largest radius that is flagged around a large event.", unit="pixel", ge=0
    )


def flag_snowballs(group_dq, parameters, group_time):
    """Flag the snowballs of a ramp, in place: their halo as jump, their core and its margin as saturated from then on.

    Regions of jumps (pixels that touch by sides or corners) have the ellipse of their second moments. A region that
    holds the centre of a core of newly saturated pixels, of its own group or of the next, or lies near the edge, is a
    snowball. See `hexcal.kernels.snowballs`.

    Parameters
    ----------
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags of the samples after the search for jumps.
    parameters : LargeEventParameters
        As documented.
    group_time : float or None, s
        Time between groups (keyword TGROUP).

    Returns
    -------
    int
        Number of snowballs.

    Raises
    ------
    InputError
        If cores shall be flagged in the next integration for some time and `group_time` is not known.
    """
    from hexcal.kernels.snowballs import SnowballTest
    from hexcal.kernels.snowballs import flag_snowballs as flag

    test = SnowballTest(
        least_jump_area=float(parameters.min_jump_area),
        least_core_area=float(parameters.min_sat_area),
        core_required=bool(parameters.sat_required_snowball),
        edge=float(parameters.edge_size),
        expand_factor=float(parameters.expand_factor),
        largest_radius=float(parameters.max_extended_radius),
        least_extended_core=float(parameters.min_sat_radius_extend),
        core_expansion=float(parameters.sat_expand),
        next_groups=masked_groups(parameters, group_dq.shape[0], group_time),
    )
    return int(flag(group_dq, test))


def flag_showers(samples, parameters, group_time, pool_integrations=False, threads=1):
    """Flag the showers of a ramp, in place: as jump in their group and for some time after it.

    The differences of the usable groups of a pixel have the median m and the expected noise ``sigma = sqrt(|m| + R**2 /
    n_frames)``. The ratio ``|d - m| / sigma`` is averaged over a ring around each pixel, jumps left out; connected
    pixels above the threshold are a shower. See `hexcal.kernels.showers`.

    Parameters
    ----------
    samples : hexcal.kernels.jump_differences.Samples
        Ramps, flags and noise after the search for jumps.
    parameters : LargeEventParameters
        As documented.
    group_time : float, s
        Time between groups (keyword TGROUP).
    pool_integrations : bool
        Take the median of the differences over all integrations.
    threads : int
        Number of threads; any number gives the same flags.

    Returns
    -------
    int
        Number of showers.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels import showers

    n_ints, _, ny, nx = samples.data.shape
    test = shower_test(parameters, group_time)
    median, sigma = np.empty((ny, nx), np.float32), np.empty((ny, nx), np.float32)
    together = n_ints if pool_integrations else 1
    count = 0
    for first in range(0, n_ints, together):
        run_bands(
            showers.typical_differences,
            ny,
            samples,
            first,
            first + together,
            test.jump_limit,
            median,
            sigma,
            threads=threads,
        )
        count += sum(_showers_of(i, samples, median, sigma, test, threads) for i in range(first, first + together))
    return count


def _showers_of(i, samples, median, sigma, test, threads):
    """Flag the showers of one integration; their number."""
    from hexcal.core.bands import run_bands
    from hexcal.kernels import showers
    from hexcal.kernels.regions import find_regions

    n_groups, ny, nx = samples.data.shape[1:]
    ratio, raised = np.empty((ny, nx), np.float32), np.empty((ny, nx), np.bool_)
    stack, offsets = np.empty(ny * nx, np.int64), showers.ring_offsets(test.inner, test.outer)
    count = 0
    # Backwards: what a shower leaves flagged in later groups does not hide another one there.
    for k in range(n_groups - 1, 0, -1):
        run_bands(showers.ratios_of_group, ny, samples, i, k, test.jump_limit, median, sigma, ratio, threads=threads)
        run_bands(showers.mark_raised, ny, ratio, offsets, test.threshold, raised, threads=threads)
        regions = find_regions(raised, test.least_area, stack)
        count += showers.flag_regions(samples, i, k, regions, median, test)
    return count


def shower_test(parameters, group_time):
    """Return the `ShowerTest` that the parameters of the step ask for.

    Raises
    ------
    InputError
        If the time between groups (s) is not known.
    """
    from hexcal.kernels.showers import ShowerTest

    if not group_time or group_time <= 0:
        raise InputError(
            f"the search for showers needs the time between groups, found {group_time}",
            where="keyword TGROUP",
            hint="set meta.exposure.group_time, or find_showers to false",
        )
    amplitude = parameters.max_shower_amplitude
    return ShowerTest(
        threshold=float(parameters.extend_snr_threshold),
        inner=float(parameters.extend_inner_radius),
        outer=float(parameters.extend_inner_radius + parameters.extend_outer_radius),
        least_area=float(parameters.extend_min_area),
        expand_ratio=float(parameters.extend_ellipse_expand_ratio),
        largest_radius=float(parameters.max_extended_radius),
        largest_excess=np.inf if amplitude is None else amplitude * float(group_time),
        groups_after=whole_groups(parameters.time_masked_after_shower, group_time),
        jump_limit=float(parameters.shower_jump_limit),
    )


def masked_groups(parameters, n_ints, group_time):
    """Return the first group of the next integration in which cores are not flagged, ``floor(time / group_time)``.

    0 for none.
    """
    wanted = parameters.mask_snowball_core_next_int and parameters.sat_required_snowball and n_ints > 1
    return whole_groups(parameters.snowball_time_masked_next_int, group_time) if wanted else 0


def whole_groups(time, group_time):
    """Return the number of whole groups in a time, ``floor(time / group_time)``; 0 for no time.

    Parameters
    ----------
    time : float, s
        Time after a jump.
    group_time : float or None, s
        Keyword TGROUP.

    Raises
    ------
    InputError
        If `time` is not 0 and `group_time` is not a positive number.
    """
    if time <= 0:
        return 0
    if not group_time or group_time <= 0:
        raise InputError(
            f"flagging groups for {time} s after a jump needs the time between groups, found {group_time}",
            where="keyword TGROUP",
            hint="set meta.exposure.group_time, or all times after a jump to 0",
        )
    return int(min(time // group_time, 2**31))
