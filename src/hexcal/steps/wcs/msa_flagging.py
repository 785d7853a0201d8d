"""Flag pixels that light through shutters stuck open falls on."""

import logging

import numpy as np

from hexcal.core import SkipStep, Step
from hexcal.errors import ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.models.wcs import models

_TYPES = ("NRS_MSASPEC", "NRS_IFU")
_STATES = ("Internal state", "TA state", "state")
"""States of a shutter in the reference file: it is taken as open if one of them is."""
_QUADRANTS = (1, 2, 3, 4)
HALF = 0.5
"""Edges of the open area of a shutter, slit_y."""


class MSAFlagOpenStep(Step):
    """Flag pixels of NIRSpec exposures of the micro-shutters or the integral-field unit that shutters stuck open light.

    The spectrum of each such shutter of the MSAOPER file is traced on the detector; pixels that see it get the flag
    MSA_FAILED_OPEN. Where they fall follows from the reference files of assign_wcs, which the step asks for too.
    """

    alias = "msa_flagging"
    input_model = ("ImageModel", "IFUImageModel", "CubeModel")
    reference_types = ("msaoper", "camera", "collimator", "disperser", "fpa", "msa", "wavelengthrange")

    def references_needed(self, model):
        """None for exposures of other types."""
        return self.reference_types if model.meta.exposure.type in _TYPES else ()

    def process(self, model, references):
        exposure_type = model.meta.exposure.type
        if exposure_type not in _TYPES:
            reason = f"exposures of type {exposure_type} are not taken through the micro-shutters"
            raise SkipStep(reason, is_expected=True)
        shutters = failed_open(references.msaoper)
        self.log.info("%d shutters are stuck open", len(shutters))
        lit = pixels_lit(model, references, shutters, self.log)
        model.dq[..., lit] |= np.uint32(pixel.MSA_FAILED_OPEN)
        self.log.info("%d pixels are flagged MSA_FAILED_OPEN", int(lit.sum()))
        return model


def failed_open(reference):
    """Return the shutters that are stuck open: list of (quadrant, x, y), counted from 1.

    Raises
    ------
    ReferenceError_
        If the file is no list of shutters.
    """
    where = str(reference.path or "MSAOPER")
    entries = reference.tree.get("msaoper")
    if not isinstance(entries, list):
        raise ReferenceError_("an MSAOPER file with a list 'msaoper' of shutters is required", where=where)
    shutters = []
    for entry in entries:
        if not any(str(entry.get(state, "")).lower() == "open" for state in _STATES):
            continue
        try:
            quadrant, x, y = (int(entry[name]) for name in ("Q", "x", "y"))
        except (KeyError, TypeError, ValueError) as error:
            raise ReferenceError_(f"a shutter has Q, x and y, this one is {entry}", where=where) from error
        if quadrant not in _QUADRANTS:
            raise ReferenceError_(f"shutters are in quadrants 1 to 4, not {quadrant}", where=where)
        shutters.append((quadrant, x, y))
    return shutters


def pixels_lit(model, references, shutters, log):
    """Return which pixels of an exposure see one of some shutters: bool array (ny, nx).

    Parameters
    ----------
    model : DataModel
        The exposure.
    references : References
        Those of assign_wcs for the micro-shutters.
    shutters : list of (quadrant, x, y)
    log : logging.Logger
        Of the step.
    """
    from hexcal.steps.wcs import nirspec, nirspec_boxes, nirspec_open_slits, nirspec_optics, nirspec_range
    from hexcal.steps.wcs.evaluate import evaluate_points
    from hexcal.steps.wcs.reference_transforms import transform_in

    lit = np.zeros(model.shape[-2:], bool)
    if not shutters:
        return lit
    quiet = logging.getLogger(f"{__name__}.geometry")
    order, wavelength_range, _ = nirspec_range.order_and_range(model, references.wavelengthrange)
    disperser = nirspec_optics.disperser_of(model, references.disperser, order, quiet)
    if disperser.wavelength is None:
        raise SkipStep("the mirror does not disperse light", is_expected=True)
    chain = nirspec_optics.SlitChain(disperser, models.Identity(1))
    to_gwa = nirspec_optics.msa_to_gwa(transform_in(references.collimator, "model", "collimator"), disperser)
    slits = [_slit_of(nirspec_open_slits, number, *shutter) for number, shutter in enumerate(shutters)]
    slits = nirspec.geometry_of_slits(slits, references.msa, to_gwa)
    to_detector = nirspec.to_detector(model, references, disperser)
    lit_slits = nirspec.traced(slits, chain, to_detector, wavelength_range, lit.shape)
    for _, transform, box in lit_slits:
        x, y = nirspec_boxes.pixels_inside(box)
        sees = np.isfinite(evaluate_points(to_detector[0] | to_detector[1] | transform, x, y)).all(axis=0)
        lit[y[sees].astype(int), x[sees].astype(int)] = True
    if len(lit_slits) < len(slits):
        log.info("%d of them do not reach this detector", len(slits) - len(lit_slits))
    return lit


def _slit_of(nirspec_open_slits, number, quadrant, x, y):
    return models.Slit(
        name=f"shutter {x}, {y} of quadrant {quadrant}",
        shutter_id=x + (y - 1) * nirspec_open_slits.SHUTTERS_PER_ROW,
        xcen=x,
        ycen=y,
        ymin=-HALF,
        ymax=HALF,
        quadrant=quadrant,
        slit_id=number,
    )
