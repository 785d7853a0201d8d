"""From linear to measured counts: the exact inverse of the correction that the linearity step applies."""

import numpy as np

_ITERATIONS = 4
"""Newton steps. Each squares the relative error; the response deviates from a straight line by a tenth at most, so that
three reach the limit of float32.
"""


def linearized(measured, coefficients):
    """Evaluate the correction polynomial.

    Parameters
    ----------
    measured : float32 array (..., ny, nx), DN
    coefficients : float32 array (ncoeffs, ny, nx)
        Plane = order.

    Returns
    -------
    float32 array, DN
        ``c0 + c1 F + c2 F**2 + ...`` of measured counts F.
    """
    result = np.broadcast_to(coefficients[-1], np.shape(measured)).astype(np.float32)
    for plane in coefficients[-2::-1]:
        result *= measured
        result += plane
    return result


def measured_from(linear, coefficients):
    """Return the counts F that the correction polynomial turns into `linear`: Newton's method, pixel by pixel.

    Parameters
    ----------
    linear : float32 array (ny, nx), DN
        Counts of a perfect detector.
    coefficients : float32 array (ncoeffs, ny, nx)
        Plane = order; the polynomial must rise everywhere up to the full well.

    Returns
    -------
    float32 array (ny, nx), DN
        To float32 precision: 0.004 DN at 60000 DN, a thousandth of the read noise.
    """
    measured = linear.astype(np.float32, copy=True)
    for _ in range(_ITERATIONS):
        value = np.empty_like(measured)
        value[...] = coefficients[-1]
        slope = np.zeros_like(measured)
        for plane in coefficients[-2::-1]:
            slope *= measured
            slope += value
            value *= measured
            value += plane
        value -= linear
        value /= slope
        measured -= value
    return measured
