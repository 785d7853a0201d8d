"""tweakreg: finders, catalogues, alignment with known truth, groups, fits, what cannot be aligned."""

import http.server
import threading

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import Table
from sky_projections import POINTING
from star_fields import SCALE, exposure, rendered, stars

from hexcal import datamodels
from hexcal.core import registry
from hexcal.errors import InputError, ParameterError, ResourceError
from hexcal.models.dqflags import pixel
from hexcal.step import TweakRegStep
from hexcal.steps.image import gaia, star_catalogs
from hexcal.steps.image.mesh_background import clipped_median, mesh_background
from hexcal.steps.image.star_finding import StarFinder, windowed
from hexcal.steps.image.tangent_planes import TangentPlane

MAS = 3.6e6
ERRORS = [(0.0, 0.0, 0.0), (0.07, -0.03, 0.002), (-0.05, 0.08, -0.003)]
GOOD = {"starfinder": "iraf", "sharplo": 0.5, "sharphi": 2.0, "roundlo": 0.0, "roundhi": 0.3, "kernel_fwhm": 2.0}
BEST = {**GOOD, "centroids": "windowed"}


@pytest.fixture(scope="module")
def sky():
    return stars(50)


@pytest.fixture(scope="module")
def images(sky):
    """Three dithered exposures; the headers of two are wrong."""
    dithers = [(0.0, 0.0), (0.4, 0.3), (-0.35, 0.5)]
    return [
        exposure(sky, dither, error, number)
        for number, (dither, error) in enumerate(zip(dithers, ERRORS, strict=True), 1)
    ]


@pytest.fixture(scope="module")
def catalogue(sky, tmp_path_factory):
    path = tmp_path_factory.mktemp("catalogue") / "gaia.ecsv"
    Table({"RA": sky[0], "DEC": sky[1]}).write(path)
    return path


def run(images, **parameters):
    return TweakRegStep.call(list(images), **parameters)


def statuses(result):
    return [image.meta.cal_step.tweakreg for image in result]


def off(image, sky, error, dither):
    """How far the WCS of an image is from the truth, at the stars in it: mas east and north (n, 2)."""
    truth = exposure(None, (dither[0] + error[0], dither[1] + error[1]), shape=image.shape)
    true = TangentPlane(truth.meta.wcs, 120.0, -520.0, 41.0)
    # The roll is about the reference point.
    x, y = _true_pixels(sky, error, dither, image.shape)
    inside = (x > 5) & (y > 5) & (x < image.shape[1] - 6) & (y < image.shape[0] - 6)
    assert true is not None and inside.sum() > 20
    ra, dec = image.meta.wcs(x[inside], y[inside])
    east = (ra - sky[0][inside]) * np.cos(np.radians(POINTING["dec_ref"]))
    return np.stack([east, dec - sky[1][inside]], axis=-1) * MAS


def _true_pixels(sky, error, dither, shape):
    from star_fields import wcs_of

    from hexcal.steps.wcs.frames import Pointing

    dec = POINTING["dec_ref"] + (dither[1] + error[1]) / 3600
    ra = POINTING["ra_ref"] + (dither[0] + error[0]) / 3600 / np.cos(np.radians(POINTING["dec_ref"]))
    true = Pointing(120.0, -520.0, POINTING["roll_ref"] + error[2], ra, dec)
    centre = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    return wcs_of(true, shape, centre).invert(sky[0], sky[1], with_bounding_box=False)


DITHERS = [(0.0, 0.0), (0.4, 0.3), (-0.35, 0.5)]


