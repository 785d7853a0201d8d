"""source_catalog: known fluxes, columns, star test, references, products, bad input."""

import numpy as np
import pytest
from astropy.table import QTable
from mosaics import FLUXES, JANSKY, PLACES, VEGA, mosaic, write_references
from star_fields import exposure

from hexcal import datamodels
from hexcal.core import registry
from hexcal.errors import ParameterError, ReferenceError_, ResourceError
from hexcal.step import SourceCatalogStep
from hexcal.steps.image import source_photometry
from hexcal.steps.image.aperture_references import apertures_of, vega_offset_of
from hexcal.steps.image.phase_scatter import phase_scatter
from hexcal.steps.image.source_catalog import is_wider_than_a_star
from hexcal.steps.image.source_photometry import Apertures, magnitudes, nearest_neighbours


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    return write_references(tmp_path_factory.mktemp("references"))


def run(image, references, **parameters):
    return SourceCatalogStep.call(image, references=str(references), **parameters)


@pytest.mark.req("SCAT-01", "SCAT-05", "SCAT-06", "SCAT-09", "SCAT-10")
def test_stars_of_known_flux(references):
    table = run(mosaic(), references)
    table = table[np.argsort(table["xcentroid"])]
    order = np.argsort([x for x, _ in PLACES])
    truth = FLUXES[order] * JANSKY
    assert len(table) == 4 and not table["is_extended"].any()
    assert np.abs(np.asarray(table["xcentroid"]) - np.array(PLACES)[order, 0]).max() < 0.05
    for energy in (30, 50, 70):
        flux = table[f"aper{energy}_flux"]
        # Pixels make the stars a little wider than the Gaussian of the reference.
        assert np.abs(flux.value / (energy / 100 * truth) - 1).max() < 0.04
        assert np.allclose(table[f"aper{energy}_abmag"], -2.5 * np.log10(flux.value) + 8.9)
        assert np.allclose(table[f"aper{energy}_vegamag"], table[f"aper{energy}_abmag"] - VEGA)
    total = table["aper_total_flux"]
    assert np.abs(total.value / truth - 1).max() < 0.03 and str(total.unit) == "Jy"
    assert np.allclose(total, table["aper70_flux"] / 0.7)
    assert np.allclose(table["CI_50_30"], table["aper50_flux"] / table["aper30_flux"])
    assert np.allclose(table["CI_70_50"], table["aper70_flux"] / table["aper50_flux"])
    assert np.allclose(table["CI_70_30"], table["aper70_flux"] / table["aper30_flux"])
    assert np.allclose(table["aper_bkg_flux"].value, 0.3 * JANSKY, rtol=0.02)


@pytest.mark.req("SCAT-05", "SCAT-08")
def test_errors_are_those_of_the_error_array_and_true():
    apertures = Apertures((30, 50, 70), (1.5, 2.5, 3.5), (1.0, 1.0, 1.0), 8.0, 12.0)
    net = np.random.default_rng(1).normal(0, 2.0, (400, 400)).astype("f4")
    x, y = (grid.ravel() for grid in np.meshgrid(*[np.arange(20.0, 380, 26)] * 2))
    found = source_photometry.measure(net, np.full(net.shape, 2, "f4"), np.zeros(net.shape, bool), x, y, apertures)
    for index, radius in enumerate(apertures.radii):
        assert found.error[index] == pytest.approx(2 * np.sqrt(np.pi) * radius)
        assert (found.flux[index] / found.error[index]).std() == pytest.approx(1.0, abs=0.12)
    assert (found.background / found.background_error).std() == pytest.approx(1.0, abs=0.15)
    assert (found.phase == 0).all()


COLUMNS = """label xcentroid ycentroid sky_centroid aper_bkg_flux aper_bkg_flux_err aper30_flux aper30_flux_err
aper50_flux aper50_flux_err aper70_flux aper70_flux_err aper_total_flux aper_total_flux_err aper30_abmag
aper30_abmag_err aper50_abmag aper50_abmag_err aper70_abmag aper70_abmag_err aper_total_abmag aper_total_abmag_err
aper30_vegamag aper30_vegamag_err aper50_vegamag aper50_vegamag_err aper70_vegamag aper70_vegamag_err aper_total_vegamag
aper_total_vegamag_err CI_50_30 CI_70_50 CI_70_30 is_extended sharpness roundness nn_label nn_dist isophotal_flux
isophotal_flux_err isophotal_abmag isophotal_abmag_err isophotal_vegamag isophotal_vegamag_err isophotal_area
semimajor_sigma semiminor_sigma ellipticity orientation sky_orientation sky_bbox_ll sky_bbox_ul sky_bbox_lr
sky_bbox_ur""".split()


