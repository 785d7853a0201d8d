"""What the corrections of MIRI MRS detectors share: the gap between the channels, and the band of each channel."""

import numpy as np

GAPS = {"MIRIFUSHORT": np.s_[50:-50, 503:516], "MIRIFULONG": np.s_[50:-50, 474:507]}
"""Rows and columns between the channels, where no light of the sky falls; those of release 3.0.0."""
_FIRST_WHEEL = (1, 4)
"""Channels whose band is that of the first wheel, which the first name of a crossed band says."""
_CLIP, _ROUNDS = 3.0, 5


def band_of(channel, band):
    """Return the band of a channel: SHORT, MEDIUM or LONG; of a crossed one ("SHORT-LONG") that of its own wheel."""
    names = str(band or "").split("-")
    return names[0 if channel in _FIRST_WHEEL else -1]


def clipped(values):
    """Return values that are not farther than 3 standard deviations from their median, found in up to five rounds.

    Parameters
    ----------
    values : float32 array
        NaN does not count.

    Returns
    -------
    float64 array (n,)
    """
    kept = values[np.isfinite(values)].astype(np.float64)
    for _ in range(_ROUNDS):
        if not kept.size:
            break
        near = np.abs(kept - np.median(kept)) <= _CLIP * kept.std()
        if near.all():
            break
        kept = kept[near]
    return kept
