"""How much pixels stand out from their neighbours."""

import itertools

import numpy as np
import pytest

from hexcal.kernels.sharpness import sharpness

PAIRS = {0: ((0, 1), (1, 0)), 1: ((1, 1), (1, -1))}


def run(net, errors, snr, bands):
    result = np.empty((2, *net.shape), np.float32)
    edges = np.linspace(0, net.shape[0], bands + 1).astype(int)
    for low, high in itertools.pairwise(edges):
        sharpness(low, high, net, errors, snr, *result)
    return result


def twin(net, errors, snr):
    result = np.full((2, *net.shape), np.nan)
    padded = np.pad(net.astype(float), 1, constant_values=np.nan)
    for y, x in np.argwhere(net > snr * errors):
        for which, directions in PAIRS.items():
            means = [0.5 * (padded[y + 1 + j, x + 1 + i] + padded[y + 1 - j, x + 1 - i]) for j, i in directions]
            finite = [mean for mean in means if np.isfinite(mean)]
            if finite:
                result[which, y, x] = (net[y, x] - min(finite)) / net[y, x]
    return result


@pytest.mark.parametrize("bands", [1, 3])
def test_against_a_slow_twin(bands):
    random = np.random.default_rng(1)
    net = random.normal(0, 10, (30, 41)).astype("f4")
    net[random.random(net.shape) < 0.1] = np.nan
    errors = random.uniform(0.5, 2, net.shape).astype("f4")
    result, expected = run(net, errors, 5.0, bands), twin(net, errors, 5.0)
    np.testing.assert_allclose(result, expected, rtol=1e-6, equal_nan=True)
    assert np.isfinite(result).any(axis=(1, 2)).all()


def test_at_the_edge_and_beside_a_bad_pixel_the_pair_that_is_there_counts():
    net, errors = np.zeros((6, 7), "f4"), np.ones((6, 7), "f4")
    net[0, 3] = net[3, 3] = net[5, 0] = 50
    net[3, 4] = np.nan
    straight, oblique = run(net, errors, 10.0, 1)
    assert straight[0, 3] == straight[3, 3] == 1
    assert np.isnan(oblique[0, 3]) and oblique[3, 3] == 1
    assert np.isnan(straight[5, 0]) and np.isnan(oblique[5, 0])


def test_a_track_like_stairs_lets_one_oblique_pair_free():
    net, errors = np.zeros((8, 8), "f4"), np.ones((8, 8), "f4")
    net[[2, 2, 3, 3, 4, 4], [2, 3, 3, 4, 4, 5]] = 20
    straight, oblique = run(net, errors, 10.0, 1)
    assert (straight[[2, 3, 3, 4], [3, 3, 4, 4]] == 0.5).all()
    assert (oblique[[2, 3, 3, 4], [3, 3, 4, 4]] == 1).all()
