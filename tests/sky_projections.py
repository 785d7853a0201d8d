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
