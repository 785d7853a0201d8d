"""Reference files added to the rules: under the right rule, with nothing else changed."""

import os
import random
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from astropy.io import fits
from crds_caches import DATES, header, imap, make_cache, pmap, rmap, write
from hypothesis import given, settings

from hexcal.errors import HexcalError, ReferenceError_, ResourceError
from hexcal.references.context import open_context
from hexcal.references.delivery.insert import insert
from hexcal.references.delivery.insert_rule import put
from hexcal.references.delivery.new_mappings import next_name
from hexcal.references.mapping_file import Call, read_mapping
from hexcal.references.patterns import Pattern

DETECTORS, PATTERNS, SUBARRAYS = (
    ("NRCA1", "NRCA2", "NRCBLONG"),
    ("RAPID", "BRIGHT1", "DEEP8"),
    ("FULL", "SUB64", "SUB160"),
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_PATH", "CRDS_READONLY_CACHE", "CRDS_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    return make_cache(tmp_path / "cache", operational_context="jwst_0002.pmap")


def reference(path, **changes):
    """A dark for NRCA1, SUB64, RAPID or BRIGHT1; None leaves a keyword out."""
    keywords = {
        "TELESCOP": "JWST",
        "INSTRUME": "NIRCAM",
        "REFTYPE": "DARK",
        "DETECTOR": "NRCA1",
        "P_READPA": "BRIGHT1|RAPID|",
        "SUBARRAY": "SUB64",
        "USEAFTER": "2023-04-05T06:07:08",
        **changes,
    }
    made = fits.Header({name: value for name, value in keywords.items() if value is not None})
    fits.HDUList([fits.PrimaryHDU(header=made), fits.ImageHDU(np.zeros((2, 2), "f4"))]).writeto(path, overwrite=True)
    return str(path)


def context(root, name="jwst_0002.pmap"):
    return open_context(name, root)


def chosen(root, name, **changes):
    return str(context(root, name).choose(header(**changes), ["dark"])["dark"])


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


@pytest.mark.req("TMT-04")
def test_the_recipe_in_one_go(root, tmp_path):
    """New rmap, imap and pmap with the next numbers and right sums, the file in the cache.

    What was there is as it was.
    """
    before = tree(root)
    made = insert(context(root), [reference(tmp_path / "jwst_nircam_dark_0004.fits")])
    assert made.context == "jwst_0003.pmap"
    assert made.mappings == {
        "jwst_nircam_dark_0002.rmap": "jwst_nircam_dark_0003.rmap",
        "jwst_nircam_0002.imap": "jwst_nircam_0003.imap",
        "jwst_0002.pmap": "jwst_0003.pmap",
    }
    after = tree(root)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == [
        "mappings/jwst/jwst_0003.pmap",
        "mappings/jwst/jwst_nircam_0003.imap",
        "mappings/jwst/jwst_nircam_dark_0003.rmap",
        "references/jwst/nircam/jwst_nircam_dark_0004.fits",
    ]
    for old, name in made.mappings.items():
        mapping = read_mapping(root / "mappings" / "jwst" / name)
        assert (mapping.header["name"], mapping.header["derived_from"]) == (name, old)
    during = {"READPATT": "BRIGHT1", "SUBARRAY": "SUB64"}
    assert chosen(root, "jwst_0003.pmap", **during, **{"DATE-OBS": "2023-04-06"}) == "jwst_nircam_dark_0004.fits"
    assert chosen(root, "jwst_0003.pmap", **during, **{"DATE-OBS": "2023-04-04"}) == "jwst_nircam_dark_0003.fits"
    assert chosen(root, "jwst_0002.pmap", **during, **{"DATE-OBS": "2023-04-06"}) == "jwst_nircam_dark_0003.fits"


def test_the_file_of_the_same_rule_and_date_is_replaced(root, tmp_path):
    made = insert(context(root), [reference(tmp_path / "new.fits", USEAFTER="2022-01-01T00:00:00")])
    ((_, _, place),) = made.places
    assert (place.replaced, place.is_new) == ("jwst_nircam_dark_0003.fits", False)
    assert place.keys == ("NRCA1", "RAPID|BRIGHT1", "SUB64", "2022-01-01 00:00:00")
    names = read_mapping(made.paths[1]).selector.rules[1][1].rules
    assert names == (("2022-01-01 00:00:00", "new.fits"),)


def test_a_new_rule(root, tmp_path):
    made = insert(context(root), [reference(tmp_path / "new.fits", P_READPA=None, READPATT="DEEP8")])
    ((_, _, place),) = made.places
    assert place.is_new
    assert place.replaced is None
    assert any("DEEP8 occurs in no rule" in text for text in made.warnings)
    assert chosen(root, made.context, READPATT="DEEP8", SUBARRAY="SUB64", **{"DATE-OBS": "2024-01-01"}) == "new.fits"


def test_a_rule_that_said_not_applicable(root, tmp_path):
    path = reference(tmp_path / "new.fits", DETECTOR="NRCBLONG", P_READPA="N/A", SUBARRAY="N/A")
    ((_, _, place),) = insert(context(root), [path]).places
    assert place.replaced == "N/A"


@pytest.mark.req("REF-14")
def test_the_pattern_keyword_takes_precedence(root, tmp_path):
    path = reference(tmp_path / "new.fits", READPATT="DEEP8", P_READPA="RAPID | BRIGHT1 |")
    ((_, _, place),) = insert(context(root), [path]).places
    assert place.keys[1] == "RAPID|BRIGHT1"
    assert not place.is_new


@pytest.mark.req("REF-14")
def test_a_pattern_must_have_legal_values(root, tmp_path):
    with pytest.raises(ReferenceError_, match="'RAPPID' is not an allowed value of P_READPA") as error:
        insert(context(root), [reference(tmp_path / "new.fits", P_READPA="RAPPID|BRIGHT1|")])
    assert error.value.hint == "did you mean 'RAPID'?"


def test_a_long_pattern_goes_over_several_cards(root, tmp_path):
    """Values of more than one card were cut at its end."""
    patterns = (
        "BRIGHT1|BRIGHT2|DEEP2|DEEP8|MEDIUM2|MEDIUM8|RAPID|SHALLOW2|SHALLOW4|FASTGRPAVG|FASTGRPAVG8|FASTGRPAVG16|"
    )
    made = insert(context(root), [reference(tmp_path / "new.fits", P_READPA=patterns)])
    assert made.places[0][2].keys[1] == "|".join(sorted(patterns[:-1].split("|")))


def test_several_files_make_one_context(root, tmp_path):
    other = reference(tmp_path / "other.fits", USEAFTER="2024-01-01T00:00:00", P_READPA=None, READPATT="DEEP2")
    made = insert(context(root), [reference(tmp_path / "new.fits"), other])
    assert len(made.places) == 2
    assert len(made.mappings) == 3


def test_two_files_for_one_place(root, tmp_path):
    before = tree(root)
    with pytest.raises(ReferenceError_, match=r"one\.fits and two\.fits ask for the same rule and date"):
        insert(context(root), [reference(tmp_path / "one.fits"), reference(tmp_path / "two.fits")])
    assert tree(root) == before


def test_a_file_that_stands_there_already(root, tmp_path):
    path = reference(tmp_path / "new.fits")
    made = insert(context(root), [path])
    with pytest.raises(ReferenceError_, match="is already listed there"):
        insert(context(root, made.context), [path])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DETECTOR": None}, "DETECTOR is required by the rules"),
        ({"SUBARRAY": " "}, "SUBARRAY is required by the rules"),
        ({"USEAFTER": None}, "USEAFTER is required"),
        ({"USEAFTER": "soon"}, "USEAFTER must be a date, it is 'soon'"),
        ({"REFTYPE": None}, "REFTYPE is required"),
        ({"REFTYPE": "DORK"}, "unknown type of reference 'dork'"),
        ({"REFTYPE": "FLAT"}, "says N/A for flat of NIRCAM"),
        ({"INSTRUME": "MIRI"}, "says that MIRI has no references"),
        ({"INSTRUME": "NIRSPEX"}, "unknown instrument 'NIRSPEX'"),
        ({"INSTRUME": None}, "the instrument of the exposure is not known"),
        ({"P_READPA": "RAPID"}, "would be a special case of the rule"),
    ],
)
def test_headers_that_do_not_do(root, tmp_path, changes, message):
    before = tree(root)
    with pytest.raises(HexcalError, match=message) as error:
        insert(context(root), [reference(tmp_path / "new.fits", **changes)])
    assert len(str(error.value).splitlines()) <= 5
    assert tree(root) == before


