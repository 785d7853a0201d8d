"""Extracted spectra beside the truth: bias, pulls, fluxes and centres of lines."""

import numpy as np
import pytest

from hexcal.models.dqflags import pixel
from hexcal.simulate.spectra.compare import compare
from hexcal.simulate.spectra.light import Light, Source

STAR = Source(1, "star", "point", Light(1e-3, -1.0, 2.0, ((2.0, 0.02, 1.5), (3.0, 0.03, 2.0))))
WAVE = np.linspace(1, 4, 1500)


def spectrum(factor=1.0, shift=0.0, noise=0.01, seed=0):
    rng, true = np.random.default_rng(seed), STAR.light(WAVE)
    error = noise * true
    return factor * STAR.light(WAVE - shift) + rng.normal(0, 1, WAVE.size) * error, error, np.zeros(WAVE.size, int)


def test_what_is_right_has_no_bias_and_a_pull_of_one():
    found = compare(STAR, WAVE, *spectrum())
    assert found.bias == pytest.approx(0, abs=1e-3) and found.scatter == pytest.approx(0.01, rel=0.1)
    assert found.pull[0] == pytest.approx(0, abs=0.1) and found.pull[1] == pytest.approx(1, abs=0.08)
    assert [line.centre for line in found.lines] == [2.0, 3.0]
    for line in found.lines:
        assert line.flux == pytest.approx(1, abs=0.02) and line.shift == pytest.approx(0, abs=0.2)


def test_what_is_too_bright_or_shifted_is_measured():
    found = compare(STAR, WAVE, *spectrum(factor=1.03, noise=1e-6))
    assert found.bias == pytest.approx(0.03, abs=1e-4)
    step = WAVE[1] - WAVE[0]
    found = compare(STAR, WAVE, *spectrum(shift=0.5 * step, noise=1e-6))
    for line in found.lines:
        assert line.shift == pytest.approx(0.5, abs=0.02) and line.flux == pytest.approx(1, abs=0.01)


def test_flagged_and_unknown_points_and_those_beyond_the_limits_do_not_count():
    flux, error, dq = spectrum(noise=1e-6)
    flux[100], dq[100], flux[200], error[300] = 99, pixel.DO_NOT_USE, np.nan, np.nan
    found = compare(STAR, WAVE, flux, error, dq, limits=(1.0, 2.5))
    assert not {100, 200, 300} & set(np.searchsorted(WAVE, found.wavelength)) and found.wavelength.max() < 2.5
    # The second line lies beyond.
    assert [line.centre for line in found.lines] == [2.0]
    assert compare(STAR, WAVE, np.full_like(flux, np.nan), error, dq) is None


def test_a_spectrum_that_runs_to_shorter_wavelengths_is_the_same():
    flux, error, dq = spectrum()
    there, back = compare(STAR, WAVE, flux, error, dq), compare(STAR, WAVE[::-1], flux[::-1], error[::-1], dq)
    np.testing.assert_array_equal(there.flux, back.flux)
    assert there.lines[0].flux == back.lines[0].flux
