"""Polynomials of two variables at many points."""

import numpy as np

from hexcal.kernels.compiled import kernel

_BLOCK = 256
"""Points per block: few enough to stay in the cache of the processor."""


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
    inner = np.empty(_BLOCK)
    for start in range(first, last, _BLOCK):
        n = min(_BLOCK, last - start)
        total, x, y = out[start : start + n], u[start : start + n], v[start : start + n]
        for k in range(n):
            total[k] = 0.0
        for i in range(nu - 1, -1, -1):
            for k in range(n):
                inner[k] = 0.0
            for j in range(nv - 1, -1, -1):
                c = coefficients[i, j]
                for k in range(n):
                    inner[k] = inner[k] * y[k] + c
            for k in range(n):
                total[k] = total[k] * x[k] + inner[k]


def surface_through(values, nodes_u, nodes_v):
    """Return the polynomial (nu, nv) through values (nu, nv) at the nodes, float64 arrays (nu,) and (nv,)."""
    by_u = np.linalg.solve(np.vander(nodes_u, increasing=True), values)
    return np.linalg.solve(np.vander(nodes_v, increasing=True), by_u.T).T
