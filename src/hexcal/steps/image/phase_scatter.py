"""What the fluxes of stars in small apertures scatter as their centres lie in a pixel."""

import numpy as np

_BRIGHT = 100.0
_FEWEST = 5
_STAR_LIKE = 0.25
"""Stars have what they should in the smallest aperture, within this part of it; most galaxies have less."""
_CLIP, _CLIPPED_SQUARE = 2.5, 0.9775
"""Deviations count as no more than so many standard deviations; mean square of Gaussian ones that are so clipped."""
_HALVINGS = 40


def phase_scatter(flux, error, wide, wide_error, expected: float) -> np.ndarray:
    """Return what the fluxes of bright stars scatter beyond their noise, as a fraction of the flux.

    A star puts more or less of its light into a small aperture as its centre lies in a pixel; a wide aperture does not
    notice. Stars are those bright sources of which the smallest aperture holds what it should, within a quarter, and of
    these those that agree with most.

    Parameters
    ----------
    flux, error : float64 array (n_apertures, n)
    wide, wide_error : float64 array (n,)
        Of a wide aperture.
    expected : float
        What the smallest aperture holds of a star, as a part.

    Returns
    -------
    float64 array (n_apertures,)
        0 where there are fewer than 5 bright stars.
    """
    with np.errstate(all="ignore"):
        is_bright = (wide > _BRIGHT * wide_error) & (flux > 0).all(axis=0)
        ratio = flux / wide
        # The wide aperture contains the small one: only the ring between them has noise of its own.
        ring = np.sqrt(np.maximum(wide_error**2 - error**2, 0.0))
        noise = np.hypot((1 - ratio) * error / flux, ring / wide)
        is_bright &= np.abs(ratio[0] / expected - 1) < _STAR_LIKE
    result = np.zeros(len(flux))
    if np.count_nonzero(is_bright) < _FEWEST:
        return result
    middle = np.median(ratio[0, is_bright])
    spread = 1.4826 * np.median(np.abs(ratio[0, is_bright] - middle))
    is_star = is_bright & (np.abs(ratio[0] - middle) < 4 * max(spread, 0.01 * middle))
    if np.count_nonzero(is_star) < _FEWEST:
        return result
    for index, (values, errors) in enumerate(zip(ratio[:, is_star], noise[:, is_star], strict=True)):
        result[index] = intrinsic_scatter(values / np.median(values), errors)
    return result


def intrinsic_scatter(values, errors) -> float:
    """Return the standard deviation of what values scatter beyond their errors.

    Parameters
    ----------
    values, errors : float64 array (n,)
        Gaussian about one value; the errors are not 0.

    Returns
    -------
    float
        0 where the errors explain all.

    Notes
    -----
    The likelihood is largest where the sum of w (z**2 - 1) is 0, z being the deviation in units of its whole standard
    deviation and w the inverse of the square of that: values with large errors say little. As in the second proposal
    of Huber (1964, Ann. Math. Stat. 35, 73), deviations beyond 2.5 count as 2.5, so that a star beside another or one
    with a bad pixel does not count for many. What the mean is moved by each value is allowed for.
    """
    middle = np.median(values)

    def excess(scatter):
        sigma = np.hypot(errors, scatter)
        weights = sigma**-2 / (sigma**-2).sum()
        mean = middle + (weights * sigma * np.clip((values - middle) / sigma, -_CLIP, _CLIP)).sum()
        squares = np.minimum(((values - mean) / sigma) ** 2, _CLIP**2)
        return (weights * (squares - _CLIPPED_SQUARE * (1 - weights))).sum()

    low, high = 0.0, 5 * float(np.abs(values - middle).max())
    if high == 0 or excess(low) <= 0:
        return 0.0
    for _ in range(_HALVINGS):
        half = 0.5 * (low + high)
        low, high = (half, high) if excess(half) > 0 else (low, half)
    return high
