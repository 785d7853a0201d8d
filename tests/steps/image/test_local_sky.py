"""The sky around each pixel of an image."""

import numpy as np
import pytest

from hexcal.steps.image.local_sky import local_sky


@pytest.mark.parametrize("shape", [(200, 330), (70, 40), (64, 640)])
def test_a_slope_is_followed_to_the_edges_in_spite_of_sources_and_bad_pixels(shape):
    random = np.random.default_rng(1)
    slope = 5 + 0.02 * np.arange(shape[0])[:, None] - 0.03 * np.arange(shape[1])
    data = (slope + random.normal(0, 0.1, shape)).astype("f4")
    usable = random.random(shape) > 0.1
    data[~usable] = np.nan
    data[random.random(shape) < 0.05] += 100
    sky = local_sky(data, usable)
    is_sloping = [length > 96 for length in shape]  # Of one box only the level is known
    expected = slope - sum(
        np.expand_dims(step * (np.arange(length) - (length - 1) / 2), 1 - axis)
        for axis, (length, step, is_known) in enumerate(zip(shape, (0.02, -0.03), is_sloping, strict=True))
        if not is_known
    )
    assert np.abs(sky - expected).max() < 0.2
    assert sky.dtype == np.float32


def test_boxes_without_usable_pixels_have_the_value_of_the_nearest():
    data = np.repeat(np.float32([1, 9, 1, 5]), 64) * np.ones((64, 1), "f4")
    usable = np.ones(data.shape, bool)
    usable[:, 70:128] = False
    sky = local_sky(data, usable)
    assert (sky[:, :160] == 1).all()
    assert (sky[:, 224] > 4.9).all()
    assert local_sky(data, np.zeros_like(usable)) is None
