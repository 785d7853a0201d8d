"""``hexcal asn edit|gather|pool`` and their documented names: what is printed, exit status, errors."""

import json

import pytest
from astropy.io import fits

from hexcal.cli import asn
from hexcal.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a_cal.fits", "b_cal.fits"):
        header = fits.Header({"OBSERVTN": "001", "EXP_TYPE": "NRC_IMAGE", "TARGNAME": "M1"})
        fits.PrimaryHDU(header=header).writeto(tmp_path / name)
    content = {"asn_id": "o1", "products": [{"members": [{"expname": "a_cal.fits", "exptype": "science"}]}]}
    (tmp_path / "x_asn.json").write_text(json.dumps(content))

    def run(*words):
        status = main(["asn", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_without_words_the_commands_are_listed(run):
    status, out, _ = run()
    assert status == 1 and "from-list" in out and "gather" in out
    assert run("--help")[0] == 0
    status, _, err = run("gahter")
    assert status == 1 and "did you mean 'gather'" in err


@pytest.mark.parametrize("command", ["edit", "gather", "pool", "from-list"])
def test_every_command_has_a_help_text(run, capsys, command):
    with pytest.raises(SystemExit) as ended:
        main(["asn", command, "--help"])
    assert ended.value.code == 0 and "usage: asn_" in capsys.readouterr().out
    status, _, err = run(command)
    assert status == 1 and "--help" in err


def test_edit(run, tmp_path):
    status, out, err = run("edit", "-a", "-t", "psf", "x_asn.json", "b_cal.fits")
    assert (status, out, err) == (0, "x_asn.json: b_cal.fits added as psf\n", "")
    status, out, _ = run("edit", "--remove", "--ignore", "x_asn.json", "a_rate.fits", "-o", "new.json")
    assert status == 0 and "removed" in out
    members = json.loads((tmp_path / "new.json").read_text())["products"][0]["members"]
    assert members == [{"expname": "b_cal.fits", "exptype": "psf"}]
    status, _, err = run("edit", "x_asn.json", "b_cal.fits")
    assert status == 1 and "--add" in err
    status, _, err = run("edit", "-a", "-r", "x_asn.json", "b_cal.fits")
    assert status == 1 and "not allowed" in err
    status, _, err = run("edit", "-a", "y_asn.json", "b_cal.fits")
    assert status == 1 and "did you mean 'x_asn.json'" in err


@pytest.mark.req("CMD-11")
def test_gather(run, tmp_path):
    assert run("gather", "-v", "x_asn.json", "to") == (0, "a_cal.fits  science\nto/x_asn.json\n", "")
    assert (tmp_path / "to" / "a_cal.fits").is_file()
    status, _, err = run("gather", "-x", "science", "x_asn.json", "to2")
    assert status == 1 and "no member is left" in err
    assert run("gather", "-t", "science", "-s", ".", "-c", "cp", "to/x_asn.json", "to3")[0] == 0


@pytest.mark.req("CMD-13")
def test_pool(run, tmp_path):
    candidates = "[('c1000', 'background')]"
    status, out, err = run("pool", "new.csv", "a_cal.fits", "b_cal.fits", "-v", "--asn-candidate", candidates)
    assert (status, err) == (0, "")
    assert out.endswith("new.csv: 2 exposures, 12 columns\n")
    assert "a_cal.fits  nrc_image  [('o001', 'observation'), ('c1000', 'background')]\n" in out
    assert run("pool", "new.csv", "a_cal.fits", "--is-imprt", "t", "--dms-note", "x", "--pntgtype", "science")[0] == 0
    assert len((tmp_path / "new.csv").read_text().splitlines()) == 2


def test_pool_never_writes_over_an_exposure(run, tmp_path):
    before = (tmp_path / "a_cal.fits").read_bytes()
    for words in (("a_cal.fits", "b_cal.fits"), ("a_cal.fits", "a_cal.fits")):
        status, _, err = run("pool", *words)
        assert status == 1 and "first word is the pool" in err
    assert (tmp_path / "a_cal.fits").read_bytes() == before
    status, _, err = run("pool", "new.csv", "a_cal.fits", "none.fits")
    assert status == 1 and "none.fits" in err and not (tmp_path / "new.csv").exists()


def test_the_documented_names_are_commands_too(run, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["asn_edit", "-r", "x_asn.json", "none.fits"])
    assert asn.asn_edit() == 1
    assert "not a member" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["asn_gather", "x_asn.json", "to"])
    assert asn.asn_gather() == 0
    monkeypatch.setattr("sys.argv", ["asn_make_pool", "p.csv", "a_cal.fits"])
    assert asn.asn_make_pool() == 0
