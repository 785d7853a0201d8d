"""Subtraction of the dark current."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.steps.detector.dark_current import DarkCurrentStep


def make_ramp(shape=(2, 5, 4, 6), instrument="NIRCAM", value=100.0):
    ramp = datamodels.RampModel(np.full(shape, value, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", instrument
    ramp.meta.exposure.nints, ramp.meta.exposure.ngroups = shape[:2]
    return ramp


def make_dark(n_groups=12, shape=(4, 6), n_planes=None, n_frames=1, gap=0):
    """Dark of group g: g**2, plus 1000 per integration."""
    groups = np.arange(n_groups, dtype=np.float32)[:, None, None] ** 2 + np.zeros(shape, np.float32)
    if n_planes is None:
        dark = datamodels.DarkModel(groups)
        dark.dq = np.zeros(shape, np.uint32)
    else:
        dark = datamodels.DarkMIRIModel(groups + 1000 * np.arange(n_planes, dtype=np.float32)[:, None, None, None])
        dark.dq = np.zeros((n_planes, 1, *shape), np.uint32)
    dark.meta.exposure.nframes, dark.meta.exposure.groupgap = n_frames, gap
    return dark


def dark_of(result, y=0, x=0):
    return (100 - result.data[:, :, y, x]).tolist()


@pytest.mark.req("DARK-02", "DARK-04", "DARK-10", "DARK-01")
def test_group_by_group():
    ramp = make_ramp()
    ramp.meta.exposure.nframes, ramp.meta.exposure.groupgap = 1, 0
    result = DarkCurrentStep.call(ramp, override_dark=make_dark())
    assert dark_of(result) == [[0, 1, 4, 9, 16]] * 2
    assert result.meta.cal_step.dark_sub == "COMPLETE"


@pytest.mark.req("DARK-03")
@pytest.mark.parametrize(
    ("n_frames", "gap", "n_groups", "expected"),
    [(2, 0, 3, [0.5, 6.5, 20.5]), (2, 1, 3, [0.5, 12.5, 42.5]), (1, 1, 3, [0, 4, 16]), (4, 1, 2, [3.5, 43.5])],
)
def test_averaged_over_frames(n_frames, gap, n_groups, expected):
    ramp = make_ramp((2, n_groups, 4, 6))
    ramp.meta.exposure.nframes, ramp.meta.exposure.groupgap = n_frames, gap
    assert dark_of(DarkCurrentStep.call(ramp, override_dark=make_dark())) == [expected] * 2


def test_dark_of_the_same_readout_is_used_as_it_is():
    ramp = make_ramp((1, 3, 4, 6))
    ramp.meta.exposure.nframes, ramp.meta.exposure.groupgap = 8, 2
    assert dark_of(DarkCurrentStep.call(ramp, override_dark=make_dark(n_frames=8, gap=2))) == [[0, 1, 4]]


@pytest.mark.parametrize(("n_frames", "gap"), [(2, 0), (1, 1)])
def test_dark_with_coarser_readout_is_not_used(n_frames, gap):
    ramp = make_ramp()
    ramp.meta.exposure.nframes, ramp.meta.exposure.groupgap = 1, 0
    result = DarkCurrentStep.call(ramp, override_dark=make_dark(n_frames=n_frames, gap=gap))
    assert result.meta.cal_step.dark_sub == "SKIPPED"
    assert (result.data == 100).all()


@pytest.mark.req("DARK-07")
@pytest.mark.parametrize(
    ("n_frames", "gap", "n_groups", "enough"), [(1, 0, 5, True), (1, 0, 6, False), (2, 1, 2, True), (2, 1, 3, False)]
)
def test_dark_must_be_long_enough(n_frames, gap, n_groups, enough):
    ramp = make_ramp((1, n_groups, 4, 6))
    ramp.meta.exposure.nframes, ramp.meta.exposure.groupgap = n_frames, gap
    result = DarkCurrentStep.call(ramp, override_dark=make_dark(5))
    assert result.meta.cal_step.dark_sub == ("COMPLETE" if enough else "SKIPPED")
    assert (result.data == 100).all() != enough


@pytest.mark.req("DARK-04")
@pytest.mark.parametrize(
    ("first", "expected"), [(1, [0, 1000, 2000, 2000]), (2, [1000, 2000, 2000, 2000]), (7, [2000] * 4)]
)
def test_integrations_of_miri(first, expected):
    ramp = make_ramp((4, 3, 4, 6), "MIRI")
    ramp.meta.exposure.integration_start, ramp.meta.exposure.integration_end = first, first + 3
    result = DarkCurrentStep.call(ramp, override_dark=make_dark(n_planes=3))
    assert dark_of(result) == [[plane + group**2 for group in range(3)] for plane in expected]


@pytest.mark.req("DARK-12")
def test_dark_file_of_miri(tmp_path):
    """SCI and ERR have four dimensions, DQ has one plane for each integration."""
    planes = 1000 * np.arange(2, dtype="f4")[:, None, None, None] + np.zeros((2, 3, 4, 6), "f4")
    flags = np.zeros((2, 1, 4, 6), np.int32)
    flags[1, 0, 2, 3] = 2
    definitions = np.array([(1, 2, b"HOT", b"")], "i4,u4,S40,S80")
    definitions.dtype.names = ("BIT", "VALUE", "NAME", "DESCRIPTION")
    header = fits.Header(
        {
            "TELESCOP": "JWST",
            "INSTRUME": "MIRI",
            "REFTYPE": "DARK",
            "DATAMODL": "DarkMIRIModel",
            "NFRAMES": 1,
            "GROUPGAP": 0,
        }
    )
    extensions = (
        fits.ImageHDU(planes, name="SCI"),
        fits.ImageHDU(planes + 1, name="ERR"),
        fits.ImageHDU(flags, name="DQ"),
        fits.BinTableHDU(definitions, name="DQ_DEF"),
    )
    path = tmp_path / "dark.fits"
    fits.HDUList([fits.PrimaryHDU(header=header), *extensions]).writeto(path)
    with datamodels.open(path) as dark:
        assert type(dark) is datamodels.DarkMIRIModel
        assert dark.data.shape == dark.err.shape == (2, 3, 4, 6) and dark.dq.shape == (2, 1, 4, 6)
    result = DarkCurrentStep.call(make_ramp((2, 3, 4, 6), "MIRI"), override_dark=str(path))
    assert dark_of(result) == [[0] * 3, [1000] * 3]
    assert result.pixeldq[2, 3] == pixel.HOT and np.count_nonzero(result.pixeldq) == 1


@pytest.mark.req("DARK-05")
def test_flags_of_all_integrations_are_added_and_errors_stay():
    ramp = make_ramp((1, 3, 4, 6), "MIRI")
    ramp.err[:], ramp.pixeldq[0, 0] = 7, 4
    dark = make_dark(n_planes=2)
    dark.dq[0, 0, 0, 0], dark.dq[1, 0, 0, 1] = 1, 2
    result = DarkCurrentStep.call(ramp, override_dark=dark)
    assert result.pixeldq[0, :2].tolist() == [5, 2]
    assert (result.err == 7).all()


@pytest.mark.req("DARK-06")
@pytest.mark.parametrize(("n_frames", "expected"), [(1, [0, 0, 4]), (2, [0, 6.5, 20.5])])
def test_nan_counts_as_zero(n_frames, expected):
    ramp = make_ramp((1, 3, 4, 6))
    ramp.meta.exposure.nframes, ramp.meta.exposure.groupgap = n_frames, 0
    dark = make_dark()
    dark.data[1, 2, 3] = np.nan
    result = DarkCurrentStep.call(ramp, override_dark=dark)
    assert dark_of(result, 2, 3) == [expected]


@pytest.mark.req("DARK-08")
def test_no_subarray_is_cut_out():
    with pytest.raises(ReferenceError_, match=r"\(4, 6\).*\(32, 32\)"):
        DarkCurrentStep.call(make_ramp(), override_dark=make_dark(shape=(32, 32)))


@pytest.mark.req("DARK-09")
def test_skipped_without_reference():
    assert DarkCurrentStep.call(make_ramp(), override_dark="N/A").meta.cal_step.dark_sub == "SKIPPED"


@pytest.mark.req("DARK-11", "DARK-03", "DARK-12")
def test_averaged_dark_is_saved(tmp_path):
    ramp = make_ramp((1, 3, 4, 6))
    ramp.meta.exposure.nframes, ramp.meta.exposure.groupgap = 2, 1
    dark = make_dark()
    dark.err = np.full(dark.data.shape, 3, np.float32)
    dark.dq[1, 1] = 1
    dark.save(tmp_path / "dark.fits")
    DarkCurrentStep.call(
        ramp, override_dark=str(tmp_path / "dark.fits"), dark_output="averaged.fits", output_dir=str(tmp_path)
    )
    with datamodels.DarkModel(tmp_path / "averaged.fits") as averaged:
        assert averaged.data[:, 0, 0].tolist() == [0.5, 12.5, 42.5]
        np.testing.assert_allclose(averaged.err, np.sqrt(2 * 9) / 2, rtol=1e-6)
        assert averaged.dq[1, 1] == 1
        assert averaged.dq.sum() == 1
        assert (averaged.meta.exposure.nframes, averaged.meta.exposure.groupgap, averaged.meta.exposure.ngroups) == (
            2,
            1,
            3,
        )


def test_averaged_miri_dark_is_saved(tmp_path):
    ramp = make_ramp((1, 2, 4, 6), "MIRI")
    ramp.meta.exposure.nframes, ramp.meta.exposure.groupgap = 2, 0
    DarkCurrentStep.call(ramp, override_dark=make_dark(n_planes=2), dark_output=str(tmp_path / "averaged.fits"))
    with datamodels.DarkMIRIModel(tmp_path / "averaged.fits") as averaged:
        assert averaged.data[:, :, 0, 0].tolist() == [[0.5, 6.5], [1000.5, 1006.5]]
        assert averaged.dq.shape == (2, 1, 4, 6)


def test_the_averaged_dark_may_be_the_first_file_in_a_new_output_dir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uncal = write_uncal(tmp_path, shape=(1, 2, 4, 4))
    write_references(tmp_path / "refs", (1, 2, 4, 4))
    DarkCurrentStep.call(uncal, references="refs", dark_output="dark.fits", output_dir="new/er")
    assert (tmp_path / "new" / "er" / "dark.fits").exists()


@pytest.mark.parametrize(("given", "in_header", "expected"), [(0.5, 0.2, 0.5), (None, 0.2, 0.2), (None, None, None)])
def test_average_dark_current_is_noted_for_the_ramp_fit(given, in_header, expected):
    ramp = datamodels.RampModel(np.full((1, 3, 4, 5), 100, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name = "JWST", "NIRCAM"
    dark = datamodels.DarkModel(np.zeros((3, 4, 5), np.float32))
    dark.meta.exposure.average_dark_current = in_header
    result = DarkCurrentStep.call(ramp, override_dark=dark, average_dark_current=given)
    if expected is None:
        assert result.average_dark_current is None
    else:
        np.testing.assert_array_equal(result.average_dark_current, np.full((4, 5), expected, np.float32))
