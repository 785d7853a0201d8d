"""Simulated spectra: light falls where the reference files say, files are complete, the same seed gives the same."""

import json

import numpy as np
import pytest
from astropy.table import Table
from spectra import made

from hexcal import datamodels
from hexcal.cli import main as cli
from hexcal.errors import InputError, ParameterError
from hexcal.simulate.spectra import lrs_optics, nirspec_optics
from hexcal.simulate.spectra.light import Light, doppler, encircled, share
from hexcal.simulate.spectra.modes import MODES, series_of
from hexcal.simulate.spectra.nirspec_slits import y_angle
from hexcal.simulate.spectra.nirspec_transforms import optical_references
from hexcal.simulate.spectra.pointing import Attitude

ARCSEC = 1 / 3600


@pytest.fixture(scope="module")
def slits(tmp_path_factory):
    return made(tmp_path_factory.mktemp("fs"), "nirspec-fs", noise=0.0)


@pytest.fixture(scope="module")
def nods(tmp_path_factory):
    return made(tmp_path_factory.mktemp("lrs"), "miri-lrs", noise=0.0)


def test_light_has_a_continuum_and_lines():
    light = Light(2.0, -1.0, 4.0, ((5.0, 0.1, 3.0),))
    assert light(4.0) == pytest.approx(2.0, abs=1e-9)
    assert light(2.0) == pytest.approx(4.0)
    grid = np.linspace(4, 6, 20001)
    line = light(grid) - Light(2.0, -1.0, 4.0)(grid)
    assert line.sum() * 1e-4 == pytest.approx(2.0 * 3.0 * 0.1 * np.sqrt(2 * np.pi), rel=1e-6)


def test_shares_of_a_gaussian_star():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 0.7, (2, 400000))
    assert share(-0.3, 0.9, 0.7) == pytest.approx(np.mean((x > -0.3) & (x < 0.9)), abs=3e-3)
    assert encircled(0.8, 0.7) == pytest.approx(np.mean(np.hypot(x, y) < 0.8), abs=3e-3)


def test_a_telescope_that_approaches_sees_shorter_waves():
    # Moving towards the target (negative) it sees light bluer than it is; at the barycentre it is longer.
    assert doppler(-30000.0) == pytest.approx(1 + 30000 / 299792458, rel=1e-7)


def test_an_attitude_there_and_back():
    attitude = Attitude(332.0, -479.0, 53.0, -27.8, 30.0, 138.8, 1.0001)
    v2, v3 = attitude.to_telescope(*attitude.to_sky(np.array([300.0, 380.0]), np.array([-470.0, -500.0])))
    np.testing.assert_allclose([v2, v3], [[300.0, 380.0], [-470.0, -500.0]], atol=1e-8)
    aimed = attitude.aimed(330.0, -481.0, 53.15, -27.8)
    np.testing.assert_allclose(aimed.to_sky(330.0, -481.0), (53.15, -27.8), atol=1e-10)
    # North of the reference point is at the position angle of V3 with the other sign.
    here, up = attitude.to_sky(332.0, -479.0), attitude.to_sky(332.0, -478.0)
    angle = np.degrees(np.arctan2((up[0] - here[0]) * np.cos(np.radians(-27.8)), up[1] - here[1]))
    assert angle == pytest.approx(30.0, abs=1e-3)


# ---- NIRSpec


@pytest.mark.parametrize("name", list(nirspec_optics.SLITS))
def test_wavelength_and_place_of_each_pixel_are_where_light_falls(name):
    opening = nirspec_optics.SLITS[name]
    left, right, bottom, top = opening.box()
    rows, columns = np.mgrid[bottom : top + 1, left : right + 1].astype(float)
    for across in (0.0, 0.3):
        wavelength, along = opening.planes(columns, rows, across)
        seen = (wavelength > 0.5) & (wavelength < 5.6)
        x, y = opening.to_pixel(across, along, wavelength)
        assert np.abs(x - columns)[seen].max() < 1e-8 and np.abs(y - rows)[seen].max() < 1e-8
        assert np.all(np.diff(wavelength, axis=1)[seen[:, 1:]] > 0)


