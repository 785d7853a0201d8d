"""The commands of pointing, under their documented names."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from telemetry_files import attitude, raw, telemetry_of, write_telemetry

from hexcal.cli import start
from hexcal.cli.main import main


@pytest.fixture
def files(tmp_path):
    telemetry = write_telemetry(tmp_path / "telemetry.csv", telemetry_of(attitude()))
    return str(raw(tmp_path / "a_uncal.fits", attitude(), velocity=(1.0, 2.0, 3.0))), str(telemetry)


@pytest.mark.req("PTG-01")
def test_pointing_then_aberration(files, capsys, tmp_path, monkeypatch):
    path, telemetry = files
    assert main(["set_telescope_pointing", path, "--engdb_url", telemetry, "--dry-run"]) == 0
    assert "not written (dry run)" in capsys.readouterr().out and "RA_V1" not in fits.getheader(path, "SCI")
    monkeypatch.setattr("sys.argv", ["set_telescope_pointing", path, "--engdb_url", telemetry, "--save-transforms"])
    assert start.set_telescope_pointing() == 0
    assert fits.getheader(path, "SCI")["PA_V3"] == pytest.approx(50.0, abs=1e-3)
    assert (tmp_path / "a_uncal_transforms.asdf").exists()
    monkeypatch.setattr("sys.argv", ["set_velocity_aberration", path])
    assert start.set_velocity_aberration() == 0
    assert fits.getheader(path, "SCI")["VA_SCALE"] == pytest.approx(1.0, abs=2e-5)


@pytest.mark.req("V1-01")
def test_tables(files, capsys, tmp_path, monkeypatch):
    path, telemetry = files
    monkeypatch.setattr("sys.argv", ["v1_calculate", path, "--engdb-url", telemetry, "--pointing", "all"])
    assert start.v1_calculate() == 0
    table = Table.read(capsys.readouterr().out, format="ascii.ecsv")
    assert table.colnames == ["source", "obstime", "ra", "dec", "pa_v3"] and len(table) == 3
    assert np.allclose(table["ra"], 120.0, atol=1e-5)
    words = ["2022-06-03T17:20:00", "2022-06-03T17:40:00", "--engdb-url", telemetry, "-o", str(tmp_path / "v1.ecsv")]
    assert main(["v1_calculate", *words]) == 0
    assert len(Table.read(tmp_path / "v1.ecsv")) == 1
    capsys.readouterr()
    main(["set_telescope_pointing", path, "--engdb_url", telemetry])
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", ["pointing_summary", path, "--extra-meta", "meta.instrument.name"])
    assert start.pointing_summary() == 0
    table = Table.read(capsys.readouterr().out, format="ascii.ecsv")
    assert table["exposure"][0] == "a_uncal.fits" and table["meta.instrument.name"][0] == "MIRI"


def test_a_missing_file_of_telemetry_is_said(files, capsys):
    assert main(["set_telescope_pointing", files[0], "--engdb_url", "/nowhere/telemetry.csv"]) == 1
    assert "telemetry" in capsys.readouterr().err
