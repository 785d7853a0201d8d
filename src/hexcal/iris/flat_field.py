"""Divide frames by the flat field."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter


class IrisFlatFieldStep(Step):
    """Divide a frame by the flat field, and carry its errors and flags along.

    Where the flat field is NaN or 0 nothing is divided. Frames of the lenslets have their response in the spectral
    extraction, and are left as they are.
    """

    alias = "iris_flat_field"
    status = "flat_field"
    default_suffix = "flat_field"
    reference_types = ("flat",)
    input_model = "IRISImageModel"

    class Parameters(StepParameters):
        """No choice."""

        flat_suffix: None = parameter(None, "Suffix of flats of multi-object spectra; IRIS has none, so only None.")

    def references_needed(self, model):
        """The flat field; none for lenslets."""
        return () if model.meta.instrument.mode == "LENSLET" else ("flat",)

    def process(self, frame, references):
        if frame.meta.instrument.mode == "LENSLET":
            raise SkipStep("the response of lenslets is part of their spectral extraction", is_expected=True)
        flat = references.flat.cutout(frame)
        divide(frame.data, frame.err, frame.dq, flat.data, flat.err, flat.dq)
        return frame


def divide(data, err, dq, flat, flat_err=None, flat_dq=None):
    """Divide a frame by a flat field, in place.

    ``data / f``; ``sqrt((err / f)^2 + (data / f * err_f / f)^2)``; flags of both.

    Parameters
    ----------
    data, err : float32 array (ny, nx), electron/s
        The frame, and its standard deviations.
    dq : uint32 array (ny, nx)
        Its flags.
    flat, flat_err : float32 array (ny, nx)
        The flat field and its standard deviations; NaN or 0 counts as 1, without error.
    flat_dq : uint32 array (ny, nx), optional
        Its flags.

    Notes
    -----
    Documents of the IRIS pipeline: flat field correction; errors to first order.
    """
    is_usable = np.isfinite(flat) & (flat != 0)
    factor = np.where(is_usable, flat, np.float32(1))
    data /= factor
    err /= factor
    if flat_err is not None:
        relative = np.where(is_usable, np.nan_to_num(flat_err, nan=0.0) / factor, np.float32(0))
        err[:] = np.hypot(err, data * relative)
    if flat_dq is not None:
        dq |= flat_dq