def test_the_references_of_nirspec_are_its_optics():
    references = optical_references()
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0.02, 0.04, 50), rng.uniform(-0.004, 0.004, 50)
    camera, collimator, fpa = references["camera"].model, references["collimator"].model, references["fpa"].nrs1_model
    u, v = collimator.inverse(x, y)
    np.testing.assert_allclose(collimator(u, v), (x, y), atol=1e-15)
    # Without a prism light would go straight through the wheel into the camera.
    columns, rows = rng.uniform(0, 2048, (2, 50))
    metres = fpa(columns, rows)
    np.testing.assert_allclose(camera.inverse(*camera(*metres)), metres, atol=1e-16)
    wave = rng.uniform(0.6, 5.3, 50)
    to_wheel, from_wheel = nirspec_optics._to_wheel, nirspec_optics._from_wheel
    tangents = from_wheel(*nirspec_optics.through_prism(*to_wheel(u, v), wave))
    pixels = fpa.inverse(*camera.inverse(*tangents))
    np.testing.assert_allclose(pixels, nirspec_optics.shutters_to_pixel(x, y, wave), atol=1e-8)
    sky = references["ote"].model(*references["fore"].model(x, y, 2e-6))
    np.testing.assert_allclose(sky, nirspec_optics.shutters_to_telescope(x, y), atol=1e-9)
    back = references["fore"].model.inverse(*references["ote"].model.inverse(*sky), 2e-6)
    np.testing.assert_allclose(back, (x, y), atol=1e-15)
    np.testing.assert_allclose(nirspec_optics.telescope_to_shutters(*sky), (x, y), atol=1e-15)


def test_the_prism_of_the_references_is_that_of_the_optics():
    from stdatamodels.jwst.transforms.models import Rotation3DToGWA, Snell, Unitless2DirCos

    disperser = optical_references()["disperser"]
    model = Snell(
        disperser.angle, disperser.kcoef, disperser.lcoef, disperser.tcoef, disperser.tref, disperser.pref, 37.0, 0.0
    )
    u, v, wave = np.array([0.01, 0.04]), np.array([-0.29, -0.30]), np.array([0.7, 4.0])
    turn = Rotation3DToGWA(list(nirspec_optics.wheel_angles()), "xyzy")
    x, y, z = turn(*Unitless2DirCos()(u, v))
    np.testing.assert_allclose((x, y), nirspec_optics._to_wheel(u, v), atol=1e-14)
    seen = model(wave * 1e-6, x, y, z)[:2]
    np.testing.assert_allclose(seen, nirspec_optics.through_prism(x, y, wave), atol=1e-13)


def test_the_ideal_frame_runs_against_the_slit():
    opening = nirspec_optics.SLITS["S200A1"]
    assert y_angle(opening) == pytest.approx(138.84, abs=0.3)
    attitude = Attitude(*opening.to_telescope(), 53.0, -27.8, 30.0, y_angle(opening))
    x, y = attitude.ideal(*opening.to_telescope(0.0, 0.25))
    assert y == pytest.approx(-0.25 * opening.arcsec, rel=1e-6) and x == pytest.approx(0, abs=2e-3)


def test_the_star_of_a_nod_is_at_its_place_and_keeps_its_light(slits):
    series, opening = slits.series, slits.series.opening
    for path, nod in zip(slits.exposures, (0.0, 0.9, -0.9), strict=True):
        model = datamodels.open(path)
        attitude = Attitude(
            model.meta.wcsinfo.v2_ref, model.meta.wcsinfo.v3_ref, model.meta.wcsinfo.ra_ref, model.meta.wcsinfo.dec_ref,
            model.meta.wcsinfo.roll_ref, aberration=model.meta.velocity_aberration.scale_factor,
        )  # fmt: skip
        across, along = opening.from_telescope(*attitude.to_telescope(model.meta.target.ra, model.meta.target.dec))
        assert across == pytest.approx(0.1, abs=1e-6)
        assert along * opening.arcsec == pytest.approx(nod, abs=1e-6)
    star = series.image(0.0)
    flux = series.flux()
    column = 1300
    wavelength = opening.planes(np.array([float(column)]), np.array([1072.0]), 0.1)[0][0] * doppler(-14966.55)
    total = 0.0
    for row in np.flatnonzero(star[:, column]):
        wave = opening.planes(np.array([float(column)]), np.array([row + 896.0]), 0.1)[0][0] * doppler(-14966.55)
        total += star[row, column] / flux.flat(column, row, wave) / flux.of_point(wave, 0.1, 0.0) * 1e6
    assert total == pytest.approx(series.light(wavelength), rel=2e-3)


