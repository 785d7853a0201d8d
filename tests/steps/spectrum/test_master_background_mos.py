"""The background of slitlets, forwards through the calibration and back again."""

import numpy as np
import pytest
import slit_references
from slits import SHAPE, make_slits, wavelengths

from hexcal import datamodels
from hexcal.core import Step
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.flux import flat_field
from hexcal.steps.spectrum.master_background_mos import MasterBackgroundMosStep, is_background
from hexcal.steps.spectrum.parts import SkipPart

GRID = np.linspace(0.5, 6.5, 61)
ARCSEC2 = (np.pi / 180 / 3600) ** 2
COLUMNS = ("WAVELENGTH", "FLUX", "FLUX_ERROR", "SURF_BRIGHT", "SB_ERROR")


def sky(wave):
    """MJy/sr."""
    return 0.2 + 0.05 * wave


def photom():
    columns = [("filter", "S12"), ("grating", "S15"), ("photmj", "f4"), ("uncertainty", "f4"), ("nelem", "i2")]
    columns += [(name, "f4", (61,)) for name in ("wavelength", "relresponse", "reluncertainty")]
    rows = np.array([("CLEAR", "PRISM", 1e-12, 0, 61, GRID, 1 + 0.1 * GRID, 0 * GRID)], columns)
    area = datamodels.NirspecMosAreaModel()
    shutters = [(quadrant, 3, 2, 0.02) for quadrant in (1, 2, 3, 4)]
    area.area_table = np.array(
        shutters, [(name, "i2") for name in ("quadrant", "shutter_x", "shutter_y")] + [("pixarea", "f4")]
    )
    return {"photom": datamodels.NrsMosPhotomModel(phot_table=rows), "area": area}


def references():
    """Flat 1.1 cubed, path loss of a uniform source 0.9, bar shadow 0.9."""
    given = {name: slit_references.of(name) for name in ("flat_field", "pathloss", "barshadow")} | {"photom": photom()}
    return {step: {f"override_{key}": model for key, model in models.items()} for step, models in given.items()}


def counts(wave):
    """The count rate that the sky gives."""
    return sky(wave) * 1.1**3 * 0.9 * 0.9 * (0.02 * ARCSEC2) / (1e-12 * (1 + 0.1 * wave))


def exposure(names=("1", "2", "3"), background=("2",), light=0.0):
    slits = make_slits(names, "NRS_MSASPEC", "POINT")
    for slit in slits.slits:
        slit.data = counts(wavelengths()).astype("f4")
        slit.set_meta("source_name", f"1234_{'BKG' * (slit.name in background)}{slit.name}")
        if slit.name not in background:
            slit.data += np.float32(light)
    return slits


def spectrum(kind=datamodels.MultiSpecModel):
    table = np.zeros(61, [(name, "f8") for name in COLUMNS] + [("DQ", "u4")])
    table["WAVELENGTH"], table["SURF_BRIGHT"], table["FLUX"] = GRID, sky(GRID), 1e-6 * sky(GRID)
    model = kind()
    part = model.new_part()
    part.spec_table = table
    model.spec = [part]
    return model


class FakeExtraction(Step):
    """Medians of the columns of each slit as a spectrum."""

    alias = "fake_extraction"

    def process(self, model):
        result = datamodels.MultiSpecModel()
        result.update(model)
        parts = []
        for slit in model.slits:
            part = result.new_part()
            table = np.zeros(SHAPE[1], [(name, "f8") for name in COLUMNS] + [("DQ", "u4")])
            table["WAVELENGTH"] = slit.wavelength[0]
            table["SURF_BRIGHT"] = table["FLUX"] = np.nanmedian(slit.data, axis=0)
            part.spec_table = table
            parts.append(part)
        result.spec = parts
        return result


def step(**parameters):
    made = MasterBackgroundMosStep(steps=references(), **parameters)
    made.resample_spec.skip = True
    made.extract_1d = FakeExtraction()
    return made


@pytest.mark.req("MBKG-14", "MBKG-15", "MBKG-16", "SP2-06", "BSUB-09")
def test_the_background_of_the_slitlets_goes_and_the_sources_stay():
    slits = exposure(light=0.25)
    slits.slits[0].dq[1, 2] = pixel.SATURATED
    result = step().run(slits)
    for slit in result.slits:
        expected = 0.0 if is_background(slit) else 0.25
        np.testing.assert_allclose(slit.data, expected, atol=2e-5 * counts(wavelengths()).max())
        assert (slit.err == 5).all() and (slit.var_poisson == 9).all()
    assert result.slits[0].dq[1, 2] == pixel.SATURATED
    assert result.meta.cal_step.master_background == "COMPLETE"
    assert slits.meta.cal_step.master_background is None
    np.testing.assert_array_equal(slits.slits[1].data, counts(wavelengths()).astype("f4"))


def test_a_slitlet_without_a_flat_field_does_not_stop_the_others(caplog, monkeypatch):
    made = flat_field.interpolated_flat

    def flat_of(part, *others):
        if part.name == "1":
            raise SkipPart("the reference has no such shutter")
        return made(part, *others)

    monkeypatch.setattr(flat_field, "interpolated_flat", flat_of)
    slits = exposure(light=0.25)
    result = step().run(slits)
    np.testing.assert_array_equal(result.slits[0].data, slits.slits[0].data)
    assert "No background is subtracted from slitlet 1: it has no flat field" in caplog.text
    np.testing.assert_allclose(result.slits[2].data, 0.25, atol=2e-5 * counts(wavelengths()).max())


