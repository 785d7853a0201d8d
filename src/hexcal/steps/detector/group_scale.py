"""Undo the division by the wrong number of frames that the on-board averaging makes."""

import numpy as np

from hexcal.core import SkipStep, Step
from hexcal.errors import InputError


class GroupScaleStep(Step):
    """Rescale groups that were averaged on board with a divisor other than the number of frames."""

    alias = "group_scale"
    relative_time = 0.1
    input_model = "RampModel"
    by_integration = True
    superstripes = "places"

    def process(self, ramp):
        exposure = ramp.meta.exposure
        n_frames, divisor = frames_averaged(
            exposure.readpatt, exposure.nframes, exposure.frame_divisor, exposure.miri_fsw_nframes
        )
        if n_frames is None or divisor is None:
            raise SkipStep(f"NFRAMES = {n_frames}, FRMDIVSR = {divisor}: both are needed to rescale")
        if n_frames < 1 or divisor < 1:
            raise InputError(
                f"NFRAMES and FRMDIVSR must be at least 1, got NFRAMES = {n_frames}, FRMDIVSR = {divisor}",
                where=str(ramp.path or "header"),
            )
        exposure.nframes = n_frames
        if n_frames == divisor:
            raise SkipStep(f"NFRAMES and FRMDIVSR are both {divisor}: nothing to rescale", is_expected=True)
        self.log.info("all groups are multiplied by FRMDIVSR / NFRAMES = %d / %d", divisor, n_frames)
        rescale(ramp.data, divisor, n_frames)
        return ramp


def frames_averaged(readpatt, n_frames, divisor, downlinked_frames):
    """Return the number of frames that one group is the average of, and the divisor that was used.

    The MIRI patterns FASTGRPAVG* average FRMDIVSR groups on board while NFRAMES stays as commanded, with the original
    value in MIRNFRMS: the number of frames is then MIRNFRMS * FRMDIVSR (JWST pipeline documentation 1.13.5, section
    group_scale).

    Parameters
    ----------
    readpatt : str or None
        READPATT.
    n_frames, divisor, downlinked_frames : int or None
        NFRAMES, FRMDIVSR, MIRNFRMS.

    Returns
    -------
    tuple of (int or None)
        Number of frames and divisor.
    """
    if (readpatt or "").startswith("FASTGRPAVG") and downlinked_frames and divisor:
        n_frames = downlinked_frames * divisor
    return n_frames, divisor


def rescale(data, divisor, n_frames):
    """Multiply all values by ``divisor / n_frames``, in place.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp; becomes the true average of the frames of each group.
    divisor, n_frames : int
        FRMDIVSR and NFRAMES.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section group_scale. The factor is rounded to float32 first, as the reference
    implementation does.
    """
    data *= np.float32(divisor / n_frames)
