"""From count rates of spectra to flux and surface brightness."""

import numpy as np
import pytest
from slits import SHAPE, make_bright, make_slits, wavelengths

from hexcal import datamodels
from hexcal.errors import InputError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.steps.flux import spectral_response
from hexcal.steps.flux.photom import PhotomStep

GRID = np.linspace(0.5, 4.0, 36)
ARCSEC2 = (np.pi / 180 / 3600) ** 2
SLITS = ("S200A1", "S400A1", "S1600A1")


def relative(wave):
    return np.interp(wave, GRID, 0.5 + 0.1 * GRID**2, left=np.nan, right=np.nan)


def table(keys, unit="photmj"):
    """A row for each tuple of `keys`, (column, value) pairs; the factor of row k is (k + 1) 1e-3."""
    columns = [(name, "i2" if isinstance(value, int) else "S15") for name, value in keys[0]]
    columns += [(unit, "f4"), ("uncertainty", "f4"), ("nelem", "i2")]
    columns += [(name, "f4", (GRID.size + 4,)) for name in ("wavelength", "relresponse", "reluncertainty")]
    rows = np.zeros(len(keys), columns)
    for number, (row, key) in enumerate(zip(rows, keys, strict=True)):
        for name, value in key:
            row[name] = value
        row[unit], row["nelem"] = 1e-3 * (number + 1), GRID.size
        row["wavelength"][: GRID.size], row["relresponse"][: GRID.size] = GRID, 0.5 + 0.1 * GRID**2
    return rows


def fixed_slits(slits=SLITS):
    keys = [(("filter", "CLEAR"), ("grating", "PRISM"), ("slit", slit)) for slit in slits]
    photom, area = datamodels.NrsFsPhotomModel(phot_table=table(keys)), datamodels.NirspecSlitAreaModel()
    area.area_table = np.array(
        [(slit, 0.02 + 0.01 * k) for k, slit in enumerate(slits)], [("slit_id", "S15"), ("pixarea", "f4")]
    )
    return {"override_photom": photom, "override_area": area}


def slitlets():
    keys = [(("filter", "F100LP"), ("grating", "G140M")), (("filter", "CLEAR"), ("grating", "PRISM"))]
    photom, area = datamodels.NrsMosPhotomModel(phot_table=table(keys)), datamodels.NirspecMosAreaModel()
    names = ("quadrant", "shutter_x", "shutter_y")
    rows = [(q, x, y, 0.01 * q + 0.001 * x) for q in (1, 2, 3) for x in (2, 3) for y in (1, 2)]
    area.area_table = np.array(rows, [(name, "i2") for name in names] + [("pixarea", "f4")])
    return {"override_photom": photom, "override_area": area}


@pytest.mark.req(
    "PHOT-01", "PHOT-03", "PHOT-04", "PHOT-05", "PHOT-06", "PHOT-07", "PHOT-08", "PHOT-12", "PHOT-26", "PHOT-33"
)
@pytest.mark.parametrize("source_type", ["POINT", "EXTENDED", "UNKNOWN", None])
def test_fixed_slits(source_type):
    slits = make_slits(SLITS, source_type=source_type)
    slits.slits[1].var_flat = np.full(SHAPE, 4, "f4")
    result = PhotomStep.call(slits, **fixed_slits())
    slit, area = result.slits[1], 0.03 * ARCSEC2
    scalar = 2e-3 if source_type == "POINT" else 2e-3 / area
    factor = scalar * relative(wavelengths())
    inside = np.isfinite(factor)
    np.testing.assert_allclose(slit.data[inside], 12 * factor[inside], rtol=1e-6)
    np.testing.assert_allclose(slit.err[inside], 5 * factor[inside], rtol=1e-6)
    for name, value in (("var_poisson", 9), ("var_rnoise", 16), ("var_flat", 4)):
        np.testing.assert_allclose(getattr(slit, name)[inside], value * factor[inside] ** 2, rtol=2e-6)
    unit = "MJy" if source_type == "POINT" else "MJy/sr"
    assert slit.meta.bunit_data == slit.meta.bunit_err == unit
    photometry = slit.meta.photometry
    assert photometry.conversion_megajanskys == pytest.approx(scalar)
    assert photometry.conversion_microjanskys == pytest.approx(scalar * 23.50443, rel=1e-6)
    assert photometry.pixelarea_steradians == pytest.approx(area)
    assert photometry.pixelarea_arcsecsq == pytest.approx(0.03)
    assert result.meta.cal_step.photom == "COMPLETE"


