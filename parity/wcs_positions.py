#!/usr/bin/env python
"""Positions on the sky of the pixels of products, by their stored WCS; runs on both sides.

$PEER parity/wcs_positions.py FILES.json POSITIONS.npz FILES.json is a list of paths; a file without WCS, or with one of
spectra, is left out
"""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np

DEGREES, PIXELS = 1e-9, 1e-6
"""What is equal: positions on the sky, and pixels that they come back to."""


def positions(model):
    """Return sky positions (degrees) of places of an image, and the pixels that they come back to.

    (4, 13, 13), of 13 x 13 places; None if there is no WCS of an image.
    """
    wcs = model.meta.wcs if hasattr(model.meta, "wcs") else None
    if wcs is None or wcs.pixel_n_dim != 2 or wcs.world_n_dim != 2:
        return None
    ny, nx = model.data.shape[-2:]
    x, y = np.meshgrid(np.linspace(-0.5, nx - 0.5, 13), np.linspace(-0.5, ny - 0.5, 13))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sky = wcs(x, y, with_bounding_box=False)
        back = wcs.invert(*sky, with_bounding_box=False)
    return np.array([*sky, *back], float)


def here(path):
    """Positions by Hexcal."""
    from hexcal import datamodels

    return positions(datamodels.open(path))


def there(python, files, folder):
    """Positions by the data models of the reference implementation: path -> array (dict)."""
    given, output = Path(folder, "wcs_files.json"), Path(folder, "wcs_positions.npz")
    given.write_text(json.dumps([str(file) for file in files]))
    subprocess.run([python, __file__, given, output], check=True)
    return dict(np.load(output))


def differing(first, second):
    """Number of places that differ, and the largest difference as a multiple of what is tolerated."""
    if first is None or second is None:
        return (0, 0.0) if first is second else (169, np.inf)
    tolerated = np.array([DEGREES, DEGREES, PIXELS, PIXELS])[:, None, None]
    excess = np.abs(first - second) / tolerated
    excess[np.isnan(first) & np.isnan(second)] = 0
    excess[np.isnan(excess)] = np.inf
    return int((excess > 1).any(axis=0).sum()), float(excess.max(initial=0))


def main(files, output):
    from stdatamodels.jwst import datamodels

    by_path = {}
    for path in json.loads(Path(files).read_text()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with datamodels.open(path) as model:
                values = positions(model)
        if values is not None:
            by_path[path] = values
    np.savez(output, **by_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
