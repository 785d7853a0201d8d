"""``hexcal simulate``."""

import shlex

import numpy as np
import pytest
from astropy.io import fits
from crds_caches import make_cache

from hexcal.cli.main import main

SMALL = ["--subarray", "SUB64P", "--groups", "3", "--seed", "5"]


def test_an_exposure_its_truth_and_its_references(tmp_path, capsys):
    assert main(["simulate", "exposure", *SMALL, "--ints", "2", "--output", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    (uncal,) = tmp_path.glob("*_uncal.fits")
    (truth,) = tmp_path.glob("*_truth.fits")
    assert f"hexcal run calwebb_detector1 {uncal} --references={tmp_path / 'references'}" in output
    assert str(truth) in output
    assert (tmp_path / "references" / "superbias.fits").is_file()
    with fits.open(uncal) as file:
        assert file["SCI"].shape == (2, 3, 64, 64)
        assert file[0].header["SUBARRAY"] == "SUB64P"


def test_the_same_seed_gives_the_same_counts(tmp_path):
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert (
            main(
                ["simulate", "exposure", *SMALL, "--seed", seed, "--no-references", "--output", str(tmp_path / folder)]
            )
            == 0
        )
        assert not (tmp_path / folder / "references").exists()
    one, two, three = (fits.getdata(next((tmp_path / name).glob("*_uncal.fits")), "SCI") for name in "abc")
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


def test_a_series_of_darks_of_one_detector(tmp_path, capsys):
    words = ["simulate", "exposure", *SMALL, "--dark", "--exposures", "2", "--output", str(tmp_path)]
    assert main(words) == 0
    first, second = sorted(tmp_path.glob("*_uncal.fits"))
    assert [path.name.split("_")[2] for path in (first, second)] == ["00001", "00002"]
    headers = [fits.getheader(path) for path in (first, second)]
    assert [header["EXP_TYPE"] for header in headers] == ["NRC_DARK"] * 2
    assert headers[0]["DATE-BEG"] == "2023-02-25T00:00:00.000" == f"{headers[0]['DATE-OBS']}T{headers[0]['TIME-OBS']}"
    assert headers[0]["DATE-BEG"] < headers[0]["DATE-END"] < headers[1]["DATE-BEG"]
    assert headers[0]["EXPSTART"] < headers[1]["EXPSTART"]
    counts = [fits.getdata(path, "SCI").astype(float) for path in (first, second)]
    # The bias of each pixel (scatter 120 DN) is the same; the noise (15 DN of the reset, twice) is not.
    assert counts[0][0, 0].std() > 50 and 1 < (counts[1] - counts[0])[0, 0].std() < 40
    assert main([*words, "--sky", "1", "--overwrite"]) == 1
    assert "cannot be combined with --sky" in capsys.readouterr().err


def test_exposures_with_different_seeds_can_have_the_same_detector(tmp_path):
    for folder, seed, detector in (("a", "1", "7"), ("b", "2", "7"), ("c", "2", "8")):
        words = [*SMALL, "--seed", seed, "--detector-seed", detector, "--output", str(tmp_path / folder)]
        assert main(["simulate", "exposure", *words]) == 0
    one, two, three = (fits.getdata(tmp_path / name / "references" / "superbias.fits", "SCI") for name in "abc")
    assert np.array_equal(one, two) and not np.array_equal(two, three)
    raw = [fits.getdata(next((tmp_path / name).glob("*_uncal.fits")), "SCI") for name in "ab"]
    assert not np.array_equal(*raw)


def test_options_reach_the_exposure(tmp_path):
    words = (
        "--instrument miri --subarray sub64 --readpatt FASTGRPAVG --groups 20 --tso --filter F560W --sky 3 --stars 0 "
        "--galaxies 0 --cosmic-rays 0"
    )
    words += " --drift 0 --bad-pixels 0"
    assert main(["simulate", "exposure", *words.split(), "--output", str(tmp_path)]) == 0
    with fits.open(next(tmp_path.glob("*_uncal.fits"))) as file:
        header = file[0].header
        assert file["REFOUT"].shape == (1, 20, 64, 18)
    assert (header["INSTRUME"], header["READPATT"], header["FILTER"], header["TSOVISIT"]) == (
        "MIRI",
        "FASTGRPAVG",
        "F560W",
        True,
    )
    assert header["NFRAMES"] == 4
    with fits.open(next(tmp_path.glob("*_truth.fits"))) as file:
        assert np.median(file["RATE"].data) == pytest.approx(3, rel=0.01)
        assert len(file["COSMIC_RAYS"].data) == 0


def test_full_frame_references(tmp_path):
    words = ["--subarray", "SUB160", "--groups", "2", "--full-frame-references"]
    assert main(["simulate", "exposure", *words, "--output", str(tmp_path)]) == 0
    with (
        fits.open(tmp_path / "references" / "gain.fits") as gain,
        fits.open(tmp_path / "references" / "dark.fits") as dark,
    ):
        assert gain["SCI"].shape == (2048, 2048)
        assert dark["SCI"].shape == (2, 160, 160)


def test_neutral_references_for_a_file(tmp_path, capsys):
    assert main(["simulate", "exposure", *SMALL, "--no-references", "--output", str(tmp_path)]) == 0
    (uncal,) = tmp_path.glob("*_uncal.fits")
    assert main(["simulate", "references", "--like", str(uncal), "--output", str(tmp_path / "neutral")]) == 0
    assert "--references=" in capsys.readouterr().out
    assert fits.getdata(tmp_path / "neutral" / "dark.fits", "SCI").shape == (3, 64, 64)


def test_references_in_a_cache(tmp_path, capsys, monkeypatch):
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "HEXCAL_REFERENCES"):
        monkeypatch.delenv(name, raising=False)
    cache = tmp_path / "my cache"
    words = ["simulate", "exposure", *SMALL, "--cache", str(cache), "--output", str(tmp_path / "a")]
    assert main(words) == 0
    output = capsys.readouterr().out
    (uncal,) = (tmp_path / "a").glob("*_uncal.fits")
    assert not (tmp_path / "a" / "references").exists()
    assert f"jwst_sim_0001.pmap in {cache}, 7 new reference files" in output
    _, setting, _, *command = shlex.split(output.splitlines()[-1])
    monkeypatch.setenv(*setting.split("="))
    assert main([*command, f"--output_dir={tmp_path}"]) == 0
    (rate,) = tmp_path.glob("*_rate.fits")
    assert fits.getval(rate, "CRDS_CTX") == "jwst_sim_0001.pmap"
    assert fits.getval(rate, "S_IPC") == "SKIPPED"

    capsys.readouterr()
    assert main([*words[:-1], str(tmp_path / "b"), "--seed", "6"]) == 0
    output = capsys.readouterr().out
    assert "jwst_sim_0002.pmap" in output
    assert "7 of them instead of others: for exposures simulated before, CRDS_CONTEXT=jwst_sim_0001.pmap" in output

    assert main(["simulate", "references", "--like", str(uncal), "--cache", str(cache)]) == 0
    output = capsys.readouterr().out
    assert "jwst_nircam_ipc_sim_0001.fits" in output
    assert "jwst_sim_0003.pmap" in output
    assert main(["crds", "bestrefs", str(uncal)]) == 0
    assert "jwst_nircam_dark_sim_0003.fits" in capsys.readouterr().out


def test_a_cache_of_the_observatory_is_refused_before_the_simulation(tmp_path, capsys):
    cache = make_cache(tmp_path / "crds")
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    assert main(["simulate", "exposure", *SMALL, "--cache", str(cache), "--output", str(tmp_path / "a")]) == 1
    error = capsys.readouterr().err
    assert "simulated references must have a cache of their own" in error
    assert len(error.splitlines()) <= 5
    assert before == {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    assert not (tmp_path / "a").exists()


def test_nothing_is_replaced_unless_asked_for(tmp_path, capsys):
    words = ["simulate", "exposure", *SMALL, "--output", str(tmp_path)]
    assert main(words) == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.fits")}
    assert main(words) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.fits")}
    assert main([*words, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("exposures --output x", "did you mean 'exposure'"),
        ("exposure", "--output"),
        ("exposure --output x --subarray SUB321", "did you mean 'SUB320'"),
        ("exposure --output x --detector NRCA22", "did you mean 'NRCA2'"),
        ("exposure --output x --readpatt RAPIDS", "did you mean 'RAPID'"),
        ("exposure --output x --filter F20W", "did you mean 'F200W'"),
        ("exposure --output x --exp-type NRC_IMAG", "did you mean 'NRC_IMAGE'"),
        ("exposure --output x --instrument MIRRI", "did you mean 'MIRI'"),
        ("exposure --output x --grops 3", "did you mean '--groups'"),
        ("exposure --output x --groups many", "must be a whole number, got 'many'"),
        ("exposure --output x --groups 0", "must be at least 1, got 0"),
        ("exposure --output x --sky -1", "at least 0, got '-1'"),
        ("exposure --output x --bad-pixels 2", "must not be negative, nor above 1"),
        ("exposure --output x --cosmic-rays -2", "at least 0"),
        ("exposure --output x --sky nan", "must be a finite number"),
        ("exposure --output x --seed -1", "must be at least 0, got -1"),
        ("exposure --output x --seed 99999999999999999999", "must fit into 64 bits"),
        ("exposure --output x --instrument MIRI --subarray SUB64_IP", "--frame-time"),
        ("references --like missing.fits --output x", "no such file"),
        ("exposure --output x --cache c --no-references", "not allowed with"),
        ("references --like missing.fits", "--output --cache is required"),
        ("references --like missing.fits --output x --cache c", "not allowed with"),
        ("references --like missing.fits --cache c --overwrite", "no file is ever replaced"),
        ("references --like missing.fits --cache c", "no such file"),
        ("references --like missing.fits --output x --rscd-groups -1", "must be at least 0"),
    ],
)
def test_bad_words(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", *words.split()]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) <= 5
    assert not list(tmp_path.iterdir())


def test_help(capsys):
    assert main(["simulate", "--help"]) == 0
    assert "references" in capsys.readouterr().out
    for action in ("exposure", "references"):
        assert main(["simulate", action, "--help"]) == 0
        assert "--overwrite" in capsys.readouterr().out
    assert main(["simulate"]) == 1
