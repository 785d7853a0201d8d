"""What a user or a machine does wrong is said in four parts, before the work.

With the user's file name, and never as a fault of the program.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal import datamodels, memory
from hexcal.cli.main import guarded, main
from hexcal.core.destinations import require_possible
from hexcal.errors import InputError, ParameterError, ResourceError, one_line
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import JumpStep, SuperBiasStep

RUN = ["run", "calwebb_detector1", "x_uncal.fits"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEXCAL_REFERENCES", str(write_references(tmp_path / "refs")))
    write_uncal(tmp_path, name="x_uncal.fits")
    (tmp_path / "binary.cfg").write_bytes(bytes(range(256)))
    (tmp_path / "binary.asdf").write_bytes(bytes(range(256)))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ([*RUN, "x_uncal.fits"], ("takes 1 input, 2 are given", "where: x_uncal.fits, x_uncal.fits", "once for each")),
        ([*RUN, "--steps.saturation.n_pix_grow_sat=99999999999999999999"], ("must fit into 64 bits", "saturation")),
        ([*RUN, "--steps.jump.maximum_cores=some"], ("maximum_cores = 'some' is not valid: must be 'none'",)),
        ([*RUN, "--steps.jump.override_gain=x_uncal.fits"], ("a gain reference is required", "x_uncal.fits")),
        (["run", "binary.cfg", "x_uncal.fits"], ("it is not a text", "binary.cfg")),
        (["run", "binary.asdf", "x_uncal.fits"], ("not readable as ASDF", "binary.asdf")),
        (["run", "jump", "x_uncal.fits", "--config-file=binary.cfg"], ("it is not a text", "binary.cfg")),
        ([*RUN, "--logcfg=binary.cfg"], ("logging configuration cannot be read", "binary.cfg")),
        (["run", "jump", "x" * 5000], ("the name of a file is too long: 5000 characters",)),
        (["info", "x" * 5000 + ".fits"], ("the name of a file is too long",)),
        ([*RUN, "--output_dir=/proc/x"], ("the product cannot be written", "/proc/x")),
        ([*RUN, "--output_file=" + "x" * 300], ("at most 255 are allowed",)),
        ([*RUN, "--output_file=a\nb"], ("has a line break", "a\\nb_rate.fits")),
        ([*RUN, "--save-parameters=no/such/p.asdf"], ("there is no folder 'no/such'",)),
        ([*RUN, "--save-parameters=refs"], ("there is a directory of that name",)),
        ([*RUN, "--save-parameters=x_uncal.fits/p.asdf"], ("the parameter file cannot be written",)),
    ],
)
def test_what_is_wrong_is_said_before_the_first_step(folder, capsys, words, texts):
    before = sorted(path.name for path in folder.iterdir())
    assert main(words) == 1
    captured = capsys.readouterr()
    assert "fault in the program" not in captured.err and len(captured.err.strip().splitlines()) <= 5
    assert all(len(line) < 1300 for line in captured.err.splitlines())
    for text in texts:
        assert text in captured.err, captured.err
    assert "running" not in captured.out.replace("calwebb_detector1 running", "")
    assert sorted(path.name for path in folder.iterdir()) == before


def test_the_time_between_groups_is_asked_for_before_the_first_step(folder, capsys):
    with fits.open("x_uncal.fits", mode="update") as hdus:
        del hdus[0].header["TGROUP"]
    assert main(RUN) == 1
    captured = capsys.readouterr()
    assert "TGROUP" in captured.err and "Step group_scale running" not in captured.out


def test_a_broken_asdf_extension_is_found_before_the_first_step(folder, capsys):
    broken = fits.BinTableHDU.from_columns(
        [fits.Column("ASDF_METADATA", "9B", array=np.frombuffer(b"not: [asd", "u1")[None])]
    )
    broken.name = "ASDF"
    with fits.open("x_uncal.fits") as hdus:
        hdus.append(broken)
        hdus.writeto("y_uncal.fits")
    assert main(["run", "calwebb_detector1", "y_uncal.fits"]) == 1
    captured = capsys.readouterr()
    assert "y_uncal.fits" in captured.err and "Step group_scale running" not in captured.out


def test_an_array_as_override_is_refused(folder):
    with pytest.raises(ParameterError, match="override_gain = <ndarray> is not valid: must be a file name or an open"):
        JumpStep(override_gain=np.ones((2, 2)))
    JumpStep(override_gain=datamodels.GainModel(np.ones((2, 2), "f4")))


def test_flags_of_another_shape_are_refused(folder):
    ramp = datamodels.RampModel(datamodels.open("x_uncal.fits"))
    ramp.groupdq = np.zeros((1, 2, 3, 3), "u1")
    with pytest.raises(InputError, match=r"GROUPDQ must have the shape \(1, 6, 16, 24\)"):
        SuperBiasStep.call(ramp)


def test_a_step_of_a_pipeline_and_an_attribute_of_the_class_are_not_overwritten():
    pipe = Detector1Pipeline()
    with pytest.raises(ParameterError, match="'jump' is a step of the pipeline, it cannot be set to 5"):
        pipe.jump = 5
    for name in ("alias", "process", "reference_types", "spec"):
        with pytest.raises(ParameterError, match=f"'{name}' belongs to the class JumpStep"):
            setattr(pipe.jump, name, "x")
    other = JumpStep(rejection_threshold=7)
    pipe.jump = other
    assert pipe.steps["jump"] is other and other.qualified_name == "calwebb_detector1.jump"
    pipe.prefetch_references = False


def test_a_full_disk_behind_standard_output_is_said_and_does_not_stop_a_run(folder):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    for words, status, text in (
        (["steps"], 1, "the output cannot be written: No space left on device"),
        (["run", "superbias", "x_uncal.fits"], 0, ""),
    ):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "hexcal", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode == status and text in done.stderr and "Traceback" not in done.stderr
    assert (folder / "x_superbias.fits").exists()


@pytest.mark.parametrize("error", [MemoryError(), OSError(12, "Cannot allocate memory")])
def test_too_little_memory_is_no_fault_of_the_program(capsys, error):
    def fail(words):
        raise error

    assert guarded(fail, []) == 1
    message = capsys.readouterr().err
    assert "not enough memory" in message and "fault in the program" not in message


def test_a_destination_that_is_possible_is_accepted(tmp_path):
    require_possible(tmp_path / "new" / "folder" / "x.fits", "the product", "")
    with pytest.raises(ResourceError):
        require_possible(tmp_path / "new" / "x.fits", "the product", "", folder_is_made=False)


def test_names_in_messages_are_one_short_line():
    assert one_line("a\nb") == "a\\nb"
    assert len(one_line("x" * 5000)) < 1000


def test_a_limit_on_memory_that_is_too_small_for_any_run_is_said_before_the_work(folder):
    resource = pytest.importorskip("resource")
    limit = 600_000 << 10
    done = subprocess.run(
        [sys.executable, "-m", "hexcal", "run", "superbias", "x_uncal.fits"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1 and "needs at least 640 MB of address space, and a limit allows 585 MB" in done.stderr


def test_whatever_a_library_raises_when_the_memory_is_used_up_is_no_fault_of_the_program(capsys, monkeypatch):
    def fail(words):
        raise SystemError("error return without exception set")

    assert guarded(fail, []) == 1
    assert "fault in the program" in capsys.readouterr().err
    monkeypatch.setattr(memory, "is_short", lambda: True)
    assert guarded(fail, []) == 1
    assert "not enough memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--save_calibrated_ramp=true", "--output_file=a/x"], "the product"),
        (["--steps.ramp_fit.save_opt=true", f"--steps.ramp_fit.opt_name={'x' * 260}"], "ramp_fit"),
        (["--steps.ramp_fit.int_name=" + "x" * 260], "ramp_fit"),
        (["--steps.jump.output_dir=file"], "the product of step 'calwebb_detector1.jump'"),
        (["--steps.dark_current.dark_output=file/dark.fits"], "dark_output"),
        (["--steps.dark_current.dark_output=absent/dark.fits"], "dark_output"),
        (["--steps.clean_flicker_noise.skip=false", "--steps.clean_flicker_noise.save_mask=true"], "flicker"),
        (["--steps.emicorr.skip=false", "--steps.emicorr.save_intermediate_results=true"], "emicorr"),
    ],
)  # fmt: skip
def test_every_further_product_is_checked_before_the_work(folder, words, what, capsys):
    (folder / "file").write_text("x")
    (folder / "a").mkdir()
    (folder / "a" / "x_ramp.fits").mkdir()
    for suffix in ("mask", "emicorr"):
        (folder / f"x_{suffix}.fits").mkdir()
    assert main([*RUN, *words]) == 1
    output = capsys.readouterr()
    assert "cannot be written" in output.err and what in output.err and "Step " not in output.out


def test_a_further_product_takes_the_place_of_nothing_that_is_read(folder, capsys):
    (folder / "x_uncal.fits").rename(folder / "x_rateints.fits")
    before = (folder / "x_rateints.fits").read_bytes()
    assert main(["run", "calwebb_detector1", "x_rateints.fits"]) == 1
    output = capsys.readouterr()
    assert "overwrite what this run reads" in output.err and "Step " not in output.out
    assert (folder / "x_rateints.fits").read_bytes() == before


def test_a_name_that_is_too_long_for_any_file_is_no_file(folder, capsys):
    long = "x" * 5000
    assert main([*RUN, f"--steps.superbias.override_superbias={long}"]) == 1
    assert "the superbias reference given by override_superbias does not exist" in capsys.readouterr().err
    for words in (["run", f"{long}.fits"], ["run", f"{long}.asdf", "x_uncal.fits"], ["run", "jump", f"{long}.fits"]):
        assert main(words) == 1
        error = capsys.readouterr().err
        assert "fault in the program" not in error and len(error) < 3000