@pytest.mark.req("TWEAK-01", "TWEAK-07", "TWEAK-10")
def test_images_are_aligned_to_one_another(images, sky):
    before = [
        np.abs(off(image, sky, error, dither)).mean()
        for image, error, dither in zip(images, ERRORS, DITHERS, strict=False)
    ]
    result = run(images, **BEST)
    assert statuses(result) == ["COMPLETE"] * 3
    offsets = [off(image, sky, error, dither) for image, error, dither in zip(result, ERRORS, DITHERS, strict=False)]
    assert min(before[1:]) > 30
    # All agree with one of them, which keeps its WCS.
    common = np.mean([part.mean(axis=0) for part in offsets], axis=0)
    for part in offsets:
        assert np.abs(part.mean(axis=0) - common).max() < 0.3 and (part - part.mean(axis=0)).std() < 0.5
    corrected = [image for image in result if "v2v3corr" in image.meta.wcs.available_frames]
    assert len(corrected) == 3
    for image in corrected:
        assert image.meta.wcs.available_frames == ["detector", "v2v3", "v2v3vacorr", "v2v3corr", "world"]
        there = image.meta.wcs.get_transform("detector", "v2v3corr")(100.0, 50.0)
        back = image.meta.wcs.get_transform("v2v3corr", "detector")(*there)
        assert np.allclose(back, (100, 50), atol=1e-3)
        assert image.meta.wcsinfo.s_region.startswith("POLYGON ICRS") and image.meta.wcsinfo.ctype1 == "RA---TAN-SIP"


@pytest.mark.req("TWEAK-08")
@pytest.mark.parametrize("average", [False, True])
def test_images_are_aligned_to_a_catalogue_together(images, sky, catalogue, average):
    result = run(images, abs_refcat=str(catalogue), average_stars=average, **BEST)
    assert statuses(result) == ["COMPLETE"] * 3
    for image, error, dither in zip(result, ERRORS, DITHERS, strict=True):
        part = off(image, sky, error, dither)
        assert np.abs(part.mean(axis=0)).max() < 0.3 and part.std() < 0.5


def test_one_image_is_aligned_to_a_catalogue(images, sky, catalogue, caplog):
    crowded = run(images[1:2], abs_refcat=str(catalogue), **BEST)
    assert statuses(crowded) == ["SKIPPED"] and "stars match several" in caplog.text
    (result,) = run(images[1:2], abs_refcat=str(catalogue), abs_separation=0.5, **BEST)
    assert np.abs(off(result, sky, ERRORS[1], DITHERS[1]).mean(axis=0)).max() < 0.3
    assert statuses(run(images[:1], **BEST)) == ["SKIPPED"]


def test_positions_of_the_finders_have_errors_of_pixel_phase_that_windowed_ones_have_not():
    rng = np.random.default_rng(4)
    x, y = (grid.ravel() + rng.uniform(-0.5, 0.5, 100) for grid in np.meshgrid(*[20 + 25 * np.arange(10)] * 2))
    net = rendered(x, y, np.full(100, 1000.0), (270, 270), 0.72).astype("f4")
    err, masked = np.full(net.shape, 0.01, "f4"), np.zeros(net.shape, bool)
    for kind, at_least in (("dao", 0.02), ("iraf", 0.025)):
        found = StarFinder(kind, 2.5, sharpness=(-9, 9), roundness=(-9, 9)).find(net, masked, 1.0)
        assert found is not None and len(found) == 100
        index = [
            int(np.argmin(np.hypot(x - a, y - b))) for a, b in zip(found["xcentroid"], found["ycentroid"], strict=False)
        ]
        of_finder = np.asarray(found["xcentroid"]) - x[index]
        refined_x, refined_y, error = windowed(net, err, found["xcentroid"], found["ycentroid"], 2.5)
        assert of_finder.std() > at_least
        assert np.abs(refined_x - x[index]).max() < 0.005 and np.abs(refined_y - y[index]).max() < 0.005
        assert (error < 1e-3).all()


