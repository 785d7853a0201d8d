"""Pairs of reads of the interleaved reference pixels of IRS2 frames: which of them are bad, and what replaces them."""

import numpy as np

from hexcal.steps.detector import irs2

_CLIPS = 5


def bad_pairs_of(table):
    """Return bool (5, 32, 2).

    Pairs of reads (sector, visit, first or second in time) that the DQ table of a reference calls bad; the last sector
    is the reference output, of which the table says nothing.

    A row has an output from 1, the pair, 1 or 2, and a mask with one bit for each visit, counted along the detector.
    """
    bad = np.zeros((irs2.SECTORS + 1, irs2.JUMPS, 2), bool)
    if table is not None:
        for output, pair, mask in zip(table["output"], table["odd_even"], table["mask"], strict=True):
            bits = (int(mask) >> np.arange(irs2.JUMPS)) & 1 == 1
            bad[int(output) - 1, :, int(pair) - 1] |= bits[::-1] if int(output) % 2 == 0 else bits
    return bad


def suspicious_pairs(data, detector, factor):
    """Find pairs of reads of reference pixels that are bad at times.

    Of each pair the mean and the standard deviation of all its values in the exposure are taken, and the mean amount of
    the difference of its two reads. A pair is suspicious if one of these exceeds the mean of the pairs of the sector by
    `factor` standard deviations; both without the pairs that are as far from the median, taken out again and again (at
    most five times). Values that are no finite numbers do not count.

    Parameters
    ----------
    data : float32 (nints, ngroups, 3200, 2048), DN
    detector : str
        NRS1 or NRS2.
    factor : float

    Returns
    -------
    bool (5, 32, 2)
        As of `bad_pairs_of`.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section refpix; the clipping, and that the reads of a pair are compared, as the
    reference implementation 3.0.0 does.
    """
    suspicious = np.zeros((irs2.SECTORS + 1, irs2.JUMPS, 2), bool)
    for k in range(-1, irs2.SECTORS):
        n, n_both, total, squares, apart = np.zeros((5, irs2.JUMPS, 2))
        for frame in data.reshape(-1, *data.shape[2:]):
            values = np.asarray(reference_reads(irs2.as_read(frame, detector), k), np.float64)
            counts = np.isfinite(values)
            values[~counts] = 0
            both = counts.all(axis=2)
            n += counts.sum(axis=(2, 3))
            n_both += both.sum(axis=2)
            total += values.sum(axis=(2, 3))
            squares += (values * values).sum(axis=(2, 3))
            apart += np.abs((values[:, :, 0] - values[:, :, 1]) * both).sum(axis=2)
        mean = _mean(total, n)
        deviation = np.sqrt(np.maximum(_mean(squares, n) - mean * mean, 0))
        for values in (mean, deviation, _mean(apart, n_both)):
            middle, width = _clipped(values[np.isfinite(values)], factor)
            suspicious[k] |= values > middle + factor * width
    return suspicious


def _mean(total, n):
    """Mean of `n` values; NaN of none."""
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)


def _clipped(values, factor):
    """Mean and standard deviation of the values within `factor` standard deviations of the median; NaN if none is."""
    for _ in range(_CLIPS):
        if values.size == 0:
            break
        near = np.abs(values - np.median(values)) <= factor * values.std()
        if near.all():
            break
        values = values[near]
    return (values.mean(), values.std()) if values.size else (np.nan, np.nan)


def reference_reads(frame, k):
    """Return a copy of the reads of reference pixels of a sector.

    (32 visits, 2 pairs, 2 reads, 2048 lines), in the order of time.
    """
    return visits_of(irs2.sector(frame, k))


def visits_of(values):
    """Return the rows of reference pixels of a sector, (640, 2048), as `reference_reads` gives them."""
    return values[irs2.IS_REFERENCE].reshape(irs2.JUMPS, 2, 2, irs2.LINES)


def replace_pairs(references, bad):
    """Replace bad pairs of reads of a sector, in place.

    By the mean of the same pair of the visits before and after, or by that of them which is good; if neither is, by the
    other pair of the visit (the second one only by a good one), else by 0.

    Parameters
    ----------
    references : float (32, 2, 2, 2048)
        As read.
    bad : bool (32, 2)
    """
    given = references.copy()
    for visit, pair in np.argwhere(bad):
        near = [v for v in (visit - 1, visit + 1) if 0 <= v < irs2.JUMPS and not bad[v, pair]]
        if near:
            references[visit, pair] = sum(given[v, pair] for v in near) / len(near)
        elif pair == 0 or not bad[visit, 0]:
            references[visit, pair] = given[visit, 1 - pair]
        else:
            references[visit, pair] = 0


def leave_out_pairs(usable, bad, detector):
    """Mark the reads of bad pairs of reference pixels as unusable, in place.

    Parameters
    ----------
    usable : bool (3200, 2048)
    bad : bool (5, 32, 2)
        As of `bad_pairs_of`.
    detector : str
        NRS1 or NRS2.
    """
    for k in range(irs2.SECTORS):
        reads = np.repeat(bad[k].ravel(), 2)
        irs2.sector(irs2.as_read(usable, detector), k)[np.flatnonzero(irs2.IS_REFERENCE)[reads]] = False
