"""Read-out patterns, subarrays and frame times."""

import os
from functools import cache
from typing import NamedTuple

from hexcal.errors import InputError, unknown_name
from hexcal.observatories.base import read_table
from hexcal.observatories.jwst.detectors import detector

__all__ = [
    "Pattern",
    "Subarray",
    "frame_time",
    "group_time",
    "nir_frame_time",
    "pattern",
    "patterns",
    "subarray",
    "subarrays",
]

_PIXEL_TIME = 1.0e-5  # s, one conversion
_ROW_OVERHEAD = 12  # pixel times at the end of each row


class Pattern(NamedTuple):
    """One read-out pattern (READPATT).

    `nframes` frames are averaged to a group, `groupgap` frames are dropped after it (JWST user documentation, read-out
    patterns of each instrument). `full_frame_time` in s is given where the pattern itself changes the time of a frame,
    else None.
    """

    name: str
    instrument: str
    nframes: int
    groupgap: int
    full_frame_time: float | None


class Subarray(NamedTuple):
    """Where a subarray lies on a detector, in the science orientation.

    `xstart`, `ystart` are SUBSTRT1 and SUBSTRT2 (counted from 1), `xsize`, `ysize` SUBSIZE1 and SUBSIZE2. Positions
    follow the science instrument aperture file PRDOPSSOC-075; flight data before a change of position have their own in
    the header. `outputs` is the number of amplifiers and `frame_time` the time of a frame in s of the fastest pattern;
    None where not published.
    """

    detector: str
    name: str
    xstart: int
    ystart: int
    xsize: int
    ysize: int
    outputs: int | None
    frame_time: float | None


def _read(name, columns):
    return read_table(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), columns)


@cache
def _patterns():
    rows = _read("readout_patterns.tsv", ("pattern", "instrument", "nframes", "groupgap", "full_frame_time"))
    return {
        name: Pattern(name, instrument, int(nframes), int(groupgap), float(time) if time else None)
        for name, instrument, nframes, groupgap, time in rows
    }


@cache
def _subarrays():
    columns = ("detector", "subarray", "xstart", "ystart", "xsize", "ysize", "outputs", "frame_time")
    return {
        (detector, name): Subarray(
            detector,
            name,
            int(x),
            int(y),
            int(nx),
            int(ny),
            int(outputs) if outputs else None,
            float(time) if time else None,
        )
        for detector, name, x, y, nx, ny, outputs, time in _read("subarrays.tsv", columns)
    }


def patterns(instrument=None):
    """Return the names of the read-out patterns, of all or of one instrument."""
    return tuple(
        name for name, row in _patterns().items() if instrument is None or row.instrument == instrument.upper()
    )


def pattern(name):
    """Return the `Pattern` of this name (value of READPATT); InputError if its facts are not known."""
    facts = _patterns().get(str(name).strip().upper())
    if facts is None:
        raise unknown_name("read-out pattern", name, _patterns(), where="READPATT", error=InputError)
    return facts


def subarrays(detector_name):
    """Return the names of the subarrays of a detector."""
    chosen = detector(detector_name).name
    return tuple(name for where, name in _subarrays() if where == chosen)


def subarray(detector_name, name):
    """Return the `Subarray` of this name on a detector; InputError if its position is not known."""
    instrument_name = detector(detector_name).name
    facts = _subarrays().get((instrument_name, str(name).strip().upper()))
    if facts is None:
        raise unknown_name(
            "subarray", name, subarrays(instrument_name), where=f"SUBARRAY of {instrument_name}", error=InputError
        )
    return facts


def nir_frame_time(fast_size, slow_size, outputs):
    """Return the time in s between two frames of a near-infrared detector in traditional read-out.

    Every pixel takes 10 us, every row 12 pixel times more; a frame has one row more with four outputs and two with one.
    This gives the published 10.73676 s (full frame), 4.18584 s (SUB640), 1.06904 s (SUB320), 0.27864 s (SUB160),
    0.07544 s (SUB80), 2.214 s (SUBSTRIP96).

    Parameters
    ----------
    fast_size, slow_size : int
        Pixels along the fast and the slow direction.
    outputs : int
        Number of amplifiers, 1 or 4.
    """
    return (fast_size // outputs + _ROW_OVERHEAD) * (slow_size + (1 if outputs > 1 else 2)) * _PIXEL_TIME


def frame_time(detector_name, subarray_name="FULL", pattern_name=None):
    """Return TFRAME in s.

    Parameters
    ----------
    detector_name, subarray_name : str
        Values of DETECTOR and SUBARRAY.
    pattern_name : str, optional
        Value of READPATT; matters for SLOW patterns of MIRI and IRS2 patterns of NIRSpec, which are known in full frame
        only.

    Raises
    ------
    InputError
        If the time is not published for this combination.
    """
    part = subarray(detector_name, subarray_name)
    time = part.frame_time
    if pattern_name is not None:
        own = pattern(pattern_name).full_frame_time
        if own is not None:
            time = own if part.name == "FULL" else None
    if time is None:
        raise InputError(
            f"the frame time of {part.detector} {part.name} {pattern_name or ''} is not known",
            hint="give the time in the header as TFRAME",
        )
    return time


def group_time(detector_name, subarray_name, pattern_name):
    """Return TGROUP in s: the frame time multiplied by NFRAMES + GROUPGAP."""
    row = pattern(pattern_name)
    return frame_time(detector_name, subarray_name, pattern_name) * (row.nframes + row.groupgap)
