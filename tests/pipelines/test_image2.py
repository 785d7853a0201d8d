"""calwebb_image2: which steps, which products, what it takes; images whose sky is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.observatories.jwst import observatory
from hexcal.pipeline import Image2Pipeline
from hexcal.simulate.imaging import Imaging
from hexcal.simulate.imaging_setups import setup_of

ROOT = "jw00042001001_02101_0000{}_nrca1"
DOCUMENTED = """FGS_FOCUS FGS_IMAGE MIR_TACQ MIR_CORONCAL MIR_IMAGE MIR_LYOT MIR_4QPM NRC_TACQ NRC_TACONFIRM NRC_FOCUS
NRC_IMAGE NRC_CORON NRC_TSIMAGE NIS_TACQ NIS_TACONFIRM NIS_FOCUS NIS_IMAGE NIS_AMI NRS_IMAGE NRS_WATA NRS_MSATA
NRS_TACONFIRM NRS_CONFIRM NRS_FOCUS NRS_MIMF""".split()
RESAMPLED = {"FGS_IMAGE", "MIR_IMAGE", "NRC_IMAGE", "NIS_IMAGE"}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Two exposures and two of blank sky, 64 pixels on a side."""
    folder = tmp_path_factory.mktemp("image2")
    setup = setup_of("NIRCAM")
    series = Imaging(setup, setup.camera(64), n_exposures=2, n_backgrounds=2, seed=4)
    series.save(folder)
    return folder, series


