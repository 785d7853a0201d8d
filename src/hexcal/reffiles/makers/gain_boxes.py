"""The gain of a box of pixels, from two flats and two darks; boxes, and their values interpolated to pixels."""

from typing import Any

import numpy as np

from hexcal.reffiles.statistics import of_map, truncation


def boxes_of(members: Any, parameters: Any) -> tuple[list[int], list[int]]:
    """Return the edges of the boxes in rows and in columns: of boxes, amplifiers, or of the whole image."""
    n_rows, n_columns = members.shape
    if parameters.region == "whole":
        return [0, n_rows], [0, n_columns]
    if parameters.region == "amplifier":
        outputs = max(1, int(members.first.meta.exposure.noutputs or 1))
        along_rows = abs(int(members.first.meta.subarray.fastaxis or 1)) == 2
        size = n_rows if along_rows else n_columns
        edges = [round(size * number / outputs) for number in range(outputs + 1)]
        return (edges, [0, n_columns]) if along_rows else ([0, n_rows], edges)
    return tuple([*range(0, size, parameters.box), size] for size in members.shape)  # type: ignore[return-value]


def transfer_gain(lit, dark, used, share, parameters):
    """Return the gain of a box by photon transfer, and the gain at each level.

    Parameters
    ----------
    lit, dark : float64 array (2, nlevels, rows, columns)
        Rises of two flats and of two darks from the first group to later ones, DN.
    used : bool array (rows, columns)
        Good pixels.
    share : float
        Share of the largest signal up to which levels count.
    parameters
        `clipping_sigma`, `least_values`.

    Returns
    -------
    float
        Sum of the signals over the sum of their variances; NaN where there are too few values.
    list of (float, float)
        Signal and gain at each level that counts.
    """
    signal, difference, no_light = lit.mean(axis=0), lit[0] - lit[1], dark[0] - dark[1]
    medians = [_median(level[used]) for level in signal]
    known = [value for value in medians if np.isfinite(value)]
    if not known:
        return np.nan, []
    total_signal, freedom, curve = 0.0, 0, []
    photons, without_light = [], []
    for index, middle in enumerate(medians):
        if not np.isfinite(middle) or (middle > share * max(known) and len(known) > 1 and curve):
            continue
        good = used & np.isfinite(difference[index])
        dark_variance = _half_variance(no_light[index][used & np.isfinite(no_light[index])], parameters)
        variance = _half_variance(difference[index][good], parameters) - dark_variance
        if good.sum() < parameters.least_values or not np.isfinite(variance) or variance <= 0:
            continue
        mean = float(np.mean(signal[index][good]))
        freedom = int(good.sum()) - 1
        curve.append((mean, mean / variance * (freedom - 2) / freedom))
        total_signal += mean
        photons.append(variance)
        without_light.append(dark_variance)
    if not photons:
        return np.nan, curve
    return total_signal / sum(photons) * _inverse_bias(np.array(photons), np.array(without_light), freedom), curve


def _inverse_bias(photons, without_light, freedom) -> float:
    """By what the inverse of a sum of measured variances must be multiplied, which lies above that of the true ones.

    The mean of 1 / S is (1 + var(S) / S^2) / (mean of S). For one level that is n / (n - 2), with n degrees of freedom.
    Levels of one ramp share the photons of the lower of them, and the read noise of the first group: the variance of
    the sum is that of all pairs, 2 C_ab^2 / n with the covariance C_ab (Wishart 1928, Biometrika 20A, 32).

    Parameters
    ----------
    photons : float array (nlevels,)
        Variances by photons, DN^2.
    without_light : float array (nlevels,)
        Variances of darks, which are subtracted, DN^2.
    freedom : int
        Degrees of freedom of each.
    """
    # Half of the read noise of a difference of two groups is that of the first one, which all levels share.
    shared = 0.5 * (without_light[:, None] + without_light[None]) * (0.5 + 0.5 * np.eye(len(photons)))
    light = np.minimum(photons[:, None], photons[None])
    spread = 2 * ((light + shared) ** 2 + shared**2).sum() / (freedom - 2)
    return 1 / (1 + spread / photons.sum() ** 2)


