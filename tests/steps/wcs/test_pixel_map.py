"""Where the pixels of one image lie in another: by every pixel, and by a sparse grid."""

import logging

import numpy as np
import pytest
from sky_projections import tangent_plane

from hexcal.core import bands
from hexcal.errors import InputError
from hexcal.steps.wcs.pixel_map import map_of, pixel_map


def _curved(x, y):
    """A distortion of some pixels over the image, stronger than that of any camera."""
    u, v = x / 100 - 1, y / 100 - 1
    return x + 5 * u * v**2 - 3 * u**3 + 0.5 * v**5, 0.7 * y - 20 + 4 * np.sin(u) * v


def _pixels(shape):
    return np.meshgrid(np.arange(shape[1], dtype=float), np.arange(shape[0], dtype=float))


@pytest.mark.parametrize("shape", [(200, 170), (33, 65), (5, 7), (1, 1), (1, 300), (64, 64)])
def test_the_error_is_below_the_tolerance_everywhere(shape):
    found = map_of(_curved, shape)
    x, y = found.rows(0, shape[0])
    true_x, true_y = _curved(*_pixels(shape))
    assert x.shape == shape and np.hypot(x - true_x, y - true_y).max() <= max(1.5 * found.error, 1e-12) <= 0.002


def test_a_smaller_tolerance_makes_a_finer_grid():
    coarse, fine = map_of(_curved, (200, 200)), map_of(_curved, (200, 200), tolerance=1e-7)
    assert fine.step < coarse.step and fine.error <= 1e-7 < coarse.error <= 1e-3
    x, y = fine.rows(0, 200)
    true_x, true_y = _curved(*_pixels((200, 200)))
    assert np.hypot(x - true_x, y - true_y).max() < 2e-7


def test_every_pixel_where_exactness_is_asked_for():
    found = map_of(_curved, (40, 50), exact=True)
    assert (found.step, found.error) == (1, 0.0)
    assert np.array_equal(found.rows(3, 9), np.array(_curved(*_pixels((40, 50))))[:, 3:9])


def test_what_a_cubic_polynomial_describes_is_exact_at_any_place():
    def cubic(x, y):
        return x**3 * y / 1e5 - 2 * x, y**3 / 1e3 + x * y**2 / 1e3

    found = map_of(cubic, (128, 128), tolerance=1e-6)
    x, y = np.random.default_rng(1).uniform(-0.5, 127.5, (2, 500))
    assert found.step > 8 and np.abs(np.array(found.at(x, y)) - cubic(x, y)).max() < 1e-8


def test_rows_are_the_same_for_any_number_of_threads():
    found = map_of(_curved, (130, 70))
    with bands.number_of_threads(1):
        expected = found.rows(0, 130)
    with bands.number_of_threads(5):
        assert np.array_equal(found.rows(0, 130), expected)
    assert np.array_equal(found.rows(60, 61)[0][0], expected[0][60])


def test_where_the_target_does_not_see_the_place_the_map_is_nan():
    def half(x, y):
        return np.where(x < 60, np.nan, x), y + 0 * x

    x, _ = map_of(half, (100, 100)).rows(0, 100)
    assert np.isnan(x[:, :60]).all() and np.allclose(x[:, 62:], np.arange(62, 100))


def test_between_two_images_of_the_sky(caplog):
    source = tangent_plane(ra=10.0, dec=70.0, scale=1e-5, centre=(500, 300))
    target = tangent_plane(ra=10.001, dec=70.0002, scale=2e-5, centre=(400, 400))
    with caplog.at_level(logging.INFO, logger="hexcal"):
        found = pixel_map(source, target, (600, 1000))
    x, y = found.rows(0, 600)
    ra, dec = source(*_pixels((600, 1000)), with_bounding_box=False)
    true_x, true_y = target.invert(ra, dec, with_bounding_box=False)
    assert np.hypot(x - true_x, y - true_y).max() < 0.001
    assert "map of 1000 x 600 pixels from a grid with a node every 64: largest error" in caplog.text


def test_without_wcs_there_is_no_map():
    with pytest.raises(InputError, match="a WCS is required"):
        pixel_map(None, tangent_plane(), (5, 5))
