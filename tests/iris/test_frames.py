"""Steps on frames of IRIS: dark, flat field, flags, subarrays, background, sky, coordinates, normalization."""

import json
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.wcs import WCS

from hexcal import datamodels
from hexcal.cli.main import main, strun
from hexcal.core import registry
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.iris.assign_wcs import IrisAssignWcsStep
from hexcal.iris.background import CalculateBackgroundImagerStep, SubtractBackgroundImagerStep
from hexcal.iris.combine_frames import CombineFramesStep
from hexcal.iris.dark_sub import DarkSubtractionStep
from hexcal.iris.dq_init import IrisDQInitStep
from hexcal.iris.flat_field import IrisFlatFieldStep
from hexcal.iris.image2 import ImagerStage2Pipeline
from hexcal.iris.normalize import NormalizeStep, typical
from hexcal.iris.parse_subarrays import ParseSubarrayMapStep
from hexcal.iris.sky_sub import SkySubtractionImagerStep
from hexcal.models import dqflags
from hexcal.simulate.iris import IrisMode, simulate_frame

SHAPE = (24, 30)
RNG = np.random.default_rng(11)


def frame_of(data=None, err=0.1, dq=None, **meta):
    """A frame of the imager in memory."""
    data = np.full(SHAPE, 3.0, "f4") if data is None else np.asarray(data, "f4")
    frame = datamodels.IRISImageModel(data)
    frame.err = np.broadcast_to(np.float32(err), frame.shape).copy()
    if dq is not None:
        frame.dq = dq
    frame.meta.instrument.name, frame.meta.instrument.detector = "IRIS", "IMG1"
    frame.meta.filename = "frame_sci.fits"
    for name, value in meta.items():
        frame.set_meta(f"meta.{name.replace('__', '.')}", value)
    return frame


# ---- flags


@pytest.mark.req("TMT-31")
@pytest.mark.parametrize("kind", ["mask", "dq"])
def test_dq_init_cuts_the_map_to_the_window_and_keeps_the_class(tmp_path, kind):
    flags = np.zeros((64, 64), "u4")
    for place in ((2, 3), (20, 40), (39, 33), (50, 60), (63, 0)):
        flags[place] = 1
    reference = (datamodels.IRISMaskModel if kind == "mask" else datamodels.IRISDQModel)(flags)
    reference.meta.instrument.detector = "IMG1"
    reference.meta.subarray.xstart = reference.meta.subarray.ystart = 1
    reference.save(tmp_path / "map.fits")
    # 24 rows and 30 columns from column 33, row 17: two of the five.
    window = {"subarray__xstart": 33, "subarray__ystart": 17}
    step = IrisDQInitStep(override_mask="N/A", override_dq="N/A")
    setattr(step, kind, str(tmp_path / "map.fits"))
    frame = step.run(frame_of(**window))
    assert type(frame) is datamodels.IRISImageModel and frame.meta.cal_step.dq_init == "COMPLETE"
    assert list(zip(*np.nonzero(frame.dq), strict=True)) == [(4, 8), (23, 1)]
    ramp = datamodels.IRISRampModel(np.ones((1, 2, *SHAPE), "f4"))
    ramp.update(frame_of(**window))
    ramp = step.run(ramp)
    assert type(ramp) is datamodels.IRISRampModel
    assert list(zip(*np.nonzero(ramp.pixeldq), strict=True)) == [(4, 8), (23, 1)]


# ---- dark and flat field


def dark_of(data, **arrays):
    model = datamodels.IRISDarkModel(np.asarray(data, "f4"), **arrays)
    model.meta.instrument.detector = "IMG1"
    return model