def likelihood_gain(lit, dark, used, share, parameters) -> float:
    """Return the gain of a box by the likelihood of all differences of groups of two flats.

    The differences of successive groups of one flat less those of the other have a covariance 2 (m / g I + R^2 T), with
    m the signal per group, g the gain, R the read noise and T the matrix with 2 in its diagonal and -1 beside it. The
    sine transform makes it diagonal: 2 (m / g + 2 R^2 (1 - cos(pi j / (n + 1)))). Both unknowns follow from a fit of
    the mean power, with weights 1 / variance^2 that are those of the maximum of the likelihood; two darks, if there
    are any, tell the read noise alone.

    Parameters
    ----------
    lit : float64 array (2, ngroups, rows, columns)
        Ramps of two flats, DN; NaN from the first bad sample on.
    dark : float64 array (2, ngroups, rows, columns) or None
        The same of two darks.
    used : bool array (rows, columns)
        Good pixels.
    share : float
        Share of the largest signal up to which groups count.
    parameters
        `least_values`.
    """
    medians = np.array([_median(group[used]) for group in lit.mean(axis=0)])
    if not np.isfinite(medians[:1]).all():
        return float("nan")
    top = np.nanmax(medians)
    kept = int(np.count_nonzero(np.isfinite(medians) & (medians - medians[0] <= share * (top - medians[0]))))
    flats = _power(lit[:, :kept], used, parameters) if kept >= 4 else None
    if flats is None:
        return float("nan")
    signal, power, shape, count = flats
    design, powers, counts = [np.stack([np.ones(len(power)), shape], axis=1)], [power], [np.full(len(power), count)]
    darks = _power(dark, used, parameters) if dark is not None and dark.shape[1] >= 4 else None
    if darks is not None:
        design.append(np.stack([np.zeros(len(darks[1])), darks[2]], axis=1))
        powers.append(darks[1])
        counts.append(np.full(len(darks[1]), darks[3]))
    matrix, power, number = np.concatenate(design), np.concatenate(powers), np.concatenate(counts)
    variance, photon = power.copy(), 0.0
    for _ in range(20):
        weight = number / variance**2
        photon, read = np.linalg.solve(matrix.T @ (weight[:, None] * matrix), matrix.T @ (weight * power))
        variance = np.maximum(matrix @ (photon, read), 1e-3 * power.mean())
    # The mean of 1 / x lies above 1 / mean of x by the variance of x.
    weight = number / variance**2
    error = np.linalg.inv(matrix.T @ (weight[:, None] * matrix))[0, 0] * 2
    return float(signal / photon / (1 + error / photon**2)) if photon > 0 else float("nan")


def _power(ramps, used, parameters):
    """Signal per group, mean power of the modes of a difference of two ramps (halved), their shape, and pixels."""
    from scipy.fft import dst

    ramps = ramps[..., used]
    ramps = ramps[..., np.isfinite(ramps).all(axis=(0, 1))]
    if ramps.shape[-1] < parameters.least_values:
        return None
    steps = np.diff(ramps, axis=1)
    # A lamp that is a little brighter the second time leaves a mean, which is no noise.
    apart = steps[0] - steps[1]
    apart -= apart.mean(axis=1, keepdims=True)
    inside = np.abs(apart).max(axis=0) < 6 * apart.std()
    modes: Any = dst(apart[:, inside], type=1, axis=0, norm="ortho")
    number = len(apart)
    shape = 2 - 2 * np.cos(np.pi * np.arange(1, number + 1) / (number + 1))
    return float(steps.mean()), (modes**2).mean(axis=1) / 2, shape, int(np.count_nonzero(inside))


