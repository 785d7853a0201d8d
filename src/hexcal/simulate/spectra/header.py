"""Headers of simulated spectra, as operations fill them in."""

from dataclasses import dataclass

from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.simulate.exposure_keywords import iso_date
from hexcal.simulate.imaging_header import PROGRAM, START

_DAY = 86400.0
_OVERHEAD = 120.0
_DONE = ("dq_init", "saturation", "refpix", "linearity", "dark_sub", "jump", "ramp_fit", "gain_scale")


@dataclass(frozen=True)
class Setup:
    """How spectra of one mode are taken.

    Attributes
    ----------
    mode : str
        Name of the mode: "miri-lrs".
    instrument, detector, exposure_type, aperture, readpatt : str
        As in the header.
    subarray : tuple
        Name, first column and row (from 1), columns, rows.
    elements : dict of str to str
        Filter, grating, channel, band.
    seconds : float
        Of an integration.
    gain : float
        Electrons per DN.
    read_noise : float
        Of a rate without light, DN/s.
    velocity : float
        VELOSYS, m/s.
    is_series : bool
        Whether it is a time series.
    """

    mode: str
    instrument: str
    detector: str
    exposure_type: str
    aperture: str
    subarray: tuple
    elements: dict
    seconds: float
    gain: float
    read_noise: float
    readpatt: str
    velocity: float = 0.0
    is_series: bool = False

    @property
    def shape(self):
        """(ny, nx)."""
        return self.subarray[4], self.subarray[3]


def describe(model, setup, attitude, number, count, target, observation=1, offset=(0.0, 0.0)):
    """Fill in the header of an exposure.

    Parameters
    ----------
    model : DataModel
        Rates: (ny, nx), or (nints, ny, nx) of a time series.
    setup : Setup
    attitude : Attitude
        Where it looks.
    number, count : int
        Which exposure of how many.
    target : tuple
        Name, right ascension and declination (degrees), and kind: "point", "extended" or "sky".
    observation : int
        Observation 2 is blank sky.
    offset : tuple of float
        From the first position, arcsec in the ideal frame.
    """
    meta = model.meta
    meta.telescope, meta.origin = "JWST", "STSCI"
    meta.instrument.name, meta.instrument.detector = setup.instrument, setup.detector
    for element, value in setup.elements.items():
        setattr(meta.instrument, element, value)
    meta.aperture.name = meta.aperture.pps_name = setup.aperture
    meta.bunit_data = meta.bunit_err = "DN/s"
    for step in (*_DONE, *(("superbias",) if setup.instrument == "NIRSPEC" else ())):
        model.set_meta(f"meta.cal_step.{step}", "COMPLETE")
    _describe_readout(model, setup)
    _describe_time(model, setup, number, observation)
    _describe_observation(meta, setup, number, observation)
    _describe_target(meta, target, number, count, offset)
    _describe_pointing(meta, setup, attitude)


def _describe_readout(model, setup):
    meta, exposure = model.meta, model.meta.exposure
    part, facts = meta.subarray, detector_facts(setup.detector)
    part.name, part.xstart, part.ystart, part.xsize, part.ysize = setup.subarray
    part.fastaxis, part.slowaxis = facts.fastaxis, facts.slowaxis
    exposure.type, exposure.readpatt = setup.exposure_type, setup.readpatt
    n_ints = model.shape[0] if len(model.shape) == 3 else 1
    exposure.nints, exposure.ngroups, exposure.nframes, exposure.groupgap, exposure.frame_divisor = n_ints, 10, 1, 0, 1
    exposure.integration_start, exposure.integration_end, exposure.drop_frames1, exposure.nsamples = 1, n_ints, 0, 1
    exposure.group_time = exposure.frame_time = setup.seconds / 10
    exposure.gain_factor = 1.0
    exposure.integration_time = setup.seconds
    exposure.exposure_time = exposure.effective_exposure_time = exposure.duration = setup.seconds * n_ints
    exposure.measurement_time = exposure.elapsed_exposure_time = setup.seconds * n_ints
    if setup.is_series:
        exposure.segment_number = exposure.total_segments = 1


def _describe_time(model, setup, number, observation):
    meta, exposure = model.meta, model.meta.exposure
    start = START + 0.3 * (observation - 1) + (number - 1) * (exposure.duration + _OVERHEAD) / _DAY
    end = start + exposure.duration / _DAY
    exposure.start_time, exposure.mid_time, exposure.end_time = start, (start + end) / 2, end
    exposure.start_time_mjd, exposure.mid_time_mjd, exposure.end_time_mjd = start, (start + end) / 2, end
    meta.observation.date_beg, meta.observation.date_end = iso_date(start), iso_date(end)
    meta.observation.date, meta.observation.time = iso_date(start).split("T")
    meta.visit.start_time = iso_date(start - 0.02).replace("T", " ")
    if setup.is_series:
        model.int_times = integration_times(model.shape[0], start, setup.seconds)


def integration_times(count, start, seconds):
    """Return the table INT_TIMES of integrations without gaps; the barycentre is some minutes ahead."""
    import numpy as np

    names = ("start", "mid", "end")
    kinds = [
        ("integration_number", "i4"),
        *((f"int_{name}_{s}", "f8") for s in ("MJD_UTC", "BJD_TDB") for name in names),
    ]
    table = np.zeros(count, kinds)
    table["integration_number"] = np.arange(1, count + 1)
    for name, part in zip(names, (0.0, 0.5, 1.0), strict=True):
        table[f"int_{name}_MJD_UTC"] = start + (np.arange(count) + part) * seconds / _DAY
        table[f"int_{name}_BJD_TDB"] = table[f"int_{name}_MJD_UTC"] + 0.0031
    return table


def _describe_observation(meta, setup, number, observation):
    about = meta.observation
    about.program_number, about.observation_number, about.visit_number = f"{PROGRAM:05d}", f"{observation:03d}", "001"
    about.visit_group, about.sequence_id, about.activity_id, about.exposure_number = "02", "1", "01", str(number)
    about.visit_id, about.bkgdtarg = f"{PROGRAM:05d}{observation:03d}001", observation == 2
    about.observation_label = "simulated"
    meta.program.title, meta.program.category = "Known spectra", "COM"
    meta.visit.type, meta.visit.status, meta.visit.tsovisit = "PRIME_TARGETED_FIXED", "SUCCESSFUL", setup.is_series


def _describe_target(meta, target, number, count, offset):
    name, ra, dec, kind = target
    meta.target.catalog_name = meta.target.proposer_name = name
    meta.target.type, meta.target.ra, meta.target.dec = "FIXED", ra, dec
    meta.target.proposer_ra, meta.target.proposer_dec = ra, dec
    meta.target.source_type_apt = "POINT" if kind == "point" else "EXTENDED"
    meta.dither.position_number, meta.dither.total_points, meta.dither.pattern_start = number, count, 1
    meta.dither.x_offset, meta.dither.y_offset = offset


def _describe_pointing(meta, setup, attitude):
    info = meta.wcsinfo
    info.v2_ref, info.v3_ref, info.v3yangle, info.vparity = attitude.v2, attitude.v3, attitude.v3_yangle, -1
    info.ra_ref, info.dec_ref, info.roll_ref, info.velosys = attitude.ra, attitude.dec, attitude.roll, setup.velocity
    info.wcsaxes = 2
    meta.pointing.ra_v1, meta.pointing.dec_v1, meta.pointing.pa_v3 = attitude.axis()
    meta.coordinates.reference_frame = "ICRS"
    meta.velocity_aberration.scale_factor = attitude.aberration
