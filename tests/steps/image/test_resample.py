"""The step resample: from exposures to a mosaic."""

import logging

import asdf
import numpy as np
import pytest
from sky_projections import point, tangent_plane

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.models.container import ModelContainer
from hexcal.models.dqflags import pixel
from hexcal.models.stored_wcs import opened
from hexcal.steps.image.output_size import OutputTooLargeError, doubts, images_of
from hexcal.steps.image.output_wcs import tangent_plane as plane
from hexcal.steps.image.resample import ResampleStep
from hexcal.steps.wcs.evaluate import sky_to_pixel

SHAPE, SCALE = (40, 50), 1e-5
RA, DEC = 10.0, -20.0


def exposure(number=0, dx=0.0, dy=0.0, value=5.0, seed=None, **keywords):
    """An image whose centre lies dx, dy pixels from that of the first."""
    random = np.random.default_rng(number if seed is None else seed)
    image = datamodels.ImageModel(np.full(SHAPE, value, np.float32))
    image.dq = np.zeros(SHAPE, np.uint32)
    image.var_rnoise = random.uniform(0.5, 2, SHAPE).astype("f4")
    image.var_poisson, image.var_flat = np.full(SHAPE, 0.3, "f4"), np.full(SHAPE, 0.1, "f4")
    image.meta.telescope, image.meta.instrument.name, image.meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    image.meta.exposure.type, image.meta.instrument.filter = "NRC_IMAGE", "F200W"
    image.meta.filename = f"jw00001001001_02101_0000{number + 1}_nrca1_cal.fits"
    observation = image.meta.observation
    observation.program_number, observation.observation_number, observation.visit_number = "00001", "001", "001"
    observation.visit_group, observation.sequence_id, observation.activity_id = "02", "1", "01"
    observation.exposure_number, observation.date = str(number + 1), f"2024-01-0{number + 1}"
    for name in ("exposure_time", "effective_exposure_time", "duration", "measurement_time"):
        image.set_meta(f"meta.exposure.{name}", 100.0 + number)
    image.meta.exposure.start_time, image.meta.exposure.end_time = 60000.0 + number, 60000.1 + number
    for path, content in keywords.items():
        image.set_meta(path.replace("__", "."), content)
    ra, dec = RA - dx * SCALE / np.cos(np.radians(DEC)), DEC + dy * SCALE
    centre = ((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)
    image.meta.wcs = tangent_plane(ra, dec, SCALE, centre, SHAPE)
    return point(image, ra_ref=ra, dec_ref=dec, roll_ref=0.0, v3yangle=0.0, vparity=-1)


def pair(**details):
    return [exposure(0, **details), exposure(1, 3.3, -2.7, **details)]


def run(models, **parameters):
    return ResampleStep.call(models, override_drizpars="N/A", **parameters)


@pytest.mark.req("RSMP-01", "RSMP-02", "RSMP-29")
def test_a_single_exposure_becomes_an_image_on_a_tangent_plane(tmp_path):
    image = exposure()
    result = run(image, output_dir=str(tmp_path))
    wcs, info = result.meta.wcs, result.meta.wcsinfo
    assert (info.ctype1, info.ctype2, info.wcsaxes) == ("RA---TAN", "DEC--TAN", 2)
    assert sky_to_pixel(wcs, info.crval1, info.crval2) == pytest.approx((info.crpix1 - 1, info.crpix2 - 1), abs=1e-6)
    assert (info.pc1_1, info.pc2_2) == pytest.approx((-1, 1))
    assert info.cdelt1 == pytest.approx(SCALE, rel=1e-5)
    assert info.v2_ref is None and info.roll_ref is None
    assert result.meta.photometry.pixelarea_arcsecsq == pytest.approx((SCALE * 3600) ** 2, rel=1e-5)
    assert result.meta.photometry.pixelarea_steradians == pytest.approx(np.radians(SCALE) ** 2, rel=1e-5)
    assert info.s_region.startswith("POLYGON ICRS")
    assert np.nanmedian(result.data) == pytest.approx(5)
    assert result.meta.cal_step.resample == "COMPLETE"
    saved = datamodels.open(next(tmp_path.glob("*_resample.fits")))
    assert not saved.has("dq") and not saved.has("hdrtab")
    assert (saved.meta.resample.pointings, saved.meta.resample.weight_type) == (1, "ivm")
    assert (saved.meta.resample.pixfrac, saved.meta.resample.pixel_scale_ratio) == (1, 1)


@pytest.mark.req("RSMP-10", "RSMP-23", "BLEND-17", "BLEND-18")
def test_layout_of_the_product(tmp_path):
    run(pair(), output_file="both", output_dir=str(tmp_path))
    from astropy.io import fits

    with fits.open(tmp_path / "both_resample.fits") as hdus:
        names = {hdu.name for hdu in hdus}
        assert names == {
            *("PRIMARY", "SCI", "ERR", "CON", "WHT", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT", "HDRTAB", "ASDF")
        }
        ny, nx = hdus["SCI"].shape
        assert hdus["CON"].shape == (1, ny, nx) and hdus["CON"].header["BITPIX"] == 32
        assert list(hdus["HDRTAB"].data["FILENAME"]) == [image.meta.filename for image in pair()]
        assert "DATE-OBS" in hdus["HDRTAB"].columns.names
    run(pair(), output_file="plain", output_dir=str(tmp_path), blendheaders=False)
    with fits.open(tmp_path / "plain_resample.fits") as hdus:
        assert "HDRTAB" not in hdus


@pytest.mark.req("RSMP-21")
def test_values_are_weighted_means():
    images = pair()
    images[1].data[:] = 9
    for image, variance in zip(images, (1.0, 3.0), strict=True):
        image.var_rnoise[:] = variance
    for weight_type, weights in (("ivm", (1, 1 / 3)), ("exptime", (100, 101)), (None, (1, 1))):
        result = run(images, weight_type=weight_type)
        inside = (slice(15, 25), slice(20, 30))
        expected = (5 * weights[0] + 9 * weights[1]) / sum(weights)
        np.testing.assert_allclose(result.data[inside], expected, rtol=1e-5)
        np.testing.assert_allclose(result.wht[inside], sum(weights), rtol=1e-3)
        assert result.meta.resample.weight_type == weight_type
    images[0].var_rnoise = images[1].var_rnoise = None
    np.testing.assert_allclose(run(images).data[inside], 7, rtol=1e-5)


@pytest.mark.req("RSMP-09", "ERR-12")
def test_errors_are_those_of_the_weighted_mean():
    images = pair()
    for image, variance in zip(images, (1.0, 3.0), strict=True):
        image.var_rnoise[:] = variance
    result = run(images)
    inside = (slice(15, 25), slice(20, 30))
    np.testing.assert_allclose(result.var_rnoise[inside], 0.75, rtol=1e-5)
    np.testing.assert_allclose(result.var_poisson[inside], 0.3 * (1 + 1 / 9) / (4 / 3) ** 2, rtol=1e-5)
    total = result.var_rnoise + result.var_poisson + result.var_flat
    np.testing.assert_allclose(result.err[inside], np.sqrt(total[inside]), rtol=1e-6)
    finer = run(images, pixel_scale_ratio=0.5)
    np.testing.assert_allclose(finer.var_rnoise[30:50, 40:60], 0.75 * 4, rtol=1e-5)


def test_context_tells_which_exposure_contributed():
    result = run(pair())
    assert set(np.unique(result.con)) == {0, 1, 2, 3}
    assert run(pair(), enable_ctx=False).con is None


@pytest.mark.req("BLEND-16")
def test_exposure_times_count_detectors_of_one_exposure_once():
    images = pair()
    detector = exposure(1, 40.0, 0.0)
    detector.meta.instrument.detector = "NRCA2"
    result = run([*images, detector])
    assert result.meta.exposure.exposure_time == 201
    assert result.meta.exposure.effective_exposure_time == 201
    assert result.meta.resample.product_exposure_time == 201
    assert result.meta.resample.pointings == 2
    assert result.meta.instrument.detector == "MULTIPLE"
    assert result.meta.wcsinfo.crval1 != images[0].meta.wcsinfo.crval1 and result.meta.wcsinfo.crpix1 is not None
    assert result.meta.wcs is not images[0].meta.wcs and result.meta.wcs.array_shape == result.data.shape
    assert (result.meta.exposure.start_time, result.meta.exposure.end_time) == (60000.0, 60001.1)


@pytest.mark.req("RSMP-11")
@pytest.mark.parametrize("subtracted", [False, True])
def test_background_that_was_not_subtracted_is(subtracted):
    images = pair()
    for image, level in zip(images, (0.5, 1.5), strict=True):
        image.data += level if not subtracted else 0
        image.meta.background.level, image.meta.background.subtracted = level, subtracted
    result = run(images)
    np.testing.assert_allclose(result.data[15:25, 20:30], 5, rtol=1e-5)
    assert result.meta.background.level is None


@pytest.mark.req("RSMP-20")
@pytest.mark.parametrize(("fillval", "expected"), [("INDEF", 0.0), ("NAN", np.nan), ("-7.5", -7.5)])
def test_pixels_without_data(fillval, expected):
    result = run(pair(), fillval=fillval)
    empty = result.wht == 0
    assert empty.any()
    assert np.array_equal(result.data[empty], np.full(empty.sum(), expected), equal_nan=True)
    with pytest.raises(ParameterError, match="fillval must be a number"):
        run(pair(), fillval="nothing")


@pytest.mark.req("RSMP-22", "RSMP-25")
def test_single_gives_each_exposure_by_itself_on_the_common_grid():
    detector = exposure(1, 40.0, 0.0, value=9.0)
    detector.meta.instrument.detector = "NRCA2"
    first, second = run([*pair(), detector], single=True)
    assert first.data.shape == second.data.shape
    assert first.meta.wcsinfo.crval1 == second.meta.wcsinfo.crval1
    assert set(np.unique(first.con)) == {0, 1}
    assert set(np.unique(second.con)) == {0, 1, 2, 3}
    assert {5.0, 9.0} <= set(np.unique(second.data.round(3)))


@pytest.mark.req("RSMP-14", "RSMP-15", "RSMP-16", "RSMP-17", "RSMP-18")
def test_parameters_of_the_grid():
    finer = run(exposure(), pixel_scale_ratio=0.5)
    assert finer.data.shape == pytest.approx((80, 100), abs=1)
    assert finer.meta.resample.pixel_scale_ratio == 0.5
    arcsec = run(exposure(), pixel_scale=0.072, pixel_scale_ratio=0.5)
    assert arcsec.meta.wcsinfo.cdelt1 * 3600 == pytest.approx(0.072)
    assert arcsec.meta.resample.pixel_scale_ratio == pytest.approx(2, rel=1e-4)
    turned = run(exposure(), rotation=90.0)
    assert turned.data.shape == pytest.approx((50, 40), abs=1)
    placed = run(exposure(), crpix="5,6", crval=f"{RA},{DEC}", output_shape="30,20")
    assert placed.data.shape == (20, 30)
    assert (placed.meta.wcsinfo.crpix1, placed.meta.wcsinfo.crpix2) == (6, 7)
    with pytest.raises(ParameterError, match="output_shape must be positive"):
        run(exposure(), output_shape=[0, 5])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"rotation": float("nan")}, "rotation"),
        ({"pixel_scale": float("inf")}, "pixel_scale"),
        ({"pixel_scale_ratio": float("inf")}, "pixel_scale_ratio"),
        ({"crpix": [float("nan"), 3.0]}, "crpix"),
        ({"crpix": [float("inf"), 3.0]}, "crpix must be x and y of a pixel"),
        ({"crval": [53.16, -95.0]}, "crval must be RA and Dec"),
    ],
)
def test_numbers_that_are_no_place_size_or_angle_are_refused_by_name(parameters, said):
    with pytest.raises(ParameterError, match=said):
        run(exposure(), **parameters)