def test_pixels_outside_of_all_slits_are_dark(slits):
    model = datamodels.open(slits.exposures[0])
    assert np.nanmax(np.abs(model.data[:40])) == 0
    assert np.count_nonzero(np.isnan(model.data)) == np.count_nonzero(model.dq)


# ---- MIRI LRS


def test_wavelengths_of_the_prism_of_miri():
    rows = np.arange(lrs_optics.ROWS[0], lrs_optics.ROWS[1] + 1)
    wavelength = lrs_optics.wavelength_of(rows)
    assert wavelength[0] == pytest.approx(14.0, abs=0.01) and 4 < wavelength[-1] < 4.5
    assert np.all(np.diff(wavelength) < 0)


def test_the_table_of_wavelengths_is_that_of_the_optics(nods):
    table = datamodels.MiriLRSSpecwcsModel(str(nods.references / "specwcs.fits"))
    rows = np.asarray(table.wavetable["y_center"])
    np.testing.assert_allclose(table.wavetable["wavelength"], lrs_optics.wavelength_of(rows))
    np.testing.assert_allclose(table.wavetable["x_center"], lrs_optics.trace(rows))
    assert (table.meta.x_ref, table.meta.y_ref) == (326.13, 300.7)
    corners = [[table.get_meta(f"meta.{axis}_vert{number}") for axis in ("v2", "v3")] for number in (1, 2, 3, 4)]
    length = np.hypot(*np.subtract(corners[1], corners[0]))
    width = np.hypot(*np.subtract(corners[2], corners[1]))
    assert (length, width) == pytest.approx((4.7, 0.51), rel=0.03)


def test_the_light_of_a_star_is_what_passes_the_slit(nods):
    series = nods.series
    star, sky = series.sources()
    light = series.light_of(star, 8.6)
    row = 250
    seen = series.optics.planes()[0][row, 330] * doppler(11500.0)
    total = light[row].sum() * lrs_optics.PIXEL**2 * (np.pi / 180 / 3600) ** 2 * 1e6
    assert total * lrs_optics.slit_loss(seen) == pytest.approx(star.light(seen), rel=1e-4)
    empty = series.light_of(sky)
    assert np.count_nonzero(empty[row]) == pytest.approx(4.7 / 0.11, abs=1.5)
    # The nods are where they are said to be.
    centre = (np.arange(1032) * light[row]).sum() / light[row].sum()
    assert centre == pytest.approx(325.13 + 8.6 + lrs_optics.trace(row - 299.7), abs=0.01)


# ---- files


@pytest.mark.parametrize("mode", list(MODES))
def test_every_mode_writes_what_it_says(tmp_path, mode):
    simulated = made(tmp_path / "sim", mode)
    series = simulated.series
    assert [path.name for path in simulated.exposures] == [f"{name}_{series.suffix}.fits" for name in series.names()]
    for path in simulated.exposures:
        model = datamodels.open(path)
        assert model.meta.filename == path.name and model.meta.exposure.type == series.setup.exposure_type
        assert model.shape[-2:] == series.setup.shape and np.isfinite(model.err).mean() > 0.99
    members = {
        member["expname"]
        for path in simulated.associations
        for product in json.loads(path.read_text())["products"]
        for member in product["members"]
    }
    assert members <= {path.name for path in simulated.exposures}
    kinds = {path.name.partition(".")[0] for path in simulated.references.iterdir()}
    assert kinds == set(series.references())
    for path in simulated.references.iterdir():
        if path.suffix != ".json":
            assert str(datamodels.open(path).meta.pedigree) == "SIMULATION"
    truth = Table.read(tmp_path / "sim" / "truth" / "spectra.ecsv")
    source = series.sources()[0]
    np.testing.assert_allclose(truth["source_1"], source.light(np.asarray(truth["wavelength"])))
    assert str(truth["source_1"].unit) == source.unit
    with pytest.raises(InputError, match="exist already"):
        series.save(tmp_path / "sim")


