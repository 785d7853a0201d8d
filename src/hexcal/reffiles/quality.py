"""Statistics of a reference file, and whether they lie within limits."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import ParameterError, nearest
from hexcal.models import dqflags
from hexcal.reffiles.statistics import of_map

PASS, WARN, FAIL = "pass", "warn", "fail"
STATISTICS = ("mean", "median", "spread", "no_value")
"""Of the values of a file; besides there is the share of pixels with each flag, ``flag.NAME``."""


@dataclass(frozen=True)
class Row:
    """One thing that was looked at: what was found, what is expected, and the verdict."""

    name: str
    value: str
    expected: str = ""
    verdict: str = PASS


@dataclass
class Check:
    """What was found of one reference file.

    Attributes
    ----------
    label : str
        Its maker.
    path : pathlib.Path
        The file.
    rows : list of Row
        What was looked at.
    pictures : list of (str, str)
        Pictures as URLs with data, and what they show.
    """

    label: str
    path: Path
    rows: list[Row] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether something is wrong."""
        return any(row.verdict == FAIL for row in self.rows)

    def lines(self) -> list[str]:
        """Return a line for each thing that is not as expected."""
        return [
            f"{self.label}: {row.verdict}: {row.name} is {row.value}, expected {row.expected}"
            for row in self.rows
            if row.verdict != PASS
        ]


def statistics(model: Any) -> dict[str, float]:
    """Return the statistics of a reference file.

    mean, median and spread (clipped standard deviation) of its values without flags; ``no_value``, the share of pixels
    without one; ``flag.NAME``, the share of pixels with a flag.
    """
    result: dict[str, float] = {}
    name = next((name for name in ("data", "coeffs") if name in model.specs and model.has(name)), None)
    flags = model.dq if "dq" in model.specs and model.has("dq") else None
    flat: Any = None
    if flags is not None:
        flat = np.bitwise_or.reduce(flags.reshape(-1, *flags.shape[-2:]), axis=0)
        for bit in range(32):
            share = np.count_nonzero(flat & np.uint32(1 << bit)) / flat.size
            if share:
                result[f"flag.{(dqflags.names_of(1 << bit) or [f'bit {bit}'])[0]}"] = share
    if name is None:
        return result
    shape = model.shape_of(name)
    image = model.read(name, np.s_[..., :, :] if len(shape) == 2 else (*([-1] * (len(shape) - 2)), np.s_[:], np.s_[:]))
    image = np.asarray(image, float).reshape(shape[-2:])
    good = np.isfinite(image)
    if flat is not None and flat.shape == image.shape:
        good &= (flat & np.uint32(1)) == 0
    result["no_value"] = float(1 - np.isfinite(image).mean())
    result["mean"], result["spread"] = of_map(image, good)
    result["median"] = float(np.median(image[good])) if good.any() else float("nan")
    return result


def require_limits(limits: dict[str, Any], where: str) -> None:
    """Check limits before there is a file that they can be compared with.

    Parameters
    ----------
    limits : dict
        As of `judged`.
    where : str
        For messages.

    Raises
    ------
    ParameterError
        If a limit is of a statistic that there is not, or is no range.
    """
    for name, given in limits.items():
        flag = str(name).removeprefix("flag.")
        known = [f"flag.{each}" for each in dqflags.pixel] if flag != name else STATISTICS
        if name not in known and not flag.startswith("bit "):
            raise _no_statistic(str(name), [*STATISTICS, *known], f"{', '.join(STATISTICS)}, flag.HOT", where)
        ranges = given if isinstance(given, dict) else {FAIL: given}
        level = next((level for level in ranges if level not in (FAIL, WARN)), None)
        if level is not None:
            raise ParameterError(f"{name} has limits of '{level}': there are {WARN} and {FAIL}", where=where)
        for limit in ranges.values():
            if limit is not None:
                _range(limit, name, where)


def _no_statistic(name, known, listed, where):
    guess = nearest(name, known)
    return ParameterError(
        f"there is no statistic '{name}'", where=where, hint=f"did you mean '{guess}'?" if guess else listed
    )


def judged(figures: dict[str, float], limits: dict[str, Any], where: str) -> list[Row]:
    """Return a row for each statistic, with a verdict where there are limits.

    Parameters
    ----------
    figures : dict of str to float
        As of `statistics`; chi-square and the like may be added.
    limits : dict
        Statistic -> [least, most], or {warn: [least, most], fail: [least, most]}; None for no limit on a side.
    where : str
        For messages.

    Raises
    ------
    ParameterError
        If a limit is of a statistic that there is not, or is no range.
    """
    for name in limits:
        if name not in figures and not name.startswith("flag."):
            raise _no_statistic(name, figures, ", ".join(figures), where)
    rows = []
    for name in [*figures, *(name for name in limits if name not in figures)]:
        value, given = figures.get(name, 0.0), limits.get(name)
        ranges = given if isinstance(given, dict) else {FAIL: given} if given is not None else {}
        ranges = {level: _range(ranges[level], name, where) for level in (FAIL, WARN) if ranges.get(level) is not None}
        verdict = next((level for level, (low, high) in ranges.items() if not low <= value <= high), PASS)
        text = "; ".join(f"{level} outside {low:g} to {high:g}" for level, (low, high) in ranges.items())
        rows.append(Row(name, f"{value:.6g}", text, verdict))
    return rows


def _range(given, name, where):
    try:
        low, high = given
        return (-np.inf if low is None else float(low)), (np.inf if high is None else float(high))
    except (TypeError, ValueError) as error:
        raise ParameterError(f"the limits of {name} must be [least, most], got {given!r}", where=where) from error
