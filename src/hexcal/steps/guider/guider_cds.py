"""Count rates of guider exposures, from the difference of reads before and after each integration."""

from typing import Literal

import numpy as np

from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import InputError

DEFAULT_GAIN = 1.97139
"""Electrons per DN where there is no gain reference: the value that release 1.13.4 of the reference implementation is
measured to use.
"""
DEFAULT_READ_NOISE = 21.0
"""DN, noise of the difference of two reads, where there is no readnoise reference: measured in the same way."""
_IDENTIFICATION = ("FGS_ID-IMAGE", "FGS_ID-STACK")
_FINE_GUIDING = "FGS_FINEGUIDE"
_FOWLER_READS = 4
"""Reads that fine guiding averages, before and after the integration."""
_SMALLER_OF_TWO = np.float32(1 - 1 / np.pi)
"""Variance of the smaller of two values of the same normal distribution, in units of theirs (David and Nagaraja, Order
Statistics, 3rd ed. 2003).
"""


class GuiderCdsStep(Step):
    """Make count rates of guider exposures from the differences of their reads."""

    alias = "guider_cds"
    reference_types = ("gain", "readnoise")
    input_model = "GuiderRawModel"

    class Parameters(StepParameters):
        """How errors are computed."""

        error_formula: Literal["documented", "propagated"] = parameter(
            "documented",
            "ERR by the formula of the documents, whose read noise is too large; "
            "or as it follows from the noise of the reads.",
        )
        identification_references: bool = parameter(
            False,
            "Use the gain and readnoise references for identification too, as release 3.0.0 does; "
            "else their default values.",
        )

    def is_optional(self, reference_type):
        """Gain and read noise serve only for the errors, and have default values."""
        return True

    def references_needed(self, model):
        """None for identification, unless a parameter asks for them."""
        uses_defaults = _is_identification(model) and not self.parameters.identification_references
        return () if uses_defaults else self.reference_types

    def require(self, model):
        """The reads of the guider function, and the time between them."""
        _require_reads(model)

    def process(self, raw, references):
        exposure_type, group_time = raw.meta.exposure.type, raw.meta.exposure.group_time
        _require_reads(raw)
        gain = self._of_pixels(references, "gain", raw, DEFAULT_GAIN)
        read_noise = self._of_pixels(references, "readnoise", raw, DEFAULT_READ_NOISE)
        is_fine, is_identification = exposure_type == _FINE_GUIDING, _is_identification(raw)
        differences = read_differences(raw.data, _FOWLER_READS if is_fine else 1)
        signal = differences.min(axis=0, keepdims=True) if is_identification else differences
        if self.parameters.error_formula == "documented":
            variance = documented_variance(signal, gain, read_noise, group_time)
        else:
            # The mean of the integrations is the best there is to tell the Poisson noise of each, where they have the
            # same light.
            expected = differences.mean(axis=0, keepdims=True) if is_fine or is_identification else differences
            variance = propagated_variance(expected, gain, read_noise, group_time, _FOWLER_READS if is_fine else 1)
            if is_identification:
                variance *= _SMALLER_OF_TWO
        err = np.broadcast_to(np.sqrt(variance), signal.shape)
        return calibrated(raw, signal / np.float32(group_time), err.astype(np.float32))

    def _of_pixels(self, references, reference_type, raw, default):
        """The reference of this type for the pixels of the exposure, else the default value."""
        if reference_type in references:
            return getattr(references, reference_type).cutout(raw).data
        self.log.info("%s: the default value %g is taken for all pixels", reference_type, default)
        return np.float32(default)


def _is_identification(model):
    return model.meta.exposure.type in _IDENTIFICATION


