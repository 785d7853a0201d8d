"""What a fit of ramps takes and what it gives: times of the read-out, ramps, and rates."""

from dataclasses import dataclass

import numpy as np

from hexcal.errors import InputError


@dataclass
class Timing:
    """How an exposure was read out: times in s, and numbers of frames."""

    group_time: float
    frame_time: float
    n_frames: int = 1
    drop_frames: int = 0

    @property
    def single_time(self):
        """Exposure time that a first group stands for by itself: mean time of its frames since the reset."""
        return 0.5 * (self.n_frames + 1) * self.frame_time

    @property
    def first_group_time(self):
        """Mean exposure time of the first group, with the frames dropped before it."""
        return self.single_time + self.drop_frames * self.frame_time


def timing_of(exposure):
    """Return the `Timing` of an exposure from its metadata; raise InputError if TGROUP is missing or not positive."""
    group_time = exposure.group_time
    if group_time is None or not group_time > 0:
        raise InputError(
            f"the ramp fit needs the time between groups, TGROUP is {group_time}", where="meta.exposure.group_time"
        )
    return Timing(group_time, exposure.frame_time or group_time, exposure.nframes or 1, exposure.drop_frames1 or 0)


@dataclass
class Ramps:
    """What is fitted.

    Parameters
    ----------
    data : float32 (nints, ngroups, ny, nx), DN
    group_dq : uint8 (nints, ngroups, ny, nx)
        Gets DO_NOT_USE where the data are not finite.
    pixel_dq : uint32 (ny, nx)
    gain : float32 (ny, nx), e/DN
        Pixels without a positive gain get NO_GAIN_VALUE and DO_NOT_USE and no rate.
    read_noise : float32 (ny, nx), DN
        Noise of the difference of two frames (CDS).
    timing : Timing
    group_range, used_range : (first, last), optional
        Groups that exist for the fit (default all), and the groups of these (counted from the first) that are not to be
        treated as DO_NOT_USE.
    suppress_one_group : bool
        Treat a ramp with one good group as if it were saturated.
    average_dark : float32 (ny, nx), optional
        Dark current that was subtracted, DN/s; its Poisson noise is added.
    zero_frame : float32 (nints, ny, nx), optional
        First frame of each integration, DN, 0 where it is saturated: gives the rate of ramps that are saturated in all
        groups, unless `suppress_one_group`.
    """

    data: np.ndarray
    group_dq: np.ndarray
    pixel_dq: np.ndarray
    gain: np.ndarray
    read_noise: np.ndarray
    timing: Timing
    group_range: tuple | None = None
    used_range: tuple | None = None
    suppress_one_group: bool = True
    average_dark: np.ndarray | None = None
    zero_frame: np.ndarray | None = None

    def arguments(self):
        """Return what the kernels take: the exposure, the settings and the tables."""
        from hexcal.kernels import ramp_fit_arrays as arrays
        from hexcal.kernels.ramp_fit import sorting_pairs
        from hexcal.kernels.ramp_fit_segments import weight_tables

        first, last = self.group_range or (0, self.data.shape[1] - 1)
        n_groups = last - first + 1
        first_used, last_used = self.used_range or (0, n_groups - 1)
        dark = np.zeros((1, 1), np.float32) if self.average_dark is None else self.average_dark
        # One kind of array, native, contiguous and writable, is one compiled kernel.
        zero = np.zeros((0, 0, 0), np.float32) if self.zero_frame is None else self.zero_frame
        images = (np.require(image, np.float32, ["C", "W"]) for image in (self.gain, self.read_noise, dark, zero))
        timing = self.timing
        times = float(timing.group_time), float(timing.single_time), float(timing.frame_time)
        return (
            arrays.Exposure(self.data, self.group_dq, self.pixel_dq, *images),
            arrays.Settings(
                int(first),
                int(last),
                int(first_used),
                int(last_used),
                *times,
                int(timing.n_frames),
                bool(self.suppress_one_group),
            ),
            arrays.Tables(*weight_tables(n_groups), sorting_pairs(n_groups - 1)),
        )


@dataclass
class Fit:
    """Rates, DN/s, with errors, flags and variances, (DN/s)^2: (ny, nx), or (nints, ny, nx)."""

    slope: np.ndarray
    err: np.ndarray
    dq: np.ndarray
    var_poisson: np.ndarray
    var_rnoise: np.ndarray

    @classmethod
    def empty(cls, shape):
        """Return an uninitialised fit."""
        return cls(*(np.empty(shape, dtype) for dtype in (np.float32, np.float32, np.uint32, np.float32, np.float32)))

    def arrays(self):
        """The five arrays, as the kernels take them."""
        from hexcal.kernels.ramp_fit_arrays import Rates

        return Rates(self.slope, self.err, self.dq, self.var_poisson, self.var_rnoise)
