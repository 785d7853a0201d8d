"""The WCS of images of NIRSpec: the sky through the micro-shutters, by way of the mirror on the grating wheel."""

from typing import Any

import numpy as np

from hexcal.models.wcs import models as make
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import plane_frame, sky_frame
from hexcal.steps.wcs import frames, nirspec_frames, nirspec_optics, nirspec_range
from hexcal.steps.wcs.nirspec_assembly import named
from hexcal.steps.wcs.reference_transforms import transform_in


def reference_types(model):
    """Return the types of reference files that the WCS needs (tuple of str)."""
    return ("camera", "collimator", "disperser", "fpa", "msa", "wavelengthrange", "fore", "ote")


def wcs_of(model, references, log):
    """Return the WCS of an image of NIRSpec; order and range of wavelengths are set in its metadata.

    Parameters
    ----------
    model : DataModel
        The exposure.
    references : References
        Those of `reference_types`.
    log : logging.Logger
        Of the step.

    Returns
    -------
    Wcs
        Frames detector, sca, gwa, msa, oteip, v2v3, v2v3vacorr, world. The fore-optics are those of the middle of the
        filter's range of wavelengths.

    Raises
    ------
    InputError
        If a keyword is missing.
    """
    spectral = nirspec_frames.Frames()
    order, wavelength_range = nirspec_range.set_range(model, references.wavelengthrange, log)
    disperser = nirspec_optics.disperser_of(model, references.disperser, order, log)
    pointing, scale = frames.pointing_of(model), frames.aberration_of(model, log)
    collimator = transform_in(references.collimator, "model", "collimator")
    fore = transform_in(references.fore, "model", "fore")
    ote: Any = transform_in(references.ote, "model", "ote") | make.Identity(2)
    steps = [
        (spectral.detector(), named(nirspec_optics.detector_to_sca(model), "dms2sca", ("x", "y"), ("x", "y"))),
        (spectral.sca(), nirspec_optics.detector_to_gwa(model, references, disperser)),
        (
            spectral.gwa(),
            _gwa_to_msa(collimator, disperser, wavelength_range),
        ),
        (
            plane_frame("msa", ("x_msa", "y_msa"), "m"),
            _msa_to_oteip(fore, wavelength_range),
        ),
        (
            plane_frame("oteip", ("x_oteip", "y_oteip"), "deg"),
            named(ote, "oteip2v23", ("x_ote", "y_ote"), ("v2", "v3")),
        ),
        (plane_frame(frames.V2V3, ("v2", "v3")), frames.velocity_aberration(scale, pointing.v2, pointing.v3)),
        (plane_frame(frames.V2V3_ABERRATED, ("v2", "v3")), frames.v2v3_to_sky(pointing)),
        (sky_frame(frames.WORLD), None),
    ]
    wcs = Wcs(steps)
    ny, nx = model.shape[-2:]
    wcs.bounding_box = ((-0.5, nx - 0.5), (-0.5, ny - 0.5))
    return wcs


def _gwa_to_msa(collimator, disperser, wavelength_range) -> Any:
    """The mirror turns x and y; then back out of the frame of the wheel and through the collimator."""
    mirrored = make.Const1D(-1) * make.Identity(1) & make.Const1D(-1) * make.Identity(1) & make.Identity(1)
    to_plane = (
        mirrored | disperser.rotation.inverse | make.DirCos2Unitless(name="directional_cosines2unitless") | collimator
    )
    middle = make.Const1D(float(np.mean(wavelength_range)))
    forward = to_plane | make.Mapping((0, 1, 1)) | make.Identity(2) & middle
    mirror_back = make.Const1D(-1) * make.Identity(1) & make.Const1D(-1) * make.Identity(1) & make.Identity(1)
    forward.inverse = make.Mapping((0, 1), n_inputs=3) | nirspec_optics.msa_to_gwa(collimator, disperser) | mirror_back
    return named(forward, "gwa2msa", ("angle1", "angle2", "angle3"), ("x_msa", "y_msa", "lam"))


def _msa_to_oteip(fore, wavelength_range) -> Any:
    forward = nirspec_optics.with_wavelength(fore, "msa2fore_mapping") | make.Mapping((0, 1), n_inputs=3)
    middle = make.Const1D(float(np.mean(wavelength_range)))
    forward.inverse = make.Mapping((0, 1, 1)) | make.Identity(2) & middle | nirspec_optics.with_wavelength(fore).inverse
    return named(forward, "msa2oteip", ("x_msa", "y_msa", "lam"), ("x_ote", "y_ote"))
