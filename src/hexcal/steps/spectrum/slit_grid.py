"""The grid of a rectified slit: linear on the sky along the slit, one wavelength for each column (or row)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError, ResourceError
from hexcal.steps.image.output_size import free_memory
from hexcal.steps.spectrum.gnomonic import axes_of_plane, from_plane, to_plane
from hexcal.steps.spectrum.slit_regions import region_of
from hexcal.steps.wcs.sky_angles import eastward, wrapped

_ARCSEC = 3600.0
_WIDEST = 0.5
"""Degrees; slits and dithers of any instrument are smaller."""
_BYTES_PER_PIXEL = 40
"""Of a rectified slit: its arrays in float32, the sums of the drizzle and the positions of the pixels."""


class RectifiedGrid:
    """What grids of rectified slits have in common, where they come from apart.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx).
    wavelengths : float64 array (n,)
        Of the pixels in dispersion direction, micron.
    dispaxis : int
        1: dispersion along x; 2: along y.
    """

    shape: Any
    wavelengths: np.ndarray
    dispaxis: int

    @property
    def middle_wavelength(self):
        """Wavelength at the middle of the grid, micron: of two columns the second one, as release 3.0.0 takes it."""
        return float(self.wavelengths[len(self.wavelengths) // 2])

    def wavelength_image(self):
        """Return the wavelength of each pixel, micron: float32 array of its shape."""
        row = np.asarray(self.wavelengths, np.float32)
        return np.ascontiguousarray(np.broadcast_to(row if self.dispaxis == 1 else row[:, None], self.shape))


@dataclass(frozen=True)
class SlitGrid(RectifiedGrid):
    """The grid of a rectified slit.

    Attributes
    ----------
    tangent : tuple of 2 float
        RA and Dec of the tangent point, degrees.
    slopes, intercepts : tuple of 2 float
        Tangent-plane coordinates (towards East and North, degrees) of the pixel ``p`` along the slit:
        ``intercept + slope * p``.
    wavelengths : float64 array (n,)
        Of the pixels in dispersion direction, micron.
    n_along : int
        Number of pixels along the slit.
    dispaxis : int
        1: dispersion along x; 2: along y.
    input_scale : float
        Size of an input pixel along the slit, degrees.
    has_edges : bool
        Whether the first and last pixel in dispersion direction reach to their outer edges.
    is_sky : bool
        False for lamps, whose light comes from no place on the sky: in place of RA and Dec, and of tangent-plane
        coordinates, are positions in the plane of the slits, metres, counted from the ``tangent`` point.
    """

    tangent: tuple
    slopes: tuple
    intercepts: tuple
    wavelengths: np.ndarray
    n_along: int
    dispaxis: int
    input_scale: float
    has_edges: bool = True
    is_sky: bool = True

    @property
    def shape(self):
        """Size (ny, nx)."""
        size = (self.n_along, len(self.wavelengths))
        return size if self.dispaxis == 1 else size[::-1]

    @property
    def scale(self):
        """Size of a pixel along the slit, degrees."""
        return _length(self.slopes)

    def plane(self, ra, dec):
        """Return tangent-plane coordinates towards East and North, degrees, of sky positions."""
        return to_plane(ra, dec, self.tangent) if self.is_sky else (ra - self.tangent[0], dec - self.tangent[1])

    def along(self, ra, dec):
        """Return the pixel along the slit of sky positions: by the coordinate that changes most along the slit."""
        axis = int(abs(self.slopes[1]) >= abs(self.slopes[0]))
        if self.is_sky:
            (place,) = axes_of_plane(ra, dec, self.tangent, (axis,))
        else:
            place = self.plane(ra, dec)[axis]
        return (place - self.intercepts[axis]) / self.slopes[axis]

    def dispersed(self, wavelength):
        """Return the pixel in dispersion direction of wavelengths (micron); NaN beyond the grid.

        What lies beyond the last centre is laid on the last pixel, as far as the linear continuation of the last two
        centres would reach over the whole grid; without edges it is where that continuation has it.
        """
        if not self.has_edges:
            return self._continued(wavelength)
        values, pixels = self.with_edges(overrun=len(self.wavelengths) - 1.5)
        values, pixels = (values, pixels) if values[-1] >= values[0] else (values[::-1], pixels[::-1])
        return np.interp(wavelength, values, pixels, left=np.nan, right=np.nan)

    def _continued(self, wavelength):
        """Pixel in dispersion direction, with the first and the last step continued."""
        values, pixels = self.wavelengths, np.arange(len(self.wavelengths), dtype=float)
        values, pixels = (values, pixels) if values[-1] >= values[0] else (values[::-1], pixels[::-1])
        result = np.interp(wavelength, values, pixels)
        for end, inner, is_beyond in ((0, 1, wavelength < values[0]), (-1, -2, wavelength > values[-1])):
            slope = (pixels[end] - pixels[inner]) / (values[end] - values[inner])
            result = np.where(is_beyond, pixels[end] + slope * (wavelength - values[end]), result)
        return np.where(np.isfinite(wavelength), result, np.nan)

    def with_edges(self, overrun=0.5):
        """Return wavelengths and the pixels they belong to: the centres and, in direction x, the outer edges.

        Parameters
        ----------
        overrun : float
            Wavelength of the last edge: that of the last centre and so many of the last steps.
        """
        values, pixels = self.wavelengths, np.arange(len(self.wavelengths), dtype=float)
        if self.has_edges:
            first = 1.5 * values[0] - 0.5 * values[1]
            last = values[-1] + overrun * (values[-1] - values[-2])
            values, pixels = np.r_[first, values, last], np.r_[-0.5, pixels, pixels[-1] + 0.5]
        return values, pixels

    def positions(self, ra, dec, wavelength):
        """Return where pixels of an exposure lie on the grid.

        Parameters
        ----------
        ra, dec, wavelength : float64 array (ny, nx)
            What they see: degrees, micron; NaN for nothing.

        Returns
        -------
        x, y : float64 array (ny, nx)
            Pixels of the grid, the first one at 0, 0; NaN beside it.
        """
        along, dispersed = self.along(ra, dec), self.dispersed(wavelength)
        along, dispersed = along + 0 * dispersed, dispersed + 0 * along
        return (dispersed, along) if self.dispaxis == 1 else (along, dispersed)

    def sky(self, pixel):
        """Return RA and Dec, degrees, of pixels along the slit."""
        pixel = np.asarray(pixel, float)
        x, y = (a + b * pixel for a, b in zip(self.intercepts, self.slopes, strict=True))
        return from_plane(x, y, self.tangent) if self.is_sky else (x + self.tangent[0], y + self.tangent[1])

    def wcs(self, slit_y=None):
        """Return the WCS (gwcs) of the grid: `slit_wcs.rectified_wcs`."""
        from hexcal.steps.spectrum.slit_wcs import rectified_wcs

        return rectified_wcs(self, slit_y)

    def region(self, slit):
        """Return S_REGION: `slit_regions.region_of`."""
        return region_of(self, slit)


def slit_grid(exposures, dispaxis, *, ratio=1.0, pixel_scale=None, shape=None, has_margin=True, is_sky=True):
    """Return the grid that a slit, seen in one or more exposures, is laid on.

    Its wavelengths are the medians over the slit, of the first exposure; in direction along the slit its pixels have
    the scale and orientation of the middle of the first exposure, and all exposures fit in.

    Parameters
    ----------
    exposures : list of SlitCoordinates
        What the pixels of each exposure see: ra, dec, wavelength, float64 arrays (ny, nx), NaN for nothing.
    dispaxis : int
        1: dispersion along x; 2: along y.
    ratio : float
        Size of a pixel of the grid along the slit in those of the first exposure.
    pixel_scale : float, optional
        Size of a pixel along the slit, arcsec; overrides `ratio`.
    shape : tuple of 2 int, optional
        (ny, nx) instead of the size that all exposures fit in, from the first pixel on.
    has_margin : bool
        Whether the grid has one pixel more than the exposures need, with them half a pixel above its middle (as that
        of NIRSpec); otherwise it just holds them, and the middle of a single exposure is at its centre (MIRI LRS).
    is_sky : bool
        False for lamps: `ra` and `dec` are positions in the plane of the slits, metres.

    Returns
    -------
    SlitGrid

    Raises
    ------
    InputError
        If no pixel of the first exposure sees anything.
    ParameterError
        If the grid would have no pixel, or one that is wider than any field.
    """
    turned: Any = [tuple(np.asarray(v if dispaxis == 1 else v.T, float) for v in exposure) for exposure in exposures]
    window = _window(turned[0])
    first = tuple(values[window] for values in turned[0])
    row, wavelengths = (
        _middle_row(first, is_sky),
        _reaching(_medians(first[2]), [_medians(view[2]) for view in turned[1:]]),
    )
    everything = [np.concatenate([exposure[i][_sees(exposure)] for exposure in turned]) for i in (0, 1)]
    own_middle = _mean(*row[:2]) if is_sky else (float(row[0].mean()), float(row[1].mean()))
    is_alone = len(turned) == 1 and not has_margin
    tangent = own_middle if is_alone or not is_sky else _middle(*everything)
    _require_one_field(everything)
    project = to_plane if is_sky else _shifted
    slopes = _slopes(row, tangent if has_margin else own_middle, project)
    input_scale = _length(slopes)
    factor = pixel_scale / _ARCSEC / input_scale if pixel_scale else ratio
    slopes = tuple(slope * factor for slope in slopes)
    if is_sky and not _length(slopes) <= _WIDEST:
        raise ParameterError(
            f"a pixel of {_length(slopes) * _ARCSEC:.3g} arcsec along the slit is wider than any field",
            where="pixel_scale, pixel_scale_ratio",
        )
    ranges = [(values.min(), values.max()) for values in project(everything[0], everything[1], tangent)]
    extent = _length([high - low for low, high in ranges]) / _length(slopes) if is_sky else len(row[2]) / factor
    n_along = int(np.ceil(extent - 1e-9)) + has_margin
    n_fit = n_along
    if shape is not None:
        n_along, n_wavelengths = shape if dispaxis == 1 else shape[::-1]
        require_room(n_along, n_wavelengths)
        wavelengths = _resized(wavelengths, n_wavelengths)
    else:
        require_room(n_along, len(wavelengths))
    if has_margin:
        intercepts = tuple(
            (low + high) / 2 - slope * n_fit / 2 for (low, high), slope in zip(ranges, slopes, strict=True)
        )
    else:
        intercepts = tuple(-slope * (n_fit - 1) / 2 for slope in slopes)
    if n_along < 1:
        raise ParameterError(f"a rectified slit of {n_along} pixels along the slit cannot be made", where="pixel_scale")
    has_edges = has_margin and dispaxis == 1
    return SlitGrid(tangent, slopes, intercepts, wavelengths, n_along, dispaxis, input_scale, has_edges, is_sky)


def require_room(n_along, n_wavelengths):
    """Raise ResourceError if a rectified slit would not fit into memory."""
    needed, free = float(n_along) * n_wavelengths * _BYTES_PER_PIXEL, free_memory()
    if free is not None and needed > free:
        raise ResourceError(
            f"the rectified slit would have {n_along} pixels along the slit and {n_wavelengths} wavelengths, and take "
            f"{needed / 2**30:.3g} GiB; {free / 2**30:.3g} are there",
            where="resample_spec",
            hint="ask for fewer pixels: pixel_scale, pixel_scale_ratio or output_shape",
        )


def _require_one_field(everything):
    """Raise InputError if what the exposures see is farther apart than a slit and its dithers reach."""
    ra, dec = eastward(everything[0], everything[0][0], everything[1]), everything[1]
    corners = np.array([(ra.min(), dec.min()), (ra.max(), dec.max())])
    spread = _length(corners[1] - corners[0])
    if spread > _WIDEST:
        raise InputError(
            f"the exposures of a slit are too far apart for one rectified spectrum: {spread:.2g} degrees",
            hint="check their pointing, and take the odd one out of the association",
        )


def _length(vector):
    return float(np.hypot(vector[0], vector[1]))


def _sees(exposure):
    return np.isfinite(exposure[0]) & np.isfinite(exposure[2])


def _window(exposure):
    """Rows and columns of the first exposure that see anything."""
    sees = _sees(exposure)
    rows, columns = np.flatnonzero(sees.any(axis=1)), np.flatnonzero(sees.any(axis=0))
    if len(columns) < 2 or len(rows) < 2:
        raise InputError(
            "fewer than two pixels of the slit, along it or in the direction of dispersion, see the sky at a known "
            "wavelength: it cannot be rectified"
        )
    return np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _middle_row(exposure, is_sky):
    """RA and Dec of the pixels along the slit at the middle wavelength, and their numbers."""
    column = (exposure[0].shape[1] - is_sky) // 2
    order = sorted(range(exposure[0].shape[1]), key=lambda other: abs(other - column))
    column = next(other for other in order if np.count_nonzero(_sees(exposure)[:, other]) > 1)
    pixels = np.flatnonzero(_sees(exposure)[:, column])
    return exposure[0][pixels, column], exposure[1][pixels, column], pixels


def _medians(wavelength):
    """Wavelength of each column that sees anything: the median over the slit; between its neighbours where not."""
    columns = np.flatnonzero(np.isfinite(wavelength).any(axis=0))
    medians = np.nanmedian(wavelength[:, columns], axis=0)
    return np.interp(np.arange(columns[0], columns[-1] + 1), columns, medians)


def _reaching(wavelengths, others):
    """Wavelengths of the first exposure, up to that of the exposure that reaches farthest."""
    step = wavelengths[-1] - wavelengths[-2]
    steps_beyond = max([(other[-1] - wavelengths[-1]) / step for other in others], default=0.0)
    whole = int(steps_beyond + 0.5) if steps_beyond > 0.5 else 0
    more = np.r_[wavelengths, wavelengths[-1] + step * np.arange(1, whole + 1)]
    if steps_beyond > 0:
        more[-1] = wavelengths[-1] + step * steps_beyond
    return more


def _resized(wavelengths, size):
    """Wavelengths of another number of pixels, the last step continued."""
    step = wavelengths[-1] - wavelengths[-2]
    more = wavelengths[-1] + step * np.arange(1, max(size - len(wavelengths), 0) + 1)
    return np.r_[wavelengths, more][:size]


def _mean(ra, dec):
    """Mean place on the sky, (RA, Dec) in degrees, of neighbouring places."""
    return float((ra[0] + wrapped(ra - ra[0]).mean()) % 360), float(dec.mean())


def _middle(ra, dec):
    """Half way between the least and the largest RA and Dec of neighbouring places, degrees."""
    offsets = wrapped(ra - ra[0])
    return float((ra[0] + (offsets.min() + offsets.max()) / 2) % 360), float((dec.min() + dec.max()) / 2)


def _shifted(x, y, origin):
    return x - origin[0], y - origin[1]


def _slopes(row, tangent, project):
    """Steps of the tangent-plane coordinates from pixel to pixel, degrees, by a straight line through them."""
    return tuple(float(np.polyfit(row[2], values, 1)[0]) for values in project(row[0], row[1], tangent))
