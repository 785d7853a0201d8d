"""NIRSpec slits with a simple WCS for tests: wavelength rises with the column, the place in the slit with the row."""

import numpy as np

from hexcal import datamodels

SHAPE = (9, 40)
FIRST, STEP = 1.0, 0.1  # micron: wavelength of column 0, and from one column to the next
ROWS_PER_SLIT = 6.0


def wavelengths(shape=SHAPE):
    """Return the wavelength of each pixel [micron]."""
    return np.broadcast_to(FIRST + STEP * np.arange(shape[1]), shape).copy()


def slit_wcs(shape=SHAPE, rows_per_slit=ROWS_PER_SLIT):
    """Return a WCS: detector, slit_frame (units of the slit; metres), world (degrees; micron)."""
    import gwcs
    from astropy import coordinates, units
    from astropy.modeling import models
    from gwcs import coordinate_frames as frames

    centre = (shape[0] - 1) / 2
    in_metres = models.Scale(STEP * 1e-6) | models.Shift(FIRST * 1e-6)
    to_slit = models.Mapping((0, 1, 0)) | (
        models.Scale(0.0) & models.Polynomial1D(1, c0=-centre / rows_per_slit, c1=1 / rows_per_slit) & in_metres
    )
    to_slit.inverse = models.Mapping((2, 1)) | in_metres.inverse & (models.Scale(rows_per_slit) | models.Shift(centre))
    to_world = (
        (models.Scale(1e-4) | models.Shift(10.0)) & (models.Scale(1e-4) | models.Shift(-20.0)) & models.Scale(1e6)
    )
    detector = frames.Frame2D(name="detector", axes_order=(0, 1), unit=(units.pix, units.pix))
    place = frames.Frame2D(name="place", axes_order=(0, 1), unit=(units.one, units.one))
    waves = frames.SpectralFrame(name="waves", axes_order=(2,), unit=units.m)
    sky = frames.CelestialFrame(
        name="sky", axes_order=(0, 1), unit=(units.deg, units.deg), reference_frame=coordinates.ICRS()
    )
    micron = frames.SpectralFrame(name="wavelength", axes_order=(2,), unit=units.micron)
    wcs = gwcs.WCS(
        [
            (detector, to_slit),
            (frames.CompositeFrame([place, waves], name="slit_frame"), to_world),
            (frames.CompositeFrame([sky, micron], name="world"), None),
        ]
    )
    wcs.bounding_box = ((-0.5, shape[1] - 0.5), (-0.5, shape[0] - 0.5))
    return wcs


def make_slits(
    names=("S200A1", "S400A1"), exposure_type="NRS_FIXEDSLIT", source_type="EXTENDED", value=12.0, shape=SHAPE
):
    """Return slits (MultiSlitModel) one below the other, all values the same, with errors and variances."""
    model = datamodels.MultiSlitModel()
    set_exposure(model, exposure_type)
    model.slits = [make_slit(name, number, source_type, value, shape) for number, name in enumerate(names)]
    return model


def set_exposure(model, exposure_type):
    """Write the keywords of a NIRSpec exposure into a model."""
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", "NIRSPEC", "NRS1"
    model.meta.instrument.filter, model.meta.instrument.grating = "CLEAR", "PRISM"
    model.meta.exposure.type = exposure_type
    if exposure_type == "NRS_FIXEDSLIT":
        model.meta.instrument.fixed_slit = "S200A1"
    model.meta.subarray.xstart, model.meta.subarray.ystart = 1, 1


def make_slit(name, number=0, source_type="EXTENDED", value=12.0, shape=SHAPE):
    """Return one slit; its number says how far down it lies."""
    slit = datamodels.SlitModel(np.full(shape, value, np.float32), err=np.full(shape, 5, np.float32))
    slit.dq = np.zeros(shape, np.uint32)
    slit.var_poisson, slit.var_rnoise = np.full(shape, 9, np.float32), np.full(shape, 16, np.float32)
    slit.wavelength = wavelengths(shape[-2:]).astype(np.float32)
    slit.name, slit.source_type, slit.source_id, slit.slitlet_id = name, source_type, number + 1, number + 1
    slit.source_xpos = slit.source_ypos = 0.0
    slit.xstart, slit.ystart, slit.xsize, slit.ysize = 1, 1 + 10 * number, shape[-1], shape[-2]
    slit.shutter_state = "1x1"
    for key, key_value in (("quadrant", 1 + number % 4), ("xcen", 3), ("ycen", 2)):
        slit.set_meta(key, key_value)
    slit.meta.wcs = slit_wcs(shape[-2:])
    slit.meta.wcsinfo.dispersion_direction = 1
    return slit


def make_bright(n_integrations=3, source_type="POINT", value=12.0):
    """Return a time series of one slit (SlitModel), (nints, ny, nx)."""
    slit = make_slit("S1600A1", source_type=source_type, value=value, shape=(n_integrations, *SHAPE))
    set_exposure(slit, "NRS_BRIGHTOBJ")
    return slit
