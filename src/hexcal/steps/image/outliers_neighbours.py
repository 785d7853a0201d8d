"""Outliers of a single exposure of spectra: pixels that differ from what the rows beside them predict.

Rows of the detector that lie side by side in a slit or slice see nearly the same spectrum, apart from a factor that
changes slowly with wavelength. So they predict each other, in lines and beside them, however narrow a source is and
wherever it falls on a pixel; a cosmic ray is in none of the others.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.models.dqflags import pixel

_HALF = 10
"""Pixels in dispersion direction on either side that tell how a row stands to those beside it."""
_SYSTEMATIC = 0.005
"""Part of what is predicted by which it may be wrong, beside its noise."""
_MOST_PASSES = 8
_LARGE = 0.5
"""In a pass, those count that stand out so much of what the farthest one near does: a hit spoils predictions."""
_SHARP = 4.0
"""A cosmic ray stands out so many times more than one of its two neighbours in dispersion direction; a line does not.
"""
_RELIABLE = 3.0
"""Only predictions can acquit a pixel whose room is below so many times that of what it differs from."""
_WITNESSES, _OWN_ROW = (1, 2, 3, 4), 5
"""Choices of `neighbour_rows.predict`: other rows, columns on one side; the pixel's own row."""
_ABOVE = 0.6
"""A cosmic ray differs from the mean of these two at least so much of what it does from what is expected."""
_COLUMN = (5, 1)
"""Pixels across the dispersion that a hit can spoil the predictions of, and itself."""
_WITHIN = 1.4826
"""Standard deviation over the median of the sizes, of Gaussian noise."""
_LEAST_PART = 1e-3
"""Of the variance, beside that of the flat field."""


@dataclass
class _Prediction:
    """What pixels are expected to be: float32 arrays (ny, nx), NaN where nothing is known.

    Attributes
    ----------
    expected : float32 array
        Values.
    noise : float32 array
        Standard deviation of the difference of pixel and prediction, by the errors of both.
    misfit : float32 array, or 1
        How many times larger the differences are.
    """

    expected: np.ndarray
    noise: np.ndarray
    misfit: Any = 1.0

    @classmethod
    def unknown(cls, shape, misfit: Any = 1.0):
        return cls(np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32), misfit)

    def measure_misfit(self, data):
        """Take it from pixels near by in dispersion direction."""
        from hexcal.kernels.running_median import running_median

        sizes = np.abs((data - self.expected) / self.noise, dtype=np.float32)
        medians = np.empty_like(sizes)
        run_bands(running_median, len(sizes), sizes, _HALF, False, medians)
        self.misfit = np.maximum(_WITHIN * medians, 1, dtype=np.float32)

    def room(self, flat):
        """Standard deviation of the difference, with the relative variance of the flat field."""
        return np.sqrt((self.noise * self.misfit) ** 2 + (_SYSTEMATIC**2 + flat) * self.expected**2)


@dataclass
class _Frame:
    """An exposure with the dispersion along rows, and what is known of it: arrays (ny, nx).

    Attributes
    ----------
    data : float32 array
        NaN where there is no value.
    values, variances : float32 array
        The same, with what is predicted in the place of bad pixels.
    counts : bool array
        Which pixels are good.
    flat : float32 array
        Relative variance of the flat field.
    others : _Prediction or None
        By other exposures.
    """

    data: np.ndarray
    values: np.ndarray
    variances: np.ndarray
    counts: np.ndarray
    flat: np.ndarray
    others: Any

    @classmethod
    def of(cls, data, err, var_flat, dq, others):
        data, variances = np.array(data, np.float32, order="C"), np.array(err, np.float32, order="C") ** 2
        counts = np.isfinite(data) & np.isfinite(variances) & (variances > 0) & ((dq & pixel.DO_NOT_USE) == 0)
        data[~counts] = np.nan
        variances[~counts] = np.nan
        flat = np.zeros(data.shape, np.float32)
        if var_flat is not None:
            # The error of the flat field goes with the light: that of a hit is no reason to keep it.
            known = counts & np.isfinite(var_flat) & (data != 0)
            flat[known] = var_flat[known] / data[known] ** 2
            variances[known] = np.maximum(variances[known] - var_flat[known], _LEAST_PART * variances[known])
        if others is not None:
            others = _Prediction(np.array(others, np.float32, order="C"), np.sqrt(variances))
            others.measure_misfit(data)
        values = data.copy()
        _fill_gaps(values, variances)
        return cls(data, values, variances, counts, flat, others)

    def predict(self, wanted, prediction, choice=0):
        """Predict some pixels; `choice` is that of the kernel."""
        from hexcal.kernels.neighbour_rows import predict

        given = (self.values, self.variances, self.counts, wanted, choice, _HALF)
        run_bands(predict, len(self.data), *given, prediction.expected, prediction.noise)

    def differences(self, prediction):
        """Differences from a prediction, and their sizes in units of its room; 0 where there is none."""
        difference = np.where(self.counts, self.data - prediction.expected, 0)
        difference = np.nan_to_num(difference, posinf=0, neginf=0)
        return difference, np.nan_to_num(np.abs(difference) / prediction.room(self.flat))


