"""Medians along lines."""

import itertools

import numpy as np
import pytest

from hexcal.kernels.flicker import line_medians


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("bands", [1, 3])
def test_equal_to_the_plain_way_for_any_bands(parts, bands):
    rng = np.random.default_rng(2)
    image = rng.normal(0, 5, (10, 30)).astype(np.float32)
    image[rng.random(image.shape) < 0.1] = np.nan
    usable = rng.random(image.shape) < 0.7
    usable[4] = False
    background = rng.random(image.shape).astype(np.float32)
    noise = np.empty((10, parts))
    for first, last in itertools.pairwise(np.linspace(0, 10, bands + 1).astype(int)):
        line_medians(first, last, image, usable, background, 3.0, noise)
    values = np.where(usable, image - 3.0 * background.astype(np.float64), np.nan)
    edges = [30 // parts * part for part in range(parts)] + [30]
    for row, part in itertools.product(range(10), range(parts)):
        chosen = values[row, edges[part] : edges[part + 1]]
        chosen = chosen[np.isfinite(chosen)]
        assert noise[row, part] == (pytest.approx(np.median(chosen), abs=1e-6) if chosen.size else 0)
