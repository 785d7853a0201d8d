"""Extraction of spectra from cubes of integral-field units."""

from typing import Any, NamedTuple

import numpy as np

from hexcal.errors import InputError, ReferenceError_
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.spectrum import spectrum_product as products
from hexcal.steps.spectrum import unseen
from hexcal.steps.spectrum.aperture_correction import apply_correction, find_correction
from hexcal.steps.spectrum.box_extraction import BRIGHTNESS_UNIT, CORRELATION, as_table
from hexcal.steps.spectrum.covariance import has_neighbours, variances_of_planes
from hexcal.steps.spectrum.cube_images import image_of_cube, middle_of_image, sums_of_image, weights_of_image
from hexcal.steps.spectrum.spectrum_fringes import add_columns
from hexcal.steps.wcs.evaluate import to_pixels, to_world

_ARCSEC = 3600.0
_METHODS = {"exact": 0, "center": 1, "centre": 1, "subsample": 2, "subpixel": 2, "subpixels": 2}
_FWHM_OF_REFERENCE = 2.0
"""Radius of the reference in units of the FWHM of the point spread function (JWST documents, ifu_rscale)."""
_PLANES = 64
"""Planes whose weights are in memory together."""
_VARIANCES = tuple(f"{kind}_VAR_{part}" for kind in ("FLUX", "SB", "BKGD") for part in ("POISSON", "RNOISE", "FLAT"))


class CircleReference(NamedTuple):
    """An extract1d reference of cubes.

    Attributes
    ----------
    wavelengths, radius, inner, outer : float64 array (n,)
        Micron; arcsec.
    method : str
        How the overlap of a spaxel and a circle is found: "exact", "center", "subsample".
    parts : int
        Parts of a spaxel along a side, for "subsample".
    subtract : bool
        Whether the annulus is subtracted.
    """

    wavelengths: np.ndarray
    radius: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    method: str
    parts: int
    subtract: bool


def read_circles(chosen) -> CircleReference:
    """Return the circles of an extract1d reference (ASDF).

    Raises
    ------
    ReferenceError_
        If an array is missing.
    """
    from pathlib import Path

    from hexcal.models import asdf_stored

    where = str(chosen if isinstance(chosen, str | Path) else getattr(chosen, "path", None) or "a model in memory")
    tree: Any = asdf_stored.with_arrays(Path(chosen)) if isinstance(chosen, str | Path) else chosen.whole_tree()
    content = tree.get("data") or tree
    meta = tree.get("meta") or {}
    try:
        arrays = [np.asarray(content[name], float) for name in ("wavelength", "radius", "inner_bkg", "outer_bkg")]
    except (KeyError, TypeError) as error:
        raise ReferenceError_(
            f"an extract1d reference of cubes needs the array {error.args[0]!r}",
            where=where,
            hint="wavelength, radius, inner_bkg and outer_bkg, under `data`",
        ) from None

    def setting(name, default):
        return content.get(name, meta.get(name, default))

    method = str(setting("method", "exact")).lower()
    if method not in _METHODS:
        raise ReferenceError_(f"method must be exact, center or subsample, it is {method}", where=where)
    order = np.argsort(arrays[0])
    wavelengths, radius, inner, outer = (values[order] for values in arrays)
    parts, subtract = int(setting("subpixels", 10)), bool(setting("subtract_background", True))
    return CircleReference(wavelengths, radius, inner, outer, method, parts, subtract)


