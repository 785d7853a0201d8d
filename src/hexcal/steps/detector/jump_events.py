"""Events of cosmic rays that hit hundreds of pixels: snowballs of near-infrared detectors."""

from hexcal.core import StepParameters, parameter
from hexcal.errors import InputError


class LargeEventParameters(StepParameters):
    """Parameters of the search for large events."""

    expand_large_events: bool = parameter(
        False, "Find snowballs (large events of near-infrared detectors), and flag their halo and core."
    )
    min_sat_area: float = parameter(1.0, "Smallest saturated core of a snowball.", unit="pixel", ge=0)
    min_jump_area: float = parameter(
        5.0, "Smallest region of jumps that can be a snowball, with what it encloses.", unit="pixel", ge=0
    )
    expand_factor: float = parameter(
        2.0, "Factor by which the minor axis of a snowball is enlarged; the major one grows by as many pixels.", ge=0
    )
    use_ellipses: bool = parameter(
        False, "Deprecated: the outline of an event is always an ellipse, which is nearly a circle for a snowball."
    )
    sat_required_snowball: bool = parameter(
        True, "A snowball has a newly saturated core, except near the edge; otherwise every large region is one."
    )
    min_sat_radius_extend: float = parameter(
        2.5, "Saturated cores are extended if their minor axis is at least as long as this.", unit="pixel", ge=0
    )
    sat_expand: int = parameter(2, "Extension of the radius of saturated cores.", unit="pixel", ge=0)
    edge_size: int = parameter(
        25, "Within this distance from the edge a snowball needs no saturated core.", unit="pixel", ge=0
    )
    mask_snowball_core_next_int: bool = parameter(
        True, "Flag the saturated cores that are extended as jumps in the next integration as well."
    )
    snowball_time_masked_next_int: int = parameter(
        4000, "Time in the next integration in which such a core is flagged.", unit="s", ge=0
    )
    max_extended_radius: int = parameter(
        200, "Largest radius that is flagged around a large event.", unit="pixel", ge=0
    )


def flag_snowballs(group_dq, parameters, group_time):
    """Flag the snowballs of a ramp, in place: their halo as jump, their core and its margin as saturated from then on.

    Regions of jumps (pixels that touch by sides or corners) have the ellipse of their second moments. A region that holds the centre of a core of newly
    saturated pixels, of its own group or of the next, or lies near the edge, is a snowball. See `hexcal.kernels.snowballs`.

    Parameters
    ----------
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags of the samples after the search for jumps.
    parameters : LargeEventParameters
        As documented.
    group_time : float or None, s
        Time between groups (keyword TGROUP).

    Returns
    -------
    int
        Number of snowballs.

    Raises
    ------
    InputError
        If cores shall be flagged in the next integration for some time and `group_time` is not known.
    """
    from hexcal.kernels.snowballs import SnowballTest
    from hexcal.kernels.snowballs import flag_snowballs as flag

    test = SnowballTest(
        least_jump_area=float(parameters.min_jump_area),
        least_core_area=float(parameters.min_sat_area),
        core_required=bool(parameters.sat_required_snowball),
        edge=float(parameters.edge_size),
        expand_factor=float(parameters.expand_factor),
        largest_radius=float(parameters.max_extended_radius),
        least_extended_core=float(parameters.min_sat_radius_extend),
        core_expansion=float(parameters.sat_expand),
        next_groups=masked_groups(parameters, group_dq.shape[0], group_time),
    )
    return int(flag(group_dq, test))


def masked_groups(parameters, n_ints, group_time):
    """Return the first group of the next integration in which cores are not flagged, ``floor(time / group_time)``; 0 for none."""
    wanted = parameters.mask_snowball_core_next_int and parameters.sat_required_snowball and n_ints > 1
    return whole_groups(parameters.snowball_time_masked_next_int, group_time) if wanted else 0


def whole_groups(time, group_time):
    """Return the number of whole groups in a time, ``floor(time / group_time)``; 0 for no time.

    Parameters
    ----------
    time : float, s
        Time after a jump.
    group_time : float or None, s
        Keyword TGROUP.

    Raises
    ------
    InputError
        If `time` is not 0 and `group_time` is not a positive number.
    """
    if time <= 0:
        return 0
    if not group_time or group_time <= 0:
        raise InputError(
            f"flagging groups for {time} s after a jump needs the time between groups, found {group_time}",
            where="keyword TGROUP",
            hint="set meta.exposure.group_time, or all times after a jump to 0",
        )
    return int(min(time // group_time, 2**31))
