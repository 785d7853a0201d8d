"""adaptive_trace_model: profiles of known stars, oversampled exposures, cubes of them, bad input."""

import cubes
import numpy as np
import pytest
from tilted_slits import smooth, star, tilted_slit

from hexcal import datamodels
from hexcal.errors import ParameterError
from hexcal.models.dqflags import pixel
from hexcal.step import AdaptiveTraceModelStep, CubeBuildStep, PixelReplaceStep
from hexcal.steps.spectrum.ifu_planes import slice_planes
from hexcal.steps.spectrum.trace_oversampling import inflation, interpolated
from hexcal.steps.wcs import oversampling


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cubes.write_references(tmp_path_factory.mktemp("traces"))


@pytest.fixture(scope="module")
def exposure(folder):
    """A star of a width at which a pixel is too large to see it well."""
    model = cubes.exposure(folder)
    model.data[...] = 0
    for plane in slice_planes(model):
        along, _, wavelength = plane.locate(plane.columns + 0.0, plane.rows + 0.0)
        model.data[plane.rows, plane.columns] = profile(along) * spectrum(wavelength)
    return model


STEP = 0.2
"""Arcsec of a pixel along a slice, about."""


def profile(along):
    return 1 + 100 * np.exp(-0.5 * ((along - 0.05) / (1.1 * STEP)) ** 2)


def spectrum(wavelength):
    return 1 + 0.3 * np.sin(wavelength)


def run(model, **parameters):
    return AdaptiveTraceModelStep.call(model, skip=False, **{"fit_threshold": 0.0, **parameters})


def test_the_model_is_the_star(exposure):
    result = run(exposure)
    found = np.isfinite(result.trace_model)
    assert 0.01 < found.mean() < 0.9
    np.testing.assert_allclose(result.trace_model[found], exposure.data[found], atol=2.0)
    bright = found & (exposure.data > 50)
    assert np.median(np.abs(result.trace_model[bright] / exposure.data[bright] - 1)) < 0.02
    assert result.data.tobytes() == exposure.data.tobytes() and result.meta.cal_step.adaptive_trace_model == "COMPLETE"


@pytest.mark.parametrize("factor", [2, 3])
def test_divided_pixels_have_the_values_of_the_star(exposure, factor):
    result = run(exposure, oversample=factor)
    ny, nx = exposure.data.shape
    assert result.data.shape == (ny, nx * factor)
    errors, near = [], 0
    for plane in slice_planes(result):
        along, _, wavelength = plane.locate(plane.columns + 0.0, plane.rows + 0.0)
        values, true = result.data[plane.rows, plane.columns], profile(along) * spectrum(wavelength)
        seen = np.isfinite(values) & np.isfinite(true) & (true > 50)
        near += np.count_nonzero(seen)
        errors.append(values[seen] / true[seen] - 1)
    errors = np.concatenate(errors)
    assert near > 100 and abs(np.median(errors)) < 0.005 and np.std(errors) < 0.05
    linear = interpolated(exposure.data.T, np.ones(exposure.data.T.shape, bool), factor).T
    assert result.data.size == linear.size
    np.testing.assert_allclose(np.nanmedian(result.err) / np.nanmedian(exposure.err), inflation(factor), rtol=1e-5)


def test_the_wcs_of_divided_pixels_leads_to_the_same_sky(exposure):
    result = run(exposure, oversample=2)
    divided = oversampling.of(result.meta.wcs)
    assert divided.factor == 2 and divided.axis == 1 and oversampling.of(exposure.meta.wcs) is None
    x = divided.to_detector(np.array([21.0, 40.0]), np.array([5.0, 9.0]))[0]
    np.testing.assert_allclose(x, [10.25, 19.75])
    assert "detector" in result.meta.wcs.available_frames
    plane = next(iter(slice_planes(exposure)))
    fine = next(iter(slice_planes(result)))
    at = plane.columns[:20] + 0.0, plane.rows[:20] + 0.0
    np.testing.assert_allclose(fine.locate(2 * at[0] + 0.5, at[1]), plane.locate(*at), equal_nan=True)


