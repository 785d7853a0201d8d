"""Groups in which bright pixels lose charge."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.models.dqflags import group
from hexcal.steps.detector.charge_migration import ChargeMigrationStep, flag_charge_loss

LOSS = group.CHARGELOSS | group.DO_NOT_USE


def one_bright(values, size=5):
    """A ramp whose central pixel has these values."""
    data = np.full((1, len(values), size, size), 100, np.float32)
    data[0, :, size // 2, size // 2] = values
    return data


def run(data, flags=None, **parameters):
    ramp = datamodels.RampModel(data)
    ramp.meta.instrument.name = "NIRISS"
    if flags is not None:
        ramp.groupdq = flags
    return ChargeMigrationStep.call(ramp, skip=False, **parameters)


@pytest.mark.req("CHGMIG-01", "CHGMIG-02", "CHGMIG-05", "CHGMIG-06")
def test_from_the_first_group_above_the_threshold_to_the_last():
    result = run(one_bright([0, 25000, 26000, 10000, 30000]))
    assert result.groupdq[0, :, 2, 2].tolist() == [0, 0, LOSS, LOSS, LOSS]
    assert result.meta.cal_step.charge_migration == "COMPLETE"
    assert not run(one_bright([0, 25000, 26000]), signal_threshold=26000).groupdq.any()
    assert ChargeMigrationStep().signal_threshold == 25000 and ChargeMigrationStep().skip is True


def test_the_four_neighbours_get_the_charge():
    flags = run(one_bright([0, 20000, 40000])).groupdq[0, 2]
    assert [tuple(at) for at in np.argwhere(flags)] == [(1, 2), (2, 1), (2, 2), (2, 3), (3, 2)]


@pytest.mark.req("CHGMIG-03")
@pytest.mark.parametrize("n_groups", [1, 2])
def test_short_ramps_keep_all_groups(n_groups):
    result = run(one_bright([40000] * n_groups))
    assert not result.groupdq.any() and result.meta.cal_step.charge_migration == "SKIPPED"


def test_each_integration_by_itself_and_other_flags_stay():
    data = np.concatenate([one_bright([0, 30000, 40000]), one_bright([0, 0, 0])])
    flags = np.zeros(data.shape, np.uint8)
    flags[0, 1:, 2, 2] = group.SATURATED
    assert flag_charge_loss(data, flags, 25000) == 1
    assert flags[0, :, 2, 2].tolist() == [0, LOSS | group.SATURATED, LOSS | group.SATURATED]
    assert not flags[1].any()


def test_a_bad_pixel_has_no_charge_to_lose():
    data = one_bright([0, 30000, 40000])
    flags = np.zeros(data.shape, np.uint8)
    flags[0, :, 2, 2] = group.DO_NOT_USE
    assert flag_charge_loss(data, flags, 25000) == 0


def test_nan_is_not_bright():
    flags = np.zeros((1, 3, 5, 5), np.uint8)
    assert flag_charge_loss(one_bright([np.nan] * 3), flags, 25000) == 0
