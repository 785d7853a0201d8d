"""The flat field of NIRSpec spectra: put together for the wavelength of each pixel."""

import numpy as np
import pytest
from slits import SHAPE, STEP, make_bright, make_slits, wavelengths

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.flux import nirspec_flat
from hexcal.steps.flux.flat_field import FlatFieldStep

GRID = np.linspace(0.5, 5.5, 201)
PLANES = np.array([0.5, 2.0, 3.5, 5.5])
WITHOUT = pixel.NO_FLAT_FIELD | pixel.DO_NOT_USE | pixel.UNRELIABLE_FLAT
FULL = (60, 50)
SLITS = ("S200A1", "S400A1", "S1600A1")


def curve_of(name, number=0):
    return {
        "fflat": 0.9 - 0.05 * number + 0.02 * GRID,
        "sflat": 1.1 - 0.03 * GRID,
        "dflat": 1 + 0.01 * (GRID - 3),
    }[name]


def table(name, slits, error=0.01):
    """The fast variation: a row per slit."""
    rows = np.zeros(
        len(slits),
        [("slit_name", "S15"), ("nelem", "i4")]
        + [(column, "f4", (GRID.size + 3,)) for column in ("wavelength", "data", "error")],
    )
    for number, (row, slit) in enumerate(zip(rows, slits, strict=True)):
        row["slit_name"], row["nelem"] = slit, GRID.size
        row["wavelength"][: GRID.size], row["data"][: GRID.size] = GRID, curve_of(name, number)
        row["error"][: GRID.size] = error
    return rows


def references(slits=SLITS):
    """Fore optics without an image, sflat with one plane, dflat with four."""
    rng = np.random.default_rng(1)
    fflat, sflat, dflat = (datamodels.NirspecFlatModel() for _ in range(3))
    fflat.flat_table, sflat.flat_table, dflat.flat_table = (
        table("fflat", slits),
        table("sflat", slits),
        table("dflat", ["ANY"]),
    )
    sflat.data, sflat.err, sflat.dq = rng.uniform(0.9, 1.1, FULL), np.full(FULL, 0.02), np.zeros(FULL, "u4")
    slow = 1 + 0.02 * np.arange(4)[:, None, None]
    dflat.data, dflat.err, dflat.dq = slow * rng.uniform(0.9, 1.1, FULL), np.full(FULL, 0.03), np.zeros(FULL, "u4")
    dflat.wavelength = np.array([(wave,) for wave in PLANES], [("wavelength", "f4")])
    for reference in (sflat, dflat):
        reference.meta.subarray.xstart = reference.meta.subarray.ystart = 1
    return {"fflat": fflat, "sflat": sflat, "dflat": dflat}


def overrides(given):
    return {f"override_{name}": reference for name, reference in given.items()}


def true_flat(given, number):
    """The flat field of the slit with this number, as a product of smooth functions at the pixels' centres."""
    wave, rows = wavelengths(), slice(10 * number, 10 * number + SHAPE[0])
    slow = np.interp(wave, PLANES, 1 + 0.02 * np.arange(4))
    images = given["sflat"].data[rows, : SHAPE[1]] * given["dflat"].data[0, rows, : SHAPE[1]] * slow
    curves = [np.interp(wave, GRID, curve_of(name, number if name == "fflat" else 0)) for name in given]
    return images * np.prod(curves, axis=0), curves, (given["sflat"].data, given["dflat"].data, slow, rows)


@pytest.mark.req("FLAT-10", "FLAT-11", "FLAT-12", "FLAT-13", "FLAT-14", "FLAT-20", "FLAT-25", "FLAT-28")
def test_each_slit_is_divided_by_the_flat_of_its_wavelengths():
    given, slits = references(), make_slits(SLITS)
    result = FlatFieldStep.call(slits, **overrides(given))
    for number, slit in enumerate(result.slits):
        flat, *_ = true_flat(given, number)
        np.testing.assert_allclose(slit.data, 12 / flat, rtol=2e-6)
        np.testing.assert_allclose(slit.var_poisson, 9 / flat**2, rtol=4e-6)
        np.testing.assert_allclose(slit.var_rnoise, 16 / flat**2, rtol=4e-6)
        total = slit.var_poisson + slit.var_rnoise + slit.var_flat
        np.testing.assert_allclose(slit.err, np.sqrt(total), rtol=1e-6)
        assert (slit.dq == 0).all()
    assert result.meta.cal_step.flat_field == "COMPLETE"
    assert (slits.slits[0].data == 12).all()


