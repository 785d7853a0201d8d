"""Extracted spectra of slits: what is known of the scene comes back."""

import json

import numpy as np
import pytest
from slits import ROWS_PER_SLIT, SHAPE, make_bright, make_slits
from tilted_slits import smooth, star, tilted_slit

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.extract_1d import Extract1dStep
from hexcal.steps.spectrum.resample_spec import ResampleSpecStep

AREA = 2e-13


def slits(source_type="EXTENDED", unit="MJy/sr", names=("S200A1", "S400A1")):
    model = make_slits(names, source_type=source_type, value=2.0)
    for slit in model.slits:
        slit.meta.bunit_data, slit.meta.photometry.pixelarea_steradians = unit, AREA
        slit.var_flat = np.full(SHAPE, 4, np.float32)
    return model


def reference(folder, *apertures, name="extract1d.json"):
    path = folder / name
    path.write_text(json.dumps({"reftype": "EXTRACT1D", "apertures": list(apertures)}))
    return str(path)


def aperture(name="ANY", **values):
    return {"id": name, "region_type": "target", "dispaxis": 1, **values}


def extract(model, path="N/A", apcorr="N/A", **parameters):
    return Extract1dStep.call(model, override_extract1d=path, override_apcorr=apcorr, **parameters)


@pytest.mark.req("X1D-12")
@pytest.mark.req("X1D-13")
@pytest.mark.req("X1D-15")
def test_a_box_sums_flux_and_errors_and_divides_by_its_pixels(tmp_path):
    result = extract(slits(), reference(tmp_path, aperture(extract_width=5)))
    assert [part.name for part in result.spec] == ["S200A1", "S400A1"]
    table = result.spec[0].spec_table
    assert np.allclose(table["FLUX"], 2 * 5 * AREA * 1e6) and np.allclose(table["SURF_BRIGHT"], 2)
    assert (table["NPIXELS"] == 5).all() and (table["BACKGROUND"] == 0).all() and (table["DQ"] == 0).all()
    variances = {"POISSON": 9, "RNOISE": 16, "FLAT": 4}
    for name, value in variances.items():
        assert np.allclose(table[f"FLUX_VAR_{name}"], 5 * value * (AREA * 1e6) ** 2)
        assert np.allclose(table[f"SB_VAR_{name}"], value / 5)
    assert np.allclose(table["FLUX_ERROR"], np.sqrt(5 * 29) * AREA * 1e6)
    assert np.allclose(table["WAVELENGTH"], 1.0 + 0.1 * np.arange(SHAPE[1]), atol=1e-6)
    assert (result.spec[0].extraction_ystart, result.spec[0].extraction_ystop) == (3, 7)


@pytest.mark.req("X1D-14", "HDU-15")
def test_fluxes_of_point_sources_are_no_surface_brightness(tmp_path):
    table = extract(slits(unit="MJy"), reference(tmp_path, aperture(extract_width=4))).spec[0].spec_table
    assert np.allclose(table["FLUX"], 8e6)
    assert (table["SURF_BRIGHT"] == 0).all() and (table["SB_ERROR"] == 0).all()


@pytest.mark.req("X1D-27")
def test_a_limit_at_a_whole_number_halves_its_pixel(tmp_path):
    path = reference(tmp_path, aperture(src_coeff=[[2.0], [5.5]]))
    table = extract(slits(), path).spec[0].spec_table
    assert np.allclose(table["NPIXELS"], 3.5)


@pytest.mark.req("X1D-25")
@pytest.mark.req("X1D-26")
def test_limits_may_be_polynomials_of_pixel_or_wavelength_in_several_regions(tmp_path):
    tilted = {"src_coeff": [[1.5, 0.05], [3.5, 0.05], [5.5], [6.5]]}
    by_wave = {"src_coeff": [[1.0, 0.5], [3.0, 0.5], [5.5], [6.5]], "independent_var": "wavelength"}
    model = slits()
    y = np.arange(SHAPE[0])[:, None]
    for slit in model.slits:
        slit.data[...] = y
    path = reference(tmp_path, aperture("S200A1", **tilted), aperture("S400A1", **by_wave))
    one, two = (part.spec_table for part in extract(model, path).spec)
    assert np.allclose(one["NPIXELS"], 3) and np.allclose(one["FLUX"], two["FLUX"], rtol=1e-5)
    low = 1.5 + 0.05 * 10
    weights = np.clip(np.minimum(y[:, 0] + 0.5, low + 2) - np.maximum(y[:, 0] - 0.5, low), 0, 1)
    assert one["FLUX"][10] == pytest.approx((weights @ y[:, 0] + 6) * AREA * 1e6)


