"""Showers: secondary particles that leave a little charge in thousands of pixels of a MIRI detector at once."""

import numpy as np

from hexcal.simulate import cosmic_rays

COLUMNS = (
    ("integration", "i2"),
    ("group", "i2"),
    ("frame", "i4"),
    ("y", "f4"),
    ("x", "f4"),
    ("semi_major", "f4"),
    ("semi_minor", "f4"),
    ("angle", "f4"),
    ("charge", "f4"),
)
"""`group` is the first one that contains the charge; `y` and `x` are the centre; semi-axes in pixels, of the ellipse
that holds all charge; `angle` in rad from the x axis to the major one; `charge` in DN, mean of its pixels.
"""

CHARGE = 10.0, 40.0
"""DN per pixel: a few times the read noise, too little for the search of single pixels."""
SIZE = 8.0, 30.0
"""Semi-major axis, pixels."""


def draw(mode, rng, rate):
    """Draw the showers of an exposure.

    Parameters
    ----------
    mode : Mode
    rng : numpy.random.Generator
    rate : float
        Showers per pixel and s.

    Returns
    -------
    structured array
        One row per shower (`COLUMNS`); ellipses that are at most three times as long as wide.
    """
    ny, nx = mode.image_shape
    count = rng.poisson(rate * nx * ny * mode.integration_time * mode.n_ints)
    table = np.zeros(count, list(COLUMNS))
    table["integration"] = rng.integers(0, mode.n_ints, count)
    table["frame"] = rng.integers(0, mode.frames_per_integration, count)
    table["y"], table["x"] = rng.uniform(0, ny, count), rng.uniform(0, nx, count)
    table["semi_major"] = rng.uniform(*SIZE, count)
    table["semi_minor"] = table["semi_major"] * rng.uniform(1 / 3, 1, count)
    table["angle"] = rng.uniform(0, np.pi, count)
    table["charge"] = rng.uniform(*CHARGE, count)
    table["group"] = (table["frame"] + mode.group_gap) // (mode.n_frames + mode.group_gap)
    return table[np.lexsort((table["x"], table["y"], table["frame"], table["integration"]))]


def hits(table, mode, rng):
    """Return the charge of showers as hits of single pixels, as `hexcal.simulate.cosmic_rays.draw` gives.

    Parameters
    ----------
    table : structured array
        `COLUMNS`.
    mode : Mode
    rng : numpy.random.Generator
        Pixels of a shower differ by 30 %.

    Returns
    -------
    structured array
        `hexcal.simulate.cosmic_rays.COLUMNS`; charge in DN.
    """
    rows = [np.zeros(0, list(cosmic_rays.COLUMNS))]
    for event in table:
        y, x = np.nonzero(inside(event, mode.image_shape))
        row = np.zeros(y.size, list(cosmic_rays.COLUMNS))
        row["integration"], row["frame"], row["y"], row["x"] = event["integration"], event["frame"], y, x
        row["charge"] = event["charge"] * np.clip(rng.normal(1, 0.3, y.size), 0, None)
        rows.append(row)
    return cosmic_rays.arranged(np.concatenate(rows), mode)


def inside(event, shape):
    """Return which pixels hold charge of a shower, bool (ny, nx)."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    cosine, sine = np.cos(event["angle"]), np.sin(event["angle"])
    along = cosine * (x - event["x"]) + sine * (y - event["y"])
    across = cosine * (y - event["y"]) - sine * (x - event["x"])
    return (along / event["semi_major"]) ** 2 + (across / event["semi_minor"]) ** 2 <= 1


def mask(table, shape):
    """Return where showers first appear: bool (nints, ngroups, ny, nx)."""
    result = np.zeros(shape, bool)
    for event in table:
        result[event["integration"], event["group"]] |= inside(event, shape[2:])
    return result
