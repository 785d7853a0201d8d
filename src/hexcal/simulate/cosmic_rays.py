"""Cosmic rays: where, when, how much charge."""

import numpy as np

COLUMNS = (("integration", "i2"), ("group", "i2"), ("frame", "i4"), ("y", "i2"), ("x", "i2"), ("charge", "f4"))
"""`frame` counts from the reset, frames in gaps included; `group` is the first one that contains the charge, in at
least one of its frames; `charge` in DN.
"""

PIXEL_SIZE = {"NIRCAM": 18e-4, "MIRI": 25e-4, "NIRISS": 18e-4, "FGS": 18e-4}
"""cm."""
FLUX = 5.0
"""Hits per cm² and s at L2, of protons and heavier particles."""


def draw(mode, rng, flux=FLUX, charge=(20.0, 20000.0)):
    """Draw the hits of an exposure.

    Every particle crosses the pixels along a short straight track and leaves a like charge in each; the charges have a
    log-uniform distribution.

    Parameters
    ----------
    mode : Mode
    rng : numpy.random.Generator
    flux : float
        Particles per cm² and s.
    charge : tuple of float
        Smallest and largest charge of a pixel, DN.

    Returns
    -------
    structured array
        One row per pixel hit (`COLUMNS`), in order of integration, row and frame. Hits of the border of reference
        pixels leave no charge and are not in it.
    """
    ny, nx = mode.image_shape
    per_integration = flux * nx * ny * PIXEL_SIZE[mode.instrument] ** 2 * mode.integration_time
    count = rng.poisson(per_integration * mode.n_ints)
    integration, frame = rng.integers(0, mode.n_ints, count), rng.integers(0, mode.frames_per_integration, count)
    x, y, angle = rng.uniform(0, nx, count), rng.uniform(0, ny, count), rng.uniform(0, 2 * np.pi, count)
    length = np.minimum(rng.exponential(2.0, count), 40)
    amount = np.exp(rng.uniform(*np.log(charge), count))
    hits = []
    for k in range(count):
        along = np.arange(0, length[k] + 0.5, 0.5)
        cells = {
            (int(np.floor(y[k] + s * np.sin(angle[k]))), int(np.floor(x[k] + s * np.cos(angle[k])))) for s in along
        }
        hits.extend((integration[k], 0, frame[k], *cell, amount[k] * rng.uniform(0.5, 1.0)) for cell in sorted(cells))
    table = np.array(hits, dtype=list(COLUMNS)) if hits else np.zeros(0, list(COLUMNS))
    return arranged(table, mode)


def arranged(table, mode):
    """Return the hits that fall on pixels sensitive to light, with `group` filled in from `frame`.

    In order of integration, row and frame.

    Parameters
    ----------
    table : structured array
        `COLUMNS`; `group` is ignored.
    mode : Mode
    """
    ny, nx = mode.image_shape
    inside = (table["x"] >= 0) & (table["x"] < nx) & (table["y"] >= 0) & (table["y"] < ny)
    table = table[inside]
    table = table[~mode.reference_pixels()[table["y"], table["x"]]]
    stride = mode.n_frames + mode.group_gap
    # A hit in the gap is first seen in the next group.
    table["group"] = (table["frame"] + mode.group_gap) // stride
    return table[np.lexsort((table["x"], table["frame"], table["y"], table["integration"]))]


def mask(table, shape):
    """Return where new charge appears: bool (nints, ngroups, ny, nx).

    With averaged frames, charge that comes after the first frame of a group makes two steps: one into this group and
    one into the next.
    """
    result = np.zeros(shape, bool)
    result[table["integration"], table["group"], table["y"], table["x"]] = True
    return result
