"""Mappings written as text."""

import os

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from hexcal.errors import ReferenceError_, ResourceError
from hexcal.references.delivery.new_file import new_file
from hexcal.references.mapping_file import Call, parse_mapping, read_mapping, sha1sum
from hexcal.references.mapping_text import mapping_text, write_mapping

HEADER = {"derived_from": "none", "mapping": "REFERENCE", "name": "tmt_iris_dark_0002.rmap", "sha1sum": ""}
SELECTOR = Call(
    "Match",
    (
        (
            ("IRIS1", "FULL|SUB 'a'"),
            Call("UseAfter", (("1900-01-01 00:00:00", "a.fits"), ("2020-01-01 00:00:00", "b.fits"))),
        ),
        (("IRIS2", "N/A"), "N/A"),
    ),
)
LITERALS = st.recursive(
    st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda below: st.lists(below, max_size=3) | st.tuples(below, below) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=6,
)
KEYS = st.text() | st.tuples(st.text(), st.text()) | st.integers() | st.just(())
SELECTORS = st.recursive(
    st.text(),
    lambda below: st.builds(
        lambda kind, rules: Call(kind, tuple(rules.items())),
        st.sampled_from(["Match", "UseAfter", "ClosestTime"]),
        st.dictionaries(KEYS, below, max_size=3),
    ),
    max_leaves=5,
).filter(lambda node: isinstance(node, Call))


def test_layout_of_an_rmap():
    """Line by line as CRDS writes it."""
    text = mapping_text(HEADER, SELECTOR, "\nwhy\n")
    lines = text.split("\n")
    assert lines[0] == "header = {"
    assert lines[1] == "    'derived_from' : 'none',"
    assert lines[5:9] == ["}", "", 'comment = """', "why"]
    assert lines[11] == "selector = Match({"
    assert lines[12] == "    ('IRIS1', \"FULL|SUB 'a'\") : UseAfter({"
    assert lines[13] == "        '1900-01-01 00:00:00' : 'a.fits',"
    assert lines[15:] == ["    }),", "    ('IRIS2', 'N/A') : 'N/A',", "})", ""]
    computed, recorded = sha1sum(text.encode())
    assert computed == recorded


@given(st.dictionaries(st.text(), LITERALS, max_size=4), SELECTORS, st.text())
def test_what_is_written_is_read_again(header, selector, comment):
    header = {**header, "mapping": "REFERENCE", "name": "x.rmap"}
    text = mapping_text(header, selector, comment)
    found = parse_mapping(text.encode(), "x.rmap")
    assert {key: value for key, value in found.header.items() if key != "sha1sum"} == {
        key: value for key, value in header.items() if key != "sha1sum"
    }
    assert (found.selector, found.comment) == (selector, comment)


@pytest.mark.req("MATCH-02")
def test_every_real_mapping_can_be_written_again(real_data):
    """The data are the same for all; the bytes for those that CRDS has written itself, and whose sum is right.

    Every fifth is tried.
    """
    folder = real_data / "crds_cache" / "mappings"
    count, same = 0, 0
    for path in sorted(folder.glob("*/*_????.?map"))[::5]:
        content = path.read_bytes()
        mapping = read_mapping(path, verify=False)
        text = mapping_text(mapping.header, mapping.selector, mapping.comment).encode()
        again = parse_mapping(text, str(path))
        assert {**again.header, "sha1sum": ""} == {**mapping.header, "sha1sum": ""}, path
        assert list(again.header) == list(mapping.header)
        assert (again.selector, again.comment) == (mapping.selector, mapping.comment)
        count, same = count + 1, same + (text == content)
    assert count > 400
    assert same > 0.99 * count


@pytest.mark.parametrize("value", [np.float32(1), float("inf"), {1, 2}, object()])
def test_a_value_that_no_mapping_can_hold_is_refused(value):
    with pytest.raises(ReferenceError_, match="cannot be written as a mapping"):
        mapping_text({**HEADER, "extra": value}, SELECTOR)


def test_a_mapping_is_never_overwritten(tmp_path):
    path = tmp_path / HEADER["name"]
    write_mapping(path, HEADER, SELECTOR)
    before = path.read_bytes()
    with pytest.raises(ReferenceError_, match="already exists"):
        write_mapping(path, {**HEADER, "derived_from": "other"}, SELECTOR)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [HEADER["name"]]
    assert read_mapping(path).selector == SELECTOR


def test_the_name_must_be_that_of_the_file(tmp_path):
    with pytest.raises(ReferenceError_, match=r"calls itself 'tmt_iris_dark_0002\.rmap'"):
        write_mapping(tmp_path / "tmt_iris_dark_0003.rmap", HEADER, SELECTOR)
    with pytest.raises(ReferenceError_, match="is not the name of a mapping"):
        write_mapping(tmp_path / "dark.txt", HEADER, SELECTOR)
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_when_writing_fails(tmp_path):
    with pytest.raises(TypeError), new_file(tmp_path / "a") as stream:
        stream.write("no bytes")
    assert os.listdir(tmp_path) == []
    with pytest.raises(ResourceError, match="cannot be written"), new_file(tmp_path / "absent" / "a"):
        pass


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with new_file(tmp_path / "a") as stream:
        stream.write(b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    with pytest.raises(ReferenceError_, match="already exists"), new_file(tmp_path / "a") as stream:
        stream.write(b"other")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"whole"
