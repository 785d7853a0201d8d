"""Choosing reference files from a header.

On a small cache, on the mappings of TMT, and on what the operations pipeline chose.
"""

import json
from types import SimpleNamespace

import pytest
from crds_caches import DATES, header, imap, make_cache, pmap, rmap, write

from hexcal.errors import InputError, ReferenceError_
from hexcal.observatories import Observatory
from hexcal.references.cache import ReferenceCache, observatory_of
from hexcal.references.context import Context, keyword_table, keywords_of, open_context
from hexcal.references.mapping_file import read_mapping
from hexcal.references.rules import Rules


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("CRDS_PATH", "CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_IGNORE_MAPPING_CHECKSUM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def context(tmp_path):
    return open_context(root=make_cache(tmp_path))


def dark(context, **changes):
    return str(context.choose(header(**changes), ["dark"])["dark"])


@pytest.mark.req("CRDS-02", "MATCH-01", "MATCH-06", "MATCH-08", "S2C-06")
def test_choose(context):
    assert dark(context) == "jwst_nircam_dark_0002.fits"
    assert dark(context, **{"DATE-OBS": "2019-12-31"}) == "jwst_nircam_dark_0001.fits"
    # The subarray has a reference of its own from 2022 on; before, that of the full frame serves.
    assert dark(context, SUBARRAY="SUB64") == "jwst_nircam_dark_0002.fits"
    assert dark(context, SUBARRAY="SUB64", **{"DATE-OBS": "2023-01-01"}) == "jwst_nircam_dark_0003.fits"
    assert (
        dark(context, SUBARRAY="SUB64", READPATT="DEEP8", **{"DATE-OBS": "2023-01-01"}) == "jwst_nircam_dark_0002.fits"
    )
    assert dark(context, DETECTOR="NRCBLONG") == "N/A"
    assert dark(context, DETECTOR="NRCB1").startswith("NOT FOUND: ")
    assert dark(context, **{"DATE-OBS": "1864-01-01"}).startswith("NOT FOUND: no rule is for 1864")


@pytest.mark.req("CRDS-04")
def test_a_former_context_reproduces_former_results(tmp_path):
    root = make_cache(tmp_path)
    assert dark(open_context("jwst_0001.pmap", root)) == "jwst_nircam_dark_0009.fits"
    assert dark(open_context("jwst_0002.pmap", root)) == "jwst_nircam_dark_0002.fits"


@pytest.mark.req("MATCH-03")
def test_not_applicable_and_omitted(context):
    chosen = context.choose(header())
    assert list(chosen) == ["dark", "flat"]
    assert str(chosen["flat"]) == "N/A"
    assert str(context.choose(header(), ["gain"])["gain"]) == "N/A"
    assert context.choose(header(INSTRUME="MIRI")) == {}


@pytest.mark.req("MATCH-09")
def test_names_of_parameters_and_keywords_in_any_case(context):
    names = {
        "meta.instrument.name": "nircam",
        "META.INSTRUMENT.DETECTOR": " nrca1 ",
        "Meta.Exposure.Readpatt": "RAPID",
        "SUBARRAY": "FULL",
        "META.OBSERVATION.DATE": "2021-05-06",
        "TIME-OBS": "00:00:00",
    }
    assert str(context.choose(names)["dark"]) == "jwst_nircam_dark_0002.fits"


def test_unknown_names(context):
    with pytest.raises(ReferenceError_, match=r"(?s)unknown type of reference 'drak'.*did you mean 'dark'"):
        context.choose(header(), ["drak"])
    with pytest.raises(ReferenceError_, match=r"(?s)unknown instrument 'NIRCAN'.*did you mean 'NIRCAM'"):
        context.choose(header(INSTRUME="NIRCAN"))
    with pytest.raises(
        InputError, match=r"(?s)instrument of the exposure is not known.*META.INSTRUMENT.NAME or INSTRUME"
    ):
        context.choose({"DETECTOR": "NRCA1"})


def test_a_mapping_that_is_missing_or_altered_is_named_when_it_is_needed(context):
    path = context.cache.mapping_path("jwst_nircam_dark_0002.rmap")
    assert str(context.choose(header(), ["flat"])["flat"]) == "N/A"
    with open(path, "a") as stream:
        stream.write("\n")
    with pytest.raises(ReferenceError_, match=r"(?s)altered.*jwst_nircam_dark_0002.rmap"):
        context.choose(header())


def test_a_missing_rmap(tmp_path):
    root = make_cache(
        tmp_path,
        {
            "jwst_0001.pmap": pmap({"NIRCAM": "jwst_nircam_0001.imap"}),
            "jwst_nircam_0001.imap": imap({"DARK": "jwst_x.rmap"}),
        },
    )
    with pytest.raises(ReferenceError_, match=r"(?s)the mapping does not exist.*jwst_x.rmap"):
        open_context(root=root).choose(header())


def test_a_path_in_a_mapping_is_refused(tmp_path):
    root = make_cache(tmp_path / "cache", {"jwst_0001.pmap": pmap({"NIRCAM": "../../../outside.imap"})})
    write(tmp_path, "outside.imap", imap({}))
    with pytest.raises(ReferenceError_, match="is not the name of a mapping"):
        open_context(root=root).choose(header())


def test_a_context_may_declare_that_sums_are_not_kept(tmp_path):
    root = make_cache(tmp_path)
    folder = root / "mappings/jwst"
    with (folder / "jwst_nircam_dark_0002.rmap").open("a") as stream:
        stream.write("\n")
    write(folder, "jwst_0002.pmap", pmap({"NIRCAM": "jwst_nircam_0002.imap"}, ignore_checksum=True))
    assert dark(open_context(root=root)) == "jwst_nircam_dark_0002.fits"


def test_what_has_been_read_is_not_read_again_until_it_changes(tmp_path):
    root = make_cache(tmp_path)
    first = open_context(root=root)
    assert open_context(root=root) is first
    write(root / "mappings/jwst", "jwst_0002.pmap", pmap({"NIRCAM": "jwst_nircam_0001.imap"}))
    assert dark(open_context(root=root)) == "jwst_nircam_dark_0009.fits"


def rules(tmp_path, selector, parkey, **entries):
    write(tmp_path, "jwst_x_0001.rmap", rmap(selector, parkey, **entries))

    return Rules(read_mapping(tmp_path / "jwst_x_0001.rmap"))


@pytest.mark.parametrize(
    ("entries", "result"),
    [
        ({}, "a.fits"),
        ({"rmap_omit": '(A_B == "X")'}, "omit"),
        ({"rmap_relevance": '(A.B != "X")'}, "n/a"),
        ({"rmap_relevance": "ALWAYS"}, "a.fits"),
        ({"rmap_relevance": '(E.F == "UNDEFINED")', "extra_keys": ("E.F",)}, "a.fits"),
        ({"reffile_required": "NO"}, "a.fits"),
    ],
)
def test_conditions_in_the_header_of_a_mapping(tmp_path, entries, result):
    choice = rules(tmp_path, "Match({('X', '1') : 'a.fits'})", (("A.B", "C.D"),), **entries).choose(
        {"A.B": "X", "C.D": "1.0"}
    )
    assert (choice.name or choice.status) == result


def test_a_type_that_is_not_required_is_not_missed(tmp_path):
    selector, parkey = "Match({'Z' : 'a.fits'})", (("A.B",),)
    assert rules(tmp_path, selector, parkey, reffile_required="NO").choose({"A.B": "X"}).status == "n/a"
    assert rules(tmp_path, selector, parkey, reffile_required="YES").choose({"A.B": "X"}).status == "not found"


def test_a_parameter_that_does_not_matter_for_the_exposure(tmp_path):
    made = rules(
        tmp_path, "Match({('Y', '1') : 'a.fits'})", (("A.B", "C.D"),), parkey_relevance={"a.b": '(C.D == "2.0")'}
    )
    assert made.choose({"A.B": "X", "C.D": "1.0"}).name == "a.fits"
    assert made.parameters == ("A.B", "C.D")


@pytest.mark.parametrize(
    ("selector", "parkey", "entries"),
    [
        ("Match({('X', '1') : 'a.fits'})", (("A.B",),), {}),
        ("Match({'X' : UseAfter({'2014-01-01 00:00:00' : 'a.fits'})})", (("A.B",),), {}),
        ("Match({'(' : 'a.fits', '((' : 'b.fits', '(()' : 'c.fits'})", (("A.B",),), {}),
        ("Match({'X' : 'a.fits'})", (("A.B",),), {"rmap_relevance": '(__import__("os"))'}),
        ("Match({'X' : 'a.fits'})", (("A.B",),), {"substitutions": "X"}),
        ("Match({'X' : 'a.fits'})", 3, {}),
        ("ClosestTime({'X' : 'a.fits'})", (DATES,), {}),
    ],
)
def test_rules_that_contradict_their_header(tmp_path, selector, parkey, entries):
    with pytest.raises(ReferenceError_, match="the mapping is corrupt"):
        rules(tmp_path, selector, parkey, **entries)


# ---- real mappings


@pytest.mark.req("CRDS-02", "CRDS-04", "MATCH-01", "MATCH-07")
def test_what_the_operations_pipeline_chose(real_data):
    truth = json.loads((real_data / "crds_truth.json").read_text())
    count = 0
    for product in truth:
        chosen = open_context(product["context"], real_data / "crds_cache", "jwst").choose(product["header"])
        for kind, name in product["references"].items():
            assert str(chosen[kind]) == name, (product["product"], kind)
            count += 1
    assert count == 569


@pytest.mark.req("MATCH-01", "MATCH-02", "MATCH-04")
def test_all_real_contexts(real_data):
    cache = ReferenceCache(real_data / "crds_cache", "jwst")
    assert len(cache.contexts()) == 536
    for name in cache.contexts():
        context = Context(cache, name)
        assert context.pmap.header["parkey"]
        for instrument in context.instruments():
            for kind in context.types(instrument):
                assert context.rules(instrument, kind)
    newest = Context(cache, cache.context_name("newest"))
    assert newest.pmap.header["parkey"] == ("META.INSTRUMENT.NAME",)
    assert set(newest.pmap.selector) == {"FGS", "MIRI", "NIRCAM", "NIRISS", "NIRSPEC", "SYSTEM"}
    assert newest.imap("NIRCAM").header["parkey"] == ("REFTYPE",)
    dark = read_mapping(f"{cache.root}/mappings/jwst/{newest.imap('NIRCAM').selector['DARK']}")
    assert dark.header["classes"] == ("Match", "UseAfter")
    assert dark.header["parkey"][-1] == ("META.OBSERVATION.DATE", "META.OBSERVATION.TIME")


IRIS = {
    "META.INSTRUMENT.NAME": "IRIS",
    "META.INSTRUMENT.DETECTOR": "IRIS1",
    "META.INSTRUMENT.FILTER": "K",
    "META.INSTRUMENT.PUPIL": "CLEAR",
    "META.SUBARRAY.NAME": "FULL",
    "META.OBSERVATION.DATE": "2019-06-01",
    "META.OBSERVATION.TIME": "00:00:00",
}


@pytest.mark.req("TMT-01", "TMT-02")
def test_tmt(real_data):
    """The worked example of the TMT documents: tmt_0001.pmap leads over tmt_iris_0003.imap to the dark."""
    context = open_context("tmt_0001.pmap", real_data / "crds_cache", "tmt")
    assert context.imap("IRIS").name == "tmt_iris_0003.imap"
    assert {kind: str(choice) for kind, choice in context.choose(IRIS).items()} == {
        "dark": "tmt_iris_dark_0001.fits",
        "dflat": "N/A",
        "drizpars": "tmt_iris_drizpars_0001.fits",
        "flat": "tmt_iris_flat_0003.fits",
        "mask": "tmt_iris_mask_0001.fits",
        "nonlincoeff": "tmt_iris_nonlin_coeff.fits",
    }
    path = context.cache.reference_path("tmt_iris_dark_0001.fits", "IRIS")
    assert path.endswith("/references/tmt/iris/tmt_iris_dark_0001.fits")
    assert str(context.choose({**IRIS, "META.SUBARRAY.NAME": "CUSTOM"})["dark"]) == "tmt_iris_dark_0001.fits"
    assert str(context.choose({**IRIS, "META.INSTRUMENT.FILTER": "H"})["flat"]).startswith("NOT FOUND")
    assert str(context.choose({**IRIS, "META.OBSERVATION.DATE": "2015-05-31"})["flat"]).startswith("NOT FOUND")


@pytest.mark.req("TMT-01", "TMT-02")
def test_tmt_by_keywords_needs_a_plug_in_and_nothing_else(real_data, monkeypatch, tmp_path):
    """An observatory that is not built in: its dictionary of keywords is all that is added."""
    keywords = {
        "meta.instrument.name": "INSTRUME",
        "meta.instrument.detector": "DETECTOR",
        "meta.instrument.filter": "FILTER",
        "meta.instrument.pupil": "PUPIL",
        "meta.subarray.name": "SUBARRAY",
        "meta.observation.date": "DATE-OBS",
        "meta.observation.time": "TIME-OBS",
    }
    raw = {"TELESCOP": "TMT", **{keyword: IRIS[path.upper()] for path, keyword in keywords.items()}}
    context = open_context("tmt_0001.pmap", real_data / "crds_cache", observatory_of(real_data / "crds_cache", "TMT"))
    monkeypatch.setattr("hexcal.observatories._plugins", dict)
    for cached in (keywords_of, keyword_table):
        cached.cache_clear()
    with pytest.raises(InputError, match="no plug-in tells the keywords of the observatory 'tmt'"):
        context.choose(raw)
    rows = [f"{path}\t{keyword}\tPRIMARY\tstr\t\t\t\t" for path, keyword in keywords.items()]
    titles = "path keyword hdu type allowed comment section models".replace(" ", "\t")
    (tmp_path / "keywords.tsv").write_text("\n".join([titles, *rows]) + "\n")
    plugin = SimpleNamespace(load=lambda: Observatory("tmt", "TMT", str(tmp_path), ("IRIS",)), value="test")
    monkeypatch.setattr("hexcal.observatories._plugins", lambda: {"tmt": plugin})
    try:
        for cached in (keywords_of, keyword_table):
            cached.cache_clear()
        assert str(context.choose(raw, ["dark"])["dark"]) == "tmt_iris_dark_0001.fits"
    finally:
        for cached in (keywords_of, keyword_table):
            cached.cache_clear()


@pytest.mark.req("TMT-02")
def test_liger(real_data):
    context = open_context("ligeriri_0001.pmap", real_data / "crds_cache", "ligeriri")
    exposure = {
        "META.INSTRUMENT.NAME": "IRIS",
        "META.INSTRUMENT.ERA": "0.0.0",
        "META.INSTRUMENT.DETECTOR": "IMG1",
        "META.EXPOSURE.READMODE": "default",
        "META.INSTRUMENT.FILTER": "Y",
        "META.INSTRUMENT.PUPIL": "CLEAR",
        "META.SUBARRAY.NAME": "FULL",
        "META.DATE": "2025-01-01T00:00:00.000",
    }
    assert {kind: str(choice) for kind, choice in context.choose(exposure).items()} == {
        "dark": "IRIS_IMG1_DARK_20240924T000000_0.0.1.fits",
        "drizpars": "liger_iris_iris_drizpars_0001.fits",
        "flat": "IRIS_IMG1_FLAT_20240924T000000_0.0.1.fits",
        "dq": "IRIS_DQ.fits",
        "nonlincoeff": "IRIS_IMG1_NONLINCOEFF_20240924T000000_0.0.1.fits",
    }
    with pytest.raises(ReferenceError_, match=r"(?s)does not exist.*ligeriri_liger_dark_0001.rmap"):
        context.choose({**exposure, "META.INSTRUMENT.NAME": "Liger"})
