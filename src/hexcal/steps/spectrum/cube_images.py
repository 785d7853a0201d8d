"""Reference images of cubes: 1 where the source is, -1 where its background is, 0 elsewhere."""

import numpy as np

from hexcal.errors import ReferenceError_
from hexcal.steps.spectrum.extraction_reference import is_of_images, read_reference
from hexcal.steps.spectrum.image_extraction import fitted_image, image_sums, image_weights


def image_of_cube(references, model):
    """Return the reference image of a cube.

    Parameters
    ----------
    references : References
        Of the cube.
    model : IFUCubeModel
        (nwavelengths, ny, nx).

    Returns
    -------
    float32 array (nwavelengths, ny, nx) or None
        None where the extract1d reference has circles, or there is none.

    Raises
    ------
    ReferenceError_
        If no image fits.
    """
    if "extract1d" not in references or not is_of_images(references.chosen["extract1d"]):
        return None
    reference = read_reference(references.chosen["extract1d"])
    entry = reference.find(model.get_meta("name") or model.meta.exposure.type, None)
    if entry is None:
        raise ReferenceError_(
            f"there is no image for {model.meta.exposure.type}", where=reference.where, hint="the name ANY fits all"
        )
    image = np.asarray(entry.image)
    if image.ndim == 3 and len(image) != len(model.data):
        raise ReferenceError_(
            f"a reference image of cubes has one plane, or those of the cube ({len(model.data)}); it has {len(image)}",
            where=reference.where,
        )
    return np.broadcast_to(fitted_image(image, model.shape), model.shape)


def sums_of_image(data, errors, image):
    """Return the sums of each plane: float64 (nwavelengths, 6), in the order of `extract_planes`.

    The background is that of as many spaxels as the source has.

    Parameters
    ----------
    data, errors, image : float32 array (nwavelengths, ny, nx)
        The cube and its reference image.
    """
    sums = image_sums(data, (errors**2, None, None), image, (1, 2))
    return np.stack([sums[0], sums[1], sums[8], sums[4], sums[5], sums[8]], axis=1)


def weights_of_image(data, image):
    """Return in which share spaxels count in the sum less the background, and in its level: float64 (2, nz, ny, nx)."""
    weights = image_weights(data, image, (1, 2))
    weights[1] /= np.maximum(weights[1].sum(axis=(1, 2), keepdims=True), 1)
    return weights


def middle_of_image(image):
    """Return the mean place (x, y) of the source, spaxels; NaN without one."""
    rows, columns = np.nonzero((image > 0).any(axis=0))
    return (float(columns.mean()), float(rows.mean())) if len(rows) else (float("nan"), float("nan"))
