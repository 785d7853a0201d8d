"""From raw exposures to checked files, by the command."""

import io
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from exposures import write_references, write_uncal

from hexcal.cli.main import main
from hexcal.reffiles.template import text_of

DARK = {"EXP_TYPE": "NRC_DARK", "NINTS": 1}


@pytest.fixture(scope="module")
def darks(tmp_path_factory):
    """Four darks of a bias of 1000 DN, and references."""
    folder = tmp_path_factory.mktemp("darks")
    for number in range(1, 5):
        data = np.random.default_rng(number).normal(1000, 5, (1, 6, 16, 24)).round().astype(np.uint16)
        write_uncal(
            folder,
            data=data,
            name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits",
            **DARK,
            EXPSTART=60000.0 + number,
        )
    write_references(folder / "refs")
    return folder


def make(folder, *words):
    return main(["reffiles", *words, f"--references={folder / 'refs'}"])


@pytest.mark.req("RFF-37", "RFF-49", "RFF-75")
def test_the_plan_says_all_and_writes_nothing(darks, tmp_path, capfd):
    assert make(darks, "plan", "superbias", "readnoise", str(darks), "--output", str(tmp_path / "out"), "--json") == 0
    tasks = json.loads(capfd.readouterr().out)
    assert [task["maker"] for task in tasks] == ["superbias", "readnoise"]
    assert [len(task["groups"]) for task in tasks] == [1, 4]
    assert tasks[0]["groups"][0]["steps"][0] == ["group_scale", "dq_init", "saturation"]
    assert tasks[0]["parameters"]["clipping_sigma"] == {"value": 3.0, "origin": "default"}
    assert not (tmp_path / "out").exists()


@pytest.mark.req("RFF-37")
def test_a_thousand_headers_are_planned_in_five_seconds(darks, tmp_path, capfd):
    first = next(darks.glob("*_uncal.fits"))
    with fits.open(first) as hdus:
        card, stored = str(hdus[0].header.cards["EXPSTART"]).encode(), first.read_bytes()
    for number in range(1000):
        name = f"jw00001001001_{number // 99 + 1:05d}_{number % 99 + 1:05d}_nrca1_uncal.fits"
        (tmp_path / name).write_bytes(
            stored.replace(card, f"EXPSTART= {60000 + number / 100:20.2f}".encode().ljust(80))
        )
    started = time.process_time()
    assert make(darks, "plan", "superbias", "readnoise", "dark", str(tmp_path)) == 0
    assert time.process_time() - started < 5
    assert "dark: 1 group " in (said := capfd.readouterr().out) and "readnoise: 1000 groups" in said


@pytest.mark.req(
    "RFF-11", "RFF-45", "RFF-67", "RFF-68", "RFF-69", "RFF-70", "RFF-71", "RFF-74", "RFF-75", "RFF-78", "RFF-127"
)
def test_files_are_made_checked_and_kept(darks, tmp_path, capfd):
    before = {path: path.read_bytes() for path in darks.glob("*_uncal.fits")}
    words = ("make", "superbias", "readnoise", str(darks), f"--output={tmp_path}", "--author", "A. Name")
    assert make(darks, *words, "--useafter=2023-02-01 00:00:00") == 0
    said = capfd.readouterr().out
    assert "error" not in said and "warning" not in said
    path = tmp_path / "run000" / "superbias" / "superbias_run000.superbias.fits"
    with fits.open(path) as hdus:
        header = hdus[0].header
        assert (header["AUTHOR"], header["USEAFTER"], header["REFTYPE"]) == (
            "A. Name",
            "2023-02-01T00:00:00",
            "SUPERBIAS",
        )
        assert header["PEDIGREE"] == "INFLIGHT 2023-02-26 2023-03-01"
        assert sum("DATA USED" in line for line in header["HISTORY"]) == 4
        assert abs(hdus["SCI"].data.mean() - 1000) < 1
        assert set(hdus["DQ_DEF"].data["VALUE"]) == {1, 1 << 20} or len(hdus["DQ_DEF"].data) == 2
    assert {path: path.read_bytes() for path in before} == before
    table = Table.read(tmp_path / "run000" / "inputs.ecsv")
    assert list(table["used_for"]) == ["superbias readnoise"] * 4 and list(table["SUBARRAY"]) == ["SUB64P"] * 4
    assert make(darks, *words, "--useafter=2023-02-01 00:00:00") == 0
    assert "superbias_run000.001.superbias.fits: kept" in capfd.readouterr().out


