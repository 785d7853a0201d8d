"""How an exposure is taken follows from the tables."""

import pytest

from hexcal.errors import InputError, ParameterError
from hexcal.observatories.jwst.readout import subarrays
from hexcal.simulate.mode import exposure_mode, reference_pixels


def test_defaults_are_a_full_frame_of_nircam():
    mode = exposure_mode()
    assert (mode.detector, mode.subarray, mode.readpatt, mode.exposure_type) == ("NRCA1", "FULL", "RAPID", "NRC_IMAGE")
    assert mode.shape == (1, 10, 2048, 2048)
    assert mode.n_outputs == 4
    assert mode.group_time == pytest.approx(10.73676)


def test_the_detector_is_one_that_has_the_subarray():
    mode = exposure_mode(subarray_name="SUB64P")
    assert mode.subarray in subarrays(mode.detector)
    assert mode.image_shape == (64, 64)


def test_group_time_counts_averaged_and_dropped_frames():
    mode = exposure_mode(readpatt="MEDIUM2", n_groups=3)
    assert mode.group_time == pytest.approx(10 * 10.73676)
    assert mode.frames_per_integration == 3 * 2 + 2 * 8


def test_time_series():
    assert exposure_mode("NIRCAM", tso=True).exposure_type == "NRC_TSIMAGE"
    assert exposure_mode("MIRI", tso=True).tso


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"subarray_name": "SUB321"}, "SUB320"),
        ({"detector": "NRCA11"}, "NRCA1"),
        ({"readpatt": "RAPIDD"}, "RAPID"),
        ({"filter_name": "F20W"}, "F200W"),
        ({"exposure_type": "NRC_IMAGES"}, "NRC_IMAGE"),
        ({"instrument": "NIRCAMM"}, "NIRCAM"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(wrong, right):
    with pytest.raises((ParameterError, InputError), match=f"did you mean '{right}'"):
        exposure_mode(**wrong)


@pytest.mark.parametrize("wrong", [{"n_groups": 0}, {"n_ints": 0}, {"frame_time": -1.0}])
def test_numbers_out_of_bounds(wrong):
    with pytest.raises(ParameterError):
        exposure_mode(**wrong)


def test_a_time_that_is_not_published_must_be_given():
    with pytest.raises(ParameterError, match="--frame-time"):
        exposure_mode("MIRI", subarray_name="SUB64_IP")
    assert exposure_mode("MIRI", subarray_name="SUB64_IP", frame_time=0.09).frame_time == 0.09


def test_reference_pixels_are_the_border_of_the_detector():
    whole = reference_pixels("NRCA1", 1, 1, 2048, 2048)
    assert whole.sum() == 2048**2 - 2040**2
    corner = reference_pixels("NRCA1", 1889, 1889, 160, 160)
    assert corner[:, -4:].all()
    assert corner[-4:].all()
    assert not corner[:-4, :-4].any()
    assert not reference_pixels("NRCALONG", 945, 945, 160, 160).any()
    miri = reference_pixels("MIRIMAGE", 1, 779, 72, 64)
    assert miri.sum() == 4 * 64
    assert miri[:, :4].all()
