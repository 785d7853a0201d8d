"""How far new reference files are from the truth, where it is known: in a simulation."""

from typing import Any

import numpy as np

from hexcal.models.dqflags import pixel
from hexcal.reffiles.maker import reference_pixels_of
from hexcal.reffiles.quality import Row
from hexcal.reffiles.statistics import of_map

_RATIOS = ("gain", "readnoise", "flat", "persat", "saturation")
_BAD = ("DEAD", "HOT", "LOW_QE", "OPEN", "ADJ_OPEN", "RC", "TELEGRAPH", "OTHER_BAD_PIXEL")


def rows(kind: str, new: Any, true: Any, well: float | None = None) -> list[Row]:
    """Return figures of a file against the true one.

    Parameters
    ----------
    kind : str
        Type of the reference.
    new, true : DataModel
        The file, and the truth.
    well : float, optional
        Counts up to which a linearity correction is compared, DN; default 40,000.
    """
    if kind == "mask":
        return _flags(new, true)
    if kind == "linearity":
        return _linearity(new, true, well or 40000.0)
    if kind == "rscd":
        numbers = [int(model.rscd_group_skip_table["group_skip"][0]) for model in (new, true)]
        return [Row("truth: groups to leave out", str(numbers[0]), str(numbers[1]))]
    if "data" not in new.specs or not true.has("data"):
        return []
    return _values(kind, new, true)


def pulls(kind: str, new: Any, true: Any) -> Any:
    """Return (new - true) / error of each pixel, float (ny, nx), of the last group; None where there are no errors."""
    if kind in ("mask", "linearity", "rscd") or "err" not in new.specs or not new.has("err"):
        return None
    value, truth = _last(new.data), _last(true.data)
    err = _last(new.err)
    if value.shape != truth.shape:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(_usable(new, value.shape) & (err > 0), (value - truth) / err, np.nan)


def _last(array):
    array = np.asarray(array)
    return array.reshape(-1, *array.shape[-2:])[-1].astype(float)


def _usable(model, shape):
    if "dq" not in model.specs or not model.has("dq"):
        return np.ones(shape, bool)
    flags = np.bitwise_or.reduce(model.dq.reshape(-1, *model.dq.shape[-2:]), axis=0)
    # Reference pixels have none of these quantities.
    return (flags & np.uint32(pixel.DO_NOT_USE | pixel.REFERENCE_PIXEL)) == 0


def _values(kind, new, true):
    value, truth = _last(new.data), _last(true.data)
    if value.shape != truth.shape:
        return [Row("truth: shape", str(value.shape), str(truth.shape))]
    good = _usable(new, value.shape) & np.isfinite(value) & np.isfinite(truth)
    if kind in _RATIOS:
        good &= truth != 0
        mean, spread = of_map(np.divide(value, truth, where=good, out=np.ones_like(value)), good)
        result = [Row("truth: file / truth", f"{mean:.5f}", "1"), Row("truth: scatter of the ratio", f"{spread:.5f}")]
    else:
        if kind == "superbias":
            # What the reference pixels share with the others is taken out by the step refpix, whatever it is.
            value = value - _level(value - truth, new)
        mean, spread = of_map(value - truth, good)
        result = [Row("truth: file - truth", f"{mean:.4f}", "0"), Row("truth: scatter", f"{spread:.4f}")]
    pull = pulls(kind, new, true)
    if pull is not None:
        middle, width = of_map(pull[good])
        result.append(Row("truth: pulls, mean and width", f"{middle:.3f}, {width:.3f}", "0, 1"))
    return result


def _level(difference, new):
    """Mean difference in the reference pixels; 0 where there are none."""
    reference = reference_pixels_of(new, difference.shape)
    return of_map(difference, reference)[0] if reference.any() else 0.0


def _flags(new, true):
    result = []
    science = (true.dq & np.uint32(pixel.REFERENCE_PIXEL)) == 0
    for name in _BAD:
        bit = np.uint32(pixel[name])
        there, seen = (true.dq & bit) != 0, (new.dq & bit) != 0
        if not there.any() and not seen.any():
            continue
        share = f"{100 * (seen & there).sum() / max(1, there.sum()):.2f} % of {there.sum()}"
        false = np.count_nonzero(seen & ~there & science)
        result.append(Row(f"truth: {name} found; false", f"{share}; {100 * false / science.sum():.4f} % ({false})"))
    return result


def _linearity(new, true, well):
    good = (new.dq & np.uint32(pixel.NO_LIN_CORR | pixel.DO_NOT_USE)) == 0
    counts = np.linspace(0.1, 0.9, 9) * well
    ratio = np.array([_corrected(new.coeffs, at) / _corrected(true.coeffs, at) for at in counts])
    scale = ratio[0]
    worst = np.abs(ratio / scale - 1).max(axis=0)[good]
    if not worst.size:
        return []
    return [
        Row("truth: scale at the low end", f"{np.median(scale[good]):.5f}", "1"),
        Row("truth: largest relative error, median and 95 %",
            f"{100 * np.median(worst):.3f} %, {100 * np.percentile(worst, 95):.3f} %", "0.3 %, 0.6 %"),
    ]  # fmt: skip


def _corrected(coefficients, counts):
    coefficients = np.asarray(coefficients, float)
    return sum(coefficients[power] * counts**power for power in range(len(coefficients)))