def test_keys_of_the_original_that_change_nothing_are_named(darks, tmp_path, capfd):
    settings = tmp_path / "c.yaml"
    settings.write_text("instrument: NIRCam\noutput:\n  ssblogFlag: true\nsuperbias:\n  ssb_save_steps: refpix\n")
    assert make(darks, "plan", "superbias", str(darks), "-c", str(settings)) == 0
    assert "change nothing here: instrument, superbias.ssb_save_steps" in capfd.readouterr().err


@pytest.mark.req("RFF-68")
def test_the_author_is_asked_for_before_anything_runs(darks, tmp_path, capfd):
    assert make(darks, "make", "superbias", str(darks), f"--output={tmp_path / 'out'}") == 1
    assert "the author of a reference file must be named" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.req("RFF-20", "RFF-21")
def test_what_was_made_is_used_by_what_comes_after(darks, tmp_path):
    settings = tmp_path / "c.yaml"
    settings.write_text("dark:\n  reffile4ssb: {superbias: SELF}\n")
    words = ("make", "dark", "superbias", str(darks), f"--output={tmp_path}", "--author=A", "-c", str(settings))
    assert make(darks, *words) == 0
    product = next((tmp_path / "run000" / "ssb" / "dark" / "dark").glob("*_jump.fits"))
    from hexcal.models.open import open as open_model

    record = open_model(product).get_meta("provenance").instance
    used = next(entry["references"]["superbias"] for entry in record["steps"] if entry["step"].endswith("superbias"))
    assert used["path"].endswith("superbias/superbias_run000.superbias.fits") and used["sha256"]


@pytest.mark.req("RFF-52", "RFF-57", "RFF-58")
def test_a_maker_of_the_user_runs_and_one_that_fails_fails_alone(darks, tmp_path, capfd):
    (tmp_path / "good.py").write_text(text_of("my_bias"))
    (tmp_path / "bad.py").write_text(
        text_of("no_bias").replace("darks = members", "raise RuntimeError('no luck')\n        darks = members")
    )
    words = ["make", "my_bias", "no_bias", str(darks), f"--output={tmp_path}", "--author=A"]
    words += [f"--plugin={tmp_path / name}.py" for name in ("good", "bad")]
    assert make(darks, *words, "--my_bias.sigma=4") == 1
    said = capfd.readouterr()
    assert "my_bias_run000.superbias.fits" in said.out
    assert "no_bias, group 1 failed: RuntimeError: no luck" in said.err


def test_exit_statuses(darks, tmp_path, capfd):
    assert make(darks, "make", "gain", str(darks), f"--output={tmp_path}", "--author=A") == 64
    assert "no group of the inputs fits DDFF" in capfd.readouterr().err
    assert main(["reffiles", "makers"]) == 0 and main(["reffiles", "config"]) == 0
    assert main(["reffiles", "mak"]) == 1
    assert "did you mean" in capfd.readouterr().err
    assert make(darks, "make", "superbias", str(darks), "--authr=A") == 1
    assert "author" in capfd.readouterr().err


@pytest.mark.req("RFF-40")
def test_a_word_that_is_neither_a_type_nor_a_file_is_named(capfd):
    assert main(["reffiles", "make", "superbias", "nothing_here", "--author=A"]) == 1
    assert (
        "'nothing_here' is neither a type of reference file nor a file or folder that is there"
        in capfd.readouterr().err
    )
    assert main(["reffiles", "make", "superbias", "--author=A"]) == 1
    assert "no exposures are given" in capfd.readouterr().err


def test_an_exposure_that_had_too_much_is_left_out(darks, tmp_path, capfd):
    path = tmp_path / "raw" / "jw00001001001_02101_00009_nrca1_uncal.fits"
    path.parent.mkdir()
    write_uncal(path.parent, name=path.name, **DARK, EXPSTART=60000.0, S_DARK="COMPLETE", S_SUPERB="COMPLETE")
    assert make(darks, "plan", "superbias", str(path)) == 64
    assert "superbias has been done, which must not be" in capfd.readouterr().out


def products_of(folder):
    return sorted((folder / "run000" / "ssb").rglob("*.fits"))


