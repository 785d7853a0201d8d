"""Make spectral cubes of the exposures of integral-field spectrographs."""

from typing import Literal

from hexcal.core import Step, StepParameters, names, parameter
from hexcal.errors import ParameterError, ReferenceError_
from hexcal.models.container import ModelContainer
from hexcal.steps.spectrum import covariance, cube_bands, cube_planning
from hexcal.steps.spectrum.cube_filling import CubeFilling, mark_holes
from hexcal.steps.spectrum.cube_product import Headers, set_coordinates
from hexcal.steps.spectrum.cube_report import Watched

_ZERO = "0: what the reference file says."
_UNIT = "MJy/sr"
_CHOICES = {
    "channel": cube_bands.CHANNELS,
    "band": cube_bands.SUBCHANNELS,
    "grating": cube_bands.GRATINGS,
    "filter": cube_bands.FILTERS,
}
"""Parameters that choose among what the exposures hold, and the names that they know."""
_PLACE = ("ra_center", "dec_center", "nspax_x", "nspax_y", "wavemin", "wavemax", "rois", "roiw")
"""Parameters that say where voxels are, and which pixels are near enough."""


class CubeBuildStep(Step):
    """Combine exposures of MIRI MRS or NIRSpec IFU into cubes of surface brightness: two axes on the sky, one spectral.

    The values of the detector pixels are laid into the voxels of a regular grid, either drizzled in three dimensions,
    with weights that are the exact overlap of the pixel with the spaxel times that with the plane of wavelength (Law et
    al. 2023, AJ 166, 45), or as points weighted by their distance (modified Shepard's method, `emsm` and `msm`). The
    sampling comes from the reference file. Exposures are added one after the other, so that the memory is that of the
    cube. A cube that would not fit into memory is refused before any work.

    A voxel is the mean of the pixels that overlap it, however little of it they cover. At the edges of the field, and
    at the ends of a band, where slices end one by one, it then has the brightness of what lies beside it;
    ``least_coverage`` leaves such voxels empty.

    By default each band (channel and subchannel, grating and filter) has a cube of its own, with a linear wavelength
    axis; a cube of several bands has the wavelengths of the reference file (WCS-TABLE). SCI and ERR are in the unit of
    the exposures, WMAP counts pixels, DQ is 0, DO_NOT_USE in holes, or DO_NOT_USE and NON_SCIENCE outside of the field.
    """

    alias = "cube_build"
    reference_types = ("cubepar",)
    input_model = "IFUImageContainer"
    relative_time = 3.0
    default_suffix = "s3d"

    class Parameters(StepParameters):
        """Which data go into which cube, the grid, and the weights."""

        channel: str = parameter("all", "Channels of MIRI: all, or a list of 1, 2, 3, 4.")
        band: str = parameter(
            "all", "Subchannel of MIRI: all, short, medium, long, or a crossed one (short-medium ...)."
        )
        grating: str = parameter("all", "Gratings of NIRSpec: all, or a list of prism, g140m, g140h ... g395h.")
        filter: str = parameter("all", "Filters of NIRSpec: all, or a list of clear, f070lp, f100lp, f170lp, f290lp.")
        output_type: Literal["band", "channel", "grating", "multi"] | None = parameter(
            None,
            "One cube for each band, for each channel, for all gratings, or one of everything. Default: band.",
        )
        linear_wave: bool = parameter(
            True, "A cube of one band has a linear wavelength axis; otherwise the wavelengths of the reference file."
        )
        scalexy: float = parameter(0.0, f"Size of a spaxel. {_ZERO}", unit="arcsec", ge=0)
        scalew: float = parameter(0.0, f"Step of a linear wavelength axis. {_ZERO}", unit="micron", ge=0)
        weighting: Literal["emsm", "msm", "drizzle"] = parameter(
            "drizzle", "Overlap of volumes, or points weighted by their distance: exponentially, or by a power of it."
        )
        coord_system: Literal["skyalign", "world", "internal_cal", "ifualign"] = parameter(
            "skyalign",
            "North up (skyalign, world), along the slices (ifualign), or the plane of the slices (internal_cal).",
        )
        pixel_origin: Literal["middle", "corner"] = parameter(
            "middle", "internal_cal: what the coordinates of a pixel are of; corner: half a pixel off, as in 3.0.0."
        )
        ra_center: float | None = parameter(
            None, "RA of the tangent point. Default: middle of the field.", unit="deg", allow_inf_nan=False
        )
        dec_center: float | None = parameter(None, "Dec of the tangent point.", unit="deg", ge=-90, le=90)
        cube_pa: float | None = parameter(
            None, "Position angle of the cube, East of North.", unit="deg", allow_inf_nan=False
        )
        nspax_x: int | None = parameter(None, "Number of spaxels along x, odd. Default: the field.", ge=1)
        nspax_y: int | None = parameter(None, "Number of spaxels along y, odd. Default: the field.", ge=1)
        rois: float = parameter(
            0.0, f"emsm, msm: radius on the sky within which pixels count. {_ZERO}", unit="arcsec", ge=0
        )
        roiw: float = parameter(0.0, f"emsm, msm: the same in wavelength. {_ZERO}", unit="micron", ge=0)
        weight_power: float = parameter(2.0, "msm: power of the distance; 2: what the reference file says.", gt=0)
        wavemin: float | None = parameter(
            None, "Shortest wavelength of the cube.", unit="micron", allow_inf_nan=False, gt=0
        )
        wavemax: float | None = parameter(
            None, "Longest wavelength of the cube.", unit="micron", allow_inf_nan=False, gt=0
        )
        single: bool = parameter(False, "One cube for each exposure, all on one grid.")
        skip_dqflagging: bool = parameter(False, "Do not tell holes from voxels outside of the field in DQ.")
        offset_file: str | None = parameter(
            None, "ASDF file with filename, raoffset and decoffset (arcsec): how exposures are to be shifted."
        )
        debug_spaxel: str = parameter("-1 -1 -1", "x y z of a voxel, 0-based: tell which pixels are in it (drizzle).")
        search_output_file: bool = parameter(False, "Use the output_file of the pipeline that the step is part of.")
        covariance: bool = parameter(
            False,
            "Note how the voxels vary together, which extract_1d needs for errors with covariance (COVFACT, COVPAIRS, "
            "COVLAGS); not of internal_cal.",
        )
        least_coverage: float = parameter(
            0.0,
            "drizzle, on the sky: voxels of which pixels cover a smaller share of the volume are left empty. Where a "
            "slice ends, the others fill such voxels with what lies beside them.",
            ge=0,
            le=1,
        )
        output_use_model: bool = parameter(True, "Name products after the exposure, or the product of the association.")
        suffix: str | None = parameter("s3d", "Ending of the names of products.")

    def process(self, exposures, references):
        science = exposures.of_type("science")
        science.check()
        self._tell_units(science)
        request, plans, cubes = cube_planning.Request.of(self, science), self._plans(science), []
        failures = []
        for plan in plans:
            try:
                grid, reach = cube_planning.layout(science, plan, request, references.cubepar, self.where)
                self._tell(plan, grid)
                for members in request.each(plan):
                    cubes.append(self._build(science, members, request, grid, reach, plan))
            except (ReferenceError_, ParameterError) as error:
                # What the reference file or the parameters say of one band does not stop the others.
                self.log.error("Cube %s cannot be made: %s", plan.text, error)
                failures.append(error)
        if not cubes:
            raise failures[0]
        return cubes[0] if len(cubes) == 1 else ModelContainer(cubes)

    def require_parameters(self):
        """Parameters must go together, and name channels and gratings that there are."""
        cube_planning.require_fitting(self.parameters)
        self.read_user_input()

    def read_user_input(self):
        """Return what is asked for of the exposures.

        Returns
        -------
        dict of str to (tuple of str or None)
            ``channel``, ``band``, ``grating``, ``filter``: names; None for all.

        Raises
        ------
        ParameterError
            For a name that is not known.
        """
        return {name: cube_bands.words(getattr(self.parameters, name), known, name) for name, known in _CHOICES.items()}

    def _plans(self, science):
        given = self.parameters
        bands = [cube_bands.bands_of(model) for model in science.each()]
        entered = self.read_user_input()
        names = ("channel", "band") if bands[0][0].first in cube_bands.CHANNELS else ("grating", "filter")
        first, second = (entered[name] for name in names)
        return cube_bands.plans(bands, first, second, given.output_type or "band", self.where)

    def _build(self, science, members, request, grid, reach, plan):
        """Return the cube of some exposures."""
        from hexcal.models.declared import everywhere

        filling, headers, used = CubeFilling(grid, request.weighting, reach), Headers(), 0
        watched = Watched.of(self.parameters.debug_spaxel, grid, request.weighting, self.log)
        for member in members:
            with science.borrowed(member.index, changed=False) as model:
                headers.add(model)
                if request.is_internal:
                    origin = 0.5 * (self.parameters.pixel_origin == "corner")
                    used += filling.add_internal(model, member.channels, origin)
                    continue
                name = science.name_of(member.index)
                used += filling.add(model, member.channels, request.offset_of(name, model), watched, name)
        if not used:
            self.log.warning("No pixel of any exposure is fit for use: the cube %s is empty", plan.text)
        product = everywhere()["IFUCubeModel"]()
        headers.fill(product)
        cube = self._set_arrays(product, filling, plan, request)
        if used and not cube.counts.any():
            self._tell_empty(plan)
        if self.parameters.covariance and not request.is_internal:
            self._set_covariance(product, cube, filling, science, members, request)
        set_coordinates(product, grid, _axes(plan))
        self._describe(product, plan, request, grid, reach)
        return product

    def _tell_empty(self, plan):
        """Good pixels lie outside of the cube: an error where the user has said where it is."""
        parameters = [name for name in _PLACE if getattr(self.parameters, name)]
        if parameters:
            raise ParameterError(
                f"no voxel is left: no pixel of the exposures lies in the cube {plan.text}",
                where=", ".join(parameters),
                hint="leave these parameters out to have a cube of the whole field",
            )
        self.log.warning("No pixel of any exposure lies in the cube %s: it is empty", plan.text)

    def _set_arrays(self, product, filling, plan, request):
        least = 0.0 if request.is_internal else self.parameters.least_coverage
        cube = filling.finish(cuts_tears=plan.is_miri, least_coverage=least)
        if not self.parameters.skip_dqflagging:
            mark_holes(cube)
        product.data, product.err, product.dq, product.weightmap = cube.data, cube.err, cube.dq, cube.counts
        if cube.torn:
            self.log.info("%d planes at the ends of the band, which few slices reach, are left empty", cube.torn)
        return cube

    def _set_covariance(self, product, cube, filling, science, members, request):
        """Note in the product how its voxels vary together, by a second look at the exposures."""
        coupling = covariance.coupling_of_cube(cube.err**2)
        for member in members:
            with science.borrowed(member.index, changed=False) as model:
                offset = request.offset_of(science.name_of(member.index), model)
                filling.couple(coupling, cube.weights, model, member.channels, offset)
        product.covar_factor, product.covar_pairs, product.covar_lags = covariance.neighbours(coupling)

    def _describe(self, product, plan, request, grid, reach):
        """The keywords that say how the cube was made, and its name."""
        ifu = product.meta.ifu
        ifu.flux_extension, ifu.error_extension, ifu.dq_extension = "SCI", "ERR", "DQ"
        ifu.error_type = "ERR"
        ifu.weighting = request.weighting
        ifu.roi_spatial = 0.0 if reach is None else float(reach.radius.mean() * grid.spaxel[0])
        ifu.roi_wave = 0.0 if reach is None else float(reach.half.mean())
        ifu.weight_power = 0.0 if reach is None else float(reach.power[0])
        ending = "_internal" if request.is_internal else ""
        if plan.is_miri:
            product.meta.instrument.channel = "".join(dict.fromkeys(band.first for band in plan.bands))
            product.meta.instrument.band = "-".join(dict.fromkeys(band.second for band in plan.bands)).upper()
        product.meta.filename = f"{self._root(product)}_{plan.text}{ending}_{self.parameters.suffix}.fits"
        product.meta.bunit_data = product.meta.bunit_err = product.meta.bunit_data or _UNIT

    def _root(self, product):
        """Name of the association's product or of the exposure; of several without an association, of the first."""
        own = names.base_name(self)[0]
        return own if own != f"step_{self.name}" else names.base_name(self, product)[0]

    def _tell_units(self, science):
        """Warn of exposures that are not in the unit of a cube; nothing stops."""
        for index, model in enumerate(science.each()):
            unit = model.meta.bunit_data
            if unit and unit != _UNIT:
                self.log.warning(
                    "%s is in %s, not in %s: has it been through photom? The cube is in %s, too",
                    *(science.name_of(index), unit, _UNIT, unit),
                )

    def _tell(self, plan, grid):
        nz, ny, nx = grid.shape
        unit = "arcsec" if grid.on_sky else "units of the slicer"
        self.log.info(
            "Cube %s of %d exposures: %d x %d spaxels of %.4g %s, %d planes from %.5g to %.5g micron",
            *(
                plan.text,
                len(plan.members),
                nx,
                ny,
                grid.spaxel[0],
                unit,
                nz,
                grid.wavelengths[0],
                grid.wavelengths[-1],
            ),
        )


def _axes(plan):
    """Types and unit of the axes in the plane of the slices."""
    if plan.is_miri:
        channel = plan.bands[0].first
        return f"MRSBE{channel}", f"MRSAL{channel}", "arcsec"
    return "NRSSLICERX", "NRSSLICERY", "meter"
