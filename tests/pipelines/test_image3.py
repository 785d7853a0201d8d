"""calwebb_image3: which steps, which products, a sky that is known, bad input."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.pipeline import Image2Pipeline, Image3Pipeline
from hexcal.simulate.imaging import Imaging
from hexcal.simulate.imaging_setups import setup_of

ROOT = "jw00042001001_02101_0000{}_nrca1"
PRODUCT = "jw00042-o001_t001_nircam_f200w"
N = 3


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """Three calibrated exposures of 320 x 320 pixels, with wrong pointings."""
    folder = tmp_path_factory.mktemp("image3")
    setup = setup_of("NIRCAM", density=0.6)
    Imaging(setup, setup.camera(320), n_exposures=N, seed=3).save(folder)
    options = {"references": str(folder / "references"), "output_dir": str(folder)}
    for path in sorted(folder.glob("*_rate.fits")):
        Image2Pipeline.call(str(path), **options, steps={"resample": {"skip": True}})
    return folder


@pytest.fixture
def folder(calibrated, tmp_path, monkeypatch):
    """A folder for products; the references are those of the simulation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEXCAL_REFERENCES", str(calibrated / "references"))
    for path in (*calibrated.glob("*_cal.fits"), *calibrated.glob("*.json"), calibrated / "refcat.ecsv"):
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def products(folder):
    return {path.name for path in folder.iterdir() if not path.is_symlink()}


def change(folder, number, action):
    """Put a changed exposure in the place of one."""
    path = folder / f"{ROOT.format(number)}_cal.fits"
    image = datamodels.open(path.resolve())
    action(image)
    path.unlink()
    image.save(path)


def run(folder, *words):
    return main(["run", "calwebb_image3", "asn_image3.json", "--output_dir=.", "--profile=recommended", *words])


@pytest.mark.req("IMG3-01", "IMG3-05", "IMG3-06", "IMG3-08", "REG-59")
def test_exposures_become_a_mosaic_and_a_catalogue(folder, calibrated):
    assert run(folder, "--steps.tweakreg.abs_refcat=refcat.ecsv") == 0
    flagged = {f"{ROOT.format(number)}_o001_crf.fits" for number in range(1, N + 1)}
    assert products(folder) == {f"{PRODUCT}_i2d.fits", f"{PRODUCT}_cat.ecsv", f"{PRODUCT}_segm.fits", *flagged}
    mosaic = datamodels.open(f"{PRODUCT}_i2d.fits")
    status = mosaic.meta.cal_step
    assert {status.tweakreg, status.skymatch, status.outlier_detection, status.resample} == {"COMPLETE"}
    for name in flagged:
        exposure = datamodels.open(name)
        assert (exposure.dq & pixel.OUTLIER).any() and exposure.meta.cal_step.outlier_detection == "COMPLETE"
        assert "v2v3corr" in exposure.meta.wcs.available_frames
    catalogue = QTable.read(f"{PRODUCT}_cat.ecsv")
    true = QTable.read(calibrated / "truth" / "sources.ecsv")
    from astropy.coordinates import SkyCoord

    sky = SkyCoord(true["ra"], true["dec"], unit="deg")
    index, distance, _ = catalogue["sky_centroid"].match_to_catalog_sky(sky)
    stars = (distance.mas < 50) & (true["type"][index] == "star")
    stars &= np.asarray(true["flux_jy"][index]) > 200 * catalogue["isophotal_flux_err"].value
    assert np.count_nonzero(stars) >= 5
    north = (catalogue["sky_centroid"].dec.deg - true["dec"][index])[stars] * 3.6e6
    assert abs(np.median(north)) < 1.0
    ratio = catalogue["aper_total_flux"].value[stars] / true["flux_jy"][index][stars]
    assert abs(np.median(ratio) - 1) < 0.03
    assert datamodels.open(f"{PRODUCT}_segm.fits").data.max() == catalogue["label"].max()


def extensions(path):
    """Type and shape of each image of a product, in order."""
    with fits.open(path) as hdus:
        return {hdu.name: (hdu.data.dtype.name, hdu.data.shape) for hdu in hdus[1:] if hdu.is_image}