def test_errors_of_windowed_positions_are_those_that_noise_makes():
    pulls = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = rng.uniform(19.5, 20.5, 2)
        data = rendered([x], [y], [40.0], (41, 41), 0.8) + rng.normal(0, 0.3, (41, 41))
        x_found, y_found, error = windowed(data.astype("f4"), np.full((41, 41), 0.3, "f4"), [20.0], [20.0], 2.0)
        pulls += [(x_found[0] - x) / error[0], (y_found[0] - y) / error[0]]
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"kernel_fwhm": 1e-300}, "cannot be 1e-300 pixel wide"),
        ({"kernel_fwhm": 1e30}, "kernel_fwhm is 1e.30 pixels"),
        ({"sigma_radius": np.inf}, "sigma_radius is inf pixels"),
        ({"minsep_fwhm": 1e30}, "minsep_fwhm is"),
        ({"kron_params": [2.5]}, "a scale above 0"),
        ({"starfinder": "segmentation", "localbkg_width": 10**6}, "localbkg_width is 1e.06 pixels"),
        ({"starfinder": "segmentation", "kernel_fwhm": 1e6}, "kernel_fwhm is 1e.06 pixels"),
        ({"searchrad": 1e30}, "10000 are the most"),
    ],
)
def test_absurd_sizes_are_refused_before_anything_is_allocated(images, values, says):
    with pytest.raises(ParameterError, match=says):
        run(images, **{**BEST, **values})


@pytest.mark.req("TWEAK-02")
@pytest.mark.parametrize("kind", ["dao", "iraf"])
def test_finders_are_those_of_photutils(images, kind):
    from photutils.detection import DAOStarFinder, IRAFStarFinder

    masked = np.zeros(images[0].shape, bool)
    masked[:, 40] = True
    background = mesh_background(images[0].data, masked, 100)
    assert background is not None
    net = background.subtract_from(images[0].data)
    net[30, 30] = np.nan
    limits = {"sharpness_range": (0.3, 1.5), "roundness_range": (-0.8, 0.8)}
    cls = DAOStarFinder if kind == "dao" else IRAFStarFinder
    theirs = cls(0.1, 2.5, min_separation=2, n_brightest=40, peak_max=30.0, **limits)(net, mask=masked)
    ours = StarFinder(kind, 2.5, 1.5, 0.0, (0.3, 1.5), (-0.8, 0.8), 40, 30.0).find(net, masked, 0.1)
    assert ours is not None and len(ours) == len(theirs) > 20
    for name, other in (("xcentroid", "x_centroid"), ("ycentroid", "y_centroid"), ("flux", "flux"), ("peak", "peak")):
        assert np.allclose(np.sort(ours[name]), np.sort(np.asarray(theirs[other])), rtol=1e-5, atol=1e-4)


@pytest.mark.req("TWEAK-18")
def test_negative_and_bright_peaks_are_no_stars():
    data = rendered([20.0, 50, 80], [20.0, 50, 80], [50.0, 500, -50], (100, 100), 0.9).astype("f4")
    found = StarFinder("dao", 2.5, peakmax=40.0).find(data, np.zeros(data.shape, bool), 0.5)
    assert found is not None and np.allclose(found["xcentroid"], [20], atol=0.1)


def test_background_of_boxes_is_that_of_photutils():
    from astropy.stats import SigmaClip
    from photutils.background import Background2D, MedianBackground

    rng = np.random.default_rng(8)
    data = (rng.normal(1, 0.1, (130, 170)) + np.arange(170) * 0.01).astype("f4")
    data[rng.random(data.shape) < 0.02] += 20
    masked = rng.random(data.shape) < 0.03
    masked[:40, :50] = True
    theirs = Background2D(
        data, 40, coverage_mask=masked, filter_size=3, bkg_estimator=MedianBackground(), sigma_clip=SigmaClip(3.0)
    )
    ours = mesh_background(data, masked, 40)
    assert ours is not None
    assert np.allclose(ours.level, theirs.background_mesh, atol=1e-6)
    assert np.allclose(ours.rms, theirs.background_rms_mesh, atol=1e-6)
    assert np.abs(ours.subtract_from(data) - (data - theirs.background))[~masked].max() < 5e-5


def test_background_of_little_and_of_nothing():
    data = np.full((20, 30), 2, "f4")
    masked = np.ones(data.shape, bool)
    assert mesh_background(data, masked, 10) is None
    masked[3, 4] = False
    few = mesh_background(data, masked, 10)
    assert few is not None and (few.subtract_from(data) == 0).all()
    assert clipped_median(np.array([1, 2, 3, 1000] + [2] * 50, "f4"))[0] == 2


