"""Snowballs: rare particles that leave much charge in a near-infrared detector.

Hundreds of pixels are hit, the inner ones to saturation.
"""

import numpy as np

from hexcal.simulate import cosmic_rays

COLUMNS = (
    ("integration", "i2"),
    ("group", "i2"),
    ("frame", "i4"),
    ("y", "f4"),
    ("x", "f4"),
    ("core_radius", "f4"),
    ("halo_radius", "f4"),
)
"""`group` is the first one that contains the charge; `y` and `x` are the centre, `core_radius` is that of the pixels
that saturate, `halo_radius` that of
all charge; pixels.
"""

RATE = 1 / 20 / 2048**2
"""Snowballs per pixel and s: about one in 20 s in a 2048 x 2048 detector (JWST user documentation, shower and snowball
artifacts).
"""
CORE_CHARGE = 2e5
"""DN, in each pixel of the core: far above saturation."""
RIM_CHARGE = 3000.0
"""DN just outside the core; it falls exponentially to `FAINTEST` at the rim of the halo."""
FAINTEST = 10.0


def draw(mode, rng, rate=RATE):
    """Draw the snowballs of an exposure.

    Parameters
    ----------
    mode : Mode
    rng : numpy.random.Generator
    rate : float
        Snowballs per pixel and s.

    Returns
    -------
    structured array
        One row per snowball (`COLUMNS`); cores of 1 to 8 pixels, halos twice to four times as large and at least 5
        pixels more.
    """
    ny, nx = mode.image_shape
    count = rng.poisson(rate * nx * ny * mode.integration_time * mode.n_ints)
    table = np.zeros(count, list(COLUMNS))
    table["integration"] = rng.integers(0, mode.n_ints, count)
    table["frame"] = rng.integers(0, mode.frames_per_integration, count)
    table["y"], table["x"] = rng.uniform(0, ny, count), rng.uniform(0, nx, count)
    table["core_radius"] = rng.uniform(1, 8, count)
    table["halo_radius"] = table["core_radius"] * rng.uniform(2, 4, count) + 5
    table["group"] = (table["frame"] + mode.group_gap) // (mode.n_frames + mode.group_gap)
    return table[np.lexsort((table["x"], table["y"], table["frame"], table["integration"]))]


def hits(table, mode):
    """Return the charge of snowballs as hits of single pixels, as `hexcal.simulate.cosmic_rays.draw` gives.

    Parameters
    ----------
    table : structured array
        `COLUMNS`.
    mode : Mode

    Returns
    -------
    structured array
        `hexcal.simulate.cosmic_rays.COLUMNS`; charge in DN.
    """
    rows = [np.zeros(0, list(cosmic_rays.COLUMNS))]
    for event in table:
        distance = distances(event, mode.image_shape)
        core, halo = event["core_radius"], event["halo_radius"]
        y, x = np.nonzero(distance <= halo)
        outside = (distance[y, x] - core) / (halo - core)
        row = np.zeros(y.size, list(cosmic_rays.COLUMNS))
        row["integration"], row["frame"], row["y"], row["x"] = event["integration"], event["frame"], y, x
        row["charge"] = np.where(
            outside <= 0, CORE_CHARGE, RIM_CHARGE * (FAINTEST / RIM_CHARGE) ** np.maximum(outside, 0)
        )
        rows.append(row)
    return cosmic_rays.arranged(np.concatenate(rows), mode)


def distances(event, shape):
    """Return the distance of all pixels from the centre of a snowball, float32 (ny, nx)."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(y - event["y"], x - event["x"])


def mask(table, shape, radius="halo_radius"):
    """Return where snowballs first appear: bool (nints, ngroups, ny, nx).

    `radius` is "halo_radius" or "core_radius".
    """
    result = np.zeros(shape, bool)
    for event in table:
        result[event["integration"], event["group"]] |= distances(event, shape[2:]) <= event[radius]
    return result
