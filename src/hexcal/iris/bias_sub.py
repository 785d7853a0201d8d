"""Subtract the bias from every read."""

import numpy as np

from hexcal.core import Step
from hexcal.steps.detector.flags import add_flags


class BiasSubtractionStep(Step):
    """Subtract the bias from every read of a ramp; its flags are added, and its errors in quadrature.

    Where the bias is NaN nothing is subtracted.

    What all reads have in common does not change their differences, and so no rate; but the correction for
    non-linearity needs counts above the bias.
    """

    alias = "bias_sub"
    status = "bias"
    default_suffix = "bias"
    reference_types = may_lack_rules = ("bias",)
    input_model = "IRISRampModel"
    is_often_left_out = True
    by_integration = True

    def process(self, ramp, references):
        bias = references.bias.cutout(ramp)
        subtract_bias(ramp.data, bias.data)
        if bias.err is not None and ramp.has("err"):
            np.hypot(ramp.err, np.nan_to_num(bias.err, nan=0.0), out=ramp.err)
        add_flags(ramp.pixeldq, bias.dq)
        return ramp


def subtract_bias(data, bias, threads=None):
    """Subtract an image from all reads, in place.

    Parameters
    ----------
    data : float32 array (nramps, nreads, ny, nx), DN or electron
        The ramps.
    bias : float32 array (ny, nx)
        In the unit of the data; NaN counts as 0.
    threads : int, optional
        Default: the number of the run.
    """
    from hexcal.core import run_bands

    def subtract_rows(first_row, last_row):
        data[:, :, first_row:last_row] -= np.nan_to_num(bias[first_row:last_row], nan=0.0)

    run_bands(subtract_rows, data.shape[2], threads=threads)
