"""Correction of NIRSpec IRS2 frames.

Where pixels are, which reference pixels count, what is subtracted, and what is left of simulated noise.
"""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.core import SkipStep
from hexcal.simulate.irs2 import simulate_irs2, weights_table
from hexcal.steps.detector import irs2, irs2_spectra
from hexcal.steps.detector.refpix import RefPixStep
from hexcal.steps.detector.refpix_irs2 import (
    How,
    Weights,
    correct_frames,
    fill_gaps,
    process_irs2,
    subtract_edge_means,
)
from hexcal.steps.detector.refpix_irs2_pairs import bad_pairs_of, leave_out_pairs, replace_pairs, suspicious_pairs
from hexcal.steps.detector.saturation import SaturationStep

FRAME = (3200, 2048)
NONE = np.zeros((5, 32, 2), bool)
FREQUENCIES = irs2.N_TIMES // 2 + 1


def constant(alpha, beta):
    """Weights that are the same at all frequencies."""
    shape = 4, *irs2_spectra.SHAPE
    return Weights(np.full(shape, alpha, np.complex64), np.full(shape, beta, np.complex64))


def test_spectra_have_the_frequencies_of_one_transform_of_all_times():
    values = np.random.default_rng(7).normal(size=(712, 2048)).astype(np.float32)
    places = np.arange(712)
    spectrum = irs2_spectra.spectrum(irs2_spectra.of_lines(values, places))
    expected = np.fft.rfft(values.T.ravel())
    assert spectrum.dtype == np.complex64
    np.testing.assert_allclose(spectrum, irs2_spectra.spread(expected), atol=1e-6 * np.abs(expected).max())
    np.testing.assert_array_equal(irs2_spectra.gathered(irs2_spectra.spread(expected)), expected)
    back = irs2_spectra.values_at(irs2_spectra.from_spectrum(spectrum), places[5:9])
    np.testing.assert_allclose(back, values[5:9], atol=1e-5)


def where(k, visit, read):
    """Row of a read of a sector in a frame of NRS1."""
    place = 8 + 20 * visit + read
    return 640 * (k + 1) + (639 - place if k % 2 == 1 else place)


@pytest.fixture(scope="module")
def simulation():
    return simulate_irs2(n_groups=2, seed=5)


@pytest.mark.req("REFPIX-18")
def test_where_pixels_are_and_when_they_are_read():
    assert irs2.IS_REFERENCE.sum() == 128 and irs2.normal_rows().sum() == 2048
    assert not irs2.IS_REFERENCE[:8].any() and irs2.IS_REFERENCE[8:12].all() and not irs2.IS_REFERENCE[12:28].any()
    times = np.r_[irs2.TIMES_NORMAL, irs2.TIMES_REFERENCE.ravel()]
    assert len(set(times)) == 640 and times.max() == 703 and irs2.N_TIMES == 712 * 2048
    # a jump to the reference pixels takes as long as a read, and so does the jump back
    assert irs2.TIMES_NORMAL[7] == 7 and irs2.TIMES_REFERENCE[0].tolist() == [9, 10, 11, 12]
    assert irs2.TIMES_NORMAL[8] == 14
    image = np.arange(2048 * 2048, dtype=np.float32).reshape(2048, 2048)
    for detector in ("NRS1", "NRS2"):
        frame = irs2.interleave(image, detector, -1)
        assert frame.shape == FRAME and (frame == -1).all(axis=1).sum() == 640 + 512
        np.testing.assert_array_equal(irs2.only_normal(frame, detector), image)


@pytest.mark.req("REFPIX-32")
def test_pairs_that_the_reference_calls_bad():
    table = np.zeros(8, [("output", "u2"), ("odd_even", "u2"), ("mask", "u4")])
    table["output"], table["odd_even"] = np.repeat([1, 2, 3, 4], 2), np.tile([1, 2], 4)
    table["mask"] = 1, 0, 0, 1 << 3, 0, 1 << 31, 1 << 5, 0
    # even outputs are read backwards: their visits count from the other end
    expected = [[0, 0, 0], [1, 28, 1], [2, 31, 1], [3, 26, 0]]
    assert np.argwhere(bad_pairs_of(table)).tolist() == expected
    assert not bad_pairs_of(None).any()


