"""A sky of stars and galaxies, and how it looks through a camera."""

from dataclasses import dataclass

import numpy as np

from hexcal.simulate.camera import Camera, Pointing

SOURCE_COLUMNS = (
    ("id", "i4"),
    ("type", "U6"),
    ("ra", "f8"),
    ("dec", "f8"),
    ("flux_jy", "f8"),
    ("sersic_n", "f8"),
    ("re_arcsec", "f8"),
    ("axis_ratio", "f8"),
    ("pa_deg", "f8"),
)
"""Columns of a catalogue: position in degrees, total flux in Jy; Sersic index, half-light radius, axis ratio and
position angle of galaxies.
"""
_STAR_REACH, _GALAXY_REACH = 40, 60
_APART = 14
"""Least distance of two sources, pixels."""


@dataclass(frozen=True)
class Optics:
    """The point-spread function: a sum of round Gaussians.

    Attributes
    ----------
    parts : tuple of (float, float)
        Share of the light and standard deviation in pixels of each.
    """

    parts: tuple

    def encircled(self, radius, boxes=0):
        """Return the share of the light of a star within a radius (pixels).

        The star is blurred by so many boxes of one pixel; each adds 1/12 to the variance.
        """
        return sum(share * (1 - np.exp(-(radius**2) / 2 / (width**2 + boxes / 12))) for share, width in self.parts)


def random_sky(ra, dec, reach, scale, rng, *, density, fluxes):
    """Return a catalogue of stars and galaxies around a position: structured array of `SOURCE_COLUMNS`.

    Parameters
    ----------
    ra, dec : float
        Centre, degrees.
    reach : float
        Half the side of the square that they fill, arcsec.
    scale : float
        Size of a pixel, arcsec.
    rng : numpy.random.Generator
    density : float
        Stars per square arcsec; there are an eighth as many galaxies.
    fluxes : tuple of float
        Faintest and brightest star, microjansky; their numbers per magnitude grow slowly.
    """
    n_stars = max(25, int(density * 4 * reach**2))
    n_galaxies = n_stars // 8
    count = n_stars + n_galaxies
    sources = np.zeros(count, list(SOURCE_COLUMNS))
    places = _apart(count, reach, _APART * scale, rng)
    low, high = np.log10(fluxes)
    sources["id"], sources["type"] = np.arange(1, count + 1), ["star"] * n_stars + ["galaxy"] * n_galaxies
    sources["ra"], sources["dec"] = ra + places[:, 0] / 3600 / np.cos(np.radians(dec)), dec + places[:, 1] / 3600
    sources["flux_jy"] = 10 ** (low + (high - low) * rng.power(0.7, count)) * 1e-6
    sources["axis_ratio"] = 1
    galaxies = sources[n_stars:]
    galaxies["flux_jy"] *= 3
    galaxies["sersic_n"], galaxies["re_arcsec"] = (
        rng.uniform(0.8, 2.5, n_galaxies),
        rng.uniform(2, 6, n_galaxies) * scale,
    )
    galaxies["axis_ratio"], galaxies["pa_deg"] = rng.uniform(0.35, 1, n_galaxies), rng.uniform(0, 180, n_galaxies)
    return sources


def _apart(count, reach, distance, rng):
    """Random places (count, 2), no two closer than `distance`.

    Where there is no room for so many, as far apart as random places are.
    """
    places = np.empty((0, 2))
    for _ in range(100 * count):
        place = rng.uniform(-reach, reach, 2)
        if not len(places) or np.hypot(*(places - place).T).min() > distance:
            places = np.vstack([places, place])
        if len(places) == count:
            return places
    return np.vstack([places, rng.uniform(-reach, reach, (count - len(places), 2))])


def render(sources, camera: Camera, pointing: Pointing, optics: Optics, area):
    """Return what the sources give to every pixel: float64 (ny, nx), MJy/sr.

    Parameters
    ----------
    sources : structured array
        As of `random_sky`.
    camera, pointing, optics
        Through which they are seen.
    area : float array (ny, nx)
        Solid angle of every pixel, sr: the flux of a source is the sum of its surface brightness times this.
    """
    image = np.zeros((camera.ny, camera.nx))
    x, y = pointing.sky_to_pixel(camera, sources["ra"], sources["dec"])
    for source, x_source, y_source in zip(sources, x, y, strict=True):
        is_star = source["type"] == "star"
        box = _box(x_source, y_source, _STAR_REACH if is_star else _GALAXY_REACH, camera)
        if box is None:
            continue
        columns, rows = box
        share = (
            star_share(optics, x_source, y_source, columns, rows)
            if is_star
            else galaxy_share(source, camera, pointing, optics, columns, rows)
        )
        place = np.ix_(rows, columns)
        image[place] += source["flux_jy"] * 1e-6 * share / area[place]
    return image


