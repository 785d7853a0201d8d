"""Frames and cubes of IRIS, the imager and integral-field spectrograph of TMT.

They have a known truth, and the references that belong to them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hexcal import datamodels
from hexcal.errors import ParameterError
from hexcal.models.dqflags import pixel
from hexcal.simulate.output import make_folder, planned

DETECTOR_SIZE = 4096
"""Pixels along a side of a detector."""
_CUBE, _RAMP, _TRUTH = "reduced_science_cube_sci.fits", "sample_ramp.fits", "truth.fits"
KINDS = {
    "SCI": "raw_science_frame_sci.fits",
    "SKY": "raw_background_frame_cal.fits",
    "FLAT": "raw_flat_frame_cal.fits",
    "DARK": "raw_dark_frame_cal.fits",
}
"""What a frame is of (IMTYPE), and the name of its file."""
_SKY, _LAMP = 2.0, 2000.0
_POINTING = (266.41684, -29.00781)
_RAW, _REDUCED = 1, 2
_DARK, _HOT = 0.02, 20.0
_RESPONSE_WIDTH = 0.03
_SCALE = 0.004
_BANDS = {"Y": (0.97, 1.07), "J": (1.17, 1.33), "H": (1.49, 1.78), "K": (2.03, 2.37)}


@dataclass(frozen=True)
class IrisMode:
    """How a frame of the imager is taken.

    `subarray` is (xstart, ystart, xsize, ysize), 1-based, or None for the whole detector of `size` x `size` pixels.
    `exposure_time` in s, `read_noise` in electrons. `start` is the beginning of the exposure, ISO 8601. `kind` is what
    it is of, one of `KINDS`.
    """

    detector: str = "IRIS1"
    filter: str = "K"
    size: int = DETECTOR_SIZE
    subarray: tuple | None = None
    exposure_time: float = 60.0
    read_noise: float = 5.0
    start: str = "2025-06-01T08:00:00.000"
    kind: str = "SCI"

    @property
    def window(self):
        """(xstart, ystart, xsize, ysize), 1-based."""
        return self.subarray or (1, 1, self.size, self.size)

    @property
    def part(self):
        """Rows and columns of the detector that are read."""
        x, y, nx, ny = self.window
        return slice(y - 1, y - 1 + ny), slice(x - 1, x - 1 + nx)

    def check(self):
        """Raise ParameterError for a frame that cannot be taken."""
        x, y, nx, ny = self.window
        if self.size < 1 or min(x, y, nx, ny) < 1 or x + nx - 1 > self.size or y + ny - 1 > self.size:
            raise ParameterError(
                f"the subarray must lie on the detector of {self.size} x {self.size} pixels, got x={x}, y={y}, "
                f"{nx} x {ny}",
                where="subarray",
                hint="xstart,ystart,xsize,ysize, counted from 1",
            )
        if self.exposure_time <= 0 or self.read_noise < 0:
            raise ParameterError(
                "the exposure time must be positive and the read noise not negative, "
                f"got {self.exposure_time} s and {self.read_noise}",
                where="IRIS frame",
            )
        if self.kind not in KINDS:
            raise ParameterError(f"only {', '.join(KINDS)} are simulated, got '{self.kind}'", where="IRIS frame")
        if self.filter not in _BANDS:
            raise ParameterError(
                f"only the filters {', '.join(_BANDS)} are simulated, got '{self.filter}'", where="IRIS frame"
            )


@dataclass(frozen=True)
class IrisSimulation:
    """A raw science frame, its truth and its references; a cube besides, if there is one.

    `frame` is an IRISImageModel; `truth` the rate (ny, nx) in electrons per second that a perfect reduction would give;
    `references` has type -> model of the whole detector; `cube` is an IRISCubeModel or None, `ramp` an IRISRampModel.
    """

    frame: Any
    truth: np.ndarray
    references: dict
    cube: Any = None
    ramp: Any = None

    def save(self, folder, overwrite=False):
        """Write the frame, the truth, the cube, and the references as ``references/<type>.fits``.

        Returns
        -------
        dict of str to str
            What -> path.
        """
        models = {"exposure": self.frame, "truth": datamodels.IRISImageModel(self.truth)}
        names = [KINDS[self.frame.meta.exposure.imtype], _TRUTH]
        if self.cube is not None:
            models["cube"] = self.cube
            names.append(_CUBE)
        if self.ramp is not None:
            models["ramp"] = self.ramp
            names.append(_RAMP)
        models.update(self.references)
        names += [f"references/{kind}.fits" for kind in self.references]
        paths = planned(folder, names, overwrite)
        make_folder(Path(folder) / "references")
        return {what: model.save(path) for (what, model), path in zip(models.items(), paths, strict=True)}


def simulate_frame(mode=None, scene=None, seed=0, detector_seed=None):
    """Simulate a raw frame of the imager: rates, not corrected for dark current and response.

    The electrons of a pixel are Poisson numbers of mean ``exposure_time * (response * scene + dark)``, with read noise
    added.

    Parameters
    ----------
    mode : IrisMode, optional
    scene : array (ny, nx), optional
        True rate on the part that is read, electrons per second; default by the kind of frame: a field of stars and
        galaxies (also of a sky frame, whose field is another one by another seed), a lamp, nothing.
    seed : int
        The same seed gives the same detector and the same frame.
    detector_seed : int, optional
        Of the detector, where several exposures of one are wanted; default `seed`.

    Returns
    -------
    IrisSimulation
    """
    mode = mode or IrisMode()
    mode.check()
    detector_stream, sky_stream, noise_stream = (np.random.default_rng([seed, number]) for number in range(3))
    if detector_seed is not None:
        detector_stream = np.random.default_rng([detector_seed, 0])
    response, dark, bad = _detector((mode.size, mode.size), detector_stream)
    ny, nx = mode.window[3], mode.window[2]
    scene = np.asarray(_scene(mode.kind, (ny, nx), sky_stream) if scene is None else scene, np.float32)
    if scene.shape != (ny, nx):
        raise ParameterError(f"the scene must have the shape {(ny, nx)} of the frame, got {scene.shape}", where="scene")
    mean = mode.exposure_time * (response[mode.part] * scene + dark[mode.part])
    electrons = noise_stream.poisson(mean) + noise_stream.normal(0, mode.read_noise, mean.shape)
    frame = datamodels.IRISImageModel((electrons / mode.exposure_time).astype(np.float32))
    frame.err = np.sqrt(mean + mode.read_noise**2) / mode.exposure_time
    describe_exposure(frame, mode, "IMG", _RAW)
    _describe_pointing(frame, mode)
    return IrisSimulation(frame, scene, _references(mode, response, dark, bad))


def _scene(kind, shape, rng):
    """What a frame of this kind sees, electrons per second."""
    if kind in ("FLAT", "DARK"):
        return np.full(shape, _LAMP if kind == "FLAT" else 0.0)
    from hexcal.simulate.scene import field

    return field(shape, sky=_SKY, faintest=50.0, brightest=2e4, rng=rng).rate


def _detector(shape, rng):
    """Response (mean 1), dark current (electrons per second) and flags of all pixels of a detector."""
    response = rng.normal(1, _RESPONSE_WIDTH, shape).astype(np.float32)
    dark = np.abs(rng.normal(_DARK, _DARK / 5, shape)).astype(np.float32)
    bad = np.zeros(shape, np.uint32)
    draw = rng.uniform(size=shape)
    dead, hot = draw < 0.001, draw > 0.999
    bad[dead], bad[hot] = pixel.DEAD | pixel.DO_NOT_USE, pixel.HOT
    dark[hot], response[dead] = _HOT, 0
    return response, dark, bad


def _references(mode, response, dark, bad):
    # Where there is no response the flat field is 1: nothing is divided by zero, the flags tell that the pixel is of no
    # use.
    flat = np.where(response == 0, np.float32(1), response)
    models = {
        "dark": datamodels.IRISDarkModel(dark, err=np.full(dark.shape, _DARK / 50, np.float32)),
        "flat": datamodels.IRISFlatModel(flat, err=np.full(dark.shape, 1e-3, np.float32)),
        "mask": datamodels.IRISMaskModel(bad),
    }
    for kind, model in models.items():
        describe_reference(kind, model, mode, (1, 1, mode.size, mode.size))
    return models


def describe_reference(kind, model, mode, window):
    """Write the header of a reference file of a type, for the part `window` (x, y, nx, ny) of the detector."""
    meta = model.meta
    meta.instrument.detector, meta.instrument.pupil = mode.detector, "CLEAR"
    meta.instrument.era, meta.exposure.readmode = "0.0.0", "DEFAULT"
    if kind == "flat":
        meta.instrument.filter = mode.filter
    meta.date = "2019-06-01T00:00:00.000"
    meta.useafter, meta.pedigree, meta.author = "2019-06-01T00:00:00", "SIMULATION", "Hexcal"
    meta.description = f"Simulated {kind}; no detector was measured"
    model.history.extend(["Simulated; no detector was measured.", "SOFTWARE: Hexcal, hexcal simulate iris"])
    # A bad pixel map holds for whatever part is read; that is how the rules have it.
    name = "GENERIC" if kind == "mask" else "FULL" if window == (1, 1, mode.size, mode.size) else "CUSTOM"
    _describe_window(meta.subarray, name, window)


def _describe_window(subarray, name, window):
    subarray.name, subarray.id = name, 0 if name == "FULL" else 1
    subarray.xstart, subarray.ystart, subarray.xsize, subarray.ysize = window


def describe_exposure(model, mode, instrument_mode, level):
    """Write the header of an exposure of a level of processing (0 to 3)."""
    meta = model.meta
    meta.date, meta.data_level = mode.start, level
    meta.observation.date, _, meta.observation.time = mode.start.partition("T")
    meta.instrument.detector, meta.instrument.filter, meta.instrument.pupil = mode.detector, mode.filter, "CLEAR"
    meta.instrument.era, meta.instrument.mode, meta.instrument.scale = "0.0.0", instrument_mode, _SCALE
    meta.exposure.imtype, meta.exposure.readmode = mode.kind, "DEFAULT"
    meta.exposure.exposure_time = float(mode.exposure_time)
    meta.bunit_data = meta.bunit_err = "electron/s"
    _describe_window(meta.subarray, "CUSTOM" if mode.subarray else "FULL", mode.window)
    model.history.append("Simulated; no sky was observed.")


def _describe_pointing(model, mode):
    """A tangent plane with North up, whose reference is the middle of the whole detector."""
    info, (x, y, _, _) = model.meta.wcsinfo, mode.window
    info.wcsaxes, info.ctype1, info.ctype2, info.cunit1, info.cunit2 = 2, "RA---TAN", "DEC--TAN", "deg", "deg"
    info.crpix1, info.crpix2 = (mode.size + 1) / 2 - (x - 1), (mode.size + 1) / 2 - (y - 1)
    info.crval1, info.crval2 = _POINTING
    info.cdelt1, info.cdelt2 = -_SCALE / 3600, _SCALE / 3600
    info.pc1_1, info.pc1_2, info.pc2_1, info.pc2_2 = 1.0, 0.0, 0.0, 1.0


def simulate_cube(mode=None, n_wavelengths=200, seed=0):
    """Simulate a reduced cube of the integral-field unit.

    A star, and an object with an emission line, in every plane of wavelength.

    Parameters
    ----------
    mode : IrisMode, optional
        Its `filter` gives the wavelengths, its `size` the spaxels along a side.
    n_wavelengths : int
    seed : int

    Returns
    -------
    IRISCubeModel, array
        The cube, and the true rates (nwave, ny, nx) in electrons per second.
    """
    mode = mode or IrisMode(detector="IFU", size=64)
    mode.check()
    if n_wavelengths < 2:
        raise ParameterError(f"a cube needs at least two wavelengths, got {n_wavelengths}", where="n_wavelengths")
    shape, rng = (mode.size, mode.size), np.random.default_rng([seed, 3])
    first, last = _BANDS[mode.filter]
    wavelength = np.linspace(first, last, n_wavelengths, dtype=np.float32)
    truth = np.stack([_plane(shape, wave, first, last) for wave in wavelength]).astype(np.float32)
    electrons = rng.poisson(mode.exposure_time * truth) + rng.normal(0, mode.read_noise, truth.shape)
    cube = datamodels.IRISCubeModel((electrons / mode.exposure_time).astype(np.float32), wavelength=wavelength)
    cube.err = np.sqrt(mode.exposure_time * truth + mode.read_noise**2) / mode.exposure_time
    describe_exposure(cube, mode, "SLICER", _REDUCED)
    meta = cube.meta
    meta.instrument.wave_min, meta.instrument.wave_max = first, last
    meta.wcsinfo.ctype3, meta.wcsinfo.cunit3 = "WAVE", "um"
    meta.wcsinfo.crpix3, meta.wcsinfo.crval3 = 1.0, first
    meta.wcsinfo.cdelt3 = (last - first) / (n_wavelengths - 1)
    return cube, truth


def _plane(shape, wavelength, first, last):
    """One wavelength (um) of the cube.

    The image of a point grows with wavelength, the star fades as its square, a line lies in mid band.
    """
    ny, nx = shape
    y, x = np.ogrid[:ny, :nx]
    width = 1.2 * wavelength / first
    star = np.exp(-((x - 0.3 * nx) ** 2 + (y - 0.6 * ny) ** 2) / (2 * width**2)) / (2 * np.pi * width**2)
    blob = np.exp(-np.hypot(x - 0.7 * nx, y - 0.4 * ny) / (0.1 * nx))
    line = np.exp(-(((wavelength - (first + last) / 2) / (0.02 * (last - first))) ** 2) / 2)
    return 1.0 + 500 * (first / wavelength) ** 2 * star + (0.5 + 20 * line) * blob
