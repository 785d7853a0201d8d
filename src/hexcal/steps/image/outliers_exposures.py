"""Outliers of the images of several exposures, each compared with what the median of all makes of it."""

from dataclasses import replace

import numpy as np

from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.image import resampling
from hexcal.steps.image.good_bits import bad_flags
from hexcal.steps.image.outliers_alone import flag_alone
from hexcal.steps.image.outliers_cores import scale_of_stars, smoothing_of, with_sharpened_scales
from hexcal.steps.image.outliers_images import CommonGrid, Limits, blotted, flag_outliers, median_of
from hexcal.steps.image.resampling import Grid, Manner


def require_common_grid(step, images, n_groups):
    """Return the WCS and the shape (ny, nx) of the grid that images are resampled to.

    Raises
    ------
    OutputTooLargeError
        If a resampled image would not fit into memory.
    """
    from hexcal.steps.image.output_size import require_room
    from hexcal.steps.image.output_wcs import mosaic_wcs

    wcs, shape = mosaic_wcs(images)
    given = step.parameters
    require_room(shape, 24 + 4 * n_groups * given.in_memory, images, given.allowed_memory, step.where)
    return wcs, shape


def flag_by_common_grid(step, science, groups):
    """Flag exposures that are resampled to a common grid.

    Parameters
    ----------
    step : OutlierDetectionStep
        Whose parameters hold; it tells of what was flagged, and saves what is in between where that is asked for.
    science : ModelContainer
        Calibrated images; flagged in place.
    groups : dict of str to list of int
        Of each exposure the numbers of its images, one for each detector.
    """
    from hexcal.steps.image.output_size import images_of
    from hexcal.steps.image.output_wcs import mean_scale

    given, images = step.parameters, images_of(science)
    wcs, shape = require_common_grid(step, images, len(groups))
    grid = Grid(wcs, shape, 1.0, mean_scale(images[0].wcs, images[0].shape))
    manner = Manner(
        kernel=given.kernel,
        pixfrac=given.pixfrac,
        fill=resampling.fill_of(given.fillval),
        weight_type=given.weight_type,
        bad=bad_flags(given.good_bits),
        map_step=given.pixmap_stepsize,
        map_order=given.pixmap_order,
        variances=False,
        context=False,
    )
    projections = [image.wcs for image in images]
    common = CommonGrid(science, projections, grid, manner, given.maskpt, given.in_memory)
    for numbers in groups.values():
        result = common.add(numbers)
        step.save_intermediate(science, numbers[0], "outlier_i2d", result.data, grid.wcs, wht=result.weights)
    median = common.median(step.median_rule())
    step.save_intermediate(science, 0, "median", median.values, grid.wcs, of_product=True)
    limits = Limits(step.pair_of("snr"), step.pair_of("scale"), given.grow)
    for number in range(len(science)):
        with science.borrowed(number, changed=step.changed()) as model:
            x, y = resampling.positions(projections[number], model.shape, grid.wcs, manner)
            expected = blotted(median.values, x, y)
            needs_counts = given.two_values == "lower" or given.alone == "sharpness" or given.sharpen
            counts = blotted(median.counts, x, y, linear=False) if needs_counts else None
            spread = None if median.spread is None else blotted(median.spread, x, y)
            _flag(step, model, expected, limits, science.name_of(number), counts, spread)
        step.save_intermediate(science, number, "blot", expected, None)


def _flag(step, model, expected, limits, name, counts, spread, resampled=True):
    level = resampling.level_of(model) + step.parameters.backg
    before = (model.dq & pixel.OUTLIER) == 0
    few = counts if step.parameters.two_values == "lower" else None
    limits = _limits_of(step, model, expected, limits, name, counts if resampled else None, spread, level)
    count = flag_outliers(model.data, model.err, model.dq, expected, limits, level, few, spread)
    if counts is not None and step.parameters.alone == "sharpness":
        compared = np.where(np.isfinite(expected), counts, np.float32(np.nan))
        more, limit = flag_alone(model.data, model.err, model.dq, compared)
        count += more
        step.log.debug("%s: %d pixels of one exposure are sharper than %s", name, more, limit)
    step.finish(model, before, name, count)


def _limits_of(step, model, expected, limits, name, counts, spread, level):
    """The limits that the stars of an exposure need, by what is asked for; without `counts` nothing is sharpened."""
    given = step.parameters
    if not (given.star_scale or given.sharpen):
        return limits
    usable = np.isfinite(model.data) & ((model.dq & pixel.DO_NOT_USE) == 0)
    image = (model.data, model.err, usable, expected, level)
    if given.sharpen and counts is not None:
        limits = replace(limits, sharpening=smoothing_of(*image, counts, spread))
        step.log.debug("%s: %.3f times its curvature is taken from the median", name, limits.sharpening)
    if not given.star_scale:
        return limits
    if limits.sharpening > 0:
        limits = with_sharpened_scales(*image, limits, counts, spread)
    else:
        limits = limits.with_scale(scale_of_stars(*image, limits, spread))
    if limits.star_scale not in (None, limits.scale[0]):
        step.log.info("%s: scale %.2f, for the cores of its stars", name, limits.star_scale)
    return limits


def flag_by_pixels(step, science):
    """Flag images that lie on one grid, compared as integrations are.

    Parameters
    ----------
    step : OutlierDetectionStep
        As of `flag_by_common_grid`.
    science : ModelContainer
        Calibrated images; flagged in place.

    Raises
    ------
    InputError
        If they are of different shapes.
    """
    from hexcal.models.scratch import Scratch
    from hexcal.steps.image.drizzling import weights_of
    from hexcal.steps.image.weight_threshold import weight_threshold

    given, scratch, images = step.parameters, Scratch(), []
    bad, shapes = bad_flags(given.good_bits), set()
    for number, model in enumerate(science.each()):
        shapes.add(model.shape)
        weights = weights_of(model.dq, bad, model.var_rnoise if given.weight_type == "ivm" else None)
        usable = (weights >= weight_threshold(weights, given.maskpt)) & (weights > 0)
        masked = np.where(usable, model.data - np.float32(resampling.level_of(model)), np.float32(np.nan))
        images.append(masked if given.in_memory else scratch.store(f"{number}.npy", masked))
    if len(shapes) > 1:
        raise InputError(
            f"without resample_data all images must have one shape, found {', '.join(map(str, sorted(shapes)))}",
            where=step.where,
        )
    median = median_of(images, step.median_rule())
    images.clear()
    scratch.remove()
    step.save_intermediate(science, 0, "median", median.values, None, of_product=True)
    snr = step.pair_of("snr")[0]
    needs_counts = given.two_values == "lower" or given.alone == "sharpness"
    counts, limits = median.counts if needs_counts else None, Limits((snr, snr), (0.0, 0.0), 0)
    for index in range(len(science)):
        with science.borrowed(index, changed=step.changed()) as model:
            _flag(step, model, median.values, limits, science.name_of(index), counts, median.spread, False)