@pytest.mark.req("REFPIX-20")
def test_bad_pairs_are_replaced_by_their_neighbours():
    given = np.arange(32 * 4, dtype=np.float64).reshape(32, 2, 2)[..., None] * np.ones(2048)
    bad = np.zeros((32, 2), bool)
    bad[5, 0] = bad[0, 1] = bad[10:13, 0] = bad[20:23] = True
    values = given.copy()
    replace_pairs(values, bad)
    np.testing.assert_array_equal(values[5, 0], (given[4, 0] + given[6, 0]) / 2)
    np.testing.assert_array_equal(values[0, 1], given[1, 1])
    np.testing.assert_array_equal(values[10, 0], given[9, 0])
    np.testing.assert_array_equal(values[11, 0], given[11, 1])  # neither neighbour: the other pair of the visit
    np.testing.assert_array_equal(values[21, 0], given[21, 1])
    assert (values[21, 1] == 0).all()
    np.testing.assert_array_equal(values[~bad], given[~bad])


@pytest.mark.req("REFPIX-20", "REFPIX-30")
def test_pairs_that_are_bad_at_times():
    rng = np.random.default_rng(3)
    data = rng.normal(100, 3, (1, 2, *FRAME)).astype(np.float32)
    data[:, :, where(0, 5, 1)] += rng.normal(0, 20, (1, 2, 2048))  # noisy
    data[:, :, where(1, 9, 2)] += 4  # high, and unlike the other read
    data[:, :, [where(2, 3, 0), where(2, 3, 1)]] += 2  # high
    found = np.argwhere(suspicious_pairs(data, "NRS1", 6.0)).tolist()
    assert found == [[0, 5, 0], [1, 9, 1], [2, 3, 0]]
    assert suspicious_pairs(data, "NRS1", 1e9).sum() == 0
    data[:, :, where(-1, 12, 2)] += rng.normal(0, 20, (1, 2, 2048))  # of the reference output
    assert np.argwhere(suspicious_pairs(data, "NRS1", 6.0)).tolist() == [*found, [4, 12, 1]]
    data[:, :, where(-1, 12, 2)] = data[:, :, where(-1, 11, 2)]
    turned = np.ascontiguousarray(data[..., ::-1, ::-1])
    assert np.argwhere(suspicious_pairs(turned, "NRS2", 6.0)).tolist() == found


@pytest.mark.req("REFPIX-23", "REFPIX-24")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_reads_that_are_no_numbers_hide_no_pair_that_is_bad_at_times(value):
    rng = np.random.default_rng(3)
    data = rng.normal(100, 3, (1, 2, *FRAME)).astype(np.float32)
    data[:, :, where(0, 5, 1)] += rng.normal(0, 20, (1, 2, 2048))
    data[0, 1, where(0, 7, 0), 300] = value
    data[:, :, [where(0, 8, 0), where(0, 8, 1)]] = value
    data[:, :, 1280:1920] = value
    assert np.argwhere(suspicious_pairs(data, "NRS1", 6.0)).tolist() == [[0, 5, 0]]


@pytest.mark.filterwarnings("error")
def test_infinite_values_are_gaps():
    data = np.full((2, *FRAME), 100, np.float32)
    data[1, where(0, 5, 0)] = np.inf
    data[:, 900] = np.inf
    result = correct_frames(data, How("NRS1", constant(0, 1), NONE))
    assert np.isfinite(result).mean() == 2047 / 2048


def test_neighbours_of_reference_pixels_get_them_with_equal_weights():
    """With beta = 1 at all frequencies a correction is the series of the reference pixels itself.

    Beside a visit its first and its last read.
    """
    rng = np.random.default_rng(4)
    frames = np.zeros((2, *FRAME), np.float32)
    frames[0] = rng.normal(0, 5, FRAME)
    frames[1] = -frames[0]
    corrected = correct_frames(frames, How("NRS1", constant(0, 1), NONE))
    edges = np.r_[0:4, 2044:2048]
    x = np.arange(2048)
    for k in range(4):
        sector = irs2.sector(frames[0].astype(float), k)
        slope, level = np.polyfit(edges, sector[:, edges].mean(axis=0), 1)
        sector = sector - (level + slope * x)
        rows = corrected[0, 512 * k : 512 * (k + 1)]
        rows = rows[::-1] if k % 2 == 1 else rows
        expected = sector[~irs2.IS_REFERENCE]
        reads = sector[irs2.IS_REFERENCE].reshape(32, 4, 2048)
        expected[7::16] -= reads[:, 0]
        expected[8::16] -= reads[:, 3]
        np.testing.assert_allclose(rows, expected, atol=2e-4)


