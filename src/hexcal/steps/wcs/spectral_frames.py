"""What the WCS of all spectra have in common: frames with a wavelength, and the correction to the barycentre.

They are descriptions (`hexcal.models.wcs`), for which neither gwcs nor astropy is loaded.
"""

from typing import Any

from hexcal.models.wcs import models as described
from hexcal.models.wcs.frames import composite_frame, plane_frame, sky_frame, spectral_frame
from hexcal.steps.wcs import frames

SPEED_OF_LIGHT = 299792458.0
"""m/s."""
BARYCENTRE = "BARYCENT"
"""SPECSYS of barycentric wavelengths."""


def wavelength_frame(name="spectral"):
    """Wavelengths, micron: the third axis of a frame."""
    return spectral_frame(name, "lambda")


def with_wavelength(name, plane, spectral=None):
    """Return a frame of two coordinates and the wavelength.

    Parameters
    ----------
    name : str
        Of the whole frame.
    plane : Frame
        The first two axes.
    spectral : Frame, optional
        The third; default `wavelength_frame`.
    """
    return composite_frame(name, [plane, wavelength_frame() if spectral is None else spectral])


def v2v3_to_world(model, log):
    """Return the last steps of the WCS of a spectrum: from V2V3 and wavelength to the sky.

    Parameters
    ----------
    model : DataModel
        The exposure, with its pointing.
    log : logging.Logger
        Told if there is no factor for velocity aberration.

    Returns
    -------
    list of (Frame, Transform)
        Frames v2v3, v2v3vacorr and world.

    Raises
    ------
    InputError
        If the header does not say where the telescope points.
    """
    pointing = frames.pointing_of(model)
    scale = frames.aberration_of(model, log)
    aberration = frames.velocity_aberration(scale, pointing.v2, pointing.v3)
    return [
        (_v2v3(frames.V2V3), aberration & described.Identity(1)),
        (_v2v3(frames.V2V3_ABERRATED), frames.v2v3_to_sky(pointing) & described.Identity(1)),
        (with_wavelength(frames.WORLD, sky_frame("icrs", ("RA", "DEC"))), None),
    ]


def _v2v3(name):
    return with_wavelength(name, plane_frame(f"{name}_spatial", ("v2", "v3")))


def barycentric_factor(velocity):
    """Return what wavelengths at the detector are multiplied with to be those in the barycentric frame.

    Parameters
    ----------
    velocity : float
        VELOSYS, m/s: away from the observer.

    Returns
    -------
    float
        ``1 / (1 + v/c)``, as release 3.0.0 computes it.

    Notes
    -----
    JWST pipeline documentation 1.13.5, assign_wcs, "Corrections due to spacecraft motion", calls it a relativistic
    Doppler correction, without a formula: that would differ by ``v² / 2 c²``, 6e-9 at 30 km/s (docs/decisions.md).
    """
    return 1.0 / (1.0 + velocity / SPEED_OF_LIGHT)


def to_barycentre(model, log, models: Any = described) -> Any:
    """Return the transform of wavelengths at the detector to barycentric ones, with its inverse.

    Parameters
    ----------
    model : DataModel
        The exposure; without VELOSYS wavelengths stay as they are.
    log : logging.Logger
        Of the step.
    models : module
        Whose transforms it is made of: `hexcal.models.wcs.models`, or that of astropy.

    Returns
    -------
    Transform
        One input, one output.
    """
    velocity = model.get_meta("meta.wcsinfo.velosys")
    if velocity is None:
        log.warning("There is no VELOSYS: wavelengths are not corrected for the motion of the observatory")
        return models.Identity(1)
    factor = barycentric_factor(velocity)
    log.info("Wavelengths are multiplied by %.10f: barycentric, VELOSYS %g m/s", factor, velocity)
    transform = models.Identity(1) * models.Const1D(factor, name="velocity_correction")
    transform.inverse = models.Identity(1) / models.Const1D(factor, name="inv_vel_correction")
    return transform
