"""The zero frame of NIRCam: the first frame of each integration, sent down beside groups that average several frames.

It is corrected as the first group is, by saturation, superbias, refpix and linearity; where it is saturated it holds 0,
and stays so. In the ramp fit it stands for ramps that are saturated in all groups.
"""

import numpy as np


def correct_zero_frame(ramp, correction):
    """Apply a correction to the zero frame of a ramp, in place; saturated values stay 0.

    Nothing happens if there is no zero frame.

    Parameters
    ----------
    ramp : RampModel
    correction : callable
        ``correction(data, group_dq)`` corrects a float32 array (nints, 1, ny, nx), DN, in place. Saturated values are
        NaN in it; the flags, uint8, of the same shape, are 0.
    """
    if ramp.zeroframe is None:
        return
    data = ramp.zeroframe[:, None]
    saturated = data == 0
    data[saturated] = np.nan
    correction(data, np.zeros(data.shape, np.uint8))
    data[saturated] = 0


def blank_zero_frame(ramp, flag_saturation):
    """Set the zero frame of a ramp to 0 where it is saturated or at the A/D floor, in place.

    Parameters
    ----------
    ramp : RampModel
    flag_saturation : callable
        ``flag_saturation(data, group_dq)`` flags the samples of a ramp, float32 (nints, 1, ny, nx), DN.
    """
    if ramp.zeroframe is None:
        return
    data = ramp.zeroframe[:, None]
    group_dq = np.zeros(data.shape, np.uint8)
    flag_saturation(data, group_dq)
    data[group_dq != 0] = 0
