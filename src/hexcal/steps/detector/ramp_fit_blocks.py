"""The ramp fit of an exposure whose integrations come in blocks."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hexcal.core.bands import run_bands, threads_of
from hexcal.core.blockwise import BlocksDisagree
from hexcal.errors import DataUnusable
from hexcal.steps.detector.fitted_ramps import Fit
from hexcal.steps.detector.ramp_products import rate_model, rateints_model, take_gain_factor


class FitInBlocks:
    """What the blocks give by themselves is found as they pass (`add`).

    What needs the mean rate of all integrations, in the end (`rate`, `rateints`).

    The bits are those of `fit_ramps` for the whole exposure.

    Parameters
    ----------
    step : RampFitStep
        With its parameters.
    scratch : Scratch
        Where slopes and flags wait for the last block.
    keep : bool
        Whether they do: not where nobody wants the rates per integration.
    """

    def __init__(self, step, scratch, keep: bool):
        self.step, self.scratch, self.keep = step, scratch, keep
        self.sizes: list[int] = []
        self.sums: Any = None
        self.pixels: Any = None

    def add(self, block, references) -> None:
        """Fit a block, as ``process`` of the step would a whole exposure."""
        from hexcal.kernels.ramp_fit import add_ramps

        try:
            ramps = self.step.ramps(block, references)
        except DataUnusable as error:
            raise BlocksDisagree(f"in some integrations {error.message}") from error
        if self.pixels is not None:
            ramps = self._with_groups_of_all(ramps)
        n_ints, _, ny, nx = ramps.data.shape
        self.sums = _no_sums((ny, nx)) if self.sums is None else self.sums
        slope = np.empty((n_ints, ny, nx), np.float32)
        run_bands(add_ramps, ny, *ramps.arguments(), slope, self.sums, threads=threads_of(self.step))
        if self.keep:
            self.scratch.append("slope", (slope.data,))
            self.scratch.append("group_dq", (np.ascontiguousarray(ramps.group_dq).data,))
        self.sizes.append(n_ints)
        before = 0 if self.pixels is None else self.pixels.pixel_dq
        none = np.empty((0, *ramps.data.shape[1:]), np.float32)
        flags = none.astype(np.uint8)
        self.pixels = replace(ramps, data=none, group_dq=flags, pixel_dq=ramps.pixel_dq | before, zero_frame=None)
        take_gain_factor(block, references)

    def _with_groups_of_all(self, ramps):
        """Groups that are flagged everywhere are left out.

        In a block they may be more than in the exposure, but not fewer than in the blocks before.
        """
        (first, last), (own_first, own_last) = self.pixels.group_range, ramps.group_range
        if own_first < first or own_last > last:
            raise BlocksDisagree(
                "groups that are flagged in all pixels of the first integrations are not in later ones"
            )
        return replace(ramps, group_range=self.pixels.group_range, used_range=self.pixels.used_range)

    def rate(self, ramp):
        """Return the rates of the exposure, all blocks of which have passed, as a model.

        The metadata are those of the ramp.
        """
        from hexcal.kernels.ramp_fit_close import close_exposure

        shape = self.pixels.pixel_dq.shape
        pixels, settings, _ = self.pixels.arguments()
        fit, threads = Fit.empty(shape), threads_of(self.step)
        how = pixels, settings, sum(self.sizes), self.sums, fit.arrays()
        run_bands(close_exposure, shape[0], *how, threads=threads)
        self.step.tell(fit)
        return rate_model(ramp, fit, self.pixels.pixel_dq)

    def rateints(self, ramp) -> Iterator:
        """Yield the rates per integration, block after block, as models with the metadata of the ramp."""
        from hexcal.kernels.ramp_fit_close import close_integrations

        shape, n_groups, first = self.pixels.pixel_dq.shape, self.pixels.data.shape[1], 0
        for n_ints in self.sizes:
            fit = Fit.empty((n_ints, *shape))
            fit.slope = self.scratch.read("slope", np.float32, (n_ints, *shape), first * shape[0] * shape[1])
            flags_shape = (n_ints, n_groups, *shape)
            flags = self.scratch.read("group_dq", np.uint8, flags_shape, first * n_groups * shape[0] * shape[1])
            pixels, settings, _ = replace(self.pixels, group_dq=flags).arguments()
            how = pixels, settings, sum(self.sizes), self.sums.rate, fit.arrays()
            run_bands(close_integrations, shape[0], *how, threads=threads_of(self.step))
            yield rateints_model(ramp, fit, self.pixels.pixel_dq)
            first += n_ints


def _no_sums(shape):
    from hexcal.kernels.ramp_fit_arrays import Sums

    types = (np.float64,) * 5 + (np.int32, np.uint32)
    return Sums(*(np.zeros(shape, dtype) for dtype in types))
