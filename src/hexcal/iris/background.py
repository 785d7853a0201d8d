"""The background of an image, measured on the image itself, and its subtraction."""

import numpy as np

from hexcal import datamodels
from hexcal.core import Role, SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.iris.dark_sub import subtract
from hexcal.models import dqflags
from hexcal.steps.image.mesh_background import BoxClipping, mesh_background

_ROWS = 64
_MEDIAN = np.sqrt(np.pi / 2)
"""Standard deviation of the median of many values, in units of that of their mean."""


class CalculateBackgroundImagerStep(Step):
    """Measure the background of an image on a mesh of boxes: medians after stars are clipped, interpolated.

    Values are clipped closer above the median, where stars are, than below. The result is the background as a frame;
    its error is that of the medians. Pixels that are flagged DO_NOT_USE are left out.
    """

    alias = "background_calc"
    input_model = "IRISImageModel"

    class Parameters(StepParameters):
        """Boxes and clipping."""

        box_size: int = parameter(101, "Side of a box.", unit="pixel", ge=1)
        filter_size: int | None = parameter(
            None, "Side of the median filter over boxes, an odd number; None: 3.", unit="box", ge=1
        )
        sigma_low: float = parameter(6.0, "Values this far below the median are clipped.", unit="sigma", gt=0)
        sigma_high: float = parameter(2.0, "Values this far above the median are clipped.", unit="sigma", gt=0)
        maxiters: int = parameter(100, "Most iterations of clipping.", ge=0)

    def set_status(self, model, status):
        """None: nothing is subtracted yet."""

    def process(self, frame):
        chosen = self.parameters
        unusable = np.uint32(dqflags.of(frame.observatory).DO_NOT_USE)
        mesh = mesh_background(
            frame.data,
            (frame.dq & unusable) != 0,
            chosen.box_size,
            BoxClipping(chosen.sigma_low, chosen.sigma_high, chosen.maxiters),
            chosen.filter_size or 3,
        )
        if mesh is None:
            raise InputError(
                "the background needs pixels that can be used, and there are none",
                where=str(frame.path or frame.meta.filename or "model in memory"),
                hint="skip=true leaves the step out",
            )
        background = datamodels.IRISImageModel(np.empty(frame.shape, np.float32))
        background.update(frame)
        per_box = np.sqrt(mesh.box[0] * mesh.box[1])
        for first in range(0, frame.shape[0], _ROWS):
            rows = slice(first, first + _ROWS)
            background.data[rows] = mesh.rows(mesh.level, rows)
            background.err[rows] = _MEDIAN / per_box * mesh.rows(mesh.rms, rows)
        self.log.info("Background between %.4g and %.4g electron/s", mesh.level.min(), mesh.level.max())
        return background


class SubtractBackgroundImagerStep(Step):
    """Subtract a background from a frame; its error is added in quadrature, its flags are added."""

    alias = "background_sub"
    status = "sky_sub"
    roles = (
        Role("science", "IRISImageModel", other_names=("sci", "target")),
        Role("background", "IRISImageModel", required=False, other_names=("bkg",)),
    )
    changes_first_only = True

    class Parameters(StepParameters):
        """What is subtracted."""

        background: str | None = parameter(None, "File of the background, where none is given as an input.")
        scale: float = parameter(1.0, "What the background is multiplied by.")

    def process(self, science, background):
        if background is None and self.parameters.background:
            background = datamodels.open(self.make_input_path(self.parameters.background))
        if background is None:
            raise SkipStep("there is no background")
        if background.shape != science.shape:
            raise InputError(
                f"the background must have the shape of the frame, {science.shape} (ny, nx), it has {background.shape}",
                where=str(background.path or "model in memory"),
            )
        level = (background.data, background.err, background.dq)
        subtract(science.data, science.err, science.dq, *level, scale=self.parameters.scale)
        return science
