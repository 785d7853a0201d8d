"""Names of products: suffixes and the grammar of file names."""

import os
import re
from functools import cache
from typing import NamedTuple

from hexcal.errors import InputError
from hexcal.observatories.base import read_table

__all__ = ["ExposureName", "Suffix", "exposure_name", "parse_exposure_name", "parse_guide_star_name",
           "parse_source_name", "replace_suffix", "split_suffix", "suffixes"]  # fmt: skip

_ROOT = r"jw(?P<program>\d{5})(?P<observation>\d{3})(?P<visit>\d{3})"
_EXPOSURE = re.compile(
    _ROOT
    + r"_(?P<group>\d{2})(?P<sequence>[1-5])(?P<activity>[0-9a-z]{2})_"
    + r"(?P<exposure>\d{5})(?:-seg(?P<segment>\d{3}))?_(?P<detector>[a-z0-9]+)$"
)
_SOURCE = re.compile(
    r"jw(?P<program>\d{5})-(?P<candidate>[acor]\d{3,4})_(?P<target>t\d{3}|s\d{5,9})"
    r"(?:-epoch(?P<epoch>\d))?_(?P<instrument>[a-z]+)"
    r"(?:_(?P<elements>[a-z0-9-]+))?$"
)
_ACTIVITY = re.compile(r"(?P<stem>.+_wfscmb)-(?P<activity>\d{2})$")
_GUIDE_STAR = re.compile(
    _ROOT
    + r"_gs-(?P<mode>id_(?P<attempt>\d)_(?P<kind>image|stacked)|(?P<function>acq1|acq2|track|fg)_(?P<time>\d{13,14}))$"
)


class Suffix(NamedTuple):
    """What a suffix of a file name stands for.

    `stage` is ``1``, ``2`` or ``3``; ``step`` for the default suffix of a single step; ``former`` for names that are
    read but no longer given. `base` is ``exposure`` or ``source`` (first use). `model` is the class of the product,
    empty if there are several or it is not a FITS file.
    """

    name: str
    stage: str
    base: str
    model: str


class ExposureName(NamedTuple):
    """The parts of an exposure-based name; `segment` is None for an exposure in one piece."""

    program: str
    observation: str
    visit: str
    group: str
    sequence: str
    activity: str
    exposure: str
    segment: int | None
    detector: str
    suffix: str


@cache
def suffixes():
    """Return all known suffixes: dict of name to `Suffix`."""
    filename = os.path.join(os.path.dirname(os.path.abspath(__file__)), "suffixes.tsv")
    return {row[0]: Suffix(*row) for row in read_table(filename, ("suffix", "stage", "base", "model"))}


@cache
def _pattern():
    longest_first = sorted(suffixes(), key=len, reverse=True)
    # The shortest base, so that residual_fringe is one suffix and not "residual" followed by fringe.
    return re.compile(rf"(?P<base>.+?)(?P<separator>[_-])(?P<suffix>{'|'.join(map(re.escape, longest_first))})$")


def split_suffix(stem):
    """Split a known suffix off a file name without extension.

    Parameters
    ----------
    stem : str
        Such as ``jw..._nrca1_dq_init``.

    Returns
    -------
    base, suffix : str
        ``jw..._nrca1`` and ``dq_init``; the whole name and an empty suffix if it ends in none that is known.
    """
    match = _pattern().match(stem)
    return (match["base"], match["suffix"]) if match else (stem, "")


def replace_suffix(stem, suffix):
    """Give a file name (without extension) another suffix.

    A known suffix is replaced and the separator before it kept (guide star images are called ``..._image-uncal``); to a
    name without one the new suffix is appended after ``_``.
    """
    match = _pattern().match(stem)
    return f"{match['base']}{match['separator']}{suffix}" if match else f"{stem}_{suffix}"


def _stem(name):
    return os.path.basename(str(name)).split(".", 1)[0]


def parse_exposure_name(name):
    """Return the `ExposureName` of a stage 0-2 file name, or None if it is not one.

    The name may have a directory and an extension.

    The grammar is
    ``jw<program><observation><visit>_<group><sequence><activity>_<exposure>[-seg<NNN>]_<detector>_<suffix>``.
    """
    base, suffix = split_suffix(_stem(name))
    match = _EXPOSURE.match(base)
    if match is None:
        return None
    parts = match.groupdict()
    segment = parts.pop("segment")
    return ExposureName(**parts, segment=int(segment) if segment else None, suffix=suffix)


def exposure_name(
    program, observation, visit, exposure, detector, suffix, *, group=2, sequence=1, activity="01", segment=None
):
    """Return the file name (without extension) of an exposure-based product.

    Parameters
    ----------
    program, observation, visit, exposure, group, sequence : int
        Numbers, written with 5, 3, 3, 5, 2 and 1 digits.
    detector, suffix : str
        Written in lower case.
    activity : str
        Two digits to the base 36.
    segment : int, optional
        Number of the segment from 1.

    Raises
    ------
    InputError
        If the parts do not make a legal name.
    """
    part = "" if segment is None else f"-seg{segment:03d}"
    root = f"jw{program:05d}{observation:03d}{visit:03d}"
    stem = f"{root}_{group:02d}{sequence:d}{activity.lower()}_{exposure:05d}{part}_{detector.lower()}"
    if not _EXPOSURE.match(stem):
        raise InputError(
            f"'{stem}' is not a valid name of an exposure",
            hint="jw<ppppp><ooo><vvv>_<gg><s><aa>_<eeeee>[-segNNN]_<detector>",
        )
    return f"{stem}_{suffix}"


def parse_source_name(name):
    """Return the parts of a stage 3 file name as a dict, or None if it is not one.

    The grammar is ``jw<program>-<candidate>_<tNNN or sNNNNN>[-epoch<X>]_<instrument>_<optical
    elements>[-<subarray>]_<suffix>[-<activity>]``. Keys: program, candidate, target, epoch, instrument, elements,
    suffix, activity (two digits, of wavefront sensing only); what is absent is None.
    """
    stem = _stem(name)
    of_activity = _ACTIVITY.match(stem)
    base, suffix = split_suffix(of_activity["stem"] if of_activity else stem)
    match = _SOURCE.match(base)
    activity = of_activity["activity"] if of_activity else None
    return {**match.groupdict(), "suffix": suffix, "activity": activity} if match else None


def parse_guide_star_name(name):
    """Return the parts of a guide star file name as a dict, or None if it is not one.

    Keys: program, observation, visit, attempt and kind (identification), function and time (acquisition, track, fine
    guiding), suffix.
    """
    base, suffix = split_suffix(_stem(name))
    match = _GUIDE_STAR.match(base)
    if match is None:
        return None
    parts = match.groupdict()
    del parts["mode"]
    return {**parts, "suffix": suffix}
