"""Footprints on the sky, and which pixels of one image lie in that of another."""

import numpy as np


def boundary(shape: tuple[int, int], step: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the outline of an image in pixels, along the outer edges of its pixels.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx).
    step : int, optional
        Largest distance of vertices, in pixels; default: the corners only.

    Returns
    -------
    x, y : float64 array (n,)
    """
    ny, nx = shape
    corners = [(-0.5, -0.5), (nx - 0.5, -0.5), (nx - 0.5, ny - 0.5), (-0.5, ny - 0.5)]
    x, y = [], []
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        length = max(abs(x2 - x1), abs(y2 - y1))
        count = 1 if step is None else max(1, int(np.ceil(length / step)))
        x.append(np.linspace(x1, x2, count + 1)[:-1])
        y.append(np.linspace(y1, y2, count + 1)[:-1])
    return np.concatenate(x), np.concatenate(y)


def unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return directions on the sky (degrees) as unit vectors (n, 3)."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def directions(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return right ascension and declination (degrees) of vectors (n, 3)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))


def intersection(first: np.ndarray, second: np.ndarray) -> np.ndarray | None:
    """Return where two polygons on the sphere overlap; where ``second`` is not convex, its convex hull is taken.

    In the gnomonic projection about the centre of ``second`` great circles are straight lines, so that the intersection
    of the plane polygons is exact.

    Parameters
    ----------
    first, second : float64 array (n, 3)
        Vertices as unit vectors, each polygon smaller than a hemisphere.

    Returns
    -------
    float64 array (m, 3) or None
        Vertices as vectors; None if they do not overlap.
    """
    centre = second.mean(axis=0)
    centre /= np.linalg.norm(centre)
    # Beyond the horizon of the projection nothing can overlap.
    if np.any(first @ centre <= 0.01):
        return None
    pole = np.array([0.0, 0, 1]) if abs(centre[2]) < 0.9 else np.array([1.0, 0, 0])
    east = np.cross(pole, centre)
    east /= np.linalg.norm(east)
    axes = np.stack([east, np.cross(centre, east)])
    plane = clip_convex(_projected(first, centre, axes), hull_of(_projected(second, centre, axes)))
    return None if len(plane) < 3 else plane @ axes + centre


def _projected(vectors, centre, axes):
    return (vectors @ axes.T) / (vectors @ centre)[:, None]


def hull_of(points: np.ndarray) -> np.ndarray:
    """Return the vertices of the convex hull of points (n, 2), anti-clockwise (Andrew's monotone chain)."""
    ordered = sorted(map(tuple, points))
    chains = []
    for sequence in (ordered, ordered[::-1]):
        chain: list = []
        for point in sequence:
            while len(chain) > 1 and _side(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        chains += chain[:-1]
    return np.array(chains)


def _side(a, b, point):
    """Positive where a point lies to the left of the line from a to b."""
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])


def clip_convex(polygon: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the part of a polygon inside a convex one (Sutherland and Hodgman 1974).

    Parameters
    ----------
    polygon : float64 array (n, 2)
        Any polygon.
    window : float64 array (m, 2)
        Convex, anti-clockwise.

    Returns
    -------
    float64 array (k, 2)
        Empty if nothing of it is inside.
    """
    points = list(map(tuple, polygon))
    for a, b in zip(window, np.roll(window, -1, axis=0), strict=True):
        kept = []
        for start, end in zip(points, points[1:] + points[:1], strict=True):
            side_start, side_end = _side(a, b, start), _side(a, b, end)
            if side_start >= 0:
                kept.append(start)
            if (side_start >= 0) != (side_end >= 0):
                t = side_start / (side_start - side_end)
                kept.append((start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])))
        points = kept
        if not points:
            break
    return np.array(points).reshape(-1, 2)
