"""The kernels of the ramp fit against a slow twin, pixel by pixel and formula by formula."""

import itertools

import numpy as np
import pytest

from hexcal.kernels import ramp_fit as kernels
from hexcal.kernels.ramp_fit_segments import weight_tables
from hexcal.steps.detector.fitted_ramps import Ramps, Timing
from hexcal.steps.detector.ramp_fit import fit_details, fit_ramps

DNU, SAT, JUMP, PERSISTENCE, CHARGELOSS = 1, 2, 4, 32, 128
GAIN, NOISE = 2.0, 8.0


# ---- the twin


def segments_of(flags):
    """Runs of usable groups as (first, end); of several, those of one group do not count.

    Of lone groups, only the first that no jump opened.
    """
    runs, start = [], None
    for g, f in enumerate([*flags, DNU]):
        unusable = f & ~(JUMP | PERSISTENCE) != 0
        if start is not None and (unusable or f & JUMP):
            runs.append((start, g))
            start = None
        if not unusable and start is None:
            start = g
    long = [run for run in runs if run[1] - run[0] > 1]
    return long or [run for run in runs if flags[run[0]] & ~PERSISTENCE == 0][:1]


def weights_of(values, gain, noise_electrons):
    """Optimal weights of the groups of one segment."""
    n = len(values)
    rise = max((values[-1] - values[0]) * gain, 0)
    ratio = rise / np.sqrt(noise_electrons**2 + rise) if rise else 0
    power = [0, 0.4, 1, 3, 6, 10][sum(ratio >= limit for limit in (5, 10, 20, 50, 100))]
    x = np.arange(n)
    return np.abs((x - (n - 1) / 2) / ((n - 1) / 2)) ** power


def slope_of(values, gain, noise_electrons, time):
    """Optimally weighted slope of one segment, DN/s."""
    if len(values) == 1:
        return values[0] / time
    x, w = np.arange(len(values)), weights_of(values, gain, noise_electrons)
    return (
        (w.sum() * (w * x * values).sum() - (w * x).sum() * (w * values).sum())
        / (w.sum() * (w * x * x).sum() - (w * x).sum() ** 2)
    ) / time


def usable(flags):
    return flags & ~(JUMP | PERSISTENCE) == 0


def good(flags):
    return flags & ~PERSISTENCE == 0


def lone_first(flags):
    return good(flags[0]) and one_good(flags)


def one_good(flags):
    return good(flags).sum() == 1


def lost(flags, suppress):
    runs = segments_of(flags)
    suppressed = suppress and len(flags) > 1 and (one_good(flags) or all(b - a == 1 for a, b in runs))
    return bool(flags[0] & SAT) or not runs or suppressed


def median_of(values, flags, timing, suppress):
    """Median first difference of one integration, DN/s."""
    if len(flags) == 1:
        return np.nan if flags[0] & SAT else values[0] / timing.single_time
    if lost(flags, suppress):
        return 0.0
    if not suppress and lone_first(flags):
        return values[0] / timing.single_time
    pair = usable(flags[:-1]) & good(flags[1:])
    if pair.any():
        return np.median(np.diff(values)[pair]) / timing.group_time
    return values[0] / timing.group_time if usable(flags[0]) else 0.0


