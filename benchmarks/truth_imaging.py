"""Mosaics of a simulated sky and their catalogues.

Positions, fluxes of stars, total fluxes of galaxies, which sources are extended.
"""

import contextlib
import os
from pathlib import Path

import numpy as np

from hexcal import datamodels

_MAS = 3.6e6
_NEAR = 0.1
"""Arcsec within which a source of the catalogue is a true one."""
_NEAR_PIXELS = 1.0
_MISALIGNED = 5.0
"""Milliarcsec: many times the error of an exposure that is aligned to a dozen stars."""
_OUTLIER = datamodels.dqflags.pixel["OUTLIER"]


def make_mosaic(folder, instrument="NIRCAM", size=1024, n_exposures=4, seed=1, n_backgrounds=0, stage2="documents"):
    """Write calibrated exposures with wrong pointings and cosmic rays, and what belongs to them.

    The association ``input.json``, references and truth. Exposures of blank sky, which have cosmic rays too, are
    subtracted in stage 2 with the profile `stage2`.
    """
    from hexcal.pipeline import Image2Pipeline
    from hexcal.simulate.imaging import Imaging
    from hexcal.simulate.imaging_setups import setup_of

    setup = setup_of(instrument)
    numbers = {"n_exposures": n_exposures, "n_backgrounds": n_backgrounds}
    Imaging(setup, setup.camera(size), seed=seed, **numbers).save(folder, overwrite=True)
    (folder / "refs").rmdir()
    os.rename(folder / "references", folder / "refs")
    with open(folder / "make.log", "w") as log, contextlib.redirect_stdout(log):
        for path in sorted(folder.glob("asn_image2_*.json")):
            options = {"references": str(folder / "refs"), "output_dir": str(folder), "profile": stage2}
            Image2Pipeline.call(str(path), **options, steps={"resample": {"skip": True}})
        for path in folder.glob("*_rate.fits"):
            path.unlink()
    (folder / "asn_image3.json").rename(folder / "input.json")
    np.savez(folder / "truth.npz", size=size)


def measure_mosaic(product, folder):
    """Errors of the catalogue of a mosaic, at sources in its deep part."""
    from astropy.table import QTable

    (catalogue,) = Path(folder, product.stem).glob("*o001*_cat.ecsv")
    found, true = QTable.read(catalogue), QTable.read(folder / "truth" / "sources.ecsv")
    (mosaic,) = map(datamodels.open, Path(folder, product.stem).glob("*_i2d.fits"))
    rows, sources = _matches(mosaic, found, true)
    stars = np.asarray(true["type"][sources] == "star")
    flux = np.asarray(true["flux_jy"][sources], float)
    # So that they have a S/N > 100 in a single exposure.
    n_exposures = len(list(Path(folder, product.stem).glob("*_crf.fits")))
    bright = stars & (flux > 100 * np.sqrt(n_exposures) * found["isophotal_flux_err"][rows].value)
    return {
        **_of_positions(found[rows], true[sources], stars, flux),
        **_of_centroids(Path(folder, product.stem), true[sources][bright]),
        **_of_stars(found[rows][stars], flux[stars]),
        **_of_galaxies(found[rows][~stars], flux[~stars]),
        "stars taken for extended (%)": 100 * float(np.mean(found["is_extended"][rows][stars])),
        **_of_outliers(Path(folder, product.stem), folder / "truth"),
    }


def measure_alignment(product, folder):
    """Where exposures of few stars are said to lie: how far from the truth, and whether as a success."""
    from astropy.io import fits

    errors, statuses = [], []
    for path in sorted(Path(folder, product.stem).glob("*_crf.fits")):
        root = "_".join(path.name.split("_")[:4])
        found, claimed = datamodels.open(path), datamodels.open(folder / f"{root}_cal.fits")
        middle = [(n - 1) / 2 for n in found.shape[::-1]]
        (ra, dec), (ra_claimed, dec_claimed) = (model.meta.wcs(*middle) for model in (found, claimed))
        true = fits.getheader(folder / "truth" / f"{root}_truth.fits")
        east = (ra - ra_claimed) * np.cos(np.radians(dec)) * _MAS - 1000 * true["DRA"]
        errors.append(np.hypot(east, (dec - dec_claimed) * _MAS - 1000 * true["DDEC"]))
        statuses.append(found.meta.cal_step.tweakreg)
    wrong = np.array(errors) > _MISALIGNED
    return {
        "largest error of an exposure (mas)": float(max(errors)),
        "exposures off by > 5 mas": float(wrong.sum()),
        "of these COMPLETE": float((wrong & (np.array(statuses) == "COMPLETE")).sum()),
    }


