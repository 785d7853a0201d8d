"""Stars of one image: found by one of three ways, with their positions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hexcal import quick_imports
from hexcal.core.bands import run_bands
from hexcal.errors import ParameterError

if TYPE_CHECKING:
    from astropy.table import Table

_MOST_ROUNDS = 50
_NARROWEST = 0.1
"""Pixels; of narrower Gaussians all is in one pixel, as floats tell it."""
_FWHM_OF_SIGMA = 2 * np.sqrt(2 * np.log(2))


def require_within(name: str, size: float, shape: tuple[int, ...]) -> None:
    """Raise ParameterError if a size in pixels, of a parameter, is larger than an image of this shape."""
    if not size <= max(shape):
        raise ParameterError(
            f"{name} is {size:.3g} pixels, and the image has {shape[1]} x {shape[0]}",
            where=name.split()[-1],
            hint="it is the size of stars, or of what is around them, that is meant",
        )


@dataclass(frozen=True)
class StarFinder:
    """How stars are found: as DAOFIND (Stetson 1987, PASP 99, 191) or IRAF's starfind do it.

    Attributes
    ----------
    kind : str
        "dao" or "iraf".
    fwhm : float
        Of the kernel, in pixels.
    sigma_radius : float
        Radius of the kernel, in its sigma.
    separation : float
        Least distance of stars, in `fwhm`; stars are at least 2 pixels apart in any case.
    sharpness, roundness : tuple of float
        Limits of the shape.
    brightest : int or None
        Most stars that are kept.
    peakmax : float or None
        Highest pixel of a star.
    """

    kind: str
    fwhm: float
    sigma_radius: float = 1.5
    separation: float = 0.0
    sharpness: tuple[float, float] = (0.2, 1.0)
    roundness: tuple[float, float] = (-1.0, 1.0)
    brightest: int | None = 200
    peakmax: float | None = None

    def find(self, net: np.ndarray, masked: np.ndarray, threshold: float) -> "Table | None":
        """Return the stars.

        Parameters
        ----------
        net : float32 array (ny, nx)
            Image without background.
        masked : bool array (ny, nx)
            Pixels that cannot be the peak of a star.
        threshold : float
            In the unit of the image.

        Returns
        -------
        Table or None
            With ``xcentroid``, ``ycentroid`` (0-based pixels), ``flux`` and the shapes; None without any star.

        Raises
        ------
        ParameterError
            If stars, or their least distance, are wider than the image.

        Notes
        -----
        The image is searched by compiled code; shapes and positions come from photutils, which is given a neighbourhood
        of each peak.
        """
        for name, value in (
            ("kernel_fwhm", self.fwhm),
            ("kernel_fwhm x sigma_radius", self.fwhm * self.sigma_radius / _FWHM_OF_SIGMA),
            ("kernel_fwhm x minsep_fwhm", self._separation),
        ):
            require_within(name, value, net.shape)
        kernel = self.kernel()
        threshold_of_peaks = threshold * (kernel.rel_err if self.kind == "dao" else 1.0)
        peaks = peaks_of(net, masked, kernel.data, threshold_of_peaks, max(2, int(self._separation + 0.5)))
        if not len(peaks):
            return None
        margin = 2 * max(kernel.x_radius, kernel.y_radius)
        tiles = tiles_around(net, peaks, margin)
        size = 2 * margin + 1
        centres = np.stack([np.full(len(peaks), margin), margin + size * np.arange(len(peaks))], axis=1)
        stars = self._of_photutils(tiles.reshape(-1, size), centres, threshold)
        if stars is None:
            return None
        return self._on_image(stars, peaks, margin)

    def _on_image(self, stars, peaks, margin):
        """The table of photutils with positions in the image instead of in the tiles."""
        from astropy.table import Table

        size = 2 * margin + 1
        y = np.asarray(stars["y_centroid"])
        tile = ((y + 0.5) // size).astype(int)
        columns: dict[str, Any] = {"id": np.arange(1, len(stars) + 1)}
        columns["xcentroid"] = np.asarray(stars["x_centroid"]) - margin + peaks[tile, 1]
        columns["ycentroid"] = y - size * tile - margin + peaks[tile, 0]
        others = [name for name in stars.colnames if name not in ("id", "x_centroid", "y_centroid")]
        return Table(columns | {name: np.asarray(stars[name]) for name in others})

    def kernel(self):
        """Return the kernel of the finder: a Gaussian of zero sum, with its mask and relative error.

        Raises
        ------
        ParameterError
            If it is so narrow that all of it is in one pixel.
        """
        with quick_imports.for_photutils():
            from photutils.detection.core import _StarFinderKernel

        if self.fwhm < _NARROWEST:
            raise ParameterError(
                f"stars cannot be {self.fwhm:g} pixel wide", where="kernel_fwhm", hint="kernel_fwhm=2.5"
            )
        return _StarFinderKernel(self.fwhm, ratio=1.0, theta=0.0, sigma_radius=self.sigma_radius)

    @property
    def _separation(self):
        return self.fwhm * self.separation

    def _of_photutils(self, strip, centres, threshold):
        import warnings

        with quick_imports.for_photutils():
            from photutils.detection import DAOStarFinder, IRAFStarFinder
            from photutils.utils.exceptions import NoDetectionsWarning

        finder: Any = DAOStarFinder if self.kind == "dao" else IRAFStarFinder
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", NoDetectionsWarning)
            return finder(
                threshold,
                self.fwhm,
                sigma_radius=self.sigma_radius,
                sharpness_range=self.sharpness,
                roundness_range=self.roundness,
                n_brightest=self.brightest,
                peak_max=self.peakmax,
                xycoords=centres,
            ).find_stars(strip)


def peaks_of(net: np.ndarray, masked: np.ndarray, weights: np.ndarray, threshold: float, radius: int) -> np.ndarray:
    """Return the peaks of an image convolved with a kernel, as (row, column): int array (n, 2).

    Parameters
    ----------
    net : float32 array (ny, nx)
    masked : bool array (ny, nx)
    weights : float64 array (odd, odd)
    threshold : float
        Of the convolved image.
    radius : int
        Within this distance no other pixel is higher.
    """
    from hexcal.kernels import stars

    convolved, peaks = np.empty_like(net), np.zeros(net.shape, bool)
    weights = np.ascontiguousarray(weights, np.float64)
    run_bands(lambda first, last: stars.convolve_rows(first, last, net, weights, convolved), net.shape[0])
    run_bands(
        lambda first, last: stars.mark_peaks(first, last, convolved, masked, threshold, radius, peaks), net.shape[0]
    )
    return np.argwhere(peaks)


def tiles_around(image: np.ndarray, centres: np.ndarray, margin: int) -> np.ndarray:
    """Return the neighbourhoods of pixels, with zeros beyond the edges: array (n, 2 margin + 1, 2 margin + 1)."""
    offsets = np.arange(-margin, margin + 1)
    y, x = centres[:, :1] + offsets, centres[:, 1:] + offsets
    inside_y, inside_x = (y >= 0) & (y < image.shape[0]), (x >= 0) & (x < image.shape[1])
    tiles = image[np.clip(y, 0, image.shape[0] - 1)[:, :, None], np.clip(x, 0, image.shape[1] - 1)[:, None, :]]
    return np.where(inside_y[:, :, None] & inside_x[:, None, :], tiles, image.dtype.type(0))


def windowed(net: np.ndarray, err: np.ndarray, x: np.ndarray, y: np.ndarray, fwhm: float) -> tuple:
    """Return positions refined by iterated first moments under a Gaussian window.

    Parameters
    ----------
    net, err : float32 array (ny, nx)
        Image without background, and its standard deviation.
    x, y : float64 array (n,)
        Positions, 0-based pixels.
    fwhm : float
        Of the window, in pixels.

    Returns
    -------
    x, y : float64 array (n,)
        As they were given where the refinement fails.
    error : float64 array (n,)
        Standard deviation along one axis, in pixels; NaN where it fails.

    Notes
    -----
    Bertin & Arnouts 1996 (A&AS 117, 393) and the manual of SExtractor, "windowed positional parameters": the error of
    sampling falls as exp(-2 pi^2 s^2), with s the width of star times window, where those of plain moments and marginal
    fits in 5 x 5 pixels are 0.05 pixel.
    """
    from hexcal.kernels import stars

    refined_x, refined_y, error = np.array(x, np.float64), np.array(y, np.float64), np.full(len(x), np.nan)
    stars.windowed_centroids(net, err, refined_x, refined_y, fwhm / _FWHM_OF_SIGMA, _MOST_ROUNDS, error)
    is_good = np.isfinite(refined_x) & np.isfinite(refined_y) & np.isfinite(error)
    return np.where(is_good, refined_x, x), np.where(is_good, refined_y, y), np.where(is_good, error, np.nan)