def twin(values, flags, pixel_dq, timing, suppress, gain=GAIN, noise=NOISE):
    """Fit the ramps of one pixel, (nints, ngroups).

    Returns [(slope, err, dq, var_p, var_r)] for the exposure, then for each integration.
    """
    values = values.astype(float)
    n_groups = values.shape[1]
    if not gain > 0:
        pixel_dq |= DNU | 524288
    variance = noise**2 / 2 / timing.n_frames
    base = timing.single_time if n_groups == 1 else timing.group_time
    mean = np.mean([median_of(v, f, timing, suppress) for v, f in zip(values, flags, strict=True)])
    mean = mean if mean > 0 else 0.0
    rows, kept = [], []
    for v, f in zip(values, flags, strict=True):
        time = timing.single_time if not suppress and lone_first(f) else base
        gone = lost(f, suppress)
        fits = []
        for a, b in [] if gone else segments_of(f):
            n = max(b - a, 2)
            fits.append(
                (
                    slope_of(v[a:b], gain, np.sqrt(variance) * gain, time),
                    12 * variance / ((n**3 - n) * time**2),
                    mean / (time * gain * (n - 1)),
                )
            )
        dq = int(np.bitwise_or.reduce(f)) & (SAT | JUMP | PERSISTENCE) | pixel_dq | (DNU if gone else 0)
        noise_weight = sum(1 / r for _, r, _ in fits)
        if (f & CHARGELOSS).any():
            cleared = np.where(f & (CHARGELOSS | DNU) == CHARGELOSS | DNU, f & ~(CHARGELOSS | DNU), f)
            noise_weight = 0
            for a, b in segments_of(cleared):
                n, t = max(b - a, 2), time if b - a == 1 and not suppress and lone_first(f) else timing.group_time
                noise_weight += (n**3 - n) * t**2 / (12 * variance)
        if pixel_dq & 3:
            fits, noise_weight = [], 0
        kept.append((fits, noise_weight, dq))
        rows.append((*combined(fits, noise_weight)[:4], dq))
    fits = [fit for k in kept for fit in k[0]]
    slope, _, poisson, noise_variance = combined(fits, sum(k[1] for k in kept))
    conventional = 1 / sum(1 / r for _, r, _ in fits) if fits else 0
    dq = (
        int(np.bitwise_or.reduce([k[2] & ~DNU for k in kept]))
        | pixel_dq
        | (DNU if all(lost(f, suppress) for f in flags) else 0)
    )
    return [(slope, np.sqrt(poisson + conventional), poisson, noise_variance, dq), *rows]


def combined(fits, noise_weight):
    noise_variance = 1 / noise_weight if noise_weight else 0
    if not fits:
        return np.nan, 0.0, 0.0, noise_variance
    weight = sum(1 / r for _, r, _ in fits)
    poisson = 0 if fits[0][2] == 0 else 1 / sum(1 / p for _, _, p in fits)
    return (
        sum(s / r for s, r, _ in fits) / weight,
        np.sqrt(1 / sum(1 / (r + p) for _, r, p in fits)),
        poisson,
        noise_variance,
    )


def check(data, group_dq, timing=None, suppress=True, pixel_dq=0, gain=GAIN):
    timing = timing or Timing(10.0, 10.0)
    shape = data.shape[-2:]
    ramps = Ramps(
        np.ascontiguousarray(data, np.float32),
        np.ascontiguousarray(group_dq, np.uint8),
        np.full(shape, pixel_dq, np.uint32),
        np.full(shape, gain, np.float32),
        np.full(shape, NOISE, np.float32),
        timing,
        suppress_one_group=suppress,
    )
    found = [(f.slope, f.err, f.var_poisson, f.var_rnoise, f.dq) for f in fit_ramps(ramps)]
    for y, x in np.ndindex(shape):
        expected = twin(
            ramps.data[:, :, y, x], ramps.group_dq[:, :, y, x].astype(int), pixel_dq, timing, suppress, gain
        )
        rows = [
            [array[y, x] for array in found[0]],
            *([array[i, y, x] for array in found[1]] for i in range(data.shape[0])),
        ]
        message = f"flags {ramps.group_dq[:, :, y, x].tolist()}, suppress {suppress}"
        np.testing.assert_allclose(
            np.array(rows, float), np.array(expected, float), rtol=2e-6, atol=1e-12, err_msg=message
        )


def patterns(flags, n_ints, n_groups, rng):
    """All patterns of flags, one per pixel, with rising random ramps."""
    every = np.array(list(itertools.product(flags, repeat=n_ints * n_groups)))
    group_dq = every.T.reshape(n_ints, n_groups, 1, -1)
    return np.cumsum(rng.integers(60, 200, group_dq.shape), axis=1), group_dq


# ---- tests


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("suppress", [True, False])
@pytest.mark.parametrize(
    ("n_ints", "n_groups", "flags"),
    [
        (1, 1, (0, 1, 2, 4)),
        (1, 2, (0, 1, 2, 4, 5, 6, 32, 36, 64)),
        (1, 4, (0, 1, 2, 4, 32)),
        (2, 2, (0, 1, 2, 4)),
        (3, 1, (0, 2, 4)),
    ],
)
@pytest.mark.req("RAMP-02", "RAMP-10", "RAMP-24")
def test_every_pattern_of_flags(n_ints, n_groups, flags, suppress, rng):
    check(*patterns(flags, n_ints, n_groups, rng), Timing(20.0, 5.0, 4, 1), suppress)


@pytest.mark.parametrize("suppress", [True, False])
def test_every_pattern_with_charge_loss(suppress, rng):
    check(*patterns((0, 129, 4, 2), 1, 4, rng), Timing(20.0, 5.0), suppress)
    check(*patterns((0, 129, 1), 2, 2, rng), Timing(20.0, 5.0), suppress)


