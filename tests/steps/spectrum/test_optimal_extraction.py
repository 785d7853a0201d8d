"""Optimal extraction: the flux of a source whose profile is known."""

import numpy as np
import pytest
from tilted_slits import SHAPE, smooth, star, tilted_slit

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.steps.spectrum.extract_1d import Extract1dStep
from hexcal.steps.spectrum.optimal_extraction import fit_profile
from hexcal.steps.spectrum.resample_spec import ResampleSpecStep

AREA = 2e-13
WIDTH = 2.0


def psf(name="ANY", dispaxis=1):
    per_pixel, half = 20, 25
    positions = np.arange(-half * per_pixel, half * per_pixel + 1) / per_pixel
    waves = np.linspace(0.5, 3.0, 30)
    values = np.broadcast_to(np.exp(-0.5 * (positions / WIDTH) ** 2), (30, len(positions)))
    model = datamodels.SpecPsfModel()
    model.meta.reftype = "psf"
    part = model.new_part()
    part.data, part.wave = np.ascontiguousarray(values.T if dispaxis == 1 else values, float), waves
    centre = {"center_row": half * per_pixel} if dispaxis == 1 else {"center_col": half * per_pixel}
    for key, value in {"name": name, "subpix": per_pixel, **centre}.items():
        part.set_meta(key, float(value) if key != "name" else value)
    model.apertures = [part]
    return model


def extract(model, reference=None, **parameters):
    given = {"override_extract1d": "N/A", "override_apcorr": "N/A", "extraction_type": "optimal", **parameters}
    return Extract1dStep.call(model, override_psf=psf() if reference is None else reference, **given)


def rectified(level=0.0, place=1.3, noise=0.0):
    slit = tilted_slit(star(place, WIDTH), smooth)
    slit.data += np.random.default_rng(4).normal(level, noise, SHAPE).astype(np.float32)
    return ResampleSpecStep.call(slit, fillval="NAN")


def middle(result):
    table = result.spec[0].spec_table
    return table[5:-5]


def test_the_flux_of_a_star_comes_back_wherever_it_is():
    table = middle(extract(rectified()))
    # Pixels of the grid are sums of parts of others, which makes the profile a little wider than it was.
    assert np.allclose(table["FLUX"], smooth(table["WAVELENGTH"]) * AREA * 1e6, rtol=2e-2)
    assert np.allclose(table["NPIXELS"], 2 * np.sqrt(np.pi) * WIDTH, rtol=1e-2)
    assert (table["SURF_BRIGHT"] == 0).all() and (table["BACKGROUND"] == 0).all()


def test_a_background_is_fitted_with_the_source():
    table = middle(extract(rectified(level=7.0), subtract_background=True))
    assert np.allclose(table["FLUX"], smooth(table["WAVELENGTH"]) * AREA * 1e6, rtol=2e-2)
    assert np.allclose(table["BACKGROUND"], 7, atol=0.3)


def test_noise_is_less_than_that_of_a_sum_over_the_slit_and_errors_say_so():
    model = rectified(noise=1.0)
    fitted = middle(extract(model))
    summed = middle(extract(model, extraction_type="box"))
    assert (fitted["FLUX_ERROR"] < 0.6 * summed["FLUX_ERROR"]).all()


def test_a_lost_pixel_costs_no_flux_and_integrations_are_fitted_one_by_one():
    rng = np.random.default_rng(2)
    profile = np.exp(-0.5 * ((np.arange(20) - 9.3) / WIDTH) ** 2)[:, None] * np.ones(6)
    profile /= profile.sum(axis=0)
    fluxes = rng.uniform(50, 100, (3, 6))
    data = (fluxes[:, None] * profile + 3).astype(np.float32)
    data[1, 9, 2] = np.nan
    variances = [np.full(data.shape, value, np.float32) for value in (0.3, 0.5, 0.2)]
    fit = fit_profile(data, variances, profile, order=0)
    assert np.allclose(fit.sums[:, 0] - fit.sums[:, 4], fluxes, rtol=1e-5)
    assert np.allclose(fit.sums[:, 4] / fit.sums[:, 8], 3, rtol=1e-4)
    assert fit.sums[1, 2, 2] > fit.sums[0, 2, 2]
    design = np.column_stack([profile[:, 0], np.ones(20)])
    assert fit.sums[0, 1, 0] == pytest.approx(0.3 * (np.linalg.pinv(design)[0] ** 2).sum())
    good = np.isfinite(data)
    assert np.allclose(fit.scene[good], data[good], rtol=1e-5)


def test_what_was_fitted_may_be_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = rectified()
    model.save(tmp_path / "star_s2d.fits")
    options = {"save_profile": True, "save_scene_model": True, "save_residual_image": True}
    extract(str(tmp_path / "star_s2d.fits"), **options)
    for suffix in ("profile", "scene_model", "residual"):
        with datamodels.open(tmp_path / f"star_{suffix}.fits") as image:
            assert image.shape == model.shape
    with datamodels.open(tmp_path / "star_profile.fits") as image:
        assert np.allclose(image.data.sum(axis=0)[5:-5], 1, rtol=1e-5)


def test_without_a_profile_for_the_slit_there_is_an_error_and_none_means_what_is_there():
    model = rectified()
    with pytest.raises(ReferenceError_, match="psf reference"):
        extract(model, "N/A")
    with pytest.raises(ReferenceError_, match="no aperture for"):
        extract(model, psf("S1600A1"))
    either = middle(extract(model, "N/A", extraction_type=None))
    assert np.allclose(either["NPIXELS"], middle(extract(model, extraction_type="box"))["NPIXELS"])
    assert not np.allclose(middle(extract(model, extraction_type=None))["NPIXELS"], either["NPIXELS"])


def test_the_negative_image_of_a_subtracted_nod_is_fitted_with_the_source():
    slit = tilted_slit(lambda place: star(4.0, WIDTH)(place) - star(-3.5, WIDTH)(place), smooth)
    slit.data += np.random.default_rng(4).normal(0, 0.1, SHAPE).astype(np.float32)
    model = ResampleSpecStep.call(slit, fillval="NAN")
    model.meta.target.ra, model.meta.target.dec = model.meta.wcs(29.0, 14.5 + 4.0)[:2]
    model.meta.dither.dithered_ra, model.meta.dither.dithered_dec = model.meta.target.ra, model.meta.target.dec
    words = {"use_source_posn": True}

    def error(result):
        table = middle(result)
        return np.abs(table["FLUX"] / (smooth(table["WAVELENGTH"]) * AREA * 1e6) - 1)

    without = extract(model, **words)
    model.meta.cal_step.bkg_subtract = "COMPLETE"
    fitted, left_out = (extract(model, model_nod_pair=is_on, **words) for is_on in (True, False))
    assert np.median(error(fitted)) < 0.02 < 0.04 < np.median(error(left_out))
    assert np.array_equal(middle(left_out)["FLUX"], middle(without)["FLUX"])


def test_without_a_negative_image_nothing_is_added(caplog):
    model = rectified(noise=1.0)
    plain = middle(extract(model))
    model.meta.cal_step.bkg_subtract = "COMPLETE"
    with caplog.at_level("INFO"):
        assert np.array_equal(middle(extract(model))["FLUX"], plain["FLUX"])
    assert "No negative image" in caplog.text
