"""Remove the fixed bias pattern of a near-infrared detector."""

from hexcal.core import Step
from hexcal.steps.detector.flags import add_flags
from hexcal.steps.detector.zero_frame import correct_zero_frame


class SuperBiasStep(Step):
    """Subtract the superbias from every group of a near-infrared ramp."""

    alias = "superbias"
    reference_types = ("superbias",)
    reads_ahead = {"superbias": ("data", "dq")}
    input_model = "RampModel"
    by_integration = True
    superstripes = "places"

    def process(self, ramp, references):
        bias = references.superbias.cutout(ramp)
        subtract_superbias(ramp.data, ramp.pixeldq, bias.data, bias.dq)
        correct_zero_frame(ramp, lambda data, _: subtract_superbias(data, ramp.pixeldq, bias.data, bias.dq))
        return ramp


def subtract_superbias(data, pixel_dq, bias, bias_dq, threads=None):
    """Subtract one image from all groups of all integrations, in place.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    pixel_dq : uint32 array (ny, nx)
        Gets the flags of the superbias as well.
    bias : float32 array (ny, nx), DN
        The superbias; NaN counts as 0.
    bias_dq : uint32 array (ny, nx) or None
        Its flags, in master bits.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section superbias.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.subtract import subtract

    n_integrations, n_groups, n_rows, _ = data.shape
    add_flags(pixel_dq, bias_dq, threads)
    run_bands(subtract, n_rows, data, bias, 0, 0, n_integrations, 0, n_groups, threads=threads)
