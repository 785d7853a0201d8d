"""Correlated read noise of NIRSpec rates."""

import numpy as np
import pytest
from slits import slit_wcs

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.detector import nsclean
from hexcal.steps.detector.lit_regions import always_lit, lit_by_spectra
from hexcal.steps.detector.nsclean import NSCleanStep

SHAPE = (64, 200)


def drift(seed=1, shape=SHAPE):
    """Low-frequency noise of the read-out, which goes along columns."""
    ny, nx = shape
    slow = np.cumsum(np.random.default_rng(seed).normal(0, 0.3, ny * nx))
    slow -= np.convolve(slow, np.ones(ny * 20) / (ny * 20), mode="same")
    return slow.reshape(nx, ny).T


def rate(noise, exposure_type="NRS_FIXEDSLIT", kind=datamodels.ImageModel, wcs=False):
    model = kind(noise.astype("f4"), err=np.ones(noise.shape, "f4"))
    model.dq = np.zeros(noise.shape, "u4")
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "NIRSPEC", exposure_type
    model.meta.subarray.fastaxis, model.meta.subarray.slowaxis = 2, 1
    if wcs:
        model.meta.wcs = slit_wcs((9, 40))  # its bounding box: rows 0 to 8, columns 0 to 39
    return model


def run(model, **parameters):
    return NSCleanStep.call(model, skip=False, **parameters)


@pytest.mark.req("NSC-01", "NSC-13")
@pytest.mark.parametrize("shape", [SHAPE, (2, *SHAPE)])
def test_slow_noise_goes_and_the_light_stays(shape):
    white = np.random.default_rng(2).normal(0, 1, shape)
    noise = np.stack([drift(seed) for seed in (1, 2)]) if len(shape) == 3 else drift()
    kind = datamodels.CubeModel if len(shape) == 3 else datamodels.ImageModel
    model = rate(noise + white, kind=kind, wcs=True)
    light = np.zeros(shape)
    light[..., 2:7, 5:35] = 300
    model.data += light.astype("f4")
    result = run(model)
    left = result.data - light - white
    assert left.std() < 0.35 * noise.std()
    assert result.meta.cal_step.nsclean == "COMPLETE" and type(result) is kind
    assert np.abs(left[..., 2:7, 5:35]).mean() < noise.std()


@pytest.mark.req("NSC-05", "NSC-11")
def test_footprints_of_slits_are_left_out():
    model = rate(drift(), wcs=True)
    lit = lit_by_spectra(model)
    assert lit[:9, :40].all() and lit.sum() == 9 * 40
    step = NSCleanStep()
    masks = step._masks(model, model.data[None])
    assert not masks[0][:9, :40].any() and masks[0][9:].mean() > 0.99
    whole = NSCleanStep(mask_spectral_regions=False)._masks(model, model.data[None])
    assert whole[0][:9, :40].mean() > 0.99


@pytest.mark.req("NSC-05", "NSC-11")
def test_slices_of_the_ifu_are_left_out(monkeypatch):
    from hexcal.steps.wcs import spectral

    wave = np.full(SHAPE, np.nan)
    wave[20:25] = 2.0
    monkeypatch.setattr(spectral, "ifu_wavelengths", lambda model: wave)
    model = rate(drift(), "NRS_IFU", datamodels.IFUImageModel, wcs=True)
    assert np.array_equal(lit_by_spectra(model), np.isfinite(wave))


@pytest.mark.req("NSC-06", "NSC-07", "NSC-11")
def test_failed_open_shutters_missing_and_bright_pixels_are_left_out():
    model = rate(np.random.default_rng(3).normal(0, 1, SHAPE))
    model.dq[3, 5], model.data[4, 6], model.data[5, 7], model.data[6, 8] = pixel.MSA_FAILED_OPEN, np.nan, 80, -80
    mask = NSCleanStep(mask_spectral_regions=False)._masks(model, model.data[None])[0]
    assert np.argwhere(~mask).tolist() == [[3, 5], [4, 6], [5, 7]]
    result = run(model, mask_spectral_regions=False)
    assert np.isnan(result.data[4, 6]) and np.isfinite(result.data).sum() == result.data.size - 1


@pytest.mark.req("NSC-08", "NSC-09", "NSC-11")
@pytest.mark.parametrize(
    ("exposure_type", "hidden"), [("NRS_MSASPEC", True), ("NRS_IFU", True), ("NRS_FIXEDSLIT", False)]
)
def test_the_place_of_the_fixed_slits_in_full_frames(monkeypatch, exposure_type, hidden):
    model = rate(np.zeros((2048, 2048)), exposure_type)
    assert always_lit(model)[922:1116].all() == hidden and not always_lit(model)[[921, 1116]].any()
    monkeypatch.setattr(nsclean, "clipped", lambda values, clip: type("", (), {"median": 0.0, "sigma": 1.0}))
    mask = NSCleanStep(mask_spectral_regions=False)._masks(model, model.data[None])[0]
    assert not mask[:, :4].any() and not mask[:, -4:].any() and mask[0, 4:-4].all()