@pytest.mark.req("SCAT-12", "SCAT-14", "SCAT-02")
def test_products(references, tmp_path):
    table = run(mosaic(), references, output_dir=str(tmp_path))
    assert table.colnames == COLUMNS
    saved = QTable.read(tmp_path / "mosaic_cat.ecsv")
    assert saved.colnames == COLUMNS and len(saved) == 4
    assert np.allclose(saved["aper70_flux"], table["aper70_flux"])
    assert all(saved[name].info.description for name in COLUMNS)
    segm = datamodels.open(tmp_path / "mosaic_segm.fits")
    assert isinstance(segm, datamodels.SegmentationMapModel) and segm.shape == mosaic().shape
    assert set(np.unique(segm.data)) == {0, *saved["label"]}
    assert segm.meta.source_catalog == "mosaic_cat.ecsv" and segm.meta.cal_step.source_catalog == "COMPLETE"
    assert segm.meta.wcs(10.0, 20.0) == mosaic().meta.wcs(10.0, 20.0)
    areas = [np.count_nonzero(segm.data == label) for label in saved["label"]]
    assert areas == saved["isophotal_area"].value.tolist() and min(areas) >= 25
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mosaic_cat.ecsv", "mosaic_segm.fits"]


@pytest.mark.req("SCAT-07", "SCAT-13")
def test_shapes_and_places_on_the_sky(references):
    image = exposure(None, shape=(240, 260), level=0.0, noise=0.01)
    rows, columns = np.indices(image.shape)
    angle = np.radians(30)
    along = (columns - 120.3) * np.cos(angle) + (rows - 100.7) * np.sin(angle)
    across = -(columns - 120.3) * np.sin(angle) + (rows - 100.7) * np.cos(angle)
    image.data += (5 * np.exp(-0.5 * ((along / 6) ** 2 + (across / 3) ** 2))).astype("f4")
    image.meta.photometry.pixelarea_steradians, image.meta.cal_step.resample = JANSKY / 1e6, "COMPLETE"
    (row,) = run(image, references)
    assert row["xcentroid"] == pytest.approx(120.3, abs=0.05) and row["ycentroid"] == pytest.approx(100.7, abs=0.05)
    assert row["orientation"].value % 180 == pytest.approx(30, abs=1)
    assert row["ellipticity"] == pytest.approx(0.5, abs=0.03)
    assert row["ellipticity"] == pytest.approx(1 - (row["semiminor_sigma"] / row["semimajor_sigma"]).value)
    assert row["semimajor_sigma"].value == pytest.approx(6, rel=0.1)
    ra, dec = image.meta.wcs(120.3, 100.7)
    assert row["sky_centroid"].ra.deg == pytest.approx(ra, abs=1e-5) and row["sky_centroid"].dec.deg == pytest.approx(
        dec, abs=1e-5
    )
    ra_end, dec_end = image.meta.wcs(120.3 + np.cos(angle), 100.7 + np.sin(angle))
    position = np.degrees(np.arctan2((ra_end - ra) * np.cos(np.radians(dec)), dec_end - dec))
    assert (row["sky_orientation"].value - position) % 180 == pytest.approx(0, abs=1.5) or (
        row["sky_orientation"].value - position
    ) % 180 == pytest.approx(180, abs=1.5)
    assert run(image, references, star_test="psf")["is_extended"].all()
    assert row["isophotal_flux"].value == pytest.approx(2 * np.pi * 6 * 3 * 5 * JANSKY, rel=0.01)


@pytest.mark.req("SCAT-13")
def test_boxes_hold_all_pixels_of_a_source(references, tmp_path):
    image = mosaic()
    table = run(image, references, output_dir=str(tmp_path))
    labels = datamodels.open(tmp_path / "mosaic_segm.fits").data
    for row in table:
        y, x = np.nonzero(labels == row["label"])
        corners = {"ll": (x.min() - 0.5, y.min() - 0.5), "ur": (x.max() + 0.5, y.max() + 0.5)}
        corners |= {"ul": (x.min() - 0.5, y.max() + 0.5), "lr": (x.max() + 0.5, y.min() - 0.5)}
        for name, pixels in corners.items():
            ra, dec = image.meta.wcs(*pixels)
            assert row[f"sky_bbox_{name}"].ra.deg == pytest.approx(ra, abs=1e-9)
            assert row[f"sky_bbox_{name}"].dec.deg == pytest.approx(dec, abs=1e-9)


