"""Match the background of exposures of MIRI MRS to each other."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError, unknown_name

_PLANES = 48
"""Of the cubes that are compared: polynomials of low degree need no more."""


class MRSIMatchStep(Step):
    """Find polynomials of place and wavelength that make the backgrounds of exposures of MIRI MRS agree.

    For each channel the exposures are made into cubes on one coarse grid; the polynomials minimize the sum of squared
    differences of all pairs, in units of their errors. Voxels that stand out of their plane by three times its scatter,
    which are sources, do not count. The polynomials go into ``meta.background.polynomial_info`` of each exposure, and
    with `subtract` are subtracted from its values. Only differences are known: the mean of the polynomials is 0.
    """

    alias = "mrs_imatch"
    input_model = "IFUImageContainer"
    relative_time = 2.0

    class Parameters(StepParameters):
        """The polynomials."""

        bkg_degree: int = parameter(1, "Degree of the polynomials, in each coordinate.", ge=0)
        subtract: bool = parameter(False, "Subtract the polynomials from the exposures.")

    def process(self, images):
        science = images.of_type("science")
        science.check()
        channels = self._channels(science)
        if all(len(members) < 2 for members in channels.values()):
            raise SkipStep("no channel has two exposures to match")
        polynomials = {}
        for channel, members in channels.items():
            if len(members) > 1:
                polynomials[channel] = self._match(science, channel, members)
        for index in range(len(science)):
            with science.borrowed(index, changed={"data"} if self.subtract else set()) as model:
                listed = [
                    _as_entry(channel, polynomials[channel][index])
                    for channel in polynomials
                    if index in polynomials[channel]
                ]
                model.set_unchecked("meta.background.polynomial_info", listed)
                if self.subtract:
                    apply_background_2d(model)
                model.meta.background.subtracted = self.subtract
        return images

    def _channels(self, science):
        """Channel -> numbers of the exposures that have it."""
        channels: dict[int, list] = {}
        for index, model in enumerate(science.each()):
            kind = model.meta.exposure.type
            if kind != "MIR_MRS":
                raise InputError(f"exposures of MIR_MRS are matched, this one is {kind}", where=science.name_of(index))
            for channel in str(model.meta.instrument.channel or ""):
                channels.setdefault(int(channel), []).append(index)
        return dict(sorted(channels.items()))

    def _match(self, science, channel, members):
        """Number of an exposure -> its polynomial in a channel."""
        from hexcal.steps.spectrum.cube_filling import CubeFilling
        from hexcal.steps.spectrum.intensity_matching import Polynomial, is_background, matched

        grid = self._grid(science, channel, members)
        values, errors = [], []
        for index in members:
            filling = CubeFilling(grid, "drizzle")
            with science.borrowed(index, changed=False) as model:
                filling.add(model, (channel,))
            cube = filling.finish()
            values.append(np.where(is_background(cube.data), cube.data, np.nan).ravel())
            errors.append(cube.err.ravel())
        nz, ny, nx = grid.shape
        z, y, x = (axis.ravel() for axis in np.mgrid[:nz, :ny, :nx].astype(float))
        scale = (grid.spaxel[0] * nx / 2, grid.spaxel[1] * ny / 2, grid.depths[0] * nz / 2)
        middle = float(grid.wavelengths[0] + 0.5 * (nz - 1) * grid.depths[0])
        # North is up and East to the left: xi falls with x.
        coordinates = (
            -(x - grid.crpix[0] + 1) * grid.spaxel[0] / scale[0],
            (y - grid.crpix[1] + 1) * grid.spaxel[1] / scale[1],
            (grid.wavelengths[z.astype(int)] - middle) / scale[2],
        )
        polynomials = matched(values, errors, coordinates, self.parameters.bkg_degree)
        if not all(np.isfinite(coefficients).all() for coefficients in polynomials):
            raise SkipStep(f"the backgrounds of channel {channel} cannot be compared: no voxel is in two exposures")
        self.log.info("Channel %d: background polynomials of %d exposures", channel, len(members))
        reference = (*grid.reference, middle)
        degree = self.parameters.bkg_degree
        return {index: Polynomial(degree, reference, scale, c) for index, c in zip(members, polynomials, strict=True)}

    def _grid(self, science, channel, members):
        """A grid that holds the exposures: spaxels as wide as a slice, and few planes."""
        from hexcal.steps.spectrum.cube_grid import Footprint, linear_waves, sky_grid
        from hexcal.steps.spectrum.cube_planning import borders_of
        from hexcal.steps.spectrum.ifu_planes import slice_planes

        points, waves, width = [], [], 0.0
        for index in members:
            with science.borrowed(index, changed=False) as model:
                points += list(borders_of(model, (channel,)))
                for plane in slice_planes(model, (channel,)):
                    width = plane.width
                    wavelength = plane.locate(plane.columns[::5] + 0.0, plane.rows[::5] + 0.0)[2]
                    waves += [np.nanmin(wavelength), np.nanmax(wavelength)]
        low, high = float(min(waves)), float(max(waves))
        return sky_grid(
            Footprint(points),
            width,
            linear_waves(low, high, (high - low) / (_PLANES - 0.5), self.where),
            where=self.where,
        )


def _as_entry(channel, polynomial):
    """A polynomial as it is recorded in the metadata."""
    return {
        "channel": str(channel),
        "degree": [polynomial.degree] * 3,
        "refpoint": [float(value) for value in polynomial.reference],
        "scale": [float(value) for value in polynomial.scale],
        "coefficients": [float(value) for value in np.ravel(polynomial.coefficients)],
    }


def apply_background_2d(model2d, channel=None, subtract=True):
    """Subtract the polynomials in ``meta.background`` from an exposure, or add them back.

    Whether that was done before is neither looked at nor noted (``meta.background.subtracted``).

    Parameters
    ----------
    model2d : IFUImageModel
        Changed in place.
    channel : str, int, list or None
        Channels to work on; None: all that there are polynomials of.
    subtract : bool
        Subtract, or add back.

    Raises
    ------
    InputError
        If there is no polynomial, or none of a channel that is asked for.
    """
    from hexcal.steps.spectrum.intensity_matching import Polynomial
    from hexcal.steps.wcs.spectral import ifu_slices

    recorded = model2d.get_meta("meta.background.polynomial_info")
    entries = {int(entry["channel"]): entry for entry in recorded or ()}
    if recorded is None:
        raise InputError("the exposure has no background polynomials", hint="run the step mrs_imatch first")
    wanted = (
        list(entries) if channel is None else [int(c) for c in (channel if isinstance(channel, list) else [channel])]
    )
    for number in wanted:
        if number not in entries:
            raise unknown_name("channel", str(number), [str(known) for known in entries], error=InputError)
    for part in ifu_slices(model2d):
        if part.channel not in wanted:
            continue
        entry = entries[part.channel]
        degree = int(entry["degree"][0])
        shaped = np.reshape(entry["coefficients"], (degree + 1,) * 3)
        polynomial = Polynomial(degree, tuple(entry["refpoint"]), tuple(entry["scale"]), shaped)
        seen = np.isfinite(part.wavelength)
        level = polynomial(part.ra[seen], part.dec[seen], part.wavelength[seen])
        model2d.data[part.window][seen] -= level if subtract else -level
