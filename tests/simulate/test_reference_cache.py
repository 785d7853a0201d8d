"""Simulated references in a CRDS cache.

The rules choose them, additions leave earlier contexts as they are, and the pipeline runs without overrides.
"""

import multiprocessing
import os

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from hexcal.errors import InputError, ReferenceError_, ResourceError
from hexcal.models.science import Level1bModel
from hexcal.pipelines.detector1 import Detector1Pipeline
from hexcal.references.cache import ReferenceCache
from hexcal.references.context import Context
from hexcal.simulate import reference_cache
from hexcal.simulate.conditions import Conditions
from hexcal.simulate.exposure import simulate
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.neutral import neutral_references
from hexcal.simulate.reference_cache import add_references, check_cache, rule_parameters
from hexcal.steps.detector.dq_init import DQInitStep

NIRCAM = {"subarray_name": "SUB64P", "n_groups": 4}
MIRI = {"instrument": "MIRI", "subarray_name": "SUB64", "n_groups": 6, "n_ints": 2}


def taken(seed=1, whole_detector=False, **mode):
    return simulate(exposure_mode(**mode), None, Conditions(whole_detector=whole_detector), seed=seed)


def context(root, name=None):
    return Context(ReferenceCache(root, "jwst"), name)


def header_of(simulation):
    meta = simulation.exposure.meta
    return {
        "INSTRUME": meta.instrument.name,
        "DETECTOR": meta.instrument.detector,
        "SUBARRAY": meta.subarray.name,
        "READPATT": meta.exposure.readpatt,
        "FILTER": meta.instrument.filter,
        "EXP_TYPE": meta.exposure.type,
        "DATE-OBS": meta.observation.date,
        "TIME-OBS": meta.observation.time,
    }


def contents(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "server_config"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("CRDS_PATH", "CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_SERVER_URL", "HEXCAL_REFERENCES"):
        monkeypatch.delenv(name, raising=False)


# ---- what is in it


@pytest.mark.parametrize("mode", [NIRCAM, MIRI])
def test_the_rules_choose_what_was_simulated(mode, tmp_path):
    simulation = taken(**mode)
    references = simulation.references()
    added = add_references(tmp_path, references)
    assert added.context == context(tmp_path).name == "jwst_sim_0001.pmap"
    assert set(added.chosen) == set(rule_parameters(simulation.mode.instrument)) == {*references, "ipc"}
    choices = context(tmp_path).choose(header_of(simulation))
    for reference_type, name in added.chosen.items():
        assert str(choices[reference_type]) == name
        if reference_type == "ipc":
            assert name == "N/A"
            continue
        path = context(tmp_path).cache.reference_path(name, simulation.mode.instrument)
        header = fits.getheader(path)
        assert (header["FILENAME"], header["REFTYPE"]) == (name, reference_type.upper())
    others = set(choices) - set(added.chosen)
    assert {"flat", "photom", "pars-jumpstep", "pars-detector1pipeline"} <= others
    assert {str(choices[name]) for name in others} == {"N/A"}


def test_every_mapping_has_its_checksum_and_names_what_it_comes_from(tmp_path):
    for seed in (1, 2):
        add_references(tmp_path, taken(seed, **NIRCAM).references())
    cache = ReferenceCache(tmp_path, "jwst")
    for name in cache.mappings():
        mapping = cache.mapping(name, verify=True)
        assert mapping.header["name"] == name
        assert len(mapping.header["sha1sum"]) == 40
        first = name.replace("0002", "0001")
        assert mapping.header["derived_from"] == ("simulated by Hexcal" if name == first else first)
    assert cache.configured("operational_context") == "jwst_sim_0002.pmap"


@pytest.mark.req("MATCH-08")
def test_a_whole_detector_serves_every_subarray(tmp_path, monkeypatch):
    simulation = taken(whole_detector=True, subarray_name="SUB64P", n_groups=2)
    added = add_references(tmp_path, simulation.references())
    header = header_of(simulation)
    assert str(context(tmp_path).choose(header)["gain"]) == added.chosen["gain"]
    elsewhere = context(tmp_path).choose({**header, "SUBARRAY": "SUB160P"})
    assert str(elsewhere["gain"]) == added.chosen["gain"]
    assert elsewhere["superbias"].status == "not found"
    monkeypatch.setenv("CRDS_PATH", str(tmp_path))
    assert np.array_equal(DQInitStep.call(simulation.exposure).pixeldq, simulation.truth.dq)


# ---- the pipeline


@pytest.mark.req("BEST-04", "TMT-01")
@pytest.mark.parametrize("mode", [NIRCAM, MIRI])
def test_the_pipeline_runs_with_nothing_but_the_cache(mode, tmp_path, monkeypatch):
    simulation = taken(**mode)
    added = add_references(tmp_path / "crds", simulation.references())
    add_references(tmp_path / "crds", taken(2, **mode).references())
    written = simulation.save(tmp_path)
    expected = Detector1Pipeline.call(written["exposure"], references=written["references"])
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "crds"))
    monkeypatch.setenv("CRDS_CONTEXT", added.context)
    rate = Detector1Pipeline.call(written["exposure"])
    for name in ("data", "err", "dq"):
        assert np.array_equal(getattr(rate, name), getattr(expected, name), equal_nan=True)
    assert rate.meta.ref_file.crds.context_used == added.context
    # ipc is left out of the pipeline unless it is asked for, and so is its reference.
    for reference_type, name in ((kind, name) for kind, name in added.chosen.items() if kind != "ipc"):
        recorded = rate.get_meta(f"meta.ref_file.{reference_type}.name")
        assert recorded == (name if name == "N/A" else f"crds://{name}")
    assert rate.meta.cal_step.ipc == "SKIPPED"


