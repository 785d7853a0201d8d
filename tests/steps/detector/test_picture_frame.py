"""The picture frame of NIRSpec: scale and offset are found, sources do not matter, and what is refused."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.steps.detector import picture_frame
from hexcal.steps.detector.picture_frame import PictureFrameStep, subtract_frame

SIZE = 2048


def frame():
    y, x = np.mgrid[:SIZE, :SIZE]
    distance = np.minimum(np.minimum(x, SIZE - 1 - x), np.minimum(y, SIZE - 1 - y))
    return (1 + np.exp(-distance / 60)).astype(np.float32)


def ramps(scales, offsets, noise=0.02, seed=1):
    """Groups with a picture frame of these scales and offsets, noise (DN), and stars that grow."""
    rng = np.random.default_rng(seed)
    data = np.array([a * frame() + b for a, b in zip(scales, offsets, strict=True)])[None]
    stars = np.zeros((SIZE, SIZE))
    stars[rng.integers(0, SIZE, 30000), rng.integers(0, SIZE, 30000)] = rng.uniform(50, 5000, 30000)
    clean = stars * np.arange(len(scales))[:, None, None] + rng.normal(0, noise, data.shape)
    return (data + clean).astype(np.float32), clean[0], stars == 0


def model(data, exposure_type="NRS_DARK", subarray="FULL", instrument="NIRSPEC"):
    ramp = datamodels.RampModel(data)
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.instrument.detector = "JWST", instrument, "NRS1"
    exposure, where = ramp.meta.exposure, ramp.meta.subarray
    exposure.type, exposure.readpatt, exposure.group_time, exposure.nframes = exposure_type, "NRSRAPID", 10.0, 1
    where.name, where.xstart, where.ystart, where.xsize, where.ysize = subarray, 1, 1, data.shape[-1], data.shape[-2]
    ramp.meta.filename = "jw00001001001_02101_00001_nrs1_jump.fits"
    return ramp


def test_scale_and_offset_of_each_group():
    data, clean, mask = ramps([3.0, 10.0, 40.0], [1.0, 2.0, -5.0])
    kept, given = np.zeros_like(data), data.copy()
    scales = subtract_frame(data, frame(), mask, kept)
    np.testing.assert_allclose(scales, [[0, 7, 37]], atol=0.15)
    np.testing.assert_array_equal(data[0, 0], given[0, 0])  # the first group is what all are compared with
    np.testing.assert_allclose(data + kept, given, atol=1e-3)
    left = data[0, 2] - data[0, 0] - (clean[2] - clean[0])
    assert abs(np.median(left[mask])) < 0.1 and np.abs(left).max() < 0.3


@pytest.mark.parametrize("what", ["flat frame", "nothing in the mask", "only NaN"])
def test_nothing_to_scale(what):
    data = np.full((1, 2, SIZE, SIZE), np.nan if what == "only NaN" else 5, np.float32)
    mask = np.full((SIZE, SIZE), what != "nothing in the mask")
    image = np.ones((SIZE, SIZE), np.float32) if what == "flat frame" else frame()
    given = data.copy()
    with np.errstate(all="ignore"):
        scales = subtract_frame(data, image, mask)
    assert scales is None or not scales.any()
    np.testing.assert_array_equal(data, given)


def test_as_a_step(tmp_path):
    """The frame lies in the noise of a pixel: the medians of many show it, and it is not taken for a source."""
    data, clean, mask = ramps([0.3, 0.8, 3.3], [1.0, 2.0, -5.0], noise=3.0)
    reference = datamodels.PictureFrameModel(frame())
    image = np.ones((SIZE, SIZE), np.float32)
    others = {
        "override_gain": datamodels.GainModel(2 * image),
        "override_readnoise": datamodels.ReadnoiseModel(image),
    }
    how = {**others, "override_pictureframe": reference, "skip": False, "output_dir": str(tmp_path)}
    result = PictureFrameStep.call(model(data), save_mask=True, save_correction=True, **how)
    assert result.meta.cal_step.picture_frame == "COMPLETE"
    left = np.where(mask, result.data[0, 2] - result.data[0, 0] - (clean[2] - clean[0]), np.nan)
    rim, middle = np.nanmedian(left[5:70]), np.nanmedian(left[500:-500, 500:-500])
    assert abs(middle) < 0.2 and abs(rim - middle) < 0.3 * 3 * 0.55  # a third of what it was
    with datamodels.open(next(tmp_path.glob("*_pctfrm_mask.fits"))) as mask:
        assert 0.9 < mask.data.mean() < 1
    with datamodels.open(next(tmp_path.glob("*_pctfrm_correction.fits"))) as correction:
        assert correction.shape == data.shape and not correction.data[0, 0].any()
    other = PictureFrameStep.call(model(data[..., :32, :32], subarray="SUB32"), **how)
    assert other.meta.cal_step.picture_frame == "SKIPPED"


def test_regions_that_see_light_are_left_out(monkeypatch, tmp_path):
    """Spectra of faint sources bend the medians of center and edge, unless their place is known."""
    data, clean, _ = ramps([0.3, 3.3], [1.0, -5.0], noise=3.0)
    lit = np.zeros((SIZE, SIZE), bool)
    lit[200:-200, 200:1900] = True
    data[0, 1][lit] += 2.0
    asked = []

    def draft(step, ramp):
        asked.append(ramp.meta.exposure.type)
        image = datamodels.ImageModel(np.zeros((SIZE, SIZE), np.float32))
        image.update(ramp)
        return image

    monkeypatch.setattr(picture_frame, "draft_with_wcs", draft)
    monkeypatch.setattr(picture_frame, "lit_by_spectra", lambda image: lit)
    image = np.ones((SIZE, SIZE), np.float32)
    how = {"override_gain": datamodels.GainModel(2 * image), "override_readnoise": datamodels.ReadnoiseModel(image)}
    how |= {"override_pictureframe": datamodels.PictureFrameModel(frame()), "skip": False}
    expected = np.where(lit, 2.0, 0) + clean[1] - clean[0]
    left = {}
    for masked in (True, False):
        result = PictureFrameStep.call(model(data, "NRS_FIXEDSLIT"), mask_science_regions=masked, **how)
        left[masked] = np.median((result.data[0, 1] - result.data[0, 0] - expected)[~lit])
    assert asked == ["NRS_FIXEDSLIT"]
    assert abs(left[True]) < 0.3 < 0.5 < abs(left[False])
