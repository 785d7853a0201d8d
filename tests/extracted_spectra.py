"""Files of extracted spectra, as steps on spectra take them."""

import numpy as np

from hexcal import datamodels


def spectra(path, *parts, exposure_time=100.0, integration_time=10.0):
    """Write spectra, each given as (wavelength, flux, {column or metadata: value}); returns the path."""
    model = datamodels.MultiSpecModel()
    model.meta.telescope, model.meta.instrument.name = "JWST", "MIRI"
    model.meta.exposure.exposure_time, model.meta.exposure.integration_time = exposure_time, integration_time
    model.meta.filename = path.name
    listed = []
    for wave, flux, more in parts:
        part = model.new_part()
        table = np.zeros(
            len(wave), [(name, kind) for name, kind, _ in datamodels.SpecModel.specs["spec_table"].columns]
        )
        table["WAVELENGTH"], table["FLUX"], table["SURF_BRIGHT"] = wave, flux, 10 * np.asarray(flux)
        table["FLUX_ERROR"], table["SB_ERROR"] = more.get("error", 0.1), 10 * np.asarray(more.get("error", 0.1))
        table["DQ"] = more.get("dq", 0)
        part.spec_table = table
        part.set_meta("spectral_order", more.get("order", 1))
        part.set_meta("source_id", more.get("source", 1))
        listed.append(part)
    model.spec = listed
    model.save(path)
    return path
