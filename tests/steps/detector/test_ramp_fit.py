"""The step that fits the ramps: known truths, products, parameters."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import DataUnusable, InputError, ParameterError
from hexcal.steps.detector.fitted_ramps import Ramps, Timing
from hexcal.steps.detector.ramp_fit import RampFitStep, fit_ramps
from hexcal.steps.detector.ramp_groups import used_groups, without_unused_ends

DNU, SAT, JUMP, CHARGELOSS, NO_GAIN = 1, 2, 4, 128, 524288
GROUP_TIME = 10.0
GAIN, NOISE = 2.0, 8.0
PLANES = ("data", "err", "dq", "var_rnoise")


def make_ramp(values, flags=None, instrument="NIRCAM", exposure_type="NRC_IMAGE", shape=(2, 3)):
    """Every pixel has the ramp `values`: (ngroups,), or (nints, ngroups)."""
    values = np.atleast_2d(np.asarray(values, np.float32))
    ramp = datamodels.RampModel(np.broadcast_to(values[:, :, None, None], (*values.shape, *shape)).copy())
    if flags is not None:
        ramp.groupdq = np.broadcast_to(
            np.atleast_2d(np.asarray(flags, np.uint8))[:, :, None, None], ramp.data.shape
        ).copy()
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.exposure.type = "JWST", instrument, exposure_type
    ramp.meta.filename = "jw00001001001_02101_00001_nrca1_ramp.fits"
    exposure = ramp.meta.exposure
    exposure.nints, exposure.ngroups = values.shape
    exposure.group_time = exposure.frame_time = GROUP_TIME
    exposure.nframes, exposure.groupgap = 1, 0
    return ramp


def reference(cls, value, shape=(2, 3)):
    model = cls(np.full(shape, value, np.float32))
    model.meta.reftype = cls.__name__.removesuffix("Model").upper()
    return model


def run(ramp, gain=GAIN, noise=NOISE, **parameters):
    shape = ramp.data.shape[-2:]
    gain = gain if isinstance(gain, datamodels.GainModel) else reference(datamodels.GainModel, gain, shape)
    return RampFitStep.call(
        ramp, override_gain=gain, override_readnoise=reference(datamodels.ReadnoiseModel, noise, shape), **parameters
    )


def one(model):
    """(slope, err, var_poisson, var_rnoise, dq) of a pixel, all pixels being equal."""
    arrays = model.data, model.err, model.var_poisson, model.var_rnoise, model.dq
    for array in arrays:
        np.testing.assert_array_equal(array, np.broadcast_to(array[..., :1, :1], array.shape))
    return [np.squeeze(array[..., 0, 0]).tolist() for array in arrays]


@pytest.mark.req("RAMP-01", "RAMP-15", "RAMP-17", "RAMP-21", "ERRPROP-01", "ERRPROP-02")
def test_straight_line():
    rate, rateints = run(make_ramp(np.arange(1, 9) * 100.0))
    var_r, var_p = 12 * NOISE**2 / 2 / ((8**3 - 8) * 100), 10 / (10 * GAIN * 7)
    assert one(rate) == pytest.approx([10, np.sqrt(var_r + var_p), var_p, var_r, 0])
    assert one(rateints) == pytest.approx(one(rate))
    assert type(rate) is datamodels.ImageModel
    assert type(rateints) is datamodels.CubeModel
    assert rateints.data.shape == (1, 2, 3)
    assert rate.data.dtype == np.float32
    assert rate.dq.dtype == np.uint32
    assert rate.meta.bunit_data == rate.meta.bunit_err == rateints.meta.bunit_data == "DN/s"


@pytest.mark.req("RAMP-31")
def test_status_and_gain_factor():
    gain = reference(datamodels.GainModel, GAIN)
    for header, in_reference, expected in ((None, None, None), (3.0, None, 3.0), (3.0, 2.0, 2.0), (None, 1.5, 1.5)):
        ramp = make_ramp(np.arange(1, 5) * 100.0)
        ramp.meta.exposure.gain_factor, gain.meta.exposure.gain_factor = header, in_reference
        rate, rateints = run(ramp, gain=gain)
        assert rate.meta.exposure.gain_factor == rateints.meta.exposure.gain_factor == expected
        assert rate.meta.cal_step.ramp_fit == rateints.meta.cal_step.ramp_fit == "COMPLETE"


@pytest.mark.req("RAMP-02", "RAMP-18")
def test_jump_starts_the_next_segment():
    ramp = make_ramp([100, 200, 300, 1400, 1500, 1600, 1700, 1800], [0, 0, 0, JUMP, 0, 0, 0, 0])
    rate, rateints = run(ramp)
    r = 12 * NOISE**2 / 2 / 100 / np.array([3**3 - 3, 5**3 - 5])
    p = 10 / (10 * GAIN) / np.array([2, 4])
    assert one(rate) == pytest.approx(
        [10, np.sqrt(1 / sum(1 / r) + 1 / sum(1 / p)), 1 / sum(1 / p), 1 / sum(1 / r), JUMP]
    )
    assert one(rateints) == pytest.approx([10, np.sqrt(1 / sum(1 / (r + p))), 1 / sum(1 / p), 1 / sum(1 / r), JUMP])


@pytest.mark.parametrize(
    ("flags", "dq"),
    [
        ([0, 0, 0, 0, SAT, SAT], SAT),
        ([DNU, 0, 0, 0, 0, DNU], 0),
        ([0, 0, 0, DNU, 0, 0], 0),
        ([0, 0, JUMP, 0, SAT, SAT], SAT | JUMP),
        ([JUMP, 0, 0, 0, 0, 0], JUMP),
    ],
)
@pytest.mark.req("RAMP-02", "RAMP-24")
def test_flagged_groups_do_not_count(flags, dq):
    values = np.arange(1, 7) * 100.0
    values[np.array(flags) & 3 != 0] = 1e6
    rate, _ = run(make_ramp(values, flags))
    assert one(rate)[0] == pytest.approx(10)
    assert one(rate)[-1] == dq


@pytest.mark.parametrize("flags", [[0, SAT, SAT, SAT], [0, JUMP, SAT, SAT], [0, JUMP, JUMP, JUMP]])
def test_one_good_group(flags):
    values = [500.0, 600, 700, 800]
    rate, _ = run(make_ramp(values, flags), suppress_one_group=True)
    assert np.isnan(rate.data).all()
    assert not rate.err.any()
    assert not rate.var_rnoise.any()
    assert one(rate)[-1] == DNU | np.bitwise_or.reduce(flags)
    rate, _ = run(make_ramp(values, flags), suppress_one_group=False)
    slope, _, var_p, var_r, dq = one(rate)
    assert (slope, var_p, var_r) == pytest.approx((50, 50 / (10 * GAIN), 12 * NOISE**2 / 2 / 600))
    assert dq == np.bitwise_or.reduce(flags)


def test_one_group_per_integration():
    ramp = make_ramp([[500.0], [700.0]], [[0], [SAT]])
    rate, rateints = run(ramp)
    assert one(rate)[0] == 50
    assert one(rateints)[0] == pytest.approx([50, np.nan], nan_ok=True)
    assert one(rateints)[-1] == [0, SAT | DNU]
    assert one(rate)[-1] == SAT
    ramp.meta.exposure.group_time, ramp.meta.exposure.frame_time, ramp.meta.exposure.nframes = 20.0, 4.0, 3
    assert one(run(ramp)[0])[0] == pytest.approx(500 / 8)


@pytest.mark.req("RAMP-08")
def test_two_groups():
    rate, _ = run(make_ramp([500.0, 620.0]))
    assert one(rate) == pytest.approx([12, np.sqrt(0.64 + 0.6), 12 / 20, 0.64, 0])


@pytest.mark.req("RAMP-22")
def test_negative_slope_has_no_poisson_variance():
    rate, _ = run(make_ramp(-np.arange(1, 6) * 100.0))
    slope, err, var_p, var_r, _ = one(rate)
    assert slope == -10
    assert var_p == 0
    assert err == pytest.approx(np.sqrt(var_r))


@pytest.mark.req("RAMP-24")
def test_integrations_are_averaged():
    """Weights 1/var_R: 120 for five groups, 24 for three."""
    ramp = make_ramp(
        [[0, 100, 200, 300, 400], [0, 160, 320, 480, 640], [1, 2, 3, 4, 5]], [[0] * 5, [0, 0, 0, SAT, SAT], [SAT] * 5]
    )
    rate, rateints = run(ramp)
    assert one(rate)[0] == pytest.approx((10 * 120 + 16 * 24) / 144)
    assert one(rate)[3] == pytest.approx(12 * NOISE**2 / 2 / 144 / 100)
    median = (10 + 16 + 0) / 3
    assert one(rate)[2] == pytest.approx(median / (10 * GAIN * (4 + 2)))
    assert one(rate)[-1] == SAT
    assert one(rateints)[-1] == [0, SAT, SAT | DNU]


@pytest.mark.req("CHGMIG-04", "RAMP-23")
def test_read_noise_with_groups_lost_to_charge_migration(tmp_path, references):
    lost = CHARGELOSS | DNU
    ramp = make_ramp([100.0, 200, 300, 400, 410, 420], [0, 0, 0, 0, lost, lost])
    rate, rateints = RampFitStep.call(ramp, save_opt=True, output_dir=str(tmp_path), **references)
    slope, err, var_p, var_r, dq = one(rate)
    assert one(rateints)[3] == var_r
    with datamodels.open(next(tmp_path.glob("*_fitopt.fits"))) as details:
        np.testing.assert_allclose(details.var_rnoise[0, 0], var_r, rtol=1e-6)
    conventional = 12 * NOISE**2 / 2 / 60 / 100
    assert slope == pytest.approx(10)
    assert dq == 0
    assert var_r == pytest.approx(12 * NOISE**2 / 2 / 210 / 100)
    assert var_p == pytest.approx(10 / (10 * GAIN * 3))
    assert err == pytest.approx(np.sqrt(var_p + conventional))


@pytest.mark.req("RAMP-24")
def test_flags_of_the_pixel():
    ramp = make_ramp(np.arange(1, 6) * 100.0)
    ramp.pixeldq[0] = [DNU, SAT, 1024]
    gain = reference(datamodels.GainModel, GAIN)
    gain.data[1] = [np.nan, -1, 0]
    rate, rateints = run(ramp, gain=gain)
    np.testing.assert_array_equal(np.isnan(rate.data), [[True, True, False], [True] * 3])
    np.testing.assert_array_equal(rate.dq, [[DNU, SAT, 1024], [NO_GAIN | DNU] * 3])
    np.testing.assert_array_equal(rateints.dq[0], rate.dq)
    assert not rate.err[np.isnan(rate.data)].any()


def test_pixels_without_a_usable_read_noise_are_not_flagged():
    """As in 3.0.0: NaN without DO_NOT_USE; the errors follow from the read noise."""
    noise = np.array([[0.0, np.nan, np.inf], [NOISE, -NOISE, NOISE]], np.float32)
    for model in run(make_ramp(np.arange(1, 6) * 100.0), noise=noise):
        rate, err, dq, var_rnoise = (getattr(model, name).reshape(-1, 2, 3)[0] for name in PLANES)
        np.testing.assert_array_equal(np.isnan(rate), [[True, True, True], [False] * 3])
        assert not dq.any()
        np.testing.assert_array_equal(var_rnoise[0], [0.0, np.nan, np.inf])
        np.testing.assert_array_equal(err[0, 1:], [np.nan, np.inf])
        assert err[0, 0] ** 2 == pytest.approx(model.var_poisson.reshape(-1)[0])


@pytest.mark.req("RAMP-13")
def test_ends_of_miri_that_nothing_uses(caplog):
    """The groups that firstframe and lastframe flag are as if they had never been.

    Their other flags do not come through.
    """
    ramp = make_ramp([7.0, 100, 200, 300, 9], [DNU, 0, 0, 0, DNU], "MIRI", "MIR_IMAGE")
    ramp.groupdq[0, 0, 0, 0] = ramp.groupdq[0, -1, 0, 1] = DNU | SAT
    rate, _ = run(ramp)
    np.testing.assert_allclose(rate.data, 10)
    assert not rate.dq.any()
    short = make_ramp([7.0, 100, 200], [DNU, 0, DNU], "MIRI", "MIR_IMAGE")
    with pytest.raises(DataUnusable, match="1 of the 3 groups"):
        run(short)
    assert "1 of the 3 groups can be used" in caplog.text
    rate, _ = run(short, suppress_one_group=False)
    np.testing.assert_allclose(rate.data, 10)


def test_nothing_to_fit():
    with pytest.raises(DataUnusable, match="saturated"):
        run(make_ramp([1.0, 2, 3], [SAT] * 3))
    with pytest.raises(DataUnusable, match="0 of the 3"):
        run(make_ramp([1.0, 2, 3], [DNU] * 3, "MIRI", "MIR_IMAGE"))
    rate, _ = run(make_ramp([1.0, 2, 3], [DNU] * 3))
    assert np.isnan(rate.data).all()
    assert (rate.dq == DNU).all()


def test_group_time_is_needed():
    ramp = make_ramp([1.0, 2, 3])
    ramp.meta.exposure.group_time = None
    with pytest.raises(InputError, match="TGROUP"):
        run(ramp)


def test_first_and_last_group():
    values = np.array([9.0, 100, 200, 300, 7])
    rate, _ = run(make_ramp(values), firstgroup=1, lastgroup=3)
    np.testing.assert_allclose(rate.data, 10)
    said = []
    warn = lambda *text: said.append(text[0] % text[1:])  # noqa: E731
    assert used_groups(5, None, None, warn) == (0, 4)
    assert not said
    assert used_groups(5, -1, 9, warn) == (0, 4)
    assert len(said) == 2
    assert used_groups(5, 3, 3, warn) == (0, 4)
    assert "firstgroup 3 must be below lastgroup 3" in said[-1]


def test_unused_ends():
    flags = np.zeros((2, 5, 2, 2), np.uint8)
    flags[:, [0, 1, 4]] = DNU
    assert without_unused_ends(flags, 0, 4) == (2, 3)
    flags[1, 0, 1, 1] = 0
    assert without_unused_ends(flags, 0, 4) == (0, 3)
    flags[:] = DNU
    first, last = without_unused_ends(flags, 0, 4)
    assert last < first


@pytest.mark.parametrize(("exposure_type", "instrument"), [("MIR_MRS", "MIRI"), ("NRS_IFU", "NIRSPEC")])
def test_integral_field_exposures(exposure_type, instrument):
    rate, rateints = run(make_ramp([1.0, 2, 3], None, instrument, exposure_type))
    assert type(rate) is datamodels.IFUImageModel
    assert type(rateints) is datamodels.CubeModel


def test_times_of_integrations_go_to_the_rateints():
    ramp = make_ramp([[1.0, 2, 3]] * 2)
    ramp.int_times = np.array([(1, 60000.5), (2, 60000.6)], [("integration_number", "i4"), ("int_mid_MJD_UTC", "f8")])
    rate, rateints = run(ramp)
    np.testing.assert_array_equal(rateints.int_times, ramp.int_times)
    assert not hasattr(rate, "int_times")
    assert rate.meta.exposure.nints == 2
    assert rate.meta.filename == ramp.meta.filename


@pytest.fixture
def references(tmp_path):
    """Reference files, as overrides; the record of a product names files."""
    files = {"gain": reference(datamodels.GainModel, GAIN), "readnoise": reference(datamodels.ReadnoiseModel, NOISE)}
    return {f"override_{name}": model.save(tmp_path / f"{name}.fits") for name, model in files.items()}


@pytest.mark.req("RAMP-25", "RAMP-27", "RAMP-29", "HDU-23", "RAMP-21")
def test_optional_product(tmp_path, references):
    ramp = make_ramp([100.0, 200, 300, 1400, 1500, 1600], [0, 0, 0, JUMP, 0, 0])
    ramp.data[:, :, 1, 1] += 500
    ramp.groupdq[:, :, 1, 2] = SAT
    RampFitStep.call(ramp, save_opt=True, output_dir=str(tmp_path), **references)
    with datamodels.open(tmp_path / "jw00001001001_02101_00001_nrca1_fitopt.fits") as details:
        assert type(details) is datamodels.RampFitOutputModel
        for name in ("slope", "sigslope", "yint", "sigyint", "weights", "var_poisson", "var_rnoise"):
            assert getattr(details, name).shape == (1, 2, 2, 3), name
        assert (details.pedestal.shape, details.crmag.shape) == ((1, 2, 3), (1, 1, 2, 3))
        np.testing.assert_allclose(details.slope[0, :, 0], 10)
        np.testing.assert_allclose(details.yint[0, :, 0, 0], [100, 1100])
        # the signal at exposure time 0; 0 where the first group is saturated
        np.testing.assert_allclose(details.pedestal[0], [[0, 0, 0], [0, 500, 0]], atol=1e-4)
        np.testing.assert_allclose(details.crmag[0, 0, 0], 1100)
        np.testing.assert_allclose(details.weights[0, :, 0], 1 / details.var_rnoise[0, :, 0])
        np.testing.assert_allclose(details.var_rnoise[0, :, 0, 0], 12 * NOISE**2 / 2 / 24 / 100)
        np.testing.assert_allclose(details.var_poisson[0, :, 0, 0], 10 / (10 * GAIN * 2))
    RampFitStep.call(ramp, save_opt=True, opt_name="mine", int_name="each", output_dir=str(tmp_path), **references)
    assert (tmp_path / "mine_fitopt.fits").exists()
    with datamodels.open(tmp_path / "each_rateints.fits") as rateints:
        np.testing.assert_allclose(rateints.data[0, 0], 10)


def test_without_jumps_crmag_is_empty(tmp_path, references):
    RampFitStep.call(make_ramp([1.0, 2, 3]), save_opt=True, output_dir=str(tmp_path), **references)
    with datamodels.open(next(tmp_path.glob("*_fitopt.fits"))) as details:
        assert details.slope.shape[1] == 1


@pytest.mark.req("RAMP-29", "RAMP-30")
def test_parameters():
    assert (
        RampFitStep().get_pars().items()
        >= {"save_opt": False, "opt_name": "", "int_name": "", "suppress_one_group": True, "maximum_cores": "1"}.items()
    )
    for wrong in ({"algorithm": "GLS"}, {"save_opt": "perhaps"}, {"firstgroup": "two"}):
        with pytest.raises(ParameterError):
            RampFitStep(**wrong)
    with pytest.raises(ParameterError, match="maximum_cores"):
        run(make_ramp([1.0, 2, 3]), maximum_cores="some")
    ramp = make_ramp([1.0, 2, 4], shape=(13, 3))
    ramp.data *= np.arange(1, 14, dtype=np.float32)[:, None]
    alone = run(ramp)[0].data
    assert len(np.unique(alone)) == 13
    for cores in ("none", "quarter", "half", "all", "3", 2):
        np.testing.assert_array_equal(run(ramp, maximum_cores=cores)[0].data, alone)


@pytest.mark.req("RAMP-15")
@pytest.mark.parametrize("rate", [0.05, 1.0, 20.0, 300.0, 3000.0])
def test_simulated_truth(rate):
    """The rates of simulated ramps scatter about the truth by as much as ERR says (10 groups, DN/s)."""
    rng = np.random.default_rng(3)
    shape, n_groups, time, gain, noise = (300, 300), 10, 10.0, 2.0, 6.0
    electrons = np.cumsum(rng.poisson(rate * time * gain, (1, n_groups, *shape)), axis=1)
    data = (electrons / gain + rng.normal(0, noise, electrons.shape)).astype(np.float32)
    image = np.ones(shape, np.float32)
    cds_noise = np.float32(noise * np.sqrt(2))
    ramps = Ramps(
        data,
        np.zeros(data.shape, np.uint8),
        np.zeros(shape, np.uint32),
        np.float32(gain) * image,
        cds_noise * image,
        Timing(time, time),
    )
    exposure, _ = fit_ramps(ramps)
    pull = (exposure.slope - rate) / exposure.err
    assert abs(pull.mean()) < 0.02
    assert abs(pull.std() - 1) < 0.05
