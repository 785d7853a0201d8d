"""The products of the ramp fit: models with the metadata of the ramp."""

from hexcal.models.dqflags import without_meaning


def take_gain_factor(ramp, references):
    """Note the factor of the gain reference, which gain_scale needs, in the metadata of the ramp."""
    factor = references.gain.meta.exposure.gain_factor
    if factor is not None:
        ramp.meta.exposure.gain_factor = factor


def rate_model(ramp, fit, pixel_dq):
    """Return the rate, with the metadata of the ramp (RampModel).

    An ImageModel, or an IFUImageModel for an integral-field exposure.

    ``pixel_dq``, uint32 (ny, nx), is its PIXELDQ after all steps before the fit.
    """
    from hexcal.models import science

    return _filled(ramp, science.IFUImageModel if ramp.is_ifu else science.ImageModel, fit, pixel_dq)


def rateints_model(ramp, fit, pixel_dq):
    """Return the rates per integration (CubeModel), with the metadata of the ramp (RampModel) and its INT_TIMES."""
    from hexcal.models import science

    model = _filled(ramp, science.CubeModel, fit, pixel_dq)
    model.int_times, model.int_times_stripe = map(ramp.plain_table, ("int_times", "int_times_stripe"))
    return model


def _filled(ramp, cls, fit, pixel_dq):
    without_meaning(fit.dq, pixel_dq, ramp.observatory)
    model = like(ramp, cls(fit.slope))
    model.err, model.dq, model.var_poisson, model.var_rnoise = fit.err, fit.dq, fit.var_poisson, fit.var_rnoise
    model.meta.bunit_data = model.meta.bunit_err = "DN/s"
    return model


def fitopt(ramp, details):
    """Return the model of the details of the fit."""
    from hexcal.models import science

    model = like(ramp, science.RampFitOutputModel())
    for name, array in details.items():
        setattr(model, name, array)
    return model


def like(ramp, model):
    """Give a new model the metadata of the ramp; return it."""
    model.observatory = ramp.observatory
    model.update(ramp)
    model.meta.filename = ramp.meta.filename
    return model
