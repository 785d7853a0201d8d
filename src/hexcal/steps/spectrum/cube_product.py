"""The product of a cube: its arrays, the keywords of its coordinates, its WCS, and the metadata of its exposures."""

from typing import Any

import numpy as np

from hexcal.models.blending import Blender
from hexcal.models.wcs import models
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import composite_frame, cube_frame, plane_frame, sky_frame, spectral_frame
from hexcal.steps.wcs.evaluate import to_world
from hexcal.steps.wcs.sky_angles import wrapped

_STERADIAN = (180 * 3600 / np.pi) ** 2
"""Square arcseconds."""
_OF_THE_FILE = ("meta.date", "meta.filename", "meta.model_type", "meta.asn", "meta.group_id")
_OF_EXPOSURES = ("meta.wcs", "meta.wcsinfo", "meta.group_id", "meta.background.polynomial_info")
"""What says something of one exposure only."""
_KEPT_OF_WCSINFO = (
    *("dispersion_direction", "specsys", "spectral_order", "velosys", "waverange_start", "waverange_end"),
)


class Headers:
    """What the headers of the exposures of a cube say together; the models are not kept."""

    def __init__(self):
        self.blender = Blender(_OF_THE_FILE)
        self._first: Any = None

    def add(self, model):
        """Note the header of an exposure."""
        if self._first is None:
            self._first = type(model)()
            self._first.observatory = model.observatory
            self._first.update(model, without=("meta.wcs",))
        self.blender.add(model)

    def fill(self, product):
        """Give a product the metadata of its exposures, and their table."""
        product.observatory = self._first.observatory
        product.update(self._first)
        if self.blender.count > 1:
            self.blender.blend(product)
            product.hdrtab = self.blender.table()
        wcsinfo = product.branch("meta.wcsinfo")
        kept = {name: wcsinfo.get(name) for name in _KEPT_OF_WCSINFO}
        for path in _OF_EXPOSURES:
            product.set_meta(path, None)
        for name, value in kept.items():
            product.set_meta(f"meta.wcsinfo.{name}", value)


def set_coordinates(product, grid, plane_types=("NRSSLICERX", "NRSSLICERY", "meter")):
    """Give a product the keywords of its coordinates, its WCS, and its region on the sky.

    Parameters
    ----------
    product : IFUCubeModel
        Changed in place.
    grid : CubeGrid
        Of the cube.
    plane_types : (str, str, str)
        Types and unit of the axes in the plane of the slicer.
    """
    for name, value in _cards(grid, plane_types).items():
        product.set_meta(f"meta.wcsinfo.{name}", value)
    product.meta.wcs = cube_wcs(grid, plane_types)
    if grid.on_sky:
        product.meta.wcsinfo.s_region = _region(grid)
        area = grid.spaxel[0] * grid.spaxel[1]
        product.meta.photometry.pixelarea_arcsecsq = area
        product.meta.photometry.pixelarea_steradians = area / _STERADIAN
    if not grid.is_linear:
        product.meta.wcsinfo.ps3_0, product.meta.wcsinfo.ps3_1 = "WCS-TABLE", "wavelength"
    # A linear cube has the table too: some programs read nothing else. It is that of release 3.0.0, which cannot open a
    # cube with the documented column nelem.
    count = len(grid.wavelengths)
    counted = [] if grid.is_linear else [("nelem", "i2" if count < 1 << 15 else "i4")]
    table = np.zeros(1, [*counted, ("wavelength", "f4", (count, 1))])
    table["wavelength"][0, :, 0] = grid.wavelengths
    if counted:
        table["nelem"] = count
    product.wavetable = table


def _cards(grid, plane_types):
    pc, scale = grid.pc, 3600.0 if grid.on_sky else 1.0
    unit = "deg" if grid.on_sky else plane_types[2]
    cards: dict[str, Any] = {
        "wcsaxes": 3,
        "crval1": grid.reference[0],
        "crval2": grid.reference[1],
        "crval3": float(grid.wavelengths[0]) if grid.is_linear else 1.0,
        "crpix1": grid.crpix[0],
        "crpix2": grid.crpix[1],
        "crpix3": 1.0,
        "cdelt1": grid.spaxel[0] / scale,
        "cdelt2": grid.spaxel[1] / scale,
        "cdelt3": float(grid.depths[0]) if grid.is_linear else None,
        "ctype1": "RA---TAN" if grid.on_sky else plane_types[0],
        "ctype2": "DEC--TAN" if grid.on_sky else plane_types[1],
        "ctype3": "WAVE" if grid.is_linear else "WAVE-TAB",
        "cunit1": unit,
        "cunit2": unit,
        "cunit3": "um",
    }
    for i in range(3):
        for j in range(3):
            cards[f"pc{i + 1}_{j + 1}"] = float(pc[i, j]) if max(i, j) < 2 else float(i == j)
    return cards


def _region(grid):
    """The box of RA and Dec that holds the middles of the spaxels at the corners, as S_REGION."""
    ny, nx = grid.shape[1:]
    x, y = np.array([0.0, nx - 1, nx - 1, 0.0]), np.array([0.0, 0.0, ny - 1, ny - 1])
    ra, dec, _ = to_world(cube_wcs(grid), x, y, np.zeros(4))
    ra0 = float(ra[0])
    offsets = wrapped(np.asarray(ra) - ra0)
    low, high = ra0 + offsets.min(), ra0 + offsets.max()
    corners = [(low, min(dec)), (low, max(dec)), (high, max(dec)), (high, min(dec))]
    return "POLYGON ICRS  " + " ".join(f"{float(r % 360):.9f} {float(d):.9f}" for r, d in corners)


def cube_wcs(grid, plane_types=("NRSSLICERX", "NRSSLICERY", "meter")):
    """Return the WCS of a cube: from x, y, plane to RA, Dec (degrees) and wavelength (micron)."""
    shift = models.Shift(1 - grid.crpix[0], name="crpix1") & models.Shift(1 - grid.crpix[1], name="crpix2")
    scale = 3600.0 if grid.on_sky else 1.0
    steps = models.Scale(grid.spaxel[0] / scale, name="cdelt1") & models.Scale(grid.spaxel[1] / scale, name="cdelt2")
    if grid.on_sky:
        plane = shift | models.AffineTransformation2D(grid.pc, name="pc_matrix") | steps
        ra, dec = grid.reference
        plane = (
            plane | models.Pix2Sky_Gnomonic(name="TAN") | models.RotateNative2Celestial(ra, dec, 180.0, name="crval")
        )
        world = sky_frame("sky")
    else:
        plane = shift | steps | (models.Shift(grid.reference[0]) & models.Shift(grid.reference[1]))
        world = plane_frame("slicer", plane_types[:2], plane_types[2])
    both = composite_frame("world", [world, spectral_frame("wave")])
    wcs = Wcs([(cube_frame("detector"), plane & _wave_axis(grid)), (both, None)])
    nz, ny, nx = grid.shape
    wcs.bounding_box = ((-0.5, nx - 0.5), (-0.5, ny - 0.5), (0, nz - 1) if nz > 1 else (-0.5, 0.5))
    return wcs


def _wave_axis(grid):
    if grid.is_linear:
        return models.Scale(float(grid.depths[0])) | models.Shift(float(grid.wavelengths[0]))
    return models.Tabular1D(
        points=np.arange(len(grid.wavelengths)), lookup_table=np.asarray(grid.wavelengths), bounds_error=False
    )