def test_relative_errors_of_images_and_curves_add_up():
    given = references(SLITS[:1])
    slit = FlatFieldStep.call(make_slits(SLITS[:1]), **overrides(given)).slits[0]
    flat, curves, (sflat, dflat, slow, rows) = true_flat(given, 0)
    image_terms = (0.02 / sflat[rows, : SHAPE[1]]) ** 2 + (0.03 / (dflat[0, rows, : SHAPE[1]] * slow)) ** 2
    relative = image_terms + sum((0.01 / curve) ** 2 for curve in curves)
    np.testing.assert_allclose(slit.var_flat, (12 / flat) ** 2 * relative, rtol=1e-5)


@pytest.mark.req("FLAT-15")
def test_pixels_without_a_value_are_flagged():
    given = references()
    given["sflat"].data[1, 2], given["dflat"].data[0, 1, 3] = np.nan, np.nan
    given["dflat"].dq[1, 4], given["sflat"].dq[1, 5] = pixel.NO_FLAT_FIELD, pixel.UNRELIABLE_FLAT
    slits = make_slits(SLITS)
    slits.slits[0].wavelength[1, 6] = np.nan
    slit = FlatFieldStep.call(slits, **overrides(given)).slits[0]
    assert slit.dq[1, :8].tolist() == [0, 0, WITHOUT, WITHOUT, WITHOUT, pixel.UNRELIABLE_FLAT, WITHOUT, 0]
    assert np.array_equal(np.isnan(slit.data), slit.dq & pixel.DO_NOT_USE != 0)


def test_wavelengths_beyond_the_tables_have_no_flat():
    given = references()
    row = given["fflat"].flat_table[0]
    row["nelem"] = 101  # up to 3 micron
    slit = FlatFieldStep.call(make_slits(SLITS), **overrides(given)).slits[0]
    beyond = wavelengths() + STEP * np.sqrt(0.6) / 2 > 3
    assert np.array_equal(slit.dq == WITHOUT, beyond)


@pytest.mark.req("FLAT-21", "FLAT-22", "FLAT-26")
def test_slitlets_have_the_flat_of_their_shutter_and_quadrant():
    given = references(["ANY"])
    quadrants = []
    for number in range(4):
        quadrant = datamodels.NirspecQuadFlatModel().new_part()
        quadrant.data = np.full((2, 5, 6), 0.5, "f4")
        quadrant.data[:, 1, 2] = 1 + 0.1 * number, 1.5 + 0.1 * number  # shutter 3, 2
        quadrant.err, quadrant.dq = np.zeros((2, 5, 6), "f4"), np.zeros((2, 5, 6), "u4")
        quadrant.wavelength = np.array([(0.5,), (5.5,)], [("wavelength", "f4")])
        quadrant.flat_table = table("fflat", ["ANY"])
        quadrants.append(quadrant)
    fflat = datamodels.NirspecQuadFlatModel()
    fflat.quadrants = quadrants
    result = FlatFieldStep.call(make_slits(("1", "2"), "NRS_MSASPEC"), **overrides({**given, "fflat": fflat}))
    for number, slit in enumerate(result.slits):
        flat, *_ = true_flat(given, number)
        flat *= np.interp(wavelengths(), GRID, curve_of("fflat")) / np.interp(
            wavelengths(), GRID, curve_of("fflat", number)
        )
        flat *= np.interp(wavelengths(), [0.5, 5.5], [1 + 0.1 * number, 1.5 + 0.1 * number])
        np.testing.assert_allclose(slit.data, 12 / flat, rtol=2e-6)


