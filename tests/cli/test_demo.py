"""``hexcal demo``, in a small subarray."""

import os
import re
import shlex

import matplotlib.image
import numpy as np
import pytest
from astropy.io import fits

from hexcal.cli.main import main


def test_a_demo_writes_what_it_says(tmp_path, capsys):
    assert main(["demo", "--subarray", "SUB160", "--groups", "6", "--output", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    rows = [line for line in output.splitlines() if re.match(r"[│|]\s+\d\S* to ", line)]
    assert len(rows) == 5
    assert "cosmic rays above 8 sigma" in output
    assert "jwst_sim_0001.pmap: 7 files" in output
    assert matplotlib.image.imread(tmp_path / "demo.png").shape[1] > 1500
    for suffix in ("uncal", "truth", "rate", "rateints"):
        (path,) = tmp_path.glob(f"*_{suffix}.fits")
        if suffix != "rateints":
            assert str(path) in output
    assert "jump" in (tmp_path / "demo.log").read_text()


def test_the_commands_that_a_demo_shows_work_and_the_references_of_the_user_stay_out_of_it(
    tmp_path, capsys, monkeypatch
):
    folder = tmp_path / "my demo"
    user = {"CRDS_PATH": "elsewhere", "CRDS_CONTEXT": "jwst_9999.pmap", "HEXCAL_REFERENCES": "nowhere"}
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    assert main(["demo", "--subarray", "SUB64P", "--groups", "4", "--output", str(folder)]) == 0
    assert {name: os.environ[name] for name in user} == user
    shown = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip().startswith("$ ")]
    assert [shlex.split(line)[2:5] for line in shown] == [
        ["hexcal", "crds", "bestrefs"],
        ["hexcal", "crds", "explain"],
        ["hexcal", "run", "calwebb_detector1"],
    ]
    (rate,) = folder.glob("*_rate.fits")
    first = fits.getdata(rate, "SCI")
    rate.unlink()
    for name in user:
        monkeypatch.delenv(name)
    for line in shown:
        _, setting, _, *words = shlex.split(line)
        monkeypatch.setenv(*setting.split("="))
        assert main(words) == 0
    assert "jwst_nircam_dark_sim_0001.fits" in capsys.readouterr().out
    with fits.open(rate) as file:
        assert np.array_equal(file["SCI"].data, first, equal_nan=True)
        assert file[0].header["CRDS_CTX"] == "jwst_sim_0001.pmap"
        assert file[0].header["R_DARK"] == "crds://jwst_nircam_dark_sim_0001.fits"


def test_a_demo_again_adds_no_references(tmp_path):
    words = ["demo", "--subarray", "SUB64P", "--groups", "4", "--output", str(tmp_path)]
    assert main(words) == 0
    before = {path.name for path in (tmp_path / "crds").rglob("*")}
    assert main(words) == 0
    assert {path.name for path in (tmp_path / "crds").rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "message"),
    [("", "--output"), ("--output x --groups 2", "must be at least 3, got 2"), ("--output x --ouput y", "--output")],
)
def test_bad_words(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", *words.split()]) == 1
    assert message in capsys.readouterr().err


def test_help(capsys):
    assert main(["demo", "--help"]) == 0
    assert "--seed" in capsys.readouterr().out
