"""Parts of the reference files of spectra: headers, flux calibration, flat field, apertures."""

import numpy as np

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.simulate.reference_files import Place, describe, flag_definitions

FLAT_ERROR = 0.001


def described(references, setup, **elements):
    """Fill in the headers of references by type; what is no model is left as it is.

    Parameters
    ----------
    references : dict of str to (DataModel or dict)
    setup : Setup
    **elements : str
        Values of the header instead of those of the exposures, such as ``band="N/A"``.

    Returns
    -------
    dict
        The same.
    """
    name, xstart, ystart, xsize, ysize = setup.subarray
    place = Place(setup.instrument, setup.detector, name, xstart, ystart, xsize, ysize)
    for kind, model in references.items():
        if isinstance(model, dict):
            continue
        describe(model, kind, place, f"Simulated {kind}")
        model.meta.exposure.type = setup.exposure_type
        for element, value in {**setup.elements, **elements}.items():
            setattr(model.meta.instrument, element, value)
    return references


def json_file(kind, setup, **content):
    """Return the content of a reference file in JSON."""
    return {
        "reftype": kind.upper(), "instrument": setup.instrument, "telescope": "JWST", "exp_type": setup.exposure_type,
        "pedigree": "SIMULATION", "author": "Hexcal", "description": f"Simulated {kind}", "history": "",
        "useafter": "2015-01-01T00:00:00", **content,
    }  # fmt: skip


def flat_model(flat):
    """Return the flat field of an image (ny, nx)."""
    model = datamodels.FlatModel(flat)
    model.err, model.dq = np.full(flat.shape, FLAT_ERROR, np.float32), np.zeros(flat.shape, np.uint32)
    model.dq_def = flag_definitions("flat")
    return model


def table(columns, rows):
    """Return a table.

    Parameters
    ----------
    columns : str
        ``name:type:length`` for each column, with blanks between; the type is float32 and the length 1 if not given.
    rows : list of tuple
    """
    kinds = []
    for column in columns.split():
        name, kind, *shape = [*column.split(":"), "f4"][:2] + column.split(":")[2:]
        kinds.append((name, kind, tuple(int(n) for n in shape)) if shape else (name, kind))
    return np.array([tuple(row) for row in rows], kinds)


def photom_rows(selectors, scale, rows):
    """Return a table of flux calibration.

    Parameters
    ----------
    selectors : str
        Columns that choose the row, as for `table`.
    scale : str
        Name of the column of the factor: "photmjsr" or "photmj".
    rows : list of tuple
        Values of the selectors, the factor, wavelengths (µm) and the relative response at them.
    """
    length = max(len(row[-1]) for row in rows)

    def padded(values):
        return np.pad(np.asarray(values, np.float32), (0, length - len(values)))

    arrays = f"wavelength:f4:{length} relresponse:f4:{length} reluncertainty:f4:{length}"
    content = [
        (*first, factor, 0.01 * factor, len(wave), padded(wave), padded(response), padded(0.01 * np.asarray(response)))
        for *first, factor, wave, response in rows
    ]
    return table(f"{selectors} {scale} uncertainty nelem:i2 {arrays}", content)


NO_LIGHT = pixel.DO_NOT_USE | pixel.NON_SCIENCE
