"""Rescale the rates of exposures that were taken with a non-standard gain."""

import numpy as np

from hexcal.core import SkipStep, Step
from hexcal.errors import InputError
from hexcal.models.science import CubeModel


class GainScaleStep(Step):
    """Multiply the rates by the gain factor, as if they had been taken with the standard gain."""

    alias = "gain_scale"
    relative_time = 0.1
    reference_types = ("gain",)
    input_model = ("ImageModel", "CubeModel", "IFUImageModel")
    by_integration = True

    def suffix_for(self, model):
        """In a pipeline, which has both, the rates per integration are told from the rate image."""
        return f"{self.name}ints" if self.parent is not None and isinstance(model, CubeModel) else None

    def references_needed(self, model):
        """The gain reference is only opened if the factor is not in the header."""
        return () if model.meta.exposure.gain_factor is not None else self.reference_types

    def process(self, rate, references):
        factor = rate.meta.exposure.gain_factor
        where = "GAINFACT of the exposure"
        if factor is None:
            factor, where = references.gain.meta.exposure.gain_factor, "GAINFACT of the gain reference"
        if factor is None:
            reason = "GAINFACT is neither in the header of the exposure nor in that of the gain reference"
            raise SkipStep(reason, is_expected=True)
        if not (np.isfinite(factor) and factor > 0):
            raise InputError(f"the gain factor must be a positive number, it is {factor}", where=where)
        self.log.info("Rescaling by %s", factor)
        scale_gain(factor, (rate.data, rate.err), (rate.var_poisson, rate.var_rnoise))
        rate.meta.exposure.gain_factor = factor
        return rate


def scale_gain(factor, rates, variances):
    """Multiply rates and errors by the gain factor, and variances by its square, in place.

    Parameters
    ----------
    factor : float
        Ratio of the gain used to the standard gain.
    rates : iterable of float32 arrays or None
        SCI and ERR, DN/s, of one image or one per integration.
    variances : iterable of float32 arrays or None
        VAR_POISSON and VAR_RNOISE, (DN/s)^2.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section gain_scale.
    """
    if factor == 1:
        return
    for arrays, multiplier in ((rates, factor), (variances, factor**2)):
        for array in arrays:
            if array is not None:
                np.multiply(array, np.float32(multiplier), out=array)
