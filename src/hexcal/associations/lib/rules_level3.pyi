"""Made by tools/type_doors.py (make format)."""

from hexcal.associations.classes.rule_classes import DMS_Level3_Base as DMS_Level3_Base

__all__ = [
    "Asn_Lv3AMI",
    "Asn_Lv3Image",
    "Asn_Lv3ImageBackground",
    "Asn_Lv3MIRCoron",
    "Asn_Lv3MIRMRS",
    "Asn_Lv3MIRMRSBackground",
    "Asn_Lv3NRCCoron",
    "Asn_Lv3NRCCoronImage",
    "Asn_Lv3NRSFSS",
    "Asn_Lv3NRSIFU",
    "Asn_Lv3NRSIFUBackground",
    "Asn_Lv3SlitlessSpectral",
    "Asn_Lv3SpecAux",
    "Asn_Lv3SpectralSource",
    "Asn_Lv3SpectralTarget",
    "Asn_Lv3TSO",
    "Asn_Lv3WFSCMB",
    "Asn_Lv3WFSSNIS",
    "DMS_Level3_Base",
]

class Asn_Lv3AMI(DMS_Level3_Base):
    """Interferograms of a target and of a PSF star."""

class Asn_Lv3Image(DMS_Level3_Base):
    """Images of one target through one optical path."""

class Asn_Lv3ImageBackground(DMS_Level3_Base):
    """Images of the background target through one optical path."""

class Asn_Lv3MIRCoron(DMS_Level3_Base):
    """Coronagraphic images of MIRI of a target and of a PSF star."""

class Asn_Lv3MIRMRS(DMS_Level3_Base):
    """IFU spectra of MIRI of one target, with those of the background target."""

class Asn_Lv3MIRMRSBackground(DMS_Level3_Base):
    """IFU spectra of MIRI of the background target."""

class Asn_Lv3NRCCoron(DMS_Level3_Base):
    """Coronagraphic images of NIRCam of a target and of a PSF star, from the detectors that hold the target."""

class Asn_Lv3NRCCoronImage(DMS_Level3_Base):
    """Full frames of the short-wave detectors of NIRCam behind the coronagraph, as plain images."""

class Asn_Lv3NRSFSS(DMS_Level3_Base):
    """Fixed-slit spectra of NIRSpec of one target, with those of the background target; the products are by slit."""

class Asn_Lv3NRSIFU(DMS_Level3_Base):
    """IFU spectra of NIRSpec of one target through one grating, with those of the background target."""

class Asn_Lv3NRSIFUBackground(DMS_Level3_Base):
    """IFU spectra of NIRSpec of the background target through one grating."""

class Asn_Lv3SlitlessSpectral(DMS_Level3_Base):
    """Slitless spectra of one target that are no time series."""

class Asn_Lv3SpecAux(DMS_Level3_Base):
    """Slit spectra of the background target."""

class Asn_Lv3SpectralSource(DMS_Level3_Base):
    """Spectra of many sources; the products are by source."""

class Asn_Lv3SpectralTarget(DMS_Level3_Base):
    """Slit spectra of one target, with the nods as background of one another."""

class Asn_Lv3TSO(DMS_Level3_Base):
    """A time series of one target."""

class Asn_Lv3WFSCMB(DMS_Level3_Base):
    """Pairs of dithered images for the phasing of the mirrors."""

class Asn_Lv3WFSSNIS(DMS_Level3_Base):
    """Grism exposures of NIRISS through one filter; the products are by source."""