@pytest.mark.req("TMT-49")
def test_dark_sub(tmp_path):
    level, level_err = RNG.uniform(0, 1, SHAPE).astype("f4"), np.full(SHAPE, 0.05, "f4")
    level[3, 4], level_err[3, 4] = np.nan, np.nan
    flags = np.zeros(SHAPE, "u4")
    flags[5, 6] = 1 << 11
    dark_of(level, err=level_err, dq=flags).save(tmp_path / "dark.fits")
    given = frame_of(dq=np.where(np.arange(30) == 6, np.uint32(4), np.zeros(SHAPE, "u4")))
    step = DarkSubtractionStep()
    step.dark = str(tmp_path / "dark.fits")
    result = step.run(given)
    np.testing.assert_array_equal(result.data, np.float32(3) - np.nan_to_num(level))
    expected = np.sqrt(np.float32(0.1) ** 2 + np.nan_to_num(level_err) ** 2)
    np.testing.assert_allclose(result.err, expected, rtol=1e-6)
    assert result.dq[5, 6] == (4 | 1 << 11) and result.dq[4, 6] == 4 and result.dq[5, 5] == 0
    assert result.meta.cal_step.dark_sub == "COMPLETE" and result.meta.ref_file.dark.name == "dark.fits"
    # What was given is not changed; any exposure time is right.
    assert (given.data == 3).all()
    dark_of(np.ones((2, *SHAPE), "f4")).save(tmp_path / "dark3.fits")
    with pytest.raises(ReferenceError_, match=r"an image \(ny, nx\), found the shape \(2, 24, 30\)"):
        DarkSubtractionStep(override_dark=str(tmp_path / "dark3.fits")).run(given)


@pytest.mark.req("TMT-50")
def test_flat_field_and_its_errors(tmp_path):
    """10^5 pixels whose flat field is known to 1 %: (result - truth) / error has the width 1."""
    shape, truth = (320, 320), 50.0
    response = RNG.uniform(0.8, 1.2, shape)
    err = 0.2
    measured = truth * response + RNG.normal(0, err, shape)
    flat = (response + RNG.normal(0, 0.01, shape)).astype("f4")
    flat[0, 0], flat[0, 1] = np.nan, 0
    model = datamodels.IRISFlatModel(flat, err=np.full(shape, 0.01, "f4"), dq=np.zeros(shape, "u4"))
    model.dq[2, 2] = 1 << 13
    model.save(tmp_path / "flat.fits")
    given = frame_of(measured, err)
    result = IrisFlatFieldStep(override_flat=str(tmp_path / "flat.fits")).run(given)
    pulls = (result.data - truth) / result.err
    assert pulls[1:].std() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(result.data[0, :2], given.data[0, :2])
    np.testing.assert_array_equal(result.err[0, :2], given.err[0, :2])
    assert result.dq[2, 2] == 1 << 13 and result.dq[0, 0] == 0
    assert result.meta.cal_step.flat_field == "COMPLETE"


@pytest.mark.req("TMT-50")
def test_lenslets_need_no_flat():
    """No source of reference files is set: nothing is asked for."""
    frame = frame_of(instrument__detector="IFU", instrument__mode="LENSLET")
    result = IrisFlatFieldStep().run(frame)
    assert result.meta.cal_step.flat_field == "SKIPPED" and (result.data == 3).all()
    with pytest.raises(ReferenceError_, match="needs a flat reference"):
        IrisFlatFieldStep().run(frame_of(instrument__detector="IFU", instrument__mode="SLICER"))
    with pytest.raises(ParameterError, match="flat_suffix"):
        IrisFlatFieldStep(flat_suffix="mos")


# ---- subarrays


def map_of(kind="u1"):
    windows = np.zeros((100, 120), kind)
    windows[69:79, 79:89] = 1
    windows[19:39, 9:29] = 2
    return windows