@pytest.mark.parametrize(("pixel_dq", "gain"), [(1, 2.0), (2, 2.0), (1024, 2.0), (0, -1.0), (0, np.nan)])
def test_pixels_that_are_bad_themselves(pixel_dq, gain, rng):
    check(*patterns((0, 1, 2, 4), 2, 2, rng), pixel_dq=pixel_dq, gain=gain)


@pytest.mark.parametrize("n_groups", [3, 4, 10, 23])
@pytest.mark.req("RAMP-04", "RAMP-05", "RAMP-06", "RAMP-15", "RAMP-18")
def test_all_signal_levels(n_groups, rng):
    """Rates from below the read noise to near saturation take all six exponents."""
    rate = 10 ** rng.uniform(-1, 4, (1, 1, 2, 300))
    data = (
        np.cumsum(rng.poisson(np.broadcast_to(rate, (2, n_groups, 2, 300))), axis=1)
        + rng.normal(0, 5, (2, n_groups, 2, 300))
        - 50
    )
    group_dq = rng.choice([0, JUMP, DNU], p=[0.9, 0.07, 0.03], size=data.shape)
    check(data, group_dq)


def test_sorting_pairs_sort(rng):
    for n in range(20):
        numbers = rng.integers(0, 5, (n, 200)).astype(float)
        expected = np.sort(numbers, axis=0)
        for a, b in kernels.sorting_pairs(n):
            numbers[[a, b]] = np.sort(numbers[[a, b]], axis=0)
        np.testing.assert_array_equal(numbers, expected)


def test_weight_tables_give_the_weighted_slope(rng):
    values = rng.normal(0, 1, 7)
    power, norm = weight_tables(9)
    x = np.arange(7)
    for row, exponent in enumerate((0, 0.4, 1, 3, 6, 10)):
        w = np.abs(x - 3.0) ** exponent
        expected = np.polyfit(x, values, 1, w=np.sqrt(w))[0]
        found = sum(power[row, 6 - 2 * k] * (values[6 - k] - values[k]) for k in range(3)) / norm[row, 7]
        assert found == pytest.approx(expected)


@pytest.mark.req("RAMP-30")
def test_bands_and_chunks_do_not_matter(rng):
    """Rows cut anywhere, and rows longer than a chunk, give the same bits."""
    shape = (2, 6, 5, 2 * kernels.CHUNK + 3)
    data = np.cumsum(rng.normal(50, 9, shape), axis=1).astype(np.float32)
    group_dq = rng.choice([0, 2, 4, 1], p=[0.85, 0.05, 0.05, 0.05], size=shape).astype(np.uint8)
    image = np.ones(shape[-2:], np.float32)

    def run(threads, part=np.s_[:]):
        own = image[:, part].copy()
        ramps = (
            data[..., part].copy(),
            group_dq[..., part].copy(),
            np.zeros_like(own, np.uint32),
            own,
            5 * own,
            Timing(2.0, 2.0),
        )
        return fit_ramps(Ramps(*ramps), threads)

    whole, threaded, piece = run(1), run(3), run(1, np.s_[kernels.CHUNK - 7 : kernels.CHUNK + 9])
    for one, two, three in zip(whole, threaded, piece, strict=True):
        for a, b, c in zip(one.arrays(), two.arrays(), three.arrays(), strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a[..., kernels.CHUNK - 7 : kernels.CHUNK + 9], c)


def test_samples_that_are_not_numbers_are_left_out():
    data = np.arange(1, 9, dtype=np.float32).reshape(1, 8, 1, 1) * np.full(3, 10, np.float32)
    data[0, 3, 0, 1], data[0, :, 0, 2] = np.nan, np.nan
    shape = (1, 3)
    ramps = Ramps(
        data,
        np.zeros(data.shape, np.uint8),
        np.zeros(shape, np.uint32),
        np.ones(shape, np.float32),
        np.ones(shape, np.float32),
        Timing(1.0, 1.0),
    )
    exposure, _ = fit_ramps(ramps)
    np.testing.assert_allclose(exposure.slope[0, :2], 10)
    assert np.isnan(exposure.slope[0, 2])
    assert exposure.dq[0].tolist() == [0, 0, DNU]
    assert exposure.var_rnoise[0, 1] == pytest.approx(1 / (24 + 60) * 12 / 2)


