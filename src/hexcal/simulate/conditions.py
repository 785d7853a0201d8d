"""What happens to a simulated exposure beside the light of its scene, and what its detector is like."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hexcal.errors import ParameterError
from hexcal.simulate import cosmic_rays
from hexcal.simulate.effects import Effects
from hexcal.simulate.mode import Mode


@dataclass(frozen=True)
class Conditions:
    """Cosmic rays, drifts, bad pixels and further effects.

    Parameters
    ----------
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
    added : dict of str to float32 array (nints, ngroups, ny, nx), DN, optional
        What else each group reads, such as ``{"interference": interference.plane(waves, mode)}``; the planes are part
        of the truth.
    effects : hexcal.simulate.effects.Effects, optional
        Interference, 1/f noise, persistence, charge migration; their planes are part of the truth.
    """

    cosmic_ray_flux: float = cosmic_rays.FLUX
    snowball_rate: float = 0.0
    shower_rate: float = 0.0
    drift: float = 6.0
    bad_pixels: float = 0.004
    open_pixels: float = 0.0
    whole_detector: bool = False
    added: Mapping[str, np.ndarray] | None = None
    effects: Effects | None = None

    def require(self, mode: Mode) -> None:
        """Raise ParameterError for a number out of bounds, or an event or effect that the detector does not have."""
        for name in ("cosmic_ray_flux", "snowball_rate", "shower_rate", "drift", "bad_pixels", "open_pixels"):
            require_bounds(name, getattr(self, name), 1 if name.endswith("_pixels") else None)
        if self.snowball_rate and mode.instrument == "MIRI":
            raise ParameterError(
                "snowballs are events of near-infrared detectors, MIRI has none", where="snowball_rate"
            )
        if self.shower_rate and mode.instrument != "MIRI":
            raise ParameterError(f"showers are events of MIRI, not of {mode.instrument}", where="shower_rate")
        if self.effects is not None:
            self.effects.require(mode)

    def planes(self, mode: Mode) -> dict[str, np.ndarray]:
        """Return `added` as float32 arrays; ParameterError for one that does not have the shape of the exposure."""
        planes = {name: np.asarray(plane, np.float32) for name, plane in (self.added or {}).items()}
        for name, plane in planes.items():
            if plane.shape != mode.shape:
                raise ParameterError(
                    f"{name} must have the shape of the exposure, {mode.shape}, it has {plane.shape}", where="added"
                )
        return planes


PLAIN = Conditions()
"""The defaults."""


def require_bounds(name: str, value: float, most: float | None = None) -> None:
    """Raise ParameterError for a number that is negative, or above `most` if that is given."""
    if value < 0 or (most is not None and value > most):
        limit = "" if most is None else f", nor above {most}"
        raise ParameterError(f"{name} must not be negative{limit}, got {value}", where=name)
