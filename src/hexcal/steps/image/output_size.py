"""Whether a mosaic can be made, and makes sense, asked before it is made."""

import os
from decimal import Decimal

import numpy as np

from hexcal import memory
from hexcal.errors import ParameterError, ResourceError
from hexcal.steps.image.one_unit import require_one_unit, unit_of
from hexcal.steps.image.output_wcs import middle, on_sky, separation
from hexcal.steps.wcs.evaluate import pixel_to_sky, sky_to_pixel

VARIABLE = "DMODEL_ALLOWED_MEMORY"
_GIB = 1 << 30


class OutputTooLargeError(ResourceError):
    """The mosaic would not fit into memory."""


def images_of(science):
    """Return where the members of a container lie on the sky (list of OnSky).

    Raises
    ------
    InputError
        If one has no WCS of an image, or not all are in the same unit.
    """
    images, units = [], []
    for number, model in enumerate(science.each()):
        images.append(on_sky(model, science.name_of(number)))
        units.append((science.name_of(number), unit_of(model)))
    require_one_unit(units)
    return images


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
    # Absurd scales give numbers of pixels that no float can hold.
    needed, free = Decimal(int(shape[0])) * int(shape[1]) * bytes_per_pixel, free_memory()
    if free is None or needed <= (room := free * (allowed or 1.0)):
        return
    part = "" if allowed is None else f" (allowed: {100 * allowed:.3g} % of {free / _GIB:.3g})"
    raise OutputTooLargeError(
        f"the mosaic would have {_count(shape[1])} x {_count(shape[0])} pixels and take {needed / _GIB:.3g} GiB; "
        f"{room / _GIB:.3g} are there{part}",
        where=where,
        hint=_reason(images),
    )


def _count(number):
    return f"{number}" if number < 10**9 else f"{Decimal(int(number)):.3g}"


def require_overlap(wcs, shape, images, where, hint):
    """Raise ParameterError if no exposure lies on the grid that is asked for.

    Parameters
    ----------
    wcs : gwcs.WCS
        Of the grid.
    shape : tuple of int
        (ny, nx).
    images : list of OnSky
        The exposures.
    where, hint : str
        The parameter that gives the grid, and what to do with it.
    """
    for image in images:
        x, y = sky_to_pixel(wcs, image.corners[:, 0], image.corners[:, 1])
        if x.max() > -0.5 and x.min() < shape[1] - 0.5 and y.max() > -0.5 and y.min() < shape[0] - 0.5:
            return
    middle_of_grid = tuple(float(value[0]) for value in pixel_to_sky(wcs, [(shape[1] - 1) / 2], [(shape[0] - 1) / 2]))
    distance = min(separation(middle_of_grid, middle(image.corners)) for image in images)
    raise ParameterError(
        f"no exposure lies on the mosaic that is asked for, of {shape[1]} x {shape[0]} pixels about RA "
        f"{middle_of_grid[0]:.5f}, Dec {middle_of_grid[1]:.5f}; the nearest is {60 * distance:.3g} arcmin away",
        where=where,
        hint=hint,
    )


def doubts(shape, scale_ratio, images, crval=None):
    """Yield what is strange in a mosaic that can be made.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx).
    scale_ratio : float
        Size of its pixels in pixels of the first exposure.
    images : list of OnSky
        The exposures.
    crval : tuple of 2 float, optional
        The reference point, RA and Dec in degrees, where it is asked for.

    Yields
    ------
    str
        A sentence.
    """
    if crval is not None:
        distance = max(separation(crval, middle(image.corners)) for image in images)
        if distance > _FAR:
            smaller = 100 * (1 - np.cos(np.radians(min(distance, 90.0))) ** 1.5)
            yield (
                f"crval lies {distance:.3g} degrees from an exposure, whose pixels in the mosaic are therefore "
                f"{smaller:.2g} % smaller than asked for: is it right?"
            )
    share = sum(image.shape[0] * image.shape[1] for image in images) / (shape[0] * shape[1] * scale_ratio**2)
    if len(images) > 1 and share < _LITTLE and (away := _pointing_away(images)):
        yield f"at least {100 * (1 - share):.1f} % of the mosaic is empty: {away}"


_FAR = 2.0
"""Degrees from the tangent point where pixels differ by 0.1 % in size."""
_LITTLE = 0.1
"""Part of a mosaic; if the exposures cover less, it is looked at whether one points away."""


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
    limits = [limit] if (limit := memory.limit()) is not None else []
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            limits += [1024 * int(line.split()[1]) for line in stream if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pages = {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} & set(os.sysconf_names)
        limits += [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")] if len(pages) == 2 else []
    return min(limits) if limits else None


def _reason(images):
    """What to do next: look at the exposure that lies apart, or ask for fewer pixels."""
    away = _pointing_away(images)
    if away is None:
        return "ask for fewer pixels: a larger pixel_scale, or output_shape with crpix"
    return f"{away} Take one out of the association, or make two mosaics"


def _pointing_away(images):
    """Which of the exposures lies apart, as a question; None where none does."""
    if len(images) < 2:
        return None
    centers = [middle(image.corners) for image in images]
    extent = max(separation(centers[0], corner) for corner in images[0].corners)
    fields = _fields(centers, 4 * extent)
    if len(fields) < 2:
        return None
    away = min(fields, key=len)
    apart = 60 * min(
        separation(centers[number], centers[k]) for number in away for k in set(range(len(images))) - {*away}
    )
    name = images[away[0]].name
    if len(images) == 2:
        return f"{name} and {images[1].name} lie {apart:.1f} arcmin apart: are their pointings right?"
    if len(away) == 1:
        return f"{name} lies {apart:.1f} arcmin from the others: is its pointing right?"
    return f"{name} and {len(away) - 1} more lie {apart:.1f} arcmin from the others: are their pointings right?"


def _fields(centers, reach):
    """Group places, each of which has another one of its group within `reach` degrees (lists of their numbers)."""
    left, fields = list(range(len(centers))), []
    while left:
        field, new = [], [left.pop(0)]
        while new:
            place = new.pop()
            field.append(place)
            near = [k for k in left if separation(centers[place], centers[k]) <= reach]
            left, new = [k for k in left if k not in near], new + near
        fields.append(sorted(field))
    return fields
