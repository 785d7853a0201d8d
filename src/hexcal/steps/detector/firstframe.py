"""Leave out the first group of MIRI integrations."""

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.models.dqflags import group, pixel


class FirstFrameStep(Step):
    """Flag the first group of every MIRI integration, so that later steps leave it out."""

    alias = "firstframe"
    input_model = "RampModel"
    by_integration = True

    class Parameters(StepParameters):
        bright_use_group1: bool = parameter(
            False, "Keep the first group of pixels that saturate by the third, and flag them FLUX_ESTIMATED."
        )

    def process(self, ramp):
        if not ramp.is_miri:
            raise SkipStep("only MIRI exposures lose their first group", is_expected=True)
        n_groups = ramp.shape[1]
        if n_groups <= 3:
            raise SkipStep(f"at least 4 groups are needed to leave one out, found {n_groups}")
        kept = flag_first_group(ramp.groupdq, ramp.pixeldq, self.parameters.bright_use_group1)
        if self.parameters.bright_use_group1:
            text = "the first group is kept in %d pixels that saturate early, counted over all integrations"
            self.tell_count(text, kept)
        return ramp


def flag_first_group(group_dq, pixel_dq, keep_bright=False):
    """Set DO_NOT_USE in the first group of all integrations, in place.

    Parameters
    ----------
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags; more than three groups.
    pixel_dq : uint32 array (ny, nx)
        Gets FLUX_ESTIMATED where a first group is kept.
    keep_bright : bool
        Keep the first group of pixels whose third group is SATURATED: without it they would have too little left to
        give a rate.

    Returns
    -------
    int
        Number of first groups kept.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section firstframe. `keep_bright` is not in the documents; it is what jwst
    3.0.0 does with ``bright_use_group1``.
    """
    kept = 0
    for flags in group_dq:
        if keep_bright:
            bright = (flags[2] & group.SATURATED) != 0
            flags[0][~bright] |= group.DO_NOT_USE
            pixel_dq[bright] |= pixel.FLUX_ESTIMATED
            kept += int(bright.sum())
        else:
            flags[0] |= group.DO_NOT_USE
    return kept