def test_a_rule_that_would_leave_exposures_without_any(root, tmp_path):
    """Two rules of the same weight, one of which says N/A, give no file: NOT FOUND."""
    parkey = (("META.INSTRUMENT.DETECTOR",), DATES)
    mappings = {
        "jwst_0001.pmap": pmap({"NIRCAM": "jwst_nircam_0001.imap"}),
        "jwst_nircam_0001.imap": imap({"DARK": "jwst_nircam_dark_0001.rmap"}),
        "jwst_nircam_dark_0001.rmap": rmap("Match({'NRCA1|NRCA2' : 'N/A'})", parkey),
    }
    other = make_cache(tmp_path / "other", mappings)
    with pytest.raises(ReferenceError_, match="exposures that match both get none"):
        insert(context(other, "jwst_0001.pmap"), [reference(tmp_path / "new.fits", DETECTOR="ANY")])


def test_rules_without_dates(root, tmp_path):
    mappings = {
        "jwst_0001.pmap": pmap({"NIRCAM": "jwst_nircam_0001.imap"}),
        "jwst_nircam_0001.imap": imap({"DARK": "jwst_nircam_dark_0001.rmap"}),
        "jwst_nircam_dark_0001.rmap": rmap("Match({'NRCA1' : 'old.fits'})", (("META.INSTRUMENT.DETECTOR",),)),
    }
    other = make_cache(tmp_path / "other", mappings)
    made = insert(context(other, "jwst_0001.pmap"), [reference(tmp_path / "new.fits", USEAFTER=None)])
    assert made.places[0][2].replaced == "old.fits"
    assert chosen(other, made.context) == "new.fits"


