"""Further effects of simulated exposures, by command: their truth, and the steps that correct for them."""

import shlex

import numpy as np
import pytest
from astropy.io import fits

from hexcal.cli.main import main
from hexcal.errors import ParameterError
from hexcal.models.dqflags import pixel
from hexcal.simulate.effects import Effects
from hexcal.simulate.mode import exposure_mode

QUIET = "--cosmic-rays 0 --bad-pixels 0 --galaxies 0"


def simulated(folder, words, capsys):
    """Run the command; returns the words that it says to run next."""
    assert main(["simulate", "exposure", *words.split(), "--output", str(folder)]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("next: hexcal run calwebb_detector1 ")
    return shlex.split(said)[2:]


def counts(folder):
    return fits.getdata(next(folder.glob("*_uncal.fits")), "SCI").astype(float)


def plane(folder, name):
    return fits.getdata(next(folder.glob("*_truth.fits")), f"ADDED_{name}")


@pytest.mark.parametrize(
    ("words", "name", "amount"),
    [
        ("--instrument MIRI --subarray SUB64 --readpatt FAST --groups 20 --interference 8", "interference", (4, 12)),
        ("--subarray SUB64P --groups 6 --flicker 7", "flicker", (6.9, 7.1)),
        ("--instrument NIRISS --subarray SUB80 --groups 6 --flicker 7", "flicker", (6.9, 7.1)),
    ],
)
def test_what_the_electronics_add_is_in_the_truth(words, name, amount, tmp_path, capsys):
    without = words.replace(f" --{name}", " --sky 0.5 --seed 0 --stars 5 --exposures 1 #").partition(" #")[0]
    simulated(tmp_path / "with", f"{words} {QUIET} --sky 0.5 --stars 5", capsys)
    simulated(tmp_path / "without", f"{without} {QUIET}", capsys)
    more, truth = counts(tmp_path / "with") - counts(tmp_path / "without"), plane(tmp_path / "with", name)
    assert truth.dtype == ">f4" and amount[0] < truth.std() < amount[1]
    assert np.abs(more - truth).max() <= 1.0


def test_interference_and_the_command_that_takes_it_out(tmp_path, capsys):
    """Of three integrations each has its own phase; the reference that is written knows the waves."""
    words = f"--instrument MIRI --subarray SUB64 --readpatt FAST --groups 20 --ints 3 --stars 0 {QUIET}"
    last = []
    for name, more in (("with", " --interference 8"), ("without", "")):
        run = simulated(tmp_path / name, words + more, capsys)
        assert ("--steps.emicorr.skip=false" in run) == (name == "with")
        options = ["--output_dir", str(tmp_path / name), "--steps.emicorr.leave_out_ends=true"]
        assert main([*run, *options, "--save_calibrated_ramp=true"]) == 0
        with fits.open(next((tmp_path / name).glob("*_ramp.fits"))) as ramp:
            assert ramp[0].header["S_MIREMI"] == ("COMPLETE" if name == "with" else "SKIPPED")
            last.append(ramp["SCI"].data[:, 5:-1].copy())
    left = last[0] - last[1]
    left -= left.mean(axis=1, keepdims=True)
    waves = plane(tmp_path / "with", "interference")[:, 5:-1]
    assert left.std() < 0.2 * (waves - waves.mean(axis=1, keepdims=True)).std()


def test_persistence_and_the_command_that_takes_it_out(tmp_path, capsys):
    run = simulated(tmp_path, f"--subarray SUB160 --groups 6 --ints 2 --persistence 60 --stars 40 {QUIET}", capsys)
    (traps,) = tmp_path.glob("*_trapsfilled.fits")
    assert f"--steps.persistence.input_trapsfilled={traps}" in run
    options = ["--output_dir", str(tmp_path / "out"), "--steps.persistence.save_persistence=true"]
    assert main([*run, *options]) == 0
    truth = plane(tmp_path, "persistence")
    found = fits.getdata(next((tmp_path / "out").glob("*_output_pers.fits")), "SCI")
    assert truth.max() > 0.5
    # What the exposure itself fills and releases is not simulated: its own stars are left out.
    rate = fits.getdata(next(tmp_path.glob("*_truth.fits")), "RATE")
    faint = (rate < 20) & (rate > 0)
    np.testing.assert_allclose(found[:, :, faint], truth[:, :, faint], atol=0.02 * truth.max())


def test_persistence_fades(tmp_path, capsys):
    """Of two exposures, the second one has what is left; both begin with the same traps."""
    words = f"--subarray SUB64P --groups 4 --exposures 2 --persistence 5 --stars 40 {QUIET}"
    assert main(["simulate", "exposure", *words.split(), "--output", str(tmp_path)]) == 0
    assert "--steps.persistence.input_trapsfilled=" in capsys.readouterr().out
    first, second = (fits.getdata(path, "ADDED_PERSISTENCE") for path in sorted(tmp_path.glob("*_truth.fits")))
    assert 0.05 < second.max() / first.max() < 0.95
    assert len(list(tmp_path.glob("*_trapsfilled.fits"))) == 1


def test_charge_migration_and_the_command_that_leaves_it_out(tmp_path, capsys):
    """The rates of the pixels that lose or gain charge are nearer to the truth with the step."""
    words = f"--instrument NIRISS --subarray SUB128 --groups 60 --stars 400 --charge-migration 0.3 {QUIET}"
    run = simulated(tmp_path, words, capsys)
    assert "--steps.charge_migration.skip=false" in run
    moved = plane(tmp_path, "charge_migration")
    with fits.open(next(tmp_path.glob("*_truth.fits"))) as truth:
        rate, dq = truth["RATE"].data, truth["DQ"].data
    assert moved.min() < -1000 and (moved[:, 0] == 0).mean() > 0.9
    assert not moved[:, :, dq & pixel.REFERENCE_PIXEL != 0].any()
    # Charge that begins to move in the twelfth group or later: there is something to fit before.
    changed = (np.abs(moved[0]).max(axis=0) > 500) & (moved[0, 10] == 0)
    assert changed.sum() > 10
    errors = []
    for skip in ("true", "false"):
        words = [*run, f"--steps.charge_migration.skip={skip}", "--output_dir", str(tmp_path / skip)]
        assert main(words) == 0
        measured = fits.getdata(next((tmp_path / skip).glob("*_rate.fits")), "SCI")
        errors.append(float(np.sqrt(np.nanmean((measured[changed] / rate[changed] - 1) ** 2))))
    assert errors[0] > 0.02 and errors[1] < 0.6 * errors[0]


def test_references_of_effects_go_into_a_cache(tmp_path, capsys, monkeypatch):
    cache = tmp_path / "crds"
    words = f"--subarray SUB64P --groups 4 --persistence 5 --cache {cache} {QUIET}"
    assert main(["simulate", "exposure", *words.split(), "--output", str(tmp_path)]) == 0
    setting, _, _, *run = shlex.split(capsys.readouterr().out.splitlines()[-1].removeprefix("next: "))
    monkeypatch.setenv(*setting.split("="))
    assert main(["run", *run, "--output_dir", str(tmp_path / "out")]) == 0
    header = fits.getheader(next((tmp_path / "out").glob("*_rate.fits")))
    assert header["S_PERSIS"] == "COMPLETE" and "trappars_sim" in header["R_TRPPAR"]


@pytest.mark.parametrize(
    ("mode", "effects", "message"),
    [
        ({"instrument": "NIRCAM"}, Effects(interference=3), "interference disturbs MIRI"),
        ({"instrument": "MIRI", "readpatt": "FASTGRPAVG"}, Effects(interference=3), "patterns of single frames"),
        ({"instrument": "MIRI"}, Effects(persistence=3), "persistence is simulated for near-infrared"),
        ({"instrument": "MIRI"}, Effects(charge_migration=0.1), "charge_migration is simulated for near-infrared"),
        ({"instrument": "NIRISS"}, Effects(charge_migration=1.1), "between 0 and 1"),
        ({"instrument": "NIRISS"}, Effects(flicker=-1), "must not be negative"),
    ],
)
def test_what_cannot_be_is_refused(mode, effects, message):
    with pytest.raises(ParameterError, match=message):
        effects.require(exposure_mode(**mode))


@pytest.mark.parametrize("function", ["acq1", "track", "fineguide"])
def test_guider_exposures_by_command(function, tmp_path, capsys):
    words = ["simulate", "guider", "--function", function, "--seed", "3", "--ints", "4", "--output", str(tmp_path)]
    assert main(words) == 0
    said = shlex.split(capsys.readouterr().out.splitlines()[-1].removeprefix("next: hexcal "))
    assert main([*said, "--output_dir", str(tmp_path / "out")]) == 0
    (product,) = (tmp_path / "out").glob("*_cal.fits")
    assert fits.getdata(product, "SCI").shape[0] == 4 and len(list(tmp_path.glob("*truth.fits"))) == 1
    assert main(words) == 1
    assert "exist already" in capsys.readouterr().err


def test_irs2_exposures_by_command(tmp_path, capsys):
    words = f"simulate irs2 --detector NRS2 --groups 2 --dark --output {tmp_path}"
    assert main(words.split()) == 0
    assert "next: hexcal run calwebb_dark" in capsys.readouterr().out
    with fits.open(next(tmp_path.glob("*_nrs2_uncal.fits"))) as raw:
        assert raw["SCI"].shape == (1, 2, 3200, 2048) and raw[0].header["EXP_TYPE"] == "NRS_DARK"
    assert (tmp_path / "references" / "refpix.fits").is_file()
