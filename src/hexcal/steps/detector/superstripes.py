"""Putting the places of superstripes together, into ramps of a common subarray."""

import numpy as np

from hexcal.models.dqflags import group, pixel
from hexcal.models.science import INT_TIMES_STRIPE_COLUMNS, RampModel
from hexcal.models.stripes import lines_read, slow_axis

_KEYWORDS = (
    *("multistripe_reads1", "multistripe_skips1", "multistripe_reads2", "multistripe_skips2", "repeat_stripe"),
    *("interleave_reads1", "superstripe_step", "num_superstripe"),
)


def joined(ramp):
    """Put the places of superstripes together.

    Parameters
    ----------
    ramp : SuperstripeRampModel
        Must not be used afterwards.

    Returns
    -------
    RampModel
        With an integration for each turn, and the lines from the first to the last that a stripe shows; of NIRISS all
        lines of the detector. What no stripe shows, the reference pixels included, is NaN and flagged REFERENCE_PIXEL;
        of a turn that was not finished it is DO_NOT_USE. The keywords of stripes are taken away.

    Notes
    -----
    As the reference implementation 3.0.0 does, but for unfinished turns, with which it stops, and the zero frame, which
    it drops.
    """
    axis, backwards = slow_axis(ramp)
    facts = ramp.observatory.detector(ramp.meta.instrument.detector)
    n_detector = facts.rows if axis == -2 else facts.columns
    parts = [ramp.at_place(place) for place in range(ramp.n_places)]
    lines = [lines_read(part, n_detector) for part in parts]
    # The first lines, of reference pixels, come with each place; they are not put together.
    n_first = ramp.meta.subarray.multistripe_reads1 or 0
    of_stripe = [(n_detector - 1 - own if backwards else own) >= n_first for own in lines]
    shown = np.concatenate([own[chosen] for own, chosen in zip(lines, of_stripe, strict=True)])
    is_whole = ramp.meta.instrument.name == "NIRISS"
    start, stop = (0, n_detector) if is_whole else (int(shown.min()), int(shown.max()) + 1)
    size = list(ramp.shape[-2:])
    size[axis] = stop - start
    whole = _empty(ramp, size, {start + n for n in range(stop - start)} - set(shown.tolist()), start, axis)
    for part, own, chosen in zip(parts, lines, of_stripe, strict=True):
        to, taken = _lines(axis, own[chosen] - start), _lines(axis, np.flatnonzero(chosen))
        for name, value in whole.items():
            given = getattr(part, name)[taken]
            (value if name == "pixeldq" else value[: len(given)])[to] = given
    return _as_ramp(ramp, whole, axis, start)


def _empty(ramp, size, unread, start, axis):
    """Arrays of turns of which nothing is known; `unread` are the lines that no stripe shows."""
    n_turns = -(-len(ramp.data) // ramp.n_places)
    whole = {"pixeldq": np.zeros(size, np.uint32), "groupdq": np.zeros((n_turns, ramp.shape[1], *size), np.uint8)}
    if len(ramp.data) % ramp.n_places:
        whole["groupdq"][-1] = group.DO_NOT_USE
    for name in ("data", "zeroframe"):
        if (value := getattr(ramp, name)) is not None:
            whole[name] = np.full((n_turns, *value.shape[1:-2], *size), np.nan, np.float32)
    at = _lines(axis, np.array(sorted(unread), int) - start)
    whole["pixeldq"][at], whole["groupdq"][at] = pixel.REFERENCE_PIXEL, 0
    return whole


def _lines(axis, lines):
    """Index of lines along an axis, -2 or -1."""
    return (Ellipsis, lines, slice(None)) if axis == -2 else (Ellipsis, lines)


def _as_ramp(ramp, arrays, axis, start):
    n_places, times = ramp.n_places, ramp.plain_table("int_times")
    result = RampModel(ramp)
    for name in ("data", "groupdq", "pixeldq", "zeroframe"):
        result.contents.arrays[name] = arrays.get(name)
    # What there is of ERR is of the places; it is not used before the fit.
    result.err = None
    result.contents.arrays.pop("err")
    exposure, subarray, n_turns = result.meta.exposure, result.meta.subarray, len(arrays["data"])
    first = ((exposure.integration_start or 1) - 1) // n_places + 1
    if exposure.nints is not None:
        exposure.nints = -(-exposure.nints // n_places)
    exposure.integration_start, exposure.integration_end = first, first + n_turns - 1
    subarray.ysize, subarray.xsize = arrays["pixeldq"].shape
    setattr(subarray, "ystart" if axis == -2 else "xstart", start + 1)
    for name in _KEYWORDS:
        setattr(subarray, name, None)
    if times is not None and len(times) == len(ramp.data):
        result.int_times, result.int_times_stripe = times_of_turns(times, n_places)
    elif times is not None:
        result.int_times = None
    return result


def times_of_turns(times, n_places):
    """Return INT_TIMES of turns, and INT_TIMES_STRIPE of their integrations.

    Parameters
    ----------
    times : structured array (nints,)
        INT_TIMES of all integrations.
    n_places : int
        Integrations of a turn.

    Returns
    -------
    structured array (nturns,)
        From the start of the first integration of a turn to the end of its last; its middle is that of these two.
    structured array (nints,)
        The times of all, with the number of the turn and, from 1, of the stripe.
    """
    number = (times["integration_number"] - 1) // n_places + 1
    turns = np.array(times[::n_places])
    turns["integration_number"] = number[::n_places]
    last = np.minimum(np.arange(len(turns)) * n_places + n_places, len(times)) - 1
    for scale in ("MJD_UTC", "BJD_TDB"):
        turns[f"int_end_{scale}"] = times[f"int_end_{scale}"][last]
        turns[f"int_mid_{scale}"] = (turns[f"int_start_{scale}"] + turns[f"int_end_{scale}"]) / 2
    stripes = np.zeros(len(times), list(INT_TIMES_STRIPE_COLUMNS))
    for name in times.dtype.names:
        stripes[name] = times[name]
    stripes["integration_number"], stripes["stripe_number"] = number, np.arange(len(times)) % n_places + 1
    return turns, stripes
