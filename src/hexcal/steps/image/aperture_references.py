"""Apertures, encircled energies and magnitude offsets of a filter, from the reference files of source_catalog."""

import numpy as np

from hexcal.errors import ReferenceError_
from hexcal.models.fits_table import structured
from hexcal.steps.image.source_photometry import Apertures


def apertures_of(reference, image, energies: tuple[int, ...], where: str) -> Apertures:
    """Return the apertures of the filter of an image.

    Parameters
    ----------
    reference : ImgApcorrModel
        Its table has rows of filter and pupil (MIRI: subarray) and encircled energy; FGS: of the energy only.
    image : ImageModel
    energies : tuple of int
        In per cent.
    where : str
        For messages.

    Raises
    ------
    ReferenceError_
        If there is no row of this filter or of one of the energies.
    """
    rows = _rows_of(reference, image)
    chosen, own = [], image.get_meta("meta.instrument.filter")
    if not len(rows):
        raise ReferenceError_(
            f"there are no rows of this filter, {own}, in the apcorr reference",
            where=str(getattr(reference, "path", None) or where),
            hint="give another one with override_apcorr, or leave the catalogue out: source_catalog with skip=true",
        )
    for energy in energies:
        match = rows[np.isclose(np.asarray(rows["eefraction"], float) * 100, energy, atol=0.01)]
        if not len(match):
            known = ", ".join(f"{100 * float(value):g}" for value in sorted(set(rows["eefraction"].tolist())))
            raise ReferenceError_(
                f"no aperture of encircled energy {energy} % for {own}; there are: {known}",
                where=str(getattr(reference, "path", None) or where),
                hint="aperture_ee1, aperture_ee2, aperture_ee3",
            )
        chosen.append(match[0])
    radii, factors = (tuple(float(row[name]) for row in chosen) for name in ("radius", "apcorr"))
    return Apertures(energies, radii, factors, float(chosen[0]["skyin"]), float(chosen[0]["skyout"]))


def encircled_energies(reference, image) -> tuple[np.ndarray, np.ndarray]:
    """Return radii (pixels) and encircled energies (as parts) of a point source: float64 arrays (n,), ascending.

    Parameters
    ----------
    reference : ImgApcorrModel
        As of `apertures_of`.
    image : ImageModel
    """
    rows = _rows_of(reference, image)
    radii, energies = (np.asarray(rows[name], float) for name in ("radius", "eefraction"))
    order = np.argsort(energies, kind="stable")
    return radii[order], energies[order]


def _rows_of(reference, image):
    """The rows of APCORR for the filter of an image."""
    rows = structured(reference.apcorr_table)
    for column, keyword in (("filter", "filter"), ("pupil", "pupil")):
        value = image.get_meta(f"meta.instrument.{keyword}")
        if column in (rows.dtype.names or ()) and value is not None:
            rows = rows[_texts(rows[column]) == value]
    if "subarray" in (rows.dtype.names or ()):
        names = _texts(rows["subarray"])
        own = image.get_meta("meta.subarray.name")
        rows = rows[names == own] if (names == own).any() else rows[np.isin(names, ("GENERIC", "FULL"))]
    return rows


def vega_offset_of(reference, image) -> float | None:
    """Return what the Vega magnitudes of an image are smaller than AB magnitudes by; None without a row for it."""
    table = reference.read_table("abvega_offset")
    columns = {name: np.asarray(table[name]) for name in ("detector", "filter", "pupil") if name in _names(table)}
    is_row = np.ones(len(np.asarray(table["abvega_offset"])), bool)
    for name, values in columns.items():
        own = image.get_meta(f"meta.instrument.{name}")
        is_row &= _texts(values) == (own or "")
    rows = np.flatnonzero(is_row)
    return float(np.asarray(table["abvega_offset"])[rows[0]]) if len(rows) else None


def _names(table):
    return getattr(table, "colnames", None) or list(table.keys())


def _texts(values):
    return np.array([value.decode() if isinstance(value, bytes) else str(value) for value in values]).astype(str)
