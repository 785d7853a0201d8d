"""Polynomials of two variables at many points."""

import numpy as np

from hexcal.kernels.compiled import kernel


@kernel
def evaluate_surface(first, last, out, u, v, coefficients):
    """Evaluate sum of c[i, j] u^i v^j.

    Parameters
    ----------
    first, last : int
        Points that are worked on.
    out : float64 array (n,)
        Overwritten.
    u, v : float64 array (n,)
        Where.
    coefficients : float64 array (nu, nv)
        The polynomial.
    """
    nu, nv = coefficients.shape
    for k in range(first, last):
        total = 0.0
        for i in range(nu - 1, -1, -1):
            inner = 0.0
            for j in range(nv - 1, -1, -1):
                inner = inner * v[k] + coefficients[i, j]
            total = total * u[k] + inner
        out[k] = total


def surface_through(values, nodes_u, nodes_v):
    """Return the polynomial (nu, nv) through values (nu, nv) at the nodes, float64 arrays (nu,) and (nv,)."""
    by_u = np.linalg.solve(np.vander(nodes_u, increasing=True), values)
    return np.linalg.solve(np.vander(nodes_v, increasing=True), by_u.T).T