@pytest.mark.req("TWEAK-11", "TWEAK-12", "TWEAK-13", "TWEAK-14", "TWEAK-15", "TWEAK-16", "TWEAK-17", "TWEAK-09")
def test_documented_defaults():
    values = registry.find("tweakreg")().get_pars()
    expected = {"save_catalogs": False, "use_custom_catalogs": False, "catalog_format": "ecsv", "catfile": ""}
    expected |= {"kernel_fwhm": 2.5, "snr_threshold": 10.0, "sharplo": 0.2, "sharphi": 1.0, "roundlo": -1.0}
    expected |= {"roundhi": 1.0, "brightest": 200, "peakmax": None, "bkg_boxsize": 400, "enforce_user_order": False}
    expected |= {"expand_refcat": False, "minobj": 15, "searchrad": 2.0, "use2dhist": True, "separation": 1.0}
    expected |= {"tolerance": 0.7, "xoffset": 0.0, "yoffset": 0.0, "fitgeometry": "rshift", "nclip": 3, "sigma": 3.0}
    expected |= {"abs_refcat": "", "abs_minobj": 15, "abs_searchrad": 6.0, "abs_use2dhist": True}
    expected |= {"abs_separation": 0.1, "abs_tolerance": 0.7, "abs_fitgeometry": "rshift", "abs_nclip": 3}
    expected |= {"abs_sigma": 3.0, "save_abs_catalog": False, "output_use_model": True}
    assert {name: values[name] for name in expected} == expected


@pytest.mark.req("TWEAK-06")
def test_images_of_one_exposure_get_one_correction(images, sky):
    second = exposure(sky, DITHERS[1], ERRORS[2], 2)
    second.meta.filename = second.meta.filename.replace("nrca1", "nrca2")
    result = run([images[0], images[1], second], **BEST)
    # The two have different errors, and must keep their difference.
    first, other = (
        off(image, sky, error, DITHERS[1]).mean(axis=0) for image, error in zip(result[1:], ERRORS[1:], strict=False)
    )
    assert np.abs(first - other).max() > 50
    for number, image in enumerate((images[1], second)):
        image.meta.group_id = f"own {number}"
    result = run([images[0], images[1], second], **BEST)
    images[1].meta.group_id = None
    first, other = (
        off(image, sky, error, DITHERS[1]).mean(axis=0) for image, error in zip(result[1:], ERRORS[1:], strict=False)
    )
    assert np.abs(first - other).max() < 0.5


@pytest.mark.parametrize("geometry", ["shift", "rshift", "rscale", "general"])
@pytest.mark.req("TWEAK-15")
def test_geometries_of_the_fit(images, geometry):
    result = run(images, fitgeometry=geometry, **BEST)
    (corrected,) = [image.meta.wcs.pipeline[2].transform["tp_affine"].matrix.value for image in result[1:2]]
    scale = np.sqrt(np.linalg.det(corrected))
    rotation = np.degrees(np.arctan2(corrected[1, 0] - corrected[0, 1], corrected[0, 0] + corrected[1, 1]))
    if geometry == "shift":
        assert np.allclose(corrected, np.eye(2), atol=1e-12)
    else:
        assert abs(rotation) > 1e-4
    assert (abs(scale - 1) < 1e-10) == (geometry in ("shift", "rshift"))


@pytest.mark.req("TWEAK-12")
def test_the_first_image_is_the_reference_in_the_order_of_the_user(images, caplog):
    caplog.set_level("INFO")
    result = run(images[::-1], enforce_user_order=True, **BEST)
    first = result[0].meta.wcs.pipeline[2].transform["tp_affine"]
    assert np.array_equal(first.matrix.value, np.eye(2)) and np.array_equal(first.translation.value, [0, 0])