def test_neighbours():
    index, distance = nearest_neighbours(np.array([0.0, 3, 10, np.nan]), np.array([0.0, 4, 0, 1]))
    assert index.tolist() == [1, 0, 1, -1] and distance[:2].tolist() == [5, 5] and np.isnan(distance[3])
    assert nearest_neighbours(np.array([1.0]), np.array([1.0]))[0].tolist() == [-1]


@pytest.mark.req("SCAT-11")
def test_a_star_is_below_both_thresholds(references):
    image = mosaic()
    table = run(image, references)
    first, second = (float(np.max(table[name])) for name in ("CI_50_30", "CI_70_50"))
    for limits, extended in (
        ((first + 0.1, second + 0.1), False),
        ((first + 0.1, 0.1), True),
        ((0.1, second + 0.1), True),
    ):
        thresholds = {"ci1_star_threshold": limits[0], "ci2_star_threshold": limits[1]}
        assert set(run(image, references, **thresholds)["is_extended"]) == {extended}
        either = run(image, references, star_test="either", **thresholds)
        assert not either["is_extended"].any()


def test_sources_wider_than_stars_are_extended(references):
    image = mosaic(wide={1: 1.35, 3: 1.5})
    table = run(image, references, star_test="psf")
    widths = {
        int(np.argmin([np.hypot(row["xcentroid"] - x, row["ycentroid"] - y) for x, y in PLACES])): row for row in table
    }
    assert [bool(widths[number]["is_extended"]) for number in range(4)] == [False, True, False, True]
    flux = np.array([[1.0, 1.0, 1, -1], [1.7, 1.8, 2.2, 1], [2.35, 2.8, 2.8, 1]])
    error = np.array([[0.01, 0.2, 0.01, 0.1]] * 3)
    assert is_wider_than_a_star(flux, error, (30, 50, 70)).tolist() == [False, False, True, True]
    # What stars scatter with their place in a pixel counts as an error.
    assert not is_wider_than_a_star(flux, error, (30, 50, 70), phase=(0.2, 0.2))[:3].any()
    # Undersampled: the smallest aperture says nothing, the middle one does.
    flux = np.array([[1.0, 1.3, 1.0], [1.7, 1.68, 1.5], [2.35, 2.4, 2.7]])
    error = np.full((3, 3), 0.01)
    assert is_wider_than_a_star(flux, error, (30, 50, 70), phase=(0.3, 0.02)).tolist() == [False, False, True]


def test_kron_fluxes_are_nearer_to_the_total_than_isophotal_ones(references):
    image = exposure(None, shape=(300, 300), level=0.1, noise=0.02)
    rows, columns = np.indices(image.shape)
    # An exponential disk of scale 5 pixels: 2 pi h^2 times its centre is its flux.
    image.data += (1.0 * np.exp(-np.hypot(rows - 150.2, columns - 140.6) / 5)).astype("f4")
    image.meta.photometry.pixelarea_steradians, image.meta.cal_step.resample = JANSKY / 1e6, "COMPLETE"
    (row,) = run(image, references, kron_total=True, kron_params=[3.5, 1.4, 0.0])
    truth = 2 * np.pi * 25 * JANSKY
    assert row["kron_flux"].value == pytest.approx(truth, rel=0.03)
    assert row["isophotal_flux"].value < 0.95 * truth
    assert row["kron_abmag"] == pytest.approx(-2.5 * np.log10(row["kron_flux"].value) + 8.9)
    assert row["kron_vegamag"] == pytest.approx(row["kron_abmag"] - VEGA)


