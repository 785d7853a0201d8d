"""Runs: shared pipeline runs, workers, resuming, groups, references, records, checks, delivery."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal.cli.main import main
from hexcal.models.dqflags import pixel
from hexcal.models.open import open as open_model
from hexcal.references.digest import sha256
from hexcal.reffiles import record

DARK = {"EXP_TYPE": "NRC_DARK", "NINTS": 1}


def write_dark(folder, number, seed=None, **keywords):
    """A dark of a bias of 1000 DN, at one day after the other."""
    folder.mkdir(exist_ok=True, parents=True)
    rng = np.random.default_rng(number if seed is None else seed)
    data = rng.normal(1000, 5, (1, 6, 16, 24)).round().astype(np.uint16)
    name = f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits"
    return write_uncal(folder, data=data, name=name, **{**DARK, "EXPSTART": 60000.0 + number, **keywords})


@pytest.fixture(scope="module")
def darks(tmp_path_factory):
    """Four darks, and references."""
    folder = tmp_path_factory.mktemp("darks")
    for number in range(1, 5):
        write_dark(folder, number)
    write_references(folder / "refs")
    return folder


def reffiles(folder, *words):
    return main(["reffiles", *map(str, words), f"--references={folder / 'refs'}"])


def make(folder, output, *words):
    return reffiles(folder, "make", *words, folder, "--author=A", f"--output={output}", "--no-report")


@pytest.mark.req("RFF-01", "RFF-02", "RFF-03", "RFF-43")
def test_one_run_serves_all_makers_that_pass_through_the_same_steps(darks, tmp_path, capfd):
    settings = tmp_path / "c.yaml"
    settings.write_text("D:\n  max_Delta_MJD: 2\nsuperbias:\n  imtypes: D+\n  ssbsteps: saturation-\n")
    assert make(darks, tmp_path, "superbias", "readnoise", "-c", settings) == 0
    said = capfd.readouterr().out
    # Superbias wants what readnoise passes through: one run for each exposure.
    assert said.count("_jump: ") == 4 and "_saturation: " not in said
    saved = sorted(path.name for path in (tmp_path / "run000" / "ssb").rglob("*_saturation.fits"))
    assert len(saved) == 4
    told = record.of_file(tmp_path / "run000" / "superbias" / "superbias_run000.superbias.fits")
    command = told["run"]["pipeline"][0]
    assert command.startswith("hexcal run calwebb_detector1") and "--steps.saturation.save_results=true" in command
    individual = sorted((tmp_path / "run000" / "readnoise").glob("readnoise_run000.0*.readnoise.fits"))
    assert len(individual) == 4 and (tmp_path / "run000" / "readnoise" / "readnoise_run000.readnoise.fits").is_file()
    # Nothing is run or made again.
    assert make(darks, tmp_path, "superbias", "readnoise", "-c", settings) == 0
    said = capfd.readouterr().out
    assert "(new)" not in said and said.count(": kept") == 5


@pytest.mark.req("RFF-44")
def test_the_command_of_a_run_does_the_same(darks, tmp_path, capfd):
    import shlex

    words = ("plan", "readnoise", darks, "--json", f"--output={tmp_path / 'out'}")
    assert reffiles(darks, *words) == 0
    command = json.loads(capfd.readouterr().out)[0]["groups"][0]["commands"][0]
    listing = tmp_path / "commands.txt"
    assert reffiles(darks, *words, "--commands", listing) == 0
    assert len(listing.read_text().splitlines()) == 4 and command in listing.read_text()
    assert make(darks, tmp_path / "made", "readnoise") == 0
    made = next((tmp_path / "made" / "run000" / "ssb").rglob("*00001_nrca1_jump.fits"))
    again = [word for word in shlex.split(command)[1:] if not word.startswith("--output_dir")]
    assert main([*again, f"--output_dir={tmp_path / 'again'}"]) == 0
    both = [open_model(path).data for path in (made, next((tmp_path / "again").glob("*_jump.fits")))]
    assert np.array_equal(*both)


@pytest.mark.req("RFF-18", "RFF-42")
def test_logs_and_products_elsewhere(darks, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("PLACE", str(tmp_path))
    settings = tmp_path / "c.yaml"
    settings.write_text(
        "output:\n  outrootdir: $PLACE\n  outsubdir: nrc\n  runID: 7\n  runIDNdigits: 2\n  addsuffix: v1\n"
        "  ssblogFlag: true\n  ssberrorlogFlag: true\n"
    )
    words = ("make", "superbias", darks, "--author=A", "--no-report", "-c", settings)
    assert reffiles(darks, *words) == 0
    run = tmp_path / "nrc" / "run07"
    assert (run / "superbias" / "superbias_nrc_run07.v1.superbias.fits").is_file()
    names = {path.name.rpartition("_")[2] for path in (run / "ssb").rglob("*00001*")}
    assert names == {"saturation.fits", "saturation.log.txt", "saturation.err.txt"}
    # Another run takes the products, since their records say that they would be made the same way.
    settings.write_text(
        f"output:\n  pipeline_prod_search_dir: {tmp_path / 'none'}, $PLACE/nrc\n  skip_runID_ssbdir: true\n"
    )
    capfd.readouterr()
    assert make(darks, tmp_path / "other", "superbias", "-c", settings) == 0
    assert "_saturation: " not in capfd.readouterr().out
    first, second = (
        fits.getdata(path, "SCI")
        for path in (run / "superbias" / "superbias_nrc_run07.v1.superbias.fits",
                     tmp_path / "other" / "run000" / "superbias" / "superbias_run000.superbias.fits")
    )  # fmt: skip
    assert np.array_equal(first, second)
    # One that was made with other references is not taken.
    write_references(tmp_path / "refs2", superbias=np.full((16, 24), 900, "f4"))
    words = ["reffiles", "make", "readnoise", str(darks), "--author=A", "--no-report", "-c", str(settings)]
    assert main([*words, f"--output={tmp_path / 'third'}", f"--references={tmp_path / 'refs2'}"]) == 0
    assert capfd.readouterr().out.count("_jump: ") == 4


@pytest.mark.req("RFF-77")
def test_workers_side_by_side_make_the_same(darks, tmp_path):
    for jobs in (1, 2):
        assert make(darks, tmp_path / str(jobs), "readnoise", "--jobs", jobs) == 0
    files = [tmp_path / str(jobs) / "run000" / "readnoise" / "readnoise_run000.readnoise.fits" for jobs in (1, 2)]
    assert np.array_equal(*(fits.getdata(path, "SCI") for path in files))


@pytest.mark.req("RFF-51", "RFF-78")
def test_numbers_may_be_limited_and_the_rest_follows(darks, tmp_path, capfd):
    assert make(darks, tmp_path, "readnoise", "--most-products", 2, "--most-references", 1) == 1
    said = capfd.readouterr()
    assert "left for a later run" in said.out and said.out.count("_jump: ") == 2
    folder = tmp_path / "run000" / "readnoise"
    assert len(list(folder.glob("*.0*.fits"))) == 1 and not (folder / "readnoise_run000.readnoise.fits").exists()
    assert make(darks, tmp_path, "readnoise") == 0
    assert capfd.readouterr().out.count("_jump: ") == 2
    final = folder / "readnoise_run000.readnoise.fits"
    before = sha256(final)
    assert make(darks, tmp_path, "readnoise") == 0 and sha256(final) == before
    assert make(darks, tmp_path, "readnoise", "--redo-references", "--description=new") == 0
    assert fits.getheader(final)["DESCRIP"] == "new" and not list(folder.glob(".*"))


@pytest.mark.req("RFF-36")
def test_groups_are_written_edited_and_used(darks, tmp_path, capfd):
    path = tmp_path / "groups.yaml"
    assert reffiles(darks, "plan", "superbias", darks, "--write-groups", path, f"--output={tmp_path}") == 0
    groups = yaml.safe_load(path.read_text())
    assert [len(group) for group in groups["superbias"]] == [4]
    path.write_text(yaml.safe_dump({"superbias": [groups["superbias"][0][:2], groups["superbias"][0][2:3]]}))
    capfd.readouterr()
    assert reffiles(darks, "plan", "superbias", darks, "--groups", path, "--json", f"--output={tmp_path}") == 0
    (task,) = json.loads(capfd.readouterr().out)
    assert [len(group["members"]) for group in task["groups"]] == [2, 1]
    assert task["left"][0]["reason"] == "in no group of the file"
    path.write_text("superbias: [[nothing.fits]]\n")
    assert reffiles(darks, "plan", "superbias", darks, "--groups", path) == 1
    assert "is not among the inputs" in capfd.readouterr().err


@pytest.mark.req("RFF-14", "RFF-24", "RFF-27")
def test_makers_and_their_parameters_are_kept_apart(darks, tmp_path, capfd):
    settings = tmp_path / "c.yaml"
    settings.write_text(
        "instrument: NIRCam\nreflabels: [superbias, rdnoise]\nreftypes: [superbias]\nmine: anything\n"
        "default_reflabels: {bias: superbias}\n"
        "superbias:\n  reftype: superbias\n  imtypes: DD\n  ssbsteps: dq_init,saturation\n"
        "  ssb_save_steps: saturation\n  clipping_sigma: 2\n"
    )
    assert reffiles(darks, "plan", darks, "-c", settings, "--json", f"--output={tmp_path}") == 0
    (task,) = json.loads(capfd.readouterr().out)
    assert [len(group["members"]) for group in task["groups"]] == [2, 2]
    assert task["groups"][0]["steps"][0] == ["dq_init", "saturation"]
    assert task["parameters"]["clipping_sigma"]["value"] == 2
    assert reffiles(darks, "plan", "dark", darks, "-c", settings) == 1
    assert "unknown maker 'dark'" in capfd.readouterr().err
    assert reffiles(darks, "plan", "superbias", "readnoise", darks, "--clipping_sigma=5") == 1
    assert "--superbias.clipping_sigma=5 for one of them" in capfd.readouterr().err
    words = ("plan", "superbias", "readnoise", darks, "--readnoise.clipping_sigma=5", "--json")
    assert reffiles(darks, *words, f"--output={tmp_path}") == 0
    tasks = json.loads(capfd.readouterr().out)
    assert [task["parameters"]["clipping_sigma"]["value"] for task in tasks] == [3, 5]
    assert tasks[1]["parameters"]["clipping_sigma"]["origin"] == "option"


@pytest.mark.req("RFF-04")
def test_the_configuration_chooses_the_maker_of_a_type(darks, tmp_path, capfd):
    from hexcal.reffiles.template import text_of

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mkref_my_bias.py").write_text(text_of("my_bias"))
    settings = tmp_path / "c.yaml"
    settings.write_text(f"plugin_path: {tmp_path / 'mine'}\ndefault_reflabels: {{superbias: my_bias}}\n")
    assert reffiles(darks, "plan", "superbias", darks, "-c", settings, "--json", f"--output={tmp_path}") == 0
    (task,) = json.loads(capfd.readouterr().out)
    assert (task["maker"], task["type"]) == ("my_bias", "superbias")


@pytest.mark.req("RFF-19", "RFF-77")
def test_batches_are_processes_or_a_list_of_commands(darks, tmp_path, capfd):
    settings = tmp_path / "c.yaml"
    settings.write_text("batch:\n  batch_enabled: true\n  batchmode: Condor\n")
    assert make(darks, tmp_path, "superbias", "-c", settings) == 1
    said = capfd.readouterr().err
    assert "the batch mode is not available: Condor" in said and "--commands FILE" in said
    settings.write_text("batch:\n  batch_enabled: true\n  batchmode: 2\n")
    assert make(darks, tmp_path, "superbias", "-c", settings) == 0


@pytest.mark.req("RFF-41")
def test_an_exposure_calibrated_with_another_reference_starts_again(darks, tmp_path, capfd):
    raw = write_dark(tmp_path / "data", 1)
    assert main(["run", "calwebb_detector1", str(raw), f"--references={darks / 'refs'}", "--suffix=superbias",
                 *(f"--steps.{step}.skip=true" for step in ("refpix", "linearity", "dark_current", "jump", "ramp_fit",
                                                            "gain_scale", "persistence")),
                 f"--output_dir={tmp_path / 'cal'}"]) == 0  # fmt: skip
    (product,) = (tmp_path / "cal").glob("*_superbias.fits")
    settings = tmp_path / "c.yaml"
    write_references(tmp_path / "refs2")
    (tmp_path / "refs2" / "superbias.fits").rename(tmp_path / "refs2" / "other.fits")
    settings.write_text(f"reffile4ssb:\n  superbias: {tmp_path / 'refs2' / 'other.fits'}\n")
    words = ("plan", "readnoise", product, "--json", f"--output={tmp_path}")
    assert reffiles(darks, *words) == 0
    assert json.loads(capfd.readouterr().out)[0]["groups"][0]["members"] == [str(product)]
    assert reffiles(darks, *words, "-c", settings) == 64
    assert "superbias used superbias.fits as superbias reference, asked for is other.fits" in capfd.readouterr().out
    raw.rename(product.with_name(raw.name))
    assert reffiles(darks, *words, "-c", settings) == 0
    assert json.loads(capfd.readouterr().out)[0]["groups"][0]["members"] == [str(product.with_name(raw.name))]


@pytest.mark.req("RFF-46")
def test_flags_of_a_later_step_are_used_with_the_data_of_an_earlier_one(darks, tmp_path):
    settings = tmp_path / "c.yaml"
    settings.write_text("readnoise:\n  imtypes: D\n  ssbsteps: superbias-\n  flags: jump\n")
    assert make(darks, tmp_path, "readnoise", "-c", settings) == 0
    told = record.of_file(next((tmp_path / "run000" / "readnoise").glob("*.001.readnoise.fits")))
    (product,) = told["products"]
    assert product["path"].endswith("_superbias.fits") and product["flags"]["path"].endswith("_jump.fits")


@pytest.mark.req("RFF-66", "RFF-72", "RFF-132")
def test_a_file_says_what_it_was_made_of_and_is_made_again(darks, tmp_path, capfd):
    assert make(darks, tmp_path, "readnoise", "superbias", "--readnoise.clipping_sigma=5") == 0
    final = tmp_path / "run000" / "readnoise" / "readnoise_run000.readnoise.fits"
    told = json.loads(final.with_suffix(".json").read_text())
    raw = sorted(darks.glob("*_uncal.fits"))
    assert [item["sha256"] for item in told["inputs"]] == [sha256(path) for path in raw]
    assert told["run"]["parameters"]["clipping_sigma"] == {"value": 5.0, "origin": "option"}
    assert told["software"]["version"] and told["run"]["seconds"] >= 0 and told["run"]["peak_memory_mb"] > 0
    assert len(told["run"]["pipeline"]) >= 1 and len(told["individual"]) == 4
    header = fits.getheader(final)
    assert header["S_REFPIX"] in ("COMPLETE", "SKIPPED") and header["S_SATURA"] == "COMPLETE"
    assert (tmp_path / "run000" / "superbias" / "superbias_run000.001.superbias.values.png").stat().st_size > 1000
    for path in (final, tmp_path / "run000" / "superbias" / "superbias_run000.superbias.fits"):
        assert main(["rerun", str(path), f"--output_dir={tmp_path / 'again'}"]) == 0
        again = tmp_path / "again" / path.name
        for name in ("SCI", *(("ERR", "DQ") if path != final else ())):
            assert np.array_equal(fits.getdata(path, name), fits.getdata(again, name))
    product = Path(told["products"][0]["path"])
    product.write_bytes(product.read_bytes()[:-2880])
    individual = tmp_path / "run000" / "readnoise" / "readnoise_run000.001.readnoise.fits"
    assert main(["rerun", str(individual), f"--output_dir={tmp_path / 'third'}"]) == 1
    assert "has changed" in capfd.readouterr().err


@pytest.mark.req("RFF-22", "RFF-23")
def test_what_was_made_is_tried_compared_and_judged(darks, tmp_path, capfd):
    settings = tmp_path / "c.yaml"
    settings.write_text(
        f"validation:\n  superbias: {darks / 'refs' / 'superbias.fits'}\ntest4datamodel: true\ntest4ssb: true\n"
        "quality:\n  superbias:\n    mean: {warn: [0, 999], fail: [900, 1100]}\n    spread: [0, 0.1]\n"
    )
    words = ("make", "superbias", darks, "--author=A", f"--output={tmp_path}", "-c", settings)
    assert reffiles(darks, *words, "--test-exposure", next(darks.glob("*_uncal.fits"))) == 1
    said = capfd.readouterr().out
    assert "superbias: fail: spread is " in said and "superbias: warn: mean is " in said
    page = (tmp_path / "run000" / "report.html").read_text()
    for text in ("pipeline with it, dark NIRCAM NRCA1 SUB64P", "compared with superbias.fits", "opened with its model",
                 "data:image/png;base64"):  # fmt: skip
        assert text in page
    settings.write_text("quality:\n  superbias:\n    medan: [0, 1]\n")
    assert reffiles(darks, *words) == 1
    assert "did you mean 'median'?" in capfd.readouterr().err
    settings.write_text("test4datamodel: false\ntest4ssb: false\n")
    assert reffiles(darks, *words) == 0
    page = (tmp_path / "run000" / "report.html").read_text()
    assert "pipeline with it" not in page and "opened with its model" not in page


@pytest.mark.req("RFF-130")
def test_exposures_that_were_left_out_are_as_they_should(tmp_path, capfd):
    folder = tmp_path / "darks"
    for number in range(1, 7):
        write_dark(folder, number)
    write_references(folder / "refs")
    words = ("make", "superbias", "readnoise", folder, "--author=A", f"--output={tmp_path}", "--closure")
    assert reffiles(folder, *words) == 0
    told = record.of_file(tmp_path / "run000" / "superbias" / "superbias_run000.superbias.fits")
    assert len(told["inputs"]) == 4
    page = (tmp_path / "run000" / "report.html").read_text()
    assert "closure: largest mean of a group, standard errors" in page and "closure: measured again / file" in page
    # A file that is off by some DN is found out.
    from hexcal.reffiles import closure

    path = tmp_path / "run000" / "superbias" / "superbias_run000.superbias.fits"
    new, left = open_model(path), open_model(path).copy()
    left.data = np.full(left.shape, 5.0, np.float32) + np.random.default_rng(1).normal(0, 2, left.shape)
    assert any(row.verdict == "fail" for row in closure.rows("superbias", new, left))
    left.data = np.random.default_rng(1).normal(0, 2, left.shape).astype(np.float32)
    assert not any(row.verdict == "fail" for row in closure.rows("superbias", new, left))
    # In the middle of the detector nothing tells what all pixels share from drifts of the electronics.
    left.data = left.data + 5
    assert any(row.verdict == "fail" for row in closure.rows("superbias", new, left))
    left.meta.subarray.xstart = left.meta.subarray.ystart = 801
    told = closure.rows("superbias", new, left)
    assert not any(row.verdict == "fail" for row in told) and told[0].expected.startswith("any: no reference pixels")


@pytest.mark.req("RFF-64")
def test_modes_have_files_of_their_own(tmp_path, capfd):
    folder = tmp_path / "darks"
    write_dark(folder, 1)
    write_dark(folder, 2)
    write_dark(folder, 3, SUBARRAY="SUB160")
    write_dark(folder, 4, DETECTOR="NRCA2")
    write_references(folder / "refs")
    words = ("plan", "superbias", folder, "--json", f"--output={tmp_path}")
    assert reffiles(folder, *words) == 0
    (task,) = json.loads(capfd.readouterr().out)
    assert [len(group["members"]) for group in task["groups"]] == [2, 1, 1]
    assert sorted(Path(path).name for path in task["final"]) == [
        "superbias_run000.nrca1_sub160.superbias.fits",
        "superbias_run000.nrca1_sub64p.superbias.fits",
        "superbias_run000.nrca2_sub64p.superbias.fits",
    ]


@pytest.mark.req("RFF-75")
def test_individual_files_are_combined_by_the_command(darks, tmp_path, capfd):
    assert make(darks, tmp_path, "readnoise") == 0
    files = sorted((tmp_path / "run000" / "readnoise").glob("*.0*.fits"))
    output = tmp_path / "mean.fits"
    assert main(["reffiles", "combine", "readnoise", *map(str, files), f"--output={output}", "--method=mean"]) == 0
    expected = np.mean([fits.getdata(path, "SCI") for path in files], axis=0)
    assert np.allclose(fits.getdata(output, "SCI"), expected, rtol=1e-5)
    assert sum("DATA USED" in line for line in fits.getheader(output)["HISTORY"]) == 4
    assert main(["reffiles", "combine", "readnoise", *map(str, files), f"--output={output}"]) == 1
    assert "exists already" in capfd.readouterr().err
    assert main(["reffiles", "check", str(output), "--exposure", str(next(darks.glob("*_uncal.fits"))),
                 "--references", str(darks / "refs")]) == 0  # fmt: skip
    assert "pass pipeline with it" in capfd.readouterr().out


def test_joining_reads_bands_of_rows(tmp_path):
    from hexcal.models.reference import SuperBiasModel
    from hexcal.reffiles import combine

    paths = []
    for number in range(8):
        model = SuperBiasModel(np.random.default_rng(number).normal(100, 3, (64, 48)).astype("f4"))
        model.err, model.dq = np.full((64, 48), 3.0, "f4"), np.zeros((64, 48), "u4")
        model.dq[5, 6] = pixel.DO_NOT_USE if number < 4 else 0
        paths.append(tmp_path / f"{number}.fits")
        model.save(paths[-1])
    whole = combine.combined([open_model(path) for path in paths], combine.CombineParameters())
    rows, combine._BAND = combine._BAND, 8 * 48 * 4
    try:
        models = [open_model(path) for path in paths]
        banded = combine.combined(models, combine.CombineParameters())
    finally:
        combine._BAND = rows
    assert np.array_equal(whole.data, banded.data) and np.array_equal(whole.dq, banded.dq)
    # All but the first, which the result is a copy of, were read row by row and not kept.
    assert not any("data" in model.contents.arrays for model in models[1:])


@pytest.mark.req("RFF-126")
def test_a_second_pass_uses_what_the_first_has_made(darks, tmp_path, capfd):
    words = ["reffiles", "make", "superbias", "readnoise", str(darks), "--author=A", "--no-report", "--passes=2"]
    assert main([*words, f"--output={tmp_path}"]) == 0
    run = tmp_path / "run000"
    assert (run / "pass1" / "readnoise" / "readnoise_run000.readnoise.fits").is_file()
    told = record.of_file(run / "superbias" / "superbias_run000.superbias.fits")
    assert "first_mask" in told["run"]["pipeline"][0]
    assert sorted(path.name for path in (run / "references").iterdir()) == ["readnoise.fits", "superbias.fits"]
