"""The ramp fit by maximum likelihood (``algorithm="LIKELY"``).

Of an exposure in memory, or of one whose integrations come in blocks.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hexcal.core.bands import run_bands, threads_of
from hexcal.core.blockwise import BlocksDisagree
from hexcal.errors import DataUnusable
from hexcal.models.dqflags import group
from hexcal.steps.detector.fitted_ramps import Fit

FEWEST_GROUPS = 4
"""With fewer groups the fit is that by least squares, as in the reference implementation."""
_ROWS = 64
"""Rows of all integrations that are averaged at a time."""
ONE_LEFT_OUT, TWO_LEFT_OUT = 20.25, 23.8
"""Improvement of chi-squared from which on one difference, or two neighbours, are left out: 4.5 sigma (Brandt 2024,
PASP 136, 045005).
"""


def noise_of(timing, start="all", after_jumps=False):
    """Return what the kernels need to know of the noise (`hexcal.kernels.likelihood_solve.Noise`).

    For groups of N frames at distance t the mean time of the photon noise of a group lies ``delta = t (N^2 - 1) / (6
    N)`` before the mean time of its frames (Brandt 2024, PASP 136, 045004: tau), so that ``alpha_p = (T - 2 delta) /
    T^2`` and ``beta_p = delta / T^2`` with T the time between groups.

    Parameters
    ----------
    timing : hexcal.steps.detector.fitted_ramps.Timing
    start : str
        The rate with whose noise jumps are looked for: "all", the median of all differences, also of those that are
        flagged; "used", of those that count; "fit", what a fit with the latter gives.
    after_jumps : bool
        Whether the difference from a group with a jump to the next one counts.
    """
    from hexcal.kernels.likelihood_solve import Noise

    n, period = timing.n_frames, float(timing.group_time)
    delta = timing.frame_time * (n * n - 1) / (6 * n)
    # A jump in the middle of a group spoils both differences of the group; a group of a single frame has no middle.
    return Noise(
        diagonal=(period - 2 * delta) / period**2,
        neighbour=delta / period**2,
        read_diagonal=2 / period**2,
        read_neighbour=-1 / period**2,
        one=ONE_LEFT_OUT,
        two=TWO_LEFT_OUT if n > 1 else np.inf,
        use_all=start == "all",
        refine=start == "fit",
        after_jump=np.uint8(group.JUMP_DET if after_jumps else 0),
    )


def fit_likely(ramps, threads: int | None = 1, start="all", after_jumps=False, pooled=False):
    """Fit all ramps by maximum likelihood; jumps are found on the way.

    The differences of neighbouring groups of an integration have a tridiagonal covariance matrix, from the photon noise
    of the rate and from the read noise. Of the matrix for the median of the differences follow the differences that
    jumps fall into, and a rate; of that for this rate the final one, by generalized least squares. A group with any
    flag takes no part. Integrations are averaged with the variances that they would have at a common rate: that of
    their median, then that of the average.

    Parameters
    ----------
    ramps : hexcal.steps.detector.fitted_ramps.Ramps
        Of at least 2 groups. `suppress_one_group` and `zero_frame` do not matter: a single group has no difference.
    threads : int, optional
        None for the number of the run.
    start, after_jumps
        As of `noise_of`.
    pooled : bool
        Give integrations whose rate is not positive the photon noise that the others have at the common rate. Without
        any they have too much weight, so that the average of faint ramps is too low.

    Returns
    -------
    exposure, integrations : hexcal.steps.detector.fitted_ramps.Fit
        (ny, nx) and (nints, ny, nx); where no difference counts all is NaN, and flagged DO_NOT_USE. JUMP_DET where a
        jump was found.
    chi_squared : float32 (ny, nx)
        Sum over the integrations.

    Notes
    -----
    Brandt 2024, PASP 136, 045004 and 045005. That the first estimate is the median of all differences, that flagged
    groups take none of their differences with them, how often jumps are looked for and how integrations are averaged is
    as the reference implementation 3.0.0 does.
    """
    from hexcal.kernels.likelihood import combine

    integrations, chi_squared = fit_integrations(ramps, threads, start, after_jumps)
    shape = ramps.pixel_dq.shape
    exposure = Fit.empty(shape)
    run_bands(combine, shape[0], integrations.arrays(), exposure.arrays(), pooled, threads=threads)
    return exposure, integrations, chi_squared


def fit_integrations(ramps, threads, start, after_jumps):
    """Return the `Fit` of the integrations of ``ramps``, each by itself, and their chi-squared, as of `fit_likely`."""
    from hexcal.kernels.likelihood import fit_likely as kernel

    n_ints, n_groups, ny, nx = ramps.data.shape
    first, _ = ramps.group_range or (0, n_groups - 1)
    first_used, last_used = ramps.used_range or (0, n_groups - 1 - first)
    # Groups that are flagged everywhere have a say in the first estimate and in the flags.
    ramps = replace(ramps, group_range=(0, n_groups - 1), used_range=(first + first_used, first + last_used))
    integrations, chi_squared = Fit.empty((n_ints, ny, nx)), np.zeros((ny, nx), np.float32)
    exposure, settings, tables = ramps.arguments()
    how = (
        exposure,
        settings,
        noise_of(ramps.timing, start, after_jumps),
        tables.pairs,
        integrations.arrays(),
        chi_squared,
    )
    run_bands(kernel, ny, *how, threads=threads)
    return integrations, chi_squared


def uses_likelihood(step, ramp) -> bool:
    """Whether a ramp fit step fits this exposure by likelihood: it is asked to, and there are enough groups."""
    if step.parameters.algorithm != "LIKELY":
        return False
    n_groups = ramp.shape[1]
    if n_groups < FEWEST_GROUPS:
        step.log.warning('algorithm="LIKELY" needs %d groups, there are %d: "OLS_C" is used', FEWEST_GROUPS, n_groups)
    return n_groups >= FEWEST_GROUPS


def start_and_jumps(parameters):
    """Return `start` and `after_jumps` of `noise_of`, as the parameters of a ramp fit step ask for."""
    return parameters.likely_start, parameters.likely_jumps == "difference"


def _is_pooled(step):
    return step.parameters.likely_weights == "pooled"


def process_likely(step, ramp, references):
    """Fit an exposure in memory; return the rate and the rates per integration, as models."""
    from hexcal.steps.detector.ramp_products import rate_model, rateints_model, take_gain_factor

    parameters = step.parameters
    exposure, integrations, chi_squared = fit_likely(
        step.ramps(ramp, references), threads_of(step), *start_and_jumps(parameters), _is_pooled(step)
    )
    step.tell(exposure)
    take_gain_factor(ramp, references)
    rate, rateints = rate_model(ramp, exposure, ramp.pixeldq), rateints_model(ramp, integrations, ramp.pixeldq)
    if parameters.save_opt:
        step.save_model(_plane(ramp, chi_squared), suffix="likely_chisq", force=True, basepath=parameters.opt_name)
    if parameters.int_name:
        step.save_model(rateints, suffix="rateints", force=True, basepath=parameters.int_name)
    return rate, rateints


def _plane(ramp, chi_squared):
    from hexcal.models import science
    from hexcal.steps.detector.ramp_products import like

    return like(ramp, science.ImageModel(chi_squared))


class LikelyInBlocks:
    """The fit of an exposure whose integrations come in blocks: each integration is fitted by itself.

    Their average waits for the last one.

    The bits are those of `fit_likely` for the whole exposure.

    Parameters
    ----------
    step : RampFitStep
        With its parameters.
    scratch : Scratch
        Where the rates, their variances and flags wait.
    keep : bool
        Whether the rates per integration are wanted; they wait in any case, since the average needs their median.
    """

    _planes = (("slope", np.float32), ("var_poisson", np.float32), ("var_rnoise", np.float32), ("dq", np.uint32))

    def __init__(self, step, scratch, keep: bool):
        self.step, self.scratch, self.keep = step, scratch, keep
        self.sizes: list[int] = []
        self.pixel_dq: Any = None

    def add(self, block, references) -> None:
        """Fit a block."""
        from hexcal.steps.detector.ramp_products import take_gain_factor

        try:
            ramps = self.step.ramps(block, references)
        except DataUnusable as error:
            raise BlocksDisagree(f"in some integrations {error.message}") from error
        fit, _ = fit_integrations(ramps, threads_of(self.step), *start_and_jumps(self.step.parameters))
        for name, _ in self._planes:
            self.scratch.append(name, (getattr(fit, name).data,))
        self.sizes.append(ramps.data.shape[0])
        self.pixel_dq = ramps.pixel_dq | (0 if self.pixel_dq is None else self.pixel_dq)
        take_gain_factor(block, references)

    def rate(self, ramp):
        """Return the rates of the exposure, all blocks of which have passed, as a model.

        The metadata are those of the ramp.
        """
        from hexcal.kernels.likelihood import combine
        from hexcal.steps.detector.ramp_products import rate_model

        ny, nx = self.pixel_dq.shape
        exposure = Fit.empty((ny, nx))
        for first in range(0, ny, _ROWS):
            rows = slice(first, min(first + _ROWS, ny))
            here = Fit.empty((rows.stop - first, nx))
            how = self._rows_of_all(rows).arrays(), here.arrays(), _is_pooled(self.step)
            run_bands(combine, rows.stop - first, *how, threads=threads_of(self.step))
            for whole, part in zip(exposure.arrays(), here.arrays(), strict=True):
                whole[rows] = part
        self.step.tell(exposure)
        return rate_model(ramp, exposure, self.pixel_dq)

    def _rows_of_all(self, rows):

        ny, nx = self.pixel_dq.shape
        n_ints, n_rows = sum(self.sizes), rows.stop - rows.start
        fit = Fit.empty((n_ints, n_rows, nx))
        for name, dtype in self._planes:
            for i in range(n_ints):
                start = i * ny * nx + rows.start * nx
                getattr(fit, name)[i] = self.scratch.read(name, dtype, (n_rows, nx), start)
        return fit

    def rateints(self, ramp) -> Iterator:
        """Yield the rates per integration, block after block, as models with the metadata of the ramp."""
        from hexcal.steps.detector.ramp_products import rateints_model

        shape, first = self.pixel_dq.shape, 0
        for n_ints in self.sizes:
            fit = Fit.empty((n_ints, *shape))
            for name, dtype in self._planes:
                setattr(fit, name, self.scratch.read(name, dtype, (n_ints, *shape), first * shape[0] * shape[1]))
            fit.err = np.sqrt(fit.var_poisson + fit.var_rnoise)
            yield rateints_model(ramp, fit, self.pixel_dq)
            first += n_ints


class ChosenInBlocks:
    """As `LikelyInBlocks`, or `FitInBlocks` where there are too few groups for it, as the first block tells."""

    def __init__(self, step, scratch, keep: bool):
        self.how = step, scratch, keep
        self.fit: Any = None

    def add(self, block, references) -> None:
        """Fit a block."""
        from hexcal.steps.detector.ramp_fit_blocks import FitInBlocks

        if self.fit is None:
            self.fit = (LikelyInBlocks if uses_likelihood(self.how[0], block) else FitInBlocks)(*self.how)
        self.fit.add(block, references)

    def rate(self, ramp):
        """Return the rates of the exposure, as a model with the metadata of the ramp."""
        return self.fit.rate(ramp)

    def rateints(self, ramp) -> Iterator:
        """Yield the rates per integration, block after block, as models with the metadata of the ramp."""
        return self.fit.rateints(ramp)
