"""Interference of MIRI that emicorr leaves, in exposures with the transients of their resets."""

from dataclasses import replace

import numpy as np
from astropy.io import fits

AMPLITUDE = 8.0
"""Of the wave of 390.625 Hz, DN; that of 10.04 Hz has half of it."""


def make_interference(folder, n_groups=20, n_ints=2, seed=4):
    """Write a raw exposure with interference, the reference that knows its waves, and the exposure without it."""
    from hexcal.models.asdf_tree import to_file
    from hexcal.simulate import interference
    from hexcal.simulate.conditions import Conditions
    from hexcal.simulate.exposure import simulate
    from hexcal.simulate.mode import exposure_mode
    from hexcal.simulate.scene import flat

    mode = exposure_mode("MIRI", subarray_name="SUB64", readpatt="FAST", n_groups=n_groups, n_ints=n_ints)
    waves = interference.draw(mode, AMPLITUDE, np.random.default_rng(seed))
    quiet = Conditions(cosmic_ray_flux=0.0, drift=0.0)
    added = {"interference": interference.plane(waves, mode)}
    light = flat(mode.image_shape, 5.0)
    disturbed = simulate(mode, light, replace(quiet, added=added), seed=seed)
    disturbed.exposure.save(folder / "input.fits")
    to_file(folder / "refs" / "emicorr.asdf", interference.reference_tree(waves, mode))
    np.savez(folder / "truth.npz", clean=simulate(mode, light, quiet, seed=seed).exposure.data)


def measure_interference(product, folder):
    """What is left of the interference in a ramp, and what there was."""
    clean = np.load(folder / "truth.npz")["clean"].astype(float)
    left, before = (fits.getdata(path, "SCI") - clean for path in (product, folder / "input.fits"))
    spread = [float((image - image.mean(axis=1, keepdims=True)).std()) for image in (left, before)]
    return {"interference left (DN)": spread[0], "interference before (DN)": spread[1]}
