"""The stars of an image by the parameters of a step: background, finder, positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hexcal import quick_imports
from hexcal.errors import ParameterError
from hexcal.steps.image.mesh_background import mesh_background
from hexcal.steps.image.segmentation import Segmentation
from hexcal.steps.image.star_finding import StarFinder, require_within, windowed

if TYPE_CHECKING:
    from astropy.table import Table


@dataclass(frozen=True)
class StarMeasuring:
    """How the stars of an image are found and measured; names and meaning as of the parameters of `TweakRegStep`."""

    parameters: Any

    def stars(self, data: np.ndarray, err: np.ndarray, masked: np.ndarray) -> "Table":
        """Return the stars, the brightest first.

        Parameters
        ----------
        data, err : float32 array (ny, nx)
        masked : bool array (ny, nx)
            Pixels that are not to be used.

        Returns
        -------
        Table
            With ``id``, ``x``, ``y`` (0-based pixels), ``flux`` (sum of the pixels of the kernel or of the source);
            ``error`` (pixel) for windowed positions.
        """
        from astropy.table import Table

        background = mesh_background(data, masked, self.parameters.bkg_boxsize)
        if background is None:
            return _table([], [], [])
        net = background.subtract_from(data)
        threshold = self.parameters.snr_threshold * background.rms_median
        if not threshold > 0:
            return _table([], [], [])
        if self.parameters.starfinder == "segmentation":
            stars = self._segments(net, masked, threshold)
        else:
            stars = self._finder().find(net, masked, threshold)
        if stars is None or not len(stars):
            return _table([], [], [])
        x, y, flux = (np.asarray(stars[name], float) for name in ("xcentroid", "ycentroid", "flux"))
        order = np.argsort(-flux, kind="stable")
        x, y, flux = x[order], y[order], flux[order]
        if self.parameters.centroids == "finder":
            return _table(x, y, flux)
        x, y, error = windowed(net, err, x, y, self.parameters.kernel_fwhm)
        return Table([*_table(x, y, flux).itercols(), Table({"error": error})["error"]])

    def _finder(self):
        values = self.parameters
        return StarFinder(
            values.starfinder,
            values.kernel_fwhm,
            values.sigma_radius,
            values.minsep_fwhm,
            (values.sharplo, values.sharphi),
            (values.roundlo, values.roundhi),
            values.brightest,
            values.peakmax,
        )

    def _segments(self, net, masked, threshold):
        """The sources as a table, the brightest of them."""
        from astropy.table import Table

        values = self.parameters
        segmentation = Segmentation.of(values)
        convolved = segmentation.convolved(net, masked)
        labels = segmentation.sources(convolved, masked, threshold)
        if labels is None:
            return None
        catalog = source_measurements(net, labels, convolved, masked, None, values)
        flux, peak = np.asarray(catalog.segment_flux), np.asarray(catalog.max_value)
        is_kept = np.isfinite(flux) & np.isfinite(np.asarray(catalog.x_centroid))
        if values.peakmax is not None:
            is_kept &= peak <= values.peakmax
        kept = np.flatnonzero(is_kept)
        kept = kept[np.argsort(-flux[kept], kind="stable")][: values.brightest]
        columns = {"xcentroid": catalog.x_centroid, "ycentroid": catalog.y_centroid, "flux": flux}
        return Table({name: np.asarray(column)[kept] for name, column in columns.items()})


def require_kron(kron_params: Sequence[float] | None) -> None:
    """Raise ParameterError if ``kron_params`` are not a scale, a least radius, and perhaps a least circular radius."""
    if kron_params is None:
        return
    is_whole = len(kron_params) in (2, 3) and np.isfinite(kron_params).all()
    if not is_whole or kron_params[0] <= 0 or min(kron_params[1:]) < 0:
        raise ParameterError(
            "kron_params must be a scale above 0 and one or two least radii, 0 or more, in pixels; "
            f"got {list(kron_params)}",
            where="kron_params",
            hint="kron_params=2.5,1.4,0",
        )


def source_measurements(net, labels, convolved, masked, err, parameters) -> Any:
    """Return the measurements of the sources of an image (``photutils.segmentation.SourceCatalog``).

    Parameters
    ----------
    net, convolved : float32 array (ny, nx)
        Image without background, and convolved.
    labels : SegmentationImage
    masked : bool array (ny, nx)
    err : float32 array (ny, nx) or None
    parameters : object
        With ``localbkg_width``, ``apermask_method`` and ``kron_params``.

    Raises
    ------
    ParameterError
        If the ring of a local background is wider than the image.
    """
    require_within("localbkg_width", parameters.localbkg_width, net.shape)
    with quick_imports.for_photutils():
        from photutils.segmentation import SourceCatalog

    options: dict[str, Any] = {} if parameters.kron_params is None else {"kron_params": tuple(parameters.kron_params)}
    return SourceCatalog(
        net,
        labels,
        convolved_data=convolved,
        error=err,
        mask=masked,
        local_bkg_width=parameters.localbkg_width,
        aperture_mask_method=parameters.apermask_method,
        progress_bar=False,
        **options,
    )


def _table(x, y, flux):
    from astropy.table import Table

    columns = {"id": np.arange(1, len(x) + 1), "x": x, "y": y, "flux": flux}
    return Table({name: np.asarray(column, int if name == "id" else float) for name, column in columns.items()})