@pytest.mark.req("PHOT-02")
def test_wavelengths_beyond_the_response_are_not_to_be_used():
    slit = PhotomStep.call(make_slits(SLITS), **fixed_slits()).slits[0]
    beyond = wavelengths() > 4.0 + 1e-6
    assert beyond.any()
    assert np.array_equal(slit.dq & pixel.DO_NOT_USE != 0, beyond) and np.array_equal(np.isnan(slit.data), beyond)


@pytest.mark.req("PHOT-10")
def test_the_primary_slit_with_a_point_source_keeps_both_factors():
    slits = make_slits(SLITS, source_type="POINT")
    for slit in slits.slits:
        slit.wavelength += 0.25
    result = PhotomStep.call(slits, **fixed_slits())
    primary = result.slits[0]
    point = np.nan_to_num(1e-3 * relative(wavelengths() + 0.25))
    uniform = np.nan_to_num(1e-3 / (0.02 * ARCSEC2) * relative(wavelengths()))
    np.testing.assert_allclose(primary.photom_point, point, rtol=1e-6)
    np.testing.assert_allclose(primary.photom_uniform[:, :29], uniform[:, :29], rtol=1e-6)
    assert all(slit.photom_point is None for slit in result.slits[1:])
    assert PhotomStep.call(make_slits(SLITS), **fixed_slits()).slits[0].photom_point is None


@pytest.mark.req("PHOT-21", "PHOT-27", "PHOT-34")
def test_slitlets_have_the_area_of_their_shutter():
    slits = make_slits(("1", "2"), "NRS_MSASPEC")
    result = PhotomStep.call(slits, **slitlets())
    for number, slit in enumerate(result.slits):
        area = (0.01 * (number + 1) + 0.003) * ARCSEC2
        expected = 12 * 2e-3 / area * relative(wavelengths())
        inside = np.isfinite(expected)
        np.testing.assert_allclose(slit.data[inside], expected[inside], rtol=1e-6)


def test_a_time_series_of_a_slit():
    result = PhotomStep.call(make_bright(), **fixed_slits())
    expected = np.broadcast_to(12 * 3e-3 * relative(wavelengths()), result.shape)
    inside = np.isfinite(expected)
    np.testing.assert_allclose(result.data[inside], expected[inside], rtol=1e-6)


@pytest.mark.req("PHOT-17")
def test_inverse_takes_it_back():
    given = fixed_slits()
    back = PhotomStep.call(PhotomStep.call(make_slits(SLITS), **given), inverse=True, **given).slits[2]
    inside = np.isfinite(relative(wavelengths()))
    for name, value in (("data", 12), ("err", 5), ("var_poisson", 9)):
        np.testing.assert_allclose(getattr(back, name)[inside], value, rtol=1e-6)
    assert back.meta.bunit_data == "DN/s"


@pytest.mark.req("PHOT-17")
@pytest.mark.parametrize(("stored", "forced", "unit"), [("POINT", "EXTENDED", "MJy/sr"), ("EXTENDED", "POINT", "MJy")])
def test_the_source_type_can_be_forced(stored, forced, unit):
    result = PhotomStep.call(make_slits(SLITS, source_type=stored), source_type=forced, **fixed_slits())
    assert {slit.meta.bunit_data for slit in result.slits} == {unit}


def test_a_slit_without_a_row_is_left_and_the_others_go_on(caplog):
    result = PhotomStep.call(make_slits(SLITS), **fixed_slits(SLITS[:2]))
    assert "Not corrected: slit S1600A1: the photom reference has no row for filter CLEAR" in caplog.text
    assert (result.slits[2].data == 12).all() and result.slits[2].meta.bunit_data != "MJy/sr"
    assert result.slits[0].meta.bunit_data == "MJy/sr"
    none = PhotomStep.call(make_slits(("S200B1",)), **fixed_slits())
    assert none.meta.cal_step.photom == "SKIPPED"


def test_extended_sources_need_an_area(caplog):
    given = {**fixed_slits(), "override_area": "N/A"}
    slits = make_slits(SLITS)
    slits.slits[0].source_type = "POINT"
    result = PhotomStep.call(slits, **given)
    assert "slit S400A1: there is no area reference" in caplog.text
    assert [slit.meta.bunit_data for slit in result.slits] == ["MJy", None, None]


def lrs(shape=SHAPE, kind=datamodels.ImageModel, exposure_type="MIR_LRS-FIXEDSLIT"):
    model = kind(np.full(shape, 12, "f4"), err=np.full(shape, 5, "f4"))
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "MIRI", exposure_type
    model.meta.instrument.filter, model.meta.subarray.name = "P750L", "FULL"
    model.wavelength = wavelengths().astype("f4")
    return model


