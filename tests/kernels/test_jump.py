"""Jumps: two-point differences, neighbours, later groups, sigma clipping, against plain numpy."""

import itertools

import numpy as np
import pytest
from astropy.stats import sigma_clip

from hexcal.kernels import jump, jump_after, jump_sigma_clip, selection
from hexcal.kernels.jump_differences import Samples

DNU, SAT, JUMP = 1, 2, 4


def electrons(ramp, flags, gain):
    values = ramp * gain
    return np.where((flags & 3 != 0) | ~np.isfinite(values), np.float32(np.nan), values)


def ratios(difference, variance, median):
    # Without any noise there is no measure for a jump: NaN.
    return np.abs(difference.astype(float) - median) / (np.sqrt(abs(median) + variance) or np.nan)


def twin_short(difference, variance, thresholds):
    """The documented repetition for one pixel: drop all differences with the largest ratio, start again."""
    size, used = np.abs(difference).astype(float), np.isfinite(difference)
    found = np.zeros(size.shape, bool)
    while used.sum() >= 2:
        left = np.sort(size[used])
        threshold = {2: thresholds[2], 3: thresholds[1]}.get(left.size, thresholds[0])
        clipped = left[left < left[-1]]
        if left.size > 3 and clipped.size == 0:
            break
        median = {2: left[0], 3: left[1]}.get(left.size, np.median(clipped) if clipped.size else left[0])
        ratio = np.where(used, ratios(size, variance, median), -1)
        if not ratio.max() > threshold:
            break
        found |= ratio == ratio.max()
        used &= ~found
    return found


def twin(data, group_dq, gain, noise, frames, thresholds, limits, pool):
    """Flags after `find_jumps` and marks for `flag_neighbors`."""
    flags, marks = group_dq.copy(), np.zeros(data.shape, bool)
    n_ints, n_groups, ny, nx = data.shape
    for y, x in itertools.product(range(ny), range(nx)):
        step = np.diff(electrons(data[:, :, y, x], group_dq[:, :, y, x], gain[y, x]), axis=1)
        variance = float(noise[y, x] * gain[y, x]) ** 2 / frames
        for part in [slice(None)] if pool else [slice(i, i + 1) for i in range(n_ints)]:
            difference = step[part]
            if not np.isfinite(difference).any():
                continue
            median = np.median(difference[np.isfinite(difference)].astype(float))
            ratio = np.nan_to_num(ratios(difference, variance, median))
            found = twin_short(difference, variance, thresholds) if n_groups <= 10 else ratio > thresholds[0]
            flags[part, 1:, y, x][found] |= JUMP
            flagged = (flags[part, 1:, y, x] & JUMP != 0) & (flags[part, 1:, y, x] & 3 == 0)
            marks[part, 1:, y, x] = flagged & (ratio > limits[0]) & (ratio < limits[1])
    flags[flags & 3 != 0] &= ~np.uint8(JUMP)
    return flags, marks


def twin_neighbors(flags, marks):
    near = np.zeros_like(marks)
    near[:, :, 1:] |= marks[:, :, :-1]
    near[:, :, :-1] |= marks[:, :, 1:]
    near[..., 1:] |= marks[..., :-1]
    near[..., :-1] |= marks[..., 1:]
    return flags | np.where(near & (flags & 3 == 0), JUMP, 0).astype(np.uint8)


def twin_after(flags, data, gain, sizes, groups, pool):
    step = np.diff(electrons(data, flags, gain), axis=1)
    median = np.nanmedian(step, axis=(0, 1) if pool else 1, keepdims=True)
    result = flags.copy()
    for size, reach in zip(sizes, groups, strict=True):
        large = (flags[:, 1:] & JUMP != 0) & (step - median >= np.float32(size) * gain)
        for k in range(1, data.shape[1]):
            later = result[:, k + 1 : k + 1 + reach]
            later[large[:, k - 1, None] & (later & 3 == 0)] |= JUMP
    return result


