"""Charge migration: in bright, undersampled stars part of the new charge of a full pixel goes to its neighbours."""

import numpy as np

from hexcal.errors import ParameterError


def migrate(ramps, threshold=25000.0, share=0.1):
    """Move charge from pixels above a threshold to their neighbours.

    Of what a pixel collects above the threshold, a share goes to the four pixels beside it, in equal parts; what
    arrives there moves no further.

    Parameters
    ----------
    ramps : float array (nints, ngroups, ny, nx), DN
        Linear counts above the bias, which grow from group to group.
    threshold : float, DN
    share : float
        Between 0 and 1.

    Returns
    -------
    float32 array like `ramps`
        The counts that are read.
    float32 array like `ramps`
        The truth: what each sample has gained (positive) or lost.

    Raises
    ------
    ParameterError
        For a share out of bounds.
    """
    if not 0 <= share <= 1:
        raise ParameterError(f"the share that moves must be between 0 and 1, got {share}", where="share")
    lost = share * np.maximum(np.asarray(ramps, np.float64) - threshold, 0)
    quarter = lost / 4
    moved = -lost
    moved[..., 1:, :] += quarter[..., :-1, :]
    moved[..., :-1, :] += quarter[..., 1:, :]
    moved[..., :, 1:] += quarter[..., :, :-1]
    moved[..., :, :-1] += quarter[..., :, 1:]
    return (ramps + moved).astype(np.float32), moved.astype(np.float32)
