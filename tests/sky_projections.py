"""Simple WCS objects for tests: a tangent plane with pixels of a known size."""


def tangent_plane(ra=10.0, dec=-20.0, scale=1e-5, centre=(11.5, 7.5), shape=(16, 24)):
    """Return a gwcs: pixels of `scale` degrees around `centre` (x, y), which lies at `ra`, `dec` (degrees)."""
    import gwcs
    from astropy import coordinates, units
    from astropy.modeling import models
    from gwcs import coordinate_frames

    transform = (
        (models.Shift(-centre[0]) & models.Shift(-centre[1]))
        | (models.Scale(-scale) & models.Scale(scale))
        | models.Pix2Sky_TAN()
        | models.RotateNative2Celestial(ra, dec, 180.0)
    )
    detector = coordinate_frames.Frame2D(name="detector", axes_order=(0, 1), unit=(units.pix, units.pix))
    world = coordinate_frames.CelestialFrame(
        name="world", reference_frame=coordinates.ICRS(), axes_order=(0, 1), unit=(units.deg, units.deg)
    )
    wcs = gwcs.WCS([(detector, transform), (world, None)])
    wcs.bounding_box = ((-0.5, shape[1] - 0.5), (-0.5, shape[0] - 0.5))
    return wcs


POINTING = {"v2_ref": 120.0, "v3_ref": -520.0, "ra_ref": 53.16, "dec_ref": -27.79, "roll_ref": 41.0}


def point(model, scale=1.0001, **changes):
    """Write a pointing and the factor of velocity aberration into the metadata of an exposure; returns the model."""
    for name, value in {**POINTING, **changes}.items():
        model.set_meta(f"meta.wcsinfo.{name}", value)
    model.meta.velocity_aberration.scale_factor = scale
    return model


def camera(scale=0.03, centre=(511.5, 511.5), bend=1e-6, v2=120.0, v3=-520.0):
    """Return a distortion from pixels to V2V3 (arcsec) with its inverse.

    A scale, a turn by half, a quadratic bend, and its place in the focal plane.
    """
    from astropy.modeling import models

    def bent(sign):
        x = models.Polynomial2D(2, c1_0=1.0, c2_0=sign * bend, c0_2=-sign * bend)
        y = models.Polynomial2D(2, c0_1=1.0, c1_1=sign * 2 * bend)
        return models.Mapping((0, 1, 0, 1)) | x & y

    centred = models.Shift(-centre[0]) & models.Shift(-centre[1])
    placed = models.Scale(-scale) & models.Scale(scale) | models.Shift(v2) & models.Shift(v3)
    transform = centred | bent(1) | placed
    transform.inverse = placed.inverse | bent(-1) | centred.inverse
    return transform


def write_wcs_references(folder, instrument="NIRCAM", detector="NRCA1", transform=None, offsets=None):
    """Write ``distortion.asdf`` and ``filteroffset.asdf`` into a folder; returns it."""
    import asdf

    meta = {"telescope": "JWST", "instrument": {"name": instrument, "detector": detector}}
    meta |= {"author": "test", "description": "test", "pedigree": "DUMMY", "useafter": "2020-01-01T00:00:00"}
    camera_meta = {**meta, "reftype": "distortion", "model_type": "DistortionModel", "input_units": "pixel"}
    tree = {"meta": {**camera_meta, "output_units": "arcsec"}, "model": transform or camera()}
    asdf.AsdfFile(tree).write_to(folder / "distortion.asdf")
    offsets = offsets or [{"filter": "F200W", "pupil": "CLEAR", "column_offset": 0.25, "row_offset": -0.5}]
    meta |= {"reftype": "filteroffset", "model_type": "FilteroffsetModel"}
    asdf.AsdfFile({"meta": meta, "filters": offsets}).write_to(folder / "filteroffset.asdf")
    return folder
