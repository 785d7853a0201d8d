"""A combined image of stars of known flux, and the references that its catalogue needs."""

import asdf
import numpy as np
from astropy.io import fits
from star_fields import exposure, rendered

SIGMA = 2.0
"""Of the stars, in pixels: well sampled."""
JANSKY = 2.0e-8
VEGA = 1.7


def write_references(folder, rows=None, names=("F200W",)):
    """APCORR of Gaussian stars, and ABVEGAOFFSET; returns the folder."""
    folder.mkdir(exist_ok=True)
    energies = (0.3, 0.5, 0.7, 0.8)
    radii = [SIGMA * np.sqrt(-2 * np.log(1 - energy)) for energy in energies]
    kinds = [
        ("filter", "S12"),
        ("pupil", "S15"),
        *((name, "f4") for name in ("eefraction", "radius", "apcorr", "skyin", "skyout")),
    ]
    table = [
        (name, "CLEAR", energy, radius, 1 / energy, 14, 20)
        for name in names
        for energy, radius in zip(energies, radii, strict=True)
    ]
    header = fits.Header(
        {"TELESCOP": "JWST", "REFTYPE": "APCORR", "INSTRUME": "NIRCAM", "DATAMODL": "NrcImgApcorrModel"}
    )
    fits.HDUList(
        [fits.PrimaryHDU(header=header), fits.BinTableHDU(np.array(rows or table, kinds), name="APCORR")]
    ).writeto(folder / "apcorr.fits", overwrite=True)
    offsets = {"filter": ["F115W", "F200W"], "pupil": ["CLEAR", "CLEAR"], "abvega_offset": np.array([0.7, VEGA], "f4")}
    from astropy.table import Table

    meta = {
        "telescope": "JWST",
        "reftype": "abvegaoffset",
        "instrument": {"name": "NIRCAM"},
        "model_type": "ABVegaOffsetModel",
    }
    asdf.AsdfFile({"meta": meta, "abvega_offset": Table(offsets)}).write_to(folder / "abvegaoffset.asdf")
    return folder


PLACES = [(60.3, 50.2), (150.6, 70.1), (80.0, 160.5), (200.2, 190.9)]
FLUXES = np.array([900.0, 300.0, 120.0, 60.0])


def mosaic(noise=0.01, sigma=SIGMA, wide=None, level=0.3, places=PLACES, fluxes=FLUXES):
    """A combined image of four stars; `wide` says which one is how much wider."""
    image = exposure(None, shape=(240, 260), level=level, noise=noise)
    for number, ((x, y), flux) in enumerate(zip(places, fluxes, strict=True)):
        width = sigma * (wide or {}).get(number, 1.0)
        image.data += rendered([x], [y], [flux], image.shape, width).astype("f4")
    image.wht = np.ones(image.shape, "f4")
    image.meta.photometry.pixelarea_steradians = JANSKY / 1e6
    image.meta.filename = "mosaic_i2d.fits"
    image.meta.cal_step.resample = "COMPLETE"
    return image
