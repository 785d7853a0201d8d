"""Calibration exposures that are nothing but headers, and small ramps with a known truth."""

import numpy as np
from astropy.io import fits
from exposures import primary

from hexcal.models.science import CubeModel, ImageModel, RampModel

MODE = {
    "INSTRUME": "NIRCAM",
    "DETECTOR": "NRCA1",
    "CHANNEL": "SHORT",
    "MODULE": "A",
    "FILTER": "F200W",
    "PUPIL": "CLEAR",
}
START = 60000.0


def write_header(folder, name, day=0.0, kind="NRC_DARK", shape=(1, 10, 16, 24), **keywords):
    """Write an exposure that is nothing but its header; returns its path."""
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{name}_uncal.fits"
    values = {"EXP_TYPE": kind, "EXPSTART": START + day, "FASTAXIS": -1, "SLOWAXIS": 2, **keywords}
    header = primary(MODE, shape, **{key: value for key, value in values.items() if value is not None})
    for key, value in values.items():
        if value is None:
            header.remove(key, ignore_missing=True)
    fits.PrimaryHDU(header=header).writeto(path)
    return path


def ramp(data, dq=None, group_time=2.0):
    """A ramp in memory: data (nints, ngroups, ny, nx), in the middle of the detector, where all pixels see light."""
    model = RampModel(np.asarray(data, np.float32))
    model.groupdq = np.zeros(data.shape, np.uint8) if dq is None else dq
    model.pixeldq = np.zeros(data.shape[-2:], np.uint32)
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    model.meta.subarray.xstart = model.meta.subarray.ystart = 1001
    model.meta.exposure.group_time, model.meta.exposure.nframes = group_time, 1
    return model


def rates(images):
    """Rates of integrations as a cube."""
    cube = CubeModel(np.asarray(images, "f4"))
    cube.dq = np.zeros(cube.shape, "u4")
    cube.meta.telescope, cube.meta.instrument.name, cube.meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    cube.meta.subarray.xstart = cube.meta.subarray.ystart = 1001
    return cube


def image_of(cube):
    """The rates of the first integration as an image."""
    image = ImageModel(cube.data[0])
    image.dq = np.zeros(cube.shape[1:], "u4")
    image.update(cube)
    return image
