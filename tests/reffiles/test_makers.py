"""Each maker finds the detector that the exposures were made with."""

import logging

import numpy as np
import pytest
from calibrations import image_of, ramp, rates

from hexcal.models.dqflags import pixel
from hexcal.models.science import ImageModel
from hexcal.reffiles.maker import Members, NotSuitable
from hexcal.reffiles.registry import makers
from hexcal.reffiles.statistics import clipped, few_values, of_map, truncation

LOG = logging.getLogger("test")
SHAPE = (40, 48)
READ, BIAS, GAIN = 6.0, 1000.0, 2.05


def made(label, models, kind="dark", **parameters):
    """What a maker makes of models."""
    maker = makers()[label]
    pairs = models if isinstance(models[0], tuple) else [(kind, model) for model in models]
    return maker().make(Members(pairs), maker.Parameters(**parameters), LOG)


def noisy(rng, signal, read=READ, gain=GAIN):
    """Counts of a ramp: photons of the signal (ngroups, ny, nx) gathered step by step, and read noise."""
    steps = np.diff(signal, axis=0, prepend=0)
    counts = np.cumsum(rng.poisson(np.maximum(steps, 0) * gain), axis=0) / gain
    return (counts + rng.normal(0, read, signal.shape))[None]


def level(rate, n_groups, group_time=2.0):
    return np.broadcast_to((rate * group_time * np.arange(1, n_groups + 1))[:, None, None], (n_groups, *SHAPE)).astype(
        float
    )


def test_clipped_statistics_are_those_of_gaussian_values():
    rng = np.random.default_rng(1)
    values = rng.normal(5, 2, (25, 60, 60)).astype("f4")
    found = clipped(values, sigma=4.0)
    assert found.mean.mean() == pytest.approx(5, abs=0.03)
    assert np.mean(found.unbiased_scatter) == pytest.approx(2, rel=0.005)
    assert np.std((found.mean - 5) / found.error) == pytest.approx(np.sqrt(24 / 22), abs=0.04)
    assert truncation(3.0) == pytest.approx(0.9866, abs=1e-4) and truncation(4.0) == pytest.approx(0.99946, abs=1e-5)
    values[3] += 100
    assert clipped(values).mean.mean() == pytest.approx(5, abs=0.03)
    assert few_values(5) == pytest.approx(0.93999, abs=1e-4) and np.isnan(few_values(1))
    assert of_map(np.append(rng.normal(0, 1, 5000), [50] * 20))[1] == pytest.approx(1, abs=0.05)


@pytest.mark.req("RFF-93", "RFF-95")
def test_superbias_is_the_mean_with_the_error_of_the_mean():
    rng = np.random.default_rng(2)
    bias = BIAS + rng.normal(0, 20, SHAPE)
    darks = [ramp(bias + rng.normal(0, READ, (1, 2, *SHAPE))) for _ in range(10)]
    wild = (5, 7)
    for number, dark in enumerate(darks):
        dark.data[:, :, wild[0], wild[1]] += 200 * (-1) ** number
    model = made("superbias", darks, clipping_sigma=5)
    good = np.ones(SHAPE, bool)
    good[wild] = False
    error = model.data - bias
    assert abs(error[good].mean()) < 3 * READ / np.sqrt(10 * good.sum())
    assert np.std(error[good]) == pytest.approx(READ / np.sqrt(10), rel=0.05)
    assert np.std(error[good] / model.err[good]) == pytest.approx(1.14, abs=0.1)
    assert model.dq[wild] & pixel.UNRELIABLE_BIAS and not model.dq[good].any()


@pytest.mark.req("RFF-98")
def test_the_read_noise_of_ten_darks_is_right_to_three_per_mille():
    rng, shape = np.random.default_rng(23), (90, 120)
    noise = made("readnoise", [ramp(rng.normal(0, READ, (1, 20, *shape))) for _ in range(10)]).data
    assert np.median(noise) / (np.sqrt(2) * READ) == pytest.approx(1, abs=0.003)
    assert np.std(noise) / np.mean(noise) == pytest.approx(1 / np.sqrt(2 * 99), rel=0.1)