def make(n_ints, n_groups, seed, size=(11, 70), ties=False):
    """Ramps with every kind of trouble."""
    rng = np.random.default_rng(seed)
    shape = (n_ints, n_groups, *size)
    steps = rng.normal(0, 6, shape) + rng.choice([0, 5, 50, 500, -30], size)
    steps += (rng.random(shape) < 0.05) * rng.choice([-1, 1, 1], shape) * 10 ** rng.uniform(1, 4, shape)
    data = np.cumsum(steps, axis=1).astype(np.float32)
    if ties:
        data = np.round(data / 20) * np.float32(20)
    data[rng.random(shape) < 0.004] = np.nan
    flags = rng.choice(np.array([0, DNU, JUMP, JUMP | DNU, 128], np.uint8), shape, p=[0.94, 0.02, 0.02, 0.01, 0.01])
    end = rng.integers(1, 6 * n_groups, (n_ints, 1, *size))
    flags[np.arange(n_groups)[:, None, None] >= end] |= SAT
    gain = rng.uniform(1, 3, size).astype(np.float32)
    gain[0, :3] = np.nan, 0, -1
    noise = rng.uniform(5, 10, size).astype(np.float32)
    noise[1, :2] = 0, np.nan
    data[rng.random(shape) < 0.002] = np.inf
    data[rng.random(shape) < 0.002] = -np.inf
    return data, flags, gain, noise


def unpack(spread, nx):
    bits = np.unpackbits(spread.view(np.uint8), axis=-1, bitorder="little")
    return bits[..., :nx].astype(bool)


