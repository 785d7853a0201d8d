"""How two products differ: keywords, arrays, tables; in words, in numbers, and as a picture."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.files import gate
from hexcal.files.atomic import atomic

IGNORED = (
    *("DATE", "FILENAME", "CAL_VER", "CAL_VCS", "CHECKSUM", "DATASUM", "PCOUNT", "NEXTEND", "HISTORY", "COMMENT"),
    "",
)
"""Keywords that say when, where and by which version a product was made, not what is in it."""
_NOT_COMPARED = ("ASDF",)
"""Extensions whose text holds times and paths of the run."""
_FLAGS = ("DQ", "PIXELDQ", "GROUPDQ")


@dataclass(frozen=True)
class Tolerance:
    """What numbers may differ by: ``absolute + relative * |value of the second product|``."""

    relative: float = 0.0
    absolute: float = 0.0


@dataclass
class Difference:
    """How one thing differs.

    Attributes
    ----------
    where : str
        Extension, and keyword or column.
    text : str
        In words.
    """

    where: str
    text: str

    def __str__(self):
        return f"{self.where}: {self.text}"


@dataclass
class Comparison:
    """What was found.

    Attributes
    ----------
    differences : list of Difference
    compared : int
        Extensions that both products have.
    images : dict
        Name of an extension that differs -> its two images, for the picture.
    """

    differences: list = field(default_factory=list)
    compared: int = 0
    images: dict = field(default_factory=dict)

    def note(self, where, text):
        """Add a difference."""
        self.differences.append(Difference(where, text))


def compare(first, second, tolerance: Tolerance | None = None, ignored: Iterable[str] = ()) -> Comparison:
    """Compare two products.

    Parameters
    ----------
    first, second : path-like
        FITS files, or catalogues in ECSV.
    tolerance : Tolerance
        Of numbers in arrays, tables and keywords; flags and texts must be equal. Two values that are NaN are equal.
    ignored : iterable of str
        Keywords, columns and extensions that are not compared, besides `IGNORED`.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    tolerance, ignored = tolerance or Tolerance(), {*IGNORED, *(name.upper() for name in ignored)}
    result = Comparison()
    kinds = {Path(path).suffix.lower() == ".ecsv" for path in (first, second)}
    if kinds == {True}:
        _tables(result, "catalogue", _catalogue(first), _catalogue(second), tolerance, ignored)
        result.compared = 1
        return result
    if kinds == {True, False}:
        raise InputError("a catalogue and a FITS file cannot be compared", where=f"{first}, {second}")
    with _opened(first) as left, _opened(second) as right:
        ours, theirs = _by_name(left), _by_name(right)
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            if name.partition(",")[0] in _NOT_COMPARED or name.partition(",")[0] in ignored:
                continue
            if name not in ours or name not in theirs:
                owner, other = (Path(first), Path(second)) if name in ours else (Path(second), Path(first))
                result.note(name, f"only in {owner if owner.name == other.name else owner.name}")
                continue
            result.compared += 1
            _headers(result, name, ours[name].header, theirs[name].header, tolerance, ignored)
            _data(result, name, ours[name].data, theirs[name].data, tolerance, ignored)
    return result


def _require_file(path):
    if os.path.isdir(path):
        raise InputError("a file is required, this is a folder", where=str(path), hint="name two files")
    if not os.path.isfile(path):
        raise InputError("the file does not exist", where=str(path))


def _opened(path):
    from astropy.io import fits

    _require_file(path)
    gate.reading(path, "product that is compared")
    try:
        return fits.open(path)
    except OSError as error:
        raise InputError(f"not a FITS file that can be read: {error}", where=str(path)) from error


def _catalogue(path):
    from astropy.table import Table

    _require_file(path)
    gate.reading(path, "catalogue that is compared")
    table = Table.read(path, format="ascii.ecsv")
    return {name: np.ma.getdata(table[name]) for name in table.colnames}


def _by_name(hdus):
    """HDUs by name and number: ``SCI``, ``SCI,2``."""
    counts: dict[str, int] = {}
    named = {}
    for hdu in hdus:
        name = hdu.name or "PRIMARY"
        counts[name] = counts.get(name, 0) + 1
        named[name if counts[name] == 1 else f"{name},{counts[name]}"] = hdu
    return named


def _headers(result, where, ours, theirs, tolerance, ignored):
    for keyword in dict.fromkeys([*ours, *theirs]):
        if keyword.upper() in ignored:
            continue
        if (keyword in ours) != (keyword in theirs):
            result.note(f"{where} {keyword}", f"{ours.get(keyword, 'absent')} | {theirs.get(keyword, 'absent')}")
            continue
        own, their = ours[keyword], theirs[keyword]
        if own != their and not _close(own, their, tolerance):
            result.note(f"{where} {keyword}", f"{own} | {their}")


def _close(own, their, tolerance):
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (own, their))
    return numbers and abs(own - their) <= tolerance.absolute + tolerance.relative * abs(their)


