"""Noise and errors of rates from long faint ramps, and shared noise left in NIRSpec IRS2 frames."""

import numpy as np
from astropy.io import fits

GAIN, READ_NOISE, GROUP_TIME = 2.0, 3.5, 10.0
"""e/DN; DN of one read; s."""


def make_faint(folder, rate=0.3, n_groups=60, size=150, seed=9, n_ints=1):
    """Write a ramp of one true rate (DN/s), as it is after the jump step, its references and its truth."""
    rng = np.random.default_rng(seed)
    shape = (n_ints, n_groups, size, size)
    electrons = np.cumsum(rng.poisson(rate * GROUP_TIME * GAIN, shape), axis=1)
    write_ramp(folder, (electrons / GAIN + rng.normal(0, READ_NOISE, shape)).astype(np.float32))
    np.savez(folder / "truth.npz", rate=rate)


def write_ramp(folder, data):
    """Write a NIRCam ramp (nints, ngroups, size, size), DN, and the references of jump and ramp_fit."""
    from hexcal import datamodels

    ramp, shape = datamodels.RampModel(data), data.shape
    n_ints, n_groups, _, size = shape
    ramp.pixeldq, ramp.groupdq = np.zeros(shape[-2:], np.uint32), np.zeros(shape, np.uint8)
    ramp.meta.filename = "jw00001001001_02101_00001_nrca1_jump.fits"
    meta = ramp.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    meta.observation.date, meta.observation.time = "2024-01-01", "00:00:00.000"
    exposure, where = meta.exposure, meta.subarray
    exposure.type, exposure.readpatt, exposure.nints, exposure.ngroups = "NRC_IMAGE", "RAPID", n_ints, n_groups
    exposure.nframes, exposure.groupgap, exposure.drop_frames1 = 1, 0, 0
    exposure.frame_divisor, exposure.integration_start, exposure.integration_end = 1, 1, n_ints
    exposure.group_time = exposure.frame_time = GROUP_TIME
    where.name, where.xstart, where.ystart, where.xsize, where.ysize = "SUB160", 1, 1, size, size
    ramp.save(folder / "input.fits")
    for kind, value in (("gain", GAIN), ("readnoise", READ_NOISE * np.sqrt(2))):
        header = {"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "DETECTOR": "NRCA1", "SUBARRAY": "GENERIC"}
        header |= {"SUBSTRT1": 1, "SUBSTRT2": 1, "SUBSIZE1": size, "SUBSIZE2": size, "REFTYPE": kind.upper()}
        primary = fits.PrimaryHDU(header=fits.Header(header))
        image = fits.ImageHDU(np.full(shape[-2:], value, np.float32), name="SCI")
        fits.HDUList([primary, image]).writeto(folder / "refs" / f"{kind}.fits", overwrite=True)


def measure_faint(product, folder):
    """Noise of the rate, its bias, and how far the pull width is from 1."""
    rate = float(np.load(folder / "truth.npz")["rate"])
    slope, err = fits.getdata(product, "SCI"), fits.getdata(product, "ERR")
    good = np.isfinite(slope)
    pull = ((slope - rate) / err)[good]
    return {
        "noise of the rate (mDN/s)": 1000 * float(slope[good].std()),
        "bias (% of the rate)": 100 * abs(float(slope[good].mean()) / rate - 1),
        "pull width - 1": abs(float(pull.std()) - 1),
    }


def make_irs2(folder, n_groups=3, seed=9):
    """Write an IRS2 ramp as it is after the superbias step, its reference and the rates."""
    from hexcal import datamodels
    from hexcal.simulate.irs2 import simulate_irs2

    simulation = simulate_irs2(n_groups=n_groups, seed=seed)
    ramp = datamodels.RampModel(simulation.exposure.data.astype(np.float32))
    ramp.update(simulation.exposure)
    ramp.data -= simulation.references["superbias"].data
    ramp.pixeldq, ramp.groupdq = np.zeros(ramp.shape[-2:], np.uint32), np.zeros(ramp.shape, np.uint8)
    ramp.meta.filename = "jw00001001001_02101_00001_nrs1_superbias.fits"
    ramp.save(folder / "input.fits")
    simulation.references["refpix"].save(folder / "refs" / "refpix.fits")
    np.savez(folder / "truth.npz", dark=simulation.rate < 0.01)


def measure_irs2(product, folder):
    """Noise of the last group less the first where there is hardly any light, and of the medians of its lines; DN."""
    dark = np.load(folder / "truth.npz")["dark"]
    data = fits.getdata(product, "SCI")[0]
    change = np.where(dark, data[-1] - data[0], np.nan)
    return {
        "noise, last - first (DN)": float(np.nanstd(change)),
        "noise of lines (DN)": float(np.nanstd(np.nanmedian(change[8:-8, 8:-8], axis=0))),
    }
