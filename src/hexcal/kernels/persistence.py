"""Charge that traps release into a ramp, and charge that they capture from it."""

import numpy as np

from hexcal.kernels.compiled import helper, kernel

SATURATED, JUMP_DET = 2, 4


@kernel
def persistence(
    first_row,
    last_row,
    data,
    group_dq,
    filled,
    density,
    full_well,
    families,
    group_time,
    reset_times,
    subtracted,
    largest,
):
    """Subtract what the traps release, group by group, and fill them again at the end of each integration.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the detector.
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp; corrected in place.
    group_dq : uint8 array (nints, ngroups, ny, nx)
    filled : float64 array (nfamilies, ny, nx)
        Filled traps; changed in place.
    density : float64 array (ny, nx)
        Relative density of traps; 0 where there are none.
    full_well : float64 array (ny, nx), DN
        Signal above which all traps are reached.
    families : float64 array (nfamilies, 4)
        capture0, 1 / time of capture (s), capture2, 1 / time of decay (s).
    group_time : float, s
    reset_times : float64 array (nints), s
        Time of the resets before each integration.
    subtracted : float32 array (nints, ngroups, ny, nx), DN
        Result: the persistence; or an array without values, if it is not wanted.
    largest : float32 array (ny, nx), DN
        Result: the largest persistence of a pixel.
    """
    n_ints, n_groups, _, nx = data.shape
    n_families = len(families)
    ramp, steps = np.empty(n_groups), np.empty(max(n_groups - 1, 1))
    for row in range(first_row, last_row):
        for column in range(nx):
            traps = filled[:, row, column].copy()
            for integration in range(n_ints):
                if integration:
                    # Before the first integration, traps are known as they are at its start.
                    for family in range(n_families):
                        traps[family] *= np.exp(-reset_times[integration] * families[family, 3])
                released = 0.0
                slope = _slope(data[integration, :, row, column], group_dq[integration, :, row, column], steps)
                for number in range(n_groups):
                    for family in range(n_families):
                        decays = traps[family] * -np.expm1(-group_time * families[family, 3])
                        traps[family] -= decays
                        released += decays
                    ramp[number] = data[integration, number, row, column] - released
                    data[integration, number, row, column] = ramp[number]
                    if subtracted.size:
                        subtracted[integration, number, row, column] = released
                largest[row, column] = max(largest[row, column], released)
                if density[row, column] > 0:
                    _capture(
                        traps,
                        ramp,
                        group_dq[integration, :, row, column],
                        density[row, column],
                        full_well[row, column],
                        slope,
                        families,
                        group_time,
                        reset_times[integration],
                    )
            filled[:, row, column] = traps


@helper
def _slope(ramp, flags, steps):
    """Mean of the smallest differences of groups, as many as are neither saturated nor hit, DN per group."""
    n_groups = len(ramp)
    if n_groups == 1:
        return ramp[0] if ramp[0] == ramp[0] else 0.0
    known, bad = 0, 0
    for number in range(1, n_groups):
        step = float(ramp[number]) - float(ramp[number - 1])
        saturated = flags[number] & SATURATED != 0
        bad += int(saturated) + int(flags[number] & JUMP_DET != 0)
        if step != step:
            bad += int(not saturated)
        elif not saturated:
            steps[known] = step
            known += 1
    n_used = min(known, n_groups - 1 - bad)
    if n_used < 1:
        return 0.0
    return np.sort(steps[:known])[:n_used].mean()


@helper
def _capture(traps, ramp, flags, density, full_well, slope, families, group_time, reset_time):
    """Add what the traps of one pixel capture in an integration.

    From the smooth ramp, while it is above the full well, and from cosmic rays.
    """
    n_groups = len(ramp)
    n_above = 0
    for number in range(n_groups):
        n_above += int(ramp[number] > full_well)
    time = reset_time + (n_groups - n_above) * group_time
    rate = slope / full_well / group_time
    for family in range(len(families)):
        slow, per_time, instant = families[family, 0], families[family, 1], families[family, 2]
        scale = 1 / per_time
        new = (
            2
            * density
            * rate**2
            * (
                time**2 * (slow + instant) / 2
                + slow * (time * scale + scale**2) * np.exp(-time * per_time)
                - slow * scale**2
            )
        )
        if ramp[0] > full_well:
            new = density * instant
        if n_above:
            empty = density * slow - (new - density * instant)
            new -= empty * np.expm1(-n_above * group_time * per_time)
        for number in range(1, n_groups):
            jump = ramp[number] - ramp[number - 1] - slope
            if flags[number] & JUMP_DET and jump > 0:
                left = (n_groups - number - 0.5) * group_time
                new += 2 * density * jump * (instant - slow * np.expm1(-left * per_time))
        traps[family] += new
