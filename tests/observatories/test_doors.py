"""What a second observatory asks of the frame.

Detectors, keywords, names and extensions of its own, and steps that need no change.
"""

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal import datamodels, observatories
from hexcal.cli.main import main
from hexcal.errors import InputError, ParameterError
from hexcal.step import (
    DarkCurrentStep,
    DQInitStep,
    GainScaleStep,
    GroupScaleStep,
    IPCStep,
    JumpStep,
    LinearityStep,
    Pipeline,
    RampFitStep,
    RefPixStep,
    SaturationStep,
    Step,
    SuperBiasStep,
)

SHAPE = (1, 10, 16, 24)
ONLY_JWST = ("FASTAXIS", "SLOWAXIS", "CHANNEL", "MODULE", "FRMDIVSR", "GROUPGAP", "DRPFRMS1", "TSOVISIT")


def counts():
    """Ten reads with noise, a saturated pixel and a cosmic ray: uint16 (1, 10, 16, 24)."""
    rng = np.random.default_rng(7)
    ramp = 1000 + 40 * np.arange(SHAPE[1])[None, :, None, None] + rng.normal(0, 3, SHAPE)
    ramp[0, 5:, 9, 9] += 3000
    ramp[0, 4:, 10, 12] = 64000
    # Reference pixels see no light.
    ramp[..., :4, :] = ramp[..., :4] = 1000 + rng.normal(0, 1, (1, SHAPE[1], 1, 1))
    return ramp.round().astype(np.uint16)


def raw_pair(folder):
    """The same counts of NRCA1 and of a detector of IRIS; paths."""
    data = counts()
    ours = write_uncal(folder, SHAPE, data=data, name="jwst_uncal.fits", NOUTPUTS=1)
    other = folder / "tmt_uncal.fits"
    with fits.open(ours) as hdus:
        header = hdus[0].header
        for keyword in (*ONLY_JWST, "NOUTPUTS", "DATAMODL", "EXP_TYPE"):
            header.remove(keyword)
        header.update(TELESCOP="TMT", INSTRUME="IRIS", DETECTOR="IMG1", FILTER="K", PUPIL="CLEAR", SUBARRAY="CUSTOM")
        hdus.writeto(other)
    return ours, other


def references(folder):
    """References with flagged reference pixels, a bad pixel, a dark and a quadratic linearity."""
    rng = np.random.default_rng(3)
    _, n_groups, ny, nx = SHAPE
    mask = np.zeros((ny, nx), "u4")
    mask[:4] = mask[:, :4] = datamodels.dqflags.pixel.REFERENCE_PIXEL
    mask[7, 7] = datamodels.dqflags.pixel.DO_NOT_USE
    coefficients = np.zeros((3, ny, nx), "f4")
    coefficients[1], coefficients[2] = 1, 1e-6
    dark = np.arange(n_groups)[:, None, None] * rng.uniform(0, 1, (ny, nx))
    kernel = np.array([[0, -0.005, 0], [-0.005, 1.02, -0.005], [0, -0.005, 0]], "f4")
    folder.mkdir()
    return write_references(
        folder,
        SHAPE,
        mask=mask,
        linearity=coefficients,
        dark=dark.astype("f4"),
        ipc=kernel,
        superbias=900 + rng.normal(0, 1, (ny, nx)).astype("f4"),
    )


@pytest.mark.req("TMT-07", "TMT-08")
def test_the_detector_steps_do_the_same_to_counts_of_another_observatory(tmp_path):
    folders = [references(tmp_path / "jwst"), tmp_path / "tmt"]
    folders[1].mkdir()
    for path in folders[0].glob("*.fits"):
        with fits.open(path) as hdus:
            hdus[0].header.update(TELESCOP="TMT", INSTRUME="IRIS", DETECTOR="IMG1")
            hdus.writeto(folders[1] / path.name)
    models = list(raw_pair(tmp_path))
    order = (
        GroupScaleStep,
        DQInitStep,
        SaturationStep,
        IPCStep,
        SuperBiasStep,
        RefPixStep,
        LinearityStep,
        DarkCurrentStep,
        JumpStep,
    )
    for cls in order:
        steps = [cls(references=str(folder)) for folder in folders]
        models = [step.run(model) for step, model in zip(steps, models, strict=True)]
        expected = "SKIPPED" if cls is GroupScaleStep else "COMPLETE"
        assert [step.last_status for step in steps] == [expected] * 2, cls
        for name in ("data", "pixeldq", "groupdq"):
            np.testing.assert_array_equal(*(getattr(model, name) for model in models), err_msg=f"{cls.__name__} {name}")
    assert models[1].groupdq.any() and models[1].observatory.name == "tmt"
    rates = [RampFitStep(references=str(folder)).run(model)[0] for folder, model in zip(folders, models, strict=True)]
    rates = [GainScaleStep(references=str(folder)).run(rate) for folder, rate in zip(folders, rates, strict=True)]
    for name in ("data", "err", "dq", "var_poisson", "var_rnoise"):
        np.testing.assert_array_equal(*(getattr(rate, name) for rate in rates), err_msg=name)
    assert np.nanmedian(rates[1].data) == pytest.approx(20, abs=2)