@pytest.mark.req("RSMP-19")
def test_grid_of_a_file(tmp_path):
    pc = np.array([[-1.0, 0.0], [0.0, 1.0]])
    wcs = plane((10.0, 20.0), (RA, DEC), pc, 2 * SCALE)
    path = tmp_path / "grid.asdf"
    asdf.AsdfFile({"wcs": opened(wcs), "pixel_shape": [25, 30]}).write_to(path)
    result = run(exposure(), output_wcs=str(path), crpix=[1, 1], rotation=77.0)
    assert result.data.shape == (30, 25)
    assert result.meta.wcsinfo.crpix1 == 11
    assert result.meta.photometry.pixelarea_arcsecsq == pytest.approx((2 * SCALE * 3600) ** 2, rel=1e-4)
    assert result.meta.resample.pixel_scale_ratio == pytest.approx(2, rel=1e-4)
    middle = plane((4.0, 4.0), (RA, DEC), pc, 2 * SCALE)
    asdf.AsdfFile({"wcs": opened(middle), "pixel_shape": [25, 30], "pixel_area": 3e-14}).write_to(path)
    given = run(exposure(), output_wcs=str(path), output_shape=[9, 8])
    assert given.data.shape == (8, 9)
    assert given.meta.photometry.pixelarea_steradians == 3e-14