@pytest.mark.req("MBKG-16")
def test_what_was_subtracted_is_kept_and_can_be_added_again():
    slits = exposure(light=0.25)
    first = step()
    cleaned = first.run(slits)
    kept = first.correction_pars
    assert set(kept) == {"masterbkg_1d", "masterbkg_2d"}
    np.testing.assert_allclose(kept["masterbkg_2d"].slits[0].data, counts(wavelengths()), rtol=2e-5)
    np.testing.assert_allclose(kept["masterbkg_1d"].spec[0].spec_table["SURF_BRIGHT"], sky(wavelengths()[0]), rtol=2e-5)
    back = step(inverse=True)
    back.correction_pars, back.use_correction_pars = kept, True
    restored = back.run(cleaned)
    for slit, original in zip(restored.slits, slits.slits, strict=True):
        np.testing.assert_allclose(slit.data, original.data, rtol=1e-6)


@pytest.mark.req("MBKG-17", "BSUB-08")
def test_a_spectrum_of_the_user(tmp_path):
    spectrum().save(tmp_path / "sky_x1d.fits")
    result = step(user_background=str(tmp_path / "sky_x1d.fits")).run(exposure(background=()))
    for slit in result.slits:
        np.testing.assert_allclose(slit.data, 0, atol=2e-5 * counts(wavelengths()).max())
    assert result.get_meta("meta.background.master_background_file") == "sky_x1d.fits"
    two = spectrum()
    two.spec = [two.spec[0], two.spec[0]]
    with pytest.raises(InputError, match="needs one spectrum; 2 are in the file"):
        step(user_background=two).run(exposure())


def test_outliers_among_the_slitlets_are_clipped_and_the_median_smooths():
    slits = exposure(("1", "2", "3", "4", "5"), ("2", "3", "4", "5"))
    slits.slits[3].data[:, 10] += 50 * counts(wavelengths())[0, 10].astype("f4")
    clipped = step().run(slits)
    np.testing.assert_allclose(clipped.slits[0].data, 0, atol=1e-4 * counts(wavelengths()).max())
    as_is = step(sigma_clip=None).run(slits)
    assert as_is.slits[0].data[4, 10] < -counts(wavelengths())[0, 10]
    smooth = step(sigma_clip=None, median_kernel=5).run(slits)
    assert abs(smooth.slits[0].data[4, 10]) < 0.1 * counts(wavelengths())[0, 10]


def test_wavelengths_beyond_the_background_lose_their_value():
    short = spectrum()
    short.spec[0].spec_table = short.spec[0].spec_table[:30]
    result = step(user_background=short).run(exposure())
    beyond = make_slits(("1",)).slits[0].wavelength > GRID[29]
    assert beyond.any()
    for slit in result.slits:
        assert np.array_equal(slit.dq & pixel.DO_NOT_USE != 0, beyond) and np.array_equal(np.isnan(slit.data), beyond)


@pytest.mark.req("MBKG-18")
def test_the_background_is_saved(tmp_path):
    exposure().save(tmp_path / "x_srctype.fits")
    step(save_background=True, output_dir=str(tmp_path)).run(str(tmp_path / "x_srctype.fits"))
    with datamodels.open(tmp_path / "x_masterbg.fits") as product:
        np.testing.assert_allclose(product.spec[0].spec_table["SURF_BRIGHT"], sky(wavelengths()[0]), rtol=2e-5)
    with datamodels.open(tmp_path / "x_masterbg2d.fits") as product:
        np.testing.assert_allclose(product.slits[2].data, counts(wavelengths()), rtol=2e-5)


@pytest.mark.req("MBKG-02", "MBKG-19", "BSUB-07")
def test_where_a_background_is_subtracted_already_nothing_happens():
    slits = exposure()
    slits.meta.cal_step.bkg_subtract = "COMPLETE"
    skipped = step().run(slits)
    assert skipped.meta.cal_step.master_background == "SKIPPED"
    assert np.array_equal(skipped.slits[0].data, slits.slits[0].data)
    forced = step(force_subtract=True).run(slits)
    assert forced.meta.cal_step.master_background == "COMPLETE" and abs(forced.slits[0].data).max() < 1e-3


@pytest.mark.parametrize("what", ["no_background", "fixed_slits", "skip"])
def test_it_is_left_out(what):
    slits = exposure(background=() if what == "no_background" else ("2",))
    if what == "fixed_slits":
        slits.meta.exposure.type = "NRS_FIXEDSLIT"
    result = step(skip=what == "skip").run(slits)
    assert result.meta.cal_step.master_background == "SKIPPED"
    assert np.array_equal(result.slits[0].data, slits.slits[0].data)


def test_its_steps_have_the_parameters_of_those_of_the_pipeline():
    from hexcal.pipelines.spec2 import Spec2Pipeline

    pipeline = Spec2Pipeline(
        steps={"pixel_replace": {"n_adjacent_cols": 5}, "photom": {"apply_time_correction": False}}
    )
    inner = pipeline.master_background_mos
    inner._take_over_parameters()
    assert inner.pixel_replace.n_adjacent_cols == 5 and inner.photom.apply_time_correction is False
    assert inner.flat_field.user_supplied_flat is None


def test_the_number_of_threads_does_not_show(monkeypatch):
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        results.append(step().run(exposure(light=0.25)))
    for one, other in zip(*(result.slits for result in results), strict=True):
        assert one.data.tobytes() == other.data.tobytes() and one.dq.tobytes() == other.dq.tobytes()
