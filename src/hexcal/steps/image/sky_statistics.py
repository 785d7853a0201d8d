"""The level of the sky in a set of pixels: clipped mean, median, midpoint or mode."""

from dataclasses import dataclass

import numpy as np

from hexcal.errors import ParameterError

_MOST_BINS = 10**8


@dataclass(frozen=True)
class SkyStatistics:
    """How the level of the sky is computed from pixels.

    Attributes
    ----------
    skystat : str
        "mean", "median", "midpt" or "mode".
    nclip : int
        Maximum number of rounds of clipping.
    lsigma, usigma : float
        Clipping limits below and above the mean, in standard deviations.
    binwidth : float
        Width of the bins of the histogram of midpoint and mode, in standard deviations.

    Notes
    -----
    As the documentation of IRAF's ``imstatistics`` defines them: the midpoint is where half of the histogram is
    reached, interpolated within its bin; the mode is the peak of the parabola through the highest bin and its
    neighbours.
    """

    skystat: str = "mode"
    nclip: int = 5
    lsigma: float = 4.0
    usigma: float = 4.0
    binwidth: float = 0.1

    def level(self, values: np.ndarray) -> tuple[float | None, int]:
        """Return the level of the sky, and the number of pixels that it comes from after clipping.

        Parameters
        ----------
        values : float32 array (n,)
            Usable pixels; their order is lost.

        Returns
        -------
        float or None, int
            (None, 0) without any value.

        Raises
        ------
        ParameterError
            If the bins are too narrow for the range of the values.
        """
        from hexcal.kernels import sky

        if not len(values):
            return None, 0
        mean, sigma = sky.moments(values)
        for _ in range(self.nclip):
            n_kept = sky.keep_between(values, mean - self.lsigma * sigma, mean + self.usigma * sigma)
            if n_kept in (0, len(values)):
                break
            values = values[:n_kept]
            mean, sigma = sky.moments(values)
        if self.skystat == "mean":
            return float(mean), len(values)
        if self.skystat == "median":
            return float(np.median(values)), len(values)
        return self._from_histogram(values, mean, sigma), len(values)

    def _from_histogram(self, values, mean, sigma):
        from hexcal.kernels import sky

        low, high, width = float(values.min()), float(values.max()), self.binwidth * float(sigma)
        # Differences of levels count, not their bins: values that are all the same have no histogram.
        n_bins = int((high - low) / width) if width > 0 else 0
        if n_bins < 2:
            return float(mean)
        if n_bins > _MOST_BINS:
            raise ParameterError(
                f"bins of {self.binwidth:g} standard deviations divide the range of the pixels into {n_bins:.3g} bins; "
                f"at most {_MOST_BINS:.0e} can be counted",
                where="binwidth",
                hint="binwidth=0.1",
            )
        counts = np.zeros(n_bins, np.int64)
        sky.histogram(values, low, (high - low) / n_bins, counts)
        position = mode_bin(counts) if self.skystat == "mode" else midpoint_bin(counts)
        # The original places the bins over the whole range, and gives their position in units of the width that was
        # asked for.
        return low + position * width


def mode_bin(counts: np.ndarray) -> float:
    """Return the position of the peak of a histogram, in bins from its lower edge.

    Parameters
    ----------
    counts : int array (n,)
    """
    peak = int(np.argmax(counts))
    if peak in (0, len(counts) - 1):
        return peak + 0.5
    left, right = counts[peak] - counts[peak - 1], counts[peak] - counts[peak + 1]
    return peak + 0.5 + (0.5 * (left - right) / (left + right) if left + right else 0.0)


def midpoint_bin(counts: np.ndarray) -> float:
    """Return where half of the values of a histogram are reached, in bins from its lower edge.

    Parameters
    ----------
    counts : int array (n,)
    """
    reached = np.cumsum(counts) / counts.sum()
    index = int(np.searchsorted(reached, 0.5))
    before = reached[index - 1] if index else 0.0
    return index + (0.5 - before) / (reached[index] - before)
