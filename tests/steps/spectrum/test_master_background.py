"""master_background: one spectrum, subtracted at the wavelength of each pixel of slits, images and slices."""

import json

import numpy as np
import pytest
from extracted_spectra import spectra
from tilted_slits import SHAPE as SLIT
from tilted_slits import tilted_slit, wavelength

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.background_spectrum import BackgroundSpectrum, smoothed
from hexcal.steps.spectrum.master_background import MasterBackgroundStep

WAVE = np.linspace(1, 5, 81)
SHAPE = (6, 40)


def level(wavelength):
    """The true background: straight, so that interpolation is exact."""
    return 3 + 2 * wavelength


def wavelengths(shape=SHAPE):
    """From 0.8 to 4.5 micron along the rows, one column without any."""
    wave = np.tile(np.linspace(0.8, 4.5, shape[1]), (shape[0], 1)).astype("f4")
    wave[:, 7] = np.nan
    return wave


def exposure(kind=datamodels.SlitModel, exposure_type="MIR_LRS-FIXEDSLIT", name="sci_cal.fits"):
    """A flat source of 10 MJy/sr on the background."""
    wave = wavelengths()
    model = kind((10 + np.nan_to_num(level(wave))).astype("f4"))
    model.wavelength, model.err, model.dq = wave, np.ones(SHAPE, "f4"), np.zeros(SHAPE, "u4")
    describe(model, exposure_type, name)
    return model


def describe(model, exposure_type, name="sci_cal.fits"):
    model.meta.telescope, model.meta.exposure.type, model.meta.filename = "JWST", exposure_type, name
    model.meta.instrument.name = "MIRI" if exposure_type.startswith("MIR") else "NIRSPEC"


@pytest.fixture
def user(tmp_path):
    return str(spectra(tmp_path / "user_x1d.fits", (WAVE, level(WAVE) / 10, {})))


def association(folder, science, backgrounds):
    science.save(folder / science.meta.filename)
    members = [{"expname": science.meta.filename, "exptype": "science"}]
    members += [{"expname": path.name, "exptype": "background"} for path in backgrounds]
    table = {"asn_type": "spec3", "asn_rule": "none", "asn_id": "a3001", "asn_pool": "none", "program": "1"}
    path = folder / "asn.json"
    path.write_text(json.dumps({**table, "products": [{"name": "combined", "members": members}]}))
    return path


def background(path, is_target, brightness, beside):
    """Write spectra of a background exposure: surface brightness of it all, background beside its source."""
    spectra(path, (WAVE, np.asarray(brightness) / 10, {}))
    model = datamodels.open(path)
    model.meta.observation.bkgdtarg = is_target
    model.spec[0].spec_table["BACKGROUND"] = beside
    model.save(path)
    return path


def check_subtracted(model, source=10.0):
    wave = wavelengths()
    known = (wave >= 1) & (wave <= 5)
    np.testing.assert_allclose(model.data[known], source, rtol=1e-6)
    assert (model.dq[known] == 0).all()
    assert (model.dq[~known] == pixel.DO_NOT_USE).all()


@pytest.mark.req("MBKG-01", "MBKG-03", "MBKG-09", "MBKG-10", "MBKG-17", "MBKG-20")
def test_a_spectrum_of_the_user(user):
    given = exposure()
    before = given.data.copy()
    (result,) = MasterBackgroundStep.call(given, user_background=user)
    check_subtracted(result)
    assert result.meta.cal_step.master_background == "COMPLETE"
    assert result.meta.background.master_background_file == "user_x1d.fits"
    np.testing.assert_array_equal(given.data, before)
    beyond = wavelengths() < 1
    np.testing.assert_array_equal(result.data[beyond], before[beyond])


@pytest.mark.req("MBKG-08")
def test_wavelengths_are_those_of_the_exposure_or_else_of_its_coordinates(tmp_path):
    user = str(spectra(tmp_path / "user_x1d.fits", (np.linspace(0.5, 3, 81), level(np.linspace(0.5, 3, 81)) / 10, {})))
    slit = tilted_slit(lambda position: 0 * position + 10, lambda wave: 1 + 0 * wave)
    y, x = np.mgrid[: SLIT[0], : SLIT[1]].astype(float)
    slit.data = slit.data + level(wavelength(x, y)).astype("f4")
    (of_coordinates,) = MasterBackgroundStep.call(slit, user_background=user)
    np.testing.assert_allclose(of_coordinates.data, 10, rtol=1e-5)
    # What is attached goes first, here two micron at all pixels.
    slit.wavelength = np.full(SLIT, 2.0, "f4")
    (attached,) = MasterBackgroundStep.call(slit, user_background=user)
    np.testing.assert_allclose(attached.data, slit.data - level(2.0), rtol=1e-5)


