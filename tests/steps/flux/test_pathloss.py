"""Light that does not pass the slit."""

import logging

import numpy as np
import pytest
from slits import make_slits, wavelengths

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.steps.flux import pathloss_curves as curves
from hexcal.steps.flux.pathloss import PathLossStep

WAVES = np.linspace(0.5e-6, 6.5e-6, 25)


def throughput(x, y, wave):
    """Of a point source, bilinear in its place; `wave` in micron."""
    return 0.8 + 0.1 * x - 0.05 * y + 0.02 * wave + 0.04 * x * y


def aperture(name, low=-0.5, high=0.5, offset=0.0):
    """An entry of the reference: places x from -0.5 to 0.5, y from `low` to `high`."""
    entry = datamodels.PathlossModel().new_part()
    x, y = np.linspace(-0.5, 0.5, 21), np.linspace(low, high, 21)
    entry.pointsource_data = np.float32(throughput(x, y[:, None], 1e6 * WAVES[:, None, None]) + offset)
    entry.uniform_data = np.float32(0.9 + 0.01 * 1e6 * WAVES + offset)
    entry.name = name
    for number, axis in enumerate((x, y, WAVES), 1):
        set_axis(entry, "pointsource_wcs", number, axis)
    set_axis(entry, "uniform_wcs", 1, WAVES)
    return entry


def set_axis(entry, which, number, axis):
    for key, value in (("crpix", 1.0), ("crval", axis[0]), ("cdelt", axis[1] - axis[0])):
        entry.set_meta(f"{which}.{key}{number}", float(value))


def reference(*entries):
    model = datamodels.PathlossModel()
    model.apertures = list(entries)
    return model


def fixed_slits():
    return reference(*(aperture(name, offset=0.1 * k) for k, name in enumerate(("S200A1", "S200A2", "S400A1"))))


def slitlets():
    return reference(aperture("MOS1x1"), aperture("MOS1x3", -1.5, 1.5, 0.2))


@pytest.mark.req("PATH-02", "PATH-03", "PATH-04", "PATH-22", "PATH-24", "ERR-09")
@pytest.mark.parametrize("source_type", ["POINT", "EXTENDED", "UNKNOWN", None])
def test_fixed_slits_are_divided_by_what_passes(source_type):
    slits = make_slits(("S200A1", "S400A1"), source_type=source_type)
    slits.slits[1].source_xpos, slits.slits[1].source_ypos = 0.13, -0.27
    slits.slits[1].var_flat = np.full(slits.slits[1].shape, 4, "f4")
    slit = PathLossStep.call(slits, override_pathloss=fixed_slits()).slits[1]
    point = throughput(0.13, -0.27, wavelengths()) + 0.2
    uniform = 0.9 + 0.01 * wavelengths() + 0.2
    np.testing.assert_allclose(slit.pathloss_point, point, rtol=1e-6)
    np.testing.assert_allclose(slit.pathloss_uniform, uniform, rtol=1e-6)
    loss = point if source_type == "POINT" else uniform
    np.testing.assert_allclose(slit.data, 12 / loss, rtol=1e-6)
    np.testing.assert_allclose(slit.err, 5 / loss, rtol=1e-6)
    for name, value in (("var_poisson", 9), ("var_rnoise", 16), ("var_flat", 4)):
        np.testing.assert_allclose(getattr(slit, name), value / loss**2, rtol=1e-6)
    assert slit.pathloss_correction_type == ("POINT" if source_type == "POINT" else "UNIFORM")


@pytest.mark.req("PATH-06", "PATH-07", "PATH-08", "PATH-09", "PATH-10", "PATH-23")
@pytest.mark.parametrize(
    ("state", "offset", "shift"),
    [
        *[("x", 0.0, 0), ("10x01", 0.0, 0), ("1x1", 0.2, 0), ("1011x1", 0.2, 0)],
        *[("1x", 0.2, 1), ("11x011", 0.2, 1), ("x111", 0.2, -1), ("110x1", 0.2, -1)],
    ],
)
def test_the_entry_of_a_point_source_follows_from_the_shutters_beside_it(state, offset, shift):
    slits = make_slits(("1",), "NRS_MSASPEC", "POINT")
    slit = slits.slits[0]
    slit.shutter_state, slit.source_xpos, slit.source_ypos = state, -0.2, 0.3
    result = PathLossStep.call(slits, override_pathloss=slitlets()).slits[0]
    np.testing.assert_allclose(result.pathloss_point, throughput(-0.2, 0.3 + shift, wavelengths()) + offset, rtol=2e-6)


