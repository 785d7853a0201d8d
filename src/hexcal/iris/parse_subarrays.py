"""The subarrays that were read during a full-frame exposure, from the map of them."""

import numpy as np

from hexcal.core import SkipStep, Step
from hexcal.errors import InputError
from hexcal.models import dqflags

MOST_WINDOWS = 10


class ParseSubarrayMapStep(Step):
    """Note the windows of the map of subarrays (SUBARR_MAP) in ``meta.subarray_map``, and flag their pixels.

    They are read on their own, so that the full frame has no values there: NON_SCIENCE and DO_NOT_USE keep them out of
    means and medians.
    """

    alias = "parse_subarrays"
    input_model = "IRISImageModel"

    def process(self, frame):
        if frame.subarr_map is None:
            raise SkipStep("the frame has no map of subarrays (SUBARR_MAP)", is_expected=True)
        flags = dqflags.of(frame.observatory)
        windows = windows_in(frame.subarr_map, str(frame.path or "SUBARR_MAP"))
        shared = _of_detector(frame)
        frame.set_meta("meta.subarray_map", [{**window, **shared} for window in windows])
        frame.dq[frame.subarr_map != 0] |= np.uint32(flags.NON_SCIENCE | flags.DO_NOT_USE)
        self.log.info("%d subarrays", len(windows))
        return frame


def _of_detector(frame):
    """What all windows of a frame share: axes of the read-out, and size of the detector."""
    subarray, (ny, nx) = frame.meta.subarray, frame.shape
    detector = frame.observatory.detector(frame.meta.instrument.detector)
    return {
        "fastaxis": subarray.fastaxis or detector.fastaxis,
        "slowaxis": subarray.slowaxis or detector.slowaxis,
        "detxsize": subarray.detxsiz or nx,
        "detysize": subarray.detysiz or ny,
    }


def windows_in(window_map, where="SUBARR_MAP"):
    """Return the windows of a map of subarrays.

    Parameters
    ----------
    window_map : integer array (ny, nx)
        0 outside, n in window n.
    where : str
        For messages.

    Returns
    -------
    list of dict
        ``name``, ``id``, ``xstart``, ``ystart`` (from 1), ``xsize``, ``ysize``, in the order of their numbers.

    Raises
    ------
    InputError
        If there are more than ten, a number is left out, or the pixels of one are no rectangle (as where another one
        overlaps it).
    """
    numbers = [int(number) for number in np.unique(window_map) if number != 0]
    if numbers and (min(numbers) < 1 or max(numbers) > MOST_WINDOWS):
        raise InputError(
            f"a map of subarrays has the numbers 0 to {MOST_WINDOWS}, found: {', '.join(map(str, numbers))}",
            where=where,
        )
    missing = sorted(set(range(1, len(numbers) + 1)) - set(numbers))
    if missing:
        raise InputError(
            f"the map of subarrays has no window {missing[0]}, but window {max(numbers)}",
            where=where,
            hint="windows are numbered 1, 2, 3 ...",
        )
    return [_window(window_map, number, where) for number in numbers]


def _window(window_map, number, where):
    y, x = np.nonzero(window_map == number)
    x0, y0, nx, ny = int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1
    if x.size != nx * ny:
        raise InputError(
            f"window {number} of the map of subarrays is not a rectangle: {x.size} pixels within {nx} x {ny}, "
            f"from x={x0 + 1}, y={y0 + 1}",
            where=where,
            hint="windows are rectangles that do not overlap",
        )
    return {"name": "CUSTOM", "id": number, "xstart": x0 + 1, "ystart": y0 + 1, "xsize": nx, "ysize": ny}
