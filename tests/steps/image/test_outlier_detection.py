"""The step outlier_detection: cosmic rays that several exposures, or integrations, tell apart from the sky."""

import json

import numpy as np
import pytest
from sky_projections import point, tangent_plane

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.steps.image.outlier_detection import OutlierDetectionStep
from hexcal.steps.image.outliers_alone import flag_alone
from hexcal.steps.image.outliers_cores import scale_of_stars
from hexcal.steps.image.outliers_images import Limits, MedianRule, flag_outliers, median_of
from hexcal.steps.image.output_size import OutputTooLargeError
from hexcal.steps.image.resample import ResampleStep
from hexcal.steps.image.weight_threshold import weight_threshold

SHAPE, SCALE, NOISE = (60, 70), 1e-5, 0.1
STARS = [(20.0, 30.0, 60.0), (45.3, 25.7, 200.0)]


def scene(dx, dy):
    yy, xx = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.full(SHAPE, 2.0)
    for x, y, flux in STARS:
        image += flux * np.exp(-((xx - x - dx) ** 2 + (yy - y - dy) ** 2) / 2 / 1.5**2)
    return image


def exposure(number, hits=True, exposure_type="NRC_IMAGE"):
    random = np.random.default_rng(number)
    dx, dy = random.uniform(-4, 4, 2)
    data = scene(dx, dy) + random.normal(0, NOISE, SHAPE)
    image = datamodels.ImageModel(data.astype("f4"))
    image.dq, image.err = np.zeros(SHAPE, "u4"), np.full(SHAPE, NOISE, "f4")
    image.var_rnoise = np.full(SHAPE, NOISE**2, "f4")
    rays = np.zeros(SHAPE, bool)
    if hits:
        places = random.integers(12, 48, (30, 2))
        rays[places[:, 0], places[:, 1]] = True
        rays[scene(dx, dy) > 2.02] = False
        image.data[rays] += 5
    image.meta.telescope, image.meta.instrument.name, image.meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    image.meta.exposure.type, image.meta.filename = exposure_type, f"e{number}_cal.fits"
    ra, dec = 10 + dx * SCALE / np.cos(np.radians(-20)), -20 - dy * SCALE
    image.meta.wcs = tangent_plane(ra, dec, SCALE, ((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2), SHAPE)
    return point(image, ra_ref=ra, dec_ref=dec, roll_ref=0.0, v3yangle=0.0, vparity=-1), rays


@pytest.fixture(scope="module")
def dithered():
    return [exposure(number) for number in range(5)]


def copies(dithered):
    return [image.copy() for image, _ in dithered]


def run(models, **parameters):
    return list(OutlierDetectionStep.call(models, **parameters))


def outliers(model):
    return model.dq & pixel.OUTLIER != 0


@pytest.mark.req("OUTL-01", "OUTL-10")
def test_cosmic_rays_are_flagged_and_stars_are_not(dithered):
    for model, (before, rays) in zip(run(copies(dithered)), dithered, strict=True):
        found = outliers(model)
        assert found[rays].all()
        assert np.count_nonzero(found & ~rays) <= 2
        assert np.array_equal(model.dq & pixel.DO_NOT_USE != 0, found)
        assert model.meta.cal_step.outlier_detection == "COMPLETE"
        for name in ("data", "err", "var_rnoise"):
            assert np.array_equal(getattr(model, name), getattr(before, name))
        assert not before.dq.any()


@pytest.mark.req("ERR-11")
def test_errors_set_the_noise_and_stay_as_they_are(dithered):
    given = copies(dithered)
    for image in given:
        image.err *= 1000
    for result, (before, _) in zip(run(given), dithered, strict=True):
        assert not outliers(result).any()
        np.testing.assert_array_equal(result.err, 1000 * before.err)
        for name in ("var_poisson", "var_rnoise", "var_flat"):
            np.testing.assert_array_equal(getattr(result, name), getattr(before, name))


@pytest.mark.req("OUTL-04")
def test_only_flags_change_unless_nan_is_asked_for(dithered):
    first = run(copies(dithered), set_nan=True)[0]
    found = outliers(first)
    for name in ("data", "err", "var_rnoise"):
        assert np.array_equal(np.isnan(getattr(first, name)), found)


@pytest.mark.req("OUTL-11", "OUTL-12", "OUTL-13", "OUTL-14")
def test_rule_against_a_slow_twin():
    random = np.random.default_rng(1)
    expected = random.normal(5, 2, (30, 40)).astype("f4")
    expected[3, 4] = np.nan
    data = expected + random.normal(0, 3, expected.shape).astype("f4")
    errors = random.uniform(0.2, 0.6, expected.shape).astype("f4")
    padded = np.pad(expected, 1, mode="edge")
    neighbours = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    steepness = np.fmax.reduce([np.abs(expected - other) for other in neighbours])
    steepness = np.nan_to_num(steepness)
    first = np.abs(data - 0.5 - expected) > 1.2 * steepness + 5 * errors
    second = np.abs(data - 0.5 - expected) > 0.7 * steepness + 4 * errors
    near = np.zeros_like(first)
    for y, x in np.argwhere(first):
        near[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = True
    for threads in (1, 3):
        dq = np.zeros(data.shape, "u4")
        count = flag_outliers(data, errors, dq, expected, Limits(), 0.5, threads=threads)
        assert np.array_equal(dq != 0, near & second)
        assert count == np.count_nonzero(dq) > 10


def test_median_without_the_lowest_and_highest_and_without_nan():
    random = np.random.default_rng(2)
    images = [random.normal(0, 1, (7, 5)).astype("f4") for _ in range(6)]
    images[0][0, 0] = np.nan
    images[1][:] = np.nan
    stack = np.sort(np.array(images), axis=0)
    np.testing.assert_allclose(median_of(images, MedianRule()).values, np.nanmedian(stack, axis=0), rtol=1e-6)
    trimmed = np.nanmedian(stack[1:3], axis=0)
    found = median_of(images, MedianRule(n_low=1, n_high=2)).values
    np.testing.assert_allclose(found[1:], trimmed[1:], rtol=1e-6)
    counts = median_of(images, MedianRule()).counts
    assert counts[0, 0] == 4 and counts[1, 1] == 5
    many = [random.normal(0, 1, (3, 4)).astype("f4") for _ in range(101)]
    np.testing.assert_allclose(median_of(many, MedianRule()).values, np.median(many, axis=0), rtol=1e-6)
    assert np.isnan(median_of([images[1]], MedianRule()).values).all()


def test_of_two_values_the_lower_one(dithered):
    images = [np.full((2, 2), value, "f4") for value in (3, 9)]
    assert (median_of(images, MedianRule()).values == 6).all()
    assert (median_of(images, MedianRule(lower_of_two=True)).values == 3).all()
    four = [np.full((2, 2), value, "f4") for value in (50, 1, 90, 2)]
    assert (median_of(four, MedianRule()).values == 26).all()
    lower_of_four = median_of(four, MedianRule(lower_of_two=True, with_spread=True))
    assert (lower_of_four.values == 2).all() and (lower_of_four.spread == np.float32(1.4826)).all()
    six = [np.full((2, 2), value, "f4") for value in (1, 2, 3, 5, 8, 9)]
    assert (median_of(six, MedianRule(lower_of_two=True)).values == 4).all()
    pair = copies(dithered)[:2]
    false = sum(np.count_nonzero(outliers(m) & ~r) for m, (_, r) in zip(run(pair), dithered, strict=False))
    lower = run(pair, two_values="lower")
    fewer = sum(np.count_nonzero(outliers(m) & ~r) for m, (_, r) in zip(lower, dithered, strict=False))
    assert fewer < false
    assert all(outliers(m)[r].mean() > 0.95 for m, (_, r) in zip(lower, dithered, strict=False))


def test_weights_below_a_part_of_the_typical_weight():
    from astropy.stats import sigma_clip

    random = np.random.default_rng(3)
    weights = random.normal(100, 10, (80, 90)).astype("f4")
    weights[:10], weights[10:20] = 0, 15
    clipped = sigma_clip(np.ma.masked_equal(weights, 0), sigma=3, maxiters=5)
    assert weight_threshold(weights, 0.7) == pytest.approx(0.7 * clipped.mean(), rel=1e-3)
    assert weight_threshold(np.zeros((3, 3), "f4"), 0.7) == 0


@pytest.mark.req("OUTL-15")
def test_level_of_the_background_is_taken_into_account(dithered):
    models, plain = copies(dithered), run(copies(dithered))
    for number, model in enumerate(models):
        model.data += np.float32(number)
        model.meta.background.level, model.meta.background.subtracted = float(number), False
    for model, same in zip(run(models), plain, strict=True):
        assert np.mean(model.dq == same.dq) > 0.9995
    raised = copies(dithered)
    for model in raised:
        model.data += np.float32(7)
    assert np.mean(run(raised, backg=0.0)[0].dq == plain[0].dq) > 0.9995
    assert outliers(run(copies(dithered), backg=10 * NOISE)[0]).mean() > 0.5


@pytest.mark.req("OUTL-05")
def test_detectors_of_one_exposure_are_compared_with_other_exposures_only(dithered):
    models = copies(dithered)[:3]
    for model, group in zip(models, ("a", "a", "b"), strict=True):
        model.meta.group_id = group
    with_groups = run(models)
    assert all(model.meta.cal_step.outlier_detection == "COMPLETE" for model in with_groups)
    for model in models:
        model.meta.group_id = "a"
    assert all(model.meta.cal_step.outlier_detection == "SKIPPED" for model in run(models))


@pytest.mark.req("OUTL-06", "SFX-34")
def test_products(tmp_path, dithered, monkeypatch):
    from hexcal.models.association_file import write_association

    members = []
    for image in copies(dithered)[:3]:
        image.save(tmp_path / image.meta.filename)
        members.append({"expname": image.meta.filename, "exptype": "science"})
    association = {"asn_type": "image3", "asn_id": "a3001", "products": [{"name": "sky", "members": members}]}
    write_association(tmp_path / "asn.json", association)
    out = tmp_path / "out"
    OutlierDetectionStep.call(str(tmp_path / "asn.json"), output_dir=str(out), save_intermediate_results=True)
    names = {path.name for path in out.iterdir()}
    for number in range(3):
        assert {f"e{number}_a3001_{kind}.fits" for kind in ("crf", "blot", "outlier_i2d")} <= names
    (median,) = out.glob("*_a3001_median.fits")
    image = datamodels.open(median)
    resampled = datamodels.open(out / "e0_a3001_outlier_i2d.fits")
    assert image.shape == resampled.shape == resampled.wht.shape
    assert datamodels.open(out / "e0_a3001_blot.fits").shape == SHAPE
    assert resampled.meta.wcs is not None
    plain = tmp_path / "plain"
    OutlierDetectionStep.call(str(tmp_path / "asn.json"), output_dir=str(plain))
    assert {path.name for path in plain.iterdir()} == {f"e{number}_a3001_crf.fits" for number in range(3)}
    for number in range(3):
        one, other = (datamodels.open(folder / f"e{number}_a3001_crf.fits") for folder in (out, plain))
        assert np.array_equal(one.dq, other.dq)


@pytest.mark.req("OUTL-26")
def test_where_resampled_images_wait_changes_nothing(dithered, monkeypatch):
    from hexcal.models.scratch import Scratch

    stored, store = [], Scratch.store
    monkeypatch.setattr(Scratch, "store", lambda self, name, array: stored.append(name) or store(self, name, array))
    run(copies(dithered), in_memory=True)
    assert not stored
    run(copies(dithered))
    assert len(stored) == len(dithered)
    for one, other in zip(run(copies(dithered), in_memory=True), run(copies(dithered), in_memory=False), strict=True):
        assert np.array_equal(one.dq, other.dq)


@pytest.mark.req("OUTL-07")
def test_images_on_one_grid_are_compared_as_they_are(dithered):
    images = [exposure(0, hits=False)[0] for _ in range(4)]
    images[1].data[30, 30] += 5
    models = run(images, resample_data=False)
    assert outliers(models[1])[30, 30]
    assert sum(np.count_nonzero(outliers(model)) for model in models) == 1
    images[2] = datamodels.ImageModel(images[2].data[:, :-1].copy())
    images[2].update(images[0])
    with pytest.raises(InputError, match="one shape"):
        run(images, resample_data=False)


@pytest.mark.parametrize(
    "details",
    [{"kernel": "point"}, {"kernel": "turbo", "pixfrac": 0.8}, {"weight_type": "exptime"}, {"fillval": "NAN"}],
)
def test_resampling_is_controlled(dithered, details):
    models = run(copies(dithered), **details)
    assert all(outliers(model)[rays].mean() > 0.9 for model, (_, rays) in zip(models, dithered, strict=True))


def intermediate(folder, models, **details):
    """The resampled images and the median that the step writes."""
    run(models, save_intermediate_results=True, output_dir=str(folder), **details)
    return [datamodels.open(path) for path in sorted(folder.glob("*_outlier_i2d.fits"))], datamodels.open(
        next(folder.glob("*_median.fits"))
    )


@pytest.mark.parametrize(
    "details",
    [
        {"kernel": "gaussian"},
        {"kernel": "turbo", "pixfrac": 0.5},
        {"weight_type": "exptime"},
        {"fillval": "-7"},
        {"good_bits": "0"},
    ],
)
def test_resampled_images_are_those_of_resample_with_the_same_parameters(tmp_path, dithered, details):
    """OUTL-08, but for INDEF: each exposure has an image of its own, and there is no last one to keep a value of."""
    models = copies(dithered)[:3]
    for model in models:
        model.dq[20:24, 30:34] = pixel.JUMP_DET
        model.var_rnoise[:, ::3] *= 4
        model.meta.exposure.exposure_time = 100.0
    usual, _ = intermediate(tmp_path / "usual", [model.copy() for model in models])
    found, _ = intermediate(tmp_path / "found", [model.copy() for model in models], **details)
    if details.pop("good_bits", None):
        for model in models:
            model.dq[model.dq != 0] = pixel.DO_NOT_USE
    expected = ResampleStep.call(models, single=True, **details)
    for one, other, plain in zip(found, usual, expected, strict=True):
        np.testing.assert_array_equal(one.data, plain.data)
        np.testing.assert_array_equal(one.wht, plain.wht)
        assert not np.array_equal(one.data, other.data)


@pytest.mark.parametrize(
    ("nlow", "nhigh", "maskpt"), [(0, 0, 0.7), (1, 0, 0.7), (0, 2, 0.7), (1, 1, 0.05), (0, 0, 1.0)]
)
def test_the_median_is_that_of_the_resampled_images(tmp_path, dithered, nlow, nhigh, maskpt):
    """OUTL-09, but for the weight that maskpt is a part of: the typical one, not the largest."""
    models = copies(dithered)
    for model in models:
        model.var_rnoise[:25] *= 3
    resampled, median = intermediate(tmp_path, models, nlow=nlow, nhigh=nhigh, maskpt=maskpt)
    stack = np.array([image.data for image in resampled])
    weights = [image.wht for image in resampled]
    counts = np.array([(w >= weight_threshold(w, maskpt)) & (w > 0) for w in weights])
    stack[~counts] = np.nan
    assert 0.1 < counts.mean() < 0.9
    for y, x in zip(*np.nonzero(counts.sum(axis=0) > nlow + nhigh), strict=True):
        values = np.sort(stack[counts[:, y, x], y, x])
        expected = np.median(values[nlow : len(values) - nhigh])
        assert median.data[y, x] == pytest.approx(expected, rel=1e-6)
    assert np.isnan(median.data[~counts.any(axis=0)]).all()


@pytest.mark.req("OUTL-25")
def test_resampled_images_must_fit_into_the_memory_that_is_allowed(dithered, monkeypatch):
    with pytest.raises(OutputTooLargeError, match="allowed"):
        run(copies(dithered), allowed_memory=1e-9)
    monkeypatch.setenv("DMODEL_ALLOWED_MEMORY", "1e-9")
    with pytest.raises(OutputTooLargeError, match="allowed"):
        run(copies(dithered))
    assert any(outliers(model).any() for model in run(copies(dithered), allowed_memory=0.9))


def test_good_bits(dithered):
    models = copies(dithered)
    for model in models:
        model.dq[:, 35:] = pixel.JUMP_DET
    half = run(models, good_bits="0")
    assert not outliers(half[0])[:, 44:].any()
    assert outliers(half[0])[:, :30].any()


def cube(n=12, exposure_type="NRC_CORON", jitter=0.0, seed=5):
    random = np.random.default_rng(seed)
    data = np.stack([scene(*random.normal(0, jitter, 2)) for _ in range(n)]) + random.normal(0, NOISE, (n, *SHAPE))
    model = datamodels.CubeModel(data.astype("f4"))
    model.dq, model.err = np.zeros(data.shape, "u4"), np.full(data.shape, NOISE, "f4")
    model.var_rnoise = np.full(data.shape, NOISE**2, "f4")
    rays = random.random(data.shape) < 2e-4
    model.data[rays] += 3
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", "NIRCAM", "NRCALONG"
    model.meta.exposure.type, model.meta.filename = exposure_type, "c_calints.fits"
    return model, rays


@pytest.mark.req("OUTL-03")
def test_a_cube_is_compared_as_a_container_of_its_planes(dithered, tmp_path):
    model, rays = cube()
    planes = []
    for number in range(len(model.data)):
        plane = datamodels.ImageModel(
            model.data[number].copy(), err=model.err[number].copy(), dq=model.dq[number].copy()
        )
        plane.var_rnoise = model.var_rnoise[number].copy()
        plane.update(model)
        plane.meta.exposure.type, plane.meta.observation.exposure_number = "NRC_IMAGE", str(number + 1)
        plane.meta.filename = f"jw00001001001_02101_{number + 1:05d}_nrca1_cal.fits"
        planes.append(plane)
    (result,) = run(cube()[0])
    assert type(result) is datamodels.CubeModel and outliers(result)[rays].any()
    flagged = run(datamodels.ModelContainer(planes), resample_data=False)
    assert np.array_equal(np.stack([plane.dq for plane in flagged]), result.dq)
    members = []
    for image in copies(dithered):
        name = image.meta.filename
        image.save(tmp_path / name)
        members.append({"expname": name, "exptype": "science"})
    (tmp_path / "asn.json").write_text(json.dumps({"products": [{"name": "p", "members": members}]}))
    of_files = OutlierDetectionStep.call(str(tmp_path / "asn.json"))
    for one, other in zip(of_files.each(), run(copies(dithered)), strict=True):
        assert np.array_equal(one.dq, other.dq) and outliers(one).any()


@pytest.mark.req("OUTL-27")
@pytest.mark.parametrize(("exposure_type", "width"), [("NRC_CORON", 0), ("NRC_TSIMAGE", 0), ("NRC_TSIMAGE", 5)])
def test_integrations_are_compared_with_their_median(exposure_type, width):
    model, rays = cube(exposure_type=exposure_type)
    (result,) = run(model, rolling_window_width=width)
    found = outliers(result)
    assert found[rays].mean() > 0.98
    assert np.count_nonzero(found & ~rays) <= 3
    if width == 0:
        expected = np.abs(model.data - np.median(model.data, axis=0)) > 5 * model.err
        assert np.array_equal(found, expected)


def test_rolling_median_follows_a_change():
    model, rays = cube(30, "NRC_TSIMAGE")
    model.data += np.linspace(0, 3, 30, dtype="f4")[:, None, None]
    assert np.count_nonzero(outliers(run(model)[0]) & ~rays) > 1000
    rolled = outliers(run(model, rolling_window_width=5)[0])
    assert np.count_nonzero(rolled[2:-2] & ~rays[2:-2]) <= 5
    assert rolled[rays].mean() > 0.98


def test_scatter_of_a_star_that_moves_is_no_outlier():
    model, rays = cube(40, "NRC_TSIMAGE", jitter=0.02)
    star = np.hypot(*(np.mgrid[: SHAPE[0], : SHAPE[1]] - np.array([25.7, 45.3])[:, None, None])) < 4
    plain = outliers(run(model)[0])
    steady = outliers(run(model, add_scatter=True)[0])
    assert np.count_nonzero(plain[:, star] & ~rays[:, star]) > 100
    assert np.count_nonzero(steady[:, star] & ~rays[:, star]) <= 1
    assert steady[:, ~star][rays[:, ~star]].all()


def test_integrations_of_changing_brightness():
    model, rays = cube(exposure_type="NRC_TSIMAGE")
    factors = np.linspace(0.9, 1.1, 12, dtype="f4")
    model.data *= factors[:, None, None]
    assert np.count_nonzero(outliers(run(model)[0]) & ~rays) > 100
    assert np.count_nonzero(outliers(run(model, scale_detection=True)[0]) & ~rays) <= 5
    with pytest.raises(ParameterError, match="scale_detection"):
        run([exposure(0)[0], exposure(1)[0]], scale_detection=True)


@pytest.mark.req("OUTL-38")
def test_what_cannot_be_compared_is_skipped(dithered):
    (single,) = run(copies(dithered)[:1])
    assert single.meta.cal_step.outlier_detection == "SKIPPED"
    model, _ = cube(1)
    assert run(model)[0].meta.cal_step.outlier_detection == "SKIPPED"
    other = copies(dithered)[:2]
    for image in other:
        image.meta.exposure.type = "NRC_TACONFIRM"
    assert run(other)[0].meta.cal_step.outlier_detection == "SKIPPED"


@pytest.mark.parametrize(
    ("details", "message"),
    [({"snr": "5"}, "two numbers"), ({"scale": "a b"}, "two numbers"), ({"good_bits": "X"}, "X")],
)
def test_parameters_that_are_no_numbers_or_flags(dithered, details, message):
    with pytest.raises(ParameterError, match=message):
        run(copies(dithered)[:2], **details)


def test_modes_are_not_mixed_and_images_need_a_wcs(dithered):
    images = copies(dithered)[:2]
    images[0].meta.wcs = None
    with pytest.raises(InputError, match="has no WCS"):
        run(images)
    model, _ = cube(3)
    with pytest.raises(InputError, match="different modes"):
        run([copies(dithered)[0], model])
    flat = copies(dithered)[:2]
    for image in flat:
        image.meta.exposure.type = "NRC_CORON"
    with pytest.raises(InputError, match="integrations"):
        run(flat)


def test_exposures_that_do_not_overlap_or_are_all_flagged(dithered):
    images = [exposure(0, hits=False)[0], exposure(1, hits=False)[0]]
    images[1].meta.wcs = tangent_plane(10.01, -20.0, SCALE, shape=SHAPE)
    for image in images:
        image.dq[:] = pixel.DO_NOT_USE
    for model in run(images):
        assert model.meta.cal_step.outlier_detection == "COMPLETE"
        assert not outliers(model).any()


def star_field(width, seed=1):
    """Stars of one width, cosmic rays, noise.

    Returns data, errors, flags, numbers of exposures (1 in the right half), where the rays are.
    """
    random = np.random.default_rng(seed)
    yy, xx = np.mgrid[:150, :160]
    data = 2 + random.normal(0, NOISE, yy.shape)
    for _ in range(150):
        x, y, flux = random.uniform(5, 155), random.uniform(5, 145), 10 ** random.uniform(0.5, 2.5)
        data += flux * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 2 / width**2)
    stars = data > 2 + 6 * NOISE
    rays = np.zeros(data.shape, bool)
    rays[random.integers(2, 148, 60), random.integers(2, 158, 60)] = True
    rays[20:24, 120] = True
    rays &= ~stars
    data[rays] += 10 ** random.uniform(0.5, 2, np.count_nonzero(rays))
    number = np.where(xx < 80, 4, 1).astype("f4")
    return data.astype("f4"), np.full(data.shape, NOISE, "f4"), number, rays


def test_rays_that_only_one_exposure_sees_are_sharper_than_stars():
    data, errors, number, rays = star_field(0.85)
    dq = np.where(rays & (number > 1), np.uint32(pixel.OUTLIER | pixel.DO_NOT_USE), np.uint32(0))
    count, limit = flag_alone(data, errors, dq, number)
    found = (dq & pixel.OUTLIER != 0) & (number == 1)
    alone = rays & (number == 1)
    assert 0.7 < limit < 1
    assert found[alone].mean() > 0.9
    assert not found[~alone].any()
    assert count == np.count_nonzero(found)


def test_stars_that_are_as_sharp_as_rays_are_not_flagged():
    data, errors, number, rays = star_field(0.35)
    dq = np.where(rays & (number > 1), np.uint32(pixel.OUTLIER | pixel.DO_NOT_USE), np.uint32(0))
    flag_alone(data, errors, dq, number)
    false = (dq & pixel.OUTLIER != 0) & (number == 1) & ~rays
    assert np.count_nonzero(false) <= 2


def test_without_other_exposures_nothing_is_learned():
    data, errors, number, _ = star_field(0.85)
    dq = np.zeros(data.shape, np.uint32)
    assert flag_alone(data, errors, dq, np.ones_like(number)) == (0, None)
    assert flag_alone(np.full_like(data, np.nan), errors, dq, number) == (0, None)
    assert not dq.any()


def test_of_three_values_the_lowest_where_two_are_cosmic_rays():
    images = np.random.default_rng(2).normal(1, 0.1, (3, 64, 64)).astype("f4")
    images[:, 4, 4] = 1.05, 4.0, 9.0  # rays in two of three
    images[:, 5, 5] = 5.0, 9.0, 11.0  # the core of a narrow star
    images[:, 6, 6] = -3.0, 1.0, 1.1  # a dead pixel in one
    lower = median_of(list(images), MedianRule(lowest_of_rays=True)).values
    plain = median_of(list(images), MedianRule()).values
    assert lower[4, 4] == np.float32(1.05) and plain[4, 4] == 4
    same = np.ones((64, 64), bool)
    same[4, 4] = False
    assert (lower[same] == plain[same]).all()


def test_two_rays_of_three_values_are_told_where_the_sky_slopes_by_more_than_its_noise():
    images = np.random.default_rng(3).normal(0, 0.1, (3, 640, 640)).astype("f4")
    images += np.linspace(-2, 2, 640, dtype="f4")
    places = (np.full(8, 300), np.arange(12, 640, 88))
    images[1][places] += 1.6
    images[2][places] += 2.0
    lower = median_of(list(images), MedianRule(lowest_of_rays=True)).values
    assert np.array_equal(lower[places], images.min(axis=0)[places])
    images[:2] = images[2]
    assert np.array_equal(median_of(list(images), MedianRule(lowest_of_rays=True)).values, images[2])


def test_the_corner_of_a_track_that_one_exposure_sees_belongs_to_it():
    data, errors, number, rays = star_field(0.85)
    dq = np.where(rays & (number > 1), np.uint32(pixel.OUTLIER | pixel.DO_NOT_USE), np.uint32(0))
    sky, track = np.median(data), ([20, 20, 20, 21, 21, 22], [10, 11, 12, 12, 13, 13])
    number[18:25, 8:16] = 1
    data[18:25, 8:16] = sky
    data[track] = sky + 60 * errors[0, 0]
    flag_alone(data, errors, dq, number)
    assert (dq[track] & pixel.OUTLIER != 0).all()
    assert np.count_nonzero(dq[19:24, 9:15] & pixel.OUTLIER) == 6


def test_the_limit_that_stars_need_holds_for_stars_only():
    random = np.random.default_rng(4)
    shape = (200, 200)
    expected = random.normal(1, 0.6 * NOISE, shape).astype("f4")
    data, errors = random.normal(1, NOISE, shape).astype("f4"), np.full(shape, NOISE, "f4")
    rays = np.zeros(shape, bool)
    rays[5:195:6, 5:195:6] = True
    data[rays] += 12 * NOISE
    found = []
    for limits in (Limits(), Limits().with_scale(3.0)):
        dq = np.zeros(shape, np.uint32)
        flag_outliers(data, errors, dq, expected, limits)
        found.append(dq[rays] & pixel.OUTLIER != 0)
    assert found[0].mean() > 0.98 and found[1].mean() > 0.98


def undersampled(random, n_exposures=5, n_stars=60, width=0.55):
    """Exposures of stars narrower than a pixel, as they are: each star lies elsewhere in its pixel in each of them."""
    from math import erf

    yy, xx = np.mgrid[:SIZE, :SIZE]
    places = [(x + 8, y + 8) for x in range(0, SIZE - 16, 12) for y in range(0, SIZE - 16, 12)][:n_stars]
    fluxes = 10 ** random.uniform(1.5, 3, len(places))
    edge = np.vectorize(lambda value: 0.5 * (1 + erf(value / width / np.sqrt(2))))
    images = []
    for _ in range(n_exposures):
        image = 2 + random.normal(0, NOISE, (SIZE, SIZE))
        for (x, y), flux in zip(places, fluxes, strict=True):
            part = np.s_[y - 4 : y + 5, x - 4 : x + 5]
            dx, dy = xx[part] - x - random.uniform(-0.5, 0.5), yy[part] - y - random.uniform(-0.5, 0.5)
            image[part] += flux * (edge(dx + 0.5) - edge(dx - 0.5)) * (edge(dy + 0.5) - edge(dy - 0.5))
        images.append(image.astype("f4"))
    return images


SIZE = 120


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cores_of_undersampled_stars_raise_the_limit(seed):
    from scipy.ndimage import convolve, maximum_filter

    random = np.random.default_rng(seed)
    images = undersampled(random)
    # Smoothed, as by the way to the common grid and back.
    weights = np.array([[0.25], [0.5], [0.25]])
    expected = median_of([convolve(image, weights @ weights.T) for image in images], MedianRule()).values
    rays = np.zeros((SIZE, SIZE), bool)
    rays[random.integers(2, SIZE - 2, 40), random.integers(2, SIZE - 2, 40)] = True
    rays &= maximum_filter(expected, 5) < 2 + 5 * NOISE
    errors, flagged = np.full((SIZE, SIZE), NOISE, "f4"), []
    data = images[0] + np.where(rays, np.float32(5), np.float32(0))
    good, limits = np.ones((SIZE, SIZE), bool), Limits()
    scale = scale_of_stars(data, errors, good, expected, 0.0, limits)
    assert limits.scale[0] < scale <= 2.5 * limits.scale[0]
    assert scale_of_stars(data, errors, ~good, expected, 0.0, limits) == limits.scale[0]
    for used in (limits, limits.with_scale(scale)):
        dq = np.zeros((SIZE, SIZE), np.uint32)
        flag_outliers(data, errors, dq, expected, used)
        flagged.append(dq & pixel.OUTLIER != 0)
    assert np.count_nonzero(flagged[1] & ~rays) < 0.2 * np.count_nonzero(flagged[0] & ~rays)
    assert flagged[1][rays].mean() > 0.95


def test_some_stars_are_enough_to_raise_the_limit_and_fewer_are_not():
    from scipy.ndimage import convolve

    weights = np.array([[0.25], [0.5], [0.25]])
    errors, good, limits = np.full((SIZE, SIZE), NOISE, "f4"), np.ones((SIZE, SIZE), bool), Limits()
    for n_stars, is_raised in ((12, True), (4, False)):
        images = undersampled(np.random.default_rng(4), n_stars=n_stars)
        expected = median_of([convolve(image, weights @ weights.T) for image in images], MedianRule()).values
        scales = [scale_of_stars(image, errors, good, expected, 0.0, limits) for image in images]
        assert (max(scales) > limits.scale[0]) is is_raised


def test_few_stars_leave_the_limit_as_it_is(dithered):
    assert [np.count_nonzero(outliers(m)) for m in run(copies(dithered), star_scale=True)] == [
        np.count_nonzero(outliers(m)) for m in run(copies(dithered))
    ]


def test_all_that_is_recommended_together(dithered):
    models = run(copies(dithered), profile="recommended")
    for model, (_, rays) in zip(models, dithered, strict=True):
        found = outliers(model)
        assert found[rays].mean() > 0.9
        assert np.count_nonzero(found & ~rays) <= 1


@pytest.mark.req("OUTL-35", "OUTL-36")
def test_documented_variants():
    from hexcal.core import registry

    scaled, stack = registry.find("outlier_detection_scaled")(), registry.find("outlier_detection_stack")()
    for step in (scaled, stack):
        assert (step.snr, step.scale) == ("4.0 3.0", "0.5 0.4")
        assert (step.weight_type, step.pixfrac, step.kernel, step.fillval) == ("ivm", 1.0, "square", "INDEF")
        assert (step.nlow, step.nhigh, step.maskpt, step.backg) == (0, 0, 0.7, 0.0)
        assert (step.save_intermediate_results, step.good_bits) == (False, "~DO_NOT_USE")
    assert (scaled.resample_data, stack.resample_data) == (True, False)
    model, rays = cube(exposure_type="NRC_CORON")
    (result,) = list(type(stack).call(model))
    assert result.meta.cal_step.outlier_detection == "COMPLETE"
    expected = np.abs(model.data - np.median(model.data, axis=0)) > 4 * model.err
    assert np.array_equal(outliers(result), expected)
    assert outliers(result)[rays].mean() > 0.99


@pytest.mark.req("OUTL-16")
def test_flag_cr_changes_the_flags_of_the_image(dithered):
    from hexcal.steps.image.outliers_documented import abs_deriv, flag_cr

    model = copies(dithered)[0]
    blot = datamodels.ImageModel(dithered[0][0].data.copy())
    rays = dithered[0][1]
    blot.data[rays] -= 5
    count = flag_cr(model, blot)
    assert count == np.count_nonzero(outliers(model))
    assert outliers(model)[rays].mean() > 0.6
    plain = copies(dithered)[0]
    assert flag_cr(plain, blot.data, snr="5.0 4.0", resample_data=False) == np.count_nonzero(rays)
    assert np.array_equal(outliers(plain), rays)
    with pytest.raises(InputError, match="one shape"):
        flag_cr(plain, np.zeros((3, 3)))
    with pytest.raises(InputError, match="two numbers"):
        flag_cr(plain, blot, snr="5")
    steps = abs_deriv([[0, 1, 5], [0, np.nan, 2]])
    assert steps.tolist() == [[1, 4, 4], [0, 0, 3]]
