"""Bad-pixel mask: pixels that do not respond, or respond too little, in flats; that are hot or noisy in darks."""

from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.models.reference import MaskModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.headers import add_card
from hexcal.reffiles.maker import Maker, image_rows
from hexcal.reffiles.makers.mask_darks import RampSigns, dark_flags, medians
from hexcal.reffiles.makers.mask_lists import manual_flags, told_changes, write_list
from hexcal.reffiles.makers.mask_parameters import MaskParameters
from hexcal.reffiles.statistics import clipped, of_map

_NAMES = ("DO_NOT_USE", "DEAD", "HOT", "WARM", "LOW_QE", "RC", "TELEGRAPH", "OPEN", "ADJ_OPEN", "OTHER_BAD_PIXEL")

_KEYWORDS = {
    "flat_mean_sigma_threshold": "BPMSIGMA",
    "smoothing_box_width": "BPMSMOTH",
    "dead_sigma_threshold": "BPMDEDSG",
    "max_dead_norm_signal": "BPMMXDED",
    "max_low_qe_norm_signal": "BPMMXLQE",
    "max_open_adj_norm_signal": "BPMMXOAD",
}
"""Parameters that are kept in the header, under the names that the original gives them."""


class MaskMaker(Maker):
    """DEAD, LOW_QE, OPEN and ADJ_OPEN from rate images of flats, HOT, WARM and TELEGRAPH from darks; both are joined.

    A flat is divided by itself smoothed over the pixels that see light. DEAD lies far below the mean, LOW_QE below a
    limit; a pixel as faint whose four neighbours are all too bright is OPEN, and the eight around it ADJ_OPEN. No pixel
    is two of DEAD, LOW_QE and OPEN. All bad types but LOW_QE, WARM and ADJ_OPEN get DO_NOT_USE as well.
    """

    label = "mask"
    reference_type = "mask"
    inputs = "D+F+|D+|F+"
    steps = "linearity-,jump,ramp_fit"
    also = ("jump",)
    forbidden = ("dark_current",)
    needs = ("superbias", "saturation", "linearity", "readnoise", "gain")
    by_integration = ("dark",)
    without = ("mask",)

    Parameters = MaskParameters

    def make(self, members, parameters, log):
        """Return the mask."""
        reference = members.reference_pixels()
        dq = np.zeros(members.shape, np.uint32)
        flats, darks = members.of_kind("flat"), members.of_kind("dark")
        if flats:
            mean = _mean_flat(members, reference, parameters)
            dq |= flat_flags(mean, reference, parameters, _dead(members, mean, reference, parameters, log))
        if darks:
            dq |= dark_flags(darks, reference, parameters, log)
            dq |= _ramp_flags(members, reference, parameters, log)
        if parameters.manual_flag_file:
            dq |= manual_flags(parameters.manual_flag_file, members.shape)
        dq[(dq & _unusable_bits(parameters)) != 0] |= np.uint32(pixel.DO_NOT_USE)
        dq[reference] |= np.uint32(pixel.REFERENCE_PIXEL)
        for name in _NAMES:
            count = np.count_nonzero(dq & np.uint32(pixel[name]))
            if count:
                log.info("%s: %d pixels (%.3f %%)", name, count, 100 * count / dq.size)
        if parameters.former_mask:
            told_changes(dq, parameters, log)
        if parameters.output_list:
            write_list(parameters.output_list, dq)
        return _described(MaskModel(dq=dq, dq_def=definitions(*_NAMES, "REFERENCE_PIXEL")), parameters)


def _described(model, parameters):
    """Keep the limits in the header, as the original does."""
    for name, keyword in _KEYWORDS.items():
        value = getattr(parameters, name)
        if value is not None:
            add_card(model, keyword, value, name)
    return model


def _unusable_bits(parameters):
    """Flags that come with DO_NOT_USE."""
    names = [*parameters.flat_do_not_use, *(parameters.flag_values.get(name.lower(), name)
                                            for name in parameters.dark_do_not_use)]  # fmt: skip
    return np.uint32(np.bitwise_or.reduce([pixel[name.upper()] for name in names] or [0]))


def _ramp_flags(members, reference, parameters, log):
    """Flags that the ramps of darks give, exposure by exposure."""
    ramps = members.also.get(("jump", "dark"), [])
    if not ramps:
        log.info("there are no ramps of the darks: RC pixels and low pedestals are not looked for")
        return np.uint32(0)
    signs = RampSigns(reference.shape, reference, parameters)
    for ramp in ramps:
        signs.add(ramp)
    return signs.flags(log)


def _dead(members, mean, reference, parameters, log):
    """Which pixels are dead by the signal of their ramps, where that is asked for; else None."""
    ramps = members.also.get(("jump", "flat"), [])
    if parameters.dead_search_type != "zero_signal":
        return None
    if not ramps:
        raise InputError("zero_signal needs the ramps of flats, and only rates are given", hint="give raw flats")
    dead = np.zeros(reference.shape, np.int32)
    number = 0
    for ramp in ramps:
        n_ints, n_groups = ramp.shape_of("data")[:2]
        # After the offset of the first frame of MIRI; of short ramps the last group.
        group = min(parameters.zero_signal_group, n_groups - 1)
        for first in range(0, reference.shape[0], 256):
            last = min(first + 256, reference.shape[0])
            signal = ramp.read("data", np.s_[:, group, first:last]) - ramp.read("data", np.s_[:, 0, first:last])
            dead[first:last] += (signal <= 0).sum(axis=0)
        number += n_ints
    log.info("zero_signal: group %d of %d integrations", parameters.zero_signal_group, number)
    return ~reference & (dead >= parameters.dead_zero_signal_fraction * number)