def test_flags_of_contributing_pixels():
    image = exposure()
    image.dq[20, 20] = pixel.JUMP_DET
    image.dq[10, 10] = pixel.DO_NOT_USE | pixel.SATURATED
    result = run(image, propagate_dq=True)
    assert set(np.unique(result.dq)) == {0, pixel.JUMP_DET}
    assert 1 <= np.count_nonzero(result.dq) <= 4


@pytest.mark.parametrize(("name", "gone"), [("enable_err", "err"), ("report_var", "var_rnoise")])
def test_what_is_not_asked_for_is_not_written(name, gone):
    result = run(exposure(), **{name: False})
    assert not result.has(gone)
    assert result.has("err") == (name == "report_var")


@pytest.mark.parametrize("order", [1, 3])
def test_map_exact_interpolated_and_by_steps(order):
    exact = run(pair(), exact_pixmap=True)
    for details in ({}, {"pixmap_stepsize": 7.0, "pixmap_order": order}):
        other = run(pair(), **details)
        firm = exact.wht > 0.1
        np.testing.assert_allclose(other.wht[firm], exact.wht[firm], rtol=2e-3)


@pytest.mark.req("RSMP-24")
def test_a_mosaic_that_does_not_fit_is_refused_with_the_exposure_that_points_away(monkeypatch):
    away = exposure(2, 1_000_000.0, 1_000_000.0)
    with pytest.raises(OutputTooLargeError, match=r"jw00001001001_02101_00003_nrca1_cal.fits lies .* arcmin"):
        run([*pair(), away])
    with pytest.raises(
        OutputTooLargeError, match=r"00001_nrca1_cal.fits and .*00003_nrca1_cal.fits lie 859\.\d arcmin apart"
    ):
        run([exposure(), away])
    with pytest.raises(OutputTooLargeError, match=r"would have \d\.\d+e\+\d+ x .* pixels"):
        run(pair(), pixel_scale=1e-300)
    with pytest.raises(OutputTooLargeError, match="ask for fewer pixels"):
        run(pair(), pixel_scale_ratio=1e-4)
    with pytest.raises(OutputTooLargeError, match="allowed"):
        run(pair(), allowed_memory=1e-9)
    monkeypatch.setenv("DMODEL_ALLOWED_MEMORY", "1e-9")
    with pytest.raises(OutputTooLargeError, match="allowed"):
        run(pair())
    assert run(pair(), allowed_memory=0.5).data.size
    assert ResampleStep().in_memory is True and ResampleStep().allowed_memory is None
    monkeypatch.setenv("DMODEL_ALLOWED_MEMORY", "half")
    with pytest.raises(ParameterError, match="DMODEL_ALLOWED_MEMORY"):
        run(pair())


