"""Mapping files are data."""

import os

import pytest
from crds_caches import DATES, pmap, rmap, write

from hexcal.errors import ReferenceError_, ResourceError
from hexcal.references.mapping_file import check_name, parse_mapping, read_mapping, sha1sum, write_sha1sum

GOOD = rmap("Match({'A' : UseAfter({'2014-01-01 00:00:00' : 'a.fits'}), 'B|C' : 'N/A'})", (("X.Y",), DATES))


@pytest.mark.req("MATCH-02", "MATCH-04")
def test_read(tmp_path):
    path = write(
        tmp_path, "jwst_nircam_dark_0001.rmap", GOOD.replace("\n\nselector", '\n\ncomment = """why"""\n\nselector')
    )
    mapping = read_mapping(path)
    assert mapping.name == "jwst_nircam_dark_0001.rmap"
    assert mapping.header["parkey"] == (("X.Y",), DATES)
    assert mapping.comment == "why"
    assert mapping.selector.selector == "Match"
    assert mapping.selector.rules[1] == ("B|C", "N/A")
    assert mapping.selector.rules[0][1].rules == (("2014-01-01 00:00:00", "a.fits"),)


@pytest.mark.parametrize(
    "content",
    [
        GOOD + "import os\n",
        GOOD.replace("'a.fits'", "__import__('os').system('touch hacked')"),
        GOOD.replace("'a.fits'", "open('hacked', 'w')"),
        GOOD.replace("'a.fits'", "f'{1}'"),
        GOOD.replace("'a.fits'", "('a.fits', 'b.fits')"),
        GOOD.replace("'a.fits'", "1"),
        GOOD.replace("Match(", "Match(*"),
        GOOD.replace("Match({", "Match({**{}, "),
        GOOD.replace("Match(", "Nonsense("),
        GOOD.replace("Match(", "os.Match("),
        GOOD.replace("'B|C'", "{}"),
        GOOD.replace("'none'", "print('x')"),
        GOOD.replace("'none'", "-'x'"),
        GOOD.replace("header =", "header = other ="),
        GOOD.replace("header =", "headers ="),
        GOOD.replace("'REFERENCE'", "'PIPELINE'"),
        GOOD.replace("Match({", "Match({{"),
        GOOD[: len(GOOD) // 2],
        "",
        "\0",
        "(" * 100_000,
        "header = {'mapping' : 'REFERENCE'}\nselector = {'A' : 'b'}\n",
        "header = 1\nselector = Match({})\n",
    ],
)
def test_anything_but_data_is_an_error_and_is_not_executed(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReferenceError_, match="the mapping is corrupt") as caught:
        parse_mapping(content.encode(), "x/jwst_nircam_dark_0001.rmap")
    assert len(str(caught.value).splitlines()) <= 5
    assert not (tmp_path / "hacked").exists()


def test_not_a_text():
    with pytest.raises(ReferenceError_, match="corrupt"):
        parse_mapping(b"header = '\xff\xfe'", "x.rmap")


def test_missing(tmp_path):
    with pytest.raises(ReferenceError_, match="does not exist"):
        read_mapping(tmp_path / "jwst_0001.pmap")


def test_an_altered_mapping_is_refused(tmp_path):
    path = write(tmp_path, "jwst_0001.pmap", pmap({"NIRCAM": "jwst_nircam_0001.imap"}))
    path.write_text(path.read_text().replace("0001.imap", "0002.imap"))
    with pytest.raises(ReferenceError_, match="has been altered: its sha1sum is"):
        read_mapping(path)
    assert read_mapping(path, verify=False).selector == {"NIRCAM": "jwst_nircam_0002.imap"}
    assert write_sha1sum(path)
    assert not write_sha1sum(path)
    read_mapping(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["jwst_0001.pmap"]


def test_a_sum_that_cannot_be_written_leaves_the_mapping_alone(tmp_path, monkeypatch):
    path = write(tmp_path, "jwst_0001.pmap", pmap({}), with_sum=False)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ResourceError, match="No space left"):
        write_sha1sum(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["jwst_0001.pmap"]


def test_no_sum_to_update(tmp_path):
    path = tmp_path / "jwst_0001.pmap"
    path.write_text("header = {}\n")
    with pytest.raises(ReferenceError_, match="no sha1sum"):
        write_sha1sum(path)


@pytest.mark.parametrize(
    "name", ["../x.pmap", "a/b.rmap", "..pmap", "a..b.rmap", "x.fits", "", ".rmap", "x.rmap\n", None, "~/x.pmap"]
)
def test_a_name_with_a_path_in_it_is_refused(name):
    with pytest.raises(ReferenceError_, match="not the name of a mapping"):
        check_name(name)


def test_all_real_mappings_are_read_and_their_sums_are_right(real_data):
    names = sorted((real_data / "crds_cache/mappings").glob("*/*.[pir]map"))
    assert len(names) > 2500
    wrong = set()
    for path in names:
        read_mapping(path, verify=False)
        computed, recorded = sha1sum(path.read_bytes())
        if computed != recorded:
            wrong.add(path.parent.name)
    assert wrong == {"ligeriri"}
