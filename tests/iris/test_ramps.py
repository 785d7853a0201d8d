"""Steps on ramps of IRIS: bias, non-linearity, the methods of fitting rates and their errors."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.cli.main import strun
from hexcal.errors import InputError, ParameterError
from hexcal.iris import ramp_rates
from hexcal.iris.bias_sub import BiasSubtractionStep
from hexcal.iris.nonlin_corr import NonlinearCorrectionStep, linearize
from hexcal.iris.ramp_fit import IrisRampFitStep
from hexcal.iris.stage1 import Stage1Pipeline
from hexcal.models import dqflags
from hexcal.simulate.iris import IrisMode, simulate_frame
from hexcal.simulate.iris_ramp import simulate_ramp

RNG = np.random.default_rng(5)
READS, INTERVAL, RATE, NOISE = 20, 2.7, 3.0, 9.0
"""The ramp for which the sheet gives the errors of each method."""
METHODS = [("CDS", 1, 0.3465), ("MCDS", 4, 0.2928), ("MCDS", 8, 0.3027), ("OLS", 1, 0.2893), ("GLS", 1, 0.2858)]


def ramp_of(data, **exposure):
    """A ramp in memory, in electrons."""
    ramp = datamodels.IRISRampModel(np.asarray(data, "f4"))
    ramp.meta.instrument.name, ramp.meta.instrument.detector = "IRIS", "IMG1"
    ramp.meta.bunit_data, ramp.meta.instrument.readnoise = "electron", NOISE
    ramp.meta.exposure.group_time, ramp.meta.filename = INTERVAL, "ramp.fits"
    for name, value in exposure.items():
        setattr(ramp.meta.exposure, name, value)
    return ramp


def many(shape=(150, 150), rate=RATE, noise=NOISE, n_reads=READS):
    """Many ramps of one rate, the first read at the reset."""
    electrons = RNG.poisson(rate * INTERVAL, (n_reads, *shape))
    electrons[0] = 0
    return np.cumsum(electrons, axis=0) + RNG.normal(0, noise, (n_reads, *shape))


def fit(**parameters):
    return IrisRampFitStep(override_gain="N/A", override_readnoise="N/A", **parameters)


@pytest.mark.parametrize(
    ("method", "coadds", "expected"),
    [
        pytest.param(*METHODS[0], marks=pytest.mark.req("TMT-37")),
        *(pytest.param(*row, marks=pytest.mark.req("TMT-38")) for row in METHODS[1:3]),
        *(pytest.param(*row, marks=pytest.mark.req("TMT-39")) for row in METHODS[3:]),
    ],
)
def test_errors_of_each_method(method, coadds, expected):
    """The scatter of many ramps, and the predicted error, are those of the formula of the method."""
    frame = fit(method=method, num_coadds=coadds).run(ramp_of(many()[None]))
    assert frame.data.mean() == pytest.approx(RATE, abs=0.01)
    assert frame.data.std() == pytest.approx(expected, rel=0.015)
    assert np.sqrt((frame.err**2).mean()) == pytest.approx(expected, rel=0.003)
    assert ((frame.data - RATE) / frame.err).std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("coadds", [1, 2, 5, 10])
def test_error_of_mcds_by_its_formula(coadds):
    """The documented formula, by the sums of its reads."""
    n, t = READS, INTERVAL
    poisson = RATE * t * (n - 2 * coadds + 1 + (coadds - 1) * (2 * coadds - 1) / (3 * coadds))
    expected = np.sqrt(2 * NOISE**2 / coadds + poisson) / ((n - coadds) * t)
    line = np.arange(n)[:, None, None] * RATE * t
    rate, err = ramp_rates.fit(line, np.ones(line.shape, bool), np.arange(n) * t, "MCDS", coadds, NOISE)
    assert (rate[0, 0], err[0, 0]) == (pytest.approx(RATE), pytest.approx(expected))


@pytest.mark.req("TMT-38")
def test_one_coadd_is_cds_and_too_many_are_refused():
    ramp = ramp_of(many((8, 8))[None])
    pair = [fit(method=method).run(ramp) for method in ("CDS", "MCDS")]
    np.testing.assert_array_equal(pair[0].data, pair[1].data)
    np.testing.assert_array_equal(pair[0].err, pair[1].err)
    with pytest.raises(ParameterError, match="num_coadds = 11 needs 22 reads, the ramp has 20"):
        fit(method="MCDS", num_coadds=11).run(ramp)
    assert fit(num_coadd=4).num_coadds == 4 and fit().num_coadds == 1


@pytest.mark.req("TMT-37")
def test_cds_may_begin_with_a_later_read():
    data = np.arange(6.0)[:, None, None] * np.ones((6, 2, 2))
    data[0] = 100
    frame = fit(method="CDS", first_read=1).run(ramp_of(data[None]))
    np.testing.assert_allclose(frame.data, 1 / INTERVAL)
    assert fit().first_read == 0
    with pytest.raises(ParameterError, match="first_read is 5, the ramp has 6 reads"):
        fit(method="CDS", first_read=5).run(ramp_of(data[None]))


@pytest.mark.req("TMT-36")
@pytest.mark.parametrize(
    ("given", "expected"),
    [("CDS", "CDS"), ("mcds", "MCDS"), ("Ols", "OLS"), ("utr", "OLS"), ("UTR", "OLS"), (None, "OLS")],
)
def test_names_of_methods(tmp_path, given, expected):
    assert fit(**({} if given is None else {"method": given})).method == expected
    if given is not None:
        (tmp_path / "x.cfg").write_text(
            f"class = 'iris_pipeline.pipeline.ROPPipeline'\n[steps]\n[[readoutsamp]]\nmode = '{given}'\n"
        )
        assert Stage1Pipeline(config_file=tmp_path / "x.cfg").ramp_fit.method == expected
    with pytest.raises(ParameterError, match="method"):
        fit(method="FAST")


@pytest.mark.req("TMT-39")
def test_weights_matter_for_bright_ramps():
    """At 1000 electrons per second a line of equal weights is 7 % noisier than generalised least squares."""
    ramp = ramp_of(many(rate=1000.0)[None])
    scatter = {}
    for method in ("CDS", "OLS", "GLS"):
        frame = fit(method=method).run(ramp)
        scatter[method] = frame.data.std()
        assert ((frame.data - 1000) / frame.err).std() == pytest.approx(1, abs=0.02)
    assert scatter["OLS"] / scatter["GLS"] == pytest.approx(1.07, abs=0.02)
    assert scatter["GLS"] == pytest.approx(scatter["CDS"], rel=0.01)


@pytest.mark.req("TMT-39")
@pytest.mark.parametrize("method", ["OLS", "GLS"])
def test_a_line_begins_anew_after_a_jump(method):
    """Uneven times, a jump in one read of each ramp, another that is hidden by a flag: rates and errors are right."""
    flags, times = dqflags.pixel, np.cumsum(RNG.uniform(1, 4, 24))
    steps = RNG.poisson(RATE * np.diff(times, prepend=times[0])[:, None, None], (24, 120, 120))
    data = np.cumsum(steps, axis=0) + RNG.normal(0, NOISE, steps.shape)
    place = RNG.integers(1, 24, (120, 120))
    hit = np.arange(24)[:, None, None] >= place
    ramp = ramp_of((data + 5000 * hit)[None])
    ramp.times = times[None]
    ramp.groupdq[0][np.arange(24)[:, None, None] == place] = flags.JUMP_DET
    ramp.groupdq[0, 9, :60] |= flags.DO_NOT_USE
    ramp.data[0, 9, :60] = np.nan
    frame = fit(method=method).run(ramp)
    pulls = (frame.data - RATE) / frame.err
    assert frame.data.mean() == pytest.approx(RATE, abs=0.015) and pulls.std() == pytest.approx(1, abs=0.02)
    # Two reads with a jump between them say nothing.
    alone = ramp_of(data[None, :2])
    alone.groupdq[0, 1] = flags.JUMP_DET
    assert np.isnan(fit(method=method).run(alone).data).all()


@pytest.mark.parametrize("noise", [0.0, 9.0])
def test_generalised_least_squares_by_matrices(noise):
    """The slow twin: the inverse of the covariance of the reads, for a ramp with a gap and a jump."""
    times, usable = np.array([0, 1, 2.5, 4, 7, 8, 9.0]), np.array([1, 1, 0, 1, 1, 1, 1], bool)
    segments = np.array([0, 0, 0, 0, 1, 1, 1])
    found = ramp_rates.weights_by_noise(
        usable[:, None, None], times, segments[:, None, None], np.full((1, 1), noise), np.full((1, 1), RATE)
    )[:, 0, 0]
    covariance = RATE * np.minimum.outer(times, times) + noise**2 * np.eye(7)
    differences = [np.eye(7)[b] - np.eye(7)[a] for a, b in ((0, 1), (1, 3), (4, 5), (5, 6))]
    of_differences = np.array(differences) @ covariance @ np.array(differences).T
    length = np.array(differences) @ times
    weight = np.linalg.solve(of_differences, length)
    np.testing.assert_allclose(found, weight @ differences / (weight @ length), atol=1e-12)


def test_uneven_times_win_over_tgroup():
    times = np.array([0, 1, 2.5, 2.75, 9.0])
    ramp = ramp_of((times * 4)[None, :, None, None] * np.ones((1, 5, 3, 3)))
    ramp.times = times[None]
    for method in ("CDS", "MCDS", "OLS"):
        np.testing.assert_allclose(fit(method=method).run(ramp).data, 4, rtol=1e-5)
    ramp.times = None
    assert abs(fit().run(ramp).data - 4).min() > 0.1
    ramp.meta.exposure.group_time = None
    with pytest.raises(InputError, match="neither an extension TIMES nor the keyword TGROUP"):
        fit().run(ramp)
    ramp.times = times[None, ::-1].copy()
    with pytest.raises(InputError, match="must increase"):
        fit().run(ramp)


def test_flagged_reads_are_left_out():
    flags = dqflags.pixel
    data = np.arange(10.0)[None, :, None, None] * np.ones((1, 10, 2, 4))
    data[0, 7:, 0, 1] = 1e4
    data[0, 0, 0, 2] = -1e4
    ramp = ramp_of(data)
    ramp.groupdq[0, 7:, 0, 1] = flags.SATURATED
    ramp.groupdq[0, 0, 0, 2] = flags.DO_NOT_USE
    ramp.groupdq[0, 1:, 1, 3] = flags.SATURATED
    for method in ("CDS", "MCDS", "OLS"):
        frame = fit(method=method, num_coadds=3 if method == "MCDS" else 1).run(ramp)
        np.testing.assert_allclose(frame.data.ravel()[:7], 1 / INTERVAL, rtol=1e-5)
        assert np.isnan(frame.data[1, 3]) and frame.dq[1, 3] == flags.SATURATED | flags.DO_NOT_USE
        assert frame.err[0, 1] > frame.err[0, 0]


@pytest.mark.req("TMT-40")
def test_gain_and_read_noise(tmp_path):
    data = many((6, 6))[None] / 2
    ramp = ramp_of(data)
    ramp.meta.bunit_data, ramp.meta.instrument.gain = "DN", 2.0
    by_keyword = fit().run(ramp)
    expected = fit().run(ramp_of(2 * ramp.data))
    np.testing.assert_allclose(by_keyword.data, expected.data, rtol=1e-5)
    np.testing.assert_allclose(by_keyword.err, expected.err, rtol=1e-5)
    for name, cls, value in (("gain", "IRISGainModel", 2), ("readnoise", "IRISReadnoiseModel", NOISE)):
        getattr(datamodels, cls)(np.full((6, 6), value, "f4")).save(tmp_path / f"{name}.fits")
        ramp.set_meta(f"meta.instrument.{name}", None)
    with pytest.raises(InputError, match=r"(?s)gain is needed.*GAIN is not in the header.*override_gain, or set GAIN"):
        fit().run(ramp)
    files = {f"override_{name}": str(tmp_path / f"{name}.fits") for name in ("gain", "readnoise")}
    by_file = IrisRampFitStep(**files).run(ramp)
    np.testing.assert_array_equal(by_file.data, by_keyword.data)
    np.testing.assert_allclose(by_file.err, by_keyword.err, rtol=1e-6)
    ramp.meta.instrument.gain = 2.0
    with pytest.raises(InputError, match="readnoise is needed"):
        fit().run(ramp)


def test_several_ramps_are_one():
    data = np.stack([many((60, 60)) for _ in range(4)])
    one, four = (fit().run(ramp_of(part)) for part in (data[:1], data))
    assert four.err.mean() == pytest.approx(one.err.mean() / 2, rel=0.02)
    assert four.data.std() == pytest.approx(one.data.std() / 2, rel=0.06)


# ---- bias and non-linearity


@pytest.mark.req("TMT-34")
@pytest.mark.parametrize("spelling", ["COEFFS", "COEFF"])
def test_counts_are_those_of_a_linear_detector(tmp_path, spelling):
    """To 1e-4 up to 80 % of saturation; with the coefficients in the other order they are not."""
    true = np.linspace(100, 0.8 * 65535, 20)[None, :, None, None] * np.ones((1, 20, 3, 4))
    curvature = RNG.uniform(1e-6, 2e-6, (3, 4))
    measured = (np.sqrt(1 + 4 * curvature * true) - 1) / (2 * curvature)
    coefficients = np.stack([curvature, np.ones((3, 4)), np.zeros((3, 4))]).astype("f4")
    for order, is_right in ((1, True), (-1, False)):
        path = tmp_path / f"nonlin{order}.fits"
        datamodels.IRISNonlinearModel(coefficients[::order].copy()).save(path)
        with fits.open(path, mode="update") as hdus:
            hdus["COEFFS"].name = spelling
        step = NonlinearCorrectionStep()
        step.nonlin = str(path)
        result = step.run(ramp_of(measured))
        assert np.allclose(result.data, true, rtol=1e-4) is is_right
    assert result.meta.ref_file.nonlincoeff.name == "nonlin-1.fits"


def test_the_polynomial_has_the_highest_power_first():
    counts = np.linspace(0, 50000, 20)[None, :, None, None] * np.ones((1, 20, 3, 4))
    coefficients = np.empty((3, 3, 4), "f4")
    coefficients[:] = np.array([2e-6, 1, 5])[:, None, None]
    coefficients[0, 1, 1] = np.nan
    without = ~np.isfinite(coefficients).all(axis=0)
    data = counts.astype("f4")
    linearize(data, coefficients, without)
    expected = 2e-6 * counts**2 + counts + 5
    expected[:, :, 1, 1] = counts[:, :, 1, 1]
    np.testing.assert_allclose(data, expected, rtol=1e-6)
    again = counts.astype("f4")
    linearize(again, coefficients, without, threads=3)
    np.testing.assert_array_equal(again, data)


@pytest.mark.req("TMT-33")
def test_bias(tmp_path):
    """NaN counts as 0, errors in quadrature, flags are added; without a reference the step is left out."""
    bias = datamodels.IRISBiasModel(np.full((3, 4), 1000, "f4"))
    bias.data[0, 0], bias.dq, bias.err = np.nan, np.zeros((3, 4), "u4"), np.full((3, 4), 4, "f4")
    bias.dq[2, 1] = dqflags.pixel.DEAD
    bias.save(tmp_path / "bias.fits")
    ramp = ramp_of(np.full((1, 5, 3, 4), 1500))
    ramp.pixeldq[2, 1], ramp.err = dqflags.pixel.HOT, np.full(ramp.shape, 3, "f4")
    result = BiasSubtractionStep(override_bias=str(tmp_path / "bias.fits")).run(ramp)
    expected = np.full((1, 5, 3, 4), 500.0)
    expected[:, :, 0, 0] = 1500
    np.testing.assert_array_equal(result.data, expected)
    np.testing.assert_array_equal(result.err, np.full(ramp.shape, 5))
    assert (
        result.pixeldq[2, 1] == dqflags.pixel.DEAD | dqflags.pixel.HOT and result.pixeldq.sum() == result.pixeldq[2, 1]
    )
    assert result.meta.cal_step.bias == "COMPLETE"
    left_out = BiasSubtractionStep(override_bias="N/A").run(ramp)
    assert left_out.meta.cal_step.bias == "SKIPPED"
    for method in ("CDS", "MCDS", "OLS", "GLS"):
        inner = (slice(1, None), slice(None))
        with_bias, without = (fit(method=method).run(model).data[inner] for model in (result, left_out))
        np.testing.assert_allclose(with_bias, without, atol=1e-4)


@pytest.mark.req("TMT-33")
def test_bias_and_non_linearity_of_a_simulated_ramp(ramps):
    """True counts to 1e-4 when the bias is taken away first; wrong by a known part when it is not."""
    simulation = ramps(n_reads=6, level=300)
    path = "sample_ramp.fits"
    model = BiasSubtractionStep().run(path)
    model = NonlinearCorrectionStep().run(model)
    assert (model.meta.cal_step.bias, model.meta.cal_step.nonlincorr) == ("COMPLETE", "COMPLETE")
    rate = simulation.truth * simulation.references["flat"].data + simulation.references["dark"].data
    bright = (rate < 500) & (simulation.references["mask"].dq == 0)
    total = (model.data[0, -1] - model.data[0, 0])[bright]
    pulls = (total - 54 * rate[bright]) / np.sqrt(54 * rate[bright] + 2 * 9**2)
    assert abs(pulls.mean()) < 4 / np.sqrt(bright.sum())
    biased = NonlinearCorrectionStep().run(path)
    extra = ((biased.data[0, -1] - biased.data[0, 0])[bright] - total) / total
    # 2 c (bias): the curvature of 1e-6 at 1000 electrons.
    assert extra.mean() == pytest.approx(2e-3, rel=0.1)


@pytest.mark.req("TMT-44")
def test_the_documented_example(ramps):
    """Four reads of 10 x 10 pixels: the name, the level and the unit of the frame."""
    ramps(n_reads=4, size=10)
    Path("sample_ramp.fits").rename("sample_ramp_new.fits")
    assert strun(["iris_pipeline.pipeline.ROPPipeline", "sample_ramp_new.fits", "--save_results=true"]) == 0
    frame = datamodels.open("sample_ramp_new_rop.fits")
    assert type(frame) is datamodels.IRISImageModel and frame.shape == (10, 10)
    assert frame.meta.data_level == 1 and frame.meta.bunit_data == "electron/s" == frame.meta.bunit_err
    assert (frame.err > 0).all() and frame.dq.dtype == np.uint32
    assert datamodels.open("sample_ramp_new.fits").meta.data_level == 0


def test_the_same_bits_for_any_number_of_threads_and_the_input_is_not_touched(ramps, monkeypatch):
    ramps(n_reads=5, n_ramps=2)
    given = datamodels.open("sample_ramp.fits")
    before = given.data.copy()
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        results.append(Stage1Pipeline.call(given))
    np.testing.assert_array_equal(given.data, before)
    np.testing.assert_array_equal(results[0].data, results[1].data)
    np.testing.assert_array_equal(results[0].err, results[1].err)


@pytest.mark.parametrize("damage", ["nan", "flags"])
def test_a_ramp_without_good_reads(damage):
    ramp = ramp_of(many((4, 4))[None])
    if damage == "nan":
        ramp.data[:] = np.nan
    else:
        ramp.groupdq[:] = 1
    frame = fit().run(ramp)
    assert np.isnan(frame.data).all() and (frame.dq & 1).all()


def test_a_simulated_ramp_is_that_of_its_frame():
    mode = IrisMode(size=16)
    frame = simulate_frame(mode, seed=1)
    first, second, other = (simulate_ramp(mode, frame, 5, seed=seed).ramp for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.data, second.data)
    assert (first.data != other.data).any() and first.shape == (1, 5, 16, 16)
    with pytest.raises(ParameterError, match="two reads at least"):
        simulate_ramp(mode, frame, 1)
