"""The command on a small programme: what is made, kept, made again, and told."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from exposures import write_references, write_uncal

from hexcal.cli.main import main
from hexcal.workflow.ledger import DONE, FAILED, Ledger

COMMON = {
    "PROGRAM": "00001", "OBSERVTN": "001", "VISIT": "001", "VISITGRP": "02", "SEQ_ID": "1", "ACT_ID": "01",
    "TARGPROP": "STAR",
}  # fmt: skip


@pytest.fixture(scope="module")
def programme(tmp_path_factory):
    """Two raw exposures that can be calibrated, one that is cut short, and references."""
    folder = tmp_path_factory.mktemp("programme")
    for number in (1, 2, 3):
        write_uncal(folder, name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits", **COMMON)
    cut = folder / "jw00001001001_02101_00003_nrca1_uncal.fits"
    cut.write_bytes(cut.read_bytes()[:-2880])
    write_references(folder / "refs")
    return folder


def process(folder, *words):
    """Run the command; returns the exit status."""
    own = ["--until=1", "--workers=1", f"--references={folder / 'refs'}"]
    return main(["process", str(folder), f"--out={folder / 'out'}", *own, *words])


def test_a_programme_is_made_kept_and_made_again(programme, capfd):
    assert process(programme) == 1
    said = capfd.readouterr().out
    assert "2 jobs done" in said and "1 failed" in said
    assert "failed: calwebb_detector1 jw00001001001_02101_00003_nrca1" in said
    assert (programme / "out" / "report" / "index.html").is_file()
    jobs = {job["key"]: job for job in Ledger(programme / "out", writes=False).jobs()}
    assert sorted(job["state"] for job in jobs.values()) == [DONE, DONE, FAILED]
    done = jobs["calwebb_detector1 jw00001001001_02101_00001_nrca1"]
    assert {item["type"] for item in done["made_of"]["references"]} >= {"dark", "gain", "readnoise"}

    # What was made is kept; what failed is tried again.
    assert process(programme) == 1
    assert "0 jobs done (0 files), 2 already up to date, 1 failed" in capfd.readouterr().out

    (programme / "jw00001001001_02101_00003_nrca1_uncal.fits").unlink()
    write_references(programme / "refs", gain=None, dark=None)
    os.utime(programme / "refs" / "mask.fits", (1e9, 1e9))
    assert process(programme, "--dry-run", "--steps.jump.rejection_threshold=6") == 0
    said = capfd.readouterr().out
    assert "now with --steps.jump.rejection_threshold=6" in said

    assert main(["status", str(programme / "out")]) == 1
    assert "2 done, 1 failed" in capfd.readouterr().out


def test_bad_exposures_among_good_ones_are_named_and_the_rest_is_made(tmp_path, capfd):
    write_uncal(tmp_path, name="jw00001001001_02101_00001_nrca1_uncal.fits", **COMMON)
    write_uncal(tmp_path, name="jw00001001001_02101_00002_nrca1_uncal.fits", **{**COMMON, "EXP_TYPE": "NRC_MAGIC"})
    write_uncal(tmp_path, name="jw00001001001_02101_00003_nrcb1_uncal.fits", **{**COMMON, "DETECTOR": "NRCB1"})
    (tmp_path / "jw00001001001_02101_00004_nrca1_uncal.fits").write_bytes(b"not FITS at all")
    write_references(tmp_path / "refs")
    assert process(tmp_path) == 1
    said = capfd.readouterr().out
    assert "1 job done (2 files), 0 already up to date, 1 failed" in said
    assert "failed: calwebb_detector1 jw00001001001_02101_00003_nrcb1: the mask reference is for DETECTOR" in said
    assert "not used: jw00001001001_02101_00002_nrca1_uncal.fits: unknown exposure type 'NRC_MAGIC'" in said
    assert "not used: jw00001001001_02101_00004_nrca1_uncal.fits: not a readable FITS file" in said
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert all(word in page for word in ("NRC_MAGIC", "00004_nrca1_uncal.fits", "DETECTOR = NRCA1"))


@pytest.mark.usefixtures("signals_reach_children")
def test_new_exposures_are_taken_as_they_arrive(tmp_path):
    """Also by a folder that is empty at first."""
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    write_references(tmp_path / "refs")
    own = ["--until=1", "--workers=1", f"--references={tmp_path / 'refs'}", "--no-report", "--watch", "--interval=3"]
    words = ["process", str(raw), f"--out={out}", *own]
    with open(tmp_path / "said", "w+") as said:
        child = subprocess.Popen([sys.executable, "-m", "hexcal", *words], stdout=said)
        try:
            while child.poll() is None and "waiting" not in (tmp_path / "said").read_text():
                time.sleep(0.1)
            for number in (1, 2):
                write_uncal(tmp_path, name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits", **COMMON)
                name = f"jw00001001001_02101_{number:05d}_nrca1"
                os.rename(tmp_path / f"{name}_uncal.fits", raw / f"{name}_uncal.fits")
                while child.poll() is None and not (out / f"{name}_rate.fits").is_file():
                    time.sleep(0.1)
            while child.poll() is None and (tmp_path / "said").read_text().count("1 job done") < 2:
                time.sleep(0.1)
            # It sleeps now until it looks again.
            time.sleep(0.5)
            child.send_signal(signal.SIGINT)
            assert child.wait(60) == 130
        finally:
            child.kill()
        text = (tmp_path / "said").read_text()
    assert text.startswith("waiting: there are no exposures")
    assert "1 job done (2 files), 1 already up to date" in text and text.count("1 job done") == 2


LIMITED = """
import resource, sys
from hexcal.cli.start import hexcal
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
if __name__ == "__main__":
    sys.exit(hexcal())
