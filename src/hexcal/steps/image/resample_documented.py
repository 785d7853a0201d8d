"""Resampling from Python, as the documents describe it."""

from dataclasses import replace
from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.steps.image.drizzling import IN_A_PLANE, Drizzle, Exposure
from hexcal.steps.image.good_bits import bad_flags
from hexcal.steps.image.groups import exposure_groups
from hexcal.steps.image.mosaic_product import Summary
from hexcal.steps.image.output_size import images_of
from hexcal.steps.image.output_wcs import mean_scale
from hexcal.steps.image.resample import ResampleStep


class ResampleData:
    """Resample exposures, as the step resample does.

    Parameters
    ----------
    input_models : ModelContainer or list of ImageModel
        The exposures.
    output : str, optional
        Name of the product.
    single : bool
        Each exposure by itself on the common grid, instead of all together.
    blendheaders : bool
        Whether metadata are blended.
    pixfrac, kernel, fillval
        As of the step.
    wht_type : str
        ``weight_type`` of the step.
    good_bits : int or str
        Flags of pixels that count; 0: only pixels without flags. None: all.
    pscale_ratio, pscale : float
        ``pixel_scale_ratio`` and ``pixel_scale`` of the step.
    **kwargs
        Further parameters of the step.
    """

    def __init__(
        self,
        input_models,
        output=None,
        single=False,
        blendheaders=True,
        pixfrac=1.0,
        kernel="square",
        fillval="INDEF",
        wht_type="ivm",
        good_bits: Any = 0,
        pscale_ratio=1.0,
        pscale=None,
        **kwargs,
    ):
        from hexcal.models.container import ModelContainer

        is_container = isinstance(input_models, ModelContainer)
        self.input_models = input_models if is_container else ModelContainer(list(input_models))
        self.input_models.check()
        self.output_filename, self.single, self.blendheaders = output, single, blendheaders
        self._bad = 0 if good_bits is None else bad_flags(str(good_bits))
        parameters = {"pixfrac": pixfrac, "kernel": kernel, "fillval": str(fillval), "weight_type": wht_type}
        parameters |= {"pixel_scale_ratio": pscale_ratio, "pixel_scale": pscale, "blendheaders": blendheaders}
        self._step = ResampleStep(**parameters, **kwargs)

    def do_drizzle(self):
        """Return the mosaic, or with `single` those of the exposures (ModelContainer)."""
        return self.resample_many_to_many() if self.single else self.resample_many_to_one()

    def resample_many_to_one(self):
        """Return the mosaic of all exposures (ModelContainer of one)."""
        return self._mosaics([list(range(len(self.input_models)))])

    def resample_many_to_many(self):
        """Return a mosaic of each exposure, all its detectors together (ModelContainer)."""
        return self._mosaics(exposure_groups(self.input_models).values())

    def blend_output_metadata(self, output_model):
        """Give a model the metadata of all exposures, blended, and their table."""
        self._summary().blend(output_model)

    def update_exposure_times(self, output_model):
        """Give a model the sums of the exposure times; detectors of one exposure count once."""
        self._summary().set_times(output_model)

    def _summary(self):
        summary = Summary()
        for number, model in enumerate(self.input_models.each()):
            summary.add(model, number)
        return summary

    def _mosaics(self, groups):
        from hexcal.models.container import ModelContainer

        step = self._step
        images = images_of(self.input_models)
        grid, area = step.require_grid(images)
        manner = replace(step.manner(), bad=self._bad)
        products = [step.mosaic(self.input_models, images, numbers, manner, grid, area) for numbers in groups]
        if self.output_filename is not None and len(products) == 1:
            products[0].meta.filename = self.output_filename
        return ModelContainer(products)

    @staticmethod
    def drizzle_arrays(
        insci,
        inwht,
        input_wcs,
        output_wcs,
        outsci,
        outwht,
        outcon=None,
        uniqid=1,
        xmin=0,
        xmax=0,
        ymin=0,
        ymax=0,
        iscale=1.0,
        pixfrac=1.0,
        kernel="square",
        fillval="INDEF",
        wtscale=1.0,
    ):
        """Add an image to a mosaic, in place.

        Parameters
        ----------
        insci, inwht : array (ny, nx)
            The image, and the weights of its pixels (None: 1).
        input_wcs, output_wcs : gwcs.WCS
            Of the image, and of the mosaic.
        outsci, outwht : float32 array (my, mx)
            Values and weights of the mosaic; zeros before the first image.
        outcon : int32 array (my, mx) or (planes, my, mx), optional
            Which images have contributed.
        uniqid : int
            Number of the image, from 1.
        xmin, xmax, ymin, ymax : int
            Only pixels from the former to the latter, both included, are used; 0 for the latter: no limit.
        iscale, wtscale : float
            Values and weights are multiplied by them.
        pixfrac, kernel, fillval
            As of the step; fillval is what pixels without data get, ``INDEF``: they stay as they are.

        Returns
        -------
        str, int, int
            Version; number of pixels of the image that lie beside the mosaic; number of its lines that do.
        """
        from hexcal.core.provenance import version
        from hexcal.steps.image.resampling import fill_of
        from hexcal.steps.wcs.pixel_map import pixel_map

        data = np.asarray(insci, np.float32) * np.float32(iscale)
        weights = np.ones(data.shape, np.float32) if inwht is None else np.asarray(inwht, np.float32)
        if weights.shape != data.shape or outsci.shape != outwht.shape:
            raise InputError(
                f"values and weights must have one shape, got {data.shape} and {weights.shape}, of the mosaic "
                f"{outsci.shape} and {outwht.shape}"
            )
        weights = np.where(
            _inside(data.shape, (xmin, xmax), (ymin, ymax)), weights * np.float32(wtscale), np.float32(0)
        )
        x, y = pixel_map(input_wcs, output_wcs, data.shape, exact=True).rows(0, data.shape[0])
        beside = ~((x > -0.5) & (x < outsci.shape[1] - 0.5) & (y > -0.5) & (y < outsci.shape[0] - 0.5))
        drizzle = Drizzle(outsci.shape, kernel, pixfrac)
        ratio = mean_scale(output_wcs, outsci.shape) / mean_scale(input_wcs, data.shape)
        drizzle.add(Exposure(data, weights, ratio=ratio), x, y)
        result = drizzle.finish(0.0)
        _add_to_mosaic(result, outsci, outwht, outcon, uniqid)
        if str(fillval).strip().upper() not in ("", "INDEF"):
            outsci[outwht == 0] = fill_of(fillval)
        return version(), int(np.count_nonzero(beside)), int(np.count_nonzero(beside.all(axis=1)))


def _add_to_mosaic(result, outsci, outwht, outcon, uniqid):
    """Average a drizzled image into the values of a mosaic, by weight, and note in the context that it contributed."""
    seen = result.weights > 0
    total = outwht[seen] + result.weights[seen]
    outsci[seen] = (outsci[seen] * outwht[seen] + result.data[seen] * result.weights[seen]) / total
    outwht[seen] = total
    if outcon is not None:
        plane, bit = divmod(uniqid - 1, IN_A_PLANE)
        context = outcon if outcon.ndim == 2 else outcon[plane]
        context[seen] |= np.array(1 << bit, np.uint32).astype(context.dtype)


def _inside(shape, across, up):
    """Which pixels lie between limits, both included; 0 for the upper one: none."""
    sides = []
    for length, (low, high) in zip(shape, (up, across), strict=True):
        index = np.arange(length)
        sides.append((index >= low) & ((index <= high) | (high == 0)))
    return sides[0][:, None] & sides[1]
