"""Cubes with a target, and circles to extract it with: for tests of extraction."""

import asdf
import numpy as np

from hexcal import datamodels

SHAPE = (6, 31, 33)
SPAXEL = 0.1
AREA = 2.35e-13
TARGET = (40.0, -10.0)


def cube_wcs(target=(16.0, 15.0), first=2.0, step_of_wave=0.1):
    """WCS of a cube whose target is at a spaxel (x, y); wavelengths of its planes, micron."""
    import gwcs
    from astropy import coordinates, units
    from astropy.modeling import models
    from gwcs import coordinate_frames as frames

    step = SPAXEL / 3600
    sky = models.Shift(-target[0]) & models.Shift(-target[1]) | models.Scale(-step) & models.Scale(step)
    sky = sky | models.Pix2Sky_TAN() | models.RotateNative2Celestial(*TARGET, 180.0)
    transform = sky & models.Polynomial1D(1, c0=first, c1=step_of_wave)
    transform.inverse = (
        models.RotateCelestial2Native(*TARGET, 180.0)
        | models.Sky2Pix_TAN()
        | models.Scale(-1 / step) & models.Scale(1 / step)
        | models.Shift(target[0]) & models.Shift(target[1])
    ) & (models.Shift(-first) | models.Scale(1 / step_of_wave))
    celestial = frames.CelestialFrame(
        name="sky", axes_order=(0, 1), unit=(units.deg, units.deg), reference_frame=coordinates.ICRS()
    )
    waves = frames.SpectralFrame(name="waves", axes_order=(2,), unit=units.micron)
    pixels = frames.CoordinateFrame(3, ["SPATIAL"] * 3, (0, 1, 2), unit=[units.pix] * 3, name="detector")
    return gwcs.WCS([(pixels, transform), (frames.CompositeFrame([celestial, waves], name="world"), None)])


def make_cube(data, source_type="POINT", instrument="NIRSPEC", exposure_type="NRS_IFU"):
    cube = datamodels.IFUCubeModel(np.asarray(data, np.float32))
    cube.err = np.full(SHAPE, 0.5, np.float32)
    cube.meta.telescope, cube.meta.instrument.name, cube.meta.exposure.type = "JWST", instrument, exposure_type
    cube.meta.instrument.filter, cube.meta.instrument.grating = "CLEAR", "PRISM"
    cube.meta.target.ra, cube.meta.target.dec, cube.meta.target.source_type = *TARGET, source_type
    cube.meta.bunit_data, cube.meta.photometry.pixelarea_steradians = "MJy/sr", AREA
    cube.meta.wcsinfo.cdelt1 = cube.meta.wcsinfo.cdelt2 = SPAXEL / 3600
    cube.meta.wcs = cube_wcs()
    return cube


def reference(folder, **values):
    path = folder / "extract1d.asdf"
    waves = np.array([2.0, 3.0])
    data = {"wavelength": waves, "radius": np.array([0.4, 0.5]), "inner_bkg": waves * 0 + 0.7}
    data |= {"outer_bkg": waves * 0 + 1.1, **values.pop("data", {})}
    meta = {"reftype": "extract1d", "method": "exact", "subpixels": 10, "subtract_background": True, **values}
    asdf.AsdfFile({"meta": meta, "data": data}).write_to(path, all_array_storage="inline")
    return str(path)
