"""Simulated slitlets and slices: their references are their optics, sources lie where they are said."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.simulate.spectra import mrs, mrs_optics, mrs_references, nirspec_ifu, nirspec_mos
from hexcal.simulate.spectra.nirspec_mos_files import COLUMNS, bar_shadow, pitch_in_openings, shutter_shadow
from hexcal.simulate.spectra.nirspec_optics import shutters_to_telescope

# ---- NIRSpec, shutters


@pytest.fixture(scope="module")
def shutters():
    return nirspec_mos.MultiObject(seed=1, noise=0.0)


def test_shutters_of_the_reference_are_the_openings(shutters):
    quadrant = shutters.references()["msa"].Q4
    data, move = quadrant["data"], quadrant["model"]
    for slitlet in shutters.slitlets():
        for nod in nirspec_mos.NODS:
            row = data[slitlet.row - 1 + COLUMNS * (slitlet.column + nod - 1)]
            opening = slitlet.opening(nod)
            place = move(row["XC"] + 0.3 * row["SIZEX"], row["YC"] - 0.2 * row["SIZEY"])
            np.testing.assert_allclose(opening.to_shutters(0.3, -0.2), place, atol=1e-12)
            assert opening.from_telescope(*shutters_to_telescope(*place)) == pytest.approx((0.3, -0.2), abs=1e-9)


def test_sources_move_by_a_shutter_from_nod_to_nod(shutters):
    for source in shutters.sources()[:-1]:
        places = [shutters.where(source, nod)[1] for nod in nirspec_mos.NODS]
        np.testing.assert_allclose(places, [places[0]] * 3, atol=2e-3)
        x, y = (place / pitch for place, pitch in zip(places[0], pitch_in_openings(), strict=True))
        assert shutters.places()[source.number] == pytest.approx((x, y), abs=1e-9)


def test_the_file_of_shutters_tells_slitlets_and_sources(shutters, tmp_path):
    shutters.write_extra(tmp_path)
    with fits.open(tmp_path / nirspec_mos.MSA_FILE) as hdus:
        table, sources = hdus["SHUTTER_INFO"].data, hdus["SOURCE_INFO"].data
        assert len(table) == 3 * 3 * 5 and set(table["slitlet_id"]) == {1, 2, 3, 4, 5}
        primary = table[table["primary_source"] == "Y"]
        assert len(primary) == 3 * 4 and np.all(np.abs(primary["estimated_source_in_shutter_x"] - 0.5) <= 0.26)
        assert set(sources["source_id"]) == {1, 2, 4, 5}
        assert dict(zip(sources["source_id"], sources["stellarity"], strict=True))[4] == 0
        # The slitlet of the sky has no source.
        assert not np.any(table["source_id"][table["slitlet_id"] == 3])


def test_bars_shade_the_light_between_shutters():
    assert bar_shadow(np.array([0.0]), 3)[0] == pytest.approx(1, abs=1e-6)
    assert bar_shadow(np.array([0.5]), 3)[0] == pytest.approx(0.75)
    assert bar_shadow(np.array([0.8]), 1)[0] == pytest.approx(0.02, abs=1e-3)
    shadow, (_, pitch) = shutter_shadow(-1, 1), pitch_in_openings()
    middle, bar, beyond = shadow(pitch * np.array([1.0, 0.5, 1.8]))
    assert (middle, bar) == pytest.approx((1, 0.75), abs=1e-6) and beyond < 0.05


def test_every_slitlet_has_light_where_its_shutters_are(shutters):
    image = shutters.image(0)
    _, left, bottom, *_ = shutters.setup.subarray
    for slitlet in shutters.slitlets():
        x, y = slitlet.opening(0).to_pixel(0.0, 0.0, 2.0)
        column, row = round(float(x)) - left + 1, round(float(y)) - bottom + 1
        assert image[row, column] > 0 and image[row - 13, column] == 0


# ---- NIRSpec, slices


def test_slices_of_the_references_are_the_optics():
    references = nirspec_ifu.IntegralField().references()
    slicer, post, fore = references["ifuslicer"], references["ifupost"], references["ifufore"].model
    for each in nirspec_ifu.slices():
        row = slicer.data[each.number]
        x, y = slicer.model(row["XC"] + 0.4 * row["SIZEX"], row["YC"] - 0.3 * row["SIZEY"])
        seen = getattr(post, f"slice_{each.number}")["linear"](x, y)
        np.testing.assert_allclose(seen, each.slit.to_shutters(0.4, -0.3), atol=1e-14)
        np.testing.assert_allclose(
            shutters_to_telescope(*fore(x, y, 2e-6)), each.to_telescope(0.4, -0.3), atol=1e-9
        )  # fmt: skip


def test_the_slices_fit_into_the_window_and_do_not_overlap():
    series = nirspec_ifu.IntegralField()
    _, left, bottom, nx, ny = series.setup.subarray
    seen = np.zeros(series.setup.shape, int)
    for each in nirspec_ifu.slices():
        x0, x1, y0, y1 = each.slit.box(0)
        assert left - 1 <= x0 and x1 < left - 1 + nx and bottom - 1 <= y0 and y1 < bottom - 1 + ny
        columns, rows, wavelength, along = nirspec_ifu.planes(series.setup, each.slit)
        lit = (np.abs(along) <= 0.5) & (wavelength > 0.6) & (wavelength < 5.3)
        seen[rows[lit], columns[lit]] += 1
    assert seen.max() == 1 and np.count_nonzero(seen) > 100_000


def test_the_light_of_a_star_is_shared_by_the_slices():
    series = nirspec_ifu.IntegralField()
    attitude = series.attitude((0.0, 0.0))
    star, _, sky = series.sources()
    width, length = nirspec_ifu.sizes()
    total = 0.0
    along = np.repeat(np.linspace(-0.5, 0.5, 201)[:, None], 2, axis=1)
    for each in nirspec_ifu.slices():
        wave = np.full(along.shape, 3.0)
        light = series.brightness(each, attitude, wave, along) - sky.light(3.0)
        blob = each.to_telescope(0.0, along)
        at = attitude.to_telescope(series.sources()[1].ra, series.sources()[1].dec)
        light -= series.sources()[1].light(3.0) * np.exp(
            -0.5 * ((blob[0] - at[0]) ** 2 + (blob[1] - at[1]) ** 2) / nirspec_ifu._BLOB[2] ** 2
        )
        total += light[:, 0].sum() * length / 200 * width * (np.pi / 180 / 3600) ** 2 * 1e6
    assert total == pytest.approx(star.light(3.0), rel=2e-3)


# ---- MIRI


def test_slices_of_the_medium_resolution_spectrometer_are_its_references():
    planes, references = mrs_optics.detector_planes(), mrs_references._distortion()
    waves = mrs_references._wavelengths()
    rng = np.random.default_rng(3)
    for number, label in enumerate(references.slices):
        rows, columns = np.nonzero(planes.label == label)
        some = rng.integers(0, len(rows), 40)
        y, x = rows[some].astype(float), columns[some].astype(float)
        alpha, wave = references.alpha_model[number](y, x), waves.model[number](y, x)
        np.testing.assert_allclose(alpha, planes.alpha[rows[some], columns[some]], atol=1e-9)
        np.testing.assert_allclose(wave, planes.wavelength[rows[some], columns[some]], atol=1e-9)
        np.testing.assert_allclose(references.beta_model[number](y), planes.beta[rows[some], columns[some]])
        np.testing.assert_allclose(references.x_model[number](wave, alpha), x, atol=1e-5)
        np.testing.assert_allclose(references.y_model[number](wave, alpha), y, atol=1e-5)
    assert waves.slices == references.slices
    on_sky = references.abv2v3_model["model"][0]
    np.testing.assert_allclose(on_sky(0.7, -0.4), mrs_optics.to_telescope(0.7, -0.4), atol=1e-9)
    np.testing.assert_allclose(on_sky.inverse(*on_sky(0.7, -0.4)), (0.7, -0.4), atol=1e-9)
    np.testing.assert_allclose(mrs_optics.from_telescope(*mrs_optics.to_telescope(0.7, -0.4)), (0.7, -0.4), atol=1e-9)


def test_slices_do_not_touch_and_channels_have_a_half_each():
    label = mrs_optics.detector_planes().label
    assert set(np.unique(label)) == {0, *range(101, 122), *range(201, 218)}
    beside = (label[:, 1:] != label[:, :-1]) & (label[:, 1:] > 0) & (label[:, :-1] > 0)
    assert not beside.any()
    assert np.all(label[:, :512] // 100 <= 1) and not np.any(label[:, 525:] // 100 == 1)


def test_the_light_of_a_star_is_shared_by_the_slices_of_miri():
    series = mrs.Mrs()
    star, sky = series.sources()
    attitude = series.attitude((0.2, 0.1))
    light, planes = series.brightness(attitude), series.planes
    from hexcal.simulate.spectra.light import doppler

    stretch = doppler(series.setup.velocity)
    for channel, wave in ((1, 5.2), (2, 8.3)):
        # One wavelength lies in another row of each slice: what a row has more or less light, the next one mends.
        near = (planes.label // 100 == channel) & (np.abs(planes.wavelength * stretch - wave) < 0.05)
        excess = np.where(near, light - sky.light(planes.wavelength * stretch), 0.0)
        share_of_flux = excess / star.light(planes.wavelength * stretch) * 1e6
        area = planes.width * planes.scale * (np.pi / 180 / 3600) ** 2
        rows = np.count_nonzero(near.any(axis=1))
        step = abs(np.nanmedian(np.diff(planes.wavelength, axis=0)[near[1:]]))
        assert np.nansum(share_of_flux * area) * step == pytest.approx(0.1 / stretch, rel=0.02) and rows > 50


def test_both_channels_are_seen_through_fringes():
    series = mrs.Mrs()
    fringes = series.fringes()
    assert np.nanmin(fringes) == pytest.approx(0.9, abs=1e-3) and np.nanmax(fringes) == pytest.approx(1.1, abs=1e-3)
    exposure = next(iter(series.exposures()))
    assert isinstance(exposure.model, datamodels.IFUImageModel)
    assert np.all(exposure.rate[series.planes.label == 0] == 0)
