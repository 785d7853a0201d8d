"""Fit the ramps: from counts that accumulate to count rates."""

from typing import Literal

import numpy as np
from pydantic import field_validator

from hexcal import memory
from hexcal.core import MaximumCores, Step, StepParameters, parameter
from hexcal.errors import DataUnusable
from hexcal.models.dqflags import group
from hexcal.steps.detector.fitted_ramps import Fit, Ramps, Timing, timing_of
from hexcal.steps.detector.ramp_groups import all_flagged, used_groups, without_unused_ends
from hexcal.steps.detector.ramp_products import fitopt, rate_model, rateints_model, take_gain_factor

_ROWS = 256
"""Rows whose memory is given back together."""


class RampFitStep(Step):
    """Fit a straight line to the ramp of every pixel: count rates per exposure and per integration."""

    alias = "ramp_fit"
    relative_time = 3.0
    reference_types = ("readnoise", "gain")
    reads_ahead = {"gain": ("data",), "readnoise": ("data",)}
    input_model = "RampModel"
    skippable = False

    weighting = "optimal"
    """The only weights there are: Fixsen et al. 2000; no parameter, but code that asks for it finds it."""
    uses_up_ramp = False
    """Whether nobody needs the ramp after the fit: then its memory is given back while the fit goes on. A pipeline says
    so.
    """
    adjustable = (*Step.adjustable, "uses_up_ramp")
    largest_kernel = "hexcal.kernels.ramp_fit:fit_ramps"

    class Parameters(StepParameters):
        """Parameters of the ramp fit."""

        algorithm: Literal["OLS_C", "OLS", "LIKELY"] = parameter(
            "OLS_C",
            "OLS_C, OLS: ordinary least squares with optimal weights, two names for the same fit. LIKELY: "
            "maximum likelihood with a jump test of its own "
            "(Brandt 2024), from 4 groups on; it needs differences of groups, "
            "so that suppress_one_group and the zero frame do not matter.",
        )
        likely_start: Literal["all", "used", "fit"] = parameter(
            "all",
            "LIKELY: the rate with whose noise jumps are looked for: the median of all differences, of those that are "
            "used (without flagged groups), or what a first fit with the latter gives.",
        )
        likely_jumps: Literal["group", "difference"] = parameter(
            "group",
            "LIKELY: what a jump that the jump step has found takes out: the differences on both sides of its group, "
            "or only the one that leads to it, as for least squares.",
        )
        likely_weights: Literal["own", "pooled"] = parameter(
            "own",
            "LIKELY: photon noise by which integrations are averaged, where the rate of one is not positive: none, or "
            "that of the others, so that the average of faint ramps is not too low.",
        )
        int_name: str = parameter("", "Write the rates per integration under this base name as well.")
        save_opt: bool = parameter(False, "Write the details of the fit of every segment, with suffix _fitopt.")
        opt_name: str = parameter("", "Base name of the details. Default: that of the other products.")
        suppress_one_group: bool = parameter(True, "Give no rate to a ramp that has only one good group.")
        firstgroup: int | None = parameter(None, "First group to use, counted from 0. Default: the first.")
        lastgroup: int | None = parameter(None, "Last group to use, counted from 0. Default: the last.")
        maximum_cores: MaximumCores = parameter(
            "1", "Threads, if set: 'none', 'quarter', 'half', 'all' (of the cores), or a number. Not set: all cores."
        )

        @field_validator("algorithm", mode="before")
        @classmethod
        def _in_capitals(cls, value):
            """The documents write 'ols'."""
            return value.upper() if isinstance(value, str) else value

    def require(self, model):
        """The time between groups must be known."""
        timing_of(model.meta.exposure)

    def needs_all_integrations(self, model):
        """Only for what is written by the way."""
        own = self.parameters
        return (
            "save_opt and int_name write what was found in all integrations" if own.save_opt or own.int_name else None
        )

    def in_blocks(self, scratch, keep):
        """Return the fit of an exposure whose integrations come in blocks.

        Parameters
        ----------
        scratch : Scratch
            Where slopes and flags wait for the last block.
        keep : bool
            Whether the rates per integration are wanted.
        """
        from hexcal.steps.detector.ramp_fit_blocks import FitInBlocks
        from hexcal.steps.detector.ramp_fit_likely import ChosenInBlocks

        return (ChosenInBlocks if self.parameters.algorithm == "LIKELY" else FitInBlocks)(self, scratch, keep)

    @classmethod
    def compile_kernels(cls):
        """Fit a few ramps of nothing."""
        data, image = np.zeros((1, 3, 2, 2), np.float32), np.ones((2, 2), np.float32)
        flags = data.astype(np.uint8), np.zeros((2, 2), np.uint32)
        fit_ramps(Ramps(data, *flags, image, image, Timing(1.0, 1.0)))

    def process(self, ramp, references):
        from hexcal.core.bands import threads_of
        from hexcal.steps.detector.ramp_fit_likely import process_likely, uses_likelihood

        if uses_likelihood(self, ramp):
            return process_likely(self, ramp, references)
        parameters = self.parameters
        threads = threads_of(self)
        ramps = self.ramps(ramp, references)
        exposure, integrations = fit_ramps(ramps, threads, self.uses_up_ramp and not parameters.save_opt)
        self.tell(exposure)
        take_gain_factor(ramp, references)
        rate = rate_model(ramp, exposure, ramp.pixeldq)
        rateints = rateints_model(ramp, integrations, ramp.pixeldq)
        if parameters.save_opt:
            details = fitopt(ramp, fit_details(ramps, integrations.slope, threads))
            self.save_model(details, suffix="fitopt", force=True, basepath=parameters.opt_name)
        if parameters.int_name:
            self.save_model(rateints, suffix="rateints", force=True, basepath=parameters.int_name)
        return rate, rateints

    def extra_products(self):
        """The details of the fit, and the rates per integration under a name of their own."""
        parameters = self.parameters
        suffixes = ("fitopt", "likely_chisq") if parameters.algorithm == "LIKELY" else ("fitopt",)
        details = [{"suffix": s, "basepath": parameters.opt_name} for s in suffixes if parameters.save_opt]
        return details + ([{"suffix": "rateints", "basepath": parameters.int_name}] if parameters.int_name else [])

    def ramps(self, ramp, references):
        """Return what is fitted (`Ramps`)."""
        group_range, used_range = self._groups(ramp)
        return Ramps(
            data=ramp.data,
            group_dq=ramp.groupdq,
            pixel_dq=ramp.pixeldq,
            gain=references.gain.cutout(ramp).data,
            read_noise=references.readnoise.cutout(ramp).data,
            timing=timing_of(ramp.meta.exposure),
            group_range=group_range,
            used_range=used_range,
            suppress_one_group=self.parameters.suppress_one_group,
            average_dark=ramp.average_dark_current,
            zero_frame=ramp.zeroframe,
        )

    def tell(self, exposure):
        """Log how many pixels of an exposure (`Fit`) have no rate."""
        without = int(np.count_nonzero(np.isnan(exposure.slope)))
        self.tell_count("%d of %d pixels (%.2f %%) have no rate", without, exposure.slope.size)

    def _groups(self, ramp):
        """Return (first, last) of the groups to read, and of those to use, counted from the first that is read."""
        from hexcal.steps.detector.ramp_fit_likely import FEWEST_GROUPS

        n_groups = ramp.data.shape[1]
        used = used_groups(n_groups, self.parameters.firstgroup, self.parameters.lastgroup, self.log.warning)
        likely = self.parameters.algorithm == "LIKELY" and n_groups >= FEWEST_GROUPS
        zero_frame = ramp.zeroframe is not None and not self.parameters.suppress_one_group and not likely
        if ramp.zeroframe is not None:
            reason = "LIKELY needs differences of groups" if likely else "suppress_one_group is on"
            self.log.info(
                "zero frame: %s",
                "gives the rate of ramps that are saturated in all groups" if zero_frame else f"not used ({reason})",
            )
        if not zero_frame and all_flagged(ramp.groupdq, range(n_groups), group.SATURATED):
            raise DataUnusable(
                "every group of every pixel is saturated: there is no rate to fit", where=str(ramp.path or "GROUPDQ")
            )
        if not ramp.is_miri:
            return (0, n_groups - 1), used
        first, last = without_unused_ends(ramp.groupdq, *used)
        good = last - first + 1
        if good < 2:
            self.log.warning("%d of the %d groups can be used; the fit of a slope needs 2", good, n_groups)
        if good < 1 or (good < 2 and n_groups > 1 and self.parameters.suppress_one_group):
            raise DataUnusable(
                f"{good} of the {n_groups} groups can be used, the ramp fit needs at least 2",
                where=str(ramp.path or "GROUPDQ"),
                hint="suppress_one_group=False gives rates from a single group"
                if good
                else "all groups of all pixels are flagged DO_NOT_USE",
            )
        return (first, last), (0, last - first)


