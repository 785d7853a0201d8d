"""Made by tools/type_doors.py (make format)."""

from hexcal.associations.classes.rule_classes import DMSLevel2bBase as DMSLevel2bBase

__all__ = [
    "Asn_Lv2CoronAsRate",
    "Asn_Lv2FGS",
    "Asn_Lv2Image",
    "Asn_Lv2ImageNonScience",
    "Asn_Lv2ImageSpecial",
    "Asn_Lv2ImageTSO",
    "Asn_Lv2MIRLRSFixedSlitNod",
    "Asn_Lv2NRSFSS",
    "Asn_Lv2NRSIFUNod",
    "Asn_Lv2NRSLAMPImage",
    "Asn_Lv2NRSLAMPSpectral",
    "Asn_Lv2NRSMSA",
    "Asn_Lv2Spec",
    "Asn_Lv2SpecImprint",
    "Asn_Lv2SpecSpecial",
    "Asn_Lv2SpecTSO",
    "Asn_Lv2WFSC",
    "Asn_Lv2WFSSNIS",
    "Asn_Lv2WFSSNRC",
    "DMSLevel2bBase",
]

class Asn_Lv2CoronAsRate(DMSLevel2bBase):
    """A full-frame coronagraphic exposure of NIRCam, as a plain image."""

class Asn_Lv2FGS(DMSLevel2bBase):
    """An image of the guider."""

class Asn_Lv2Image(DMSLevel2bBase):
    """An image, with the images of the background target."""

class Asn_Lv2ImageNonScience(DMSLevel2bBase):
    """Target acquisitions and other images that are not science."""

class Asn_Lv2ImageSpecial(DMSLevel2bBase):
    """An image of the background target or of a PSF star, calibrated as if it were science."""

class Asn_Lv2ImageTSO(DMSLevel2bBase):
    """A time series of images."""

class Asn_Lv2MIRLRSFixedSlitNod(DMSLevel2bBase):
    """A spectrum of a nod along the slit of the MIRI LRS, with the other nods as background."""

class Asn_Lv2NRSFSS(DMSLevel2bBase):
    """A NIRSpec fixed-slit spectrum, with the other nods along the slit, and the background target, as background."""

class Asn_Lv2NRSIFUNod(DMSLevel2bBase):
    """A spectrum of a nod with the NIRSpec IFU, with the other nods as background, and imprint exposures."""

class Asn_Lv2NRSLAMPImage(DMSLevel2bBase):
    """An image of a NIRSpec lamp."""

class Asn_Lv2NRSLAMPSpectral(DMSLevel2bBase):
    """A spectrum of a NIRSpec lamp that falls on the detector."""

class Asn_Lv2NRSMSA(DMSLevel2bBase):
    """A spectrum through the shutters of NIRSpec, with the other nods in the slitlets as background."""

class Asn_Lv2Spec(DMSLevel2bBase):
    """A spectrum of one target, with the spectra of the background target and imprint exposures."""

class Asn_Lv2SpecImprint(DMSLevel2bBase):
    """An imprint exposure, calibrated as if it were science."""

class Asn_Lv2SpecSpecial(DMSLevel2bBase):
    """A spectrum of the background target or of a PSF star, calibrated as if it were science, with its imprints."""

class Asn_Lv2SpecTSO(DMSLevel2bBase):
    """A time series of spectra."""

class Asn_Lv2WFSC(DMSLevel2bBase):
    """An image for wavefront sensing and control."""

class Asn_Lv2WFSSNIS(DMSLevel2bBase):
    """A grism exposure of NIRISS, with the products of its direct images."""

class Asn_Lv2WFSSNRC(DMSLevel2bBase):
    """A grism exposure of NIRCam, with the products of its direct images."""