@pytest.mark.req("PHOT-20", "PHOT-21", "PHOT-23")
@pytest.mark.parametrize("subarray", ["FULL", "GENERIC"])
@pytest.mark.parametrize(
    ("shape", "kind", "exposure_type"),
    [(SHAPE, datamodels.ImageModel, "MIR_LRS-FIXEDSLIT"), ((2, *SHAPE), datamodels.CubeModel, "MIR_LRS-SLITLESS")],
)
def test_lrs(shape, kind, exposure_type, subarray):
    keys = [(("filter", "P750L"), ("subarray", subarray))]
    photom = datamodels.MirLrsPhotomModel(phot_table=table(keys, "photmjsr"))
    photom.meta.photometry.pixelarea_steradians, photom.meta.photometry.pixelarea_arcsecsq = 2e-13, 0.01
    result = PhotomStep.call(lrs(shape, kind, exposure_type), override_photom=photom, override_area="N/A")
    expected = np.broadcast_to(12e-3 * relative(wavelengths()), shape)
    inside = np.isfinite(expected)
    np.testing.assert_allclose(result.data[inside], expected[inside], rtol=1e-6)
    assert np.isnan(result.data[~inside]).all() and result.meta.bunit_data == "MJy/sr"
    assert result.meta.photometry.pixelarea_steradians == 2e-13


@pytest.mark.req("PHOT-24")
@pytest.mark.parametrize(
    ("instrument", "exposure_type", "kind"),
    [("NIRCAM", "NRC_WFSS", "NrcWfssPhotomModel"), ("NIRISS", "NIS_WFSS", "NisWfssPhotomModel")],
)
def test_slitless_spectra_have_a_row_by_order(instrument, exposure_type, kind):
    slits = make_slits(("1", "2"), exposure_type)
    slits.meta.instrument.name, slits.meta.instrument.filter, slits.meta.instrument.pupil = (
        instrument,
        "F356W",
        "GRISMR",
    )
    slits.meta.instrument.detector = "NIS" if instrument == "NIRISS" else "NRCALONG"
    for order, slit in zip((2, 1), slits.slits, strict=True):
        slit.meta.wcsinfo.spectral_order = order
    keys = [(("filter", "F356W"), ("pupil", "GRISMR"), ("order", order)) for order in (1, 2)]
    photom = getattr(datamodels, kind)(phot_table=table(keys, "photmjsr"))
    result = PhotomStep.call(slits, override_photom=photom, override_area="N/A")
    expected = 12e-3 * relative(wavelengths())
    inside = np.isfinite(expected)
    for factor, slit in zip((2, 1), result.slits, strict=True):
        np.testing.assert_allclose(slit.data[inside], factor * expected[inside], rtol=1e-6)
        assert slit.meta.bunit_data == "MJy/sr"


def mrs(with_change=None):
    model = datamodels.IFUImageModel(np.full(SHAPE, 12, "f4"), err=np.full(SHAPE, 5, "f4"))
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "MIRI", "MIR_MRS"
    model.meta.exposure.mid_time = 60000.0
    photom = datamodels.MirMrsPhotomModel(np.full(SHAPE, 2, "f4"))
    photom.dq = np.zeros(SHAPE, "u4")
    photom.data[0, 0], photom.dq[1, 1] = np.nan, pixel.UNRELIABLE_FLAT
    photom.meta.photometry.conversion_megajanskys = 1.5
    if with_change == "exponential":
        rows = [(1.0, 0.2, 0.1, 0.8, 59500.0), (5.0, 0.1, 0.1, 0.8, 59500.0)]
        names = ("binwave", "acoeff", "bcoeff", "ccoeff", "X0")
        photom.timecoeff_ch1 = np.array(rows, [(name, "f4") for name in names])
    if with_change == "power":
        rows = [(1.0, -0.1, 0.9, 30.0, 59500.0), (5.0, -0.2, 0.8, 30.0, 59500.0)]
        names = ("binwave", "alpha", "year1value", "tsoft", "t0")
        photom.timecoeff_powerlaw_ch1 = np.array(rows, [(name, "f4") for name in names])
    return model, {"override_photom": photom, "override_area": "N/A"}


@pytest.mark.req("PHOT-14", "PHOT-16", "PHOT-29")
def test_mrs_has_a_factor_for_each_pixel():
    model, given = mrs()
    result = PhotomStep.call(model, **given)
    assert np.isnan(result.data[0, 0]) and result.dq[0, 0] == pixel.NON_SCIENCE | pixel.DO_NOT_USE
    assert result.dq[1, 1] == pixel.UNRELIABLE_FLAT
    assert (result.data[1:] == 24).all() and (result.err[1:] == 10).all() and result.meta.bunit_data == "MJy/sr"
    assert result.meta.photometry.conversion_megajanskys == 1.5
    assert result.meta.photometry.conversion_microjanskys == pytest.approx(1.5 * 23.50443, rel=1e-6)


