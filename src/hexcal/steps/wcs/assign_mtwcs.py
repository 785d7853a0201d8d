"""Make the sky move with a target of the solar system."""

from typing import Any, Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models.stored_wcs import wcs_of
from hexcal.models.wcs import models
from hexcal.steps.wcs.changed import renamed, with_steps
from hexcal.steps.wcs.footprint import footprint, s_region
from hexcal.steps.wcs.sky_angles import wrapped

MOVING_TARGET = "moving_target"
"""Name of the frame in which the target stands still."""


class AssignMTWcsStep(Step):
    """Shift the WCS of exposures of a moving target, so that the target is at the same place of the sky in all of them.

    The place is the average of where it was in the middle of each exposure (MT_RA, MT_DEC), written as MT_AVRA and
    MT_AVDEC. The frame ``world`` stays, and ``moving_target`` comes after it, so that
    ``model.meta.wcs.get_transform("detector", "world")`` still gives the true sky. The original goes on without a word
    when an exposure lacks the position of its target, and averages positions on both sides of right ascension 0 to the
    other side of the sky.
    """

    alias = "assign_mtwcs"
    input_model = ("ImageContainer", "CubeContainer", "IFUImageContainer", "SlitContainer", "MultiSlitContainer")

    class Parameters(StepParameters):
        """How the sky is moved."""

        suffix: str | None = parameter("assign_mtwcs", "Suffix of the products.")
        output_use_model: bool = parameter(
            True, "Take output names from the file name in each model, not from the input."
        )
        motion: Literal["shift", "rotation"] = parameter(
            "shift",
            "How the sky is moved: 'shift' adds to right ascension and declination, as the original does; "
            "'rotation' turns the sphere, so that the "
            "field keeps its shape (a shift of 1 arcmin in declination changes the width of the field by up to 3e-4 "
            "tan(dec)).",
        )

    def process(self, exposures):
        targets = self._targets(exposures)
        ra, dec = average(targets)
        self.log.info(
            "Average position of the target in %d exposures: RA %.6f, Dec %.6f degrees", len(targets), ra, dec
        )
        for model, target in zip(exposures.each(changed=()), targets, strict=True):
            model.meta.wcsinfo.mt_avra, model.meta.wcsinfo.mt_avdec = ra, dec
            for part in model.parts():
                wcs = wcs_of(part)
                if wcs is None:
                    raise InputError(
                        "an exposure of a moving target needs a WCS that can be shifted, there is none",
                        where=str(model.path or model.meta.filename or "model in memory"),
                        hint="run assign_wcs first",
                    )
                part.meta.wcs = following(wcs, target, (ra, dec), self.parameters.motion)
            self._set_region(model)
        return exposures

    def _targets(self, exposures):
        """Positions of the target in all exposures; a look at all of them before any is changed."""
        targets, types, without = [], set(), []
        for model in exposures.each(changed=False):
            types.add(str(model.meta.target.type or "").lower())
            targets.append((model.meta.wcsinfo.mt_ra, model.meta.wcsinfo.mt_dec))
            if None in targets[-1]:
                without.append(str(model.meta.filename or model.path or "model in memory"))
        if "moving" not in types:
            raise SkipStep("the target does not move (TARGTYPE)", is_expected=True)
        if without:
            raise InputError(
                f"the position of the moving target (MT_RA, MT_DEC) is missing in {len(without)} of {len(targets)} "
                "exposures",
                where=", ".join(without[:3]),
                hint=(
                    "it is written when the raw exposures are made from the ephemeris; "
                    "skip=true continues as if the target did not move"
                ),
            )
        return targets

    def _set_region(self, model):
        for part in model.parts():
            wcs: Any = wcs_of(part)
            if (wcs.pixel_n_dim, wcs.world_n_dim) == (2, 2):
                region = s_region(footprint(part))
                if region is not None:
                    part.meta.wcsinfo.s_region = region


def average(targets):
    """Return the average of positions on the sky.

    Parameters
    ----------
    targets : sequence of (float, float)
        Right ascension and declination, degrees.

    Returns
    -------
    ra, dec : float
        Degrees; of right ascensions on both sides of 0 the one between them.
    """
    ra, dec = np.array(targets, float).T
    offsets = wrapped(ra - ra[0])
    return float((ra[0] + offsets.mean()) % 360.0), float(dec.mean())


def following(wcs, target, centre, motion="shift"):
    """Return a WCS whose last frame moves with a target.

    Parameters
    ----------
    wcs : Wcs or gwcs.WCS
        Of an exposure; not changed. A frame ``moving_target`` that it has already is replaced.
    target : (float, float)
        Right ascension and declination of the target in the exposure, degrees.
    centre : (float, float)
        Where it shall be.
    motion : str
        "shift" or "rotation". Where an added right ascension would leave 0 to 360 degrees, the sphere is turned.

    Returns
    -------
    Wcs or gwcs.WCS
        With the same bounding box.
    """
    steps = [(step.frame, step.transform) for step in wcs.pipeline]
    if steps[-1][0].name == MOVING_TARGET:
        del steps[-1]
    world = steps.pop()[0]
    spectral = [] if wcs.world_n_dim == 2 else list(range(2, wcs.world_n_dim))
    move = _rotation(target, centre) if motion == "rotation" or _wraps(wcs, target, centre) else _shift(target, centre)
    if spectral:
        move = move & models.Identity(len(spectral))
    return with_steps(wcs, [*steps, (world, move), (renamed(world, MOVING_TARGET), None)])


def _shift(target, centre):
    offset = wrapped(centre[0] - target[0])
    return models.Shift(offset) & models.Shift(centre[1] - target[1])


def _rotation(target, centre):
    """Turn the target to the meridian, up to the declination of the centre, and to its right ascension.

    North stays north at the target.
    """
    angles = [target[0], centre[1] - target[1], -centre[0]]
    return (
        models.SphericalToCartesian(wrap_lon_at=360)
        | models.RotationSequence3D(angles, axes_order="zyz")
        | models.CartesianToSpherical(wrap_lon_at=360)
    )


def _wraps(wcs, target, centre):
    """Whether positions of an exposure, shifted, would lie outside of 0 to 360 degrees."""
    if wcs.bounding_box is None or wcs.world_n_dim != 2:
        return not 1.0 < centre[0] < 359.0
    ra = footprint(wcs)[:, 0]
    shifted = ra + wrapped(centre[0] - target[0])
    return bool(np.ptp(ra) > 180.0 or shifted.min() < 0.0 or shifted.max() > 360.0)
