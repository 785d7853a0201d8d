"""Count rates by maximum likelihood (Brandt 2024, PASP 136, 045004 and 045005), with a jump test of their own.

Each integration of a pixel gives its rate by itself: differences of groups without any flag (or, if the noise says so,
with a jump before the first of them alone); an estimate of the rate,
which gives their covariance; the differences that a jump falls into, left out one after the other (`mask_jumps`); a
rate with that covariance, and from the covariance of this rate the final one. Integrations are averaged with the
variances that they would have at their common rate (`combine`).

Work is done in chunks of neighbouring pixels, as in ``ramp_fit``; what is done again for a pixel with a jump, for that
pixel alone.
"""

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.likelihood_solve import find_jumps, new_system, solve, solve_for_jumps, stands_out, sweep
from hexcal.kernels.ramp_fit_arrays import CHUNK, load_chunk, new_pixels, new_ramps
from hexcal.kernels.ramp_fit_close import KEPT_FLAGS, own_flags, part_of_integration, read_pixels
from hexcal.kernels.ramp_fit_segments import DO_NOT_USE, JUMP_DET
from hexcal.kernels.selection import median_of

FEWEST_LEFT = 4
"""Differences that must be left for another look for jumps."""


@kernel
def load_differences(ramps, width, settings, system, noise, pairs, ordered):
    """Differences of a chunk, DN/s, which of them count, and the first estimate of the rate: their median, not below 0.

    ``pairs`` are the comparisons that sort them (`sorting_pairs`), ``ordered``, float64 (ndifferences, CHUNK), is
    scratch.
    """
    n, clean, kept = system.used.shape[0], True, np.uint8(~noise.after_jump)
    for i in range(n):
        early, late, flag, flag_after = ramps.value[i], ramps.value[i + 1], ramps.flag[i], ramps.flag[i + 1]
        difference, used, copy = system.difference[i], system.used[i], ordered[i]
        for x in range(width):
            difference[x] = (np.float64(late[x]) - np.float64(early[x])) / settings.group_time
            copy[x] = difference[x]
            used[x] = 1.0 if (flag[x] & kept) | flag_after[x] == 0 else 0.0
    for x in range(width):
        clean = clean and ramps.union[x] == 0
    for p in range(pairs.shape[0]):
        low, high = ordered[pairs[p, 0]], ordered[pairs[p, 1]]
        for x in range(width):
            a, b = low[x], high[x]
            low[x] = a if a < b else b
            high[x] = b if a < b else a
    low, high = ordered[(n - 1) // 2], ordered[n // 2]
    for x in range(width):
        system.rate[x] = max(0.5 * (low[x] + high[x]), 0.0)
    if not clean:
        for x in range(width):
            if ramps.union[x] != 0:
                load_flagged(x, system, noise)


@kernel
def load_flagged(x, system, noise):
    """As `load_differences`, for a ramp with flags: differences that are not finite, or not wanted, have no say."""
    n, count = system.used.shape[0], 0
    values = np.empty(n)
    for i in range(n):
        if np.isfinite(system.difference[i, x]) and (noise.use_all or system.used[i, x] > 0.0):
            values[count] = system.difference[i, x]
            count += 1
        if system.used[i, x] == 0.0:
            system.difference[i, x] = 0.0
    system.rate[x] = max(median_of(values, count), 0.0) if count > 0 else 0.0


@kernel
def leave_out(system, x, jump):
    """Leave out what `find_jumps` has found."""
    system.used[jump // 2, x] = 0.0
    if jump % 2 == 1:
        system.used[jump // 2 + 1, x] = 0.0


@kernel
def mask_jumps(system, noise, pixels, dark, width, jump, lines, hit):
    """Leave out the differences that a jump falls into; ``hit``, bool (CHUNK,), says which pixels have one."""
    solve_for_jumps(system, noise, pixels, dark, 0, width)
    find_jumps(system, noise, 0, width, jump, lines)
    for x in range(width):
        hit[x] = jump[x] >= 0 and stands_out(system, noise, x, jump[x])
        while jump[x] >= 0 and stands_out(system, noise, x, jump[x]):
            leave_out(system, x, jump[x])
            if system.used[:, x].sum() < FEWEST_LEFT:
                break
            solve_for_jumps(system, noise, pixels, dark, x, x + 1)
            find_jumps(system, noise, x, x + 1, jump, lines)


@kernel
def write_integration(system, noise, pixels, dark, width, union, hit, pixel_dq, out, chi_squared):
    """Write rate, variances and flags of a chunk of one integration, and add its chi-squared."""
    n = system.difference.shape[0]
    for x in range(width):
        squares = products = chi = 0.0
        for i in range(n):
            squares += system.weight[i, x] * system.weight[i, x]
            linked = i < n - 1 and system.used[i, x] * system.used[min(i + 1, n - 1), x] > 0.0
            products += 2.0 * system.weight[i, x] * system.weight[i + 1, x] if linked else 0.0
            chi += system.difference[i, x] * (system.pull[i, x] - system.mean[x] * system.weight[i, x])
        scale = 1.0 / (system.total[x] * system.total[x])
        photons = (system.rate[x] + dark[x]) / pixels.gain[x] * scale
        poisson = photons * (noise.diagonal * squares + noise.neighbour * products)
        read = pixels.variance[x] * scale * (noise.read_diagonal * squares + noise.read_neighbour * products)
        good = np.isfinite(system.mean[x]) and 0.0 < pixels.gain[x] < np.inf
        out.slope[x] = system.mean[x] if good else np.nan
        out.var_poisson[x] = poisson if good else np.nan
        out.var_rnoise[x] = read if good else np.nan
        out.err[x] = np.sqrt(out.var_poisson[x] + out.var_rnoise[x])
        flags = np.uint32(union[x] & np.uint8(KEPT_FLAGS)) | np.uint32(JUMP_DET if hit[x] else 0)
        out.dq[x] = flags | np.uint32(0 if good else DO_NOT_USE) | own_flags(pixel_dq[x], pixels.gain[x])
        chi_squared[x] += chi if good else 0.0


@kernel
def fit_likely(first_row, last_row, exposure, settings, noise, pairs, integrations, chi_squared):
    """Fit rows ``first_row <= y < last_row`` of all integrations of an exposure, each by itself.

    Parameters
    ----------
    exposure : Exposure
    settings : Settings
    noise : Noise
    pairs : int64 (npairs, 2)
        Of ``sorting_pairs`` for the differences.
    integrations : Rates
        Outputs, (nints, ny, nx); NaN where no difference counts.
    chi_squared : float32 (ny, nx)
        That of the integrations is added.
    """
    n_ints, _, _, nx = exposure.data.shape
    n_groups = settings.last_group - settings.first_group + 1
    ramps, pixels, system = new_ramps(n_groups), new_pixels(), new_system(n_groups - 1)
    jump, hit, lines, dark = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.bool_), np.empty((4, CHUNK)), np.zeros(CHUNK)
    ordered = np.empty((n_groups - 1, CHUNK))
    for y in range(first_row, last_row):
        for x0 in range(0, nx, CHUNK):
            width = min(CHUNK, nx - x0)
            here = slice(x0, x0 + width)
            pixel_dq = exposure.pixel_dq[y, here]
            read_pixels(exposure.gain[y, here], exposure.read_noise[y, here], settings.n_frames, pixels)
            if exposure.dark.shape[0] > 1:
                dark[:width] = exposure.dark[y, here]
            for i in range(n_ints):
                load_chunk(exposure, settings, i, y, x0, width, ramps)
                load_differences(ramps, width, settings, system, noise, pairs, ordered)
                mask_jumps(system, noise, pixels, dark, width, jump, lines, hit)
                sweep(system, noise, pixels, dark, 0, width)
                for x in range(width):
                    system.rate[x] = max(system.mean[x], 0.0)
                solve(system, noise, pixels, dark, 0, width)
                out = part_of_integration(integrations, i, y, x0, width)
                write_integration(
                    system, noise, pixels, dark, width, ramps.union, hit, pixel_dq, out, chi_squared[y, here]
                )


@kernel
def pooled_photons(slope, poisson):
    """Variance by photons at unit rate, from the integrations of a pixel whose rate is positive; 0 if there is none."""
    total = light = 0.0
    for i in range(slope.size):
        if slope[i] > 0.0:
            total += poisson[i]
            light += slope[i]
    return total / light if light > 0.0 else 0.0


@kernel
def average(slope, poisson, read, rate, of_dark):
    """Average the integrations of a pixel with the variances that they would have at a common ``rate``.

    ``of_dark`` is the variance by photons at unit rate of integrations whose own rate is not positive and does not
    tell. Returns (mean, its var_poisson, its var_rnoise).
    """
    total = weighted = from_photons = from_read = 0.0
    for i in range(slope.size):
        if np.isnan(slope[i]):
            continue
        at_unit_rate = poisson[i] / slope[i] if poisson[i] > 0.0 and slope[i] != 0.0 else of_dark
        photons = max(at_unit_rate * rate, 0.0)
        weight = 1.0 / (read[i] + photons)
        total += weight
        weighted += weight * slope[i]
        from_photons += weight * weight * photons
        from_read += weight * weight * read[i]
    return weighted / total, from_photons / (total * total), from_read / (total * total)


@kernel
def combine(first_row, last_row, integrations, rates, is_pooled):
    """Average the integrations of rows ``first_row <= y < last_row``.

    First with the variances at their median, then with those at that average.

    Parameters
    ----------
    integrations : Rates
        (nints, ny, nx), as `fit_likely` wrote them.
    rates : Rates
        Outputs, (ny, nx).
    is_pooled : bool
        Whether integrations whose rate is not positive have the photon noise of the others; else they have none.
    """
    n_ints, _, nx = integrations.slope.shape
    slope, poisson, read, ordered = np.empty((4, n_ints))
    for y in range(first_row, last_row):
        for x in range(nx):
            count = 0
            some, every = np.uint32(0), np.uint32(DO_NOT_USE)
            for i in range(n_ints):
                slope[i], poisson[i] = integrations.slope[i, y, x], integrations.var_poisson[i, y, x]
                read[i] = integrations.var_rnoise[i, y, x]
                some |= integrations.dq[i, y, x]
                every &= integrations.dq[i, y, x]
                if not np.isnan(slope[i]):
                    ordered[count] = slope[i]
                    count += 1
            rates.dq[y, x] = (some & ~np.uint32(DO_NOT_USE)) | every
            if n_ints == 1:
                mean, photons, noise = slope[0], poisson[0], read[0]
            elif count == 0:
                mean = photons = noise = np.nan
            else:
                of_dark = pooled_photons(slope, poisson) if is_pooled else 0.0
                mean, _, _ = average(slope, poisson, read, median_of(ordered, count), of_dark)
                mean, photons, noise = average(slope, poisson, read, mean, of_dark)
            rates.slope[y, x], rates.var_poisson[y, x], rates.var_rnoise[y, x] = mean, photons, noise
            rates.err[y, x] = np.sqrt(photons + noise)
