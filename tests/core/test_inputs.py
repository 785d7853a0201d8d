"""What a step is given: the kind, dimension and header of every input are checked before the first step."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.core import registry
from hexcal.errors import HookError, InputError
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import DQInitStep, GainScaleStep, SuperBiasStep
from hexcal.steps import ALIASES

_RAMPS = {"RampModel", "GuiderRawModel"}


def _works_on_ramps_only(alias):
    names = registry.find(alias).input_model or ()
    return set((names,) if isinstance(names, str) else names) <= _RAMPS and names != ()


ON_RAMPS = sorted(alias for alias in ALIASES if _works_on_ramps_only(alias))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEXCAL_REFERENCES", str(write_references(tmp_path / "refs")))
    write_uncal(tmp_path, name="x_uncal.fits")
    return tmp_path


@pytest.mark.parametrize("alias", ON_RAMPS)
def test_no_step_takes_a_rate_image_for_a_ramp(folder, alias):
    rate = datamodels.ImageModel(np.zeros((16, 24), np.float32))
    rate.meta.instrument.name, rate.meta.exposure.type = "NIRCAM", "NRC_IMAGE"
    step = registry.find(alias)()
    with pytest.raises(
        InputError,
        match=rf"{alias}' works on a (RampModel|GuiderRawModel).*the input is an ImageModel \(shape \(16, 24\)",
    ):
        step.run(rate)


def test_a_rate_file_given_to_dq_init_is_refused_on_the_command_line(folder, capsys):
    datamodels.ImageModel(np.zeros((16, 24), np.float32)).save("x_rate.fits")
    assert main(["run", "dq_init", "x_rate.fits"]) == 1
    message = capsys.readouterr().err
    assert (
        "works on a RampModel or a GuiderRawModel, the input is an ImageModel" in message and "x_rate.fits" in message
    )


def test_an_image_of_another_observatory_is_no_ramp(folder):
    image = datamodels.IRISImageModel(np.zeros((16, 24), np.float32))
    image.meta.telescope = "TMT"
    with pytest.raises(InputError, match="the input is an IRISImageModel"):
        DQInitStep.call(image)
    image.save("iris.fits")
    with pytest.raises(InputError, match="the input is an IRISImageModel"):
        Detector1Pipeline.call("iris.fits")


def test_a_ramp_given_to_gain_scale_is_refused(folder):
    with pytest.raises(InputError, match="works on an ImageModel or a CubeModel or an IFUImageModel"):
        GainScaleStep.call("x_uncal.fits")


def test_a_guider_exposure_is_no_ramp_for_the_steps_that_need_flags_of_groups(folder):
    write_uncal(folder, name="g_uncal.fits", EXP_TYPE="FGS_ACQ1")
    assert isinstance(DQInitStep.call("g_uncal.fits"), datamodels.GuiderRawModel)
    with pytest.raises(InputError, match="EXP_TYPE FGS_ACQ1"):
        SuperBiasStep.call("g_uncal.fits")


@pytest.mark.parametrize(
    ("keyword", "value", "rule"),
    [
        ("SUBSIZE1", 2048, "must be the size of the image, 24 columns; it is 2048"),
        ("SUBSIZE2", 17, "must be the size of the image, 16 rows"),
        ("FASTAXIS", 9, "must be 1, -1, 2 or -2"),
        ("TGROUP", -1.0, "must be positive"),
        ("TGROUP", "long", "must be a number"),
        ("NFRAMES", 0, "must be positive"),
        ("NGROUPS", "six", "must be a whole number"),
        ("TSOVISIT", "perhaps", "must be true or false"),
    ],
)
def test_a_header_that_contradicts_the_data_is_refused_before_the_first_step(folder, capsys, keyword, value, rule):
    fits.setval("x_uncal.fits", keyword, value=value)
    assert main(["run", "calwebb_detector1", "x_uncal.fits"]) == 1
    captured = capsys.readouterr()
    assert f"{keyword} {rule}" in captured.err and "x_uncal.fits" in captured.err
    assert "running" not in captured.out


@pytest.mark.parametrize(("text", "is_tso"), [("F", False), ("T", True), ("false", False)])
def test_a_truth_value_as_text_means_what_it_says(folder, text, is_tso):
    fits.setval("x_uncal.fits", "TSOVISIT", value=text)
    assert SuperBiasStep.call("x_uncal.fits").is_tso is is_tso


def test_a_hook_must_return_a_model(folder):
    with pytest.raises(HookError, match="must return a data model or None, <lambda> returned str 'x'"):
        SuperBiasStep.call("x_uncal.fits", post_hooks=[lambda model: "x"])
    with pytest.raises(HookError, match="must return a data model"):
        SuperBiasStep.call("x_uncal.fits", pre_hooks=[lambda model: 5])
