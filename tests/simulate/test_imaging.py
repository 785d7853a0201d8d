"""Dithered images of one sky."""

import json

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.pipeline import Detector1Pipeline
from hexcal.simulate.camera import SQUARE_ARCSEC
from hexcal.simulate.imaging import Imaging, looking_at, tracks
from hexcal.simulate.imaging_setups import SETUPS, density_for, setup_of
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.sky import SOURCE_COLUMNS, Optics, random_sky, render
from hexcal.step import AssignWcsStep, FlatFieldStep, PhotomStep


def series(instrument="NIRCAM", size=96, **settings):
    setup = setup_of(instrument)
    return Imaging(setup, setup.camera(size), **{"n_exposures": 2, "seed": 3, **settings})


def test_a_source_keeps_its_flux():
    setup = SETUPS["NIRCAM"]
    camera = setup.camera(300)
    area, pointing = camera.pixel_area(), series(size=300).exposures
    claimed = next(pointing()).claimed
    ra, dec = claimed.pixel_to_sky(camera, np.array([150.3]), np.array([149.8]))
    for kind, tolerance in (("star", 1e-6), ("galaxy", 0.03)):
        source = np.zeros(1, list(SOURCE_COLUMNS))
        source["type"], source["ra"], source["dec"], source["flux_jy"] = kind, ra, dec, 1e-6
        source["sersic_n"], source["re_arcsec"], source["axis_ratio"], source["pa_deg"] = 1, 0.1, 0.6, 30
        image = render(source, camera, claimed, setup.optics, area)
        assert np.isclose((image * 1e6 * area).sum(), 1e-6, rtol=tolerance), kind
        y, x = np.mgrid[:300, :300]
        center = [(grid * image).sum() / image.sum() for grid in (x, y)]
        assert np.allclose(center, (150.3, 149.8), atol=0.02), kind


def test_encircled_energy():
    optics = Optics(((0.7, 1.0), (0.3, 3.0)))
    assert np.isclose(optics.encircled(1e3), 1) and optics.encircled(0) == 0
    assert optics.encircled(2.0, boxes=4) < optics.encircled(2.0)


def test_sources_lie_apart_where_there_is_room():
    sources = random_sky(10, 0, 60, 0.1, np.random.default_rng(1), density=0.002, fluxes=(1, 100))
    east, north = (sources["ra"] - 10) * 3600, sources["dec"] * 3600
    distance = np.hypot(east[:, None] - east, north[:, None] - north)[np.triu_indices(len(sources), 1)]
    assert distance.min() > 1.4
    assert (sources["type"] == "galaxy").sum() == (sources["type"] == "star").sum() // 8
    assert len(random_sky(10, 0, 1, 0.1, np.random.default_rng(1), density=0.002, fluxes=(1, 100))) == 28


@pytest.mark.parametrize(
    ("instrument", "size", "n_stars"), [("NIRCAM", 512, 80), ("NIRISS", 512, 80), ("FGS", 512, 80), ("NIRCAM", 256, 21)]
)
def test_small_windows_have_stars_enough_to_be_aligned(instrument, size, n_stars):
    setup = setup_of(instrument)
    camera = setup.camera(size)
    area = camera.nx * camera.ny * camera.scale**2
    assert density_for(setup, camera) > setup.density
    assert density_for(setup, camera) * area == pytest.approx(n_stars, abs=1)
    assert density_for(setup_of("MIRI"), setup_of("MIRI").camera(512)) == setup_of("MIRI").density


def test_the_same_seed_gives_the_same_images():
    first, again, other = (list(series(seed=seed).exposures()) for seed in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.model.data, two.model.data, equal_nan=True) and one.true == two.true
    assert not np.array_equal(first[0].model.data, other[0].model.data, equal_nan=True)


