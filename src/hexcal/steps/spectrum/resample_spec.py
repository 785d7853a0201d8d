"""Rectify spectra: lay slits onto grids linear on the sky, with one wavelength for each column or row."""

from typing import Literal

from hexcal.core import SkipStep, StepParameters, parameter
from hexcal.errors import InputError, ParameterError
from hexcal.models.container import ModelContainer
from hexcal.steps.image.resample import ResampleStep
from hexcal.steps.image.resampling import Manner, fill_of
from hexcal.steps.spectrum.slit_given import read_slit_grid
from hexcal.steps.spectrum.slit_grid import slit_grid
from hexcal.steps.spectrum.slit_product import new_product, rectify
from hexcal.steps.spectrum.slit_resampling import coordinates_of, dispersion_axis, sees_sky
from hexcal.steps.spectrum.slit_sources import slits_of

_DEGREE = 3600.0


class ResampleSpecStep(ResampleStep):
    """Rectify spectra of slits by drizzling: linear on the sky along the slit, one wavelength for each column (or row).

    Each slit gets a grid of its own. Along the slit it is a straight line in a tangent plane, with the pixel scale and
    orientation of the middle of the (first) exposure; in dispersion direction its wavelengths are the medians over the
    slit, so that the sampling of the detector is kept. Several exposures of a source, or slit, are combined onto one
    grid that holds all of them. All arrays are resampled in one pass, by the core that makes mosaics (resample); flux
    is conserved when the pixel scale is changed, and the variances are divided by the ratio of the pixel areas. Spectra
    of lamps are linear in the plane of the slits instead of on the sky.

    A slit that sees nothing, or has no pixel fit for use, is left out with the reason, and the others go on. Exposures
    of many integrations (NIRSpec fixed slits, 3-D) are not resampled. The reference file ``drizpars`` is chosen and
    recorded, and has no effect, as in the original, because all parameters have defaults.
    """

    alias = "resample_spec"
    input_model = None
    status = "resample"
    default_suffix = "s2d"
    relative_time = 2.0

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
        output_shape: list[int] | None = parameter(
            None, "Size of each rectified slit, nx, ny.", min_length=2, max_length=2
        )
        pixel_scale_ratio: float = parameter(
            1.0, "Size of a pixel of the exposure along the slit in pixels of the grid.", gt=0, allow_inf_nan=False
        )
        pixel_scale: float | None = parameter(
            None,
            "Size of the pixels of the grid along the slit; overrides pixel_scale_ratio.",
            unit="arcsec",
            gt=0,
            allow_inf_nan=False,
        )
        output_wcs: str = parameter(
            "",
            "ASDF file with the WCS of a rectified slit under the key 'wcs'; overrides the parameters of the grid.",
        )
        single: bool = parameter(False, "Lay each exposure on the common grid by itself, instead of combining all.")
        blendheaders: bool = parameter(True, "Combine the metadata of all exposures, and add a table of them (HDRTAB).")
        in_memory: bool = parameter(
            True, "Keep exposures that were handed over open in memory; otherwise they wait in files."
        )
        propagate_dq: bool = parameter(False, "Give each pixel the flags of all pixels that contributed.")
        covariance: bool = parameter(
            False,
            "Note how the pixels vary together, which extract_1d needs for errors with covariance (COVOWN, COVFACT, "
            "COVPAIRS, COVLAGS).",
        )

    def process(self, model, references):
        if isinstance(model, ModelContainer):
            model.in_memory = None if self.parameters.in_memory else False
        slits = slits_of(model)
        grids = self._grids(slits.sources)
        if not self.parameters.single or len(slits.exposures) == 1:
            return self._product(slits, grids)
        return [self._product(alone, grids) for alone in slits.alone()]

    def require_parameters(self):
        """A spectrum has wavelengths and places."""
        super().require_parameters()
        shape = self.parameters.output_shape
        if shape and min(shape) < 2:
            raise ParameterError(f"output_shape must be 2 or more, got {shape}", where="output_shape")

    def _grids(self, sources):
        """The grid of each slit; None of one that cannot be rectified."""
        given = self.parameters
        shape = tuple(given.output_shape[::-1]) if given.output_shape else None
        known = read_slit_grid(self.make_input_path(given.output_wcs), shape) if given.output_wcs else None
        grids, reasons = [], []
        for source in sources:
            try:
                grids.append(self._grid(source, shape, known))
            except InputError as error:
                grids.append(None)
                reasons.append(error)
                self.log.warning("Not rectified: %s: %s", source.name, error)
        if reasons and len(reasons) == len(sources):
            raise reasons[0] if len(sources) == 1 else SkipStep("no slit can be rectified")
        return grids

    def _grid(self, source, shape, known):
        given, seen, axes, units = self.parameters, [], set(), set()
        for slit in source.each():
            axes.add(dispersion_axis(slit, source.name))
            units.add(slit.get_meta("meta.bunit_data"))
            seen.append(coordinates_of(slit)[0])
        if len(units - {None}) > 1:
            self.log.warning(
                "The exposures of %s are in different units (%s), and their mean is in none of them: take all of them "
                "through calwebb_spec2 with the step photom, and with the same type of source (source_type of srctype)",
                *(source.name, ", ".join(sorted(units - {None}))),
            )
        if known is not None:
            return known
        if len(axes) > 1:
            raise InputError("the exposures are dispersed along different axes of their detectors", where=source.name)
        # MIRI LRS has its slit in the middle of the detector, without a plane of its own.
        first = next(source.each())
        return slit_grid(
            seen,
            axes.pop(),
            ratio=1 / given.pixel_scale_ratio,
            pixel_scale=given.pixel_scale,
            shape=shape,
            has_margin=not first.is_miri and sees_sky(first),
            is_sky=sees_sky(first),
        )

    def _product(self, slits, grids):
        given = self.parameters
        manner = Manner(
            kernel=given.kernel,
            pixfrac=given.pixfrac,
            fill=fill_of(given.fillval),
            weight_type=given.weight_type,
            dq=given.propagate_dq,
            covariance=given.covariance,
        )
        product = new_product(slits, given.blendheaders)
        for source, grid in zip(slits.sources, grids, strict=True):
            if grid is None or not source.exposures:
                continue
            part = product.new_part() if slits.has_many else product
            rectify(part, source, grid, manner, is_part=slits.has_many)
            if slits.has_many:
                product.slits.append(part)
            if not part.wht.any():
                self.log.warning("No pixel of %s is fit for use: the rectified spectrum is empty", source.name)
            self.log.info("%s", _described(source, grid))
        product.meta.resample.weight_type = given.weight_type
        product.meta.resample.pixfrac = given.pixfrac
        scales = [grid.input_scale / grid.scale for grid in grids if grid is not None]
        product.meta.resample.pixel_scale_ratio = float(scales[0])
        return product


def _described(source, grid):
    """One line about a rectified slit."""
    n = len(source.exposures)
    return (
        f"{source.name}: {grid.shape[1]} x {grid.shape[0]} pixels of {grid.scale * _DEGREE:.4f} arcsec along the slit, "
        f"{grid.wavelengths.min():.3f} to {grid.wavelengths.max():.3f} micron, from {n} exposure{'s' if n > 1 else ''}"
    )
