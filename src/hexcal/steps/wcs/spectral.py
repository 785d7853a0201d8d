"""Where the pixels of a spectrum look, and at which wavelength: one door for slits and integral-field slices.

Everything is read from the WCS of a model; what was evaluated once is kept with its WCS, so that the steps of a
pipeline do not evaluate it again.
"""

import weakref
from typing import Any, NamedTuple

import numpy as np

from hexcal.errors import InputError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.wcs import frames, spectral_parts
from hexcal.steps.wcs.evaluate import transform_points, transforms_of

MICRON = 1e6
"""Microns of a metre: wavelengths are in metres in the frames of NIRSpec from the detector to ``oteip``."""
MOVING_TARGET = "moving_target"
"""Frame behind ``world`` in which a target of the solar system stands still."""
_KNOWN: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
"""WCS: {what was asked: (state of the WCS, answer)}."""


class SlitCoordinates(NamedTuple):
    """What the pixels of a slit see.

    Parameters
    ----------
    ra, dec : float64 array (ny, nx)
        Degrees, ICRS; NaN where the slit sees nothing.
    wavelength : float64 array (ny, nx)
        Micron.
    """

    ra: np.ndarray
    dec: np.ndarray
    wavelength: np.ndarray


class IFUSlice(NamedTuple):
    """What the pixels of one slice of an integral-field unit see; arrays of the slice's bounding box.

    Parameters
    ----------
    number : int
        As it is counted in the stored WCS: 0 to 29 (NIRSpec), 1 to 21 (MIRI).
    channel : int
        Of MIRI, 1 to 4; 0 for NIRSpec.
    row0, col0 : int
        Pixel of the frame that is the first of the arrays.
    ra, dec : float64 array (ny, nx)
        Degrees, ICRS; NaN outside the slice.
    wavelength : float64 array (ny, nx)
        Micron.
    across, along : float64 array (ny, nx)
        Position across and along the slice: beta and alpha of MIRI, arcsec; position in the slice of NIRSpec, in units
        of its width and length.
    """

    number: int
    channel: int
    row0: int
    col0: int
    ra: np.ndarray
    dec: np.ndarray
    wavelength: np.ndarray
    across: np.ndarray
    along: np.ndarray

    @property
    def window(self):
        """Rows and columns of the frame that the arrays cover: a pair of slices."""
        ny, nx = self.ra.shape
        return np.s_[self.row0 : self.row0 + ny, self.col0 : self.col0 + nx]


def slit_coordinates(slit, *, rows=None):
    """Return what the pixels of a slit see.

    Parameters
    ----------
    slit : DataModel
        With the WCS of a slit: a part of a MultiSlitModel, a SlitModel, an image or cube of MIRI LRS.
    rows : (int, int), optional
        First row and the one after the last; default all.

    Returns
    -------
    SlitCoordinates
        Arrays (ny, nx); the first pixel of the slit's own arrays is [0, 0]. Not to be changed: they are kept for the
        next one who asks.

    Raises
    ------
    InputError
        If there is no WCS, or not that of a slit.
    """
    wcs = require_slit(slit)
    answer = SlitCoordinates(*_whole(_kept(wcs, ("sky", slit.shape[-2:]), lambda: _sky(wcs, slit))))
    return answer if rows is None else SlitCoordinates(*(values[rows[0] : rows[1]] for values in answer))


def slit_plane(slit):
    """Return where in a slit of NIRSpec each pixel looks.

    Parameters
    ----------
    slit : DataModel
        Of NIRSpec.

    Returns
    -------
    slit_x, slit_y : float64 array (ny, nx)
        In units of the slit's (or shutter's) width and height, 0 at its centre; NaN where the slit sees nothing.
    wavelength : float64 array (ny, nx)
        Micron.

    Raises
    ------
    InputError
        If there is no WCS of a slit of NIRSpec.
    """
    wcs = require_slit(slit, needs_slit_frame=True)
    return _whole(_kept(wcs, ("plane", slit.shape[-2:]), lambda: _plane(wcs, slit)))


def sky_to_slit(slit, ra, dec, wavelength):
    """Return the positions in a slit of NIRSpec that see places of the sky.

    Parameters
    ----------
    slit : DataModel
        Of NIRSpec.
    ra, dec : float or array
        Degrees, ICRS.
    wavelength : float or array
        Micron.

    Returns
    -------
    slit_x, slit_y : float64 arrays
        In units of the slit's (or shutter's) width and height, 0 at its centre.
    """
    wcs = require_slit(slit, needs_slit_frame=True)
    slit_x, slit_y, *_ = transform_points(wcs, "world", spectral_parts.SLIT_FRAME, ra, dec, wavelength)
    return slit_x, slit_y


def ifu_slices(model):
    """Return what the pixels of each slice of an integral-field exposure see.

    Parameters
    ----------
    model : IFUImageModel
        Of NIRSpec or MIRI, with its WCS.

    Returns
    -------
    list of IFUSlice
        By the number of the slice.

    Raises
    ------
    InputError
        If there is no WCS of an integral-field exposure.
    """
    wcs = _require(model)
    return _kept(wcs, ("slices", model.shape[-2:]), lambda: list(_slices(wcs, model)))