@pytest.mark.req("PATH-11")
@pytest.mark.parametrize(("state", "offset"), [("x", 0.0), ("x1", 0.1), ("1x", 0.1), ("1x1", 0.2), ("11x1", 0.2)])
def test_the_entry_of_a_uniform_source_follows_from_the_number_of_shutters(state, offset):
    slits = make_slits(("1",), "NRS_MSASPEC")
    slits.slits[0].shutter_state = state
    result = PathLossStep.call(slits, override_pathloss=slitlets()).slits[0]
    np.testing.assert_allclose(result.pathloss_uniform, 0.9 + 0.01 * wavelengths() + offset, rtol=1e-6)


def test_a_fixed_slit_with_moved_wavelengths_keeps_those_of_its_centre_for_a_uniform_source():
    slits = make_slits(("S200A1",), source_type="POINT")
    slits.slits[0].wavelength += 0.5
    slits.slits[0].wavelength_corrected = True
    slit = PathLossStep.call(slits, override_pathloss=fixed_slits()).slits[0]
    np.testing.assert_allclose(slit.pathloss_uniform, 0.9 + 0.01 * wavelengths(), rtol=1e-6)
    np.testing.assert_allclose(slit.pathloss_point, throughput(0, 0, wavelengths() + 0.5), rtol=1e-6)


@pytest.mark.req("PATH-15")
def test_inverse_takes_it_back():
    slits = make_slits(("S200A1",), source_type="POINT")
    given = {"override_pathloss": fixed_slits()}
    back = PathLossStep.call(PathLossStep.call(slits, **given), inverse=True, **given).slits[0]
    for name, value in (("data", 12), ("err", 5), ("var_poisson", 9)):
        np.testing.assert_allclose(getattr(back, name), value, rtol=1e-6)


@pytest.mark.req("PATH-16")
def test_the_source_type_can_be_forced():
    slits = make_slits(("S200A1",), source_type="POINT")
    slit = PathLossStep.call(slits, override_pathloss=fixed_slits(), source_type="EXTENDED").slits[0]
    np.testing.assert_allclose(slit.data, 12 / slit.pathloss_uniform, rtol=1e-6)


def test_slits_that_cannot_be_corrected_are_left_and_the_others_go_on(caplog):
    slits = make_slits(("S200A1", "S200A2", "S200B1"), source_type="POINT")
    slits.slits[1].source_xpos = 0.7
    result = PathLossStep.call(slits, override_pathloss=fixed_slits())
    assert "slit S200A2: the source is outside of its slit: x 0.7, y 0" in caplog.text
    assert "slit S200B1: the pathloss reference has no entry for it" in caplog.text
    assert (result.slits[0].data != 12).all()
    assert all((slit.data == 12).all() and slit.pathloss_point is None for slit in result.slits[1:])
    slits.slits[0].source_ypos = -0.6
    assert PathLossStep.call(slits, override_pathloss=fixed_slits()).meta.cal_step.pathloss == "SKIPPED"


def test_wavelengths_beyond_the_reference_have_no_value():
    slits = make_slits(("S200A1",), source_type="POINT")
    slits.slits[0].wavelength += 4
    slit = PathLossStep.call(slits, override_pathloss=fixed_slits()).slits[0]
    beyond = wavelengths() + 4 > 6.5
    assert beyond.any() and np.array_equal(np.isnan(slit.data), beyond) and np.array_equal(slit.dq & 1 == 1, beyond)


@pytest.mark.req("PATH-01")
@pytest.mark.parametrize("exposure_type", ["NRS_BRIGHTOBJ", "MIR_MRS"])
def test_other_modes_are_left_out(exposure_type):
    image = datamodels.ImageModel(np.ones((4, 5), "f4"))
    image.meta.telescope, image.meta.exposure.type = "JWST", exposure_type
    image.meta.instrument.name = "NIRSPEC" if exposure_type.startswith("NRS") else "MIRI"
    assert PathLossStep.call(image, override_pathloss=fixed_slits()).meta.cal_step.pathloss == "SKIPPED"


