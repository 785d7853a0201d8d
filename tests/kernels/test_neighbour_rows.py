"""Rows that predict each other: the kernel against a slow twin, and for any number of bands."""

import numpy as np
import pytest

from hexcal.kernels.neighbour_rows import predict

HALF = 7


def scene(seed=3, shape=(9, 40)):
    rng = np.random.default_rng(seed)
    spectrum = 50 + 30 * np.exp(-0.5 * ((np.arange(shape[1]) - 18) / 1.2) ** 2)
    profile = np.exp(-0.5 * ((np.arange(shape[0])[:, None] - 4 - 0.01 * np.arange(shape[1])) / 1.3) ** 2)
    values = (profile * spectrum + rng.normal(0, 1, shape)).astype(np.float32)
    variances = (1 + 0.01 * values.clip(0)).astype(np.float32)
    counts = rng.random(shape) > 0.05
    gaps = rng.random(shape) < 0.02
    values[gaps], variances[gaps] = np.nan, np.nan
    counts &= ~gaps
    return values, variances, counts


def rows_of(values, y, x, choice):
    """The two rows that predict a pixel, or None."""

    def seen(row):
        return 0 <= row < len(values) and np.isfinite(values[row, x])

    below, above = seen(y - 1), seen(y + 1)
    if not below and not above:
        return None
    steps = (
        {1: (-1, -2), 2: (2, 1)}.get(choice, (-1, 1)) if below and above else {1: (1, 3), 2: (3, 2)}.get(choice, (1, 2))
    )
    sign = -1 if below and not above else 1
    rows = [y + sign * step for step in steps]
    return rows if min(rows) >= 0 and max(rows) < len(values) else None


def terms(values, variances, rows, x, place, size):
    """The terms of the fit at a column and their variances, or None; powers of the place if there are no rows."""
    if rows is None:
        return place ** np.arange(size, dtype=float), np.zeros(size)
    low, high = rows
    first, second = float(values[low, x]), float(values[high, x])
    spread = [float(variances[low, x]), float(variances[high, x])]
    slope = slope_variance = 0.0
    if 0 < x < values.shape[1] - 1:
        beside = [(row, x + side) for row in rows for side in (-1, 1)]
        slope = 0.5 * sum((1 if side > x else -1) * float(values[row, side]) for row, side in beside)
        slope_variance = 0.25 * sum(float(variances[place]) for place in beside)
        if not np.isfinite(slope + slope_variance):
            slope = slope_variance = 0.0
    powers = place ** np.arange(1, size - 2)
    found = np.array([first, second, slope, *(powers * (first + second))])
    spreads = np.array([*spread, slope_variance, *(powers**2 * sum(spread))])
    return (found, spreads) if np.isfinite(found[:2]).all() and np.isfinite(spread).all() else None


def fitted(values, variances, counts, y, x, rows, side, size):
    """Prediction of a pixel and its standard deviation, NaN where there is none."""
    first, last = (x + 1 if side == 2 else max(0, x - HALF)), (x if side == 1 else min(values.shape[1], x + HALF + 1))
    found, targets, weights, parts = [], [], [], []
    for k in range(first, last):
        at = terms(values, variances, rows, k, (k - x) / HALF, size) if k != x and counts[y, k] else None
        if at is not None:
            found.append(at)
            targets.append(float(values[y, k]))
            parts.append((1 - ((k - x) / (HALF + 1)) ** 2) ** 2)
            weights.append(parts[-1] / float(variances[y, k]))
    here = terms(values, variances, rows, x, 0.0, size)
    if here is None or len(found) < max(HALF // 2 if side else HALF, size + 1):
        return np.nan, np.nan
    of_rows, spreads = (np.array(item) for item in zip(*found, strict=True))
    weights, targets = np.array(weights), np.array(targets)
    held = weights @ spreads
    normal = of_rows.T @ (weights[:, None] * of_rows) + np.diag(held)
    normal += 1e-9 * (normal[0, 0] + normal[1, 1]) * np.eye(size)
    factors = np.linalg.solve(normal, of_rows.T @ (weights * targets))
    variance = float(variances[y, x]) + factors**2 @ here[1] + here[0] @ np.linalg.solve(normal, here[0])
    by_rows = factors**2 @ held
    squares = weights @ (targets - of_rows @ factors) ** 2
    misfit = squares / (sum(parts) * (1 - size / len(found)) + by_rows)
    return factors @ here[0], np.sqrt(variance * max(misfit, 1))


def candidates(values, variances, counts, y, x, choice):
    """All predictions of a pixel, or the one that is good enough."""
    if choice == 5:
        return [fitted(values, variances, counts, y, x, None, 0, 4)]
    pairs = [choice] if choice in (1, 2) else range(3)
    sides = range(3) if choice == 0 else [max(choice - 2, 0)]
    found = []
    for pair, side, size in ((pair, side, size) for pair in pairs for side in sides for size in (4, 6)):
        rows = rows_of(values, y, x, pair)
        if rows is None or (side and size == 6):
            continue
        found.append(fitted(values, variances, counts, y, x, rows, side, size))
        if found[-1][1] ** 2 < 3 * variances[y, x] and (choice or (pair == side == 0)):
            return [found[-1]]
    return [item for item in found if np.isfinite(item[1])]


def twin(values, variances, counts, choice):
    expected, noise = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    for y, x in zip(*np.nonzero(np.isfinite(values)), strict=True):
        found = candidates(values, variances, counts, y, x, choice)
        surest = min((sigma for _, sigma in found), default=np.nan)
        alike = [item for item in found if item[1] < 3 * surest]
        if alike:
            value = float(values[y, x])
            nearest, sigma = min(alike, key=lambda item: abs(item[0] - value))
            expected[y, x], noise[y, x] = nearest, np.sqrt(sigma * surest)
    return expected, noise


def predicted(values, variances, counts, choice, bands=(9,), wanted=None):
    wanted = np.isfinite(values) if wanted is None else wanted
    expected, noise = (np.full(values.shape, np.nan, np.float32) for _ in range(2))
    first = 0
    for last in bands:
        predict(first, last, values, variances, counts, wanted, choice, HALF, expected, noise)
        first = last
    return expected, noise


@pytest.mark.parametrize("choice", range(6))
def test_as_its_twin(choice):
    given = scene()
    expected, noise = predicted(*given, choice)
    true, spread = twin(*given, choice)
    assert np.isfinite(true).sum() > 150
    np.testing.assert_allclose(expected, true, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(noise, spread, rtol=1e-4)


def test_the_same_bits_for_any_bands_and_only_what_is_wanted():
    given = scene(5)
    whole = predicted(*given, 0)
    for planes in zip(whole, predicted(*given, 0, (2, 3, 9)), strict=True):
        assert planes[0].tobytes() == planes[1].tobytes()
    wanted = np.zeros(given[0].shape, bool)
    wanted[4, 10:12] = True
    some, _ = predicted(*given, 0, wanted=wanted)
    np.testing.assert_array_equal(some[wanted], whole[0][wanted])
    assert np.isnan(some[~wanted]).all()
