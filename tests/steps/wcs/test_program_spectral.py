"""The models of spectrographs as instructions: the same values as astropy's, NaN where those are NaN."""

import numpy as np
import pytest
from astropy.modeling import fix_inputs
from astropy.modeling.models import Identity, Shift, Tabular1D
from gwcs.spectroscopy import WavelengthFromGratingEquation as OfGwcs
from stdatamodels.jwst.transforms import models as jwst

from hexcal import datamodels
from hexcal.models.stored_wcs import wcs_of
from hexcal.models.wcs import models as described
from hexcal.steps.wcs.evaluate import evaluate_points, to_pixels, to_world
from hexcal.steps.wcs.program import NotCompilable, compiled

_GLASS = ([0.58, 0.46, 3.89], [0.0025, 0.01, 1200.5], [0.0] * 6, 35.0, 0.0)
_POINTS = np.array([0.0, 0.3, 0.35, 1.0])
_VALUES = np.array([5.0, 2.0, 4.0, -1.0])


@pytest.mark.parametrize(
    "model",
    [
        Tabular1D(_POINTS, _VALUES, bounds_error=False, fill_value=np.nan),
        Tabular1D(_POINTS, _VALUES, bounds_error=False, fill_value=None),
        Tabular1D(_POINTS, _VALUES, bounds_error=False, fill_value=-7.5),
        Tabular1D(_POINTS[::-1], _VALUES, bounds_error=False, fill_value=0.0),
        Tabular1D(_POINTS[::-1], _VALUES, bounds_error=False, fill_value=None),
        jwst.Unitless2DirCos(),
        jwst.DirCos2Unitless(),
        jwst.Rotation3DToGWA([0.3, -2.0, 1.0, 24.0], "xyzy"),
        jwst.RefractionIndexFromPrism(-16.5),
        jwst.Snell(-16.5, *_GLASS, 37.0, 0.0),
        jwst.AngleFromGratingEquation(95400.0, -1),
        jwst.WavelengthFromGratingEquation(95400.0, -1),
        OfGwcs(95400.0, -1),
        jwst.Logical("GT", 0.2, np.nan),
        jwst.Logical("NE", 0.2, 7.0),
        fix_inputs(Shift(2.0) & Identity(2), {"x0": 4.0}),
    ],
    ids=lambda model: f"{type(model).__name__} {getattr(model, 'fill_value', '')} {getattr(model, 'condition', '')}",
)
def test_values_are_those_of_astropy(model):
    rng = np.random.default_rng(2)
    points = [rng.uniform(0.01, 0.4, 600) for _ in range(model.n_inputs)]
    # Two calls, since `|` between classes of models makes a model.
    if isinstance(model, jwst.Snell) or isinstance(model, jwst.AngleFromGratingEquation):  # noqa: SIM101
        points[0] = rng.uniform(0.6e-6, 5e-6, 600)
    if isinstance(model, Tabular1D):
        points[0] = rng.uniform(-0.5, 1.5, 600)
    points[-1][::50] = np.nan
    if isinstance(model, jwst.Snell):
        points[-1][:] = 1.0
    found = compiled(model)(*points)
    with np.errstate(invalid="ignore"):
        true = model(*points)
    for own, other in zip(found, true if isinstance(true, tuple) else (true,), strict=True):
        other = np.broadcast_to(other, own.shape)
        assert np.array_equal(np.isnan(own), np.isnan(other))
        assert np.allclose(own, other, rtol=1e-13, atol=1e-15, equal_nan=True)


def test_a_falling_table_with_a_value_beyond_its_ends():
    table = described.Tabular1D(np.array([3.0, 2.0, 0.0]), [1.0, 5.0, 9.0], bounds_error=False, fill_value=-1.0)
    (found,) = evaluate_points(table, [3.0, 2.5, 2.0, 1.0, 0.0, 3.1, -0.1, np.nan])
    assert np.array_equal(found, [1.0, 3.0, 5.0, 7.0, 9.0, -1.0, -1.0, np.nan], equal_nan=True)


@pytest.mark.parametrize("points", [[0.0, 2.0, 1.0], [0.0, 0.0, 1.0], [3.0, 1.0, 1.0], [0.0, np.nan, 1.0]])
def test_a_table_that_goes_to_and_fro_is_left_to_astropy(points):
    with pytest.raises(NotCompilable):
        compiled(described.Tabular1D(np.array(points), [1.0, 2.0, 3.0], bounds_error=False))


@pytest.mark.parametrize(
    "model",
    [
        jwst.Snell(-16.5, *_GLASS, 60.0, 0.0),
        Tabular1D(_POINTS, _VALUES, method="nearest", bounds_error=False, fill_value=np.nan),
    ],
)
def test_what_is_not_known_is_left_to_astropy(model):
    with pytest.raises(NotCompilable):
        compiled(model)
    points = [np.full(3, 2e-6)] + [np.full(3, 0.1)] * (model.n_inputs - 1)
    for own, other in zip(evaluate_points(model, *points), np.atleast_2d(model(*points)), strict=True):
        assert np.array_equal(own, other)


def test_an_exposure_of_lrs_that_was_stored_by_others_is_computed_as_gwcs_does(real_data):
    """Its tables fall: rows from the blue end of the spectrum to the red one."""
    (path,) = (real_data / "products" / "lrs").glob("*calints.fits")
    with datamodels.open(path) as model:
        wcs, stored = wcs_of(model), model.meta.wcs
        y, x = np.mgrid[5:396:3.7, 20:60:6.1]
        forward = compiled(wcs.pipeline[0].transform)
        assert np.isfinite(forward(x, y)[2]).any()
        found, true = to_world(wcs, x, y), stored(x, y, with_bounding_box=False)
        for own, other in zip(found, true, strict=True):
            assert np.allclose(own, other, rtol=1e-12, atol=1e-12, equal_nan=True)
        back = to_pixels(wcs, *(values[np.isfinite(found[2])] for values in found))
        assert np.allclose(back, [x[np.isfinite(found[2])], y[np.isfinite(found[2])]], atol=1e-3)