def test_pointing_errors_are_not_in_the_header():
    first, second = series(pointing_error=0.1).exposures()
    assert first.claimed == first.true
    assert second.claimed != second.true
    info = second.model.meta.wcsinfo
    assert (info.ra_ref, info.dec_ref, info.roll_ref) == (second.claimed.ra, second.claimed.dec, second.claimed.roll)
    shift = np.hypot(
        (second.true.ra - second.claimed.ra) * np.cos(np.radians(second.true.dec)), second.true.dec - second.claimed.dec
    )
    assert 0.01 < shift * 3600 < 0.5


@pytest.mark.parametrize("instrument", SETUPS)
def test_calibrated_images_are_what_the_sky_is(instrument):
    """Through assign_wcs, flat_field and photom with the references of the simulation."""
    simulated = series(instrument, size=160, n_exposures=1)
    (exposure,) = simulated.exposures()
    references = simulated.references()
    given = {f"override_{kind}": references[kind] for kind in ("distortion", "filteroffset")}
    located = AssignWcsStep.call(exposure.model, **given)
    x, y = np.random.default_rng(1).uniform(0, 159, (2, 30))
    ra, dec = located.meta.wcs(x, y)
    expected = exposure.claimed.pixel_to_sky(simulated.camera, x, y)
    assert np.abs(np.array([ra, dec]) - expected).max() * 3600 < 1e-7
    back = located.meta.wcs.backward_transform(*expected)
    assert np.abs(np.array(back) - [x, y]).max() < 5e-4
    flat = FlatFieldStep.call(located, override_flat=references["flat"])
    result = PhotomStep.call(flat, override_photom=references["photom"], override_area=references["area"])
    good = (result.dq & pixel.DO_NOT_USE == 0) & (exposure.hits == 0)
    pull = ((result.data - exposure.brightness) / result.err)[good]
    assert abs(pull.mean()) < 0.05 and 0.95 < pull.std() < 1.05
    nominal = result.meta.photometry.pixelarea_steradians
    assert np.isclose(nominal, simulated.camera.scale**2 * SQUARE_ARCSEC, rtol=0.01)
    assert np.allclose(result.area * nominal, simulated.camera.pixel_area(), rtol=1e-6)


def test_a_window_at_the_edge_sees_the_field():
    setup = setup_of("NIRCAM")
    camera = setup.window(1409, 1409, 640, 640)
    pointing = looking_at(camera, 53.16, -27.79, 41)
    assert np.allclose(pointing.pixel_to_sky(camera, 319.5, 319.5), (53.16, -27.79), atol=1e-10)
    (exposure,) = Imaging(setup, camera, n_exposures=1, seed=3).exposures()
    assert exposure.brightness.max() > 10 * np.median(exposure.brightness)


def test_leftover_cosmic_rays_are_not_flagged():
    simulated = series(n_exposures=1, size=200, cosmic_ray_density=2e-3)
    (exposure,) = simulated.exposures()
    hit = exposure.hits > 0
    assert hit.sum() > 50
    assert (exposure.model.dq[hit & ~exposure.bad] == 0).all()
    assert not tracks((50, 50), np.random.default_rng(0), 1, 0).any()


def test_blank_sky_lies_beside_the_field():
    blank = list(series(n_backgrounds=2).exposures())[2:]
    assert all(exposure.is_blank and exposure.model.meta.observation.bkgdtarg for exposure in blank)
    assert np.ptp(blank[0].brightness) == 0