def test_flagged_and_missing_elements_of_the_user_are_left_out(tmp_path):
    value, dq = level(WAVE) / 10, np.zeros(81, "u4")
    value[20], value[30], dq[30] = np.nan, 1000, 1
    path = spectra(tmp_path / "user_x1d.fits", (WAVE, value, {"dq": dq}))
    (result,) = MasterBackgroundStep.call(exposure(), user_background=str(path))
    check_subtracted(result)


def test_an_open_model_of_the_user(user):
    (result,) = MasterBackgroundStep.call(exposure(), user_background=datamodels.open(user))
    check_subtracted(result)


def test_a_file_with_several_spectra_is_refused(tmp_path):
    path = spectra(tmp_path / "user_x1d.fits", (WAVE, WAVE, {}), (WAVE, WAVE, {}))
    with pytest.raises(InputError, match="needs one spectrum; 2"):
        MasterBackgroundStep.call(exposure(), user_background=str(path))


@pytest.mark.req("MBKG-04", "MBKG-05", "MBKG-06", "MBKG-07")
@pytest.mark.parametrize("is_target", [True, False])
def test_spectra_of_the_association(tmp_path, is_target):
    paths = []
    for number, more in enumerate((-1, 1)):
        values = [level(WAVE) + more, np.full(81, 500.0)]
        brightness, beside = values if is_target else values[::-1]
        paths.append(background(tmp_path / f"b{number}_x1d.fits", is_target, brightness, beside))
    (result,) = MasterBackgroundStep.call(association(tmp_path, exposure(), paths))
    check_subtracted(result)


@pytest.mark.req("MBKG-18", "SFX-32")
def test_spectrum_and_what_is_subtracted_are_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = background(tmp_path / "b_x1d.fits", True, level(WAVE), 0)
    MasterBackgroundStep.call(
        association(tmp_path, exposure(), [path]), save_background=True, save_results=True, output_dir="out"
    )
    assert {item.name for item in (tmp_path / "out").iterdir()} == {
        "b_masterbg.fits",
        "sci_masterbg2d.fits",
        "sci_mbsub.fits",
    }
    table = datamodels.open("out/b_masterbg.fits").spec[0].spec_table
    np.testing.assert_allclose(table["SURF_BRIGHT"], level(table["WAVELENGTH"]), rtol=1e-12)
    removed = datamodels.open("out/sci_masterbg2d.fits").data
    known = wavelengths() >= 1
    np.testing.assert_allclose(removed[known], level(wavelengths())[known], rtol=1e-6)
    check_subtracted(datamodels.open("out/sci_mbsub.fits"))
    MasterBackgroundStep.call(association(tmp_path, exposure(), [path]), save_results=True, output_dir="plain")
    assert [item.name for item in (tmp_path / "plain").iterdir()] == ["sci_mbsub.fits"]


@pytest.mark.req("MBKG-02", "MBKG-19", "MBKG-20")
def test_what_is_subtracted_already_is_left(user, caplog):
    given = exposure()
    given.meta.cal_step.bkg_subtract = "COMPLETE"
    (left,) = MasterBackgroundStep.call(given, user_background=user)
    np.testing.assert_array_equal(left.data, given.data)
    assert left.meta.cal_step.master_background == "SKIPPED"
    assert "force_subtract" in caplog.text
    (result,) = MasterBackgroundStep.call(given, user_background=user, force_subtract=True)
    check_subtracted(result)


@pytest.mark.parametrize(("kind", "told"), [("MIR_LRS-FIXEDSLIT", False), ("MIR_MRS", True)])
def test_a_background_of_another_mode_is_told(tmp_path, caplog, kind, told):
    path = background(tmp_path / "b_x1d.fits", True, level(WAVE), 0)
    model = datamodels.open(path)
    model.meta.exposure.type = kind
    model.save(path)
    (result,) = MasterBackgroundStep.call(association(tmp_path, exposure(), [path]))
    check_subtracted(result)
    assert ("b_x1d.fits is of the type MIR_MRS, the exposures are of MIR_LRS-FIXEDSLIT" in caplog.text) == told