@pytest.mark.req("FLAT-16")
def test_the_primary_slit_with_a_point_source_keeps_both_flats():
    given, slits = references(), make_slits(SLITS, source_type="POINT")
    for slit in slits.slits:
        slit.wavelength += 0.5  # moved by wavecorr
    result = FlatFieldStep.call(slits, **overrides(given))
    primary = result.slits[0]
    flat, *_ = true_flat(given, 0)
    np.testing.assert_allclose(primary.flatfield_uniform, flat, rtol=2e-6)
    np.testing.assert_allclose(primary.data, 12 / primary.flatfield_point, rtol=1e-6)
    assert abs(primary.flatfield_point / flat - 1).max() > 1e-3
    assert all(slit.flatfield_point is None and slit.flatfield_uniform is None for slit in result.slits[1:])
    extended = FlatFieldStep.call(make_slits(SLITS), **overrides(given)).slits[0]
    assert extended.flatfield_point is None and extended.flatfield_uniform is None


@pytest.mark.req("FLAT-11")
def test_a_time_series_is_divided_integration_by_integration():
    given, series = references(), make_bright()
    result = FlatFieldStep.call(series, **overrides(given))
    flat, *_ = true_flat(given, 0)
    flat *= np.interp(wavelengths(), GRID, curve_of("fflat", 2)) / np.interp(wavelengths(), GRID, curve_of("fflat"))
    np.testing.assert_allclose(result.data, np.broadcast_to(12 / flat, result.shape), rtol=2e-6)


@pytest.mark.req("FLAT-32", "FLAT-33")
def test_multiplying_takes_the_division_back_with_the_flat_of_the_run_before():
    given, slits = references(), make_slits(SLITS)
    step = FlatFieldStep(**overrides(given))
    divided = step.run(slits)
    back = FlatFieldStep(inverse=True)
    back.correction_pars, back.use_correction_pars = step.correction_pars, True
    restored = back.run(divided)
    for slit in restored.slits:
        np.testing.assert_allclose(slit.data, 12, rtol=1e-6)
        assert (slit.var_flat == 0).all()


@pytest.mark.req("FLAT-30", "FLAT-31", "SFX-33")
def test_the_flat_is_saved_and_can_be_given_again(tmp_path):
    given, slits = references(), make_slits(SLITS)
    slits.save(tmp_path / "x_wavecorr.fits")
    where = {"output_dir": str(tmp_path)}
    first = FlatFieldStep.call(
        str(tmp_path / "x_wavecorr.fits"), save_interpolated_flat=True, **where, **overrides(given)
    )
    saved = tmp_path / f"x_{FlatFieldStep.flat_suffix}.fits"
    assert FlatFieldStep.flat_suffix == "interpolatedflat"
    with datamodels.open(saved) as flat:
        assert [slit.name for slit in flat.slits] == list(SLITS)
        assert flat.slits[1].wavelength.shape == SHAPE
    again = FlatFieldStep.call(slits, user_supplied_flat=str(saved), override_fflat="N/A")
    for one, other in zip(first.slits, again.slits, strict=True):
        assert np.array_equal(one.data, other.data) and np.array_equal(one.err, other.err)
    with pytest.raises(InputError, match="a flat field of 1 slits"):
        FlatFieldStep.call(make_slits(SLITS[:1]), user_supplied_flat=str(saved))


def test_a_slit_without_a_row_is_left_and_the_others_go_on(caplog):
    result = FlatFieldStep.call(make_slits(SLITS), **overrides(references(SLITS[:2])))
    assert "Not corrected: slit S1600A1: the table of the fflat reference has no row for it" in caplog.text
    assert (result.slits[2].data == 12).all() and (result.slits[0].data != 12).all()


def test_a_slit_without_wavelengths_is_left(caplog):
    slits = make_slits(SLITS)
    slits.slits[1].wavelength[:] = np.nan
    result = FlatFieldStep.call(slits, **overrides(references()))
    assert "Not corrected: slit S400A1: none of its pixels has a wavelength" in caplog.text
    assert (result.slits[1].data == 12).all()


