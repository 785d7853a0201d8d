"""Combine spectra of the same source into one."""

from typing import Any

import numpy as np

from hexcal.core import Role, SkipStep, Step, StepParameters, parameter

_SPECTRA = ("MultiSpecModel", "MRSMultiSpecModel")


class Combine1dStep(Step):
    """Combine extracted spectra to their weighted mean, one for each spectral order.

    An element of a spectrum counts for the element of the mean whose wavelength is nearest. Elements with DO_NOT_USE do
    not count, nor do those beyond the first and the last wavelength of the mean. The wavelengths of the mean are means
    of those of the spectra that lie close together (see `hexcal.steps.spectrum.combining.common_wavelengths`): as in
    the original where the spectra are aligned, nearly so where their offsets are scattered.
    """

    alias = "combine_1d"
    default_suffix = "c1d"
    roles = (Role("science", _SPECTRA, many=True),)

    class Parameters(StepParameters):
        """Weights and clipping."""

        exptime_key: str = parameter(
            "exposure_time",
            "Weight: 'exposure_time' or 'effexptm', 'integration_time' or 'effinttm', or 'unit_weight'.",
        )
        sigma_clip: float | None = parameter(
            None,
            "Leave out fluxes that are farther from the median of their element than this many times the median of all "
            "such distances.",
            gt=0,
        )

    def process(self, science):
        """Return the mean of the spectra of each order, as a MultiCombinedSpecModel."""
        by_order, first, weight_of = {}, None, self.weights()
        for exposure in science.each():
            first = exposure.copied(shares_wcs=True) if first is None else first
            for part in exposure.parts():
                if part.spec_table is None or not len(part.spec_table):
                    self.log.warning(
                        "A spectrum of %s is empty, and does not count", exposure.get_meta("meta.filename")
                    )
                    continue
                spectrum = spectrum_of(part.spec_table, weight_of(exposure))
                by_order.setdefault(part.get_meta("spectral_order"), []).append((part, spectrum))
        if not by_order:
            raise SkipStep("there is no spectrum to combine")
        return self._product(first, by_order)

    def _product(self, first, by_order):
        from hexcal.models.single import model_class
        from hexcal.steps.spectrum.combining import combine

        product: Any = model_class("MultiCombinedSpecModel")()
        product.update(first)
        parts = []
        for order, spectra in by_order.items():
            table = as_table(combine([spectrum for _, spectrum in spectra], self.sigma_clip))
            if not len(table):
                self.log.warning("Order %s: no element of %d spectra has a flux that may be used", order, len(spectra))
                continue
            part = product.new_part()
            part.spec_table = table
            part.set_meta("spectral_order", order)
            for name in ("source_id", "source_type"):
                part.set_meta(name, spectra[0][0].get_meta(name))
            parts.append(part)
            self.log.info("Order %s: %d spectra, %d elements", order, len(spectra), len(table))
        if not parts:
            raise SkipStep("no element of any spectrum has a flux that may be used")
        product.spec = parts
        return product

    def weights(self):
        """Return how the weight of an exposure is found: a function of the exposure."""
        key = self.exptime_key.lower().replace("-", "_")
        if key == "effinttm" or key.startswith("integration"):
            return lambda exposure: self._time(exposure, "integration_time", "EFFINTTM")
        if key == "effexptm" or key.startswith("exposure"):
            return lambda exposure: self._time(exposure, "exposure_time", "EFFEXPTM")
        if key not in ("unit_weight", "unit weight"):
            self.log.warning("exptime_key '%s' is not known: all spectra have the same weight", self.exptime_key)
        return lambda exposure: 1.0

    def _time(self, exposure, name, keyword):
        value = exposure.get_meta(f"meta.exposure.{name}")
        if not value or value <= 0:
            self.log.warning("%s has no %s: its weight is 1", exposure.get_meta("meta.filename"), keyword)
            return 1.0
        return float(value)


def spectrum_of(table, weight=1.0):
    """Return the spectrum in a table of extract_1d, without elements that have no wavelength.

    Parameters
    ----------
    table : structured array
        With the columns WAVELENGTH, FLUX, FLUX_ERROR (or ERROR), SURF_BRIGHT, SB_ERROR, DQ, in any case.
    weight : float
        Of the spectrum in a mean.

    Returns
    -------
    hexcal.steps.spectrum.combining.Spectrum
    """
    from hexcal.steps.spectrum.combining import Spectrum

    columns = {name.upper(): name for name in table.dtype.names}
    error = "FLUX_ERROR" if "FLUX_ERROR" in columns else "ERROR"
    good = np.isfinite(table[columns["WAVELENGTH"]])
    values = [
        np.asarray(table[columns[name]], np.float64)[good]
        for name in ("WAVELENGTH", "FLUX", error, "SURF_BRIGHT", "SB_ERROR")
    ]
    return Spectrum(*values, dq=np.asarray(table[columns["DQ"]]).astype(np.uint32)[good], weight=weight)


def as_table(columns):
    """Return columns of a combined spectrum as a structured array."""
    table = np.zeros(len(columns["WAVELENGTH"]), [(name, "u4" if name == "DQ" else "f8") for name in columns])
    for name, values in columns.items():
        table[name] = values
    return table
