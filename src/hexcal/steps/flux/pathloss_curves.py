"""Path loss as a function of wavelength: where the source is in its slit, and what the references say of it."""

from typing import NamedTuple

import numpy as np

from hexcal.errors import ReferenceError_
from hexcal.models.stored_wcs import wcs_of
from hexcal.models.tables import table_of
from hexcal.steps.spectrum.parts import SkipPart
from hexcal.steps.wcs.sky_angles import eastward

_MICRON = 1e6


class Curve(NamedTuple):
    """A correction by wavelength.

    Attributes
    ----------
    wavelength : float64 array (n,)
        Micron, rising.
    value : float64 array (n,)
    """

    wavelength: np.ndarray
    value: np.ndarray


def at(wavelength, curve):
    """Return a correction at the wavelength of each pixel; NaN beyond its ends: float64, shape of `wavelength`."""
    return np.interp(wavelength, curve.wavelength, curve.value, left=np.nan, right=np.nan)


def apertures_of(reference):
    """Return the entries of a NIRSpec or SOSS reference by the name of the aperture."""
    apertures = getattr(reference, "apertures", None)
    if not apertures:
        raise ReferenceError_(
            "a pathloss reference with the extensions PS and UNI is required",
            where=str(reference.path or "a reference in memory"),
            hint="give another one with override_pathloss",
        )
    return {str(aperture.get_meta("name") or number): aperture for number, aperture in enumerate(apertures)}


def _axis(aperture, which, number, length):
    """Coordinates of an axis, from its WCS keywords: float64 array (length,)."""
    crpix, crval, cdelt = (aperture.get_meta(f"{which}.{name}{number}") for name in ("crpix", "crval", "cdelt"))
    if None in (crpix, crval, cdelt):
        raise ReferenceError_(
            f"the pathloss reference needs CRPIX{number}, CRVAL{number} and CDELT{number} of aperture "
            f"{aperture.get_meta('name')}",
            hint="give another one with override_pathloss",
        )
    return crval + cdelt * (np.arange(length) + 1 - crpix)


def of_nirspec(part, exposure, apertures, warn):
    """Return the corrections for a point source and for a uniform one.

    Parameters
    ----------
    part : DataModel
        A slit, a slitlet, or an exposure of the IFU.
    exposure : DataModel
        What it is a part of.
    apertures : dict
        Entries of the reference by name.
    warn : callable
        ``warn(text)``.

    Returns
    -------
    point, uniform : Curve

    Raises
    ------
    SkipPart
        If the reference has no entry for the aperture, or the source is outside of it.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section pathloss; P. Ferruit, ESA-JWST-SCI-NRS-TN-2016-004. Positions are in
    units of the aperture, bilinear between the positions of the reference, as measured of release 3.0.0.
    """
    if part.is_ifu:
        entry = next(iter(apertures.values()))
        return _point(entry, 0.0, 0.0), _uniform(entry)
    x, y = _source(part, warn)
    if exposure.meta.exposure.type == "NRS_MSASPEC":
        return _of_slitlet(str(part.get_meta("shutter_state") or ""), x, y, apertures)
    name = part.get_meta("name")
    if name not in apertures:
        raise SkipPart(f"the pathloss reference has no entry for it; it has {', '.join(apertures)}")
    return _point(apertures[name], x, y), _uniform(apertures[name])


def _source(part, warn):
    """The place of the source in units of the aperture."""
    x, y = part.get_meta("source_xpos"), part.get_meta("source_ypos")
    if x is None or y is None:
        warn("the place of the source in the slit is not known (source_xpos, source_ypos): its centre is used")
        return 0.0, 0.0
    return float(x), float(y)


def neighbours(state):
    """Return whether the shutters below and above that of the source are open.

    Parameters
    ----------
    state : str
        '1': open, '0': closed, 'x': that of the source, from below to above.

    Returns
    -------
    below, above : bool
        Without 'x' both are those of the slitlet's middle.
    """
    source = state.find("x")
    if source < 0:
        return len(state) > 1, len(state) > 1
    return state[source - 1 : source] == "1", state[source + 1 : source + 2] == "1"