@pytest.mark.req("RFF-96")
@pytest.mark.parametrize("settings", [{}, {"method": "ramp"}, {"clipping_sigma": 3.0}])
def test_readnoise_is_that_of_a_difference(settings):
    rng = np.random.default_rng(3)
    darks = [ramp(rng.normal(0, READ, (1, 20, *SHAPE))) for _ in range(6)]
    flags = np.zeros((1, 20, *SHAPE), np.uint8)
    flags[0, 5:, 3, 4] = 4
    darks[0].data[0, 5:, 3, 4] += 5000
    darks[0].groupdq = flags
    noise = made("readnoise", darks, **settings).data
    assert np.mean(noise) / (np.sqrt(2) * READ) == pytest.approx(1, abs=0.004)
    assert np.std(noise) / np.mean(noise) == pytest.approx(1 / np.sqrt(2 * 59), rel=0.12)
    assert noise[3, 4] == pytest.approx(np.sqrt(2) * READ, rel=0.4)


@pytest.mark.req("RFF-97")
def test_readnoise_of_averaged_groups_is_refused():
    from hexcal.errors import InputError

    dark = ramp(np.random.default_rng(1).normal(0, 5, (1, 4, *SHAPE)))
    dark.meta.exposure.nframes = 4
    with pytest.raises(InputError, match="means of 4"):
        made("readnoise", [dark])
    assert made("readnoise", [dark], scale=True).data.shape == SHAPE


@pytest.mark.req("RFF-115")
def test_a_dark_of_ten_exposures_of_twenty_groups():
    rng = np.random.default_rng(24)
    rate = np.where(rng.random(SHAPE) < 0.01, rng.uniform(20, 200, SHAPE), 0.5)
    hot = rate > 1
    darks = [ramp(noisy(rng, level(1.0, 20) * rate)) for _ in range(11)]
    model = made("dark", darks[:10])
    truth = rate * 2.0 * np.arange(20)[:, None, None]
    shot = np.sqrt(truth[-1][hot] / GAIN / 10)
    assert np.all(np.abs(model.data[-1][hot] - truth[-1][hot]) < 0.03 * truth[-1][hot] + 4 * shot)
    # With the errors of ten values the pulls are those of Student's t: their width without the tails is 1.
    for group in range(1, 20):
        error = (model.data[group] - truth[group])[~hot]
        own = model.err[group][~hot]
        assert abs(error.mean()) < 3 * READ * np.sqrt(2 / 10) / np.sqrt(error.size)
        low, high = np.percentile(error / own, [15.87, 84.13])
        assert (high - low) / 2 == pytest.approx(1, abs=0.1)
        # What it leaves in another dark.
        left = (darks[10].data[0, group] - darks[10].data[0, 0] - model.data[group])[~hot]
        assert abs(left.mean()) < 3 * np.std(left) / np.sqrt(left.size)


@pytest.mark.req("RFF-111")
def test_a_dark_gathers_its_signal_whatever_cosmic_rays_hit():
    rng = np.random.default_rng(4)
    rate = np.full(SHAPE, 0.5)
    rate[10, 10] = 50.0
    darks = []
    for number in range(10):
        data = noisy(rng, level(1.0, 12) * rate)
        flags = np.zeros(data.shape, np.uint8)
        if number == 0:
            data[0, 6:, 2, 3] += 3000
            flags[0, 6, 2, 3] = 4
        darks.append(ramp(data, flags))
    model = made("dark", darks)
    truth = rate * 2.0 * np.arange(12)[:, None, None]
    good = rate < 1
    assert not model.data[0].any()
    for group in (1, 6, 11):
        error = (model.data[group] - truth[group])[good]
        assert abs(error.mean()) < 4 * model.err[group][good].mean() / np.sqrt(good.sum())
        assert np.std(error / model.err[group][good]) == pytest.approx(1.1, abs=0.15)
    assert model.data[11, 2, 3] == pytest.approx(truth[11, 2, 3], abs=5 * float(model.err[11, 2, 3]))
    assert model.dq[10, 10] & pixel.HOT and (model.dq[good] & pixel.HOT).sum() == 0
    assert model.data[11, 10, 10] == pytest.approx(truth[11, 10, 10], rel=0.03)


@pytest.mark.req("RFF-109", "RFF-110")
def test_saturation_is_a_share_of_the_plateau():
    well = np.random.default_rng(5).normal(50000, 2000, SHAPE)
    signal = BIAS + np.minimum(level(2500.0, 20), well)
    faint = np.zeros(SHAPE, bool)
    faint[:, :4] = True
    signal[:, faint] = BIAS + level(100.0, 20)[:, faint]
    model = made("saturation", [ramp(signal[None])], kind="flat")
    assert np.allclose(model.data[~faint], BIAS + 0.97 * well[~faint], rtol=1e-3)
    assert np.isnan(model.data[faint]).all() and np.all(model.dq[faint] == pixel.NO_SAT_CHECK)