# ---- additions


def test_other_modes_are_added_and_earlier_contexts_stay(tmp_path):
    first, miri, other = taken(**NIRCAM), taken(**MIRI), taken(**NIRCAM, readpatt="BRIGHT1")
    one = add_references(tmp_path, first.references())
    before = contents(tmp_path)
    two = add_references(tmp_path, miri.references())
    three = add_references(tmp_path, other.references())
    assert [added.context for added in (one, two, three)] == [f"jwst_sim_000{number}.pmap" for number in (1, 2, 3)]
    assert [added.former for added in (one, two, three)] == [None, one.context, two.context]
    after = contents(tmp_path)
    assert {path: after[path] for path in before} == before
    # The same pixels, read in another way: only what depends on the read-out is new.
    assert {name.split("_")[2] for name in three.new} == {"dark", "superbias", "readnoise"}
    assert three.replaced == ()
    for simulation, added in ((first, one), (miri, two), (other, three)):
        choices = context(tmp_path).choose(header_of(simulation))
        assert {name: str(choices[name]) for name in added.chosen} == added.chosen
    assert context(tmp_path, "jwst_sim_0001.pmap").instruments() == ["NIRCAM"]


def test_the_same_again_adds_nothing(tmp_path):
    one = add_references(tmp_path, taken(**NIRCAM).references())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    two = add_references(tmp_path, taken(**NIRCAM).references())
    assert (two.context, two.former, two.chosen, two.new) == (one.context, one.context, one.chosen, ())
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_another_detector_in_the_same_mode_is_chosen_by_a_new_context_only(tmp_path):
    first, second = taken(1, **NIRCAM), taken(2, **NIRCAM)
    one, two = add_references(tmp_path, first.references()), add_references(tmp_path, second.references())
    assert set(two.replaced) == {name for name in one.chosen.values() if name != "N/A"}
    header = header_of(first)
    for added in (one, two):
        choices = context(tmp_path, added.context).choose(header)
        assert {name: str(choices[name]) for name in added.chosen} == added.chosen


def test_neutral_references_take_the_place_of_no_ipc(tmp_path):
    simulation = taken(**NIRCAM)
    add_references(tmp_path, simulation.references())
    added = add_references(tmp_path, neutral_references(simulation.exposure))
    assert added.chosen["ipc"] == "jwst_nircam_ipc_sim_0001.fits"
    assert str(context(tmp_path).choose(header_of(simulation))["ipc"]) == added.chosen["ipc"]
    elsewhere = add_references(tmp_path, neutral("NRCA3", "SUB160P", "RAPID"))
    assert elsewhere.chosen["ipc"] == added.chosen["ipc"]


def test_a_later_useafter_stands_beside_the_earlier(tmp_path):
    simulation = taken(**NIRCAM)
    one = add_references(tmp_path, simulation.references())
    later = simulation.references()
    later["gain"].meta.useafter = "2023-01-01T00:00:00"
    two = add_references(tmp_path, later)
    assert two.replaced == ()
    header = header_of(simulation)
    assert str(context(tmp_path).choose(header)["gain"]) == two.chosen["gain"]
    assert str(context(tmp_path).choose({**header, "DATE-OBS": "2022-12-31"})["gain"]) == one.chosen["gain"]


def neutral(detector, subarray, readpatt):
    """A few neutral references of 8 x 8 pixels."""
    exposure = Level1bModel(np.zeros((1, 2, 8, 8), np.uint16))
    exposure.meta.instrument.name, exposure.meta.instrument.detector = "NIRCAM", detector
    exposure.meta.subarray.name, exposure.meta.exposure.readpatt = subarray, readpatt
    exposure.meta.subarray.xstart = exposure.meta.subarray.ystart = 101
    return neutral_references(exposure)


modes = st.tuples(
    st.sampled_from(["NRCA1", "NRCBLONG"]),
    st.sampled_from(["SUB64P", "SUB160P"]),
    st.sampled_from(["RAPID", "BRIGHT1"]),
)


