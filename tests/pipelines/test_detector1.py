"""calwebb_detector1: order, products, conditions."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import MIRI, NAME, NIRCAM, write_references, write_traps, write_uncal

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import HexcalError, ParameterError
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import IPCStep

NIRSPEC = {**NIRCAM, "INSTRUME": "NIRSPEC", "DETECTOR": "NRS1", "FASTAXIS": 2, "SLOWAXIS": 1}
STEM = NAME.removesuffix("_uncal.fits")
SHAPE = (2, 6, 16, 24)


def tables():
    """The tables of a raw exposure: times of the integrations, and of the groups."""
    times = ["int_start_MJD_UTC", "int_mid_MJD_UTC", "int_end_MJD_UTC"]
    times += ["int_start_BJD_TDB", "int_mid_BJD_TDB", "int_end_BJD_TDB"]
    integrations = np.zeros(SHAPE[0], [("integration_number", "i4"), *((name, "f8") for name in times)])
    integrations["integration_number"] = np.arange(1, SHAPE[0] + 1)
    groups = np.zeros(SHAPE[0] * SHAPE[1], [("integration_number", "i2"), ("group_number", "i2")])
    return [fits.BinTableHDU(integrations, name="INT_TIMES"), fits.BinTableHDU(groups, name="GROUP")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_uncal(tmp_path, SHAPE, extra=tables())
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


def test_ipc_is_left_out_unless_it_is_asked_for():
    assert Detector1Pipeline().ipc.skip and not Detector1Pipeline(steps={"ipc": {"skip": False}}).ipc.skip
    assert not Detector1Pipeline(profile="3.0.0").ipc.skip and not IPCStep().skip


@pytest.mark.req("DET1-02", "DET1-03", "REFPIX-04", "LIN-08", "JUMP-01")
def test_order_of_the_near_infrared():
    expected = """
        group_scale dq_init saturation ipc superbias refpix linearity persistence dark_current charge_migration jump
    """.split()
    expected += ["clean_flicker_noise", "ramp_fit", "gain_scale"]
    assert order(exposure("NIRCAM")) == expected
    not_in_time_series = ("persistence", "charge_migration")
    assert order(exposure("NIRCAM", tso=True)) == [step for step in expected if step not in not_in_time_series]


@pytest.mark.req("DET1-07")
def test_no_persistence_for_nirspec():
    expected = [step for step in order(exposure("NIRCAM")) if step != "persistence"]
    expected.insert(expected.index("clean_flicker_noise"), "picture_frame")
    assert order(exposure("NIRSPEC")) == expected


@pytest.mark.req("DET1-04", "DET1-05", "LASTF-04", "RSCD-09", "SBIAS-10", "LIN-08", "JUMP-01")
def test_order_of_miri():
    expected = (
        "group_scale dq_init emicorr saturation ipc firstframe lastframe reset linearity rscd dark_current".split()
    )
    expected += ["refpix", "jump", "clean_flicker_noise", "ramp_fit", "gain_scale"]
    assert order(exposure("MIRI")) == expected
    assert order(exposure("MIRI", tso=True)) == [
        step for step in expected if step not in ("firstframe", "lastframe", "rscd")
    ]


@pytest.mark.req("DET1-14", "DET1-15", "SFX-03", "SFX-04", "DET1-01")
def test_rate_and_rateints_are_written(folder):
    rate = Detector1Pipeline.call(NAME, references="refs", save_results=True)
    assert names(folder) == [f"{STEM}_rate.fits", f"{STEM}_rateints.fits"]
    assert type(rate) is datamodels.ImageModel and abs(np.nanmedian(rate.data) - 5) < 0.2
    rateints = datamodels.open(f"{STEM}_rateints.fits")
    assert type(rateints) is datamodels.CubeModel and rateints.shape == (SHAPE[0], *SHAPE[-2:])


@pytest.mark.req("DET1-01")
def test_one_exposure_at_a_time(folder):
    write_uncal(folder, SHAPE, name="other_uncal.fits")
    with pytest.raises(HexcalError):
        Detector1Pipeline.call([NAME, "other_uncal.fits"], references="refs")


@pytest.mark.req("DET1-14", "SFX-03")
@pytest.mark.parametrize(("mode", "exposure_type"), [(MIRI, "MIR_MRS"), (NIRSPEC, "NRS_IFU")])
def test_the_rate_of_an_integral_field_unit_is_a_model_of_its_own(folder, mode, exposure_type):
    write_uncal(folder, SHAPE, mode, name="ifu_uncal.fits", EXP_TYPE=exposure_type)
    write_references(folder / "ifu_refs", SHAPE, mode)
    rate = Detector1Pipeline.call("ifu_uncal.fits", references="ifu_refs")
    assert type(rate) is datamodels.IFUImageModel and rate.data.ndim == 2


@pytest.mark.req("DET1-17", "HDU-03", "HDU-04", "DM-03", "DM-04", "ERR-03")
def test_layout_of_the_products(folder):
    Detector1Pipeline.call(NAME, references="refs", save_results=True)
    for name, shape in ((f"{STEM}_rate.fits", SHAPE[-2:]), (f"{STEM}_rateints.fits", (SHAPE[0], *SHAPE[-2:]))):
        with fits.open(name) as hdus:
            hdus.verify("exception")
            found = [hdu.name for hdu in hdus]
            assert found[:6] == ["PRIMARY", "SCI", "ERR", "DQ", "VAR_POISSON", "VAR_RNOISE"]
            assert set(found[6:]) == ({"ASDF", "INT_TIMES"} if "ints" in name else {"ASDF"})
            if "ints" in name:
                assert (len(hdus["INT_TIMES"].data), len(hdus["INT_TIMES"].columns)) == (SHAPE[0], 7)
            assert hdus[0].header["NAXIS"] == 0
            for hdu in hdus[1:6]:
                assert hdu.data.shape == shape and hdu.data.dtype.name == ("uint32" if hdu.name == "DQ" else "float32")
            assert hdus["SCI"].header["BUNIT"] == "DN/s"
            assert hdus[0].header["S_RAMP"] == hdus[0].header["S_JUMP"] == "COMPLETE"
            variance = hdus["VAR_POISSON"].data + hdus["VAR_RNOISE"].data
            assert np.allclose(hdus["ERR"].data, np.sqrt(variance), rtol=1e-4)


@pytest.mark.req("DET1-16", "SFX-06", "SFX-07")
def test_what_else_is_written(folder):
    """The filled traps by default; details of the fit and the dark that was made on request."""
    write_traps(folder / "refs", SHAPE[-2:])
    assert main(["run", "calwebb_detector1", NAME, "--references=refs"]) == 0
    assert names(folder) == [f"{STEM}_{suffix}.fits" for suffix in ("rate", "rateints", "trapsfilled")]
    words = ["--steps.ramp_fit.save_opt=true", f"--steps.dark_current.dark_output={STEM}_dark.fits"]
    assert main(["run", "calwebb_detector1", NAME, "--references=refs", *words]) == 0
    expected = [f"{STEM}_{suffix}.fits" for suffix in ("dark", "fitopt", "rate", "rateints", "trapsfilled")]
    assert names(folder) == expected
    kinds = {suffix: datamodels.open(f"{STEM}_{suffix}.fits") for suffix in ("dark", "fitopt", "trapsfilled")}
    assert {suffix: type(model).__name__ for suffix, model in kinds.items()} == {
        "dark": "DarkModel",
        "fitopt": "RampFitOutputModel",
        "trapsfilled": "TrapsFilledModel",
    }
    assert kinds["dark"].data.shape == SHAPE[1:] and kinds["trapsfilled"].data.shape == (3, *SHAPE[-2:])


@pytest.mark.req("DET1-10", "DET1-13", "SFX-02", "HDU-02", "PYI-10")
def test_the_calibrated_ramp_on_request(folder):
    Detector1Pipeline.call(NAME, references="refs", save_calibrated_ramp=True, output_file="mine")
    assert names(folder) == ["mine_ramp.fits", "mine_rate.fits", "mine_rateints.fits"]
    with fits.open("mine_ramp.fits") as hdus:
        assert [hdu.name for hdu in hdus][:5] == ["PRIMARY", "SCI", "PIXELDQ", "GROUPDQ", "ERR"]
        assert "S_JUMP" in hdus[0].header and "S_RAMP" not in hdus[0].header
        layout = {name: (hdus[name].data.dtype.name, hdus[name].data.shape) for name in ("SCI", "ERR", "GROUPDQ")}
        assert layout == {"SCI": ("float32", SHAPE), "ERR": ("float32", SHAPE), "GROUPDQ": ("uint8", SHAPE)}
        assert (hdus["PIXELDQ"].data.dtype.name, hdus["PIXELDQ"].data.shape) == ("uint32", SHAPE[-2:])
        assert (len(hdus["INT_TIMES"].data), len(hdus["GROUP"].data)) == (SHAPE[0], SHAPE[0] * SHAPE[1])
        assert np.abs(np.diff(hdus["SCI"].data, axis=1).mean() - 10) < 0.5


def test_nothing_is_written_from_python_unless_asked_for(folder):
    Detector1Pipeline.call(NAME, references="refs")
    assert names(folder) == []


@pytest.mark.req("PYI-11", "PYI-12", "CLI-06", "CLI-08")
@pytest.mark.parametrize("by", ["call", "command line"])
def test_products_of_steps_on_request(folder, by):
    steps = {
        "dark_current": {"save_results": True},
        "linearity": {"output_dir": "lin"},
        "superbias": {"output_file": "sb"},
    }
    if by == "call":
        Detector1Pipeline.call(NAME, references="refs", output_dir="out", steps=steps)
    else:
        words = ["run", "calwebb_detector1", NAME, "--references=refs", "--output_dir=out"]
        for name, values in steps.items():
            words += [f"--steps.{name}.{parameter}={value}" for parameter, value in values.items()]
        assert main(words) == 0
    assert sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.fits") if path.parent.name != "refs") == [
        f"lin/{STEM}_linearity.fits",
        f"out/{STEM}_dark_current.fits",
        f"out/{STEM}_rate.fits",
        f"out/{STEM}_rateints.fits",
        "out/sb_superbias.fits",
    ]


@pytest.mark.req("PAR-06")
@pytest.mark.parametrize("left_out", sorted(set(Detector1Pipeline.step_defs) - {"ramp_fit", "picture_frame"}))
def test_every_step_can_be_left_out(folder, left_out):
    """The others run as ever, on what the step before has left; MIRI's own steps are in the order of MIRI only."""
    mode = MIRI if left_out in ("emicorr", "firstframe", "lastframe", "reset", "rscd") else NIRCAM
    name, references = (NAME, "refs") if mode is NIRCAM else ("mir_uncal.fits", "mirefs")
    if mode is MIRI:
        write_uncal(folder, SHAPE, MIRI, name=name)
        write_references(folder / references, SHAPE, MIRI)
    whole, part = (
        Detector1Pipeline.call(name, references=references, steps=steps) for steps in ({}, {left_out: {"skip": True}})
    )
    before, after = whole.meta.cal_step.instance, part.meta.cal_step.instance
    status = Detector1Pipeline.step_defs[left_out].status
    assert after[status] == "SKIPPED"
    assert {key: value for key, value in after.items() if key != status} == {
        key: value for key, value in before.items() if key != status
    }
    if before[status] == "SKIPPED":
        np.testing.assert_array_equal(part.data, whole.data)


