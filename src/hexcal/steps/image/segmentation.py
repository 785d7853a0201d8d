"""Sources as connected pixels above the noise."""

import importlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal import quick_imports
from hexcal.core.bands import run_bands
from hexcal.errors import ResourceError
from hexcal.steps.image.star_finding import require_within

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

        Raises
        ------
        ParameterError
            If the Gaussian is wider than the image.
        """
        sigma = self.fwhm / _FWHM_OF_SIGMA
        require_within("kernel_fwhm", self.fwhm, net.shape)
        radius = int(np.ceil(4 * sigma))
        axis = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        from hexcal.kernels.gaussian import convolve_good

        is_good, result = np.isfinite(net) & ~masked, np.empty(net.shape, np.float32)
        run_bands(convolve_good, net.shape[0], net, is_good, axis, result)
        return result

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