@pytest.mark.req("TMT-07")
def test_a_keyword_of_another_observatory_is_none_and_a_typing_error_is_one():
    frame = datamodels.IRISImageModel((4, 4))
    assert frame.meta.exposure.drop_frames1 is None
    assert frame.meta.exposure.groupgap is frame.meta.exposure.gain_factor is None
    assert frame.meta.visit.tsovisit is None
    assert datamodels.ImageModel((4, 4)).meta.instrument.pupil_imaging_lens is None
    for path in ("meta.exposure.grupgap", "meta.visitor.tsovisit"):
        with pytest.raises(AttributeError, match="unknown attribute"):
            frame[path]


@pytest.mark.req("TMT-08")
def test_detectors_are_those_of_the_observatory():
    tmt = observatories.get("tmt")
    facts = tmt.detector("img1")
    assert (facts.columns, facts.rows, facts.left, facts.top, facts.outputs) == (4096, 4096, 4, 4, 64)
    assert observatories.get("jwst").detector("NRCA1").fastaxis == -1
    with pytest.raises(InputError, match=r"(?s)unknown detector 'NRCA1'.*TMT"):
        tmt.detector("NRCA1")


def write(path, hdus, **keywords):
    """Write a FITS file of (name, array) extensions behind a primary header; a name of None leaves EXTNAME out."""
    units = [fits.PrimaryHDU(header=fits.Header(keywords))]
    units += [fits.ImageHDU(array, name=name) for name, array in hdus]
    fits.HDUList(units).writeto(path)
    return path


FRAME = np.arange(12, dtype="f4").reshape(3, 4)


@pytest.mark.req("TMT-10")
@pytest.mark.parametrize("name", ["IRISImageModel", "ImagerModel"])
@pytest.mark.parametrize("spelling", ["SCI", "DATA"])
def test_two_spellings_of_an_extension(tmp_path, spelling, name):
    path = write(
        tmp_path / "x.fits", [(spelling, FRAME), ("ERR", FRAME)], TELESCOP="TMT", INSTRUME="IRIS", DATAMODL=name
    )
    fits.setval(path, "BUNIT", value="electron/s", extname=spelling)
    fits.setval(path, "ODD", value=3, extname=spelling)
    model = datamodels.open(path)
    np.testing.assert_array_equal(model.data, FRAME)
    assert model.meta.bunit_data == "electron/s"
    model.data = model.data + 1
    model.save(tmp_path / "y.fits")
    with fits.open(tmp_path / "y.fits") as hdus:
        assert [hdu.name for hdu in hdus][:3] == ["PRIMARY", spelling, "ERR"]
        np.testing.assert_array_equal(hdus[1].data, FRAME + 1)
        assert (hdus[1].header["BUNIT"], hdus[1].header["ODD"]) == ("electron/s", 3)
    assert datamodels.open(tmp_path / "y.fits").meta.bunit_data == "electron/s"
    datamodels.IRISImageModel(FRAME).save(tmp_path / "new.fits")
    assert fits.info(tmp_path / "new.fits", output=False)[1][1] == "SCI"


NAMES = {
    "IRISImageModel": "IRISImageModel",
    "ImagerModel": "IRISImageModel",
    "IFUImageModel": "IRISImageModel",
    "IFUCubeModel": "IRISCubeModel",
    "TMTRampModel": "IRISRampModel",
    "RampModel": "IRISRampModel",
    "TMTDarkModel": "IRISDarkModel",
    "DarkModel": "IRISDarkModel",
    "TMTFlatModel": "IRISFlatModel",
    "FlatModel": "IRISFlatModel",
    "TMTMaskModel": "IRISMaskModel",
    "DQModel": "IRISDQModel",
    "BiasModel": "IRISBiasModel",
    "NonlinearCorrectionModel": "IRISNonlinearModel",
}


