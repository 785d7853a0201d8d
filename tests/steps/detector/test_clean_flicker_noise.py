"""Flicker noise: what all pixels of a line share in one group."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import group, pixel
from hexcal.steps.detector.clean_flicker_noise import CleanFlickerNoiseStep

SHAPE = (2, 5, 96, 128)
NOISE = 4.0


def stripes(shape, rng, columns=False, parts=1, sigma=20.0):
    """Noise of its own for each group and line; none in the first group."""
    nints, ngroups, ny, nx = shape
    lines, length = (nx, ny) if columns else (ny, nx)
    noise = rng.normal(0, sigma, (nints, ngroups, lines, parts))
    noise[:, 0] = 0
    noise = np.repeat(noise, length // parts, axis=-1)
    noise = noise.swapaxes(-1, -2) if columns else noise
    return noise - noise.mean(axis=(-1, -2), keepdims=True)


def sky(shape, rng, rate=30.0, stars=15):
    """Rates of a background with a few stars, DN per group."""
    image = np.full(shape[-2:], rate)
    yy, xx = np.mgrid[: shape[-2], : shape[-1]]
    for y, x in zip(rng.uniform(0, shape[-2], stars), rng.uniform(0, shape[-1], stars), strict=True):
        image += 2000 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 4)
    return image


def ramp_of(rate, noise, rng, instrument="NIRCAM", read_noise=NOISE):
    data = 100 + rate * np.arange(noise.shape[1])[:, None, None] + noise + rng.normal(0, read_noise, noise.shape)
    ramp = datamodels.RampModel(data.astype(np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.subarray.fastaxis = {"NIRCAM": -1, "NIRISS": -2, "MIRI": 1}[instrument]
    ramp.meta.exposure.type = {"NIRCAM": "NRC_IMAGE", "NIRISS": "NIS_IMAGE", "MIRI": "MIR_IMAGE"}[instrument]
    ramp.meta.exposure.noutputs = 4
    return ramp


def left_over(result, rate):
    """Standard deviation of the means of the lines of the last group less the truth."""
    residual = result.data[0, -1] - 100 - rate * (result.shape[1] - 1)
    return float(np.std(np.median(residual, axis=1)))


RECOMMENDED = {"differences": "first", "mask_from": "rate_less_lines"}
NO_RATE = {"override_gain": "N/A", "override_readnoise": "N/A"}


def run(ramp, **parameters):
    return CleanFlickerNoiseStep.call(ramp, **{"skip": False, **RECOMMENDED, **NO_RATE, **parameters})


@pytest.fixture
def rng():
    return np.random.default_rng(12)


@pytest.mark.parametrize("method", ["median", "fft"])
@pytest.mark.parametrize("background", ["median", "model", None])
def test_the_noise_goes_and_stars_and_background_stay(rng, method, background):
    rate = sky(SHAPE, rng, rate=0.0 if background is None else 30.0)
    ramp = ramp_of(rate, stripes(SHAPE, rng, sigma=8), rng)
    result = run(ramp, fit_method=method, background_method=background)
    assert result.meta.cal_step.clean_flicker_noise == "COMPLETE"
    assert left_over(ramp, rate) > 6 and left_over(result, rate) < 1.3
    assert abs(np.median(result.data[0, -1] - result.data[0, 0]) - np.median(rate) * 4) < 2
    np.testing.assert_array_equal(result.data[:, 0], ramp.data[:, 0])
    brightest = np.unravel_index(rate.argmax(), rate.shape)
    assert result.data[0, -1][brightest] == pytest.approx(100 + 4 * rate[brightest], abs=20)


@pytest.mark.parametrize("instrument", ["NIRISS", "MIRI"])
def test_lines_that_are_columns(rng, instrument):
    rate = sky(SHAPE, rng)
    ramp = ramp_of(rate, stripes(SHAPE, rng, columns=True), rng, instrument)
    residual = run(ramp).data[0, -1] - 100 - 4 * rate
    assert np.std(np.median(residual, axis=0)) < 1.5


@pytest.mark.parametrize("method", ["median", "fft"])
def test_each_amplifier_by_itself(rng, method):
    rate, noise = sky(SHAPE, rng), stripes(SHAPE, rng, parts=4)
    ramp = ramp_of(rate, noise, rng)
    apart, together = (
        np.std(run(ramp, fit_by_channel=by, fit_method=method).data[0, -1] - 100 - 4 * rate) for by in (True, False)
    )
    assert apart < 8 < together


def test_a_smooth_gradient_of_the_sky_is_no_noise(rng):
    gradient = 60 * np.linspace(-1, 1, SHAPE[-2])[:, None] + np.zeros(SHAPE[-2:])
    ramp = ramp_of(100 + gradient, stripes(SHAPE, rng, sigma=3), rng)
    result = run(ramp, background_method="model", background_box_size=[16, 16], n_sigma=5.0)
    slope = np.polyfit(np.arange(SHAPE[-2]), np.median(result.data[0, -1], axis=1), 1)[0]
    assert slope == pytest.approx(4 * 120 / (SHAPE[-2] - 1), rel=0.05)


def test_the_flat_field_is_no_noise(rng, tmp_path):
    flat = (1 + 0.2 * np.sin(np.arange(SHAPE[-2]) / 5))[:, None] * np.ones(SHAPE[-2:])
    reference = datamodels.open(flat.astype(np.float32))
    ramp = ramp_of(100 * flat, stripes(SHAPE, rng, sigma=3), rng)
    with_flat, without = (
        np.abs(
            np.median(
                run(ramp, apply_flat_field=use, override_flat=_flat_file(tmp_path, reference)).data[0, -1]
                - 100
                - 400 * flat,
                axis=1,
            )
        ).mean()
        for use in (True, False)
    )
    assert with_flat < 2 < without


def _flat_file(folder, model):
    from astropy.io import fits

    path = folder / "flat.fits"
    header = fits.Header({"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "REFTYPE": "FLAT"})
    dq = np.zeros(model.shape, np.uint32)
    hdus = [fits.PrimaryHDU(header=header), fits.ImageHDU(model.data, name="SCI"), fits.ImageHDU(dq, name="DQ")]
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return str(path)


def test_the_median_of_integrations_as_background_of_a_time_series(rng):
    shape = (20, 3, *SHAPE[-2:])
    rate = 30 + 100 * rng.random(shape[-2:]) + 50 * np.sin(np.arange(shape[-2]) / 4)[:, None]
    ramp = ramp_of(rate, stripes(shape, rng, sigma=8), rng)
    result = run(ramp, background_method="median_image", n_sigma=10.0)
    assert left_over(result, rate) < left_over(ramp, rate) / 3
    with pytest.raises(ParameterError, match="at least 3"):
        run(ramp_of(rate, stripes(SHAPE, rng), rng), background_method="median_image")


@pytest.mark.parametrize("single", [True, False])
def test_masks_per_exposure_or_per_integration(rng, single, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rate = sky(SHAPE, rng)
    ramp_of(rate, stripes(SHAPE, rng, sigma=8), rng).save("x_jump.fits")
    result = run("x_jump.fits", single_mask=single, save_mask=True, save_noise=True, save_background=True)
    assert left_over(result, rate) < 1.2
    mask = datamodels.open("x_mask.fits").data
    assert len(mask) == (1 if single else 2) and 0.5 < mask.mean() < 1
    noise, background = (datamodels.open(f"x_flicker_{name}.fits").data for name in ("noise", "bkg"))
    before = datamodels.open("x_jump.fits").data
    np.testing.assert_allclose(result.data - noise, before, atol=1e-2)
    assert np.median(background[0, -1]) == pytest.approx(120, abs=4)


def test_a_mask_of_the_user(rng):
    rate = sky(SHAPE, rng)
    rate[:, 40:] += 500  # not to be told from the background by its values
    ramp = ramp_of(rate, stripes(SHAPE, rng), rng)
    mask = np.zeros(SHAPE[-2:], np.float32)
    mask[:, :40] = sky(SHAPE, np.random.default_rng(12))[:, :40] < 40
    assert left_over(run(ramp, user_mask=datamodels.open(mask)), rate) < 2.5
    with pytest.raises(InputError, match="mask"):
        run(ramp, user_mask=datamodels.open(mask[:5]))


def test_the_peak_of_the_histogram_is_the_background_in_a_crowded_field(rng):
    rate = sky(SHAPE, rng, stars=150)
    ramp = ramp_of(rate, stripes(SHAPE, rng, sigma=4), rng)
    result = run(ramp, fit_histogram=True)
    assert left_over(result, rate) < left_over(ramp, rate) / 2


def test_rates_are_cleaned_too(rng):
    rate = sky(SHAPE, rng)
    noise = stripes((1, 2, *SHAPE[-2:]), rng)[0, 1]
    image = datamodels.ImageModel((rate + noise).astype(np.float32))
    image.dq = np.zeros(rate.shape, np.uint32)
    image.dq[3] = pixel.DO_NOT_USE
    image.meta.instrument.name = "NIRCAM"
    assert np.std((run(image).data - rate)[4:]) < 0.1 * np.std(noise)


def test_automatic_parameters(rng, caplog):
    rate = sky(SHAPE, rng)
    ramp = ramp_of(rate, stripes(SHAPE, rng, sigma=8), rng, "NIRISS")
    ramp.meta.subarray.fastaxis = 1
    assert left_over(run(ramp, autoparam=True, override_flat="N/A"), rate) < 1.5
    ramp.meta.exposure.type = "NIS_SOSS"
    result = run(ramp, autoparam=True)
    assert left_over(result, rate) < 1.5


def test_nan_and_flagged_groups_are_no_fault(rng):
    ramp = ramp_of(sky(SHAPE, rng), stripes(SHAPE, rng), rng)
    ramp.data[0, 2, 10] = np.nan
    ramp.groupdq[:, 3, 20] = group.JUMP_DET
    result = run(ramp)
    assert np.isfinite(np.delete(result.data, 10, axis=2)).all()


def test_one_group_and_regions_without_coordinates(rng):
    ramp = ramp_of(sky(SHAPE, rng), stripes(SHAPE, rng), rng)
    short = datamodels.RampModel(ramp.data[:, :1].copy())
    assert run(short).meta.cal_step.clean_flicker_noise == "SKIPPED"
    with pytest.raises(ParameterError, match="need coordinates"):
        run(ramp, mask_science_regions=True)


def test_defaults():
    step = CleanFlickerNoiseStep()
    assert step.skip is True and step.fit_method == step.background_method == "median" and step.n_sigma == 2.0
    assert step.single_mask is True and step.autoparam is False
    assert step.differences == "previous" and step.mask_from == "rate"


def test_by_default_the_mask_is_of_the_fitted_rate_and_errors_add_up_along_the_ramp(rng, tmp_path):
    shape = (1, 12, *SHAPE[-2:])
    rate = sky(shape, rng)
    ramp = ramp_of(rate, stripes(shape, rng, sigma=6), rng)
    ramp.meta.exposure.group_time = ramp.meta.exposure.frame_time = 2.0
    gain, read_noise = (_reference_file(tmp_path, kind, value) for kind, value in (("gain", 2.0), ("readnoise", 6.0)))
    default = run(ramp, differences="previous", mask_from="rate", override_gain=gain, override_readnoise=read_noise)
    recommended = run(ramp, override_gain=gain, override_readnoise=read_noise)
    assert left_over(recommended, rate) < left_over(default, rate) < left_over(ramp, rate)


def test_a_group_hit_by_cosmic_rays_does_not_tell_of_noise(rng):
    rate = sky(SHAPE, rng, stars=0)
    ramp = ramp_of(rate, stripes(SHAPE, rng, sigma=0), rng)
    hit = rng.random(SHAPE[-2:]) < 0.4
    ramp.data[:, 2:] += np.where(hit, np.float32(60), np.float32(0))
    ramp.groupdq[:, 2:] |= np.where(hit, group.JUMP_DET, 0).astype(np.uint8)
    assert abs(np.median((run(ramp, n_sigma=50.0).data - ramp.data)[:, 2])) < 0.5


def _reference_file(folder, kind, value):
    from astropy.io import fits

    path = folder / f"{kind}.fits"
    header = fits.Header({"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "REFTYPE": kind.upper()})
    image = fits.ImageHDU(np.full(SHAPE[-2:], value, np.float32), name="SCI")
    fits.HDUList([fits.PrimaryHDU(header=header), image]).writeto(path, overwrite=True)
    return str(path)
