"""Electromagnetic interference of MIRI: waves of known frequencies that all pixels of a read-out share."""

from dataclasses import dataclass

import numpy as np

from hexcal.errors import ParameterError
from hexcal.steps.detector import miri_clock

_POINTS = 500
"""Points of a wave in a reference file."""


@dataclass(frozen=True)
class Wave:
    """One disturbance: name, frequency in Hz, phase at the first pixel of the exposure, in cycles.

    `shape`: float64 (npoints,), DN, one cycle from phase 0.
    """

    name: str
    frequency: float
    phase: float
    shape: np.ndarray


def draw(mode, amplitude, rng):
    """Draw the waves that disturb an exposure.

    Parameters
    ----------
    mode : Mode
        Of MIRI, with a read-out pattern of single frames.
    amplitude : float
        Of the strongest wave, DN; each further one has half of that before it.
    rng : numpy.random.Generator

    Returns
    -------
    list of Wave
        Of the frequencies that disturb the subarray, each a sine with a second harmonic.

    Raises
    ------
    ParameterError
        For another instrument, and a pattern of averaged frames, in which a wave cannot be followed.
    """
    require(mode)
    at = 2 * np.pi * (np.arange(_POINTS) + 0.5) / _POINTS
    return [
        Wave(
            f"Hz{frequency:.0f}",
            frequency,
            rng.random(),
            amplitude / 2**number * (np.sin(at) + 0.3 * np.sin(2 * at + 2 * np.pi * rng.random())),
        )
        for number, frequency in enumerate(miri_clock.default_frequencies(mode.subarray))
    ]


def require(mode):
    """Raise ParameterError for an exposure that interference does not disturb, or in which it cannot be followed."""
    if mode.instrument != "MIRI":
        raise ParameterError(f"interference disturbs MIRI, not {mode.instrument}", where="interference")
    if not miri_clock.known_pattern(mode.readpatt):
        raise ParameterError(
            f"interference is simulated for patterns of single frames, not {mode.readpatt}",
            where="interference",
            hint="FAST, FASTR1, SLOW or SLOWR1",
        )


def plane(waves, mode, n_samples=1):
    """Return what waves add to an exposure: the truth.

    Parameters
    ----------
    waves : list of Wave
    mode : Mode
    n_samples : int
        Clocks per set of four columns (keyword NSAMPLES).

    Returns
    -------
    float32 array (nints, ngroups, ny, nx), DN
        In all pixels, reference pixels included.
    """
    row, frame = miri_clock.clocks(mode.frame_time, mode.ysize)
    n_ints, n_groups, ny, nx = mode.shape
    frames = n_groups + miri_clock.frames_between(mode.readpatt)
    first = np.arange(n_ints)[:, None] * frames + np.arange(n_groups)
    clocks = first[..., None, None] * frame + np.arange(ny)[:, None] * row + np.arange(nx) // 4 * n_samples
    total = np.zeros(mode.shape, np.float32)
    for wave in waves:
        phase = (clocks * (wave.frequency * miri_clock.CLOCK) + wave.phase) % 1.0
        own = (np.arange(_POINTS) + 0.5) / _POINTS
        total += np.interp(phase, own, wave.shape, period=1.0).astype(np.float32)
    return total


def reference_tree(waves, mode):
    """Return the tree of an emicorr reference that knows the waves, but for their phases (dict)."""
    row, frame = miri_clock.clocks(mode.frame_time, mode.ysize)
    names = [wave.name for wave in waves]
    patterns = {"FAST": names, "SLOW": {mode.detector: names}}
    meta = {"telescope": "JWST", "reftype": "emicorr", "model_type": "EmiModel", "instrument": {"name": "MIRI"}}
    meta |= {"author": "hexcal simulate", "description": "Simulated interference", "pedigree": "DUMMY"}
    return {
        "meta": {**meta, "useafter": "2015-01-01T00:00:00"},
        "frequencies": {
            wave.name: {"frequency": wave.frequency, "phase_amplitudes": wave.shape.astype(np.float32)}
            for wave in waves
        },
        "subarray_cases": {mode.subarray: {"rowclocks": row, "frameclocks": frame, "freqs": patterns}},
    }
