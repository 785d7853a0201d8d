"""Spectra of a slit with a known scene: lines of constant wavelength and position are tilted on the detector."""

import numpy as np

from hexcal import datamodels

SHAPE = (30, 60)
SCALE = 0.1 / 3600
"""Degrees of a pixel along the slit."""
TANGENT = (40.0, -10.0)
POSITION_ANGLE = 30.0
TILT, SLANT = 0.02, 0.15
"""Rows that the trace climbs per column; columns that a wavelength moves per row."""


def along(x, y, shift=0.0):
    """Position along the slit, pixels from its middle, of detector pixels."""
    return y - (SHAPE[0] - 1) / 2 - TILT * (x - (SHAPE[1] - 1) / 2) + shift


def wavelength(x, y):
    """Wavelength, micron, of detector pixels."""
    u = x + SLANT * (y - (SHAPE[0] - 1) / 2)
    return 1.0 + 0.02 * u + 2e-5 * u**2


def tilted_wcs(shift=0.0, dispaxis=1):
    """Return the WCS of a tilted slit: from pixels to RA, Dec and wavelength; `shift` dithers along it, pixels."""
    import gwcs
    from astropy import coordinates, units
    from astropy.modeling import models
    from gwcs import coordinate_frames as frames

    sine, cosine = np.sin(np.radians(POSITION_ANGLE)), np.cos(np.radians(POSITION_ANGLE))
    x0, y0 = (SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2
    line = {"c0_0": (shift - y0 + TILT * x0) * SCALE, "c1_0": -TILT * SCALE, "c0_1": SCALE}
    east = models.Polynomial2D(1, **{name: value * sine for name, value in line.items()})
    north = models.Polynomial2D(1, **{name: value * cosine for name, value in line.items()})
    u = models.Polynomial2D(1, c0_0=-SLANT * y0, c1_0=1, c0_1=SLANT)
    waves = u | models.Polynomial1D(2, c0=1.0, c1=0.02, c2=2e-5)
    sky = models.Pix2Sky_TAN() | models.RotateNative2Celestial(*TANGENT, 180.0)
    order = (0, 1, 0, 1, 0, 1) if dispaxis == 1 else (1, 0, 1, 0, 1, 0)
    transform = models.Mapping(order) | east & north & waves | sky & models.Identity(1)
    detector = frames.Frame2D(name="detector", axes_order=(0, 1), unit=(units.pix, units.pix))
    celestial = frames.CelestialFrame(
        name="sky", axes_order=(0, 1), unit=(units.deg, units.deg), reference_frame=coordinates.ICRS()
    )
    micron = frames.SpectralFrame(name="spectral", axes_order=(2,), unit=units.micron)
    wcs = gwcs.WCS([(detector, transform), (frames.CompositeFrame([celestial, micron], name="world"), None)])
    ny, nx = SHAPE if dispaxis == 1 else SHAPE[::-1]
    wcs.bounding_box = ((-0.5, nx - 0.5), (-0.5, ny - 0.5))
    return wcs


def tilted_slit(profile, spectrum, shift=0.0, dispaxis=1, exposure_time=100.0, error=1.0):
    """Return a SlitModel of MIRI LRS type (surface brightness) that holds ``profile(along) * spectrum(wavelength)``."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    data = (profile(along(x, y, shift)) * spectrum(wavelength(x, y))).astype(np.float32)
    slit = datamodels.SlitModel(np.ascontiguousarray(data if dispaxis == 1 else data.T))
    slit.dq = np.zeros(slit.shape, np.uint32)
    for name, part in (("var_rnoise", 0.5), ("var_poisson", 0.3), ("var_flat", 0.2)):
        setattr(slit, name, np.full(slit.shape, part * error**2, np.float32))
    slit.err = np.full(slit.shape, error, np.float32)
    slit.meta.telescope, slit.meta.instrument.name, slit.meta.instrument.detector = "JWST", "MIRI", "MIRIMAGE"
    slit.meta.exposure.type, slit.meta.exposure.exposure_time = "MIR_LRS-FIXEDSLIT", exposure_time
    slit.meta.exposure.effective_exposure_time = exposure_time
    slit.meta.bunit_data, slit.meta.target.source_type = "MJy/sr", "POINT"
    slit.meta.photometry.pixelarea_steradians, slit.meta.photometry.pixelarea_arcsecsq = 2e-13, 0.01
    slit.meta.wcs, slit.meta.wcsinfo.dispersion_direction = tilted_wcs(shift, dispaxis), dispaxis
    slit.meta.target.ra, slit.meta.target.dec = TANGENT
    return slit


def star(centre=0.0, width=2.0):
    """A Gaussian profile of unit sum along the slit."""
    return lambda position: np.exp(-0.5 * ((position - centre) / width) ** 2) / (width * np.sqrt(2 * np.pi))


def smooth(wave):
    """A spectrum that rises slowly."""
    return 100 + 20 * (wave - 1.0)
