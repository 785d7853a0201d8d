"""Correct spectra of MIRI MRS for light of 6 micron that leaks into band 3A at 12 micron."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters
from hexcal.errors import InputError
from hexcal.models.fits_table import structured

_SOURCE, _LEAKY = ("1", "MEDIUM"), ("3", "SHORT")
"""Channel and subchannel: where the light belongs (1B), and where it leaks to (3A)."""
_ORDER = 2
"""The leak is of this order: light of half the wavelength."""
_COLUMNS = ("FLUX", "RF_FLUX")
"""Corrected, each by the column of the same name."""


class SpectralLeakStep(Step):
    """Subtract the light of 6 micron (band 1B) that leaks into the spectrum of band 3A at 12 micron, in second order.

    The leak at a wavelength is the part that the reference file gives for it (FRAC_LEAK), times the flux of the target
    in band 1B at half of that wavelength. It needs the spectra of both bands, so it is skipped where one of them is
    missing. Only fluxes are corrected (FLUX, and RF_FLUX where it is there): the field of channel 1 is smaller than
    that of channel 3, and the brightness of an extended source beyond it is not known.
    """

    alias = "spectral_leak"
    reference_types = ("mrsptcorr",)
    input_model = ("MultiSpecContainer", "MRSMultiSpecContainer")
    relative_time = 0.1

    class Parameters(StepParameters):
        """The step has no parameters of its own."""

    def process(self, spectra, references):
        science = spectra.of_type("science")
        science.check()
        source, leaky = self._found(science, _SOURCE), self._found(science, _LEAKY)
        if source is None or leaky is None:
            missing = [name for name, index in (("1B", source), ("3A", leaky)) if index is None]
            raise SkipStep(f"there is no spectrum of band {' and '.join(missing)}")
        table = references.mrsptcorr.leakcor_table
        if table is None or not len(table):
            raise InputError("the reference file mrsptcorr has no table LEAKCOR", where=self.where)
        with science.borrowed(source, changed=False) as model:
            true = [structured(part.spec_table) for part in model.parts()]
        with science.borrowed(leaky, changed=True) as model:
            if len(model.parts()) != len(true):
                raise InputError(
                    f"band 1B has {len(true)} spectra, and band 3A has {len(model.parts())}: "
                    "it is not clear which belong together",
                    where=science.name_of(leaky),
                )
            for part, other in zip(model.parts(), true, strict=True):
                part.spec_table = self._corrected(structured(part.spec_table), other, structured(table))
        return spectra

    def _found(self, science, band):
        """Number of the spectrum of a band; None if there is none."""
        for index, model in enumerate(science.each()):
            channel = str(model.meta.instrument.channel or "")
            subchannels = str(model.meta.instrument.band or "").upper().split("-")
            if band[0] in channel and band[1] in subchannels:
                return index
        return None

    def _corrected(self, leaky, source, table):
        wavelength = np.asarray(leaky["WAVELENGTH"], np.float64)
        names = {name.lower(): name for name in table.dtype.names}
        fraction = np.interp(wavelength, table[names["wavelength"]], table[names["frac_leak"]])
        for name in _COLUMNS:
            if name in leaky.dtype.names and name in source.dtype.names:
                leak = leak_of(wavelength, fraction, source["WAVELENGTH"], source[name])
                leaky[name] -= leak
                if name == "FLUX":
                    self._tell(wavelength, leak, leaky[name])
        return leaky

    def _tell(self, wavelength, leak, flux):
        if leak.size and np.isfinite(leak).any():
            most = int(np.nanargmax(np.abs(leak)))
            self.log.info(
                "The leak is largest at %.3f micron: %.4g, %.2f %% of what remains",
                *(wavelength[most], leak[most], 100 * leak[most] / flux[most] if flux[most] else np.nan),
            )


def leak_of(wavelength, fraction, source_wavelength, source_flux):
    """Return the flux that leaks in at each wavelength.

    Parameters
    ----------
    wavelength : float64 array (n,)
        Micron.
    fraction : float64 array (n,)
        Part of the flux at half the wavelength that leaks in.
    source_wavelength, source_flux : array (m,)
        The spectrum that the light is from; NaN do not count.

    Returns
    -------
    float64 array (n,)
        In the unit of the spectrum; 0 where it has no flux at all.
    """
    known = np.isfinite(source_flux) & np.isfinite(source_wavelength)
    if not known.any():
        return np.zeros(len(wavelength))
    order = np.argsort(np.asarray(source_wavelength)[known])
    source = np.asarray(source_wavelength, np.float64)[known][order]
    flux = np.asarray(source_flux, np.float64)[known][order]
    return fraction * np.interp(wavelength / _ORDER, source, flux)