@pytest.mark.req("TWEAK-03", "TWEAK-04", "TWEAK-05")
def test_catalogues_of_the_user(images, sky, tmp_path):
    names = []
    for number, (image, error, dither) in enumerate(zip(images, ERRORS, DITHERS, strict=True)):
        x, y = _true_pixels(sky, error, dither, image.shape)
        columns = ("x", "y") if number else ("xcentroid", "ycentroid")
        Table({columns[0]: x, columns[1]: y, "weight": sky[2]}).write(tmp_path / f"{number}.csv")
        names.append(image.meta.filename)
    (tmp_path / "list.txt").write_text(f"{names[0]} 0.csv\n{names[1]} 1.csv\n{names[2]}\n")
    custom = {"use_custom_catalogs": True, "catfile": str(tmp_path / "list.txt")}
    images[1].meta.tweakreg_catalog = "not_there.csv"
    images[2].meta.tweakreg_catalog = "not_there_either.csv"
    result = run(images, **custom, **BEST)
    assert [image.meta.tweakreg_catalog for image in result] == [
        str(tmp_path / "0.csv"),
        str(tmp_path / "1.csv"),
        None,
    ]
    offsets = [off(image, sky, error, dither) for image, error, dither in zip(result, ERRORS, DITHERS, strict=False)]
    assert np.abs(offsets[0].mean(axis=0) - offsets[1].mean(axis=0)).max() < 0.05
    (tmp_path / "short.txt").write_text(f"{names[0]} 0.csv\n")
    with pytest.raises(InputError, match="is not there"):
        run(images, use_custom_catalogs=True, catfile=str(tmp_path / "short.txt"), **BEST)
    assert statuses(run(images, **BEST)) == ["COMPLETE"] * 3
    for image in images:
        image.meta.tweakreg_catalog = None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1]}, "needs the columns x and y"),
        ({"x": [1], "y": ["b"]}, "numbers"),
        ({"x": [np.nan], "y": [1]}, "no row of a catalogue has numbers"),
    ],
)
def test_a_wrong_catalogue_is_refused(tmp_path, columns, message):
    Table(columns).write(tmp_path / "c.ecsv")
    with pytest.raises(InputError, match=message):
        star_catalogs.read_stars(tmp_path / "c.ecsv")
    (tmp_path / "c.bin").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="cannot be read"):
        star_catalogs.read_stars(tmp_path / "c.bin")
    with pytest.raises(InputError, match="RA and DEC"):
        star_catalogs.read_positions(tmp_path / "c.ecsv")


def test_rows_of_a_catalogue_without_a_position_are_left_out_and_counted(tmp_path, caplog):
    Table({"RA": [1.0, np.nan, 3.0, 4.0], "DEC": [5.0, 6.0, np.inf, 8.0], "weight": [1.0, 1.0, 1.0, 2.0]}).write(
        tmp_path / "c.ecsv"
    )
    ra, dec, weight = star_catalogs.read_positions(tmp_path / "c.ecsv")
    assert (list(ra), list(dec), list(weight)) == ([1.0, 4.0], [5.0, 8.0], [1.0, 2.0])
    assert "2 of 4 rows are left out" in caplog.text
    Table({"sky_centroid": SkyCoord([1.0, np.nan], [2.0, 3.0], unit="deg")}).write(tmp_path / "s.ecsv")
    assert len(star_catalogs.read_positions(tmp_path / "s.ecsv")[0]) == 1
    Table({"x": [1.0, np.nan], "y": [2.0, 3.0]}).write(tmp_path / "x.ecsv")
    assert len(star_catalogs.read_stars(tmp_path / "x.ecsv")[0]) == 1


def test_a_catalogue_of_source_catalog_is_a_reference_catalogue(tmp_path):
    """Also one with other units of angle."""
    sky = SkyCoord([10.0, 20.0], [-1.0, 2.0], unit="deg")
    Table({"label": [1, 2], "sky_centroid": sky, "xcentroid": [3.0, 4.0]}).write(tmp_path / "mosaic_cat.ecsv")
    ra, dec, weight = star_catalogs.read_positions(tmp_path / "mosaic_cat.ecsv")
    assert (list(ra), list(dec), weight) == ([10.0, 20.0], [-1.0, 2.0], None)
    columns = {"ra": sky.ra.to(units.hourangle), "dec": sky.dec.to(units.arcmin)}
    Table(columns).write(tmp_path / "hours.ecsv")
    np.testing.assert_allclose(star_catalogs.read_positions(tmp_path / "hours.ecsv")[:2], [ra, dec], rtol=1e-15)


