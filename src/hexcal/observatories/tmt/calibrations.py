"""The calibrations that the reduction of IRIS data needs."""

import os
from functools import cache
from typing import NamedTuple

from hexcal.observatories.base import read_table

__all__ = ["Calibration", "calibrations"]


class Calibration(NamedTuple):
    """One kind of calibration.

    `kind` is metadata, image, cube or matrix; `source` is who provides it (NSCU: the calibration unit of the adaptive
    optics); `algorithms` what needs it. `spectrograph_only`: the imager does without. `real_time`: needed within a
    minute of the exposure already.
    """

    name: str
    kind: str
    source: str
    algorithms: str
    spectrograph_only: bool
    real_time: bool


@cache
def calibrations():
    """Return all kinds of calibrations: dict of name to `Calibration`."""
    filename = os.path.join(os.path.dirname(os.path.abspath(__file__)), "calibrations.tsv")
    return {
        name: Calibration(name, kind, source, algorithms, spectrograph_only == "yes", real_time == "yes")
        for name, kind, source, algorithms, spectrograph_only, real_time in read_table(filename, Calibration._fields)
    }
