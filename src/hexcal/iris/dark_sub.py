"""Subtract the dark rate from frames."""

import numpy as np

from hexcal.core import Step
from hexcal.errors import ReferenceError_


class DarkSubtractionStep(Step):
    """Subtract the dark current from a frame, both rates in electrons per second.

    The error of the dark is added in quadrature, its flags to those of the frame. Where the dark is NaN nothing is
    subtracted. A dark of a whole detector is cut to the window of the frame.
    """

    alias = "dark_sub"
    reference_types = ("dark",)
    input_model = "IRISImageModel"

    def process(self, frame, references):
        dark = references.dark
        if len(dark.shape) != 2:
            raise ReferenceError_(
                f"a dark of frames is an image (ny, nx), found the shape {dark.shape}",
                where=str(dark.path or "a reference in memory"),
                hint="a dark of each read is for ramps: give the rate with override_dark",
            )
        dark = dark.cutout(frame)
        subtract(frame.data, frame.err, frame.dq, dark.data, dark.err, dark.dq)
        return frame


def subtract(data, err, dq, level, level_err=None, level_dq=None, scale=1.0):
    """Subtract one image from another, in place: ``data - scale b``, ``sqrt(err^2 + (scale err_b)^2)``, flags of both.

    Parameters
    ----------
    data, err : float32 array (ny, nx), electron/s
        The frame, and its standard deviations.
    dq : uint32 array (ny, nx)
        Its flags.
    level, level_err : float32 array (ny, nx), electron/s
        What is subtracted, and its standard deviations; NaN counts as 0.
    level_dq : uint32 array (ny, nx), optional
        Its flags.
    scale : float
        What it is multiplied by.

    Notes
    -----
    Documents of the IRIS pipeline: dark subtraction, background subtraction.
    """
    data -= np.float32(scale) * np.nan_to_num(level, nan=0.0)
    if level_err is not None:
        err[:] = np.hypot(err, np.float32(scale) * np.nan_to_num(level_err, nan=0.0))
    if level_dq is not None:
        dq |= level_dq
