"""Linearity: a polynomial that makes ramps straight."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.reference import LinearityModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, ramp_rows, usable_groups


class LinearityMaker(Maker):
    """Coefficients of the polynomial in the measured counts that gives the counts of a linear detector.

    The mean ramp of each pixel, below saturation, is compared with a straight line in time whose rate is that of the
    beginning of the ramp (from a parabola below `low` of the range); the polynomial F + c2 F^2 + ... + cn F^n is fitted
    by weighted least squares, so that the correction tends to 1 at the low end.
    """

    label = "linearity"
    reference_type = "linearity"
    inputs = "F+"
    steps = "superbias-,refpix,jump"
    forbidden = ("linearity",)
    needs = ("mask", "superbias", "saturation", "readnoise", "gain")

    class Parameters(MakerParameters):
        """Parameters of the fit."""

        order: int = parameter(3, "Order of the polynomial.", ge=2, le=6)
        low: float = parameter(0.3, "Share of the range below which the beginning of the ramp is fitted.", gt=0, le=1)
        skip_groups: int = parameter(0, "Groups at the beginning that are left out (MIRI: reset, first frame).", ge=0)
        least_groups: int = parameter(6, "Pixels with fewer good groups have no solution.", ge=4)

    def make(self, members, parameters, log):
        """Return the coefficients."""
        models, n_groups = [model for _, model in members.models], members.n_groups
        coefficients = np.full((parameters.order + 1, *members.shape), np.nan)
        samples = sum(int(np.prod(model.shape_of("data")[:2])) for model in models)
        for first, last in members.bands(samples):
            ramp, weight = _mean_ramp(models, first, last, n_groups)
            coefficients[:, first:last] = fit(ramp, weight, parameters)
        reference = members.reference_pixels()
        unknown = ~np.isfinite(coefficients).all(axis=0) & ~reference
        coefficients = _filled(coefficients, unknown, reference)
        dq = np.where(unknown | reference, np.uint32(pixel.NO_LIN_CORR), np.uint32(0)).astype(np.uint32)
        log.info("%d of %d pixels have no solution: median coefficients, NO_LIN_CORR", unknown.sum(), unknown.size)
        model = LinearityModel(coeffs=coefficients.astype(np.float32))
        model.dq, model.dq_def = dq, definitions("DO_NOT_USE", "NO_LIN_CORR", "NONLINEAR")
        return model


def _mean_ramp(models, first, last, n_groups) -> tuple[Any, Any]:
    """Mean of all integrations, and how many of them are good: (ngroups, rows, nx)."""
    total = number = None
    for model in models:
        data, flags = ramp_rows(model, first, last, n_groups)
        # After a group that is bad, the counts of the ramp are shifted: only what comes before counts.
        good = np.logical_and.accumulate((flags & SPOILED) == 0, axis=1) & np.isfinite(data)
        good[:, ~usable_groups(flags)] = False
        part, count = np.where(good, data, 0.0).sum(axis=0, dtype=np.float64), good.sum(axis=0)
        total = part if total is None else total + part
        number = count if number is None else number + count
    if total is None or number is None:
        raise InputError("there are no ramps to fit")
    with np.errstate(invalid="ignore"):
        return total / number, number


def fit(ramp, number, parameters) -> Any:
    """Fit the polynomials of some pixels.

    Parameters
    ----------
    ramp : float64 array (ngroups, rows, nx)
        Mean ramps, DN; NaN where there is no good value.
    number : int array (ngroups, rows, nx)
        Good values in each mean.
    parameters
        `order`, `low`, `skip_groups`, `least_groups`.

    Returns
    -------
    float64 array (order + 1, rows, nx)
        Coefficients; NaN where there is no solution.
    """
    n_groups = ramp.shape[0]
    time = np.arange(1, n_groups + 1, dtype=np.float64)[:, None, None]
    # The ramp of integrations that all reach a group, so that the mean is that of the same ramps everywhere.
    weight = np.where((number == number.max(axis=0)) & (number > 0) & np.isfinite(ramp), 1.0, 0.0)
    weight[: parameters.skip_groups] = 0.0
    values = np.where(weight > 0, ramp, 0.0)
    top = values.max(axis=0)
    rate, offset = _beginning(values, weight, time, top, parameters.low)
    ideal = rate * time + offset
    scale = np.where(top > 0, top, 1.0)
    x = values / scale
    # Photon noise: variance grows with the counts; read noise bounds the weight of the first groups.
    w = weight / np.maximum(values, 0.02 * scale)
    powers = [x**power for power in range(2, parameters.order + 1)]
    target = (ideal - values) / scale
    matrix = np.array([[np.sum(w * a * b, axis=0) for a in powers] for b in powers])
    right = np.array([np.sum(w * a * target, axis=0) for a in powers])
    matrix, right = np.moveaxis(matrix, (0, 1), (-2, -1)), np.moveaxis(right, 0, -1)
    good = (weight.sum(axis=0) >= parameters.least_groups) & (rate > 0) & (top > 0)
    matrix[~good] = np.eye(len(powers))
    solved = np.linalg.solve(matrix, right[..., None])[..., 0]
    result = np.full((parameters.order + 1, *top.shape), np.nan)
    result[0], result[1] = 0.0, 1.0
    for power in range(2, parameters.order + 1):
        result[power] = solved[..., power - 2] / scale ** (power - 1)
    result[:, ~good] = np.nan
    return result


def _beginning(values, weight, time, top, low):
    """Rate and offset at the beginning of ramps: F = offset + rate t + b t^2 below `low` of the range."""
    w = weight * (values <= low * top)
    few = w.sum(axis=0) < 4
    w = np.where(few, weight * (time <= time[3]), w)
    moments = [np.sum(w * time**power, axis=0) for power in range(5)]
    matrix = np.array([[moments[a + b] for a in range(3)] for b in range(3)])
    right = np.array([np.sum(w * time**power * values, axis=0) for power in range(3)])
    matrix, right = np.moveaxis(matrix, (0, 1), (-2, -1)), np.moveaxis(right, 0, -1)
    singular = w.sum(axis=0) < 4
    matrix[singular] = np.eye(3)
    solved = np.linalg.solve(matrix, right[..., None])[..., 0]
    offset, rate, curvature = (solved[..., index] for index in range(3))
    # The straight line is the one of no counts: its rate is that where F = 0, and it goes through the origin of F.
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.maximum(rate**2 - 4 * curvature * offset, 0.0))
        start = np.where(np.abs(rate + root) > 0, -2 * offset / (rate + root), 0.0)
    at_start = rate + 2 * curvature * start
    return at_start, -at_start * start


def _filled(coefficients, unknown, reference):
    """Coefficients with the medians where there is no solution, and none at all for reference pixels."""
    good = ~unknown & ~reference
    identity = np.zeros(coefficients.shape[0])
    identity[1] = 1.0
    medians = np.median(coefficients[:, good], axis=1) if good.any() else identity
    coefficients[:, unknown] = medians[:, None]
    coefficients[:, reference] = identity[:, None]
    return coefficients