def fit_ramps(ramps, threads: int | None = 1, use_up=False):
    """Fit all ramps by ordinary least squares with optimal weights.

    Each segment of n groups gives a slope by least squares weighted with ``|k - k_middle|**P``, P growing from 0 to 10
    with the signal to noise ratio; its variances are ``var_R = 12 R^2 / ((n^3 - n) T^2)`` with R the noise of one read
    of a group, and ``var_P = rate / (T gain (n - 1))`` with the rate the median first difference per integration,
    averaged over the integrations, or 0 if that is negative. Segments and integrations are averaged with weights
    1/var_R; variances add as inverse sums.

    Parameters
    ----------
    ramps : Ramps
    threads : int, optional
        None for the number of the run.
    use_up : bool
        Give the memory of the ramps back as they are fitted: their values are lost.

    Returns
    -------
    exposure, integrations : Fit
        (ny, nx) and (nints, ny, nx). Without any usable group: slope NaN, errors and variances 0, DO_NOT_USE.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section ramp_fitting; Fixsen et al. 2000, PASP 112, 1350. That the slopes are
    weighted with 1/var_R alone (not with 1/var_C, as printed there), that the rate of the Poisson variance is averaged
    over integrations, and that a jump starts the next segment, are those of the reference implementation.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.ramp_fit import fit_ramps as kernel
    from hexcal.kernels.ramp_fit_close import close_integrations

    n_ints, _, ny, nx = ramps.data.shape
    exposure, integrations = Fit.empty((ny, nx)), Fit.empty((n_ints, ny, nx))
    # What several integrations have in common, before each of them is finished.
    rate = np.empty((ny, nx) if n_ints > 1 else (0, 0))
    given, settings, tables = ramps.arguments()
    outputs = integrations.arrays()

    def fit(first_row, last_row):
        for first in range(first_row, last_row, _ROWS if use_up else ny):
            last = min(first + _ROWS, last_row) if use_up else last_row
            kernel(first, last, given, settings, tables, exposure.arrays(), outputs, rate)
            if n_ints > 1:
                close_integrations(first, last, given, settings, n_ints, rate, outputs)
            for images in (ramps.data, ramps.group_dq) if use_up else ():
                for image in images.reshape(-1, ny, nx):
                    memory.give_back(image[first:last])

    run_bands(fit, ny, threads=threads)
    return exposure, integrations


def fit_details(ramps, slopes, threads=1):
    """Return what `fit_ramps` found for every segment.

    Parameters
    ----------
    ramps : Ramps
    slopes : float32 (nints, ny, nx), DN/s
        Of the integrations.
    threads : int

    Returns
    -------
    dict of float32 arrays
        (nints, nsegments, ny, nx), in the order of the ramp, 0 where there is no such segment: slope, var_poisson,
        var_rnoise (with groups lost to charge migration; DN/s), weights = 1/var_rnoise without these, sigslope (error
        of the slope from the read noise, electrons per group), yint (DN, at the first group), sigyint (electrons).
        pedestal (nints, ny, nx): DN at exposure time zero, 0 where the first group is saturated. crmag (nints, njumps,
        ny, nx): steps of the groups flagged JUMP_DET, DN.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section ramp_fitting; the units of sigslope and sigyint are those of the
    reference implementation.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.ramp_fit_options import Details, count_details
    from hexcal.kernels.ramp_fit_options import fit_details as kernel

    n_ints, _, ny, nx = ramps.data.shape
    exposure, settings, tables = ramps.arguments()
    n_segments, n_jumps = np.zeros(ny, np.int64), np.zeros(ny, np.int64)
    run_bands(count_details, ny, exposure, settings, n_segments, n_jumps, threads=threads)
    per_segment = (n_ints, n_segments.max(), ny, nx)
    shapes = {"pedestal": (n_ints, ny, nx), "crmag": (n_ints, n_jumps.max(), ny, nx)}
    details = Details(*(np.zeros(shapes.get(name, per_segment), np.float32) for name in Details._fields))
    since_reset = ramps.timing.first_group_time + float(settings.first_group) * ramps.timing.group_time
    run_bands(kernel, ny, exposure, settings, tables, slopes, since_reset, details, threads=threads)
    return details._asdict()