@pytest.mark.req("TMT-11")
@pytest.mark.parametrize("telescope", ["TMT", "Keck"])
def test_names_of_models_of_all_releases(tmp_path, telescope):
    shapes = {"IRISCubeModel": (2, 3, 4), "IRISRampModel": (2, 2, 3, 4), "IRISNonlinearModel": (3, 3, 4)}
    hdus = {"IRISMaskModel": "DQ", "IRISDQModel": "DQ", "IRISNonlinearModel": "COEFF"}
    for name, expected in NAMES.items():
        kind = "u4" if expected in ("IRISMaskModel", "IRISDQModel") else "f4"
        array = np.ones(shapes.get(expected, (3, 4)), kind)
        path = write(
            tmp_path / f"{name}.fits", [(hdus.get(expected, "DATA"), array)], TELESCOP=telescope, DATAMODL=name
        )
        model = datamodels.open(path)
        assert type(model) is getattr(datamodels, expected)
        np.testing.assert_array_equal(getattr(model, type(model).primary), array)


@pytest.mark.req("TMT-11")
def test_the_same_names_are_classes_of_jwst_in_its_files(tmp_path):
    for name, shape in {
        "RampModel": (1, 2, 3, 4),
        "IFUImageModel": (3, 4),
        "DarkModel": (2, 3, 4),
        "FlatModel": (3, 4),
    }.items():
        path = write(tmp_path / f"{name}.fits", [("SCI", np.ones(shape, "f4"))], TELESCOP="JWST", DATAMODL=name)
        assert type(datamodels.open(path)) is getattr(datamodels, name)


@pytest.mark.req("TMT-12")
@pytest.mark.parametrize(
    ("keywords", "observatory"),
    [
        ({"TELESCOP": "TMT", "INSTRUME": "IRIS"}, "tmt"),
        ({"TELESCOP": "Keck", "INSTRUME": "Liger"}, "ligeriri"),
        ({"TELESCOP": "Keck I", "INSTRUME": "Liger"}, "ligeriri"),
        ({"TELESCOP": "Keck II"}, "ligeriri"),
        ({"INSTRUME": "Liger"}, "ligeriri"),
        ({"INSTRUME": "IRIS"}, "tmt"),
    ],
)
def test_the_observatory_of_a_file(tmp_path, keywords, observatory):
    model = datamodels.open(write(tmp_path / "x.fits", [("SCI", FRAME)], **keywords))
    assert (type(model), model.observatory.name) == (datamodels.IRISImageModel, observatory)


PRIMARY_PLUGIN = {
    "keywords.tsv": """path keyword hdu type allowed comment section models
meta.telescope TELESCOP PRIMARY str - - - -
meta.instrument.name INSTRUME PRIMARY str - - - -
meta.model_type DATAMODL PRIMARY str - - - -
meta.date DATE PRIMARY str - - - -
meta.filename FILENAME PRIMARY str - - - -""",
    "models.tsv": """model base reftype comment
OsirisFrameModel ExposureModel - Frame""",
    "model_arrays.tsv": """model name hdu dtype dimensions fill shape
OsirisFrameModel data PRIMARY f4 2 - primary
OsirisFrameModel err 1 f4 2 - -
OsirisFrameModel dq 2 u1 2 - -""",
}


def plugin(folder, tables, name="osiris", telescope="Keck I", **more):
    """Write the tables of an observatory and return it."""
    folder.mkdir()
    for filename, text in tables.items():
        (folder / filename).write_text(text.replace(" ", "\t").replace("\t-", "\t") + "\n")
    return observatories.Observatory(name, telescope, str(folder), ("OSIRIS",), **more)


@pytest.fixture
def installed(monkeypatch):
    """Install observatories for one test: a function that takes them."""

    class Point:
        def __init__(self, known):
            self.name, self.value, self.known = known.name, f"{known.name}:observatory", known

        def load(self):
            return self.known

    def install(*known):
        points = {**observatories._plugins(), **{each.name: Point(each) for each in known}}
        monkeypatch.setattr(observatories, "_plugins", lambda: points)

    caches = (observatories.is_known_anywhere, observatories.is_branch_anywhere)
    for cached in caches:
        cached.cache_clear()
    yield install
    for cached in caches:
        cached.cache_clear()


