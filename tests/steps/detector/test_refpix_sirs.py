"""Simple Improved Reference Subtraction (sirs): the side reference pixels, with weights in Fourier space."""

import asdf
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.observatories.detectors import Detector
from hexcal.observatories.jwst.detectors import detector
from hexcal.steps.detector import refpix_levels, refpix_regions, refpix_sirs
from hexcal.steps.detector.refpix import RefPixStep

HALF_WIDTH = 5
SIZE = 64


def square(size):
    """A detector of size x size pixels with a border of four reference pixels."""
    return Detector("SQUARE", "NIRCAM", 1, 2, size, size, 4, 4, 4, 4, 4)


def turned(array, fastaxis, slowaxis):
    """From (slow, fast) in the order of the read-out to the science orientation."""
    array = np.flip(array, [axis for axis, sign in ((-1, fastaxis), (-2, slowaxis)) if sign < 0])
    return np.ascontiguousarray(np.swapaxes(array, -1, -2) if abs(fastaxis) == 2 else array)


def border(shape, width=4):
    edge = np.full(shape, pixel.REFERENCE_PIXEL, np.uint32)
    edge[width:-width, width:-width] = 0
    return edge


def make_ramp(data, name, flags, subarray="FULL", outputs=4):
    own = detector(name)
    ramp = datamodels.RampModel(np.ascontiguousarray(data, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.instrument.detector = "JWST", own.instrument, name
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = ramp.shape[:2]
    ramp.meta.exposure.noutputs, ramp.meta.exposure.readpatt = (
        outputs,
        "FASTR1" if own.instrument == "MIRI" else "RAPID",
    )
    where = ramp.meta.subarray
    where.name, where.xstart, where.ystart, where.xsize, where.ysize = subarray, 1, 1, ramp.shape[3], ramp.shape[2]
    where.fastaxis, where.slowaxis = own.fastaxis, own.slowaxis
    ramp.pixeldq[:] = flags
    return ramp


def some_kernels(seed=1, outputs=4, half_width=HALF_WIDTH):
    """Kernels (2, noutputs, 2 * half_width + 1), which are not symmetric."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.02, 0.1, (2, outputs, 2 * half_width + 1))


def shifted_sum(line, kernel):
    """Convolution, written as a sum over lags; beyond the ends of the line there is nothing."""
    half_width, result = len(kernel) // 2, np.zeros(len(line))
    for lag, weight in zip(range(-half_width, half_width + 1), kernel, strict=True):
        for row in range(len(line)):
            if 0 <= row - lag < len(line):
                result[row] += weight * line[row - lag]
    return result


def twin(image, kernels, n_sigma):
    """Output of 16 columns each, rows along y, 64 x 64; edges that are 0."""
    expected = image.astype(float)
    for strip, of_outputs in zip((image[:, :4], image[:, -4:]), kernels, strict=True):
        apart = np.abs(strip - np.median(strip))
        good = apart <= n_sigma * 1.48 * np.median(apart)
        for output, kernel in enumerate(of_outputs):
            mean = shifted_sum((strip * good).sum(1), kernel) / shifted_sum(good.sum(1), kernel)
            expected[:, 16 * output : 16 * (output + 1)] -= (mean * shifted_sum(np.ones(SIZE), kernel))[:, None]
    return expected


@pytest.mark.parametrize("axes", [(1, 2), (-1, 2), (1, -2), (2, 1), (-2, -1)])
def test_equals_twin_in_every_orientation(axes):
    """Kernels belong to the sides, outputs and lines in the order of the read-out."""
    rng, kernels = np.random.default_rng(3), some_kernels()
    data = rng.normal(0, 5, (2, 2, SIZE, SIZE)).astype(np.float32)
    data[..., :4, :] = data[..., -4:, :] = 0
    data[0, 1, 20:30, :4] = 300
    data[1, 0, 33, -3] = -200
    expected = np.array([[twin(image, kernels, 3.0) for image in integration] for integration in data])
    as_read, expected = turned(data, *axes), turned(expected, *axes)
    where = refpix_regions.layout((SIZE, SIZE), (1, 1), *axes, square(SIZE))
    refpix_sirs.correct_by_kernels(as_read, np.ones((SIZE, SIZE), bool), where, True, kernels, 3.0)
    np.testing.assert_allclose(as_read, expected, atol=2e-4)


def test_kernels_are_the_transforms_of_the_weights_cut_off_and_smoothed():
    lag = np.fft.fftfreq(256, 1 / 256).astype(int)
    full = np.zeros((2, 256))
    full[0, lag == 0], full[0, lag == 3], full[0, lag == -4] = 1.0, 0.5, -0.25
    full[1, lag == 8], full[1, lag == -7] = 0.75, 5.0
    weights = np.fft.rfft(full, axis=1)
    plain = refpix_sirs.convolution_kernels(weights, 0.0, 6)
    expected = np.zeros((2, 13))
    expected[0, [6, 9, 2]] = 1.0, 0.5, -0.25
    np.testing.assert_allclose(plain, expected, atol=1e-12)
    smooth = refpix_sirs.convolution_kernels(weights, 1.0, 6)
    gaussian = np.exp(-0.5 * np.arange(-6, 7) ** 2)
    gaussian /= gaussian.sum()
    at_three = [0.5 * gaussian[6 + k - 3] if 0 <= 6 + k - 3 < 13 else 0 for k in range(-6, 7)]
    at_minus_four = [-0.25 * gaussian[6 + k + 4] if 0 <= 6 + k + 4 < 13 else 0 for k in range(-6, 7)]
    np.testing.assert_allclose(smooth[0], gaussian + at_three + at_minus_four, atol=1e-12)
    np.testing.assert_allclose(smooth[1], 0, atol=1e-12)


def test_noise_that_the_sides_know_of_is_removed():
    """Each output has a filtered copy of the noise of the two sides; with their kernels nothing of it remains."""
    rng, kernels = np.random.default_rng(5), some_kernels(2)
    streams = rng.normal(0, 20, (2, SIZE))
    of_outputs = [sum(shifted_sum(s, k[output]) for s, k in zip(streams, kernels, strict=True)) for output in range(4)]
    image = np.repeat(np.array(of_outputs).T, 16, axis=1)
    image[:, :4], image[:, -4:] = streams[0][:, None], streams[1][:, None]
    image[:4, 4:-4] = image[-4:, 4:-4] = 0
    data = image[None, None].astype(np.float32)
    where = refpix_regions.layout((SIZE, SIZE), (1, 1), 1, 2, square(SIZE))
    edges = np.zeros((SIZE, SIZE), bool)
    by_kernels, by_median = data.copy(), data.copy()
    refpix_sirs.correct_by_kernels(by_kernels, edges, where, True, kernels, 6.0)
    refpix_levels.correct_amplifiers(by_median, ~edges, where, True, True, 3, 1.0)
    inner = np.s_[..., 4:-4, 4:-4]
    assert np.abs(by_kernels[inner]).max() < 1e-4
    assert by_median[inner].std() > 0.3 * data[inner].std()


def test_values_that_are_not_finite_and_sides_without_any_are_left_out():
    rng, kernels = np.random.default_rng(6), some_kernels()
    strip = rng.normal(0, 5, (SIZE, 4))
    strip[10:12] = np.nan
    signal = refpix_sirs.side_signal(strip, kernels[0], 4.0)
    assert np.isfinite(signal).all()
    assert np.abs(signal).min(axis=1).max() < np.abs(signal).max()
    assert not refpix_sirs.side_signal(np.full((SIZE, 4), np.nan), kernels[0], 4.0).any()
    assert not refpix_sirs.side_signal(strip, np.zeros((4, 11)), 4.0).any()


@pytest.fixture
def full_frame():
    rng = np.random.default_rng(7)
    data = rng.normal(0, 5, (1, 1, 2048, 2048))
    data += rng.normal(0, 4, (2048, 1))
    return make_ramp(data, "NRCA1", border((2048, 2048)))


def write_kernels(path, names=("nrca1",), shape=(4, 1025), value=0.5):
    tree = {name: {"gamma": np.full(shape, value), "zeta": np.full(shape, value)} for name in names}
    asdf.AsdfFile({"meta": {"telescope": "JWST", "reftype": "sirskernel"}, **tree}).write_to(path)
    return str(path)


def test_step_takes_the_kernels_of_its_detector(full_frame, tmp_path):
    """Kernels of half a line each: what remains of the noise that all columns of a line share is less."""
    reference = write_kernels(tmp_path / "sirskernel.asdf")
    result = RefPixStep.call(full_frame, refpix_algorithm="sirs", override_sirskernel=reference, gaussmooth=0.0)
    assert result.meta.cal_step.refpix == "COMPLETE"
    assert result.meta.ref_file.sirskernel.name == "sirskernel.asdf"
    inner = np.s_[0, 0, 4:-4, 4:-4]
    sides = np.concatenate([full_frame.data[0, 0, :, :4], full_frame.data[0, 0, :, -4:]], axis=1)
    left = full_frame.data[inner] - sides.mean(axis=1)[4:-4, None]
    assert result.data[inner].std() == pytest.approx(left.std(), rel=2e-3)
    assert result.data[inner].std() < 0.9 * full_frame.data[inner].std()
    named = datamodels.open(reference)
    assert np.asarray(named.tree["nrca1"]["gamma"]).shape == (4, 1025)


@pytest.mark.parametrize("why", ["no reference", "another detector"])
def test_without_kernels_the_running_median_is_taken(full_frame, tmp_path, caplog, why):
    reference = "N/A" if why == "no reference" else write_kernels(tmp_path / "k.asdf", ["nrca2"])
    result = RefPixStep.call(full_frame, refpix_algorithm="sirs", override_sirskernel=reference)
    assert result.meta.cal_step.refpix == "COMPLETE"
    assert "running median" in caplog.text
    np.testing.assert_array_equal(result.data, RefPixStep.call(full_frame).data)


def test_without_side_pixels_no_kernel_is_asked_for(full_frame, tmp_path):
    alone = RefPixStep.call(full_frame, refpix_algorithm="sirs", use_side_ref_pixels=False)
    np.testing.assert_array_equal(alone.data, RefPixStep.call(full_frame, use_side_ref_pixels=False).data)


def test_kernels_of_another_layout_are_refused(full_frame, tmp_path):
    reference = write_kernels(tmp_path / "k.asdf", shape=(1025,))
    with pytest.raises(ReferenceError_, match="gamma of nrca1 must be at least 4 outputs"):
        RefPixStep.call(full_frame, refpix_algorithm="sirs", override_sirskernel=reference)


def test_subarrays_have_the_running_median(tmp_path, caplog):
    data = np.random.default_rng(8).normal(0, 5, (1, 1, 64, 2048))
    flags = np.zeros((64, 2048), np.uint32)
    flags[:4] = flags[:, :4] = flags[:, -4:] = pixel.REFERENCE_PIXEL
    ramp = make_ramp(data, "NRCA1", flags, "SUB64P")
    reference = write_kernels(tmp_path / "k.asdf")
    result = RefPixStep.call(ramp, refpix_algorithm="sirs", override_sirskernel=reference)
    np.testing.assert_array_equal(result.data, RefPixStep.call(ramp).data)
    assert "sirs is for full frames" in caplog.text


@pytest.mark.parametrize("case", ["amplifiers", "single output", "miri"])
def test_siglimit_is_the_limit_of_all_clipped_means(case):
    rng = np.random.default_rng(9)
    name, subarray, outputs, shape = {
        "amplifiers": ("NRCA1", "FULL", 4, (2048, 2048)),
        "single output": ("NRCA1", "SUB64P", 1, (64, 64)),
        "miri": ("MIRIMAGE", "FULL", 4, (1024, 1032)),
    }[case]
    flags = border(shape) if case != "miri" else np.zeros(shape, np.uint32)
    if case == "miri":
        flags[:, :4] = flags[:, -4:] = pixel.REFERENCE_PIXEL
    data = np.where(flags > 0, rng.exponential(10.0, (1, 2, *shape)), 0)
    ramp = make_ramp(data, name, flags, subarray, outputs)
    wide, usual, near = (
        RefPixStep.call(ramp, siglimit=limit, use_side_ref_pixels=False).data[0, 1, 20:-20, 20:-20]
        for limit in (1000.0, 3.0, 1.0)
    )
    np.testing.assert_array_equal(usual, RefPixStep.call(ramp, use_side_ref_pixels=False).data[0, 1, 20:-20, 20:-20])
    if case != "miri":
        assert wide.mean() == pytest.approx(-10, abs=0.5)
        assert wide.mean() < usual.mean() - 0.3 < near.mean() - 1
    assert (near != usual).any()
