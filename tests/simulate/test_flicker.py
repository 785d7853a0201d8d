"""1/f noise of the read-out, as simulated."""

import numpy as np
import pytest

from hexcal.errors import ParameterError
from hexcal.simulate.flicker import flicker_noise

SHAPE = (1, 3, 64, 128)


def test_power_falls_as_one_over_frequency():
    noise = np.concatenate(
        [flicker_noise((1, 1, 1, 4096), 1.0, np.random.default_rng(seed))[0, 0] for seed in range(60)]
    )
    power = (np.abs(np.fft.rfft(noise, axis=1)) ** 2).mean(axis=0)
    frequency = np.arange(len(power))
    slope = np.polyfit(np.log(frequency[4:500]), np.log(power[4:500]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("columns", [False, True])
def test_neighbours_along_a_line_share_it(columns):
    noise = flicker_noise(SHAPE, 5.0, np.random.default_rng(1), columns=columns)
    assert noise.shape == SHAPE and noise.std(axis=(-1, -2)) == pytest.approx(5, rel=1e-3)
    along, across = (np.abs(np.diff(noise, axis=axis)).mean() for axis in ((-2, -1) if columns else (-1, -2)))
    assert along < 0.95 * across


def test_each_output_has_its_own():
    noise = flicker_noise(SHAPE, 5.0, np.random.default_rng(1), n_outputs=4)[0, 0]
    lines = noise.reshape(64, 4, 32).mean(axis=2)
    assert abs(np.corrcoef(lines.T)[0, 1]) < 0.6
    with pytest.raises(ParameterError, match="divided"):
        flicker_noise(SHAPE, 5.0, np.random.default_rng(1), n_outputs=3)
