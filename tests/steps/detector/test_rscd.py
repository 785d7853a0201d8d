"""Flagging of the groups that the reset switch charge decay disturbs."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ParameterError, ReferenceError_
from hexcal.steps.detector.rscd import RscdStep, groups_to_skip


def make_ramp(shape=(2, 5, 4, 6), instrument="MIRI", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


def make_reference(*rows):
    reference = datamodels.RSCDModel()
    reference.rscd_group_skip_table = np.array(
        list(rows) or [("FULL", "FASTR1", 1, 3), ("FULL", "SLOWR1", 2, 4), ("MASK1140", "FASTR1", 0, 5)],
        [("subarray", "S17"), ("readpatt", "S12"), ("group_skip1", "i4"), ("group_skip", "i4")],
    )
    return reference


def make_exposure(n_integrations=3, n_groups=8, subarray="FULL", readpatt="FASTR1", **kwargs):
    ramp = make_ramp((n_integrations, n_groups, 4, 6), **kwargs)
    ramp.meta.subarray.name, ramp.meta.exposure.readpatt = subarray, readpatt
    return ramp


@pytest.mark.req("RSCD-01", "RSCD-02", "RSCD-09")
@pytest.mark.parametrize(("n_groups", "flagged"), [(3, False), (5, False), (6, False), (7, True), (12, True)])
def test_number_of_groups(n_groups, flagged):
    ramp = make_exposure(n_groups=n_groups)
    ramp.groupdq[1, 0, 0, 0] = 2
    result = RscdStep.call(ramp, override_rscd=make_reference())
    expected = ramp.groupdq.copy()
    expected[1:, :3] |= int(flagged)
    np.testing.assert_array_equal(result.groupdq, expected)
    assert result.meta.cal_step.rscd == ("COMPLETE" if flagged else "SKIPPED")


@pytest.mark.parametrize(
    ("subarray", "readpatt", "n_skip"), [("FULL", "SLOWR1", 4), ("MASK1140", "FASTR1", 5), ("SUB64", "FASTR1", 0)]
)
def test_number_depends_on_subarray_and_pattern(subarray, readpatt, n_skip):
    result = RscdStep.call(
        make_exposure(n_groups=9, subarray=subarray, readpatt=readpatt), override_rscd=make_reference()
    )
    assert result.groupdq[1, :, 0, 0].tolist() == [1] * n_skip + [0] * (9 - n_skip)
    assert result.meta.cal_step.rscd == ("COMPLETE" if n_skip else "SKIPPED")


def test_later_segment_has_no_first_integration():
    ramp = make_exposure()
    ramp.meta.exposure.integration_start, ramp.meta.exposure.integration_end = 4, 6
    assert (RscdStep.call(ramp, override_rscd=make_reference()).groupdq[:, :3] == 1).all()


@pytest.mark.req("RSCD-01")
def test_first_integration_is_not_changed():
    result = RscdStep.call(make_exposure(1), override_rscd=make_reference())
    assert result.meta.cal_step.rscd == "COMPLETE"
    assert not result.groupdq.any()


@pytest.mark.req("RSCD-03")
def test_nothing_else_changes():
    ramp = make_exposure()
    ramp.err[:], ramp.pixeldq[0, 0] = 7, 4
    result = RscdStep.call(ramp, override_rscd=make_reference())
    assert (result.data == 100).all()
    assert (result.err == 7).all()
    assert result.pixeldq.sum() == 4


@pytest.mark.req("RSCD-01")
def test_only_miri():
    result = RscdStep.call(make_exposure(instrument="NIRCAM"), override_rscd=make_reference())
    assert result.meta.cal_step.rscd == "SKIPPED"
    assert not result.groupdq.any()


@pytest.mark.req("RSCD-04")
def test_enhanced_is_refused():
    assert RscdStep().parameters.type == "baseline"
    with pytest.raises(ParameterError, match="never enabled"):
        RscdStep.call(make_exposure(), override_rscd=make_reference(), type="enhanced")
    with pytest.raises(ParameterError):
        RscdStep(type="other")


def test_table_is_read_from_a_file(tmp_path):
    reference = make_reference()
    reference.save(tmp_path / "rscd.fits")
    result = RscdStep.call(make_exposure(), override_rscd=str(tmp_path / "rscd.fits"))
    assert result.groupdq[1, :, 0, 0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]


def test_older_table_and_wrong_table():
    table = np.array([("FULL ", "FASTR1", 4)], [("SUBARRAY", "U13"), ("READPATT", "U8"), ("GROUP_SKIP", "i2")])
    assert groups_to_skip(table, "FULL", "FASTR1") == 4
    with pytest.raises(ReferenceError_, match="no such table"):
        groups_to_skip(None, "FULL", "FASTR1")
    with pytest.raises(ReferenceError_, match="missing: group_skip"):
        groups_to_skip(np.zeros(1, [("subarray", "S4"), ("readpatt", "S4")]), "FULL", "FASTR1")
