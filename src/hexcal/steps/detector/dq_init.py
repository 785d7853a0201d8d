"""Start the data quality flags from the mask of known bad pixels."""

import numpy as np

from hexcal.core import Step


class DQInitStep(Step):
    """Initialize the data quality arrays and add the flags of the bad-pixel mask."""

    alias = "dq_init"
    reference_types = ("mask",)

    def process(self, model, references):
        model = model if model.is_guiding else as_ramp(model)
        mask = references.mask.cutout(model)
        add_mask(model.dq if model.is_guiding else model.pixeldq, mask.dq)
        return model


def as_ramp(model):
    """Return the exposure as a RampModel: float32, with PIXELDQ and GROUPDQ, zero-filled where the file has none."""
    from hexcal.models.science import RampModel

    return model if isinstance(model, RampModel) else RampModel(model)


def add_mask(pixel_dq, mask_dq):
    """Combine the flags of the mask into those of the exposure, in place.

    Parameters
    ----------
    pixel_dq, mask_dq : uint32 array (ny, nx)
        Flags of the exposure, and of the mask, both in master bits.
    """
    np.bitwise_or(pixel_dq, mask_dq, out=pixel_dq)
