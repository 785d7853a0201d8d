"""The fit of a tangent plane with SIP polynomials to the WCS of an image.

Points, fit and choice of the degree are those of gwcs (`gwcs.WCS.to_fits_sip`), which would have to be loaded with all
its transforms.
"""

from typing import NamedTuple

import numpy as np

from hexcal.models.wcs import models
from hexcal.steps.wcs.evaluate import box_of, evaluate_points, pixel_to_sky

_FEWEST_POINTS = 8


class Grid(NamedTuple):
    """Points of an image.

    Attributes
    ----------
    u, v : float64 array (n,)
        Pixels from the reference pixel.
    x, y : float64 array (n,)
        The same points in the tangent plane, degrees.
    """

    u: np.ndarray
    v: np.ndarray
    x: np.ndarray
    y: np.ndarray


class Polynomials(NamedTuple):
    """Polynomials of two coordinates for both coordinates of the result, without a constant.

    Attributes
    ----------
    degree : int
    coefficients : dict of (int, int) to float64 array (2,)
        By the powers of the first and the second coordinate.
    error : float
        Largest distance from the points that they are fitted to.
    """

    degree: int
    coefficients: dict
    error: float

    def __call__(self, x, y):
        powers = np.array([x**i * y**j for i, j in self.coefficients])
        return np.array(list(self.coefficients.values())).T @ powers


def header_of(wcs, crpix, *, bounding_box, npoints, max_pix_error, degree, max_inv_pix_error, inv_degree):
    """Return FITS keywords that approximate a WCS.

    Parameters
    ----------
    wcs : Wcs
        Of an image.
    crpix : (float, float) or None
        Reference pixel, the first one counted 1; None: the middle of the bounding box, to a tenth of a pixel.
    bounding_box : ((float, float), (float, float)) or None
        Pixels for which the approximation holds; None: the bounding box of the WCS.
    npoints : int
        Points along each axis.
    max_pix_error, max_inv_pix_error : float or None
        Largest errors, pixels; the second one None or 0: there is no way back.
    degree, inv_degree : iterable of int or int
        Degrees to be tried; one number: that.

    Returns
    -------
    dict
        Keyword -> value.

    Raises
    ------
    ValueError
        If it cannot be fitted.

    Notes
    -----
    Convention of SIP: Shupe et al. 2005, ASPC 347, 491.
    """
    box = bounding_box or _pairs(box_of(wcs))
    if box is None:
        raise ValueError("A bounding box is needed")
    if npoints < _FEWEST_POINTS:
        raise ValueError(f"{npoints} points along each axis are too few, {_FEWEST_POINTS} are needed")
    if min(high - low for low, high in box) < 1:
        raise ValueError("The bounding box is too small for polynomials")
    middle = [round(float(np.mean(pair)), 1) for pair in box]
    origin = middle if crpix is None else [place - 1 for place in crpix]
    ra, dec = (float(value) for value in pixel_to_sky(wcs, origin[0], origin[1]))
    plane = models.RotateCelestial2Native(ra, dec, 180.0) | models.Sky2Pix_Gnomonic()
    coarse, fine = (_grid(wcs, plane, box, origin, count) for count in (npoints, 2 * npoints))
    near = evaluate_points(plane, *pixel_to_sky(wcs, origin[0] + np.array([0, 1, 0]), origin[1] + np.array([0, 0, 1])))
    (x, y), (x_of_u, y_of_u), (x_of_v, y_of_v) = np.transpose(near)
    scale = float(np.sqrt(abs((x_of_u - x) * (y_of_v - y) - (y_of_u - y) * (x_of_v - x))))
    forward = _fitted(coarse, fine, degree, max_pix_error * scale)
    matrix = np.column_stack([forward.coefficients[1, 0], forward.coefficients[0, 1]])
    keywords = _linear_keywords(wcs, origin, (ra, dec), matrix, forward.degree > 1)
    inverse = np.linalg.inv(matrix)
    if forward.degree > 1:
        keywords |= {"A_ORDER": forward.degree, "B_ORDER": forward.degree}
        bent = {powers: inverse @ pair for powers, pair in forward.coefficients.items() if sum(powers) > 1}
        keywords |= _polynomial_keywords(("A", "B"), bent)
    keywords["SIPMXERR"] = forward.error / scale
    if forward.degree > 1 and max_inv_pix_error:
        back = _fitted(_turned(coarse, inverse), _turned(fine, inverse), inv_degree, max_inv_pix_error)
        keywords |= {"AP_ORDER": back.degree, "BP_ORDER": back.degree}
        keywords |= _polynomial_keywords(("AP", "BP"), back.coefficients)
        keywords["SIPIVERR"] = back.error
    return keywords


