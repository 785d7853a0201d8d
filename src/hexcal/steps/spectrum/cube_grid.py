"""The grid of a cube: spaxels on a tangent plane, or in the plane of the slicer, and planes of wavelength."""

from dataclasses import dataclass

import numpy as np

from hexcal.errors import InputError, ParameterError, ResourceError
from hexcal.steps.wcs.sky_angles import wrapped

_DEGREE = 3600.0

# Declination, degrees: no field of an integral-field unit reaches from farther away to the pole.
_POLAR = 89.99
_MOST_AXIS = 1 << 20
"""Longer axes are mistakes."""


@dataclass(frozen=True)
class CubeGrid:
    """Where the voxels of a cube are.

    Parameters
    ----------
    reference : (float, float)
        RA and Dec of the tangent point, degrees; in the plane of the slicer, where the first spaxel begins.
    spaxel : (float, float)
        Size of a spaxel along both axes: arcsec, or the unit of the plane of the slicer.
    shape : (int, int, int)
        (nz, ny, nx).
    crpix : (float, float)
        Spaxel of the reference, 1-based.
    angle : float
        Position angle of the y axis, degrees, clockwise as the cube's PC matrix has it; 0: North is up.
    wavelengths, depths : float64 array (nz,)
        Middle and extent of the planes, micron.
    is_linear : bool
        Whether all planes have one extent.
    on_sky : bool
        Whether it is a tangent plane of the sky.
    """

    reference: tuple
    spaxel: tuple
    shape: tuple
    crpix: tuple
    angle: float
    wavelengths: np.ndarray
    depths: np.ndarray
    is_linear: bool
    on_sky: bool = True

    @property
    def pc(self):
        """The PC matrix: from steps of spaxels to the East and the North."""
        if not self.on_sky:
            return np.eye(2)
        angle = np.radians(self.angle)
        return np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    @property
    def planes(self):
        """The wavelength axis, as kernels take it."""
        from hexcal.kernels.cube import Planes

        if self.is_linear:
            edges = self.wavelengths[0] + self.depths[0] * (np.arange(self.shape[0] + 1) - 0.5)
            return Planes(edges[:-1].copy(), edges[1:].copy())
        return Planes(self.wavelengths - 0.5 * self.depths, self.wavelengths + 0.5 * self.depths)

    def place(self, ra, dec):
        """Return x, y of sky positions in spaxels; the first one covers 0 to 1."""
        xi, eta = tangent(ra, dec, *self.reference)
        pc = self.pc / self.spaxel[0]
        # The matrix is its own inverse.
        return pc[0, 0] * xi + pc[0, 1] * eta + self.crpix[0] - 0.5, pc[1, 0] * xi + pc[1, 1] * eta + self.crpix[
            1
        ] - 0.5


def tangent(ra, dec, ra0, dec0):
    """Return the gnomonic projection xi (to the East), eta (to the North) of sky positions, arcsec."""
    dra, dec, dec0 = np.radians(np.asarray(ra) - ra0), np.radians(dec), np.radians(dec0)
    cos_dec = np.cos(dec)
    toward = cos_dec * np.cos(dra)
    depth = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * toward
    xi = cos_dec * np.sin(dra) / depth
    eta = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * toward) / depth
    return np.degrees(xi) * _DEGREE, np.degrees(eta) * _DEGREE


@dataclass
class Footprint:
    """The box of sky that exposures cover, in RA and Dec, and which it is on a tangent plane.

    Parameters
    ----------
    points : list of (ra, dec)
        Arrays of positions, degrees.
    """

    points: list

    @property
    def is_polar(self):
        """Whether it is so near to a pole that it may hold it, where a range of RA says nothing."""
        return max(np.abs(dec).max() for _, dec in self.points) > _POLAR

    def middle(self):
        """Middle of the ranges of RA and Dec, degrees; RA across 0 counts as one range."""
        if self.is_polar:
            ra, dec = (np.radians(np.concatenate(values)) for values in zip(*self.points, strict=True))
            x, y = (0.5 * (v.min() + v.max()) for v in (np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra)))
            z = np.sign(dec[0]) * np.sqrt(1 - x**2 - y**2)
            return float(np.degrees(np.arctan2(y, x)) % 360), float(np.degrees(np.arcsin(z)))
        ra0 = self.points[0][0].flat[0]
        ras = [wrapped(ra - ra0) for ra, _ in self.points]
        decs = [dec for _, dec in self.points]
        ra = ra0 + 0.5 * (min(map(np.min, ras)) + max(map(np.max, ras)))
        return float(ra % 360), float(0.5 * (min(map(np.min, decs)) + max(map(np.max, decs))))

    def spaxels(self, reference, spaxel, angle):
        """Return how many spaxels lie on both sides of the middle one, in x and y."""
        angle, reach = np.radians(angle), np.zeros(2)
        for ra, dec in self.points:
            xi, eta = tangent(ra, dec, *reference)
            x, y = -np.cos(angle) * xi + np.sin(angle) * eta, np.sin(angle) * xi + np.cos(angle) * eta
            reach = np.maximum(reach, [np.abs(x).max(), np.abs(y).max()])
        return [int(np.ceil(value / spaxel)) + 1 for value in reach]