@pytest.mark.req("SFX-11", "SFX-12", "SFX-18", "SFX-19", "HDU-08", "HDU-17", "HDU-18")
def test_products_are_laid_out_as_documented(folder):
    assert run(folder, "--steps.tweakreg.skip=true", "--steps.skymatch.skip=true") == 0
    planes = extensions(f"{PRODUCT}_i2d.fits")
    shape = planes["SCI"][1]
    images = ("SCI", "ERR", "WHT", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")
    assert {name: planes[name] for name in images} == dict.fromkeys(images, ("float32", shape))
    assert next(iter(planes)) == "SCI" and "DQ" not in planes
    assert planes["CON"] == ("int32", (1, *shape))
    with fits.open(f"{PRODUCT}_i2d.fits") as hdus:
        assert len(hdus["HDRTAB"].data) == N
    labels = fits.getdata(f"{PRODUCT}_segm.fits", 1)
    catalogue = QTable.read(f"{PRODUCT}_cat.ecsv")
    assert labels.shape == shape and set(np.unique(labels)) == {0, *catalogue["label"]}
    for number in range(1, N + 1):
        before, after = f"{ROOT.format(number)}_cal.fits", f"{ROOT.format(number)}_o001_crf.fits"
        assert extensions(before) == extensions(after)
        for name in extensions(before):
            equal = np.array_equal(fits.getdata(before, name), fits.getdata(after, name), equal_nan=name != "DQ")
            assert equal or name == "DQ", name


@pytest.mark.req("IMG3-02", "IMG3-03")
def test_the_steps_and_their_order():
    pipeline = Image3Pipeline()
    order = ["assign_mtwcs", "tweakreg", "skymatch", "outlier_detection", "resample", "source_catalog"]
    assert list(pipeline.steps) == order
    image = datamodels.ImageModel((4, 4))
    image.meta.telescope, image.meta.exposure.type = "JWST", "NRC_IMAGE"
    assert [step.name for step in pipeline.steps_for(image)] == order[1:]
    image.meta.target.type = "MOVING"
    assert [step.name for step in pipeline.steps_for(image)] == order


@pytest.mark.req("IMG3-04", "IMG3-07")
def test_one_exposure_is_resampled_and_its_sources_are_found(folder):
    assert main(["run", "calwebb_image3", f"{ROOT.format(1)}_cal.fits", "--output_dir=."]) == 0
    assert products(folder) == {f"{ROOT.format(1)}_{suffix}" for suffix in ("i2d.fits", "cat.ecsv", "segm.fits")}
    mosaic = datamodels.open(f"{ROOT.format(1)}_i2d.fits")
    assert mosaic.meta.cal_step.tweakreg is None and mosaic.meta.cal_step.resample == "COMPLETE"


@pytest.mark.req("IMG3-07")
def test_a_list_in_memory(folder):
    images = [datamodels.open(f"{ROOT.format(number)}_cal.fits") for number in range(1, N + 1)]
    before = [image.dq.copy() for image in images]
    mosaic = Image3Pipeline.call(images, steps={"source_catalog": {"skip": True}})
    assert mosaic.meta.cal_step.resample == "COMPLETE" and not products(folder)
    assert all(np.array_equal(image.dq, flags) for image, flags in zip(images, before, strict=True))


def test_without_resample_the_exposures_are_the_products(folder):
    assert run(folder, "--steps.resample.skip=true") == 0
    assert products(folder) == {f"{ROOT.format(number)}_o001_crf.fits" for number in range(1, N + 1)}


def test_without_stars_there_is_a_mosaic_all_the_same(folder, caplog):
    rng = np.random.default_rng(1)
    for number in (1, 2):
        change(folder, number, lambda image: setattr(image, "data", rng.normal(1, 0.01, image.shape).astype("f4")))
    association = json.loads((folder / "asn_image3.json").read_text())
    association["products"][0]["members"] = association["products"][0]["members"][:2]
    (folder / "two.json").write_text(json.dumps(association))
    assert main(["run", "calwebb_image3", "two.json", "--output_dir=out"]) == 0
    mosaic = datamodels.open(folder / "out" / f"{PRODUCT}_i2d.fits")
    assert mosaic.meta.cal_step.tweakreg == "SKIPPED" and mosaic.meta.cal_step.skymatch == "COMPLETE"
    assert not (folder / "out" / f"{PRODUCT}_cat.ecsv").exists()


@pytest.mark.parametrize("case", ["missing", "empty", "no models", "spectra", "time series", "no wcs"])
def test_bad_input_is_refused_before_the_work(folder, case, capsys):
    association = json.loads((folder / "asn_image3.json").read_text())
    members = association["products"][0]["members"]
    if case == "missing":
        (folder / f"{ROOT.format(2)}_cal.fits").unlink()
    elif case == "empty":
        members.clear()
    elif case == "no models":
        association["products"][0]["members"] = [{"expname": "refcat.ecsv", "exptype": "science"}]
    else:
        changes = {"spectra": ("meta.exposure.type", "NRC_WFSS"), "time series": ("meta.visit.tsovisit", True)}
        if case == "no wcs":
            change(folder, 1, lambda image: setattr(image.meta, "wcs", None))
        else:
            change(folder, 1, lambda image: image.set_meta(*changes[case]))
    (folder / "bad.json").write_text(json.dumps(association))
    assert main(["run", "calwebb_image3", "bad.json", "--output_dir=out"]) == 1
    text = capsys.readouterr().err
    expected = {
        "missing": "00002_nrca1_cal.fits",
        "empty": "at least one member",
        "no models": "refcat.ecsv",
        "spectra": "calwebb_spec3",
        "time series": "calwebb_tso3",
        "no wcs": "WCS",
    }
    assert expected[case] in text and "fault in the program" not in text
    assert not (folder / "out").exists() or not list((folder / "out").iterdir())


def test_an_exposure_that_points_away_is_named_and_nothing_is_written(folder, capsys, calibrated):
    rate = datamodels.open(calibrated / f"{ROOT.format(3)}_rate.fits")
    rate.meta.wcsinfo.ra_ref += 5.0
    (folder / f"{ROOT.format(3)}_cal.fits").unlink()
    away = Image2Pipeline.call(rate, steps={"resample": {"skip": True}})
    away.save(folder / f"{ROOT.format(3)}_cal.fits")
    before = products(folder)
    assert run(folder) == 1
    text = capsys.readouterr().err
    assert ROOT.format(3) in text and "fault in the program" not in text
    assert not [name for name in products(folder) - before if name.startswith(PRODUCT)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps.resample.pixel_scale=1e-6"], "ask for fewer pixels"),
        (["--steps.resample.crval=233.0,27.0"], "degrees from crval"),
        (["--steps.resample.output_wcs=none.asdf"], "none.asdf"),
        (["--steps.outlier_detection.allowed_memory=1e-9"], "allowed"),
    ],
)
def test_a_mosaic_that_cannot_be_made_is_refused_before_the_work(folder, capsys, words, message):
    before = products(folder)
    assert run(folder, *words) == 1
    said = capsys.readouterr()
    assert message in said.err and "tweakreg running" not in said.err + said.out
    assert products(folder) == before