@pytest.mark.req("TMT-21")
def test_arrays_in_the_primary_hdu_and_in_hdus_without_a_name(tmp_path, installed):
    installed(plugin(tmp_path / "osiris", PRIMARY_PLUGIN))
    path, noise, quality = tmp_path / "x.fits", FRAME / 10, np.eye(3, 4, dtype="u1")
    header = fits.Header({"TELESCOP": "Keck I", "INSTRUME": "OSIRIS", "DATAMODL": "OsirisFrameModel", "MYWORD": 5})
    extensions = [fits.ImageHDU(noise), fits.ImageHDU(quality), fits.ImageHDU(FRAME, name="OTHER")]
    extensions[0].header["GUIDE"], extensions[1].header["GUIDE"] = 1, 2
    fits.HDUList([fits.PrimaryHDU(FRAME, header), *extensions]).writeto(path)
    for number in range(2):
        model = datamodels.open(path)
        assert (type(model).__name__, model.observatory.name) == ("OsirisFrameModel", "osiris")
        np.testing.assert_array_equal(model.data, FRAME + number)
        np.testing.assert_array_equal(model.err, noise)
        np.testing.assert_array_equal(model.dq, quality)
        model.data = FRAME + 1
        path = tmp_path / f"{number}.fits"
        model.save(path)
        with fits.open(path) as hdus:
            hdus.verify("exception")
            assert [hdu.header.get("EXTNAME") for hdu in hdus] == [None, None, None, "OTHER", "ASDF"]
            np.testing.assert_array_equal(hdus[0].data, FRAME + 1)
            assert (hdus[0].header["MYWORD"], hdus[1].header["GUIDE"], hdus[2].header["GUIDE"]) == (5, 1, 2)
    model.err = None
    model.save(tmp_path / "without.fits")
    without = datamodels.open(tmp_path / "without.fits")
    assert without.err is None
    np.testing.assert_array_equal(without.dq, quality)
    model.data = None
    del model.dq
    model.save(tmp_path / "nothing.fits")
    assert datamodels.open(tmp_path / "nothing.fits").dq is None


@pytest.mark.req("TMT-21")
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("OsirisFrameModel data PRIMARY|SCI f4 2 - primary", "no other spellings"),
        ("OsirisFrameModel data 0 f4 2 - primary", "is called PRIMARY"),
        ("OsirisFrameModel data PRIMARY table - - -", "holds an image"),
        ("OsirisFrameModel data 1 f4 2 - -\nOsirisFrameModel dq 1 u4 2 - -", "in the same HDU"),
    ],
)
def test_a_table_that_cannot_be_followed_is_refused(tmp_path, row, message):
    first = PRIMARY_PLUGIN["model_arrays.tsv"].splitlines()[0]
    known = plugin(tmp_path / "osiris", {**PRIMARY_PLUGIN, "model_arrays.tsv": f"{first}\n{row}"})
    with pytest.raises(InputError, match=message):
        _ = known.models


@pytest.mark.req("TMT-12")
def test_the_instrument_decides_between_observatories_of_one_telescope(tmp_path, installed):
    installed(plugin(tmp_path / "osiris", PRIMARY_PLUGIN))
    known = {"OSIRIS": "osiris", "Liger": "ligeriri"}
    for instrument, name in known.items():
        assert observatories.of_header({"TELESCOP": "KECK I", "INSTRUME": instrument}).name == name
    assert observatories.of_header({"INSTRUME": "OSIRIS"}, default="jwst").name == "osiris"
    with pytest.raises(InputError, match=r"(?s)ligeriri and osiris.*set INSTRUME"):
        observatories.of_header({"TELESCOP": "Keck I"})
    with pytest.raises(InputError, match="unknown value of TELESCOP 'KECKO'"):
        observatories.of_header({"TELESCOP": "Kecko"})


@pytest.mark.req("TMT-19")
def test_the_status_of_steps_has_two_names(tmp_path):
    model = datamodels.IRISImageModel(FRAME)
    model.meta.drs_step.dark_sub = "COMPLETE"
    assert model.meta.cal_step.dark_sub == model["meta.drs_step.dark_sub"] == "COMPLETE"
    model.meta.cal_step.flat_field = "SKIPPED"
    assert dict(model.meta.drs_step.items()) == {"dark_sub": "COMPLETE", "flat_field": "SKIPPED"}
    model.save(tmp_path / "x.fits")
    header = fits.getheader(tmp_path / "x.fits")
    assert (header["S_DARK"], header["S_FLAT"]) == ("COMPLETE", "SKIPPED")
    assert datamodels.open(tmp_path / "x.fits").meta.drs_step.dark_sub == "COMPLETE"
    with pytest.raises(ParameterError, match="unknown value 'DONE'"):
        model.meta.drs_step.dark_sub = "DONE"


