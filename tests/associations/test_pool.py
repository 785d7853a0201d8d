"""Pools: what is read and written, what is refused."""

import string

import numpy as np
import pytest
from astropy.io import ascii as astropy_ascii
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from hexcal.associations.pool import AssociationPool
from hexcal.errors import InputError, ResourceError

TEXT = """# Remark One
FILENAME|PROGRAM|EXP_TYPE|ASN_CANDIDATE
# another

A_uncal.fits|00001|NRC_IMAGE|[('o001', 'OBSERVATION')]
  # indented
B_uncal.fits | 00001 |NULL|
#C_uncal.fits|1|2|3
"""


def pool_file(folder, text=TEXT, name="jw00001_pool.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.req("GEN-07", "GEN-08", "GEN-09")
def test_a_pool_is_a_table_of_lower_case_texts(tmp_path):
    pool = AssociationPool.read(pool_file(tmp_path))
    assert isinstance(pool, Table)
    assert pool.colnames == ["filename", "program", "exp_type", "asn_candidate"]
    assert list(pool["filename"]) == ["a_uncal.fits", "b_uncal.fits"]
    assert list(pool["program"]) == ["00001", "00001"]  # a text, not the number 1
    assert all(pool[name].dtype.kind == "U" for name in pool.colnames)
    assert pool.meta["comments"] == ["Remark One", "another", "indented", "C_uncal.fits|1|2|3"]
    assert pool.name == "jw00001_pool.csv" and pool.meta["pool_file"].endswith("jw00001_pool.csv")


def test_items_are_plain_dicts_and_an_empty_cell_is_null(tmp_path):
    first, second = AssociationPool.read(pool_file(tmp_path)).exposures()
    assert first["asn_candidate"] == "[('o001', 'observation')]"
    assert second == {
        "filename": "b_uncal.fits",
        "program": "00001",
        "exp_type": "null",
        "asn_candidate": "null",
    }


@pytest.mark.req("GEN-08")
def test_items_of_a_table_made_in_memory_are_lower_case_texts_too():
    pool = AssociationPool({"FileName": ["A.fits", "B.fits"], "n": [1, 2], "flag": [True, False]})
    assert pool.exposures() == [
        {"filename": "a.fits", "n": "1", "flag": "true"},
        {"filename": "b.fits", "n": "2", "flag": "false"},
    ]
    masked = AssociationPool(Table({"a": np.ma.array(["X", "Y"], mask=[False, True])}))
    assert masked.exposures() == [{"a": "x"}, {"a": "null"}]
    assert pool.name == "in-memory"
    assert AssociationPool().exposures() == []


@pytest.mark.req("GEN-07")
@pytest.mark.parametrize("format", ["ascii.csv", "ascii.ecsv", "fits", "votable"])
def test_any_format_of_astropy_is_read(tmp_path, format):
    path = tmp_path / "pool.any"
    table = Table({"FILENAME": ["A_uncal.fits"], "PROGRAM": ["00001"]})
    table.write(path, format=format)
    options = {"delimiter": ","} if format == "ascii.csv" else {}
    pool = AssociationPool.read(path, format=format, **options)
    assert pool.exposures() == [{"filename": "a_uncal.fits", "program": "00001"}]


@pytest.mark.req("GEN-09")
def test_another_delimiter_and_options_of_astropy(tmp_path):
    path = pool_file(tmp_path, "skip this\nA,B\n1,X\n")
    pool = AssociationPool.read(path, delimiter=",", data_start=2, header_start=1)
    assert pool.exposures() == [{"a": "1", "b": "x"}]
    assert AssociationPool.read(pool_file(tmp_path, "A,B\n1,X\n"), delimiter=",").exposures() == [{"a": "1", "b": "x"}]


def test_quoted_cells_may_hold_the_delimiter(tmp_path):
    pool = AssociationPool.read(pool_file(tmp_path, 'A|B\n1|"x|Y"\n2|"say ""HI"""\n'))
    assert list(pool["b"]) == ["x|y", 'say "hi"']


@pytest.mark.req("GEN-09")
def test_what_is_written_is_read_again_the_same(tmp_path):
    pool = AssociationPool.read(pool_file(tmp_path))
    pool.write(tmp_path / "copy.csv")
    text = (tmp_path / "copy.csv").read_text().splitlines()
    assert text[:2] == ["# Remark One", "# another"] and text[4] == "filename|program|exp_type|asn_candidate"
    copy = AssociationPool.read(tmp_path / "copy.csv")
    assert copy.exposures() == pool.exposures()
    assert copy.meta["comments"] == pool.meta["comments"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_writing_replaces_a_file_only_when_told(tmp_path):
    pool, path = AssociationPool.read(pool_file(tmp_path)), tmp_path / "there.csv"
    path.write_text("precious")
    with pytest.raises(ResourceError, match="already exists"):
        pool.write(path)
    assert path.read_text() == "precious"
    pool.write(path, overwrite=True)
    assert len(AssociationPool.read(path)) == 2
    with pytest.raises(ResourceError):
        pool.write(tmp_path / "no" / "folder.csv")


_cells = st.text(string.ascii_lowercase + string.digits + " |\"'[](),_.-#", min_size=0, max_size=12).map(str.strip)


@given(st.lists(st.tuples(_cells, _cells), min_size=1, max_size=8))
def test_any_text_survives_writing_and_reading(tmp_path_factory, rows):
    # A line of which nothing is left, or that begins with the sign of a remark, cannot be told apart in this format.
    rows = [(f"f{first}", second) for first, second in rows]
    path = tmp_path_factory.mktemp("pool") / "pool.csv"
    AssociationPool({"a": [row[0] for row in rows], "b": [row[1] for row in rows]}).write(path)
    expected = [{"a": first, "b": second or "null"} for first, second in rows]
    assert AssociationPool.read(path).exposures() == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("# only\n# remarks\n", "empty"),
        ("A|B\n1|2\n\n3\n", "line 4"),
        ("A|B\n1|2|3\n", "line 2"),
        ("A|a\n1|2\n", "twice: a"),
        ("1|2\n3|4\n", "name every column"),
        ("|A|\n|1|\n", "name every column"),
        ('A|B\n# r\n"1|2"\n', "line 3"),
        ('A|B\n"1|2\n3|4\n', "line 3"),
    ],
)
def test_a_malformed_pool_is_refused(tmp_path, text, says):
    with pytest.raises(InputError) as caught:
        AssociationPool.read(pool_file(tmp_path, text))
    assert says in str(caught.value) and "jw00001_pool.csv" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 5