def test_products_are_read_again_and_make_cubes(exposure, folder, tmp_path):
    run(exposure, oversample=2).save(tmp_path / "fine_cal.fits")
    cube, plain = (
        CubeBuildStep.call(model, references=str(folder), channel="1")
        for model in (str(tmp_path / "fine_cal.fits"), exposure)
    )
    # The grids need not be the same: fine pixels end a bit earlier.
    one, two = (np.nansum(model.data, axis=0).max() for model in (cube, plain))
    assert cube.data.shape[0] == plain.data.shape[0] and abs(one / two - 1) < 0.25
    one, two = (np.nansum(model.data - 1) for model in (cube, plain))
    assert abs(one / two - 1) < 0.05


def test_gaps_that_the_model_fills_are_estimated(exposure):
    model = exposure.copy()
    peak = np.unravel_index(np.argmax(model.data), model.data.shape)
    true = float(model.data[peak])
    model.data[peak], model.dq[peak] = np.nan, pixel.DO_NOT_USE
    fine = run(model, oversample=2)
    at = (peak[0], 2 * peak[1])
    assert fine.dq[at] & pixel.FLUX_ESTIMATED and not fine.dq[at] & pixel.DO_NOT_USE
    assert abs(fine.data[at] / true - 1) < 0.4
    filled = PixelReplaceStep.call(run(model), skip=False, algorithm="trace_model")
    assert abs(filled.data[peak] / true - 1) < 0.1 and filled.dq[peak] == pixel.FLUX_ESTIMATED


def test_the_trace_of_a_slit():
    result = run(tilted_slit(star(), smooth), slope_limit=0.02)
    found = np.isfinite(result.trace_model)
    assert found.any() and result.meta.cal_step.adaptive_trace_model == "COMPLETE"
    bright = found & (result.data > 0.5 * np.nanmax(result.data))
    assert np.median(np.abs(result.trace_model[bright] / result.data[bright] - 1)) < 0.05
    with pytest.raises(ParameterError, match="only integral-field exposures"):
        run(tilted_slit(star(), smooth), oversample=2)


def test_only_bright_slices_are_modelled(exposure, caplog):
    caplog.set_level("INFO")
    assert np.isnan(run(exposure, fit_threshold=1e6).trace_model).all()
    assert "0 of" in caplog.text
    with pytest.raises(ParameterError, match="whole number"):
        run(exposure, oversample=1.5)
    with pytest.raises(ParameterError, match="finite"):
        run(exposure, oversample=float("inf"))


def test_intermediate_images(exposure, tmp_path):
    run(exposure, oversample=2, save_intermediate_results=True, output_dir=str(tmp_path))
    suffixes = {path.stem.partition("mirifushort_")[2] for path in tmp_path.glob("*.fits")}
    assert suffixes >= {"spline_full", "spline_used", "linear_interp", "spline_residual"}


def test_the_contract_of_steps(exposure, monkeypatch):
    before = {name: exposure.data.tobytes() for name in ("data",)}
    assert AdaptiveTraceModelStep.call(exposure).meta.cal_step.adaptive_trace_model == "SKIPPED"
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        results.append(run(exposure, oversample=2).data.tobytes())
    assert results[0] == results[1] and exposure.data.tobytes() == before["data"]


@pytest.mark.parametrize("how", ["nan", "flagged"])
def test_an_exposure_without_values(exposure, how):
    model = exposure.copy()
    if how == "nan":
        model.data[...] = np.nan
    else:
        model.dq[...] = pixel.DO_NOT_USE
    result = run(model, oversample=2)
    assert np.isnan(result.trace_model).all() and np.isnan(result.data).all()
    assert isinstance(result, datamodels.IFUImageModel)


def test_a_slit_without_wcs_is_left_out_with_the_reason(caplog):
    image = datamodels.ImageModel(np.ones((8, 9), "f4"))
    image.meta.telescope, image.meta.instrument.name = "JWST", "MIRI"
    assert run(image).meta.cal_step.adaptive_trace_model == "SKIPPED"
    assert "it has no WCS" in caplog.text