def _require_reads(raw):
    """Raise InputError if an exposure does not have the reads of its guider function."""
    exposure_type = raw.meta.exposure.type
    nints, ngroups = raw.shape[:2]
    needed = 2 * _FOWLER_READS if exposure_type == _FINE_GUIDING else 2
    where = str(raw.path or "model in memory")
    if not raw.is_guiding:
        raise InputError(
            f"EXP_TYPE must be one of the guider functions, it is {exposure_type}",
            where=where,
            hint="ramps of science exposures go through calwebb_detector1",
        )
    if 0 in (nints, *raw.shape[2:]):
        raise InputError(
            f"the exposure needs an integration and a pixel at least, its shape is {tuple(raw.shape)} "
            "(integrations, groups, rows, columns)",
            where=where,
        )
    if ngroups < needed:
        raise InputError(
            f"{exposure_type} needs {needed} groups in each integration, the exposure has {ngroups}", where=where
        )
    if _is_identification(raw) and nints != 2:
        raise InputError(f"{exposure_type} has 2 integrations, the exposure has {nints}", where=where)
    if not raw.meta.exposure.group_time:
        raise InputError(
            "the group time is needed to make rates of differences, TGROUP is not in the header",
            where=where,
            hint="set TGROUP in seconds",
        )


def read_differences(data, reads):
    """Return what was collected in each integration: the last reads less the first ones.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The reads.
    reads : int
        1: the second group less the first. 4 (fine guiding): the mean of the last four groups less that of the first
        four.

    Returns
    -------
    float32 array (nints, ny, nx), DN

    Notes
    -----
    JWST pipeline documentation 1.13.5, section guider_cds.
    """
    with np.errstate(invalid="ignore"):  # infinite reads give NaN
        if reads == 1:
            return data[:, 1] - data[:, 0]
        return data[:, -reads:].mean(axis=1) - data[:, :reads].mean(axis=1)


def documented_variance(signal, gain, read_noise, group_time):
    """Return the variance of the rates by the formula of the documents.

    ``2 R^2 / t^2 + D / (t g)``, the second term not below 0, where D is the difference (in DN) and not, as one may read
    the documents, the rate: so does the reference implementation, also for fine guiding, where the documents have the
    average of all integrations.

    Parameters
    ----------
    signal : float32 array (nints, ny, nx), DN
        Differences of reads.
    gain, read_noise : float32 array (ny, nx), or scalar
        Electrons per DN; DN, noise of the difference of two reads.
    group_time : float
        Seconds.

    Returns
    -------
    float32 array (nints, ny, nx), (DN/s)^2
        NaN where the gain or the read noise is; infinite where the gain is 0.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section guider_cds.
    """
    time = np.float32(group_time)
    with np.errstate(divide="ignore", invalid="ignore"):
        poisson = np.maximum(signal / (time * gain), np.float32(0))
    return poisson + 2 * read_noise**2 / time**2


def propagated_variance(signal, gain, read_noise, group_time, reads):
    """Return the variance of the rates as it follows from the noise of the reads and of the light.

    A difference of two means of n reads has the read noise ``R / sqrt(n)``, R being the noise of the difference of two
    reads, and D / g of Poisson noise, in DN^2; both are divided by the square of the time.

    Parameters
    ----------
    signal : float32 array (nints or 1, ny, nx), DN
        Differences of reads, or what is expected of them.
    gain, read_noise : float32 array (ny, nx), or scalar
        Electrons per DN, NaN of the variance where it is not positive; DN.
    group_time : float
        Seconds.
    reads : int
        Reads in each mean.

    Returns
    -------
    float32 array like `signal`, (DN/s)^2
    """
    usable = np.where(np.asarray(gain) > 0, gain, np.float32(np.nan))
    return (np.maximum(signal, np.float32(0)) / usable + read_noise**2 / np.float32(reads)) / np.float32(
        group_time
    ) ** 2


def calibrated(raw, rate, err):
    """Return the model of the rates, with the metadata, flags and tables of the raw exposure.

    Parameters
    ----------
    raw : GuiderRawModel
    rate, err : float32 array (nints, ny, nx), DN/s

    Returns
    -------
    GuiderCalModel
    """
    from hexcal.models.layout import Table
    from hexcal.models.science import GuiderCalModel

    model = GuiderCalModel(rate)
    model.observatory = raw.observatory
    model.update(raw)
    model.meta.filename = raw.meta.filename
    model.err, model.dq = err, raw.dq
    for spec in GuiderCalModel.layout:
        if isinstance(spec, Table) and raw.has(spec.name):
            setattr(model, spec.name, getattr(raw, spec.name))
    model.meta.bunit_data = model.meta.bunit_err = "DN/s"
    return model
