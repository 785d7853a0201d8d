"""From count rate to surface brightness."""

import math

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.steps.flux.photom import PhotomStep

SHAPE = (4, 5)
MODES = {
    "NIRCAM": ("NRCA1", "NRC_IMAGE", "F200W", "CLEAR"),
    "NIRISS": ("NIS", "NIS_IMAGE", "CLEAR", "F200W"),
    "MIRI": ("MIRIMAGE", "MIR_IMAGE", "F770W", None),
    "FGS": ("GUIDER1", "FGS_IMAGE", None, None),
    "NIRSPEC": ("NRS1", "NRS_IMAGE", "F110W", None),
}
TABLES = {
    "NIRCAM": datamodels.NrcImgPhotomModel,
    "NIRISS": datamodels.NisImgPhotomModel,
    "MIRI": datamodels.MirImgPhotomModel,
    "FGS": datamodels.FgsImgPhotomModel,
}
ELEMENTS = {
    "NIRCAM": [("filter", "S12"), ("pupil", "S12")],
    "NIRISS": [("filter", "S12"), ("pupil", "S12")],
    "MIRI": [("filter", "S12"), ("subarray", "S15")],
    "FGS": [],
}
NIRCAM_ROWS = [("F090W", "CLEAR", 9, 0.1), ("F200W", "F323N", 3, 0.1), ("F200W", "CLEAR", 2, 0.1)]
MICROJANSKY = 23.504430539095884


def image(instrument="NIRCAM", shape=SHAPE, subarray="FULL", start=(1, 1), **meta):
    kind = datamodels.CubeModel if len(shape) == 3 else datamodels.ImageModel
    model = kind(np.full(shape, 10, "f4"), err=np.full(shape, 2, "f4"), dq=np.zeros(shape, "u4"))
    model.var_poisson, model.var_rnoise = np.full(shape, 3, "f4"), np.full(shape, 1, "f4")
    model.var_flat = np.full(shape, 0.5, "f4")
    detector, exposure_type, filter_name, pupil = MODES[instrument]
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", instrument, detector
    model.meta.instrument.filter, model.meta.instrument.pupil = filter_name, pupil
    model.meta.exposure.type, model.meta.exposure.mid_time = exposure_type, 60096.5
    model.meta.subarray.name, model.meta.subarray.xstart, model.meta.subarray.ystart = subarray, *start
    model.meta.bunit_data = model.meta.bunit_err = "DN/s"
    for path, value in meta.items():
        model.set_meta(f"meta.{path.replace('__', '.')}", value)
    return model


def factors(rows, instrument="NIRCAM", sr=1e-13, a2=4e-3, **tables):
    columns = [*ELEMENTS[instrument], ("photmjsr", "f4"), ("uncertainty", "f4")]
    reference = TABLES[instrument](phot_table=np.array(rows, columns))
    reference.meta.reftype, reference.meta.instrument.name = "PHOTOM", instrument
    reference.meta.photometry.pixelarea_steradians, reference.meta.photometry.pixelarea_arcsecsq = sr, a2
    for name, table in tables.items():
        setattr(reference, name, table)
    return reference


def areas(shape=SHAPE, sr=2e-13, a2=5e-3):
    values = 1 + np.arange(np.prod(shape), dtype="f4").reshape(shape) / 100
    reference = datamodels.PixelAreaModel(values)
    reference.meta.reftype = "AREA"
    reference.meta.photometry.pixelarea_steradians, reference.meta.photometry.pixelarea_arcsecsq = sr, a2
    return reference


def run(model, photom, area="N/A", **parameters):
    return PhotomStep.call(model, override_photom=photom, override_area=area, **parameters)


@pytest.mark.req("PHOT-03", "ERR-10")
@pytest.mark.parametrize("shape", [SHAPE, (3, *SHAPE)])
def test_data_and_variances_are_multiplied(shape):
    result = run(image(shape=shape), factors(NIRCAM_ROWS))
    assert result.shape == shape
    for name, value in (("data", 20), ("err", 4), ("var_poisson", 12), ("var_rnoise", 4), ("var_flat", 2)):
        assert (getattr(result, name) == value).all(), name
    assert (result.dq == 0).all()
    assert result.meta.cal_step.photom == "COMPLETE"
    assert result.meta.bunit_data == result.meta.bunit_err == "MJy/sr"
    assert result.meta.photometry.conversion_megajanskys == 2
    assert math.isclose(result.meta.photometry.conversion_microjanskys, 2 * MICROJANSKY)


