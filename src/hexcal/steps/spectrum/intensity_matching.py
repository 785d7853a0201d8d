"""Polynomials that take away the differences of brightness between cubes of one field."""

from typing import NamedTuple

import numpy as np

_SIGMAS, _ROUNDS = 3.0, 5


class Polynomial(NamedTuple):
    """Brightness as a polynomial of place and wavelength.

    Attributes
    ----------
    degree : int
        Highest power of each of the three coordinates.
    reference : (float, float, float)
        RA and Dec (degrees) of the tangent point, and wavelength (micron), where all coordinates are 0.
    scale : (float, float, float)
        What one is: arcsec, arcsec, micron.
    coefficients : float64 array (degree + 1, degree + 1, degree + 1)
        Of xi^i eta^j wavelength^k.
    """

    degree: int
    reference: tuple
    scale: tuple
    coefficients: np.ndarray

    def __call__(self, ra, dec, wavelength):
        """Return its values at places (degrees) and wavelengths (micron)."""
        from hexcal.steps.spectrum.cube_grid import tangent

        xi, eta = tangent(ra, dec, *self.reference[:2])
        scaled = xi / self.scale[0], eta / self.scale[1], (wavelength - self.reference[2]) / self.scale[2]
        return np.polynomial.polynomial.polyval3d(*scaled, self.coefficients)


def is_background(values):
    """Return which voxels of a cube (nz, ny, nx) are not brighter or fainter than their plane (bool array).

    Values farther than three times the scatter from the median of a plane, which sources are, do not count, nor NaN.
    """
    kept = np.isfinite(values)
    for plane, used in zip(values, kept, strict=True):
        for _ in range(_ROUNDS):
            if used.sum() < 3:
                break
            middle = np.median(plane[used])
            scatter = 1.4826 * np.median(np.abs(plane[used] - middle))
            far = used & (np.abs(plane - middle) > _SIGMAS * scatter)
            if not far.any():
                break
            used &= ~far
    return kept


def matched(values, errors, coordinates, degree):
    """Return the coefficients that make cubes agree best with each other.

    They minimize the sum over all pairs of cubes n, m and all voxels of
    ``(I_n - I_m - P_n + P_m)^2 / (sigma_n^2 + sigma_m^2)``; of all that do, those with the least sum of squares, so
    that their mean is 0.

    Parameters
    ----------
    values, errors : list of float array (K,)
        Brightness and errors of the voxels of each cube; NaN: not used.
    coordinates : tuple of 3 float arrays (K,)
        Of the voxels, scaled to about -1 to 1.
    degree : int
        Highest power of each coordinate.

    Returns
    -------
    list of float64 array (degree + 1, degree + 1, degree + 1)
        NaN for all where no two cubes have a voxel in common.
    """
    x, y, z = coordinates
    terms = np.polynomial.polynomial.polyvander3d(x, y, z, (degree, degree, degree))
    count, size = len(values), terms.shape[-1]
    matrix, right = np.zeros((count, size, count, size)), np.zeros((count, size))
    for n in range(count):
        for m in range(n + 1, count):
            weight = 1 / (np.square(errors[n], dtype=np.float64) + np.square(errors[m], dtype=np.float64))
            difference = np.asarray(values[n], np.float64) - values[m]
            both = np.isfinite(difference) & np.isfinite(weight)
            used = terms[both]
            products = used.T @ (used * weight[both][:, None])
            matrix[n, :, n] += products
            matrix[m, :, m] += products
            matrix[n, :, m] -= products
            matrix[m, :, n] -= products
            step = used.T @ (difference[both] * weight[both])
            right[n] += step
            right[m] -= step
    if not matrix.any():
        return [np.full((degree + 1,) * 3, np.nan)] * count
    solution = np.linalg.lstsq(matrix.reshape(count * size, count * size), right.ravel(), rcond=1e-10)[0]
    return list(solution.reshape(count, degree + 1, degree + 1, degree + 1))
