"""A simulated exposure: raw data, truth, and reference files that fit."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import ParameterError
from hexcal.models.science import INT_TIMES_COLUMNS, Level1bModel
from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.observatories.jwst.products import exposure_name
from hexcal.simulate import cosmic_rays, showers, snowballs
from hexcal.simulate import effects as further
from hexcal.simulate import scene as scenes
from hexcal.simulate.detector import DetectorPixels, make_detector
from hexcal.simulate.drifts import can_be_measured, make_drifts, make_transients, reference_output_shape
from hexcal.simulate.mode import Mode
from hexcal.simulate.output import make_folder, planned
from hexcal.simulate.ramp import reference_output, simulate_ramps
from hexcal.simulate.reference_files import REFERENCE_TYPES, describe, reference_models, save_references
from hexcal.simulate.truth import Truth

START = 60000.0
"""MJD at which the first exposure of a series starts: 2023-02-25."""
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
    *,
    seed=0,
    detector_seed=None,
    number=1,
    start=START,
    cosmic_ray_flux=cosmic_rays.FLUX,
    snowball_rate=0.0,
    shower_rate=0.0,
    drift=6.0,
    bad_pixels=0.004,
    open_pixels=0.0,
    whole_detector=False,
    threads=None,
    added=None,
    effects=None,
):
    """Take an exposure of which everything is known.

    Parameters
    ----------
    mode : Mode
        From `hexcal.simulate.mode.exposure_mode`.
    scene : Scene, optional
        True rates; default a field of stars and galaxies.
    seed : int
        The same seed, mode and scene give the same exposure, with any number of threads. Detector, scene, cosmic rays
        and noise have streams of their own.
    detector_seed : int, optional
        The same number gives the same detector in every exposure; default `seed`.
    number : int
        Number of the exposure in a series, from 1; part of its name.
    start : float
        MJD at which the exposure starts.
    cosmic_ray_flux : float
        Particles per cm² and s.
    snowball_rate : float
        Snowballs per pixel and s; `hexcal.simulate.snowballs.RATE` is what happens in space. Near-infrared detectors
        only.
    shower_rate : float
        Showers per pixel and s. MIRI only.
    drift : float
        Amplitude of the drifts of the electronics, DN; they are left out where the reference pixels could not measure
        them.
    bad_pixels : float
        Share of bad pixels.
    open_pixels : float
        Share of open pixels, whose charge goes to their neighbours.
    whole_detector : bool
        For a subarray: simulate the properties of all pixels of the detector, so that the references can be full frame,
        as delivered.
    threads : int, optional
    added : dict of str to float32 array (nints, ngroups, ny, nx), DN, optional
        What else each group reads, such as ``{"interference": interference.plane(waves, mode)}``; the planes are part
        of the truth.
    effects : hexcal.simulate.effects.Effects, optional
        Interference, 1/f noise, persistence, charge migration; their planes are part of the truth.

    Returns
    -------
    Simulation

    Raises
    ------
    ParameterError
        For a number out of bounds.
    """
    for name, value in (
        ("cosmic_ray_flux", cosmic_ray_flux),
        ("snowball_rate", snowball_rate),
        ("shower_rate", shower_rate),
        ("drift", drift),
        ("bad_pixels", bad_pixels),
        ("open_pixels", open_pixels),
        ("seed", seed),
    ):
        is_share = name.endswith("_pixels")
        if value < 0 or (is_share and value > 1):
            raise ParameterError(
                f"{name} must not be negative{', nor above 1' if is_share else ''}, got {value}", where=name
            )
    if snowball_rate and mode.instrument == "MIRI":
        raise ParameterError("snowballs are events of near-infrared detectors, MIRI has none", where="snowball_rate")
    if shower_rate and mode.instrument != "MIRI":
        raise ParameterError(f"showers are events of MIRI, not of {mode.instrument}", where="shower_rate")
    if effects is not None:
        effects.require(mode)
    if scene is None:
        scene = scenes.field(mode.image_shape, rng=stream(seed, _SCENE))
    if scene.rate.shape != mode.image_shape:
        raise ParameterError(
            f"the scene must have the shape of the image, {mode.image_shape}, it has {scene.rate.shape}", where="scene"
        )
    window = {} if whole_detector else {"xstart": mode.xstart, "ystart": mode.ystart, "shape": mode.image_shape}
    detector_seed = seed if detector_seed is None else detector_seed
    pixels = stream(detector_seed, _DETECTOR)
    detector = make_detector(
        mode.detector, mode.instrument, pixels, bad_pixels=bad_pixels, open_pixels=open_pixels, **window
    )
    part = detector.part(mode)
    hits = cosmic_rays.draw(mode, stream(seed, _COSMIC_RAYS), cosmic_ray_flux)
    balls = snowballs.draw(mode, stream(seed, _SNOWBALLS), snowball_rate)
    if balls.size:
        hits = cosmic_rays.arranged(np.concatenate([hits, snowballs.hits(balls, mode)]), mode)
    showering = stream(seed, _SHOWERS)
    clouds = showers.draw(mode, showering, shower_rate)
    if clouds.size:
        hits = cosmic_rays.arranged(np.concatenate([hits, showers.hits(clouds, mode, showering)]), mode)
    drifts = make_drifts(mode, drift, stream(seed, _DRIFTS)) if drift > 0 and can_be_measured(mode) else None
    rate = scene.rate * part.response
    more = _of_effects(effects, mode, (seed, detector_seed), start, rate, part)
    planes = {**_checked_planes(added, mode), **more.read}
    both = _sum(planes), _sum(more.charge)
    data = simulate_ramps(mode, rate, part, hits, seed, drifts, make_transients(mode), threads, *both)
    exposure = Level1bModel(data)
    if mode.instrument == "MIRI":
        noise = float(np.median(part.read_noise))
        exposure.refout = reference_output(
            reference_output_shape(mode), 20000, noise, drift, stream(seed, _REFERENCE_OUTPUT)
        )
    describe_exposure(exposure, mode, number, start)
    truth = Truth(rate, part.dq.copy(), hits, scene.stars, mode.shape, seed, balls, clouds, {**planes, **more.charge})
    return Simulation(
        mode, exposure, truth, detector, number, more.references, _described(more.traps, exposure, effects)
    )


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


def _checked_planes(added, mode):
    planes = {name: np.asarray(plane, np.float32) for name, plane in (added or {}).items()}
    for name, plane in planes.items():
        if plane.shape != mode.shape:
            raise ParameterError(
                f"{name} must have the shape of the exposure, {mode.shape}, it has {plane.shape}", where="added"
            )
    return planes


def series(mode, count, scene=None, *, seed=0, detector_seed=None, **settings):
    """Take several exposures of one scene with one detector, one after the other.

    Parameters
    ----------
    mode, scene
        As of `simulate`.
    count : int
        Number of exposures.
    seed : int
        Of the first exposure and of the scene; each further exposure has a seed of its own, so that its noise and its
        cosmic rays are its own.
    detector_seed : int, optional
        Default `seed`.
    **settings
        As of `simulate`.

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
        yield simulate(mode, scene, seed=own, detector_seed=detector_seed, number=number, start=start, **settings)


