"""Clusters that were started before, and workers that die: the products are those of an undisturbed run."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal.cli.main import main
from hexcal.workflow.ledger import DONE, Ledger

COMMON = {
    "PROGRAM": "00001", "OBSERVTN": "001", "VISIT": "001", "VISITGRP": "02", "SEQ_ID": "1", "ACT_ID": "01",
    "TARGPROP": "STAR",
}  # fmt: skip
MOMENTS = {"DATE", "CHECKSUM", "DATASUM"}


def dask(*words):
    """Start a part of a cluster, as its user does."""
    command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def cluster(folder):
    """A scheduler and two workers; yields its address, and the processes of the workers by name."""
    from distributed import Client

    file = folder / "scheduler.json"
    processes = {"": dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))}
    try:
        for name in ("first", "second"):
            own = ["--name", name, "--no-nanny", "--nthreads", "1", "--resources", "MEMORY=4000"]
            where = ["--host", "127.0.0.1", "--local-directory", str(folder / "dask")]
            processes[name] = dask("worker", "--scheduler-file", str(file), *own, *where)
        with Client(scheduler_file=str(file), timeout="60s") as client:
            client.wait_for_workers(2, timeout=60)
            yield client, processes
    finally:
        for process in processes.values():
            process.kill()
        for process in processes.values():
            process.wait()


def busy(client, name):
    """Whether a worker is at work."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    address = next((address for address, worker in workers.items() if worker["name"] == name), None)
    return bool(client.processing().get(address))


def content(path):
    """All that is in a product but the moments at which it was made: cards and bytes of each extension."""
    with fits.open(path, memmap=False) as hdus:
        return [
            (
                [tuple(card) for card in hdu.header.cards if card.keyword not in MOMENTS],
                hdu.data.tobytes() if hdu.data is not None else b"",
            )
            for hdu in hdus
            if hdu.name != "ASDF"
        ]


def products(folder):
    return {path.name: content(path) for path in sorted(folder.glob("*.fits"))}


def test_a_worker_that_is_killed_changes_no_product(tmp_path, capfd):
    raw = tmp_path / "raw"
    raw.mkdir()
    for number in range(1, 7):
        write_uncal(raw, name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits", **COMMON)
    write_references(tmp_path / "refs")
    words = ["process", str(raw), "--until=1", f"--references={tmp_path / 'refs'}", "--no-report"]
    assert main([*words, f"--out={tmp_path / 'undisturbed'}", "--workers=1"]) == 0
    with cluster(tmp_path) as (client, processes):
        address = client.scheduler.address
        run = subprocess.Popen(
            [sys.executable, "-m", "hexcal", *words, f"--out={tmp_path / 'disturbed'}", f"--scheduler={address}"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        while run.poll() is None and not busy(client, "first"):
            time.sleep(0.01)
        os.kill(processes["first"].pid, signal.SIGKILL)
        said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert "2 workers of Dask" in said and "6 jobs done" in said
    found = products(tmp_path / "disturbed")
    assert len(found) == 12 and found == products(tmp_path / "undisturbed")
    assert not [path for path in (tmp_path / "disturbed").rglob("*") if "partial" in path.name or ".part" in path.name]
    book = Ledger(tmp_path / "disturbed", writes=False)
    assert {job["state"] for job in book.jobs()} == {DONE}
    # What was made by one cluster is up to date for another.
    assert main([*words, f"--out={tmp_path / 'disturbed'}", "--workers=1"]) == 0
    assert "0 jobs done (0 files), 6 already up to date" in capfd.readouterr().out


SBATCH = """#!/bin/sh
number=$(ls {folder}/*.pid 2>/dev/null | wc -l)
cp "$1" {folder}/$number.sh
setsid sh {folder}/$number.sh > {folder}/$number.out 2>&1 &
echo $! > {folder}/$number.pid
echo "Submitted batch job $number"
"""
SCANCEL = """#!/bin/sh
for number in "$@"; do kill -- -$(cat {folder}/$number.pid) 2>/dev/null; done
exit 0
"""


def test_workers_that_a_batch_system_starts_do_the_jobs(tmp_path, capfd, monkeypatch):
    """A stand-in for SLURM, which runs the script of a job at once."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (commands / name).write_text(text.format(folder=commands))
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__INTERFACE", "lo")
    raw = tmp_path / "raw"
    raw.mkdir()
    for number in (1, 2):
        write_uncal(raw, name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits", **COMMON)
    write_references(tmp_path / "refs")
    out = tmp_path / "out"
    words = ["process", str(raw), f"--out={out}", "--until=1", f"--references={tmp_path / 'refs'}", "--no-report"]
    assert main([*words, "--workers=1", "--memory=2GB", "--slurm", "queue=main walltime=00:10:00"]) == 0
    said = capfd.readouterr().out
    assert "1 worker of Dask asked of SLURM" in said and "2 jobs done (4 files)" in said
    script = (commands / "0.sh").read_text()
    assert "#SBATCH -p main" in script and "#SBATCH -t 00:10:00" in script and "MEMORY=2000" in script
    assert f"{out}/logs/dask-worker-%J.out" in script


def test_a_scheduler_that_is_not_there_is_named(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    write_uncal(tmp_path, name="jw00001001001_02101_00001_nrca1_uncal.fits", **COMMON)
    write_references(tmp_path / "refs")
    words = [f"--references={tmp_path / 'refs'}", "--until=1", "--scheduler=tcp://127.0.0.1:1"]
    assert main(["process", str(tmp_path), f"--out={tmp_path / 'out'}", *words]) == 1
    said = capfd.readouterr().err
    assert "tcp://127.0.0.1:1" in said and "dask scheduler" in said
