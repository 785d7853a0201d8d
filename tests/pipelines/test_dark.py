"""calwebb_dark, and the names of former releases."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import MIRI, NAME, NIRCAM, write_references, write_uncal

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.observatories.jwst.exposure_types import exposure_types, pipelines
from hexcal.pipeline import DarkPipeline, Detector1Pipeline, SloperPipeline

SHAPE = (2, 6, 16, 24)


def order(instrument):
    ramp = datamodels.RampModel((1, 2, 3, 4))
    ramp.meta.instrument.name = instrument
    return [step.name for step in DarkPipeline().steps_for(ramp)]


@pytest.mark.req("DARKPIPE-02", "DARKPIPE-03", "DARKPIPE-04")
def test_order():
    near_infrared = "group_scale dq_init saturation ipc superbias refpix linearity".split()
    miri = "group_scale dq_init emicorr saturation ipc firstframe lastframe reset linearity rscd".split()
    assert [order(name) for name in ("NIRCAM", "NIRISS", "NIRSPEC", "FGS")] == [near_infrared] * 4
    assert order("MIRI") == miri
    assert set(DarkPipeline.step_defs) == {*near_infrared, *miri}


@pytest.mark.req("DARKPIPE-06", "DARKPIPE-09")
def test_exposure_types_and_parameters():
    documented = {"FGS_DARK", "MIR_DARKIMG", "MIR_DARKMRS", "NRC_DARK", "NIS_DARK", "NRS_DARK"}
    assert documented <= set(exposure_types("dark"))
    assert all(pipelines(name) == ("calwebb_dark",) for name in documented)
    assert set(DarkPipeline.parameters_class.model_fields) < set(Detector1Pipeline.parameters_class.model_fields)


@pytest.mark.req("DARKPIPE-01", "DARKPIPE-07", "GS-01", "SFX-06")
def test_the_product_is_the_ramp_before_the_dark_is_subtracted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    groups = np.zeros(SHAPE[0] * SHAPE[1], [("integration_number", "i2"), ("group_number", "i2")])
    times = np.zeros(SHAPE[0], [("integration_number", "i4"), ("int_mid_MJD_UTC", "f8")])
    extra = [
        fits.BinTableHDU(groups, name="GROUP"),
        fits.BinTableHDU(times, name="INT_TIMES"),
        fits.ImageHDU(np.full((SHAPE[0], *SHAPE[2:]), 1000, np.uint16), name="ZEROFRAME"),
    ]
    write_uncal(tmp_path, SHAPE, extra=extra, EXP_TYPE="NRC_DARK")
    dark = np.full(SHAPE[1:], 7, "f4")
    write_references(tmp_path / "refs", SHAPE, dark=dark)
    assert main(["run", "calwebb_dark", NAME, "--references=refs"]) == 0
    stage1 = Detector1Pipeline(references="refs", save_calibrated_ramp=True)
    for step in ("ipc", "dark_current", "charge_migration", "jump", "clean_flicker_noise", "ramp_fit"):
        getattr(stage1, step).skip = True
    ramp = stage1.run(NAME)
    with fits.open(NAME.replace("_uncal", "_dark")) as product:
        assert product["SCI"].data.shape == SHAPE
        assert np.array_equal(product["SCI"].data, ramp.data)
        assert np.array_equal(product["GROUPDQ"].data, ramp.groupdq)
        assert {"SCI", "PIXELDQ", "GROUPDQ", "ERR", "GROUP", "INT_TIMES", "ZEROFRAME", "ASDF"} <= {
            hdu.name for hdu in product
        }
        assert product[0].header["DATAMODL"] == "RampModel"
        assert "S_DARK" not in product[0].header and product[0].header["S_LINEAR"] == "COMPLETE"


@pytest.mark.parametrize("mode", [NIRCAM, MIRI])
def test_a_dark_made_into_a_reference_leaves_nothing_of_itself(mode, tmp_path):
    write_uncal(tmp_path, SHAPE, mode, name="d_uncal.fits", EXP_TYPE="NRC_DARK" if mode is NIRCAM else "MIR_DARKIMG")
    refs = write_references(tmp_path / "refs", SHAPE, mode)
    ramp = DarkPipeline.call(tmp_path / "d_uncal.fits", references=str(refs))
    assert ramp.shape == SHAPE
    slopes = np.diff(ramp.data[:, 1:-1], axis=1)
    assert np.median(slopes) == pytest.approx(10, abs=1)


@pytest.mark.req("B7-01")
def test_names_of_build_7():
    assert SloperPipeline is Detector1Pipeline


@pytest.mark.parametrize(
    ("word", "runs"),
    [
        ("calwebb_sloper", "calwebb_detector1"),
        ("SloperPipeline", "calwebb_detector1"),
        ("jwst.pipeline.SloperPipeline", "calwebb_detector1"),
        ("calwebb_sloper.cfg", "calwebb_detector1"),
        ("calwebb_dark.cfg", "calwebb_dark"),
    ],
)
def test_former_names_on_the_command_line(word, runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", word, "--help"]) == 0
    assert f"hexcal run {runs}" in capsys.readouterr().out


def test_a_file_of_that_name_is_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calwebb_dark.cfg").write_text("name = 'jump'\nclass = 'jwst.jump.JumpStep'\n")
    assert main(["run", "calwebb_dark.cfg", "--help"]) == 0
    assert "hexcal run jump" in capsys.readouterr().out


def test_a_missing_parameter_file_is_still_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "calwebb_drak.cfg", "x.fits"]) != 0
    assert "calwebb_drak.cfg" in capsys.readouterr().err