def test_exposures_that_do_not_overlap_lie_side_by_side():
    result = run([exposure(0), exposure(1, 200.0, 0.0, value=9.0)], fillval="NAN")
    assert {5.0, 9.0} == set(np.unique(result.data[np.isfinite(result.data)].round(3)))
    assert set(np.unique(result.con)) == {0, 1, 2}


def test_all_flagged(caplog):
    image = exposure()
    image.dq[:] = pixel.DO_NOT_USE
    with caplog.at_level(logging.WARNING):
        result = run(image, fillval="NAN")
    assert np.isnan(result.data).all()
    assert "the mosaic is empty" in caplog.text
    with_one = run([image, exposure(1)])
    assert set(np.unique(with_one.con)) <= {0, 2}


@pytest.mark.parametrize("models", [[], "none"])
def test_no_exposure_and_no_wcs(models):
    if models == "none":
        image = exposure()
        image.meta.wcs = None
        with pytest.raises(InputError, match="has no WCS"):
            run([image])
        return
    with pytest.raises(InputError):
        run(models)


@pytest.mark.parametrize("in_memory", [True, False])
def test_input_is_untouched_and_where_it_waits_changes_nothing(in_memory):
    images = pair()
    before = [image.data.copy() for image in images]
    result = run(images, in_memory=in_memory)
    assert all(np.array_equal(image.data, data) for image, data in zip(images, before, strict=True))
    assert np.array_equal(result.data, run(pair()).data)


