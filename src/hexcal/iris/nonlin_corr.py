"""Correct reads for the non-linear response of the detector."""

import numpy as np

from hexcal.core import Step
from hexcal.errors import ReferenceError_
from hexcal.models import dqflags


class NonlinearCorrectionStep(Step):
    """Replace every read by a polynomial of it, with coefficients of each pixel, the highest power first.

    A pixel with a coefficient that is NaN keeps its counts, and is flagged NONLINEAR. The texts of the original speak
    of a polynomial and of a division by the response; here the polynomial of the measured counts gives the true ones.
    """

    alias = "nonlin_corr"
    status = "nonlincorr"
    default_suffix = "nonlincorr"
    reference_types = may_lack_rules = ("nonlincoeff",)
    input_model = "IRISRampModel"
    by_integration = True
    other_parameter_names = {"nonlin": "nonlincoeff"}

    def process(self, ramp, references):
        reference = references.nonlincoeff.cutout(ramp)
        coefficients = reference.coeffs
        if coefficients.ndim != 3 or len(coefficients) < 1:
            raise ReferenceError_(
                f"COEFFS must have the axes (ncoeff, ny, nx), found the shape {coefficients.shape}",
                where=str(reference.path or "a reference in memory"),
            )
        without = ~np.isfinite(coefficients).all(axis=0)
        ramp.pixeldq[without] |= np.uint32(dqflags.of(ramp.observatory).NONLINEAR)
        linearize(ramp.data, coefficients, without)
        self.log.info("%d of %d pixels have no coefficients", np.count_nonzero(without), without.size)
        return ramp


def linearize(data, coefficients, without, threads=None):
    """Replace counts S by ``((c_0 S + c_1) S + c_2) ...``, in place.

    Parameters
    ----------
    data : float32 array (nramps, nreads, ny, nx), DN or electron
        The ramps, their bias subtracted.
    coefficients : float32 array (ncoeff, ny, nx)
        Of the polynomial, the highest power first.
    without : bool array (ny, nx)
        Pixels that are left as they are.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    Documents of the IRIS pipeline: non-linearity correction; the order of the coefficients is that of its simulations.
    """
    from hexcal.core import run_bands

    def linearize_rows(first_row, last_row):
        rows = slice(first_row, last_row)
        factors, kept = coefficients[:, rows].astype(np.float64), without[rows]
        for ramp in data:
            for read in ramp:
                counts = read[rows].astype(np.float64)
                value = factors[0].copy()
                for factor in factors[1:]:
                    value *= counts
                    value += factor
                read[rows] = np.where(kept, counts, value)

    run_bands(linearize_rows, data.shape[2], threads=threads)
