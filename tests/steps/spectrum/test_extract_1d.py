"""Extracted spectra of slits: what is known of the scene comes back."""

import json

import numpy as np
import pytest
from slits import ROWS_PER_SLIT, SHAPE, make_bright, make_slits
from spectra import made, ratio
from tilted_slits import smooth, star, tilted_slit

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.pipeline import Spec2Pipeline
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


@pytest.mark.req("X1D-07", "X1D-12", "X1D-13", "X1D-15")
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


@pytest.mark.req("X1D-16", "X1D-34")
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


@pytest.mark.req("X1D-30", "X1D-32")
def test_parameters_of_the_fit_go_before_the_reference(tmp_path):
    model, y = slits(), np.arange(SHAPE[0])[:, None] - 4.0
    for slit in model.slits:
        slit.data[...] = 5 + y**2
    path = reference(tmp_path, aperture(ystart=3, ystop=5, bkg_coeff=[[-0.5], [1.5], [6.5], [8.5]], bkg_order=0))
    assert np.allclose(extract(model, path, bkg_order=2).spec[0].spec_table["SURF_BRIGHT"], 0, atol=1e-6)
    assert not np.allclose(extract(model, path).spec[0].spec_table["SURF_BRIGHT"], 0, atol=1)
    few = reference(tmp_path, aperture(ystart=3, ystop=5, bkg_coeff=[[-0.5], [1.5]]), name="few.json")
    assert np.allclose(extract(model, few, bkg_order=4).spec[0].spec_table["BACKGROUND"], 0)


@pytest.mark.req("X1D-28")
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


@pytest.mark.req("X1D-21", "X1D-22")
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
    assert part.extraction_ystart == pytest.approx(4) and "outside of a slit" in caplog.text


def test_rectified_light_of_a_star_comes_back_within_the_box():
    slit = tilted_slit(star(2.0), smooth)
    rectified = ResampleSpecStep.call(slit, fillval="NAN")
    table = extract(rectified).spec[0].spec_table
    assert np.allclose(table["FLUX"][5:-5], smooth(table["WAVELENGTH"][5:-5]) * AREA * 1e6, rtol=3e-3)


def test_wavelengths_that_no_pixel_of_a_rectified_slit_reached_have_no_flux_instead_of_zero():
    slit = tilted_slit(star(2.0), smooth)
    slit.data[:, 20:40] = np.nan
    empty, zeros = (ResampleSpecStep.call(slit, fillval=value) for value in ("NAN", "INDEF"))
    assert (zeros.data[:, 25:35] == 0).all()
    expected, table = (extract(model).spec[0].spec_table for model in (empty, zeros))
    for name in ("FLUX", "DQ", "NPIXELS", "SURF_BRIGHT"):
        np.testing.assert_array_equal(table[name], expected[name])
    assert np.isnan(table["FLUX"][25:35]).all() and (table["DQ"][25:35] == pixel.DO_NOT_USE).all()


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
    [
        ({"apertures": 3}, "list `apertures`"),
        ({"apertures": [{"src_coeff": [[1.0]]}]}, "even number of lists"),
        ({"apertures": [{"bkg_coeff": [["one"], [2]]}]}, "even number of lists"),
        ({"apertures": [{"id": "S200A1", "extract_width": "six"}]}, "aperture S200A1 .* a number, it is 'six'"),
        ({"apertures": [{"extract_width": 0}]}, "must be positive"),
        ({"apertures": [{"spectral_order": "first"}]}, "spectral_order must be a number"),
        ({"apertures": [{"bkg_fit": "spline"}]}, "bkg_fit must be poly or mean or median"),
        ({"apertures": [{"dispaxis": 3}]}, "dispaxis must be 1 or 2"),
    ],
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


@pytest.mark.req("X1D-62", "X1D-63")
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


@pytest.mark.req("X1D-01")
@pytest.mark.parametrize("kind", ["CubeModel", "SlitModel", "ImageModel", "MultiSlitModel", "ModelContainer"])
def test_models_of_all_kinds_are_extracted(kind):
    one = tilted_slit(star(), smooth)
    if kind == "MultiSlitModel":
        assert len(extract(slits()).spec) == 2
        return
    if kind == "ModelContainer":
        results = extract(datamodels.ModelContainer([one, tilted_slit(star(), smooth)]))
        assert [len(result.spec) for result in results] == [1, 1]
        return
    model = getattr(datamodels, kind)()
    model.update(one)
    model.data = np.stack([one.data] * 2) if kind == "CubeModel" else one.data
    for name in ("var_poisson", "var_rnoise", "var_flat"):
        setattr(model, name, np.broadcast_to(getattr(one, name), model.shape).copy())
    model.meta.wcs = one.meta.wcs
    result = extract(model)
    assert result.model_type == "MultiSpecModel" and len(result.spec) == (2 if kind == "CubeModel" else 1)
    assert np.allclose(result.spec[0].spec_table["FLUX"], extract(one).spec[0].spec_table["FLUX"])


