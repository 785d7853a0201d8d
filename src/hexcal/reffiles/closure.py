"""Closure: exposures that were left out of the making are calibrated with the new file, and come out as they should."""

from typing import Any

import numpy as np

from hexcal.models.dqflags import pixel
from hexcal.reffiles.maker import reference_pixels_of
from hexcal.reffiles.quality import FAIL, PASS, WARN, Row
from hexcal.reffiles.statistics import of_map

OWN_STEP = {
    "superbias": "superbias-,refpix", "dark": "dark_current-,jump", "linearity": "linearity-,jump", "reset": "reset-",
    "emicorr": "dq_init,emicorr", "ipc": "superbias-,refpix,ipc",
}  # fmt: skip
"""Types that a step takes out: what is left is measured after that step. The others are measured again."""


_POINTS = (10000.0, 15000.0, 35000.0)
"""DN"""


def split(inputs: list[Any], every: int | None) -> tuple[list[Any], list[Any]]:
    """Divide exposures into those that files are made of, and those that are left out for the closure.

    Of each kind and mode every `every`-th is left out, at least one; none where there are fewer than three.

    Parameters
    ----------
    inputs : list of Input
        In the order of time.
    every : int or None
        None: none is left out.
    """
    if every is None:
        return inputs, []
    keys = ("DETECTOR", "SUBARRAY", "READPATT", "FILTER", "NGROUPS")
    by_mode: dict[tuple[str, ...], list[Any]] = {}
    for item in inputs:
        by_mode.setdefault((item.kind, *(item.value(key) for key in keys)), []).append(item)
    left = [item for items in by_mode.values() if len(items) > 2 for item in _some(items, every)]
    return [item for item in inputs if item not in left], left


