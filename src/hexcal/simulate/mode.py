"""How an exposure is taken: detector, subarray, read-out pattern, times.

Everything follows from the tables of the observatory.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError, unknown_name
from hexcal.observatories.jwst import observatory
from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.observatories.jwst.detectors import detectors
from hexcal.observatories.jwst.exposure_types import exposure_type as exposure_type_facts
from hexcal.observatories.jwst.exposure_types import exposure_types, is_tso
from hexcal.observatories.jwst.readout import frame_time as table_frame_time
from hexcal.observatories.jwst.readout import pattern as pattern_facts
from hexcal.observatories.jwst.readout import patterns, subarray, subarrays

INSTRUMENTS = ("NIRCAM", "MIRI", "NIRISS", "FGS")
_FIRST_PATTERN = {"NIRCAM": "RAPID", "MIRI": "FASTR1", "NIRISS": "NISRAPID", "FGS": "FGSRAPID", "NIRSPEC": "NRSRAPID"}
_EXPOSURE_TYPE = {"NIRCAM": "NRC_IMAGE", "MIRI": "MIR_IMAGE", "NIRISS": "NIS_IMAGE", "FGS": "FGS_IMAGE"}
_TIME_SERIES_TYPE = {"NIRCAM": "NRC_TSIMAGE", "MIRI": "MIR_IMAGE"}
_DARK_TYPE = {
    "NIRCAM": "NRC_DARK", "MIRI": "MIR_DARKIMG", "NIRISS": "NIS_DARK", "FGS": "FGS_DARK", "NIRSPEC": "NRS_DARK",
}  # fmt: skip


def dark_type(instrument, detector=None):
    """Return the EXP_TYPE of darks of an instrument; the detectors of the MIRI spectrograph have one of their own."""
    if str(detector).upper().startswith("MIRIFU"):
        return "MIR_DARKMRS"
    instrument = str(instrument).upper()
    if instrument not in _DARK_TYPE:
        raise unknown_name("instrument", instrument, tuple(_DARK_TYPE), where="instrument")
    return _DARK_TYPE[instrument]


@dataclass(frozen=True)
class Mode:
    """One way to take an exposure.

    `xstart`, `ystart` count from 1; sizes in pixels, of the science image without MIRI's reference output; times in s.
    `n_outputs` is the number of amplifiers that read the image.
    """

    instrument: str
    detector: str
    subarray: str
    xstart: int
    ystart: int
    xsize: int
    ysize: int
    fastaxis: int
    slowaxis: int
    n_outputs: int
    exposure_type: str
    filter: str
    readpatt: str
    n_frames: int
    group_gap: int
    frame_time: float
    n_groups: int
    n_ints: int
    tso: bool

    @property
    def shape(self):
        """(nints, ngroups, ny, nx)."""
        return (self.n_ints, self.n_groups, self.ysize, self.xsize)

    @property
    def image_shape(self):
        """(ny, nx)."""
        return (self.ysize, self.xsize)

    @property
    def group_time(self):
        """Time from one group to the next, s."""
        return self.frame_time * (self.n_frames + self.group_gap)

    @property
    def frames_per_integration(self):
        """Frames from the reset to the last one that is read, those in gaps counted."""
        return self.n_groups * self.n_frames + (self.n_groups - 1) * self.group_gap

    @property
    def integration_time(self):
        """Time from the reset to the end of the last group, s."""
        return self.frames_per_integration * self.frame_time

    @property
    def is_full_frame(self):
        """Whether all of the detector is read."""
        facts = detector_facts(self.detector)
        return self.image_shape == (facts.rows, facts.columns)

    def reference_pixels(self):
        """Return which pixels are reference pixels: bool (ny, nx)."""
        return reference_pixels(self.detector, self.xstart, self.ystart, self.xsize, self.ysize)


def reference_pixels(detector, xstart, ystart, xsize, ysize):
    """Return which pixels of a part of a detector lie on its border of reference pixels.

    Parameters
    ----------
    detector : str
        Value of DETECTOR.
    xstart, ystart, xsize, ysize : int
        SUBSTRT1, SUBSTRT2 (counted from 1), SUBSIZE1, SUBSIZE2.

    Returns
    -------
    bool array (ysize, xsize)
    """
    facts = detector_facts(detector)
    x, y = np.arange(xstart, xstart + xsize), np.arange(ystart, ystart + ysize)
    columns = (x <= facts.left) | (x > facts.columns - facts.right)
    rows = (y <= facts.bottom) | (y > facts.rows - facts.top)
    return rows[:, None] | columns[None, :]


def exposure_mode(
    instrument="NIRCAM", detector=None, subarray_name="FULL", *, filter_name=None, readpatt=None, exposure_type=None,
    n_groups=10, n_ints=1, tso=False, frame_time=None,
):  # fmt: skip
    """Fill in what is not given, and check the rest against the tables.

    Parameters
    ----------
    instrument : str
        NIRCAM, MIRI, NIRISS or FGS; NIRSPEC for an exposure type of darks or lamps.
    detector : str, optional
        Default: the first one that has this subarray.
    subarray_name : str
        Value of SUBARRAY.
    filter_name, readpatt, exposure_type : str, optional
        Values of FILTER, READPATT, EXP_TYPE.
    n_groups, n_ints : int
        NGROUPS and NINTS.
    tso : bool
        A time series: TSOVISIT.
    frame_time : float, optional
        Time of a frame, s, where the table has none.

    Returns
    -------
    Mode

    Raises
    ------
    ParameterError, InputError
        For a name that is not known (with the nearest right one), or a number out of bounds.
    """
    instrument = instrument.upper()
    known = INSTRUMENTS if exposure_type is None else tuple(_DARK_TYPE)
    if instrument not in known:
        raise unknown_name("instrument", instrument, known, where="simulate exposure")
    for name, value in (("groups", n_groups), ("ints", n_ints)):
        if not 1 <= value <= 65535:
            raise ParameterError(f"the number of {name} must be between 1 and 65535, got {value}", where=name)
    detector = _detector(instrument, detector, subarray_name)
    facts, part = detector_facts(detector), subarray(detector, subarray_name)
    readpatt = (readpatt or _FIRST_PATTERN[instrument]).upper()
    if readpatt not in patterns(instrument):
        raise unknown_name("read-out pattern", readpatt, patterns(instrument), where=f"READPATT of {instrument}")
    pattern = pattern_facts(readpatt)
    if frame_time is not None and not frame_time > 0:
        raise ParameterError(
            f"the frame time must be a positive number of seconds, got {frame_time}", where="frame_time"
        )
    exposure_type = _exposure_type(instrument, detector, exposure_type, tso)
    filter_name = (filter_name or _filter(detector)).upper()
    row: Any = observatory.keywords.of_path("meta.instrument.filter")
    allowed = row.allowed
    if filter_name not in allowed:
        raise unknown_name("filter", filter_name, allowed, where="FILTER")
    return Mode(
        instrument, detector, part.name, part.xstart, part.ystart, part.xsize, part.ysize,
        facts.fastaxis, facts.slowaxis, part.outputs or facts.outputs, exposure_type, filter_name, readpatt,
        pattern.nframes, pattern.groupgap, frame_time or _frame_time(part, readpatt), n_groups, n_ints,
        is_tso(exposure_type, tso),
    )  # fmt: skip


def _detector(instrument, given, subarray_name):
    known = detectors(instrument)
    if given is not None:
        if given.upper() not in known:
            raise unknown_name("detector", given, known, where=f"DETECTOR of {instrument}")
        return given.upper()
    fitting = [name for name in known if subarray_name.upper() in subarrays(name)]
    if not fitting:
        names = sorted({name for detector in known for name in subarrays(detector)})
        raise unknown_name("subarray", subarray_name, names, where=f"SUBARRAY of {instrument}")
    return fitting[0]


def _frame_time(part, readpatt):
    try:
        return table_frame_time(part.detector, part.name, readpatt)
    except InputError as error:
        raise ParameterError(error.message, where="frame_time", hint="give it in s: --frame-time") from error


def _exposure_type(instrument, detector, given, tso):
    if given is None:
        if detector.startswith("MIRIFU"):
            return "MIR_MRS"
        if tso and instrument not in _TIME_SERIES_TYPE:
            raise ParameterError(
                f"{instrument} takes no time series of images", where="tso", hint="give the exposure type"
            )
        return (_TIME_SERIES_TYPE if tso else _EXPOSURE_TYPE)[instrument]
    own = [name for name in exposure_types() if exposure_type_facts(name).instrument == instrument]
    if given.upper() not in own:
        raise unknown_name("exposure type", given, own, where=f"EXP_TYPE of {instrument}", error=InputError)
    return given.upper()


def _filter(detector):
    if detector.startswith("NRC"):
        return "F444W" if detector.endswith("LONG") else "F200W"
    return {"MIRIMAGE": "F1000W", "NIS": "CLEAR", "NRS1": "OPAQUE", "NRS2": "OPAQUE"}.get(detector, "N/A")
