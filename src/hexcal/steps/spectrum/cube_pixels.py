"""The pixels of a slice in the spaxels of a cube: their corners, or their middles."""

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.steps.spectrum.ifu_planes import SlicePixels, SlicePlane

_CLOSE = 1e-6
"""Spaxels by which the polynomials may be off."""
_NODES = ((7, 6), (10, 9), (14, 12))
"""Numbers of nodes along a slice and in wavelength: the first that is exact enough is taken."""


def corners(plane: SlicePlane, pixels: SlicePixels, place):
    """Return the corners of the pixels of a slice in spaxels: x, y, float64 arrays (4, n), in order.

    Parameters
    ----------
    plane : SlicePlane
        The slice.
    pixels : SlicePixels
        Its pixels.
    place : callable
        ``place(ra, dec) -> (x, y)`` of the grid.
    """
    x, y = (np.empty((4, pixels.along.size)) for _ in range(2))
    if not pixels.along.size:
        return x, y
    first, second = pixels.ends[:2], pixels.ends[2:]
    for side, rows in ((-0.5, (0, 3)), (0.5, (1, 2))):
        edge = _Edge(plane, pixels, side * plane.width, place)
        for row, (along, wavelength) in zip(rows, (first, second), strict=True):
            x[row], y[row] = edge(along, wavelength)
    return x, y


def middles(plane: SlicePlane, pixels: SlicePixels, place):
    """Return the middles of the pixels of a slice in spaxels: x, y, float64 arrays (n,). As `corners`."""
    if not pixels.along.size:
        return pixels.along, pixels.along
    return _Edge(plane, pixels, 0.0, place)(pixels.along, pixels.wavelength)


class _Edge:
    """A line along a slice on the sky, by wavelength, as polynomials."""

    def __init__(self, plane, pixels, offset, place):
        self.across = float(np.median(pixels.across)) + offset
        self.exact = lambda along, wavelength: place(
            *plane.to_sky(along, np.full(np.shape(along), self.across), wavelength)
        )
        along = np.concatenate([pixels.ends[0], pixels.ends[2], pixels.along])
        wavelength = np.concatenate([pixels.ends[1], pixels.ends[3], pixels.wavelength])
        self.ranges = [(float(np.nanmin(values)), float(np.nanmax(values))) for values in (along, wavelength)]
        self.surfaces = self._fitted()

    def _fitted(self):
        """The polynomials of x and y; None if none is exact enough."""
        from hexcal.kernels.surface import surface_through

        check = np.linspace(-0.97, 0.97, 9)
        check_u, check_v = (values.ravel() for values in np.meshgrid(check, check))
        for nu, nv in _NODES:
            nodes = [np.cos(np.pi * (np.arange(n) + 0.5) / n) for n in (nu, nv)]
            u, v = (values.ravel() for values in np.meshgrid(*nodes, indexing="ij"))
            # One call for both: a call takes longer than many points.
            both = self._scaled_back(np.concatenate([u, check_u]), np.concatenate([v, check_v]))
            planes = self.exact(*both)
            surfaces = [surface_through(plane[: u.size].reshape(nu, nv), *nodes) for plane in planes]
            off = [
                np.abs(_at(surface, check_u, check_v) - plane[u.size :])
                for surface, plane in zip(surfaces, planes, strict=True)
            ]
            if np.max(off) < _CLOSE:
                return surfaces
        return None

    def _scaled_back(self, u, v):
        return [
            0.5 * (low + high) + 0.5 * (high - low) * values
            for values, (low, high) in zip((u, v), self.ranges, strict=True)
        ]

    def __call__(self, along, wavelength):
        if self.surfaces is None:
            return self.exact(along, wavelength)
        scaled = [
            (values - 0.5 * (low + high)) / (0.5 * (high - low) or 1.0)
            for values, (low, high) in zip((along, wavelength), self.ranges, strict=True)
        ]
        return [_at(surface, *scaled) for surface in self.surfaces]


def _at(surface, u, v):
    from hexcal.kernels.surface import evaluate_surface

    out = np.empty(u.shape)
    run_bands(evaluate_surface, u.size, out, np.ascontiguousarray(u), np.ascontiguousarray(v), surface)
    return out
