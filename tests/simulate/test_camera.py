"""Where the pixels of imaging detectors look."""

import numpy as np
import pytest

from hexcal.errors import ParameterError
from hexcal.observatories.jwst.apertures import aperture, apertures
from hexcal.observatories.jwst.detectors import detector
from hexcal.simulate.camera import SQUARE_ARCSEC, Camera, Pointing


@pytest.mark.parametrize("name", apertures())
def test_every_pixel_has_a_place_and_is_found_again(name):
    facts = detector(name)
    camera = Camera(aperture(name), 1, 1, facts.columns, facts.rows, (0.3, -0.2))
    x, y = np.meshgrid(np.linspace(0, facts.columns - 1, 9), np.linspace(0, facts.rows - 1, 9))
    again = camera.to_pixel(*camera.to_telescope(x, y))
    assert np.abs(np.subtract(again, (x, y))).max() < 1e-7
    reference = camera.to_telescope(aperture(name).x_ref - 1.3, aperture(name).y_ref - 0.8)
    assert np.allclose(reference, camera.reference, atol=1e-9)
    area = np.abs(np.linalg.det(np.moveaxis(camera.jacobian(x, y), (0, 1), (-2, -1))))
    assert area.max() / area.min() < 1.15
    part = Camera(aperture(name), 1, 1, 5, 4).pixel_area()
    assert part.shape == (4, 5) and np.isclose(part[0, 0], area[0, 0] * SQUARE_ARCSEC, rtol=1e-3)


def test_scale_of_the_pixels():
    for name, scale in {"NRCA1": 0.0312, "NRCALONG": 0.063, "MIRIMAGE": 0.111, "NIS": 0.0656, "GUIDER1": 0.069}.items():
        facts = detector(name)
        assert np.isclose(Camera(aperture(name), 1, 1, facts.columns, facts.rows).scale, scale, rtol=0.02)


def test_windows_are_parts_of_the_detector():
    whole, part = Camera(aperture("NIS"), 1, 1, 2048, 2048), Camera(aperture("NIS"), 101, 201, 64, 32)
    assert np.allclose(part.to_telescope(3, 5), whole.to_telescope(103, 205), atol=1e-12)


def test_the_sky_and_back():
    camera = Camera(aperture("MIRIMAGE"), 1, 1, 1032, 1024)
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 1000, (2, 40))
    for pointing in (Pointing(53, -28, 41), Pointing(359.9999, 89, 200, 1.0001), Pointing(0.00001, -89.9, -30)):
        ra, dec = pointing.pixel_to_sky(camera, x, y)
        assert np.abs(np.subtract(pointing.sky_to_pixel(camera, ra, dec), (x, y))).max() < 1e-5


def test_the_reference_point_looks_where_the_pointing_says():
    camera = Camera(aperture("NRCA1"), 1, 1, 2048, 2048)
    pointing = Pointing(150, 2, 33, 1.0001)
    assert np.allclose(pointing.pixel_to_sky(camera, 1023.5, 1023.5), (150, 2))
    ra, dec, roll = pointing.position_angle(camera, *camera.reference)
    assert np.allclose((ra, dec, roll), (150, 2, 33))
    # V3 points to the position angle of the roll.
    ahead = Pointing(150, 2, 0).pixel_to_sky(camera, *camera.to_pixel(camera.reference[0], camera.reference[1] + 10))
    assert np.allclose(ahead, (150, 2 + 10 / 3600), atol=1e-8)


def test_aberration_scales_the_field():
    camera = Camera(aperture("NRCA1"), 1, 1, 2048, 2048)
    plain, moving = (np.array(Pointing(150, 2, 0, scale).pixel_to_sky(camera, 0, 0)) for scale in (1, 1.0001))
    center = np.array([150, 2])
    assert np.allclose((moving - center) / (plain - center), 1.0001, rtol=1e-5)


def test_a_pointing_is_moved_on_the_sky():
    moved = Pointing(10, 60, 5, 1.1).moved(3.6, 7.2, 36)
    assert np.allclose((moved.ra, moved.dec, moved.roll), (10.002, 60.002, 5.01)) and moved.aberration == 1.1


def test_spectrographs_have_no_aperture():
    with pytest.raises(ParameterError, match="unknown imaging detector 'NRS1'"):
        aperture("NRS1")
