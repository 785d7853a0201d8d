"""Measured against true: rates, their errors, and cosmic rays found."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import binary_dilation

from hexcal.models.dqflags import group, pixel


@dataclass(frozen=True)
class Level:
    """How well rates of about the same size are measured.

    `low` and `high`: limits of the true rate, DN/s. `count`: pixels. `true`, `measured`: mean rates, DN/s. `error`:
    median of ERR, DN/s. `pull_mean`, `pull_width`: mean and standard deviation of (measured - true) / ERR.
    """

    low: float
    high: float
    count: int
    true: float
    measured: float
    error: float
    pull_mean: float
    pull_width: float


@dataclass(frozen=True)
class CosmicRays:
    """How well jumps are found.

    `visible`: true hits of at least the required significance, in groups where a jump can be seen. `found`: of these,
    the flagged ones. `false`: flags without a hit in or beside the pixel. `tested`: differences of groups in which a
    false flag could have arisen.
    """

    visible: int
    found: int
    false: int
    tested: int

    @property
    def completeness(self):
        """Share of the visible hits that was found; NaN if none was visible."""
        return self.found / self.visible if self.visible else np.nan

    @property
    def false_rate(self):
        """False flags per difference."""
        return self.false / self.tested if self.tested else np.nan


def pulls(data, err, dq, truth):
    """Return (measured - true) / ERR where the flags allow it, NaN elsewhere.

    Parameters
    ----------
    data, err : float array (..., ny, nx), DN/s
        Rates of the exposure or of its integrations.
    dq : uint32 array, as `data`
        Any flag excludes a pixel. A hit that was found is flagged too: its neighbours in time are what is left.
    truth : Truth

    Returns
    -------
    float64 array, as `data`
    """
    good = (dq == 0) & (truth.dq == 0) & (err > 0) & np.isfinite(data)
    result = np.full(np.shape(data), np.nan)
    difference = data.astype(np.float64) - truth.rate
    result[good] = difference[good] / err[good]
    return result


def flux_levels(data, err, dq, truth, edges=None, n_levels=5):
    """Compare measured with true rates at several levels of flux.

    Parameters
    ----------
    data, err, dq, truth
        As for `pulls`.
    edges : sequence of float, optional
        Limits of the levels, DN/s; default `n_levels` steps of equal ratio, from the faintest rate to that which the
        brightest 10000 pixels have.
    n_levels : int

    Returns
    -------
    list of Level
        Levels without any pixel are left out.
    """
    pull = pulls(data, err, dq, truth)
    true = np.broadcast_to(truth.rate, pull.shape)
    good = np.isfinite(pull)
    edges = level_edges(true[good], n_levels) if edges is None else edges
    levels = []
    for low, high in pairwise(edges):
        inside = good & (true >= low) & (true < high)
        if inside.any():
            levels.append(
                Level(
                    float(low), float(high), int(inside.sum()), float(true[inside].mean(dtype=np.float64)),
                    float(data[inside].mean(dtype=np.float64)),
                    float(np.median(err[inside])), float(pull[inside].mean()),
                    float(pull[inside].std()),
                )
            )  # fmt: skip
    return levels


def level_edges(rates, n_levels=5, enough=10000):
    """Return limits of `n_levels` levels of equal ratio, such that the highest holds at least about `enough` pixels.

    Float (n_levels + 1,).
    """
    positive = np.sort(rates[rates > 0])
    if positive.size == 0:
        return np.linspace(0, 1, n_levels + 1)
    low, high = positive[0], positive[max(positive.size - enough, 0)]
    edges = np.geomspace(low, max(high, low * 1.01), n_levels)
    return np.append(edges, positive[-1] * 1.001)


def cosmic_rays_found(group_dq, pixel_dq, truth, mode, gain, read_noise, significance=8.0, dark=0.0):
    """Compare flagged jumps with the true hits.

    A hit is visible if the step that it makes is at least `significance` times the noise of a difference of two groups,
    comes after the first group, in an unflagged pixel that is not saturated then. Within two pixels of a hit, and in
    ramps that saturate, nothing counts as false: neighbours are flagged on purpose.

    Parameters
    ----------
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags after the jump step.
    pixel_dq : uint32 array (ny, nx)
        Flags of the pixels.
    truth : Truth
    mode : Mode
    gain, read_noise : float or array (ny, nx)
        electrons/DN, and DN of one frame.
    significance : float
    dark : float or array (ny, nx)
        DN/s.

    Returns
    -------
    CosmicRays
    """
    variance = 2 * np.square(read_noise) / mode.n_frames + np.maximum(truth.rate + dark, 0) * mode.group_time / gain
    noise = np.sqrt(np.broadcast_to(variance, truth.rate.shape))
    usable = (pixel_dq & (pixel.DO_NOT_USE | pixel.REFERENCE_PIXEL)) == 0
    flagged = (group_dq & group.JUMP_DET) != 0
    blocked = (group_dq & (group.SATURATED | group.DO_NOT_USE)) != 0
    hits = truth.cosmic_rays
    i, y, x = (hits[name].astype(int) for name in ("integration", "y", "x"))
    g, share = _largest_step(hits, mode)
    inside = np.minimum(g, mode.n_groups - 1)
    visible = (g > 0) & (g < mode.n_groups) & usable[y, x] & (hits["charge"] * share >= significance * noise[y, x])
    visible &= ~blocked[i, inside, y, x] & ~blocked[i, np.maximum(inside - 1, 0), y, x]
    flagged_hits = visible & flagged[i, inside, y, x]
    quiet = (
        usable & ~_near_hits(truth, group_dq.shape) & ~blocked.all(axis=1) & ~(group_dq & group.SATURATED).any(axis=1)
    )
    false = int((flagged & quiet[:, None]).sum())
    used = ~blocked
    tested = int(((used[:, 1:] & used[:, :-1]) & quiet[:, None]).sum())
    return CosmicRays(int(visible.sum()), int(flagged_hits.sum()), false, tested)


def gaussian_false_rate(rate, n_groups, group_time, gain, read_noise, threshold=4.0, n_ramps=50_000, seed=1):
    """Flags per difference that Gaussian noise alone gives to the two-point difference method.

    From ramps without any cosmic ray.

    More than a normal distribution has beyond the threshold: the deviation is measured from the median of a few
    differences, which has noise itself.

    Parameters
    ----------
    rate : float
        DN/s.
    n_groups : int
        Usable groups.
    group_time : float
        s.
    gain, read_noise : float
        electrons/DN, and DN of one group.
    threshold : float
        Rejection threshold, sigma.
    n_ramps : int
        Ramps to try.
    seed : int

    Returns
    -------
    float
        Of both signs.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section jump: the largest ratio of deviation to expected noise is flagged while
    it exceeds the threshold, each time with a new median.
    """
    rng = np.random.default_rng(seed)
    electrons, noise = rate * group_time * gain, read_noise * gain
    arrived = rng.normal(electrons, np.sqrt(electrons), (n_groups, n_ramps)).cumsum(axis=0)
    differences = np.diff(arrived + rng.normal(0, noise, arrived.shape), axis=0)
    flags, ramps = 0, differences
    for _ in range(n_groups - 2):
        middle = np.nanmedian(ramps, axis=0)
        ratio = np.nan_to_num(np.abs(ramps - middle) / np.sqrt(np.abs(middle) + 2 * noise**2))
        beyond = ratio.max(axis=0) > threshold
        if not beyond.any():
            break
        flags += int(beyond.sum())
        worst, ramps = ratio.argmax(axis=0)[beyond], ramps[:, beyond].copy()
        ramps[worst, np.arange(ramps.shape[1])] = np.nan
    return flags / differences.size


def _largest_step(hits, mode):
    """Return the group into which most of the charge of each hit steps, and how much of it.

    Charge that comes between the frames of a group makes two steps.
    """
    stride = mode.n_frames + mode.group_gap
    late = np.clip(hits["frame"].astype(int) - hits["group"].astype(int) * stride, 0, None) / mode.n_frames
    return hits["group"].astype(int) + (late > 0.5), np.maximum(late, 1 - late)


def _near_hits(truth, shape):
    """Pixels within two of one that was hit in this integration: bool (nints, ny, nx)."""
    hit = np.zeros((shape[0], *shape[2:]), bool)
    hit[truth.cosmic_rays["integration"], truth.cosmic_rays["y"], truth.cosmic_rays["x"]] = True
    for image in hit:
        image[...] = binary_dilation(image, np.ones((3, 3), bool), iterations=2)
    return hit