def ifu_coordinates(model):
    """Return what each pixel of an integral-field exposure sees, put together from its slices.

    Parameters
    ----------
    model : IFUImageModel
        Of NIRSpec or MIRI, with its WCS.

    Returns
    -------
    ra, dec, wavelength : float64 array (ny, nx)
        Degrees, micron; NaN between the slices.
    slice_number : int16 array (ny, nx)
        As in the stored WCS; -1 between the slices.
    """
    ra, dec, wavelength = (_plane_of_slices(model, name, np.nan) for name in ("ra", "dec", "wavelength"))
    return ra, dec, wavelength, slice_numbers(model)


def ifu_wavelengths(model):
    """Return the wavelength of each pixel of an integral-field exposure, micron: the third of `ifu_coordinates`."""
    return _plane_of_slices(model, "wavelength", np.nan)


def slice_numbers(model):
    """Return the number of the slice of each pixel of an integral-field exposure: the fourth of `ifu_coordinates`."""
    return _plane_of_slices(model, "number", -1, np.int16)


def _plane_of_slices(model, name, outside, dtype: Any = np.float64):
    plane = np.full(model.shape[-2:], outside, dtype)
    for part in ifu_slices(model):
        sees, values = np.isfinite(part.wavelength), getattr(part, name)
        plane[part.window][sees] = values if np.ndim(values) == 0 else values[sees]
    return plane


def require_slit(slit, needs_slit_frame=False):
    """Return the WCS of a slit; InputError if it has none, or another one."""
    wcs = _require(slit)
    n_in, n_out = wcs.pixel_n_dim, wcs.world_n_dim
    if spectral_parts.is_of_many_slits(wcs):
        raise InputError(
            "the WCS of one slit is required, this one is of all slits of an exposure",
            where=_where(slit),
            hint="run extract_2d first, or ask for the slices of an integral-field exposure",
        )
    if (n_in, n_out) != (2, 3):
        raise InputError(
            "the WCS of a slit is required (2 pixel coordinates; sky and wavelength), "
            f"this one has {n_in} and {n_out} coordinates",
            where=_where(slit),
        )
    if needs_slit_frame and spectral_parts.SLIT_FRAME not in wcs.available_frames:
        raise InputError(
            f"the WCS of a slit of NIRSpec is required, with the frame {spectral_parts.SLIT_FRAME}; "
            f"this one has {', '.join(wcs.available_frames)}",
            where=_where(slit),
        )
    return wcs


def _require(model) -> Any:
    wcs = wcs_of(model)
    if wcs is None:
        raise InputError("a WCS is required, there is none", where=_where(model), hint="run the step assign_wcs first")
    return wcs


def _where(model):
    return str(model.path or "model in memory")


def _kept(wcs, question, answer):
    """Return the answer to a question about a WCS: that of the last time, if the WCS is as it was."""
    known, state = _KNOWN.setdefault(wcs, {}), transforms_of(wcs)
    if known.get(question, (None,))[0] != state:
        known[question] = (state, answer())
    return known[question][1]


class _Planes(NamedTuple):
    """Coordinates of the pixels in a window of an array; elsewhere they are NaN.

    A slit may be small on its frame, as that of MIRI LRS is: whole planes would be kept for nothing.
    """

    shape: tuple
    window: tuple
    planes: tuple


def _whole(known):
    """Planes (ny, nx) of an array."""
    if known.planes[0].shape == known.shape:
        return known.planes
    whole = tuple(np.full(known.shape, np.nan) for _ in known.planes)
    for plane, values in zip(whole, known.planes, strict=True):
        plane[known.window] = values
    return whole


def _sky(wcs, slit):
    """Sky and wavelength; spectra of lamps have wavelengths only."""
    known = _on_grid(wcs, slit, wcs.available_frames[-1])
    if frames.WORLD in wcs.available_frames or MOVING_TARGET in wcs.available_frames:
        return known
    wavelength = known.planes[2]
    nowhere = np.full_like(wavelength, np.nan)
    return known._replace(planes=(nowhere, nowhere, wavelength))


def _on_grid(wcs, slit, frame):
    """Coordinates in a frame of all pixels of a slit, NaN outside the bounding box."""
    shape = tuple(slit.shape[-2:])
    window = spectral_parts.pixels_in_box(wcs, shape)
    y, x = np.mgrid[window].astype(np.float64)
    planes = spectral_parts.blanked(wcs, x, y, transform_points(wcs, "detector", frame, x, y))
    return _Planes(shape, window, tuple(planes))


def _plane(wcs, slit):
    known = _on_grid(wcs, slit, spectral_parts.SLIT_FRAME)
    slit_x, slit_y, wavelength = known.planes[:3]
    return known._replace(planes=(slit_x, slit_y, wavelength * _unit(wcs)))


def _unit(wcs):
    """Microns of the unit of wavelengths in the slit: metres; micron where a lamp's WCS ends at the slits."""
    return MICRON if frames.WORLD in wcs.available_frames else 1.0


def _slices(wcs, model):
    for part in spectral_parts.slices_of(wcs, model):
        yield IFUSlice(part.number, part.channel, part.row0, part.col0, *part.coordinates())
