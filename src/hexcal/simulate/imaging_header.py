"""Headers of simulated images."""

import numpy as np

from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.observatories.jwst.readout import subarray, subarrays
from hexcal.simulate.camera import Pointing
from hexcal.simulate.exposure_keywords import iso_date

PROGRAM = 42
START = 60200.25
"""MJD of the first exposure."""
_OVERHEAD = 60.0
"""Seconds between two exposures."""
_LATER = 0.3
"""Days from the first exposure of the field to the first one of blank sky."""
_DAY = 86400.0
_PATTERNS = {"MIRI": "FASTR1", "NIRISS": "NISRAPID", "FGS": "FGSRAPID"}
_DONE = (
    "dq_init", "saturation", "superbias", "refpix", "linearity", "dark_sub", "jump", "ramp_fit", "gain_scale",
)  # fmt: skip
_VELOCITY = -1609.47


def describe(model, series, claimed, number, is_blank, dither):
    """Fill in the header of an exposure as operations do.

    Parameters
    ----------
    model : DataModel
        Rates; or a raw exposure, whose read-out is described already.
    series : Imaging
        What it belongs to.
    claimed : Pointing
        Where the header says that it looks.
    number : int
        Of the exposure.
    is_blank : bool
        Whether it is of blank sky.
    dither : sequence of float
        Offset from the first exposure, arcsec.
    """
    meta, setup = model.meta, series.setup
    meta.telescope, meta.origin = "JWST", "STSCI"
    _describe_optics(meta, setup)
    if series.mode is None:
        _describe_readout(meta, series)
        meta.bunit_data = meta.bunit_err = "DN/s"
        for step in _DONE:
            model.set_meta(f"meta.cal_step.{step}", "COMPLETE")
    _describe_time(model, series, number, is_blank)
    _describe_target(meta, claimed, number, is_blank, dither, series)
    _describe_pointing(meta, series, claimed)
    suffix = "uncal" if series.mode is not None else "rate"
    observation = 2 if is_blank else 1
    meta.filename = f"jw{PROGRAM:05d}{observation:03d}001_02101_{number:05d}_{setup.detector.lower()}_{suffix}.fits"


def subarray_name(setup, camera):
    """Return the value of SUBARRAY: that of a subarray of the table that is this window, else GENERIC."""
    window = (camera.xstart, camera.ystart, camera.nx, camera.ny)
    for name in subarrays(setup.detector):
        part = subarray(setup.detector, name)
        if (part.xstart, part.ystart, part.xsize, part.ysize) == window:
            return name
    return "GENERIC"


def _describe_optics(meta, setup):
    instrument = meta.instrument
    instrument.name, instrument.detector = setup.instrument, setup.detector
    instrument.filter, instrument.pupil = setup.filter, setup.pupil
    if setup.instrument == "NIRCAM":
        instrument.module = setup.detector[3]
        instrument.channel = "LONG" if setup.detector.endswith("LONG") else "SHORT"
    meta.aperture.name = meta.aperture.pps_name = setup.aperture.name


def _describe_readout(meta, series):
    setup, camera, facts = series.setup, series.camera, detector_facts(series.setup.detector)
    part = meta.subarray
    part.name, part.xstart, part.ystart, part.xsize, part.ysize = (
        series.subarray, camera.xstart, camera.ystart, camera.nx, camera.ny,
    )  # fmt: skip
    part.fastaxis, part.slowaxis = facts.fastaxis, facts.slowaxis
    exposure, seconds = meta.exposure, setup.exposure_time
    exposure.type, exposure.readpatt = setup.exposure_type, _PATTERNS.get(setup.instrument, "RAPID")
    exposure.nints, exposure.ngroups, exposure.nframes, exposure.groupgap, exposure.frame_divisor = 1, 10, 1, 0, 1
    exposure.integration_start, exposure.integration_end, exposure.drop_frames1, exposure.nsamples = 1, 1, 0, 1
    exposure.group_time = exposure.frame_time = seconds / 10
    exposure.gain_factor = 1.0
    exposure.exposure_time = exposure.integration_time = exposure.duration = seconds
    exposure.effective_exposure_time = exposure.measurement_time = exposure.elapsed_exposure_time = seconds