@pytest.mark.req("RFF-104", "RFF-105", "RFF-108")
def test_linearity_makes_ramps_straight():
    rng = np.random.default_rng(6)
    true = level(700.0, 40)
    measured = true - 1.2e-6 * true**2
    flats = [ramp(noisy(rng, measured)) for _ in range(20)]
    model = made("linearity", flats, kind="flat")
    counts = np.linspace(0.1, 0.9, 9) * measured[-1, 0, 0]
    straight = (1 - np.sqrt(1 - 4 * 1.2e-6 * counts)) / (2 * 1.2e-6)
    given = sum(model.coeffs[power][..., None] * counts**power for power in range(model.coeffs.shape[0]))
    ratio = given / straight
    scale = np.median(ratio[..., 0])
    worst = np.max(np.abs(ratio / ratio[..., :1] - 1), axis=-1)
    assert abs(scale - 1) < 0.002
    assert np.median(worst) < 0.003 and np.percentile(worst, 95) < 0.006
    assert not model.dq.any()


def test_linearity_is_not_made_of_flats_with_too_few_groups():
    flats = [ramp(level(700.0, 5)[None]) for _ in range(2)]
    with pytest.raises(NotSuitable, match="no pixel has the 6 good groups below saturation") as error:
        made("linearity", flats, kind="flat")
    assert "flats of more groups" in error.value.hint


@pytest.mark.req("RFF-103")
def test_the_gain_of_ten_pairs_is_right_to_half_a_percent():
    rng, shape = np.random.default_rng(17), (240, 240)
    lit = np.broadcast_to(600.0 * np.arange(1, 9)[:, None, None], (8, *shape))
    gains = []
    for _ in range(10):
        models = [(kind, ramp(noisy(rng, signal))) for kind, signal in (("flat", lit), ("dark", 0 * lit)) for _ in "12"]
        gains.append(made("gain", models, box=16).data / GAIN)
    mean = np.mean(gains, axis=0)
    assert mean.mean() == pytest.approx(1, abs=0.005)
    # At the centres of the boxes nothing is interpolated.
    assert mean[8::16, 8::16].std() == pytest.approx(np.sqrt(2 / (10 * 256)), rel=0.2)


@pytest.mark.req("RFF-99")
def test_gain_is_signal_over_variance():
    rng = np.random.default_rng(7)
    ratios = []
    for _ in range(10):
        flats = [("flat", ramp(noisy(rng, level(300.0, 10)))) for _ in range(2)]
        darks = [("dark", ramp(noisy(rng, level(0.0, 10)))) for _ in range(2)]
        ratios.append(made("gain", [*flats, *darks], box=8).data / GAIN)
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)


def test_the_error_of_a_gain_is_that_of_interpolated_boxes():
    from hexcal.reffiles.makers.gain_boxes import noise_of_pixels, of_pixels

    rng, edges = np.random.default_rng(5), ([0, 8, 16, 24, 32, 40], [0, 16, 32, 48])
    pixels = np.stack([of_pixels(rng.normal(2, 0.1, (5, 3)), (40, 48), edges) for _ in range(4000)])
    assert np.allclose(pixels.std(axis=0), 0.1 * noise_of_pixels((40, 48), edges), rtol=0.06)
    assert (noise_of_pixels((40, 48), ([0, 40], [0, 48])) == 1).all()


def test_the_gain_of_small_boxes_is_unbiased():
    """Levels of one ramp share their photons: their sum has more degrees of freedom than one of them, not many more."""
    from hexcal.reffiles.makers.gain_boxes import transfer_gain

    rng = np.random.default_rng(17)
    shape, parameters = (2, 8, 64, 2000), makers()["gain"].Parameters()
    light = np.cumsum(rng.poisson(400.0 * GAIN, shape), axis=1) / GAIN
    lit, dark = (ramps - ramps[:, :1] for ramps in (light + rng.normal(0, READ, shape), rng.normal(0, READ, shape)))
    gains = [
        transfer_gain(lit[:, 1:, :, box, None], dark[:, 1:, :, box, None], np.ones((64, 1), bool), 1.0, parameters)[0]
        for box in range(shape[-1])
    ]
    assert np.mean(gains) / GAIN == pytest.approx(1, abs=0.007)


