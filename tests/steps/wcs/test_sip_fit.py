"""The fit of SIP polynomials, against that of gwcs."""

import numpy as np
import pytest
from star_fields import exposure

from hexcal.errors import InputError
from hexcal.models import stored_wcs
from hexcal.steps.wcs import sip

WANTED = {"max_pix_error": 0.01, "max_inv_pix_error": 0.01, "degree": None, "inv_degree": None, "npoints": 12}


def wcs():
    return stored_wcs.described(exposure().meta.wcs)


@pytest.mark.parametrize(
    "other", [{}, {"degree": 3, "inv_degree": 2}, {"degree": 1}, {"max_inv_pix_error": None}, {"npoints": 20}]
)
def test_keywords_are_those_of_gwcs(other):
    wanted = WANTED | other
    for crpix in ((150.5, 140.2), None):
        own = sip.approximation(wcs(), crpix, **wanted)
        of_gwcs = sip.approximation(exposure().meta.wcs, crpix, **wanted)
        assert set(own) == set(of_gwcs)
        for keyword, value in of_gwcs.items():
            if isinstance(value, str | int):
                assert own[keyword] == value, keyword
            elif keyword[0] in "AB":
                # Pixels, at the edge of the image.
                powers = sum(map(int, keyword.split("_")[1:]))
                assert abs(own[keyword] - value) * 150.0**powers < 1e-5, keyword
            else:
                least = 1e-5 if keyword.startswith("SIP") else 1e-14
                assert own[keyword] == pytest.approx(value, rel=1e-8, abs=least), keyword


def test_the_approximation_is_as_good_as_it_says():
    from astropy.io import fits
    from astropy.wcs import WCS

    keywords = sip.approximation(wcs(), (150.5, 140.2), **WANTED)
    x, y = np.meshgrid(np.linspace(0, 299, 7), np.linspace(0, 279, 7))
    true = exposure().meta.wcs(x, y)
    found = WCS(fits.Header(list(keywords.items()))).all_pix2world(x, y, 0)
    distance = np.hypot((found[0] - true[0]) * np.cos(np.radians(true[1])), found[1] - true[1]) * 3600 / 0.03
    assert keywords["SIPMXERR"] <= 0.01 and distance.max() <= keywords["SIPMXERR"] + 1e-6


def test_too_few_points_are_told():
    with pytest.raises(InputError, match="points"):
        sip.approximation(wcs(), None, **(WANTED | {"npoints": 5}))