def test_dividing_takes_the_conversion_back():
    given = image()
    back = run(run(given, factors(NIRCAM_ROWS)), factors(NIRCAM_ROWS), inverse=True)
    for name in ("data", "err", "var_poisson", "var_rnoise", "var_flat"):
        assert np.allclose(getattr(back, name), getattr(given, name))
    assert back.meta.bunit_data == back.meta.bunit_err == "DN/s"


@pytest.mark.req("PHOT-20", "PHOT-22")
@pytest.mark.parametrize(
    ("instrument", "rows", "meta", "expected"),
    [
        ("NIRCAM", NIRCAM_ROWS, {"instrument__pupil": "F323N"}, 3),
        ("NIRISS", [("CLEAR", "F200W", 4, 0.1), ("F277W", "CLEARP", 5, 0.1)], {}, 4),
        (
            "NIRISS",
            [("F277W", "NRM", 5, 0.1)],
            {"instrument__filter": "F277W", "instrument__pupil": "NRM", "exposure__type": "NIS_AMI"},
            5,
        ),
        ("MIRI", [("F770W", "FULL", 2, 0.1), ("F770W", "SUB64", 3, 0.1)], {"subarray__name": "SUB64"}, 3),
        ("MIRI", [("F770W", "SUB64", 3, 0.1), ("F770W", "GENERIC", 6, 0.1)], {}, 6),
        ("FGS", [(7, 0.1), (8, 0.1)], {}, 7),
    ],
)
def test_the_row_is_that_of_the_setting(instrument, rows, meta, expected, tmp_path):
    reference = factors(rows, instrument)
    reference.save(tmp_path / "photom.fits")
    for source in (reference, str(tmp_path / "photom.fits")):
        result = run(image(instrument, **meta), source)
        assert result.meta.photometry.conversion_megajanskys == expected
        assert (result.data == 10 * expected).all()
        assert result.meta.photometry.pixelarea_steradians == 1e-13
        assert result.meta.photometry.pixelarea_arcsecsq == 4e-3


@pytest.mark.req("PHOT-11")
@pytest.mark.parametrize(
    ("instrument", "rows"),
    [
        ("NIRCAM", NIRCAM_ROWS),
        ("NIRISS", [("CLEAR", "F200W", 4, 0.1)]),
        ("MIRI", [("F770W", "GENERIC", 6, 0.1)]),
        ("FGS", [(7, 0.1)]),
    ],
)
def test_the_map_of_areas_is_copied_for_all_instruments(instrument, rows, tmp_path):
    result = run(image(instrument), factors(rows, instrument), areas())
    result.save(tmp_path / "a_cal.fits")
    with datamodels.open(tmp_path / "a_cal.fits") as model:
        assert np.array_equal(model.area, areas().data)
    assert run(image(instrument), factors(rows, instrument)).area is None


@pytest.mark.req("PHOT-30")
def test_a_table_of_grism_factors_is_written_and_read(tmp_path):
    columns = [("filter", "S12"), ("pupil", "S15"), ("order", "i2"), ("photmjsr", "f4"), ("uncertainty", "f4")]
    curves = [(name, "f4", (437,)) for name in ("wavelength", "relresponse", "reluncertainty")]
    table = np.zeros(2, [*columns, ("nelem", "i2"), *curves])
    table["filter"], table["pupil"], table["order"], table["nelem"] = ("GR150C", "GR150R"), "F140M", (1, 2), 437
    table["wavelength"] = np.linspace(1, 2, 437, dtype="f4")
    datamodels.NrcWfssPhotomModel(phot_table=table).save(tmp_path / "photom.fits")
    model = datamodels.open(tmp_path / "photom.fits")
    assert model.model_type == "NrcWfssPhotomModel"
    for name in table.dtype.names:
        assert np.array_equal(np.asarray(model.phot_table[name]).astype(table[name].dtype), table[name]), name


