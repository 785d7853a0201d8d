"""Signals of reference pixels."""

import itertools

import numpy as np
import pytest
from scipy.stats import sigmaclip

from hexcal.kernels import refpix as kernels

RNG = np.random.default_rng


@pytest.mark.req("REFPIX-05")
@pytest.mark.parametrize("size", [1, 2, 3, 10, 500])
def test_clipped_mean_is_that_of_scipy(size):
    rng = RNG(size)
    for _ in range(50):
        values = rng.normal(100, 10, size) + np.where(rng.random(size) < 0.05, rng.choice([-1e5, 200, 1e3], size), 0)
        assert kernels.clipped_mean(values.copy(), 3.0) == pytest.approx(sigmaclip(values, 3, 3)[0].mean(), rel=1e-12)


def test_clipped_mean_of_nothing():
    assert np.isnan(kernels.clipped_mean(np.empty(0), 3.0))


@pytest.mark.parametrize("with_base", [False, True])
def test_means_of_classes(with_base):
    rng = RNG(1)
    data = rng.normal(50, 3, (4, 9, 11)).astype(np.float32)
    data[2, 3, 4] = np.nan
    data[1, 1, 1] = 1e6
    number = rng.integers(0, 3, (9, 11))
    rows, columns = np.nonzero(number >= 0)
    order = np.argsort(number[rows, columns], kind="stable")
    starts = np.searchsorted(np.sort(number.ravel()), [0, 1, 2, 3, 4])
    base = np.array([-1, 0, 0, 0]) if with_base else np.full(4, -1)
    means = np.empty((4, 4))
    for image in range(4):
        kernels.measure_classes(image, image + 1, data, base, rows[order], columns[order], starts, 3.0, means)
    for image in range(4):
        values = data[image] - (data[0] if base[image] >= 0 else 0)
        for one in range(3):
            chosen = values[number == one]
            assert means[image, one] == pytest.approx(sigmaclip(chosen[~np.isnan(chosen)], 3, 3)[0].mean(), abs=1e-5)
    assert np.isnan(means[:, 3]).all()


def median_twin(signal, start, n_detector, before, length):
    period = 2 * (n_detector - 1) or 1
    result = []
    for line in range(len(signal)):
        near = (np.arange(line - before, line - before + length) + start) % period
        near = np.where(near < n_detector, near, period - near) - start
        values = signal[near[(near >= 0) & (near < len(signal))]]
        values = values[~np.isnan(values)]
        result.append(np.median(values) if values.size else np.nan)
    return np.float32(result)


@pytest.mark.req("REFPIX-07", "REFPIX-27")
@pytest.mark.parametrize("length", [1, 2, 6, 11, 101])
@pytest.mark.parametrize(
    ("lines", "start", "n_detector"), [(40, 0, 40), (40, 0, 100), (40, 60, 100), (40, 30, 100), (1, 0, 1), (3, 0, 3)]
)
def test_running_median_equals_twin(length, lines, start, n_detector):
    rng = RNG(length)
    for width in (1, 4):
        signal = np.round(rng.normal(0, 3, (lines, width))).astype(np.float32)  # with many equal values
        signal[rng.random(signal.shape) < 0.2] = np.nan
        signal[lines // 3 : 2 * lines // 3] = np.nan
        for before in {length // 2, length - 1 - length // 2}:
            result = np.empty(lines, np.float32)
            kernels.running_median(
                signal, start, n_detector, before, length, np.empty((length + 1) * width, np.float32), result
            )
            np.testing.assert_array_equal(result, median_twin(signal, start, n_detector, before, length))


@pytest.mark.parametrize("transposed", [False, True])
def test_side(transposed):
    rng = RNG(2)
    data = rng.normal(10, 2, (3, 16, 12)).astype(np.float32)
    usable, along_fast = rng.random((16, 4)) < 0.9, rng.normal(9, 1, (3, 12)).astype(np.float32)
    stored = np.ascontiguousarray(data.transpose(0, 2, 1)) if transposed else data
    medians = np.empty((3, 16), np.float32)
    for image in range(3):
        kernels.measure_side(image, image + 1, stored, transposed, 8, usable, along_fast, 0, 16, 2, 5, medians)
        strip = np.where(usable, data[image, :, 8:] - along_fast[image, 8:], np.float32(np.nan))
        np.testing.assert_array_equal(medians[image], median_twin(strip, 0, 16, 2, 5))


def in_bands(kernel, rows, bands, *args):
    for low, high in itertools.pairwise(np.linspace(0, rows, bands + 1).astype(int)):
        kernel(low, high, *args)


@pytest.mark.parametrize("bands", [1, 4])
def test_subtraction_of_columns_and_rows(bands):
    rng = RNG(3)
    data = rng.normal(9000, 20, (3, 9, 7)).astype(np.float32)
    along_x, along_y = rng.normal(9, 1, (3, 7)).astype(np.float32), rng.normal(9, 1, (3, 9)).astype(np.float32)
    columns, rows = along_x[:, None], along_y[:, :, None]
    expected = np.concatenate([(data - columns - rows)[:1], (data - (columns + rows))[1:]])
    in_bands(kernels.subtract_signals, 9, bands, data, along_x, along_y)
    np.testing.assert_array_equal(data, expected)


@pytest.mark.parametrize("period", [1, 2])
@pytest.mark.parametrize("bands", [1, 4])
def test_subtraction_relative_to_the_first_image(period, bands):
    rng = RNG(3)
    data = rng.normal(9000, 20, (2, 3, 9, 7)).astype(np.float32)
    pattern = rng.normal(9, 1, (2, 3, period, 7)).astype(np.float32)
    first = data[:, :1]
    expected = ((data - first) - pattern[:, :, np.arange(9) % period]) + first
    expected[:, 0] = data[:, 0]
    in_bands(kernels.subtract_pattern, 9, bands, data, pattern)
    np.testing.assert_array_equal(data, expected)


@pytest.mark.parametrize("share", [0.3, 0.9, 1.0])
def test_holes_get_the_weighted_mean_of_what_is_near(share):
    rng = RNG(8)
    stream, is_hole = rng.normal(0, 5, 60).astype(np.float32), rng.random(60) < share
    weights, by_line = np.array([1.0, 0.7, 0.2]), [np.ascontiguousarray(a.reshape(6, 10).T) for a in (stream, is_hole)]
    filled = by_line[0].copy()
    for place in range(10):
        kernels.fill_from_neighbours(place, place + 1, *by_line, weights, filled)
    expected = stream.copy()
    for hole in np.flatnonzero(is_hole):
        near = [(w, (hole + sign * (j + 1)) % 60) for j, w in enumerate(weights) for sign in (-1, 1)]
        known = [(w, stream[place]) for w, place in near if not is_hole[place]]
        expected[hole] = sum(w * v for w, v in known) / sum(w for w, _ in known) if known else 0
    np.testing.assert_allclose(filled.T.ravel(), expected, rtol=1e-6)


def test_signals_of_outputs_are_subtracted_from_their_columns():
    rng = RNG(9)
    data, output = rng.normal(0, 5, (2, 6, 8)).astype(np.float32), np.repeat([0, 1], 4)
    for transposed in (False, True):
        image = np.ascontiguousarray(data.swapaxes(1, 2)) if transposed else data.copy()
        signal = rng.normal(0, 1, (2, 2, 6)).astype(np.float32)
        for row in range(image.shape[1]):
            kernels.subtract_by_output(row, row + 1, image, transposed, output, signal)
        expected = data - signal[:, output].swapaxes(1, 2)
        np.testing.assert_array_equal(image.swapaxes(1, 2) if transposed else image, expected)
