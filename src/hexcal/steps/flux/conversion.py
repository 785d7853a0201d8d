"""From count rate to flux: the number in a table of conversion factors, and how it changes with time."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from hexcal.errors import InputError, ReferenceError_

_DAYS_PER_YEAR = 365.0
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_ARCSEC = math.pi / 180 / 3600
ARCSEC2 = _ARCSEC**2
"""A square arcsecond in steradians."""
MICROJANSKY_PER_ARCSEC2 = 1e12 * _ARCSEC**2
"""A surface brightness of 1 MJy/sr in microjansky per square arcsecond: 23.50443."""
GENERIC = "GENERIC"
"""What a table of MIRI has in the column of the subarray for all that are not listed."""


@dataclass(frozen=True)
class Conversion:
    """A conversion factor for one exposure.

    Attributes
    ----------
    factor : float
        MJy/sr for a count rate of 1 DN/s.
    row : int
        Row of the table.
    time_correction : float
        By what the factor of the table was multiplied because of the date; 1 where there are no coefficients.
    """

    factor: float
    row: int
    time_correction: float = 1.0


def find_row(table, selectors, where):
    """Return the number of the row that has these values, or None.

    Parameters
    ----------
    table : structured array
        The table PHOTOM.
    selectors : dict
        Name of a column -> value (str).
    where : str
        The file, for messages.

    Raises
    ------
    ReferenceError_
        If the table has no such column, or several rows with these values.
    """
    names = {name.lower(): name for name in table.dtype.names}
    absent = [name for name in selectors if name not in names]
    if absent:
        raise ReferenceError_(
            f"the table of conversion factors needs the column {absent[0]}; it has {', '.join(table.dtype.names)}",
            where=where,
            hint="give a photom reference of this instrument and mode with override_photom",
        )
    rows = [
        number
        for number, row in enumerate(table)
        if all(_text(row[names[name]]) == str(value).strip() for name, value in selectors.items())
    ]
    if len(rows) > 1:
        values = ", ".join(f"{name} {value}" for name, value in selectors.items())
        raise ReferenceError_(
            f"one row of the table of conversion factors must match {values or 'the exposure'}; there are {len(rows)}",
            where=where,
            hint="a photom reference with one row for each setting is needed",
        )
    return rows[0] if rows else None


def _text(value):
    return (value.decode() if isinstance(value, bytes) else str(value)).strip()


def with_time(reference, row, factor, mid_time):
    """Return the conversion factor at the time of an exposure.

    Parameters
    ----------
    reference : DataModel
        The photom reference; its tables of coefficients are used where it has them.
    row : int
        Row of the conversion factor in the table PHOTOM; the tables of coefficients have the same rows.
    factor : float
        The number in that row.
    mid_time : callable
        Returns the middle of the exposure [MJD]; called only where a table needs it.

    Returns
    -------
    Conversion

    Notes
    -----
    TIMECOEFF (MIRI images, documentation 1.13.5): the sensitivity decays towards a constant, ``factor + amplitude
    exp(-dt / tau)``. TIMECOEFF_LINEAR, _EXPONENTIAL and _POWERLAW (release 3.0.0): the factor is divided by ``1 -
    lossperyear dt / 365``, ``amplitude exp(-dt / tau) + const`` and ``year1value ((dt + tsoft) / (365 +
    tsoft))^alpha``, each where there is such a table; ``dt`` is the time since ``t0`` in days. The documents do not
    print the formulas: they are as measured of releases 1.13.4 and 3.0.0.
    """
    corrected = factor
    for name, change in _CHANGES.items():
        table = getattr(reference, name, None)
        if table is None or len(table) == 0:
            continue
        coefficients = _coefficients(reference, name, table, row)
        corrected = change(corrected, mid_time() - coefficients["t0"], coefficients)
    if not (math.isfinite(corrected) and corrected > 0):
        raise ReferenceError_(
            f"the coefficients of the change with time give no conversion factor for row {row + 1} of the table: "
            f"{corrected:g}",
            where=str(reference.path or "a reference in memory"),
            hint="check the time of the exposure, or leave the change out with apply_time_correction=false",
        )
    return Conversion(corrected, row, corrected / factor)


def _coefficients(reference, name, table, row):
    """The coefficients of one row, by name in small letters.

    The row must be of the same setting as that of the conversion factor.
    """
    factors = reference.phot_table
    where = str(reference.path or "a reference in memory")
    if len(table) != len(factors):
        raise ReferenceError_(
            f"the tables PHOTOM and {name.upper()} must have the same rows; they have {len(factors)} and {len(table)}",
            where=where,
            hint="apply_time_correction=false leaves the change with time out",
        )
    settings = [
        column for column in ("filter", "pupil", "subarray", "grating", "slit", "order") if column in table.dtype.names
    ]
    for column in settings:
        if column in factors.dtype.names and _text(table[row][column]) != _text(factors[row][column]):
            raise ReferenceError_(
                f"row {row + 1} of {name.upper()} is for {column} {_text(table[row][column])}, "
                f"that of PHOTOM for {_text(factors[row][column])}",
                where=where,
                hint="apply_time_correction=false leaves the change with time out",
            )
    return {
        column.lower(): float(table[row][column])
        for column in table.dtype.names
        if np.issubdtype(table.dtype[column], np.number)
    }


def _towards_a_constant(factor, elapsed, of):
    return factor + of["amplitude"] * math.exp(-elapsed / of["tau"])


def _linear(factor, elapsed, of):
    return _divided(factor, 1 - of["lossperyear"] * elapsed / _DAYS_PER_YEAR)


def _exponential(factor, elapsed, of):
    return _divided(factor, of["amplitude"] * math.exp(-elapsed / of["tau"]) + of["const"])


def _power_law(factor, elapsed, of):
    years = (elapsed + of["tsoft"]) / (_DAYS_PER_YEAR + of["tsoft"])
    return _divided(factor, of["year1value"] * years ** of["alpha"] if years > 0 else math.nan)


def _divided(factor, sensitivity):
    """NaN where the relative sensitivity is no positive number."""
    return factor / sensitivity if sensitivity > 0 else math.nan


_CHANGES = {
    "timecoeff": _towards_a_constant,
    "timecoeff_linear": _linear,
    "timecoeff_exponential": _exponential,
    "timecoeff_powerlaw": _power_law,
}
"""Tables of coefficients -> how they change the factor, in this order."""


def mid_time_of(model):
    """Return the middle of an exposure.

    Parameters
    ----------
    model : DataModel
        EXPMID; where it is silent the mean of EXPSTART and EXPEND, or DATE-OBS and TIME-OBS.

    Returns
    -------
    float
        Modified Julian date [d].

    Raises
    ------
    InputError
        If the header has none of them.
    """
    exposure, observation = model.meta.exposure, model.meta.observation
    if exposure.mid_time is not None:
        return float(exposure.mid_time)
    if exposure.start_time is not None:
        end = exposure.end_time if exposure.end_time is not None else exposure.start_time
        return (float(exposure.start_time) + float(end)) / 2
    if observation.date:
        start = datetime.fromisoformat(f"{observation.date}T{observation.time or '00:00:00'}").replace(tzinfo=UTC)
        return (start - _MJD_ZERO).total_seconds() / 86400
    raise InputError(
        "the change of the sensitivity with time needs the time of the exposure: EXPMID, EXPSTART or DATE-OBS",
        where=str(model.path or "model in memory"),
        hint="set one of these keywords, or apply_time_correction=false",
    )