def _of_slitlet(state, x, y, apertures):
    if not state:
        raise SkipPart("the states of its shutters are not known (shutter_state)")
    below, above = neighbours(state)
    name = "MOS1x3" if below or above else "MOS1x1"
    missing = [needed for needed in ("MOS1x1", "MOS1x3") if needed not in apertures]
    if missing:
        raise SkipPart(f"the pathloss reference has no entry {missing[0]}; it has {', '.join(apertures)}")
    if below != above:
        y += 1.0 if below else -1.0
    uniform = _uniform(apertures[name])
    if len(state) == 2:  # the mean of one and of three shutters
        other = _uniform(apertures["MOS1x1" if name == "MOS1x3" else "MOS1x3"])
        uniform = Curve(uniform.wavelength, (uniform.value + at(uniform.wavelength, other)) / 2)
    return _point(apertures[name], x, y), uniform


def _point(aperture, x, y):
    cube = np.asarray(aperture.pointsource_data, np.float64)
    n_waves, ny, nx = cube.shape
    columns, rows = _axis(aperture, "pointsource_wcs", 1, nx), _axis(aperture, "pointsource_wcs", 2, ny)
    values = _bilinear(cube, columns, rows, x, y)
    if values is None:
        raise SkipPart(f"the source is outside of its slit: x {x:g}, y {y:g} in units of the slit")
    return Curve(_axis(aperture, "pointsource_wcs", 3, n_waves) * _MICRON, values)


def _uniform(aperture):
    values = np.asarray(aperture.uniform_data, np.float64)
    return Curve(_axis(aperture, "uniform_wcs", 1, values.size) * _MICRON, values)


def _bilinear(cube, columns, rows, x, y):
    """Values of all planes of a cube (n, ny, nx) at a place; None outside of it."""
    column = (x - columns[0]) / (columns[1] - columns[0])
    row = (y - rows[0]) / (rows[1] - rows[0])
    ny, nx = cube.shape[-2:]
    slack = 1e-9
    if not (-slack <= column <= nx - 1 + slack and -slack <= row <= ny - 1 + slack):
        return None
    left, low = min(max(int(column), 0), nx - 2), min(max(int(row), 0), ny - 2)
    across, up = column - left, row - low
    lower = cube[:, low, left] * (1 - across) + cube[:, low, left + 1] * across
    upper = cube[:, low + 1, left] * (1 - across) + cube[:, low + 1, left + 1] * across
    return lower * (1 - up) + upper * up


def of_lrs(model, reference, across_slit, log):
    """Return the correction for a point source in the slit of MIRI LRS (Curve).

    Parameters
    ----------
    model : DataModel
        With TARG_RA, TARG_DEC and the WCS.
    reference : MirLrsPathlossModel
        Its table has the correction by wavelength and place; places are pixels from the slit's centre.
    across_slit : float or None
        Where the target is along the dispersion [arcsec], if the user says so.
    log : logging.Logger
        Gets the place.

    Raises
    ------
    SkipPart
        If the place of the target is not known.
    """
    table = table_of(reference, "pathloss_table")
    if table is None or len(table) == 0:
        raise ReferenceError_(
            "a pathloss reference with the table PATHLOSS is required",
            where=str(reference.path or "a reference in memory"),
            hint="give another one with override_pathloss",
        )
    ra, dec = model.meta.target.ra, model.meta.target.dec
    if ra is None or dec is None:
        raise SkipPart("the header does not say where the target is (TARG_RA, TARG_DEC)")
    along, scale = _place_in_lrs_slit(model, float(ra), float(dec))
    across = 0.0 if across_slit is None else across_slit / scale
    cube = np.asarray(table["pathloss"], np.float64)
    ny, nx = cube.shape[-2:]
    columns, rows = (_axis(_Table(reference), "wcs", number, length) for number, length in ((1, nx), (2, ny)))
    log.info("Place of the target in the slit: %.3f pixels along it, %.3f across it", along, across)
    values = _bilinear(cube, columns, rows, along, across)
    if values is None:
        log.warning("The target is outside of the slit: the correction at the centre of the slit is used")
        values = _bilinear(cube, columns, rows, 0.0, 0.0)
    if values is None:
        raise ReferenceError_(
            "the table PATHLOSS must cover the centre of the slit",
            where=str(reference.path or "a reference in memory"),
            hint="its WCS keywords (CRPIX1, CRVAL1, CDELT1 ...) say which places it covers",
        )
    order = np.argsort(table["wavelength"])
    return Curve(np.asarray(table["wavelength"], np.float64)[order], values[order])


