"""The exposures that reference files are made of, known by their headers: kind, time, keywords, steps done."""

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astropy.time import Time

from hexcal import observatories
from hexcal.errors import HexcalError, InputError
from hexcal.models.fits_scan import scan
from hexcal.references.header_cards import read_header

REQUIRED = ("INSTRUME", "DETECTOR", "NGROUPS", "NINTS", "TGROUP", "SUBARRAY")
OPTIONAL = ("FILTER", "PUPIL")
_ENDINGS = (".fits", ".fits.gz")


@dataclass(frozen=True)
class Selection:
    """What is taken of the files that are given, and how their headers are read.

    Attributes
    ----------
    basename_pattern : str or None
        Regular expression that the name of a file must match.
    dark_pattern, flat_pattern : str or None
        Regular expressions on names, for data whose headers do not say what they are; they win over EXP_TYPE.
    time_keywords : tuple of str
        Keywords that hold the time instead of the usual ones: one of a date and time (or MJD), or of a date and one of
        a time.
    required, optional : tuple of str
        Keywords that every exposure must have, or may have; both are columns of the table of inputs.
    """

    basename_pattern: str | None = None
    dark_pattern: str | None = None
    flat_pattern: str | None = None
    time_keywords: tuple[str, ...] = ()
    required: tuple[str, ...] = REQUIRED
    optional: tuple[str, ...] = OPTIONAL


@dataclass(frozen=True)
class Input:
    """One calibration exposure.

    Attributes
    ----------
    path : pathlib.Path
        Its file.
    kind : str
        ``dark``, ``flat``, or another name that a pattern gives.
    mjd : float
        Time of its beginning, MJD in days.
    header : Mapping
        Primary header.
    steps : dict of str to str
        Step -> status, for the steps that the header tells of.
    """

    path: Path
    kind: str
    mjd: float
    header: Any = field(repr=False, compare=False)
    steps: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def identity(self) -> tuple[str, ...]:
        """What is the same for all products of one exposure of one detector."""
        name = self.path.name
        root = re.sub(r"_[a-z0-9]+\.fits(\.gz)?$", "", name)
        names = ("EXPOSURE", "DETECTOR", "EXPSTART", "NINTS", "NGROUPS")
        return (self.kind, str(self.header.get("OBS_ID") or root), *(self.value(name) for name in names))

    def value(self, keyword: str) -> str:
        """Return the value of a keyword as text; empty where there is none."""
        value = self.header.get(keyword)
        return "" if value is None else str(value).strip()