def test_a_reference_without_extensions_is_no_path_loss():
    with pytest.raises(ReferenceError_, match="extensions PS and UNI"):
        PathLossStep.call(make_slits(), override_pathloss=datamodels.PathlossModel())


def soss(position=245.354, shape=(8, 60)):
    image = datamodels.ImageModel(np.full(shape, 12, "f4"), err=np.full(shape, 5, "f4"))
    image.meta.telescope, image.meta.instrument.name, image.meta.exposure.type = "JWST", "NIRISS", "NIS_SOSS"
    image.meta.subarray.name, image.meta.instrument.pupil_position = "SUBSTRIP256", position
    return image


def soss_reference(as_in_the_image=True):
    entry = datamodels.PathlossModel().new_part()
    entry.name = "SUBSTRIP256"
    columns, positions = np.arange(50), 245.304 + 0.1 * (np.arange(17) - 8)
    entry.pointsource_data = np.float32(1 - 0.002 * columns[:, None] + 0.1 * (positions - 245.304))[None]
    of_wheel, of_columns = (1, 2) if as_in_the_image else (2, 1)
    set_axis(entry, "pointsource_wcs", of_wheel, positions)
    set_axis(entry, "pointsource_wcs", of_columns, columns + 1)
    return reference(entry)


@pytest.mark.req("PATH-14", "PATH-25")
@pytest.mark.parametrize("as_in_the_image", [True, False])
def test_soss_columns_are_divided_by_the_correction_for_the_pupil_wheel(as_in_the_image):
    result = PathLossStep.call(soss(), override_pathloss=soss_reference(as_in_the_image))
    expected = np.ones(60)
    expected[:50] = 1 - 0.002 * np.arange(50) + 0.1 * 0.05
    np.testing.assert_allclose(result.pathloss_point, np.broadcast_to(expected, (8, 60)), rtol=1e-6)
    np.testing.assert_allclose(result.data, 12 / result.pathloss_point, rtol=1e-6)
    back = PathLossStep.call(result, override_pathloss=soss_reference(as_in_the_image), inverse=True)
    np.testing.assert_allclose(back.data, 12, rtol=1e-6)


def test_soss_beyond_the_positions_of_the_pupil_wheel_is_not_changed(caplog):
    result = PathLossStep.call(soss(250.0), override_pathloss=soss_reference())
    assert "does not cover the position of the pupil wheel, 250: 1 is used" in caplog.text
    assert (result.data == 12).all()


def lrs_reference():
    """Values 1 + 0.01 column + 0.001 row + 0.1 wavelength; places as documented; falling wavelengths."""
    waves = np.linspace(14, 2, 30)
    row, column = np.mgrid[:20, :50]
    table = np.zeros(30, [("wavelength", "f4"), ("pathloss", "f4", (20, 50)), ("pathloss_err", "f4", (20, 50))])
    table["wavelength"] = waves
    table["pathloss"] = 1 + 0.01 * column + 0.001 * row + 0.1 * waves[:, None, None]
    model = datamodels.MirLrsPathlossModel(pathloss_table=table)
    for number, start, step in ((1, -25.0, 1.0), (2, -5.0, 0.5)):
        for key, value in (("crpix", 1.0), ("crval", start), ("cdelt", step)):
            model.set_meta(f"meta.wcsinfo.{key}{number}", value)
    return model


def lrs_curve(along=0.0, across=0.0):
    waves = np.linspace(2, 14, 30)
    return waves, 1 + 0.01 * (along + 25) + 0.001 * (across + 5) / 0.5 + 0.1 * waves


@pytest.mark.req("PATH-12", "PATH-13", "PATH-17", "PATH-19", "PATH-20")
@pytest.mark.parametrize(
    ("along", "user", "across"), [(0.0, None, 0.0), (-8.6, None, 0.0), (-8.6, 0.11, 1.0), (-8.6, -0.055, -0.5)]
)
def test_the_lrs_curve_is_that_of_the_place_in_the_slit(monkeypatch, along, user, across):
    monkeypatch.setattr(curves, "_place_in_lrs_slit", lambda *_: (along, 0.11))
    image = datamodels.ImageModel(np.ones((3, 4), "f4"))
    image.meta.target.ra, image.meta.target.dec = 10.0, 20.0
    curve = curves.of_lrs(image, lrs_reference(), user, logging.getLogger("hexcal.tests"))
    waves, expected = lrs_curve(along, across)
    np.testing.assert_allclose(curve.wavelength, waves, rtol=1e-6)
    np.testing.assert_allclose(curve.value, expected, rtol=1e-6)