@pytest.fixture
def folder(simulated, tmp_path, monkeypatch):
    """A folder for products; the references are those of the simulation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEXCAL_REFERENCES", str(simulated[0] / "references"))
    for path in (*simulated[0].glob("*.fits"), *simulated[0].glob("*.json")):
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def products(folder):
    """Names of what was written, without the name of the exposure."""
    return {
        path.name.replace(ROOT.format(1), "one").replace(ROOT.format(2), "two")
        for path in folder.glob("*.fits")
        if not path.is_symlink()
    }


def rateints(folder, n_ints=3, name="cube_rateints.fits", **meta):
    """Write an exposure of several integrations."""
    image = datamodels.open(folder / f"{ROOT.format(1)}_rate.fits")
    planes = {
        key: np.stack([getattr(image, key)] * n_ints) for key in ("data", "err", "dq", "var_poisson", "var_rnoise")
    }
    cube = datamodels.CubeModel(planes.pop("data"), **planes)
    cube.update(image)
    for path, value in meta.items():
        cube.set_meta(f"meta.{path.replace('__', '.')}", value)
    cube.meta.filename = name
    cube.save(folder / name)
    return str(folder / name)


@pytest.mark.req("IM2-01")
def test_order_of_the_steps():
    assert list(Image2Pipeline.step_defs) == ["bkg_subtract", "assign_wcs", "flat_field", "photom", "resample"]
    model = datamodels.ImageModel((4, 4))
    model.meta.telescope, model.meta.exposure.type = "JWST", "NRC_IMAGE"
    names = [step.name for step in Image2Pipeline().steps_for(model)]
    assert names == list(Image2Pipeline.step_defs)


@pytest.mark.req("IM2-02", "IM2-03", "IM2-10")
@pytest.mark.parametrize("exposure_type", DOCUMENTED)
def test_steps_of_every_exposure_type(exposure_type):
    assert observatory.exposure_fact(exposure_type, "stage2") == "image2"
    for shape in ((4, 4), (2, 4, 4)):
        model = (datamodels.ImageModel if len(shape) == 2 else datamodels.CubeModel)(np.zeros(shape, "f4"))
        model.meta.telescope, model.meta.exposure.type = "JWST", exposure_type
        for tso in (False, True):
            model.meta.visit.tsovisit = tso
            names = [step.name for step in Image2Pipeline().steps_for(model)]
            assert ("bkg_subtract" in names) is not tso
            assert ("resample" in names) is (exposure_type in RESAMPLED and not tso and len(shape) == 2)
            assert names[-4:-1] == ["assign_wcs", "flat_field", "photom"] or names[-3:] == [
                "assign_wcs",
                "flat_field",
                "photom",
            ]


@pytest.mark.req("IM2-05", "IM2-06")
def test_one_exposure(folder, simulated):
    result = Image2Pipeline.call(f"{ROOT.format(1)}_rate.fits", save_results=True)
    assert products(folder) == {"one_cal.fits", "one_i2d.fits"}
    assert type(result) is datamodels.ImageModel
    status = result.meta.cal_step
    assert (status.assign_wcs, status.flat_field, status.photom) == ("COMPLETE",) * 3
    assert status.bkg_subtract is None, "it was not attempted"
    exposure = next(simulated[1].exposures())
    good = (result.dq & pixel.DO_NOT_USE == 0) & (exposure.hits == 0)
    pull = ((result.data - exposure.brightness) / result.err)[good]
    assert abs(pull.mean()) < 0.1 and 0.9 < pull.std() < 1.1
    with datamodels.open(f"{ROOT.format(1)}_i2d.fits") as resampled:
        assert resampled.meta.bunit_data == "MJy/sr"
        # The sky has the same brightness in both.
        assert abs(np.nanmedian(resampled.data) / np.nanmedian(result.data) - 1) < 0.05


def test_nothing_is_written_that_nobody_asked_for(folder):
    Image2Pipeline.call(f"{ROOT.format(1)}_rate.fits")
    assert products(folder) == set()


@pytest.mark.req("IM2-04", "BSUB-06")
def test_an_association_brings_backgrounds(folder, simulated):
    assert (
        main(
            [
                "run",
                "calwebb_image2",
                f"asn_image2_{ROOT.format(2)}.json",
                "--output_dir=.",
                "--save_bsub=true",
                "--steps.bkg_subtract.clip_by=noise",
            ]
        )
        == 0
    )
    assert products(folder) == {"two_bsub.fits", "two_cal.fits", "two_i2d.fits"}
    result = datamodels.open(f"{ROOT.format(2)}_cal.fits")
    assert result.meta.cal_step.bkg_subtract == "COMPLETE"
    assert result.meta.asn.table_name == f"asn_image2_{ROOT.format(2)}.json"
    _, exposure, *blank = simulated[1].exposures()
    expected = exposure.brightness - np.mean([each.sky for each in blank])
    good = (result.dq & pixel.DO_NOT_USE == 0) & (exposure.hits == 0)
    error = (result.data - expected)[good]
    assert abs(np.median(error)) < 0.1 * np.median(result.err[good])
    assert main(["rerun", f"{ROOT.format(2)}_cal.fits", "--output_dir=again", "--steps.resample.skip=true"]) == 0
    again = datamodels.open(f"again/{ROOT.format(2)}_cal.fits")
    np.testing.assert_array_equal(again.data, result.data)


@pytest.mark.req("IM2-05")
def test_a_list_gives_a_list(folder):
    results = Image2Pipeline.call([f"{ROOT.format(number)}_rate.fits" for number in (1, 2)], save_results=True)
    assert [type(result) for result in results] == [datamodels.ImageModel] * 2
    assert products(folder) == {"one_cal.fits", "one_i2d.fits", "two_cal.fits", "two_i2d.fits"}


def association(folder, *products_of, name="x_asn.json"):
    content = {
        "asn_type": "image2",
        "asn_pool": "pool",
        "products": [
            {"name": product, "members": [{"expname": expname, "exptype": kind} for expname, kind in members]}
            for product, members in products_of
        ],
    }
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


def test_several_products(folder):
    first, second = (f"{ROOT.format(number)}_rate.fits" for number in (1, 2))
    path = association(folder, ("alpha", [(first, "science")]), ("beta", [(second, "science"), (first, "background")]))
    results = Image2Pipeline.call(path, save_results=True)
    assert products(folder) == {f"{name}_{suffix}.fits" for name in ("alpha", "beta") for suffix in ("cal", "i2d")}
    assert [result.meta.cal_step.bkg_subtract for result in results] == [None, "COMPLETE"]


@pytest.mark.req("IM2-07")
def test_a_product_by_itself(folder):
    member = {"expname": f"{ROOT.format(1)}_rate.fits", "exptype": "science"}
    background = {"expname": f"{ROOT.format(2)}_rate.fits", "exptype": "background"}
    pipeline = Image2Pipeline()
    result = pipeline.process_exposure_product(
        {"name": "alpha", "members": [member, background]}, "my_pool", "my_asn.json"
    )
    assert (result.meta.asn.pool_name, result.meta.asn.table_name) == ("my_pool", "my_asn.json")
    assert result.meta.cal_step.bkg_subtract == result.meta.cal_step.photom == "COMPLETE"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a_rate.fits", "science"), ("b_rate.fits", "science")], "one input of the role 'science', 2 are given"),
        ([("a_rate.fits", "background")], "needs an input of the role 'science'; found: background"),
        ([("none_rate.fits", "science")], "1 of 1 members are missing"),
    ],
)
def test_associations_that_cannot_be_calibrated(folder, members, message):
    for number, name in enumerate(("a", "b"), start=1):
        (folder / f"{name}_rate.fits").symlink_to(folder / f"{ROOT.format(number)}_rate.fits")
    with pytest.raises(InputError, match=message):
        Image2Pipeline.call(association(folder, ("alpha", members)))
    assert products(folder) == set()


@pytest.mark.req("IM2-04", "IM2-05", "IM2-06")
def test_integrations_one_by_one(folder):
    cube = rateints(folder)
    result = Image2Pipeline.call(cube, save_results=True)
    image = Image2Pipeline.call(f"{ROOT.format(1)}_rate.fits")
    assert type(result) is datamodels.CubeModel and result.shape == (3, 64, 64)
    for plane in result.data:
        assert np.allclose(plane, image.data, rtol=1e-6, equal_nan=True)
    background = rateints(folder, name="blank_rateints.fits")
    Image2Pipeline.call(
        association(folder, ("alpha", [(Path(cube).name, "science"), (Path(background).name, "background")])),
        save_results=True,
        save_bsub=True,
    )
    assert products(folder) == {
        "cube_rateints.fits",
        "blank_rateints.fits",
        "cube_calints.fits",
        "alpha_calints.fits",
        "alpha_bsubints.fits",
    }


@pytest.mark.req("SFX-10", "HDU-06")
def test_extensions_of_calibrated_integrations(folder, simulated):
    times = np.zeros(3, [("integration_number", "i4"), ("int_mid_MJD_UTC", "f8")])
    times["integration_number"], times["int_mid_MJD_UTC"] = [1, 2, 3], [60000.1, 60000.2, 60000.3]
    name = rateints(folder, exposure__type="NRC_TSIMAGE", visit__tsovisit=True)
    with datamodels.open(name) as cube:
        cube.int_times = times
        cube.save(name)
    area = datamodels.PixelAreaModel(np.full((64, 64), 1.1, "f4"))
    area.meta.photometry.pixelarea_steradians, area.meta.photometry.pixelarea_arcsecsq = 2e-14, 1e-3
    area.save(folder / "area.fits")
    result = Image2Pipeline.call(
        name, save_results=True, steps={"photom": {"override_area": str(folder / "area.fits")}}
    )
    assert type(result) is datamodels.CubeModel
    with fits.open(folder / "cube_calints.fits") as hdus:
        for extension in ("SCI", "ERR", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT", "DQ"):
            kind = "u4" if extension == "DQ" else "f4"
            assert hdus[extension].data.shape == (3, 64, 64), extension
            assert hdus[extension].data.dtype.newbyteorder("=") == kind, extension
        assert hdus["AREA"].data.shape == (64, 64) and hdus["AREA"].data.dtype.newbyteorder("=") == "f4"
        assert list(hdus["INT_TIMES"].data["int_mid_MJD_UTC"]) == list(times["int_mid_MJD_UTC"])
        assert hdus["SCI"].header["BUNIT"] == "MJy/sr"


@pytest.mark.req("IM2-02")
def test_a_time_series_keeps_its_background(folder):
    cube = rateints(folder, exposure__type="NRC_TSIMAGE", visit__tsovisit=True)
    path = association(folder, ("alpha", [(Path(cube).name, "science"), (f"{ROOT.format(2)}_rate.fits", "background")]))
    result = Image2Pipeline.call(path, save_results=True, steps={"photom": {"skip": False}})
    assert result.meta.cal_step.bkg_subtract is None
    assert products(folder) == {"cube_rateints.fits", "alpha_calints.fits"}


@pytest.mark.parametrize("exposure_type", ["NRC_WFSS", "NIS_SOSS", "MIR_MRS"])
def test_spectra_are_sent_on(folder, exposure_type):
    with datamodels.open(f"{ROOT.format(1)}_rate.fits") as model:
        model.meta.exposure.type = exposure_type
        with pytest.raises(
            InputError, match=f"{exposure_type} exposures go through calwebb_spec2, not through calwebb_image2"
        ):
            Image2Pipeline.call(model)


def test_a_ramp_is_refused(folder):
    datamodels.RampModel(np.zeros((1, 2, 4, 4), "f4")).save("x_ramp.fits")
    with pytest.raises(InputError, match="works on an ImageModel or a CubeModel, the input is a RampModel"):
        Image2Pipeline.call("x_ramp.fits")


@pytest.mark.req("IM2-09")
def test_wavefront_sensing_leaves_resampling_out(folder):
    result = Image2Pipeline.call(f"{ROOT.format(1)}_rate.fits", save_results=True, steps={"resample": {"skip": True}})
    assert products(folder) == {"one_cal.fits"} and result.meta.cal_step.photom == "COMPLETE"


def test_without_coordinates_there_is_no_resampled_image(folder, caplog):
    Image2Pipeline.call(f"{ROOT.format(1)}_rate.fits", save_results=True, steps={"assign_wcs": {"skip": True}})
    assert products(folder) == {"one_cal.fits"}
    assert "the exposure has no coordinates" in caplog.text


def test_a_missing_reference_is_told_and_the_rest_is_done(folder, caplog):
    result = Image2Pipeline.call(f"{ROOT.format(1)}_rate.fits", steps={"flat_field": {"override_flat": "N/A"}})
    assert result.meta.cal_step.flat_field == "SKIPPED" and result.meta.cal_step.photom == "COMPLETE"


@pytest.mark.parametrize("fill", ["nan", "flagged"])
def test_an_image_without_good_pixels(folder, fill):
    with datamodels.open(f"{ROOT.format(1)}_rate.fits") as model:
        if fill == "nan":
            model.data[:] = np.nan
        else:
            model.dq[:] |= pixel.DO_NOT_USE
        result = Image2Pipeline.call(model, output_dir=str(folder))
    assert np.isnan(result.data).all() and (result.dq & pixel.DO_NOT_USE).all()
    assert "one_i2d.fits" in products(folder)


def test_parameter_references_are_those_of_the_original():
    assert Image2Pipeline.get_config_reftype() == "pars-image2pipeline"
