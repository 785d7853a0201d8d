"""The pixels of MIRI MRS detectors between the two channels, where no light of the sky falls."""

import numpy as np

GAPS = {"MIRIFUSHORT": np.s_[50:-50, 503:516], "MIRIFULONG": np.s_[50:-50, 474:507]}
"""Their rows and columns; those of release 3.0.0."""
_CLIP, _ROUNDS = 3.0, 5


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