@pytest.mark.req("TMT-46")
@pytest.mark.parametrize("kind", ["u1", "i1", "u2"])
def test_the_documented_windows(tmp_path, kind):
    frame = frame_of(np.ones((100, 120)))
    frame.save(tmp_path / "frame.fits")
    with fits.open(tmp_path / "frame.fits", mode="append") as hdus:
        image = map_of(kind)
        hdus.append(fits.ImageHDU(image, name="SUBARR_MAP"))
    step = ParseSubarrayMapStep(output_dir=str(tmp_path), save_results=True)
    step.run(str(tmp_path / "frame.fits"))
    (path,) = tmp_path.glob("*parse_subarrays.fits")
    result = datamodels.open(path)
    shared = {"name": "CUSTOM", "fastaxis": 1, "slowaxis": 2, "detxsize": 120, "detysize": 100}
    assert [dict(window) for window in result.get_meta("meta.subarray_map")] == [
        {"id": 1, "xstart": 80, "ystart": 70, "xsize": 10, "ysize": 10, **shared},
        {"id": 2, "xstart": 10, "ystart": 20, "xsize": 20, "ysize": 20, **shared},
    ]
    flags = dqflags.of(result.observatory)
    np.testing.assert_array_equal(result.dq, (map_of() != 0) * np.uint32(flags.NON_SCIENCE | flags.DO_NOT_USE))
    assert fits.getval(path, "S_PARSSA") == "COMPLETE"


def with_corner(windows):
    windows[69:72, 79:82] = 0


def with_overlap(windows):
    windows[30:45, 20:35] = 3


def with_gap(windows):
    windows[windows == 2] = 3


def with_eleven(windows):
    windows[0, 0] = 11


@pytest.mark.req("TMT-46")
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (with_corner, r"window 1 of the map of subarrays is not a rectangle: 91 pixels within 10 x 10, from x=80"),
        (with_overlap, r"window 2 of the map of subarrays is not a rectangle"),
        (with_gap, r"no window 2, but window 3"),
        (with_eleven, r"numbers 0 to 10, found: 1, 2, 11"),
    ],
)
def test_windows_that_cannot_be(change, match):
    frame = frame_of(np.ones((100, 120)))
    frame.subarr_map = map_of()
    change(frame.subarr_map)
    with pytest.raises(InputError, match=match):
        ParseSubarrayMapStep().run(frame)


def test_a_frame_without_a_map_goes_on():
    assert ParseSubarrayMapStep().run(frame_of()).meta.cal_step.parse_subarrays == "SKIPPED"


@pytest.mark.req("TMT-47")
def test_missing_values_of_windows_reach_no_mean():
    """Normalization, background and sky of a frame whose windows have no values: those of the frame without them."""
    data = RNG.normal(20, 1, (100, 120)).astype("f4")
    holed = frame_of(np.where(map_of() != 0, np.nan, data))
    holed.subarr_map = map_of()
    holed = ParseSubarrayMapStep().run(holed)
    outside = map_of() == 0
    normalized = NormalizeStep(method="median").run(holed)
    np.testing.assert_allclose(normalized.data[outside], (data / np.median(data[outside]))[outside], rtol=1e-6)
    level = CalculateBackgroundImagerStep(box_size=20).run(holed)
    assert np.isfinite(level.data).all() and abs(level.data - 20).max() < 1
    whole = CalculateBackgroundImagerStep(box_size=20).run(frame_of(np.where(map_of() != 0, 1e5, data), dq=holed.dq))
    np.testing.assert_array_equal(level.data, whole.data)
    science = SkySubtractionImagerStep().run(frame_of(data), sky=[holed, frame_of(data)])
    np.testing.assert_allclose(science.data, 0, atol=1e-5)


# ---- background and sky


