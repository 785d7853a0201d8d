"""Add the flags of the bad pixel map."""

import numpy as np

from hexcal.core import SkipStep, Step
from hexcal.models import dqflags
from hexcal.steps.detector.dq_init import add_mask


class IrisDQInitStep(Step):
    """Add the flags of the bad pixel map to those of a ramp or of a frame.

    The map is of type mask in the mappings of TMT, of type dq in those of Liger. One of the whole detector is cut to
    the window that was read.
    """

    alias = "iris_dq_init"
    status = "dq_init"
    default_suffix = "dq_init"
    reference_types = may_lack_rules = ("mask", "dq")
    input_model = ("IRISRampModel", "IRISImageModel")

    def is_optional(self, reference_type):
        """Either is enough."""
        return True

    def process(self, exposure, references):
        flags = np.zeros(exposure.shape[-2:], np.uint32)
        present = [name for name in self.reference_types if name in references]
        if not present:
            raise SkipStep("there is no bad pixel map (mask or dq)")
        for name in present:
            flags |= getattr(references, name).cutout(exposure).dq
        if len(exposure.shape) == 2:
            add_mask(exposure.dq, flags)
        else:
            add_mask(exposure.pixeldq, flags, exposure.groupdq)
        bad = np.count_nonzero(flags & np.uint32(dqflags.of(exposure.observatory).DO_NOT_USE))
        self.log.info("%d of %d pixels (%.2f %%) are DO_NOT_USE in the map", bad, flags.size, 100 * bad / flags.size)
        return exposure