@pytest.mark.req("PATH-13")
def test_outside_of_the_lrs_slit_the_curve_of_its_centre_is_taken(monkeypatch, caplog):
    monkeypatch.setattr(curves, "_place_in_lrs_slit", lambda *_: (40.0, 0.11))
    image = datamodels.ImageModel(np.ones((3, 4), "f4"))
    image.meta.target.ra, image.meta.target.dec = 10.0, 20.0
    curve = curves.of_lrs(image, lrs_reference(), None, logging.getLogger("hexcal.tests"))
    np.testing.assert_allclose(curve.value, lrs_curve()[1], rtol=1e-6)
    assert "outside of the slit" in caplog.text


def lrs_image(monkeypatch, source_type="POINT"):
    monkeypatch.setattr(curves, "_place_in_lrs_slit", lambda *_: (0.0, 0.11))
    image = datamodels.ImageModel(np.full((3, 4), 12, "f4"), err=np.full((3, 4), 5, "f4"))
    image.meta.telescope, image.meta.instrument.name, image.meta.exposure.type = "JWST", "MIRI", "MIR_LRS-FIXEDSLIT"
    image.meta.target.source_type, image.meta.target.ra, image.meta.target.dec = source_type, 10.0, 20.0
    image.wavelength = np.full((3, 4), 7, "f4")
    image.var_poisson = np.full((3, 4), 9, "f4")
    return image


@pytest.mark.req("PATH-05", "PATH-12", "PATH-15")
def test_lrs_point_sources_are_multiplied(monkeypatch):
    result = PathLossStep.call(lrs_image(monkeypatch), override_pathloss=lrs_reference())
    factor = 1 + 0.25 + 0.01 + 0.7
    np.testing.assert_allclose(result.pathloss_point, factor, rtol=1e-6)
    np.testing.assert_allclose(result.data, 12 * factor, rtol=1e-6)
    np.testing.assert_allclose(result.var_poisson, 9 * factor**2, rtol=1e-6)
    back = PathLossStep.call(result, override_pathloss=lrs_reference(), inverse=True)
    np.testing.assert_allclose(back.data, 12, rtol=1e-6)


@pytest.mark.req("PATH-13")
def test_lrs_extended_sources_are_left_out(monkeypatch):
    result = PathLossStep.call(lrs_image(monkeypatch, "EXTENDED"), override_pathloss=lrs_reference())
    assert result.meta.cal_step.pathloss == "SKIPPED"


@pytest.mark.req("PATH-01", "PATH-02", "PATH-03", "PATH-21", "PATH-26")
@pytest.mark.parametrize("source_type", ["POINT", "EXTENDED"])
def test_the_ifu_has_one_entry_for_all_slices(monkeypatch, source_type):
    from hexcal.steps.wcs import spectral

    wave = wavelengths()
    wave[4] = np.nan
    monkeypatch.setattr(spectral, "ifu_wavelengths", lambda model: wave)
    model = datamodels.IFUImageModel(np.full(wave.shape, 12, "f4"), err=np.full(wave.shape, 5, "f4"))
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "NIRSPEC", "NRS_IFU"
    model.meta.target.source_type = source_type
    result = PathLossStep.call(model, override_pathloss=reference(aperture("IFU")))
    loss = throughput(0, 0, wave) if source_type == "POINT" else 0.9 + 0.01 * wave
    np.testing.assert_allclose(result.pathloss_point, throughput(0, 0, wave), rtol=1e-6)
    np.testing.assert_allclose(result.pathloss_uniform, 0.9 + 0.01 * wave, rtol=1e-6)
    np.testing.assert_allclose(result.data, 12 / loss, rtol=1e-6)
    np.testing.assert_allclose(result.wavelength, wave, rtol=1e-6)
    assert result.meta.cal_step.pathloss == "COMPLETE"
    keyword = result.observatory.keywords.of_path("meta.cal_step.pathloss")
    assert keyword.keyword == "S_PTHLOS"
