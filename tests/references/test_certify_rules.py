"""Reference files tried on the rules of a context, and compared with those before them."""

import numpy as np
import pytest
from crds_caches import make_cache
from delivered_files import FLAGS, dark, told

from hexcal.references.context import open_context
from hexcal.references.delivery.certify import Subject, certify
from hexcal.references.delivery.certify_changes import changes


@pytest.fixture
def context(tmp_path, monkeypatch):
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_PATH", "CRDS_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    return open_context("jwst_0002.pmap", make_cache(tmp_path / "cache"))


# ---- rules


def test_rules_that_do_not_take_it(tmp_path, context):
    made = certify(dark(tmp_path / "dark.fits", P_READPA=None, READPATT="RAPID"), "jwst", context=context)
    ((where, text),) = told(made)
    assert where == "jwst_nircam_dark_0002.rmap"
    assert "special case of the rule (NRCA1, RAPID|BRIGHT1, SUB64)" in text


@pytest.mark.req("MATCH-10")
def test_a_file_that_the_rules_name_already(tmp_path, context):
    """The rules decide, not the header: what they name is in use, whatever its header would ask for."""
    made = certify(
        dark(tmp_path / "jwst_nircam_dark_0003.fits", P_READPA=None, READPATT="RAPID"), "jwst", context=context
    )
    assert made.errors == []
    assert made.rule == "jwst_nircam_dark_0002.rmap names it already"


@pytest.mark.req("MATCH-10")
def test_a_value_that_is_new_to_the_rules(tmp_path, context):
    made = certify(dark(tmp_path / "dark.fits", P_READPA="DEEP8"), "jwst", context=context)
    assert told(made, "warnings") == [
        ("jwst_nircam_dark_0002.rmap", "P_READPA = DEEP8 occurs in no rule of jwst_nircam_dark_0002.rmap so far")
    ]
    assert made.rule.endswith(", a new rule")


def test_types_without_rules(tmp_path, context):
    flat = certify(dark(tmp_path / "f.fits", REFTYPE="FLAT", DATAMODL="FlatModel"), "jwst", context=context)
    assert "says N/A for flat of NIRCAM" in told(flat, "warnings")[-1][1]
    gain = certify(dark(tmp_path / "g.fits", REFTYPE="IPC", DATAMODL="IPCModel"), "jwst", context=context)
    assert "has no rules for ipc of NIRCAM" in told(gain, "warnings")[-1][1]


# ---- changes


def compared(old, new):
    return changes(Subject(old, "jwst"), Subject(new, "jwst"))


def test_nothing_changed(tmp_path):
    old = dark(tmp_path / "old.fits")
    assert compared(old, dark(tmp_path / "new.fits", DATE="2025-01-01T00:00:00", FILENAME="new.fits")) == []


def test_what_changed(tmp_path):
    old = dark(tmp_path / "old.fits")
    quality = np.zeros((6, 8), "u4")
    quality[0, :3] = 2
    data = np.ones((3, 6, 8), "f4")
    data[1] = 3
    data[2, 0, 0] = np.nan
    new = dark(tmp_path / "new.fits", drop=("ERR",), arrays={"SCI": data, "DQ": quality}, AUTHOR="B. Nother")
    assert compared(old, new) == [
        "AUTHOR: 'A. Nother' -> 'B. Nother'",
        "SCI: 49 of 144 values differ",
        "SCI: spread 0 -> 1",
        "SCI: greatest 1 -> 3",
        "SCI: not finite 0 -> 1",
        "ERR: is no longer there",
        "DQ: 3 of 48 values differ",
        "DQ: GOOD 47 -> 45 pixels",
        "DQ: DO_NOT_USE 1 -> 0 pixels",
        "DQ: HOT 0 -> 3 pixels",
    ]


def test_tables_and_shapes_that_changed(tmp_path):
    old = dark(tmp_path / "old.fits")
    new = dark(tmp_path / "new.fits", flags=FLAGS[:1], arrays={"ERR": np.full((2, 6, 8), 0.1, "f4")})
    lines = compared(old, new)
    assert "ERR: (3, 6, 8) float32 -> (2, 6, 8) float32" in lines
    assert "DQ_DEF: 2 -> 1 rows" in lines


def test_trees_that_changed(tmp_path):
    for name, value in (("old", 1.5), ("new", 2.5)):
        (tmp_path / f"{name}.json").write_text(
            f'{{"meta": {{"author": "{name}"}}, "apertures": [{{"xstart": {value}}}]}}'
        )
    lines = compared(str(tmp_path / "old.json"), str(tmp_path / "new.json"))
    assert lines == ["meta.author: 'old' -> 'new'", "apertures: list of 1 -> list of 1"]
