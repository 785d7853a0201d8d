"""The pointing, read from the engineering database."""

import logging

import numpy as np

from hexcal.errors import DataUnusable
from hexcal.steps.pointing.engdb import ENGDB_Service
from hexcal.steps.pointing.transforms import Pointing

QUATERNION = tuple(f"SA_ZATTEST{number}" for number in (1, 2, 3, 4))
J2FGS = tuple(f"SA_ZRFGS2J{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3))
FSM, COMMANDED, POSITION = (
    tuple(f"{name}{axis}" for axis in "XY") for name in ("SA_ZADUCMD", "SA_ZFGGSCMD", "SA_ZFGGSPOS")
)
DETECTOR = "SA_ZFGDETID"
MNEMONICS = (*QUATERNION, *J2FGS, *FSM, *COMMANDED, *POSITION, DETECTOR)

log = logging.getLogger(__name__)


def get_pointings(t_pars):
    """Return the pointings during an observation.

    Parameters
    ----------
    t_pars : TransformParameters
        ``obsstart``, ``obsend`` (MJD), ``tolerance``, ``engdb_url``, ``j2fgs_transpose``.

    Returns
    -------
    list of Pointing
        One for each quaternion during the observation; where there is none, those nearest to it, not farther than the
        tolerance.

    Raises
    ------
    DataUnusable
        If a mnemonic has no value in time, or the attitude is only zeros.
    EngdbError
        If the database does not answer or does not know a mnemonic.
    """
    from astropy.time import Time

    service = ENGDB_Service(t_pars.engdb_url)
    tables = {name: _values(service, name, t_pars) for name in MNEMONICS}
    _require_attitude(tables)
    moments = tables[QUATERNION[0]][0]
    averaged = []
    for moment in moments:
        at = {name: _nearest(*tables[name], moment) for name in MNEMONICS}
        j2fgs = np.array([at[name] for name in J2FGS], float).reshape(3, 3)
        averaged.append(
            Pointing(
                np.array([at[name] for name in QUATERNION], float),
                j2fgs.T if t_pars.j2fgs_transpose else j2fgs,
                np.array([at[name] for name in FSM], float),
                Time(moment, format="mjd"),
                np.array([at[name] for name in COMMANDED], float),
                np.array([at[name] for name in POSITION], float),
                int(at[DETECTOR]) or None,
            )
        )
    return averaged


def get_pointing(t_pars):
    """Return one pointing of an observation: their average, or what ``reduce_func`` makes of the list of them."""
    reduce = t_pars.reduce_func or pointing_from_average
    return reduce(get_pointings(t_pars))


def first_pointing(pointings):
    """Return the first of some pointings."""
    return pointings[0]


def pointing_from_average(pointings):
    """Return the average of some pointings.

    Each number on its own, which is right for quaternions that differ by little.
    """
    from astropy.time import Time

    # A quaternion and its negative are the same attitude.
    signs = [1.0 if first @ pointings[0].q >= 0 else -1.0 for first in (pointing.q for pointing in pointings)]
    averages = {
        name: np.mean([getattr(pointing, name) for pointing in pointings], axis=0)
        for name in ("j2fgs_matrix", "fsmcorr", "gs_commanded", "gs_position")
    }
    return Pointing(
        q=np.mean([sign * pointing.q for sign, pointing in zip(signs, pointings, strict=True)], axis=0),
        obstime=Time(np.mean([pointing.obstime.mjd for pointing in pointings]), format="mjd"),
        fgsid=pointings[0].fgsid,
        **averages,
    )


def _values(service, name, t_pars):
    """Times (MJD) and values of one mnemonic: during the observation, else within the tolerance of it."""
    from astropy.time import Time

    day = t_pars.tolerance / 86400.0
    start, end = Time(t_pars.obsstart - day, format="mjd"), Time(t_pars.obsend + day, format="mjd")
    when, values = service.get_values(name, start, end, include_obstime=True, zip_results=False)
    times = np.array([time.mjd for time in when])
    if not all(isinstance(value, float) for value in values):
        raise DataUnusable(f"the telemetry of {name} must be numbers, it is not", where=service.base_url)
    inside = (times >= t_pars.obsstart) & (times <= t_pars.obsend)
    if inside.any():
        return times[inside], [value for value, is_inside in zip(values, inside, strict=True) if is_inside]
    if not times.size:
        raise DataUnusable(
            f"the telemetry has no value of {name} within {t_pars.tolerance:g} s of the observation",
            where=f"MJD {t_pars.obsstart:.6f} to {t_pars.obsend:.6f}",
            hint="give a larger tolerance, or allow_default",
        )
    distance = np.maximum(t_pars.obsstart - times, times - t_pars.obsend)
    nearest = int(np.argmin(distance))
    log.info("%s: no value during the observation; the nearest is %.1f s off", name, distance[nearest] * 86400)
    return times[nearest : nearest + 1], [values[nearest]]


def _nearest(times, values, moment):
    return values[int(np.argmin(np.abs(times - moment)))]


def _require_attitude(tables):
    """Telemetry that is only zeros is that of a spacecraft that does not say."""
    for names in (QUATERNION, J2FGS):
        if not any(value for name in names for value in tables[name][1]):
            raise DataUnusable(f"the telemetry of {names[0]} to {names[-1]} is only zeros", hint="allow_default")
