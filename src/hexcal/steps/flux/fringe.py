"""Divide MIRI MRS exposures by the fringes of extended sources."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import ReferenceError_
from hexcal.steps.flux.planes import in_blocks, planes_of


class FringeStep(Step):
    """Divide by the fringe flat of MIRI MRS.

    Values and errors are divided by it where it has a value; by the documents the variances are not changed, which
    then are not those of the errors: see `scale_variances`. What is left of the fringes of point sources is found in
    the spectra themselves by residual_fringe.
    """

    alias = "fringe"
    reference_types = ("fringe",)
    input_model = ("IFUImageModel", "ImageModel")

    class Parameters(StepParameters):
        """What is divided."""

        scale_variances: bool = parameter(
            False, "Divide the variances by the square of the fringe flat, so that they remain those of the errors."
        )

    def references_needed(self, model):
        """None for what is no exposure of MIRI MRS."""
        return self.reference_types if model.meta.exposure.type == "MIR_MRS" else ()

    def process(self, model, references):
        if model.meta.exposure.type != "MIR_MRS":
            raise SkipStep(
                f"fringes are corrected in exposures of MIR_MRS only, this is {model.meta.exposure.type}",
                is_expected=True,
            )
        fringe = references.fringe
        if fringe.data is None or fringe.data.shape != model.data.shape:
            raise ReferenceError_(
                f"a fringe file of the shape of the exposure {model.data.shape} is required, "
                f"this one has {None if fringe.data is None else fringe.data.shape}",
                where=str(fringe.path or "model in memory"),
                hint="give another one with override_fringe",
            )
        variances = planes_of(model).all_variances if self.parameters.scale_variances else ()
        divide(model.data, model.err, variances, fringe.data)
        self.log.info("%d pixels have no fringe value", np.count_nonzero(np.isnan(fringe.data)))
        return model


def divide(data, err, variances, fringe, threads=None):
    """Divide values and errors by a fringe flat, and variances by its square, in place.

    Parameters
    ----------
    data, err : float32 array (ny, nx)
        Count rates and their standard deviations.
    variances : sequence of float32 arrays (ny, nx)
        May be empty.
    fringe : float32 array (ny, nx)
        Where it is NaN nothing changes.
    threads : int, optional
        Default: the number of the run.
    """

    def work(part, rows):
        factor = np.where(np.isnan(fringe[part]), np.float32(1), fringe[part])
        with np.errstate(divide="ignore", invalid="ignore"):
            data[part] /= factor
            err[part] /= factor
            for variance in variances:
                variance[part] /= factor**2

    in_blocks(data.shape, work, threads)
