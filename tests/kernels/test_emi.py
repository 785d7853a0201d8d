"""Residuals by phase, and a wave subtracted."""

import itertools

import numpy as np
import pytest

from hexcal.kernels import emi as kernels

CYCLES, START, N_BINS = (33.25, 0.109375, 0.00390625), 0.4, 64


def phases(shape):
    group, y, x = np.indices(shape)
    return (START + CYCLES[0] * group + CYCLES[1] * y + CYCLES[2] * (x // 4)) % 1


@pytest.mark.parametrize("bands", [1, 3])
def test_equal_to_the_plain_way_for_any_bands(bands):
    rng = np.random.default_rng(4)
    ramp = rng.normal(100, 5, (6, 10, 13)).astype(np.float32)
    usable = rng.random((10, 13)) < 0.8
    sums, counts, firsts = (np.zeros((10, N_BINS)) for _ in range(3))
    for first, last in itertools.pairwise(np.linspace(0, 10, bands + 1).astype(int)):
        kernels.bin_by_phase(first, last, ramp, usable, CYCLES, START, float(sums.shape[1]), sums, counts, firsts)
    lines = np.polynomial.polynomial.polyfit(np.arange(6), ramp.reshape(6, -1).astype(float), 1)
    residual = ramp - np.polynomial.polynomial.polyval(np.arange(6), lines).T.reshape(ramp.shape)
    place = (phases(ramp.shape) * N_BINS).astype(int)
    chosen = np.broadcast_to(usable, ramp.shape)
    expected = np.bincount(place[chosen], residual[chosen], N_BINS)
    np.testing.assert_allclose(sums.sum(axis=0), expected, atol=1e-9)
    np.testing.assert_array_equal(counts.sum(axis=0), np.bincount(place[chosen], minlength=N_BINS))
    np.testing.assert_array_equal(firsts.sum(axis=0), np.bincount(place[0][usable], minlength=N_BINS))


def test_a_wave_is_looked_up_between_the_middles_of_its_bins():
    ramp = np.zeros((3, 4, 9), np.float32)
    wave = np.sin(2 * np.pi * (np.arange(N_BINS) + 0.5) / N_BINS)
    kernels.subtract_wave(0, 4, ramp, wave, CYCLES, START, True)
    np.testing.assert_allclose(ramp, -np.sin(2 * np.pi * phases(ramp.shape)), atol=2e-3)