@pytest.mark.req("TWEAK-11")
@pytest.mark.parametrize("kind", ["ecsv", "csv", "fits"])
def test_catalogues_are_saved(images, tmp_path, kind):
    result = run(images[:2], save_catalogs=True, catalog_format=kind, output_dir=str(tmp_path), **BEST)
    for image in result:
        name = image.meta.tweakreg_catalog
        assert name == image.meta.filename.replace("_tweakreg.fits", f"_cal_cat.{kind}")
        table = Table.read(tmp_path / name)
        assert {"id", "x", "y", "flux"} <= set(table.colnames) and len(table) > 20
        assert (np.diff(table["flux"]) <= 0).all()
    saved = datamodels.open(tmp_path / result[1].meta.filename)
    assert "v2v3corr" in saved.meta.wcs.available_frames and saved.meta.cal_step.tweakreg == "COMPLETE"


def test_what_cannot_be_aligned_is_skipped_with_the_reason(images, sky, caplog):
    ra, dec, flux = stars(40, seed=9)
    elsewhere = exposure((ra + 20 / 3600 / np.cos(np.radians(POINTING["dec_ref"])), dec, flux), (20.0, 0.0), number=4)
    empty = exposure(None, number=5)
    result = run([*images[:2], elsewhere, empty], **BEST)
    assert statuses(result) == ["COMPLETE", "COMPLETE", "SKIPPED", "SKIPPED"]
    assert "v2v3corr" not in result[2].meta.wcs.available_frames
    assert "not aligned" in caplog.text and "are required" in caplog.text and "no stars were found" in caplog.text


@pytest.mark.parametrize("case", ["few", "none", "flagged", "nan"])
def test_too_few_stars_are_no_success(case, caplog):
    sky = stars(6)
    images = [exposure(sky if case != "none" else None, dither, number=k) for k, dither in enumerate(DITHERS[:2], 1)]
    for image in images:
        if case == "flagged":
            image.dq[...] = pixel.DO_NOT_USE
        if case == "nan":
            image.data[...] = np.nan
    result = run(images, **BEST)
    assert statuses(result) == ["SKIPPED", "SKIPPED"] and "no image could be aligned" in caplog.text
    assert all("v2v3corr" not in image.meta.wcs.available_frames for image in result)


def test_a_catalogue_of_another_place_changes_nothing(images, sky, tmp_path, caplog):
    Table({"RA": sky[0] + 1, "DEC": sky[1]}).write(tmp_path / "far.ecsv")
    result = run(images, abs_refcat=str(tmp_path / "far.ecsv"), **BEST)
    assert statuses(result) == ["COMPLETE"] * 3 and "not aligned to the catalogue" in caplog.text


def test_images_need_a_wcs_of_the_focal_plane(images):
    from sky_projections import tangent_plane

    bare = images[0].copy()
    bare.meta.wcs = None
    with pytest.raises(InputError, match="needs the WCS"):
        run([images[1], bare])
    bare.meta.wcs = tangent_plane(shape=bare.shape)
    with pytest.raises(InputError, match="no frame v2v3"):
        run([images[1], bare])
    lacking = images[0].copy()
    lacking.meta.wcsinfo.roll_ref = None
    with pytest.raises(InputError, match="roll_ref"):
        run([images[1], lacking])


def test_the_corrected_wcs_is_that_of_tweakwcs(images):
    from tweakwcs import JWSTWCSCorrector

    info = {"v2_ref": 120.0, "v3_ref": -520.0, "roll_ref": 41.0}
    x, y = np.array([3.0, 250, 100]), np.array([10.0, 20, 270])
    matrix, shift = np.array([[1, 1e-4], [-1.1e-4, 1.0001]]), np.array([0.1, -0.05])
    wcs = images[1].meta.wcs
    # Twice: the second correction is added to the first.
    for _ in range(2):
        ours, theirs = TangentPlane(wcs, *info.values()), JWSTWCSCorrector(wcs, info)
        ours.correct(matrix, shift)
        theirs.set_correction(matrix, shift)
        assert np.allclose(ours.corrected_wcs()(x, y), theirs.wcs(x, y), rtol=0, atol=1e-12)
        wcs = ours.corrected_wcs()
    plane = TangentPlane(images[0].meta.wcs, *info.values())
    assert np.allclose(plane.from_sky(*plane.to_sky([[1.0, 2], [30, -40]])), [[1, 2], [30, -40]], atol=1e-9)