def test_selectors_that_no_header_describes():
    selector = Call("SelectVersion", (("<3.1", "a.fits"),))
    with pytest.raises(ReferenceError_, match="rules of the kind SelectVersion do not follow from the header"):
        put(selector, [("SW_VERSION",)], ["SelectVersion"], {}, None, "b.fits")


def test_into_another_folder(root, tmp_path):
    """The cache stays as it is, also if it is read-only."""
    before = tree(root)
    made = insert(context(root), [reference(tmp_path / "new.fits")], folder=tmp_path / "out")
    again = insert(context(root), [str(tmp_path / "new.fits")], folder=tmp_path / "out")
    assert tree(root) == before
    assert (made.context, again.context) == ("jwst_0003.pmap", "jwst_0004.pmap")
    assert len(os.listdir(tmp_path / "out")) == 6


def test_a_read_only_cache(root, tmp_path, monkeypatch):
    monkeypatch.setenv("CRDS_READONLY_CACHE", "1")
    path = reference(tmp_path / "new.fits")
    with pytest.raises(ResourceError, match="the cache is read-only"):
        insert(context(root), [path])
    insert(context(root), [path], folder=tmp_path / "out")


def test_another_file_of_that_name_in_the_cache(root, tmp_path):
    folder = root / "references" / "jwst" / "nircam"
    folder.mkdir(parents=True)
    (folder / "new.fits").write_bytes(b"other")
    before = tree(root)
    with pytest.raises(ReferenceError_, match="another file of this name is in the cache"):
        insert(context(root), [reference(tmp_path / "new.fits")])
    assert tree(root) == before


def test_nothing_is_left_when_the_disk_is_full(root, tmp_path, monkeypatch):
    """The context is written last: if it cannot be, the mappings for it go too."""
    from hexcal.references.delivery import new_mappings as module

    write_whole = module.write_mapping

    def write_mapping(path, *parts):
        if path.endswith(".pmap"):
            raise ResourceError("the file cannot be written: No space left on device", where=path)
        write_whole(path, *parts)

    monkeypatch.setattr(module, "write_mapping", write_mapping)
    before = tree(root)
    with pytest.raises(ResourceError, match="No space left"):
        insert(context(root), [reference(tmp_path / "new.fits")])
    assert tree(root) == before