def deviating(data, err, var_flat, dq, dispaxis, snr, others=None):
    """Return which pixels differ from what their neighbours predict, and from what other exposures say.

    Parameters
    ----------
    data, err : float32 array (ny, nx)
        Values and standard deviations.
    var_flat : float32 array (ny, nx) or None
        The part of the variance that the flat field has.
    dq : uint32 array (ny, nx)
        DO_NOT_USE does not count.
    dispaxis : int
        1: dispersed along x; 2: along y.
    snr : float
        Limit in units of the standard deviation of the difference.
    others : float32 array (ny, nx), optional
        What other exposures say of the same place; NaN where they say nothing.

    Returns
    -------
    bool array (ny, nx)

    Notes
    -----
    The prediction is `hexcal.kernels.neighbour_rows.predict`; where the differences of pixels near by in dispersion
    direction are larger than their errors, so is the limit. What stands out most goes first, and the others are
    predicted anew without it, until none is left. A pixel is acquitted if it agrees with other exposures, with what
    rows farther away predict (then one of its neighbours is the outlier), with what the pixels on one side of it in
    dispersion direction tell (then the light ends there, at the edge of a slice), or with a polynomial through its own
    row: what other rows say of it then comes from hits in these. None acquits that is much less sure than the one that
    accuses. What differs less from its neighbours in dispersion direction is the wing of a line.
    """

    def turned(plane) -> Any:
        return plane if plane is None or dispaxis == 1 else plane.T

    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        frame = _Frame.of(turned(data), turned(err), turned(var_flat), turned(dq), turned(others))
        outliers = _outliers(frame, snr)
    return outliers if dispaxis == 1 else np.ascontiguousarray(outliers.T)


def _outliers(frame, snr):
    from scipy.ndimage import binary_dilation

    outliers, wanted = np.zeros(frame.data.shape, bool), np.isfinite(frame.values)
    rows = _Prediction.unknown(frame.data.shape)
    for number in range(_MOST_PASSES):
        frame.predict(wanted, rows)
        if not number:
            rows.measure_misfit(frame.data)
        suspects, expected = _stand_out(frame, rows, snr)
        if not suspects.any():
            break
        outliers |= suspects
        frame.counts &= ~suspects
        frame.values[suspects], frame.variances[suspects] = expected[suspects], rows.noise[suspects] ** 2
        wanted = binary_dilation(suspects, np.ones((_COLUMN[0], 2 * _HALF + 3), bool)) & np.isfinite(frame.values)
    return outliers


def _stand_out(frame, rows, snr):
    """Which pixels are outliers in the present pass, and what is expected of them."""
    from scipy.ndimage import maximum_filter

    expected, noise = rows.expected, rows.noise
    difference, sizes = frame.differences(rows)
    if frame.others is not None:
        by_others, larger = frame.differences(frame.others)
        better = larger > sizes
        difference, sizes = np.where(better, by_others, difference), np.maximum(sizes, larger)
        expected = np.where(better, frame.others.expected, expected)
        noise = np.where(better, frame.others.noise, noise)
    suspects = sizes > snr
    if not suspects.any():
        return suspects, expected
    guilty, sure = _judged(frame, rows, suspects, difference, sizes, snr)
    suspects &= guilty
    suspects &= _are_above_their_row(frame, suspects, difference)
    suspects &= _are_sharp(_with_suspects_aside(frame, suspects, difference))
    suspects &= sizes >= _LARGE * maximum_filter(np.where(suspects, sizes, 0), (_COLUMN[0], 2 * _HALF + 1))
    # Where nothing else can tell which of several pixels it is, it is the one that stands out most of its noise.
    plain = np.where(suspects, np.nan_to_num(np.abs(difference) / noise), 0)
    suspects &= sure | (plain >= maximum_filter(plain, _COLUMN))
    return suspects, expected


