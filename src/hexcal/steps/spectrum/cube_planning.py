"""From the parameters of cube_build, the exposures and the reference file to the grid of a cube and its weights."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hexcal.errors import InputError, ParameterError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.spectrum import cube_grid, cube_offsets, cube_parameters
from hexcal.steps.spectrum.cube_bands import CubePlan
from hexcal.steps.spectrum.cube_filling import middle_across, sorted_across
from hexcal.steps.spectrum.cube_grid import CubeGrid, Footprint
from hexcal.steps.spectrum.cube_report import NOWHERE
from hexcal.steps.spectrum.ifu_planes import slice_planes
from hexcal.steps.wcs.sky_angles import eastward

_ALONG = {"NIRSPEC": 0.005, "MIRI": 2.0}
"""Distance along a slice (in the plane of the slicer: m, arcsec) over which its direction on the sky is taken."""

_OF_WIDER_FIELD = {2, 4}
"""Channels of MIRI whose field is that of S_REGION; the other one of an exposure sees less."""


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Parameters
    ----------
    given : StepParameters
        The parameters of the step.
    offsets : dict or None
        File name -> (RA, Dec) offset in arcsec.
    where : str
        For messages.
    """

    given: Any
    offsets: Any
    where: str

    @classmethod
    def of(cls, step, science):
        """Take the parameters of a step, and read the file of offsets."""
        given = step.parameters
        names = [science.name_of(index) for index in range(len(science))]
        path = given.offset_file and step.make_input_path(given.offset_file)
        return cls(given, cube_offsets.read_offsets(path, names) if path else None, step.where)

    @property
    def weighting(self):
        """How pixels are weighted."""
        return self.given.weighting

    @property
    def is_internal(self):
        """Whether the cube is in the plane of the slices."""
        return self.given.coord_system == "internal_cal"

    def each(self, plan: CubePlan):
        """Yield the members of each cube of a plan: all of them, or one after the other."""
        if self.given.single:
            yield from ((member,) for member in plan.members)
        else:
            yield plan.members

    def offset_of(self, name, model):
        """Return what is added to RA and Dec of an exposure, degrees."""
        if self.offsets is None:
            return 0.0, 0.0
        return cube_offsets.on_axes(self.offsets[name], model)


def layout(science, plan: CubePlan, request: Request, reference, where):
    """Return the grid of a cube, and the region of influence of its weights.

    Parameters
    ----------
    science : ModelContainer
        The exposures.
    plan : CubePlan
        Which of them, and bands.
    request : Request
        What is asked for.
    reference : DataModel
        CUBEPAR.
    where : str
        For messages.

    Returns
    -------
    grid : CubeGrid
    reach : Reach or None
        None: the cube is drizzled.
    """
    given, weighting = request.given, request.weighting
    if request.is_internal:
        return _internal(science, plan, given, reference, where), None
    samplings = [cube_parameters.sampling_of(reference, band, weighting) for band in plan.bands]
    spaxel = given.scalexy or min(sampling.spaxel for sampling in samplings)
    waves, table = _waves(plan, samplings, given, reference, where)
    angle = given.cube_pa or 0.0
    if given.coord_system == "ifualign" and given.cube_pa is None:
        angle = _angle_of_slices(science, plan)
    footprint = _footprint(science, plan, request, angle)
    grid = cube_grid.sky_grid(
        footprint,
        spaxel,
        waves,
        center=(given.ra_center, given.dec_center),
        angle=angle,
        size=(given.nspax_x, given.nspax_y),
        where=where,
    )
    return grid, _reach(grid, samplings, table, given, len(plan.members))


def require_fitting(given):
    """Raise ParameterError unless the parameters of a cube go together."""
    for name in ("nspax_x", "nspax_y"):
        size = getattr(given, name)
        if size is not None and size % 2 == 0:
            raise ParameterError(f"{name} must be odd, got {size}", where=name)
    if (given.ra_center is None) != (given.dec_center is None):
        raise ParameterError("ra_center and dec_center belong together, one of them is missing", where="ra_center")
    if given.wavemin is not None and given.wavemax is not None and given.wavemin >= given.wavemax:
        raise ParameterError(f"wavemin ({given.wavemin:g}) must be below wavemax ({given.wavemax:g})", where="wavemin")
    if given.coord_system == "internal_cal":
        _require_internal(given)


