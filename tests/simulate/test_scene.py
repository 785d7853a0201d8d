"""True rates."""

import numpy as np
import pytest

from hexcal.simulate import scene


def test_a_star_has_its_rate():
    rate = np.zeros((401, 401), np.float32)
    scene.add_star(rate, 200.3, 199.6, 1e5)
    assert rate.sum() == pytest.approx(1e5, rel=0.06)
    y, x = np.indices(rate.shape)
    assert (rate * x).sum() / rate.sum() == pytest.approx(200.3, abs=0.05)
    assert (rate * y).sum() / rate.sum() == pytest.approx(199.6, abs=0.05)


def test_a_star_on_the_edge_and_one_outside():
    rate = np.zeros((20, 30), np.float32)
    scene.add_star(rate, 0, 19, 100)
    scene.add_star(rate, 500, 500, 100)
    assert 10 < rate.sum() < 60


def test_steps_of_flux():
    steps = scene.steps((100, 10), (1, 10, 100))
    assert [int((steps.rate == level).sum()) for level in (1, 10, 100)] == [340, 330, 330]


def test_a_field_is_seeded():
    one, two = (scene.field((64, 64), rng=np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one.rate, two.rate)
    assert len(one.stars) == 5
    assert one.rate.min() > 0
