"""Steps that remain, options of makers, bad input, simulated series, and a set from nothing."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from calibrations import ramp
from exposures import MIRI, write_uncal

from hexcal.cli.main import main
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.models.open import open as open_model
from hexcal.reffiles import pipeline_steps, record, registry
from hexcal.reffiles.inputs import Selection, exposure_of
from hexcal.reffiles.maker import Members
from hexcal.reffiles.registry import makers

LOG = logging.getLogger("test")


def made(label, pairs, **parameters):
    maker = makers()[label]
    return maker().make(Members(pairs), maker.Parameters(**parameters), LOG)


# ---- steps


@pytest.mark.req("RFF-38")
def test_all_names_of_steps_are_known():
    documented = "group_scale dq_init saturation ipc firstframe lastframe superbias refpix linearity persistence rscd"
    more = "dark_current jump rate emicorr reset charge_migration ramp_fit dark slope"
    for name in f"{documented} {more}".split():
        assert pipeline_steps.parsed(name)[0][1] is False and pipeline_steps.parsed(f"{name}-")[0][1] is True
    assert pipeline_steps.parsed("dq_init,saturation-") == [("dq_init", False), ("saturation", True)]
    assert pipeline_steps.parsed("slope-") == pipeline_steps.parsed("rate-") == [("ramp_fit", True)]
    with pytest.raises(ParameterError, match="refpx") as error:
        pipeline_steps.parsed("refpx-")
    assert "refpix" in error.value.hint


@pytest.mark.req("RFF-39")
def test_the_order_is_that_of_the_instrument(tmp_path):
    near = exposure_of(
        write_uncal(tmp_path, name="near_uncal.fits", EXP_TYPE="NRC_DARK", EXPSTART=60000.0), Selection()
    )
    mid = exposure_of(write_uncal(tmp_path, mode=MIRI, name="mid_uncal.fits", EXP_TYPE="MIR_DARKIMG", EXPSTART=60000.0),
                      Selection())  # fmt: skip
    assert pipeline_steps.remaining(near, "refpix-").order == (
        "group_scale", "dq_init", "saturation", "superbias", "refpix")  # fmt: skip
    # In the pipeline of MIRI the dark comes before refpix.
    order = pipeline_steps.remaining(mid, "refpix-").order
    assert order.index("dark_current") < order.index("refpix") and order.index("linearity") < order.index("rscd")
    # The order of a list does not count.
    assert pipeline_steps.remaining(near, "refpix,dq_init").order == ("dq_init", "refpix")


# ---- options of makers


@pytest.mark.req("RFF-82")
def test_no_more_flags_at_the_border_than_elsewhere():
    from calibrations import image_of, rates

    rng = np.random.default_rng(1)
    image = 100 * np.linspace(0.95, 1.05, 200)[None, :] * rng.normal(1, 0.01, (180, 200))
    mask = made("mask", [("flat", image_of(rates(image[None]))) for _ in range(3)])
    assert np.count_nonzero(mask.dq) == 0


@pytest.mark.req("RFF-94")
def test_drifts_of_amplifiers_are_taken_out_of_the_superbias():
    rng = np.random.default_rng(2)
    darks = []
    for _ in range(10):
        data = 1000 + rng.normal(0, 5, (1, 2, 256, 256))
        data += np.repeat(rng.normal(0, 30, 4), 64)[None, None, None, :]
        model = ramp(data)
        # The lower edge of the detector, with its four rows of reference pixels.
        model.meta.subarray.xstart, model.meta.subarray.ystart = 1001, 1
        model.meta.subarray.fastaxis, model.meta.exposure.noutputs = -1, 4
        darks.append(("dark", model))
    with_drifts, without = (made("superbias", darks, subtract_drifts=value) for value in (False, True))
    # What all darks of an amplifier have in common cannot be told from its bias.
    assert np.std(without.data[:, :64]) == pytest.approx(5 / np.sqrt(10), rel=0.05)
    assert np.median(without.err) == pytest.approx(5 / np.sqrt(10), rel=0.1) and np.median(with_drifts.err) > 5


@pytest.mark.req("RFF-106", "RFF-107")
def test_pixels_without_a_linear_solution_are_told(caplog):
    rng = np.random.default_rng(3)
    counts = np.cumsum(rng.poisson(3000, (20, 40, 40)), axis=0).astype(float)
    counts -= 1e-6 * counts**2
    counts[:, 3, 4] = np.minimum(counts[:, 3, 4], 7000)  # stands still from there on
    flags = np.zeros((1, 20, 40, 40), np.uint8)
    flags[0, 2:, 5, 6] = 2
    with caplog.at_level(logging.INFO):
        model = made("linearity", [("flat", ramp(counts[None], flags)) for _ in range(3)])
    assert model.dq[5, 6] == pixel.NO_LIN_CORR and np.isfinite(model.coeffs).all()
    assert np.allclose(model.coeffs[:, 5, 6], np.median(model.coeffs, axis=(1, 2)), rtol=0.05)
    assert model.dq[3, 4] & pixel.NONLINEAR
    assert np.count_nonzero(model.dq) < 8
    assert "Reduced chi-square by order" in caplog.text and "Correction at the largest counts: 1." in caplog.text


@pytest.mark.req("RFF-105")
def test_flats_of_several_levels_are_fitted_together():
    rng = np.random.default_rng(4)
    flats = []
    for rate in (2500, 2500, 900, 900):
        true = np.cumsum(rng.poisson(rate * 2, (18, 48, 48)), axis=0) / 2
        flats.append(("flat", ramp((true - 1.0e-6 * true**2)[None])))
    model = made("linearity", flats)
    counts = 35000.0
    true = (1 - np.sqrt(1 - 4e-6 * counts)) / 2e-6
    given = sum(model.coeffs[power] * counts**power for power in range(4))
    assert np.median(given) / true == pytest.approx(1, abs=0.003)


@pytest.mark.req("RFF-109")
def test_a_soft_threshold_is_where_the_ramp_departs():
    signal = 1000 + 2500.0 * np.arange(1, 21)[:, None, None] * np.ones((8, 9))
    signal[14:] = signal[13] + 300 * np.arange(1, 7)[:, None, None]
    model = made("saturation", [("flat", ramp(signal[None]))], method="soft")
    assert np.allclose(model.data, signal[13], rtol=0.08) and not model.dq.any()
    dead = signal.copy()
    dead[:, 2, 2] = 1000 + np.random.default_rng(1).normal(0, 5, 20)
    model = made("saturation", [("flat", ramp(np.minimum(dead, 40000)[None]))])
    # A pixel without light is flat from the beginning: no threshold at its bias.
    assert model.dq[2, 2] == pixel.NO_SAT_CHECK and np.isnan(model.data[2, 2])


@pytest.mark.req("RFF-112", "RFF-114")
def test_options_of_the_dark(caplog):
    rng = np.random.default_rng(5)
    rate = np.full((40, 48), 0.5)
    rate[7, 8] = 40.0
    darks = []
    for _ in range(5):
        data = rate * 2.0 * np.arange(1, 13)[:, None, None] + rng.normal(0, 5, (12, 40, 48))
        model = ramp(data[None])
        model.meta.exposure.nframes, model.meta.exposure.groupgap, model.meta.exposure.readpatt = 4, 1, "SHALLOW4"
        darks.append(("dark", model))
    plain = made("dark", darks)
    for options in ({"smooth": 5}, {"straight": True}):
        with caplog.at_level(logging.INFO):
            quiet = made("dark", darks, **options)
        error = [np.std((model.data[6] - 6.0)[rate < 1]) for model in (plain, quiet)]
        assert error[1] < 0.8 * error[0]
        assert quiet.data[11, 7, 8] == plain.data[11, 7, 8]
    assert made("dark", darks, max_groups=6).data.shape == (6, 40, 48)
    assert "the dark is for READPATT SHALLOW4 alone" in caplog.text


@pytest.mark.req("RFF-118")
def test_a_flat_less_the_lamp_off_and_its_scales():
    from calibrations import image_of, rates

    rng = np.random.default_rng(6)
    y, x = np.mgrid[:80, :90]
    large, fine = 1 + 0.1 * np.sin(x / 30), rng.normal(1, 0.02, (80, 90))
    glow = 20 * np.exp(-((x - 20) ** 2 + (y - 30) ** 2) / 200)
    lit = [
        ("flat", image_of(rates((100 * large * fine + glow + rng.normal(0, 0.1, fine.shape))[None]))) for _ in range(4)
    ]
    off = [("dark", image_of(rates((glow + rng.normal(0, 0.1, fine.shape))[None]))) for _ in range(4)]
    response = large * fine / np.mean(large * fine)
    assert np.std(made("flat", [*lit, *off]).data / response) < 0.002
    assert np.std(made("flat", lit).data / response) > 0.02
    pixels = made("flat", [*lit, *off], structure="pixel", large_scale=9).data
    assert np.corrcoef(pixels.ravel(), fine.ravel())[0, 1] > 0.95
    assert np.std(made("flat", [*lit, *off], structure="large", large_scale=9).data / large) < 0.02


def test_types_that_an_instrument_has_not_got_are_refused(tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    write_uncal(folder, mode=MIRI, name="a_uncal.fits", EXP_TYPE="MIR_DARKIMG", EXPSTART=60000.0)
    write_uncal(folder, name="b_uncal.fits", EXP_TYPE="NRC_DARK", EXPSTART=60000.0)
    assert main(["reffiles", "plan", "reset", "superbias", str(folder), f"--output={tmp_path}"]) == 0
    said = capfd.readouterr().out
    assert "NIRCAM has no reset reference; it is made for MIRI" in said
    assert "MIRI has no superbias reference; it is made for NIRCAM, NIRISS, NIRSPEC, FGS" in said
    assert main(["reffiles", "plan", "emicorr", str(folder / "b_uncal.fits")]) == 64
    assert set(registry.makers()["emicorr"].instruments) == {"MIRI"}


# ---- bad input


def test_broken_files_among_good_ones_are_named_and_left_out(tmp_path, capfd):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        write_uncal(tmp_path / "in", name=f"{name}_uncal.fits", EXP_TYPE="NRC_DARK", EXPSTART=60000.0 + ord(name))
    (tmp_path / "in" / "c_uncal.fits").write_bytes(b"SIMPLE  = nothing")
    (tmp_path / "in" / "d_uncal.fits").write_bytes((tmp_path / "in" / "a_uncal.fits").read_bytes()[:1000])
    # A whole header, and not all of its data: it would spoil the group that it went into.
    (tmp_path / "in" / "e_uncal.fits").write_bytes((tmp_path / "in" / "b_uncal.fits").read_bytes()[:-2880])
    assert main(["reffiles", "plan", "superbias", str(tmp_path / "in")]) == 0
    said = capfd.readouterr().out
    assert "not used: c_uncal.fits" in said and "not used: d_uncal.fits" in said
    assert "not used: e_uncal.fits: the file is truncated: extension" in said
    assert main(["reffiles", "plan", "gain", str(tmp_path / "in")]) == 64
    assert "2 flats that agree are needed" in capfd.readouterr().out


def test_one_that_the_pipeline_refuses_does_not_take_its_group_with_it(tmp_path, capfd):
    from exposures import write_references

    rng = np.random.default_rng(1)
    (tmp_path / "in").mkdir()
    for number in range(1, 5):
        data = rng.normal(1000, 5, (1, 6, 16, 24)).round().astype(np.uint16)
        # SUBSIZE2 stays as it was.
        write_uncal(tmp_path / "in", data=data[:, :, :12] if number == 3 else data, SUBSIZE2=16, NINTS=1,
                    name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits", EXP_TYPE="NRC_DARK",
                    EXPSTART=60000.0 + number)  # fmt: skip
    write_references(tmp_path / "refs")
    words = ["reffiles", "make", "superbias", "readnoise", str(tmp_path / "in"), "--author=A", "--no-report"]
    assert main([*words, f"--output={tmp_path}", f"--references={tmp_path / 'refs'}"]) == 1
    said = capfd.readouterr()
    assert "superbias, group 1, without jw00001001001_02101_00003_nrca1_uncal.fits failed" in said.err
    assert "readnoise, group 3 failed: the pipeline failed on" in said.err
    assert "superbias_run000.001.superbias.fits: made of 3 exposures" in said.out
    told = record.of_file(tmp_path / "run000" / "superbias" / "superbias_run000.superbias.fits")
    assert len(told["inputs"]) == len(told["run"]["pipeline"]) == 3
    # A pair of which one is broken is no pair.
    (tmp_path / "pairs.yaml").write_text("superbias:\n  imtypes: DD\n")
    words = [*words, f"--output={tmp_path / 'pairs'}", f"--references={tmp_path / 'refs'}"]
    assert main([*words, f"--config={tmp_path / 'pairs.yaml'}"]) == 1
    assert "superbias, group 2 failed: the pipeline failed on" in capfd.readouterr().err


def test_a_saturated_dark_has_no_read_noise(tmp_path, capfd):
    rng = np.random.default_rng(1)
    darks = [ramp(rng.normal(1000, 5, (1, 8, 16, 24))) for _ in range(3)]
    darks.append(ramp(np.full((1, 8, 16, 24), 65535.0)))
    with pytest.raises(InputError, match="100 % of the pixels have no read noise"):
        made("readnoise", [("dark", darks[3])])
    assert np.median(made("readnoise", [("dark", model) for model in darks]).data) > 5


def test_lists_that_cannot_be_read_are_errors_of_the_list(tmp_path, capfd):
    (tmp_path / "a.lst").write_text("b.lst\n")
    (tmp_path / "b.lst").write_text("a.lst\n")
    (tmp_path / "c.lst").write_bytes(b"\xff\xfe")
    assert main(["reffiles", "plan", "superbias", str(tmp_path / "a.lst")]) == 1
    assert "names itself" in (said := capfd.readouterr().err) and "a.lst -> b.lst -> a.lst" in said
    assert main(["reffiles", "plan", "superbias", str(tmp_path / "c.lst")]) == 1
    assert "no text in UTF-8" in capfd.readouterr().err


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch, capfd):
    from hexcal.reffiles import individual

    rng = np.random.default_rng(1)
    for number in (1, 2):
        write_uncal(tmp_path, data=rng.normal(1000, 5, (1, 4, 16, 24)).round().astype(np.uint16),
                    name=f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits", EXP_TYPE="NRC_DARK", NINTS=1,
                    EXPSTART=60000.0 + number)  # fmt: skip
    full = individual.headers.describe

    def describe(model, maker, *rest):
        if maker.label == "superbias":
            raise OSError(28, "No space left on device")
        return full(model, maker, *rest)

    monkeypatch.setattr(individual.headers, "describe", describe)
    words = ["reffiles", "make", "superbias", "readnoise", str(tmp_path / "*_uncal.fits"), "--author=A", "--no-report"]
    assert main([*words, f"--output={tmp_path / 'out'}"]) == 1
    said = capfd.readouterr()
    assert "superbias, group 1 failed: OSError: [Errno 28] No space left on device" in said.err
    assert (tmp_path / "out" / "run000" / "readnoise" / "readnoise_run000.readnoise.fits").is_file()
    assert not list((tmp_path / "out" / "run000").glob("superbias/*.fits"))


def test_files_that_cannot_be_written_whole_are_not_there_and_the_others_are(tmp_path):
    words = ["simulate", "calibration", "--subarray", "SUB64P", "--dark-groups", "8", "--flat-groups", "20"]
    assert main([*words, "--darks", "3", "--flats", "2", "--seed", "3", "--output", str(tmp_path / "sim")]) == 0
    # Products of flats are larger than the limit, those of darks are not.
    limit = 700_000
    words = ["reffiles", "make", "saturation", "superbias", str(tmp_path / "sim"), "--author=A", "--no-report"]
    program = (
        "import resource, signal, sys; from hexcal.cli.main import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f" resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); sys.exit(main(sys.argv[1:]))"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("HEXCAL_REFERENCES", "CRDS_PATH")}
    done = subprocess.run(
        [sys.executable, "-c", program, *words, f"--output={tmp_path / 'out'}"],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "saturation, group 1 failed" in done.stderr and "too large" in done.stderr.lower()
    assert "Traceback" not in done.stderr and "fault in the program" not in done.stderr
    made_of = tmp_path / "out" / "run000"
    assert open_model(made_of / "superbias" / "superbias_run000.superbias.fits").data.shape == (64, 64)
    left = [path for path in made_of.rglob("*.fits") if path.parts[-2] in ("saturation", "flat")]
    assert not left and not list(made_of.rglob("*.part*"))


@pytest.mark.parametrize("turned", [False, True])
def test_a_mask_that_is_turned_is_found_out(tmp_path, turned):
    from hexcal.models.reference import DarkModel, MaskModel
    from hexcal.reffiles.checks import _orientation
    from hexcal.reffiles.flags import definitions
    from hexcal.reffiles.quality import Check

    hot = np.where(np.random.default_rng(1).random((40, 40)) < 0.01, np.uint32(pixel.HOT), np.uint32(0))
    dark = DarkModel(np.zeros((3, 40, 40), np.float32))
    dark.dq, dark.dq_def = hot, definitions("DO_NOT_USE", "HOT")
    mask = MaskModel(dq=np.rot90(hot).copy() if turned else hot, dq_def=definitions("DO_NOT_USE", "HOT"))
    checks = []
    for label, model in (("dark", dark), ("mask", mask)):
        model.save(tmp_path / f"{label}.fits")
        checks.append(Check(label, tmp_path / f"{label}.fits"))
    _orientation(checks)
    assert [check.failed for check in checks] == [turned, turned]


# ---- simulated series


@pytest.mark.req("RFF-137", "RFF-138")
def test_a_series_of_one_detector_with_its_truth(tmp_path, capfd):
    words = ["simulate", "calibration", "--subarray", "SUB64P", "--dark-groups", "4", "--flat-groups", "5"]
    words += ["--darks", "2", "--flats", "2", "--flat-rates", "1000", "4000", "--days", "1.5", "--start", "59000"]
    assert main([*words, "--detector-seed", "5", "--output", str(tmp_path)]) == 0
    paths = sorted(tmp_path.glob("*_uncal.fits"))
    models = [open_model(path) for path in paths]
    assert [model.meta.exposure.type for model in models] == ["NRC_DARK"] * 2 + ["NRC_LED"] * 2
    assert [model.meta.observation.exposure_number for model in models] == ["00001", "00002", "00003", "00004"]
    starts = np.array([model.meta.exposure.start_time for model in models])
    assert starts[0] == 59000 and np.all(np.diff(starts) > 1.5) and np.all(np.diff(starts) < 1.51)
    begin, end = (getattr(models[0].meta.observation, name) for name in ("date_beg", "date_end"))
    assert "T" in begin and begin < end
    # One detector: the same bias in all; noise of its own in each; levels in turn.
    bias = open_model(tmp_path / "truth" / "superbias.fits").data
    first = [model.data[0, 0].astype(float) - bias for model in models[:2]]
    assert abs(np.median(first[0])) < 5 and not np.array_equal(*first)
    rises = [np.median(model.data[0, 3].astype(float) - model.data[0, 0]) for model in models[2:]]
    assert rises[1] / rises[0] == pytest.approx(4, rel=0.05)
    mask = open_model(tmp_path / "truth" / "mask.fits").dq
    assert (mask & pixel.OPEN).any() and (mask & pixel.ADJ_OPEN).any()
    assert main([*words, "--output", str(tmp_path)]) == 1
    assert "exist already" in capfd.readouterr().err


@pytest.mark.req("RFF-126")
def test_a_set_from_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("HEXCAL_REFERENCES", raising=False)
    monkeypatch.delenv("CRDS_PATH", raising=False)
    words = ["simulate", "calibration", "--subarray", "SUB64P", "--dark-groups", "12", "--flat-groups", "20"]
    assert main([*words, "--darks", "5", "--flats", "4", "--output", str(tmp_path / "sim"), "--seed", "3"]) == 0
    words = ["reffiles", "make", "superbias", "readnoise", "saturation", "linearity", "gain", "dark", "mask"]
    truth = str(tmp_path / "sim" / "truth")
    assert main([*words, str(tmp_path / "sim" / "*_uncal.fits"), "--author=A", f"--output={tmp_path}", "--passes=2",
                 "--gain.region=whole", f"--truth={truth}"]) == 0  # fmt: skip
    made_of = Path(tmp_path / "run000" / "references")
    gain, true = (open_model(folder / "gain.fits").data for folder in (made_of, Path(truth)))
    assert np.median(gain) / np.median(true) == pytest.approx(1, abs=0.05)
    for kind in ("superbias", "readnoise", "saturation", "linearity", "dark", "mask"):
        assert (made_of / f"{kind}.fits").is_file()
    dq, known = (open_model(folder / "mask.fits").dq for folder in (made_of, Path(truth)))
    dead = (known & pixel.DEAD) != 0
    assert ((dq[dead] & pixel.DEAD) != 0).mean() > 0.9
    assert main(["run", "calwebb_detector1", str(next((tmp_path / "sim").glob("*00009*_uncal.fits"))),
                 f"--references={made_of}", f"--output_dir={tmp_path / 'rates'}"]) == 0  # fmt: skip
