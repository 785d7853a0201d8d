"""Compiled transforms: equal to those of astropy and gwcs, and what the compiler does not know is left to them."""

import numpy as np
import pytest
from astropy.modeling import models
from astropy.modeling.rotations import RotationSequence3D, SphericalRotationSequence
from gwcs import FITSImagingWCSTransform
from gwcs.geometry import CartesianToSpherical, SphericalToCartesian
from sky_projections import camera, tangent_plane

from hexcal import datamodels
from hexcal.core import bands
from hexcal.models.stored_wcs import as_gwcs, library_objects
from hexcal.models.wcs.frames import plane_frame, sky_frame
from hexcal.steps.wcs import frames
from hexcal.steps.wcs.evaluate import pixel_to_sky, sky_to_pixel
from hexcal.steps.wcs.program import NotCompilable, compiled

X, Y = np.meshgrid(np.linspace(-40, 55, 23), np.linspace(-30, 70, 31))


def _polynomial(degree, **options):
    rng = np.random.default_rng(degree)
    numbers = {f"c{i}_{j}": rng.normal() / 50 ** (i + j) for j in range(degree + 1) for i in range(degree + 1 - j)}
    return models.Polynomial2D(degree, **numbers, **options)


def _both(model):
    return model & model.copy()


ROTATION = RotationSequence3D([10.0, -20.0, 30.0], axes_order="zyx")
SPHERE = SphericalToCartesian(wrap_lon_at=180) | ROTATION | CartesianToSpherical(wrap_lon_at=360)
TANGENT = models.Pix2Sky_TAN() | models.RotateNative2Celestial(359.9, 80.0, 180.0)
TRANSFORMS = {
    "shift and scale": models.Shift(1.5) & models.Scale(-2.0) | models.Multiply(3.0) & models.Linear1D(2.0, 1.0),
    "identity": models.Identity(2),
    "exchanged": models.Mapping((1, 0)),
    "polynomials": models.Mapping((0, 1, 0, 1)) | _polynomial(5) & _polynomial(4),
    "linear polynomials": models.Mapping((0, 1, 0, 1)) | _polynomial(1) & _polynomial(1),
    "windows": models.Mapping((0, 1, 0, 1))
    | _both(_polynomial(3, x_domain=(-50, 60), x_window=(-1, 1), y_domain=(-30, 70), y_window=(0, 1))),
    "polynomials in one": models.Polynomial1D(1, c0=2, c1=3) & models.Polynomial1D(3, c0=2, c1=3, c2=0.1, c3=0.01),
    "affine": models.AffineTransformation2D([[1.0, 0.2], [-0.1, 0.9]], [3.0, -4.0]),
    "turn": models.Rotation2D(33.0),
    "arithmetic": models.Mapping((0, 1, 0, 1))
    | (_polynomial(2) + _polynomial(1)) & ((_polynomial(1) * _polynomial(2) - _polynomial(1)) / _polynomial(3)),
    "sphere": SPHERE,
    "sphere, in one": SphericalRotationSequence([10.0, -20.0, 30.0, 5.0], "zyxz"),
    "tangent plane": TANGENT,
    "and back": TANGENT.inverse,
    "to vectors and back": SPHERE | SPHERE.inverse,
    "projected by hand": models.Scale(0.1) & models.Scale(0.1)
    | SphericalToCartesian(wrap_lon_at=180)
    | models.Mapping((0, 1, 2)) / models.Mapping((0, 0, 0), n_inputs=3)
    | models.Mapping((1, 2), n_inputs=3),
    "constant": models.Mapping((0, 1)) | models.Const1D(2.0) & models.Identity(1),
    "FITS": FITSImagingWCSTransform(
        models.Pix2Sky_TAN(), (10, 20), (5.0, -70.0), (1e-3, 2e-3), [[0.8, -0.6], [0.6, 0.8]]
    ),
    "camera": camera() | library_objects([frames.velocity_aberration(1.0001, 120.0, -520.0)])[0],
    "pointing": library_objects([frames.v2v3_to_sky(frames.Pointing(120.0, -520.0, 41.0, 359.99, 88.0))])[0],
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_each_transform_gives_what_astropy_gives(name):
    transform = TRANSFORMS[name]
    expected, found = np.array(transform(X, Y)), np.array(compiled(transform)(X, Y))
    assert found.shape == (2, *X.shape)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True)


