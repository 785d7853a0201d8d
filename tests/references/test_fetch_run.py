"""Runs that fetch what they need: from a server that a test makes, and from the server of Hexcal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fault_server import server_of

from hexcal import datamodels
from hexcal.cli.main import main

SUBARRAY = ["--instrument", "MIRI", "--subarray", "SUB64", "--groups", "6", "--ints", "1"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A simulated exposure, and the cache of what it needs."""
    folder = tmp_path_factory.mktemp("made")
    words = ["simulate", "exposure", *SUBARRAY, "--output", str(folder), "--cache", str(folder / "crds")]
    assert main(words) == 0
    (exposure,) = folder.glob("*_uncal.fits")
    return exposure, folder / "crds"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    for name in ("CONTEXT", "OBSERVATORY", "READONLY_CACHE"):
        monkeypatch.delenv(f"CRDS_{name}", raising=False)
    monkeypatch.delenv("HEXCAL_REFERENCES", raising=False)
    monkeypatch.setenv("CRDS_CLIENT_RETRY_DELAY_SECONDS", "0.001")
    monkeypatch.setenv("CRDS_CLIENT_RETRY_COUNT", "2")
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def references(cache):
    return {path.name: path.read_bytes() for path in Path(cache, "references").rglob("*") if path.is_file()}


@pytest.mark.req("CRDS-02", "CRDS-03")
def test_a_run_fetches_all_it_needs_before_its_first_step(made, environment, caplog):
    exposure, cache = made
    with server_of(cache, context="jwst_sim_0001.pmap", **references(cache)) as server:
        environment.setenv("CRDS_SERVER_URL", server.url)
        assert main(["run", "calwebb_detector1", str(exposure), "--output_dir=out"]) == 0
    assert references("cache") == references(cache)
    lines = caplog.messages
    first_step = lines.index("Step dq_init running")
    assert any(line.startswith(f"Fetching {len(references(cache))} reference files, ") for line in lines[:first_step])
    for name in references(cache):
        assert any(line.startswith(f"  {name}  ") for line in lines[:first_step])
    (product,) = Path("out").glob("*_rate.fits")
    model = datamodels.open(product)
    assert model.meta.ref_file.crds.context_used == "jwst_sim_0001.pmap"
    assert model.meta.ref_file.dark.name == "crds://jwst_miri_dark_sim_0001.fits"
    # The server is gone, the cache is full: nothing else is needed.
    assert main(["run", "calwebb_detector1", str(exposure), "--output_dir=again"]) == 0


def test_a_run_without_a_server_that_answers_ends_before_its_first_step(made, environment, capsys, caplog):
    exposure, cache = made
    with server_of(cache, context="jwst_sim_0001.pmap", **references(cache)) as server:
        environment.setenv("CRDS_SERVER_URL", server.url)
        assert main(["crds", "bestrefs", str(exposure)]) == 0
    before = exposure.read_bytes()
    capsys.readouterr()
    assert main(["run", "calwebb_detector1", str(exposure), "--output_dir=out"]) == 1
    err = capsys.readouterr().err
    assert "reference files are not in the cache: jwst_miri_" in err
    assert "connection refused (tried 2 times)" in err
    assert len(err.strip().splitlines()) <= 5
    assert "Step dq_init running" not in caplog.messages
    assert not Path("out").exists() or not os.listdir("out")
    assert exposure.read_bytes() == before
    environment.delenv("CRDS_SERVER_URL")
    assert main(["run", "calwebb_detector1", str(exposure), "--output_dir=out"]) == 1
    assert "set CRDS_SERVER_URL" in capsys.readouterr().err


def test_an_override_is_not_fetched(made, environment, tmp_path):
    exposure, cache = made
    (dark,) = Path(cache).rglob("*_dark_sim_0001.fits")
    with server_of(cache, context="jwst_sim_0001.pmap", **references(cache)) as server:
        environment.setenv("CRDS_SERVER_URL", server.url)
        words = ["run", "calwebb_detector1", str(exposure), "--output_dir=out"]
        assert main([*words, f"--steps.dark_current.override_dark={dark}", "--steps.rscd.skip=true"]) == 0
        assert server.asked(dark.name) == server.asked("jwst_miri_rscd_sim_0001.fits") == 0
        assert server.asked("jwst_miri_gain_sim_0001.fits") == 1


@pytest.mark.req("CRDS-02", "CRDS-03")
def test_the_server_of_hexcal(made, environment, tmp_path, capsys):
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    exposure, cache = made
    words = ["crds", "serve", "--cache", str(cache), "--port", "0"]
    program = f"from hexcal.cli.main import main; raise SystemExit(main({words!r}))"
    serving = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        url = serving.stdout.readline().rpartition("CRDS_SERVER_URL=")[2].strip()
        assert url.startswith("http://127.0.0.1:")
        environment.setenv("CRDS_SERVER_URL", url)
        assert main(["crds", "sync", "--dataset-files", str(exposure)]) == 0
        assert main(["crds", "sync", "--contexts", "default", "--fetch-references"]) == 0
        assert main(["crds", "sync", "--check"]) == 0
    finally:
        serving.terminate()
        serving.communicate()
    assert references("cache") == references(cache)
    for path in Path("cache/mappings/jwst").iterdir():
        assert path.read_bytes() == (cache / "mappings/jwst" / path.name).read_bytes()
    assert "0 wrong, 0 unknown to the server" in capsys.readouterr().out
    assert main(["run", "calwebb_detector1", str(exposure), "--output_dir=out"]) == 0
