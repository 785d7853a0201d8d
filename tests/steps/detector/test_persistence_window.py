"""Persistence by a time window: which groups are flagged, and what one exposure leaves to the next."""

import asdf
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.steps.detector.persistence import PersistenceStep
from hexcal.steps.detector.persistence_window import flag_window

SAT, PERSISTENCE = 2, 32
TIME = 10.0


def window(data, flags=None, time=30.0, **more):
    """Flags (nints, ngroups) of a pixel with this signal."""
    data = np.atleast_2d(np.asarray(data, np.float32))[:, :, None, None]
    group_dq = np.zeros(data.shape, np.uint8)
    if flags is not None:
        group_dq[:] = np.atleast_2d(np.asarray(flags, np.uint8))[:, :, None, None]
    times = TIME * (np.arange(data.shape[0] * data.shape[1]).reshape(data.shape[:2]) + 1)
    flag_window(data, group_dq, times, time, 1000.0, **more)
    return group_dq[:, :, 0, 0].tolist()


@pytest.mark.parametrize(
    ("signal", "flags", "expected"),
    [
        # from the group with much light to the end of the window, the last moment included
        ([0, 5000, 0, 0, 0, 0, 0], None, [0, 32, 32, 32, 32, 0, 0]),
        # at the threshold is not above it
        ([0, 1000, 0, 0, 0, 0, 0], None, [0, 0, 0, 0, 0, 0, 0]),
        # another signal within the window does not make it longer; one after it opens the next
        ([0, 5000, 0, 5000, 0, 0, 0], None, [0, 32, 32, 32, 32, 0, 0]),
        ([5000, 0, 0, 0, 5000, 0, 0], None, [32, 32, 32, 32, 32, 32, 32]),
        # saturation opens one with its first group, whatever is open; not with the later ones
        ([0] * 7, [0, SAT, SAT, SAT, SAT, SAT, SAT], [0, 34, 34, 34, 34, 2, 2]),
        ([5000, 0, 0, 0, 0, 0, 0], [0, 0, SAT, SAT, SAT, SAT, SAT], [32, 32, 34, 34, 34, 34, 2]),
        ([np.nan, 0, 0, 0, 0, 0, 0], None, [0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_groups_soon_after_much_light(signal, flags, expected):
    assert window(signal, flags) == [expected]


def test_windows_reach_into_the_next_integration():
    assert window([[0, 0, 5000], [0, 0, 0]]) == [[0, 0, 32], [32, 32, 32]]
    # the first saturated group of each integration counts
    assert window([[0] * 3] * 2, [[SAT] * 3] * 2, 15.0) == [[34, 34, 2], [34, 34, 2]]
    assert window([0, 5000, 0], None, 10.0, discard=True) == [[0, 33, 33]]


def test_any_number_of_threads():
    rng = np.random.default_rng(1)
    data = np.where(rng.random((2, 5, 40, 9)) < 0.1, 5000, 0).astype(np.float32)
    times = TIME * (np.arange(10).reshape(2, 5) + 1)
    results = []
    for threads in (1, 3):
        flags = np.zeros(data.shape, np.uint8)
        end = flag_window(data, flags, times, 25.0, 1000.0, threads=threads)
        results.append((flags.tobytes(), end.tobytes()))
    assert results[0] == results[1]


def ramp(data, start=60000.0, detector="NRCA1", corner=(1, 1)):
    model = datamodels.RampModel(np.asarray(data, np.float32))
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", "NIRCAM", detector
    model.meta.exposure.type, model.meta.exposure.group_time, model.meta.exposure.start_time = "NRC_IMAGE", TIME, start
    where = model.meta.subarray
    where.xstart, where.ystart, where.xsize, where.ysize = *corner, model.shape[-1], model.shape[-2]
    model.meta.filename = "jw00001001001_02101_00001_nrca1_linearity.fits"
    return model


def test_one_exposure_leaves_its_windows_to_the_next(tmp_path):
    data = np.zeros((1, 4, 3, 5))
    data[0, 1, 1, 2] = data[0, 3, 2, 4] = 5000
    how = {"persistence_time": 40, "dn_threshold": 1000.0, "output_dir": str(tmp_path)}
    result = PersistenceStep.call(ramp(data), save_persistence=True, **how)
    assert result.meta.cal_step.persistence == "COMPLETE" and not result.pixeldq.any()
    np.testing.assert_array_equal(result.data, data)
    path = tmp_path / "jw00001001001_02101_00001_nrca1_pers.asdf"
    with asdf.open(path) as file:
        tree = file["NRCA1"]
        assert (np.array(tree["rows"]).tolist(), np.array(tree["cols"]).tolist()) == ([1, 2], [2, 4])
        assert tree["pers_time"] == 40
        # Unix time of MJD 60000, the end of the group, the window
        np.testing.assert_allclose(np.array(tree["vals"]) - 1677283200, [20 + 40, 40 + 40])
    how["persistence_array_file"] = str(path)
    later = ramp(np.zeros_like(data), 60000 + 40.0 / 86400 - 1e-9)
    flags = PersistenceStep.call(later, save_persistence="b.asdf", **how).groupdq
    assert flags[0, :, 1, 2].tolist() == [32, 32, 0, 0] and flags[0, :, 2, 4].tolist() == [32, 32, 32, 32]
    assert np.count_nonzero(flags) == 6 and (tmp_path / "b.asdf").exists()
    part = ramp(np.zeros((1, 4, 2, 2)), 60000 + 40.0 / 86400 - 1e-9, corner=(3, 2))
    assert np.argwhere(PersistenceStep.call(part, **how).groupdq[0, 0]).tolist() == [[0, 0]]


def test_a_file_of_another_window_or_detector_is_not_used(tmp_path, caplog):
    data = np.full((1, 3, 2, 2), 5000.0)
    how = {"dn_threshold": 1000.0, "output_dir": str(tmp_path)}
    PersistenceStep.call(ramp(data), persistence_time=40, save_persistence="a.asdf", **how)
    how["persistence_array_file"] = str(tmp_path / "a.asdf")
    dark = np.zeros_like(data)
    assert not PersistenceStep.call(ramp(dark), persistence_time=50, **how).groupdq.any()
    assert "of a window of 40 s, not of 50 s" in caplog.text
    assert not PersistenceStep.call(ramp(dark, detector="NRCA2"), persistence_time=40, **how).groupdq.any()
    assert "no persistence times of NRCA2" in caplog.text
    with pytest.raises(InputError, match="does not exist"):
        PersistenceStep.call(ramp(dark), persistence_time=40, persistence_array_file="nothere.asdf")


def test_bad_input(tmp_path):
    with pytest.raises(ParameterError):
        PersistenceStep(persistence_time=0)
    without = ramp(np.zeros((1, 2, 2, 2)))
    without.meta.exposure.start_time = None
    with pytest.raises(InputError, match="EXPSTART is None"):
        PersistenceStep.call(without, persistence_time=10)
    nothing = PersistenceStep.call(ramp(np.full((1, 2, 2, 2), np.nan)), persistence_time=10, dn_threshold=1.0)
    assert nothing.groupdq.any() == PERSISTENCE * 0
    assert PersistenceStep(save_persistence="true").save_persistence is True


def test_integrations_start_when_the_table_says():
    exposure = ramp(np.zeros((2, 3, 2, 2)))
    later = 60000 + 100 / 86400
    exposure.int_times = np.array(
        [(1, 60000.0), (2, later)], [("integration_number", "i4"), ("int_start_MJD_UTC", "f8")]
    )
    exposure.data[0, 2] = 5000
    flags = PersistenceStep.call(exposure, persistence_time=30, dn_threshold=1000.0).groupdq
    assert flags[:, :, 0, 0].tolist() == [[0, 0, 32], [0, 0, 0]]
