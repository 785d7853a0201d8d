"""Subtracting background exposures."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.flux import background_average
from hexcal.steps.flux.background import BackgroundStep

NAN = np.nan


def exposure(values, dq=0, err=2.0, start=(1, 1), name="FULL", **meta):
    values = np.array(values, "f4")
    kind = datamodels.CubeModel if values.ndim == 3 else datamodels.ImageModel
    model = kind(values, err=np.zeros_like(values) + np.float32(err), dq=np.zeros(values.shape, "u4") + np.uint32(dq))
    model.var_poisson, model.var_rnoise = np.full(values.shape, 3, "f4"), np.full(values.shape, 1, "f4")
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", "MIRI", "MIRIMAGE"
    model.meta.exposure.type, model.meta.instrument.filter = "MIR_IMAGE", "F770W"
    model.meta.bunit_data = model.meta.bunit_err = "DN/s"
    model.meta.subarray.name, model.meta.subarray.xstart, model.meta.subarray.ystart = name, *start
    for path, value in meta.items():
        model.set_meta(f"meta.{path.replace('__', '.')}", value)
    return model


def subtract(target, *backgrounds, **parameters):
    return BackgroundStep.call(target, background=list(backgrounds), **parameters)


def combined(target, *backgrounds, tmp_path, **parameters):
    given = {"output_dir": str(tmp_path), "output_file": "x", "save_results": False}
    subtract(target, *backgrounds, save_combined_background=True, **given, **parameters)
    return datamodels.open(tmp_path / "x_combinedbackground.fits")


TARGET = np.full((2, 3), 10)


@pytest.mark.req("BKG-01", "BKG-03", "BKG-07", "BKG-08", "BKG-10")
def test_the_mean_is_subtracted_and_errors_stay():
    target = exposure(TARGET, dq=[[1, 0, 2], [0, 0, 0]])
    one, two = exposure([[1, 2, NAN], [4, 5, 6]], dq=[[0, 4, 0], [1, 0, 0]]), exposure([[3, 2, 3], [NAN, 7, 6]], dq=8)
    result = subtract(target, one, two)
    assert result.data.tolist() == [[8, 8, 7], [6, 4, 4]]
    assert result.dq.tolist() == [[9, 12, 10], [9, 8, 8]]
    assert (result.err == 2).all() and (result.var_poisson == 3).all() and (result.var_rnoise == 1).all()
    assert result.meta.cal_step.bkg_subtract == "COMPLETE"
    assert (target.data == 10).all() and target.dq.tolist() == [[1, 0, 2], [0, 0, 0]]


@pytest.mark.req("BKG-02", "BKG-16")
def test_outliers_among_many_are_clipped():
    backgrounds = [exposure([[1 + index / 100, 1, 1], [1, 1, 1]]) for index in range(12)]
    backgrounds[3].data[0, 0] = backgrounds[4].data[0, 1] = 500
    result = subtract(exposure(TARGET), *backgrounds)
    expected = np.mean([1 + index / 100 for index in range(12) if index != 3])
    assert np.allclose(result.data[0], [10 - expected, 9, 9])
    once, until_the_end = (
        subtract(exposure(TARGET), *backgrounds, sigma=1, maxiters=number).data[0, 0] for number in (1, None)
    )
    assert np.isclose(once, 10 - expected)
    # Clipped further, down to the values beside the median.
    assert np.isclose(until_the_end, 10 - 1.065)


@pytest.mark.req("BKG-04", "BKG-09", "BKG-17", "SFX-33")
def test_the_average_is_written_with_the_uncertainty_of_the_mean(tmp_path):
    one, two = exposure([[1, 2, NAN], [4, 5, 6]], dq=[[0, 4, 0], [1, 0, 0]], err=3), exposure(TARGET, dq=8, err=4)
    mean = combined(exposure(TARGET), one, two, tmp_path=tmp_path)
    assert mean.data.tolist() == [[5.5, 6, 10], [7, 7.5, 8]]
    assert np.allclose(mean.err, [[2.5, 2.5, 4], [2.5, 2.5, 2.5]])
    assert mean.dq.tolist() == [[8, 12, 8], [9, 8, 8]]
    assert BackgroundStep.bkg_suffix == "combinedbackground"


def cube(value=1.0):
    values = np.full((12, 2, 3), float(value))
    values[:, 0, 0] += np.arange(12) / 100
    values[3, 0, 0] = 500
    return values


@pytest.mark.req("BKG-05", "BKG-06", "BKG-08")
@pytest.mark.parametrize("shape", [(2, 3), (2, 2, 3)])
def test_cubes_are_averaged_first_in_themselves(shape, tmp_path):
    flags = np.zeros((12, 2, 3), int)
    flags[2, 0, 1], flags[5, 0, 2] = 4, 1
    backgrounds = exposure(cube(), dq=flags), exposure(cube(2), dq=2), exposure(cube(3)[:7])
    result = subtract(exposure(np.full(shape, 10)), *backgrounds)
    first = np.mean([index / 100 for index in range(12) if index != 3])
    last = np.mean([index / 100 for index in range(7) if index != 3])
    # Of seven values the outlier stays within three standard deviations.
    outlier = np.mean([3 + index / 100 if index != 3 else 500 for index in range(7)])
    assert last < 0.04 < first
    assert np.allclose(result.data[..., 0, 0], 10 - (1 + first + 2 + first + outlier) / 3, rtol=1e-6)
    assert np.allclose(result.data[..., 1, :], 8)
    assert result.dq.reshape(-1, 2, 3)[0].tolist() == [[2, 6, 3], [2, 2, 2]]
    mean = combined(exposure(np.full(shape, 10)), *backgrounds[:2], tmp_path=tmp_path)
    assert np.allclose(mean.err[1], np.sqrt(2 * 2**2 / 12) / 2)


def test_a_pixel_without_a_value_in_one_cube_takes_those_of_the_others():
    empty = exposure(cube())
    empty.data[:, 1, 1] = NAN
    assert subtract(exposure(TARGET), empty, exposure(cube(3))).data[1, 1] == 7


@pytest.mark.req("BKG-03")
def test_only_the_overlap_is_subtracted(caplog):
    full = np.arange(30.0).reshape(5, 6)
    part = exposure(np.full((2, 3), 100), start=(3, 2), name="SUB64")
    assert np.array_equal(subtract(part, exposure(full)).data, 100 - full[1:3, 2:5])
    both = subtract(part, exposure(full), exposure(np.ones((2, 3)), dq=2, start=(3, 2), name="SUB64"))
    assert np.array_equal(both.data, 100 - (full[1:3, 2:5] + 1) / 2)
    whole = subtract(exposure(np.full((5, 6), 100)), exposure(np.ones((2, 3)), dq=2, start=(3, 2), name="SUB64"))
    expected = np.full((5, 6), 100)
    expected[1:3, 2:5] -= 1
    assert np.array_equal(whole.data, expected)
    assert np.array_equal(whole.dq, np.where(expected == 99, 2, 0))
    assert "24 of 30 pixels have no background" in caplog.text


def test_a_background_elsewhere_on_the_detector_is_refused():
    with pytest.raises(InputError, match="covers no pixel of the target"):
        subtract(exposure(TARGET, start=(3, 2)), exposure(TARGET, start=(30, 2)))


@pytest.mark.parametrize(
    ("path", "value", "keyword"),
    [
        ("instrument__name", "NIRCAM", "INSTRUME"),
        ("instrument__detector", "MIRIFULONG", "DETECTOR"),
        ("bunit_data", "MJy/sr", "BUNIT"),
    ],
)
def test_a_background_of_another_kind_is_refused(path, value, keyword):
    with pytest.raises(InputError, match=f"must have {keyword} = "):
        subtract(exposure(TARGET), exposure(TARGET, **{path: value}))


@pytest.mark.parametrize(
    ("path", "value", "keyword"),
    [("exposure__type", "MIR_LRS-FIXEDSLIT", "EXP_TYPE"), ("instrument__detector", "MIRIFULONG", "DETECTOR"),
     ("instrument__grating", "G395M", "GRATING")],
)  # fmt: skip
def test_a_background_of_another_mode_is_refused(path, value, keyword):
    target = exposure(TARGET, instrument__grating="PRISM", instrument__detector="MIRIMAGE")
    other = exposure(TARGET, **{"instrument__grating": "PRISM", "instrument__detector": "MIRIMAGE", path: value})
    with pytest.raises(InputError, match=f"must have {keyword} = .*as the target; .*has {value}"):
        subtract(target, other)


def test_a_background_of_another_filter_is_told(caplog):
    assert (subtract(exposure(TARGET), exposure(TARGET - 1, instrument__filter="F1000W")).data == 1).all()
    assert "FILTER = F1000W, the target F770W" in caplog.text


def test_without_backgrounds_the_step_is_skipped():
    result = BackgroundStep.call(exposure(TARGET))
    assert result.meta.cal_step.bkg_subtract == "SKIPPED"
    assert (result.data == 10).all()


def test_backgrounds_may_be_named_by_a_parameter(tmp_path):
    exposure(TARGET - 4).save(tmp_path / "b_rate.fits")
    result = BackgroundStep.call(exposure(TARGET), bkg_list=[str(tmp_path / "b_rate.fits")])
    assert (result.data == 4).all()


def test_slitless_spectra_are_refused():
    with pytest.raises(InputError, match="wide-field slitless"):
        subtract(exposure(TARGET, exposure__type="NIS_WFSS"), exposure(TARGET))


def test_clipped_by_noise_a_cosmic_ray_in_one_of_two_does_not_stay():
    one, two = exposure(TARGET - 9.0), exposure(TARGET - 9.0)
    one.data[0, 0], two.data[0, 1], two.dq[0, 1] = 500, 800, pixel.JUMP_DET
    documented = subtract(exposure(TARGET), one, two)
    assert documented.data[0, 0] == 10 - 250.5 and documented.dq[0, 1] == pixel.JUMP_DET
    result = subtract(exposure(TARGET), one, two, clip_by="noise")
    assert (result.data == 9).all() and (result.dq == 0).all()


def test_clipped_by_noise_values_that_are_not_to_be_used_are_left_out():
    one, two = exposure(TARGET - 9.0), exposure(TARGET - 9.0)
    one.data[0, 0], one.dq[0, 0] = 1.5, pixel.DO_NOT_USE
    one.dq[0, 1] = two.dq[0, 1] = pixel.DO_NOT_USE | pixel.HOT
    result = subtract(exposure(TARGET), one, two, clip_by="noise")
    assert result.data[0].tolist() == [9, 10, 9]
    assert result.dq[0].tolist() == [0, pixel.DO_NOT_USE, 0]


def test_clipped_by_noise_the_sky_may_be_brighter_in_one_exposure():
    """By three times the noise of a pixel: nothing but the cosmic ray is clipped, and there the level stays."""
    rng, shape = np.random.default_rng(8), (64, 64)
    backgrounds = [exposure(rng.normal(level, 0.1, shape), err=0.1) for level in (5.0, 5.6)]
    backgrounds[0].data[20, 30] += 10
    result = subtract(exposure(np.full(shape, 10)), *backgrounds, clip_by="noise")
    assert np.median(result.data) == pytest.approx(4.7, abs=0.01)
    assert result.data[20, 30] == pytest.approx(4.7, abs=0.35)
    assert result.data.std() == pytest.approx(0.1 / np.sqrt(2), rel=0.05) and not (result.dq & pixel.DO_NOT_USE).any()


def test_clipping_by_noise_does_not_bias_the_mean():
    rng = np.random.default_rng(8)
    shape = (200, 200)
    backgrounds = [exposure(rng.normal(5, 2, shape)) for _ in range(2)]
    result = subtract(exposure(np.full(shape, 10)), *backgrounds, clip_by="noise")
    assert abs((result.data - 5).mean()) < 4 * 2 / np.sqrt(2 * 200 * 200)


@pytest.mark.parametrize("n_ints", [None, 4])
@pytest.mark.parametrize("number", [1, 3])
def test_with_the_errors_of_the_background_the_difference_scatters_by_its_errors(n_ints, number):
    rng = np.random.default_rng(5)
    shape = (60, 70)
    target = exposure(rng.normal(10, 2, shape if n_ints is None else (n_ints, *shape)))
    backgrounds = [exposure(rng.normal(5, 2, shape)) for _ in range(number)]
    plain, result = (subtract(target, *backgrounds, add_errors=wanted) for wanted in (False, True))
    assert np.array_equal(result.data, plain.data) and np.array_equal(result.dq, plain.dq)
    np.testing.assert_allclose(result.err, 2 * np.sqrt(1 + 1 / number), rtol=1e-6)
    np.testing.assert_allclose(result.var_poisson, 3 + 4 / number, rtol=1e-6)
    assert (result.var_rnoise == 1).all(), "it is the weight of pixels that are resampled"
    pull = (result.data - 5) / result.err
    # A background is the same in all integrations: its scatter counts once.
    assert abs(pull.std() - 1) < 0.03
    assert ((plain.data - 5) / plain.err).std() > 1.1


@pytest.mark.parametrize("clip_by", ["scatter", "noise"])
def test_the_band_size_does_not_show(clip_by, monkeypatch):
    rng = np.random.default_rng(4)
    shape = (37, 21)
    backgrounds = [exposure(rng.normal(5, 2, shape)) for _ in range(3)] + [
        exposure(rng.normal(5, 2, (4, 20, 21)), start=(1, 6))
    ]
    whole = subtract(exposure(np.full(shape, 10)), *backgrounds, clip_by=clip_by)
    monkeypatch.setattr(background_average, "_BYTES", 3 * 7 * 21 * 13)
    bands = subtract(exposure(np.full(shape, 10)), *backgrounds, clip_by=clip_by)
    assert np.array_equal(whole.data, bands.data) and np.array_equal(whole.dq, bands.dq)


def test_an_association_gives_the_backgrounds_their_role(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exposure(TARGET).save("t_rate.fits")
    for name in ("b1", "b2"):
        exposure(TARGET - 4).save(f"{name}_rate.fits")
    members = [{"expname": "t_rate.fits", "exptype": "science"}]
    members += [{"expname": f"{name}_rate.fits", "exptype": "background"} for name in ("b1", "b2")]
    result = BackgroundStep.call({"asn_pool": "none", "products": [{"name": "t", "members": members}]})
    assert (result.data == 4).all()
