"""Astrometric catalogues of a service on the web."""

import csv
import os
import urllib.error
import urllib.parse
import urllib.request

import numpy as np

from hexcal.errors import InputError, ResourceError

CATALOGUES = ("GAIADR3", "GAIADR2", "GAIADR1")
VARIABLE = "ASTROMETRIC_CATALOG_URL"
"""Environment variable with the address of the service."""
_DEFAULT = "https://gsss.stsci.edu/webservices"
TIMEOUT = 30.0
"""Seconds that the service has to answer."""


def positions(ra: float, dec: float, radius: float, epoch: float, catalogue: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the stars of a catalogue around a position, with their proper motions brought to an epoch.

    Parameters
    ----------
    ra, dec : float
        Centre, in degrees.
    radius : float
        In degrees.
    epoch : float
        Year, such as 2023.7.
    catalogue : str
        One of `CATALOGUES`.

    Returns
    -------
    ra, dec : float64 array (n,)
        In degrees; empty if there are no stars.

    Raises
    ------
    ResourceError
        If the service cannot be reached or refuses.
    InputError
        If its answer is no catalogue.
    """
    return parsed(*fetched(ra, dec, radius, epoch, catalogue))


def fetched(ra: float, dec: float, radius: float, epoch: float, catalogue: str) -> tuple[str, str]:
    """Return the answer of the service, and its address; parameters and errors as of `positions`."""
    base = os.environ.get(VARIABLE, "").strip() or _DEFAULT
    query = {"RA": f"{ra:.8f}", "DEC": f"{dec:.8f}", "EPOCH": f"{epoch:.8f}", "SR": f"{radius:.8f}"}
    query |= {"FORMAT": "CSV", "CAT": catalogue, "MINDET": "5"}
    address = f"{base.rstrip('/')}/vo/CatalogSearch.aspx?{urllib.parse.urlencode(query)}"
    if not address.startswith(("http://", "https://")):
        raise ResourceError(f"the address of the catalogue service is not a web address: {base}", where=VARIABLE)
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            text = answer.read().decode("utf-8", "replace")
    except OSError as error:
        raise ResourceError(
            f"the catalogue {catalogue} cannot be fetched: {getattr(error, 'reason', None) or error}",
            where=base,
            hint=f"set abs_refcat to a file with the columns RA and DEC, or {VARIABLE} to another service",
        ) from error
    return text, base


def parsed(text: str, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions in an answer of the service."""
    rows = rows_of(text, where)
    try:
        values = np.array([(float(row["ra"]), float(row["dec"])) for row in rows]).reshape(-1, 2)
    except (KeyError, ValueError) as error:
        raise InputError("the catalogue service has sent a line without a position", where=where) from error
    return values[:, 0].copy(), values[:, 1].copy()


def rows_of(text: str, where: str) -> list[dict[str, str]]:
    """Read the answer of the service: lines of comment, the names of the columns, and one line for each star.

    Returns
    -------
    list of dict
        By the names in small letters.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    names = [name.strip().lower() for name in next(csv.reader(lines[:1]), [])]
    if not {"ra", "dec"} <= set(names):
        raise InputError(f"the answer of the catalogue service is not a catalogue: {text.strip()[:100]!r}", where=where)
    return [dict(zip(names, row, strict=False)) for row in csv.reader(lines[1:])]