def test_scatter_with_the_phase_of_pixels_comes_into_the_errors():
    rng = np.random.default_rng(3)
    count = 400
    wide = rng.uniform(1000, 2000, count)
    scatter = np.array([0.03, 0.02, 0.01])
    error = np.array([1.0, 1.5, 1.8])[:, None] * np.ones(count)
    # The noise of an aperture is part of that of the wider ones.
    steps = np.sqrt(np.diff([0.0, 1.0, 1.5**2, 1.8**2, 2.0**2]))[:, None] * rng.normal(size=(4, count))
    noise, wide_error = np.cumsum(steps, axis=0), np.full(count, 2.0)
    exact = np.array([0.3, 0.5, 0.7])[:, None] * wide
    flux = exact * (1 + scatter[:, None] * rng.normal(size=count)) + noise[:3]
    wide += noise[3]
    assert phase_scatter(flux, error, wide, wide_error, 0.3) == pytest.approx(scatter, rel=0.15)
    assert (phase_scatter(flux[:, :4], error[:, :4], wide[:4], wide_error[:4], 0.3) == 0).all()
    few = [
        phase_scatter(flux[:, part], error[:, part], wide[part], wide_error[part], 0.3)
        for part in (slice(first, first + 6) for first in range(0, 396, 6))
    ]
    assert np.mean(few, axis=0) == pytest.approx(scatter, rel=0.15)
    assert (phase_scatter(exact, error, wide, wide_error, 0.3) < 0.002).all()
    # Three of four sources are galaxies of all sizes, of which the smallest aperture holds less.
    flux[0, 100:] *= rng.uniform(0.2, 0.6, 300)
    assert phase_scatter(flux, error, wide, wide_error, 0.3) == pytest.approx(scatter, rel=0.35)


def test_noise_that_apertures_share_is_no_scatter_of_stars():
    """Where stars are stable, what is found is zero or far below the noise; a scatter below the noise is found."""
    rng = np.random.default_rng(5)
    wide = 10 ** rng.uniform(2.5, 4, 300)
    inner, ring = 2.0 * rng.normal(size=300), 1.5 * rng.normal(size=300)
    for scatter in (0.0, 0.003):
        light = 0.7 * wide * (1 + scatter * rng.normal(size=300))
        flux, error = np.array([light + inner] * 3), np.full((3, 300), 2.0)
        found = phase_scatter(flux, error, wide + inner + ring, np.full(300, 2.5), 0.7)
        assert found == pytest.approx(scatter, abs=0.0008)


def test_magnitudes_of_what_has_no_light():
    magnitude, error = magnitudes(np.array([1.0, 0, -1]), np.array([0.1, 1, 1]))
    assert magnitude[0] == 8.9 and error[0] == pytest.approx(2.5 * np.log10(1.1)) and np.isnan(magnitude[1:]).all()


@pytest.mark.req("SCAT-03", "SCAT-04", "SCAT-15")
def test_documented_defaults():
    values = registry.find("source_catalog")().get_pars()
    expected = {"bkg_boxsize": 1000, "kernel_fwhm": 2.0, "snr_threshold": 3.0, "npixels": 25, "deblend": False}
    expected |= {"aperture_ee1": 30, "aperture_ee2": 50, "aperture_ee3": 70}
    expected |= {"ci1_star_threshold": 2.0, "ci2_star_threshold": 1.8}
    assert {name: values[name] for name in expected} == expected
    assert SourceCatalogStep.default_suffix == "cat"


@pytest.mark.req("SCAT-04")
@pytest.mark.parametrize("deblend", [False, True])
def test_touching_sources_are_separated_if_asked_for(references, deblend):
    image = mosaic(places=[(100.0, 100.0), (109.0, 100.0)], fluxes=[500.0, 400.0])
    assert len(run(image, references, deblend=deblend)) == 1 + deblend


def test_a_faint_neighbour_does_not_move_a_bright_star_as_recommended(references):
    # They touch: without the two parameters there is one source, its centre between them, and the aperture beside it.
    image = mosaic(places=[(100.3, 100.1), (111.6, 103.4)], fluxes=[3000.0, 600.0], noise=0.05)
    merged = run(image, references, profile="recommended", deblend=False, centroids="moments")
    assert len(merged) == 1 and merged["aper_total_flux"].value[0] < 0.9 * 3000 * JANSKY
    one_source = run(image, references, profile="recommended", deblend=False)
    assert one_source["aper_total_flux"].value == pytest.approx(3000 * JANSKY, rel=0.03)
    table = run(image, references, profile="recommended")
    table = table[np.argsort(table["xcentroid"])]
    assert np.allclose(table["xcentroid"], [100.3, 111.6], atol=0.02)
    assert np.allclose(table["ycentroid"], [100.1, 103.4], atol=0.02)
    assert np.allclose(table["aper_total_flux"].value, np.array([3000, 600]) * JANSKY, rtol=0.03)