@pytest.mark.req("PHOT-15", "PHOT-17")
@pytest.mark.parametrize("kind", ["exponential", "power"])
def test_mrs_follows_the_change_of_the_sensitivity(monkeypatch, kind):
    from hexcal.steps.wcs import spectral

    left = spectral.IFUSlice(1, 1, 0, 0, *([wavelengths()[:, :20]] * 5))
    right = spectral.IFUSlice(1, 2, 0, 20, *([wavelengths()[:, 20:]] * 5))
    monkeypatch.setattr(spectral, "ifu_slices", lambda model: [left, right])
    model, given = mrs(kind)
    result = PhotomStep.call(model, **given)
    ends = {
        "exponential": [0.2 * np.exp(-0.5) + 0.8, 0.1 * np.exp(-0.5) + 0.8],  # 500 days, in units of 100
        "power": [0.9 * (530 / 395) ** -0.1, 0.8 * (530 / 395) ** -0.2],
    }[kind]
    change = np.interp(wavelengths(), [1, 5], ends)
    np.testing.assert_allclose(result.data[1:, :20], 24 / change[1:, :20], rtol=1e-6)
    assert (result.data[:, 20:] == 24).all()  # the other channel has no table
    for off in ("mrs_time_correction", "apply_time_correction"):
        assert (PhotomStep.call(model, **given, **{off: False}).data[1:] == 24).all()


def test_coefficients_without_a_positive_sensitivity_are_refused():
    model, given = mrs("power")
    given["override_photom"].timecoeff_powerlaw_ch1["year1value"] = -1
    with pytest.raises(ReferenceError_, match="no positive sensitivity for channel 1"):
        PhotomStep.call(model, **given)


@pytest.mark.req("PHOT-13", "PHOT-35")
@pytest.mark.parametrize("source_type", ["POINT", "EXTENDED"])
def test_the_ifu_has_the_area_of_each_slice(monkeypatch, source_type):
    from hexcal.steps.wcs import spectral

    number = np.full(SHAPE, -1, np.int16)
    number[:4], number[5:] = 0, 1
    wave = np.where(number >= 0, wavelengths(), np.nan)
    monkeypatch.setattr(spectral, "ifu_wavelengths", lambda model: wave)
    monkeypatch.setattr(spectral, "slice_numbers", lambda model: number)
    model = datamodels.IFUImageModel(np.full(SHAPE, 12, "f4"), err=np.full(SHAPE, 5, "f4"))
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "NIRSPEC", "NRS_IFU"
    model.meta.instrument.filter, model.meta.instrument.grating = "CLEAR", "PRISM"
    model.meta.target.source_type = source_type
    area = datamodels.NirspecIfuAreaModel()
    area.area_table = np.array([(0, 0.01), (1, 0.02)], [("slice_id", "i2"), ("pixarea", "f4")])
    result = PhotomStep.call(model, override_photom=slitlets()["override_photom"], override_area=area)
    flux, inside = 12 * 2e-3 * relative(wavelengths()), wavelengths()[0] < 4
    np.testing.assert_allclose(result.data[0, inside], flux[0, inside] / (0.01 * ARCSEC2), rtol=1e-6)
    np.testing.assert_allclose(result.data[6, inside], flux[6, inside] / (0.02 * ARCSEC2), rtol=1e-6)
    assert (result.dq[4] == pixel.NON_SCIENCE | pixel.DO_NOT_USE).all() and np.isnan(result.data[4]).all()
    assert result.meta.bunit_data == "MJy/sr"


def test_soss_is_refused_until_it_is_there():
    image = datamodels.ImageModel(np.ones((3, 4), "f4"))
    image.meta.telescope, image.meta.instrument.name, image.meta.exposure.type = "JWST", "NIRISS", "NIS_SOSS"
    with pytest.raises(InputError, match="SOSS"):
        PhotomStep.call(image, override_photom=fixed_slits()["override_photom"], override_area="N/A")


def test_a_response_may_be_listed_with_falling_wavelengths():
    response = spectral_response.Response(2.0, GRID, 1 + GRID)
    assert response.at(np.array([1.0, 9.0]))[0] == 4 and np.isnan(response.at(np.array([9.0]))[0])
    keys = [(("filter", "CLEAR"), ("grating", "PRISM"))]
    rows = table(keys)
    rows[0]["wavelength"][: GRID.size] = GRID[::-1]
    reference = datamodels.NrsMosPhotomModel(phot_table=rows)
    found = spectral_response.response_of(reference, dict(keys[0]), None, follows_time=False)
    assert (np.diff(found.wavelength) > 0).all()