def test_a_missing_reference_counts_as_one(caplog):
    given = references()
    result = FlatFieldStep.call(make_slits(SLITS), **overrides({**given, "fflat": "N/A"}))
    assert "There is no fflat reference, it counts as 1" in caplog.text
    flat, curves, _ = true_flat(given, 0)
    np.testing.assert_allclose(result.slits[0].data, 12 * curves[0] / flat, rtol=2e-6)
    none = FlatFieldStep.call(make_slits(SLITS), override_fflat="N/A", override_sflat="N/A", override_dflat="N/A")
    assert none.meta.cal_step.flat_field == "SKIPPED"


@pytest.mark.req("FLAT-34", "SP2-17")
@pytest.mark.parametrize(
    ("exposure_type", "lamp", "types"),
    [
        ("NRS_LAMP", "LINE2", ("sflat", "dflat")),
        ("NRS_LAMP", "FLAT3", ("dflat",)),
        ("NRS_AUTOWAVE", "LINE4", ("sflat", "dflat")),
        ("NRS_AUTOFLAT", "FLAT5", ()),
        ("NRS_IFU", None, ("fflat", "sflat", "dflat")),
    ],
)
def test_lamps_do_not_see_all_of_the_optics(exposure_type, lamp, types):
    slits = make_slits(SLITS, exposure_type)
    slits.meta.instrument.lamp_state = lamp
    assert nirspec_flat.reference_types_for(slits) == types
    assert FlatFieldStep().references_needed(slits) == types


def test_slits_must_be_cut_out():
    image = datamodels.ImageModel(np.ones((4, 5), "f4"))
    image.meta.telescope, image.meta.instrument.name, image.meta.exposure.type = "JWST", "NIRSPEC", "NRS_FIXEDSLIT"
    with pytest.raises(InputError, match="must be cut out before they are flattened"):
        FlatFieldStep.call(image, **overrides(references()))


def test_the_width_of_a_pixel_is_the_step_to_the_next_one():
    wave = np.array([[1.0, 1.2, 1.5, np.nan], [np.nan, 2.0, np.nan, np.nan]])
    np.testing.assert_allclose(nirspec_flat.widths_of(wave)[0, :3], [0.2, 0.3, 0.3])
    assert nirspec_flat.widths_of(wave)[1, 1] == 0
    np.testing.assert_allclose(nirspec_flat.widths_of(wave.T[:, :1], 2)[:3, 0], [0.2, 0.3, 0.3])


def ifu_exposure(monkeypatch):
    """An exposure of the IFU with two slices, and nothing between them."""
    from hexcal.steps.wcs import spectral

    wave = wavelengths()
    wave[4] = np.nan
    monkeypatch.setattr(spectral, "ifu_wavelengths", lambda model: wave)
    model = datamodels.IFUImageModel(np.full(SHAPE, 12, "f4"), err=np.full(SHAPE, 5, "f4"))
    model.dq = np.zeros(SHAPE, "u4")
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "NIRSPEC", "NRS_IFU"
    return model


@pytest.mark.req("FLAT-11", "FLAT-23", "FLAT-29")
def test_the_ifu_has_one_flat_for_the_whole_frame(monkeypatch):
    given = references(["ANY"])
    model = ifu_exposure(monkeypatch)
    model.meta.subarray.xstart = model.meta.subarray.ystart = 1
    result = FlatFieldStep.call(model, **overrides(given))
    flat, *_ = true_flat(given, 0)
    inside = np.arange(SHAPE[0]) != 4
    np.testing.assert_allclose(result.data[inside], 12 / flat[inside], rtol=2e-6)
    assert np.isnan(result.data[4]).all() and (result.dq[4] == pixel.DO_NOT_USE).all()
    assert FlatFieldStep.reference_types == ("flat", "fflat", "sflat", "dflat")
