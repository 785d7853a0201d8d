"""Splines through the profiles of columns."""

import numpy as np
import pytest
from scipy.interpolate import BSpline

from hexcal.core import run_bands
from hexcal.kernels.trace_model import evaluate_traces, fit_traces

NY, NX, CELLS, HALF = 14, 30, 9, 4


def scene(noise=0.02, seed=2):
    """A profile that drifts across the rows, times a spectrum."""
    y, x = np.mgrid[:NY, :NX]
    along = y - 6.5 + 0.13 * x
    profile = np.exp(-0.5 * (along / 1.8) ** 2)
    data = (profile * (5 + np.sin(x / 4)) + np.random.default_rng(seed).normal(0, noise, along.shape)).astype("f4")
    data[3, 7] = data[8, 20] = np.nan
    along[0, :5] = np.nan
    return along, data


def fitted(along, data, clip=2.5, n_clips=3, threads=1):
    good = np.isfinite(along) & np.isfinite(data)
    sums = np.sum(data, axis=0, where=good, dtype=float)
    knots, coefficients = np.full((NX, 2), np.nan), np.zeros((NX, CELLS + 3))
    run_bands(fit_traces, NX, along, data, sums, HALF, CELLS, clip, n_clips, knots, coefficients, threads=threads)
    result = np.empty(along.shape)
    run_bands(evaluate_traces, NX, along, knots, coefficients, result, threads=threads)
    return result, sums


def by_hand(along, data, clip, n_clips):
    """The same in plain words."""
    good = np.isfinite(along) & np.isfinite(data)
    sums = np.sum(data, axis=0, where=good, dtype=float)
    result = np.full(along.shape, np.nan)
    for column in range(NX):
        part = np.s_[:, max(column - HALF, 0) : column + HALF + 1]
        keep = good[part]
        places, values = along[part][keep], (data[part] / sums[part[1]])[keep]
        low, high = places.min(), places.max()
        step = (high - low) / CELLS
        knots = low + step * np.arange(-3, CELLS + 4)

        def basis(at, knots=knots, low=low, high=high):
            return BSpline.design_matrix(np.clip(at, low, high), knots, 3, extrapolate=True).toarray()

        kept = np.ones(places.size, bool)
        for attempt in range(n_clips + 1):
            solution = np.linalg.lstsq(basis(places[kept]), values[kept], rcond=None)[0]
            distance = np.abs(values - basis(places) @ solution)
            good_ones = kept & (distance <= clip * np.sqrt(np.mean(distance[kept] ** 2)))
            if attempt == n_clips or good_ones.sum() == kept.sum():
                break
            kept = good_ones
        inside = np.isfinite(along[:, column]) & (along[:, column] >= low) & (along[:, column] <= high)
        result[inside, column] = basis(along[inside, column]) @ solution
    return result


@pytest.mark.parametrize("n_clips", [0, 3])
def test_the_splines_are_those_of_least_squares(n_clips):
    along, data = scene()
    data[9, 12] += 3
    result, _ = fitted(along, data, n_clips=n_clips)
    expected = by_hand(along, data, 2.5, n_clips)
    assert np.array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_a_cosmic_ray_leaves_the_profile_as_it_is():
    along, data = scene(noise=0.002)
    clean, _ = fitted(along, data)
    data[9, 12] += 3
    hit, sums = fitted(along, data)
    # The sum of its own column is wrong, which says nothing of the profile in the others.
    assert np.nanmax(np.abs(hit - clean)[:, 13:]) < 0.01
    assert sums[12] > 0


def test_the_same_bits_for_any_number_of_bands():
    along, data = scene()
    one, _ = fitted(along, data)
    assert all(one.tobytes() == fitted(along, data, threads=threads)[0].tobytes() for threads in (2, 5))


def test_columns_with_too_few_values_have_no_profile():
    along, data = scene()
    data[:, :12] = np.nan
    result, _ = fitted(along, data)
    assert np.isnan(result[:, :7]).all() and np.isfinite(result[2:, 12]).all()
