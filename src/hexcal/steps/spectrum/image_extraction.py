"""Extraction by a reference image: 1 where the source is, -1 where its background is, 0 elsewhere."""

import numpy as np


def fitted_image(image, shape):
    """Return a reference image cut, or filled up with zeros, to a shape (ny, nx), both begin at the first pixel."""
    image = np.asarray(image)
    result = np.zeros((*image.shape[:-2], *shape[-2:]), np.float32)
    ny, nx = min(image.shape[-2], shape[-2]), min(image.shape[-1], shape[-1])
    result[..., :ny, :nx] = image[..., :ny, :nx]
    return result


def image_sums(data, variances, image, axis):
    """Return sums over the source, less the background scaled to as many pixels.

    Parameters
    ----------
    data : float32 array
        NaN does not count.
    variances : sequence of 3 float32 arrays or None
        VAR_POISSON, VAR_RNOISE, VAR_FLAT, of the same shape.
    image : float32 array
        Of the same shape, or one that is broadcast to it.
    axis : int or tuple of int
        Axes that are summed over.

    Returns
    -------
    float64 array (9, ...)
        In the order of `hexcal.kernels.extraction`: sum, its variances, background in it, its variances, pixels.
    """
    finite = np.isfinite(data)
    source, beside = (image > 0) & finite, (image < 0) & finite
    n_source, n_beside = source.sum(axis=axis), beside.sum(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(n_beside > 0, n_source / n_beside, 0.0)
    planes = [np.sum(data, axis=axis, where=source, dtype=np.float64)]
    planes += [_sum(variance, source, axis) for variance in variances]
    planes += [np.sum(data, axis=axis, where=beside, dtype=np.float64) * ratio]
    planes += [_sum(variance, beside, axis) * ratio**2 for variance in variances]
    return np.array([*planes, n_source.astype(float)])


def _sum(variance, where, axis):
    if variance is None:
        return np.zeros(where.sum(axis=axis).shape)
    return np.sum(variance, axis=axis, where=where & np.isfinite(variance), dtype=np.float64)


def image_weights(data, image, axis):
    """Return with which factors the pixels count in `image_sums`.

    Parameters
    ----------
    data : float32 array
        NaN does not count.
    image : float32 array
        Of the same shape: 1 where the source is, -1 where its background is.
    axis : int or tuple of int
        Axes that are summed over.

    Returns
    -------
    float64 array (2, ...)
        In the sum less the background, and in the background.
    """
    source, beside = (image > 0) & np.isfinite(data), (image < 0) & np.isfinite(data)
    n_source, n_beside = (which.sum(axis=axis, keepdims=True) for which in (source, beside))
    background = np.where(beside, n_source / np.maximum(n_beside, 1), 0.0)
    return np.stack([source - background, background])