class Service(http.server.BaseHTTPRequestHandler):
    """Answers as the catalogue service does."""

    text, asked = "", []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def service(monkeypatch):
    server = http.server.HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(gaia.VARIABLE, f"http://127.0.0.1:{server.server_port}")
    Service.asked.clear()
    yield Service
    server.shutdown()
    server.server_close()


def test_a_catalogue_of_a_service(images, sky, service, tmp_path):
    rows = "\n".join(f"{k},{ra:.10f},{dec:.10f}" for k, (ra, dec) in enumerate(zip(*sky[:2], strict=True)))
    service.text = f"#Number of objects: 50\nobjID,ra,dec\n{rows}\n"
    result = run(images, abs_refcat="GAIADR3", save_abs_catalog=True, output_dir=str(tmp_path), **BEST)
    assert np.abs(off(result[2], sky, ERRORS[2], DITHERS[2]).mean(axis=0)).max() < 0.3
    (path,) = service.asked
    assert "CAT=GAIADR3" in path and "EPOCH=2023.6" in path and "FORMAT=CSV" in path
    (saved,) = tmp_path.glob("*gaiadr3_cat.ecsv")
    assert len(Table.read(saved)) == 50
    service.text = "<html>down for maintenance</html>"
    with pytest.raises(InputError, match="is not a catalogue"):
        run(images, abs_refcat="GAIADR2", **BEST)


@pytest.mark.req("TWEAK-21", "TWEAK-22")
def test_catalogues_from_python(images, service, tmp_path, monkeypatch):
    from hexcal.tweakreg import astrometric_utils

    rows = "\n".join(f"{k},{10 + k * 1e-4},-20.0,{20 - k},{'G' * (k % 2)}" for k in range(6))
    service.text = f"# words\nobjID,ra,dec,mag,gaiaID\n{rows}\n"
    found = astrometric_utils.get_catalog(10.0, -20.0, sr=0.2)
    assert [row["objid"] for row in found] == list("012345") and found[1]["gaiaid"] == "G"
    assert "SR=0.2" in service.asked[-1] and "EPOCH=2016.0" in service.asked[-1] and "CAT=GAIADR3" in service.asked[-1]
    path = tmp_path / "ref.ecsv"
    table = astrometric_utils.create_astrometric_catalog(images, output=path)
    assert list(table["objID"]) == list("543210"), "the brightest first"
    assert list(Table.read(path)["RA"]) == list(table["RA"]) and "EPOCH=2023.6" in service.asked[-1]
    make = astrometric_utils.create_astrometric_catalog
    assert list(make(images, output=None, num_sources=2)["objID"]) == ["5", "4"]
    assert list(make(images, output=None, num_sources=-2)["objID"]) == ["1", "0"]
    assert list(make(images, output=None, gaia_only=True)["objID"]) == ["5", "3", "1"]
    make(images, catalog="GAIADR2", output=None, existing_wcs=images[0].meta.wcs, epoch=2030.0)
    assert "EPOCH=2030.0" in service.asked[-1] and "CAT=GAIADR2" in service.asked[-1]
    radius = astrometric_utils.compute_radius(images[0].meta.wcs)
    assert f"SR={radius:.6f}" in service.asked[-1] and astrometric_utils.TIMEOUT == 30.0
    monkeypatch.chdir(tmp_path)
    make(images)
    assert (tmp_path / "ref_cat.ecsv").exists()