@pytest.mark.filterwarnings("ignore")
def test_products_on_the_way_are_removed_and_made_again_only_when_they_are_needed(darks, tmp_path, capfd):
    words = [str(darks), f"--output={tmp_path}", "--author=A", "--no-report"]
    assert make(darks, "make", "superbias", "readnoise", *words) == 0
    kept = tmp_path / "run000" / "references" / "superbias.fits"
    before, times = kept.read_bytes(), {path: path.stat().st_mtime_ns for path in products_of(tmp_path)}
    assert times
    capfd.readouterr()
    # Nothing is made for the sake of removing it.
    assert make(darks, "make", "superbias", "readnoise", *words, "--remove-intermediate") == 0
    said = capfd.readouterr().out
    assert f"removed {len(times)} products of the pipeline" in said
    assert "made of 4 exposures" not in said
    assert products_of(tmp_path) == []
    # What is as it was needs none of them.
    assert make(darks, "make", "superbias", "readnoise", *words) == 0
    said = capfd.readouterr().out
    assert said.count(": kept") == 5 and products_of(tmp_path) == []
    # Another parameter does: those of its maker.
    assert make(darks, "make", "superbias", "readnoise", *words, "--superbias.clipping_sigma=4") == 0
    said = capfd.readouterr().out
    assert "its products were removed, and are needed now" in said
    assert said.count("made of 4 exposures") == 1
    assert products_of(tmp_path)
    assert make(darks, "make", "superbias", *words, "--superbias.clipping_sigma=3") == 0
    with fits.open(kept) as again, fits.open(io.BytesIO(before)) as first:
        assert np.array_equal(again["SCI"].data, first["SCI"].data)


def test_another_parameter_makes_the_file_again_under_its_name(darks, tmp_path, capfd):
    words = ["make", "superbias", str(darks), f"--output={tmp_path}", "--author=A", "--no-report"]
    assert make(darks, *words) == 0
    assert make(darks, *words, "--superbias.clipping_sigma=4") == 0
    assert capfd.readouterr().out.count("made of 4 exposures") == 2


def test_an_exposure_that_is_taken_away_is_no_longer_in_the_file(darks, tmp_path, capfd):
    words = [f"--output={tmp_path}", "--author=A", "--no-report"]
    paths = sorted(map(str, darks.glob("*_uncal.fits")))
    for used in (paths, paths[1:]):
        assert make(darks, "make", "superbias", "readnoise", *used, *words) == 0
        for label in ("superbias", "readnoise"):
            final = tmp_path / "run000" / label / f"{label}_run000.{label}.fits"
            told = json.loads(final.with_suffix(".json").read_text())
            assert [Path(item["path"]).name for item in told["inputs"]] == [Path(path).name for path in used]
    assert ": kept" not in capfd.readouterr().out


def test_products_are_not_removed_when_something_failed(darks, tmp_path, capfd):
    words = [str(darks), f"--output={tmp_path}", "--author=A", "--no-report", "--remove-intermediate"]
    assert make(darks, "make", "superbias", "ipc", *words) == 1
    captured = capfd.readouterr()
    assert "the products of the pipeline are kept" in captured.out
    assert "the darks show 0" in captured.err
    assert products_of(tmp_path)


def test_a_type_that_the_exposures_do_not_allow_is_no_failure_of_all(darks, tmp_path, capfd):
    """Too few hot pixels for the kernel of the coupling."""
    words = [str(darks), f"--output={tmp_path}", "--author=A", "--no-report"]
    status = make(darks, "make", "all", *words)
    captured = capfd.readouterr()
    assert (
        "not made, as these exposures do not allow it: ipc, group 1: the kernel is measured on isolated" in captured.out
    )
    assert "ipc" not in captured.err
    assert status == 0, captured.err


def test_what_cannot_be_made_without_a_file_is_told_before_the_pipeline_runs(darks, tmp_path, capfd, monkeypatch):
    """Rates need a gain, which darks alone do not give."""
    monkeypatch.delenv("CRDS_PATH", raising=False)
    words = [f"{darks}/*_uncal.fits", "--author=A", "--no-report"]
    assert main(["reffiles", "make", "mask", *words, f"--output={tmp_path / 'one'}"]) == 1
    captured = capfd.readouterr()
    assert "mask, group 1 failed: ramp_fit needs a gain reference, and this run has made none" in captured.err
    assert "make gain in the same run" in captured.err and "None" not in captured.err
    assert not products_of(tmp_path / "one")
    assert main(["reffiles", "make", "all", *words, f"--output={tmp_path / 'all'}"]) == 0
    captured = capfd.readouterr()
    assert "do not allow it: mask, group 1: ramp_fit needs a gain reference" in captured.out
    assert not captured.err


def test_a_disk_that_is_too_small_is_told_before_anything_runs(darks, tmp_path, capfd, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=50_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert make(darks, "make", "superbias", str(darks), f"--output={tmp_path}", "--author=A", "--no-report") == 0
    error = capfd.readouterr().err
    assert "products of the pipeline take about 0.0 GB in all, and 0.0 GB are free" in error and "--output DIR" in error
