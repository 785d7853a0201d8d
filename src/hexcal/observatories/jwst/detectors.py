"""The detectors: read-out directions, sizes, reference pixels."""

import os
from functools import cache
from typing import NamedTuple

from hexcal.errors import InputError, unknown_name
from hexcal.observatories.base import read_table

__all__ = ["Detector", "detector", "detectors", "fast_slow_axis"]


class Detector(NamedTuple):
    """One detector in the science (DMS) orientation.

    `fastaxis` and `slowaxis` are 1 = +x, 2 = +y, -1 = -x, -2 = -y, for amplifier 1 (documents, table 2 of the section on reference file orientation).
    `columns` and `rows` are the size of a full frame without MIRI's reference output and NIRSpec's interleaved reference pixels.
    `left`, `right`, `bottom`, `top` are the widths in pixels of the borders of reference pixels. `outputs` is the number of amplifiers in full frame.
    """

    name: str
    instrument: str
    fastaxis: int
    slowaxis: int
    columns: int
    rows: int
    left: int
    right: int
    bottom: int
    top: int
    outputs: int


@cache
def _table():
    filename = os.path.join(os.path.dirname(os.path.abspath(__file__)), "detectors.tsv")
    columns = (
        "detector",
        "instrument",
        "fastaxis",
        "slowaxis",
        "columns",
        "rows",
        "left",
        "right",
        "bottom",
        "top",
        "outputs",
    )
    return {row[0]: Detector(row[0], row[1], *map(int, row[2:])) for row in read_table(filename, columns)}


def detectors(instrument=None):
    """Return the names of all detectors, or of those of one instrument, in the order of the documents."""
    return tuple(name for name, one in _table().items() if instrument is None or one.instrument == instrument.upper())


def detector(name):
    """Return the `Detector` of this name (value of DETECTOR).

    Raises
    ------
    InputError
        If no detector has this name.
    """
    found = _table().get(str(name).strip().upper())
    if found is None:
        raise unknown_name("detector", name, _table(), where="DETECTOR", error=InputError)
    return found


def fast_slow_axis(name):
    """Return the pair (FASTAXIS, SLOWAXIS) that data of this detector must have."""
    one = detector(name)
    return one.fastaxis, one.slowaxis
