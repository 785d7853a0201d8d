"""Start the data quality flags from the mask of known bad pixels."""

import numpy as np

from hexcal.core import Step
from hexcal.models.dqflags import pixel


class DQInitStep(Step):
    """Initialize the data quality arrays and add the flags of the bad-pixel mask."""

    alias = "dq_init"
    reference_types = ("mask",)
    input_model = ("RampModel", "GuiderRawModel")

    def process(self, model, references):
        if model.is_guiding:
            add_mask(model.dq, references.mask.cutout(model).dq)
            return model
        mask = references.mask.cutout(model).dq
        add_mask(model.pixeldq, mask, model.groupdq)
        bad = int(np.count_nonzero(mask & np.uint32(pixel.DO_NOT_USE)))
        self.log.info("%d of %d pixels (%.2f %%) are DO_NOT_USE in the mask", bad, mask.size, 100 * bad / mask.size)
        return model


def add_mask(pixel_dq, mask_dq, group_dq=None):
    """Combine the flags of the mask into those of the exposure, in place.

    Parameters
    ----------
    pixel_dq, mask_dq : uint32 array (ny, nx)
        Flags of the exposure, and of the mask, both in master bits.
    group_dq : uint8 array (nints, ngroups, ny, nx), optional
        Gets DO_NOT_USE in all groups of the pixels for which the mask says so, as the reference implementation does: steps that look only at the groups
        then leave these pixels out.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section dq_init.
    """
    np.bitwise_or(pixel_dq, mask_dq, out=pixel_dq)
    if group_dq is not None:
        group_dq |= (mask_dq & pixel.DO_NOT_USE).astype(np.uint8)
