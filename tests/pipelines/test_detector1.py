"""calwebb_detector1: order, products, conditions."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import MIRI, NAME, write_references, write_uncal

from hexcal import datamodels
from hexcal.errors import ParameterError
from hexcal.pipeline import Detector1Pipeline

STEM = NAME.removesuffix("_uncal.fits")
SHAPE = (2, 6, 16, 24)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_uncal(tmp_path, SHAPE)
    write_references(tmp_path / "refs", SHAPE)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.glob("*.fits") if path.name != NAME)


def order(ramp):
    return [step.name for step in Detector1Pipeline().steps_for(ramp)]


def exposure(instrument, tso=False):
    ramp = datamodels.RampModel((1, 2, 3, 4))
    ramp.meta.instrument.name, ramp.meta.visit.tsovisit = instrument, tso
    return ramp


@pytest.mark.req("DET1-03")
def test_order_of_the_near_infrared():
    expected = (
        "group_scale dq_init saturation ipc superbias refpix linearity dark_current jump ramp_fit gain_scale".split()
    )
    assert order(exposure("NIRCAM")) == order(exposure("NIRSPEC", tso=True)) == expected


@pytest.mark.req("LASTF-04", "RSCD-09")
def test_order_of_miri():
    expected = "group_scale dq_init saturation ipc firstframe lastframe reset linearity rscd dark_current refpix jump ramp_fit gain_scale".split()
    assert order(exposure("MIRI")) == expected
    assert order(exposure("MIRI", tso=True)) == [
        step for step in expected if step not in ("firstframe", "lastframe", "rscd")
    ]


@pytest.mark.req("DET1-14", "DET1-15", "SFX-03", "SFX-04", "DET1-01")
def test_rate_and_rateints_are_written(folder):
    rate = Detector1Pipeline.call(NAME, references="refs", save_results=True)
    assert names(folder) == [f"{STEM}_rate.fits", f"{STEM}_rateints.fits"]
    assert type(rate) is datamodels.ImageModel and abs(np.nanmedian(rate.data) - 5) < 0.2
    assert type(datamodels.open(f"{STEM}_rateints.fits")) is datamodels.CubeModel


@pytest.mark.req("DET1-17", "HDU-03", "HDU-04", "DM-03", "DM-04", "ERR-03")
def test_layout_of_the_products(folder):
    Detector1Pipeline.call(NAME, references="refs", save_results=True)
    for name, shape in ((f"{STEM}_rate.fits", SHAPE[-2:]), (f"{STEM}_rateints.fits", (SHAPE[0], *SHAPE[-2:]))):
        with fits.open(name) as hdus:
            hdus.verify("exception")
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "ERR", "DQ", "VAR_POISSON", "VAR_RNOISE", "ASDF"]
            for hdu in hdus[1:-1]:
                assert hdu.data.shape == shape and hdu.data.dtype.name == ("uint32" if hdu.name == "DQ" else "float32")
            assert hdus["SCI"].header["BUNIT"] == "DN/s"
            assert hdus[0].header["S_RAMP"] == hdus[0].header["S_JUMP"] == "COMPLETE"
            variance = hdus["VAR_POISSON"].data + hdus["VAR_RNOISE"].data
            assert np.allclose(hdus["ERR"].data, np.sqrt(variance), rtol=1e-4)


@pytest.mark.req("DET1-10", "DET1-13", "SFX-02", "HDU-02", "PYI-10")
def test_the_calibrated_ramp_on_request(folder):
    Detector1Pipeline.call(NAME, references="refs", save_calibrated_ramp=True, output_file="mine")
    assert names(folder) == ["mine_ramp.fits", "mine_rate.fits", "mine_rateints.fits"]
    with fits.open("mine_ramp.fits") as hdus:
        assert [hdu.name for hdu in hdus][:5] == ["PRIMARY", "SCI", "PIXELDQ", "GROUPDQ", "ERR"]
        assert "S_JUMP" in hdus[0].header and "S_RAMP" not in hdus[0].header


def test_nothing_is_written_from_python_unless_asked_for(folder):
    Detector1Pipeline.call(NAME, references="refs")
    assert names(folder) == []


@pytest.mark.req("CLI-06", "PYI-11", "PYI-12", "CLI-08")
def test_products_of_steps_on_request(folder):
    steps = {
        "dark_current": {"save_results": True},
        "linearity": {"output_dir": "lin"},
        "superbias": {"output_file": "sb"},
    }
    Detector1Pipeline.call(NAME, references="refs", output_dir="out", steps=steps)
    assert sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.fits") if path.parent.name != "refs") == [
        f"lin/{STEM}_linearity.fits",
        f"out/{STEM}_dark_current.fits",
        f"out/{STEM}_rate.fits",
        f"out/{STEM}_rateints.fits",
        "out/sb_superbias.fits",
    ]


@pytest.mark.req("DET1-18", "PAR-06", "PAR-08")
def test_every_step_can_be_left_out(folder):
    steps = [name for name in Detector1Pipeline.step_defs if name != "ramp_fit"]
    rate = Detector1Pipeline.call(NAME, references="refs", steps={name: {"skip": True} for name in steps})
    assert set(rate.meta.cal_step.instance.values()) == {"SKIPPED", "COMPLETE"}
    assert rate.meta.cal_step.ramp_fit == "COMPLETE" and rate.meta.cal_step.jump == "SKIPPED"
    assert (
        type(Detector1Pipeline.call(NAME, references="refs", steps={"ramp_fit": {"skip": True}}))
        is datamodels.RampModel
    )


def test_scripts_that_skip_steps_of_the_original_keep_running(folder):
    assert Detector1Pipeline.call(
        NAME, references="refs", steps={"persistence": {"skip": True}, "charge_migration": {"skip": True}}
    )
    with pytest.raises(ParameterError, match="persistence is not in this version"):
        Detector1Pipeline.call(NAME, references="refs", steps={"persistence": {"save_persistence": True}})


def test_miri_with_reference_output(folder):
    refout = fits.ImageHDU(np.full((*SHAPE[:3], SHAPE[3] // 4), 1000, "u2"), name="REFOUT")
    write_uncal(folder, SHAPE, MIRI, name="mir_uncal.fits", extra=[refout])
    write_references(folder / "mirefs", SHAPE, MIRI)
    rate = Detector1Pipeline.call("mir_uncal.fits", references="mirefs", save_calibrated_ramp=True, output_dir="out")
    done = rate.meta.cal_step.instance
    assert done["reset"] == done["lastframe"] == "COMPLETE" and "superbias" not in done
    assert fits.getdata("out/mir_ramp.fits", "REFOUT").shape == refout.data.shape
    assert abs(np.nanmedian(rate.data) - 5) < 0.3


def test_the_same_bits_for_one_and_two_threads(folder, monkeypatch):
    cubes = []
    for threads in ("1", "2"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        Detector1Pipeline.call(
            NAME,
            references="refs",
            output_dir=f"t{threads}",
            steps={"jump": {"maximum_cores": "all"}, "ramp_fit": {"maximum_cores": "all"}},
        )
        with fits.open(f"t{threads}/{STEM}_rateints.fits") as hdus:
            cubes.append([hdu.data.tobytes() for hdu in hdus[1:-1]])
    assert cubes[0] == cubes[1]


@pytest.mark.req("NAME-07")
def test_a_segment_is_processed_by_itself(folder):
    write_uncal(
        folder, SHAPE, name="jw1-seg002_nrca1_uncal.fits", INTSTART=3, INTEND=4, NINTS=10, EXSEGNUM=2, EXSEGTOT=5
    )
    Detector1Pipeline.call("jw1-seg002_nrca1_uncal.fits", references="refs", save_results=True)
    header = fits.getheader("jw1-seg002_nrca1_rateints.fits")
    assert (header["EXSEGNUM"], header["INTSTART"], header["INTEND"]) == (2, 3, 4)
