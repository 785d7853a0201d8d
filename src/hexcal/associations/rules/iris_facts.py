"""IRIS: what its rules know of an exposure.

Facts are attributes beside the columns of the pool:

``mjd``
    Beginning of the exposure in days: EXPSTART, else DATE-OBS and TIME-OBS, DATE-BEG, or DATE.
``mode``
    INSTMODE: img, slicer or lenslet; where it is not given, img for the detectors of the imager.
``window``
    ``full``, or the part of the detector that is read, as SUBARRAY, corner and size.
``exposure_time``, ``scale``
    EFFEXPTM (else XPOSURE) and SCALE as numbers, so that 60 and 60.0 are the same.
``program``
    PROGRAM, else semester and number of the programme.
"""

from datetime import UTC, datetime

from hexcal.errors import InputError

_WINDOW = ("substrt1", "substrt2", "subsize1", "subsize2")
_MJD_0 = datetime(1858, 11, 17, tzinfo=UTC)


def facts(values):
    """Return the facts of an exposure (dict of str to str), from the columns that have a value."""
    detector = values.get("detector", "")
    known = {
        "mjd": _mjd(values),
        "mode": values.get("instmode") or ("img" if detector.startswith(("img", "iris")) else None),
        "window": _window(values),
        "exposure_time": _number(values, "effexptm") or _number(values, "xposure"),
        "scale": _number(values, "scale"),
        "program": values.get("program") or _program(values),
    }
    return {name: value for name, value in known.items() if value is not None}


def _number(values, name):
    text = values.get(name)
    try:
        return None if text is None else f"{float(text):.9g}"
    except ValueError as error:
        raise _unreadable(values, name, text, "a number") from error


def _mjd(values):
    if "expstart" in values:
        return values["expstart"]
    if "date-obs" in values and "time-obs" in values:
        return _days(values, "date-obs", f"{values['date-obs']}T{values['time-obs']}")
    # A date without a time would be off by up to a day.
    dated = next((name for name in ("date-obs", "date-beg", "date") if "t" in values.get(name, "").lower()), None)
    return None if dated is None else _days(values, dated, values[dated])


def _days(values, name, text):
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise _unreadable(values, name, text, "a date and time as in 2025-06-01T08:00:00") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return repr(round((moment - _MJD_0).total_seconds() / 86400, 8))


def _unreadable(values, name, text, wanted):
    return InputError(
        f"{name.upper()} must be {wanted}, it is '{text}'", where=values.get("filename"), hint="correct the pool"
    )


def _window(values):
    name = values.get("subarray")
    if name is None or name == "full":
        return "full" if name else None
    return ",".join([name, *(values[edge] for edge in _WINDOW if edge in values)])


def _program(values):
    parts = [values[name] for name in ("semid", "prognum") if name in values]
    return "-".join(parts) or None
