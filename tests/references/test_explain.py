"""Why a reference file is chosen, and where a name stands."""

import pytest
from crds_caches import header, imap, make_cache, pmap, rmap

from hexcal.references.cache import ReferenceCache
from hexcal.references.context import open_context
from hexcal.references.explain import explain
from hexcal.references.names import differences, named, users


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("CRDS_PATH", "CRDS_CONTEXT", "CRDS_OBSERVATORY"):
        monkeypatch.delenv(name, raising=False)


def lines(tmp_path, kind="dark", **changes):
    return explain(open_context(root=make_cache(tmp_path)), header(**changes), kind)


def test_what_matches(tmp_path):
    text = lines(tmp_path)
    assert text[0] == "rules      jwst_0002.pmap > jwst_nircam_0002.imap > jwst_nircam_dark_0002.rmap"
    assert "exposure   META.INSTRUMENT.DETECTOR = NRCA1  (DETECTOR)" in text
    assert "match      weight 2 of 3: NRCA1, ANY, N/A" in text
    assert "           from 1900-01-01 00:00:00 to 2020-01-01 00:00:00: jwst_nircam_dark_0001.fits" in text
    assert "           from 2020-01-01 00:00:00 on: jwst_nircam_dark_0002.fits <-" in text
    assert "           exposure of 2021-05-06 01:02:03.500000" in text
    assert "others     2 of 3 rules do not match" in text
    assert text[-1] == "result     jwst_nircam_dark_0002.fits"


def test_the_next_rule_is_shown_where_the_best_leads_nowhere(tmp_path):
    text = lines(tmp_path, SUBARRAY="SUB64")
    best = text.index("match      weight 3 of 3: NRCA1, RAPID|BRIGHT1, SUB64")
    assert (
        text[best + 2]
        == "           none: no rule is for 2021-05-06 01:02:03.500000 or before, the first is 2022-01-01 00:00:00"
    )
    assert text.index("next       weight 2 of 3: NRCA1, ANY, N/A") > best
    assert text[-1] == "result     jwst_nircam_dark_0002.fits"


def test_the_nearest_rules_where_none_matches(tmp_path):
    text = lines(tmp_path, DETECTOR="NRCBLONG ", READPATT="DEEP8")
    assert text[-1] == "result     N/A"
    text = lines(tmp_path, DETECTOR="NRCB1")
    assert "refused    META.INSTRUMENT.DETECTOR is NRCB1, the rules know NRCA1, NRCBLONG" in text
    nearest = text.index("nearest    NRCA1, ANY, N/A: 2 of 3 match; not")
    assert text[nearest + 1].split() == "META.INSTRUMENT.DETECTOR: exposure NRCB1, rule NRCA1".split()
    assert not any(line.endswith("<-") for line in text)
    assert text[-1].startswith("result     NOT FOUND: META.INSTRUMENT.DETECTOR is NRCB1")


def test_a_type_without_rules(tmp_path):
    assert lines(tmp_path, "flat")[-2:] == ["jwst_nircam_0002.imap says N/A for flat of NIRCAM", "result     N/A"]


def test_conditions_ties_and_withdrawn_files(tmp_path):
    selector = """Match({
        ('X', 'N/A') : UseAfter({'2014-01-01 00:00:00' : 'a.fits'}),
        ('N/A', 'Y') : UseAfter({'2015-01-01 00:00:00' : 'b.fits'}),
    })"""
    parkey = (("META.INSTRUMENT.DETECTOR", "META.SUBARRAY.NAME"), ("META.OBSERVATION.DATE",))
    root = make_cache(
        tmp_path,
        {
            "jwst_0001.pmap": pmap({"NIRCAM": "jwst_nircam_0001.imap"}),
            "jwst_nircam_0001.imap": imap({"DARK": "jwst_nircam_dark_0001.rmap"}),
            "jwst_nircam_dark_0001.rmap": rmap(selector, parkey, rmap_relevance='(META.SUBARRAY.NAME != "Z")'),
        },
        operational_context="jwst_0001.pmap",
    )
    (root / "config/jwst/bad_files.txt").write_text("b.fits\n")
    text = explain(open_context(root=root), header(DETECTOR="X", SUBARRAY="Y"), "dark")
    assert 'condition  rmap_relevance: (META.SUBARRAY.NAME != "Z")' in text
    assert "           these 2 rules have the same weight: their dates are taken together" in text
    assert text[-2:] == ["warning    the observatory has declared b.fits unfit for science", "result     b.fits"]