@pytest.mark.parametrize("raw", [False, True])
def test_a_folder_holds_all_that_is_needed(raw, tmp_path):
    words = ["simulate", "imaging", "--exposures=2", "--backgrounds=1", f"--output={tmp_path}"]
    words += ["--raw", "--subarray=SUB64P", "--instrument=NIRCAM", "--detector=NRCB1"] if raw else ["--size=64"]
    assert main(words) == 0
    detector, suffix = ("nrcb1", "uncal") if raw else ("nrca1", "rate")
    root = f"jw00042001001_02101_00002_{detector}"
    association = json.loads((tmp_path / f"asn_image2_{root}.json").read_text())
    assert association["products"] == [
        {
            "name": root,
            "members": [
                {"expname": f"{root}_rate.fits", "exptype": "science"},
                {"expname": f"jw00042002001_02101_00001_{detector}_rate.fits", "exptype": "background"},
            ],
        }
    ]
    members = json.loads((tmp_path / "asn_image3.json").read_text())["products"][0]["members"]
    assert [member["expname"] for member in members][1] == f"{root}_cal.fits"
    kinds = {path.stem for path in (tmp_path / "references").iterdir()}
    assert kinds >= {"distortion", "filteroffset", "flat", "photom", "area", "apcorr", "abvegaoffset"}
    assert ({"superbias", "dark", "linearity"} <= kinds) == raw
    with datamodels.open(tmp_path / f"{root}_{suffix}.fits") as model:
        assert model.shape == ((1, 10, 64, 64) if raw else (64, 64))
        assert model.meta.wcsinfo.ra_ref is not None and model.meta.dither.position_number == 2
    with fits.open(tmp_path / "truth" / f"{root}_truth.fits") as truth:
        assert [hdu.name for hdu in truth[1:]] == ["CRS", "BAD", "SB"]
        assert abs(truth[0].header["DRA"]) > 0
    catalogue = datamodels.open(tmp_path / "refcat.ecsv")
    assert catalogue is not None
    with pytest.raises(InputError, match="exist already"):
        series(size=64).save(tmp_path) if not raw else main_or_raise(words)


def main_or_raise(words):
    from hexcal.cli import simulate

    return simulate.main(words[1:])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--raw", "--size=64"], "--size is for rates"),
        (["--groups=5"], "--groups is for raw ramps"),
        (["--instrument=NIRSPEC"], "unknown instrument 'NIRSPEC'"),
        (["--filter=F199W"], "unknown filter 'F199W'"),
        (["--instrument=FGS", "--filter=F200W"], "the guiders have no filters"),
        (["--detector=NIS"], "NIS is not a detector of NIRCAM"),
    ],
)
def test_options_that_do_not_fit(words, message, tmp_path):
    with pytest.raises(ParameterError, match=message):
        main_or_raise(["simulate", "imaging", f"--output={tmp_path}", *words])


def test_numbers_out_of_bounds():
    with pytest.raises(ParameterError, match="n_exposures must be at least 1"):
        series(n_exposures=0)


@pytest.mark.parametrize(
    ("instrument", "subarray", "readpatt"), [("NIRISS", "SUB64", "NISRAPID"), ("FGS", "SUB128CNTR", "FGSRAPID")]
)
def test_raw_ramps_of_all_imaging_instruments(instrument, subarray, readpatt, tmp_path):
    """Through calwebb_detector1: the rates are what the truth says."""
    mode = exposure_mode(instrument, subarray_name=subarray)
    assert (mode.readpatt, mode.exposure_type) == (readpatt, {"NIRISS": "NIS_IMAGE", "FGS": "FGS_IMAGE"}[instrument])
    setup = setup_of(instrument)
    camera = setup.window(mode.xstart, mode.ystart, mode.xsize, mode.ysize)
    written = Imaging(setup, camera, n_exposures=1, seed=3, mode=mode).save(tmp_path)
    rate = Detector1Pipeline.call(written["exposures"][0], references=written["references"])
    assert (rate.meta.instrument.filter, rate.meta.instrument.pupil) == (setup.filter, setup.pupil)
    brightness = fits.getdata(next((tmp_path / "truth").glob("*_truth.fits")), "SB")
    flat = datamodels.open(tmp_path / "references" / "flat.fits")
    good = (rate.dq & pixel.DO_NOT_USE == 0) & (flat.dq == 0)
    pull = ((rate.data - brightness * flat.data / setup.photmjsr) / rate.err)[good]
    assert abs(np.median(pull)) < 0.1 and 0.85 < 1.4826 * np.median(np.abs(pull)) < 1.15