class _Table:
    """The WCS keywords of the LRS table, asked for as those of an aperture."""

    def __init__(self, reference):
        self.reference = reference

    def get_meta(self, path):
        return "MIRI LRS" if path == "name" else self.reference.get_meta(f"meta.wcsinfo.{path.partition('.')[2]}")


def _place_in_lrs_slit(model, ra, dec):
    """Pixels along the slit from its centre at which a target is, and the scale [arcsec per pixel]."""
    from hexcal.steps.wcs.evaluate import transform_points

    wcs = wcs_of(model)
    if wcs is None:
        raise SkipPart("the exposure has no WCS: run assign_wcs first")
    (x_low, x_high), (y_low, y_high) = (tuple(bounds) for bounds in _bounds(wcs))
    x = np.array([x_low, x_low + 1.0, x_high])
    y = np.full(3, (y_low + y_high) / 2)
    if "alpha_beta" in wcs.available_frames:
        # alpha: arcsec along the slit from its centre
        alpha = transform_points(wcs, "detector", "alpha_beta", x, y)[0]
        target = transform_points(wcs, "world", "alpha_beta", np.array([ra]), np.array([dec]), np.array([8.0]))[0][0]
        scale = (alpha[2] - alpha[0]) / (x[2] - x[0])
        return float(target / scale), float(scale)
    info = model.meta.wcsinfo
    if info.ra_ref is None or info.dec_ref is None:
        raise SkipPart("the header does not say where the slit looks (RA_REF, DEC_REF)")
    sky, waves = np.array([[ra, info.ra_ref], [dec, info.dec_ref]]), np.full(2, 8.0)
    pixels = transform_points(wcs, "world", "detector", sky[0], sky[1], waves)[0]
    east, north, *_ = transform_points(wcs, "detector", "world", x, y)
    to_east = eastward(east[2], east[0], north[0])
    length = np.hypot(to_east, north[2] - north[0]) * 3600
    return float(pixels[0] - pixels[1]), float(length / (x[2] - x[0]))


def _bounds(wcs):
    from hexcal.steps.wcs.evaluate import box_of

    box = box_of(wcs)
    if box is None:
        raise SkipPart("the WCS of the exposure does not say where the slit is (bounding box)")
    return (box[0], box[1]), (box[2], box[3])


def of_soss(model, reference, position, log):
    """Return the correction of each column of a SOSS exposure: float64 array (nx,).

    Parameters
    ----------
    model : DataModel
        The exposure.
    reference : PathlossModel
        Of each subarray an image (1, columns, positions of the pupil wheel).
    position : float
        Of the pupil wheel [degrees].
    log : logging.Logger
        Gets a warning if the reference does not cover the position.

    Returns
    -------
    float64 array (nx,)
        1 where the reference has no column.
    """
    apertures, subarray = apertures_of(reference), model.meta.subarray.name
    if subarray not in apertures:
        raise ReferenceError_(
            f"the pathloss reference must have the subarray {subarray}; it has {', '.join(apertures)}",
            where=str(reference.path or "a reference in memory"),
            hint="give another one with override_pathloss, or leave the step out with skip=true",
        )
    aperture = apertures[subarray]
    image = np.asarray(aperture.pointsource_data, np.float64).reshape(aperture.pointsource_data.shape[-2:])
    values = np.ones(model.shape[-1])
    # The documents print the keywords of the two axes the other way round than the axes lie in the image.
    for number in (1, 2):
        positions = _axis(aperture, "pointsource_wcs", number, image.shape[1])
        if positions.min() <= position <= positions.max():
            break
    else:
        log.warning("The pathloss reference does not cover the position of the pupil wheel, %g: 1 is used", position)
        return values
    n_columns = min(image.shape[0], values.size)
    values[:n_columns] = [np.interp(position, positions, row) for row in image[:n_columns]]
    return values