def _box(x, y, reach, camera):
    if not (-reach < x < camera.nx + reach and -reach < y < camera.ny + reach):
        return None
    columns = np.arange(max(0, int(x) - reach), min(camera.nx, int(x) + reach + 1))
    rows = np.arange(max(0, int(y) - reach), min(camera.ny, int(y) + reach + 1))
    return (columns, rows) if len(columns) and len(rows) else None


def star_share(optics, x, y, columns, rows):
    """Return the share of a star at (x, y) in each pixel, integrated exactly over the pixels: (nrows, ncolumns)."""
    from scipy.special import erf

    total = 0.0
    for share, width in optics.parts:
        across, along = (
            0.5 * (erf((grid + 0.5 - place) / width / 2**0.5) - erf((grid - 0.5 - place) / width / 2**0.5))
            for grid, place in ((columns, x), (rows, y))
        )
        total = total + share * np.outer(along, across)
    return total


def galaxy_share(source, camera, pointing, optics, columns, rows, oversampling=5, margin=25):
    """Return the share of a Sersic galaxy, convolved with the optics, in each pixel: (nrows, ncolumns).

    Notes
    -----
    Sersic profile ``exp(-b (r / re)^(1 / n))`` with ``b = 2 n - 1/3 + 0.009876 / n`` (Ciotti & Bertin 1999; Prugniel &
    Simien 1997) and the total flux ``2 pi n Gamma(2 n) b^(-2 n) re^2``.
    """
    from scipy.ndimage import gaussian_filter
    from scipy.special import gamma

    index, radius, ratio = source["sersic_n"], source["re_arcsec"], source["axis_ratio"]
    b = 2 * index - 1 / 3 + 0.009876 / index
    x, y = (
        (np.arange((len(grid) + 2 * margin) * oversampling) + 0.5) / oversampling - 0.5 + grid[0] - margin
        for grid in (columns, rows)
    )
    center, to_sky = _local(source, camera, pointing)
    dx, dy = np.meshgrid(x - center[0], y - center[1])
    east, north = to_sky[0, 0] * dx + to_sky[0, 1] * dy, to_sky[1, 0] * dx + to_sky[1, 1] * dy
    angle = np.radians(source["pa_deg"])
    along, across = east * np.sin(angle) + north * np.cos(angle), east * np.cos(angle) - north * np.sin(angle)
    distance = np.hypot(along, across / ratio) / radius
    total = 2 * np.pi * index * gamma(2 * index) * b ** (-2 * index) * radius**2 * ratio
    light = np.exp(-b * distance ** (1 / index)) / total * abs(np.linalg.det(to_sky))
    light = light.reshape(len(y) // oversampling, oversampling, len(x) // oversampling, oversampling).mean((1, 3))
    blurred = np.zeros_like(light)
    for share, width in optics.parts:
        blurred += share * gaussian_filter(light, width, mode="constant", truncate=6)
    return blurred[margin:-margin, margin:-margin]


def _local(source, camera, pointing):
    """Pixel of a source, and the matrix (2, 2) from pixels to arcsec east and north around it."""
    ra, dec = source["ra"], source["dec"]
    center = np.array(pointing.sky_to_pixel(camera, ra, dec))
    east = np.array(pointing.sky_to_pixel(camera, ra + 1 / 3600 / np.cos(np.radians(dec)), dec))
    north = np.array(pointing.sky_to_pixel(camera, ra, dec + 1 / 3600))
    return center, np.linalg.inv(np.stack([east - center, north - center], axis=1))


def sky_slope(camera, pointing, gradient, ra, dec):
    """Return a sky that rises linearly over the field: float64 (ny, nx), in the unit of the gradient times arcsec.

    Parameters
    ----------
    camera, pointing
        Through which it is seen.
    gradient : tuple of float
        Growth per arcsec to the east and north.
    ra, dec : float
        Where it is 0, degrees.
    """
    from scipy.interpolate import RectBivariateSpline

    x, y = np.linspace(0, camera.nx - 1, 9), np.linspace(0, camera.ny - 1, 9)
    ra_grid, dec_grid = pointing.pixel_to_sky(camera, *np.meshgrid(x, y))
    coarse = (gradient[0] * (ra_grid - ra) * np.cos(np.radians(dec)) + gradient[1] * (dec_grid - dec)) * 3600
    return RectBivariateSpline(y, x, coarse)(np.arange(camera.ny), np.arange(camera.nx))