@pytest.mark.req("NSC-04", "NSC-12")
def test_a_mask_of_the_user_and_the_mask_saved(tmp_path):
    model = rate(drift(), wcs=True)
    model.save(tmp_path / "x_rate.fits")
    first = run(str(tmp_path / "x_rate.fits"), save_mask=True, output_dir=str(tmp_path))
    saved = tmp_path / "x_mask.fits"
    with datamodels.open(saved) as mask:
        assert mask.data[:9, :40].sum() == 0 and mask.data.shape == SHAPE
    second = run(model, user_mask=str(saved))
    assert np.array_equal(first.data, second.data)


@pytest.mark.req("NSC-12")
def test_n_sigma():
    model = rate(np.random.default_rng(3).normal(0, 1, SHAPE))
    shares = [
        NSCleanStep(mask_spectral_regions=False, n_sigma=n)._masks(model, model.data[None]).mean() for n in (1, 2)
    ]
    assert shares[0] == pytest.approx(0.841, abs=0.02) and shares[1] == pytest.approx(0.977, abs=0.01)


@pytest.mark.req("NSC-03")
def test_without_a_wcs_the_footprints_are_not_known():
    with pytest.raises(InputError, match="WCS is needed to know where light is expected"):
        run(rate(drift()))


@pytest.mark.req("NSC-12", "NSC-13")
def test_it_runs_only_where_it_is_asked_for():
    model = rate(drift())
    result = NSCleanStep.call(model)
    assert result.meta.cal_step.nsclean == "SKIPPED" and np.array_equal(result.data, model.data)
    assert NSCleanStep.reference_types == ()


def test_an_image_without_values_stays_so():
    assert np.isnan(run(rate(np.full(SHAPE, np.nan)), mask_spectral_regions=False).data).all()


def test_the_input_is_untouched_and_threads_do_not_show(monkeypatch):
    model = rate(drift(), wcs=True)
    before = model.data.copy()
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        results.append(run(model).data)
    assert np.array_equal(results[0], results[1]) and np.array_equal(model.data, before)


@pytest.mark.req("NSC-10")
def test_bright_pixels_are_those_above_the_clipped_scatter():
    """Median and standard deviation are those of astropy, clipped at 5 sigma, of the pixels that may see no light."""
    from astropy.stats import sigma_clipped_stats

    rng = np.random.default_rng(11)
    model = rate(rng.normal(2, 1, SHAPE))
    model.data[rng.random(SHAPE) < 0.03] += 40
    model.data[3, 5], model.dq[3, 5] = 1e5, pixel.MSA_FAILED_OPEN
    _, median, sigma = sigma_clipped_stats(model.data[model.dq == 0], sigma=5.0)
    for n_sigma in (3.0, 5.0):
        mask = NSCleanStep(mask_spectral_regions=False, n_sigma=n_sigma)._masks(model, model.data[None])[0]
        assert np.array_equal(mask, (model.data <= median + n_sigma * sigma) & (model.dq == 0))


@pytest.mark.req("NSC-12")
def test_documented_defaults():
    own = NSCleanStep().parameters
    assert (own.mask_spectral_regions, own.n_sigma, own.save_mask, own.user_mask) == (True, 5.0, False, None)
    assert own.skip


@pytest.mark.req("NSC-03")
def test_place_in_the_pipeline():
    """Between msa_flagging and imprint, for spectra of NIRSpec but no lamps."""
    from hexcal.pipeline import Spec2Pipeline

    def order(exposure_type):
        model = rate(drift(), exposure_type)
        model.meta.instrument.lamp_mode = "FIXEDSLIT"
        return [step.name for step in Spec2Pipeline().steps_for(model)]

    names = list(Spec2Pipeline.step_defs)
    for exposure_type in ("NRS_FIXEDSLIT", "NRS_MSASPEC", "NRS_IFU"):
        steps = order(exposure_type)
        assert "nsclean" in steps and steps.index("assign_wcs") < steps.index("nsclean")
        for step in ("msa_flagging", "imprint_subtract"):
            assert step not in steps or (steps.index(step) < steps.index("nsclean")) == (step == "msa_flagging")
    assert {"msa_flagging", "imprint_subtract"} <= set(names)
    assert "msa_flagging" in order("NRS_IFU") and "msa_flagging" in order("NRS_MSASPEC")
    for exposure_type in ("NRS_LAMP", "NRS_AUTOWAVE"):
        assert "nsclean" not in order(exposure_type)