@pytest.mark.req("RFF-119")
def test_a_flat_of_many_exposures_is_as_good_as_its_photons():
    rng, number, photons = np.random.default_rng(25), 60, 40000.0
    response = rng.normal(1, 0.03, (100, 120))
    light = lambda: rng.poisson(photons * response) / photons  # noqa: E731
    model = made("flat", [("flat", image_of(rates(60 * light()[None]))) for _ in range(number)])
    ratio = model.data / (response / response.mean())
    assert np.mean(ratio) == pytest.approx(1, abs=0.001)
    assert np.std(ratio) == pytest.approx(1 / np.sqrt(photons * number), rel=0.1)
    # Errors of sixty values are known to 9 %, which widens the pulls by 2 %.
    assert np.std((ratio - ratio.mean()) / model.err) == pytest.approx(1, abs=0.05)
    # A uniform scene is flat to the photons of the exposure, and of the flat.
    scene = light() / model.data
    assert np.std(scene) / np.mean(scene) == pytest.approx(np.sqrt((1 + 1 / number) / photons), rel=0.1)


@pytest.mark.req("RFF-118")
def test_a_flat_is_the_response_of_the_pixels():
    rng = np.random.default_rng(8)
    response = rng.normal(1, 0.03, SHAPE)
    response[4, 4] = np.nan
    flats = []
    for brightness in (50, 80, 60, 55, 70):
        image = ImageModel((brightness * response * (1 + rng.normal(0, 0.002, SHAPE))).astype("f4"))
        image.dq = np.where(np.isnan(response), 1, 0).astype("u4")
        image.meta.telescope, image.meta.instrument.name, image.meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
        image.meta.subarray.xstart = image.meta.subarray.ystart = 1001
        flats.append(image)
    model = made("flat", flats, kind="flat")
    good = np.isfinite(response)
    ratio = model.data[good] / (response[good] / response[good].mean())
    assert np.mean(ratio) == pytest.approx(1, abs=0.001)
    assert np.std(ratio) == pytest.approx(0.002 / np.sqrt(5), rel=0.2)
    assert np.std((ratio - ratio.mean()) / model.err[good]) == pytest.approx(1.4, abs=0.2)
    assert model.data[4, 4] == 1 and model.dq[4, 4] == pixel.NO_FLAT_FIELD | pixel.DO_NOT_USE


@pytest.mark.req("RFF-84", "RFF-86", "RFF-88", "RFF-92")
def test_bad_pixels_are_told_apart():
    rng = np.random.default_rng(9)
    shape = (80, 90)
    response = np.ones(shape) * np.linspace(0.9, 1.1, 90)
    response[10, 10], response[20, 20], response[30, 30] = 0.0, 0.4, 0.3
    for y, x in ((29, 30), (31, 30), (30, 29), (30, 31)):
        response[y, x] *= 1.2
    flats = [("flat", rates(100 * response * (1 + rng.normal(0, 0.01, shape))[None]).copy()) for _ in range(6)]
    flats = [("flat", image_of(model)) for _, model in flats]
    dark = rng.normal(0.01, 0.02, (10, *shape))
    dark[:, 40, 40] = 20.0
    dark[::2, 50, 50] += 2.0
    mask = made("mask", [*flats, ("dark", rates(dark))]).dq
    assert mask[10, 10] == pixel.DEAD | pixel.DO_NOT_USE
    assert mask[20, 20] == pixel.LOW_QE
    assert mask[30, 30] == pixel.OPEN | pixel.DO_NOT_USE and mask[29, 29] == pixel.ADJ_OPEN
    assert mask[40, 40] & pixel.HOT and mask[40, 40] & pixel.DO_NOT_USE
    assert mask[50, 50] & pixel.TELEGRAPH
    bad = np.zeros(shape, bool)
    for y, x in ((10, 10), (20, 20), (40, 40), (50, 50)):
        bad[y, x] = True
    bad[29:32, 29:32] = True
    # No excess at the border, where the smoothed flat knows fewer pixels.
    assert np.count_nonzero(mask[~bad]) == 0


@pytest.mark.req("RFF-87")
def test_few_integrations_say_nothing_of_noise(caplog):
    dark = np.random.default_rng(10).normal(0, 0.02, (3, *SHAPE))
    dark[0, 5, 5] += 5
    with caplog.at_level(logging.INFO):
        mask = made("mask", [rates(dark)]).dq
    assert not (mask & pixel.TELEGRAPH).any() and "too few to find noisy pixels" in caplog.text