def _describe_time(model, series, number, is_blank):
    meta, exposure = model.meta, model.meta.exposure
    seconds = exposure.duration
    start = START + _LATER * is_blank + (number - 1) * (seconds + _OVERHEAD) / _DAY
    end = start + seconds / _DAY
    exposure.start_time, exposure.mid_time, exposure.end_time = start, (start + end) / 2, end
    exposure.start_time_mjd, exposure.mid_time_mjd, exposure.end_time_mjd = start, (start + end) / 2, end
    meta.observation.date_beg, meta.observation.date_end = iso_date(start), iso_date(end)
    meta.observation.date, meta.observation.time = iso_date(start).split("T")
    meta.visit.start_time = iso_date(start - 0.02).replace("T", " ")
    if series.mode is not None:
        # The table of integrations was made for the start of another series.
        later = start - model.int_times["int_start_MJD_UTC"][0]
        for name in model.int_times.dtype.names:
            if name != "integration_number":
                model.int_times[name] += later


def _describe_target(meta, claimed, number, is_blank, dither, series):
    observation = meta.observation
    observation.program_number, observation.observation_number = f"{PROGRAM:05d}", f"{1 + is_blank:03d}"
    observation.visit_number, observation.visit_group, observation.sequence_id = "001", "02", "1"
    observation.activity_id, observation.exposure_number = "01", f"{number:05d}"
    observation.visit_id = f"{PROGRAM:05d}{1 + is_blank:03d}001"
    observation.observation_label, observation.bkgdtarg = "simulated", bool(is_blank)
    meta.program.title, meta.program.category = "One known sky", "COM"
    meta.visit.type, meta.visit.tsovisit, meta.visit.status = "PRIME_TARGETED_FIXED", False, "SUCCESSFUL"
    target = "BLANK-SKY" if is_blank else "KNOWN-SKY"
    meta.target.catalog_name = meta.target.proposer_name = target
    meta.target.type, meta.target.ra, meta.target.dec = "FIXED", claimed.ra, claimed.dec
    meta.dither.x_offset, meta.dither.y_offset = (float(value) for value in dither)
    meta.dither.position_number = number
    meta.dither.total_points = series.n_backgrounds if is_blank else series.n_exposures


def _describe_pointing(meta, series, claimed: Pointing):
    """The claimed pointing: the reference point in V2, V3, and a tangent plane with a linear transform around it."""
    camera, info = series.camera, meta.wcsinfo
    info.v2_ref, info.v3_ref = camera.reference
    info.ra_ref, info.dec_ref, info.roll_ref = claimed.ra, claimed.dec, claimed.roll
    info.v3yangle, info.vparity, info.velosys = camera.aperture.v3_yangle, camera.aperture.parity, _VELOCITY
    x, y = (float(value) for value in claimed.sky_to_pixel(camera, claimed.ra, claimed.dec))
    roll = np.radians(claimed.roll)
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    matrix = turn @ camera.jacobian(x, y) / 3600
    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    info.wcsaxes, info.crpix1, info.crpix2, info.crval1, info.crval2 = 2, x + 1, y + 1, claimed.ra, claimed.dec
    info.ctype1, info.ctype2, info.cunit1, info.cunit2 = "RA---TAN", "DEC--TAN", "deg", "deg"
    info.cdelt1 = info.cdelt2 = scale
    info.pc1_1, info.pc1_2, info.pc2_1, info.pc2_2 = (float(value) for value in (matrix / scale).ravel())
    meta.pointing.ra_v1, meta.pointing.dec_v1, meta.pointing.pa_v3 = claimed.position_angle(camera)
    meta.coordinates.reference_frame = "ICRS"
    meta.velocity_aberration.scale_factor = claimed.aberration
