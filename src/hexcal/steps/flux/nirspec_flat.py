"""The flat field of NIRSpec spectra, put together for the wavelength of each pixel."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from hexcal.errors import InputError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.models.tables import table_of
from hexcal.steps.spectrum.parts import SkipPart

_NO_FLAT_FIELD, _DO_NOT_USE = np.uint32(pixel.NO_FLAT_FIELD), np.uint32(pixel.DO_NOT_USE)
WITHOUT_FLAT = np.uint32(pixel.NO_FLAT_FIELD | pixel.DO_NOT_USE | pixel.UNRELIABLE_FLAT)
"""Flags of a pixel for which one of the three has no value."""
_SLIT_MODES = ("NRS_FIXEDSLIT", "NRS_BRIGHTOBJ")


@dataclass(frozen=True)
class Place:
    """Where a part lies on the detector.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx).
    meta : object
        With the keywords of the window (``meta.subarray``), as `ReferenceFileModel.cutout` asks for them.
    """

    shape: tuple
    meta: Any

    @classmethod
    def of(cls, part, exposure):
        """Return the place of a slit of an exposure, or of the exposure itself."""
        ny, nx = part.shape[-2:]
        x, y, _, _ = exposure.subarray
        if part.get_meta("xstart") is not None and part.get_meta("ystart") is not None:
            x, y = x + part.xstart - 1, y + part.ystart - 1
        return cls((ny, nx), SimpleNamespace(subarray=SimpleNamespace(xstart=x, ystart=y, xsize=nx, ysize=ny)))


@dataclass(frozen=True)
class InterpolatedFlat:
    """The flat field of a part.

    Attributes
    ----------
    data, err : float32 array (ny, nx)
        Values and their standard deviations.
    dq : uint32 array (ny, nx)
        Flags.
    wavelength : float64 array (ny, nx)
        Micron.
    """

    data: np.ndarray
    err: np.ndarray
    dq: np.ndarray
    wavelength: np.ndarray


def reference_types_for(model):
    """Return which of the three references the flat field of an exposure is made of.

    Parameters
    ----------
    model : DataModel
        A NIRSpec spectrum.

    Returns
    -------
    tuple of str
        Lamps are in front of the spectrograph, so that the fore optics do not count; the continuum lamps are those that
        the spectrograph's flat is made from (JWST pipeline documentation 1.13.5, calwebb_spec2, lamp exposures).
    """
    kind = model.meta.exposure.type
    if kind == "NRS_AUTOFLAT":
        return ()
    lamp = model.meta.instrument.lamp_state or ""
    if kind == "NRS_LAMP" and lamp.startswith("FLAT"):
        return ("dflat",)
    if kind in ("NRS_LAMP", "NRS_AUTOWAVE"):
        return ("sflat", "dflat")
    return ("fflat", "sflat", "dflat")


def wavelengths_of(part, uncorrected=False):
    """Return the wavelength of each pixel of a part [micron]: float64 array (ny, nx), NaN where there is none.

    Parameters
    ----------
    part : DataModel
        Its array WAVELENGTH is taken; where there is none, its WCS.
    uncorrected : bool
        Take those of the WCS in any case: without the correction for a source off the centre of its slit.
    """
    from hexcal.steps.wcs import spectral

    if part.is_ifu:
        return spectral.ifu_wavelengths(part)
    if uncorrected:
        return spectral.slit_plane(part)[2]
    stored = part.wavelength
    return spectral.slit_coordinates(part).wavelength if stored is None else np.asarray(stored, np.float64)


def widths_of(wavelength, dispersion_axis=1):
    """Return the range of wavelengths that each pixel sees: the step to the next pixel along the dispersion.

    Parameters
    ----------
    wavelength : float64 array (ny, nx)
        Micron.
    dispersion_axis : int
        1: along rows; 2: along columns.

    Returns
    -------
    float64 array (ny, nx)
        Micron. The last pixel before an edge has the step from the one before it, a pixel alone in its row 0.
    """
    result = np.full(wavelength.shape, np.nan)
    along, width = (values if dispersion_axis == 1 else values.T for values in (wavelength, result))
    np.subtract(along[:, 1:], along[:, :-1], out=width[:, :-1])
    np.abs(width, out=width)
    last = np.isnan(width[:, 1:])
    width[:, 1:][last] = width[:, :-1][last]
    result[np.isnan(result)] = 0.0
    return result


def interpolated_flat(part, exposure, references, wavelength, threads=None):
    """Put the flat field of a part together.

    Parameters
    ----------
    part : DataModel
        A slit, or an exposure of the IFU.
    exposure : DataModel
        What it is a part of.
    references : dict
        fflat, sflat, dflat: the models; those that are not there count as 1.
    wavelength : float64 array (ny, nx)
        Micron; NaN where a pixel sees nothing.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    InterpolatedFlat
        1 where one of the three has no value, NaN where the flat field is not positive or the pixel is outside of the
        slices of the IFU.

    Raises
    ------
    SkipPart
        If the table of a reference has no row for the slit, or no pixel has a wavelength.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section flat_field: each of the three is an image (linear in wavelength between
    its planes) times a curve. The documents do not say how a curve is taken at a pixel: as measured of release 3.0.0 it
    is averaged over the wavelengths between a pixel and the next one with the three points of Gauss and Legendre, and
    the relative variances of images and curves are added up.
    """
    from hexcal.core import run_bands
    from hexcal.kernels.spectral_flat import multiply_curve, multiply_image

    sees = np.isfinite(wavelength)
    if not sees.any():
        raise SkipPart("none of its pixels has a wavelength")
    shape = wavelength.shape
    flat, variance, bad = np.ones(shape), np.zeros(shape), ~sees
    flags, place = np.zeros(shape, np.uint32), Place.of(part, exposure)
    direction = "meta.wcsinfo.dispersion_direction"
    width = widths_of(wavelength, part.get_meta(direction) or exposure.get_meta(direction) or 1)
    for name, reference in references.items():
        source = _quadrant(reference, part, name) if name == "fflat" else reference
        image = _shutter_image(source, part, name) if source is not reference else _image(source, place, flags, name)
        curve = _curve(source, part, exposure, name)
        if image is not None:
            run_bands(multiply_image, shape[0], wavelength, *image, flat, variance, bad, threads=threads)
        if curve is None:
            bad[:] = True
        else:
            # The errors of the fore optics' curve of a quadrant: as measured of release 3.0.0.
            curve = (*curve, source is not reference)
            run_bands(multiply_curve, shape[0], wavelength, width, *curve, flat, variance, bad, threads=threads)
    # Of a whole frame it is 34 MB, which the result needs no more.
    del width
    return _finished(flat, variance, bad, flags, wavelength, part.is_ifu)


def _finished(flat, variance, bad, flags, wavelength, is_ifu):
    flat[bad] = 1
    negative = flat <= 0
    flags[bad | negative] |= WITHOUT_FLAT
    flat[negative] = np.nan
    if is_ifu:
        outside = np.isnan(wavelength)
        flat[outside], flags[outside] = np.nan, _DO_NOT_USE
    values = flat.astype(np.float32)
    errors = values * np.sqrt(variance, out=variance).astype(np.float32)
    return InterpolatedFlat(values, errors, flags, wavelength)


def _quadrant(reference, part, name):
    """The quadrant of a slitlet in a flat field of the fore optics; the flat itself if it has no quadrants."""
    quadrants = getattr(reference, "quadrants", None)
    if quadrants is None:
        return reference
    number = part.get_meta("quadrant")
    if number is None or not 1 <= number <= len(quadrants):
        raise SkipPart(f"the {name} reference has quadrants 1 to {len(quadrants)}, the slitlet names {number}")
    return quadrants[number - 1]


def _planes(source, name):
    """Wavelengths of the planes of an image: float64 array, rising."""
    table = table_of(source, "wavelength")
    n_planes = source.shape[0] if len(source.shape) == 3 else 1
    if n_planes == 1:
        return np.zeros(1)
    grid = np.array([]) if table is None else np.asarray(table["wavelength"], np.float64).ravel()[:n_planes]
    if grid.size != n_planes or not (np.diff(grid) > 0).all():
        raise ReferenceError_(
            f"the {name} reference has {n_planes} planes, and must have as many rising wavelengths in its table "
            f"WAVELENGTH; it has {grid.size}",
            where=str(source.path or "a reference in memory"),
            hint=f"give another one with override_{name}",
        )
    return grid


def _image(source, place, flags, name):
    """What `multiply_image` needs of the image of a detector or spectrograph flat; its flags are added to `flags`."""
    if source.shape is None:
        return None
    cut = source.cutout(place)
    data = np.ascontiguousarray(cut.data.reshape(-1, *place.shape))
    errors = np.zeros((1, *place.shape), np.float32) if cut.err is None else cut.err.reshape(-1, *place.shape)
    if len(errors) != len(data):
        errors = np.broadcast_to(errors[:1], data.shape)
    bad = np.zeros(place.shape, bool)
    if cut.dq is not None:
        dq = cut.dq if cut.dq.ndim == 2 else np.bitwise_or.reduce(cut.dq, axis=0)
        bad = dq & (_NO_FLAT_FIELD | _DO_NOT_USE) != 0
        flags |= dq
    return _planes(source, name), data, np.ascontiguousarray(errors), bad, True, False


def _shutter_image(source, part, name):
    """The same of the image of the fore optics, whose pixels are the shutters of a quadrant."""
    if source.shape is None:
        return None
    column, row = part.get_meta("xcen"), part.get_meta("ycen")
    ny, nx = source.shape[-2:]
    if column is None or row is None or not (1 <= column <= nx and 1 <= row <= ny):
        raise SkipPart(
            f"the {name} reference has {nx} columns and {ny} rows of shutters, its shutter is {column}, {row}"
        )
    index = np.s_[..., row - 1 : row, column - 1 : column]
    data = np.ascontiguousarray(source.data[index], np.float32).reshape(-1, 1, 1)
    errors = np.zeros_like(data) if source.err is None else np.ascontiguousarray(source.err[index], np.float32)
    # Flags of shutters do not count, and their errors are relative ones: as measured of release 3.0.0.
    return _planes(source, name), data, errors.reshape(-1, 1, 1), np.zeros((1, 1), bool), False, True


def _curve(source, part, exposure, name):
    """Wavelengths, values and errors of the fast variation for a slit; None if the wavelengths do not rise."""
    table = table_of(source, "flat_table")
    if table is None or len(table) == 0:
        raise ReferenceError_(
            f"the {name} reference needs the table FAST_VARIATION",
            where=str(source.path or "a reference in memory"),
            hint=f"give another one with override_{name}",
        )
    row = _row(table, part.get_meta("name") if exposure.meta.exposure.type in _SLIT_MODES else None)
    if row is None:
        raise SkipPart(f"the table of the {name} reference has no row for it, and none for ANY slit")
    count = int(row["nelem"])
    columns = (row["wavelength"], row["data"], row["error"] if "error" in table.dtype.names else 0 * row["data"])
    grid, curve, errors = (np.atleast_1d(np.asarray(column, np.float64))[:count] for column in columns)
    usable = np.isfinite(grid) & np.isfinite(curve) & (curve != 0)
    grid, curve, errors = grid[usable], curve[usable], np.nan_to_num(errors[usable])
    return (grid, curve, errors) if grid.size > 1 and (np.diff(grid) > 0).all() else None


def _row(table, slit):
    names = [value.decode() if isinstance(value, bytes) else str(value) for value in table["slit_name"]]
    names = [name.strip() for name in names]
    for wanted in (slit, "ANY"):
        if wanted in names:
            return table[names.index(wanted)]
    return table[0] if slit is None and len(names) == 1 else None


def supplied_flats(flat, parts):
    """Return the flats of a file of the user, one for each part.

    Parameters
    ----------
    flat : DataModel
        What the step has written with ``save_interpolated_flat``, or a model of the same kind.
    parts : list of DataModel
        The slits, or the exposure.

    Returns
    -------
    list of InterpolatedFlat

    Raises
    ------
    InputError
        If it has another number of slits, or another shape.
    """
    from hexcal.steps.spectrum.parts import parts_of

    flats = parts_of(flat)
    shapes, needed = [each.shape[-2:] for each in flats], [part.shape[-2:] for part in parts]
    if shapes != needed:
        raise InputError(
            f"a flat field of {len(needed)} slits of shapes {needed[:3]}{' ...' * (len(needed) > 3)} is required, the "
            f"file has {len(shapes)} of {shapes[:3]}{' ...' * (len(shapes) > 3)}",
            where=str(flat.path or "user_supplied_flat"),
            hint="give the file that the step has written for this exposure with save_interpolated_flat=true",
        )
    zero = [np.zeros(shape, np.float32) for shape in needed]
    return [
        InterpolatedFlat(
            each.data,
            empty if each.err is None else each.err,
            each.dq if each.dq is not None else empty.astype(np.uint32),
            empty,
        )
        for each, empty in zip(flats, zero, strict=True)
    ]
