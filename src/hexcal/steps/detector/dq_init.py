"""Start the data quality flags from the mask of known bad pixels."""

import numpy as np

from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.detector.flags import count_flagged


class DQInitStep(Step):
    """Initialize the data quality arrays and add the flags of the bad-pixel mask."""

    alias = "dq_init"
    reference_types = ("mask",)
    reads_ahead = {"mask": ("dq",)}
    input_model = ("RampModel", "GuiderRawModel")
    by_integration = True
    superstripes = "places"

    class Parameters(StepParameters):
        """Further flags."""

        user_supplied_dq: str | None = parameter(
            None, "FITS file with an image of flags of the size of the exposure, which are added to those of the mask."
        )

    def is_optional(self, reference_type):
        """The mask, where the user gives flags."""
        return self.parameters.user_supplied_dq is not None

    def process(self, model, references):
        mask = references.mask.cutout(model).dq if "mask" in references else np.zeros(model.shape[-2:], np.uint32)
        if self.parameters.user_supplied_dq:
            mask = mask | flags_in(self.make_input_path(self.parameters.user_supplied_dq), mask.shape)
        if "pixeldq" in model.specs:
            add_mask(model.pixeldq, mask, model.groupdq)
        else:
            # Exposures of guider functions have flags of pixels only.
            add_mask(model.dq, mask)
        bad = count_flagged(mask, pixel.DO_NOT_USE)
        self.log.info("%d of %d pixels (%.2f %%) are DO_NOT_USE in the mask", bad, mask.size, 100 * bad / mask.size)
        return model


def add_mask(pixel_dq, mask_dq, group_dq=None):
    """Combine the flags of the mask into those of the exposure, in place.

    Parameters
    ----------
    pixel_dq, mask_dq : uint32 array (ny, nx)
        Flags of the exposure, and of the mask, both in master bits.
    group_dq : uint8 array (nints, ngroups, ny, nx), optional
        Gets DO_NOT_USE in all groups of the pixels for which the mask says so, as the reference implementation does:
        steps that look only at the groups then leave these pixels out.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section dq_init.
    """
    from hexcal.core.bands import run_bands

    def add(first, last):
        rows = mask_dq[first:last]
        pixel_dq[first:last] |= rows
        if group_dq is not None:
            group_dq[..., first:last, :] |= (rows & pixel.DO_NOT_USE).astype(np.uint8)

    run_bands(add, len(pixel_dq))


def flags_in(path, shape):
    """Read an image of flags from a FITS file: the extension DQ, else PIXELDQ, else the first image.

    Translated if the file has a table DQ_DEF.

    Parameters
    ----------
    path : str
        The file.
    shape : tuple of int
        (ny, nx) of the exposure.

    Returns
    -------
    uint32 array (ny, nx)
        In master bits.

    Raises
    ------
    InputError
        If there is no image of this size, or it does not hold whole numbers.
    """
    from hexcal.models import dqflags
    from hexcal.models.fits_source import FitsSource

    source = FitsSource(path)
    images = [extension for extension in source.extensions if extension.is_image and extension.shape]
    by_name = {extension.name.upper(): extension for extension in reversed(images)}
    chosen = by_name.get("DQ") or by_name.get("PIXELDQ") or next(iter(images), None)
    if chosen is None or tuple(chosen.shape) != tuple(shape):
        actual = (
            "no image" if chosen is None else f"{chosen.name or 'the primary image'} of shape {tuple(chosen.shape)}"
        )
        raise InputError(
            f"an image of flags of the size of the exposure is required, {tuple(shape)} (ny, nx); found: {actual}",
            where=path,
            hint="cut it to the subarray of the exposure, or give another file as user_supplied_dq",
        )
    values = source.read(chosen, None)
    if values.dtype.kind not in "iu" and not (values == np.floor(values)).all():
        raise InputError("flags must be whole numbers", where=f"{path}[{chosen.name}]")
    definitions = source.find("DQ_DEF", 1)
    table = source.table(definitions) if definitions is not None else None
    return dqflags.translate(values.astype(np.uint32), table, where=path)
