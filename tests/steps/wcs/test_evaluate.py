"""From pixels to the sky and back, and what an image covers."""

import numpy as np
import pytest
from sky_projections import tangent_plane

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.steps.wcs.evaluate import box_of, pixel_to_sky, sky_to_pixel
from hexcal.steps.wcs.footprint import footprint, s_region


def _tangent(ra, dec, ra_0, dec_0):
    """Gnomonic projection, degrees.

    Calabretta & Greisen 2002, section 5.1.3, with the native pole at the tangent point.
    """
    ra, dec, ra_0, dec_0 = map(np.radians, (ra, dec, ra_0, dec_0))
    depth = np.sin(dec) * np.sin(dec_0) + np.cos(dec) * np.cos(dec_0) * np.cos(ra - ra_0)
    xi = np.cos(dec) * np.sin(ra - ra_0) / depth
    eta = (np.sin(dec) * np.cos(dec_0) - np.cos(dec) * np.sin(dec_0) * np.cos(ra - ra_0)) / depth
    return np.degrees(xi), np.degrees(eta)


def test_positions_of_a_tangent_plane():
    x, y = np.meshgrid(np.linspace(-3, 30, 7), np.linspace(-5, 20, 5))
    ra, dec = pixel_to_sky(tangent_plane(scale=0.01), x, y)
    assert ra.shape == x.shape and ra.dtype == np.float64
    xi, eta = _tangent(ra, dec, 10.0, -20.0)
    assert np.abs(xi / -0.01 + 11.5 - x).max() < 1e-9 and np.abs(eta / 0.01 + 7.5 - y).max() < 1e-9
    back = sky_to_pixel(tangent_plane(scale=0.01), ra, dec)
    assert np.abs(np.array(back) - (x, y)).max() < 1e-8


def test_outside_of_the_bounding_box_is_nan_where_asked():
    wcs = tangent_plane()
    ra, dec = pixel_to_sky(wcs, [0.0, -0.6], 3.0, bounded=True)
    assert np.isfinite([ra[0], dec[0]]).all() and np.isnan([ra[1], dec[1]]).all()
    sky = pixel_to_sky(wcs, [0.0, -0.6], 3.0)
    x, _ = sky_to_pixel(wcs, *sky, bounded=True)
    assert x[0] == pytest.approx(0.0, abs=1e-8) and np.isnan(x[1])
    assert sky_to_pixel(wcs, *sky)[0] == pytest.approx([0.0, -0.6], abs=1e-8)


def test_without_a_wcs_of_an_image_there_are_no_positions():
    with pytest.raises(InputError, match="a WCS is required, there is none"):
        pixel_to_sky(None, 0, 0)


def test_the_box():
    assert box_of(tangent_plane()) == (-0.5, 23.5, -0.5, 15.5)
    assert box_of(tangent_plane(shape=(3, 4))) == (-0.5, 3.5, -0.5, 2.5)


def test_the_footprint_goes_round_the_outer_edges():
    wcs = tangent_plane(ra=10.0, dec=0.0, scale=1e-4)
    corners = footprint(wcs)
    x, y = sky_to_pixel(wcs, *corners.T)
    assert np.column_stack([x, y]) == pytest.approx(np.array([[-0.5, -0.5], [-0.5, 15.5], [23.5, 15.5], [23.5, -0.5]]))
    assert footprint(wcs, (16, 24)) == pytest.approx(corners)
    model = datamodels.ImageModel((16, 24))
    model.meta.wcs = wcs
    assert np.array_equal(footprint(model), corners)
    wcs.bounding_box = None
    assert np.array_equal(footprint(model), corners)
    with pytest.raises(InputError, match="no bounding box"):
        footprint(wcs)


def test_the_region_as_text():
    corners = np.array([[10.5, -2.0], [10.25, -2.0], [10.25, 3.0], [10.5, 3.0]])
    assert s_region(corners) == (
        "POLYGON ICRS  10.500000000 -2.000000000 10.250000000 -2.000000000 10.250000000 3.000000000 10.500000000 "
        "3.000000000"
    )
    assert s_region(np.full((4, 2), np.nan)) is None