@pytest.mark.req("X1D-17")
def test_limits_in_dispersion_direction_are_inclusive_and_cut_to_the_slit(tmp_path):
    path = reference(tmp_path, aperture("S200A1", xstart=5, xstop=9), aperture("S400A1", xstart=-7, xstop=900))
    one, two = extract(slits(), path).spec
    assert len(one.spec_table) == 5 and one.extraction_xstart == 6 and one.extraction_xstop == 10
    assert len(two.spec_table) == SHAPE[1]


@pytest.mark.req("X1D-34")
@pytest.mark.parametrize(("fit", "order"), [("poly", 1), ("poly", 0), ("mean", None), ("median", None)])
def test_a_background_beside_the_source_is_fitted_and_subtracted(tmp_path, fit, order):
    model, y = slits(), np.arange(SHAPE[0])[:, None] - 4.0
    slope = 0.3 if order == 1 else 0.0
    for slit in model.slits:
        slit.data[...] = 5 + slope * y
        slit.data[4] += 10
    beside = {"bkg_coeff": [[-0.5], [1.5], [6.5], [8.5]], "bkg_fit": fit, "bkg_order": order}
    path = reference(tmp_path, aperture(ystart=3, ystop=5, **beside))
    table = extract(model, path).spec[0].spec_table
    assert np.allclose(table["SURF_BRIGHT"], 10 / 3) and np.allclose(table["BACKGROUND"], 5)
    # Mean of 4 pixels, in 3 pixels of the source; a slope about the middle adds nothing there.
    assert np.allclose(table["BKGD_VAR_RNOISE"], 16 / 4)
    assert np.allclose(table["SB_VAR_RNOISE"], 16 / 3 + 16 / 4)
    assert np.allclose(table["BKGD_ERROR"], np.sqrt(29 / 4))
    without = extract(model, path, subtract_background=False).spec[0].spec_table
    assert np.allclose(without["SURF_BRIGHT"], 5 + 10 / 3) and (without["BACKGROUND"] == 0).all()


@pytest.mark.req("X1D-30")
def test_parameters_of_the_fit_go_before_the_reference(tmp_path):
    model, y = slits(), np.arange(SHAPE[0])[:, None] - 4.0
    for slit in model.slits:
        slit.data[...] = 5 + y**2
    path = reference(tmp_path, aperture(ystart=3, ystop=5, bkg_coeff=[[-0.5], [1.5], [6.5], [8.5]], bkg_order=0))
    assert np.allclose(extract(model, path, bkg_order=2).spec[0].spec_table["SURF_BRIGHT"], 0, atol=1e-6)
    assert not np.allclose(extract(model, path).spec[0].spec_table["SURF_BRIGHT"], 0, atol=1)
    few = reference(tmp_path, aperture(ystart=3, ystop=5, bkg_coeff=[[-0.5], [1.5]]), name="few.json")
    assert np.allclose(extract(model, few, bkg_order=4).spec[0].spec_table["BACKGROUND"], 0)


def test_the_background_may_be_smoothed_in_dispersion_direction(tmp_path):
    model = slits()
    for slit in model.slits:
        slit.data[...] = 5
        slit.data[:, 20] = 15
    path = reference(tmp_path, aperture(ystart=3, ystop=5, bkg_coeff=[[-0.5], [1.5]], smoothing_length=5))
    table = extract(model, path).spec[0].spec_table
    assert np.allclose(table["BACKGROUND"][18:23], 7) and table["BACKGROUND"][10] == pytest.approx(5)
    assert extract(model, path, smoothing_length=1).spec[0].spec_table["BACKGROUND"][20] == pytest.approx(15)
    with pytest.raises(ParameterError, match="odd"):
        extract(model, path, smoothing_length=4)


@pytest.mark.req("X1D-21")
def test_the_aperture_of_a_point_source_is_moved_to_it(tmp_path):
    model = slits("POINT")
    for slit in model.slits:
        slit.source_ypos = 0.2
    path = reference(tmp_path, aperture(extract_width=3))
    part = extract(model, path).spec[0]
    assert part.extraction_ystart == pytest.approx(1 + 4 + 0.2 * ROWS_PER_SLIT - 1)
    assert extract(model, path, use_source_posn=False).spec[0].extraction_ystart == pytest.approx(4)
    assert extract(model, path, position_offset=0.5).spec[0].extraction_ystart == pytest.approx(4 + 1.2 + 0.5)
    fixed = reference(tmp_path, aperture(extract_width=3, use_source_posn=False), name="fixed.json")
    assert extract(model, fixed).spec[0].extraction_ystart == pytest.approx(4)
    assert extract(model, fixed, use_source_posn=True).spec[0].extraction_ystart == pytest.approx(5.2)
    assert extract(slits("EXTENDED"), path).spec[0].extraction_ystart == pytest.approx(4)


