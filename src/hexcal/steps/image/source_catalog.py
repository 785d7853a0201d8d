"""A catalogue of the sources of a combined image."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import ParameterError
from hexcal.models.blending import MULTIPLE
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.image import sersic_totals, source_photometry
from hexcal.steps.image.aperture_references import apertures_of, encircled_energies, vega_offset_of
from hexcal.steps.image.mesh_background import mesh_background
from hexcal.steps.image.output_size import free_memory
from hexcal.steps.image.segmentation import Segmentation
from hexcal.steps.image.smooth_photometry import is_well_sampled
from hexcal.steps.image.source_table import Scale, SourceTable
from hexcal.steps.image.star_catalogs import write_table
from hexcal.steps.image.star_finding import StarFinder, windowed
from hexcal.steps.image.star_measuring import require_kron, source_measurements

_STAR_MARGIN = 1.1
_STAR_SIGMA = 3.0
_BYTES_PER_PIXEL = 64
"""Memory that finding and measuring sources takes at most, measured: images in float64, masks, the map of sources."""


class SourceCatalogStep(Step):
    """Find the sources of a combined image, and measure them.

    The results are the catalogue (``_cat.ecsv``) and the map of the sources (``_segm``).

    Sources are found, and isophotal fluxes and shapes measured, by photutils on the background and the convolved image
    of the original.

    Differences from the original: with ``kron_total`` there are columns of the Kron flux, with ``sersic_total`` of the
    total flux, to which Sersic profiles add what lies beyond an aperture; ``star_test=psf`` holds concentrations
    against those of a point source; ``phase_errors`` adds the scatter with the phase of pixels to the errors of
    apertures, which ``within_pixels=smooth`` makes smaller; ``centroids=windowed`` are positions that a neighbour does
    not move. Profile `recommended` has all six, and ``deblend``. With ``starfinder`` dao or iraf there are no
    isophotal columns and no map.
    """

    alias = "source_catalog"
    reference_types = ("apcorr", "abvegaoffset")
    input_model = "ImageModel"
    default_suffix = "cat"
    product_is_model = False

    class Parameters(StepParameters):
        """How sources are found and measured."""

        bkg_boxsize: int = parameter(1000, "Size of the boxes of the background.", "pixel", ge=1)
        kernel_fwhm: float = parameter(2.0, "Width of the Gaussian that the image is convolved with.", "pixel", gt=0)
        snr_threshold: float = parameter(3.0, "Least height above the background.", "sigma", gt=0)
        starfinder: Literal["segmentation", "dao", "iraf"] = parameter("segmentation", "How sources are found.")
        npixels: int = parameter(25, "Least number of pixels of a source.", ge=1)
        deblend: bool = parameter(False, "Separate sources that touch.")
        aperture_ee1: int = parameter(30, "Encircled energy of the smallest aperture.", "per cent", gt=0, lt=100)
        aperture_ee2: int = parameter(50, "Encircled energy of the middle aperture.", "per cent", gt=0, lt=100)
        aperture_ee3: int = parameter(70, "Encircled energy of the largest aperture.", "per cent", gt=0, lt=100)
        ci1_star_threshold: float = parameter(2.0, "A star has a smaller concentration of the apertures 2 and 1.")
        ci2_star_threshold: float = parameter(1.8, "A star has a smaller concentration of the apertures 3 and 2.")
        star_test: Literal["both", "either", "psf"] = parameter(
            "both", "A star is below both thresholds, or at least one; or it is as concentrated as a point source."
        )
        kron_total: bool = parameter(False, "Add columns with the flux in Kron's aperture.")
        sersic_total: bool = parameter(
            False, "Add columns with the total flux, by Sersic profiles for what is beyond an aperture."
        )
        phase_errors: bool = parameter(
            False, "Add to the errors of apertures what bright stars scatter with the phase of pixels."
        )
        within_pixels: Literal["even", "smooth"] = parameter(
            "even", "Light of pixels that an aperture cuts: even, or interpolated where a point source is well sampled."
        )
        centroids: Literal["moments", "windowed"] = parameter("moments", "Centres of apertures and positions.")
        connectivity: Literal["4", "8"] = parameter("8", "Number of neighbours of a pixel.")
        nlevels: int = parameter(32, "Levels of the separation.", ge=1)
        contrast: float = parameter(0.001, "Least fraction of the flux of a separated part.", ge=0, le=1)
        multithresh_mode: Literal["exponential", "linear", "sinh"] = parameter("exponential", "Spacing of the levels.")
        localbkg_width: int = parameter(0, "Width of the ring of a local background of sources; 0 for none.", ge=0)
        apermask_method: Literal["correct", "mask", "none"] = parameter(
            "correct", "What becomes of neighbours in Kron apertures."
        )
        kron_params: list[float] | None = parameter(
            None, "Scale, least radius and least circular radius of Kron apertures. Default: 2.5, 1.4, 0."
        )
        minsep_fwhm: float = parameter(0.0, "Least distance of stars (dao, iraf), in kernel_fwhm.", ge=0)
        sigma_radius: float = parameter(1.5, "Radius of the kernel (dao, iraf).", "sigma", gt=0)
        sharplo: float = parameter(0.5, "Least sharpness (dao, iraf).")
        sharphi: float = parameter(2.0, "Greatest sharpness (dao, iraf).")
        roundlo: float = parameter(0.0, "Least roundness (dao, iraf).")
        roundhi: float = parameter(0.2, "Greatest roundness (dao, iraf).")
        brightest: int | None = parameter(200, "Most stars (dao, iraf), the brightest.", ge=1)
        peakmax: float | None = parameter(None, "Highest pixel of a star (dao, iraf), in the unit of the data.")

    @property
    def _writes(self):
        """Whether the catalogue is written: where the products are, those of the pipeline included."""
        return self.saves or (self.parent is not None and self.parent.saves)

    def extra_products(self):
        """The catalogue, and the map of the sources."""
        if not self._writes or self.parameters.skip:
            return []
        return [{"ext": "ecsv"}, *([{"suffix": "segm"}] if self.parameters.starfinder == "segmentation" else [])]

    def process(self, image, references):
        """Return the catalogue (QTable)."""
        _require_room(image.data.shape)
        if image.get_meta("meta.instrument.filter") == MULTIPLE:
            raise SkipStep("the mosaic is of several filters: no aperture, and no magnitude, is that of all of them")
        apertures = apertures_of(references.apcorr, image, self._energies(), self.where)
        scale = self._scale(image, references.abvegaoffset)
        masked = ~np.isfinite(image.data)
        if image.wht is not None:
            masked |= ~(image.wht > 0)
        background = mesh_background(image.data, masked, self.parameters.bkg_boxsize)
        if background is None:
            raise SkipStep("the image has no usable pixel")
        net = background.subtract_from(image.data)
        detected = self._found(net, image.err, masked, self.parameters.snr_threshold * background.rms_median)
        if detected is None or not len(detected.x):
            raise SkipStep("no source was found")
        self.log.info("%d sources found", len(detected.x))
        photometry = self._photometry(net, image, masked, detected, apertures, references.apcorr)
        table = SourceTable(detected.labels, scale)
        table.add_positions(detected.x, detected.y, wcs_of(image))
        table.add_apertures(photometry, apertures, _at(background, detected.x, detected.y))
        sharpness, roundness = source_photometry.daofind_shapes(
            net, detected.x, detected.y, self.parameters.kernel_fwhm
        )
        table.add_shapes(self._is_extended(photometry, apertures), sharpness, roundness, detected.x, detected.y)
        if detected.sources is not None:
            table.add_isophotal(detected.sources, wcs_of(image))
            self._add_totals(table, detected, net, image, masked, references.apcorr)
        table.table.meta = {**(table.table.meta or {}), **self._described(apertures, scale)}
        self._save(table.table, detected, image)
        return table.table

    def require_parameters(self):
        """The encircled energies ascend, and there are Kron apertures."""
        self._energies()
        require_kron(self.parameters.kron_params)

    def _energies(self):
        energies = [getattr(self.parameters, f"aperture_ee{number}") for number in (1, 2, 3)]
        if not energies[0] < energies[1] < energies[2]:
            raise ParameterError(
                f"the encircled energies must increase: {', '.join(map(str, energies))}",
                where=self.where,
                hint="aperture_ee1 < aperture_ee2 < aperture_ee3",
            )
        return tuple(energies)

    def _scale(self, image, vega):
        area = image.get_meta("meta.photometry.pixelarea_steradians")
        unit = str(image.get_meta("meta.bunit_data") or "").replace(" ", "")
        if not area or not area > 0 or (unit and unit.lower() != "mjy/sr"):
            raise SkipStep(
                f"fluxes need data in MJy/sr and the solid angle of a pixel (PIXAR_SR); found: {unit or 'no unit'}, "
                f"{area}"
            )
        offset = vega_offset_of(vega, image)
        if offset is None:
            self.log.warning("The reference abvegaoffset has no row for this filter: Vega magnitudes are NaN")
        return Scale(area * 1e6, offset)

    def _photometry(self, net, image, masked, detected, apertures, apcorr):
        """Fluxes in apertures."""
        values = self.parameters
        smooth = values.within_pixels == "smooth"
        if smooth and not is_well_sampled(_point_source(apcorr, image), apertures.radii[-1]):
            self.log.info("Pixels are too wide for a point source to be interpolated: their light counts as even")
            smooth = False
        photometry = source_photometry.measure(
            net, image.err, masked, detected.x, detected.y, apertures, values.phase_errors, smooth
        )
        if values.phase_errors:
            self.log.info(
                "Scatter of bright stars with the phase of pixels: %s", _percents(photometry.phase, apertures)
            )
        return photometry

    # ---- sources

    def _found(self, net, err, masked, threshold):
        """Positions, labels, map and measurements of the sources."""
        if not threshold > 0:
            raise SkipStep("the image has no noise from which a threshold could be set")
        if self.parameters.starfinder != "segmentation":
            return self._stars(net, masked, threshold)
        values = self.parameters
        segmentation = Segmentation.of(values)
        convolved = segmentation.convolved(net, masked)
        labels = segmentation.sources(convolved, masked, threshold)
        if labels is None:
            return None
        sources = source_measurements(net, labels, convolved, masked, err, values)
        x, y = np.asarray(sources.x_centroid, float), np.asarray(sources.y_centroid, float)
        if values.centroids == "windowed":
            x, y, _ = windowed(net, err, x, y, max(values.kernel_fwhm, 2.5))
        return SimpleNamespace(x=x, y=y, labels=np.asarray(sources.labels), map=labels.data, sources=sources)

    def _add_totals(self, table, detected, net, image, masked, apcorr):
        """Add the columns of total fluxes that are asked for."""
        if self.parameters.kron_total:
            kron = detected.sources
            table.add_total("kron", "in the Kron aperture", np.asarray(kron.kron_flux), np.asarray(kron.kron_flux_err))
        if self.parameters.sersic_total:
            totals = self._totals(net, image.err, masked, detected, _point_source(apcorr, image))
            table.add_total("sersic", "of the source, beyond an aperture by Sersic profiles", totals.flux, totals.error)

    def _totals(self, net, err, masked, detected, point):
        sources = SimpleNamespace(
            x=detected.x,
            y=detected.y,
            labels=detected.labels,
            area=np.asarray(detected.sources.area.value, float),
            axis_ratio=1 - np.asarray(detected.sources.ellipticity.value, float),
        )
        return sersic_totals.total_fluxes(net, err, masked, detected.map, sources, point)

    def _stars(self, net, masked, threshold):
        values = self.parameters
        stars = StarFinder(
            values.starfinder,
            values.kernel_fwhm,
            values.sigma_radius,
            values.minsep_fwhm,
            (values.sharplo, values.sharphi),
            (values.roundlo, values.roundhi),
            values.brightest,
            values.peakmax,
        ).find(net, masked, threshold)
        if stars is None:
            return None
        x, y = np.asarray(stars["xcentroid"]), np.asarray(stars["ycentroid"])
        return SimpleNamespace(x=x, y=y, labels=np.arange(1, len(x) + 1), map=None, sources=None)

    def _is_extended(self, photometry, apertures):
        flux = photometry.flux
        with np.errstate(all="ignore"):
            indices = flux[1] / flux[0], flux[2] / flux[1]
            above = [
                index > limit
                for index, limit in zip(
                    indices, (self.parameters.ci1_star_threshold, self.parameters.ci2_star_threshold), strict=True
                )
            ]
            if self.parameters.star_test == "psf":
                return is_wider_than_a_star(flux, photometry.noise, apertures.energies, photometry.phase)
        return above[0] | above[1] if self.parameters.star_test == "both" else above[0] & above[1]

    # ---- products

    def _described(self, apertures, scale):
        described = {
            "aperture_params": {
                "aperture_radii": [float(radius) for radius in apertures.radii],
                "aperture_corrections": [float(factor) for factor in apertures.corrections],
                "aperture_ee": list(apertures.energies),
                "bkg_aperture_inner_radius": apertures.inner,
                "bkg_aperture_outer_radius": apertures.outer,
            },
            "abvega_offset": scale.vega_offset,
        }
        if self.parameters.kron_params is not None:
            described["kron_params"] = list(self.parameters.kron_params)
        return described

    def _save(self, table, detected, image):
        if not self._writes:
            return
        path = self.make_output_path(model=image, ext="ecsv")
        self.make_output_dir()
        write_table(table, path)
        self.log.info("Saved the catalogue of %d sources in %s", len(table), path)
        if detected.map is not None:
            self.save_model(self._map(detected.map, image, path), "segm", force=True)

    def _map(self, labels, image, path):
        from hexcal.models.single import model_class

        segm: Any = model_class("SegmentationMapModel")(labels.astype(np.uint32))
        segm.update(image)
        segm.meta.bunit_data = segm.meta.bunit_err = None
        segm.meta.wcs = wcs_of(image)
        segm.meta.source_catalog = Path(path).name
        segm.meta.filename = image.meta.filename
        self.set_status(segm, "COMPLETE")
        return segm


def _point_source(apcorr, image):
    """The image of a point, as Gaussians."""
    return sersic_totals.point_source_gaussians(*encircled_energies(apcorr, image))


def _percents(fractions, apertures):
    return ", ".join(
        f"{100 * fraction:.2f} % in aperture {energy}"
        for fraction, energy in zip(fractions, apertures.energies, strict=True)
    )


def _at(background, x, y):
    """The background of the image at the pixels of sources (n,)."""
    ny, nx = background.shape
    rows = np.clip(np.rint(np.nan_to_num(y)).astype(int), 0, ny - 1)
    return background.at(rows, np.clip(np.rint(np.nan_to_num(x)).astype(int), 0, nx - 1)).astype(float)


def is_wider_than_a_star(flux, error, energies, phase=(0.0, 0.0)) -> np.ndarray:
    """Return which sources are less concentrated than a point source.

    Parameters
    ----------
    flux, error : float64 array (3, n)
        In the three apertures.
    energies : tuple of int
        What these hold of a point source, in per cent.
    phase : sequence of float
        What the flux of stars in the smallest aperture, and in the middle one, scatters with the phase of pixels, as a
        fraction. Of an undersampled star it is large in the smallest one, which then says little.

    Returns
    -------
    bool array (n,)
        True where the ratio of the largest aperture to the smallest, or to the middle one, exceeds that of a point
        source by 10 per cent and by 3 times its error, and where a flux is not positive.
    """
    is_wider = ~(flux > 0).all(axis=0)
    with np.errstate(all="ignore"):
        for small, scatter in zip((0, 1), phase, strict=False):
            expected, index = energies[2] / energies[small], flux[2] / flux[small]
            # The outer ring is independent of the smaller aperture.
            ring = np.sqrt(np.maximum(error[2] ** 2 - error[small] ** 2, 0.0)) / flux[small]
            sigma = np.sqrt(ring**2 + ((index - 1) * error[small] / flux[small]) ** 2 + (index * scatter) ** 2)
            is_wider |= ~(index < np.maximum(_STAR_MARGIN * expected, expected + _STAR_SIGMA * sigma))
    return is_wider


def _require_room(shape):
    """Have the step skipped rather than the machine brought down: the mosaic itself is made in less memory."""
    needed, free = shape[0] * shape[1] * _BYTES_PER_PIXEL, free_memory()
    if free is not None and needed > free:
        raise SkipStep(
            f"finding sources among {shape[1]} x {shape[0]} pixels would take {needed / 2**30:.3g} GiB of memory, "
            f"{free / 2**30:.3g} are there; larger pixels (pixel_scale of resample) or a smaller field take less"
        )
