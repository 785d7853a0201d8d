"""Dates and times in the spellings that headers use."""

import re
from datetime import datetime
from functools import lru_cache

# (pattern of the date with / between its parts, order of year, month and day in it, what the year begins with)
_FORMS = (
    (re.compile(r"(\d{4})/(\d{2})/(\d{2})"), (1, 2, 3)),
    (re.compile(r"(\d{2})/(\d{2})/(\d{4})"), (3, 1, 2)),
)
_SHORT = re.compile(r"(\d{2})/(\d{2})/(\d{2})")
_TIME_AFTER_T = re.compile(r"(?<=\d)T(?=\d)")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


@lru_cache(maxsize=4096)
def parse_date(text):
    """Return the date and time that a text stands for.

    Understood, as in CRDS: ``2014-02-01``, ``02/01/2014`` (month first), ``01/02/14`` (day first; 1990 to 2039), ``Feb
    1 2014``, ``1 Feb 2014``, each with ``/``, ``-`` or (with a month's name) blanks between, followed by nothing or by
    ``T`` or a blank and ``hours:minutes[:seconds]``, which may end in AM or PM.

    Parameters
    ----------
    text : str
        Date and time; fractions of a second are cut off (not rounded) after microseconds.

    Returns
    -------
    datetime.datetime
        Without time zone.

    Raises
    ------
    ValueError
        If the text is no date, or no such day exists.
    """
    date, time = _divide(_TIME_AFTER_T.sub(" ", text.strip().upper()))
    year, month, day = _day(date)
    hour, minute, second, microsecond = _time(time)
    return datetime(year, month, day, hour, minute, second, microsecond)


def _divide(text):
    """Divide into date and time: the time begins at the last word with a colon that no other such word precedes."""
    words = text.split()
    for number, word in enumerate(words):
        if ":" in word:
            return " ".join(words[:number]), " ".join(words[number:])
    return text, ""


def _day(text):
    parts = text.replace("-", "/")
    for form, order in _FORMS:
        match = form.fullmatch(parts)
        if match:
            return tuple(int(match.group(number)) for number in order)
    match = _SHORT.fullmatch(parts)
    if match:
        day, month, year = (int(part) for part in match.groups())
        if not 40 <= year < 90:
            return year + (2000 if year < 40 else 1900), month, day
    words = re.split(r"[\s/,]+", parts.strip())
    if len(words) == 3 and words[2].isdigit():
        first, second, year = words
        name, day = (first, second) if first[0].isalpha() else (second, first)
        if name[:3] in _MONTHS and day.isdigit():
            return int(year), _MONTHS.index(name[:3]) + 1, int(day)
    raise ValueError(f"not a date: '{text}'")


def _time(text):
    if not text:
        return 0, 0, 0, 0
    afternoon = text.endswith("PM")
    morning = text.endswith("AM")
    if afternoon or morning:
        text = text[:-2].strip()
    # What follows the seconds after another colon (hundredths, in some headers) is not read.
    hour, minute, second, *_ = [*text.split(":"), "0"] if text.count(":") == 1 else text.split(":")
    hour, seconds = int(hour), float(second)
    if not 0 <= seconds < 60:
        raise ValueError(f"seconds must be from 0 to 60, not {second}")
    if afternoon and hour < 12:
        hour += 12
    elif morning and hour == 12:
        hour = 0
    return hour, int(minute), int(seconds), int((seconds - int(seconds)) * 1e6)
