"""What is in the sky: true count rates, DN/s."""

from dataclasses import dataclass

import numpy as np

STAR_COLUMNS = (("x", "f8"), ("y", "f8"), ("rate", "f8"))
_CORE, _WING, _SPIKE = 1.0, 5.0, 0.9
"""Widths of the star image, pixels: a core, a wing that makes bright stars look bright, and six spikes as of a
hexagonal mirror.
"""


@dataclass(frozen=True)
class Scene:
    """A true image.

    `rate`: float32 (ny, nx), DN/s. `stars`: structured array with x, y (0-based pixels) and rate (DN/s, whole star).
    """

    rate: np.ndarray
    stars: np.ndarray


def flat(shape, level):
    """Return a scene of one rate, DN/s, everywhere."""
    return Scene(np.full(shape, level, np.float32), np.zeros(0, list(STAR_COLUMNS)))


def steps(shape, levels):
    """Return a scene of strips of rows, each of one rate: as many pixels of one flux as possible.

    Parameters
    ----------
    shape : tuple
        (ny, nx).
    levels : sequence of float
        Rates from the bottom to the top, DN/s.
    """
    index = np.arange(shape[0]) * len(levels) // shape[0]
    rate = np.broadcast_to(np.asarray(levels, np.float32)[index][:, None], shape)
    return Scene(np.ascontiguousarray(rate), np.zeros(0, list(STAR_COLUMNS)))


def field(
    shape, sky=0.5, n_stars=None, n_galaxies=None, faintest=10.0, brightest=1e5, galaxy_peaks=(0.3, 100.0), rng=None
):
    """Return a field of stars and galaxies on a slightly tilted sky.

    Parameters
    ----------
    shape : tuple
        (ny, nx).
    sky : float
        Mean rate of the sky, DN/s.
    n_stars : int, optional
        Number of stars; their numbers fall with the square root of their rate. Default 1500 in 2048 x 2048 pixels, and
        as many per area.
    n_galaxies : int, optional
        Number of galaxies with exponential profile; default a fourth of the stars.
    faintest, brightest : float
        Rates of whole stars, DN/s.
    galaxy_peaks : tuple of float
        Central rates of the faintest and the brightest galaxy, DN/s.
    rng : numpy.random.Generator, optional

    Returns
    -------
    Scene
    """
    rng = rng or np.random.default_rng()
    ny, nx = shape
    if n_stars is None:
        n_stars = max(5, round(1500 * nx * ny / 2048**2))
    y, x = np.ogrid[:ny, :nx]
    rate = (sky * (1 + 0.1 * (x / nx - 0.5) - 0.06 * (y / ny - 0.5))).astype(np.float32)
    for _ in range(n_stars // 4 if n_galaxies is None else n_galaxies):
        _add_random_galaxy(rate, rng, *galaxy_peaks)
    stars = np.zeros(n_stars, list(STAR_COLUMNS))
    stars["x"], stars["y"] = rng.uniform(0, nx - 1, n_stars), rng.uniform(0, ny - 1, n_stars)
    # Number above a rate falls as rate**-0.5: inverse of the cumulative distribution.
    low, high = faintest**-0.5, brightest**-0.5
    stars["rate"] = (low + rng.uniform(0, 1, n_stars) * (high - low)) ** -2
    for star in stars:
        add_star(rate, star["x"], star["y"], star["rate"])
    return Scene(rate, stars)


def add_star(rate, x, y, total):
    """Add one star to an image, in place.

    Most of it in a Gaussian core, the rest in a wing that falls off as r**-3, and in six spikes.

    Parameters
    ----------
    rate : float32 array (ny, nx), DN/s
    x, y : float
        Position, 0-based.
    total : float
        Rate of the whole star, DN/s, but for what lies far out.
    """
    reach = int(np.clip(4 * total**0.4, 12, 160))
    box, dy, dx = _box(rate.shape, x, y, reach)
    r2 = np.asarray(dx**2 + dy**2, float)
    core = np.exp(-r2 / (2 * _CORE**2)) / (2 * np.pi * _CORE**2)
    wing = (1 + r2 / _WING**2) ** -1.5 / (2 * np.pi * _WING**2)
    spikes = np.zeros_like(r2)
    for angle in np.deg2rad((30, 90, 150)):
        across = dx * np.sin(angle) - dy * np.cos(angle)
        spikes += np.exp(-(across**2) / (2 * _SPIKE**2)) / (1 + r2 / 25)
    # Each of the three pairs of spikes: 5 pi pixels long, sqrt(2 pi) widths wide.
    spikes /= 3 * 5 * np.pi * np.sqrt(2 * np.pi) * _SPIKE
    rate[box] += (total * (0.85 * core + 0.09 * wing + 0.06 * spikes)).astype(np.float32)


def _add_random_galaxy(rate, rng, faintest, brightest):
    x, y = rng.uniform(0, rate.shape[1]), rng.uniform(0, rate.shape[0])
    length, axis_ratio, angle = 1.5 * 8 ** rng.power(0.6), rng.uniform(0.25, 1), rng.uniform(0, np.pi)
    add_galaxy(rate, x, y, faintest * (brightest / faintest) ** rng.uniform(0, 1), length, axis_ratio, angle)


def add_galaxy(rate, x, y, peak, length, axis_ratio=1.0, angle=0.0, arms=0.0):
    """Add one galaxy to an image, in place: a disk of exponential profile.

    Parameters
    ----------
    rate : float32 array (ny, nx), DN/s
    x, y : float
        Position, 0-based.
    peak : float
        Rate in the centre, DN/s.
    length : float
        Scale length along the major axis, pixels.
    axis_ratio, angle : float
        Minor over major axis, and angle of the latter from the x axis, radians.
    arms : float
        Relative height of two spiral arms.
    """
    box, dy, dx = _box(rate.shape, x, y, int(9 * length) + 1)
    along, across = dx * np.cos(angle) + dy * np.sin(angle), (dy * np.cos(angle) - dx * np.sin(angle)) / axis_ratio
    radius = np.hypot(along, across) / length
    winding = np.cos(2 * (np.arctan2(across, along) - 2.2 * np.log(radius + 0.3)))
    profile = peak * np.exp(-radius) * (1 + arms * winding * radius / (1 + radius))
    rate[box] += profile.astype(np.float32)


def _box(shape, x, y, reach):
    rows = slice(max(int(y) - reach, 0), min(int(y) + reach + 1, shape[0]))
    columns = slice(max(int(x) - reach, 0), min(int(x) + reach + 1, shape[1]))
    dy, dx = np.arange(rows.start, rows.stop)[:, None] - y, np.arange(columns.start, columns.stop)[None, :] - x
    return (rows, columns), dy, dx
