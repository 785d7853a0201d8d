"""Background exposures with cosmic rays that stage 1 has left: what is subtracted where they are."""

import numpy as np
from astropy.io import fits

NOISE, SKY, SLOPE = 0.05, 1.6, 0.0005


def make_background(folder, n_backgrounds=2, size=512, density=0.0015, seed=5):
    """Write a target and background exposures of the same sky, with hits that are not flagged, and the truth."""
    rng = np.random.default_rng(seed)
    shape = (size, size)
    sky = SKY + SLOPE * np.arange(size) * np.ones(shape)
    stars = np.zeros(shape)
    stars[tuple(rng.integers(0, size, (2, size // 4)))] = 10 ** rng.uniform(0, 2, size // 4)
    for name, signal in (("input", sky + stars), *((f"b{n}_rate", sky) for n in range(n_backgrounds))):
        data = signal + rng.normal(0, NOISE, shape)
        err = np.full(shape, NOISE)
        if name != "input":
            hits = rng.random(shape) < density
            data[hits] += 10 ** rng.uniform(0, 2, np.count_nonzero(hits))
            # Photon noise of what looks like signal.
            err[hits] = np.sqrt(NOISE**2 + (data - sky)[hits] * 0.002)
        _write(folder / f"{name}.fits", data, err)
    np.savez(folder / "truth.npz", stars=stars)


def _write(path, data, err):
    from hexcal import datamodels

    model = datamodels.ImageModel(data.astype(np.float32), err=err.astype(np.float32))
    model.dq = np.zeros(data.shape, np.uint32)
    model.var_poisson, model.var_rnoise = ((err**2 / 2).astype(np.float32) for _ in range(2))
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", "MIRI", "MIRIMAGE"
    model.meta.instrument.filter, model.meta.exposure.type = "F770W", "MIR_IMAGE"
    model.meta.subarray.name, model.meta.subarray.xstart, model.meta.subarray.ystart = "FULL", 1, 1
    model.meta.subarray.ysize, model.meta.subarray.xsize = data.shape
    model.meta.bunit_data = model.meta.bunit_err = "DN/s"
    model.meta.filename = path.name
    model.save(path)


def measure_background(product, folder):
    """Pixels that are wrong by more than five standard deviations of the noise and not flagged.

    Scatter and bias of the others.
    """
    error = fits.getdata(product, "SCI") - np.load(folder / "truth.npz")["stars"]
    good = fits.getdata(product, "DQ") & 1 == 0
    wrong = good & (np.abs(error) > 5 * NOISE)
    clean = error[good & ~wrong]
    return {
        "pixels wrong by > 5 sigma": float(np.count_nonzero(wrong)),
        "pixels flagged": float(np.count_nonzero(~good)),
        "scatter of the others / noise": float(np.std(clean) / NOISE),
        "bias of the others / noise": float(abs(np.mean(clean)) / NOISE),
    }
