"""The product of a mosaic: its model, with the metadata of its exposures, its coordinates and exposure times."""

from typing import Any

import numpy as np

from hexcal.models.blending import Blender
from hexcal.steps.image.groups import group_of
from hexcal.steps.wcs.changed import parts_of, values_of
from hexcal.steps.wcs.evaluate import pixel_to_sky
from hexcal.steps.wcs.footprint import footprint, s_region
from hexcal.steps.wcs.sky_angles import eastward

_STERADIAN = (180 * 3600 / np.pi) ** 2
"""Square arcseconds."""
_OF_THE_FILE = ("meta.date", "meta.filename", "meta.model_type", "meta.asn", "meta.group_id")
_OF_EXPOSURES = (
    "meta.wcs",
    "meta.wcsinfo",
    "meta.background.level",
    "meta.background.subtracted",
    "meta.cal_step.resample",
    "meta.tweakreg_catalog",
    "meta.group_id",
)
"""What says something of one exposure only."""
_KEPT_OF_WCSINFO = ("velosys",)
_TIMES = ("exposure_time", "effective_exposure_time", "measurement_time", "duration", "elapsed_exposure_time")


class Summary:
    """What the headers of the exposures of a mosaic say together; the models are not kept.

    Parameters
    ----------
    blended : bool
        Whether metadata are blended; otherwise those of the first exposure hold.
    """

    def __init__(self, blended=True):
        self.blender: Any = Blender(_OF_THE_FILE) if blended else None
        self._groups, self.count = {}, 0
        self._first: Any = None

    def add(self, model, number):
        """Note the header of an exposure."""
        if self._first is None:
            self._first = type(model)()
            self._first.observatory = model.observatory
            # The mosaic has a WCS of its own, and copying one takes long.
            self._first.update(model, without=("meta.wcs",))
        if self.blender is not None:
            self.blender.add(model)
        exposure = model.branch("meta.exposure")
        self._groups.setdefault(group_of(model, number), {name: exposure.get(name) for name in _TIMES})
        self.count += 1

    def fill(self, product):
        """Give a product the metadata of its exposures, their table, and the sums of exposure times.

        Detectors of one exposure count once.
        """
        product.observatory = self._first.observatory
        product.update(self._first)
        if self.blender is not None and self.count > 1:
            self.blend(product)
        kept = {name: product.branch("meta.wcsinfo").get(name) for name in _KEPT_OF_WCSINFO}
        for path in _OF_EXPOSURES:
            product.set_meta(path, None)
        for name, value in kept.items():
            product.set_meta(f"meta.wcsinfo.{name}", value)
        self.set_times(product)
        product.meta.resample.pointings = len(self._groups)

    def blend(self, product):
        """Give a product the blended metadata, and their table."""
        self.blender.blend(product)
        product.hdrtab = self.blender.table()

    def set_times(self, product):
        """Give a product the sums of exposure times."""
        for name in _TIMES:
            times = [group[name] for group in self._groups.values() if group[name] is not None]
            if times:
                product.set_meta(f"meta.exposure.{name}", float(sum(times)))
        product.meta.resample.product_exposure_time = product.meta.exposure.exposure_time


def set_coordinates(product, wcs, shape, pixel_area=None):
    """Give a product its WCS, the keywords of it, its region on the sky and the area of its pixels.

    Parameters
    ----------
    product : ImageModel
        Changed in place.
    wcs : Wcs or gwcs.WCS
        Of the grid.
    shape : tuple of int
        (ny, nx).
    pixel_area : float, optional
        Area of a pixel, sr; default: that of the WCS.
    """
    product.meta.wcs = wcs
    cards = fits_cards(wcs, shape)
    for name, value in cards.items():
        product.set_meta(f"meta.wcsinfo.{name}", value)
    region = s_region(footprint(wcs, shape))
    if region is not None:
        product.meta.wcsinfo.s_region = region
    area = pixel_area or float(np.radians(cards["cdelt1"]) * np.radians(cards["cdelt2"]))
    product.meta.photometry.pixelarea_steradians = area
    product.meta.photometry.pixelarea_arcsecsq = area * _STERADIAN


def fits_cards(wcs, shape):
    """Return the keywords (dict, names as in ``meta.wcsinfo``) of a tangent plane.

    Exact for a grid that is one, else that which touches its centre.
    """
    steps = {step.name: step for step in parts_of(wcs.forward_transform) if step.name}
    if {"crpix1", "crpix2", "pc_rotation_matrix", "cdelt1", "cdelt2"} <= set(steps):
        pixel = (-float(values_of(steps["crpix1"].offset)), -float(values_of(steps["crpix2"].offset)))
        scale, pc = float(values_of(steps["cdelt1"].factor)), values_of(steps["pc_rotation_matrix"].matrix)
    else:
        pixel = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
        matrix = _jacobian(wcs, pixel)
        scale = float(np.sqrt(abs(np.linalg.det(matrix))))
        pc = matrix / scale
    ra, dec = (float(value) for value in pixel_to_sky(wcs, *pixel))
    return {
        "wcsaxes": 2,
        "crpix1": float(pixel[0]) + 1,
        "crpix2": float(pixel[1]) + 1,
        "crval1": ra % 360,
        "crval2": dec,
        "ctype1": "RA---TAN",
        "ctype2": "DEC--TAN",
        "cunit1": "deg",
        "cunit2": "deg",
        "cdelt1": scale,
        "cdelt2": scale,
        "pc1_1": float(pc[0, 0]),
        "pc1_2": float(pc[0, 1]),
        "pc2_1": float(pc[1, 0]),
        "pc2_2": float(pc[1, 1]),
    }


def _jacobian(wcs, pixel):
    """Degrees towards East and North per pixel, at a pixel."""
    x, y = pixel
    ra, dec = pixel_to_sky(wcs, [x - 0.5, x + 0.5, x, x], [y, y, y - 0.5, y + 0.5])
    east = eastward(ra[1::2], ra[::2], dec.mean())
    return np.array([east, dec[1::2] - dec[::2]])


def set_arrays(product, result, manner, with_variances=True, with_errors=True):
    """Give a product the arrays of a finished mosaic."""
    product.data, product.wht = result.data, result.weights
    if result.context is not None:
        product.con = result.context
    if with_errors and result.var_rnoise is not None:
        variances = (result.var_rnoise, result.var_poisson, result.var_flat)
        product.err = errors_of(variances, result.weights, manner.fill)
        if with_variances:
            product.var_rnoise, product.var_poisson, product.var_flat = variances
    product.dq = result.dq


def errors_of(variances, weights, fill):
    """Return ERR (float32): the square root of the sum of the variances that are there.

    `fill` where there are no data.
    """
    total = np.zeros(weights.shape, np.float32)
    for variance in variances:
        np.add(total, variance, out=total, where=np.isfinite(variance))
    np.sqrt(total, out=total)
    total[weights == 0] = fill
    return total
