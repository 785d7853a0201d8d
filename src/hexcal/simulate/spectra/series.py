"""What simulated exposures of all spectrographs share: noise and bad pixels, streams of random numbers, files."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import ParameterError
from hexcal.models.dqflags import pixel

RA, DEC, ROLL = 53.15, -27.80, 30.0
"""Of the target, and the position angle of V3, degrees."""
DETECTOR, EXPOSURE, SCENE, HITS = range(4)
"""Streams of random numbers."""
_FAINTEST, _BRIGHTEST = 5.0, 500.0
"""Of cosmic rays, in units of the error of their pixel; as many in each decade."""
MOST_EXPOSURES = 16
SQUARE_ARCSEC = (np.pi / 180 / 3600) ** 2
"""Steradians."""


@dataclass(frozen=True)
class Exposure:
    """One exposure.

    Attributes
    ----------
    name : str
        Of its file, without suffix.
    suffix : str
        "rate" or "rateints".
    role : str
        "science", "background" or "imprint".
    model : DataModel
    rate : float64 array (ny, nx) or (nints, ny, nx)
        DN/s without noise.
    """

    name: str
    suffix: str
    role: str
    model: Any
    rate: np.ndarray

    @property
    def file(self):
        """Name of its file."""
        return f"{self.name}_{self.suffix}.fits"


class Series(ABC):
    """Exposures of one mode.

    Parameters
    ----------
    seed : int
        The same seed gives the same exposures.
    noise : float
        Scale of the noise; 0: none, while the variances stay.
    bad_pixels : float
        Share of pixels that are dead.
    whole_detector : bool
        References of single pixels are those of the whole detector, as delivered, instead of the window's.
    hits : float
        Share of the pixels that see light which a cosmic ray has hit, in each exposure: what stage 1 has left.
    n_exposures : int, optional
        Nods or dithers; default: those of the mode (`usual_exposures`).
    """

    setup: Any
    """How they are taken (`hexcal.simulate.spectra.header.Setup`)."""
    suffix = "rate"
    """Of the exposures; "rateints" of a time series."""
    wavelengths: np.ndarray
    """Of the table of the truth, µm."""
    usual_exposures = 1
    """Nods or dithers, unless another number is asked for; 1: no others are taken."""

    def __init__(self, seed=0, noise=1.0, bad_pixels=3e-4, whole_detector=False, hits=0.0, n_exposures=None):
        limits = (("seed", seed, None), ("noise", noise, None), ("bad_pixels", bad_pixels, 0.5), ("hits", hits, 0.5))
        for name, value, most in limits:
            if value < 0 or (most is not None and value > most):
                raise ParameterError(f"{name} must not be below 0{f' or above {most}' if most else ''}, got {value}")
        most = MOST_EXPOSURES if self.usual_exposures > 1 else 1
        if n_exposures is not None and not 1 <= n_exposures <= most:
            raise ParameterError(f"exposures must be 1{f' to {most}' if most > 1 else ''}, got {n_exposures}")
        self.seed, self.noise, self.bad_share, self.whole_detector = seed, noise, bad_pixels, whole_detector
        self.hits, self.n_exposures = hits, n_exposures or self.usual_exposures
        self.planted: list[tuple] = []
        """Cosmic rays of the exposures that were made: name, integration, y, x (from 0), DN/s, multiple of the error.
        """

    def stream(self, purpose, number=0):
        """Return the random stream of one purpose; those of one seed are independent of each other."""
        return np.random.default_rng(np.random.SeedSequence(entropy=self.seed, spawn_key=(2, purpose, number)))

    @abstractmethod
    def sources(self) -> list:
        """Return all sources, the sky last."""

    @abstractmethod
    def references(self) -> dict:
        """Return the references by type: models, or the content of a JSON file (dict)."""

    @abstractmethod
    def names(self) -> list:
        """Return the names of the exposures, without suffix."""

    @abstractmethod
    def exposures(self) -> Iterator[Exposure]:
        """Yield the exposures."""

    @abstractmethod
    def associations(self) -> dict:
        """Return the associations: name of the file -> its content."""

    def extra_names(self) -> list:
        """Return the names of files that go with the exposures, if any."""
        return []

    def write_extra(self, folder):  # noqa: B027 - most modes have none
        """Write them into a folder."""

    def tables(self) -> dict:
        """Return further tables of the truth: name -> dict of columns."""
        return {}

    def flat(self, deviation=0.01):
        """Return the response of the pixels: float32 (ny, nx), 1 in the mean."""
        shape = self.setup.shape
        y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
        noise = self.stream(DETECTOR).normal(0, deviation, shape)
        return (1 + 0.02 * x * y - 0.01 * x + noise).astype(np.float32)

    def bad_pixels(self):
        """Return which pixels are dead: bool (ny, nx)."""
        return self.stream(DETECTOR, 1).random(self.setup.shape) < self.bad_share

    def observed(self, rate, number):
        """Return the model of an exposure: rates with noise, its variances, dead pixels.

        Parameters
        ----------
        rate : float64 array (ny, nx) or (nints, ny, nx)
            DN/s.
        number : int
            Of its stream of noise.
        """
        from hexcal.models import science

        setup, rng = self.setup, self.stream(EXPOSURE, number)
        poisson = np.maximum(rate, 0) / (setup.gain * setup.seconds)
        read = np.full(rate.shape, setup.read_noise**2)
        error = np.sqrt(poisson + read)
        data = rate + self.noise * rng.normal(0, 1, rate.shape) * error
        dead = np.broadcast_to(self.bad_pixels(), rate.shape)
        self._plant(data, error, (rate > 0) & ~dead, number)
        for plane in (data, poisson, read, error):
            plane[dead] = np.nan
        cls = science.CubeModel if rate.ndim == 3 else self.image_class()
        model = cls(data.astype(np.float32), err=error.astype(np.float32))
        model.dq = np.where(dead, pixel.DO_NOT_USE | pixel.DEAD, 0).astype(np.uint32)
        model.var_poisson, model.var_rnoise = poisson.astype(np.float32), read.astype(np.float32)
        return model

    def _plant(self, data, error, lit, number):
        """Add the cosmic rays of an exposure, in place."""
        if not self.hits:
            return
        rng, places = self.stream(HITS, number), np.flatnonzero(lit)
        chosen = np.sort(rng.choice(places, rng.binomial(places.size, self.hits), replace=False))
        sizes = _FAINTEST * (_BRIGHTEST / _FAINTEST) ** rng.random(chosen.size)
        added = sizes * error.flat[chosen]
        data.flat[chosen] += added
        *before, y, x = np.unravel_index(chosen, data.shape)
        integrations = before[0] if before else np.zeros_like(x)
        name = self.names()[number - 1]
        # An exposure that is made again has the same ones.
        self.planted = [hit for hit in self.planted if hit[0] != name]
        self.planted += [(name, *hit) for hit in zip(integrations, y, x, added, sizes, strict=True)]

    def hits_table(self) -> dict:
        """Return the cosmic rays of the exposures that were made, as columns."""
        names = ("exposure", "integration", "y", "x", "rate", "sigma")
        columns = zip(*self.planted, strict=True) if self.planted else [()] * len(names)
        table = {name: np.array(column) for name, column in zip(names, columns, strict=True)}
        return {**table, "rate": (table["rate"].astype(float), "DN/s")}

    def image_class(self):
        """Return the class of an exposure of one image."""
        from hexcal.models import science

        return science.ImageModel

    def save(self, folder, overwrite=False):
        """Write exposures, references, associations and the truth.

        Parameters
        ----------
        folder : path-like
            Gets the exposures, ``references/``, ``asn_*.json`` and ``truth/``.
        overwrite : bool
            Whether files of these names may be there.

        Returns
        -------
        dict of str to (str or list of str)
            Paths: ``exposures``, ``references``, ``associations`` (of stage 2), ``spec3``, ``truth``.
        """
        from pathlib import Path

        from hexcal.simulate.spectra.files import write

        return write(self, Path(folder), overwrite)


def dithers(farthest, count):
    """Return places of dithered exposures: opposite corners first, then the others, then nearer to the middle.

    Parameters
    ----------
    farthest : tuple of float
        x and y of the first one.
    count : int
        How many; up to 16 differ.

    Returns
    -------
    list of (float, float)
    """
    signs = ((1, 1), (-1, -1), (1, -1), (-1, 1))
    nearer = [1 - 0.25 * (number // 4 % 4) for number in range(count)]
    return [tuple(f * near * s for f, s in zip(farthest, signs[n % 4], strict=True)) for n, near in enumerate(nearer)]


def exposure_root(number, detector, observation=1, segment=None, activity="01"):
    """Return the name of an exposure without suffix."""
    from hexcal.observatories.jwst.products import exposure_name
    from hexcal.simulate.imaging_header import PROGRAM

    name = exposure_name(PROGRAM, observation, 1, number, detector, "rate", segment=segment, activity=activity)
    return name.removesuffix("_rate")


def association(kind, rule, product, members):
    """Return the content of an association of one product.

    Parameters
    ----------
    kind : str
        "spec2", "spec3" or "tso3".
    rule : str
        Its ``asn_rule``.
    product : str
        Name of the product.
    members : list of (file name, role)
    """
    from hexcal.simulate.imaging_header import PROGRAM

    return {
        "asn_type": kind,
        "asn_rule": rule,
        "version_id": None,
        "code_version": "1.0",
        "degraded_status": "No known degraded exposures in association.",
        "program": f"{PROGRAM:05d}",
        "constraints": "none",
        "asn_id": "o001",
        "asn_pool": "none",
        "target": "1",
        "products": [{"name": product, "members": [{"expname": name, "exptype": role} for name, role in members]}],
    }
