"""Total fluxes of simulated galaxies, whose light goes on far beyond what is seen of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import gamma, gammainc

from hexcal.steps.image.sersic_totals import Gaussians, point_source_gaussians, sersic_gaussians, total_fluxes

SIGMA = 1.1
NOISE = 0.02


def galaxy(shape, x, y, flux, index, half_light, ratio=0.7, angle=0.6, fine=5):
    """A Sersic profile, each pixel the mean of `fine` squared places, and convolved with a Gaussian of SIGMA."""
    from scipy.ndimage import gaussian_filter

    rows, columns = (np.indices((shape[0] * fine, shape[1] * fine)) + 0.5) / fine - 0.5
    across, along = columns - x, rows - y
    u = across * np.cos(angle) + along * np.sin(angle)
    v = (along * np.cos(angle) - across * np.sin(angle)) / ratio
    b = 2 * index - 1 / 3 + 0.009876 / index
    total = 2 * np.pi * index * gamma(2 * index) * b ** (-2 * index) * half_light**2 * ratio
    light = np.exp(-b * (np.hypot(u, v) / half_light) ** (1 / index)) / total
    light = light.reshape(shape[0], fine, shape[1], fine).mean((1, 3))
    return flux * gaussian_filter(light, SIGMA, mode="constant", truncate=6)


def point():
    # Pixels make the Gaussian wider.
    radii = np.linspace(0.5, 5, 12)
    return point_source_gaussians(radii, 1 - np.exp(-0.5 * radii**2 / (SIGMA**2 + 1 / 12)))


def measured(image, x, y, labels=None, masked=None, area=80.0, ratio=0.7):
    """Totals of sources at places; without a map of sources there is nothing beside them."""
    x, y = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
    sources = SimpleNamespace(
        x=x, y=y, labels=np.arange(1, len(x) + 1), area=np.full(len(x), area), axis_ratio=np.full(len(x), ratio)
    )
    image = image.astype("f4")
    nothing = np.zeros(image.shape, bool)
    labels = np.zeros(image.shape, int) if labels is None else labels
    return total_fluxes(
        image, np.full_like(image, NOISE), nothing if masked is None else masked, labels, sources, point()
    )


@pytest.mark.parametrize("index", [0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0])
def test_gaussians_have_the_light_of_a_sersic_profile(index):
    parts = sersic_gaussians(index)
    b = 2 * index - 1 / 3 + 0.009876 / index
    for radius in (0.3, 1.0, 2.0, 4.0):
        inside = (parts.weights * (1 - np.exp(-0.5 * (radius / parts.sigmas) ** 2))).sum()
        assert inside == pytest.approx(gammainc(2 * index, b * radius ** (1 / index)), abs=0.01)


def test_gaussians_of_a_point_have_its_encircled_energies():
    radii, energies = np.array([0.6, 1.0, 1.8, 3.0]), np.array([0.3, 0.5, 0.7, 0.8])
    parts = point_source_gaussians(radii, energies)
    assert isinstance(parts, Gaussians) and parts.weights.sum() == pytest.approx(1)
    inside = 1 - np.exp(-0.5 * (radii[:, None] / parts.sigmas) ** 2)
    assert np.abs(inside @ parts.weights - energies).max() < 0.02


@pytest.mark.parametrize(("index", "half_light"), [(0.8, 3.0), (1.0, 5.0), (2.5, 3.0), (1.7, 2.3)])
def test_bright_galaxies_are_whole(index, half_light):
    image = galaxy((121, 121), 60.3, 59.8, 100.0, index, half_light)
    image += np.random.default_rng(1).normal(0, NOISE, image.shape)
    totals = measured(image + 0.01, 60.3, 59.8)
    assert totals.flux[0] == pytest.approx(100, rel=0.03)
    assert abs(totals.flux[0] - 100) < 3 * totals.error[0] < 6


def test_faint_galaxies_are_whole_on_average_and_their_errors_are_true():
    rng = np.random.default_rng(5)
    pulls, ratios = [], []
    for _ in range(60):
        index, half_light, ratio = rng.uniform(0.8, 2.5), rng.uniform(2, 6), rng.uniform(0.35, 1)
        x, y = rng.uniform(49.5, 50.5, 2)
        flux = 4 * half_light * rng.uniform(2, 4) * NOISE * 10
        image = galaxy((101, 101), x, y, flux, index, half_light, ratio, fine=3) + rng.normal(0, NOISE, (101, 101))
        totals = measured(image, x, y, ratio=ratio)
        ratios.append(totals.flux[0] / flux)
        pulls.append((totals.flux[0] - flux) / totals.error[0])
    assert np.median(ratios) == pytest.approx(1, abs=0.04)
    assert 0.6 < 1.4826 * np.median(np.abs(pulls - np.median(pulls))) < 1.4


def test_large_galaxies_are_measured_further_out():
    image = galaxy((501, 501), 250.0, 250.0, 4e4, 1.0, 30.0, fine=1)
    totals = measured(image, 250.0, 250.0, area=4e3)
    assert totals.flux[0] == pytest.approx(4e4, rel=0.02)


def test_neighbours_holes_and_edges():
    image = galaxy((121, 121), 60.0, 60.0, 100.0, 1.0, 3.0)
    labels = np.zeros(image.shape, int)
    labels[50:71, 50:71] = 1
    image[55:66, 74:85] += 5.0
    labels[55:66, 74:85] = 2
    masked = np.zeros(image.shape, bool)
    masked[60, 60] = masked[58, 63] = True
    image[masked] = np.nan
    totals = measured(image, 60.0, 60.0, labels, masked)
    assert totals.flux[0] == pytest.approx(100, rel=0.04)
    # Three quarters of the annuli of a source in the corner are not on the image.
    corner = galaxy((121, 121), 4.0, 5.0, 100.0, 1.0, 3.0)
    assert measured(corner, 4.0, 5.0).flux[0] == pytest.approx(100, rel=0.05)


def test_what_cannot_be_measured_is_nan():
    image = np.zeros((80, 80))
    totals = measured(image - 1e-3, [np.nan, 40.0], [40.0, 40.0])
    assert np.isnan(totals.flux[0]) and np.isnan(totals.error[0])
    masked = np.ones(image.shape, bool)
    assert np.isnan(measured(image, 40.0, 40.0, masked=masked).flux[0])