def _judged(frame, rows, suspects, difference, sizes, snr):
    """Which suspects no other prediction acquits, and which are no doubt the ones."""
    most = _RELIABLE * np.abs(difference) / sizes

    def heard(prediction):
        """Of what a prediction would have shown: where it does, and where it is sure that there is none."""
        room = prediction.room(frame.flat)
        tells = suspects & (np.abs(difference) > snr * room)
        agrees = np.abs(frame.data - prediction.expected) < _LARGE * np.abs(difference)
        return tells & ~agrees, tells & agrees & (room < most)

    again = [_Prediction.unknown(suspects.shape, rows.misfit) for _ in _WITNESSES]
    for choice, prediction in zip(_WITNESSES, again, strict=True):
        frame.predict(suspects, prediction, choice)
    votes = [heard(prediction) for prediction in (rows, *again)]
    acquitted = np.logical_or.reduce([acquits for _, acquits in votes])
    sure = np.logical_and.reduce([accuses | acquits for accuses, acquits in votes[1:3]])
    if frame.others is not None:
        accuses, acquits = heard(frame.others)
        # A hit of two rows is in what one of them predicts of the other, but not in all that rows predict.
        accused = np.logical_or.reduce([accuses for accuses, _ in votes])
        acquitted = np.where(accuses | acquits, acquits | ~accused, acquitted)
        sure |= accuses | acquits
    _, calm = heard(_by_own_row(frame, suspects))
    return ~(acquitted | calm), sure


def _by_own_row(frame, suspects):
    """What the other pixels of the row tell of suspects; no hit looks like them."""
    prediction = _Prediction.unknown(suspects.shape)
    replace(frame, counts=frame.counts & ~suspects).predict(suspects, prediction, _OWN_ROW)
    return prediction


def _with_suspects_aside(frame, suspects, difference):
    """The differences, those of neighbours of suspects in dispersion direction from predictions without these."""
    from scipy.ndimage import binary_dilation

    beside = binary_dilation(suspects, np.ones((1, 3), bool)) & ~suspects & np.isfinite(frame.values)
    prediction = _Prediction.unknown(suspects.shape)
    replace(frame, counts=frame.counts & ~suspects).predict(beside, prediction)
    return np.where(beside, np.nan_to_num(frame.data - prediction.expected), difference)


def _are_above_their_row(frame, suspects, difference):
    """Which suspects differ from their neighbours in dispersion direction, too: the wing of a line does not."""
    import warnings

    values = np.pad(np.where(suspects, np.nan, frame.values), ((0, 0), (1, 1)), constant_values=np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        beside = np.nanmean([values[:, :-2], values[:, 2:]], axis=0)
    above = np.sign(difference) * (frame.data - beside)
    return np.isnan(beside) | (above > _ABOVE * np.abs(difference))


def _are_sharp(difference):
    """Which pixels stand out much more than one of their neighbours in dispersion direction."""
    beside = np.pad(difference, ((0, 0), (1, 1)))
    sign = np.sign(difference)
    return sign * difference > _SHARP * np.minimum(sign * beside[:, :-2], sign * beside[:, 2:])


def _fill_gaps(values, variances):
    """Put the mean of the neighbours in dispersion direction in the place of single bad pixels, in place."""
    left, right = values[:, :-2], values[:, 2:]
    gaps = np.zeros(values.shape, bool)
    gaps[:, 1:-1] = ~np.isfinite(values[:, 1:-1]) & np.isfinite(left) & np.isfinite(right)
    rows, columns = np.nonzero(gaps)
    before, after = values[rows, columns - 1], values[rows, columns + 1]
    spread = 0.25 * (variances[rows, columns - 1] + variances[rows, columns + 1])
    values[rows, columns] = 0.5 * (before + after)
    variances[rows, columns] = spread + 0.25 * (before - after) ** 2