def _some(items, every):
    """One in so many, at least one; of six at least two, since some types are measured by pairs."""
    number = max(1 if len(items) < 6 else 2, len(items) // every)
    return items[-number * (len(items) // number) :: len(items) // number][:number]


def rows(kind: str, new: Any, measured: Any, limit: float = 4.0) -> list[Row]:
    """Compare what exposures that were left out give with what they should.

    Parameters
    ----------
    kind : str
        Type of the reference.
    new : DataModel
        The new file.
    measured : DataModel
        What its maker gives for the exposures that were left out, after its own step where there is one.
    limit : float
        Standard errors by which a mean may be off.

    Returns
    -------
    list of Row
    """
    compare = {
        "superbias": _nothing_left, "dark": _nothing_left, "reset": _nothing_left, "linearity": _straight,
        "mask": _nothing_new, "saturation": _same_ratio, "readnoise": _same_ratio, "gain": _same_ratio,
        "flat": _same_ratio, "persat": _same_ratio, "trapdensity": _same_ratio, "rscd": _same_groups, "ipc": _identity,
        "emicorr": _no_wave,
    }.get(kind)  # fmt: skip
    return compare(new, measured, limit) if compare is not None else []


def _good(new, measured, image):
    flags = new.dq if "dq" in new.specs and new.has("dq") else np.zeros(image.shape[-2:], np.uint32)
    flags = np.bitwise_or.reduce(flags.reshape(-1, *flags.shape[-2:]), axis=0)
    if "dq" in measured.specs and measured.has("dq"):
        own = measured.dq
        flags = flags | np.bitwise_or.reduce(own.reshape(-1, *own.shape[-2:]), axis=0)
    return (flags & np.uint32(pixel.DO_NOT_USE | pixel.HOT)) == 0


def _nothing_left(new, measured, limit):
    """What a step takes out is 0 afterwards, in every group."""
    arrays = (np.asarray(array) for array in (measured.data, measured.err, new.err))
    left, err, own = (array.reshape(-1, *array.shape[-2:]) for array in arrays)
    groups = min(len(left), len(own))
    good = _good(new, measured, left)
    reference = reference_pixels_of(measured, left.shape[-2:])
    # Rows of nothing but reference pixels, where there are some, tell the drifts of a group.
    followed = reference.all(axis=1).sum() * reference.shape[1] or reference.sum()
    worst, largest, pull = 0.0, 0.0, []
    for group in range(groups):
        values, noise = left[group].astype(float), np.hypot(err[group], own[group], dtype=float)
        used = good & np.isfinite(values) & (noise > 0)
        if used.sum() < 20:
            continue
        mean, spread = of_map(values, used)
        pull.append(of_map(values[used] / noise[used])[1])
        # What the reference pixels do not know of the drifts of a group is in the mean, not in the errors.
        error = spread * np.sqrt(1 / used.sum() + 1 / max(1, followed))
        worst, largest = max(worst, abs(mean) / error), max(largest, abs(mean))
    if not pull:
        return [Row("closure: values that can be compared", "none", "some", WARN)]
    level = Row("closure: largest mean of a group, standard errors", f"{worst:.2f}", f"below {limit:g}",
                PASS if worst < limit else FAIL)  # fmt: skip
    if not reference.any():
        # Nothing tells the drifts that all pixels share from what they should have.
        level = Row("closure: largest mean of a group", f"{largest:.2f} DN", "any: no reference pixels follow drifts")
    return [
        level,
        Row("closure: width of the pulls", f"{np.median(pull):.3f}", "0.5 to 1.5",
            PASS if 0.5 < np.median(pull) < 1.5 else WARN),
    ]  # fmt: skip


def _same_ratio(new, measured, limit):
    """What is measured again is the same."""
    values, again = np.asarray(new.data, float), np.asarray(measured.data, float)
    if values.shape != again.shape:
        return [Row("closure: shape", f"{again.shape}", f"{values.shape}", FAIL)]
    used = _good(new, measured, values) & np.isfinite(values) & np.isfinite(again) & (values != 0)
    if not used.any():
        return [Row("closure: values that can be compared", "none", "some", WARN)]
    ratio = (again[used] / values[used]).ravel()
    mean, spread = of_map(ratio)
    # Neighbours may share a box: the error is that of a hundredth of the pixels.
    error = spread / np.sqrt(max(1, used.sum() / 100)) + 1e-3
    return [
        Row("closure: measured again / file", f"{mean:.5f}", f"1 +- {limit * error:.5f}",
            PASS if abs(mean - 1) < limit * error else FAIL),
        Row("closure: scatter of the ratio", f"{spread:.5f}"),
    ]  # fmt: skip


def _straight(new, measured, limit):
    """Ramps that were corrected need no further correction: less than 0.2 % at half of the range."""
    coefficients, good = np.asarray(measured.coeffs, float), _good(new, measured, np.asarray(measured.coeffs))
    good &= (measured.dq & np.uint32(pixel.NO_LIN_CORR)) == 0
    if not good.any():
        return [Row("closure: pixels with a solution", "none", "some", WARN)]
    # Rises, not counts: the bias of MIRI is in the counts.
    at = [sum(plane * counts**power for power, plane in enumerate(coefficients)) for counts in _POINTS]
    change = (at[2] - at[1]) / (_POINTS[2] - _POINTS[1]) * (_POINTS[1] - _POINTS[0]) / (at[1] - at[0]) - 1
    mean, spread = of_map(change, good)
    return [
        Row("closure: slope at 25,000 DN over that at 12,500 DN, less 1", f"{100 * mean:.3f} %", "below 0.2 %",
            PASS if abs(mean) < 0.002 else FAIL),
        Row("closure: its scatter over the pixels", f"{100 * spread:.3f} %"),
    ]  # fmt: skip


def _nothing_new(new, measured, limit):
    """Pixels that exposures show to be bad are in the mask."""
    bad = np.uint32(pixel.DO_NOT_USE)
    extra = np.count_nonzero((measured.dq & bad) & ~(new.dq & bad)) / new.dq.size
    return [Row("closure: bad pixels that are not in the mask", f"{100 * extra:.4f} %", "below 0.1 %",
                PASS if extra < 1e-3 else FAIL)]  # fmt: skip


def _same_groups(new, measured, limit):
    numbers = [int(model.rscd_group_skip_table["group_skip"][0]) for model in (new, measured)]
    return [Row("closure: groups to leave out", f"{numbers[1]}", f"{numbers[0]}",
                PASS if abs(numbers[0] - numbers[1]) <= 1 else FAIL)]  # fmt: skip


def _identity(new, measured, limit):
    kernel = np.asarray(measured.data, float)
    middle = tuple(size // 2 for size in kernel.shape)
    neighbours = float(np.abs(np.delete(kernel.ravel(), np.ravel_multi_index(middle, kernel.shape))).max())
    return [Row("closure: coupling that is left", f"{neighbours:.5f}", "below 0.0005",
                PASS if neighbours < 5e-4 else WARN)]  # fmt: skip


def _no_wave(new, measured, limit):
    rows = []
    for name, entry in measured.tree["frequencies"].items():
        before = new.tree["frequencies"].get(name)
        if before is None:
            continue
        size = [float(np.std(np.asarray(item["phase_amplitudes"], float))) for item in (entry, before)]
        noise = float(np.mean(np.asarray(entry["phase_amplitudes_error"], float)))
        most = max(0.3 * size[1], limit * noise)
        rows.append(Row(f"closure: wave of {name} that is left", f"{size[0]:.3f} DN", f"below {most:.3f} DN",
                        PASS if size[0] < most else FAIL))  # fmt: skip
    return rows
