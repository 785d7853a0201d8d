"""The exposures of a programme: files found in folders, known by their headers alone."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hexcal import observatories
from hexcal.errors import HexcalError, InputError
from hexcal.models import formats
from hexcal.references.header_cards import read_header

LEVELS = ("uncal", "rateints", "rate", "calints", "cal")
"""Suffixes of exposures that a programme may start from, the earliest first."""


@dataclass(frozen=True)
class Exposure:
    """One exposure of one detector.

    Attributes
    ----------
    path : pathlib.Path
        Its file.
    root : str
        Its name without suffix: ``jw00042001001_02101_00001_nrca1``.
    level : str
        One of `LEVELS`.
    header : Mapping
        Primary header: keyword -> value (``get`` is all that is asked for).
    """

    path: Path
    root: str
    level: str
    header: Any = field(repr=False, compare=False)

    def __str__(self):
        return self.path.name

    @property
    def exposure_type(self) -> str:
        """Value of EXP_TYPE in capitals; empty where there is none."""
        return str(self.header.get("EXP_TYPE") or "").strip().upper()

    @property
    def is_tso(self) -> bool | None:
        """Value of TSOVISIT; None where the header does not say."""
        return self.header.get("TSOVISIT")

    @property
    def observatory(self):
        """The `Observatory` that it was made with; JWST where the header does not say."""
        return observatories.of_header(self.header, default="jwst")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Size of the data by the header: (nints, ngroups, ny, nx); 1 where the header does not say."""
        names = ("NINTS", "NGROUPS", "SUBSIZE2", "SUBSIZE1")
        n_ints, n_groups, n_rows, n_columns = (int(self.header.get(name) or 1) for name in names)
        return n_ints, n_groups, n_rows, n_columns


@dataclass(frozen=True)
class Rejected:
    """A file of which nothing is made, and why."""

    path: Path
    reason: str


def collect(sources: Iterable[str | os.PathLike[str]], but: Path | None = None):
    """Find exposures.

    Parameters
    ----------
    sources : iterable of path-like
        Files, and folders, which are searched with all that is below them.
    but : pathlib.Path, optional
        A folder that is not searched: where the products go.

    Returns
    -------
    exposures : list of Exposure
        In the order of their names. Of an exposure that is there at several levels, the earliest.
    rejected : list of Rejected
        Files that cannot be read.

    Raises
    ------
    InputError
        If a source does not exist, or there is no exposure at all.
    """
    paths: dict[Path, None] = {}
    # Workers have folders of their own to work in, and the ledger must know an exposure again.
    sources = [Path(os.path.abspath(source)) for source in sources]
    for source in sources:
        if not source.exists():
            raise InputError("the file or folder does not exist", where=str(source))
        for path in _below(source, but) if source.is_dir() else [source]:
            paths.setdefault(path)
    exposures, rejected = {}, []
    for path in paths:
        try:
            exposure = _read(path)
        except HexcalError as error:
            rejected.append(Rejected(path, error.message))
            continue
        former = exposures.get(exposure.root)
        if former is None or LEVELS.index(exposure.level) < LEVELS.index(former.level):
            exposures[exposure.root] = exposure
    if not exposures and not rejected:
        raise InputError(
            f"there are no exposures ({', '.join(f'*_{level}.fits' for level in LEVELS[:3])} ...)",
            where=", ".join(map(str, sources)),
        )
    return sorted(exposures.values(), key=lambda exposure: exposure.root), rejected


def _below(folder, but):
    """Yield the files below a folder whose names are those of exposures."""
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (but is None or not _is(Path(place, name), but))
        )
        for name in sorted(names):
            if not name.startswith(".") and split(name)[1]:
                yield Path(place, name)


def _is(path, other):
    return path.resolve() == other.resolve()


def split(name: str) -> tuple[str, str]:
    """Split the name of a file into root and level; the level is empty where it is not that of an exposure."""
    stem, extension = formats.split(name)
    root, _, level = stem.rpartition("_")
    is_exposure = extension.startswith(".fits") and level.lower() in LEVELS and bool(root)
    return (root, level.lower()) if is_exposure else (stem, "")


def _read(path):
    root, level = split(path.name)
    if not level:
        raise InputError(f"the name of an exposure ends with {', '.join(f'_{name}.fits' for name in LEVELS)}")
    return Exposure(path, root, level, read_header(str(path)))