def test_files_that_are_no_pool(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        AssociationPool.read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="not a file"):
        AssociationPool.read(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00A|B")
    with pytest.raises(InputError, match="UTF-8"):
        AssociationPool.read(tmp_path / "binary.csv")
    with pytest.raises(InputError, match="as 'fits'"):
        AssociationPool.read(pool_file(tmp_path), format="fits")


def test_columns_that_rules_need(tmp_path):
    pool = AssociationPool.read(pool_file(tmp_path))
    pool.require(["filename", "exp_type"])
    with pytest.raises(InputError, match="visit_id") as caught:
        pool.require(["exp_type", "visit_id", "programme"])
    assert "program for programme?" in str(caught.value)
    with pytest.raises(InputError, match="no exposure"):
        AssociationPool.read(pool_file(tmp_path, "FILENAME|PROGRAM\n")).require(["filename"])


def test_exposures_that_are_listed_twice(tmp_path):
    pool = AssociationPool.read(pool_file(tmp_path, "FILENAME|N\nA|1\nB|2\na|3\n"))
    assert pool.duplicates() == {"a": [0, 2]}


@pytest.mark.req("GEN-07")
def test_pools_of_the_original_are_read_as_astropy_reads_them(real_data):
    for path in sorted((real_data / "pools").glob("*.csv")):
        pool = AssociationPool.read(path)
        expected = astropy_ascii.read(
            path, format="basic", delimiter="|", guess=False, converters={"*": [astropy_ascii.convert_numpy(str)]}
        )
        assert pool.colnames == [name.lower() for name in expected.colnames]
        for name in expected.colnames:
            values = ["null" if value is np.ma.masked else value.lower() for value in expected[name]]
            assert list(pool[name.lower()]) == values, (path.name, name)
        assert pool.meta.get("comments") == expected.meta.get("comments")