def _require_internal(given):
    """Refuse parameters that mean nothing in the plane of the slices."""
    unfit = [
        name
        for name in ("cube_pa", "ra_center", "dec_center", "nspax_x", "nspax_y", "scalexy", "offset_file")
        if getattr(given, name)
    ]
    unfit += ["weighting"] if given.weighting != "drizzle" else []
    unfit += ["debug_spaxel"] if " ".join(given.debug_spaxel.split()) != NOWHERE else []
    if unfit:
        raise ParameterError(
            f"{', '.join(unfit)}: not for cubes in the plane of the slices (coord_system=internal_cal)", where=unfit[0]
        )


def _internal(science, plan, given, reference, where):
    """The grid of a cube in the plane of the slices: a column for each slice, and half its width along it."""
    if len(plan.members) > 1 or len(plan.bands) > 1:
        raise InputError(
            "coord_system=internal_cal is for one band of one exposure; there are "
            f"{len(plan.members)} exposures and {len(plan.bands)} bands in the cube",
            where=where,
        )
    sampling = cube_parameters.sampling_of(reference, plan.bands[0], "drizzle")
    (member,) = plan.members
    with science.borrowed(member.index, changed=False) as model:
        planes = sorted_across(model, member.channels)
        ends = [middle_across(plane) for plane in (planes[0], planes[-1])]
        reach = 0.0
        for plane in planes:
            along, across, _ = plane.locate(plane.columns + 0.0, plane.rows + 0.0)
            reach = max(reach, float(np.nanmax(np.abs(plane.to_field(along, across)[0]))))
    step = 0.5 * (ends[1] - ends[0]) / len(planes)
    ny = 2 * int(np.ceil(reach / step)) + 1
    low, high = given.wavemin or sampling.wave_min, given.wavemax or sampling.wave_max
    middles, depths, _ = cube_grid.linear_waves(low, high, given.scalew or sampling.step, where)
    shape = (len(middles), ny, len(planes))
    cube_grid.require_size(shape, where)
    width = (ends[1] - ends[0]) / (len(planes) - 1)
    crpix, waves = (1.0, (ny + 1) / 2), middles - 0.5 * depths
    return CubeGrid((ends[0], 0.0), (width, step), shape, crpix, 0.0, waves, depths, True, on_sky=False)


def _waves(plan, samplings, given, reference, where):
    """The wavelength axis, and the table of the reference file that it is from (None: it is linear)."""
    low = given.wavemin or min(sampling.wave_min for sampling in samplings)
    high = given.wavemax or max(sampling.wave_max for sampling in samplings)
    if low < high and all(high <= each.wave_min or low >= each.wave_max for each in samplings):
        ranges = ", ".join(f"{each.wave_min:g} to {each.wave_max:g}" for each in samplings)
        raise ParameterError(
            f"no voxel is left: wavelengths from {low:g} to {high:g} micron are asked for, {plan.text} has {ranges}",
            where="wavemin" if given.wavemin else "wavemax",
        )
    if len(plan.bands) == 1 and given.linear_wave:
        return cube_grid.linear_waves(low, high, given.scalew or samplings[0].step, where), None
    table = cube_parameters.wave_table(reference, plan.bands, given.weighting)
    waves = cube_grid.table_waves(table["wavelength"], low, high, where)
    kept = table[np.isin(np.asarray(table["wavelength"], np.float64), waves[0])]
    return waves, kept


