"""The frames of the WCS of NIRSpec, under the names that stored files have."""

from typing import Any

from hexcal.models.wcs.frames import plane_frame, sky_frame, spectral_frame
from hexcal.steps.wcs import frames
from hexcal.steps.wcs.spectral_frames import with_wavelength

SCA, GWA, SLIT, SLICER, MSA, OTEIP, CORRECTED_OTEIP = (
    "sca",
    "gwa",
    "slit_frame",
    "slicer",
    "msa_frame",
    "oteip",
    "oteip_chromcorr",
)


class Frames:
    """The frames of one WCS; they share one frame of wavelengths.

    The detector as it is read (``sca``, pixels), direction cosines at the grating wheel (``gwa``), position in a slit
    in units of its size (``slit_frame``), metres in the plane of the slicer and in that of the micro-shutters
    (``slicer``, ``msa_frame``), degrees in the focal plane of the telescope (``oteip``), V2V3 before and after the
    correction for velocity aberration (arcsec), the sky (``world``, degrees).
    """

    def __init__(self):
        self.spectral: Any = spectral_frame()

    def coordinates(self):
        """Pixels of the exposure, in the WCS with a map of the slices."""
        return plane_frame("coordinates", ("x", "y"), "pix")

    def detector(self):
        """Pixels of the exposure."""
        return plane_frame(frames.DETECTOR, ("x", "y"), "pix")

    def sca(self):
        """Pixels of the detector as it is read."""
        return plane_frame(SCA, ("x", "y"), "pix")

    def gwa(self):
        """Direction cosines at the disperser."""
        return plane_frame(GWA, ("alpha_in", "beta_in"), "rad")

    def slit(self, name=SLIT):
        """Position in a slit."""
        return self._with_wavelength(name, "slit_spatial", ("x_slit", "y_slit"), "")

    def slicer(self):
        """Plane of the slicer."""
        return self._with_wavelength(SLICER, "slicer_spatial", ("x_slicer", "y_slicer"), "m")

    def msa(self):
        """Plane of the micro-shutters."""
        return self._with_wavelength(MSA, "msa_spatial", ("x_msa", "y_msa"), "m")

    def oteip(self, name=OTEIP):
        """Focal plane of the telescope."""
        return self._with_wavelength(name, name, ("X_OTEIP", "Y_OTEIP"), "deg")

    def v2v3(self, name=frames.V2V3):
        """V2 and V3."""
        return self._with_wavelength(name, f"{name}_spatial", ("v2", "v3"), "arcsec")

    def world(self):
        """The sky."""
        return with_wavelength(frames.WORLD, sky_frame("sky"), self.spectral)

    def _with_wavelength(self, name, plane, axes_names, unit):
        return with_wavelength(name, plane_frame(plane, axes_names, unit), self.spectral)