def test_numbers_that_another_process_takes(root, tmp_path, monkeypatch):
    """The next free number is taken, and what the other wrote stays."""
    from hexcal.references.delivery import new_mappings as module

    whole, folder = module.next_name, root / "mappings" / "jwst"

    def next_while_another_writes(cache, name, *folders):
        found = whole(cache, name, *folders)
        if found == "jwst_0003.pmap":
            write(folder, found, pmap({"NIRCAM": "N/A"}))
        return found

    monkeypatch.setattr(module, "next_name", next_while_another_writes)
    made = insert(context(root), [reference(tmp_path / "new.fits")])
    assert made.context == "jwst_0004.pmap"
    assert read_mapping(folder / "jwst_0003.pmap").selector == {"NIRCAM": "N/A"}


def test_names_without_a_number(root):
    cache = context(root).cache
    assert next_name(cache, "jwst_nircam.imap") == "jwst_nircam_0003.imap"
    assert next_name(cache, "jwst_miri_flat.rmap") == "jwst_miri_flat_0000.rmap"


# ---- only the exposures of the new rule change

HEADERS = st.fixed_dictionaries(
    {
        "DETECTOR": st.sampled_from((*DETECTORS, "ANY", "N/A")),
        "READPATT": st.sampled_from((*PATTERNS, "ANY", "N/A", "RAPID|DEEP8")),
        "SUBARRAY": st.sampled_from((*SUBARRAYS, "GENERIC", "ANY", "N/A")),
        "USEAFTER": st.sampled_from(("1900-01-01T00:00:00", "2020-01-01T00:00:00", "2021-06-01T12:00:00.5")),
    }
)


@settings(max_examples=40)
@given(HEADERS, st.integers())
def test_only_exposures_of_the_new_rule_change(tmp_path_factory, given_header, seed):
    folder = tmp_path_factory.mktemp("insert")
    root = make_cache(folder / "cache")
    path = reference(folder / "new.fits", **{**given_header, "P_READPA": None})
    old = context(root)
    try:
        made = insert(old, [path])
    except ReferenceError_ as error:
        refused = str(error)
    else:
        refused = None
    if refused is not None:
        assert "special case" in refused or "exposures that match both get none" in refused
        return
    new = context(root, made.context)
    patterns = [Pattern(key) for key in made.places[0][2].keys[:-1]]
    draw = random.Random(seed)
    for _ in range(100):
        exposure = header(
            DETECTOR=draw.choice(DETECTORS),
            READPATT=draw.choice(PATTERNS),
            SUBARRAY=draw.choice(SUBARRAYS),
            **{"DATE-OBS": f"{draw.randrange(1995, 2025)}-06-01", "TIME-OBS": draw.choice(("11:59:59", "12:00:01"))},
        )
        before, after = (one.choose(exposure, ["dark"])["dark"] for one in (old, new))
        values = (exposure["DETECTOR"], exposure["READPATT"], exposure["SUBARRAY"])
        fits_rule = all(
            pattern.weight(value) is not None or pattern.text == "GENERIC"
            for pattern, value in zip(patterns, values, strict=True)
        )
        useafter = given_header["USEAFTER"]
        is_later = f"{exposure['DATE-OBS']}T{exposure['TIME-OBS']}" >= useafter
        if after.name == "new.fits":
            assert fits_rule
            assert is_later
        elif (after.status, after.name) != (before.status, before.name):
            # Before its date, a rule that said N/A says nothing any more.
            assert made.places[0][2].replaced == "N/A"
            assert fits_rule
            assert not is_later


def test_every_exposure_of_a_rule_of_its_own_gets_the_new_file(root, tmp_path):
    made = insert(context(root), [reference(tmp_path / "new.fits", P_READPA=None, READPATT="DEEP8", SUBARRAY="SUB160")])
    for date in ("2023-04-05", "2024-01-01"):
        when = {"DATE-OBS": date, "TIME-OBS": "06:07:08"}
        assert chosen(root, made.context, READPATT="DEEP8", SUBARRAY="SUB160", **when) == "new.fits"
