"""Rates, errors and jumps of ramps of one true rate, through the steps jump and ramp_fit, with hits or without."""

from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.special import ndtr
from truth_ramps import GAIN, GROUP_TIME, READ_NOISE, write_ramp

SIGMA = 4.0
"""The threshold of jump."""
OTHER_STEPS = (
    *("group_scale", "dq_init", "saturation", "ipc", "superbias", "refpix", "linearity", "persistence", "dark_current"),
    *("charge_migration", "clean_flicker_noise", "gain_scale"),
)


def make_jumps(folder, rate=1.0, n_groups=10, hit=0.0, size=300, seed=1):
    """Write a ramp of ``rate`` DN/s, its references and its truth.

    With ``hit``, sigma of a difference, every third pixel of every third row is hit once: each away from the neighbours
    of the others.
    """
    rng = np.random.default_rng(seed)
    electrons = rng.poisson(rate * GROUP_TIME * GAIN, (1, n_groups, size, size)).astype(float)
    group = rng.integers(1, n_groups, (size, size))
    noise = np.sqrt(rate * GROUP_TIME * GAIN + 2 * (READ_NOISE * GAIN) ** 2)
    if hit:
        rows, columns = np.indices((size, size))
        electrons[0, group, rows, columns] += hit * noise * ((rows % 3 == 1) & (columns % 3 == 1))
    signal = np.cumsum(electrons, axis=1) / GAIN + rng.normal(0, READ_NOISE, electrons.shape)
    write_ramp(folder, signal.astype(np.float32))
    np.savez(folder / "truth.npz", rate=rate, group=group, hit=hit)


def measure_jumps(product, folder):
    """Bias, noise and pull width of the rates (of those that are hit); false jumps, or hits that are not found."""
    truth = np.load(folder / "truth.npz")
    rate, products = float(truth["rate"]), Path(folder, product.stem)
    (rates,), (ramp,) = products.glob("*_rate.fits"), products.glob("*_ramp.fits")
    slope, err = fits.getdata(rates, "SCI"), fits.getdata(rates, "ERR")
    good = np.isfinite(slope)
    if truth["hit"]:
        good &= (np.indices(good.shape) % 3 == 1).all(axis=0)
    pull = ((slope - rate) / err)[good]
    flagged = fits.getdata(ramp, "GROUPDQ")[0] & 4 > 0
    if truth["hit"]:
        share = np.take_along_axis(flagged, truth["group"][None], axis=0)[0, 1::3, 1::3].mean()
        jumps = {"hits not found (%)": 100 * float(1 - share)}
    else:
        jumps = {"false jumps (Gaussian rate)": float(flagged[1:].mean() / (2 * ndtr(-SIGMA)))}
    return {
        "bias (% of the rate)": 100 * abs(float(slope[good].mean()) / rate - 1),
        "its standard error (%)": 100 * float(slope[good].std()) / rate / np.sqrt(good.sum()),
        "noise of the rate (mDN/s)": 1000 * float(slope[good].std()),
        "pull width - 1": abs(float(pull.std()) - 1),
        **jumps,
    }
