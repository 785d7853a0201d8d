"""Combine exposures to a mosaic without distortion."""

import os
from typing import Any, Literal

import numpy as np

from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import ParameterError
from hexcal.steps.image import resampling
from hexcal.steps.image.groups import exposure_groups
from hexcal.steps.image.mosaic_product import Summary, set_arrays, set_coordinates
from hexcal.steps.image.output_size import doubts, images_of, require_overlap, require_room
from hexcal.steps.image.resampling import Grid, Manner

_DEGREE = 3600.0


class ResampleStep(Step):
    """Drizzle exposures onto one grid of square pixels: values, errors, weights, and which exposure contributed where.

    The grid is a tangent plane that holds all exposures, with the orientation and pixel scale of the first, unless
    parameters say otherwise. An exposure is laid on it through the map between the two, whose error is measured and
    below 0.001 pixel (``exact_pixmap`` evaluates it for each pixel); all arrays are resampled in one pass, and the
    memory does not depend on the number of exposures. The deviations of each exposure (square roots of its variances)
    are resampled as its values are; those of several exposures are combined as the errors of their weighted mean, and
    divided by the square of the pixel scale ratio: a pixel twice as wide sees four pixels of an exposure.

    Pixels at the border of the grid are used as far as they reach into it; the original leaves out those whose centre
    is beyond the outermost centres. The reference file ``drizpars`` is chosen and recorded, and has no effect, as in
    the original, because all parameters have defaults.
    """

    alias = "resample"
    reference_types = ("drizpars",)
    input_model = "ImageContainer"
    relative_time = 3.0

    class Parameters(StepParameters):
        """The grid, the drops, the weights, and what is written."""

        pixfrac: float = parameter(1.0, "Size to which pixels are shrunk before they are laid on the grid.", ge=0, le=1)
        kernel: Literal["square", "gaussian", "point", "tophat", "turbo", "lanczos2", "lanczos3"] = parameter(
            "square", "How the value of a pixel is spread over those of the grid."
        )
        fillval: str = parameter("INDEF", "Value of pixels without data: a number, NAN, or INDEF (0).")
        weight_type: Literal["ivm", "exptime"] | None = parameter(
            "ivm", "Weight of a pixel: the inverse of the read noise variance, the exposure time, or 1 (None)."
        )
        output_shape: list[int] | None = parameter(None, "Size of the mosaic, nx, ny.", min_length=2, max_length=2)
        crpix: list[float] | None = parameter(
            None, "Pixel of the reference point, x, y, 0-based.", min_length=2, max_length=2
        )
        crval: list[float] | None = parameter(
            None, "RA and Dec of the reference point.", unit="deg", min_length=2, max_length=2
        )
        rotation: float | None = parameter(
            None,
            "Position angle of the y axis; 0: North is up. Default: that of the first exposure.",
            unit="deg",
            allow_inf_nan=False,
        )
        pixel_scale_ratio: float = parameter(
            1.0, "Size of the pixels of the mosaic in pixels of the first exposure.", gt=0, allow_inf_nan=False
        )
        pixel_scale: float | None = parameter(
            None,
            "Size of the pixels of the mosaic; overrides pixel_scale_ratio.",
            unit="arcsec",
            gt=0,
            allow_inf_nan=False,
        )
        output_wcs: str = parameter(
            "", "ASDF file with the WCS of the mosaic under the key 'wcs'; overrides the parameters of the grid."
        )
        single: bool = parameter(False, "Lay each exposure on the common grid by itself, instead of combining all.")
        blendheaders: bool = parameter(True, "Combine the metadata of all exposures, and add a table of them (HDRTAB).")
        allowed_memory: float | None = parameter(
            None,
            "Part of the free memory that the mosaic may take. Default: $DMODEL_ALLOWED_MEMORY, else all.",
            gt=0,
            le=1,
        )
        in_memory: bool = parameter(
            True, "Keep exposures that were handed over open in memory; otherwise they wait in files."
        )
        enable_ctx: bool = parameter(True, "Make the context image.")
        enable_err: bool = parameter(True, "Make the errors and variances.")
        report_var: bool = parameter(True, "Write the variances.")
        propagate_dq: bool = parameter(False, "Give each pixel the flags of all pixels that contributed.")
        pixmap_stepsize: float = parameter(
            1.0,
            "Above 1: pixels between the nodes of the map from exposures to mosaic, which is then interpolated.",
            ge=1,
        )
        pixmap_order: Literal[1, 3] = parameter(1, "Order of the splines of that interpolation.")
        exact_pixmap: bool = parameter(False, "Evaluate the map for every pixel, instead of to 0.001 pixel.")

    def references_needed(self, model):
        """The reference file is asked for where there is a place for such.

        It has no effect, and its want must not stop anybody.
        """
        from hexcal.references import chooser

        folder = self.inherited("references") or os.environ.get("HEXCAL_REFERENCES")
        has_place = folder or self.parameters.override_drizpars or chooser.is_configured()
        return self.reference_types if has_place else ()

    def is_optional(self, reference_type):
        """The step works without a reference file."""
        return True

    def process(self, exposures, references):
        science = exposures.of_type("science")
        science.check()
        science.in_memory = None if self.parameters.in_memory else False
        images = images_of(science)
        manner = self.manner()
        grid, pixel_area = self.require_grid(images)
        for doubt in doubts(grid.shape, grid.scale_ratio, images, self.parameters.crval):
            self.log.warning("%s", doubt)
        if not self.parameters.single:
            return self.mosaic(science, images, range(len(science)), manner, grid, pixel_area)
        groups = exposure_groups(science)
        return [self.mosaic(science, images, numbers, manner, grid, pixel_area) for numbers in groups.values()]

    def require_parameters(self):
        """The value of empty pixels must be understood, and there must be pixels."""
        resampling.fill_of(self.parameters.fillval)
        shape = self.parameters.output_shape
        if shape and min(shape) < 1:
            raise ParameterError(f"output_shape must be positive, got {shape}", where="output_shape")
        for name in ("crpix", "crval"):
            place = getattr(self.parameters, name, None)  # spectra have no such parameters
            if place and not (np.isfinite(place).all() and (name == "crpix" or abs(place[1]) <= 90)):
                meant = "x and y of a pixel" if name == "crpix" else "RA and Dec (-90 to 90), in degrees"
                raise ParameterError(f"{name} must be {meant}, got {place}", where=name)

    def manner(self):
        """How the exposures are resampled."""
        given = self.parameters
        return Manner(
            kernel=given.kernel,
            pixfrac=given.pixfrac,
            fill=resampling.fill_of(given.fillval),
            weight_type=given.weight_type,
            exact_map=given.exact_pixmap,
            map_step=given.pixmap_stepsize,
            map_order=given.pixmap_order,
            variances=given.enable_err,
            context=given.enable_ctx,
            dq=given.propagate_dq,
        )

    def get_drizpars(self, ref_filename, input_models):
        """Return parameters, where they are not set (None) those of a drizpars reference file.

        Parameters
        ----------
        ref_filename : path-like
            The file.
        input_models : sequence of DataModel
            Their number and the filter of the first select the row.

        Returns
        -------
        dict
            pixfrac, kernel, fillval and weight_type.

        Notes
        -----
        All of them have defaults, so that the file has no effect, unless a derived class has None for one.
        """
        from hexcal.models.open import open as open_model
        from hexcal.steps.image.drizpars import drizpars_of

        table = open_model(ref_filename).drizpars_table
        models = list(input_models)
        chosen = drizpars_of(table, len(models), models[0].meta.instrument.filter)
        own = {name: getattr(self.parameters, name) for name in ("pixfrac", "kernel", "fillval", "weight_type")}
        return {name: chosen.get(name) if value is None else value for name, value in own.items()}

    def require_grid(self, images):
        """Return the grid of the mosaic, and the area of its pixels (sr) where a file says it.

        A pipeline asks for it before the work that comes before.

        Raises
        ------
        OutputTooLargeError
            If the mosaic would not fit into memory.
        ParameterError
            If no exposure lies on it.
        """
        grid, pixel_area = self._grid(images)
        given = self.parameters
        planes = -(-len(images) // 32) if given.enable_ctx else 0
        needed = 4 * (2 + 5 * given.enable_err + planes + given.propagate_dq)
        require_room(grid.shape, needed, images, given.allowed_memory, self.where)
        name = next((name for name in ("output_wcs", "crpix", "crval") if getattr(given, name)), None)
        if name is not None:
            require_overlap(grid.wcs, grid.shape, images, name, f"look at {name}, or leave it out")
        return grid, pixel_area

    def _grid(self, images):
        from hexcal.steps.image.output_wcs import mean_scale, mosaic_wcs, read_grid

        given = self.parameters
        first_scale = mean_scale(images[0].wcs, images[0].shape)
        shape = tuple(given.output_shape[::-1]) if given.output_shape else None
        if given.output_wcs:
            grid = read_grid(self.make_input_path(given.output_wcs), shape)
            scale = np.degrees(np.sqrt(grid.pixel_area)) if grid.pixel_area else mean_scale(grid.wcs, grid.shape)
            area = grid.pixel_area or float(np.radians(scale)) ** 2
            return Grid(grid.wcs, grid.shape, float(scale / first_scale), first_scale), area
        wcs, shape = mosaic_wcs(
            images,
            pixel_scale_ratio=given.pixel_scale_ratio,
            pixel_scale=given.pixel_scale,
            rotation=given.rotation,
            crpix=given.crpix,
            crval=given.crval,
            shape=shape,
        )
        ratio = given.pixel_scale / _DEGREE / first_scale if given.pixel_scale else given.pixel_scale_ratio
        return Grid(wcs, shape, float(ratio), first_scale), None

    def mosaic(self, science, images, numbers, manner, grid, pixel_area):
        """Return the mosaic of some exposures, by their numbers."""
        from hexcal.models.science import ImageModel

        given, summary, used = self.parameters, Summary(self.parameters.blendheaders), 0
        drizzle = resampling.new_drizzle(grid, manner, len(numbers))
        for number in numbers:
            with science.borrowed(number, changed=False) as model:
                summary.add(model, number)
                used += resampling.add_model(drizzle, model, grid, manner, images[number].wcs)
        if not used:
            self.log.warning("No pixel of any exposure is fit for use: the mosaic is empty")
        result = drizzle.finish(manner.fill)
        result.scale_variances(grid.scale_ratio**-2)
        product: Any = ImageModel()
        summary.fill(product)
        set_arrays(product, result, manner, given.report_var, given.enable_err)
        set_coordinates(product, grid.wcs, grid.shape, pixel_area)
        product.meta.resample.weight_type = given.weight_type
        product.meta.resample.pixfrac = given.pixfrac
        product.meta.resample.pixel_scale_ratio = grid.scale_ratio
        self.log.info(
            "Mosaic of %d x %d pixels of %.4f arcsec from %d images (%s)",
            grid.shape[1],
            grid.shape[0],
            grid.scale_ratio * grid.first_scale * _DEGREE,
            len(numbers),
            f"kernel {given.kernel}, pixfrac {given.pixfrac}, weights {given.weight_type}",
        )
        return product
