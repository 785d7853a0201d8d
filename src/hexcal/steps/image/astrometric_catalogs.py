"""Catalogues of stars that cover exposures, of the service on the web."""

from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.steps.image import gaia
from hexcal.steps.image.output_wcs import middle, separation
from hexcal.steps.wcs.evaluate import box_of
from hexcal.steps.wcs.footprint import footprint

_OF_GAIA = "gaiaid"


def create_astrometric_catalog(
    input_models,
    catalog="GAIADR3",
    output="ref_cat.ecsv",
    gaia_only=False,
    table_format="ascii.ecsv",
    existing_wcs=None,
    num_sources=None,
    epoch=None,
):
    """Return a catalogue of the stars that exposures see.

    Parameters
    ----------
    input_models : sequence of DataModel
        Exposures with their WCS.
    catalog : str
        Name of the catalogue of the service, whose address is in the environment's ASTROMETRIC_CATALOG_URL.
    output : path-like, optional
        File to write it to; None: none.
    gaia_only : bool
        Only sources with an identifier of Gaia.
    table_format : str
        Of the file, as astropy names it.
    existing_wcs : gwcs.WCS, optional
        What is to be covered, instead of the exposures.
    num_sources : int, optional
        So many of the brightest sources; negative: of the faintest.
    epoch : float, optional
        Year that proper motions are brought to; default: the mean of the exposures.

    Returns
    -------
    astropy.table.Table
        RA and DEC (degrees), mag, objID.

    Raises
    ------
    ResourceError, InputError
        If the service cannot be reached, or its answer is no catalogue.
    """
    from astropy.table import Table

    corners = [footprint(model) for model in input_models] if existing_wcs is None else [_corners_of(existing_wcs)]
    if not corners:
        raise InputError("a catalogue needs exposures, or a WCS, that it covers", where="input_models")
    together = np.concatenate(corners)
    centre = middle(together)
    radius = max(separation(centre, corner) for corner in together)
    epoch = _epoch_of(input_models) if epoch is None else epoch
    rows = get_catalog(*centre, epoch=epoch, sr=radius, catalog=catalog)
    if gaia_only:
        rows = [row for row in rows if row.get(_OF_GAIA, "").strip()]
    rows.sort(key=lambda row: float(row.get("mag") or "inf"))
    if num_sources:
        rows = rows[:num_sources] if num_sources > 0 else rows[num_sources:]
    table = Table()
    table["RA"], table["DEC"] = (np.array([row[name] for row in rows], float) for name in ("ra", "dec"))
    table["mag"] = np.array([row.get("mag") or "nan" for row in rows], float)
    table["objID"] = np.array([row.get("objid", "") for row in rows], "U32")
    table.meta = {"catalog": catalog, "epoch": epoch}
    if output is not None:
        _write(table, output, table_format)
    return table


def get_catalog(ra, dec, epoch=2016.0, sr=0.1, catalog="GAIADR3"):
    """Return the stars of a catalogue of the service around a position.

    Parameters
    ----------
    ra, dec : float
        Degrees.
    epoch : float
        Year that proper motions are brought to.
    sr : float
        Radius, degrees.
    catalog : str
        Its name.

    Returns
    -------
    list of dict
        Each a row, text by the name of the column in small letters; all columns of the service.
    """
    return gaia.rows_of(*gaia.fetched(ra, dec, sr, epoch, catalog))


def compute_radius(wcs):
    """Return the angle from the centre of the image of a WCS to its farthest corner, degrees (float)."""
    corners = _corners_of(wcs)
    centre = middle(corners)
    return max(separation(centre, corner) for corner in corners)


def _corners_of(wcs):
    if box_of(wcs) is None:
        raise InputError("the WCS must have a bounding box", where="existing_wcs")
    return footprint(wcs)


def _epoch_of(models):
    from astropy.time import Time

    dates = [model.get_meta("meta.observation.date") for model in models]
    years: Any = [Time(date, scale="utc").jyear for date in dates if date]
    return float(np.mean(years)) if years else 2016.0


def _write(table, output, table_format):
    import io

    from hexcal.files.atomic import atomic

    text = io.StringIO()
    table.write(text, format=table_format)
    with atomic(output) as stream:
        stream.write(text.getvalue().encode())