def _data(result, where, ours, theirs, tolerance, ignored):
    if ours is None or theirs is None:
        if ours is not theirs:
            result.note(
                where, f"{'no data' if ours is None else ours.shape} | {'no data' if theirs is None else theirs.shape}"
            )
        return
    if ours.dtype.names is not None and theirs.dtype.names is not None:
        _tables(result, where, _columns(ours), _columns(theirs), tolerance, ignored)
        return
    if ours.dtype.names is not None or theirs.dtype.names is not None or ours.shape != theirs.shape:
        result.note(where, f"{_shape(ours)} | {_shape(theirs)}")
        return
    text = _values(np.asarray(ours), np.asarray(theirs), tolerance, where.partition(",")[0] in _FLAGS)
    if text:
        result.note(where, text)
        if ours.ndim >= 2:
            result.images[where] = (np.asarray(ours), np.asarray(theirs))


def _columns(table):
    return {name: table[name] for name in table.dtype.names}


def _shape(data):
    return f"table of {len(data)} rows" if data.dtype.names else " x ".join(map(str, data.shape))


def _tables(result, where, ours, theirs, tolerance, ignored):
    for name in dict.fromkeys([*ours, *theirs]):
        if name.upper() in ignored:
            continue
        if name not in ours or name not in theirs:
            result.note(f"{where} {name}", f"only in the {'first' if name in ours else 'second'}")
        elif np.shape(ours[name]) != np.shape(theirs[name]):
            result.note(f"{where} {name}", f"{np.shape(ours[name])} | {np.shape(theirs[name])}")
        else:
            text = _values(np.asarray(ours[name]), np.asarray(theirs[name]), tolerance, name.upper() in _FLAGS)
            if text:
                result.note(f"{where} {name}", text)


def _values(ours: Any, theirs: Any, tolerance, is_flags) -> str | None:
    """How two arrays of one shape differ, in words; None if they agree."""
    if ours.dtype.kind not in "iufb" or theirs.dtype.kind not in "iufb":
        differ = ours.astype(str) != theirs.astype(str)
        return f"{np.count_nonzero(differ)} of {differ.size} texts differ" if differ.any() else None
    if is_flags:
        return _flags(ours, theirs)
    first, second = ours.astype(np.float64), theirs.astype(np.float64)
    gap = np.abs(first - second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        differ = ~same & ~(gap <= tolerance.absolute + tolerance.relative * np.abs(second))
    if not differ.any():
        return None
    only_nan = np.count_nonzero(np.isnan(first) != np.isnan(second))
    finite = differ & np.isfinite(gap)
    words = [f"{np.count_nonzero(differ)} of {differ.size} values differ"]
    if finite.any():
        place = np.unravel_index(int(np.argmax(np.where(finite, gap, -1.0))), gap.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.max(np.where(finite & (second != 0), gap / np.abs(second), 0.0))
        words.append(
            f"by up to {gap[place]:.3g} (relative {relative:.3g}); the largest at index "
            f"{[int(index) for index in place]}, from 0: "
            f"{first[place]:.7g} | {second[place]:.7g}"
        )
    if only_nan:
        words.append(f"{only_nan} are NaN in one of them only")
    return ", ".join(words)


def _flags(ours, theirs):
    from hexcal.models import dqflags

    changed = ours.astype(np.uint32) ^ theirs.astype(np.uint32)
    if not changed.any():
        return None
    names = [
        f"{(dqflags.names_of(1 << bit) or [f'bit {bit}'])[0]} {count}"
        for bit in range(32)
        if (count := int(np.count_nonzero(changed & np.uint32(1 << bit))))
    ]
    return f"{np.count_nonzero(changed)} of {changed.size} differ: {', '.join(names)}"


def picture(comparison: Comparison, output, titles) -> str | None:
    """Draw the images that differ: both, and their difference.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    output : path-like
        Picture.
    titles : (str, str)
        Names of the products.

    Returns
    -------
    str or None
        Its path; None if no image differs.
    """
    if not comparison.images:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4.6 * len(comparison.images)), dpi=90, layout="constrained")
    rows = figure.subplots(len(comparison.images), 3, squeeze=False)
    for axes, (name, pair) in zip(rows, comparison.images.items(), strict=True):
        first, second = (_plane(image) for image in pair)
        shown = zip(axes, (first, second, first - second), (*titles, "first - second"), strict=True)
        for axis, image, title in shown:
            low, high = _range(image)
            drawn = axis.imshow(image, origin="lower", vmin=low, vmax=high, interpolation="nearest")
            axis.set_title(f"{name}: {title}", fontsize=9)
            figure.colorbar(drawn, ax=axis)
    with atomic(output) as stream:
        figure.savefig(stream, format=Path(output).suffix.lstrip(".") or "png")
    return os.fspath(output)


def _plane(image):
    """The first image of a stack, as floats."""
    return np.asarray(image, dtype=np.float64).reshape(-1, *image.shape[-2:])[0]


def _range(image):
    good = image[np.isfinite(image)]
    if not good.size:
        return 0.0, 1.0
    low, high = np.percentile(good, (1, 99))
    return (float(low), float(high)) if high > low else (float(good.min()), float(good.max()) + 1e-30)


def lines(comparison: Comparison) -> Iterator[str]:
    """Yield the lines that tell a comparison."""
    yield from map(str, comparison.differences)
    number = len(comparison.differences)
    yield f"{number} differences" if number else f"no differences in {comparison.compared} extensions"
