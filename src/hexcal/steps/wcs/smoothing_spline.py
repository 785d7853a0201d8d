"""A smoothing spline: the cubic one with the fewest knots that differs from values by no more than it may.

It is the spline of FITPACK, to rounding, without the library: that takes longer to load than a spectrum to calibrate.
"""

import itertools
from typing import NamedTuple

import numpy as np

_DEGREE = 3
_ORDER = _DEGREE + 1
_TOLERANCE = 1e-3
"""Relative, of the sum of squares."""
_MOST_ROUNDS = 20
_FAR, _NEAR = 0.04, 0.1
"""How the weight of smoothness is changed as long as it is not known between which two it lies."""


class _Fit(NamedTuple):
    """Coefficients of the splines, the sum of squares, and the sum of the diagonal of the triangular matrix."""

    coefficients: np.ndarray
    squares: float
    diagonal: float


def smoothed(x, values, squares):
    """Return values without their scatter.

    Parameters
    ----------
    x : float64 array (n,)
        Rising.
    values : float64 array (n,)
    squares : float
        Sum of the squares of the differences that are allowed.

    Returns
    -------
    float64 array (n,)
        Of the cubic spline at `x`.

    Notes
    -----
    Dierckx 1975, J. Comp. Appl. Math. 1, 165; Dierckx 1993, Curve and Surface Fitting with Splines, section 5.2: knots
    are added where the residuals are largest until the least-squares spline is nearer than asked for; with these knots
    the smoothest spline is taken that differs by `squares`.
    """
    x, values = np.asarray(x, np.float64), np.asarray(values, np.float64)
    knots = _Knots(x)
    first = before = fit = _fitted(knots, values)
    accuracy, added = _TOLERANCE * squares, 0
    while abs(fit.squares - squares) >= accuracy and fit.squares > squares and knots.can_grow():
        added = _how_many(added, fit.squares - squares, before.squares - fit.squares, accuracy)
        knots.add(added, _residuals(knots, values, fit))
        before, fit = fit, _fitted(knots, values)
    if abs(fit.squares - squares) < accuracy or fit.squares > squares or not knots.interior.size:
        return knots.splines @ fit.coefficients
    return knots.splines @ _smoothest(knots, values, squares, first.squares, fit)