def extract_cube(model, step, references):
    """Return the spectrum of a cube.

    Parameters
    ----------
    model : IFUCubeModel
        The cube, (nwavelengths, ny, nx).
    step : Extract1dStep
        Its parameters.
    references : References
        Of the cube.

    Returns
    -------
    MultiSpecModel
    """
    given = step.parameters
    if model.data is None or len(model.shape) != 3 or wcs_of(model) is None:
        raise InputError(
            "a cube with its WCS is required, (nwavelengths, ny, nx)",
            where=str(model.path or "model in memory"),
            hint="cube_build makes it",
        )
    source_type = _source_type(model, given, step.log)
    wavelengths = _wavelengths(model)
    area = model.meta.photometry.pixelarea_steradians
    if area is None:
        raise InputError("the area of a spaxel is required (PIXAR_SR)", where=str(model.path or "model in memory"))
    data = np.ascontiguousarray(model.data, np.float32)
    errors = np.zeros_like(data) if model.err is None else np.ascontiguousarray(model.err, np.float32)
    circles: Any = None
    circle: Any = None
    image = image_of_cube(references, model)
    if image is not None:
        totals, place, circle = sums_of_image(data, errors, image), middle_of_image(image), image
        step.log.info("The reference image says what is source and what background")
    elif source_type == "POINT":
        circles = _circles(references)
        totals, circle = _of_point(model, step, circles, wavelengths, data, errors)
        place = tuple(float(values[0]) for values in circle[0])
    else:
        totals, place = _of_all(data, errors), ((data.shape[2] - 1) / 2, (data.shape[1] - 1) / 2)
        step.log.info("Extended source: all of the cube is extracted")
    variances = _with_covariance(model, step, data, errors, circle)
    unit = model.meta.bunit_data
    columns = _columns(totals, wavelengths, unit, float(area), given.ifu_covar_scale, variances)
    if circles is not None and given.apply_apcorr and "apcorr" in references:
        _correct(columns, model, step, references, _radii(circles, wavelengths, given, model.is_miri)[0])
    if circles is not None and given.unseen_limit is not None:
        _flag_unseen(columns, data, circle, totals, given.unseen_limit, step.log)
    if given.ifu_rfcorr and model.meta.exposure.type == "MIR_MRS":
        _take_out_fringes(columns, model, step.log)
    if variances is not None:
        columns[CORRELATION] = np.array(model.covar_lags, float)
    return _product(model, columns, place)


