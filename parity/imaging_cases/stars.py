"""tweakreg, skymatch, source_catalog and calwebb_image3 on dithered images of one simulated sky."""

import contextlib
import os

import numpy as np
from astropy.io import fits

from imaging_cases import Case

_PLANES = ("SCI", "ERR", "DQ", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT", "WHT", "CON", "ASDF")
_LARGEST_SHIFT = 0.001
"""Pixels by which positions may differ."""
_FLUX = 1e-3
"""Share by which fluxes of a catalogue may differ."""
_LEVEL = 0.05
"""Levels of the sky may differ by this part of the noise: the width of half a bin of the histogram that gives the mode.
"""


_LIMIT = {"positions of 0001_nrca1": (1, "0.0011 pixel: images are aligned to one another in another order first")}
_UNSEEN = {
    f"aper{name}": (3, "apertures that hold pixels without data")
    for name in ("80_flux", "_total_flux", "80_abmag", "_total_abmag", "80_vegamag", "_total_vegamag")
}
_MODE = {"outliers": (60, "skies by the mode, of an image with much noise, and one alignment differ by 0.01 pixel")}


def cases(folder):
    """The cases; inputs are made in `folder`."""
    sky = _simulated(folder / "sky", "NIRCAM", n_exposures=4, seed=11)
    miri = _simulated(folder / "sky_miri", "MIRI", n_exposures=3, seed=12)
    mosaic = _mosaic(sky)
    refcat = str(sky / "refcat.ecsv")
    job = {"input": str(sky / "asn_image3.json"), "refs": str(sky / "refs")}
    # Separating sources needs scikit-image.
    whole = {"deblend": False}
    # Within the tolerance of 0.7 arcsec stars of this field match by chance, which Hexcal sees and mends.
    close = {"abs_refcat": refcat, "abs_tolerance": 0.1, "tolerance": 0.2}
    # In small fields the reference implementation takes the images in their order, whatever their overlaps.
    in_order = {"enforce_user_order": True}
    return [
        _case("tweakreg", {**job, "target": "tweakreg", "params": {"tolerance": 0.2, **in_order}}, _positions),
        _case("tweakreg, catalogue", {**job, "target": "tweakreg", "params": close}, _positions, known=_LIMIT),
        _case(
            "tweakreg, general, in order",
            {**job, "target": "tweakreg", "params": {"fitgeometry": "general", **in_order}},
            _positions,
        ),
        _case("skymatch", {**job, "target": "skymatch"}, _levels),
        *(
            _case(f"skymatch, {method}", {**job, "target": "skymatch", "params": {"skymethod": method}}, _levels)
            for method in ("local", "global", "global+match")
        ),
        _case(
            "skymatch, median",
            {**job, "target": "skymatch", "params": {"skystat": "median", "subtract": True}},
            _levels,
        ),
        _case(
            "source_catalog", {**job, "target": "source_catalog", "input": str(mosaic), "params": whole}, _catalogues
        ),
        _case(
            "source_catalog, other apertures",
            {
                **job,
                "target": "source_catalog",
                "input": str(mosaic),
                "params": {"aperture_ee3": 80, "npixels": 12, **whole},
            },
            _catalogues,
            known=_UNSEEN,
        ),
        _case(
            "calwebb_image3",
            {
                **job,
                "target": "calwebb_image3",
                "steps": {"tweakreg": close, "source_catalog": whole},
            },
            _whole,
        ),
        _case(
            "calwebb_image3, MIRI",
            {"input": str(miri / "asn_image3.json"), "refs": str(miri / "refs"), "target": "calwebb_image3"},
            _whole,
            known=_MODE,
        ),
    ]


def _case(name, job, check, **details):
    return Case(name, job, ignored=_PLANES, check=check, planes=False, **details)


def _simulated(folder, instrument, **settings):
    """Calibrated exposures of 512 pixels, enough stars, their association and references."""
    from hexcal.pipeline import Image2Pipeline
    from hexcal.simulate.imaging import Imaging
    from hexcal.simulate.imaging_setups import setup_of

    setup = setup_of(instrument, density=0.3 if instrument == "NIRCAM" else None)
    folder.mkdir(parents=True, exist_ok=True)
    Imaging(setup, setup.camera(512), **settings).save(folder, overwrite=True)
    os.rename(folder / "references", folder / "refs")
    with open(folder / "make.log", "w") as log, contextlib.redirect_stdout(log):
        for path in sorted(folder.glob("*_rate.fits")):
            options = {"references": str(folder / "refs"), "output_dir": str(folder)}
            Image2Pipeline.call(str(path), **options, steps={"resample": {"skip": True}})
    return folder


def _mosaic(folder):
    from hexcal.pipeline import Image3Pipeline

    with open(folder / "mosaic.log", "w") as log, contextlib.redirect_stdout(log):
        steps = {"source_catalog": {"skip": True}, "outlier_detection": {"skip": True}}
        Image3Pipeline.call(
            str(folder / "asn_image3.json"),
            references=str(folder / "refs"),
            output_dir=str(folder),
            profile="3.0.0",
            steps=steps,
        )
    (path,) = folder.glob("*_i2d.fits")
    return path


def _pairs(own, peer, suffix):
    """Files of both sides, in the order of the exposures.

    The reference implementation gives some of them other names.
    """
    return list(zip(sorted(own.glob(f"*_{suffix}.*")), sorted(peer.glob(f"*_{suffix}*.*")), strict=False))


def _positions(own, peer):
    """Yield by how much of what is tolerated positions on the sky differ."""
    from hexcal import datamodels

    for own_path, peer_path in _pairs(own, peer, "tweakreg"):
        models = [datamodels.open(path) for path in (own_path, peer_path)]
        ny, nx = models[0].shape
        x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(0, nx - 1, 7), np.linspace(0, ny - 1, 7)))
        x_own, y_own = models[0].meta.wcs.invert(*models[1].meta.wcs(x, y), with_bounding_box=False)
        worst = float(np.hypot(x_own - x, y_own - y).max() / _LARGEST_SHIFT)
        yield f"positions of {own_path.name[-24:-14]}", int(worst > 1), len(x), worst


