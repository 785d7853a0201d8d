"""Subtract a reference that has one image per group, and possibly per integration, from a ramp.

What the dark and the reset correction share.
"""

from hexcal.errors import ReferenceError_

_ROWS = 64
"""Rows of an image that are in memory at one time, per thread: half a megabyte for 2048 columns, so that it is
subtracted while still in the cache.
"""


def require_same_subarray(ramp, reference, reference_type):
    """Raise ReferenceError_ if a reference that depends on the subarray is not of the size of the science data.

    Parameters
    ----------
    ramp : RampModel
        The exposure.
    reference : ReferenceModel
        The reference; never cut.
    reference_type : str
        How to call it.
    """
    if reference.shape is None or reference.shape[-2:] != ramp.shape[-2:]:
        actual = None if reference.shape is None else reference.shape[-2:]
        raise ReferenceError_(
            f"the {reference_type} reference must be of the subarray of the exposure: needed (ny, "
            f"nx) = {ramp.shape[-2:]}, "
            f"SUBARRAY = {ramp.meta.subarray.name}; found {actual}, SUBARRAY = {reference.meta.subarray.name}",
            where=str(reference.path or "a reference in memory"),
            hint=(
                f"the {reference_type} depends on the subarray and is not cut out of a larger one; give a matching file"
            ),
        )


def planes_of(first_integration, n_integrations, n_planes):
    """Match the integrations of an exposure, or of a segment of one, to the integrations of a reference.

    The last integration of the reference serves for all later ones of the exposure.

    Parameters
    ----------
    first_integration : int
        Number in the exposure of the first integration in the data, 1-based (INTSTART).
    n_integrations : int
        Integrations in the data.
    n_planes : int
        Integrations in the reference.

    Returns
    -------
    list of (int, int, int)
        Integration of the reference, and first and last + 1 index of the integrations in the data that it is for.
    """
    matched = []
    for integration in range(n_integrations):
        plane = min(first_integration - 1 + integration, n_planes - 1)
        if matched and matched[-1][0] == plane:
            matched[-1] = (plane, matched[-1][1], integration + 1)
        else:
            matched.append((plane, integration, integration + 1))
    return matched


def subtract_images(data, image_of, n_groups, matched, threads=None):
    """Subtract an image per group from the matching integrations, in place, a few rows at a time.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    image_of : callable
        ``image_of(plane, group, rows)`` gives rows (a slice) of the image to subtract, float32 (rows, nx); NaN counts
        as 0.
    n_groups : int
        Only the first `n_groups` groups are changed.
    matched : list of (int, int, int)
        As `planes_of` gives.
    threads : int, optional
        Default: the number of the run.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.subtract import subtract

    def correct(first_row, last_row):
        for first in range(first_row, last_row, _ROWS):
            last = min(first + _ROWS, last_row)
            for plane, first_integration, last_integration in matched:
                for group in range(n_groups):
                    image = image_of(plane, group, slice(first, last))
                    subtract(first, last, data, image, first, first_integration, last_integration, group, group + 1)

    run_bands(correct, data.shape[2], threads=threads)