def _flag_unseen(columns, data, circle, totals, limit, log):
    """Flag wavelengths at which the circle is not seen well enough, or nothing of the annulus is."""
    from hexcal.core.bands import run_bands
    from hexcal.kernels import cube_extraction as kernels

    places, (radius, _, outer), options = circle
    parts = np.empty((3, len(data), unseen.RINGS, unseen.SECTORS))
    run_bands(kernels.sum_rings, len(data), data, places, radius, options, parts)
    sums, seen, whole = parts.reshape(3, len(data), -1)
    level = columns["BACKGROUND"][:, None]
    share = unseen.unseen_light(sums - level * seen, seen, whole, np.arange(sums.shape[1]) // unseen.SECTORS)
    has_background = (outer <= 0) | (totals[:, 5] > 0)
    unseen.tell(unseen.flag(columns["DQ"], share, limit, has_background), limit, log)


def _take_out_fringes(columns, model, log):
    """Add the columns without residual fringes."""
    channels = str(model.meta.instrument.channel or "")
    if not channels or not set(channels) <= set("1234"):
        log.warning(
            "Residual fringes are not corrected: the channel of MIRI MRS is required, it is %s", channels or "?"
        )
        return
    largest = add_columns(columns, channels)
    log.info("Residual fringes of up to %.2f %% are taken out of RF_FLUX, RF_SURF_BRIGHT", 100 * largest)


def _source_type(model, given, log):
    source_type = model.meta.target.source_type or "EXTENDED"
    if given.ifu_set_srctype is not None:
        if model.is_miri:
            return given.ifu_set_srctype
        log.warning("ifu_set_srctype is for MIRI MRS only: the source is %s", source_type)
    return "POINT" if source_type == "POINT" else "EXTENDED"


def _wavelengths(model):
    """Wavelength of each plane, micron."""
    n, ny, nx = model.shape
    x, y = np.full(n, (nx - 1) / 2), np.full(n, (ny - 1) / 2)
    return to_world(wcs_of(model), x, y, np.arange(n, dtype=float))[2]


def _circles(references):
    if "extract1d" not in references:
        raise ReferenceError_(
            "the extraction of a point source from a cube needs an extract1d reference",
            where="extract1d",
            hint="--override_extract1d=FILE",
        )
    return read_circles(references.chosen["extract1d"])


def _radii(circles, wavelengths, given, scale_of_fwhm=True):
    """Radius, inner and outer radius of the annulus at each wavelength, arcsec."""
    radius, inner, outer = (
        np.interp(wavelengths, circles.wavelengths, values) for values in (circles.radius, circles.inner, circles.outer)
    )
    if given.ifu_rscale is not None and scale_of_fwhm:
        radius = radius * given.ifu_rscale / _FWHM_OF_REFERENCE
    return radius, inner, outer


def _of_point(model, step, circles, wavelengths, data, errors):
    """Sums over the circle and the annulus, and the centre of the circle."""
    from hexcal.core.bands import run_bands
    from hexcal.kernels import cube_extraction as kernels

    given = step.parameters
    if given.ifu_rscale is not None and not model.is_miri:
        step.log.warning("ifu_rscale is for MIRI MRS only: the radius is that of the reference")
    x, y = _centre(model, step, data)
    scale = abs(model.meta.wcsinfo.cdelt1 or 0) * _ARCSEC
    if not scale:
        raise InputError("the size of a spaxel is required (CDELT1)", where=str(model.path or "model in memory"))
    radius, inner, outer = (
        values / scale for values in _radii(circles, wavelengths, given, scale_of_fwhm=model.is_miri)
    )
    subtract = circles.subtract if given.subtract_background is None else given.subtract_background
    if not subtract:
        outer = np.zeros_like(outer)
    places = (np.full(len(data), float(x)), np.full(len(data), float(y)))
    options = (_METHODS[circles.method], circles.parts, float(given.bkg_sigma_clip), given.clipped_area == "counted")
    out = np.empty((len(data), 6))
    run_bands(kernels.extract_planes, len(data), data, errors, places, (radius, inner, outer), options, out)
    step.log.info("Circle at x = %.2f, y = %.2f, radius %.2f to %.2f spaxels", x, y, radius.min(), radius.max())
    return out, (places, (radius, inner, outer), options)


def _with_covariance(model, step, data, errors, circle):
    """Variances of the sums and of the background with covariance; None where errors are those of single spaxels.

    Parameters
    ----------
    circle : tuple or float32 array (nz, ny, nx), optional
        Places, sizes and options of the circles, or the reference image; without it all of each plane is summed.
    """
    if not step.parameters.covariance:
        return None
    if not has_neighbours(model):
        step.log.warning(
            "How the voxels vary together is not noted (cube_build.covariance): errors are those of independent voxels"
        )
        return None
    out = np.empty((2, len(data)))
    for first in range(0, len(data), _PLANES):
        part = slice(first, first + _PLANES)
        weights = np.zeros((2, *data[part].shape))
        if circle is None:
            weights[0] = np.isfinite(data[part])
        elif isinstance(circle, np.ndarray):
            weights[:] = weights_of_image(data[part], circle[part])
        else:
            _weigh(data[part], circle, part, weights)
        for number in range(2):
            out[number, part] = variances_of_planes(model, errors, weights[number], part)
    return out


def _weigh(data, circle, part, weights):
    """Put in which share the spaxels of some planes count into `weights`."""
    from hexcal.core.bands import run_bands
    from hexcal.kernels import cube_extraction as kernels

    places, sizes = (tuple(np.ascontiguousarray(values[part]) for values in each) for each in circle[:2])
    run_bands(kernels.weigh_planes, len(data), data, places, sizes, circle[2], weights)


def _of_all(data, errors):
    """Sums over all of each plane."""
    from hexcal.core.bands import run_bands
    from hexcal.kernels import cube_extraction as kernels

    out = np.zeros((len(data), 6))
    run_bands(kernels.sum_planes, len(data), data, errors, out)
    return out


def _centre(model, step, data):
    """Centre of the circle: the parameter, the brightest source, the target, or the middle of the cube."""
    given, (_, ny, nx) = step.parameters, data.shape
    if given.center_xy is not None:
        return tuple(given.center_xy)
    if given.ifu_autocen:
        place = brightest(data)
        if place is not None:
            return place
        step.log.warning("No source is found in the cube: the aperture is centred on the target")
    ra, dec = model.meta.target.ra, model.meta.target.dec
    if ra is not None and dec is not None:
        wavelength = _wavelengths(model)[len(data) // 2]
        x, y = (float(value) for value in to_pixels(wcs_of(model), ra, dec, wavelength)[:2])
        if np.isfinite([x, y]).all() and -0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5:
            # Whole spaxels, as in the original.
            return float(round(x)), float(round(y))
        step.log.warning("The target is not in the cube: the aperture is at its middle")
    return nx / 2, ny / 2


def brightest(data):
    """Return the centre (x, y) of the brightest source in the median of a cube over wavelength; None if there is none.

    Sources are found by DAOFIND (Stetson 1987, PASP 99, 191) with a width of 3 spaxels.
    """
    import warnings

    from photutils.detection import DAOStarFinder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = np.nanmedian(data, axis=0)
        finite = np.isfinite(image)
        if not finite.any():
            return None
        level = np.median(image[finite])
        spread = 1.4826 * np.median(np.abs(image[finite] - level))
        sources = DAOStarFinder(threshold=max(10 * spread, np.finfo(np.float32).tiny), fwhm=3.0)(
            np.where(finite, image - level, 0.0), mask=~finite
        )
    if sources is None or not len(sources):
        return None
    best = sources[int(np.argmax(sources["flux"]))]
    names = ("x_centroid", "y_centroid") if "x_centroid" in sources.colnames else ("xcentroid", "ycentroid")
    return float(best[names[0]]), float(best[names[1]])


def _columns(totals, wavelengths, unit, area, scale, variances=None):
    """The columns of a spectrum; variances are not told apart in cubes, and are 0."""
    pixels, beside_area = totals[:, 2], totals[:, 5]
    has_pixels = pixels > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        per_pixel = np.where(has_pixels, 1 / pixels, 0.0)
        level = np.where(beside_area > 0, totals[:, 3] / beside_area, 0.0)
        level_variance = np.where(beside_area > 0, totals[:, 4] / beside_area**2, 0.0)
    to_flux = area * 1e6 if unit == BRIGHTNESS_UNIT else 1.0
    net = np.where(has_pixels, totals[:, 0] - level * pixels, np.nan)
    error = np.sqrt(totals[:, 1] + pixels**2 * level_variance) * scale
    if variances is not None:
        error, level_variance, scale = np.sqrt(variances[0]), variances[1], 1.0
    columns: dict[str, Any] = {name: np.zeros(len(pixels)) for name in _VARIANCES}
    columns |= {
        "WAVELENGTH": wavelengths,
        "FLUX": net * to_flux,
        "FLUX_ERROR": error * to_flux,
        "SURF_BRIGHT": net * np.where(has_pixels, per_pixel, np.nan),
        "SB_ERROR": error * per_pixel,
        "BACKGROUND": level,
        "BKGD_ERROR": np.sqrt(level_variance) * scale,
        "NPIXELS": pixels,
        "DQ": np.where(has_pixels, 0, 1).astype(np.uint32),
    }
    return columns


def _correct(columns, model, step, references, radius):
    """Apply the aperture correction for the radius at each wavelength."""
    correction = find_correction(references.chosen["apcorr"], model, None, step.log)
    if correction is None:
        return
    factor = correction.at(columns["WAVELENGTH"], radius)
    apply_correction(columns, factor)
    step.log.info("Aperture correction: %.4f (median)", float(np.nanmedian(factor)))


def _product(model, columns, place):
    product = products.new_product(model, "MRSMultiSpecModel" if "RF_FLUX" in columns else "MultiSpecModel")
    part = product.new_part()
    part.spec_table = as_table(columns)
    part.set_meta("name", model.get_meta("name") or model.meta.exposure.type)
    part.set_meta("source_type", model.meta.target.source_type)
    part.set_meta("detector", model.meta.instrument.detector)
    if place is not None:
        part.set_meta("extraction_x", float(place[0]))
        part.set_meta("extraction_y", float(place[1]))
    _, ny, nx = model.shape
    ra, dec, _ = to_world(wcs_of(model), nx / 2, ny / 2, 0.0)
    part.set_meta("slit_ra", float(ra))
    part.set_meta("slit_dec", float(dec))
    for key in ("position_angle",):
        value = model.get_meta("meta.aperture.position_angle")
        if value is not None:
            part.set_meta(key, value)
    product.spec = [part]
    return product