@settings(max_examples=6)
@given(st.lists(modes, min_size=1, max_size=4))
def test_whatever_is_added_is_chosen_and_nothing_is_lost(tmp_path_factory, added_modes):
    root = tmp_path_factory.mktemp("crds")
    known, contexts = {}, {}
    for mode in added_modes:
        before = contents(root)
        added = add_references(root, neutral(*mode))
        known[mode] = added.chosen
        after = contents(root)
        assert {path: after[path] for path in before} == before
        contexts[added.context] = dict(known)
    for name, expected in contexts.items():
        for (detector, subarray, readpatt), chosen in expected.items():
            header = {"INSTRUME": "NIRCAM", "DETECTOR": detector, "SUBARRAY": subarray, "READPATT": readpatt}
            choices = context(root, name).choose({**header, "DATE-OBS": "2024-01-01", "TIME-OBS": "00:00:00"})
            assert {kind: str(choices[kind]) for kind in chosen} == chosen


def add_in_process(root, subarray):
    add_references(root, neutral("NRCA1", subarray, "RAPID"))


def test_processes_that_add_at_once_wait_for_each_other(tmp_path):
    # Not forked: compiled kernels of other tests may hold threads.
    start = multiprocessing.get_context("spawn")
    subarrays = ("SUB64P", "SUB160P", "SUB400P")
    processes = [start.Process(target=add_in_process, args=(tmp_path, subarray)) for subarray in subarrays]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert context(tmp_path).name == "jwst_sim_0003.pmap"
    for subarray in subarrays:
        header = {"INSTRUME": "NIRCAM", "DETECTOR": "NRCA1", "SUBARRAY": subarray, "READPATT": "RAPID"}
        choices = context(tmp_path).choose({**header, "DATE-OBS": "2024-01-01", "TIME-OBS": "00:00:00"})
        assert choices["dark"].name


# ---- bad circumstances


@pytest.mark.parametrize("foreign", ["mappings/jwst/jwst_0541.pmap", "config/jwst/server_config"])
def test_a_cache_of_the_observatory_is_left_alone(foreign, tmp_path):
    path = tmp_path / foreign
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    for refused in (
        lambda: check_cache(tmp_path),
        lambda: add_references(tmp_path, neutral("NRCA1", "SUB64P", "RAPID")),
    ):
        with pytest.raises(InputError, match="of their own") as caught:
            refused()
        assert path.name in str(caught.value)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_no_server_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("CRDS_SERVER_URL", "http://127.0.0.1:9")
    for subarray in ("SUB64P", "SUB160P"):
        added = add_references(tmp_path, neutral("NRCA1", subarray, "RAPID"))
    assert context(tmp_path).name == added.context == "jwst_sim_0002.pmap"


def test_a_file_is_no_cache(tmp_path):
    (tmp_path / "crds").touch()
    with pytest.raises(InputError, match="must be a folder"):
        check_cache(tmp_path / "crds")


def test_a_corrupt_mapping_is_named(tmp_path):
    added = add_references(tmp_path, neutral("NRCA1", "SUB64P", "RAPID"))
    path = tmp_path / "mappings" / "jwst" / added.context
    path.write_text(path.read_text() + "import os\n")
    before = contents(tmp_path)
    with pytest.raises(ReferenceError_, match="corrupt") as caught:
        add_references(tmp_path, neutral("NRCA1", "SUB160P", "RAPID"))
    assert str(path) in str(caught.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("allowed", [3, 8, 10, 16])
def test_an_addition_that_fails_leaves_nothing(allowed, tmp_path, monkeypatch):
    add_references(tmp_path, neutral("NRCA1", "SUB64P", "RAPID"))
    before = contents(tmp_path)
    names = []

    def limited(folder, prefix, ending, unlimited=reference_cache._next):
        names.append(prefix)
        if len(names) > allowed:
            raise ResourceError("the disk is full", where=str(folder))
        return unlimited(folder, prefix, ending)

    monkeypatch.setattr(reference_cache, "_next", limited)
    with pytest.raises(ResourceError, match="disk is full"):
        add_references(tmp_path, neutral("NRCA1", "SUB160P", "RAPID"))
    assert contents(tmp_path) == before
    assert ReferenceCache(tmp_path, "jwst").configured("operational_context") == "jwst_sim_0001.pmap"


def test_the_default_context_is_mended_after_a_crash_before_it_was_written(tmp_path):
    add_references(tmp_path, neutral("NRCA1", "SUB64P", "RAPID"))
    os.unlink(tmp_path / "config" / "jwst" / "server_config")
    added = add_references(tmp_path, neutral("NRCA1", "SUB64P", "RAPID"))
    assert added.new == ()
    assert ReferenceCache(tmp_path, "jwst").configured("operational_context") == added.context