@pytest.mark.req("PAR-06")
def test_without_any_step_the_ramp_that_is_fitted_is_the_raw_one(folder):
    steps = {name: {"skip": True} for name in Detector1Pipeline.step_defs if name != "ramp_fit"}
    rate = Detector1Pipeline.call(NAME, references="refs", steps=steps, output_file="bare", save_calibrated_ramp=True)
    assert rate.meta.cal_step.ramp_fit == "COMPLETE"
    with datamodels.open("bare_ramp.fits") as ramp:
        np.testing.assert_array_equal(ramp.data, fits.getdata(NAME, "SCI"))
        assert not ramp.pixeldq.any() and not ramp.groupdq.any()
        assert set(ramp.meta.cal_step.instance.values()) == {"SKIPPED"}
    ramp = Detector1Pipeline.call(NAME, references="refs", steps={"ramp_fit": {"skip": True}})
    assert type(ramp) is datamodels.RampModel and ramp.meta.cal_step.jump == "COMPLETE"


@pytest.mark.req("DET1-18")
def test_names_of_the_steps_of_the_documents():
    documented = """charge_migration dark_current dq_init emicorr firstframe gain_scale group_scale ipc jump lastframe
        linearity persistence ramp_fit refpix reset rscd saturation superbias""".split()
    pipe = Detector1Pipeline(steps={name: {"skip": True} for name in documented})
    assert all(getattr(pipe, name).skip for name in Detector1Pipeline.step_defs)
    with pytest.raises(ParameterError):
        Detector1Pipeline(steps={"ramp_fitting": {"skip": True}})


@pytest.mark.req("PAR-08")
def test_parameters_of_the_pipeline_and_of_its_steps_on_the_command_line(folder):
    words = ["run", "calwebb_detector1", NAME, "--references=refs", "--save_calibrated_ramp=true"]
    assert main([*words, "--steps.jump.skip=true", "--steps.superbias.override_superbias=N/A"]) == 0
    header = fits.getheader(f"{STEM}_ramp.fits")
    assert (header["S_JUMP"], header["S_SUPERB"], header["S_LINEAR"]) == ("SKIPPED", "SKIPPED", "COMPLETE")


def test_scripts_that_skip_steps_of_the_original_keep_running(folder):
    steps = {"picture_frame": {"skip": True}, "charge_migration": {"skip": True}}
    assert Detector1Pipeline.call(NAME, references="refs", steps=steps)


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
    assert (header["EXSEGNUM"], header["EXSEGTOT"], header["INTSTART"], header["INTEND"]) == (2, 5, 3, 4)
