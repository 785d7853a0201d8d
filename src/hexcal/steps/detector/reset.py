"""Remove the reset anomaly of the MIRI detectors."""

from hexcal.core import SkipStep, Step
from hexcal.errors import ReferenceError_
from hexcal.steps.detector.planes import planes_of, require_same_subarray, subtract_images


class ResetStep(Step):
    """Subtract the reset anomaly from the first groups of every MIRI integration."""

    alias = "reset"
    reference_types = ("reset",)
    input_model = "RampModel"
    by_integration = True

    def process(self, ramp, references):
        if not ramp.is_miri:
            raise SkipStep("only MIRI detectors have a reset anomaly", is_expected=True)
        reset = references.reset
        require_same_subarray(ramp, reset, "reset")
        if len(reset.shape) != 4:
            raise ReferenceError_(
                f"SCI of a reset reference must have the axes (nints, ngroups, ny, nx), found shape {reset.shape}",
                where=str(reset.path),
            )

        def image_of(plane, group, rows):
            return reset.read("data", (plane, group, rows))

        subtract_reset(
            ramp.data, ramp.pixeldq, image_of, reset.shape, reset.dq, ramp.meta.exposure.integration_start or 1
        )
        return ramp


def subtract_reset(data, pixel_dq, image_of, reference_shape, reference_dq, first_integration=1, threads=None):
    """Subtract the reset anomaly, integration by integration and group by group, in place.

    ``data[i, g] -= reset[min(i, nints_ref - 1), g]``, where i counts from the start of the exposure; groups that the
    reference does not reach are not changed.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    pixel_dq : uint32 array (ny, nx)
        Gets the flags of the reference as well.
    image_of : callable
        ``image_of(integration, group, rows)`` gives rows of the reference, float32 (rows, nx); NaN counts as 0.
    reference_shape : tuple
        (nints_ref, ngroups_ref, ny, nx).
    reference_dq : uint32 array (ny, nx) or None
        Flags of the reference, in master bits; one image for all integrations.
    first_integration : int
        INTSTART, 1-based.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section reset.
    """
    if reference_dq is not None:
        pixel_dq |= reference_dq
    n_groups = min(data.shape[1], reference_shape[1])
    subtract_images(
        data, image_of, n_groups, planes_of(first_integration, data.shape[0], reference_shape[0]), threads=threads
    )
