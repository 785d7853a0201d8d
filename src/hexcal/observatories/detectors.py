"""The detectors of an observatory: read-out directions, sizes, reference pixels (``detectors.tsv`` in its folder)."""

import os
from typing import NamedTuple

from hexcal.observatories.tables import read_table

__all__ = ["Detector", "read_detectors"]

FILE_NAME = "detectors.tsv"


class Detector(NamedTuple):
    """One detector in the orientation of its science data.

    `fastaxis` and `slowaxis` are 1 = +x, 2 = +y, -1 = -x, -2 = -y, for amplifier 1 (documents of JWST, table 2 of the
    section on reference file orientation). `columns` and `rows` are the size of a full frame without MIRI's reference
    output and NIRSpec's interleaved reference pixels. `left`, `right`, `bottom`, `top` are the widths in pixels of the
    borders of reference pixels. `outputs` is the number of amplifiers in full frame.
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


def read_detectors(folder):
    """Read ``detectors.tsv`` of an observatory's folder.

    Parameters
    ----------
    folder : str
        Where the table lies; it may be absent.

    Returns
    -------
    dict of str to Detector
        By name, in the order of the table.
    """
    filename = os.path.join(folder, FILE_NAME)
    if not os.path.exists(filename):
        return {}
    columns = ("detector", *Detector._fields[1:])
    return {row[0]: Detector(row[0], row[1], *map(int, row[2:])) for row in read_table(filename, columns)}