@pytest.mark.req("REFPIX-21")
def test_gaps_of_the_reference_output_are_filled_smoothly():
    time = np.arange(irs2.N_TIMES) / irs2.PERIOD
    slow = np.sin(2 * np.pi * 3.3 * time) + 0.5 * np.cos(2 * np.pi * 11.7 * time)
    slow, known = slow.reshape(2048, 712).T, np.zeros((712, 2048), bool)
    known[irs2.TIMES_NORMAL] = known[irs2.TIMES_REFERENCE.ravel()] = True
    stream = np.where(known, slow, 0).astype(np.float32)
    filled = irs2_spectra.values_at(fill_gaps(stream, ~known), np.arange(712))
    np.testing.assert_allclose(filled[irs2.TIMES_NORMAL], stream[irs2.TIMES_NORMAL], atol=2e-6)
    left = (filled - slow)[:, 5:-5]
    assert np.abs(left[:704]).max() < 0.01 and np.abs(left).max() < 0.1


@pytest.mark.req("REFPIX-22", "REFPIX-31")
def test_real_and_imaginary_parts_take_turns_in_the_table():
    table = {f"{name}_{k}": np.zeros(2 * irs2.N_TIMES, np.float32) for name in ("alpha", "beta") for k in range(4)}
    shift = np.exp(-2j * np.pi * np.fft.fftfreq(irs2.N_TIMES) * 3)
    table["beta_2"][0::2], table["beta_2"][1::2] = shift.real, shift.imag
    weights = Weights.of(table)
    np.testing.assert_allclose(weights.beta[2], irs2_spectra.spread(shift[:FREQUENCIES]), atol=1e-6)
    assert not weights.alpha.any() and not weights.beta[[0, 1, 3]].any()


def test_the_frame_of_nrs2_is_turned():
    rng = np.random.default_rng(6)
    frames = rng.normal(0, 5, (2, *FRAME)).astype(np.float32)
    weights = Weights.of(weights_table())
    one = correct_frames(frames, How("NRS1", weights, NONE))
    other = correct_frames(np.ascontiguousarray(frames[:, ::-1, ::-1]), How("NRS2", weights, NONE), threads=2)
    np.testing.assert_array_equal(other, one[:, ::-1, ::-1])


def calibrated(simulation, **parameters):
    raw = simulation.exposure
    ramp = datamodels.RampModel(raw.data.astype(np.float32))
    ramp.update(raw)
    ramp.pixeldq[100, 200] = 1
    ramp.data -= simulation.references["superbias"].data
    return RefPixStep.call(ramp, override_refpix=simulation.references["refpix"], **parameters)


@pytest.mark.req("REFPIX-18")
def test_shared_noise_is_removed(simulation):
    """Of the noise that the outputs share little is left.

    The white noise of the reference pixels adds less than it takes away.
    """
    corrected = calibrated(simulation, irs2_zeros="values")
    assert corrected.meta.cal_step.refpix == "COMPLETE" and corrected.shape == (1, 2, 2048, 2048)
    assert corrected.groupdq.shape == corrected.shape and corrected.pixeldq.shape == (2048, 2048)
    dark = simulation.rate < 0.01
    given = (simulation.correlated[0, 1] - simulation.correlated[0, 0])[dark]
    ramp = corrected.data[0, 1] - corrected.data[0, 0]
    white = np.sqrt(2 * 81 / 5 + 0.005 * 73)
    left = np.sqrt(max(np.var(ramp[dark]) - white**2, 0))
    assert given.std() > 9 and left < 0.65 * given.std()
    lines = np.nanmedian(np.where(dark, ramp, np.nan)[100:-100:7][:, 8:-8], axis=0)
    assert lines.std() < 0.35 * np.median(simulation.correlated[0, 1] - simulation.correlated[0, 0], axis=0).std()


