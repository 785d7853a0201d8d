"""Small exposures of the spectrographs with a known truth, for tests of steps and pipelines.

``made(folder, "nirspec-fs")`` writes them with their references and associations; ``ratio`` says how an extracted
spectrum compares with what is true. Nothing but Hexcal is needed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.simulate.spectra.modes import series_of


@dataclass(frozen=True)
class Made:
    """Simulated exposures on disk.

    Attributes
    ----------
    series : Series
        What they are: ``series.sources()[0].light(wavelength)`` is the truth.
    folder : Path
    exposures, associations : list of Path
        Associations are those of stage 2, in the order of the exposures.
    references : Path
        For ``references=``.
    """

    series: Any
    folder: Path
    exposures: list
    associations: list
    references: Path


def made(folder, mode, **options):
    """Write the exposures of a mode into a folder; options as for `series_of` (default: seed 1)."""
    series = series_of(mode, **{"seed": 1, **options})
    written = series.save(folder, overwrite=True)
    return Made(
        series, Path(folder), [Path(path) for path in written["exposures"]],
        [Path(path) for path in written["associations"]], Path(written["references"]),
    )  # fmt: skip


def ratio(table, light, limits, column="FLUX"):
    """Compare a spectrum with the truth.

    Parameters
    ----------
    table : record array
        Columns WAVELENGTH, FLUX, FLUX_ERROR and DQ; one spectrum.
    light : Light
        The truth.
    limits : tuple of float
        Shortest and longest wavelength, µm.

    Returns
    -------
    ratio, pull : float64 array
        Of the points between the limits that are good: found / true, and (found - true) / error.
    """
    wavelength, flux = (np.asarray(table[name], float) for name in ("WAVELENGTH", column))
    error = np.asarray(table[{"FLUX": "FLUX_ERROR", "SURF_BRIGHT": "SB_ERROR"}[column]], float)
    good = np.isfinite(flux) & (np.asarray(table["DQ"]) & 1 == 0)
    good &= (wavelength > limits[0]) & (wavelength < limits[1])
    true = light(wavelength[good])
    return flux[good] / true, (flux[good] - true) / error[good]
