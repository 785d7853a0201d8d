"""FITS keywords that approximate a WCS: a tangent plane with SIP polynomials, for programs that do not know gwcs."""

import re
import warnings

from hexcal.errors import InputError, ParameterError
from hexcal.models.stored_wcs import opened, wcs_of
from hexcal.models.wcs.description import Wcs
from hexcal.steps.wcs import sip_fit
from hexcal.steps.wcs.evaluate import require_image

HIGHEST_DEGREE = 6
_LINEAR = re.compile(r"(pc|cd)[12]_[12]|cdelt[12]|[ab]p?_(\d_\d|order)")
"""Elements of ``meta.wcsinfo`` that an approximation replaces."""
_OF_IMAGE = ("NAXIS", "NAXIS1", "NAXIS2", "COMMENT", "HISTORY", "")


def update_fits_wcsinfo(
    datamodel,
    max_pix_error=0.01,
    degree=None,
    npoints=32,
    crpix=None,
    projection="TAN",
    imwcs=None,
    *,
    max_inv_pix_error=None,
    inv_degree=None,
    bounding_box=None,
    verbose=False,
):
    """Approximate the WCS of an image by FITS keywords, and set them in ``meta.wcsinfo``.

    Parameters
    ----------
    datamodel : DataModel
        An image with its WCS.
    max_pix_error : float
        Largest error of the sky position, pixels. Not looked at where `degree` is one number.
    degree : int, iterable of int or None
        Of the SIP polynomials, 1 to 6: one number, or those of which the lowest that is accurate enough is taken; None:
        all.
    npoints : int
        Points along each axis that the polynomials are fitted to.
    crpix : (float, float), optional
        Reference pixel, the first one counted 1; default that in ``meta.wcsinfo``, else the middle of the bounding box.
    projection : str or astropy projection
        Three letters of FITS.
    imwcs : gwcs.WCS, optional
        WCS to approximate instead of that of the model (of a direct image, for slitless exposures).
    max_inv_pix_error : float or None
        Largest error of the way back, pixels; None: no polynomials for the way back.
    inv_degree : int, iterable of int or None
        As `degree`, for the way back.
    bounding_box : ((float, float), (float, float)), optional
        Pixels for which the approximation holds; default the bounding box of the WCS.
    verbose : bool
        Print how the fits go.

    Returns
    -------
    astropy.io.fits.Header
        The keywords.

    Raises
    ------
    InputError
        If there is no WCS of an image, or the accuracy is not reached. Nothing is changed then.
    ParameterError
        If a degree is above 6.

    Notes
    -----
    JWST pipeline documentation 1.13.5, assign_wcs; convention of SIP: Shupe et al. 2005, ASPC 347, 491. The fit is at
    the points of gwcs.
    """
    from astropy.io import fits

    header = approximation(
        wcs_of(datamodel) if imwcs is None else imwcs,
        reference_pixel(datamodel) if crpix is None else crpix,
        bounding_box=bounding_box,
        max_pix_error=max_pix_error,
        degree=degree,
        max_inv_pix_error=max_inv_pix_error,
        inv_degree=inv_degree,
        npoints=npoints,
        projection=projection,
        verbose=verbose,
    )
    missed = missed_accuracy(header, max_pix_error, degree, max_inv_pix_error, inv_degree)
    if missed:
        raise InputError(
            f"the FITS approximation of the WCS does not reach the accuracy: {missed}",
            where=str(datamodel.path or "model in memory"),
            hint="allow a higher degree or a larger error",
        )
    set_keywords(datamodel, header)
    return fits.Header(list(header.items()))


def approximation(
    wcs, crpix, *, degree, inv_degree, projection="TAN", bounding_box=None, npoints=32, verbose=False, **most
):
    """Return the best approximation of a WCS by FITS keywords, whether it reaches the accuracy or not.

    Parameters
    ----------
    wcs : Wcs or gwcs.WCS
        Of an image.
    crpix : (float, float) or None
        Reference pixel, the first one counted 1.
    degree, inv_degree, projection, bounding_box, npoints, verbose, **most
        As of `update_fits_wcsinfo`.

    Returns
    -------
    dict
        Keyword -> value.

    Raises
    ------
    InputError
        If there is none: too few points, no WCS of an image.
    """
    require_image(wcs)
    wanted = {"degree": _degrees(degree, "degree"), "inv_degree": _degrees(inv_degree, "inv_degree"), **most}
    wanted |= {"bounding_box": bounding_box, "npoints": npoints}
    try:
        if projection == "TAN" and not verbose and _is_of_icrs(wcs):
            return sip_fit.header_of(wcs, crpix, **wanted)
        with warnings.catch_warnings():
            # That the accuracy is not reached is said by the header, too; the check with twice the points says the
            # same.
            warnings.filterwarnings("ignore", "Failed to achieve requested SIP|Double sampling check")
            header = opened(wcs).to_fits_sip(crpix=crpix, projection=projection, verbose=verbose, **wanted)
    except ValueError as error:
        raise InputError(f"no FITS approximation of the WCS: {str(error).strip(chr(34))}") from error
    return {card.keyword: card.value for card in header.cards if card.keyword not in _OF_IMAGE}


def _is_of_icrs(wcs):
    """Whether a WCS is a description that ends in the sky of ICRS."""
    frame = dict(wcs.output_frame.content).get("reference_frame") if isinstance(wcs, Wcs) else None
    return frame is not None and "/icrs-" in frame.tag


def missed_accuracy(header, max_pix_error, degree, max_inv_pix_error, inv_degree):
    """Return in words by how much an approximation misses the accuracy.

    An empty text where it does not, or a degree was given.
    """
    pairs = [
        ("SIPMXERR", max_pix_error, degree, "to the sky"),
        ("SIPIVERR", max_inv_pix_error, inv_degree, "on the way back"),
    ]
    return ", ".join(
        f"{header[keyword]:.2g} pixel {direction}, {most:g} asked for"
        for keyword, most, given, direction in pairs
        if most is not None and not isinstance(given, int) and header.get(keyword, 0.0) > most
    )


def _degrees(degree, name):
    """Return what gwcs takes as degrees."""
    if degree is None:
        return range(1, HIGHEST_DEGREE + 1)
    given = [degree] if isinstance(degree, int) else list(degree)
    if not given or not all(1 <= number <= HIGHEST_DEGREE for number in given):
        raise ParameterError(f"{name} must be from 1 to {HIGHEST_DEGREE}, got {degree}", where=name)
    return degree if isinstance(degree, int) else given


def reference_pixel(model):
    """Return CRPIX of the header, or None."""
    crpix = [model.get_meta(f"meta.wcsinfo.crpix{axis}") for axis in (1, 2)]
    return None if None in crpix else crpix


def set_keywords(model, header):
    """Set keywords of a WCS in ``meta.wcsinfo``, in place of all that say the same in other ways."""
    for name in list(model.branch("meta.wcsinfo")):
        if _LINEAR.fullmatch(name):
            model.set_meta(f"meta.wcsinfo.{name}", None)
    for keyword, value in header.items():
        model.set_meta(f"meta.wcsinfo.{keyword.lower()}", value.item() if hasattr(value, "item") else value)