def test_the_same_seed_gives_the_same_exposures_and_another_one_others():
    first, again, other = (
        next(iter(series_of("nirspec-bots", seed=seed, n_ints=2).exposures())).model.data for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.nanmax(np.abs(first - other)) > 0


def test_noise_is_as_large_as_the_errors_say():
    exposure = next(iter(series_of("miri-lrs-slitless", n_ints=5).exposures()))
    pull = (exposure.model.data - exposure.rate) / exposure.model.err
    assert np.nanstd(pull) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("mode", ["nirspec-fs", "nirspec-mos", "nirspec-ifu", "miri-lrs", "miri-mrs"])
def test_so_many_dithers_as_are_asked_for(mode):
    series = series_of(mode, n_exposures=4)
    nods = [name for name in series.names() if name.startswith("jw00042001001")]
    assert len(nods) == 4
    members = series.associations()["asn_spec3.json"]["products"][0]["members"]
    assert [member["expname"] for member in members] == [f"{name}_cal.fits" for name in nods]
    second = [content for name, content in series.associations().items() if name.startswith("asn_spec2_")]
    assert len(second) == len(series.names())
    for content in second:
        names = [member["expname"] for member in content["products"][0]["members"]]
        assert len(set(names)) == len(names)
    assert len(series_of(mode).associations()["asn_spec3.json"]["products"][0]["members"]) == series.usual_exposures


def test_dithers_differ_and_are_written(tmp_path):
    simulated = made(tmp_path / "sim", "nirspec-fs", n_exposures=4, noise=0.0)
    assert len(simulated.exposures) == 4 and len(simulated.associations) == 4
    models = [datamodels.open(path) for path in simulated.exposures]
    places = {(model.meta.wcsinfo.ra_ref, model.meta.wcsinfo.dec_ref) for model in models}
    assert len(places) == 4 and {model.meta.dither.total_points for model in models} == {4}


def test_cosmic_rays_are_where_the_truth_has_them(tmp_path):
    options = {"n_exposures": 2, "noise": 0.0}
    clean, hit = (made(tmp_path / name, "nirspec-fs", hits=share, **options) for name, share in (("a", 0), ("b", 1e-3)))
    truth = Table.read(tmp_path / "b" / "truth" / "hits.ecsv")
    assert not (tmp_path / "a" / "truth" / "hits.ecsv").exists()
    assert (truth["sigma"].min() >= 5) and (truth["sigma"].max() <= 500) and str(truth["rate"].unit) == "DN / s"
    for before, after in zip(clean.exposures, hit.exposures, strict=True):
        before, after = datamodels.open(before), datamodels.open(after)
        own = truth[truth["exposure"] == after.meta.filename.removesuffix("_rate.fits")]
        added = np.zeros(after.shape)
        added[own["y"], own["x"]] = own["rate"]
        np.testing.assert_allclose(np.nan_to_num(after.data - before.data), added, atol=1e-4, rtol=1e-5)
        np.testing.assert_allclose(added[own["y"], own["x"]], own["sigma"] * after.err[own["y"], own["x"]], rtol=1e-5)
        assert 0.0005 < len(own) / np.count_nonzero(after.data > 0) < 0.0015
    with pytest.raises(ParameterError, match="exposures must be 1 to 16, got 17"):
        series_of("miri-mrs", n_exposures=17)
    with pytest.raises(ParameterError, match="exposures must be 1, got 2"):
        series_of("nirspec-bots", n_exposures=2)
    with pytest.raises(ParameterError, match="hits must not be below 0"):
        series_of("miri-lrs", hits=-1)


def test_wrong_words_are_refused(tmp_path, capsys):
    with pytest.raises(ParameterError, match="did you mean 'miri-lrs'"):
        series_of("miri-lsr")
    with pytest.raises(ParameterError, match="no time series"):
        series_of("miri-lrs", n_ints=3)
    assert cli.main(["simulate", "spectra", "miri-lrs", "--output", str(tmp_path), "--bad-pixels", "0.9"]) == 1
    assert "at most 0.5" in capsys.readouterr().err


def test_the_command_says_what_comes_next(tmp_path, capsys):
    assert cli.main(["simulate", "spectra", "nirspec-bots", "--ints", "2", "--output", str(tmp_path / "s")]) == 0
    said = capsys.readouterr().out
    assert "NIRSPEC NRS1 NRS_BRIGHTOBJ SUB512, 1 exposure, 2 sources" in said
    assert "next: hexcal run calwebb_spec2" in said
    assert cli.main(["simulate", "spectra", "--help"]) == 0
    assert "miri-lrs-slitless" in capsys.readouterr().out
