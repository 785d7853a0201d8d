"""Bad-pixel mask: pixels that do not respond, or respond too little, in flats; that are hot or noisy in darks."""

from typing import Any, Literal

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.models.dqflags import pixel
from hexcal.models.reference import MaskModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import Maker, MakerParameters
from hexcal.reffiles.makers.mask_darks import dark_flags
from hexcal.reffiles.statistics import clipped, of_map

_NAMES = ("DO_NOT_USE", "DEAD", "HOT", "WARM", "LOW_QE", "RC", "TELEGRAPH", "OPEN", "ADJ_OPEN", "OTHER_BAD_PIXEL")


class MaskMaker(Maker):
    """DEAD, LOW_QE, OPEN and ADJ_OPEN from rate images of flats, HOT, WARM and TELEGRAPH from darks; both are joined.

    A flat is divided by itself smoothed over the pixels that see light. DEAD lies far below the mean, LOW_QE below a
    limit; a pixel as faint whose four neighbours are all too bright is OPEN, and the eight around it ADJ_OPEN. No pixel
    is two of DEAD, LOW_QE and OPEN. All bad types but LOW_QE, WARM and ADJ_OPEN get DO_NOT_USE as well.
    """

    label = "mask"
    reference_type = "mask"
    inputs = "D+"
    steps = "linearity-,jump,ramp_fit"
    forbidden = ("dark_current",)
    needs = ("superbias", "saturation", "linearity", "readnoise", "gain")
    by_integration = ("dark",)
    without = ("mask",)

    class Parameters(MakerParameters):
        """Parameters of the searches."""

        dead_search: bool = parameter(True, "Look for pixels that do not respond.")
        low_qe_and_open_search: bool = parameter(True, "Look for pixels that respond too little.")
        dead_search_type: Literal["sigma_rate", "absolute_rate"] = parameter(
            "sigma_rate", "DEAD by dead_sigma_threshold below the mean, or by max_dead_norm_signal."
        )
        flat_mean_sigma_threshold: float = parameter(3.0, "Clipping in the mean of flats.", unit="sigma", gt=0)
        flat_mean_normalization_method: Literal["smoothed", "mean", "none"] = parameter(
            "smoothed", "What the mean flat is divided by: itself smoothed, its mean, nothing."
        )
        smoothing_box_width: int = parameter(15, "Side of the box that smooths.", unit="pixels", ge=3)
        smoothing_type: Literal["Box2D", "median"] = parameter("Box2D", "Mean or median in the box.")
        dead_sigma_threshold: float = parameter(5.0, "DEAD lies so far below the mean.", unit="sigma", gt=0)
        max_dead_norm_signal: float | None = parameter(
            0.05, "DEAD has less than this share of the signal around; with sigma_rate an upper limit besides."
        )
        max_low_qe_norm_signal: float = parameter(0.5, "LOW_QE has less than this share.", gt=0)
        max_open_adj_norm_signal: float = parameter(1.05, "The neighbours of OPEN pixels have more than this.", gt=0)
        hot_sigma: float = parameter(5.0, "HOT lies so far above the median rate of darks.", unit="sigma", gt=0)
        hot_rate: float | None = parameter(None, "Rate from which a pixel is HOT. Default: by hot_sigma.", unit="DN/s")
        warm_rate: float | None = parameter(None, "Rate from which a pixel is WARM. Default: none is.", unit="DN/s")
        dark_noisy_threshold: float = parameter(
            5.0,
            "TELEGRAPH scatters by so much more than the others from integration to integration.",
            unit="sigma",
            gt=0,
        )
        min_slopes: int = parameter(5, "With fewer integrations of darks nothing is called noisy.", ge=2)
        max_saturated_fraction: float = parameter(
            0.5, "HOT as well: saturated in all groups of this share of the integrations.", gt=0, le=1
        )
        flat_do_not_use: list[str] = parameter(["DEAD", "OPEN"], "Types of flats that get DO_NOT_USE.")
        dark_do_not_use: list[str] = parameter(
            ["HOT", "RC", "TELEGRAPH", "OTHER_BAD_PIXEL"], "Types of darks that get DO_NOT_USE."
        )
        manual_flag_file: str | None = parameter(
            None, "Text with columns x, y, flag: further pixels, from 0; ranges a:b (with b), a:, :b and : are allowed."
        )

    def make(self, members, parameters, log):
        """Return the mask."""
        reference = members.reference_pixels()
        dq = np.zeros(members.shape, np.uint32)
        flats, darks = members.of_kind("flat"), members.of_kind("dark")
        if flats:
            dq |= flat_flags(_mean_flat(flats, reference, parameters), reference, parameters)
        if darks:
            dq |= dark_flags(darks, reference, parameters, log)
        if parameters.manual_flag_file:
            dq |= manual_flags(parameters.manual_flag_file, members.shape)
        unusable = [*parameters.flat_do_not_use, *parameters.dark_do_not_use]
        bits = np.uint32(np.bitwise_or.reduce([pixel[name.upper()] for name in unusable] or [0]))
        dq[(dq & bits) != 0] |= np.uint32(pixel.DO_NOT_USE)
        dq[reference] |= np.uint32(pixel.REFERENCE_PIXEL)
        for name in _NAMES:
            count = np.count_nonzero(dq & np.uint32(pixel[name]))
            if count:
                log.info("%s: %d pixels (%.3f %%)", name, count, 100 * count / dq.size)
        return MaskModel(dq=dq, dq_def=definitions(*_NAMES, "REFERENCE_PIXEL"))