def test_parameters_of_irs2(simulation):
    kept = calibrated(simulation, preserve_irs2_refpix=True)
    assert kept.shape == (1, 2, 3200, 2048) and kept.pixeldq[100, 200] == 1
    plain = calibrated(simulation)
    np.testing.assert_array_equal(irs2.only_normal(kept.data, "NRS1"), plain.data)
    output = irs2.sector(kept.data[0, 1], -1)
    given = simulation.exposure.data[0, 1].astype(float) - simulation.references["superbias"].data
    given = irs2.sector(given, -1)
    # A straight line is taken from its normal values; in place of its reference pixels is what passes the filter.
    line = (given - output)[~irs2.IS_REFERENCE]
    assert (np.abs(line - np.median(line, axis=0)) > 1e-2).mean() < 0.1  # where values are the mean of the groups
    assert not np.allclose(output[irs2.IS_REFERENCE], given[irs2.IS_REFERENCE] - np.median(line, axis=0), atol=0.5)
    level = calibrated(simulation, irs2_mean_subtraction=True).data - plain.data
    assert abs(np.median(level)) < 40 and level.std() > 0
    with pytest.raises(SkipStep, match="3200 x 2048"):
        process_irs2(RefPixStep(), plain, None)


@pytest.mark.parametrize("detector", ["NRS1", "NRS2"])
def test_edge_means_are_those_of_a_column_parity_with_its_reference_pixels(detector):
    """Of four reads of a visit two are of an even and two of an odd column; bad pairs do not count."""
    rows = np.arange(640)
    is_reference, read = (rows - 8) % 20 < 4, (rows - 8) % 20
    is_reference[:8] = is_reference[632:] = False
    odd = np.where(is_reference, read >= 2, rows % 2 == 1)
    line = np.where(is_reference, 40.0, 20.0) + 100 * odd
    stored = np.zeros(FRAME, np.float32)
    stored[:] = np.tile(line, 5)[:, None]
    stored[:, 4:-4] = 7.0  # nobody looks here
    usable = np.ones(FRAME, bool)
    frame = np.array(irs2.as_read(stored, detector))
    subtract_edge_means(frame, usable, detector, True)
    given = irs2.as_read(frame, detector)[:, 0]
    # 256 normal pixels and 64 reads of reference pixels in each class.
    np.testing.assert_allclose(given, np.tile(line - 24 - 100 * odd, 5), atol=1e-4)
    bad = NONE.copy()
    bad[:, :, 0] = True
    frame = np.array(irs2.as_read(stored, detector))
    leave_out_pairs(usable, bad, detector)
    subtract_edge_means(frame, usable, detector, True)
    assert (~usable).sum() == 4 * 64 * 2048
    means = (np.tile(line, 5) - irs2.as_read(frame, detector)[:, 0]).reshape(5, 640)
    assert np.unique(np.round(means[0], 3)).tolist() == [24, 124]  # the reference output has no pairs
    assert np.unique(np.round(means[1], 3)).tolist() == [20, 124]
    assert np.unique(np.round(means[2], 3)).tolist() == [24, 120]  # read backwards: the first pair is of odd columns


def test_edge_means_leave_out_what_is_no_number(recwarn):
    frame = np.full(FRAME, 7.0, np.float32)
    frame[100, 2] = np.nan
    subtract_edge_means(frame, np.ones(FRAME, bool), "NRS1", True)
    assert np.argwhere(frame != 0).tolist() == [[100, 2]]
    frame[:] = np.nan
    subtract_edge_means(frame, np.ones(FRAME, bool), "NRS1", True)
    assert not recwarn.list


@pytest.mark.req("SAT-06", "SAT-13")
def test_saturation_spares_interleaved_reference_pixels(simulation):
    ramp = datamodels.RampModel(simulation.exposure.data.astype(np.float32))
    ramp.update(simulation.exposure)
    rows = np.flatnonzero(irs2.normal_rows())
    ramp.data[0, 1, rows[700], 300] = 61000
    ramp.data[0, 1, where(0, 3, 1), 900] = 61000
    ramp.data[0, 1, 20, 20] = 61000  # reference output
    result = SaturationStep.call(ramp, override_saturation=simulation.references["saturation"], n_pix_grow_sat=0)
    assert np.argwhere(result.groupdq[0, 1] & 2).tolist() == [[rows[700], 300]]
