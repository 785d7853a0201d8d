"""Reference-pixel correction of NIRSpec IRS2 frames.

The reference pixels, weighted in Fourier space, say what the normal pixels have in common with them.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hexcal.core import SkipStep
from hexcal.steps.detector import irs2, irs2_spectra
from hexcal.steps.detector.refpix_irs2_pairs import (
    bad_pairs_of,
    leave_out_pairs,
    reference_reads,
    replace_pairs,
    suspicious_pairs,
    visits_of,
)

_EDGE = np.r_[0:4, irs2.LINES - 4 : irs2.LINES]
"""First and last lines: pixels that see no light."""
_ITERATIONS = 3
_REACH = 15
_MOST_THREADS = 8
"""A thread takes some 150 MB."""
_PASS, _STOP = 30268, 35268
"""Cycles per frame between which the filter of the reference output falls from 1 to 0: near 16 a line; and likewise
from the highest frequency down.
"""
# The reads of a visit that stand for its eight times: as the reference implementation 3.0.0 does, to which the weights
# of the reference files belong.
_STAND_FOR = (0, 2, 0, 2, 1, 3, 1, 3)


@dataclass
class Weights:
    """Weights in Fourier space, complex64 (4, 712, 1025), in the order of `irs2_spectra`.

    alpha : of the reference output
    beta : of the reference pixels
    """

    alpha: np.ndarray
    beta: np.ndarray

    @classmethod
    def of(cls, table):
        """Take the weights from the table of a reference: real and imaginary parts take turns.

        A correction is real, so that only that part counts.
        """
        columns = ([table[f"{name}_{k}"] for k in range(irs2.SECTORS)] for name in ("alpha", "beta"))
        return cls(*(irs2_spectra.spread(_half(of_name)) for of_name in columns))


def _half(columns):
    size = len(columns[0]) // 2
    half = np.empty((len(columns), size // 2 + 1), np.complex64)
    for of_column, column in zip(half, columns, strict=True):
        for part, values, sign in ((of_column.real, column[0::2], 1), (of_column.imag, column[1::2], -1)):
            # Of a frequency and its negative: the first has none but itself.
            part[0] = (1 + sign) / 2 * np.float64(values[0])
            negative = values[: size - size // 2 - 1 : -1]
            part[1:] = 0.5 * (np.float64(values[1 : size // 2 + 1]) + sign * np.float64(negative))
    return half


@dataclass
class How:
    """How frames are corrected.

    Attributes
    ----------
    detector : str
        NRS1 or NRS2.
    weights : Weights
    bad : bool (5, 32, 2)
        Pairs of reads to replace (`replace_pairs`).
    preserve : bool
        Keep the reference pixels: those of the sectors, corrected as normal pixels are, without the mean of the groups,
        and the reference output as it was taken for the correction.
    zeros_are_gaps : bool
        Take a value that is the mean of the groups for one that is not there, as the reference implementation does, in
        which gaps are zeros.
    """

    detector: str
    weights: Weights
    bad: np.ndarray
    preserve: bool = False
    zeros_are_gaps: bool = True


def correct_frames(frames, how, threads: int | None = 1):
    """Correct the groups of one integration.

    From each group the mean of the groups is taken, and from each output the straight line through its first and last
    four lines. What is left of the reference pixels and of the reference output, as functions of time, is multiplied in
    Fourier space by the weights, and the sum is subtracted from the normal pixels, as the line is. Gaps in the
    reference output are filled by `fill_gaps`.

    Parameters
    ----------
    frames : float32 (ngroups, 3200, 2048), DN
        Only read.
    how : How
    threads : int, optional
        None for the number of the run.

    Returns
    -------
    float32 (ngroups, 2048, 2048), or (ngroups, 3200, 2048)

    Notes
    -----
    JWST pipeline documentation 1.13.5, section refpix, IRS2; what it leaves open is as the reference implementation
    3.0.0 does it.
    """
    from hexcal.core.bands import default_threads, run_bands

    mean = irs2.as_read(frames, how.detector).mean(axis=0, dtype=np.float64)
    corrected = np.empty((len(frames), frames.shape[1] if how.preserve else irs2.LINES, irs2.LINES), np.float32)
    threads = min(threads or default_threads(), _MOST_THREADS)
    run_bands(_correct_groups, len(frames), frames, mean, how, corrected, threads=threads)
    return corrected


def _correct_groups(first, last, frames, mean, how, corrected):
    for g in range(first, last):
        frame = irs2.as_read(frames[g], how.detector)
        corrected[g] = irs2.as_read(_correct_group(frame, mean, how), how.detector)


def _correct_group(frame, mean, how):
    with np.errstate(invalid="ignore"):  # an infinite value has an infinite mean
        change = np.subtract(frame, mean, dtype=np.float64).astype(np.float32)
    change[~np.isfinite(change)] = 0
    for k in np.flatnonzero(how.bad.any(axis=(1, 2))):
        sector = irs2.sector(change, k if k < irs2.SECTORS else -1)
        values = visits_of(sector)
        replace_pairs(values, how.bad[k])
        sector[irs2.IS_REFERENCE] = values.reshape(-1, irs2.LINES)
    there = change != 0 if how.zeros_are_gaps else np.ones(change.shape, bool)
    lines = [edge_line(change, there, k).astype(np.float32) for k in range(-1, irs2.SECTORS)]
    uses_output = how.weights.alpha.any()
    filled = series_of_output(change, there, lines[0]) if how.preserve or uses_output else None
    output = irs2_spectra.spectrum(filled) if filled is not None and uses_output else None
    rows = np.flatnonzero(irs2.normal_rows())
    result = frame[rows]
    kept = np.array(frame) if how.preserve else None
    for k in range(irs2.SECTORS):
        of_line = irs2.sector(there, k) * lines[k + 1]
        left = reference_reads(change, k) - visits_of(of_line)
        signal = _signal(left, output, how.weights, k)
        normal = irs2_spectra.values_at(signal, irs2.TIMES_NORMAL)
        normal += of_line[~irs2.IS_REFERENCE]
        here = result[512 * k : 512 * (k + 1)]
        here -= normal[::-1] if k % 2 == 1 else normal
        if kept is not None:
            own = left.reshape(-1, irs2.LINES) - irs2_spectra.values_at(signal, irs2.TIMES_REFERENCE.ravel())
            irs2.sector(kept, k)[irs2.IS_REFERENCE] = own
    if kept is None:
        return result
    kept[rows] = result
    irs2.sector(kept, -1)[:] = _kept_output(mean, filled, how.bad[-1])
    return kept


def _kept_output(mean, filled, bad):
    """Return the reference output, (640, 2048), as it was taken for the correction.

    The mean of the groups, and its series less its line, in which gaps are filled and reference pixels replaced.
    """
    output = irs2.sector(mean, -1).astype(np.float64)
    reads = visits_of(output)
    replace_pairs(reads, bad)
    output[irs2.IS_REFERENCE] = reads.reshape(-1, irs2.LINES)
    output[~irs2.IS_REFERENCE] += irs2_spectra.values_at(filled, irs2.TIMES_NORMAL)
    output[irs2.IS_REFERENCE] += irs2_spectra.values_at(filled, irs2.TIMES_REFERENCE.ravel())
    return output


def edge_line(change, there, k):
    """Return the straight line along the lines of an output that fits its edges: (2048,)."""
    count = irs2.sector(there, k)[:, _EDGE].sum(axis=0)
    total = irs2.sector(change, k)[:, _EDGE].sum(axis=0, dtype=np.float64)
    if np.count_nonzero(count) < 2:
        return np.zeros(irs2.LINES)
    middle, mean = (count * _EDGE).sum() / count.sum(), total.sum() / count.sum()
    slope = ((_EDGE - middle) * total).sum() / (count * (_EDGE - middle) ** 2).sum()
    return mean + slope * (np.arange(irs2.LINES) - middle)


def _signal(reads, output, weights, k):
    """Return what is to be subtracted from sector `k`, transformed along the lines, DN.

    `reads` as `spectrum_of_references` takes them, `output` the spectrum of the reference output or None.
    """
    total = spectrum_of_references(reads)
    total *= weights.beta[k]
    if output is not None:
        total += output * weights.alpha[k]
    return irs2_spectra.from_spectrum(total)


def spectrum_of_references(reads):
    """Return the spectrum of the reads of reference pixels of a sector (32, 2, 2, 2048), complex64 (712, 1025).

    The reads of a visit stand for its eight times; other times are 0.
    """
    from scipy import fft

    lines = np.asarray(fft.rfft(reads.reshape(irs2.JUMPS, irs2.REFERENCE, irs2.LINES), axis=-1))
    series = np.zeros(irs2_spectra.SHAPE, np.complex64)
    for places, read in zip(irs2.TIMES_VISIT.T, _STAND_FOR, strict=True):
        series[places] = lines[:, read] * irs2_spectra.phases(places)
    return irs2_spectra.spectrum(series)


def series_of_output(change, there, line):
    """Return the reference output less its line as `fill_gaps` does."""
    known = irs2.sector(there, -1)
    values = (irs2.sector(change, -1) - line) * known
    stream = np.zeros((irs2.PERIOD, irs2.LINES), np.float32)
    holes = np.ones(stream.shape, bool)
    for times, rows in ((irs2.TIMES_NORMAL, ~irs2.IS_REFERENCE), (irs2.TIMES_REFERENCE.ravel(), irs2.IS_REFERENCE)):
        stream[times], holes[times] = values[rows], ~known[rows]
    return fill_gaps(stream, holes)


def fill_gaps(stream, holes):
    """Fill the reference output at the times at which no normal pixel is read.

    Times without a value, such as those of jumps and overheads, first get the mean of the values within 15 times,
    weighted by the cosine of the distance; then all these times, those of reference pixels included, get three times
    the values of the series filtered in Fourier space: frequencies below 16 cycles a line pass, and those as near to
    the highest one.

    Parameters
    ----------
    stream : float32 (712, 2048)
        Values of normal and reference pixels at their times.
    holes : bool (712, 2048)
        Times without a value.

    Returns
    -------
    complex64 (712, 1025)
        The series, transformed along the lines (`irs2_spectra.of_lines`).
    """
    from hexcal.kernels.refpix import fill_from_neighbours

    gaps = np.ones(irs2.PERIOD, bool)
    gaps[irs2.TIMES_NORMAL] = False
    filled, weight = stream.copy(), np.cos(np.pi * np.arange(1, _REACH + 1) / (2 * (_REACH + 1)))
    fill_from_neighbours(0, irs2.PERIOD, stream, holes, weight, filled)
    lines = irs2_spectra.of_lines(filled, np.arange(irs2.PERIOD))
    for _ in range(_ITERATIONS):
        # The filter works on each frequency of the lines by itself, so that the lines stay transformed.
        spectrum = irs2_spectra.spectrum(lines)
        spectrum *= _filter()
        lines[gaps] = irs2_spectra.from_spectrum(spectrum)[gaps]
    return lines


@lru_cache(maxsize=1)
def _filter():
    frequency = np.arange(irs2.N_TIMES // 2 + 1, dtype=np.float64)

    def fall(f):
        return 0.5 * (1 + np.cos(np.pi * np.clip((f - _PASS) / (_STOP - _PASS), 0, 1)))

    return irs2_spectra.spread((fall(frequency) + fall(irs2.N_TIMES // 2 - frequency)).astype(np.float32))


def subtract_edge_means(frame, usable, detector, by_parity):
    """Subtract from each output the mean of its pixels that see no light, in place.

    Parameters
    ----------
    frame : float32 (3200, 2048), DN
    usable : bool (3200, 2048)
        Pixels without DO_NOT_USE.
    detector : str
        NRS1 or NRS2.
    by_parity : bool
        Odd and even positions along a line apart; of the four reads of a visit of the reference pixels, which are those
        of an even and of an odd column, twice each, the first two belong to the even positions.

    Notes
    -----
    As for detectors read otherwise: the clipped means (3 sigma) of the first four lines and of the last four are
    averaged. That the interleaved reference pixels count is as in the reference implementation 3.0.0.
    """
    from scipy.stats import sigmaclip

    read, good = irs2.as_read(frame, detector), irs2.as_read(usable, detector)
    for k in range(-1, irs2.SECTORS):
        values = irs2.sector(read, k)
        chosen = irs2.sector(good, k) & np.isfinite(values)
        for parity in range(2 if by_parity else 1):
            of_class = np.equal(irs2.COLUMN_PARITY, parity) if by_parity else np.ones(irs2.SECTOR, bool)
            rows = np.flatnonzero(of_class)
            edges = [values[np.ix_(rows, lines)][chosen[np.ix_(rows, lines)]] for lines in (_EDGE[:4], _EDGE[4:])]
            means = [sigmaclip(edge, 3, 3)[0].mean(dtype=np.float64) for edge in edges if edge.size]
            if means:
                values[of_class] -= np.float32(np.mean(means))


def process_irs2(step, ramp, references):
    """Correct an exposure; its data and flags lose the reference pixels, unless they are to be preserved."""
    from hexcal.models.dqflags import pixel

    if not irs2.is_interleaved(ramp):
        raise SkipStep(f"an IRS2 frame has 3200 x 2048 values, this exposure has {ramp.shape[-2]} x {ramp.shape[-1]}")
    own, detector, data = step.parameters, ramp.meta.instrument.detector, ramp.data
    if data.shape[1] < 2:
        step.log.warning("one group: nothing changes from group to group that could be corrected")
    suspicious = suspicious_pairs(data, detector, own.ovr_corr_mitigation_ftr)
    step.log.info("%d of 320 pairs of reads of reference pixels are bad at times", np.count_nonzero(suspicious))
    if own.irs2_mean_subtraction:
        usable = (ramp.pixeldq & np.uint32(pixel.DO_NOT_USE)) == 0
        leave_out_pairs(usable, suspicious, detector)
        for frame in data.reshape(-1, *data.shape[2:]):
            subtract_edge_means(frame, usable, detector, own.odd_even_columns)
    table = references.refpix
    bad = bad_pairs_of(table.dq_table) | suspicious
    keep = own.preserve_irs2_refpix
    how = How(detector, Weights.of(table.plain_table("irs2_table")), bad, keep, own.irs2_zeros == "gaps")
    corrected = np.empty((*data.shape[:2], data.shape[2] if keep else irs2.LINES, irs2.LINES), np.float32)
    for i in range(data.shape[0]):
        corrected[i] = correct_frames(data[i], how, threads=None)
    group_dq, pixel_dq = ramp.groupdq, ramp.pixeldq
    ramp.data = corrected
    if not keep:
        ramp.groupdq, ramp.pixeldq = irs2.only_normal(group_dq, detector), irs2.only_normal(pixel_dq, detector)
    return ramp