def _pairs(box):
    return None if box is None else (box[:2], box[2:])


def _grid(wcs, plane, box, origin, count):
    columns, rows = np.meshgrid(*(np.linspace(low, high, count) for low, high in box))
    x, y = evaluate_points(plane, *pixel_to_sky(wcs, columns.ravel(), rows.ravel()))
    return Grid(columns.ravel() - origin[0], rows.ravel() - origin[1], x, y)


def _turned(grid, inverse):
    """The points the other way: from the tangent plane, in pixels, to what is missing to pixels of the image."""
    u, v = inverse @ np.array([grid.x, grid.y])
    return Grid(u, v, grid.u - u, grid.v - v)


def _fitted(coarse, fine, degrees, largest):
    """The polynomials of the lowest degree whose error is not above the largest one, else the best ones.

    The error is that at the points of both grids where it is reached, or only one degree is asked for.
    """
    degrees = [degrees] if isinstance(degrees, int) else sorted(degrees)
    best = None
    for degree in degrees:
        fit = _fit(coarse, degree)
        if best is not None and not fit.error < best.error:
            break
        best = fit
        if best.error <= largest:
            break
    assert best is not None
    if not np.isfinite(best.error):
        raise ValueError("The points are not on the sky")
    if best.error <= largest or len(degrees) == 1:
        best = best._replace(error=max(best.error, _distance(best, fine)))
    return best


def _fit(grid, degree):
    """Least squares, of coordinates in units of the largest."""
    size = float(max(np.abs(grid.u).max(), np.abs(grid.v).max()))
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i) if i + j > 0]
    terms = np.array([(grid.u / size) ** i * (grid.v / size) ** j for i, j in powers])
    solution = np.linalg.lstsq(terms.T, np.column_stack([grid.x, grid.y]), rcond=None)[0]
    coefficients = {(i, j): pair / size ** (i + j) for (i, j), pair in zip(powers, solution, strict=True)}
    fit = Polynomials(degree, coefficients, 0.0)
    return fit._replace(error=_distance(fit, grid))


def _distance(polynomials, grid):
    x, y = polynomials(grid.u, grid.v)
    return float(np.hypot(x - grid.x, y - grid.y).max())


def _linear_keywords(wcs, origin, sky, matrix, is_bent):
    suffix = "-SIP" if is_bent else ""
    return {
        "WCSAXES": 2,
        "WCSNAME": wcs.output_frame.name,
        **{f"CRPIX{axis}": float(place + 1) for axis, place in enumerate(origin, 1)},
        **{f"CD{i + 1}_{j + 1}": float(matrix[i, j]) for i in range(2) for j in range(2)},
        **{f"CUNIT{axis}": "deg" for axis in (1, 2)},
        "CTYPE1": f"RA---TAN{suffix}",
        "CTYPE2": f"DEC--TAN{suffix}",
        **{f"CRVAL{axis}": value for axis, value in enumerate(sky, 1)},
        "LONPOLE": 180.0,
        "LATPOLE": sky[1],
        "MJDREF": 0.0,
        "RADESYS": "ICRS",
    }


def _polynomial_keywords(names, coefficients):
    return {
        f"{name}_{i}_{j}": float(pair[number])
        for number, name in enumerate(names)
        for (i, j), pair in coefficients.items()
    }