def scene_stream(seed):
    """Return the random stream from which the scene of an exposure with this seed is drawn."""
    return stream(seed, _SCENE)


def stream(seed, purpose):
    """Return the random stream of one purpose; the streams of one seed are independent of each other."""
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(0, purpose)))


def describe_exposure(model, mode, number=1, start=START):
    """Fill in the keywords of a raw exposure, and the table of the times of its integrations.

    Parameters
    ----------
    model : Level1bModel
        The exposure.
    mode : Mode
        How it was taken.
    number : int
        Its number in the series.
    start : float
        MJD of its start.
    """
    meta = model.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", mode.instrument, mode.detector
    _describe_optics(meta.instrument, mode)
    for name in ("xstart", "ystart", "xsize", "ysize", "fastaxis", "slowaxis"):
        setattr(meta.subarray, name, getattr(mode, name))
    meta.subarray.name = mode.subarray
    numbers = {
        "program_number": "00001",
        "observation_number": "001",
        "visit_number": "001",
        "visit_group": "02",
        "sequence_id": "1",
        "activity_id": "01",
    }
    for name, value in {**numbers, "exposure_number": f"{number:05d}"}.items():
        setattr(meta.observation, name, value)
    meta.observation.observation_label = "simulated"
    meta.visit.tsovisit = mode.tso
    _describe_readout(meta.exposure, mode)
    starts = start + np.arange(mode.n_ints) * (mode.integration_time + mode.frame_time) / _DAY
    ends = starts + mode.integration_time / _DAY
    middles = (starts + ends) / 2
    rows = zip(range(1, mode.n_ints + 1), starts, middles, ends, starts, middles, ends, strict=True)
    model.int_times = np.array(list(rows), dtype=list(INT_TIMES_COLUMNS))
    meta.exposure.start_time, meta.exposure.mid_time, meta.exposure.end_time = (
        start,
        float((start + ends[-1]) / 2),
        float(ends[-1]),
    )
    meta.observation.date_beg, meta.observation.date_end = iso_date(start), iso_date(float(ends[-1]))
    meta.observation.date, meta.observation.time = iso_date(start).split("T")


def iso_date(mjd):
    """Return a date in MJD as text, to the millisecond: 2023-02-25T00:00:00.000."""
    epoch = np.datetime64("1858-11-17T00:00:00.000", "ms")
    return str(epoch + np.timedelta64(round(mjd * 86_400_000), "ms"))


def _describe_optics(instrument, mode):
    instrument.filter = mode.filter
    if mode.instrument == "NIRCAM":
        instrument.module, instrument.pupil = mode.detector[3], "CLEAR"
        instrument.channel = "LONG" if mode.detector.endswith("LONG") else "SHORT"
    elif mode.instrument == "NIRISS":
        instrument.pupil = "F200W"
    elif mode.instrument == "FGS":
        instrument.filter = None
    elif mode.instrument == "NIRSPEC":
        instrument.grating = "MIRROR"
    elif mode.detector != "MIRIMAGE":
        instrument.channel, instrument.band = "12" if mode.detector == "MIRIFUSHORT" else "34", "SHORT"


def _describe_readout(exposure, mode):
    exposure.type, exposure.readpatt = mode.exposure_type, mode.readpatt
    exposure.nints, exposure.ngroups, exposure.nframes, exposure.groupgap = (
        mode.n_ints,
        mode.n_groups,
        mode.n_frames,
        mode.group_gap,
    )
    exposure.integration_start, exposure.integration_end = 1, mode.n_ints
    exposure.noutputs = detector_facts(mode.detector).outputs if mode.instrument == "MIRI" else mode.n_outputs
    exposure.frame_time, exposure.group_time, exposure.integration_time = (
        mode.frame_time,
        mode.group_time,
        mode.integration_time,
    )
    exposure.exposure_time = mode.integration_time * mode.n_ints
    exposure.duration = exposure.exposure_time + mode.frame_time * (mode.n_ints - 1)
    exposure.nsamples, exposure.sample_time, exposure.frame_divisor = 1, 10.0, mode.n_frames
    exposure.drop_frames1, exposure.zero_frame, exposure.nresets_between_ints = 0, False, 1
    if mode.readpatt.startswith("FASTGRPAVG"):
        # These patterns are averages of groups of one frame.
        exposure.miri_fsw_nframes = 1
