"""Errors of spectra that include the covariance of resampled pixels, against the scatter of many realisations."""

import cubes
import numpy as np
import pytest
from extracted_cubes import make_cube, reference
from tilted_slits import smooth, star, tilted_slit

from hexcal import datamodels
from hexcal.steps.spectrum.cube_build import CubeBuildStep
from hexcal.steps.spectrum.extract_1d import Extract1dStep
from hexcal.steps.spectrum.resample_spec import ResampleSpecStep

NAMES = ("covar_factor", "covar_pairs", "covar_lags")
REALISATIONS = 60


def noisy(models, rng):
    for model in models:
        model.data[...] = rng.normal(0, 1, model.shape) * model.err
    return models


def slits(dispaxis=1):
    """Two exposures of a slit, dithered by a part of a pixel, with errors that differ from pixel to pixel."""
    rng, models = np.random.default_rng(3), []
    for shift in (0.0, 2.3):
        model = tilted_slit(star(), smooth, shift=shift, dispaxis=dispaxis)
        variance = rng.uniform(0.5, 2, model.shape).astype(np.float32)
        model.var_rnoise[...], model.var_poisson[...], model.var_flat[...] = variance, 0.5 * variance, 0
        model.err = np.sqrt(1.5 * variance)
        models.append(model)
    return models


def extract(model, **parameters):
    spectrum = Extract1dStep.call(
        model, override_extract1d="N/A", override_apcorr="N/A", extraction_type="box", **parameters
    )
    return spectrum.spec[0].spec_table


def width(pulls):
    return float(np.std(pulls))


