"""How much memory and time an exposure will take in stage 1, said before the work.

And how many integrations fit into the memory that a run may have.
"""

import math

from hexcal import memory
from hexcal.errors import ResourceError

_PROGRAM = 175e6
"""Bytes of the interpreter, the libraries and the compiled kernels."""
_SAMPLE = 5.2
"""Bytes of a sample of the ramp: its value, its flags, and what is marked of its neighbours."""
_IMAGES_WHOLE, _IMAGES_PER_INTEGRATION = 6, 1
"""Images of 4 bytes a pixel beside the ramp when all integrations are processed together: flags of the pixels,
references, saturation.
"""
_IMAGES_IN_BLOCKS, _IMAGES_PER_BLOCK = 26, 10
"""The same for blocks: references of all steps, sums over the integrations; and of each integration of a block its
rates.
"""
_PRODUCTS = 5
"""Images of a rate image: values, errors, flags, two variances."""
SECONDS_OF_SAMPLE = 40e-9
"""Time for one sample on one core, about."""


def bytes_needed(shape: tuple[int, ...], n_ints: int | None) -> float:
    """Return about how much memory a run takes.

    Parameters
    ----------
    shape : tuple of int
        Of the ramp, (nints, ngroups, ny, nx).
    n_ints : int or None
        Integrations in a block; None for an exposure that is worked on as a whole.

    Returns
    -------
    float
        Largest resident size of the process, bytes.
    """
    image, samples = 4.0 * math.prod(shape[2:]), math.prod(shape[1:])
    if n_ints is None:
        ramp = _SAMPLE * samples * shape[0]
        before = ramp + (_IMAGES_WHOLE + _IMAGES_PER_INTEGRATION * shape[0]) * image
        # The fit gives the memory of the ramp back while its results come.
        return _PROGRAM + max(before, (3 + _PRODUCTS * (1 + shape[0])) * image)
    return _PROGRAM + _SAMPLE * samples * n_ints + (_IMAGES_IN_BLOCKS + _IMAGES_PER_BLOCK * n_ints) * image


def limit_of(pipeline) -> int | None:
    """Bytes that the run may take.

    Parameter `maximum_memory`, else ``--memory``, else the environment variable HEXCAL_MEMORY; None for no bound.
    """
    own = getattr(pipeline.parameters, "maximum_memory", None)
    return memory.bound_of_run() if own is None else memory.parsed(own, "maximum_memory")


def integrations_at_once(shape: tuple[int, ...], block_bytes: int, limit: int | None) -> int:
    """Return how many integrations are processed together: all, if the exposure is small; as many as make a block.

    Fewer, if a limit asks for it.
    """
    n_ints, each = shape[0], max(1, block_bytes // (4 * math.prod(shape[1:])))
    if limit is None or (each >= n_ints and bytes_needed(shape, None) <= limit):
        return each
    each = min(each, n_ints - 1) if n_ints > 1 else 1
    while each > 1 and bytes_needed(shape, each) > limit:
        each -= 1
    return each


def tell(pipeline, shape: tuple[int, ...], n_ints: int | None, reason: str | None = None) -> None:
    """Log what a run is going to take.

    Parameters
    ----------
    pipeline : Pipeline
        That runs.
    shape, n_ints
        As of `bytes_needed`.
    reason : str, optional
        Why all integrations are processed together, although they are many.

    Raises
    ------
    ResourceError
        If that is more than the run may have.
    """
    needed, limit = bytes_needed(shape, n_ints), limit_of(pipeline)
    allowed = "" if limit is None else f" of the {limit / 1e6:.0f} MB that it may take"
    size = " x ".join(map(str, shape))
    pipeline.log.info(
        "%s samples: about %.0f MB of memory%s, and some %.1f s on one core",
        size,
        needed / 1e6,
        allowed,
        1 + SECONDS_OF_SAMPLE * math.prod(shape),
    )
    if limit is not None and needed > limit:
        together = f"all integrations at once ({reason})" if reason else "one integration at a time"
        raise ResourceError(
            f"the run needs about {needed / 1e6:.0f} MB for {together}, and may take {limit / 1e6:.0f} MB",
            where=str(pipeline.context.first_input or size) if pipeline.context else size,
            hint=f"give it more: --memory={math.ceil(needed / 1e8) / 10:.1f}GB",
        )
