"""Leave out the groups of bright pixels that lose charge to their neighbours."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.models.dqflags import group

MINIMUM_GROUPS = 3
"""Shorter ramps keep all they have."""


class ChargeMigrationStep(Step):
    """Flag groups in which bright pixels lose charge to their neighbours, in these pixels and around them."""

    alias = "charge_migration"
    input_model = "RampModel"
    by_integration = True

    class Parameters(StepParameters):
        """Parameters of the flagging of charge migration."""

        skip: bool = parameter(True, "Leave the step out.")
        signal_threshold: float = parameter(25000.0, "Signal above which a pixel loses charge.", unit="DN")

    def process(self, ramp):
        n_groups = ramp.shape[1]
        if n_groups < MINIMUM_GROUPS:
            raise SkipStep(
                f"charge migration can only be flagged in at least {MINIMUM_GROUPS} groups, found {n_groups}",
                is_expected=True,
            )
        n_bright = flag_charge_loss(ramp.data, ramp.groupdq, self.parameters.signal_threshold)
        self.tell_count(f"ramps that exceed {self.parameters.signal_threshold:g} DN: %d", n_bright)
        return ramp


def flag_charge_loss(data, group_dq, threshold, threads=None):
    """Set CHARGELOSS and DO_NOT_USE from the first group above a threshold to the end of the integration, in place.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags. Groups that are DO_NOT_USE for no other reason than that the pixel is bad do not count as above the
        threshold.
    threshold : float, DN
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int
        Number of ramps that exceed the threshold.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section charge_migration. That the four neighbours of a pixel, into which its
    charge goes, are flagged from the same group on is what releases 1.13.4 and 3.0.0 of the original do.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.charge_migration import find_first_above, flag_with_neighbors

    n_integrations, n_groups, ny, nx = data.shape
    first_above = np.empty((n_integrations, ny, nx), np.int32)
    run_bands(find_first_above, ny, data, group_dq, group.DO_NOT_USE, threshold, first_above, threads=threads)
    n_bright = int((first_above < n_groups).sum())
    if n_bright:
        run_bands(flag_with_neighbors, ny, first_above, group.CHARGELOSS | group.DO_NOT_USE, group_dq, threads=threads)
    return n_bright