@pytest.mark.req("TMT-52")
def test_background_sub_and_its_errors(tmp_path):
    background = frame_of(np.full(SHAPE, 2.0), 0.03, dq=np.full(SHAPE, 8, "u4"))
    background.save(tmp_path / "background.fits")
    for given in ({"background": str(tmp_path / "background.fits")}, {}):
        step = SubtractBackgroundImagerStep(scale=0.5, **given)
        result = step.run(frame_of(), *([] if given else [background]))
        np.testing.assert_array_equal(result.data, np.float32(2))
        np.testing.assert_allclose(result.err, np.sqrt(0.1**2 + 0.015**2), rtol=1e-6)
        assert (result.dq == 8).all() and result.meta.cal_step.sky_sub == "COMPLETE"
    assert SubtractBackgroundImagerStep().scale == 1
    assert SubtractBackgroundImagerStep().run(frame_of()).meta.cal_step.sky_sub == "SKIPPED"
    with pytest.raises(InputError, match="must have the shape of the frame"):
        SubtractBackgroundImagerStep().run(frame_of(), frame_of(np.ones((3, 3))))


@pytest.mark.req("TMT-52")
def test_the_keyword_of_2024_is_the_same(tmp_path):
    result = SubtractBackgroundImagerStep().run(frame_of(), frame_of())
    result.save(tmp_path / "x.fits")
    with fits.open(tmp_path / "x.fits", mode="update") as hdus:
        assert hdus[0].header["S_SKYSUB"] == "COMPLETE"
        hdus[0].header.rename_keyword("S_SKYSUB", "S_BKDSUB")
    assert datamodels.open(tmp_path / "x.fits").meta.cal_step.sky_sub == "COMPLETE"


def test_the_background_of_a_frame_with_stars():
    """A gradient of 20 % and 300 stars: within half a per cent of the sky."""
    ny, nx = 1212, 1212
    y, x = np.mgrid[:ny, :nx]
    truth = 100 * (0.9 + 0.2 * x / nx)
    data = truth + RNG.normal(0, 1, (ny, nx))
    for _ in range(300):
        x0, y0 = RNG.uniform(10, 1200, 2)
        part = (slice(int(y0) - 10, int(y0) + 11), slice(int(x0) - 10, int(x0) + 11))
        data[part] += 300 * np.exp(-((x[part] - x0) ** 2 + (y[part] - y0) ** 2) / 2)
    level = CalculateBackgroundImagerStep().run(frame_of(data))
    error = level.data - truth
    assert np.sqrt((error**2).mean()) < 0.5
    # Clipped closer above the median than below, pure noise has its median a little too low.
    assert -0.3 < np.median(error) < 0


def test_sky_frames(tmp_path):
    """Errors in quadrature; a sky frame with a cosmic ray among many loses it."""
    sky = [frame_of(RNG.normal(2, 0.1, SHAPE)) for _ in range(12)]
    sky[4].data[7, 7] = 500
    result = SkySubtractionImagerStep().run(frame_of(), sky=sky)
    assert abs(result.data[7, 7] - 1) < 0.2
    np.testing.assert_allclose(result.err[0, 0], np.hypot(0.1, 0.1 / np.sqrt(12)), rtol=0.05)
    assert result.meta.cal_step.sky_sub == "COMPLETE"


@pytest.mark.req("TMT-53")
def test_stars_of_five_sky_frames_leave_no_holes(tmp_path, monkeypatch):
    """Each frame has its stars at other places; clipped by the scatter of five values, none would be."""
    monkeypatch.chdir(tmp_path)
    shape, noise, sky = (80, 80), 0.1, []
    is_star = np.zeros(shape, bool)
    y, x = np.mgrid[:80, :80]
    for number in range(5):
        data = RNG.normal(2, noise, shape)
        for _ in range(6):
            x0, y0 = RNG.uniform(5, 75, 2)
            star = 50 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 4)
            data += star
            is_star |= star > 5 * noise
        frame = frame_of(data, np.sqrt(noise**2 + np.maximum(data - 2, 0) / 100))
        frame.dq[number, 0] = dqflags.pixel.WARM
        sky.append(frame)
    target = frame_of(RNG.normal(5, noise, shape), noise)
    result = SkySubtractionImagerStep().run(target, sky=sky)
    pulls = (result.data - 3) / result.err
    assert pulls[is_star].min() > -4.5 and (pulls[is_star] < -3).mean() < 0.01
    assert (SkySubtractionImagerStep(clip_by="scatter").run(target, sky=sky).data[is_star] < -2).any()
    clean = ~is_star
    np.testing.assert_allclose(np.median(result.err[clean]), noise * np.sqrt(1 + 1 / 5), rtol=0.02)
    assert (result.dq[:5, 0] == dqflags.pixel.WARM).all()
    chosen = SkySubtractionImagerStep().parameters
    assert (chosen.sigma, chosen.maxiters) == (3.0, None)