def run(kernel, data, flags, gain, noise, frames, test, bands=(0, 4, 5, 11)):
    samples = Samples(data, flags.copy(), gain, noise, 1.0 / frames)
    spread = np.zeros((*flags.shape[:3], (flags.shape[3] + 63) // 64), np.uint64)
    for low, high in itertools.pairwise(bands):
        kernel(low, high, samples, test, spread)
    return samples.group_dq, spread


@pytest.mark.req("JUMP-06", "JUMP-07", "JUMP-08", "JUMP-09", "JUMP-10", "JUMP-11", "JUMP-12")
@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("n_groups", [3, 4, 5, 10, 11, 25])
@pytest.mark.parametrize("ties", [False, True])
def test_two_point_differences(n_groups, pool, ties):
    data, flags, gain, noise = make(2, n_groups, n_groups, ties=ties)
    thresholds, limits, frames = (4.0, 5.0, 6.0), (8.0, 60.0), 2
    args = (gain, noise, frames, jump.TwoPointTest(*thresholds, limits, pool, n_groups > 10))
    found, spread = run(jump.find_jumps, data, flags, *args)
    expected, marks = twin(data, flags, gain, noise, frames, thresholds, limits, pool)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(unpack(spread, data.shape[3]), marks)
    assert ((found ^ flags) & JUMP).any() and marks.any()
    whole, spread_whole = run(jump.find_jumps, data, flags, *args, bands=(0, 11))
    np.testing.assert_array_equal(whole, found)
    np.testing.assert_array_equal(spread_whole, spread)


@pytest.mark.req("JUMP-10")
@pytest.mark.parametrize("n_groups", [8, 10, 20, 40])
@pytest.mark.parametrize("rate", [0.0, 30.0, 3000.0])
def test_quick_test_misses_nothing(n_groups, rate):
    # Noise as expected, so that the largest ratios lie around the threshold; more than one chunk of columns.
    rng = np.random.default_rng(int(n_groups + rate))
    shape = (1, n_groups, 3, 1100)
    steps = rng.normal(rate, np.sqrt(rate / 2 + 50), shape) + (rng.random(shape) < 0.01) * 100
    data, flags = np.cumsum(steps, axis=1).astype(np.float32), np.zeros(shape, np.uint8)
    gain, noise = np.full(shape[2:], 2, np.float32), np.full(shape[2:], 10, np.float32)
    thresholds = (3.0, 3.0, 3.0)
    test = jump.TwoPointTest(*thresholds, (0.0, 0.0), False, n_groups > 10)
    found, _ = run(jump.find_jumps, data, flags, gain, noise, 1, test, bands=(0, 3))
    expected, _ = twin(data, flags, gain, noise, 1, thresholds, (0, 0), False)
    np.testing.assert_array_equal(found, expected)
    assert 0.01 < (found.any(axis=1)).mean() < 0.9


@pytest.mark.req("JUMP-13")
def test_neighbors():
    rng = np.random.default_rng(4)
    shape = (2, 3, 9, 130)
    marks = rng.random(shape) < 0.02
    marks[0, 0, 0, [0, 63, 64, 127, 129]] = marks[1, 2, 8, [0, 62, 65, 128, 129]] = True
    packed = np.packbits(np.pad(marks, [(0, 0)] * 3 + [(0, 62)]), axis=-1, bitorder="little").view(np.uint64)
    flags = rng.choice(np.array([0, DNU, SAT, JUMP], np.uint8), shape)
    found = flags.copy()
    for low, high in itertools.pairwise((0, 1, 6, 9)):
        jump_after.flag_neighbors(low, high, found, packed)
    np.testing.assert_array_equal(found, twin_neighbors(flags, marks))


@pytest.mark.req("JUMP-14")
@pytest.mark.filterwarnings("ignore:All-NaN slice")
@pytest.mark.parametrize(
    ("sizes", "groups"),
    [((100.0, 0.0), (2, 0)), ((100.0, 1000.0), (1, 4)), ((0.0, 50.0), (1, 0)), ((9.0, 0.0), (0, 50))],
)
@pytest.mark.parametrize("pool", [False, True])
def test_groups_after_a_jump(sizes, groups, pool):
    data, flags, gain, noise = make(2, 9, 8)
    gain = np.maximum(np.nan_to_num(gain, nan=1), np.float32(0.5))
    flags[flags & 3 != 0] &= ~np.uint8(JUMP)
    samples = Samples(data, flags.copy(), gain, noise, 1.0)
    for low, high in itertools.pairwise((0, 4, 11)):
        jump_after.flag_after_jumps(low, high, samples, jump_after.AfterJump(sizes, groups, pool))
    found = samples.group_dq
    expected = twin_after(flags, data, gain, sizes, groups, pool)
    np.testing.assert_array_equal(found, expected)
    assert (found != flags).any()


@pytest.mark.req("JUMP-29")
@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize(("n_ints", "size", "threshold"), [(30, (6, 9), 2.0), (30, (6, 9), 4.0), (151, (2, 250), 4.0)])
@pytest.mark.filterwarnings("ignore:Input data contains invalid values")
def test_sigma_clipping(only, n_ints, size, threshold):
    data, flags, gain, noise = make(n_ints, 4, 5, size=size)
    gain, noise = np.full_like(gain, 2), np.full_like(noise, 8)
    flags[:, 0, 0, 1] |= DNU
    test = jump_sigma_clip.ClipTest(threshold, (5.0, 50.0), only)
    found, spread = run(jump_sigma_clip.clip_jumps, data, flags, gain, noise, 1, test, bands=(0, 2, size[0]))
    step = np.diff(electrons(data, flags, gain), axis=1)
    clipped = sigma_clip(step.astype(float), sigma=threshold, maxiters=5, axis=0 if only else (0, 1))
    expected = flags.copy()
    expected[:, 1:][np.ma.getmaskarray(clipped) & np.isfinite(step)] |= JUMP
    expected[expected & 3 != 0] &= ~np.uint8(JUMP)
    np.testing.assert_array_equal(found, expected)
    median = np.nanmedian(step, axis=(0, 1))
    ratio = np.nan_to_num(np.abs(step - median) / np.sqrt(np.abs(median) + 256))
    marks = (found[:, 1:] & JUMP != 0) & (ratio > 5) & (ratio < 50)
    np.testing.assert_array_equal(unpack(spread, size[1])[:, 1:], marks)
    assert marks.any()


def test_quick_test_of_sigma_clipping_misses_nothing():
    """Pure noise, whose extremes lie around the clip level, on a slope that is large against the noise.

    And pixels without any noise.
    """
    rng = np.random.default_rng(8)
    shape = (160, 3, 2, 300)
    steps = rng.normal(1e4, 10, shape)
    steps[..., 7] = 100.0
    data, flags = np.cumsum(steps, axis=1).astype(np.float32), np.zeros(shape, np.uint8)
    gain, noise = np.ones(shape[2:], np.float32), np.full(shape[2:], 8, np.float32)
    test = jump_sigma_clip.ClipTest(3.5, (0.0, 0.0), True)
    found, _ = run(jump_sigma_clip.clip_jumps, data, flags, gain, noise, 1, test, bands=(0, 2))
    clipped = sigma_clip(np.diff(data, axis=1).astype(float), sigma=3.5, maxiters=5, axis=0)
    np.testing.assert_array_equal(found[:, 1:] & JUMP != 0, np.ma.getmaskarray(clipped))
    assert 0.02 < found.any(axis=0).mean() < 0.9


@pytest.mark.parametrize("kind", ["noise", "ties", "rising", "falling", "organ pipe"])
def test_median_by_selection(kind):
    rng = np.random.default_rng(3)
    for n in (1, 2, 3, 4, 7, 100, 1001):
        values = {
            "noise": rng.normal(0, 1, n),
            "ties": rng.integers(0, 3, n),
            "rising": np.arange(n),
            "falling": -np.arange(n),
            "organ pipe": np.abs(np.arange(n) - n // 2),
        }[kind].astype(np.float32)
        assert selection.median_of(values.copy(), n) == np.median(values.astype(float))