@pytest.mark.req("TMT-19")
def test_the_status_of_every_step_is_written_also_of_one_without_a_keyword(tmp_path):
    class ShiftStep(Step):
        alias = "shift_of_test"

        def process(self, image):
            image.data += 1
            return image

    result = ShiftStep.call(datamodels.IRISImageModel(FRAME), output_file=str(tmp_path / "x.fits"))
    assert result.meta.drs_step.shift_of_test == "COMPLETE"
    again = next(iter(tmp_path.glob("x*.fits")))
    assert datamodels.open(again)["meta.drs_step.shift_of_test"] == "COMPLETE"


class SubtractStep(Step):
    """Subtract a dark rate."""

    alias = "dark_sub"
    reference_types = ("dark",)

    def process(self, image, references):
        image.data -= references.dark.data
        return image


class FramePipeline(Pipeline):
    """Subtract the dark rate of each member of an association, then their mean."""

    alias = "frame_of_test"
    step_defs = {"dark_sub": SubtractStep}

    def process(self, image):
        return self.dark_sub(image)


@pytest.fixture
def dark(tmp_path):
    model = datamodels.IRISDarkModel(np.full((3, 4), 2, "f4"))
    model.meta.instrument.detector = "IRIS1"
    return model.save(tmp_path / "dark.fits")


@pytest.mark.req("TMT-18")
@pytest.mark.parametrize("opened", [False, True])
def test_a_reference_is_given_as_an_argument(tmp_path, dark, opened):
    frame, results = datamodels.IRISImageModel(FRAME), []
    for name in ("dark", "override_dark"):
        pipeline = FramePipeline()
        setattr(pipeline.dark_sub, name, datamodels.open(dark) if opened else dark)
        assert pipeline.dark_sub.dark is pipeline.dark_sub.override_dark
        results.append(pipeline.run(frame))
    results += [SubtractStep.call(frame, dark=dark), FramePipeline.call(frame, steps={"dark_sub": {"dark": dark}})]
    for result in results:
        np.testing.assert_array_equal(result.data, FRAME - 2)
        assert result.meta.ref_file.dark.name == "dark.fits"
    with pytest.raises(ParameterError, match="unknown attribute 'flat'"):
        pipeline.dark_sub.flat = dark


@pytest.mark.req("TMT-20")
def test_the_doors_to_step_and_pipeline():
    import hexcal.step
    import hexcal.stpipe
    from hexcal.stpipe import Pipeline as Door
    from hexcal.stpipe import Step as StepDoor

    assert (StepDoor, Door) == (Step, Pipeline) == (hexcal.step.Step, hexcal.step.Pipeline)


@pytest.mark.req("ARCH-09")
def test_the_base_classes_are_for_all_missions(tmp_path):
    """The names of JWST's are other names of the shared ones; a step of a second observatory is made of the same."""
    import hexcal.step
    from hexcal.iris.dark_sub import DarkSubtractionStep, subtract
    from hexcal.stpipe import JwstPipeline, JwstStep, Pipeline, Step, cmdline

    assert (JwstStep, JwstPipeline) == (Step, Pipeline) and callable(cmdline.step_script)
    assert issubclass(DarkSubtractionStep, Step) and issubclass(hexcal.step.JumpStep, Step)
    # The science is a function of arrays, which needs no step and no file.
    data = np.full((2, 2), 3, "f4")
    subtract(data, np.ones((2, 2), "f4"), np.zeros((2, 2), "u4"), np.ones((2, 2), "f4"))
    assert (data == 2).all()


