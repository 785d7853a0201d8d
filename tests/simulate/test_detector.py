"""The simulated response is the inverse of the correction in the linearity reference."""

import numpy as np
import pytest

from hexcal.models.dqflags import pixel
from hexcal.simulate.detector import make_detector
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.response import linearized, measured_from


@pytest.mark.parametrize("instrument", ["NIRCAM", "MIRI"])
def test_response_and_correction_are_inverse_far_below_the_noise(instrument):
    name = {"NIRCAM": "NRCA1", "MIRI": "MIRIMAGE"}[instrument]
    pixels = make_detector(name, instrument, np.random.default_rng(1), xstart=500, ystart=500, shape=(40, 40))
    start = pixels.bias if instrument == "MIRI" else np.zeros_like(pixels.bias)
    for share in (0, 0.01, 0.3, 0.7, 1):
        linear = linearized(start + np.float32(share) * pixels.well, pixels.coefficients)
        measured = measured_from(linear, pixels.coefficients)
        back = np.polynomial.polynomial.polyval(measured.astype(float), pixels.coefficients.astype(float), tensor=False)
        assert np.abs(back - linear).max() < 0.02
        assert pixels.read_noise.min() > 1
    loss = 1 - (measured - start) / (linear - linearized(start, pixels.coefficients))
    assert 0.02 < np.median(loss) < 0.12


def test_bad_and_reference_pixels():
    pixels = make_detector(
        "NRCA1", "NIRCAM", np.random.default_rng(1), xstart=1849, ystart=1849, shape=(200, 200), bad_pixels=0.1
    )
    bad = (pixels.dq & (pixel.DEAD | pixel.HOT | pixel.LOW_QE)) != 0
    assert bad[~pixels.is_reference].mean() == pytest.approx(0.1, rel=0.1)
    assert (pixels.response[(pixels.dq & pixel.DEAD) != 0] == 0).all()
    assert (pixels.response[pixels.is_reference] == 0).all()
    assert pixels.is_reference.sum() == 200 * 200 - 196 * 196
    assert ((pixels.dq[pixels.is_reference] & pixel.BAD_REF_PIXEL) != 0).any()


def test_a_part_is_cut_out_of_the_whole():
    mode = exposure_mode(subarray_name="SUB160")
    whole = make_detector("NRCA1", "NIRCAM", np.random.default_rng(1), shape=(2048, 2048))
    part = whole.part(mode)
    assert part.shape == (160, 160)
    assert part.coefficients.shape == (4, 160, 160)
    assert np.array_equal(part.bias, whole.bias[1888:2048, 1888:2048])
    assert (part.xstart, part.ystart) == (1889, 1889)
