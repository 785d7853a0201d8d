"""Sampling and weights of cubes, as the reference file CUBEPAR gives them for each band."""

from typing import Any, NamedTuple

import numpy as np

from hexcal.errors import ReferenceError_
from hexcal.models.fits_table import structured
from hexcal.models.tables import table_of

_WIDER = 1.5
"""The region of influence of fewer than four exposures is wider by this."""
_FEW = 4


class BandSampling(NamedTuple):
    """What the file says of a band.

    Parameters
    ----------
    spaxel : float
        Size of a spaxel, arcsec.
    step : float
        Of the wavelength axis, micron.
    wave_min, wave_max : float
        Micron.
    weights : dict
        Of Shepard's method: ``roispatial`` [arcsec], ``roispectral`` [micron], and ``scalerad``, or ``power`` and
        ``softrad``; empty when drizzled.
    """

    spaxel: float
    step: float
    wave_min: float
    wave_max: float
    weights: dict


def sampling_of(reference, band, weighting) -> BandSampling:
    """Return what a reference file says of a band.

    Parameters
    ----------
    reference : MiriIFUCubeParsModel or NirspecIFUCubeParsModel
        The file.
    band : Band
        Which.
    weighting : str
        ``drizzle``, ``emsm`` or ``msm``.

    Returns
    -------
    BandSampling

    Raises
    ------
    ReferenceError_
        If the file does not have the band, or a table of it.
    """
    row = _row(reference, "ifucubepars_table", "CUBEPAR", band)
    weights = {}
    if weighting != "drizzle":
        table = _row(reference, f"ifucubepars_{weighting}_table", f"CUBEPAR_{weighting.upper()}", band)
        weights = {name: float(table[name]) for name in _names(table) if name not in _KEYS}
    spaxel, step, wave_min, wave_max = (
        float(row[name]) for name in ("spaxelsize", "spectralstep", "wavemin", "wavemax")
    )
    return BandSampling(spaxel, step, wave_min, wave_max, weights)


_KEYS = ("channel", "band", "disperser", "filter")


def _names(row):
    return [name.lower() for name in row.dtype.names]


def _table(reference, name, extension) -> Any:
    table = table_of(reference, name)
    if table is None or len(table) == 0:
        raise ReferenceError_(
            f"the reference file has no table {extension}",
            where=str(reference.path or "cubepar"),
            hint="use another weighting, or another file: --override_cubepar",
        )
    table = structured(table)
    table.dtype.names = tuple(name.lower() for name in table.dtype.names or ())
    return table


def _row(reference, name, extension, band):
    table = _table(reference, name, extension)
    first, second = ("channel", "band") if "channel" in table.dtype.names else ("disperser", "filter")
    for row in table:
        if (_text(row[first]), _text(row[second])) == tuple(band):
            return row
    raise ReferenceError_(
        f"the table {extension} has no row for {band.first}, {band.second}",
        where=str(reference.path or "cubepar"),
        hint="leave the band out (channel, band, grating, filter), or use another file: --override_cubepar",
    )


def _text(value):
    return (value.decode() if isinstance(value, bytes) else str(value)).strip().lower()


def wave_table(reference, bands, weighting) -> np.ndarray:
    """Return the wavelengths, and what varies with them, of a cube of several bands.

    Parameters
    ----------
    reference : MiriIFUCubeParsModel or NirspecIFUCubeParsModel
        The file.
    bands : tuple of Band
        What the cube holds; of NIRSpec, all of one resolution.
    weighting : str
        ``drizzle``, ``emsm`` or ``msm``.

    Returns
    -------
    structured array
        ``wavelength`` [micron], and the columns of `BandSampling.weights`.

    Raises
    ------
    ReferenceError_
        If the file does not have the table.
    """
    method = "driz" if weighting == "drizzle" else weighting
    if "ifucubepars_multichannel_msm_wavetable" in reference.specs:
        name, extension = f"ifucubepars_multichannel_{method}_wavetable", f"MULTICHANNEL_{method.upper()}"
    else:
        kind = {"prism": "prism", "m": "med", "h": "high"}[
            bands[0].first if bands[0].first == "prism" else bands[0].first[-1]
        ]
        name, extension = f"ifucubepars_{kind}_{method}_wavetable", f"MULTICHAN_{kind.upper()}_{method.upper()}"
    return _table(reference, name, extension)


def widened(radius, weighting, n_exposures, is_linear):
    """Return the spatial radius of the region of influence for a number of exposures.

    Few exposures leave holes: then it is wider, except with exponential weights in a cube of one band.
    """
    is_wider = n_exposures < _FEW and (weighting == "msm" or not is_linear)
    return radius * _WIDER if is_wider else radius
