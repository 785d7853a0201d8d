"""The command line: grammar, help, exit status."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exposures import NAME, write_references, write_uncal

from hexcal import datamodels
from hexcal.cli.main import main, strun
from hexcal.core import bands, config
from hexcal.errors import ParameterError
from hexcal.step import JumpStep, SuperBiasStep

STEM = NAME.removesuffix("_uncal.fits")


@pytest.fixture
def uncal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_references(tmp_path / "refs")
    return write_uncal(tmp_path)


@pytest.mark.req("CLI-01", "IO-10")
def test_the_result_is_always_written(uncal, tmp_path):
    assert main(["run", "superbias", str(uncal), "--references=refs"]) == 0
    assert (tmp_path / f"{STEM}_superbias.fits").exists()


@pytest.mark.req("STEP-11")
def test_the_product_of_a_step_is_called_after_its_input_and_the_step(uncal, tmp_path):
    uncal.rename(tmp_path / "foo.fits")
    assert main(["run", "superbias", "foo.fits", "--references=refs"]) == 0
    assert (tmp_path / "foo_superbias.fits").exists()


@pytest.mark.req("CLI-05")
def test_a_pipeline_writes_its_final_products_into_the_working_directory_and_no_others(uncal, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    moved = uncal.rename(tmp_path / "elsewhere" / uncal.name)
    assert main(["run", "calwebb_detector1", str(moved), "--references=refs"]) == 0
    assert sorted(path.name for path in tmp_path.rglob("*_*.fits")) == sorted(
        [uncal.name, f"{STEM}_rate.fits", f"{STEM}_rateints.fits"]
    )
    assert (tmp_path / f"{STEM}_rate.fits").exists()


@pytest.mark.req("CLI-02")
def test_exit_status(uncal, tmp_path):
    """0, 1 for any error, 64 where nothing is left to calibrate."""
    words = ["run", "calwebb_detector1", str(uncal)]
    assert main([*words, "--references=refs", "--output_dir=out"]) == 0
    assert main([*words, "--references=refs", "--no_such_option=1"]) == 1
    write_references(tmp_path / "saturated", saturation=np.ones((16, 24), "f4"))
    assert main([*words, "--references=saturated"]) == 64


@pytest.mark.req("CLI-04", "LOG-06")
def test_debug_enters_the_debugger_and_verbose_tells_all(uncal, monkeypatch, capsys):
    entered = []
    monkeypatch.setattr("pdb.post_mortem", lambda *_: entered.append(True))
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": staticmethod(lambda: True)})())
    assert main(["run", "superbias", "none.fits"]) == 1 and not entered
    assert main(["run", "superbias", "none.fits", "--debug"]) == 1 and entered
    Path("talking.py").write_text(
        "import logging\n\ndef talk(model):\n    logging.getLogger('hexcal.x').debug('detail')\n"
    )
    monkeypatch.syspath_prepend(".")
    Path("log.cfg").write_text("[*]\nhandler = file:run.log\nformat = %(message)s\n")
    words = ["run", "superbias", str(uncal), "--references=refs", "--logcfg=log.cfg", "--pre_hooks=talking.talk"]
    for options, told in ([], False), (["--verbose"], True), (["-v"], True):
        assert main([*words, *options]) == 0
        assert ("detail" in Path("run.log").read_text().splitlines()) is told


@pytest.mark.req("CLI-01", "ARCH-03")
@pytest.mark.parametrize(
    "target", ["superbias", "SuperBiasStep", "hexcal.step.SuperBiasStep", "jwst.superbias.SuperBiasStep"]
)
def test_targets(uncal, tmp_path, target):
    assert strun([target, str(uncal), "--references", "refs", "--output_dir", "out"]) == 0
    assert (tmp_path / "out" / f"{STEM}_superbias.fits").exists()


@pytest.mark.req("CLI-09", "CLI-04", "ASDF-07")
def test_a_parameter_file_as_target_and_save_parameters(uncal, tmp_path):
    SuperBiasStep(suffix="first").export_config("mine.asdf")
    assert main(["run", "mine.asdf", str(uncal), "--references=refs", "--save-parameters=used.asdf"]) == 0
    assert (tmp_path / f"{STEM}_first.fits").exists()
    used = config.load("used.asdf")["parameters"]
    assert used["suffix"] == "first" and used["references"] == "refs" and used["save_results"] is True
    assert main(["run", "mine.asdf", str(uncal), "--references=refs", "--suffix=second"]) == 0
    assert (tmp_path / f"{STEM}_second.fits").exists()


@pytest.mark.req("PYI-06")
def test_from_cmdline_is_the_command_line(uncal, tmp_path):
    model = SuperBiasStep.from_cmdline([str(uncal), "--references=refs", "--output_file=mine"])
    assert isinstance(model, datamodels.RampModel) and (tmp_path / "mine_superbias.fits").exists()


@pytest.mark.req("CLI-04", "PAR-07", "CLI-10")
def test_help_lists_every_parameter(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "calwebb_detector1", "--help"]) == 0
    text = capsys.readouterr().out
    for word in (
        "--save_calibrated_ramp",
        "--steps.jump.rejection_threshold",
        "--steps.superbias.override_superbias",
        *(f"--{name}" for name in "help logcfg verbose debug save-parameters disable-crds-steppars".split()),
        *(f"--{name}" for name in "output_file output_dir skip pre_hooks post_hooks".split()),
    ):
        assert word in text
    for words in (["jump", "-h"], ["mine.asdf", "--help"]):
        JumpStep().export_config("mine.asdf")
        assert main(["run", *words]) == 0
        text = " ".join(capsys.readouterr().out.split())
        assert "default 4.0" in text and "--override_readnoise" in text
        assert JumpStep.__doc__ and JumpStep.__doc__.splitlines()[0] in text
        comment = JumpStep.parameters_class.model_fields["rejection_threshold"].description
        assert comment and " ".join(comment.split()) in text


def test_help_does_not_import_the_heavy_libraries():
    code = (
        "import sys; from hexcal.cli.main import main; main(['run', 'calwebb_detector1', '--help']); "
        "sys.exit(any(m in sys.modules for m in ('numba', 'scipy', 'astropy', 'asdf', 'matplotlib')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    "words", [["--help"], ["run", "--help"], ["steps", "--help"], ["info", "--help"], ["rerun", "--help"]]
)
def test_every_command_has_help(words, capsys):
    assert main(words) == 0
    assert "usage: hexcal" in capsys.readouterr().out


def test_steps_lists_all(capsys):
    assert main(["steps"]) == 0
    text = capsys.readouterr().out
    assert "calwebb_detector1" in text and "jump" in text and "[gain, readnoise]" in text


def test_info_and_rerun(uncal, tmp_path, capsys):
    main(["run", "superbias", str(uncal), "--references=refs"])
    product = tmp_path / f"{STEM}_superbias.fits"
    assert main(["info", str(product)]) == 0
    text = capsys.readouterr().out
    assert "RampModel" in text and "superbias complete" in text and str(uncal) in text
    assert main(["rerun", str(product)]) == 0
    again = datamodels.open(tmp_path / "rerun" / product.name)
    assert np.array_equal(again.data, datamodels.open(product).data)
    with uncal.open("ab") as stream:
        stream.write(b"\0" * 2880)
    assert main(["rerun", str(product)]) == 1
    assert "input has changed" in capsys.readouterr().err


def test_boolean_options_and_dashes(uncal, tmp_path):
    assert main(["run", "superbias", str(uncal), "--skip", "--output-dir=out"]) == 0
    assert datamodels.open(tmp_path / "out" / f"{STEM}_superbias.fits").meta.cal_step.superbias == "SKIPPED"


def test_threads_option(uncal, monkeypatch):
    monkeypatch.setenv("HEXCAL_THREADS", "2")
    assert main(["run", "superbias", str(uncal), "--references=refs", "--threads=1"]) == 0
    assert main(["run", "superbias", str(uncal), "--references=refs", "--threads=none"]) == 1


@pytest.mark.parametrize(
    "before",
    [
        ["-v"],
        ["--verbose", "--save-parameters=p.asdf", "--references=refs"],
        ["--save-parameters", "p.asdf", "--references", "refs", "--skip"],
        ["--output_dir=out", "--override_superbias=N/A"],
    ],
)
def test_options_before_the_target_mean_the_same_as_after_it(uncal, tmp_path, before):
    assert strun([*before, "superbias", str(uncal), "--references=refs"]) == 0
    assert list(tmp_path.rglob(f"{STEM}_superbias.fits"))
    assert (tmp_path / "p.asdf").exists() == any("p.asdf" in word for word in before)


def test_an_option_before_the_target_that_only_the_target_knows_needs_an_equals_sign(uncal, capsys):
    assert strun(["--override_superbias", "x.fits", "superbias", str(uncal)]) == 1
    assert "needs its value after an equals sign" in capsys.readouterr().err


def test_the_version(capsys):
    assert strun(["--version"]) == 0 and main(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hexcal: ") and lines[0].split()[1] == lines[1]


def test_python_m_hexcal_is_the_command(capsys):
    done = subprocess.run([sys.executable, "-m", "hexcal", "steps"], capture_output=True, text=True, check=True)
    assert "calwebb_detector1" in done.stdout


@pytest.mark.parametrize(
    ("words", "is_written"), [([], True), (["--save_results=false"], False), (["--save_results"], True)]
)
def test_save_results_false_is_obeyed(uncal, tmp_path, words, is_written):
    assert main(["run", "superbias", str(uncal), "--references=refs", *words]) == 0
    assert (tmp_path / f"{STEM}_superbias.fits").exists() is is_written


def test_the_options_of_the_log(uncal, tmp_path, capsys):
    run = ["run", "superbias", str(uncal), "--references=refs"]
    assert main([*run, "--log-file=a,b.log", "--log-stream=null"]) == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    assert "Step superbias running" in (tmp_path / "a,b.log").read_text()
    assert main([*run, "--log-stream=stderr", "--log-level=WARNING"]) == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    assert main([*run, "--log-stream", "stderr"]) == 0
    assert "Step superbias running" in capsys.readouterr().err
    for words, text in (
        (["--log-level=LOUD"], "must be one of DEBUG"),
        (["--log-stream=printer"], "must be stdout, stderr or null"),
        (["--log-file=no/such/folder/x.log"], "the log file cannot be written"),
        (["--log-file=x.log", "--logcfg=x.cfg"], "cannot be given together"),
    ):
        assert main([*run, *words]) == 1
        assert text in capsys.readouterr().err


def test_threads_of_one_run_do_not_change_the_next(uncal, monkeypatch):
    monkeypatch.delenv("HEXCAL_THREADS", raising=False)
    cores = bands.default_threads()
    SuperBiasStep.from_cmdline([str(uncal), "--references=refs", f"--threads={cores + 1}"])
    assert "HEXCAL_THREADS" not in os.environ and bands.default_threads() == cores
    with pytest.raises(ParameterError, match="--threads must be a whole number"):
        SuperBiasStep.from_cmdline([str(uncal), "--references=refs", "--threads=abc"])
    SuperBiasStep.from_cmdline([str(uncal), "--references=refs"])
