"""Further effects in an exposure, each with its plane of the truth.

Interference and 1/f noise of the electronics; charge that traps release, and that bright pixels lose.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hexcal.errors import ParameterError
from hexcal.simulate import charge_migration, interference, persistence
from hexcal.simulate import scene as scenes
from hexcal.simulate.flicker import flicker_noise
from hexcal.simulate.response import linearized

_DAY = 86400.0
_BEFORE = 600.0
"""Exposure time of the exposure whose light has filled traps, s."""


@dataclass(frozen=True)
class Added:
    """What effects add to an exposure.

    Attributes
    ----------
    read, charge : dict of str to float32 array (nints, ngroups, ny, nx), DN
        What the electronics read more, and what pixels hold more, by effect.
    references : dict of str to ReferenceModel
        That belong to the effects, by type; without the keywords that all references have.
    traps : TrapsFilledModel or None
        Traps that the exposure before has filled, at its end.
    """

    read: dict[str, np.ndarray] = field(default_factory=dict)
    charge: dict[str, np.ndarray] = field(default_factory=dict)
    references: dict[str, Any] = field(default_factory=dict)
    traps: Any = None


@dataclass(frozen=True)
class Effects:
    """Which effects there are, and how strong.

    Attributes
    ----------
    interference : float, DN
        Amplitude of the strongest wave; MIRI, patterns of single frames.
    flicker : float, DN
        Standard deviation of the 1/f noise within a group.
    persistence : float or None, s
        Time since the end of an exposure of other stars, whose light has filled traps; None for none. Near infrared.
    charge_migration : float
        Share of the charge beyond 25000 DN that goes to the four neighbours. Near infrared.
    """

    interference: float = 0.0
    flicker: float = 0.0
    persistence: float | None = None
    charge_migration: float = 0.0

    def require(self, mode):
        """Raise ParameterError for what an exposure cannot have."""
        for name in ("interference", "flicker", "persistence", "charge_migration"):
            if (getattr(self, name) or 0) < 0:
                raise ParameterError(f"{name} must not be negative, got {getattr(self, name)}", where=name)
        if self.charge_migration > 1:
            raise ParameterError(
                f"the share that moves must be between 0 and 1, got {self.charge_migration}", where="charge_migration"
            )
        if self.interference:
            interference.require(mode)
        near_infrared = {"persistence": self.persistence is not None, "charge_migration": self.charge_migration > 0}
        for name, wanted in near_infrared.items():
            if wanted and mode.instrument == "MIRI":
                raise ParameterError(
                    f"{name} is simulated for near-infrared detectors, whose steps correct for it, not for MIRI",
                    where=name,
                )

    def reference_types(self):
        """Types of reference that belong to the effects."""
        traps = ("trapdensity", "persat", "trappars") if self.persistence is not None else ()
        return (*(("emicorr",) if self.interference else ()), *traps)

    def steps(self, traps):
        """Parameters of calwebb_detector1, as words, that have it correct for the effects; `traps` is a path."""
        return [
            *(["--steps.emicorr.skip=false"] if self.interference else []),
            *(["--steps.clean_flicker_noise.skip=false"] if self.flicker else []),
            *([f"--steps.persistence.input_trapsfilled={traps}"] if self.persistence is not None else []),
            *(["--steps.charge_migration.skip=false"] if self.charge_migration else []),
        ]


def added(effects, mode, streams, start, before_end, rate, part):
    """Return what effects add to an exposure (`Added`).

    Parameters
    ----------
    effects : Effects
    mode : Mode
    streams : dict of str to numpy.random.Generator
        ``waves`` and ``before`` (the same for all exposures of a series), ``phases`` and ``flicker`` (of this one).
    start, before_end : float, MJD
        Start of this exposure, and end of the one that has filled traps.
    rate : float32 array (ny, nx), DN/s
        Of the light.
    part : DetectorPixels
        Of the same pixels.
    """
    result = Added()
    if effects.interference:
        drawn = interference.draw(mode, effects.interference, streams["waves"])
        waves = [replace(wave, phase=streams["phases"].random()) for wave in drawn]
        result.read["interference"] = interference.plane(waves, mode)
        result.references["emicorr"] = _tree(interference.reference_tree(waves, mode))
    if effects.flicker:
        # The stripes of MIRI are columns, as of detectors whose lines are.
        columns = mode.instrument == "MIRI" or abs(mode.fastaxis) == 2
        outputs = 1 if mode.instrument == "MIRI" else mode.n_outputs
        result.read["flicker"] = flicker_noise(mode.shape, effects.flicker, streams["flicker"], outputs, columns)
    if effects.persistence is not None:
        result = _with_persistence(result, mode, streams["before"], start, before_end)
    if effects.charge_migration:
        result.charge["charge_migration"] = _migrated(effects.charge_migration, mode, rate, part)
    return result


def _with_persistence(result, mode, rng, start, before_end):
    from hexcal import datamodels

    light = scenes.field(mode.image_shape, rng=rng).rate * _BEFORE
    filled = persistence.filled_traps(np.where(mode.reference_pixels(), 0, light))
    left = persistence.after(filled, (start - before_end) * _DAY)
    result.charge["persistence"] = persistence.released(left, mode)
    tables = persistence.reference_tables(mode.image_shape)
    result.references["trapdensity"] = datamodels.TrapDensityModel(tables["trapdensity"])
    result.references["persat"] = datamodels.PersistenceSatModel(tables["persat"])
    result.references["trappars"] = datamodels.TrapParsModel(trappars_table=tables["trappars"])
    return replace(result, traps=datamodels.TrapsFilledModel(filled))


def _migrated(share, mode, rate, part):
    """Plane of the charge that moves, as the light alone fills the pixels; the same in all integrations."""
    frames = (mode.n_frames + mode.group_gap) * np.arange(mode.n_groups) + 0.5 * (mode.n_frames + 1)
    linear = (rate + part.dark) * (mode.frame_time * frames)[:, None, None]
    full = linearized(part.well, part.coefficients)
    _, moved = charge_migration.migrate(np.minimum(linear, full)[None], share=share)
    return np.broadcast_to(np.where(mode.reference_pixels(), np.float32(0), moved), mode.shape)


def _tree(tree):
    """The model of a reference of this tree."""
    from hexcal import datamodels

    return datamodels.EmiModel().hold(dict(tree), None)