@pytest.mark.parametrize("exposure_type", ["NRC_TSIMAGE", "NRC_CORON", "NRC_FOCUS", "NRC_TACQ", "NRC_TACONFIRM"])
def test_all_images_are_converted(exposure_type):
    assert (run(image(exposure__type=exposure_type), factors(NIRCAM_ROWS)).data == 20).all()


def test_without_a_row_nothing_is_converted(caplog):
    result = run(image(instrument__filter="F070W"), factors(NIRCAM_ROWS), areas())
    assert result.meta.cal_step.photom == "SKIPPED"
    assert (result.data == 10).all() and result.meta.bunit_data == "DN/s" and result.area is None
    assert "no row for filter F070W, pupil CLEAR" in caplog.text
    assert run(image("FGS"), factors([], "FGS")).meta.cal_step.photom == "SKIPPED"


def test_two_rows_for_one_setting_are_an_error():
    with pytest.raises(ReferenceError_, match="filter F200W, pupil CLEAR; there are 2"):
        run(image(), factors([*NIRCAM_ROWS, NIRCAM_ROWS[-1]]))


def test_a_table_of_another_instrument_is_an_error():
    reference = factors([("F770W", "FULL", 2, 0.1)], "MIRI")
    reference.meta.instrument.name = "NIRCAM"
    with pytest.raises(ReferenceError_, match="needs the column pupil"):
        run(image(), reference)


def test_a_file_without_the_table_is_an_error():
    with pytest.raises(ReferenceError_, match="a table PHOTOM is required, the file is a PixelAreaModel"):
        run(image(), areas())


def test_without_a_photom_reference_the_step_is_skipped():
    assert run(image(), "N/A", areas()).meta.cal_step.photom == "SKIPPED"


def test_images_of_nirspec_have_no_conversion_factors():
    result = PhotomStep.call(image("NIRSPEC"))
    assert result.meta.cal_step.photom == "SKIPPED" and (result.data == 10).all()


@pytest.mark.req("PHOT-32")
def test_the_map_of_pixel_areas_is_added():
    result = run(image(), factors(NIRCAM_ROWS), areas())
    assert np.array_equal(result.area, areas().data)
    part = run(image(start=(3, 2)), factors(NIRCAM_ROWS), areas((8, 10)))
    assert np.array_equal(part.area, areas((8, 10)).data[1:5, 2:7])
    with pytest.raises(ReferenceError_, match="does not cover"):
        run(image(start=(30, 2)), factors(NIRCAM_ROWS), areas((8, 10)))


@pytest.mark.parametrize(
    ("source", "photom", "area", "expected"),
    [
        ("photom", 1e-13, 2e-13, 1e-13),
        ("area", 1e-13, 2e-13, 2e-13),
        ("photom", None, 2e-13, 2e-13),
        ("area", 1e-13, None, 1e-13),
        ("photom", None, None, None),
    ],
)
def test_nominal_pixel_area(source, photom, area, expected, caplog):
    result = run(image(), factors(NIRCAM_ROWS, sr=photom), areas(sr=area), pixel_area_from=source)
    assert result.meta.photometry.pixelarea_steradians == expected
    assert ("PIXAR_SR is in none of the references" in caplog.text) == (expected is None)
    alone = run(image(), factors(NIRCAM_ROWS), pixel_area_from=source)
    assert alone.meta.photometry.pixelarea_steradians == 1e-13 and alone.area is None


def test_what_is_nan_in_one_plane_is_so_in_all():
    model = image()
    model.data[0, 0], model.var_flat[0, 1], model.dq[0, 2] = np.nan, np.nan, pixel.DO_NOT_USE
    result = run(model, factors(NIRCAM_ROWS))
    assert result.dq[0].tolist() == [1, 1, 1, 0, 0]
    for name in ("data", "err", "var_poisson", "var_rnoise", "var_flat"):
        assert np.isnan(getattr(result, name)[0]).tolist() == [True, True, True, False, False]


# ---- change with time


def coefficients(instrument, rows, *names):
    return np.array(rows, [*ELEMENTS[instrument], *((name, "f4") for name in names)])


