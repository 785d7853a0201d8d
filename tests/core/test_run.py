"""Running a step: ownership, skipping, hooks, names, record, threads."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from astropy.io import fits
from exposures import NAME, write_references, write_uncal

from hexcal import datamodels
from hexcal.core import SkipStep, Step, bands
from hexcal.core.digests import Digests
from hexcal.core.names import without_suffix
from hexcal.errors import HookError, InputError, ParameterError, ReferenceError_, ResourceError
from hexcal.step import GroupScaleStep, SuperBiasStep


class PlusOneStep(Step):
    """Add one."""

    alias = "plus_one"
    input_model = "RampModel"

    def process(self, ramp):
        if ramp.meta.exposure.ngroups == 1:
            raise SkipStep("one group is not enough")
        ramp.data += 1
        return ramp


@pytest.fixture
def uncal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))


def test_what_the_caller_passes_in_is_never_changed(uncal):
    ramp = datamodels.RampModel(datamodels.open(uncal))
    before, meta = ramp.data.copy(), ramp.to_flat_dict(include_arrays=False)
    after = PlusOneStep.call(ramp)
    assert np.array_equal(ramp.data, before) and ramp.to_flat_dict(include_arrays=False) == meta
    assert (after.data == 2).all() and after is not ramp


@pytest.mark.req("STAT-01")
def test_status_complete_and_skipped(uncal, tmp_path):
    assert GroupScaleStep.call(uncal).meta.cal_step.group_scale == "SKIPPED"
    GroupScaleStep.call(uncal, output_file="scaled")
    assert fits.getheader("scaled_group_scale.fits")["S_GRPSCL"] == "SKIPPED"
    assert PlusOneStep.call(uncal).meta.cal_step.plus_one == "COMPLETE"
    one = write_uncal(tmp_path, data=np.ones((1, 1, 3, 4), "u2"), name="one_uncal.fits")
    skipped = PlusOneStep.call(one)
    assert skipped.meta.cal_step.plus_one == "SKIPPED" and (skipped.data == 1).all()
    assert datamodels.open(one).meta.cal_step.instance == {}
    assert not [keyword for keyword in fits.getheader(uncal) if keyword.startswith("S_")]


@pytest.mark.req("PAR-06")
def test_skip_passes_the_input_on(uncal):
    skipped = PlusOneStep.call(uncal, skip=True)
    assert (skipped.data == 1).all() and skipped.meta.cal_step.plus_one == "SKIPPED"


@pytest.mark.req("PYI-08", "PAR-04", "IO-05", "PYI-12", "SFX-29")
def test_nothing_is_written_unless_asked_for(uncal, tmp_path):
    PlusOneStep.call(uncal)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    PlusOneStep.call(uncal, save_results=True)
    assert (tmp_path / "jw00001001001_02101_00001_nrca1_plus_one.fits").exists()
    PlusOneStep.call(uncal, output_file="mine.fits")
    PlusOneStep.call(uncal, output_dir=str(tmp_path / "out"))
    PlusOneStep.call(uncal, save_results=True, suffix="Other")
    assert (tmp_path / "mine_plus_one.fits").exists()
    assert (tmp_path / "out" / "jw00001001001_02101_00001_nrca1_plus_one.fits").exists()
    assert (tmp_path / "jw00001001001_02101_00001_nrca1_other.fits").exists()


@pytest.mark.req("IO-03")
def test_a_second_run_replaces_the_product(uncal, tmp_path):
    for _ in range(2):
        PlusOneStep.call(uncal, save_results=True)
    assert len(list(tmp_path.glob("*.fits"))) == 2


def test_names():
    known = {"uncal", "rate", "dq_init", "cal"}
    assert without_suffix("jw1_uncal", known) == "jw1"
    assert without_suffix("jw1_dq_init", known) == "jw1"
    assert without_suffix("jw1_mine", known) == "jw1_mine"
    assert without_suffix("rate", known) == "rate"
    step = PlusOneStep(output_ext="asdf", output_dir="there")
    assert step.make_output_path() == os.path.join("there", "step_plus_one_plus_one.asdf")
    assert step.make_output_path(basepath="b.fits", suffix="s", idx=2) == os.path.join("there", "b_2_s.asdf")
    model = datamodels.ImageModel((2, 2))
    model.meta.filename = "x_cal.fits"
    assert PlusOneStep().make_output_path(model=model) == "x_plus_one.fits"


@pytest.mark.req("IO-07")
def test_the_base_of_a_name_is_the_first_that_is_there(uncal, tmp_path):
    """The option or parameter `output_file`; the input file; the name in the model; at last the name of the step."""
    path = tmp_path / "x_uncal.fits"
    uncal.rename(path)
    model = datamodels.open(path)
    model.meta.filename = "y_uncal.fits"
    for base, source, parameters in (
        ("mine", path, {"output_file": "mine"}),
        ("x", path, {}),
        ("y", datamodels.RampModel(np.ones((1, 2, 3, 4), "f4")), {}),
        ("step_plus_one", datamodels.RampModel(np.ones((1, 2, 3, 4), "f4")), {}),
    ):
        if base == "y":
            source.meta.filename = "y_uncal.fits"
        folder = tmp_path / base
        PlusOneStep.call(source if base != "x" else str(source), output_dir=str(folder), **parameters)
        assert [product.name for product in folder.iterdir()] == [f"{base}_plus_one.fits"]
    PlusOneStep.from_cmdline([str(path), "--output_file=word", f"--output_dir={tmp_path / 'word'}"])
    assert (tmp_path / "word" / "word_plus_one.fits").exists()


@pytest.mark.req("IO-15", "IO-16")
def test_what_save_model_writes_is_what_make_output_path_says(uncal, tmp_path):
    step = PlusOneStep(output_dir=str(tmp_path / "there"), save_results=True, suffix="own")
    for suffix, name in ((None, "x_own.fits"), ("more", "x_more.fits")):
        model = datamodels.ImageModel((2, 2))
        model.meta.filename = "x_cal.fits"
        foretold = step.make_output_path(suffix=suffix, model=model)
        assert str(step.save_model(model, suffix)) == str(foretold) == str(tmp_path / "there" / name)
        assert (tmp_path / "there" / name).exists()
    assert step.make_output_path(basepath="b", ext="asdf").endswith("b_own.asdf")


@pytest.mark.req("IO-13")
def test_other_inputs_lie_where_the_first_input_lies(uncal, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    found = []

    class Looking(PlusOneStep):
        alias = "looking"

        def process(self, ramp):
            found.append(self.make_input_path("b.fits"))
            return ramp

    Looking.call(str(uncal))
    Looking.call(str(uncal), input_dir="elsewhere")
    assert found == [str(tmp_path / "b.fits"), os.path.join("elsewhere", "b.fits")]


def test_other_inputs_named_from_the_working_directory_are_found(uncal, tmp_path, monkeypatch):
    (tmp_path / "catalogues").mkdir()
    (tmp_path / "catalogues" / "stars.ecsv").write_text("")
    monkeypatch.chdir(tmp_path / "catalogues")
    step = PlusOneStep(input_dir="..")
    assert step.make_input_path("stars.ecsv") == "stars.ecsv"
    (tmp_path / "stars.ecsv").write_text("")
    assert step.make_input_path("stars.ecsv") == os.path.join("..", "stars.ecsv")
    assert step.make_input_path("absent.ecsv") == os.path.join("..", "absent.ecsv")


@pytest.mark.req("DEV-02")
def test_several_results_are_a_tuple(uncal):
    class Two(PlusOneStep):
        alias = "two"

        def process(self, ramp):
            other = ramp.copy()
            other.data += 1
            return ramp, other

    results = Two.call(uncal)
    assert isinstance(results, tuple) and [float(model.data[0, 0, 0, 0]) for model in results] == [1, 2]
    assert all(model.meta.cal_step.two == "COMPLETE" for model in results)


@pytest.mark.req("IO-15", "IO-17")
def test_save_model_does_nothing_unless_results_are_saved(uncal, tmp_path):
    step = PlusOneStep()
    assert step.save_model(datamodels.ImageModel((2, 2)), "x") is None and len(list(tmp_path.iterdir())) == 1
    assert PlusOneStep(input_dir="/data").make_input_path("a.fits") == "/data/a.fits"


def test_the_output_never_replaces_an_input(uncal, tmp_path):
    before = uncal.read_bytes()
    with pytest.raises(InputError, match="would overwrite what this run reads"):
        PlusOneStep.call(uncal, save_results=True, suffix="uncal")
    folder = write_references(tmp_path / "refs", shape=(1, 2, 3, 4))
    with pytest.raises(InputError, match="would overwrite what this run reads"):
        SuperBiasStep.call(
            uncal,
            references=str(folder),
            output_dir=str(folder),
            output_file="x",
            suffix="superbias",
            override_superbias=_named(folder),
        )
    assert uncal.read_bytes() == before


def _named(folder):
    path = folder / "x_superbias.fits"
    path.write_bytes((folder / "superbias.fits").read_bytes())
    return str(path)


@pytest.mark.req("STEP-07")
def test_hooks(uncal, tmp_path):
    (tmp_path / "hooks_of_mine.py").write_text(
        "def double(model):\n    model.data *= 2\n    return model\n\ndef note(model):\n    model.meta.note = 'seen'\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        step = PlusOneStep(
            pre_hooks=["hooks_of_mine.double"],
            post_hooks=[PlusOneStep, "hooks_of_mine.note", f"{sys.executable} -c pass {{0}}"],
        )
        after = step.run(uncal)
    finally:
        sys.path.remove(str(tmp_path))
    assert (after.data == 4).all() and after.meta.note == "seen"


def test_a_hook_gets_what_its_step_gets_and_returns(uncal):
    seen = []

    class TwoStep(Step):
        """Return two models."""

        alias = "two"
        input_model = "RampModel"

        def process(self, ramp):
            return ramp, ramp.copy()

    one = PlusOneStep(pre_hooks=[lambda ramp: seen.append(ramp)], post_hooks=[lambda ramp: seen.append(ramp)])
    result = one.run(uncal)
    assert [type(item).__name__ for item in seen] == ["RampModel"] * 2 and seen[1] is result
    both = []
    results = TwoStep(post_hooks=[both.append, lambda models: models[::-1]]).run(uncal)
    # Several results are one argument, as the step returns them.
    assert len(both) == 1 and len(both[0]) == 2 and results[0] is both[0][1]


@pytest.mark.req("IO-18", "ROUTE-11")
def test_open_model_gives_a_model_of_its_own_that_shares_the_data(uncal, tmp_path, monkeypatch):
    ramp = datamodels.RampModel(datamodels.open(uncal))
    ramp.data += 1
    opened = Step().open_model(ramp)
    assert opened is not ramp and type(opened) is type(ramp) and np.shares_memory(opened.data, ramp.data)
    opened.close()
    assert (ramp.data == 2).all()
    assert Step(input_dir=str(uncal.parent)).open_model(uncal.name).shape == (1, 2, 3, 4)
    member = {"expname": uncal.name, "exptype": "science"}
    table = {"asn_id": "a3001", "asn_pool": "none", "products": [{"name": "p", "members": [member]}]}
    (tmp_path / "x_asn.json").write_text(json.dumps(table))
    container = Step(input_dir=str(tmp_path)).open_model("x_asn.json")
    assert type(container).__name__ == "ModelContainer" and len(container) == 1
    assert container.meta.asn_table.instance["products"][0]["name"] == "p"


@pytest.mark.parametrize(
    ("hook", "message"),
    [("no_such.function", "no function or step"), ("false", "status 1"), (lambda model: 1 / 0, "ZeroDivisionError")],
)
def test_a_failing_hook_says_so(uncal, hook, message):
    with pytest.raises(HookError, match=message):
        PlusOneStep.call(uncal, pre_hooks=[hook])


def test_the_record_says_how_it_was_made(uncal, tmp_path):
    folder = write_references(tmp_path / "refs", shape=(1, 2, 3, 4))
    SuperBiasStep.call(uncal, references=str(folder), save_results=True)
    product = datamodels.open(tmp_path / NAME.replace("uncal", "superbias"))
    record = product.provenance
    assert record["inputs"][0]["path"] == str(uncal) and len(record["inputs"][0]["sha256"]) == 64
    (entry,) = record["steps"]
    assert entry["status"] == "COMPLETE" and entry["references"]["superbias"]["path"] == str(folder / "superbias.fits")
    assert entry["seconds"] >= 0 and entry["peak_memory_mb"] > 0
    assert record["software"]["version"] and "numpy" in record["software"]["libraries"]
    assert any("Step superbias running" in line for line in product.cal_logs["superbias"])
    # The header has the name, the record the place.
    assert fits.getheader(product.path)["R_SUPERB"] == "superbias.fits"


def test_a_reference_that_is_not_there_is_named(uncal, tmp_path):
    with pytest.raises(ReferenceError_, match="needs a superbias reference, and no source"):
        SuperBiasStep.call(uncal)
    with pytest.raises(ReferenceError_, match="override_superbias does not exist"):
        SuperBiasStep.call(uncal, override_superbias="nix.fits")
    with pytest.raises(ReferenceError_, match="folder of reference files does not exist"):
        SuperBiasStep.call(uncal, references="nix")
    (tmp_path / "empty").mkdir()
    assert SuperBiasStep.call(uncal, references=str(tmp_path / "empty")).meta.cal_step.superbias == "SKIPPED"


@pytest.mark.req("TMT-03")
def test_get_reference_file_on_a_bare_step(uncal, tmp_path, monkeypatch):
    folder = write_references(tmp_path / "refs", shape=(1, 2, 3, 4))
    monkeypatch.setenv("HEXCAL_REFERENCES", str(folder))
    assert Step().get_reference_file(datamodels.open(uncal), "dark") == str(folder / "dark.fits")
    assert Step().get_reference_file(datamodels.open(uncal), "wavemap") == "N/A"


def test_row_bands_cover_every_row_once():
    for threads in (1, 2, 3, 7):
        seen = np.zeros(53, int)

        def count(first, last, array):
            array[first:last] += 1

        bands.run_bands(count, 53, seen, threads=threads)
        assert (seen == 1).all()


def test_maximum_cores(monkeypatch):
    monkeypatch.setattr("hexcal.threads.available_cores", lambda: 8)
    monkeypatch.delenv("HEXCAL_THREADS", raising=False)
    assert [bands.threads_from(text) for text in ("1", "none", "quarter", "half", "all", "3", "99")] == [
        1,
        1,
        2,
        4,
        8,
        3,
        8,
    ]
    monkeypatch.setenv("HEXCAL_THREADS", "2")
    assert bands.threads_from("all") == 2
    with pytest.raises(ParameterError, match="maximum_cores must be"):
        bands.threads_from("many")
    monkeypatch.setenv("HEXCAL_THREADS", "two")
    with pytest.raises(ParameterError, match="HEXCAL_THREADS"):
        bands.default_threads()


def test_threads_of_a_step_with_maximum_cores(monkeypatch):
    from hexcal.step import JumpStep

    monkeypatch.setattr("hexcal.threads.available_cores", lambda: 8)
    monkeypatch.delenv("HEXCAL_THREADS", raising=False)
    assert bands.threads_of(JumpStep()) == 8
    assert bands.threads_of(JumpStep(maximum_cores="half")) == 4
    monkeypatch.setenv("HEXCAL_THREADS", "6")
    assert bands.threads_of(JumpStep()) == 6
    assert bands.threads_of(JumpStep(maximum_cores="1")) == 1


def test_an_error_in_a_kernel_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        bands.run_bands(lambda first, last: 1 / 0, 10, threads=2)


def test_row_bands_are_done_where_the_machine_gives_no_further_thread(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    seen = np.zeros(53, int)
    bands.run_bands(lambda first, last: seen.__setitem__(slice(first, last), 1), 53, threads=4)
    assert seen.all()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_without_its_work_is_an_error_and_no_endless_wait():
    def die(first, last):
        # A thread that finds no memory ends like this, without an exception that anybody could pass on.
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.01)
        else:
            sys.exit()

    with pytest.raises(ResourceError, match="a thread could not do its part"):
        bands.run_bands(die, 16, threads=4)


def test_digests_are_computed_where_the_machine_gives_no_further_thread(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"a")
    expected = hashlib.sha256(b"a").hexdigest()
    for refused in (False, True):
        if refused:
            monkeypatch.setattr("hexcal.core.digests.start_thread", lambda work, name: None)
        digests = Digests()
        digests.begin(str(path))
        assert str(path) in digests and digests.of(str(path)) == expected
        digests.close()


def test_importing_hexcal_imports_nothing_heavy():
    heavy = ("numba", "scipy", "astropy", "asdf", "matplotlib")
    code = (
        f"import sys, hexcal.pipeline, hexcal.step, hexcal.datamodels; print([m for m in {heavy} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert found == "[]"


@pytest.mark.req("IO-09", "IO-08")
def test_suffix_and_paths_follow_the_parameters():
    step = PlusOneStep(suffix="Special", input_dir="in")
    assert step.make_output_path(basepath="a") == "a_special.fits"
    assert step.make_output_path(basepath="a", suffix="explicit") == "a_explicit.fits"
    assert step.make_input_path("b.fits") == os.path.join("in", "b.fits")


@pytest.mark.req("IO-11")
def test_output_use_model_takes_the_name_in_the_model(uncal, tmp_path):
    model = datamodels.RampModel(datamodels.open(uncal))
    model.meta.filename = "from_model_uncal.fits"
    PlusOneStep.call(model, output_use_model=True, save_results=True)
    assert (tmp_path / "from_model_plus_one.fits").exists()


@pytest.mark.req("IO-20", "PYI-14")
def test_a_path_and_a_model_are_the_same_to_a_step(uncal):
    by_path, by_model = PlusOneStep.call(str(uncal)), PlusOneStep.call(datamodels.open(uncal))
    assert np.array_equal(by_path.data, by_model.data)
