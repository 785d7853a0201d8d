"""NIRSpec exposures read out with interleaved reference pixels (IRS2).

The noise that the sectors share is a plane of the truth.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hexcal.models import reference
from hexcal.models.science import Level1bModel
from hexcal.models.single import model_class
from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.observatories.jwst.products import exposure_name
from hexcal.simulate.exposure_keywords import START, iso_date
from hexcal.simulate.flicker import series
from hexcal.simulate.output import make_folder, planned
from hexcal.simulate.reference_files import Place, describe, flag_definitions, save_references
from hexcal.steps.detector import irs2

GAIN, READ_NOISE, BIAS = 1.0, 9.0, 9000.0
"""Electrons per DN; DN of one read; DN."""
FRAME_TIME, FRAMES = 14.58889, 5
SHARED = 6.0
"""Standard deviation within a frame of the 1/f noise that all outputs have in common, DN."""
OWN = 4.0
"""The same, of the noise that the normal and reference pixels of a sector have in common."""
_VISITED = irs2.TIMES_VISIT.size / irs2.PERIOD
"""Part of the time for which the reference pixels stand."""


@dataclass(frozen=True)
class Irs2Simulation:
    """What `simulate_irs2` returns.

    exposure : Level1bModel, uint16 (nints, ngroups, 3200, 2048)
    rate : float32 (2048, 2048), DN/s, true rates of the normal pixels
    correlated : float32 (nints, ngroups, 2048, 2048), DN, noise that the normal pixels have in common
        with reference pixels or reference output
    references : reference models by type
    """

    exposure: Level1bModel
    rate: np.ndarray
    correlated: np.ndarray
    references: dict

    def save(self, folder, overwrite=False):
        """Write the raw exposure and ``<folder>/references``.

        Returns
        -------
        dict of str to str
            Paths: ``exposure``, ``references`` (a folder).
        """
        (exposure,) = planned(folder, [self.exposure.meta.filename], overwrite)
        make_folder(folder)
        save_references(self.references, Path(folder) / "references", overwrite)
        self.exposure.save(exposure)
        return {"exposure": str(exposure), "references": str(Path(folder) / "references")}


def simulate_irs2(
    *, detector: str = "NRS1", n_ints: int = 1, n_groups: int = 5, seed: int = 0, detector_seed: int | None = None,
    dark: bool = False, number: int = 1, start: float = START,
) -> Irs2Simulation:  # fmt: skip
    """Simulate an exposure of faint spectra with read-out pattern NRSIRS2, and references that fit.

    A group is the average of five frames. The electronics add, to the white noise of every read, a series in time with
    a power as 1/f that all outputs share, and one for each sector, which its reference pixels show as well.

    Parameters
    ----------
    detector : str
        NRS1 or NRS2.
    n_ints, n_groups : int
    seed : int
        The same seed gives the same exposure.
    detector_seed : int, optional
        The same number gives the same bias in every exposure; default: that of the seed.
    dark : bool
        Without light.
    number : int
        Number of the exposure in a series, from 1; part of its name.
    start : float
        MJD at which the exposure starts.

    Returns
    -------
    Irs2Simulation
    """
    rng = np.random.default_rng(seed)
    rate = np.zeros((irs2.LINES, irs2.LINES)) if dark else _scene(rng)
    own = rng if detector_seed is None else np.random.default_rng(detector_seed)
    bias = (BIAS + own.normal(0, 60, (irs2.SECTOR * (irs2.SECTORS + 1), irs2.LINES))).astype(np.float32)
    data = np.empty((n_ints, n_groups, *bias.shape), np.uint16)
    correlated = np.empty((n_ints, n_groups, irs2.LINES, irs2.LINES), np.float32)
    rows = irs2.normal_rows()
    for i in range(n_ints):
        signal = np.zeros(rate.shape)
        for g in range(n_groups):
            signal += rng.poisson(rate * (GAIN * FRAME_TIME * FRAMES)) / GAIN
            frame, shared = _read(rng)
            correlated[i, g] = irs2.as_read(shared[rows], detector)
            frame[rows] += irs2.as_read(signal, detector)
            data[i, g] = irs2.as_read(np.clip(np.round(frame + irs2.as_read(bias, detector)), 0, 65535), detector)
    exposure = _exposure(data, detector, dark, number, start)
    return Irs2Simulation(exposure, rate.astype(np.float32), correlated, _references(bias, detector))


def _scene(rng):
    """Rates of spectra, horizontal stripes, DN/s."""
    rate = np.full((irs2.LINES, irs2.LINES), 0.005)
    for row in rng.integers(60, irs2.LINES - 60, 12):
        rate[row - 3 : row + 4] += 10 ** rng.uniform(-1.5, 0.8)
    rate[:4], rate[-4:], rate[:, :4], rate[:, -4:] = 0, 0, 0, 0
    return rate


def _read(rng):
    """One group without signal, in the order of NRS1, and the noise in it that is shared.

    Two float32 (3200, 2048), DN.
    """
    white = rng.normal(0, READ_NOISE / np.sqrt(FRAMES), (irs2.SECTOR * (irs2.SECTORS + 1), irs2.LINES))
    shared = np.empty_like(white)
    common = SHARED * _unit(series(irs2.N_TIMES, rng))
    for k in range(-1, irs2.SECTORS):
        own = OWN * _unit(series(irs2.N_TIMES, rng)) if k >= 0 else 0
        stream = (common + own).reshape(irs2.LINES, irs2.PERIOD)
        target = irs2.sector(shared, k)
        target[~irs2.IS_REFERENCE] = stream[:, irs2.TIMES_NORMAL].T
        target[irs2.IS_REFERENCE] = stream[:, irs2.TIMES_REFERENCE.ravel()].T
    return (white + shared).astype(np.float32), shared.astype(np.float32)


def _unit(values):
    return values / values.std()


def _exposure(data, detector, dark, number, start):
    raw, facts = Level1bModel(data), detector_facts(detector)
    meta = raw.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", "NIRSPEC", detector
    meta.instrument.filter, meta.instrument.grating = ("OPAQUE", "MIRROR") if dark else ("F170LP", "G235H")
    meta.subarray.name, meta.subarray.fastaxis, meta.subarray.slowaxis = "FULL", facts.fastaxis, facts.slowaxis
    meta.subarray.xstart = meta.subarray.ystart = 1
    meta.subarray.xsize = meta.subarray.ysize = irs2.LINES
    exposure = meta.exposure
    exposure.type, exposure.readpatt = "NRS_DARK" if dark else "NRS_IFU", "NRSIRS2"
    exposure.nints, exposure.ngroups = data.shape[:2]
    exposure.integration_start, exposure.integration_end = 1, data.shape[0]
    exposure.nframes, exposure.frame_divisor, exposure.groupgap, exposure.drop_frames1 = FRAMES, FRAMES, 0, 0
    exposure.frame_time, exposure.group_time = FRAME_TIME, FRAME_TIME * FRAMES
    exposure.noutputs, exposure.nsamples, exposure.start_time = 5, 1, start
    exposure.nrs_normal, exposure.nrs_reference = irs2.NORMAL, irs2.REFERENCE
    meta.observation.date, meta.observation.time = iso_date(start).split("T")
    meta.observation.exposure_number = f"{number:05d}"
    meta.filename = f"{exposure_name(1, 1, 1, number, detector, 'uncal')}.fits"
    return raw


def weights_table():
    """Return the table of weights for the noise simulated here.

    Up to some 12 cycles a line the reference pixels follow the noise of their sector (the zeros between their visits
    dilute it, for which the weight makes up); beyond, the reference output shows what all outputs share, as far as that
    stands out of its white noise.
    """
    cycles = np.abs(np.fft.fftfreq(irs2.N_TIMES, 1 / irs2.N_TIMES))
    low = 0.5 * (1 + np.cos(np.pi * np.clip((cycles / irs2.LINES - 10) / 4, 0, 1)))
    power = SHARED**2 * irs2.N_TIMES / (2 * np.log(irs2.N_TIMES / 2)) / np.maximum(cycles, 1)
    wiener = power / (power + READ_NOISE**2 / FRAMES)
    columns = [(1 - low) * wiener] * irs2.SECTORS + [low / _VISITED] * irs2.SECTORS
    names = [f"{name}_{k}" for name in ("alpha", "beta") for k in range(irs2.SECTORS)]
    table = np.zeros(2 * irs2.N_TIMES, [(name, "f4") for name in names])
    for name, column in zip(names, columns, strict=True):
        table[name][0::2] = column
    return table


def _references(bias, detector):
    image = np.ones((irs2.LINES, irs2.LINES), np.float32)
    coefficients = np.zeros((2, *image.shape), np.float32)
    coefficients[1] = 1
    bad = np.zeros(8, [("output", "u2"), ("odd_even", "u2"), ("mask", "u4")])
    bad["output"], bad["odd_even"] = np.repeat(np.arange(1, 5), 2), np.tile([1, 2], 4)
    models = {
        "mask": reference.MaskModel(dq=np.zeros(bias.shape, np.uint32), dq_def=flag_definitions("mask")),
        "saturation": reference.SaturationModel(image * 60000),
        "superbias": reference.SuperBiasModel(bias),
        "refpix": model_class("IRS2Model")(irs2_table=weights_table(), dq_table=bad),
        "linearity": reference.LinearityModel(coefficients),
        "gain": reference.GainModel(image * np.float32(GAIN)),
        # The reference holds the noise of the difference of two frames.
        "readnoise": reference.ReadnoiseModel(image * np.float32(np.sqrt(2) * READ_NOISE)),
    }
    place = Place("NIRSPEC", detector, "FULL", 1, 1, irs2.LINES, irs2.LINES, "NRSIRS2")
    for kind, model in models.items():
        if kind in ("saturation", "superbias", "linearity"):
            model.dq = np.zeros(model.shape[-2:], np.uint32)
            model.dq_def = flag_definitions(kind)
        describe(model, kind, place, f"Simulated {kind} of NIRSpec IRS2")
    return models
