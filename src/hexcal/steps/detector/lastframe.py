"""Leave out the last group of MIRI integrations."""

from hexcal.core import SkipStep, Step
from hexcal.models.dqflags import group


class LastFrameStep(Step):
    """Flag the last group of every MIRI integration, so that later steps leave it out."""

    alias = "lastframe"
    input_model = "RampModel"
    by_integration = True

    def process(self, ramp):
        if not ramp.is_miri:
            raise SkipStep("only MIRI exposures lose their last group", is_expected=True)
        n_groups = ramp.shape[1]
        if n_groups <= 2:
            raise SkipStep(f"at least 3 groups are needed to leave one out, found {n_groups}")
        flag_last_group(ramp.groupdq)
        return ramp


def flag_last_group(group_dq):
    """Set DO_NOT_USE in the last group of all integrations, in place.

    Parameters
    ----------
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags; more than two groups.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section lastframe.
    """
    group_dq[:, -1] |= group.DO_NOT_USE
