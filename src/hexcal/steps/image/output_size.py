"""Whether there is room for a mosaic, asked before it is made."""

import os

import numpy as np

from hexcal import memory
from hexcal.errors import ParameterError, ResourceError
from hexcal.steps.image.output_wcs import middle, separation

VARIABLE = "DMODEL_ALLOWED_MEMORY"
_GIB = 1 << 30


class OutputTooLargeError(ResourceError):
    """The mosaic would not fit into memory."""


def require_room(shape, bytes_per_pixel, images, allowed=None, where="the mosaic"):
    """Raise OutputTooLargeError if a mosaic would not fit into memory.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx).
    bytes_per_pixel : int
        What it needs.
    images : list of OnSky
        What it is made of: the one that lies farthest from the others is named.
    allowed : float, optional
        Part of the free memory that it may take. Default: the environment variable DMODEL_ALLOWED_MEMORY, else all.
    where : str
        For messages.

    Raises
    ------
    OutputTooLargeError
        With the size, and the reason where there is one.
    ParameterError
        If the environment variable is not a number from 0 to 1.
    """
    allowed = _from_environment() if allowed is None else allowed
    needed, free = shape[0] * shape[1] * bytes_per_pixel, free_memory()
    if free is None or needed <= free * (allowed or 1.0):
        return
    room = free * (allowed or 1.0)
    part = "" if allowed is None else f" (allowed: {100 * allowed:.3g} % of {free / _GIB:.3g})"
    raise OutputTooLargeError(
        f"the mosaic would have {shape[1]} x {shape[0]} pixels and take {needed / _GIB:.3g} GiB; "
        f"{room / _GIB:.3g} are there{part}",
        where=where,
        hint=_reason(images),
    )


def _from_environment():
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        allowed = float(text)
    except ValueError:
        allowed = -1.0
    if not 0 < allowed <= 1:
        raise ParameterError(
            f"the environment variable {VARIABLE} must be a number above 0, up to 1, got {text!r}", where=VARIABLE
        )
    return allowed


def free_memory():
    """Bytes of memory that a run can have; None where the platform does not tell."""
    found = [limit] if (limit := memory.limit()) is not None else []
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            found += [1024 * int(line.split()[1]) for line in stream if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pages = {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} & set(os.sysconf_names)
        found += [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")] if len(pages) == 2 else []
    return min(found) if found else None


def _reason(images):
    """What to do next: look at the exposure that lies apart, or ask for fewer pixels."""
    coarser = "ask for fewer pixels: a larger pixel_scale, or output_shape with crpix"
    if len(images) < 2:
        return coarser
    centers = [middle(image.corners) for image in images]
    extent = max(separation(centers[0], corner) for corner in images[0].corners)
    # The median distance to the others: one that points away is far from most.
    distances = [
        float(np.median([separation(center, other) for k, other in enumerate(centers) if k != number]))
        for number, center in enumerate(centers)
    ]
    farthest = int(np.argmax(distances))
    if distances[farthest] < 4 * extent or (len(images) > 2 and distances[farthest] < 1.5 * np.median(distances)):
        return coarser
    what = f"{images[farthest].name} lies {60 * distances[farthest]:.1f} arcmin from the others: is its pointing right?"
    if len(images) == 2:
        what = (
            f"{images[0].name} and {images[1].name} lie {60 * distances[0]:.1f} arcmin apart: "
            "are their pointings right?"
        )
    return f"{what} Take one out of the association, or make two mosaics"