def _of_outliers(products, truth):
    """Cosmic rays above 10 sigma that were missed, and pixels flagged beside them, on pixels that are not bad."""
    from astropy.io import fits
    from scipy.ndimage import binary_dilation

    hit, missed, false, in_cores, n_pixels = 0, 0, 0, 0, 0
    for path in sorted(products.glob("*_crf.fits")):
        exposure = datamodels.open(path)
        with fits.open(truth / f"{'_'.join(path.name.split('_')[:4])}_truth.fits") as planes:
            rays, bad, sky = planes["CRS"].data, planes["BAD"].data, planes["SB"].data
        flagged = (exposure.dq & np.uint32(_OUTLIER)) != 0
        # The original makes outliers NaN, their errors too.
        errors = np.where(np.isfinite(exposure.err), exposure.err, np.nanmedian(exposure.err))
        usable = (bad == 0) & (np.isfinite(exposure.err) | flagged)
        usable &= (exposure.dq & ~np.uint32(_OUTLIER | 1)) == 0
        strong = usable & (rays * exposure.meta.photometry.conversion_megajanskys > 10 * errors)
        beside = usable & flagged & ~binary_dilation(rays > 0, np.ones((3, 3)))
        hit, missed = hit + np.count_nonzero(strong), missed + np.count_nonzero(strong & ~flagged)
        false, n_pixels = false + np.count_nonzero(beside), n_pixels + exposure.dq.size
        in_cores += np.count_nonzero(beside & (sky - np.median(sky) > 10 * errors))
    return {
        "cosmic rays missed (%)": 100 * missed / hit if hit else np.nan,
        "false outliers per 4.2 Mpixel": 2048**2 * false / n_pixels if n_pixels else np.nan,
        "of these in sources": 2048**2 * in_cores / n_pixels if n_pixels else np.nan,
    }


def _matches(mosaic, catalogue, true):
    """Rows of the catalogue, and true sources, that are one; only where at least half of the exposures have looked."""
    from astropy.coordinates import SkyCoord

    sky = SkyCoord(true["ra"], true["dec"], unit="deg")
    index, distance, _ = catalogue["sky_centroid"].match_to_catalog_sky(sky)
    x, y = (
        np.rint(np.asarray(catalogue["xcentroid"])).astype(int),
        np.rint(np.asarray(catalogue["ycentroid"])).astype(int),
    )
    weight = np.nan_to_num(mosaic.wht)
    ny, nx = weight.shape
    edge = 20
    is_deep = (x > edge) & (y > edge) & (x < nx - edge) & (y < ny - edge)
    is_deep &= weight[np.clip(y, 0, ny - 1), np.clip(x, 0, nx - 1)] > 0.5 * weight.max()
    rows = np.flatnonzero(is_deep & (distance.arcsec < _NEAR))
    # Of several rows near one source the nearest is it.
    rows = rows[np.argsort(distance.arcsec[rows], kind="stable")]
    _, first = np.unique(index[rows], return_index=True)
    rows = rows[first]
    return rows, index[rows]


def _total(catalogue):
    """Flux and error by which stars are judged."""
    return catalogue["aper_total_flux"].value, catalogue["aper_total_flux_err"].value


def _of_positions(catalogue, true, stars, flux):
    is_bright = stars & (flux > 100 * catalogue["isophotal_flux_err"].value)
    place = catalogue["sky_centroid"][is_bright]
    east = (place.ra.deg - true["ra"][is_bright]) * np.cos(np.radians(true["dec"][is_bright])) * _MAS
    north = (place.dec.deg - true["dec"][is_bright]) * _MAS
    return {
        "position, mean error (mas)": float(np.hypot(np.median(east), np.median(north))),
        "position, scatter (mas)": float(np.hypot(_spread(east), _spread(north)) / np.sqrt(2)),
    }


def _of_centroids(products, stars):
    """Scatter of the places of bright stars in single exposures, as tweakreg found them, about the true ones."""
    from astropy.table import Table

    errors = []
    for path in sorted(products.glob("*_crf.fits")):
        root = "_".join(path.name.split("_")[:4])
        (catalogue,) = products.glob(f"{root}*_cat.ecsv")
        table = Table.read(catalogue)
        x, y = (np.asarray(table[name if name in table.colnames else f"{name}centroid"], float) for name in "xy")
        true = datamodels.open(path).meta.wcs.invert(np.asarray(stars["ra"]), np.asarray(stars["dec"]))
        dx, dy = (found[:, None] - np.asarray(place) for found, place in zip((x, y), true, strict=True))
        nearest = np.hypot(dx, dy).argmin(axis=0), np.arange(len(stars))
        near = np.hypot(dx, dy)[nearest] < _NEAR_PIXELS
        errors.append([_spread(d[nearest][near]) for d in (dx, dy)])
    return {"centroids, scatter (pixel)": float(np.sqrt(np.mean(np.square(errors))))}


def _of_stars(catalogue, flux):
    total, error = _total(catalogue)
    is_bright = flux > 100 * catalogue["isophotal_flux_err"].value
    ratio, pull = total[is_bright] / flux[is_bright] - 1, (total - flux)[is_bright] / error[is_bright]
    return {
        "stars, flux (%)": 100 * abs(float(np.median(ratio))),
        "stars, scatter of flux (%)": 100 * _spread(ratio),
        "stars, pull width": _spread(pull),
    }


def _of_galaxies(catalogue, flux):
    name = next(name for name in ("sersic", "kron", "isophotal") if f"{name}_flux" in catalogue.colnames)
    total, noise = catalogue[f"{name}_flux"].value, catalogue["isophotal_flux_err"].value
    is_bright = flux > 100 * noise
    figures = {"galaxies taken for stars (%)": 100 * float(np.mean(~catalogue["is_extended"]))}
    for text, chosen in (("> 100", is_bright), ("30 - 100", ~is_bright & (flux > 30 * noise))):
        error = 100 * abs(float(np.median(total[chosen] / flux[chosen] - 1))) if chosen.any() else np.nan
        figures[f"galaxies S/N {text}, flux (%)"] = error
    return figures


def _spread(values):
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) if len(values) else float("nan")
