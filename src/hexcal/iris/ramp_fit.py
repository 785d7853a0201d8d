"""From reads to a frame: the rates of ramps."""

from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator

from hexcal import datamodels
from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import InputError, ParameterError
from hexcal.iris import ramp_rates
from hexcal.models import dqflags

_NAMES = {"UTR": "OLS"}
"""Names that methods have in other releases."""


def _method(text):
    name = str(text).strip().upper()
    return _NAMES.get(name, name)


class IrisRampFitStep(Step):
    """Fit the rates of ramps by differences of reads (CDS), of means of reads (MCDS), or by straight lines (OLS, GLS).

    Reads that are flagged SATURATED or DO_NOT_USE are left out; CDS and MCDS take the nearest others, and know nothing
    of jumps but to leave out the read that is flagged JUMP_DET. A straight line begins anew with that read. Several
    ramps are averaged, weighted by their errors. Times are those of the extension TIMES, or else multiples of TGROUP.
    Gain (electrons per DN) and read noise (electrons, of one read) come from reference files, or else from the keywords
    GAIN and READNOIS; data in electrons have a gain of 1. The result is a frame in electrons per second.

    The errors are those of the method, with photon noise that later reads share with earlier ones.
    """

    alias = "iris_ramp_fit"
    status = "ramp_fit"
    default_suffix = "ramp_fit"
    reference_types = may_lack_rules = ("gain", "readnoise")
    input_model = "IRISRampModel"
    other_parameter_names = {"mode": "method", "num_coadd": "num_coadds"}

    class Parameters(StepParameters):
        """How a rate is found."""

        method: Annotated[Literal["CDS", "MCDS", "OLS", "GLS"], BeforeValidator(_method)] = parameter(
            "OLS",
            "Correlated double sampling, multiple correlated double sampling, least squares (also 'utr'), or "
            "generalised least squares: weighted as the noise of the reads asks for.",
        )
        first_read: int = parameter(0, "Read that CDS begins with, counted from 0.", ge=0)
        num_coadds: int = parameter(1, "Reads that MCDS averages at the beginning and at the end; 1: as CDS.", ge=1)

    def is_optional(self, reference_type):
        """Both may be keywords."""
        return True

    def process(self, ramp, references):
        times = times_of(ramp)
        n_reads = ramp.shape[1]
        if self.method == "MCDS" and 2 * self.num_coadds > n_reads:
            raise ParameterError(
                f"MCDS with num_coadds = {self.num_coadds} needs {2 * self.num_coadds} reads, the ramp has {n_reads}",
                where=self.where,
                hint=f"num_coadds = {max(1, n_reads // 2)}",
            )
        if self.method == "CDS" and self.first_read > n_reads - 2:
            raise ParameterError(
                f"CDS needs a read after the first one: first_read is {self.first_read}, the ramp has {n_reads} reads",
                where=self.where,
            )
        gain = 1.0 if in_electrons(ramp) else _value(ramp, references, "gain", "GAIN")
        noise = _value(ramp, references, "readnoise", "READNOIS")
        rates, errors = self._fitted(ramp, times, gain, noise)
        rate, err = ramp_rates.combined(rates, errors)
        frame = datamodels.IRISImageModel(rate)
        frame.update(ramp)
        frame.err = err
        frame.dq = self._flags(ramp, rate)
        frame.meta.bunit_data = frame.meta.bunit_err = "electron/s"
        frame.meta.data_level = 1
        self.log.info("%s of %d ramps of %d reads", self.method, ramp.shape[0], n_reads)
        return frame

    def _fitted(self, ramp, times, gain, noise):
        """Rates and errors of all ramps (nramps, ny, nx)."""
        flags = dqflags.of(ramp.observatory)
        is_line = self.method in ("OLS", "GLS")
        jump = np.uint8(flags.JUMP_DET)
        unusable = np.uint8(flags.SATURATED | flags.DO_NOT_USE) | (np.uint8(0) if is_line else jump)
        rates, errors = np.empty((2, ramp.shape[0], *ramp.shape[2:]), np.float32)
        for number in range(ramp.shape[0]):
            data, groups = ramp.data[number], ramp.groupdq[number]
            usable = (groups & unusable == 0) & np.isfinite(data)
            if self.method == "CDS":
                usable[: self.first_read] = False
            moments = times[number] if times.ndim == 2 else times
            rates[number], errors[number] = ramp_rates.fit(
                data,
                usable,
                moments,
                self.method,
                self.num_coadds,
                noise,
                gain,
                jumps=groups & jump != 0 if is_line else None,
            )
        return rates, errors

    def _flags(self, ramp, rate):
        """Flags of the pixels; those whose reads are all bad keep the flags of their reads too."""
        dq = ramp.pixeldq.copy()
        without = ~np.isfinite(rate)
        dq[without] |= np.bitwise_or.reduce(ramp.groupdq, axis=(0, 1))[without]
        dq[without] |= np.uint32(dqflags.of(ramp.observatory).DO_NOT_USE)
        return dq


def in_electrons(ramp):
    """Whether the data of a ramp are electrons (BUNIT)."""
    return str(ramp.meta.bunit_data or "").strip().lower().startswith(("e-", "electron"))


def times_of(ramp):
    """Return the times of the reads: float64 array (nreads,) or (nramps, nreads), s.

    Raises
    ------
    InputError
        If the file has neither a table of them nor TGROUP, or they do not rise.
    """
    n_ramps, n_reads = ramp.shape[:2]
    where = str(ramp.path or "model in memory")
    if ramp.times is not None:
        if ramp.times.shape != (n_ramps, n_reads):
            raise InputError(
                f"TIMES must have the shape (nramps, nreads) = {(n_ramps, n_reads)}, it has {ramp.times.shape}",
                where=where,
            )
        times = np.asarray(ramp.times, np.float64)
    elif ramp.meta.exposure.group_time:
        times = np.arange(n_reads) * float(ramp.meta.exposure.group_time)
    else:
        raise InputError(
            "the times of the reads are needed: there is neither an extension TIMES nor the keyword TGROUP",
            where=where,
            hint="set TGROUP, seconds between reads",
        )
    if not (np.isfinite(times).all() and (np.diff(times, axis=-1) > 0).all()):
        raise InputError("the times of the reads must increase", where=where)
    return times


def _value(ramp, references, reference_type, keyword):
    """The image of a reference, else the keyword of the header."""
    if reference_type in references:
        return getattr(references, reference_type).cutout(ramp).data
    value = ramp.get_meta(f"meta.instrument.{reference_type}")
    if value is None or value < 0:
        raise InputError(
            f"{reference_type} is needed: there is no reference file of this type, and {keyword} is "
            + ("not in the header" if value is None else f"{value}"),
            where=str(ramp.path or "model in memory"),
            hint=f"give override_{reference_type}, or set {keyword}",
        )
    return float(value)