def test_a_source_beside_its_slit_leaves_the_aperture_where_it_is(tmp_path, caplog):
    model = slits("POINT")
    model.slits[0].source_ypos = 5.0
    part = extract(model, reference(tmp_path, aperture(extract_width=3))).spec[0]
    assert part.extraction_ystart == pytest.approx(4) and "beside it" in caplog.text


def test_rectified_light_of_a_star_comes_back_within_the_box():
    slit = tilted_slit(star(2.0), smooth)
    rectified = ResampleSpecStep.call(slit, fillval="NAN")
    table = extract(rectified).spec[0].spec_table
    assert np.allclose(table["FLUX"][5:-5], smooth(table["WAVELENGTH"][5:-5]) * AREA * 1e6, rtol=3e-3)


@pytest.mark.req("X1D-05")
def test_slits_without_an_aperture_are_left_out_and_the_others_go_on(tmp_path, caplog):
    path = reference(tmp_path, aperture("S400A1", extract_width=3))
    assert [part.name for part in extract(slits(), path).spec] == ["S400A1"]
    assert "Not extracted: slit S200A1" in caplog.text and "has no aperture for S200A1" in caplog.text
    none = extract(slits(), reference(tmp_path, aperture("S1600A1"), name="other.json"))
    assert none.meta.cal_step.extract_1d == "SKIPPED" and isinstance(none, datamodels.MultiSlitModel)


def test_a_slit_without_a_good_pixel_has_no_flux_and_one_beside_its_aperture_is_left_out(tmp_path, caplog):
    model = slits()
    model.slits[0].data[...] = np.nan
    path = reference(tmp_path, aperture("S200A1"), aperture("S400A1", ystart=50, ystop=60))
    result = extract(model, path)
    assert [part.name for part in result.spec] == ["S200A1"]
    table = result.spec[0].spec_table
    assert np.isnan(table["FLUX"]).all() and (table["DQ"] == pixel.DO_NOT_USE).all() and (table["NPIXELS"] == 0).all()
    assert "lies beside the slit" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [({"apertures": 3}, "list `apertures`"), ({"apertures": [{"src_coeff": [[1.0]]}]}, "even number of lists")],
)
def test_a_reference_that_cannot_be_used_says_what_it_lacks(tmp_path, content, message):
    (tmp_path / "bad.json").write_text(json.dumps(content))
    with pytest.raises(ReferenceError_, match=message):
        extract(slits(), str(tmp_path / "bad.json"))


@pytest.mark.req("X1D-03")
def test_rates_of_integrations_of_fixed_slits_are_not_extracted():
    model = make_bright()
    model.meta.exposure.type = "NRS_FIXEDSLIT"
    assert extract(model).meta.cal_step.extract_1d == "SKIPPED"


@pytest.mark.req("X1D-04")
def test_count_rates_stay_count_rates(tmp_path, caplog):
    table = extract(slits(unit="DN/s"), reference(tmp_path, aperture(extract_width=4))).spec[0].spec_table
    assert np.allclose(table["FLUX"], 8) and "not calibrated" in caplog.text


def bright():
    model = make_bright(3)
    model.meta.bunit_data, model.meta.photometry.pixelarea_steradians = "MJy", AREA
    model.data *= np.arange(1, 4, dtype=np.float32)[:, None, None]
    times = [(n, *(60000 + n + k / 8 for k in range(6))) for n in (1, 2, 3)]
    names = [f"int_{when}_{kind}" for kind in ("MJD_UTC", "BJD_TDB") for when in ("start", "mid", "end")]
    model.int_times = np.array(times, [("integration_number", "i4"), *((name, "f8") for name in names)])
    return model


def test_each_integration_of_a_time_series_has_its_spectrum_and_its_time():
    result = extract(bright())
    assert [part.get_meta("int_num") for part in result.spec] == [1, 2, 3]
    assert [part.get_meta("mid_time_mjd") for part in result.spec] == [60001.125, 60002.125, 60003.125]
    for number, part in enumerate(result.spec):
        assert np.allclose(part.spec_table["FLUX"], (number + 1) * 12 * SHAPE[0] * 1e6)
    assert len(result.int_times) == 3


