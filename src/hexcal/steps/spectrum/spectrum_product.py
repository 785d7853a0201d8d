"""Products of extraction: spectra with their metadata, one for each slit, or for each integration."""

from typing import Any

import numpy as np

from hexcal.steps.spectrum.box_extraction import COLUMNS, as_table

_OF_SLITS = (
    *("slitlet_id", "source_id", "source_name", "source_alias", "stellarity", "source_type", "ta_xpos", "ta_ypos"),
    *("source_xpos", "source_ypos", "source_ra", "source_dec", "shutter_state", "quadrant", "slit_xscale"),
    *("slit_yscale", "wavelength_corrected", "pathloss_correction_type", "barshadow_corrected", "position_angle"),
)
"""What a spectrum takes over from its slit, under the same name."""
_TIMES = {
    "start_time_mjd": "int_start_MJD_UTC",
    "mid_time_mjd": "int_mid_MJD_UTC",
    "end_time_mjd": "int_end_MJD_UTC",
    "start_tdb": "int_start_BJD_TDB",
    "mid_tdb": "int_mid_BJD_TDB",
    "end_tdb": "int_end_BJD_TDB",
}
"""Keyword of the spectrum of an integration -> column of INT_TIMES."""
_TIME_COLUMNS = ("MJD-BEG", "MJD-AVG", "MJD-END", "TDB-BEG", "TDB-MID", "TDB-END")


def new_product(exposure, name="MultiSpecModel") -> Any:
    """Return an empty product of spectra with the metadata of an exposure."""
    from hexcal.models.single import model_class

    product: Any = model_class(name)()
    product.observatory = exposure.observatory
    product.update(exposure, only="PRIMARY")
    return product


def describe(part, slit, exposure, name, order, aperture, dispaxis, place):
    """Give a spectrum what is known of its slit and its aperture.

    Parameters
    ----------
    part : SpecModel or TSOSpecModel
        Changed in place.
    slit, exposure : DataModel
        The slit, and the product that it is a part of.
    name : str or None
        Of the slit.
    order : int or None
        Spectral order.
    aperture : Aperture
        Its limits are noted, 1-based.
    dispaxis : int
        1: dispersed along x; 2: along y.
    place : tuple of 2 float, or None
        RA and Dec of the middle of the aperture.
    """
    for key in _OF_SLITS:
        value = slit.get_meta(key)
        if value is None and key == "source_type":
            value = exposure.get_meta("meta.target.source_type")
        if value is None and key == "position_angle":
            value = slit.get_meta("meta.aperture.position_angle")
        if value is not None:
            part.set_meta(key, value)
    low, high = aperture.limits
    limits = (aperture.first + 1, aperture.last, low + 1, high + 1)
    names = ("xstart", "xstop", "ystart", "ystop") if dispaxis == 1 else ("ystart", "ystop", "xstart", "xstop")
    for key, value in zip(names, limits, strict=True):
        part.set_meta(f"extraction_{key}", float(value))
    part.set_meta("name", name)
    part.set_meta("spectral_order", order)
    part.set_meta("dispersion_direction", dispaxis)
    part.set_meta("detector", exposure.get_meta("meta.instrument.detector"))
    if place is not None and np.isfinite(place).all():
        part.set_meta("slit_ra", float(place[0]))
        part.set_meta("slit_dec", float(place[1]))


def times_of(exposure, n_integrations):
    """Return the numbers and times of integrations: a list of dict, by keyword, with what is known of each."""
    table = exposure.plain_table("int_times") if "int_times" in exposure.specs else None
    start = exposure.get_meta("meta.exposure.integration_start") or 1
    rows: list[dict[str, Any]] = [{"int_num": int(start) + number} for number in range(n_integrations)]
    if table is None or len(table) == 0:
        return rows
    names = {name.lower(): name for name in table.dtype.names}
    numbers = [int(number) for number in table[names["integration_number"]]]
    for row in rows:
        if row["int_num"] not in numbers:
            continue
        times = table[numbers.index(row["int_num"])]
        known = {key: column.lower() for key, column in _TIMES.items() if column.lower() in names}
        row.update({key: float(times[names[column]]) for key, column in known.items()})
    return rows


def note_times(part, times, exposure):
    """Give the spectrum of an integration its number and times."""
    for key, value in times.items():
        part.set_meta(key, value)
    if len(times) > 1:
        part.set_meta("time_sys", exposure.get_meta("meta.time_sys") or "UTC")
        part.set_meta("time_unit", "d")


def table_of_rows(spectra, times, segment, first, last):
    """Return the spectra of integrations as a table with one row for each (the layout of 3.0.0).

    Parameters
    ----------
    spectra : list of dict
        The columns of each integration.
    times : list of dict
        Of `times_of`.
    segment : int
        Of the exposure.
    first, last : int
        Pixels in dispersion direction that are extracted.
    """
    n = last - first
    vectors = [(name, "u4" if name == "DQ" else "f8", (n,)) for name in COLUMNS]
    scalars = [("N_ALONGDISP", "u4"), ("SEGMENT", "i4"), *((name, "f8") for name in _TIME_COLUMNS)]
    table = np.zeros(len(spectra), [("INT_NUM", "i4"), *vectors, *scalars])
    for row, columns, time in zip(table, spectra, times, strict=True):
        row["INT_NUM"], row["N_ALONGDISP"], row["SEGMENT"] = time["int_num"], n, segment
        for name in COLUMNS:
            row[name] = columns[name][first:last]
        for name, key in zip(_TIME_COLUMNS, _TIMES, strict=True):
            row[name] = time.get(key, np.nan)
    return table


def spectrum_table(columns, aperture):
    """Return the table of a spectrum, of the pixels that are extracted."""
    return as_table(columns, aperture.first, aperture.last)