def test_any_number_of_coordinates_and_several_transforms_in_a_row():
    first = models.Mapping((0, 1, 1)) | models.Shift(1.0) & models.Scale(2.0) & models.Const1D(7.0)
    second = models.Mapping((2, 0)) | models.Scale(3.0) & models.Identity(1)
    assert np.array_equal(compiled(first)(X, Y), first(X, Y))
    assert np.array_equal(compiled(first, second)(X, Y), [*second(*first(X, Y)), *first(X, Y)])


def test_terms_that_are_zero_are_left_out():
    high = models.Polynomial2D(8, c0_0=1.0, c1_0=2.0, c1_1=0.5)
    transform = models.Mapping((0, 1, 0, 1)) | high & models.Polynomial2D(2)
    program = compiled(transform)
    assert sorted(program.instructions[:, 4].tolist()) == [0, 2]
    assert np.allclose(program(X, Y), transform(X, Y), rtol=1e-14, atol=1e-12)


def test_a_direction_is_not_computed_only_to_become_a_vector_again():
    assert len(compiled(TANGENT | SPHERE).instructions) == 4


def test_behind_the_tangent_plane_there_is_no_place():
    back = TANGENT.inverse
    x, _ = compiled(back)(np.array([0.0, 180.0]), np.array([70.0, -80.0]))
    assert np.isfinite(x[0]) and np.isnan(x[1])


@pytest.mark.parametrize(
    "transform",
    [
        models.Gaussian1D() & models.Identity(1),
        models.Shift(1.0) & models.Shift(2.0) | models.Mapping((0, 1)) ** models.Mapping((1, 0)),
        models.Pix2Sky_SIN(),
    ],
)
def test_what_is_not_known_is_said(transform):
    with pytest.raises(NotCompilable):
        compiled(transform)


def test_the_same_bits_for_any_number_of_threads():
    program = compiled(TRANSFORMS["camera"])
    x, y = np.random.default_rng(3).uniform(0, 1000, (2, 5000))
    with bands.number_of_threads(1):
        expected = program(x, y)
    with bands.number_of_threads(5):
        assert np.array_equal(program(x, y), expected)
    assert np.array_equal(np.array(program(x[700:701], y[700:701]))[:, 0], np.array(expected)[:, 700])


def test_a_wcs_that_the_compiler_does_not_know_is_evaluated_by_gwcs():
    plane = models.Scale(1e-3) & models.Scale(1e-3) | models.Pix2Sky_SIN()
    transform = plane | models.RotateNative2Celestial(10.0, 20.0, 180.0)
    wcs = as_gwcs([(plane_frame("detector", ("x", "y"), "pix"), transform), (sky_frame("world"), None)])
    assert np.array_equal(pixel_to_sky(wcs, X, Y), wcs(X, Y))
    assert np.allclose(sky_to_pixel(wcs, *wcs(X, Y)), (X, Y))


def test_a_changed_wcs_is_compiled_anew():
    wcs = tangent_plane()
    before = pixel_to_sky(wcs, 3.0, 4.0)
    wcs.set_transform("detector", "world", tangent_plane(ra=20.0).forward_transform)
    assert pixel_to_sky(wcs, 3.0, 4.0)[0] == pytest.approx(before[0] + 10.0, abs=1e-9)
    wcs.pipeline[0].transform[0].offset = -12.5
    assert pixel_to_sky(wcs, 4.0, 4.0)[0] == pytest.approx(before[0] + 10.0, abs=1e-9)


@pytest.mark.parametrize("pattern", ["wcs/*.asdf", "products/ami/*.fits", "products/imaging/*"])
def test_stored_wcses_are_compiled_and_evaluate_as_gwcs_does(real_data, pattern):
    for path in sorted(real_data.glob(pattern)):
        model = datamodels.open(path)
        wcs = model.wcs if path.suffix == ".asdf" else model.meta.wcs
        if wcs.world_n_dim != 2:
            continue
        sky = wcs(X * 10 + 400, Y * 10 + 300, with_bounding_box=False)
        found = np.array(compiled(wcs.forward_transform)(X * 10 + 400, Y * 10 + 300))
        assert np.abs(found - sky).max() < 1e-12, path.name
        back = np.array(compiled(wcs.backward_transform)(*sky))
        assert np.abs(back - wcs.invert(*sky, with_bounding_box=False)).max() < 1e-7, path.name