def test_integrations_may_be_rows_of_one_table(tmp_path):
    result = extract(bright(), integrations_as="rows")
    result.save(tmp_path / "x_x1dints.fits")
    with datamodels.open(tmp_path / "x_x1dints.fits") as stored:
        table = stored.spec[0].spec_table
        assert table["FLUX"].shape == (3, SHAPE[1]) and list(table["INT_NUM"]) == [1, 2, 3]
        assert np.allclose(table["MJD-AVG"], [60001.125, 60002.125, 60003.125])
    assert result.model_type == "TSOMultiSpecModel"


def test_an_image_may_say_what_is_source_and_what_background():
    image = np.zeros(SHAPE, np.float32)
    image[3:6], image[0], image[8] = 1, -1, -1
    model = slits()
    for slit in model.slits:
        slit.data[...] = 5
        slit.data[4] += 9
    regions = datamodels.MultiExtract1dImageModel()
    part = regions.new_part()
    part.data = image[:, : SHAPE[1] - 4]
    regions.images = [part]
    table = extract(model, regions).spec[0].spec_table
    assert np.allclose(table["SURF_BRIGHT"][:-4], 3) and np.allclose(table["BACKGROUND"][:-4], 5)
    assert np.isnan(table["FLUX"][-4:]).all()


def test_an_exposure_without_the_direction_of_dispersion_says_so():
    slit = tilted_slit(star(), smooth)
    slit.meta.wcsinfo.dispersion_direction = None
    result = extract(slit)
    assert result.meta.cal_step.extract_1d == "SKIPPED"


def test_soss_is_refused_with_a_hint():
    slit = tilted_slit(star(), smooth)
    slit.meta.instrument.name, slit.meta.exposure.type = "NIRISS", "NIS_SOSS"
    with pytest.raises(InputError, match="not in this version"):
        extract(slit)


@pytest.mark.req("X1D-10")
def test_the_columns_of_a_spectrum_have_their_documented_order_types_and_units(tmp_path):
    from astropy.io import fits

    extract(slits(), reference(tmp_path, aperture(extract_width=5))).save(tmp_path / "x_x1d.fits")
    with fits.open(tmp_path / "x_x1d.fits") as hdus:
        columns = hdus["EXTRACT1D", 1].columns
        flux, brightness = ["Jy", "Jy", *["Jy^2"] * 3], ["MJy/sr", "MJy/sr", *["MJy^2/sr^2"] * 3]
        assert columns.names == _expected()
        units = ["um", *flux, *brightness, None, *brightness, None]
        assert [column.unit and column.unit.replace(" ", "") for column in columns] == units
        assert [str(column.format) for column in columns] == ["J" if name == "DQ" else "D" for name in columns.names]


_PARTS = ("ERROR", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")


def _expected():
    named = {"FLUX": "FLUX", "SURF_BRIGHT": "SB", "BACKGROUND": "BKGD"}
    groups = [[first, *(f"{kind}_{part}" for part in _PARTS)] for first, kind in named.items()]
    return ["WAVELENGTH", *groups[0], *groups[1], "DQ", *groups[2], "NPIXELS"]


@pytest.mark.req("X1D-18")
@pytest.mark.req("X1D-19")
def test_a_width_goes_before_limits_and_polynomials_before_both(tmp_path):
    limits = {"ystart": 2, "ystop": 7}
    wide = reference(tmp_path, aperture(**limits, extract_width=3), name="wide.json")
    assert (extract(slits(), wide).spec[0].extraction_ystart, extract(slits(), wide).spec[0].extraction_ystop) == (
        4.5,
        6.5,
    )
    curved = reference(tmp_path, aperture(**limits, extract_width=3, src_coeff=[[0.5], [1.5]], xstart=3, xstop=8))
    part = extract(slits(), curved).spec[0]
    assert (part.spec_table["NPIXELS"] == 1).all() and part.extraction_ystart == 2 and len(part.spec_table) == 6


@pytest.mark.req("X1D-33")
def test_the_log_says_how_many_integrations_are_done(caplog):
    with caplog.at_level("INFO"):
        extract(bright(), log_increment=2)
    assert "2 integrations done" in caplog.text and "3 integrations done" not in caplog.text
    caplog.clear()
    with caplog.at_level("INFO"):
        extract(bright(), log_increment=0)
    assert "integrations done" not in caplog.text
