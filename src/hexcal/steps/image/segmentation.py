"""Sources as connected pixels above the noise."""

import importlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal import quick_imports
from hexcal.errors import ResourceError

_FWHM_OF_SIGMA = 2 * np.sqrt(2 * np.log(2))


@dataclass(frozen=True)
class Segmentation:
    """How an image is divided into sources; names and meaning as in photutils.

    Attributes
    ----------
    fwhm : float
        Of the Gaussian that the image is convolved with, in pixels.
    npixels : int
        Least number of connected pixels of a source.
    connectivity : int
        4 or 8: which pixels are neighbours.
    deblend : bool
        Whether sources that touch are separated, by levels between threshold and peak and a watershed.
    nlevels, contrast, mode : int, float, str
        Number of the levels, least fraction of the flux of a part, and spacing of the levels.
    """

    fwhm: float
    npixels: int
    connectivity: int = 8
    deblend: bool = False
    nlevels: int = 32
    contrast: float = 0.001
    mode: str = "exponential"

    @classmethod
    def of(cls, parameters: Any) -> "Segmentation":
        """Return it for the parameters of a step that finds sources."""
        return cls(
            parameters.kernel_fwhm,
            parameters.npixels,
            int(parameters.connectivity),
            parameters.deblend,
            parameters.nlevels,
            parameters.contrast,
            parameters.multithresh_mode,
        )

    def convolved(self, net: np.ndarray, masked: np.ndarray) -> np.ndarray:
        """Return an image convolved with the Gaussian; masked and NaN pixels are left out of the means.

        Parameters
        ----------
        net : float32 array (ny, nx)
        masked : bool array (ny, nx)
        """
        sigma = self.fwhm / _FWHM_OF_SIGMA
        radius = int(np.ceil(4 * sigma))
        axis = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        from scipy.ndimage import convolve1d

        is_good = np.isfinite(net) & ~masked
        values = np.where(is_good, net, np.float32(0)).astype(np.float64)
        weights = is_good.astype(np.float64)
        for direction in (0, 1):
            values = convolve1d(values, axis, axis=direction, mode="constant")
            weights = convolve1d(weights, axis, axis=direction, mode="constant")
        total = axis.sum() ** 2
        # Beyond the edges there are zeros, which count; masked pixels do not.
        outside = total - _inside(net.shape, axis)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (values / (weights + outside)).astype(np.float32)

    def sources(self, convolved: np.ndarray, masked: np.ndarray, threshold: Any) -> Any:
        """Return the sources as an image of labels (``photutils.segmentation.SegmentationImage``).

        None if there are none.

        Parameters
        ----------
        convolved : float32 array (ny, nx)
        masked : bool array (ny, nx)
            Pixels that belong to no source.
        threshold : float or array (ny, nx)

        Raises
        ------
        ResourceError
            If sources are to be separated and scikit-image, which does it, is not installed.
        """
        with quick_imports.for_photutils():
            from photutils.segmentation import deblend_sources, detect_sources
            from photutils.utils.exceptions import NoDetectionsWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoDetectionsWarning)
            labels = detect_sources(convolved, threshold, self.npixels, connectivity=self.connectivity, mask=masked)
        if labels is None or not self.deblend:
            return labels
        try:
            importlib.import_module("skimage.segmentation")
        except ImportError as error:
            raise ResourceError(
                "sources are separated with scikit-image, which is not installed",
                where="deblend",
                hint="pip install scikit-image, or deblend=false",
            ) from error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return deblend_sources(
                convolved,
                labels,
                self.npixels,
                n_levels=self.nlevels,
                contrast=self.contrast,
                mode=self.mode,
                connectivity=self.connectivity,
                progress_bar=False,
            )


def _inside(shape, axis):
    """The part of a kernel that lies inside of the image, around each pixel: float64 array (ny, nx)."""
    parts = [np.convolve(np.ones(length), axis, mode="same") for length in shape]
    return parts[0][:, None] * parts[1][None, :]
