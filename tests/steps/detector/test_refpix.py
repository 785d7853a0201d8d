"""Correction with reference pixels."""

import numpy as np
import pytest
from scipy.stats import sigmaclip

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.observatories.detectors import Detector
from hexcal.observatories.jwst.detectors import detector, detectors
from hexcal.steps.detector import refpix_levels, refpix_regions
from hexcal.steps.detector.refpix import RefPixStep

REF, BAD = pixel.REFERENCE_PIXEL, pixel.DO_NOT_USE


def square(size, outputs=4):
    """A detector of size x size pixels with a border of four reference pixels."""
    return Detector("SQUARE", "NIRCAM", 1, 2, size, size, 4, 4, 4, 4, outputs)


def make_ramp(data, name="NRCA1", subarray="FULL", start=(1, 1), outputs=4, pattern="RAPID", flags=None):
    own = detector(name)
    ramp = datamodels.RampModel(np.ascontiguousarray(data, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.instrument.detector = "JWST", own.instrument, name
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = ramp.shape[:2]
    ramp.meta.exposure.noutputs, ramp.meta.exposure.readpatt = outputs, pattern
    where = ramp.meta.subarray
    where.name, where.xstart, where.ystart, where.xsize, where.ysize = subarray, *start, ramp.shape[3], ramp.shape[2]
    where.fastaxis, where.slowaxis = own.fastaxis, own.slowaxis
    if flags is not None:
        ramp.pixeldq[:] = flags
    return ramp


def mean(values):
    return sigmaclip(np.asarray(values, float).ravel(), 3, 3)[0].mean()


def border(shape, width=4):
    edge = np.full(shape, REF, np.uint32)
    edge[width:-width, width:-width] = 0
    return edge


# ---- science functions on a small detector of 32 x 32 pixels (amplifiers of 8 columns)


def twin(image, usable, by_parity, use_sides, length, gain, even_shift=0):
    """Amplifiers along x, rows along y, 32 x 32."""
    image = image.astype(float)
    x = np.arange(32)
    for amplifier in range(4):
        for parity in range(2):
            chosen = (x // 8 == amplifier) & ((x % 2 == parity) | (not by_parity))
            edges = [image[rows][:, chosen][usable[rows][:, chosen]] for rows in (slice(0, 4), slice(28, 32))]
            means = [mean(edge) for edge in edges if edge.size]
            image[:, (x // 8 == amplifier) & (x % 2 == parity)] -= np.mean(means) if means else 0
            if not by_parity:
                image[:, (x // 8 == amplifier) & (x % 2 != parity)] -= np.mean(means) if means else 0
                break
    if not use_sides:
        return image
    half = length // 2
    signal = np.zeros(32)
    for y in range(32):
        near = np.arange(y - half, y - half + length) + even_shift
        near = np.where(near < 0, -near, near)
        near = np.where(near > 31, 62 - near, near)
        sides = [image[near, strip][usable[near, strip]] for strip in (slice(0, 4), slice(28, 32))]
        medians = [np.median(side) for side in sides if side.size]
        signal[y] = gain * np.mean(medians) if medians else 0
    return image - signal[:, None]


@pytest.fixture
def small():
    """Images with a level per amplifier and parity, a slow wave along the rows, outliers, and bad reference pixels."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:32, :32]
    data = 1000 + 50 * (x // 8) + 7 * (x % 2) + 20 * np.sin(y / 4) + rng.normal(0, 2, (2, 3, 32, 32))
    data[rng.random(data.shape) < 0.01] += 500
    usable = rng.random((32, 32)) > 0.1
    usable[14:22, :4] = False
    return data.astype(np.float32), usable


def turned(array, fastaxis, slowaxis):
    """From (slow, fast) to the science orientation."""
    if abs(fastaxis) == 2:
        array = np.swapaxes(array, -1, -2)
        slow_axis = -1
    else:
        slow_axis = -2
    return np.ascontiguousarray(np.flip(array, slow_axis) if slowaxis < 0 else array)


@pytest.mark.req("REFPIX-03", "REFPIX-05", "REFPIX-06", "REFPIX-07")
@pytest.mark.parametrize("axes", [(-1, 2), (1, -2), (2, 1), (-2, -1)])
@pytest.mark.parametrize(
    ("by_parity", "use_sides", "length", "gain"),
    [(True, True, 11, 1.0), (False, True, 6, 0.5), (True, False, 11, 1.0), (True, True, 1, 2.0)],
)
def test_equals_twin_in_every_orientation(small, axes, by_parity, use_sides, length, gain):
    data, usable = small
    expected = np.array(
        [[twin(image, usable, by_parity, use_sides, length, gain) for image in integration] for integration in data]
    )
    ours = turned(data, *axes)
    where = refpix_regions.layout((32, 32), (1, 1), *axes, square(32))
    refpix_levels.correct_amplifiers(ours, turned(usable, *axes), where, by_parity, use_sides, length, gain)
    np.testing.assert_allclose(ours, turned(expected, *axes), atol=1e-3)


@pytest.mark.req("REFPIX-06", "REFPIX-07")
def test_known_drift_is_removed():
    """A level per amplifier and parity, and one per row, are what the correction is made for."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:64, :64]
    scene = np.zeros((64, 64))
    scene[4:-4, 4:-4] = rng.uniform(0, 1000, (56, 56))
    rows = np.repeat(rng.normal(0, 20, 16), 4)
    rows[:4] = rows[-4:] = 0
    data = scene + 30 * (x // 16) - 5 * (x % 2) + rows[y]
    ramp = data[None, None].astype(np.float32)
    where = refpix_regions.layout((64, 64), (1, 1), 1, 2, square(64))
    refpix_levels.correct_amplifiers(ramp, np.ones((64, 64), bool), where, True, True, 1, 1.0)
    np.testing.assert_allclose(ramp[0, 0], scene, atol=2e-3)


def test_only_one_edge_or_side_is_usable(small):
    data, usable = small
    usable[:4, 8:16] = False  # first lines of the second amplifier
    usable[:, 28:] = False
    usable[:4, 24:28] = usable[-4:, 24:28] = False
    expected = np.array([[twin(image, usable, True, True, 11, 1.0) for image in integration] for integration in data])
    where = refpix_regions.layout((32, 32), (1, 1), 1, 2, square(32))
    refpix_levels.correct_amplifiers(data, usable, where, True, True, 11, 1.0)
    np.testing.assert_allclose(data, expected, atol=1e-3)
    assert (expected[0, 0, 10, 24:] != 0).all()


def test_nan_is_left_out(small):
    data, usable = small
    without = usable.copy()
    without[2, 10] = without[12, 1] = False
    spoiled = data.copy()
    spoiled[:, :, 2, 10] = spoiled[:, :, 12, 1] = np.nan
    where = refpix_regions.layout((32, 32), (1, 1), 1, 2, square(32))
    refpix_levels.correct_amplifiers(spoiled, usable, where, True, True, 11, 1.0)
    refpix_levels.correct_amplifiers(data, without, where, True, True, 11, 1.0)
    data[np.isnan(spoiled)] = np.nan
    np.testing.assert_array_equal(spoiled, data)


def test_any_number_of_threads(small):
    data, usable = small
    where = refpix_regions.layout((32, 32), (1, 1), 1, 2, square(32))
    results = []
    for threads in (1, 2, 7):
        one, two = data.copy(), data.copy()
        refpix_levels.correct_amplifiers(one, usable, where, True, True, 11, 1.0, threads=threads)
        refpix_levels.correct_miri(two, np.ones((32, 32), bool), True, threads=threads)
        results.append((one, two))
    for one, two in results[1:]:
        assert (one == results[0][0]).all()
        assert (two == results[0][1]).all()


@pytest.mark.req("REFPIX-09", "REFPIX-10", "REFPIX-29")
@pytest.mark.parametrize("by_parity", [True, False])
def test_miri_equals_twin(by_parity):
    rng = np.random.default_rng(3)
    data = rng.normal(3000, 10, (2, 3, 24, 32)).astype(np.float32)
    usable = rng.random((24, 32)) > 0.1
    expected = data.astype(float)
    for integration in range(2):
        for group in (1, 2):
            change = data[integration, group] - data[integration, 0]
            for amplifier in range(4):
                for parity in range(2):
                    rows = slice(parity, None, 2) if by_parity else slice(None)
                    left, right = (change[rows, column][usable[rows, column]] for column in (amplifier, 28 + amplifier))
                    expected[integration, group, parity::2, amplifier::4] -= (mean(left) + mean(right)) / 2
    assert refpix_levels.correct_miri(data, usable, by_parity) == 0
    np.testing.assert_allclose(data, expected, atol=1e-3)


def test_miri_amplifier_without_reference_pixels(small):
    data = small[0][:, :, :24].copy()
    before = data.copy()
    usable = np.ones((24, 32), bool)
    usable[::2, 1] = False
    assert refpix_levels.correct_miri(data, usable, True) == 4
    np.testing.assert_array_equal(data, before)


# ---- the step


@pytest.mark.req("COMMON-08")
def test_layout_of_every_detector():
    for name in detectors():
        own = detector(name)
        where = refpix_regions.layout((own.rows, own.columns), (1, 1), own.fastaxis, own.slowaxis, own)
        assert where.transposed == (name in ("NIS", "NRS1", "NRS2", "GUIDER1", "GUIDER2"))
        assert where.fast.size == where.n_fast


@pytest.mark.req("REFPIX-25", "REFPIX-26", "REFPIX-27", "REFPIX-28", "REFPIX-29")
def test_parameters():
    own = RefPixStep().parameters
    assert (
        own.odd_even_columns,
        own.use_side_ref_pixels,
        own.side_smoothing_length,
        own.side_gain,
        own.odd_even_rows,
    ) == (True, True, 11, 1.0, True)
    with pytest.raises(ParameterError):
        RefPixStep(side_smoothing_length=0)


def test_reference_is_for_irs2_only():
    data = np.zeros((1, 1, 64, 64))
    assert RefPixStep().references_needed(make_ramp(data)) == ()
    irs2 = make_ramp(data, "NRS1", pattern="NRSIRS2RAPID")
    assert RefPixStep().references_needed(irs2) == ("refpix",)
    assert (
        RefPixStep.call(
            irs2, override_refpix=datamodels.ReferenceModel(np.zeros((2, 2), np.float32))
        ).meta.cal_step.refpix
        == "SKIPPED"
    )


@pytest.mark.req("REFPIX-01", "REFPIX-02", "REFPIX-08")
@pytest.mark.parametrize("name", ["NRCA1", "NRCB1", "NRS1", "NIS", "GUIDER2"])
def test_full_frame(name):
    """Amplifiers are 512 pixels wide along the fast direction; the sides show what changes along the slow one.

    Flags are not changed.
    """
    own = detector(name)
    y, x = np.mgrid[:2048, :2048]
    fast, slow = (y, x) if abs(own.fastaxis) == 2 else (x, y)
    level = 100 * (fast // 512) + 3 * (fast % 2) + np.where((slow >= 4) & (slow < 2044), slow // 512, 0)
    flags = border((2048, 2048))
    flags[0, 5] |= BAD
    data = level[None, None].astype(np.float32)
    data[0, 0, 0, 5] = 1e9
    result = RefPixStep.call(make_ramp(data, name, flags=flags), odd_even_rows=False)
    assert result.meta.cal_step.refpix == "COMPLETE"
    assert np.abs(result.data[0, 0, 16:2032, 16:2032]).max() < 1e-3
    np.testing.assert_array_equal(result.pixeldq, flags)
    assert not result.groupdq.any()


@pytest.mark.req("REFPIX-17")
@pytest.mark.parametrize(("ystart", "edge"), [(1, slice(0, 4)), (2009, slice(36, 40)), (1001, slice(0, 0))])
def test_four_outputs_use_the_edges_that_are_there(ystart, edge, caplog):
    data = (np.random.default_rng(4).normal(100, 3, (1, 2, 40, 2048)) + 50 * (np.arange(2048) // 512)).astype(
        np.float32
    )
    ramp = make_ramp(data, subarray="SUBGRISM64", start=(1, ystart))
    result = RefPixStep.call(ramp, use_side_ref_pixels=False, odd_even_columns=False)
    if edge.stop:
        first, last = ("yes", "no") if ystart == 1 else ("no", "yes")
        assert f"reference pixels: first lines {first}, last lines {last}, sides used 0" in caplog.messages
    if edge.stop == 0:
        assert result.meta.cal_step.refpix == "SKIPPED"
        np.testing.assert_array_equal(result.data, data)
        sides = RefPixStep.call(ramp)
        assert sides.meta.cal_step.refpix == "COMPLETE"
        change = (data - sides.data)[0, 0]
        assert np.ptp(change, axis=1).max() < 1e-3
        return
    for amplifier in range(4):
        columns = slice(512 * amplifier, 512 * amplifier + 512)
        np.testing.assert_allclose((data - result.data)[0, 1, :, columns], mean(data[0, 1, edge, columns]), atol=1e-3)


def test_stripe_within_one_amplifier_lies_where_it_lies():
    data = np.zeros((1, 1, 40, 600), np.float32)
    data[..., 88:] = 10  # the second amplifier starts at x = 513
    result = RefPixStep.call(make_ramp(data, subarray="SUBGRISM64", start=(425, 1)))
    assert not result.data.any()


@pytest.mark.req("REFPIX-14")
@pytest.mark.parametrize("name", ["NRCB1", "NIS"])
@pytest.mark.parametrize("by_parity", [True, False])
def test_single_output(name, by_parity):
    rng = np.random.default_rng(5)
    data = rng.normal(100, 10, (2, 2, 33, 35)).astype(np.float32)
    data[0, 0, 1, 7] = 3e3
    flags = np.zeros((33, 35), np.uint32)
    flags[:4], flags[:, :4] = REF, REF
    flags[rng.random(flags.shape) < 0.1] |= BAD
    result = RefPixStep.call(make_ramp(data, name, "SUB160P", outputs=1, flags=flags), odd_even_columns=by_parity)
    good = (flags & REF > 0) & (flags & BAD == 0)
    fast = np.indices(good.shape)[0 if name == "NIS" else 1]
    for parity in (0, 1):
        chosen = fast % 2 == parity
        for image, corrected in zip(data.reshape(-1, 33, 35), result.data.reshape(-1, 33, 35), strict=True):
            np.testing.assert_allclose(
                (image - corrected)[chosen], mean(image[good & chosen if by_parity else good]), atol=2e-3, rtol=1e-6
            )


@pytest.mark.parametrize(
    ("subarray", "status"),
    [("SUB32", "COMPLETE"), ("SUB512", "COMPLETE"), ("SUB512S", "COMPLETE"), ("SUB2048", "SKIPPED")],
)
def test_nirspec_columns_without_light(subarray, status):
    data = np.full((1, 2, 32, 48), 1000.0)
    data[..., :4], data[..., -4:] = 3, 5
    result = RefPixStep.call(make_ramp(data, "NRS1", subarray, (901, 1001), 1))
    assert result.meta.cal_step.refpix == status
    assert (result.data[..., 20] == (996 if status == "COMPLETE" else 1000)).all()
    assert not result.pixeldq.any()


@pytest.mark.req("REFPIX-16")
@pytest.mark.parametrize("why", ["none", "bad", "nan in one group", "even columns only"])
def test_subarray_without_reference_pixels_is_skipped(why):
    data = np.random.default_rng(6).normal(100, 10, (1, 3, 16, 16)).astype(np.float32)
    flags = np.zeros((16, 16), np.uint32)
    if why == "bad":
        flags[:4] = REF | BAD
    elif why == "nan in one group":
        flags[:4] = REF
        data[0, 1, :4] = np.nan
    elif why == "even columns only":
        flags[:4, ::2] = REF
    ramp = make_ramp(data, "NRCA1", "SUB160", (501, 501), 1, flags=flags)
    result = RefPixStep.call(ramp)
    assert result.meta.cal_step.refpix == "SKIPPED"
    np.testing.assert_array_equal(result.data, data)
    if why == "even columns only":
        assert RefPixStep.call(ramp, odd_even_columns=False).meta.cal_step.refpix == "COMPLETE"


@pytest.mark.req("REFPIX-09", "REFPIX-11", "REFPIX-02")
def test_miri_full_frame():
    rng = np.random.default_rng(7)
    scene = rng.uniform(0, 1e4, (1024, 1032))
    y, x = np.mgrid[:1024, :1032]
    drift = 5 * (x % 4) + 2 * (y % 2)
    data = scene + np.array([0, 1, -3])[:, None, None] * drift
    flags = np.zeros((1024, 1032), np.uint32)
    flags[:, :4] = flags[:, -4:] = REF
    ramp = make_ramp(data[None], "MIRIMAGE", pattern="FASTR1", flags=flags)
    result = RefPixStep.call(ramp)
    assert result.meta.cal_step.refpix == "COMPLETE"
    np.testing.assert_allclose(result.data, np.broadcast_to(scene, (1, 3, 1024, 1032)), atol=3e-3)
    other = RefPixStep.call(
        ramp, odd_even_columns=False, use_side_ref_pixels=False, side_smoothing_length=3, side_gain=7
    )
    np.testing.assert_array_equal(result.data, other.data)


@pytest.mark.req("REFPIX-01")
def test_only_ramps_are_corrected():
    with pytest.raises(InputError, match="ImageModel"):
        RefPixStep.call(datamodels.ImageModel((64, 64)))


@pytest.mark.req("REFPIX-12")
def test_miri_subarray_is_skipped():
    result = RefPixStep.call(make_ramp(np.ones((1, 2, 64, 72)), "MIRIMAGE", "SUB64", flags=REF))
    assert result.meta.cal_step.refpix == "SKIPPED"
    assert (result.data == 1).all()


def test_directions_of_the_header_count_and_missing_ones_are_those_of_the_detector():
    rng = np.random.default_rng(8)
    flags = np.zeros((20, 24), np.uint32)
    flags[:4] = REF
    ramp = make_ramp(rng.normal(0, 9, (1, 1, 20, 24)), "NIS", "SUB64", outputs=1, flags=flags)
    along_y = RefPixStep.call(ramp)
    ramp.meta.subarray.fastaxis = ramp.meta.subarray.slowaxis = None
    np.testing.assert_array_equal(RefPixStep.call(ramp).data, along_y.data)
    ramp.meta.subarray.fastaxis, ramp.meta.subarray.slowaxis = -1, 2
    assert (RefPixStep.call(ramp).data != along_y.data).any()
