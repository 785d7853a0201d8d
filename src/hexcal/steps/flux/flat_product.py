"""The model of an interpolated flat field."""

import numpy as np

from hexcal.models.science import ImageModel, MultiSlitModel, SlitModel

_OF_A_SLIT = ("name", "xstart", "xsize", "ystart", "ysize", "source_id", "source_type", "slitlet_id", "quadrant")


def product_of(exposure, flats):
    """Return the flat field of an exposure as a model of its own.

    Parameters
    ----------
    exposure : DataModel
        What was flattened; gives the metadata.
    flats : list of (DataModel, InterpolatedFlat)
        The slits, or the exposure itself, and what they were divided by.

    Returns
    -------
    MultiSlitModel, SlitModel or ImageModel
        Slits for slits; an image for the IFU.
    """
    kind = type(exposure).__name__
    if kind != "MultiSlitModel":
        (part, flat) = flats[0]
        product = _filled(SlitModel if kind == "SlitModel" else ImageModel, flat)
        product.update(exposure)
        return product if kind != "SlitModel" else _named(product, part)
    product = MultiSlitModel()
    product.update(exposure)
    product.slits = [_named(_filled(SlitModel, flat), part) for part, flat in flats]
    return product


def _filled(kind, flat):
    model = kind(flat.data, err=flat.err, dq=flat.dq)
    if kind is SlitModel:
        model.wavelength = np.asarray(flat.wavelength, np.float32)
    return model


def _named(model, part):
    for name in _OF_A_SLIT:
        value = part.get_meta(name)
        if value is not None:
            model.set_meta(name, value)
    return model