# ---- coordinates


@pytest.mark.req("TMT-58")
@pytest.mark.parametrize("form", ["CDELT and PC", "CD"])
def test_coordinates_are_those_of_the_keywords(tmp_path, form):
    frame = simulate_frame(IrisMode(size=64), seed=1).frame
    info, turn = frame.meta.wcsinfo, np.radians(33)
    matrix = np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    if form == "CD":
        for name in ("cdelt1", "cdelt2", "pc1_1", "pc1_2", "pc2_1", "pc2_2"):
            info.__delattr__(name)
        scale, prefix = 0.004 / 3600, "cd"
    else:
        info.cdelt1 = info.cdelt2 = 0.004 / 3600
        scale, prefix = 1.0, "pc"
    for i in (0, 1):
        for j in (0, 1):
            setattr(info, f"{prefix}{i + 1}_{j + 1}", scale * matrix[i, j])
    IrisAssignWcsStep(output_dir=str(tmp_path), output_file="x", save_results=True).run(frame)
    (path,) = tmp_path.glob("*.fits")
    product = datamodels.open(path)
    assert fits.getval(path, "S_WCS") == "COMPLETE" and product.meta.wcsinfo.s_region.startswith("POLYGON ICRS")
    y, x = np.mgrid[:64:9, :64:9].astype(float)
    expected = WCS(fits.getheader(path, "SCI")).pixel_to_world(x, y)
    sky = product.meta.wcs.pixel_to_world(x * units.pix, y * units.pix)
    assert sky.separation(expected).deg.max() < 1e-9
    assert product.meta.wcs.pixel_to_world(0.0, 0.0).separation(expected[0, 0]).deg < 1e-9


@pytest.mark.req("TMT-58")
def test_a_star_in_a_frame_and_in_a_window_of_it():
    whole, part = (
        IrisAssignWcsStep().run(simulate_frame(IrisMode(size=64, subarray=window), seed=1).frame).meta.wcs
        for window in (None, (9, 5, 20, 30))
    )
    x, y = whole.world_to_pixel_values(*part.pixel_to_world_values(11.25, 7.5))
    assert (x, y) == pytest.approx((11.25 + 8, 7.5 + 4), abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"crval1": None, "crpix2": None}, "missing in the header: CRPIX2, CRVAL1"),
        ({"ctype1": "RA---SIN"}, "must be RA---TAN and DEC--TAN"),
        ({"cdelt1": 0.0}, "no matrix that can be inverted"),
        ({"cdelt1": None}, "no matrix that can be inverted"),
    ],
)
def test_headers_that_give_no_coordinates(changes, match):
    frame = simulate_frame(IrisMode(size=16), seed=1).frame
    for name, value in changes.items():
        frame.set_meta(f"meta.wcsinfo.{name}", value)
    with pytest.raises(InputError, match=match):
        IrisAssignWcsStep().run(frame)


# ---- normalization and combination


