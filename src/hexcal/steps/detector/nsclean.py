"""Take correlated read noise out of rates of NIRSpec."""

from typing import Any

import numpy as np

from hexcal.core import Step, StepParameters, parameter
from hexcal.steps.detector.clean_flicker_noise import as_cube, given_mask, lines_are_columns
from hexcal.steps.detector.flicker_clean import Fit, clean
from hexcal.steps.detector.flicker_mask import clipped
from hexcal.steps.detector.lit_regions import always_lit, lit_by_spectra

_CLIP = 5.0
"""Sigma beyond which values do not count for the scatter of the unlit pixels."""
_REFERENCE_COLUMNS = 4
_FULL = 2048


class NSCleanStep(Step):
    """Fit low frequencies of the read-out to pixels without light, and subtract them from rates of NIRSpec.

    Which pixels see light is known from the WCS (footprints of slits, slitlets and slices), from the flags of shutters
    that cannot close, and from the place of the fixed slits; reference pixels, pixels without a value, and those that
    are brighter than the others do not count either. Rates per integration are cleaned one by one.

    The newer clean_flicker_noise does the same with more choices.
    """

    alias = "nsclean"
    input_model = ("ImageModel", "CubeModel", "IFUImageModel")

    class Parameters(StepParameters):
        """Which pixels are taken to see no light."""

        skip: bool = parameter(True, "Leave the step out.")
        mask_spectral_regions: bool = parameter(
            True, "Leave out the footprints of slits, slitlets and slices that the WCS knows."
        )
        n_sigma: float = parameter(
            5.0, "Pixels further above the median of the others are taken to see light.", unit="sigma", gt=0
        )
        save_mask: bool = parameter(False, "Write the mask, with suffix _mask: 1 where a pixel sees no light.")
        user_mask: Any = parameter(None, "File or model with a mask: true or 1 where a pixel sees no light.")

    def process(self, model):
        cube = as_cube(model)
        masks = self._masks(model, cube)
        self.log.info("Pixels without light: %.0f %%", 100 * np.mean(masks))
        clean(cube, masks, Fit("fft", None, columns=lines_are_columns(model)))
        if self.parameters.save_mask:
            self._save(model, masks)
        return model

    def _masks(self, model, cube):
        """Which pixels of each integration see no light: bool (nints, ny, nx), or (1, ny, nx) for all."""
        if self.parameters.user_mask is not None:
            return given_mask(self.open_model(self.parameters.user_mask), cube.shape)
        dark = ~always_lit(model)
        if self.parameters.mask_spectral_regions:
            dark &= ~lit_by_spectra(model)
        if dark.shape == (_FULL, _FULL):
            dark[:, :_REFERENCE_COLUMNS] = dark[:, -_REFERENCE_COLUMNS:] = False
        return np.array([dark & self._faint(image, dark) for image in cube])

    def _faint(self, image, dark):
        """Which pixels are no brighter than those without light."""
        known = clipped(image[dark], clip=_CLIP)
        with np.errstate(invalid="ignore"):
            return np.isfinite(image) & (image <= known.median + self.parameters.n_sigma * known.sigma)

    def extra_products(self):
        """The mask."""
        return [{"suffix": "mask"}] if self.parameters.save_mask else []

    def _save(self, model, masks):
        from hexcal.models.open import open as open_model

        mask = open_model((masks if len(model.shape) == 3 else masks[0]).astype(np.float32))
        mask.update(model)
        self.save_model(mask, "mask", force=True)
