"""badpix_selfcal: bad pixels put into exposures are found, lines and sources are not."""

import warnings

import miri_spectra as miri
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.core import bands
from hexcal.errors import InputError, ParameterError
from hexcal.kernels.running_median import running_median
from hexcal.models.dqflags import pixel
from hexcal.step import BadpixSelfcalStep
from hexcal.steps.spectrum.badpix_selfcal import outliers

SHAPE = (200, 120)
BAD = pixel.OTHER_BAD_PIXEL | pixel.DO_NOT_USE


def nirspec(data):
    model = miri.mrs_exposure(data.astype("f4"))
    model.meta.instrument.name, model.meta.instrument.detector, model.meta.exposure.type = "NIRSPEC", "NRS1", "NRS_IFU"
    model.meta.wcsinfo.dispersion_direction = 1
    return model


def scenes():
    """Three exposures of other sources, with the same 20 hot and 10 cold pixels; the first has an emission line."""
    rng = np.random.default_rng(4)
    rows, columns = rng.permutation(SHAPE[0])[:30], rng.integers(10, 110, 30)
    images = []
    for level in (50.0, 5.0, 5.0):
        image = level + rng.normal(0, 0.3, SHAPE)
        image[rows[:20], columns[:20]] += 30
        image[rows[20:], columns[20:]] -= 30
        images.append(image)
    images[0][40, 60] += 500
    expected = np.zeros(SHAPE, bool)
    expected[rows, columns] = True
    return images, expected


def test_bad_pixels_are_found_and_lines_are_not():
    images, expected = scenes()
    science, *others = map(nirspec, images)
    science.dq[0, 0] = 4
    step = BadpixSelfcalStep(
        skip=False, flagfrac_upper=20 / expected.size, flagfrac_lower=10 / expected.size, edges="inside"
    )
    result = step.run(science, background=others[:1], selfcal=others[1:])
    assert np.array_equal(result.dq & BAD == BAD, expected) and result.dq[0, 0] == 4
    assert np.array_equal(step.bad_pixels, expected)
    assert np.array_equal(np.isnan(result.data), expected) and np.array_equal(np.isnan(result.err), expected)
    assert result.meta.cal_step.badpix_selfcal == "COMPLETE" and not science.dq[1:].any()


def test_alone_it_is_skipped_unless_forced(caplog):
    science = nirspec(scenes()[0][0])
    assert BadpixSelfcalStep.call(science, skip=False).meta.cal_step.badpix_selfcal == "SKIPPED"
    assert "force_single" in caplog.text
    result = BadpixSelfcalStep.call(science, skip=False, force_single=True)
    assert result.meta.cal_step.badpix_selfcal == "COMPLETE" and result.dq.any()
    assert BadpixSelfcalStep.call(science).meta.cal_step.badpix_selfcal == "SKIPPED"


def test_the_dark_of_mrs_does_not_decide_which_exposure_is_lowest():
    """A background whose dark is 1 DN/s lower everywhere must not hide what the science exposure shows."""
    rng = np.random.default_rng(2)
    science = rng.normal(0, 0.01, (1024, 1032)).astype("f4")
    background = rng.normal(-1, 0.01, science.shape).astype("f4")
    science[300, 200] = background[300, 200] = 7.0
    science[310, 200] = -5.0
    step = BadpixSelfcalStep(skip=False, flagfrac_upper=5e-7, flagfrac_lower=5e-7)
    result = step.run(miri.mrs_exposure(science), background=[miri.mrs_exposure(background)])
    assert np.argwhere(result.dq != 0).tolist() == [[300, 200], [310, 200]]


def test_flagged_backgrounds_are_written(tmp_path):
    images, _ = scenes()
    path = nirspec(images[0]).save(tmp_path / "a_rate.fits")
    other = nirspec(images[1]).save(tmp_path / "b_rate.fits")
    step = BadpixSelfcalStep(skip=False, save_flagged_bkg=True, output_dir=str(tmp_path))
    result = step.run(path, background=[other])
    flagged = datamodels.open(tmp_path / "a_badpix_selfcal_bkg_0.fits")
    assert np.array_equal(flagged.dq & BAD == BAD, result.dq & BAD == BAD) and flagged.dq.any()


def test_wrong_input():
    images, _ = scenes()
    with pytest.raises(ParameterError, match="odd"):
        BadpixSelfcalStep.call(nirspec(images[0]), skip=False, force_single=True, kernel_size=4)
    with pytest.raises(InputError, match="shape of the science exposure"):
        BadpixSelfcalStep(skip=False).run(nirspec(images[0]), background=[nirspec(images[1][:50])])
    assert not outliers(np.full((4, 5), np.nan, "f4"), 0, 3, (0.1, 0.1)).any()


@pytest.mark.parametrize("zero", [True, False])
def test_the_running_median_against_its_twin(zero):
    rng = np.random.default_rng(1)
    values = rng.normal(5, 1, (7, 40)).astype("f4")
    values[rng.random(values.shape) < 0.2] = np.nan
    values[3] = np.nan
    results = []
    for threads in (1, 3):
        out = np.empty_like(values)
        bands.run_bands(running_median, 7, values, 3, zero, out, threads=threads)
        results.append(out)
    assert np.array_equal(*results, equal_nan=True)
    padded = np.pad(values, ((0, 0), (3, 3)), constant_values=0.0 if zero else np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=1)
    with warnings.catch_warnings(action="ignore"):
        assert np.allclose(results[0], np.nanmedian(windows, axis=-1), rtol=1e-7, equal_nan=True)
