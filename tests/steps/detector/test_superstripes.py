"""Superstripes: integrations that show one place of the detector after the other, up to the rate."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import group, pixel
from hexcal.models.science import INT_TIMES_COLUMNS
from hexcal.models.stripes import lines_read
from hexcal.models.superstripes import SuperstripeRampModel
from hexcal.pipeline import Detector1Pipeline
from hexcal.steps.detector.dq_init import DQInitStep
from hexcal.steps.detector.ipc import IPCStep
from hexcal.steps.detector.linearity import LinearityStep
from hexcal.steps.detector.refpix import RefPixStep
from hexcal.steps.detector.superbias import SuperBiasStep
from hexcal.steps.detector.superstripes import times_of_turns

SIZE, ROWS, FIRST, WIDTH, PLACES, GROUPS = 2048, 16, 4, 20, 3, 4
KEYWORDS = {"multistripe_reads1": FIRST, "multistripe_skips1": 0, "multistripe_reads2": WIDTH, "multistripe_skips2": 0,
            "repeat_stripe": 0, "interleave_reads1": 0, "superstripe_step": WIDTH,
            "num_superstripe": PLACES}  # fmt: skip
SHOWN = slice(SIZE - FIRST - PLACES * WIDTH, SIZE - FIRST)
"""Columns that the stripes show: NIRISS reads from the last column on."""
TRUE_RATE = np.random.default_rng(4).uniform(5, 50, (ROWS, SIZE)).astype("f4")
BIAS = np.random.default_rng(5).normal(9000, 50, (SIZE, SIZE)).astype("f4")


def columns_of(place):
    first = SIZE - FIRST - (place + 1) * WIDTH
    return np.r_[first : first + WIDTH, SIZE - FIRST : SIZE]


def reference_pixels():
    flags = np.zeros((SIZE, SIZE), bool)
    flags[:4] = flags[-4:] = flags[:, :4] = flags[:, -4:] = True
    return flags


def raw(n_ints=2 * PLACES, instrument="NIRISS", detector="NIS", axes=(-2, -1), **keywords):
    """An exposure whose level drifts from group to group, odd and even rows apart."""
    rng = np.random.default_rng(6)
    data = np.empty((n_ints, GROUPS, ROWS, WIDTH + FIRST), "f4")
    lit = np.where(reference_pixels()[-ROWS:], 0, TRUE_RATE)
    for i, own in enumerate(data):
        columns = columns_of(i % PLACES)
        drift = rng.normal(0, 40, (GROUPS, 1, 1)) + rng.normal(0, 9, (GROUPS, 2))[:, np.arange(ROWS) % 2, None]
        own[:] = BIAS[-ROWS:, columns] + drift + lit[:, columns] * np.arange(1, GROUPS + 1)[:, None, None]
    exposure = datamodels.Level1bModel(data)
    meta, where = exposure.meta, exposure.meta.subarray
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", instrument, detector
    meta.exposure.type, meta.exposure.readpatt, meta.exposure.noutputs = "NIS_SOSS", "NISRAPID", 1
    meta.exposure.nints, meta.exposure.ngroups, meta.exposure.nframes, meta.exposure.groupgap = n_ints, GROUPS, 1, 0
    meta.exposure.group_time = meta.exposure.frame_time = 1.0
    where.name, where.xstart, where.ystart, where.xsize, where.ysize = "SUB17STRIPE_SOSS", 1, SIZE - ROWS + 1, 24, ROWS
    where.fastaxis, where.slowaxis = axes
    for name, value in {**KEYWORDS, **keywords}.items():
        setattr(where, name, value)
    times = np.zeros(n_ints, list(INT_TIMES_COLUMNS))
    times["integration_number"] = np.arange(n_ints) + 1
    for scale in ("MJD_UTC", "BJD_TDB"):
        times[f"int_start_{scale}"] = 60000 + np.arange(n_ints)
        times[f"int_end_{scale}"] = 60000.5 + np.arange(n_ints)
    exposure.int_times = times
    return exposure


def of_detector(cls, name, values):
    reference = cls(values)
    reference.meta.reftype, reference.meta.subarray.name = name, "FULL"
    return reference


def mask(bad=None):
    flags = np.where(reference_pixels(), np.uint32(pixel.REFERENCE_PIXEL), np.uint32(0))
    if bad is not None:
        flags[bad] |= np.uint32(pixel.DO_NOT_USE)
    reference = datamodels.MaskModel(dq=flags)
    reference.meta.reftype, reference.meta.subarray.name = "MASK", "FULL"
    return reference


def superbias():
    return of_detector(datamodels.SuperBiasModel, "SUPERBIAS", BIAS.copy())


def before_refpix(exposure, **flags):
    return SuperBiasStep.call(DQInitStep.call(exposure, override_mask=mask(**flags)), override_superbias=superbias())


def test_the_stripe_moves_and_the_first_lines_stay():
    ramp = SuperstripeRampModel(raw())
    for place in range(PLACES):
        np.testing.assert_array_equal(lines_read(ramp.at_place(place), SIZE), columns_of(place))


def test_each_place_has_flags_and_lines_of_its_own(tmp_path):
    bad = np.zeros((SIZE, SIZE), bool)
    bad[-9, [SHOWN.start + 3, SHOWN.stop - 1, SIZE - 2]] = True
    result = DQInitStep.call(raw(), override_mask=mask(bad))
    assert type(result) is SuperstripeRampModel and result.pixeldq.shape == (PLACES, ROWS, WIDTH + FIRST)
    found = np.argwhere(result.pixeldq & np.uint32(pixel.DO_NOT_USE))
    assert found.tolist() == [[0, 7, 19], [0, 7, 22], [1, 7, 22], [2, 7, 3], [2, 7, 22]]
    assert np.argwhere(result.groupdq[:, 0] & group.DO_NOT_USE)[:2].tolist() == [[0, 7, 19], [0, 7, 22]]
    opened = datamodels.open(result.save(tmp_path / "x_dq_init.fits"))
    assert type(opened) is SuperstripeRampModel
    np.testing.assert_array_equal(opened.pixeldq, result.pixeldq)
    corrected = SuperBiasStep.call(opened, override_superbias=superbias())
    assert corrected.meta.cal_step.superbias == "COMPLETE" and abs(corrected.data).max() < 500


def test_refpix_takes_the_drift_out_and_puts_the_places_together():
    result = RefPixStep.call(before_refpix(raw()))
    assert type(result) is datamodels.RampModel and result.shape == (2, GROUPS, ROWS, SIZE)
    truth = np.where(reference_pixels()[-ROWS:], 0, TRUE_RATE)[:, SHOWN]
    for turn in range(2):
        for g in range(GROUPS):
            np.testing.assert_allclose(result.data[turn, g, :, SHOWN], truth * (g + 1), atol=0.01)
    unread = np.ones(SIZE, bool)
    unread[SHOWN] = False
    assert np.isnan(result.data[..., unread]).all() and not result.groupdq.any()
    assert (result.pixeldq[:, unread] == pixel.REFERENCE_PIXEL).all() and not result.pixeldq[:-4, SHOWN].any()
    where, exposure = result.meta.subarray, result.meta.exposure
    assert (where.xstart, where.xsize, where.ysize, where.num_superstripe) == (1, SIZE, ROWS, None)
    assert (exposure.nints, exposure.integration_start, exposure.integration_end) == (2, 1, 2)
    assert result.int_times["int_end_MJD_UTC"].tolist() == [60002.5, 60005.5]
    assert result.int_times["int_mid_MJD_UTC"].tolist() == [60001.25, 60004.25]
    assert result.int_times_stripe["stripe_number"].tolist() == [1, 2, 3, 1, 2, 3]
    assert result.int_times_stripe["integration_number"].tolist() == [1, 1, 1, 2, 2, 2]


def test_the_pipeline_gives_the_rates_of_all_stripes(tmp_path):
    gain = of_detector(datamodels.GainModel, "GAIN", np.full((SIZE, SIZE), 1.6, "f4"))
    noise = of_detector(datamodels.ReadnoiseModel, "READNOISE", np.full((SIZE, SIZE), 10, "f4"))
    needed = {"dq_init": {"override_mask": mask()}, "superbias": {"override_superbias": superbias()}}
    for step in ("jump", "ramp_fit"):
        needed[step] = {"override_gain": gain, "override_readnoise": noise}
    for step, kind in (("saturation", "saturation"), ("linearity", "linearity"), ("dark_current", "dark")):
        needed[step] = {f"override_{kind}": "N/A"}
    needed |= {"persistence": {"skip": True}, "gain_scale": {"skip": True}}
    path = raw().save(tmp_path / "jw00001001001_02101_00001_nis_uncal.fits")
    rate = Detector1Pipeline.call(path, steps=needed, save_results=True, output_dir=str(tmp_path))
    truth = TRUE_RATE[:-4, SHOWN]
    np.testing.assert_allclose(rate.data[:-4, SHOWN], truth, atol=0.02)
    per_turn = datamodels.open(tmp_path / "jw00001001001_02101_00001_nis_rateints.fits")
    assert per_turn.shape == (2, ROWS, SIZE) and len(per_turn.int_times) == 2 and len(per_turn.int_times_stripe) == 6
    np.testing.assert_allclose(per_turn.data[1, :-4, SHOWN], truth, atol=0.02)


@pytest.mark.parametrize(("how", "is_off"), [("first", True), ("own", False)])
def test_bad_reference_pixels_of_each_place_count_with_its_own_flags(how, is_off):
    bad = np.zeros((SIZE, SIZE), bool)
    bad[-2:, SHOWN.start : SHOWN.start + WIDTH] = True
    exposure = raw()
    exposure.data[2::PLACES, :, -2:, :WIDTH] += 30
    result = RefPixStep.call(before_refpix(exposure, bad=bad), superstripe_flags=how)
    error = np.abs(result.data[0, 0, :-4, SHOWN] - TRUE_RATE[:-4, SHOWN]).max()
    assert (error > 5) == is_off and (error < 0.01) != is_off


def test_of_an_unfinished_turn_the_stripes_that_are_missing_do_not_count():
    result = RefPixStep.call(before_refpix(raw(PLACES + 1)))
    assert result.shape[0] == 2 and len(result.int_times) == 2 and len(result.int_times_stripe) == PLACES + 1
    last = slice(SIZE - FIRST - WIDTH, SIZE - FIRST)
    assert np.isfinite(result.data[1, ..., last]).all() and not result.groupdq[1, ..., last].any()
    missing = slice(SHOWN.start, last.start)
    assert np.isnan(result.data[1, ..., missing]).all()
    assert (result.groupdq[1, ..., missing] == group.DO_NOT_USE).all() and not result.groupdq[0].any()


def test_numbers_of_integrations_go_on_in_later_segments():
    exposure = raw()
    exposure.meta.exposure.integration_start, exposure.meta.exposure.integration_end = 7, 12
    exposure.meta.exposure.nints = 12
    result = RefPixStep.call(before_refpix(exposure)).meta.exposure
    assert (result.nints, result.integration_start, result.integration_end) == (4, 3, 4)
    times = np.zeros(6, list(INT_TIMES_COLUMNS))
    times["integration_number"] = np.arange(7, 13)
    assert times_of_turns(times, PLACES)[0]["integration_number"].tolist() == [3, 4]


def test_a_table_of_times_that_does_not_fit_is_left_out():
    exposure = raw()
    exposure.int_times = exposure.int_times[:2]
    result = RefPixStep.call(before_refpix(exposure))
    assert result.int_times is None and result.int_times_stripe is None


@pytest.mark.parametrize(
    "keywords", [{"multistripe_reads2": WIDTH // 2, "multistripe_skips2": 3}, {"multistripe_reads2": 0}]
)
def test_places_of_several_stripes_are_refused(keywords):
    with pytest.raises(InputError, match="one stripe each"):
        DQInitStep.call(raw(**keywords), override_mask=mask())


@pytest.mark.parametrize("step", [IPCStep, LinearityStep])
def test_steps_that_do_not_know_places_ask_for_refpix(step):
    polynomial = datamodels.LinearityModel(coeffs=np.ones((2, SIZE, SIZE), "f4"))
    kernel = datamodels.IPCModel(np.ones((1, 1), "f4"))
    override = {"override_linearity": polynomial} if step is LinearityStep else {"override_ipc": kernel}
    with pytest.raises(InputError, match="refpix has put together"):
        step.call(SuperstripeRampModel(raw()), **override)
