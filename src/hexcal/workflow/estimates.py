"""How much memory and time a job takes, about: so that jobs that do not fit together are not started together."""

import math

from hexcal.core import budget

_PROGRAM = 750e6
"""Bytes of a worker with the libraries and the compiled kernels of stages 2 and 3."""
_IMAGES_STAGE2 = 30
"""Images of 4 bytes a pixel that the second stage holds: values, errors, flags, variances, before and after, the
resampled image.
"""
_IMAGES_STAGE3 = 40
"""The same for a mosaic, whatever the number of its exposures; it is larger than one of them."""
_SECONDS_STAGE2, _SECONDS_STAGE3 = 0.35e-6, 0.8e-6
"""Per pixel of an exposure."""
_START = 0.6
"""Seconds that any run takes."""


def of(pipeline: str, shape: tuple[int, int, int, int], number: int) -> tuple[int, float]:
    """Return about how much memory (bytes) and time (seconds, one core) a run takes.

    Parameters
    ----------
    pipeline : str
        Its alias.
    shape : tuple of int
        Of the largest of its exposures: (nints, ngroups, ny, nx).
    number : int
        Of science exposures.
    """
    n_ints, _, n_rows, n_columns = shape
    pixels = n_rows * n_columns
    if pipeline.endswith(("1", "_dark", "_guider")):
        block = budget.integrations_at_once(shape, 32 << 20, None)
        needed = budget.bytes_needed(shape, block if block < n_ints else None)
        return int(needed), _START + budget.SECONDS_OF_SAMPLE * math.prod(shape)
    if pipeline.endswith("2"):
        images = _IMAGES_STAGE2 + 6 * n_ints * (n_ints > 1)
        return int(_PROGRAM + 4 * images * pixels), _START + _SECONDS_STAGE2 * pixels * n_ints * number
    return int(_PROGRAM + 4 * _IMAGES_STAGE3 * pixels), _START + _SECONDS_STAGE3 * pixels * n_ints * number