def sky_grid(footprint, spaxel, waves, *, center=(None, None), angle=0.0, size=(None, None), where="cube_build"):
    """Return the grid on a tangent plane that holds a footprint.

    Parameters
    ----------
    footprint : Footprint
        What the exposures see.
    spaxel : float
        Arcsec.
    waves : (array, array, bool)
        Middle and extent of the planes, micron, and whether they are linear.
    center : (float or None, float or None)
        RA and Dec of the tangent point; None: the middle of the footprint.
    angle : float
        Of the y axis, degrees.
    size : (int or None, int or None)
        Number of spaxels; None: what the footprint needs.
    where : str
        For messages.

    Returns
    -------
    CubeGrid
    """
    middle = footprint.middle()
    reference = tuple(own if given is None else float(given) for given, own in zip(center, middle, strict=True))
    sides = footprint.spaxels(reference, spaxel, angle)
    nx, ny = (2 * side + 1 if given is None else given for given, side in zip(size, sides, strict=True))
    require_size((len(waves[0]), ny, nx), where)
    return CubeGrid(reference, (spaxel, spaxel), (len(waves[0]), ny, nx), (nx // 2 + 1.0, ny // 2 + 1.0), angle, *waves)


def linear_waves(wave_min, wave_max, step, where):
    """Return the planes of a linear wavelength axis: middle, extent (micron), True.

    Raises
    ------
    ParameterError
        If there is none.
    """
    count = int(np.ceil((wave_max - wave_min) / step)) if wave_max > wave_min else 0
    if count < 1:
        raise ParameterError(
            f"no wavelength is left for the cube: from {wave_min:g} to {wave_max:g} micron, in steps of {step:g}",
            where=where,
            hint="wavemin must be below wavemax, and both within the bands",
        )
    if count > _MOST_AXIS:
        raise ParameterError(
            f"the cube would have {count} planes of wavelength", where=where, hint="use a larger scalew"
        )
    middles = wave_min + step * (np.arange(count) + 0.5)
    return middles, np.full(count, step), True


def table_waves(wavelengths, wave_min, wave_max, where):
    """Return the planes of a table of wavelengths: middle, extent (micron), False.

    The extent is half the way to both neighbours.

    Raises
    ------
    InputError
        If the table has no wavelength in the range.
    """
    middles = np.asarray(wavelengths, np.float64)
    # The last one before the beginning and the first one beyond the end belong to it.
    first = max(np.searchsorted(middles, wave_min, side="right") - 1, 0)
    middles = middles[first : np.searchsorted(middles, wave_max) + 1]
    if middles.size < 2:
        raise InputError(
            f"the reference file cubepar has {middles.size} wavelengths from {wave_min:g} to {wave_max:g} micron",
            where=where,
            hint="use linear_wave, other bands, or other limits wavemin and wavemax",
        )
    steps = np.diff(middles)
    return middles, np.append(steps, steps[-1]), False


def require_size(shape, where, bytes_per_voxel=24):
    """Raise ResourceError if a cube would not fit into memory."""
    from hexcal.steps.image.output_size import free_memory

    needed, free = float(np.prod([float(n) for n in shape])) * bytes_per_voxel, free_memory()
    if max(shape) > _MOST_AXIS or (free is not None and needed > free):
        have = "" if free is None else f"; {free / 2**30:.3g} are there"
        raise ResourceError(
            f"the cube would have {shape[2]} x {shape[1]} x {shape[0]} voxels and take {needed / 2**30:.3g} GiB{have}",
            where=where,
            hint="do all exposures point at one target? Else choose larger voxels (scalexy, scalew), or a part: "
            "nspax_x and nspax_y, wavemin and wavemax",
        )
