"""The grid of a mosaic."""

import asdf
import numpy as np
import pytest

from hexcal.errors import InputError, ParameterError
from hexcal.models.stored_wcs import opened
from hexcal.steps.image.output_wcs import bounded, mean_scale, middle, mosaic_wcs, read_grid, scale_at, tangent_plane
from hexcal.steps.wcs.evaluate import box_of, pixel_to_sky, sky_to_pixel

SCALE = 0.03 / 3600


def image(ra=80.0, dec=-30.0, angle=25.0, shape=(200, 300), scale=SCALE):
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    pc = np.array([[-cosine, sine], [sine, cosine]])
    return bounded(tangent_plane(((shape[1] - 1) / 2, (shape[0] - 1) / 2), (ra, dec), pc, scale), shape), shape


def direction_of_y(wcs):
    ra, dec = pixel_to_sky(wcs, [10, 10], [10, 11])
    return np.degrees(np.arctan2((ra[1] - ra[0]) * np.cos(np.radians(dec[0])), dec[1] - dec[0]))


def edges_inside(wcs, shape, images):
    for one, (ny, nx) in images:
        x, y = np.array([-0.5, nx - 0.5, nx - 0.5, -0.5]), np.array([-0.5, -0.5, ny - 0.5, ny - 0.5])
        u, v = sky_to_pixel(wcs, *pixel_to_sky(one, x, y))
        # The grid begins with the edge of the images at the centre of its first pixels, as that of the reference
        # implementation.
        assert (u > -0.01).all() and (v > -0.01).all()
        assert (u < shape[1] + 0.51).all() and (v < shape[0] + 0.51).all()


@pytest.mark.req("RSMP-02", "RSMP-16")
def test_all_images_lie_in_it_with_the_orientation_and_scale_of_the_first():
    images = [image(), image(80.002, -30.001, angle=60), image(79.999, -29.999, scale=2 * SCALE)]
    wcs, shape = mosaic_wcs(images)
    assert direction_of_y(wcs) == pytest.approx(25, abs=0.01)
    assert scale_at(wcs, (80.0, -30.0)) == pytest.approx(SCALE, rel=1e-5)
    edges_inside(wcs, shape, images)


@pytest.mark.req("RSMP-14", "RSMP-15")
def test_scale():
    halved, shape = mosaic_wcs([image()], pixel_scale_ratio=0.5)
    assert shape == pytest.approx((400, 600), abs=1)
    assert mean_scale(halved, shape) == pytest.approx(SCALE / 2, rel=1e-5)
    given, _ = mosaic_wcs([image()], pixel_scale_ratio=0.5, pixel_scale=0.1)
    assert mean_scale(given, (10, 10)) * 3600 == pytest.approx(0.1, rel=1e-6)


@pytest.mark.parametrize("rotation", [0.0, 30.0, -100.0])
def test_rotation(rotation):
    images = [image(), image(80.001, -30.001)]
    wcs, shape = mosaic_wcs(images, rotation=rotation)
    assert direction_of_y(wcs) == pytest.approx(rotation, abs=0.01)
    edges_inside(wcs, shape, images)


@pytest.mark.req("RSMP-17", "RSMP-18")
def test_reference_point_and_size():
    wcs, shape = mosaic_wcs([image()], crpix=(20.0, 30.0), crval=(80.0, -30.0), shape=(70, 50))
    assert shape == (70, 50) == wcs.pixel_shape[::-1]
    assert sky_to_pixel(wcs, 80.0, -30.0) == pytest.approx((20, 30), abs=1e-6)
    wcs, shape = mosaic_wcs([image()], crval=(80.001, -30.0))
    edges_inside(wcs, shape, [image()])


def test_nothing_on_the_grid():
    with pytest.raises(ParameterError, match="no exposure lies on the mosaic"):
        mosaic_wcs([image()], crpix=(-5000, 0))


def test_no_image_and_images_too_far_apart():
    with pytest.raises(InputError, match="at least one"):
        mosaic_wcs([])
    with pytest.raises(InputError, match="too far apart"):
        mosaic_wcs([image(), image(), image(260.0, 30.0)])


def test_middle_of_corners_across_the_origin_of_right_ascension():
    assert middle(np.array([[359.9, 1.0], [0.1, -1.0]])) == pytest.approx((0, 0), abs=1e-9) or middle(
        np.array([[359.9, 1.0], [0.1, -1.0]])
    ) == pytest.approx((360, 0), abs=1e-9)


@pytest.mark.req("RSMP-19")
def test_grid_of_a_file(tmp_path):
    wcs, shape = image()
    path = tmp_path / "grid.asdf"
    asdf.AsdfFile({"wcs": opened(wcs), "pixel_area": 2e-14, "pixel_shape": [30, 20]}).write_to(path)
    grid = read_grid(path)
    assert grid.shape == (20, 30)
    assert grid.pixel_area == 2e-14
    assert box_of(grid.wcs) == (-0.5, 29.5, -0.5, 19.5)
    assert read_grid(path, (7, 8)).shape == (7, 8)
    asdf.AsdfFile({"wcs": opened(wcs), "array_shape": [20, 30]}).write_to(path)
    assert read_grid(path).shape == (20, 30)
    asdf.AsdfFile({"wcs": opened(wcs)}).write_to(path)
    assert read_grid(path).shape == shape
    np.testing.assert_allclose(pixel_to_sky(read_grid(path).wcs, 3.0, 4.0), pixel_to_sky(wcs, 3.0, 4.0), atol=1e-12)


def test_grid_of_a_file_that_says_no_size_or_has_no_wcs(tmp_path):
    wcs = tangent_plane((0, 0), (80, -30), np.eye(2), SCALE)
    path = tmp_path / "grid.asdf"
    asdf.AsdfFile({"wcs": opened(wcs)}).write_to(path)
    with pytest.raises(InputError, match="the size of the grid is not known"):
        read_grid(path)
    asdf.AsdfFile({"pixel_shape": [2, 3]}).write_to(path)
    with pytest.raises(InputError, match="under the key 'wcs'"):
        read_grid(path)
    with pytest.raises(InputError):
        read_grid(tmp_path / "none.asdf")