def _mean_flat(models, reference, parameters) -> Any:
    """Clipped mean of the rates of flats, float64 (ny, nx)."""
    images = [np.asarray(model.data, np.float32) for model in models]
    used = [np.isfinite(image) & ~reference for image in images]
    return clipped(np.stack(images), np.stack(used), parameters.flat_mean_sigma_threshold, 5).mean


def flat_flags(mean, reference, parameters) -> Any:
    """Return the flags that a mean flat gives.

    Parameters
    ----------
    mean : float64 array (ny, nx)
        Mean of the rates, DN/s.
    reference : bool array (ny, nx)
        Pixels that see no light.
    parameters
        Those of `MaskMaker`.

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
    dead = (unknown | (lit & (normal < limit))) if parameters.dead_search else np.zeros(mean.shape, bool)
    dq[dead] |= np.uint32(pixel.DEAD)
    if parameters.low_qe_and_open_search:
        faint = lit & ~dead & (normal < parameters.max_low_qe_norm_signal)
        is_open = faint & _all_neighbours(normal > parameters.max_open_adj_norm_signal)
        dq[faint & ~is_open] |= np.uint32(pixel.LOW_QE)
        dq[is_open] |= np.uint32(pixel.OPEN)
        dq[_around(is_open) & ~is_open & lit] |= np.uint32(pixel.ADJ_OPEN)
    return dq


def _divisor(mean, good, parameters) -> Any:
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


def _all_neighbours(mask):
    """Where all four neighbours are in a mask; at the border those that there are."""
    padded = np.pad(mask, 1, constant_values=True)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def _around(mask):
    """The eight pixels around each of a mask, and itself."""
    from scipy import ndimage

    return ndimage.binary_dilation(mask, np.ones((3, 3), bool))


def manual_flags(path, shape) -> Any:
    """Return the flags that a text lists: columns x, y, flag, from 0, with ranges ``a:b`` (b included).

    Raises
    ------
    ParameterError
        For a line that is not understood.
    """
    from hexcal.errors import ParameterError

    dq = np.zeros(shape, np.uint32)
    with open(path, encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words or (number == 1 and words[0].lower() == "x"):
            continue
        try:
            x, y, name = words
            dq[_range(y), _range(x)] |= np.uint32(pixel[name.upper()])
        except (ValueError, KeyError, IndexError) as error:
            raise ParameterError(
                f"line {number} is not `x y FLAG` with a known flag: {line.strip()}", where=str(path)
            ) from error
    return dq


def _range(text):
    first, colon, last = text.partition(":")
    if not colon:
        return slice(int(first), int(first) + 1)
    return slice(int(first) if first else 0, int(last) + 1 if last else None)