def test_separating_needs_scikit_image(references, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(ResourceError, match="scikit-image"):
        run(mosaic(), references, deblend=True)


@pytest.mark.parametrize("finder", ["dao", "iraf"])
def test_catalogue_of_stars_only(references, finder, tmp_path):
    image = mosaic(sigma=1.0)
    loose = {"kernel_fwhm": 2.4, "sharplo": 0.2, "roundlo": -1.0, "roundhi": 1.0, "snr_threshold": 20.0}
    table = run(image, references, starfinder=finder, output_dir=str(tmp_path), **loose)
    assert len(table) == 4 and "isophotal_flux" not in table.colnames
    assert [path.name for path in tmp_path.iterdir()] == ["mosaic_cat.ecsv"]


@pytest.mark.req("SCAT-05", "SCAT-10", "SCAT-12")
def test_other_encircled_energies(references):
    table = run(mosaic(), references, aperture_ee3=80)
    assert {"aper80_flux", "CI_80_50", "CI_80_30"} <= set(table.colnames) and "aper70_flux" not in table.colnames
    assert np.allclose(table["aper_total_flux"], table["aper80_flux"] / 0.8)
    with pytest.raises(ReferenceError_, match="encircled energy 60 %"):
        run(mosaic(), references, aperture_ee3=60)
    with pytest.raises(ParameterError, match="must increase"):
        run(mosaic(), references, aperture_ee1=70)


@pytest.mark.req("SCAT-16", "SCAT-17")
def test_rows_of_the_references(references, tmp_path):
    image = mosaic()
    apcorr = datamodels.open(references / "apcorr.fits")
    found = apertures_of(apcorr, image, (30, 50, 70), "here")
    assert found.inner == 14 and found.outer == 20 and found.corrections[2] == pytest.approx(1 / 0.7)
    vega = datamodels.open(references / "abvegaoffset.asdf")
    assert vega_offset_of(vega, image) == pytest.approx(VEGA)
    image.meta.instrument.filter = "F150W"
    assert vega_offset_of(vega, image) is None
    with pytest.raises(ReferenceError_, match="no rows of this filter"):
        apertures_of(apcorr, image, (30, 50, 70), "here")
    miri = np.array(
        [("F770W", b"FULL", 0.3, 1.0, 3.0, 5, 6), ("F770W", b"SUB64", 0.3, 2.0, 3.0, 5, 6)],
        [
            ("filter", "S12"),
            ("subarray", "S15"),
            *((name, "f4") for name in ("eefraction", "radius", "apcorr", "skyin", "skyout")),
        ],
    )
    image.meta.instrument.filter, image.meta.instrument.pupil = "F770W", None

    class Reference:
        apcorr_table = miri

    for subarray, radius in (("SUB64", 2.0), ("FULL", 1.0), ("SUB256", 1.0)):
        image.meta.subarray.name = subarray
        assert apertures_of(Reference, image, (30,), "here").radii == (radius,)


def test_vega_magnitudes_without_a_row_are_nan(references, tmp_path, caplog):
    folder = write_references(tmp_path / "refs", names=("F150W",))
    image = mosaic()
    image.meta.instrument.filter = "F150W"
    table = run(image, folder)
    assert np.isnan(table["aper70_vegamag"]).all() and np.isfinite(table["aper70_abmag"]).all()
    assert "no row for this filter" in caplog.text


@pytest.mark.parametrize("case", ["empty", "nan", "unseen", "unit", "area"])
def test_images_without_sources_or_scale_are_skipped(references, case, tmp_path):
    image = mosaic()
    if case == "empty":
        image = mosaic(fluxes=np.zeros(4))
    elif case == "nan":
        image.data[...] = np.nan
    elif case == "unseen":
        image.wht[...] = 0
    elif case == "unit":
        image.meta.bunit_data = "DN/s"
    else:
        image.meta.photometry.pixelarea_steradians = None
    result = run(image, references, output_dir=str(tmp_path))
    assert result.meta.cal_step.source_catalog == "SKIPPED" and not list(tmp_path.iterdir())


def test_an_image_too_large_for_the_memory_is_skipped(references, monkeypatch, caplog):
    monkeypatch.setattr("hexcal.steps.image.source_catalog.free_memory", lambda: 1000)
    assert run(mosaic(), references).meta.cal_step.source_catalog == "SKIPPED"
    assert "GiB of memory" in caplog.text


def test_pixels_that_were_not_observed_belong_to_no_source(references, tmp_path):
    image = mosaic()
    image.data[:, :62] = np.nan
    image.wht[:, :62] = 0
    table = run(image, references, output_dir=str(tmp_path))
    assert len(table) >= 3
    assert not datamodels.open(tmp_path / "mosaic_segm.fits").data[:, :62].any()