def _reach(grid: CubeGrid, samplings, table, given, n_exposures):
    """The region of influence and the weights by plane, of the weightings by distance."""
    from hexcal.kernels.cube import Reach

    if given.weighting == "drizzle":
        return None
    nz, spaxel = grid.shape[0], grid.spaxel[0]

    def column(name, default=0.0):
        if table is not None and name in table.dtype.names:
            return np.asarray(table[name], np.float64)
        return np.full(nz, samplings[0].weights.get(name, default))

    radius = cube_parameters.widened(column("roispatial"), given.weighting, n_exposures, grid.is_linear)
    power = column("power", 2.0) if "weight_power" not in given.model_fields_set else np.full(nz, given.weight_power)
    return Reach(
        np.full(nz, given.rois / spaxel) if given.rois else radius / spaxel,
        np.full(nz, given.roiw) if given.roiw else column("roispectral"),
        np.ascontiguousarray(grid.depths, np.float64),
        column("scalerad", 1.0) / spaxel,
        power,
        column("softrad") ** (1 / power),
    )


def _angle_of_slices(science, plan):
    """Position angle of the slices of the first exposure, as the cube takes it, degrees."""
    with science.borrowed(plan.members[0].index, changed=False) as model:
        wcs = wcs_of(model)
        frame, axis = ("alpha_beta", 0) if model.is_miri else ("slicer", 1)
        channels = plan.members[0].channels
        wavelength = np.concatenate(
            [
                values[2]
                for plane in slice_planes(model, channels and channels[:1])
                for values in [plane.locate(plane.columns[::7] + 0.0, plane.rows[::7] + 0.0)]
            ]
        )
        middle = float(np.nanmedian(wavelength)) * (1.0 if model.is_miri else 1e-6)
        from hexcal.steps.wcs.evaluate import transform_points

        places = np.zeros((2, 2))
        places[axis, 1] = _ALONG[model.meta.instrument.name]
        ra, dec = transform_points(wcs, frame, "world", places[0], places[1], middle)[:2]
    dx, dy = eastward(ra[1], ra[0], dec[0]), dec[1] - dec[0]
    return 90.0 + float(np.degrees(np.arctan2(dx, dy)))


def _footprint(science, plan, request, angle):
    """What the exposures of a cube see: their S_REGION, where the cube is not turned and holds all of it."""
    points = []
    for member in plan.members:
        with science.borrowed(member.index, changed=False) as model:
            offset = request.offset_of(science.name_of(member.index), model)
            whole = angle == 0 and (member.channels is None or not _OF_WIDER_FIELD.isdisjoint(member.channels))
            region = _region(model.meta.wcsinfo.s_region) if whole else None
            if region is None or Footprint([region]).is_polar:
                listed = list(borders_of(model, member.channels))
            else:
                listed = [region]
        points += [(ra + offset[0], dec + offset[1]) for ra, dec in listed]
    if not points:
        raise InputError("no slice of any exposure sees the sky", where=request.where)
    return Footprint(points)


def _region(text):
    """Corners of an S_REGION: RA, Dec; None if there is none."""
    words = [word for word in str(text or "").split() if word.replace(".", "").replace("-", "").isdigit()]
    if len(words) < 6 or len(words) % 2:
        return None
    values = np.array(words, np.float64)
    return values[::2], values[1::2]


def borders_of(model, channels):
    """Yield RA and Dec of the pixels at the borders of each slice."""
    for plane in slice_planes(model, channels):
        border = _at_border(plane)
        bordering = replace(plane, rows=plane.rows[border], columns=plane.columns[border])
        along, across, wavelength = bordering.locate(bordering.columns + 0.0, bordering.rows + 0.0)
        known = np.isfinite(along + wavelength)
        if known.any():
            ra, dec = plane.to_sky(along[known], across[known], wavelength[known])
            seen = np.isfinite(ra + dec)
            if seen.any():
                yield ra[seen], dec[seen]


def _at_border(plane):
    """Which pixels of a slice are the first or last of their row or column; they are sorted by row and column."""
    border = np.zeros(plane.rows.size, bool)
    for values in (plane.rows, plane.columns):
        order = np.argsort(values, kind="stable")
        begins = np.diff(values[order], prepend=-1) != 0
        border[order[begins]] = True
        border[order[np.roll(begins, -1)]] = True
    return border
