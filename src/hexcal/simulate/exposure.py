"""A simulated exposure: raw data, truth, and reference files that fit."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hexcal.errors import ParameterError
from hexcal.models.science import Level1bModel
from hexcal.observatories.jwst.products import exposure_name
from hexcal.simulate import cosmic_rays, showers, snowballs
from hexcal.simulate import effects as further
from hexcal.simulate import scene as scenes
from hexcal.simulate.conditions import PLAIN, Conditions, require_bounds
from hexcal.simulate.detector import DetectorPixels, make_detector
from hexcal.simulate.drifts import can_be_measured, make_drifts, make_transients, reference_output_shape
from hexcal.simulate.exposure_keywords import START, describe_exposure
from hexcal.simulate.mode import Mode
from hexcal.simulate.output import make_folder, planned
from hexcal.simulate.ramp import Signals, reference_output, simulate_ramps
from hexcal.simulate.reference_files import REFERENCE_TYPES, describe, reference_models, save_references
from hexcal.simulate.truth import Truth

OVERHEAD = 30.0
"""Time between two exposures of a series, s."""
_DETECTOR, _SCENE, _COSMIC_RAYS, _DRIFTS, _REFERENCE_OUTPUT, _SNOWBALLS, _SHOWERS = range(7)
_WAVES, _BEFORE, _PHASES, _FLICKER = range(7, 11)
_DAY = 86400.0


@dataclass(frozen=True)
class Simulation:
    """What `simulate` returns.

    The raw `exposure` (Level1bModel), its `truth`, the `detector` (all pixels that references are made for), the
    `mode`, and the `number` of the exposure in its series. `further` are the references of its further effects, by
    type, and `traps` (TrapsFilledModel) what the exposure before has filled, or None.
    """

    mode: Mode
    exposure: Level1bModel
    truth: Truth
    detector: DetectorPixels
    number: int = 1
    further: dict = field(default_factory=dict)
    traps: Any = None

    def references(self):
        """Return the reference models that belong to the exposure, by type."""
        described = {
            kind: describe(model, kind, self.mode, f"Simulated {kind}") for kind, model in self.further.items()
        }
        return {**reference_models(self.mode, self.detector), **described}

    def save(self, folder, overwrite=False, references=True):
        """Write the raw exposure, the truth beside it (``..._truth.fits``), and the references.

        The references go to ``<folder>/references``, traps filled before to ``..._trapsfilled.fits`` with the number
        of the exposure before the first.

        Returns
        -------
        dict of str to str
            Paths: ``exposure``, ``truth``, ``references`` (a folder), ``traps``.
        """
        with_traps = self.traps is not None and self.number == 1
        paths = places(self.mode, folder, overwrite, references, self.number, tuple(self.further), with_traps)
        make_folder(folder)
        if references:
            save_references(self.references(), paths["references"], overwrite)
        self.exposure.save(paths["exposure"])
        self.truth.save(paths["truth"])
        if self.traps is not None and with_traps:
            self.traps.save(paths["traps"])
        return paths


def places(mode, folder, overwrite=False, references=True, number=1, further_types=(), traps=False):
    """Return where `Simulation.save` will write; to be called before a long simulation.

    `further_types` are those of further effects, `traps` whether an exposure before has filled some.

    Raises
    ------
    InputError
        If files are there and `overwrite` is False.
    """
    base = exposure_name(1, 1, 1, number, mode.detector, "uncal").removesuffix("_uncal")
    exposure, truth = planned(folder, [f"{base}_uncal.fits", f"{base}_truth.fits"], overwrite)
    paths = {"exposure": str(exposure), "truth": str(truth)}
    if traps:
        before = exposure_name(1, 1, 1, 0, mode.detector, "trapsfilled")
        paths["traps"] = str(planned(folder, [f"{before}.fits"], overwrite)[0])
    if references:
        types = (*REFERENCE_TYPES["MIRI" if mode.instrument == "MIRI" else "NIR"], *further_types)
        names = [f"{name}.asdf" if name == "emicorr" else f"{name}.fits" for name in types]
        planned(Path(folder) / "references", names, overwrite)
        paths["references"] = str(Path(folder) / "references")
    return paths


def simulate(
    mode,
    scene=None,
    conditions: Conditions = PLAIN,
    *,
    seed=0,
    detector_seed=None,
    number=1,
    start=START,
    threads=None,
):
    """Take an exposure of which everything is known.

    Parameters
    ----------
    mode : Mode
        From `hexcal.simulate.mode.exposure_mode`.
    scene : Scene, optional
        True rates; default a field of stars and galaxies.
    conditions : Conditions
        Cosmic rays, drifts, bad pixels and further effects.
    seed : int
        The same seed, mode, scene and conditions give the same exposure, with any number of threads. Detector, scene,
        cosmic rays and noise have streams of their own.
    detector_seed : int, optional
        The same number gives the same detector in every exposure; default `seed`.
    number : int
        Number of the exposure in a series, from 1; part of its name.
    start : float
        MJD at which the exposure starts.
    threads : int, optional

    Returns
    -------
    Simulation

    Raises
    ------
    ParameterError
        For a number out of bounds.
    """
    conditions.require(mode)
    require_bounds("seed", seed)
    if scene is None:
        scene = scenes.field(mode.image_shape, rng=stream(seed, _SCENE))
    if scene.rate.shape != mode.image_shape:
        raise ParameterError(
            f"the scene must have the shape of the image, {mode.image_shape}, it has {scene.rate.shape}", where="scene"
        )
    detector_seed = seed if detector_seed is None else detector_seed
    detector = _detector(mode, conditions, detector_seed)
    part = detector.part(mode)
    events, drift = _events(mode, conditions, seed), conditions.drift
    drifts = make_drifts(mode, drift, stream(seed, _DRIFTS)) if drift > 0 and can_be_measured(mode) else None
    rate = scene.rate * part.response
    more = _of_effects(conditions.effects, mode, (seed, detector_seed), start, rate, part)
    planes = {**conditions.planes(mode), **more.read}
    signals = Signals(events.hits, drifts, make_transients(mode), _sum(planes), _sum(more.charge))
    exposure = Level1bModel(simulate_ramps(mode, rate, part, signals, seed, threads))
    if mode.instrument == "MIRI":
        noise = float(np.median(part.read_noise))
        exposure.refout = reference_output(
            reference_output_shape(mode), 20000, noise, drift, stream(seed, _REFERENCE_OUTPUT)
        )
    describe_exposure(exposure, mode, number, start)
    truth = Truth(rate, part.dq.copy(), events.hits, scene.stars, mode.shape, seed, events.snowballs, events.showers,
                  {**planes, **more.charge})  # fmt: skip
    traps = _described(more.traps, exposure, conditions.effects)
    return Simulation(mode, exposure, truth, detector, number, more.references, traps)


def _detector(mode, conditions, seed):
    """The detector (DetectorPixels): of a subarray only what is read, unless all of it is wanted."""
    whole = conditions.whole_detector
    window = {} if whole else {"xstart": mode.xstart, "ystart": mode.ystart, "shape": mode.image_shape}
    shares = {"bad_pixels": conditions.bad_pixels, "open_pixels": conditions.open_pixels}
    return make_detector(mode.detector, mode.instrument, stream(seed, _DETECTOR), **shares, **window)


class _Events(NamedTuple):
    """Charge of all particles, and the snowballs and showers among them: structured arrays."""

    hits: np.ndarray
    snowballs: np.ndarray
    showers: np.ndarray


def _events(mode, conditions, seed):
    hits = cosmic_rays.draw(mode, stream(seed, _COSMIC_RAYS), conditions.cosmic_ray_flux)
    balls = snowballs.draw(mode, stream(seed, _SNOWBALLS), conditions.snowball_rate)
    if balls.size:
        hits = cosmic_rays.arranged(np.concatenate([hits, snowballs.hits(balls, mode)]), mode)
    showering = stream(seed, _SHOWERS)
    clouds = showers.draw(mode, showering, conditions.shower_rate)
    if clouds.size:
        hits = cosmic_rays.arranged(np.concatenate([hits, showers.hits(clouds, mode, showering)]), mode)
    return _Events(hits, balls, clouds)


def _of_effects(effects, mode, seeds, start, rate, part):
    """What further effects add (`hexcal.simulate.effects.Added`); `seeds` of the exposure and of the detector."""
    if effects is None:
        return further.Added()
    own, of_series = seeds
    streams = {"waves": stream(of_series, _WAVES), "before": stream(of_series, _BEFORE)}
    streams |= {"phases": stream(own, _PHASES), "flicker": stream(own, _FLICKER)}
    return further.added(effects, mode, streams, start, _end_before(effects), rate, part)


def _end_before(effects):
    """MJD at which the exposure has ended that has filled traps."""
    return START - (effects.persistence or 0) / _DAY


def _described(traps, exposure, effects):
    """Give filled traps the keywords of the exposure before; None stays None."""
    if traps is not None:
        traps.update(exposure)
        traps.meta.exposure.end_time, traps.meta.filename = _end_before(effects), None
    return traps


def _sum(planes):
    return np.sum(list(planes.values()), axis=0, dtype=np.float32) if planes else None


def series(mode, count, scene=None, conditions: Conditions = PLAIN, *, seed=0, detector_seed=None):
    """Take several exposures of one scene with one detector, one after the other.

    Parameters
    ----------
    mode, scene, conditions
        As of `simulate`.
    count : int
        Number of exposures.
    seed : int
        Of the first exposure and of the scene; each further exposure has a seed of its own, so that its noise and its
        cosmic rays are its own.
    detector_seed : int, optional
        Default `seed`.

    Yields
    ------
    Simulation
        With its own number, name, and dates.
    """
    if scene is None:
        scene = scenes.field(mode.image_shape, rng=stream(seed, _SCENE))
    detector_seed = seed if detector_seed is None else detector_seed
    duration = mode.integration_time * mode.n_ints + mode.frame_time * (mode.n_ints - 1)
    for number in range(1, count + 1):
        own = seed if number == 1 else int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        start = START + (number - 1) * (duration + OVERHEAD) / _DAY
        yield simulate(mode, scene, conditions, seed=own, detector_seed=detector_seed, number=number, start=start)


def scene_stream(seed):
    """Return the random stream from which the scene of an exposure with this seed is drawn."""
    return stream(seed, _SCENE)


def stream(seed, purpose):
    """Return the random stream of one purpose; the streams of one seed are independent of each other."""
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(0, purpose)))