@pytest.mark.req("RFF-89")
def test_a_list_of_pixels_is_added(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("x y flag\n3 4 dead\n10:12 : hot  # a column\n")
    mask = made("mask", [rates(np.zeros((2, *SHAPE)))], manual_flag_file=str(path)).dq
    assert mask[4, 3] == pixel.DEAD | pixel.DO_NOT_USE
    assert np.all(mask[:, 10:13] & pixel.HOT) and not np.any(mask[:, 13] & pixel.HOT)


@pytest.mark.req("RFF-90")
def test_reference_pixels_are_those_of_the_window():
    cube = rates(np.zeros((2, *SHAPE)))
    cube.meta.subarray.xstart, cube.meta.subarray.ystart = 2048 - SHAPE[1] + 1, 1001
    mask = made("mask", [cube]).dq
    assert np.all(mask[:, -4:] == pixel.REFERENCE_PIXEL) and not mask[:, :-4].any()


def miri(model):
    """A ramp that MIRI has taken."""
    model.meta.instrument.name, model.meta.instrument.detector = "MIRI", "MIRIMAGE"
    model.meta.subarray.name, model.meta.exposure.readpatt = "SUB64", "FASTR1"
    model.meta.subarray.xstart = model.meta.subarray.ystart = 101
    return model


@pytest.mark.req("RFF-113", "RFF-120")
def test_the_reset_anomaly_is_what_the_first_groups_are_off():
    rng = np.random.default_rng(11)
    decay = np.where(np.arange(60) < 15, -30 * np.exp(-np.arange(60) / 3.0), 0)
    darks = []
    for _ in range(12):
        data = level(0.05, 60)[None].repeat(3, axis=0) + rng.normal(0, READ, (3, 60, *SHAPE))
        data[0] += decay[:, None, None]
        data[1:] += 2 * decay[:, None, None]
        darks.append(miri(ramp(data)))
    model = made("reset", darks)
    assert model.data.shape == (2, 15, *SHAPE)
    for number, factor in enumerate((1, 2)):
        for group in (1, 5, 14):
            error = model.data[number, group] - factor * decay[group]
            # The noise of the group itself, and of the line that is taken off.
            assert abs(np.mean(error)) < 3 * 1.4 * READ / np.sqrt(12 * error.size)
            assert np.std(error) < 1.4 * READ / np.sqrt(12 if number == 0 else 24)


@pytest.mark.req("RFF-121")
def test_the_groups_that_a_reset_disturbs_are_counted():
    rng = np.random.default_rng(12)
    offsets = np.zeros(24)
    offsets[:4] = 20, 30.8, 15.8, 8.1
    data = level(30.0, 24)[None].repeat(4, axis=0) + rng.normal(0, READ, (4, 24, *SHAPE))
    data[1:] += offsets[:, None, None]
    model = made("rscd", [miri(ramp(data))], kind="flat")
    (row,) = model.rscd_group_skip_table
    assert row["group_skip"] == 4 and row["subarray"] in (b"SUB64", "SUB64")


def test_the_coupling_of_pixels_is_undone():
    from scipy import ndimage

    from hexcal.reffiles.makers.ipc import inverse

    rng = np.random.default_rng(13)
    alpha = 0.006
    kernel = np.array([[0, alpha, 0], [alpha, 1 - 4 * alpha, alpha], [0, alpha, 0]])
    rate = np.zeros((120, 130))
    places = [(y, x) for y in range(6, 114, 9) for x in range(6, 124, 9)]
    for y, x in places:
        rate[y, x] = rng.uniform(400, 4000)
    seen = ndimage.convolve(rate, kernel)
    darks = []
    for _ in range(8):
        signal = seen * np.arange(2)[:, None, None]
        darks.append(ramp((signal + rng.normal(0, READ, signal.shape))[None]))
    model = made("ipc", darks)
    assert model.data.sum() == pytest.approx(1, abs=1e-6) and model.data[1, 1] > 1
    assert np.allclose(model.data, inverse(kernel), atol=0.02 * alpha * 4)
    undone = ndimage.convolve(seen, model.data.astype(float))
    neighbours = np.array([undone[y, x + 1] / rate[y, x] for y, x in places])
    assert abs(np.mean(neighbours)) < 0.02 * alpha