def test_exposures_through_different_filters_are_told(folder, caplog):
    change(folder, 2, lambda image: setattr(image.meta.instrument, "filter", "F115W"))
    words = [f"--steps.{name}.skip=true" for name in ("tweakreg", "skymatch", "outlier_detection", "source_catalog")]
    assert run(folder, *words) == 0
    assert "The exposures differ in their filter (F115W, F200W), and are combined all the same" in caplog.text


def test_a_mosaic_of_several_filters_has_no_catalogue(folder, caplog):
    change(folder, 2, lambda image: setattr(image.meta.instrument, "filter", "F115W"))
    before = products(folder)
    words = [f"--steps.{name}.skip=true" for name in ("tweakreg", "skymatch", "outlier_detection")]
    assert run(folder, *words) == 0
    assert "Step source_catalog skipped: the mosaic is of several filters" in caplog.text
    assert products(folder) == {*before, f"{PRODUCT}_i2d.fits"}


def test_exposures_in_different_units_are_refused_before_any_work(folder, capsys):
    change(folder, 2, lambda image: setattr(image.meta, "bunit_data", "DN/s"))
    before = products(folder)
    assert run(folder) != 0
    assert "exposures in different units cannot be combined" in capsys.readouterr().err
    assert products(folder) == before


def test_an_empty_list_is_refused():
    with pytest.raises(InputError):
        Image3Pipeline.call([])