def test_every_selector_is_explained(tmp_path):
    selector = """Match({
        '1' : ClosestTime({'2014-01-01 00:00:00' : 'a.fits'}),
        '2' : UseAfter({'2014-01-01 00:00:00' : Match({'Y' : 'b.fits'})}),
    })"""
    parkey = (("META.INSTRUMENT.DETECTOR",), ("META.OBSERVATION.DATE",), ("META.SUBARRAY.NAME",))
    version = "VersionAfter({'1.5' : 'v.fits'})"
    select = "SelectVersion({'<1.5' : 'v.fits', 'default' : 'w.fits'})"
    cal = (("META.CALIBRATION_SOFTWARE_VERSION",),)
    root = make_cache(
        tmp_path,
        {
            "jwst_0001.pmap": pmap({"NIRCAM": "jwst_nircam_0001.imap"}),
            "jwst_nircam_0001.imap": imap({"DARK": "jwst_d.rmap", "CALVER": "jwst_c.rmap", "OTHER": "jwst_s.rmap"}),
            "jwst_d.rmap": rmap(selector, parkey),
            "jwst_c.rmap": rmap(version, cal),
            "jwst_s.rmap": rmap(select, cal),
        },
    )
    context = open_context(root=root)
    text = explain(context, header(DETECTOR="1"), "dark")
    assert "           ClosestTime 2014-01-01 00:00:00: a.fits <-" in text
    text = explain(context, header(DETECTOR="2", SUBARRAY="Y"), "dark")
    assert text[-1] == "result     b.fits"
    assert "  match      weight 1 of 1: Y" in text
    text = explain(context, header(CAL_VER="1.8.2"), "calver")
    assert "           VersionAfter 1.5.0: v.fits <-" in text
    text = explain(context, header(CAL_VER="1.8"), "other")
    assert "           SelectVersion <= inf: w.fits <-" in text


def test_users(tmp_path):
    cache = ReferenceCache(make_cache(tmp_path))
    assert users(cache, "jwst_nircam_dark_0002.fits") == {
        ".rmap": ["jwst_nircam_dark_0002.rmap"],
        ".imap": ["jwst_nircam_0002.imap"],
        ".pmap": ["jwst_0002.pmap"],
    }
    assert users(cache, "jwst_nircam_0001.imap") == {".pmap": ["jwst_0001.pmap"]}
    # Named in a header only: not used.
    assert users(cache, "none") == {}
    assert named(cache.mapping("jwst_nircam_dark_0001.rmap")) == {
        "jwst_nircam_dark_0001.fits",
        "jwst_nircam_dark_0003.fits",
        "jwst_nircam_dark_0009.fits",
    }


def test_differences(tmp_path):
    cache = ReferenceCache(make_cache(tmp_path))
    assert differences(cache, "jwst_0001.pmap", "jwst_0001.pmap") == []
    assert differences(cache, "jwst_0001.pmap", "jwst_0002.pmap") == [
        "jwst_0002.pmap: NIRCAM: jwst_nircam_0001.imap -> jwst_nircam_0002.imap",
        "jwst_nircam_0002.imap: DARK: jwst_nircam_dark_0001.rmap -> jwst_nircam_dark_0002.rmap",
        "jwst_nircam_dark_0002.rmap: NRCA1, ANY, GENERIC, 2020-01-01 00:00:00:"
        " jwst_nircam_dark_0009.fits -> jwst_nircam_dark_0002.fits",
        "jwst_nircam_0002.imap: added FLAT: N/A",
        "jwst_nircam_0002.imap: added GAIN: OMIT",
    ]
    assert "jwst_nircam_0001.imap: removed FLAT: N/A" in differences(
        cache, "jwst_nircam_0002.imap", "jwst_nircam_0001.imap"
    )