def test_nothing_to_subtract(caplog):
    given = exposure()
    (left,) = MasterBackgroundStep.call(given)
    np.testing.assert_array_equal(left.data, given.data)
    assert "no background spectrum" in caplog.text


def _slits(**factors):
    """Two slits that hold the corrections of a point source; the first is the primary one."""
    model = datamodels.MultiSlitModel()
    describe(model, "NRS_FIXEDSLIT")
    model.meta.instrument.fixed_slit = "S200A1"
    slits = []
    for name, source_type in (("S200A1", "POINT"), ("S400A1", "POINT"), ("S1600A1", "EXTENDED")):
        slit = model.new_part()
        slit.data, slit.wavelength = np.zeros(SHAPE, "f4"), wavelengths()
        slit.err, slit.dq = np.ones(SHAPE, "f4"), np.zeros(SHAPE, "u4")
        slit.name, slit.source_type = name, source_type
        for key, value in factors.items():
            setattr(slit, key, np.full(SHAPE, value, "f4"))
        slits.append(slit)
    model.slits = slits
    return model


@pytest.mark.req("MBKG-12", "MBKG-13")
def test_point_sources_in_fixed_slits(user):
    factors = {"flatfield_uniform": 2.0, "flatfield_point": 5.0, "pathloss_uniform": 3.0, "pathloss_point": 7.0}
    factors |= {"photom_point": 11.0, "photom_uniform": 13.0}
    (result,) = MasterBackgroundStep.call(_slits(**factors), user_background=user)
    known = wavelengths() >= 1
    expected = (2 / 5 * 3 / 7 * 11 / 13, 3 / 7, 1.0)
    for slit, factor in zip(result.slits, expected, strict=True):
        np.testing.assert_allclose(slit.data[known], -factor * level(wavelengths())[known], rtol=1e-6)


def test_without_the_corrections_the_background_is_that_of_extended_sources(user, caplog):
    (result,) = MasterBackgroundStep.call(_slits(), user_background=user)
    known = wavelengths() >= 1
    np.testing.assert_allclose(result.slits[0].data[known], -level(wavelengths())[known], rtol=1e-6)
    assert "holds no pathloss_point" in caplog.text


@pytest.mark.req("MBKG-11")
def test_point_sources_in_the_integral_field_unit(user):
    model = exposure(datamodels.IFUImageModel, "NRS_IFU")
    model.meta.target.source_type = "POINT"
    model.pathloss_uniform, model.pathloss_point = np.full(SHAPE, 0.9, "f4"), np.full(SHAPE, 0.6, "f4")
    model.data = (10 + 1.5 * np.nan_to_num(level(wavelengths()))).astype("f4")
    (result,) = MasterBackgroundStep.call(model, user_background=user)
    check_subtracted(result)


@pytest.mark.parametrize("profile", [None, "3.0.0"])
def test_flags_of_integral_field_units_by_profile(user, profile):
    model = exposure(datamodels.IFUImageModel, "MIR_MRS")
    more = {"profile": profile} if profile else {}
    (result,) = MasterBackgroundStep.call(model, user_background=user, **more)
    assert bool((result.dq & pixel.DO_NOT_USE).any()) is (profile is None)


def test_smoothing():
    values = np.array([1.0, 100.0, 3.0, 4.0, 5.0])
    np.testing.assert_array_equal(smoothed(values, 3), [50.5, 3.0, 4.0, 4.0, 4.5])
    np.testing.assert_array_equal(smoothed(values, 4), smoothed(values, 3))
    assert smoothed(values, 2) is values


def test_beyond_the_spectrum_nothing_is_known():
    spectrum = BackgroundSpectrum(np.array([1.0, 2.0]), np.array([5.0, 6.0]))
    value, known = spectrum.at(np.array([np.nan, 0.9, 1.0, 1.5, 2.0, 2.1]))
    np.testing.assert_array_equal(known, [False, False, True, True, True, False])
    np.testing.assert_array_equal(value, [0, 0, 5, 5.5, 6, 0])
