"""Subtract the average of sky frames from a frame."""

from typing import Literal

import numpy as np

from hexcal.core import Role, StepParameters, parameter
from hexcal.iris.dark_sub import subtract
from hexcal.steps.flux.background import BackgroundStep


class SkySubtractionImagerStep(BackgroundStep):
    """Subtract the average of sky frames, of which stars are clipped.

    The error of the average is added in quadrature (documents of 2025; before, errors were left), and the flags of the
    sky frames are added.
    """

    alias = "sky_sub"
    status = "sky_sub"
    reference_types = ()
    roles = (
        Role("science", "IRISImageModel", other_names=("sci", "target")),
        Role("sky", "IRISImageModel", many=True, required=False, other_names=("background", "bkg")),
    )
    combined_model = "IRISImageModel"

    class Parameters(StepParameters):
        """How sky frames are combined."""

        bkg_list: list[str] | None = parameter(
            None,
            "Files of sky frames, with dark and flat field as the frame, where neither the association nor the call "
            "names any.",
        )
        save_combined_background: bool = parameter(False, "Write the average sky, with suffix _combinedbackground.")
        sigma: float = parameter(3.0, "Values farther than this from the others are clipped.", unit="sigma", gt=0)
        maxiters: int | None = parameter(
            None, "Most iterations of clipping; None: until nothing more is clipped.", ge=0
        )
        clip_by: Literal["noise", "scatter"] = parameter(
            "noise",
            "'noise': by the errors of the frames, leaving out values flagged DO_NOT_USE; 'scatter': by the standard "
            "deviation of the values, which clips nothing of fewer than eleven.",
        )

    def process(self, science, sky):
        mean = self.average_of(science, sky)
        subtract(science.data, science.err, science.dq, mean.data, mean.err, mean.dq)
        self.log.info("Median of the sky: %.4g electron/s", np.median(mean.data[mean.covered]))
        return science
