"""Linearity: a polynomial that makes ramps straight."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.reference import LinearityModel
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, NotSuitable, ramp_rows, usable_groups
from hexcal.reffiles.makers.linearity_fit import Normal, polynomials, with_prior

_LEAST, _MOST = 0.9, 1.5
"""Share of the counts that a correction may make of the largest ones, without being called strongly non-linear."""
_HIT = 8.0
"""A step that exceeds the median of the others by so many times their scatter is that of a cosmic ray."""
_SAME_LEVEL = 0.1
"""Ramps whose rates differ by less than this share are averaged."""


class LinearityMaker(Maker):
    """Coefficients of the polynomial in the measured counts that gives the counts of a linear detector.

    The mean ramps of each pixel, below saturation, of each level of light by itself, are made straight in time by
    F + c2 F^2 + ... + cn F^n, fitted to the differences of successive groups, so that the correction tends to 1 at the
    low end. The counts are those above the superbias; of MIRI, whose bias is not subtracted, those above the beginning
    of the ramps. With `prior`, what the pixels have in common is taken into account as far as the noise of a pixel asks
    for it: few flats then give what many would.
    """

    label = "linearity"
    reference_type = "linearity"
    inputs = "F+"
    # Near-infrared detectors have no reset correction, MIRI no superbias: each takes what it has.
    steps = "reset-,superbias-,refpix"
    forbidden = ("linearity",)
    needs = ("mask", "superbias", "saturation")

    class Parameters(MakerParameters):
        """Parameters of the fit."""

        order: int = parameter(3, "Order of the polynomial.", ge=2, le=6)
        prior: bool = parameter(True, "Draw noisy coefficients to what the pixels have in common.")
        skip_groups: int = parameter(0, "Groups at the beginning that are left out (MIRI: reset, first frame).", ge=0)
        least_range: float = parameter(
            0.1, "Pixels whose ramps rise by less than this share of the median have no solution.", ge=0, lt=1
        )
        least_groups: int = parameter(6, "Pixels with fewer good groups have no solution.", ge=4)

    def make(self, members, parameters, log):
        """Return the coefficients."""
        models, n_groups = [model for _, model in members.models], members.n_groups
        levels = _levels(models, n_groups)
        log.info("%d ramps of %d levels of light", len(models), len(levels))
        reference = members.reference_pixels()
        normal, top = self._equations(members, levels, parameters)
        _tell_orders(normal, parameters, log)
        solution = normal.solve(parameters.least_groups)
        if parameters.prior:
            solution, drawn = with_prior(solution, ~reference)
            log.info("%d pixels are drawn to what all have in common", drawn.sum())
        coefficients = polynomials(solution, normal.scale, normal.origin, parameters.order)
        reach = top - normal.origin
        # Without light a ramp is noise, and what fits it is no property of the pixel.
        dark = reach < parameters.least_range * np.median(reach[~reference])
        unknown = (dark | ~np.isfinite(coefficients).all(axis=0)) & ~reference
        if (unknown | reference).all():
            raise NotSuitable(
                f"no pixel has the {parameters.least_groups} good groups below saturation that the fit needs",
                where="NGROUPS",
                hint="use flats of more groups, or of less light; --linearity.least_groups accepts fewer (at least 4)",
            )
        coefficients = _filled(coefficients, unknown, reference, members)
        dq = np.where(unknown | reference, np.uint32(pixel.NO_LIN_CORR), np.uint32(0)).astype(np.uint32)
        self._flag_strange(dq, coefficients, top, normal.origin, log, members)
        log.info(
            "%d of %d pixels have no solution: median of their amplifier, NO_LIN_CORR", unknown.sum(), unknown.size
        )
        model = LinearityModel(coeffs=coefficients.astype(np.float32))
        model.dq, model.dq_def = dq, definitions("DO_NOT_USE", "NO_LIN_CORR", "NONLINEAR")
        return model

    @staticmethod
    def _equations(members, levels, parameters):
        """Normal equations of all pixels, and their largest good counts."""
        n_groups = members.n_groups
        scale, origin, top = (np.zeros(members.shape) for _ in range(3))
        whole = Normal(parameters.order, scale, origin)
        samples = sum(int(np.prod(model.shape_of("data")[:2])) for models in levels for model in models)
        for first, last in members.bands(2 * samples):
            means = [_mean_ramp(models, first, last, n_groups, parameters.skip_groups) for models in levels]
            rows = slice(first, last)
            values = np.stack([np.where(number > 0, ramp, -np.inf).max(axis=0) for ramp, number in means])
            top[rows] = np.where(np.isfinite(values), values, 0.0).max(axis=0)
            if members.first.is_miri:
                origin[rows] = _beginning(means)
            scale[rows] = np.where(top[rows] > origin[rows], top[rows] - origin[rows], 1.0)
            part = Normal(parameters.order, scale[rows], origin[rows])
            for ramp, number in means:
                part.add(ramp, number)
            for name in ("matrix", "right", "square", "number", "levels"):
                getattr(whole, name)[rows] = getattr(part, name)
        return whole, top

    @staticmethod
    def _flag_strange(dq, coefficients, top, origin, log, members):
        """Flag corrections that do not rise, or are far from 1 at the largest counts, in place; keep their map."""
        steps = np.linspace(0.05, 1.0, 20)
        before, ratio = None, np.ones(top.shape)
        falls = np.zeros(top.shape, bool)
        for step in steps:
            counts = origin + step * (top - origin)
            value = sum(plane * counts**power for power, plane in enumerate(coefficients))
            falls |= value <= (origin if before is None else before)
            before = value
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = (value - origin) / (counts - origin)
        seen = (dq & np.uint32(pixel.NO_LIN_CORR)) == 0
        strange = seen & (falls | ~np.isfinite(ratio) | (ratio < _LEAST) | (ratio > _MOST))
        dq[strange] |= np.uint32(pixel.NONLINEAR)
        members.pictures["correction at the largest counts"] = np.where(seen, ratio, np.nan)
        log.info(
            "Correction at the largest counts: %.4f (median); %d do not rise or are out of %.1f to %.1f: NONLINEAR",
            *(float(np.median(ratio[seen])) if seen.any() else 1.0, strange.sum(), _LEAST, _MOST),
        )


def _tell_orders(normal, parameters, log):
    """Say how well polynomials of each order fit: residuals relative to those of the highest one."""
    variances = []
    for order in range(2, parameters.order + 1):
        variance = normal.solve(parameters.least_groups, order).variance
        variances.append(float(np.nanmedian(variance)) if np.isfinite(variance).any() else np.nan)
    texts = [f"{order}: {value / variances[-1]:.3f}" for order, value in enumerate(variances, 2)]
    log.info("Reduced chi-square by order, in units of that of order %d: %s", parameters.order, ", ".join(texts))


def _levels(models, n_groups):
    """Models in groups of nearly the same rate of light, the brightest first."""
    rates = []
    for model in models:
        rows = model.shape_of("data")[2]
        middle = np.s_[0, : min(3, n_groups), rows // 4 : 3 * rows // 4 + 1]
        part = np.asarray(model.read("data", middle), float)
        rates.append(float(np.median(np.diff(part, axis=0))) if len(part) > 1 else 0.0)
    levels: list[tuple[float, list[Any]]] = []
    for rate, model in sorted(zip(rates, models, strict=True), key=lambda pair: -pair[0]):
        if levels and abs(levels[-1][0] - rate) <= _SAME_LEVEL * abs(levels[-1][0]):
            levels[-1][1].append(model)
        else:
            levels.append((rate, [model]))
    return [members for _, members in levels]


def _mean_ramp(models, first, last, n_groups, skipped) -> tuple[Any, Any]:
    """Mean of all integrations, and how many of them are good: (ngroups, rows, nx)."""
    if not models:
        raise InputError("there are no ramps to fit")
    parts = [ramp_rows(model, first, last, n_groups) for model in models]
    ramps = np.concatenate([data for data, _ in parts])
    spoiled = np.concatenate([(flags & SPOILED) != 0 for _, flags in parts])
    # After a group that is bad, the counts of the ramp are shifted: only what comes before counts.
    good = ~np.logical_or.accumulate(spoiled | _hits(ramps, spoiled), axis=1) & np.isfinite(ramps)
    start = 0
    for data, flags in parts:
        good[start : start + len(data), ~usable_groups(flags)] = False
        start += len(data)
    good[:, :skipped] = False
    number = good.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(good, ramps, 0.0).sum(axis=0, dtype=np.float64) / number, number


def _hits(ramps, spoiled):
    """Samples before which a cosmic ray has hit: a step that is larger than those of the other ramps of that level.

    The step jump cannot be used: the steps of a ramp that is not yet linear differ by more than their noise.
    """
    hits = np.zeros(ramps.shape, bool)
    if len(ramps) < 2:
        return hits
    steps = np.diff(ramps, axis=1)
    # Of two ramps each is compared with the other one.
    middle = np.median(steps, axis=0) if len(ramps) > 2 else steps[::-1]
    apart = np.where(spoiled[:, 1:], 0.0, steps - middle)
    # The noise of a group is that of all pixels.
    spread = 1.4826 * np.median(np.abs(apart).reshape(len(apart), apart.shape[1], -1), axis=(0, 2))
    hits[:, 1:] = apart > _HIT * np.maximum(spread, 1e-6)[None, :, None, None]
    return hits


def _beginning(means):
    """Counts at which ramps begin: the first good group less one step, the faintest level, (rows, nx)."""
    ramp, number = means[-1]
    good = (number > 0) & np.isfinite(ramp)
    first = np.argmax(good, axis=0)
    later = np.minimum(first + 1, len(ramp) - 1)
    values = np.where(good, ramp, 0.0)
    at_first, at_later = (np.take_along_axis(values, index[None], 0)[0] for index in (first, later))
    return at_first - (at_later - at_first) * (first + 1)


def _filled(coefficients, unknown, reference, members):
    """Coefficients with the medians of the amplifier where there is no solution, and none for reference pixels."""
    identity = np.zeros(coefficients.shape[0])
    identity[1] = 1.0
    for part in members.amplifiers():
        here = np.zeros(unknown.shape, bool)
        here[part] = True
        good, absent = here & ~unknown & ~reference, here & unknown
        medians = np.median(coefficients[:, good], axis=1) if good.any() else identity
        coefficients[:, absent] = medians[:, None]
    coefficients[:, reference] = identity[:, None]
    return coefficients
