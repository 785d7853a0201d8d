"""Make an exposure and its reference files in a folder.

Neither side's models are used, so that reading is compared as well.
"""

from pathlib import Path

import numpy as np
from inputs_references import write_references
from inputs_scene import Exposure, Pixels, complete, science_pixels, truth, write_uncal

__all__ = ["Exposure", "make"]


def make(exposure, folder, real_data=None):
    """Write the exposure and, below ``refs/``, its references. Returns the path of the exposure."""
    folder = Path(folder)
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(map(ord, exposure.name)))
    path = folder / exposure.uncal
    if exposure.real:
        path = folder / Path(exposure.real).name
        complete(Path(real_data, exposure.real), path, exposure)
        neutral = Pixels(np.zeros(exposure.shape[-2:]), np.zeros(exposure.shape[-2:]), science_pixels(exposure))
        write_references(exposure, folder / "refs", neutral, rng, bad=False)
        return path
    pixels = truth(exposure, rng)
    write_uncal(exposure, path, pixels, rng)
    write_references(exposure, folder / "refs", pixels, rng)
    return path
