"""Aperture correction: by how much a flux must be multiplied for the light that falls beside the aperture."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import ReferenceError_
from hexcal.models.tables import table_of

CORRECTED = (
    *("FLUX", "FLUX_ERROR", "SURF_BRIGHT", "SB_ERROR"),
    *(f"{kind}_VAR_{part}" for kind in ("FLUX", "SB") for part in ("POISSON", "RNOISE", "FLAT")),
)
"""Columns that are corrected; variances by the square."""
_SELECTORS = {
    "MIR_LRS-FIXEDSLIT": ("subarray",),
    "MIR_LRS-SLITLESS": ("subarray",),
    "MIR_MRS": (),
    "NRS_IFU": ("filter", "grating"),
    "NRS_MSASPEC": ("filter", "grating"),
    "NRS_FIXEDSLIT": ("filter", "grating", "slit"),
    "NRS_BRIGHTOBJ": ("filter", "grating", "slit"),
    "NRC_WFSS": ("filter", "pupil"),
    "NRC_TSGRISM": ("filter", "pupil"),
    "NIS_WFSS": ("filter", "pupil"),
}
"""Exposure type -> what chooses the row of the table."""


@dataclass(frozen=True)
class ApertureCorrection:
    """The row of an apcorr table for one spectrum.

    Attributes
    ----------
    wavelengths : float64 array (n,)
        Micron, rising.
    sizes : float64 array (phases, sizes) or (1, sizes, n)
        Of apertures: pixels (MIRI LRS, slitless), arcsec (NIRSpec slits); of cubes the radius in arcsec at each
        wavelength.
    factors : float64 array (phases, sizes, n)
        What the flux is multiplied by.
    phases : float64 array (phases,)
        Distance of the source from the centre of its pixel, pixels.
    in_arcsec : bool
        Unit of the sizes.
    """

    wavelengths: np.ndarray
    sizes: np.ndarray
    factors: np.ndarray
    phases: np.ndarray
    in_arcsec: bool = False

    def at(self, wavelengths, size, phase=0.0):
        """Return the factor at each wavelength; that of the nearest where the table ends.

        Parameters
        ----------
        wavelengths : float64 array (m,)
            Micron.
        size : float or float64 array (m,)
            Of the aperture, in the unit of the table.
        phase : float
            Distance of the source from the centre of its pixel, pixels.
        """
        size = np.broadcast_to(np.asarray(size, float), np.shape(wavelengths))
        by_phase = np.array([self._at_phase(number, wavelengths, size) for number in range(len(self.phases))])
        if len(self.phases) == 1:
            return by_phase[0]
        return _between(phase, np.broadcast_to(self.phases[:, None], by_phase.shape), by_phase)

    def _at_phase(self, number, wavelengths, size):
        factors = np.array([np.interp(wavelengths, self.wavelengths, row) for row in self.factors[number]])
        sizes = self.sizes[number] if self.sizes.ndim == 2 else self.sizes
        if self.sizes.ndim == 3:
            sizes = np.array([np.interp(wavelengths, self.wavelengths, row) for row in self.sizes[number]])
        else:
            sizes = np.broadcast_to(np.asarray(sizes)[:, None], factors.shape)
        return _between(size, sizes, factors)


def _between(size, sizes, factors):
    """Factor between the sizes of a table, linear: arrays (m,) or a number, (sizes, m), (sizes, m)."""
    order = np.argsort(sizes, axis=0)
    sizes, factors = np.take_along_axis(sizes, order, 0), np.take_along_axis(factors, order, 0)
    if len(sizes) == 1:
        return factors[0].copy()
    columns = np.arange(sizes.shape[1])
    above = np.clip((sizes < size).sum(axis=0), 1, len(sizes) - 1)
    low, high = sizes[above - 1, columns], sizes[above, columns]
    step = np.where(high > low, high - low, 1.0)
    part = np.clip((size - low) / step, 0.0, 1.0)
    return factors[above - 1, columns] * (1 - part) + factors[above, columns] * part


def find_correction(chosen, model, slit_name, log) -> ApertureCorrection | None:
    """Return the correction of an exposure and slit; None, with a warning, where the table has no row for it.

    Parameters
    ----------
    chosen : str or DataModel
        The apcorr reference.
    model : DataModel
        The exposure.
    slit_name : str or None
        Of the slit.
    log : logging.Logger
        For the warning.

    Raises
    ------
    ReferenceError_
        If it holds no table of aperture corrections.
    """
    rows, where = _rows(chosen)
    kind = model.meta.exposure.type
    values = {name: _setting(model, slit_name, name) for name in _SELECTORS.get(kind, ())}
    for row in rows:
        if all(
            name not in row or str(row[name]).strip().upper() in (str(v).upper(), "ANY") for name, v in values.items()
        ):
            return _correction(row, kind, where)
    setting = ", ".join(f"{name} {value}" for name, value in values.items())
    log.warning("No aperture correction: %s has no row for %s", where, setting or kind)
    return None


def _setting(model, slit_name, name):
    if name == "slit":
        return slit_name
    return model.get_meta("meta.subarray.name" if name == "subarray" else f"meta.instrument.{name}")


def _rows(chosen):
    """The rows of a table as dicts with names in small letters, and the file."""
    from hexcal.models import asdf_stored
    from hexcal.models.datamodel import DataModel
    from hexcal.models.open import open as open_model

    where = str(chosen if isinstance(chosen, str) else getattr(chosen, "path", None) or "a model in memory")
    if isinstance(chosen, str) and chosen.lower().endswith(".asdf"):
        tree: Any = asdf_stored.with_arrays(_path(chosen))
        table = tree.get("apcorr_table")
    else:
        model = chosen if isinstance(chosen, DataModel) else open_model(chosen)
        table = table_of(model, "apcorr_table")
    if table is None:
        raise ReferenceError_(
            "an apcorr reference needs a table of aperture corrections (APCORR), the file has none",
            where=where,
            hint="give another file with override_apcorr, or N/A to do without corrections",
        )
    if isinstance(table, dict):
        return [{name.lower(): value for name, value in table.items()}], where
    if isinstance(table, list):
        return [{name.lower(): value for name, value in row.items()} for row in table], where
    names = table.dtype.names
    return [{name.lower(): _plain(row[name]) for name in names} for row in table], where


def _path(name):
    from pathlib import Path

    return Path(name)


def _plain(value):
    return value.decode().strip() if isinstance(value, bytes) else value


def _correction(row, kind, where):
    """The arrays of a row, without what is beyond ``nelem_wl`` and ``nelem_size``."""
    try:
        wavelengths, factors = np.asarray(row["wavelength"], float), np.asarray(row["apcorr"], float)
        sizes = np.asarray(row["size"] if "size" in row else row["radius"], float)
    except KeyError as error:
        raise ReferenceError_(f"an apcorr table needs the column {error.args[0]}", where=where) from None
    n_wave = int(row.get("nelem_wl") or len(wavelengths))
    phases = np.atleast_1d(np.asarray(row.get("pixphase", 0.0), float))
    if "radius" in row and "size" not in row:
        sizes, factors = np.atleast_2d(sizes)[None, :, :n_wave], np.atleast_2d(factors)[None, :, :n_wave]
        phases = np.zeros(1)
    else:
        n_size = int(row.get("nelem_size") or sizes.shape[-1])
        sizes = np.atleast_2d(sizes)[:, :n_size]
        if factors.ndim == 2:
            factors = factors.T if factors.shape == (len(wavelengths), np.asarray(row["size"]).shape[-1]) else factors
            factors = factors[None]
        factors = factors[:, :n_size, :n_wave]
        phases = phases[: len(factors)]
    order = np.argsort(wavelengths[:n_wave])
    factors = factors[..., order]
    sizes = sizes[..., order] if sizes.ndim == 3 else sizes
    in_arcsec = str(kind).startswith("NRS") or "radius" in row
    return ApertureCorrection(wavelengths[:n_wave][order], sizes, factors, phases, in_arcsec)


def apply_correction(columns, factor):
    """Multiply the columns of a spectrum, in place: variances by the square of the factor.

    Parameters
    ----------
    columns : dict of str to float64 array (n,)
        By name.
    factor : float64 array (n,)
        The factor.
    """
    for name in CORRECTED:
        if name in columns:
            columns[name] *= factor**2 if "_VAR_" in name else factor