def _how_many(added, excess, gain, accuracy):
    """How many knots are added, by how much the last ones have helped; 1 at first."""
    if not added:
        return 1
    wanted = int(added * excess / gain) if gain > accuracy else 2 * added
    return min(2 * added, max(wanted, added // 2, 1))


class _Knots:
    """Knots at some of the points, and the values of the B-splines at all points."""

    def __init__(self, x):
        self.x, self.inside = x, [x.size - 2]
        """Number of points inside each interval between knots."""
        self.places = []
        """Indices of the points that are knots."""
        self._update()

    def _update(self):
        self.interior = self.x[self.places]
        self.all = np.concatenate([[self.x[0]] * _ORDER, self.interior, [self.x[-1]] * _ORDER])
        self.splines = b_splines(self.all, self.x)

    def can_grow(self):
        """Whether there are points that are not knots."""
        return any(self.inside) and self.all.size < self.x.size + _ORDER

    def add(self, count, squares):
        """Add knots, each in the middle of the interval with the largest sum of squared residuals."""
        squares, inside = list(squares), list(self.inside)
        for _ in range(count):
            open_spans = [number for number, points in enumerate(inside) if points]
            if not open_spans or len(inside) + 2 * _ORDER - 1 >= self.x.size + _ORDER:
                break
            number = max(open_spans, key=lambda span: squares[span])
            points, whole = inside[number], squares[number]
            left = points // 2
            right = points - left - 1
            start = sum(inside[:number]) + number
            self.places.insert(number, start + left + 1)
            inside[number : number + 1] = left, right
            squares[number : number + 1] = whole * left / points, whole * right / points
        self.inside = inside
        self._update()


def b_splines(knots, x):
    """Return the values of all cubic B-splines of some knots, each of the first and last one four times.

    Parameters
    ----------
    knots : float64 array (m,)
    x : float64 array (n,)

    Returns
    -------
    float64 array (n, m - 4)
    """
    interval = np.clip(np.searchsorted(knots, x, side="right") - 1, _DEGREE, knots.size - _ORDER - 1)
    values = np.zeros((x.size, _ORDER))
    values[:, 0] = 1.0
    for degree in range(1, _ORDER):
        former = values[:, :degree].copy()
        values[:, : degree + 1] = 0.0
        for number in range(degree):
            right, left = knots[interval + number + 1], knots[interval + number + 1 - degree]
            part = former[:, number] / (right - left)
            values[:, number] += part * (right - x)
            values[:, number + 1] = part * (x - left)
    whole = np.zeros((x.size, knots.size - _ORDER))
    whole[np.arange(x.size)[:, None], interval[:, None] + np.arange(-_DEGREE, 1)] = values
    return whole


def _fitted(knots, values, more=None):
    """Least squares of the splines; `more` are further rows whose values are to be 0."""
    rows = knots.splines if more is None else np.vstack([knots.splines, more])
    q, r = np.linalg.qr(rows)
    coefficients = np.linalg.solve(r, q[: values.size].T @ values)
    squares = float(((values - knots.splines @ coefficients) ** 2).sum())
    return _Fit(coefficients, squares, float(np.abs(np.diag(r)).sum()))


def _residuals(knots, values, fit):
    """Sum of squared residuals of each interval; those at knots count half in each of their neighbours."""
    squares = (values - knots.splines @ fit.coefficients) ** 2
    sums = np.concatenate([[0.0], np.cumsum(squares)])
    edges = [0, *knots.places, values.size]
    result = []
    for first, last in itertools.pairwise(edges):
        total = sums[last] - sums[first]
        total += 0.5 * squares[last] if last < values.size else 0.0
        result.append(total - (0.5 * squares[first] if first else 0.0))
    return result


def _jumps(knots):
    """The jumps of the third derivative of each spline at the interior knots (n interior, n splines), scaled."""
    t, count = knots.all, knots.interior.size
    scale = (count + 1) / (t[-1] - t[0])
    rows = np.zeros((count, t.size - _ORDER))
    for number in range(count):
        at = number + _ORDER
        for spline in range(number, number + _ORDER + 1):
            others = np.delete(t[spline : spline + _ORDER + 1], at - spline)
            product = np.prod((t[at] - others) * scale) / scale
            rows[number, spline] = (t[spline + _ORDER] - t[spline]) / product
    return rows


def _smoothest(knots, values, squares, of_polynomial, fit):
    """Coefficients of the spline that differs by `squares`, between the polynomial and the least-squares spline.

    The weight p of the differences solves ``F(p) = squares``, by a rational function through three values of F.
    """
    jumps, accuracy = _jumps(knots), _TOLERANCE * squares
    low, high = [0.0, of_polynomial - squares], [-1.0, fit.squares - squares]
    p, seen_low, seen_high = knots.splines.shape[1] / fit.diagonal, False, False
    for _ in range(_MOST_ROUNDS):
        fit = _fitted(knots, values, jumps / p)
        here = fit.squares - squares
        if abs(here) < accuracy:
            break
        if not seen_high and here - high[1] <= accuracy:
            high, p = [p, here], p * _FAR
            p = 0.9 * low[0] + 0.1 * high[0] if p <= low[0] else p
            continue
        seen_high = seen_high or here < 0
        if not seen_low and low[1] - here <= accuracy:
            low, p = [p, here], p / _FAR
            p = _NEAR * low[0] + 0.9 * high[0] if 0 <= high[0] <= p else p
            continue
        seen_low = seen_low or here > 0
        if not high[1] < here < low[1]:
            break
        p, low, high = _next(low, [p, here], high)
    return fit.coefficients


def _next(low, middle, high):
    """Where the rational function through three values is zero; the two of them that it lies between."""
    (p1, f1), (p2, f2), (p3, f3) = low, middle, high
    if p3 > 0:
        h1, h2, h3 = f1 * (f2 - f3), f2 * (f3 - f1), f3 * (f1 - f2)
        p = -(p1 * p2 * h3 + p2 * p3 * h1 + p3 * p1 * h2) / (p1 * h1 + p2 * h2 + p3 * h3)
    else:
        p = (p1 * (f1 - f3) * f2 - p2 * (f2 - f3) * f1) / ((f1 - f2) * f3)
    return (p, low, middle) if f2 < 0 else (p, middle, high)
