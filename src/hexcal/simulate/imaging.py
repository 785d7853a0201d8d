"""Dithered images of one sky, of which everything is known.

Where each exposure really looked, its sky, its cosmic rays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import ParameterError
from hexcal.models.dqflags import pixel
from hexcal.simulate import imaging_header
from hexcal.simulate.camera import Camera, Pointing
from hexcal.simulate.imaging_field import DEC, DETECTOR, EXPOSURE, GRADIENT, RA, ROLL, SKY
from hexcal.simulate.imaging_files import write
from hexcal.simulate.imaging_references import imaging_references
from hexcal.simulate.imaging_setups import Setup
from hexcal.simulate.sky import random_sky, render, sky_slope

ABERRATION = 1.0000823
_STEP = 0.06
"""Largest dither, as a share of the side of the window."""
_TURN = 0.02
"""Degrees by which each exposure is turned more."""


@dataclass(frozen=True)
class Imaging:
    """A series of dithered images of one sky.

    Attributes
    ----------
    setup : Setup
        How they are taken.
    camera : Camera
        The window of the detector.
    n_exposures, n_backgrounds : int
        Exposures of the field, and of blank sky beside it.
    seed : int
        The same seed gives the same series.
    pointing_error : float
        Standard deviation of the position of each exposure but the first, arcsec in each direction; a hundred times as
        much in roll.
    sky_difference : float
        The sky of each exposure is brighter than the least one by up to this share.
    cosmic_ray_density : float
        Tracks per pixel that stage 1 has left.
    mode : Mode, optional
        Take raw ramps in this way (`hexcal.simulate.mode.exposure_mode`) instead of rates.
    """

    setup: Setup
    camera: Camera
    n_exposures: int = 4
    n_backgrounds: int = 0
    seed: int = 0
    pointing_error: float = 0.08
    sky_difference: float = 0.1
    cosmic_ray_density: float = 2e-4
    mode: Any = None

    def __post_init__(self):
        for name, least in (
            ("n_exposures", 1),
            ("n_backgrounds", 0),
            ("pointing_error", 0),
            ("sky_difference", 0),
            ("cosmic_ray_density", 0),
        ):
            if getattr(self, name) < least:
                raise ParameterError(f"{name} must be at least {least}, got {getattr(self, name)}", where=name)

    def stream(self, purpose, number=0):
        """Return the random stream of one purpose; those of one seed are independent of each other."""
        return np.random.default_rng(np.random.SeedSequence(entropy=self.seed, spawn_key=(1, purpose, number)))

    @property
    def subarray(self):
        """Value of SUBARRAY."""
        if self.mode is not None:
            return self.mode.subarray
        camera, whole = self.camera, self.setup.camera(1 << 16)
        return (
            "FULL"
            if (camera.nx, camera.ny) == (whole.nx, whole.ny)
            else imaging_header.subarray_name(self.setup, camera)
        )

    @property
    def reach(self):
        """Half the side of the square that is filled with sources, arcsec."""
        return (0.75 + _STEP) * max(self.camera.nx, self.camera.ny) * self.camera.scale

    def sources(self):
        """Return the catalogue of the sky (see `hexcal.simulate.sky.random_sky`)."""
        setup = self.setup
        return random_sky(
            RA, DEC, self.reach, self.camera.scale, self.stream(SKY), density=setup.density, fluxes=setup.fluxes
        )

    def flat(self):
        """Return the response of the pixels: float32 (ny, nx), 1 in the median."""
        rng, shape = self.stream(DETECTOR), (self.camera.ny, self.camera.nx)
        y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
        flat = (1 + 0.03 * x - 0.02 * y**2 + 0.015 * x * y) * rng.normal(1, 0.01, shape)
        return (flat / np.median(flat)).astype(np.float32)

    def bad_pixels(self):
        """Return dead and hot pixels: uint32 (ny, nx), master flags."""
        rng, shape = self.stream(DETECTOR, 1), (self.camera.ny, self.camera.nx)
        draw, flags = rng.random(shape), np.zeros(shape, np.uint32)
        flags[draw < 0.002] = pixel.DO_NOT_USE | pixel.DEAD
        flags[draw > 0.998] = pixel.DO_NOT_USE | pixel.HOT
        return flags

    def references(self):
        """Return the references of stages 2 and 3 by type (dict of str to DataModel)."""
        flat = self.flat()
        flat[self.stream(DETECTOR, 2).random(flat.shape) < 3e-4] = np.nan
        if self.mode is not None:
            # Those of flight have none for pixels that see no light, and so these are not used after stage 1.
            flat[self.mode.reference_pixels()] = np.nan
        return imaging_references(self.setup, self.camera, flat, self.subarray)

    def exposures(self) -> Iterator["ImageExposure"]:
        """Yield the exposures, those of blank sky last."""
        sources, area, flat = self.sources(), self.camera.pixel_area(), self.flat()
        for index in range(self.n_exposures + self.n_backgrounds):
            yield _Taking(self, index).take(sources, area, flat)

    def save(self, folder, overwrite=False):
        """Write exposures, references, associations, the astrometric catalogue and the truth.

        Parameters
        ----------
        folder : path-like
            Gets ``*_rate.fits`` (or ``*_uncal.fits``), ``references/``, ``asn_image2_*.json``, ``asn_image3.json``,
            ``refcat.ecsv`` and ``truth/``.
        overwrite : bool
            Whether files of these names may be there.

        Returns
        -------
        dict of str to (str or list of str)
            Paths: ``exposures``, ``backgrounds``, ``references``, ``associations`` (of stage 2), ``image3``,
            ``catalogue``, ``truth``.
        """
        return write(self, Path(folder), overwrite)


@dataclass(frozen=True)
class ImageExposure:
    """One exposure of a series.

    Attributes
    ----------
    number, observation : int
        In its name; observation 2 is blank sky.
    model : DataModel
        Rates, or the raw ramps.
    claimed, true : Pointing
        Where the header says that it looks, and where it really looked.
    brightness : float64 array (ny, nx)
        What a perfect calibration gives, MJy/sr.
    hits : float32 array (ny, nx)
        Cosmic rays that are left in the rates, DN/s; in ramps none.
    bad : bool array (ny, nx)
        Bad pixels.
    sky : float
        Level of the sky, MJy/sr.
    references : dict
        Those of stage 1, for raw ramps.
    """

    number: int
    observation: int
    model: Any
    claimed: Pointing
    true: Pointing
    brightness: np.ndarray
    hits: np.ndarray
    bad: np.ndarray
    sky: float
    references: dict

    @property
    def is_blank(self):
        """Whether it is of blank sky."""
        return self.observation == 2


class _Taking:
    """How one exposure of a series is taken."""

    def __init__(self, series, index):
        self.series, self.index, self.rng = series, index, series.stream(EXPOSURE, index)
        self.is_blank = index >= series.n_exposures
        self.number = index - series.n_exposures + 1 if self.is_blank else index + 1

    def take(self, sources, area, flat):
        series = self.series
        claimed, true, dither = self._pointing()
        level = series.setup.sky * (1 + series.sky_difference * self.rng.uniform())
        brightness = level + render(sources, series.camera, true, series.setup.optics, area)
        if not self.is_blank:
            gradient = tuple(part * series.setup.sky for part in GRADIENT)
            brightness += sky_slope(series.camera, true, (gradient[0], gradient[1]), RA, DEC)
        rate = brightness * flat / series.setup.photmjsr
        make = self._ramps if series.mode is not None else self._rates
        model, hits, bad, references = make(rate)
        imaging_header.describe(model, series, claimed, self.number, self.is_blank, dither)
        observation = 2 if self.is_blank else 1
        return ImageExposure(
            self.number, observation, model, claimed, true, brightness, hits, bad, level, references
        )  # fmt: skip

    def _pointing(self):
        """Where the header says that the exposure looks, where it looks, and the dither in arcsec."""
        series, index = self.series, self.index
        step = _STEP * max(series.camera.nx, series.camera.ny) * series.camera.scale
        # Multiples of two numbers whose multiples fill a square evenly (the plastic number).
        dither = step * (np.array([(0.7548776662 * index) % 1, (0.5698402910 * index) % 1]) - 0.5) * 2 * (index > 0)
        if self.is_blank:
            dither += 4 * series.reach
        claimed = looking_at(series.camera, RA, DEC, ROLL + _TURN * index).moved(dither[0], dither[1], 0)
        error = self.rng.normal(0, series.pointing_error, 2) * (index > 0)
        turn = 100 * self.rng.normal(0, series.pointing_error) * (index > 0)
        return claimed, claimed.moved(error[0], error[1], turn), dither

    def _rates(self, rate):
        from hexcal.models.science import ImageModel

        series, setup, rng = self.series, self.series.setup, self.rng
        poisson = np.maximum(rate, 0) / (setup.gain * setup.exposure_time)
        read = np.full(rate.shape, setup.read_noise**2)
        noise = np.sqrt(poisson + read)
        hits = tracks(rate.shape, rng, float(np.median(noise)), series.cosmic_ray_density)
        rate = rate + rng.normal(0, 1, rate.shape) * noise + hits
        flags = series.bad_pixels()
        dead, hot = flags & pixel.DEAD != 0, flags & pixel.HOT != 0
        rate[hot] += rng.uniform(1, 500, np.count_nonzero(hot))
        for plane in (rate, poisson, read):
            plane[dead] = np.nan
        model = ImageModel(rate.astype(np.float32), err=np.sqrt(poisson + read).astype(np.float32), dq=flags)
        model.var_poisson, model.var_rnoise = poisson.astype(np.float32), read.astype(np.float32)
        return model, hits, flags != 0, {}

    def _ramps(self, rate):
        from hexcal.simulate.exposure import simulate
        from hexcal.simulate.scene import Scene, flat

        series = self.series
        scene = Scene(rate.astype(np.float32), flat((1, 1), 0).stars)
        seed = int(np.random.SeedSequence([series.seed, self.index]).generate_state(1)[0])
        simulation = simulate(series.mode, scene, seed=seed, detector_seed=series.seed, number=self.number)
        references = simulation.references() if self.index == 0 else {}
        return simulation.exposure, np.zeros(rate.shape, np.float32), simulation.truth.dq != 0, references


def looking_at(camera, ra, dec, roll):
    """Return the pointing with which the middle of a window looks at a position, degrees.

    It is that of the reference point of the aperture.
    """
    pointing = Pointing(ra, dec, roll, ABERRATION)
    for _ in range(4):
        ra_now, dec_now = pointing.pixel_to_sky(camera, (camera.nx - 1) / 2, (camera.ny - 1) / 2)
        pointing = Pointing(pointing.ra + ra - ra_now, pointing.dec + dec - dec_now, roll, ABERRATION)
    return pointing


def tracks(shape, rng, noise, density):
    """Return short tracks of cosmic rays, each pixel of 8 to 800 times the noise: float32 array of `shape`.

    Parameters
    ----------
    shape : tuple
        (ny, nx).
    rng : numpy.random.Generator
    noise : float
        Of a pixel.
    density : float
        Tracks per pixel.
    """
    hits = np.zeros(shape, np.float32)
    for _ in range(rng.poisson(density * shape[0] * shape[1])):
        y, x, angle = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(0, np.pi)
        length, height = min(1 + rng.exponential(2), 8), noise * 10 ** rng.uniform(np.log10(8), np.log10(800))
        along = np.arange(0, length)
        rows, columns = (y + along * np.sin(angle)).astype(int), (x + along * np.cos(angle)).astype(int)
        inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
        hits[rows[inside], columns[inside]] = height
    return hits