DT = 60096.5 - 60000


@pytest.mark.req("PHOT-09", "PHOT-28")
def test_the_sensitivity_of_miri_changes_with_time():
    rows = [("F770W", "FULL", 2, 0.1), ("F770W", "SUB64", 3, 0.1)]
    table = np.array([(0.1, 100, 60000), (0.5, 100, 60000)], [(name, "f4") for name in ("amplitude", "tau", "t0")])
    reference = factors(rows, "MIRI", timecoeff=table)
    result = run(image("MIRI", subarray="SUB64"), reference)
    expected = 3 + 0.5 * math.exp(-DT / 100)
    assert math.isclose(result.meta.photometry.conversion_megajanskys, expected, rel_tol=1e-6)
    assert np.allclose(result.data, 10 * expected)
    assert np.allclose(result.var_poisson, 3 * expected**2)
    assert (run(image("MIRI", subarray="SUB64"), reference, apply_time_correction=False).data == 30).all()


FORMS = {
    "timecoeff_linear": (("t0", "lossperyear"), (60000, 0.1), 1 - 0.1 * DT / 365),
    "timecoeff_exponential": (
        ("t0", "amplitude", "tau", "const"),
        (60000, 0.1, 100, 0.9),
        0.1 * math.exp(-DT / 100) + 0.9,
    ),
    "timecoeff_powerlaw": (
        ("t0", "year1value", "tsoft", "alpha"),
        (60000, 0.8, 100, 0.5),
        0.8 * ((DT + 100) / (365 + 100)) ** 0.5,
    ),
}


@pytest.mark.parametrize("names", [[name] for name in FORMS] + [list(FORMS)])
@pytest.mark.parametrize("instrument", ["NIRCAM", "FGS"])
def test_changes_of_release_3(names, instrument):
    elements = [("F090W", "CLEAR"), ("F200W", "F323N"), ("F200W", "CLEAR")] if instrument == "NIRCAM" else [()]
    rows = NIRCAM_ROWS if instrument == "NIRCAM" else [(2, 0.1)]
    tables, sensitivity = {}, 1
    for name in names:
        columns, values, change = FORMS[name]
        tables[name] = coefficients(instrument, [(*element, *values) for element in elements], *columns)
        sensitivity *= change
    result = run(image(instrument), factors(rows, instrument, **tables))
    assert math.isclose(result.meta.photometry.conversion_megajanskys, 2 / sensitivity, rel_tol=1e-6)


def linear(rows):
    return coefficients("NIRCAM", rows, "t0", "lossperyear")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("F200W", "CLEAR", 60000, 0.1)], "must have the same rows; they have 3 and 1"),
        (
            [("F200W", "F323N", 60000, 0.1)] * 3,
            "row 3 of TIMECOEFF_LINEAR is for pupil F323N, that of PHOTOM for CLEAR",
        ),
        ([("F200W", "CLEAR", 59000, 0.6)] * 3, "give no conversion factor for row 3"),
        ([("F200W", "CLEAR", 59000, np.nan)] * 3, "give no conversion factor for row 3"),
    ],
)
def test_coefficients_that_do_not_fit_are_an_error(rows, message):
    with pytest.raises(ReferenceError_, match=message):
        run(image(), factors(NIRCAM_ROWS, timecoeff_linear=linear(rows)))


def test_time_of_the_exposure():
    reference = factors(NIRCAM_ROWS, timecoeff_linear=linear([("F200W", "CLEAR", 60000, 0.1)] * 3))
    expected = run(image(), reference).meta.photometry.conversion_megajanskys
    for meta in (
        {"exposure__start_time": 60096.4, "exposure__end_time": 60096.6},
        {"observation__date": "2023-06-01", "observation__time": "12:00:00"},
    ):
        found = run(image(exposure__mid_time=None, **meta), reference).meta.photometry.conversion_megajanskys
        assert math.isclose(found, expected, rel_tol=1e-9)
    with pytest.raises(InputError, match="needs the time of the exposure"):
        run(image(exposure__mid_time=None), reference)


@pytest.mark.req("PHOT-18")
def test_reference_types():
    assert PhotomStep.reference_types == ("photom", "area")
