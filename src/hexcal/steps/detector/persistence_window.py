"""Persistence by a time window, as release 3.0.0 has it.

Groups soon after much light are flagged, also in the next exposures.
"""

from pathlib import Path

import numpy as np

from hexcal.errors import InputError
from hexcal.models.dqflags import group

_SECONDS_PER_DAY = 86400.0
_UNIX_EPOCH = 40587.0
"""MJD."""


def flag_window(data, group_dq, times, window, threshold=None, discard=False, end=None, threads=None):
    """Flag groups within a time after much light, in place.

    A window opens with a group whose signal is above the threshold, and again when it has passed and the signal still
    is; and with the first saturated group of a pixel in an integration. Groups that end before the window does, or with
    it, are flagged PERSISTENCE.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        Only read.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Gets the flags.
    times : float64 array (nints, ngroups), s
        When the groups end, on the clock of `end`.
    window : float, s
    threshold : float, optional, DN
        Default: only saturation opens windows.
    discard : bool
        Set DO_NOT_USE as well.
    end : float64 array (ny, nx), s, optional
        Windows that were opened by earlier exposures; changed in place.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    float64 array (ny, nx), s
        When the windows close; -inf where none was opened.

    Notes
    -----
    The method of the reference implementation 3.0.0, as measured.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.persistence_window import flag_window as kernel

    end = np.full(data.shape[-2:], -np.inf) if end is None else end
    flags = group.PERSISTENCE | (group.DO_NOT_USE if discard else 0)
    limit = np.inf if threshold is None else float(threshold)
    how = limit, float(window), np.ascontiguousarray(times, np.float64), flags, end
    run_bands(kernel, data.shape[2], data, group_dq, *how, threads=threads)
    return end


def process_window(step, ramp):
    """Flag an exposure, and write the windows that are open at its end if that is asked for."""
    own, exposure = step.parameters, ramp.meta.exposure
    if exposure.group_time is None or exposure.start_time is None:
        raise InputError(
            "the window needs the start of the exposure and the time between groups; "
            f"EXPSTART is {exposure.start_time}, TGROUP is {exposure.group_time}",
            where=str(ramp.path or "model in memory"),
        )
    times = ends_of_groups(ramp)
    end = _earlier(step, ramp)
    earlier = int(np.isfinite(end).sum())
    end = flag_window(ramp.data, ramp.groupdq, times, own.persistence_time, own.dn_threshold, own.persistence_dnu, end)
    step.log.info(
        "window of %d s: %d pixels from earlier exposures, %d pixels now",
        own.persistence_time,
        earlier,
        np.isfinite(end).sum(),
    )
    if own.save_persistence:
        _save(step, ramp, np.where(end >= times[-1, -1], end, -np.inf))
    return ramp


def ends_of_groups(ramp):
    """Return the Unix times when the groups end: float64 (nints, ngroups), s.

    Integrations start as INT_TIMES says; without it, or where it lacks one, they follow each other from EXPSTART on.
    """
    n_ints, n_groups = ramp.data.shape[:2]
    exposure, table = ramp.meta.exposure, ramp.plain_table("int_times")
    starts = exposure.start_time + np.arange(n_ints) * n_groups * exposure.group_time / _SECONDS_PER_DAY
    if table is not None and len(table):
        known = dict(zip(table["integration_number"], table["int_start_MJD_UTC"], strict=True))
        first = exposure.integration_start or 1
        if all(first + i in known for i in range(n_ints)):
            starts = np.array([known[first + i] for i in range(n_ints)], np.float64)
    seconds = (starts - _UNIX_EPOCH) * _SECONDS_PER_DAY
    return seconds[:, None] + exposure.group_time * (np.arange(n_groups) + 1)


def _earlier(step, ramp):
    """Windows that an earlier exposure has left open; none where the file is of another window or detector."""
    ny, nx = ramp.data.shape[-2:]
    end, name = np.full((ny, nx), -np.inf), step.parameters.persistence_array_file
    if not name:
        return end
    import asdf

    from hexcal.files import gate

    path = step.make_input_path(name)
    gate.reading(path)
    if not Path(path).exists():
        raise InputError("the file of persistence times does not exist", where=str(path))
    detector = ramp.meta.instrument.detector
    with asdf.open(path) as file:
        tree = file.tree.get(detector)
        if tree is None:
            step.log.warning("%s has no persistence times of %s: none are used", path, detector)
            return end
        if tree["pers_time"] != step.parameters.persistence_time:
            step.log.warning(
                "%s is of a window of %s s, not of %d s: it is not used",
                path,
                tree["pers_time"],
                step.parameters.persistence_time,
            )
            return end
        rows, columns, values = (np.array(tree[key]) for key in ("rows", "cols", "vals"))
        x, y = (start or 1 for start in ramp.subarray[:2])
        rows, columns = rows + tree.get("ystart", y) - y, columns + tree.get("xstart", x) - x
    inside = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
    end[rows[inside], columns[inside]] = values[inside]
    return end


def _save(step, ramp, end):
    """Write the open windows: rows, columns, and the Unix time when they close, by detector.

    The corner of the subarray as well.
    """
    import asdf

    from hexcal.core import names
    from hexcal.files.atomic import atomic

    given = step.parameters.save_persistence
    name = str(ramp.meta.filename or "exposure").rpartition("_")[0] + "_pers.asdf" if given is True else given
    rows, columns = np.nonzero(np.isfinite(end))
    x, y = ramp.subarray[:2]
    tree = {
        "rows": rows,
        "cols": columns,
        "vals": end[rows, columns],
        "pers_time": step.parameters.persistence_time,
        "filename": str(ramp.meta.filename),
        "xstart": int(x or 1),
        "ystart": int(y or 1),
    }
    step.make_output_dir()
    path = Path(names.folder_of(step) or ".") / name
    with atomic(path) as stream:
        asdf.AsdfFile({str(ramp.meta.instrument.detector): tree}).write_to(stream)
    step.log.info("%d open windows saved in %s", rows.size, path)
