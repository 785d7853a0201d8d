"""Calibration exposures of one detector: darks and lamp flats, and the truth as reference files."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hexcal.errors import ParameterError
from hexcal.simulate.conditions import PLAIN, Conditions
from hexcal.simulate.detector import typical
from hexcal.simulate.exposure import OVERHEAD, Simulation, simulate
from hexcal.simulate.exposure_keywords import START
from hexcal.simulate.mode import Mode, dark_type, exposure_mode
from hexcal.simulate.scene import STAR_COLUMNS, Scene

FLAT_TYPES = {"NIRCAM": "NRC_LED", "MIRI": "MIR_FLATIMAGE", "NIRISS": "NIS_LAMP", "FGS": "FGS_INTFLAT",
              "NIRSPEC": "NRS_LAMP"}  # fmt: skip
"""EXP_TYPE of exposures of a lamp."""
FULL_AT = 0.7
"""Share of a ramp of a flat after which the pixels are full, unless a rate is given."""
_DAY = 86400.0


def flat_type(instrument: str, detector: str | None = None) -> str:
    """Return the EXP_TYPE of flats of an instrument; the detectors of the MIRI spectrograph have one of their own."""
    if str(detector).upper().startswith("MIRIFU"):
        return "MIR_FLATMRS"
    # An instrument that is not known is refused, with the nearest name, where the mode is made.
    return FLAT_TYPES.get(instrument.upper(), "NRC_LED")


def full_rate(mode: Mode) -> float:
    """Return the rate, DN/s, at which pixels are full after `FULL_AT` of a ramp."""
    return typical(mode.instrument, mode.detector).well / (FULL_AT * mode.integration_time)


def modes_of(instrument: str, *, dark_groups: int, flat_groups: int, dark_ints: int = 1, flat_ints: int = 1,
             detector: str | None = None, **settings: Any) -> tuple[Mode, Mode]:  # fmt: skip
    """Return how darks and how flats are taken.

    Parameters
    ----------
    instrument : str
        NIRCAM, MIRI, NIRISS, FGS or NIRSPEC.
    dark_groups, flat_groups, dark_ints, flat_ints : int
        NGROUPS and NINTS.
    detector : str, optional
        Default: the first one that has the subarray.
    **settings
        As of `hexcal.simulate.mode.exposure_mode`.
    """
    common = {"instrument": instrument, "detector": detector, **settings}
    dark = exposure_mode(
        **common, exposure_type=dark_type(instrument, detector), n_groups=dark_groups, n_ints=dark_ints
    )
    flat = exposure_mode(
        **common, exposure_type=flat_type(instrument, detector), n_groups=flat_groups, n_ints=flat_ints
    )
    return dark, flat


def calibrations(
    dark: Mode, flat: Mode, n_darks: int, n_flats: int, *, rates: Sequence[float] = (), seed: int = 0,
    detector_seed: int | None = None, start: float = START, gap: float = OVERHEAD, conditions: Conditions = PLAIN,
) -> Iterator[Simulation]:  # fmt: skip
    """Take darks, then flats, one after the other, with one detector.

    Parameters
    ----------
    dark, flat : Mode
        How they are taken (`modes_of`).
    n_darks, n_flats : int
        How many.
    rates : sequence of float
        Levels of the lamp, DN/s, taken in turn; default: that at which pixels are full after `FULL_AT` of the ramp.
    seed : int
        Of the noise; each exposure has a stream of its own.
    detector_seed : int, optional
        Of the detector; default `seed`.
    start : float
        MJD at which the first exposure starts.
    gap : float
        Time between two exposures, s.
    conditions : Conditions
        As of `hexcal.simulate.exposure.simulate`.

    Yields
    ------
    Simulation
        Numbered from 1 on, darks first.

    Raises
    ------
    ParameterError
        For a level that is not positive, or no exposures at all.
    """
    if n_darks + n_flats < 1:
        raise ParameterError("at least one dark or flat is needed", where="darks, flats")
    if bad := [rate for rate in rates if not rate > 0]:
        raise ParameterError(f"the level of a lamp must be positive, got {bad[0]:g} DN/s", where="flat_rates")
    levels = list(rates) or [full_rate(flat)]
    detector_seed = seed if detector_seed is None else detector_seed
    for number in range(1, n_darks + n_flats + 1):
        is_dark = number <= n_darks
        mode = dark if is_dark else flat
        level = 0.0 if is_dark else levels[(number - n_darks - 1) % len(levels)]
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        yield simulate(
            mode, uniform(mode, level), conditions, seed=own, detector_seed=detector_seed, number=number, start=start
        )
        start += (mode.integration_time * mode.n_ints + mode.frame_time * (mode.n_ints - 1) + gap) / _DAY


def irs2_darks(
    n_darks: int, *, n_groups: int, n_ints: int = 1, detector: str = "NRS1", seed: int = 0,
    detector_seed: int | None = None, start: float = START, gap: float = OVERHEAD,
) -> Iterator[Any]:  # fmt: skip
    """Take darks of NIRSpec with NRSIRS2, one after the other, with one detector.

    Parameters
    ----------
    n_darks, n_groups, n_ints : int
        How many, of how many groups and integrations.
    detector : str
        NRS1 or NRS2.
    seed, detector_seed, start, gap
        As of `calibrations`.

    Yields
    ------
    Irs2Simulation
        Numbered from 1 on.
    """
    from hexcal.simulate.irs2 import FRAME_TIME, FRAMES, simulate_irs2

    detector_seed = seed if detector_seed is None else detector_seed
    for number in range(1, n_darks + 1):
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        yield simulate_irs2(
            detector=detector, n_ints=n_ints, n_groups=n_groups, seed=own, detector_seed=detector_seed, dark=True,
            number=number, start=start,
        )  # fmt: skip
        start += (FRAME_TIME * FRAMES * n_groups * n_ints + FRAME_TIME * (n_ints - 1) + gap) / _DAY


def uniform(mode: Mode, rate: float) -> Scene:
    """Return a scene of the same rate everywhere, DN/s."""
    return Scene(np.full(mode.image_shape, rate, np.float32), np.zeros(0, list(STAR_COLUMNS)))