@pytest.mark.req("TMT-61")
@pytest.mark.parametrize("method", ["mean", "median", "mode"])
def test_normalize(method):
    """Dead pixels have flags, and are not counted."""
    data = RNG.gamma(400, 1, (200, 200)).astype("f4")
    dead = RNG.uniform(size=data.shape) < 0.05
    data[dead] = 0
    data[0, 0] = np.nan
    good = data[~dead & np.isfinite(data)]
    expected = {"mean": good.mean(dtype="f8"), "median": np.median(good), "mode": 399.0}[method]
    result = NormalizeStep(method=method).run(frame_of(data, 2.0, dq=dead.astype("u4") << 10))
    factor = 2.0 / result.err[0, 0]
    assert factor == pytest.approx(expected, rel=3e-2 if method == "mode" else 1e-6)
    np.testing.assert_allclose(result.data[~dead & np.isfinite(data)], good / factor, rtol=1e-6)
    assert NormalizeStep().method == "mean" and result.meta.cal_step.normalize == "COMPLETE"


def test_the_mode_of_many_values():
    values = np.concatenate([RNG.normal(10, 0.5, 4000), RNG.uniform(0, 100, 4000)]).astype("f4")
    assert typical(values, "mode") == pytest.approx(10, abs=0.3)
    assert typical(np.array([1, 2, 2, 2, 9], "f4"), "mode") == 2
    with pytest.raises(InputError, match="needs good pixels with light: there is none"):
        NormalizeStep().run(frame_of(dq=np.ones(SHAPE, "u4")))
    with pytest.raises(InputError, match="their mean is -3"):
        NormalizeStep().run(frame_of(np.full(SHAPE, -3)))


@pytest.mark.parametrize(
    ("method", "expected", "spread"),
    [("mean", 1 / 3, 1.0), ("wmean", 1 / 3, 1.0), ("median", 1 / 3, 1.2533), ("wmedian", 1 / 3, 1.2533)],
)
@pytest.mark.parametrize("error_calc", ["measure", "propagate"])
def test_combined_frames_and_their_errors(method, expected, spread, error_calc):
    frames = [frame_of(RNG.normal(5, 1, (80, 80)), 1.0) for _ in range(9)]
    result = CombineFramesStep(method=method, error_calc=error_calc).run(frames)
    assert result.data.mean() == pytest.approx(5, abs=0.02)
    assert np.median(result.err) == pytest.approx(expected * spread, rel=0.1)
    assert result.data.std() == pytest.approx(expected * spread, rel=0.1)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"method": "mean"}, 128.5),
        ({"method": "mean", "do_sigma_clip": True}, 4.5),
        ({"method": "mean", "do_sigma_clip": True, "sigma_thresh_high": 1000.0}, 128.5),
        ({"method": "mean", "do_sigma_clip": True, "sigma": 1000.0, "sigma_thresh_high": 3.0}, 4.5),
        ({"method": "mean", "thresh_high": 6.0}, 3.5),
        ({"method": "mean", "thresh_low": 5.0, "thresh_high": 100.0}, 6.5),
        ({"method": "mean", "num_mask_high": 1}, 4.5),
        ({"method": "mean", "num_mask_low": 2, "num_mask_high": 1}, 5.5),
        ({"method": "median", "num_mask_low": 4, "num_mask_high": 2}, 6.0),
    ],
)
def test_values_that_are_left_out(parameters, expected):
    """Of 1, 2, ..., 8 and a hit; and of the same with another frame that is flagged."""
    values = [*range(1, 9), 1120.5]
    frames = [frame_of(np.full(SHAPE, value)) for value in values]
    bad = frame_of(np.full(SHAPE, -1e6), dq=np.ones(SHAPE, "u4"))
    for given in (frames, [bad, *frames]):
        result = CombineFramesStep(**parameters).run(given)
        np.testing.assert_allclose(result.data, expected, rtol=1e-6)


