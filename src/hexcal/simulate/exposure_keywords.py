"""The keywords of a simulated raw exposure, and the times of its integrations."""

import numpy as np

from hexcal.models.science import INT_TIMES_COLUMNS
from hexcal.observatories.jwst.detectors import detector as detector_facts

START = 60000.0
"""MJD at which the first exposure of a series starts: 2023-02-25."""
_DAY = 86400.0


def describe_exposure(model, mode, number=1, start=START):
    """Fill in the keywords of a raw exposure, and the table of the times of its integrations.

    Parameters
    ----------
    model : Level1bModel
        The exposure.
    mode : Mode
        How it was taken.
    number : int
        Its number in the series.
    start : float
        MJD of its start.
    """
    meta = model.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", mode.instrument, mode.detector
    _describe_optics(meta.instrument, mode)
    for name in ("xstart", "ystart", "xsize", "ysize", "fastaxis", "slowaxis"):
        setattr(meta.subarray, name, getattr(mode, name))
    meta.subarray.name = mode.subarray
    numbers = {
        "program_number": "00001",
        "observation_number": "001",
        "visit_number": "001",
        "visit_group": "02",
        "sequence_id": "1",
        "activity_id": "01",
    }
    for name, value in {**numbers, "exposure_number": f"{number:05d}"}.items():
        setattr(meta.observation, name, value)
    meta.observation.observation_label = "simulated"
    meta.visit.tsovisit = mode.tso
    _describe_readout(meta.exposure, mode)
    starts = start + np.arange(mode.n_ints) * (mode.integration_time + mode.frame_time) / _DAY
    ends = starts + mode.integration_time / _DAY
    middles = (starts + ends) / 2
    rows = zip(range(1, mode.n_ints + 1), starts, middles, ends, starts, middles, ends, strict=True)
    model.int_times = np.array(list(rows), dtype=list(INT_TIMES_COLUMNS))
    meta.exposure.start_time, meta.exposure.mid_time, meta.exposure.end_time = (
        start,
        float((start + ends[-1]) / 2),
        float(ends[-1]),
    )
    meta.observation.date_beg, meta.observation.date_end = iso_date(start), iso_date(float(ends[-1]))
    meta.observation.date, meta.observation.time = iso_date(start).split("T")


def iso_date(mjd):
    """Return a date in MJD as text, to the millisecond: 2023-02-25T00:00:00.000."""
    epoch = np.datetime64("1858-11-17T00:00:00.000", "ms")
    return str(epoch + np.timedelta64(round(mjd * 86_400_000), "ms"))


def _describe_optics(instrument, mode):
    instrument.filter = mode.filter
    if mode.instrument == "NIRCAM":
        instrument.module, instrument.pupil = mode.detector[3], "CLEAR"
        instrument.channel = "LONG" if mode.detector.endswith("LONG") else "SHORT"
    elif mode.instrument == "NIRISS":
        instrument.pupil = "F200W"
    elif mode.instrument == "FGS":
        instrument.filter = None
    elif mode.instrument == "NIRSPEC":
        instrument.grating = "MIRROR"
    elif mode.detector != "MIRIMAGE":
        instrument.channel, instrument.band = "12" if mode.detector == "MIRIFUSHORT" else "34", "SHORT"


def _describe_readout(exposure, mode):
    exposure.type, exposure.readpatt = mode.exposure_type, mode.readpatt
    exposure.nints, exposure.ngroups, exposure.nframes, exposure.groupgap = (
        mode.n_ints,
        mode.n_groups,
        mode.n_frames,
        mode.group_gap,
    )
    exposure.integration_start, exposure.integration_end = 1, mode.n_ints
    exposure.noutputs = detector_facts(mode.detector).outputs if mode.instrument == "MIRI" else mode.n_outputs
    exposure.frame_time, exposure.group_time, exposure.integration_time = (
        mode.frame_time,
        mode.group_time,
        mode.integration_time,
    )
    exposure.exposure_time = mode.integration_time * mode.n_ints
    exposure.duration = exposure.exposure_time + mode.frame_time * (mode.n_ints - 1)
    exposure.nsamples, exposure.sample_time, exposure.frame_divisor = 1, 10.0, mode.n_frames
    exposure.drop_frames1, exposure.zero_frame, exposure.nresets_between_ints = 0, False, 1
    if mode.readpatt.startswith("FASTGRPAVG"):
        # These patterns are averages of groups of one frame.
        exposure.miri_fsw_nframes = 1
