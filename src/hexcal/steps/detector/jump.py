"""Find cosmic-ray hits and other jumps in ramps."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hexcal.core import MaximumCores, SkipStep, Step, parameter
from hexcal.models import dqflags
from hexcal.models.dqflags import group, pixel
from hexcal.steps.detector.flags import count_flagged
from hexcal.steps.detector.jump_events import (
    LargeEventParameters,
    flag_showers,
    flag_snowballs,
    masked_groups,
    shower_test,
    whole_groups,
)

MINIMUM_GROUPS = 3
"""A jump is a difference between groups that is unlike another one."""


class JumpStep(Step):
    """Flag jumps of the signal (cosmic-ray hits) in every ramp."""

    alias = "jump"
    relative_time = 3.0
    reference_types = ("gain", "readnoise")
    reads_ahead = {"gain": ("data",), "readnoise": ("data",)}
    input_model = "RampModel"
    largest_kernel = "hexcal.kernels.jump:find_jumps"

    class Parameters(LargeEventParameters):
        """Parameters of the search for jumps and large events."""

        rejection_threshold: float = parameter(
            4.0, "Smallest jump that is flagged; also the level of sigma clipping.", unit="sigma", ge=0
        )
        three_group_rejection_threshold: float = parameter(
            6.0, "Smallest jump that is flagged where only two differences can be used.", unit="sigma", ge=0
        )
        four_group_rejection_threshold: float = parameter(
            5.0, "Smallest jump that is flagged where only three differences can be used.", unit="sigma", ge=0
        )
        maximum_cores: MaximumCores = parameter(
            "1", "Threads, if set: 'none', 'quarter', 'half', 'all' (of the cores), or a number. Not set: all cores."
        )
        flag_4_neighbors: bool = parameter(True, "Flag the four neighbours of a jump in the same group as well.")
        max_jump_to_flag_neighbors: float = parameter(
            1000.0, "Only jumps below this have their neighbours flagged.", unit="sigma"
        )
        min_jump_to_flag_neighbors: float = parameter(
            10.0, "Only jumps above this have their neighbours flagged.", unit="sigma"
        )
        after_jump_flag_dn1: float = parameter(
            0.0, "Jumps of at least this size are followed by flagged groups.", unit="DN"
        )
        after_jump_flag_time1: float = parameter(
            0.0, "Time after such a jump in which whole groups are flagged; 0 for none.", unit="s"
        )
        after_jump_flag_dn2: float = parameter(
            0.0, "Second size of jumps that are followed by flagged groups.", unit="DN"
        )
        after_jump_flag_time2: float = parameter(
            0.0, "Time after a jump of the second size in which whole groups are flagged; 0 for none.", unit="s"
        )
        minimum_groups: int = parameter(3, "Sigma clipping is only used with at least this number of groups.")
        minimum_sigclip_groups: int = parameter(
            100,
            "Number of integrations (of groups in all integrations, without only_use_ints) from which on sigma "
            "clipping is used.",
        )
        only_use_ints: bool = parameter(
            True, "Clip the same group of all integrations; otherwise all groups of all integrations together."
        )
        min_diffs_single_pass: int = parameter(
            10,
            "Number of usable differences from which on each ramp is tested once, instead of again after each jump.",
            ge=0,
        )
        pool_integrations: bool = parameter(
            False, "Two-point differences: take all integrations together, as release 3.0.0 of the original does."
        )
        difference_test: Literal["two_point", "likelihood"] = parameter(
            "two_point",
            "Where sigma clipping is not used. two_point: compare each difference with the median, as documented. "
            "likelihood: leave out the difference without which a straight line fits better by more than the threshold "
            "(Brandt 2024), integration by integration; thresholds then mean what they say for any number of groups.",
        )

    @classmethod
    def compile_kernels(cls):
        """Look for jumps in a few ramps of nothing."""
        data, image = np.zeros((1, 4, 2, 2), np.float32), np.ones((2, 2), np.float32)
        detect_jumps(data, data.astype(np.uint8), np.zeros((2, 2), np.uint32), image, image, Search())

    def require(self, model):
        """The time between groups must be known where groups after a jump are flagged."""
        for time in (self.parameters.after_jump_flag_time1, self.parameters.after_jump_flag_time2):
            whole_groups(time, model.meta.exposure.group_time)
        if self.parameters.expand_large_events:
            masked_groups(self.parameters, model.shape[0], model.meta.exposure.group_time)
        if self.parameters.find_showers:
            shower_test(self.parameters, model.meta.exposure.group_time)

    def needs_all_integrations(self, model):
        """Sigma clipping does, and two-point differences of pooled integrations."""
        own = self.parameters
        if clips(own, *model.shape[:2]):
            return "sigma clipping compares all integrations (from minimum_sigclip_groups on)"
        return self._needs_next_or_all(model)

    def _needs_next_or_all(self, model):
        own = self.parameters
        if own.expand_large_events and masked_groups(own, model.shape[0], model.meta.exposure.group_time):
            return "cores of snowballs are flagged in the next integration as well"
        pools = own.pool_integrations and own.difference_test == "two_point"
        return "pool_integrations takes all integrations together" if pools else None

    def gathers(self, model):
        """Sigma clipping looks at all integrations of one pixel.

        Not so showers, whose pixels are compared with those around them.
        """
        own = self.parameters
        return (
            model.shape[1] >= MINIMUM_GROUPS
            and clips(own, *model.shape[:2])
            and self._needs_next_or_all(model) is None
            and not own.find_showers
        )

    def all_in_blocks(self, scratch):
        """Return the search through all integrations of an exposure whose integrations come in blocks (see `gathers`).

        `scratch` is where they wait.
        """
        from hexcal.steps.detector.jump_gathered import JumpsOfAll

        return JumpsOfAll(self, scratch)

    def process(self, ramp, references):
        from hexcal.core.bands import threads_of

        n_groups = ramp.shape[1]
        if n_groups < MINIMUM_GROUPS:
            raise SkipStep(f"jumps can only be found in at least {MINIMUM_GROUPS} groups, found {n_groups}")
        gain, read_noise = references.gain.cutout(ramp), references.readnoise.cutout(ramp)
        search = search_from(self.parameters, ramp.groupdq, ramp.meta.exposure)
        self.require_same("single_pass", search.single_pass)
        self.log.info("method: %s", search.method)
        threads = threads_of(self)
        no_gain = dqflags.of(ramp.observatory).get("NO_GAIN_VALUE", 0)
        detect_jumps(ramp.data, ramp.groupdq, ramp.pixeldq, gain.data, read_noise.data, search, threads, no_gain)
        self.finish(ramp, gain.data, read_noise.data, search, threads)
        return ramp

    def finish(self, ramp, gain, read_noise, search, threads):
        """Flag what the large events do around the jumps that were found, and tell how many samples are flagged."""
        self.flag_events(ramp, gain, read_noise, search, threads)
        flagged = count_flagged(ramp.groupdq, group.JUMP_DET, threads)
        self.tell_count("%d of %d samples (%.3f %%) are flagged as jumps", flagged, ramp.groupdq.size)

    def flag_events(self, ramp, gain, read_noise, search, threads):
        """Flag what the large events do around the jumps that were found."""
        if self.parameters.use_ellipses:
            self.log.warning("use_ellipses is deprecated: the outline of an event is always an ellipse")
        if self.parameters.expand_large_events:
            count = flag_snowballs(ramp.groupdq, self.parameters, ramp.meta.exposure.group_time)
            self.tell_count("%d snowballs", count)
        if self.parameters.find_showers:
            from hexcal.kernels.jump_differences import Samples

            samples = Samples(ramp.data, ramp.groupdq, gain, read_noise, 1.0 / search.n_frames)
            pooled = search.sigma_clip or search.pool_integrations
            count = flag_showers(samples, self.parameters, ramp.meta.exposure.group_time, pooled, threads)
            self.tell_count("%d showers", count)


@dataclass(frozen=True)
class Search:
    """How to look for jumps.

    Attributes
    ----------
    thresholds : tuple of 3 floats, sigma
        Smallest jump: with many usable differences, with three, with two.
    n_frames : int
        Frames averaged in a group; the read noise of a group is divided by its square root.
    neighbor_limits : tuple of 2 floats, sigma, or None
        The four neighbours are flagged if the ratio of the jump lies between these two; None: never.
    after_sizes : tuple of 2 floats, DN
        Sizes of jumps from which on later groups are flagged.
    after_groups : tuple of 2 ints
        Number of later groups to flag for each size.
    sigma_clip : bool
        Clip, instead of two-point differences.
    only_integrations : bool
        Clip the same group of all integrations; otherwise all groups of all integrations.
    pool_integrations : bool
        Two-point differences of all integrations together.
    single_pass : bool
        Two-point differences: test each ramp once, with the plain median of the differences; otherwise again after each
        jump.
    likelihood : bool
        Test what chi-squared of a straight line gains, instead of two-point differences.
    group_frames : int
        Frames from one group to the next, with those that are left out.
    """

    thresholds: tuple = (4.0, 5.0, 6.0)
    n_frames: int = 1
    neighbor_limits: tuple | None = (10.0, 1000.0)
    after_sizes: tuple = (0.0, 0.0)
    after_groups: tuple = (0, 0)
    sigma_clip: bool = False
    only_integrations: bool = True
    pool_integrations: bool = False
    single_pass: bool = False
    likelihood: bool = False
    group_frames: int = 1

    @property
    def method(self):
        """Its name in the log."""
        if self.sigma_clip:
            return "sigma clipping"
        return "likelihood" if self.likelihood else "two-point differences"


def search_from(parameters, group_dq, exposure):
    """Return the `Search` that the parameters of the step ask for.

    Parameters
    ----------
    parameters : JumpStep.Parameters
        As documented.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags of the samples.
    exposure : meta node
        Its ``group_time`` (s), ``nframes`` and ``groupgap``.

    Raises
    ------
    InputError
        If later groups shall be flagged and the time between groups is not known.
    """
    times = (parameters.after_jump_flag_time1, parameters.after_jump_flag_time2)
    likelihood = parameters.difference_test == "likelihood"
    return Search(
        thresholds=(
            parameters.rejection_threshold,
            parameters.four_group_rejection_threshold,
            parameters.three_group_rejection_threshold,
        ),
        n_frames=exposure.nframes or 1,
        neighbor_limits=(parameters.min_jump_to_flag_neighbors, parameters.max_jump_to_flag_neighbors)
        if parameters.flag_4_neighbors
        else None,
        after_sizes=(parameters.after_jump_flag_dn1, parameters.after_jump_flag_dn2),
        after_groups=tuple(whole_groups(time, exposure.group_time) for time in times),
        sigma_clip=clips(parameters, *group_dq.shape[:2]),
        only_integrations=parameters.only_use_ints,
        pool_integrations=parameters.pool_integrations and not likelihood,
        single_pass=not likelihood and fewest_differences(group_dq) >= parameters.min_diffs_single_pass,
        likelihood=likelihood,
        group_frames=(exposure.nframes or 1) + (exposure.groupgap or 0),
    )


def clips(parameters, n_ints, n_groups):
    """Whether jumps are found by sigma clipping."""
    samples = n_ints if parameters.only_use_ints else n_ints * n_groups
    return samples >= parameters.minimum_sigclip_groups and n_groups >= parameters.minimum_groups


def fewest_differences(group_dq):
    """Return the number of differences between adjacent groups that can be used in some pixel.

    That of the integration that has fewest.

    Parameters
    ----------
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags of the samples; groups that are DO_NOT_USE or SATURATED in all pixels (such as the first and last of MIRI)
        do not count.
    """
    unusable = np.uint8(group.DO_NOT_USE | group.SATURATED)
    # Row by row: the first row of nearly every image has a usable pixel.
    used = [[any(((row & unusable) == 0).any() for row in image) for image in integration] for integration in group_dq]
    used = np.array(used)
    return int((used[:, 1:] & used[:, :-1]).sum(axis=1).min())


def detect_jumps(data, group_dq, pixel_dq, gain, read_noise, search, threads=1, no_gain=pixel.NO_GAIN_VALUE):
    """Flag jumps in ramps, in place: group flag JUMP_DET in the group in which the signal has risen.

    Two-point differences (Anderson & Gordon 2011, PASP 123, 1237): for each integration and pixel with the differences
    ``d[k] = g[k+1] - g[k]`` of usable groups in electrons and their median m, the ratio ``|d - m| / sqrt(|m| + R**2 /
    n_frames)`` is compared with the threshold. Or what chi-squared of a straight line loses without a difference is
    compared with the square of the threshold (Brandt 2024, PASP 136, 045005; `hexcal.kernels.jump_likelihood`). Or
    sigma clipping of each group over the integrations: at most five times ``|d - median| > threshold * standard
    deviation``. See `hexcal.kernels.jump`.

    Groups that are SATURATED or DO_NOT_USE, and differences with a NaN, take no part; JUMP_DET is removed from such
    groups. JUMP_DET that was set before stays, and has the same consequences for neighbours and later groups as a jump
    that is found here.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        Linear ramps; only read.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags of the samples.
    pixel_dq : uint32 array (ny, nx)
        Gets NO_GAIN_VALUE and DO_NOT_USE where the gain is not positive or NaN.
    gain : float32 array (ny, nx), electrons/DN
        Gain.
    read_noise : float32 array (ny, nx), DN
        Noise of the difference of two frames (CDS).
    search : Search
        What to look for.
    threads : int
        Number of threads; any number gives the same flags.
    no_gain : int
        The flag NO_GAIN_VALUE; 0 where an observatory has none.
    """
    from hexcal.kernels.jump_differences import Samples

    _flag_without_gain(pixel_dq, gain, no_gain, threads)
    flag_jumps(Samples(data, group_dq, gain, read_noise, 1.0 / search.n_frames), search, threads)


def mark_without_gain(ramp, gain):
    """Flag the pixels of a ramp that have no positive gain."""
    _flag_without_gain(ramp.pixeldq, gain, dqflags.of(ramp.observatory).get("NO_GAIN_VALUE", 0))


def _flag_without_gain(pixel_dq, gain, no_gain, threads=None):
    from hexcal.core.bands import run_bands

    def flag(first, last):
        pixel_dq[first:last][~(gain[first:last] > 0)] |= np.uint32(no_gain | pixel.DO_NOT_USE)

    run_bands(flag, len(pixel_dq), threads=threads)


def flag_jumps(samples, search, threads=1):
    """As `detect_jumps`, of `hexcal.kernels.jump_differences.Samples`; nothing but their flags is changed."""
    from hexcal.core.bands import run_bands
    from hexcal.kernels.jump import TwoPointTest, find_jumps
    from hexcal.kernels.jump_after import AfterJump, flag_after_jumps, flag_neighbors
    from hexcal.kernels.jump_sigma_clip import ClipTest, clip_jumps

    n_ints, n_groups, ny, nx = samples.data.shape
    limits = tuple(map(float, search.neighbor_limits)) if search.neighbor_limits else (0.0, 0.0)
    normal, four_group, three_group = map(float, search.thresholds)
    spread = np.zeros((n_ints, n_groups, ny, (nx + 63) // 64), np.uint64)
    if search.sigma_clip:
        test = ClipTest(normal, limits, bool(search.only_integrations))
        run_bands(clip_jumps, ny, samples, test, spread, threads=threads)
    elif search.likelihood:
        from hexcal.kernels.jump_likelihood import find_jumps_by_likelihood

        run_bands(find_jumps_by_likelihood, ny, samples, likelihood_test(search, limits), spread, threads=threads)
    else:
        pooled, once = bool(search.pool_integrations), bool(search.single_pass)
        test = TwoPointTest(normal, four_group, three_group, limits, pooled, once)
        run_bands(find_jumps, ny, samples, test, spread, threads=threads)
    if search.neighbor_limits:
        run_bands(flag_neighbors, ny, samples.group_dq, spread, threads=threads)
    if any(search.after_groups):
        sizes, groups = tuple(map(float, search.after_sizes)), tuple(map(int, search.after_groups))
        after = AfterJump(sizes, groups, bool(search.sigma_clip or search.pool_integrations))
        run_bands(flag_after_jumps, ny, samples, after, threads=threads)


def likelihood_test(search, limits):
    """Return the `hexcal.kernels.jump_likelihood.LikelihoodTest` of a search, in units of one group.

    Two neighbours, between which a group of averaged frames lies, are left out together where the fall of chi-squared
    is as unlikely for noise as that of one difference.
    """
    from scipy.special import log_ndtr

    from hexcal.kernels.jump_likelihood import LikelihoodTest
    from hexcal.steps.detector.fitted_ramps import Timing
    from hexcal.steps.detector.ramp_fit_likely import noise_of

    noise = noise_of(Timing(1.0, 1.0 / search.group_frames, search.n_frames), "fit")
    # The two-sided probability of t sigma, and the fall of chi-squared of two differences of the same probability.
    falls = [(t * t, -2.0 * (np.log(2.0) + log_ndtr(-t)) if search.n_frames > 1 else np.inf) for t in search.thresholds]
    simple, double, triple = (noise._replace(one=float(one), two=float(two)) for one, two in falls)
    return LikelihoodTest(simple, double, triple, limits)


__all__ = ["JumpStep", "Search", "detect_jumps", "search_from", "whole_groups"]