@pytest.mark.req("RAMP-27", "RAMP-06")
def test_details_of_every_segment(rng):
    """Each segment's entries are those of the formulas; together they give the rate of the integration."""
    timing = Timing(20.0, 5.0, 4, 1)
    data = np.cumsum(rng.integers(0, 400, (2, 9, 1, 60)), axis=1).astype(np.float32)
    group_dq = rng.choice([0, JUMP, DNU], p=[0.75, 0.2, 0.05], size=data.shape).astype(np.uint8)
    shape = (1, 60)
    ramps = Ramps(
        data,
        group_dq,
        np.zeros(shape, np.uint32),
        np.full(shape, GAIN, np.float32),
        np.full(shape, NOISE, np.float32),
        timing,
    )
    _, integrations = fit_ramps(ramps)
    details = fit_details(ramps, integrations.slope)
    variance = NOISE**2 / 2 / 4
    for i, x in np.ndindex(2, 60):
        v, f = data[i, :, 0, x].astype(float), group_dq[i, :, 0, x].astype(int)
        found = {name: array[i, :, 0, x] for name, array in details.items() if name != "pedestal"}
        runs = [] if lost(f, True) else segments_of(f)
        assert (found["weights"] > 0).sum() == len(runs)
        for s, (a, b) in enumerate(runs):
            n, t = max(b - a, 2), np.arange(a, b)
            slope = slope_of(v[a:b], GAIN, np.sqrt(variance) * GAIN, 20.0)
            assert found["slope"][s] == pytest.approx(slope, rel=1e-5, abs=1e-5)
            assert found["var_rnoise"][s] == pytest.approx(12 * variance / ((n**3 - n) * 400), rel=1e-5)
            assert found["weights"][s] == pytest.approx(1 / found["var_rnoise"][s], rel=1e-5)
            if b - a == 2:
                assert found["yint"][s] == pytest.approx(v[a] - a * (v[a + 1] - v[a]), abs=1e-2)
                assert found["sigslope"][s] == pytest.approx(np.sqrt(2 * variance) * GAIN, rel=1e-5)
            elif b - a > 2:
                w = weights_of(v[a:b], GAIN, np.sqrt(variance) * GAIN)
                intercept = ((w * v[a:b]).sum() - slope * 20.0 * (w * t).sum()) / w.sum()
                assert found["yint"][s] == pytest.approx(intercept, abs=1e-2)
        jumps = [g for g in range(1, 9) if f[g] & JUMP]
        np.testing.assert_allclose(found["crmag"][: len(jumps)], [v[g] - v[g - 1] for g in jumps])
        assert not found["crmag"][len(jumps) :].any()
        if runs:
            assert details["pedestal"][i, 0, x] == pytest.approx(
                v[0] - integrations.slope[i, 0, x] * (2.5 + 1) * 5, abs=1e-2
            )


@pytest.mark.req("RAMP-28")
def test_errors_of_the_line_are_those_of_least_squares():
    """Equal weights (a ramp without signal): the textbook errors of slope and intercept of six points."""
    data = np.zeros((1, 6, 1, 1), np.float32)
    one = np.ones((1, 1), np.float32)
    ramps = Ramps(
        data,
        np.zeros(data.shape, np.uint8),
        np.zeros((1, 1), np.uint32),
        one,
        one * np.float32(np.sqrt(2)),
        Timing(1.0, 1.0),
    )
    exposure, integrations = fit_ramps(ramps)
    details = fit_details(ramps, integrations.slope)
    covariance = np.linalg.inv(np.array([[6, 15], [15, 55.0]]))
    assert details["sigslope"].item() == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-6)
    assert details["sigyint"].item() == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-6)
    assert exposure.var_rnoise.item() == pytest.approx(covariance[1, 1], rel=1e-6)


def test_noise_of_the_dark_current_is_added():
    """VAR_POISSON of a ramp without signal, from which a dark of 3 DN/s was subtracted."""
    data, one = np.zeros((2, 5, 1, 2), np.float32), np.ones((1, 2), np.float32)
    ramps = Ramps(data, np.zeros(data.shape, np.uint8), np.zeros((1, 2), np.uint32), 2 * one, one, Timing(10.0, 10.0))
    ramps.average_dark = np.array([[3.0, 0.0]])
    exposure, integrations = fit_ramps(ramps)
    np.testing.assert_allclose(integrations.var_poisson[:, 0], [[3 / (10 * 2 * 4), 0]] * 2)
    np.testing.assert_allclose(exposure.var_poisson[0], [3 / (10 * 2 * 8), 0])
