"""Images of stars on a known sky, with the WCS of calibrated exposures."""

import numpy as np
from sky_projections import POINTING, camera, point

SCALE = 0.03
"""Arcsec of a pixel."""


def stars(count=60, radius=4.0, seed=1, brightest=200.0, faintest=3.0):
    """Return positions (ra, dec in degrees) and fluxes of stars around the pointing.

    Within `radius` arcsec along each axis.
    """
    rng = np.random.default_rng(seed)
    east, north = rng.uniform(-radius, radius, (2, count))
    ra = POINTING["ra_ref"] + east / 3600 / np.cos(np.radians(POINTING["dec_ref"]))
    return ra, POINTING["dec_ref"] + north / 3600, np.geomspace(brightest, faintest, count)


def wcs_of(pointing, shape, centre):
    """Return a WCS of the kind that assign_wcs makes."""
    from hexcal.models.stored_wcs import as_gwcs
    from hexcal.models.wcs.frames import plane_frame, sky_frame
    from hexcal.steps.wcs import frames

    wcs = as_gwcs(
        [
            (plane_frame(frames.DETECTOR, ("x", "y"), "pix"), camera(SCALE, centre)),
            (plane_frame(frames.V2V3, ("v2", "v3")), frames.velocity_aberration(1.0001, pointing.v2, pointing.v3)),
            (plane_frame(frames.V2V3_ABERRATED, ("v2", "v3")), frames.v2v3_to_sky(pointing)),
            (sky_frame(frames.WORLD), None),
        ]
    )
    wcs.bounding_box = ((-0.5, shape[1] - 0.5), (-0.5, shape[0] - 0.5))
    return wcs


def exposure(
    sky=None, dither=(0.0, 0.0), error=(0.0, 0.0, 0.0), number=1, shape=(280, 300), level=0.2, noise=0.01, sigma=0.8
):
    """Return an image of stars (an ImageModel).

    Parameters
    ----------
    sky : tuple, optional
        As of `stars`; none if not given.
    dither : tuple of float
        Where it points, from the reference: arcsec east and north.
    error : tuple of float
        What its header does not know: arcsec east, arcsec north, degrees of roll.
    number : int
        Of the exposure.
    """
    from hexcal import datamodels
    from hexcal.steps.wcs.frames import Pointing

    centre = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)

    def pointing(east, north, roll):
        dec = POINTING["dec_ref"] + north / 3600
        ra = POINTING["ra_ref"] + east / 3600 / np.cos(np.radians(POINTING["dec_ref"]))
        return Pointing(POINTING["v2_ref"], POINTING["v3_ref"], POINTING["roll_ref"] + roll, ra, dec)

    claimed, true = pointing(*dither, 0.0), pointing(dither[0] + error[0], dither[1] + error[1], error[2])
    rng = np.random.default_rng(number)
    data = rng.normal(level, noise, shape)
    if sky is not None:
        x, y = wcs_of(true, shape, centre).invert(sky[0], sky[1], with_bounding_box=False)
        data += rendered(x, y, sky[2], shape, sigma)
    model = datamodels.ImageModel(data.astype("f4"))
    model.err, model.dq = np.full(shape, noise, "f4"), np.zeros(shape, "u4")
    describe(model, number)
    point(model, scale=1.0001, ra_ref=claimed.ra, dec_ref=claimed.dec)
    model.meta.wcs = wcs_of(claimed, shape, centre)
    return model


def describe(model, number, detector="NRCA1"):
    """Write what identifies an exposure, and the unit, into its metadata."""
    model.update({"meta": {"telescope": "JWST", "instrument": {"name": "NIRCAM", "detector": detector}}})
    model.meta.instrument.filter, model.meta.instrument.pupil = "F200W", "CLEAR"
    model.meta.exposure.type, model.meta.bunit_data = "NRC_IMAGE", "MJy/sr"
    observation = model.meta.observation
    observation.program_number, observation.observation_number, observation.visit_number = "00042", "001", "001"
    observation.visit_group, observation.sequence_id, observation.activity_id = "02", "1", "01"
    observation.exposure_number, observation.date, observation.time = f"{number:05d}", "2023-09-12", "06:00:00"
    model.meta.filename = f"jw00042001001_02101_{number:05d}_{detector.lower()}_cal.fits"
    model.meta.photometry.pixelarea_steradians = (SCALE / 206264.806) ** 2


def rendered(x, y, flux, shape, sigma):
    """Return Gaussian stars, integrated over pixels: float64 array of this shape."""
    from scipy.special import ndtr

    image = np.zeros(shape)
    radius = int(np.ceil(6 * sigma)) + 1
    for x_star, y_star, flux_star in zip(x, y, flux, strict=True):
        column, row = round(x_star), round(y_star)
        rows = np.arange(max(0, row - radius), min(shape[0], row + radius + 1))
        columns = np.arange(max(0, column - radius), min(shape[1], column + radius + 1))
        if not len(rows) or not len(columns):
            continue
        parts = [
            ndtr((pixels + 0.5 - centre) / sigma) - ndtr((pixels - 0.5 - centre) / sigma)
            for pixels, centre in ((rows, y_star), (columns, x_star))
        ]
        image[np.ix_(rows, columns)] += flux_star * np.outer(*parts)
    return image