def _mean_flat(members, reference, parameters) -> Any:
    """Clipped mean of the rates of flats, float64 (ny, nx); of so few that none can be clipped their median.

    Of n values none is farther from the mean than (n - 1) / sqrt(n) standard deviations.
    """
    models = members.of_kind("flat")
    mean = np.full(reference.shape, np.nan)
    for first, last in members.bands(len(models)):
        images = np.concatenate([image_rows(model, first, last)[0] for model in models])
        used = np.isfinite(images) & ~reference[first:last]
        if (len(images) - 1) / np.sqrt(len(images)) <= parameters.flat_mean_sigma_threshold:
            mean[first:last] = medians(images, used)
        else:
            mean[first:last] = clipped(images, used, parameters.flat_mean_sigma_threshold, 5).mean
    return mean


def flat_flags(mean, reference, parameters, known_dead=None) -> Any:
    """Return the flags that a mean flat gives.

    Parameters
    ----------
    mean : float64 array (ny, nx)
        Mean of the rates, DN/s.
    reference : bool array (ny, nx)
        Pixels that see no light.
    parameters
        Those of `MaskMaker`.
    known_dead : bool array (ny, nx), optional
        Pixels that are dead by another sign than their rate, which then does not count.

    Returns
    -------
    uint32 array (ny, nx)
    """
    lit = ~reference
    normal = mean / _divisor(mean, lit & np.isfinite(mean), parameters)
    middle, spread = of_map(normal, lit, parameters.flat_mean_sigma_threshold)
    unknown = lit & ~np.isfinite(normal)
    limit = parameters.max_dead_norm_signal if parameters.max_dead_norm_signal is not None else np.inf
    if parameters.dead_search_type == "sigma_rate":
        # Where the noise is small, a pixel of low response lies far below the mean too: it is not dead.
        limit = min(limit, middle - parameters.dead_sigma_threshold * spread)
    dq = np.zeros(mean.shape, np.uint32)
    dead = unknown | (lit & (normal < limit)) if known_dead is None else known_dead
    if not parameters.dead_search:
        dead = np.zeros(mean.shape, bool)
    if parameters.run_dead_flux_check:
        dead &= ~_bright(parameters)
    dq[dead] |= np.uint32(pixel.DEAD)
    if parameters.low_qe_and_open_search:
        faint = lit & ~dead & (normal < parameters.max_low_qe_norm_signal)
        is_open = faint & _all_neighbours(normal > parameters.max_open_adj_norm_signal)
        dq[faint & ~is_open] |= np.uint32(pixel.LOW_QE)
        dq[is_open] |= np.uint32(pixel.OPEN)
        dq[_around(is_open) & ~is_open & lit] |= np.uint32(pixel.ADJ_OPEN)
    return dq


def _bright(parameters):
    """Which pixels are bright at the end of some ramps: saturated so early that they have no rate, not dead."""
    from hexcal.models.open import open as open_model

    if not parameters.dead_flux_check_files:
        raise ParameterError("run_dead_flux_check looks at ramps: name them in dead_flux_check_files", where="mask")
    total, number = 0.0, 0
    for path in parameters.dead_flux_check_files:
        ramp: Any = open_model(path)
        for integration in range(ramp.shape_of("data")[0]):
            total = total + ramp.read("data", np.s_[integration, -4:]).astype(np.float64).mean(axis=0)
            number += 1
    return np.asarray(total / number) > parameters.flux_check


def _divisor(mean, good, parameters) -> Any:
    if parameters.flat_mean_normalization_method == "fit2d":
        return _surface(mean, good, parameters.fit2d_order)
    if parameters.flat_mean_normalization_method == "none":
        return 1.0
    if parameters.flat_mean_normalization_method == "mean":
        return of_map(mean, good)[0]
    from scipy import ndimage

    values, width = np.where(good, mean, 0.0), parameters.smoothing_box_width
    if parameters.smoothing_type == "median":
        # Holes and borders must not count: they are filled from the mean around first.
        values = np.where(good, mean, _box_mean(values, good, width))
        return ndimage.median_filter(values, width, mode="nearest")
    return _box_mean(values, good, width)


def _box_mean(values, good, width):
    """Mean in a box over the good pixels alone, also at borders and beside holes."""
    from scipy import ndimage

    total = ndimage.uniform_filter(values, width, mode="constant")
    weight = ndimage.uniform_filter(good.astype(float), width, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 1e-9, total / weight, np.nan)


def _surface(mean, good, order):
    """The polynomial in x and y that fits the good pixels, in their middle 99 %."""
    y, x = (np.linspace(-1, 1, size) for size in mean.shape)
    terms = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    low, high = np.percentile(mean[good], [0.5, 99.5])
    rows, columns = np.nonzero(good & (mean >= low) & (mean <= high))
    step = max(1, len(rows) // 200_000)
    rows, columns = rows[::step], columns[::step]
    matrix = np.stack([y[rows] ** i * x[columns] ** j for i, j in terms], axis=1)
    solution = np.linalg.lstsq(matrix, mean[rows, columns], rcond=None)[0]
    return sum(value * y[:, None] ** i * x[None, :] ** j for value, (i, j) in zip(solution, terms, strict=True))


def _all_neighbours(mask):
    """Where all four neighbours are in a mask; at the border those that there are."""
    padded = np.pad(mask, 1, constant_values=True)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def _around(mask):
    """The eight pixels around each of a mask, and itself."""
    from scipy import ndimage

    return ndimage.binary_dilation(mask, np.ones((3, 3), bool))
