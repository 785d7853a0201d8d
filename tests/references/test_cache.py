"""The cache on disk."""

import pytest
from crds_caches import make_cache, pmap, write

from hexcal.errors import InputError, ReferenceError_
from hexcal.references.cache import ReferenceCache, observatories, observatory_of, observatory_of_name


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("CRDS_PATH", "CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_IGNORE_MAPPING_CHECKSUM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path):
    return make_cache(tmp_path, operational_context="jwst_0001.pmap", edit_context="jwst_0002.pmap")


@pytest.mark.req("CRDS-03", "CRDS-06")
def test_where_the_cache_is(root, monkeypatch):
    with pytest.raises(
        ReferenceError_, match=r"(?s)(does not exist|holds no mappings).*/grp/crds/cache \(CRDS_PATH is not set\)"
    ):
        ReferenceCache()
    with pytest.raises(ReferenceError_, match="does not exist"):
        ReferenceCache(root / "other")
    with pytest.raises(ReferenceError_, match="holds no mappings"):
        ReferenceCache(root / "config")
    monkeypatch.setenv("CRDS_PATH", str(root))
    assert ReferenceCache().root == str(root)


@pytest.mark.req("CRDS-04")
def test_contexts(root, monkeypatch):
    cache = ReferenceCache(root)
    assert cache.contexts() == ["jwst_0001.pmap", "jwst_0002.pmap"]
    assert cache.context_name() == "jwst_0001.pmap"
    assert cache.context_name("jwst_0002.pmap") == "jwst_0002.pmap"
    for name in ("newest", "latest", "jwst-latest", "edit", "jwst-edit"):
        assert cache.context_name(name) == "jwst_0002.pmap"
    for name in ("default", "jwst-operational"):
        assert cache.context_name(name) == "jwst_0001.pmap"
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0002.pmap")
    assert cache.context_name() == "jwst_0002.pmap"
    with pytest.raises(ReferenceError_, match=r"(?s)unknown context 'jwst_0003.pmap'.*did you mean"):
        cache.context_name("jwst_0003.pmap")
    with pytest.raises(ReferenceError_, match="not the name of a mapping"):
        cache.context_name("../jwst_0001.pmap")
    with pytest.raises(ReferenceError_, match="unknown context"):
        cache.context_name("jwst_nircam_0001.imap")


def test_without_a_configuration_the_newest_context_is_used(tmp_path):
    cache = ReferenceCache(make_cache(tmp_path))
    assert cache.context_name() == "jwst_0002.pmap"
    with pytest.raises(ReferenceError_, match=r"(?s)does not say which.*newest is jwst_0002"):
        cache.context_name("default")


def test_a_default_that_is_not_in_the_cache_is_told_from_the_configuration(tmp_path):
    cache = ReferenceCache(make_cache(tmp_path, operational_context="jwst_0099.pmap"))
    with pytest.raises(ReferenceError_, match=r"(?s)jwst_0099.*server_config"):
        cache.context_name()


def test_a_corrupt_configuration(root):
    (root / "config/jwst/server_config").write_text("{'a' : __import__('os')}")
    with pytest.raises(ReferenceError_, match="configuration of the cache is corrupt"):
        ReferenceCache(root).context_name()


def test_no_numbered_context(tmp_path):
    cache = ReferenceCache(make_cache(tmp_path, {"jwst.pmap": pmap({})}))
    with pytest.raises(ReferenceError_, match="no numbered context"):
        cache.newest()


@pytest.mark.req("TMT-02")
def test_observatories(root, monkeypatch):
    make_cache(root, {"tmt_0001.pmap": pmap({})}, observatory="tmt")
    assert observatories(root) == ["jwst", "tmt"]
    assert observatories(root / "none") == []
    with pytest.raises(ReferenceError_, match=r"(?s)2 observatories, one must be named.*jwst, tmt"):
        ReferenceCache(root)
    assert ReferenceCache(root, "TMT").observatory == "tmt"
    with pytest.raises(ReferenceError_, match=r"(?s)unknown observatory 'jwts'.*did you mean 'jwst'"):
        ReferenceCache(root, "jwts")
    monkeypatch.setenv("CRDS_CONTEXT", "tmt_0001.pmap")
    assert ReferenceCache(root).observatory == "tmt"
    monkeypatch.setenv("CRDS_OBSERVATORY", "jwst")
    assert ReferenceCache(root).observatory == "jwst"
    assert observatory_of_name(root, "tmt_iris_dark_0001.rmap") == "tmt"
    assert observatory_of_name(root, "tmtx_0001.pmap") is None
    assert observatory_of(root, "TMT") == "tmt"
    assert observatory_of(root, " ") is None
    with pytest.raises(InputError, match="VLT is not known"):
        observatory_of(root, "VLT")


def test_a_mapping_is_read_once_until_it_changes(root):
    cache = ReferenceCache(root)
    first = cache.mapping("jwst_0001.pmap")
    assert cache.mapping("jwst_0001.pmap") is first
    write(root / "mappings/jwst", "jwst_0001.pmap", pmap({"NIRCAM": "N/A", "NIRISS": "N/A"}))
    assert cache.mapping("jwst_0001.pmap").selector == {"NIRCAM": "N/A", "NIRISS": "N/A"}


def test_the_sum_is_checked_unless_the_environment_says_not(root, monkeypatch):
    path = root / "mappings/jwst/jwst_0001.pmap"
    path.write_text(path.read_text() + "\n")
    cache = ReferenceCache(root)
    cache.mapping("jwst_0001.pmap", verify=False)
    with pytest.raises(ReferenceError_, match="altered"):
        cache.mapping("jwst_0001.pmap")
    monkeypatch.setenv("CRDS_IGNORE_MAPPING_CHECKSUM", "1")
    assert cache.mapping("jwst_0001.pmap")


@pytest.mark.req("TMT-01")
def test_reference_files(root):
    cache = ReferenceCache(root)
    folder = root / "references/jwst"
    assert cache.reference_path("a.fits", "NIRCAM") == str(folder / "nircam/a.fits")
    (root / "config/jwst/ref_cache_subdir_mode").write_text("flat\n")
    assert cache.reference_path("a.fits", "NIRCAM") == str(folder / "a.fits")
    (folder / "nircam").mkdir(parents=True)
    (folder / "nircam/a.fits").touch()
    assert cache.reference_path("a.fits", "NIRCAM") == str(folder / "nircam/a.fits")
    for name in ("../a.fits", "a/b.fits", "..", ".hidden", "a..fits", ""):
        with pytest.raises(ReferenceError_, match="not the name of a reference"):
            cache.reference_path(name, "NIRCAM")


def test_withdrawn_files(root):
    assert ReferenceCache(root).withdrawn() == frozenset()
    (root / "config/jwst/bad_files.txt").write_text("a.fits\nb.fits\n")
    assert ReferenceCache(root).withdrawn() == {"a.fits", "b.fits"}
