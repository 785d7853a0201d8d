"""1/f noise left after cleaning: a NIRCam ramp of stars and sky with noise of a known plane."""

import numpy as np
from astropy.io import fits

READ_NOISE, GAIN, SKY = 4.0, 2.0, 30.0


def make_flicker(folder, sigma=10.0, n_groups=10, size=512, seed=7):
    """Write a ramp as it is after the jump step, its references and its truth."""
    from hexcal import datamodels
    from hexcal.simulate.flicker import flicker_noise

    rng = np.random.default_rng(seed)
    shape = (1, n_groups, size, size)
    rate = _scene(size, rng)
    noise = flicker_noise(shape, sigma, rng)
    signal = np.cumsum(rng.poisson(rate * GAIN, shape) / GAIN, axis=1) + rng.normal(0, READ_NOISE, shape)
    ramp = datamodels.RampModel((signal + noise).astype(np.float32))
    ramp.pixeldq, ramp.groupdq = np.zeros(shape[-2:], np.uint32), np.zeros(shape, np.uint8)
    ramp.meta.filename = "jw00001001001_02101_00001_nrca1_jump.fits"
    ramp.update({"meta": _meta(shape)})
    ramp.save(folder / "input.fits")
    header = {"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "DETECTOR": "NRCA1", "SUBARRAY": "GENERIC"}
    place = {"SUBSTRT1": 1, "SUBSTRT2": 1, "SUBSIZE1": size, "SUBSIZE2": size}
    models = {"gain": ("GainModel", GAIN), "readnoise": ("ReadnoiseModel", READ_NOISE * np.sqrt(2))}
    for kind, (model, value) in models.items():
        primary = fits.PrimaryHDU(header=fits.Header({**header, **place, "REFTYPE": kind.upper(), "DATAMODL": model}))
        image = fits.ImageHDU(np.full(shape[-2:], value, np.float32), name="SCI")
        fits.HDUList([primary, image]).writeto(folder / "refs" / f"{kind}.fits", overwrite=True)
    np.savez(folder / "truth.npz", signal=signal.astype(np.float32), rate=rate.astype(np.float32))


def measure_flicker(product, folder):
    """Noise that the lines of the sky still share, and its mean, in the last group less the first; DN.

    The first group is what all others are compared with: nobody takes out its own noise, and in the difference there is
    none of it when all others have been brought to it.
    """
    truth = np.load(folder / "truth.npz")
    data, signal = fits.getdata(product, "SCI")[0], truth["signal"][0]
    left = (data[-1] - data[0]) - (signal[-1] - signal[0])
    sky = truth["rate"] < SKY * 1.1
    return {
        "line medians, last - first (DN)": float(np.std(np.nanmedian(np.where(sky, left, np.nan), axis=1))),
        "bias of the sky (DN)": float(abs(np.mean(left[sky]))),
    }


def _scene(size, rng):
    rate = np.full((size, size), SKY)
    yy, xx = np.mgrid[-15:16, -15:16]
    for _ in range(size // 4):
        y, x = rng.integers(15, size - 16, 2)
        rate[y - 15 : y + 16, x - 15 : x + 16] += 10 ** rng.uniform(1.5, 3.3) * np.exp(-(yy**2 + xx**2) / 6)
    return rate


def _meta(shape):
    n_ints, n_groups, ny, nx = shape
    return {
        "telescope": "JWST",
        "instrument": {"name": "NIRCAM", "detector": "NRCA1", "channel": "SHORT", "filter": "F200W", "pupil": "CLEAR"},
        "observation": {"date": "2024-01-01", "time": "00:00:00.000"},
        "subarray": {
            "name": "SUB512",
            "xstart": 1,
            "ystart": 1,
            "xsize": nx,
            "ysize": ny,
            "fastaxis": -1,
            "slowaxis": 2,
        },
        "exposure": {
            "type": "NRC_IMAGE",
            "readpatt": "RAPID",
            "nints": n_ints,
            "ngroups": n_groups,
            "nframes": 1,
            "groupgap": 0,
            "frame_time": 10.0,
            "group_time": 10.0,
            "integration_start": 1,
            "noutputs": 1,
            "integration_end": n_ints,
            "start_time": 60310.0,
            "end_time": 60310.01,
            "nsamples": 1,
            "drop_frames1": 0,
            "frame_divisor": 1,
        },
    }