@pytest.mark.req("X1D-06")
@pytest.mark.parametrize("kind", ["NIS_WFSS", "NRC_WFSS"])
def test_of_spectra_without_slits_the_whole_cutout_is_summed(tmp_path, kind):
    slit = tilted_slit(star(), smooth)
    slit.meta.instrument.name, slit.meta.exposure.type = ("NIRISS" if kind[1] == "I" else "NIRCAM"), kind
    slit.wavelength = np.array(slit.meta.wcs(*np.meshgrid(np.arange(60.0), np.arange(30.0)))[2], np.float32)
    slit.wavelength[:, :4] = np.nan
    table = extract(slit, reference(tmp_path, aperture(ystart=3, ystop=5))).spec[0].spec_table
    assert (table["NPIXELS"] == slit.shape[0]).all() and len(table) == slit.shape[1] - 4


@pytest.mark.req("X1D-09")
def test_each_slit_has_a_table_of_its_own_with_its_metadata(tmp_path):
    from astropy.io import fits

    model = slits()
    model.slits[1].source_id = 7
    model.meta.program.pi_name = "Somebody"
    extract(model).save(tmp_path / "x_x1d.fits")
    with fits.open(tmp_path / "x_x1d.fits") as hdus:
        tables = [hdu for hdu in hdus if hdu.name == "EXTRACT1D"]
        assert hdus[0].header["DATAMODL"] == "MultiSpecModel" and hdus[0].header["PI_NAME"] == "Somebody"
        assert [hdu.header["SLTNAME"] for hdu in tables] == ["S200A1", "S400A1"]
        assert tables[1].header["SOURCEID"] == 7 and [len(hdu.data) for hdu in tables] == [SHAPE[1]] * 2


@pytest.mark.req("X1D-11", "X1D-20")
def test_wavelengths_are_those_of_the_array_where_there_is_one_and_limit_what_is_extracted(tmp_path):
    slit = tilted_slit(star(), smooth)
    path = reference(tmp_path, aperture(ystart=-5, ystop=400))
    by_wcs = extract(slit, path).spec[0].spec_table
    assert (by_wcs["NPIXELS"] == slit.shape[0]).all()
    assert np.allclose(by_wcs["WAVELENGTH"][30], slit.meta.wcs(30.0, 14.5)[2], atol=1e-3)
    slit.wavelength = np.full(slit.shape, 3.0, np.float32) + np.arange(60, dtype=np.float32)
    slit.wavelength[:, 50:] = np.nan
    by_array = extract(slit, path).spec[0].spec_table
    assert np.allclose(by_array["WAVELENGTH"], 3.0 + np.arange(50))
    slit.wavelength[...] = 0
    assert np.allclose(extract(slit, path).spec[0].spec_table["WAVELENGTH"], by_wcs["WAVELENGTH"])


@pytest.mark.req("X1D-23")
def test_where_a_source_is_depends_on_the_kind_of_exposure(tmp_path):
    path = reference(tmp_path, aperture(extract_width=3))
    slit = tilted_slit(star(), smooth)
    middle = (slit.shape[0] - 1) / 2

    def place(row):
        return slit.meta.wcs(29.0, row)[:2]

    slit.meta.dither.dithered_ra, slit.meta.dither.dithered_dec = place(middle + 5)
    slit.meta.target.ra, slit.meta.target.dec = place(middle - 4)
    start = extract(slit, path).spec[0].extraction_ystart
    assert start == pytest.approx(1 + middle + 5 - 1, abs=0.1)
    slit.meta.exposure.type = "MIR_LRS-SLITLESS"
    start = extract(slit, path, use_source_posn=True).spec[0].extraction_ystart
    assert start == pytest.approx(1 + middle - 4 - 1, abs=0.1)
    assert extract(slit, path).spec[0].extraction_ystart == pytest.approx(1 + middle - 1, abs=0.1)


@pytest.mark.req("X1D-24", "X1D-29")
def test_a_background_is_subtracted_only_where_the_reference_has_one_and_as_the_user_says(tmp_path):
    model = slits()
    for slit in model.slits:
        slit.data[...] = 5
        slit.data[0] = 50
    path = reference(tmp_path, aperture(ystart=3, ystop=5))
    assert not extract(model, path, subtract_background=True).spec[0].spec_table["BACKGROUND"].any()
    beside = {"bkg_coeff": [[-0.5], [2.5]], "ystart": 3, "ystop": 5}
    path = reference(tmp_path, aperture(**beside), name="poly.json")
    assert np.allclose(extract(model, path).spec[0].spec_table["BACKGROUND"], 20)
    assert np.allclose(extract(model, path, bkg_fit="mean").spec[0].spec_table["BACKGROUND"], 20)
    assert np.allclose(extract(model, path, bkg_fit="median").spec[0].spec_table["BACKGROUND"], 5)
    path = reference(tmp_path, aperture(**beside, bkg_fit="median"), name="median.json")
    assert np.allclose(extract(model, path).spec[0].spec_table["BACKGROUND"], 5)
    assert np.allclose(extract(model, path, bkg_fit="poly").spec[0].spec_table["BACKGROUND"], 20)


