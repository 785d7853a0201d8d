"""What an observatory's tables say about its reference files: detectors, subarrays, layouts.

An observatory without a table is not checked for it.
"""

import csv
import os
from functools import lru_cache
from typing import NamedTuple


class Part(NamedTuple):
    """One part of the layout of a type: a row of ``reference_layouts.tsv``.

    Parameters
    ----------
    names : tuple of str
        Extension, or top-level entry of a tree; one of them is enough.
    kind : str
        ``detector`` (an image of pixels of the detector), ``image``, ``table``, ``tree``.
    dimensions : tuple of int
        Allowed numbers of dimensions; empty: any.
    values : str
        ``float``, ``int`` or "".
    columns : tuple of str
        Of a table, upper case.
    need : str
        ``yes`` (the type cannot be used without it), ``usual`` or ``may``.
    """

    names: tuple
    kind: str
    dimensions: tuple
    values: str
    columns: tuple
    need: str


@lru_cache(maxsize=32)
def rows_of(folder, filename):
    """Return the rows of a tab-separated table (tuple of dict); none if the observatory has no such table."""
    path = os.path.join(folder, filename) if folder else ""
    if not os.path.isfile(path):
        return ()
    with open(path, encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def detector_of(folder, name):
    """Return the row of a detector (dict), or None."""
    return next((row for row in rows_of(folder, "detectors.tsv") if row["detector"] == name), None)


def subarray_of(folder, detector, name):
    """Return the row of a subarray of a detector (dict), or None."""
    rows = rows_of(folder, "subarrays.tsv")
    return next((row for row in rows if row["detector"] == detector and row["subarray"] == name), None)


def layouts_of(folder, reference_type, instrument):
    """Return the layouts that a type of an instrument may have.

    Returns
    -------
    dict of str to list of Part
        Name of the model (DATAMODL; "" where it has none) -> parts.
    """
    tables = {}
    for row in rows_of(folder, "reference_layouts.tsv"):
        if row["type"] == reference_type and (not row["instruments"] or instrument in row["instruments"].split("|")):
            part = Part(
                tuple(row["name"].split("|")),
                row["kind"],
                tuple(int(number) for number in row["dimensions"].split("|") if number),
                row["values"],
                tuple(name.upper() for name in row["columns"].split(",") if name),
                row["need"],
            )
            tables.setdefault(row["model"], []).append(part)
    return tables


def known_types(folder):
    """Return the types of references of which the observatory has layouts (set of str)."""
    return {row["type"] for row in rows_of(folder, "reference_layouts.tsv")}