@pytest.mark.req("TMT-06")
def test_flags_are_those_of_the_observatory(tmp_path, capsys):
    flags = datamodels.dqflags.of(observatories.get("tmt"))
    differing = {"OUTLIER_MID_TIME": 3, "CROSS_BAD": 18, "CROSS_BAD_NEIGH": 19, "UNRELIABLE_WS": 26}
    differing |= {"LOW_INST_TRANS": 27, "TELLURIC": 28, "OH_LINE": 29}
    assert {name: flags[name].bit_length() - 1 for name in differing} == differing
    ours = datamodels.dqflags.pixel
    assert sum(flags.get(name) == value for name, value in ours.items() if value) == 20
    assert "NO_FLAT_FIELD" not in flags and "NO_LIN_CORR" not in flags
    assert datamodels.dqflags.names_of(1 << 28 | 1 << 6 | 1, flags) == ["DO_NOT_USE", "bit 6", "TELLURIC"]
    assert datamodels.dqflags.of(observatories.get("jwst")) is ours
    frame = datamodels.IRISImageModel(FRAME)
    frame.dq[1, 2] = 1 << 28
    frame.save(tmp_path / "x.fits")
    assert main(["info", str(tmp_path / "x.fits")]) == 0
    assert "TELLURIC 1 of 12 pixels" in capsys.readouterr().out


@pytest.mark.req("TMT-06")
def test_definitions_of_a_reference_file_are_translated_to_its_observatory(tmp_path):
    definitions = np.array(
        [(0, 1, "TELLURIC", ""), (1, 2, "HOT", ""), (2, 4, "NO_FLAT_FIELD", "")],
        dtype=[("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")],
    )
    for telescope, cls, expected in (
        ("TMT", datamodels.IRISMaskModel, [[1 << 28, 1 << 11, 0]]),
        ("JWST", datamodels.MaskModel, [[0, 1 << 11, 1 << 18]]),
    ):
        mask = cls(np.array([[1, 2, 4]], "u4"), dq_def=definitions)
        mask.meta.telescope = telescope
        mask.save(tmp_path / "mask.fits")
        with fits.open(tmp_path / "mask.fits") as hdus:
            table = {row["NAME"]: row["VALUE"] for row in hdus["DQ_DEF"].data}
            assert table["HOT"] == 2
        again = datamodels.open(tmp_path / "mask.fits")
        assert again.dq.tolist() == expected


@pytest.mark.req("TMT-06")
def test_generic_steps_set_no_flag_that_means_something_else_to_the_observatory(tmp_path):
    """Pixels without linearity coefficients, without a threshold, without a gain.

    Nothing is a cross, and nothing has an unnamed bit.
    """
    ny, nx = SHAPE[2:]
    coefficients = np.zeros((3, ny, nx), "f4")
    coefficients[1] = 1
    coefficients[:, 5, 5] = np.nan
    threshold, gain = np.full((ny, nx), 60000, "f4"), np.full((ny, nx), 2, "f4")
    threshold[6, 6], gain[8, 8] = np.nan, np.nan
    folder = tmp_path / "references"
    folder.mkdir()
    write_references(folder, SHAPE, linearity=coefficients, saturation=threshold, gain=gain)
    for path in folder.glob("*.fits"):
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update(TELESCOP="TMT", INSTRUME="IRIS", DETECTOR="IMG1")
    model = raw_pair(tmp_path)[1]
    for cls in (SaturationStep, LinearityStep, JumpStep):
        model = cls(references=str(folder)).run(model)
        assert not (model.pixeldq & ~np.uint32(datamodels.dqflags.pixel.DO_NOT_USE)).any(), cls
    rates = RampFitStep(references=str(folder)).run(model)
    for rate in rates:
        named = datamodels.dqflags.of(rate.observatory)
        assert set(datamodels.dqflags.names_of(np.bitwise_or.reduce(rate.dq, axis=None), named)) <= set(named)
        assert not (rate.dq & np.uint32(named.CROSS_BAD_NEIGH)).any()
        assert (rate.dq[..., 8, 8] & named.DO_NOT_USE).all()


@pytest.mark.req("TMT-09")
def test_dq_init_refuses_a_frame_and_changes_nothing(tmp_path):
    frame = tmp_path / "frame.fits"
    datamodels.IRISImageModel(FRAME).save(frame)
    datamodels.IRISMaskModel(np.ones((3, 4), "u4")).save(tmp_path / "mask.fits")
    with pytest.raises(InputError, match="works on a RampModel or a GuiderRawModel, the input is an IRISImageModel"):
        DQInitStep.call(frame, override_mask=str(tmp_path / "mask.fits"), output_dir=str(tmp_path))
    with pytest.raises(InputError, match="works on"):
        JumpStep.call(frame)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frame.fits", "mask.fits"]
    assert datamodels.open(frame).meta.model_type == "IRISImageModel"