_NAMED = 3
"""So many files that are not used for the same reason are named one by one."""


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used, and why."""

    path: Path
    reason: str


def told(left_out: Iterable[LeftOut]) -> list[str]:
    """Return a line for each reason why files are not used; many files of one reason are counted."""
    by_reason: dict[str, list[str]] = {}
    for item in left_out:
        by_reason.setdefault(item.reason, []).append(item.path.name)
    return [
        f"not used: {', '.join(names) if len(names) <= _NAMED else f'{len(names)} files, {names[0]} to {names[-1]}'}: "
        f"{reason}"
        for reason, names in by_reason.items()
    ]


def read_inputs(sources: Iterable[str | os.PathLike[str]], selection: Selection | None = None):
    """Read the headers of calibration exposures.

    Parameters
    ----------
    sources : iterable of path-like
        Files, globs, folders, and text files (``.txt``, ``.lst``, ``.list``) that list such.
    selection : Selection
        What is taken of them.

    Returns
    -------
    inputs : list of Input
        In the order of time and name.
    left_out : list of LeftOut
        Files that are not used.

    Raises
    ------
    InputError
        If keywords that are required are absent, in one message for all files; or if nothing is left.
    """
    selection = selection or Selection()
    inputs, left_out, absent = {}, [], {}
    for path in _files(sources):
        if selection.basename_pattern and not re.search(selection.basename_pattern, path.name):
            left_out.append(LeftOut(path, f"its name does not match {selection.basename_pattern}"))
            continue
        try:
            exposure = exposure_of(path, selection)
            _require_whole(path)
        except HexcalError as error:
            left_out.append(LeftOut(path, error.message))
            continue
        missing = [name for name in selection.required if not exposure.value(name)]
        if missing:
            absent[path.name] = missing
        elif exposure.identity in inputs:
            former = inputs[exposure.identity]
            left_out.append(LeftOut(path, f"the same exposure as {former.path.name}"))
        else:
            inputs[exposure.identity] = exposure
    if absent:
        texts = [f"{name}: {', '.join(keys)}" for name, keys in absent.items()]
        raise InputError(
            f"keywords are absent: {'; '.join(texts)}",
            hint="name other keywords in requiredfitskeys, or leave these files out",
        )
    if not inputs:
        reasons = [f"{item.path.name}: {item.reason}" for item in left_out[:3]]
        raise InputError("no exposure is left to make reference files from", where="; ".join(reasons) or None)
    return sorted(inputs.values(), key=lambda item: (item.mjd, item.path.name)), left_out


def table_of(inputs: Iterable[Input], left_out: Iterable[LeftOut], selection: Selection, used: dict[Path, str]) -> Any:
    """Return the table of inputs: one row for each file, used or not.

    Parameters
    ----------
    inputs, left_out
        As `read_inputs` returns them.
    selection : Selection
        Its required and optional keywords are columns.
    used : dict of pathlib.Path to str
        What an input is used for: labels of makers.

    Returns
    -------
    astropy.table.Table
        Columns file, kind, mjd, steps, used_for, reason, and the keywords.
    """
    from astropy.table import Table

    keys = (*selection.required, *selection.optional)
    names = ("file", "kind", "mjd", "steps", "used_for", "reason", *keys)
    rows = [
        (
            *(str(item.path), item.kind, item.mjd, " ".join(f"{step}:{status}" for step, status in item.steps.items())),
            *(used.get(item.path, ""), "", *(item.value(key) for key in keys)),
        )
        for item in inputs
    ]
    rows += [(str(item.path), "", float("nan"), "", "", item.reason, *("" for _ in keys)) for item in left_out]
    return Table(rows=rows, names=names)


def _files(sources, lists=()):
    """All files that are meant, each once; `lists` are the lists that name them."""
    paths: dict[Path, None] = {}
    for source in sources:
        text = str(source)
        path = Path(source)
        if path.is_dir():
            names = sorted(child for child in path.iterdir() if child.name.endswith(_ENDINGS))
        elif path.suffix in (".txt", ".lst", ".list") and path.is_file():
            names = _files(_listed(path, lists), (*lists, path.resolve()))
        elif glob.has_magic(text) and not path.exists():
            names = [Path(name) for name in sorted(glob.glob(text))]
        else:
            names = [path]
        if not names:
            raise InputError("there are no files", where=text)
        paths.update(dict.fromkeys(names))
    return list(paths)


def _listed(path, lists):
    """What a list names, from its own folder."""
    if path.resolve() in lists:
        raise InputError("a list of exposures names itself", where=" -> ".join(each.name for each in (*lists, path)))
    try:
        words = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        hint = "one path in each line"
        raise InputError(
            "a list of exposures is no text in UTF-8", where=f"{path}, byte {error.start}", hint=hint
        ) from error
    return [path.parent / word for word in words if word]


def _require_whole(path):
    """Raise InputError if a file ends before its data do: it would fail later, and with it all of its group."""
    if path.suffix == ".fits":
        with open(path, "rb") as stream:
            scan(stream, os.fstat(stream.fileno()).st_size, path)


def exposure_of(path: Path, selection: Selection) -> Input:
    """Return what the header of one exposure says.

    Raises
    ------
    InputError
        If it is no calibration exposure, or does not say when it was taken.
    """
    header = read_header(str(path))
    return Input(path, _kind(path, header, selection), _mjd(header, selection.time_keywords), header, _steps(header))


def _kind(path, header, selection):
    for kind, pattern in (("dark", selection.dark_pattern), ("flat", selection.flat_pattern)):
        if pattern and re.search(pattern, path.name):
            return kind
    exposure_type = str(header.get("EXP_TYPE") or "").strip().upper()
    kind = observatories.of_header(header, default="jwst").calibration_kinds.get(exposure_type)
    if kind is None:
        actual = f"EXP_TYPE {exposure_type}" if exposure_type else "no EXP_TYPE"
        raise InputError(
            f"neither a dark nor a flat ({actual})",
            hint="set dark_pattern and flat_pattern, which tell darks from flats by their names",
        )
    return kind


def _mjd(header, keywords):
    """Time of an exposure as MJD: by the keywords that are named, else EXPSTART, DATE-BEG, DATE-OBS with TIME-OBS."""
    if keywords:
        date, *time = (str(header.get(name) or "").strip() for name in keywords)
        if not date:
            raise InputError(f"the keyword {keywords[0]}, which is to give the time, is absent")
        try:
            return float(date)
        except ValueError:
            # A keyword of a date that holds the time as well needs none beside it.
            return _of_iso(date if "T" in date else f"{date}T{(time or ['00:00:00'])[0] or '00:00:00'}", keywords)
    if header.get("EXPSTART") is not None:
        return float(header.get("EXPSTART"))
    begin, date = (str(header.get(name) or "").strip() for name in ("DATE-BEG", "DATE-OBS"))
    if begin:
        return _of_iso(begin, ("DATE-BEG",))
    if date:
        return _of_iso(f"{date}T{str(header.get('TIME-OBS') or '00:00:00').strip()}", ("DATE-OBS", "TIME-OBS"))
    raise InputError("the header does not say when it was taken (EXPSTART, DATE-BEG, DATE-OBS)")


def _of_iso(text, keywords):
    try:
        time: Any = Time(text.replace(" ", "T"), format="isot", scale="utc")
        return float(time.mjd)
    except ValueError as error:
        raise InputError(f"not a time: {text}", where=", ".join(keywords)) from error


def _steps(header):
    """Status of each step that the header tells of."""
    observatory = observatories.of_header(header, default="jwst")
    status = {}
    for row in observatory.keywords:
        if row.path.startswith("meta.cal_step.") and header.get(row.keyword):
            status[row.path.rpartition(".")[2]] = str(header.get(row.keyword)).strip().upper()
    return status