def sums_of_ten(flux, error, correlation):
    """Sums of ten neighbours, and the errors that follow from the correlations."""
    n = flux.shape[-1] // 10 * 10
    numbers = np.arange(n)
    covariance = np.diag(error[:n] ** 2)
    for lag in range(1, correlation.shape[1] + 1):
        above = correlation[: n - lag, lag - 1] * error[: n - lag] * error[lag:n]
        covariance[numbers[:-lag], numbers[lag:]] = covariance[numbers[lag:], numbers[:-lag]] = above
    blocks = covariance.reshape(n // 10, 10, n // 10, 10)
    variance = np.array([blocks[k, :, k, :].sum() for k in range(n // 10)])
    return flux[..., :n].reshape(*flux.shape[:-1], -1, 10).sum(axis=-1), np.sqrt(variance)


@pytest.mark.parametrize("dispaxis", [1, 2])
def test_pulls_of_spectra_of_a_slit_have_width_one_alone_and_in_sums_of_ten(dispaxis, tmp_path):
    rng, models = np.random.default_rng(11), slits(dispaxis)
    ResampleSpecStep.call(models, covariance=True).save(tmp_path / "x_s2d.fits")
    with datamodels.open(tmp_path / "x_s2d.fits") as stored:
        table = extract(stored, covariance=True)
        plain = extract(stored)
    fluxes = np.array([extract(ResampleSpecStep.call(noisy(models, rng)))["FLUX"] for _ in range(REALISATIONS)])
    inner = np.s_[5:55]
    fluxes, error, correlation = fluxes[:, inner], table["FLUX_ERROR"][inner], table["CORRELATION"][inner]
    assert width(fluxes / error) == pytest.approx(1, abs=0.05)
    ten, error_of_ten = sums_of_ten(fluxes, error, correlation)
    assert width(ten / error_of_ten) == pytest.approx(1, abs=0.1)
    assert "CORRELATION" not in plain.dtype.names
    assert width(fluxes / plain["FLUX_ERROR"][inner]) < 0.9
    of_single = np.sqrt((error[: ten.shape[1] * 10] ** 2).reshape(-1, 10).sum(axis=1))
    assert width(ten / of_single) > 1.15


def test_parts_of_the_variance_keep_their_shares_and_make_up_the_error():
    model = ResampleSpecStep.call(slits(), covariance=True)
    with_covariance, plain = extract(model, covariance=True), extract(model)
    for kind in ("FLUX", "SB"):
        parts = [with_covariance[f"{kind}_VAR_{part}"] for part in ("POISSON", "RNOISE", "FLAT")]
        assert np.allclose(with_covariance[f"{kind}_ERROR"] ** 2, sum(parts))
        assert np.allclose(parts[0] / parts[1], plain[f"{kind}_VAR_POISSON"] / plain[f"{kind}_VAR_RNOISE"])
    assert np.array_equal(with_covariance["FLUX"], plain["FLUX"])


def test_nothing_is_noted_by_default_and_a_slit_without_it_keeps_its_errors(caplog):
    model = ResampleSpecStep.call(slits())
    assert all(getattr(model, name) is None for name in (*NAMES, "covar_own"))
    table, plain = extract(model, covariance=True), extract(model)
    assert table.dtype == plain.dtype and np.array_equal(table["FLUX_ERROR"], plain["FLUX_ERROR"])
    assert "resample_spec.covariance" in caplog.text


def test_unresampled_slits_need_no_note(caplog):
    extract(slits()[0], covariance=True)
    assert "vary together" not in caplog.text


@pytest.mark.parametrize("weighting", ["drizzle", "emsm"])
def test_pulls_of_spectra_of_a_cube_have_width_one(weighting, tmp_path):
    folder = cubes.write_references(tmp_path)
    rng, exposure = np.random.default_rng(4), cubes.exposure(folder)
    exposure.err[...] = rng.uniform(0.5, 1.5, exposure.shape)
    given = {"references": str(folder), "channel": "1", "weighting": weighting}
    CubeBuildStep.call(exposure, covariance=True, **given).save(tmp_path / "x_s3d.fits")
    # A circle of 0.8 arcsec, less the mean in an annulus around it.
    data = {"radius": np.full(2, 0.8), "inner_bkg": np.full(2, 0.9), "outer_bkg": np.full(2, 1.2)}
    data["wavelength"] = np.array([4.0, 9.0])
    circle = reference(tmp_path, data=data)

    def spectrum(cube, **parameters):
        cube.meta.target.source_type = "POINT"
        places = {"center_xy": [cube.shape[2] / 2, cube.shape[1] / 2], "bkg_sigma_clip": 100.0}
        words = {"override_extract1d": circle, "override_apcorr": "N/A", **places, **parameters}
        return Extract1dStep.call(cube, **words).spec[0].spec_table

    with datamodels.open(tmp_path / "x_s3d.fits") as stored:
        table, plain = (spectrum(stored, covariance=is_on, ifu_covar_scale=3.0) for is_on in (True, False))
    fluxes = []
    for _ in range(25):
        noisy([exposure], rng)
        fluxes.append(spectrum(CubeBuildStep.call(exposure, **given))["FLUX"])
    inner = np.s_[2:-2]
    pull = np.array(fluxes)[:, inner] / table["FLUX_ERROR"][inner]
    assert width(pull) == pytest.approx(1, abs=0.1)
    # Of independent voxels; the factor is not applied on top of the covariance.
    assert width(np.array(fluxes)[:, inner] / (plain["FLUX_ERROR"][inner] / 3)) > 1.1
    assert (table["CORRELATION"][inner, 0] > 0.02).all()


def test_a_cube_without_a_note_keeps_its_errors(tmp_path, caplog):
    cube, path = make_cube(np.ones((6, 31, 33))), reference(tmp_path)
    words = {"override_extract1d": path, "override_apcorr": "N/A"}
    table, plain = (Extract1dStep.call(cube, covariance=is_on, **words).spec[0].spec_table for is_on in (True, False))
    assert np.array_equal(table["FLUX_ERROR"], plain["FLUX_ERROR"]) and table.dtype == plain.dtype
    assert "cube_build.covariance" in caplog.text


def test_all_of_a_cube_is_summed_with_its_covariance(tmp_path):
    folder = cubes.write_references(tmp_path)
    exposure = cubes.exposure(folder)
    cube = CubeBuildStep.call(exposure, references=str(folder), channel="1", covariance=True)
    cube.meta.target.source_type = "EXTENDED"
    words = {"override_extract1d": "N/A", "override_apcorr": "N/A"}
    table, plain = (Extract1dStep.call(cube, covariance=is_on, **words).spec[0].spec_table for is_on in (True, False))
    inner = np.s_[2:-2]
    ratio = table["FLUX_ERROR"][inner] / plain["FLUX_ERROR"][inner]
    assert (ratio > 1.2).all() and (ratio < 3).all()
    assert np.isfinite(table["CORRELATION"]).all()
