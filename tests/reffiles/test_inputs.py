"""What calibration exposures are, by their headers."""

import pytest
from calibrations import START, write_header

from hexcal.errors import InputError, ParameterError
from hexcal.reffiles.inputs import Selection, read_inputs
from hexcal.reffiles.patterns import Count, parsed


@pytest.mark.req("RFF-07")
def test_the_kind_comes_from_the_header_not_from_the_name(tmp_path):
    write_header(tmp_path, "flat_looking", kind="NRC_DARK")
    write_header(tmp_path, "dark_looking", kind="NRC_LED")
    inputs, _ = read_inputs([tmp_path])
    assert {item.path.name: item.kind for item in inputs} == {
        "flat_looking_uncal.fits": "dark",
        "dark_looking_uncal.fits": "flat",
    }
    by_name, _ = read_inputs([tmp_path], Selection(dark_pattern="^dark", flat_pattern="^flat"))
    assert {item.path.name: item.kind for item in by_name} == {
        "flat_looking_uncal.fits": "flat",
        "dark_looking_uncal.fits": "dark",
    }


@pytest.mark.req("RFF-08")
def test_what_cannot_be_used_is_listed_with_the_reason(tmp_path):
    write_header(tmp_path, "a")
    write_header(tmp_path, "b", kind="NRC_IMAGE")
    (tmp_path / "c_uncal.fits").write_bytes(b"no FITS")
    inputs, left = read_inputs([tmp_path])
    assert [item.path.name for item in inputs] == ["a_uncal.fits"]
    assert "neither a dark nor a flat (EXP_TYPE NRC_IMAGE)" in {item.reason for item in left}
    assert {item.path.name for item in left} == {"b_uncal.fits", "c_uncal.fits"}
    with pytest.raises(InputError, match="no exposure is left"):
        read_inputs([tmp_path / "b_uncal.fits"])


@pytest.mark.req("RFF-06")
def test_files_folders_globs_and_lists_are_inputs(tmp_path):
    for name in ("a", "b", "c"):
        write_header(tmp_path / "raw", name)
    (tmp_path / "mine.txt").write_text("raw/a_uncal.fits\nraw/c_uncal.fits  # the best\n")
    names = lambda sources: [item.path.name[0] for item in read_inputs(sources)[0]]  # noqa: E731
    assert names([tmp_path / "raw"]) == names([str(tmp_path / "raw" / "*_uncal.fits")]) == ["a", "b", "c"]
    assert names([tmp_path / "mine.txt"]) == ["a", "c"]
    only_b, left = read_inputs([tmp_path / "raw"], Selection(basename_pattern="^b"))
    assert [item.path.name[0] for item in only_b] == ["b"] and len(left) == 2


@pytest.mark.req("RFF-09")
@pytest.mark.parametrize(
    ("keywords", "names", "expected"),
    [
        ({}, (), START),
        ({"EXPSTART": None, "DATE-BEG": "2023-02-25T12:00:00.000"}, (), 60000.5),
        ({"EXPSTART": None, "DATE-OBS": "2023-02-25", "TIME-OBS": "06:00:00"}, (), 60000.25),
        ({"DATE-END": "2023-02-26T00:00:00.000"}, ("DATE-END", "TIME-END"), 60001.0),
        ({"MYMJD": 59000.5}, ("MYMJD",), 59000.5),
    ],
)
def test_the_time_of_an_exposure(tmp_path, keywords, names, expected):
    write_header(tmp_path, "a", **keywords)
    ((item,), _) = read_inputs([tmp_path], Selection(time_keywords=names))
    assert item.mjd == pytest.approx(expected, abs=1e-6)


@pytest.mark.req("RFF-10")
def test_all_absent_keywords_of_all_files_are_one_error(tmp_path):
    write_header(tmp_path, "a", TGROUP=None)
    write_header(tmp_path, "b", NGROUPS=None, SUBARRAY=None)
    with pytest.raises(InputError, match=r"a_uncal\.fits: TGROUP; b_uncal\.fits: NGROUPS, SUBARRAY"):
        read_inputs([tmp_path])


@pytest.mark.req("RFF-12")
def test_the_same_exposure_is_used_once(tmp_path):
    write_header(tmp_path / "one", "a")
    write_header(tmp_path / "two", "a")
    inputs, left = read_inputs([tmp_path / "one", tmp_path / "two"])
    assert len(inputs) == 1 and "the same exposure as a_uncal.fits" in left[0].reason


@pytest.mark.req("RFF-28")
@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("D", {"dark": Count(1, 1)}),
        ("DD", {"dark": Count(2, 2)}),
        ("DDD", {"dark": Count(3, 3)}),
        ("D3", {"dark": Count(3, 3)}),
        ("D+", {"dark": Count(1, None)}),
        ("D5+", {"dark": Count(5, None)}),
        ("DDFF", {"dark": Count(2, 2), "flat": Count(2, 2)}),
        ("lamp_off:2,flat", {"lamp_off": Count(2, 2), "flat": Count(1, 1)}),
    ],
)
def test_the_grammar_of_imtypes(text, counts):
    assert parsed(text) == counts


@pytest.mark.parametrize("text", ["", "X", "DX", "D0", "D-", "dark:", "a,,b"])
def test_what_is_no_pattern_is_an_error(text):
    with pytest.raises(ParameterError, match="imtypes must be a pattern"):
        parsed(text)