def test_a_grid_that_no_exposure_lies_on_is_refused():
    away = {"crval": [RA + 1.0, DEC], "crpix": [10.0, 10.0], "output_shape": [20, 20]}
    with pytest.raises(ParameterError, match=r"of 20 x 20 pixels about RA 11\.0.*nearest is 56\.\d arcmin away"):
        run(pair(), **away)
    run(pair(), crval=[RA, DEC], crpix=[10.0, 10.0], output_shape=[20, 20])


def test_a_reference_point_beyond_the_horizon_is_refused():
    with pytest.raises(ParameterError, match=r"180\.0 degrees from crval = 190\.0, 20\.0.*nrca1_cal.fits"):
        run(pair(), crval=[RA + 180.0, -DEC])


def test_a_reference_point_far_away_is_told(caplog):
    caplog.set_level(logging.WARNING)
    run(pair(), crval=[RA, DEC + 1.0])
    assert "crval" not in caplog.text
    run(pair(), crval=[RA, DEC + 10.0])
    assert (
        "crval lies 10 degrees from an exposure, whose pixels in the mosaic are therefore 2.3 % smaller" in caplog.text
    )


def test_a_mosaic_that_is_nearly_empty_names_the_exposure_that_points_away(caplog):
    caplog.set_level(logging.WARNING)
    result = run([*pair(), exposure(2, 700.0, 0.0)])
    assert result.shape[1] > 700
    assert "of the mosaic is empty" not in caplog.text, "it has 10 % of exposures"
    run([*pair(), exposure(2, 900.0, 900.0)])
    assert "% of the mosaic is empty: jw00001001001_02101_00003_nrca1_cal.fits lies" in caplog.text


def test_large_mosaics_of_exposures_that_touch_are_not_doubted():
    tiles = [exposure(number, 45.0 * number, 0.0) for number in range(9)]
    assert list(doubts((40, 450), 1.0, images_of(ModelContainer(tiles)))) == []
    assert list(doubts((450, 450), 1.0, images_of(ModelContainer(tiles)))) == [], "one is as far as the next"


def test_images_in_different_units_are_refused():
    images = pair(meta__bunit_data="MJy/sr")
    images[1].meta.bunit_data = "DN/s"
    with pytest.raises(InputError, match="different units"):
        run(images)
    images[1].meta.bunit_data = None
    assert run(images).meta.bunit_data == "MJy/sr"
