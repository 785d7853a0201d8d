"""Exposures of the guider functions: one guide star, read before and after each integration."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hexcal.errors import unknown_name
from hexcal.models import reference
from hexcal.models.science import GuiderRawModel
from hexcal.models.single import model_class
from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.simulate import cosmic_rays, scene, snowballs
from hexcal.simulate.guider_tables import tables
from hexcal.simulate.output import make_folder, planned
from hexcal.simulate.reference_files import Place, describe, flag_definitions, flagged, save_references
from hexcal.simulate.truth import Truth

GAIN, READ_NOISE, BIAS, BACKGROUND = 1.8, 8.0, 5000.0, 5.0
"""Electrons per DN; DN of one read; DN; DN/s."""
_FLAT_ERROR = 0.002
_WIDTH = 1.2
"""Of the image of the star, as the sigma of a Gaussian in pixels."""


@dataclass(frozen=True)
class Function:
    """One guider function.

    Its EXP_TYPE, what its files are called, shape of an image (ny, nx), integrations, groups, and group time in s.
    """

    exp_type: str
    name: str
    shape: tuple[int, int]
    n_ints: int
    n_groups: int
    group_time: float


FUNCTIONS = {
    "id": Function("FGS_ID-IMAGE", "gs-id_1_image-", (2024, 2048), 2, 2, 0.3406),
    "stack": Function("FGS_ID-STACK", "gs-id_1_stacked-", (2304, 2048), 2, 2, 0.3406),
    "acq1": Function("FGS_ACQ1", "gs-acq1_2023056000000_", (128, 128), 6, 2, 0.3612),
    "acq2": Function("FGS_ACQ2", "gs-acq2_2023056000000_", (32, 32), 5, 2, 0.0508),
    "track": Function("FGS_TRACK", "gs-track_2023056000000_", (32, 32), 40, 2, 0.0633),
    "fineguide": Function("FGS_FINEGUIDE", "gs-fg_2023056000000_", (8, 8), 400, 8, 0.0635),
}
"""The guider functions with the sizes of the documents (section on guide star data products) and, where these leave it
open, a number of integrations.
"""


@dataclass(frozen=True)
class GuiderSimulation:
    """What `simulate_guider` returns: the raw exposure, its truth, and the reference models by type."""

    function: Function
    exposure: GuiderRawModel
    truth: Truth
    references: dict

    def save(self, folder, overwrite=False):
        """Write the raw exposure, the truth beside it, and the references to ``<folder>/references``.

        Returns
        -------
        dict of str to str
            Paths: ``exposure``, ``truth``, ``references`` (a folder).
        """
        stem = f"jw00001001001_{self.function.name}"
        exposure, truth = planned(folder, [f"{stem}uncal.fits", f"{stem}truth.fits"], overwrite)
        make_folder(folder)
        save_references(self.references, Path(folder) / "references", overwrite)
        self.exposure.save(exposure)
        self.truth.save(truth)
        return {"exposure": str(exposure), "truth": str(truth), "references": str(Path(folder) / "references")}


def simulate_guider(
    function: str,
    *,
    seed: int = 0,
    shape: tuple[int, int] | None = None,
    n_ints: int | None = None,
    star: float = 5e4,
) -> GuiderSimulation:
    """Simulate one exposure of a guider function.

    The light of the whole integration arrives between the first and the last reads. Every read has read noise of its
    own.

    Parameters
    ----------
    function : str
        One of `FUNCTIONS`.
    seed : int
        The same seed gives the same exposure.
    shape : tuple of int, optional
        (ny, nx) of the image; default that of the function, which for identification is most of the detector.
    n_ints : int, optional
        Integrations; default that of the function.
    star : float
        Rate of the guide star in DN/s, all pixels together.

    Returns
    -------
    GuiderSimulation
    """
    if function not in FUNCTIONS:
        raise unknown_name("guider function", function, FUNCTIONS)
    facts = FUNCTIONS[function]
    ny, nx = shape or facts.shape
    rng = np.random.default_rng(seed)
    flat = rng.normal(1, 0.03, (ny, nx))
    dq = np.where(rng.random((ny, nx)) < 0.005, _flags_of_bad_pixels(), 0).astype(np.uint32)
    rate, stars = _star((ny, nx), star)
    full = (n_ints or facts.n_ints, facts.n_groups, ny, nx)
    no_hits, no_snowballs = np.zeros(0, list(cosmic_rays.COLUMNS)), np.zeros(0, list(snowballs.COLUMNS))
    truth = Truth(rate.astype(np.float32), dq, no_hits, stars, full, seed, no_snowballs)
    data = _read(rng, rate * flat, full, facts.group_time)
    return GuiderSimulation(facts, _exposure(facts, data), truth, _references(rng, facts, flat, dq))


def _flags_of_bad_pixels():
    """Return the flags of a bad pixel: DO_NOT_USE and DEAD."""
    from hexcal.models.dqflags import pixel

    return pixel.DO_NOT_USE | pixel.DEAD


def _star(shape, total):
    """The rate of each pixel, DN/s, and the table of the one star."""
    ny, nx = shape
    x, y = nx / 2 - 0.3, ny / 2 + 0.2
    distance = (np.arange(nx) - x) ** 2 + ((np.arange(ny) - y) ** 2)[:, None]
    profile = np.exp(-distance / (2 * _WIDTH**2)) / (2 * np.pi * _WIDTH**2)
    return BACKGROUND + total * profile, np.array([(x, y, total)], list(scene.STAR_COLUMNS))


def _read(rng, rate, shape, time):
    """The reads of all integrations, uint16 DN."""
    n_ints, n_groups = shape[:2]
    collected = rng.poisson(np.broadcast_to(rate * time * GAIN, (n_ints, *rate.shape))) / GAIN
    reads = BIAS + rng.normal(0, READ_NOISE, shape)
    reads[:, n_groups // 2 :] += collected[:, None]
    return np.clip(reads.round(), 0, 65535).astype(np.uint16)


def _exposure(facts, data):
    raw = GuiderRawModel(data.astype(np.float32))
    n_ints, n_groups, ny, nx = data.shape
    meta, detector = raw.meta, detector_facts("GUIDER1")
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", "FGS", "GUIDER1"
    meta.subarray.name = {8: "8X8", 32: "32X32", 128: "128X128"}.get(ny, "FULL")
    meta.subarray.xstart, meta.subarray.ystart, meta.subarray.xsize, meta.subarray.ysize = 1, 1, nx, ny
    meta.subarray.fastaxis, meta.subarray.slowaxis = detector.fastaxis, detector.slowaxis
    exposure = meta.exposure
    exposure.type, exposure.readpatt, exposure.nints, exposure.ngroups = facts.exp_type, "FGS", n_ints, n_groups
    exposure.nframes, exposure.groupgap, exposure.group_time = 1, 0, facts.group_time
    meta.observation.date, meta.observation.time = "2023-02-25", "00:00:00.000"
    meta.filename = f"jw00001001001_{facts.name}uncal.fits"
    for name, table in tables(facts.exp_type, n_ints).items():
        setattr(raw, name, table)
    return raw


def _references(rng, facts, flat, dq):
    ny, nx = flat.shape
    place = Place("FGS", "GUIDER1", "GENERIC", 1, 1, nx, ny, "FGS")
    measured = flat + rng.normal(0, _FLAT_ERROR, flat.shape)
    flat_model = model_class("FlatModel")(measured.astype(np.float32))
    flat_model.err = np.full(flat.shape, _FLAT_ERROR, np.float32)
    models = {
        "mask": reference.MaskModel(dq=dq, dq_def=flag_definitions("mask")),
        "flat": flagged(flat_model, "flat", flat.shape),
        "gain": reference.GainModel(np.full(flat.shape, GAIN, np.float32)),
        # The reference holds the noise of the difference of two reads.
        "readnoise": reference.ReadnoiseModel(np.full(flat.shape, np.sqrt(2) * READ_NOISE, np.float32)),
    }
    for reference_type, model in models.items():
        describe(model, reference_type, place, f"Simulated {reference_type} of {facts.exp_type}")
    return models