@pytest.mark.req("X1D-51", "X1D-52", "X1D-53")
def test_the_aperture_is_chosen_by_slit_and_order_and_other_regions_do_not_count(tmp_path):
    header = {"REFTYPE": "EXTRACT1D", "INSTRUME": "NIRSPEC", "TELESCOP": "JWST", "DETECTOR": "NRS1"}
    header |= {"EXP_TYPE": "NRS_FIXEDSLIT", "PEDIGREE": "GROUND", "DESCRIP": "x", "AUTHOR": "x", "HISTORY": "x"}
    listed = [
        {"id": "S200A1", "region_type": "background", "ystart": 0, "ystop": 7},
        {"id": "S200A1", "spectral_order": 2, "dispaxis": 1, "ystart": 1, "ystop": 1},
        {"id": "s200a1", "spectral_order": 1, "ystart": 2, "ystop": 4},
        {"id": "S400A1", "region_type": "target", "dispaxis": 1, "extract_width": 5},
    ]
    path = tmp_path / "whole.json"
    path.write_text(json.dumps({**header, "USEAFTER": "2014-01-01T00:00:00", "apertures": listed}))
    model = slits()
    for slit in model.slits:
        slit.meta.wcsinfo.spectral_order = 1
    one, two = extract(model, str(path)).spec
    assert (one.spec_table["NPIXELS"] == 3).all() and (two.spec_table["NPIXELS"] == 5).all()
    # The whole detector has no name of a slit; without `dispaxis` light is dispersed as the exposure says.
    turned = tilted_slit(star(), smooth, dispaxis=2)
    turned.meta.exposure.type = "MIR_LRS-SLITLESS"
    table = extract(turned, reference(tmp_path, {"id": "something", "xstart": 4, "xstop": 9})).spec[0].spec_table
    assert (table["NPIXELS"] == 6).all() and len(table) == turned.shape[0]


@pytest.mark.req("X1D-61")
def test_reference_images_are_chosen_by_name_and_order_with_wildcards():
    model = slits()
    for slit in model.slits:
        slit.meta.wcsinfo.spectral_order = 1
    regions, parts = datamodels.MultiExtract1dImageModel(), []
    for name, order, rows in (("S200A1", 2, 1), ("S200A1", 1000, 3), ("ANY", 1, 5)):
        image = np.zeros(SHAPE, np.float32)
        image[:rows] = 1
        part = regions.new_part()
        part.data = image
        part.set_meta("name", name)
        part.set_meta("spectral_order", order)
        parts.append(part)
    regions.images = parts
    one, two = extract(model, regions).spec
    assert (one.spec_table["NPIXELS"] == 3).all() and (two.spec_table["NPIXELS"] == 5).all()


def test_the_aperture_follows_a_trace_that_leans(tmp_path, caplog):
    simulated = made(tmp_path, "miri-lrs-slitless", n_ints=2, noise=0.0)
    slit = Spec2Pipeline.call(str(simulated.exposures[0]), references=str(simulated.references))
    light = simulated.series.sources()[0].light
    lost = {}
    for follows in (False, True):
        spectra = Extract1dStep.call(slit, references=str(simulated.references), follow_trace=follows)
        table = spectra.spec[0].spec_table
        lost[follows] = [1 - np.median(ratio(table, light, ends)[0]) for ends in ((6, 9), (12, 13.5))]
    assert lost[False][1] > 0.008, "the trace leans out of a box that does not"
    assert np.abs(lost[True]).max() < 0.002
    slit.meta.target.ra = None
    Extract1dStep.call(slit, references=str(simulated.references), follow_trace=True)
    assert "The place of the source is not known" in caplog.text


def test_spectra_are_not_extracted_from_spectra():
    with pytest.raises(InputError, match="images, slits and cubes, the input is a MultiSpecModel"):
        extract(extract(slits()))


@pytest.mark.parametrize("limits", [[[-9.0], [-4.0]], [[20.0], [30.0]], [[8.0], [6.0]]])
def test_a_background_without_a_pixel_is_told(tmp_path, limits, caplog):
    table = extract(slits(), reference(tmp_path, aperture(extract_width=5, bkg_coeff=limits))).spec[0].spec_table
    assert (table["BACKGROUND"] == 0).all()
    assert "in the regions of the background" in caplog.text and "nothing is subtracted" in caplog.text


def test_a_background_that_the_reference_lacks_is_told_if_it_is_asked_for(tmp_path, caplog):
    path = reference(tmp_path, aperture(extract_width=5))
    extract(slits(), path)
    assert "bkg_coeff" not in caplog.text
    extract(slits(), path, subtract_background=True)
    assert "has no bkg_coeff: nothing is subtracted" in caplog.text