def test_a_service_that_is_not_there_is_an_error(images, monkeypatch):
    monkeypatch.setenv(gaia.VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(ResourceError, match="GAIADR3 cannot be fetched"):
        run(images, abs_refcat="GAIADR3", **BEST)
    monkeypatch.setenv(gaia.VARIABLE, "file:///etc/passwd")
    with pytest.raises(ResourceError, match="not a web address"):
        run(images, abs_refcat="GAIADR3", **BEST)
    with pytest.raises(InputError, match="reference catalogue is not there"):
        run(images, abs_refcat="GAIADR9", **BEST)


@pytest.mark.parametrize("use", [True, False])
@pytest.mark.req("TWEAK-14")
def test_the_first_shift_is_searched_or_given(sky, use):
    shift = (1.2, -0.6, 0.0)
    images = [exposure(sky, number=1), exposure(sky, error=shift, number=2)]
    close = {"tolerance": 0.1, "separation": 0.15}
    guess = {"use2dhist": use}
    result = run(images, enforce_user_order=True, **guess, **close, **BEST)
    if use:
        assert statuses(result) == ["COMPLETE", "COMPLETE"]
        part = off(result[1], sky, shift, (0.0, 0.0)) - off(result[0], sky, (0, 0, 0), (0.0, 0.0)).mean(axis=0)
        assert np.abs(part.mean(axis=0)).max() < 0.5
    else:
        assert statuses(result) == ["SKIPPED", "SKIPPED"]


@pytest.mark.parametrize("deblend", [False, True])
def test_stars_by_segmentation(images, sky, deblend):
    result = run(images, starfinder="segmentation", deblend=deblend, centroids="windowed", kernel_fwhm=2.0)
    offsets = [
        off(image, sky, error, dither).mean(axis=0)
        for image, error, dither in zip(result, ERRORS, DITHERS, strict=False)
    ]
    assert statuses(result) == ["COMPLETE"] * 3 and np.ptp(offsets, axis=0).max() < 1.0


def test_separating_needs_scikit_image(images, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(ResourceError, match="scikit-image"):
        run(images, starfinder="segmentation")


def test_the_memory_does_not_hold_the_images(images, tmp_path):
    for image in images:
        image.save(tmp_path / image.meta.filename)
    paths = [str(tmp_path / image.meta.filename) for image in images]
    result = TweakRegStep.call(paths, **BEST)
    assert all(member.model is None or not member.model.loaded() for member in result._members if member.path)
    assert SCALE > 0


def test_sources_that_match_by_chance_do_not_lead_the_fit_astray(sky, caplog):
    rng = np.random.default_rng(5)
    images = []
    for number, (dither, error) in enumerate(zip(DITHERS[:2], ERRORS[:2], strict=True), 1):
        image = exposure(sky, dither, error, number)
        # As many cosmic rays as to find one near any place.
        y, x = rng.integers(5, 270, (2, 250))
        image.data[y, x] += rng.uniform(1, 30, 250).astype("f4")
        images.append(image)
    loose = {"starfinder": "dao", "sharplo": -5.0, "sharphi": 5.0, "roundlo": -5.0, "roundhi": 5.0, "brightest": None}
    caplog.set_level("INFO")
    result = run(images, tolerance=0.7, separation=0.3, **loose)
    offsets = [off(image, sky, error, dither) for image, error, dither in zip(result, ERRORS, DITHERS, strict=False)]
    assert statuses(result) == ["COMPLETE"] * 2 and "they are matched within" in caplog.text
    assert np.abs(offsets[0].mean(axis=0) - offsets[1].mean(axis=0)).max() < 2.0


def test_few_stars_among_cosmic_rays_are_no_success(caplog):
    """More than minobj match by chance, and agree to several pixels only: no correction that turns the image."""
    sky, rng = stars(8), np.random.default_rng(6)
    images = []
    for number, (dither, error) in enumerate(zip(DITHERS[:2], ERRORS[:2], strict=True), 1):
        image = exposure(sky, dither, error, number)
        y, x = rng.integers(5, 270, (2, 120))
        image.data[y, x] += rng.uniform(1, 30, 120).astype("f4")
        images.append(image)
    loose = {"starfinder": "dao", "sharplo": -5.0, "sharphi": 5.0, "roundlo": -5.0, "roundhi": 5.0, "brightest": None}
    result = run(images, tolerance=0.7, separation=0.3, **loose)
    assert statuses(result) == ["SKIPPED"] * 2 and "more than a pixel, as by chance" in caplog.text
    assert all("v2v3corr" not in image.meta.wcs.available_frames for image in result)