def _levels(own, peer):
    """Yield how levels of the sky differ, against the noise."""
    for own_path, peer_path in _pairs(own, peer, "skymatch"):
        levels = [fits.getval(path, "BKGLEVEL") for path in (own_path, peer_path)]
        noise = float(np.nanmedian(fits.getdata(peer_path, "ERR")))
        worst = abs(levels[0] - levels[1]) / (_LEVEL * noise)
        same = [fits.getval(path, "BKGSUB") for path in (own_path, peer_path)]
        yield f"level of {own_path.name[-24:-14]}", int(worst > 1 or same[0] != same[1]), 1, worst


def _catalogues(own, peer):
    """Yield the rows that only one side has, and the fluxes that differ."""
    from astropy.table import QTable
    from scipy.spatial import KDTree

    for own_path, peer_path in _pairs(own, peer, "cat"):
        tables = [QTable.read(path) for path in (own_path, peer_path)]
        places = [np.column_stack([table["xcentroid"], table["ycentroid"]]) for table in tables]
        distance, index = KDTree(places[0]).query(places[1])
        both = distance < 0.5
        yield "sources", int(np.count_nonzero(~both)) + abs(len(places[0]) - len(places[1])), len(both), 0.0
        for name in tables[1].colnames:
            if name.endswith(("_flux", "_abmag", "_vegamag")) and name != "aper_bkg_flux":
                yield _of_column(name, tables[0][index[both]], tables[1][both])


def _of_column(name, own, peer):
    own, peer = (np.asarray(getattr(table[name], "value", table[name]), float) for table in (own, peer))
    tolerated = _FLUX * np.abs(peer) if name.endswith("_flux") else np.full(len(peer), _FLUX)
    with np.errstate(invalid="ignore"):
        excess = np.where(np.isfinite(own) & np.isfinite(peer), np.abs(own - peer) / tolerated, 0)
    count = int(np.count_nonzero((excess > 1) | (np.isnan(own) != np.isnan(peer))))
    return name, count, len(peer), float(excess.max(initial=0))


def _whole(own, peer):
    """Yield what differs in the flags of outliers, the catalogue, and the place of the mosaic."""
    differ = flagged = 0
    for own_path, peer_path in _pairs(own, peer, "crf"):
        flags = [fits.getdata(path, "DQ") & 16 != 0 for path in (own_path, peer_path)]
        differ, flagged = differ + np.count_nonzero(flags[0] != flags[1]), flagged + np.count_nonzero(flags[1])
    yield "outliers", int(differ), int(flagged), 0.0
    yield from _catalogues(own, peer)
