"""The background on a mesh: clipping, and the mesh in pixels, against numpy."""

import numpy as np
import pytest

from hexcal.core.bands import run_bands
from hexcal.kernels import mesh
from hexcal.steps.image.mesh_background import BoxClipping, MeshBackground, clipped_median


def clipped(values, clipping):
    """The slow and obvious way."""
    values = np.array(values, float)
    for _ in range(clipping.rounds):
        median, sigma = np.median(values), values.std()
        kept = values[(values >= median - clipping.low * sigma) & (values <= median + clipping.high * sigma)]
        if len(kept) == len(values):
            break
        values = kept
    return np.median(values), values.std(), len(values)


@pytest.mark.parametrize("clipping", [BoxClipping(), BoxClipping(2.0, 1.5, 10), BoxClipping(3.0, 3.0, 0)])
@pytest.mark.parametrize("count", [1, 2, 7, 5000])
def test_a_box_is_clipped_as_numpy_does_it(clipping, count):
    rng = np.random.default_rng(count)
    values = rng.normal(1000.0, 2.0, count).astype("f4")
    values[rng.random(count) < 0.02] += 100
    assert clipped_median(values.copy(), clipping) == pytest.approx(clipped(values, clipping), rel=1e-6, abs=1e-5)


def test_usable_pixels_of_a_box():
    data = np.arange(30.0, dtype="f4").reshape(5, 6)
    data[1, 2] = np.nan
    masked = np.zeros((5, 6), bool)
    masked[2, 3] = True
    values = np.empty(30, "f4")
    count = mesh.collect_box(data, masked, (1, 4, 2, 5), values)
    assert values[:count].tolist() == [9, 10, 14, 16, 20, 21, 22]


def test_the_mesh_in_pixels_is_the_same_in_all_ways_and_for_any_number_of_threads():
    rng = np.random.default_rng(3)
    background = MeshBackground(rng.normal(10, 1, (3, 4)), np.ones((3, 4)), (20, 15), (55, 60))
    data = rng.normal(10, 1, (55, 60)).astype("f4")
    expected = background.rows(background.level, slice(0, 55))
    net = background.subtract_from(data)
    np.testing.assert_allclose(net, data - expected, atol=2e-6)
    rows, columns = np.array([0, 54, 20]), np.array([59, 0, 33])
    np.testing.assert_allclose(background.at(rows, columns), expected[rows, columns], rtol=2e-7)
    y, x = background._splines
    args = (data, y, np.ascontiguousarray(x.T), background.level, background.level.min(), background.level.max())
    for threads in (1, 5):
        again = np.empty_like(net)
        run_bands(mesh.subtract_mesh, 55, *args, again, threads=threads)
        np.testing.assert_array_equal(again, net)