"""


def test_where_there_is_no_room_for_a_product_the_rest_is_made_and_the_run_is_resumed(tmp_path, capfd):
    for number, n_ints in ((1, 1), (2, 1000), (3, 1)):
        write_uncal(tmp_path, (n_ints, 6, 16, 24), name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits", **COMMON)
    write_references(tmp_path / "refs")
    (tmp_path / "limited.py").write_text(LIMITED)
    out = tmp_path / "out"
    words = ["process", str(tmp_path), f"--out={out}", "--until=1", "--workers=1", f"--references={tmp_path / 'refs'}"]
    run = subprocess.run([sys.executable, str(tmp_path / "limited.py"), *words], capture_output=True, text=True)
    assert run.returncode == 1
    failure = next(line for line in run.stdout.splitlines() if line.startswith("failed: "))
    assert "00002_nrca1: cannot write: File too large" in failure and "rateints.fits" in failure
    assert "2 jobs done (4 files), 0 already up to date, 1 failed" in run.stdout
    assert not list(out.glob("*00002_nrca1_rateints*")) and not list(out.rglob("*.part*"))
    assert main([*words, "--no-report"]) == 0
    assert "1 job done (2 files), 2 already up to date, 0 failed" in capfd.readouterr().out
    assert (out / "jw00001001001_02101_00002_nrca1_rateints.fits").stat().st_size > 4_000_000


def test_a_dry_run_writes_nothing(programme, capfd, tmp_path):
    assert main(["process", str(programme), f"--out={tmp_path / 'new'}", "--dry-run", "--json"]) == 0
    assert {job["pipeline"] for job in json.loads(capfd.readouterr().out)["jobs"]} >= {"calwebb_detector1"}
    assert not (tmp_path / "new").exists()


def test_a_killed_run_leaves_whole_files_and_is_resumed(tmp_path, capfd):
    for number in (1, 2):
        write_uncal(tmp_path, name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits", **COMMON)
    write_references(tmp_path / "refs")
    out = tmp_path / "out"
    words = ["process", str(tmp_path), f"--out={out}", "--until=1", "--workers=1", f"--references={tmp_path / 'refs'}"]
    child = subprocess.Popen(
        [sys.executable, "-m", "hexcal", *words], stdout=subprocess.DEVNULL, start_new_session=True
    )
    while child.poll() is None and not (out / "logs").is_dir():
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert main(words) == 0
    names = sorted(path.name for path in out.glob("*.fits"))
    assert names == [
        f"jw00001001001_02101_0000{number}_nrca1_{kind}.fits" for number in (1, 2) for kind in ("rate", "rateints")
    ]
    assert not [path for path in out.iterdir() if "partial" in path.name or path.name.endswith(".part")]


def test_wrong_words_are_said_at_once(tmp_path, capfd):
    assert main(["process", "--out", str(tmp_path / "out")]) == 1
    assert "folders or files with exposures are missing" in capfd.readouterr().err
    assert main(["process", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]) == 1
    assert "--dry-run" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