def shared_noise(lit, dark, used, share) -> tuple[float, float]:
    """Return the variance of single pixels by photons, and the sum of its covariances over 3 x 3 pixels.

    Neighbours that share charge by inter-pixel capacitance have less noise each, and the rest in common (Moore et al.
    2006). Arrays as of `transfer_gain`, of many pixels.
    """
    medians = np.array([_median(level[used]) for level in lit.mean(axis=0)])
    if not np.isfinite(medians).any():
        return 0.0, 0.0
    level = int(
        np.nanargmax(np.where(medians <= max(share * np.nanmax(medians), np.nanmin(medians)), medians, -np.inf))
    )
    covariances = [_covariances(array[0, level] - array[1, level], used) for array in (lit, dark)]
    single, whole = (of_lit - of_dark for of_lit, of_dark in zip(*covariances, strict=True))
    return single * used.sum(), whole * used.sum()


def _covariances(difference, used):
    """Variance of a difference image, and the sum of its covariances over 3 x 3 pixels."""
    good = used & np.isfinite(difference)
    if good.sum() < 20:
        return 0.0, 0.0
    middle, spread = of_map(difference, good)
    if spread == 0:
        return 0.0, 0.0
    good &= np.abs(difference - middle) < 5 * spread
    values = np.where(good, difference - middle, 0.0)
    total = 0.0
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        upper, lower = np.s_[: values.shape[0] - dy], np.s_[dy:]
        left, right = (np.s_[: values.shape[1] - dx], np.s_[dx:]) if dx >= 0 else (np.s_[-dx:], np.s_[:dx])
        pairs = np.count_nonzero(good[upper, left] & good[lower, right])
        total += 2 * float((values[upper, left] * values[lower, right]).sum()) / max(1, pairs)
    variance = float((values**2).sum() / good.sum())
    return variance, variance + total


def _median(values):
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else float("nan")


def _half_variance(differences, parameters):
    """Half the variance of clipped differences of two exposures: that of one of them."""
    if differences.size < 3:
        return np.nan
    spread = of_map(differences, sigma=parameters.clipping_sigma)[1] / truncation(parameters.clipping_sigma)
    return 0.5 * spread**2 * differences.size / (differences.size - 1)


def of_pixels(boxes, shape, edges) -> Any:
    """Return the values of boxes interpolated to pixels; NaN where no box has a value.

    Parameters
    ----------
    boxes : float array
        Value of each box; NaN where there is none.
    shape : tuple of int
        (ny, nx)
    edges : tuple of list of int
        As of `boxes_of`.
    """
    from scipy.interpolate import RegularGridInterpolator

    known = np.isfinite(boxes)
    if not known.any():
        return np.full(shape, np.nan)
    filled = np.where(known, boxes, np.nanmedian(boxes))
    if min(boxes.shape) == 1:
        return np.repeat(np.repeat(filled, np.diff(edges[0]), axis=0), np.diff(edges[1]), axis=1)
    centres = [(np.array(own[:-1]) + np.array(own[1:]) - 1) / 2 for own in edges]
    axes = [np.clip(np.arange(size), own[0], own[-1]) for size, own in zip(shape, centres, strict=True)]
    place = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return RegularGridInterpolator(tuple(centres), filled)(place)


def noise_of_pixels(shape, edges) -> Any:
    """Return the noise of values that `of_pixels` interpolates, in units of that of the boxes, (ny, nx).

    Between the centres of two boxes, at the share t of their distance, it is ``sqrt(t^2 + (1 - t)^2)`` on each axis.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx)
    edges : tuple of list of int
        As of `boxes_of`.
    """
    if min(len(own) for own in edges) == 2:
        return np.ones(shape)
    factors = []
    for size, own in zip(shape, edges, strict=True):
        centres = (np.array(own[:-1]) + np.array(own[1:]) - 1) / 2
        at = np.interp(np.arange(size), centres, np.arange(len(centres)))
        factors.append(np.hypot(at % 1, 1 - at % 1))
    return np.outer(*factors)