def test_clipped_frames_and_flags():
    frames = [frame_of(RNG.normal(5, 1, SHAPE), 1.0) for _ in range(10)]
    frames[2].data[1, 1] = frames[3].data[1, 2] = 900
    frames[4].dq[0, 0] = 1
    for frame in frames:
        frame.dq[2, 2] |= 1 << 11
        frame.dq[3, 3] |= 1
    result = CombineFramesStep(method="sigma_clip").run(frames)
    assert abs(result.data[1, 1:3] - 5).max() < 2
    assert result.dq[2, 2] == 1 << 11 and result.dq[0, 0] == 0
    assert result.dq[3, 3] == 1 and np.isnan(result.data[3, 3])
    with pytest.raises(InputError, match="must have one shape"):
        CombineFramesStep().run([frames[0], frame_of(np.ones((3, 3)))])


# ---- the pipeline


def test_steps_that_were_done_are_not_done_again(night):
    night(48)
    once = ImagerStage2Pipeline.call("raw_science_frame_sci.fits", steps={"background_calc": {"skip": True}})[0]
    again = ImagerStage2Pipeline.call(once, steps={"background_calc": {"skip": True}})[0]
    np.testing.assert_array_equal(once.data, again.data)
    assert once.meta.cal_step.sky_sub == "SKIPPED"


def test_a_product_of_several_roles_is_made_again(night):
    """The association is one input, whatever the roles of its members."""
    night(48)
    listed = [("raw_science_frame_sci.fits", "science"), ("raw_background_frame_cal.fits", "sky")]
    members = [{"expname": name, "exptype": kind} for name, kind in listed]
    Path("asn.json").write_text(json.dumps({"asn_rule": "x", "products": [{"name": "field", "members": members}]}))
    assert strun(["iris_image2", "asn.json", "--save_results=true"]) == 0
    product = datamodels.open("field_cal.fits")
    (source,) = product.get_meta("provenance").instance["inputs"]
    assert source["path"].endswith("asn.json")
    assert main(["rerun", "field_cal.fits", "--output_dir=again"]) == 0
    np.testing.assert_array_equal(datamodels.open("again/field_cal.fits").data, product.data)


def test_a_window_is_calibrated_as_in_the_whole_frame(night):
    """References of the whole detector are cut."""
    part = night(64, subarray=(9, 5, 40, 50))
    result = ImagerStage2Pipeline.call("raw_science_frame_sci.fits", steps={"sky_sub": {"skip": True}})[0]
    window = (slice(4, 54), slice(8, 48))
    dark, flat = (part.references[kind].data[window] for kind in ("dark", "flat"))
    np.testing.assert_allclose(result.data, (part.frame.data - dark) / flat, rtol=1e-5)


def test_the_frame_without_sky_is_written_where_asked_for(night):
    night(48)
    assert strun(["iris_image2", "raw_science_frame_sci.fits", "--save_results=true", "--save_bsub=true"]) == 0
    assert Path("raw_science_frame_sci_bsub.fits").is_file() and Path("raw_science_frame_sci_cal.fits").is_file()


def test_names_of_other_releases_on_the_command_line(night, capsys):
    night(48)
    words = ["--steps.dark_current.skip=true", "--steps.bkg_subtract.sigma=4", "--steps.calc_background.box_size=20"]
    assert strun(["iris_image2", "raw_science_frame_sci.fits", "--save_results=true", *words]) == 0
    assert datamodels.open("raw_science_frame_sci_cal.fits").meta.cal_step.dark_sub == "SKIPPED"
    pipeline = ImagerStage2Pipeline()
    pipeline.dark_current.skip = True
    assert pipeline.dark_sub.skip is True
    assert strun(["iris_image2", "raw_science_frame_sci.fits", "--steps.photom.skip=false"]) == 1
    assert "photom is not in this version" in capsys.readouterr().err
    with pytest.raises(ParameterError, match="unknown step 'darks'"):
        ImagerStage2Pipeline(steps={"darks": {}})


def test_a_step_on_another_observatory_is_refused():
    frame = datamodels.ImageModel(np.ones(SHAPE, "f4"))
    with pytest.raises(InputError, match="works on an IRISImageModel, the input is an ImageModel"):
        registry.find("dark_sub").call(frame)
