"""The formulas that planes are compared with, on ramps whose signal at exposure time zero is known."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

PARITY = Path(__file__).parents[2] / "parity"


@pytest.fixture(scope="module")
def formulas():
    sys.path.insert(0, str(PARITY))
    try:
        spec = importlib.util.spec_from_file_location("parity_formulas", PARITY / "formulas.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(PARITY))


@pytest.fixture
def ramp(tmp_path):
    """Signal 500 DN at time zero, 3 DN/s; four frames of 2 s a group, one frame dropped before the first.

    Groups 10 s apart.
    """
    times = (0.5 * (4 + 1) + 1) * 2 + 10 * np.arange(5)
    data = (500 + 3 * times)[None, :, None, None] + np.zeros((2, 5, 2, 3))
    flags = np.zeros(data.shape, "u1")
    flags[1, :, 0, 2] = 2
    header = fits.Header({"NFRAMES": 4, "DRPFRMS1": 1, "TFRAME": 2.0, "TGROUP": 10.0})
    hdus = [fits.PrimaryHDU(header=header), fits.ImageHDU(data, name="SCI"), fits.ImageHDU(flags, name="GROUPDQ")]
    path = tmp_path / "ramp.fits"
    fits.HDUList(hdus).writeto(path)
    return path


def rates(value=3.0):
    return np.full((2, 2, 3), value)


def test_the_pedestal_is_the_signal_at_exposure_time_zero(formulas, ramp):
    found = formulas.pedestal(ramp, rates())
    assert found[1, 0, 2] == 0, "its first group is saturated"
    found[1, 0, 2] = 500
    np.testing.assert_allclose(found, 500)


def test_it_begins_at_the_first_group_that_is_used(formulas, ramp):
    with fits.open(ramp, mode="update") as hdus:
        hdus["GROUPDQ"].data[:, 0] = 1
        hdus["SCI"].data[:, 0] = -9e9
    np.testing.assert_allclose(formulas.pedestal(ramp, rates())[0], 500)


def test_the_peer_takes_one_second(formulas, ramp):
    np.testing.assert_allclose(formulas.pedestal(ramp, rates(), formulas.PEER_SECONDS)[0], 500 + 3 * 7 - 3)


def test_every_wrong_value_is_counted_and_no_number_is_made_up(formulas):
    expected = np.array([[1.0, 2.0, np.nan, np.nan, np.nan, 0.0]])
    found = np.array([[1.0, 2.1, np.nan, 0.0, 7.0, np.nan]])
    result = formulas.compare_with("P", found, expected, 4e-3)
    assert (result.differing, result.size) == (3, 6)
    assert [place for place, *_ in result.examples] == [(0, 1), (0, 4), (0, 5)]
    assert not result.passed() and formulas.compare_with("P", expected, expected, 4e-3).passed()
