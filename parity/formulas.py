"""Planes that differ as a whole are compared with formulas.

Hexcal's with that of the documents, the peer's with the one that explains it.
"""

import numpy as np
from astropy.io import fits
from compare import EXAMPLES, RTOL, PlaneResult, tensions

SATURATED, DO_NOT_USE = 2, 1
PEER_SECONDS = 1.0
"""3.0.0 takes the rate for that of one second between groups, whatever TGROUP is."""


def pedestal(ramp_path, rates, seconds=None):
    """Return what PEDESTAL has to be.

    The signal at exposure time zero, from the first group that is used and the rate of the integration.

    Parameters
    ----------
    ramp_path : path-like
        The ramp that was fitted.
    rates : float array, (nints, ny, nx), DN/s
        Of the integrations, by the side whose plane is checked.
    seconds : float, optional
        Exposure time of the first group; default that of the header, the mean over its frames since the reset.

    Returns
    -------
    float64 array, (nints, ny, nx), DN
        0 where the first group is saturated, NaN where there is no rate. JWST pipeline documentation 1.13.5, section
        ramp_fitting.
    """
    with fits.open(ramp_path) as hdus:
        header, data, flags = hdus[0].header, hdus["SCI"].data, hdus["GROUPDQ"].data
        first = next(k for k in range(data.shape[1]) if not (flags[:, k] & DO_NOT_USE).all())
        if seconds is None:
            frames = 0.5 * (header.get("NFRAMES", 1) + 1) + (header.get("DRPFRMS1") or 0)
            seconds = frames * header["TFRAME"] + first * header["TGROUP"]
        expected = data[:, first].astype(np.float64) - rates.astype(np.float64) * seconds
        return np.where(flags[:, first] & SATURATED != 0, 0.0, expected)


def compare_with(name, actual, expected, floor):
    """Compare a plane with what is expected of it; where nothing is (NaN), it must be 0 or not a number.

    Returns
    -------
    PlaneResult
        Its examples are (index, actual, expected).
    """
    undefined = np.isnan(expected)
    expected = np.where(undefined, np.where(np.isnan(actual), np.nan, 0.0), expected)
    tension = tensions(actual, expected, RTOL, floor)
    differ = tension > 1
    result = PlaneResult(name, int(np.count_nonzero(differ)), actual.size, float(tension.max()))
    result.examples = [
        (tuple(place), actual[tuple(place)], expected[tuple(place)]) for place in np.argwhere(differ)[:EXAMPLES]
    ]
    return result


def check_pedestal(own_folder, peer_folder, ramp_path, floor):
    """Compare PEDESTAL of both sides in their fitopt products, each with its own rates per integration.

    Returns two PlaneResults.
    """
    results = []
    for name, folder, seconds in (
        ("PEDESTAL by the documents", own_folder, None),
        ("the peer's for 1 s", peer_folder, PEER_SECONDS),
    ):
        (details,), (rateints,) = folder.glob("*_fitopt.fits"), folder.glob("*_1_*.fits")
        expected = pedestal(ramp_path, fits.getdata(rateints, "SCI"), seconds)
        results.append(compare_with(name, fits.getdata(details, "PEDESTAL"), expected, floor))
    return results
