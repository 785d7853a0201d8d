"""combine_1d: weighted means of spectra whose wavelengths are the same, nearly so, or not at all."""

import json

import numpy as np
import pytest
from astropy.io import fits
from extracted_spectra import spectra

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.steps.spectrum.combine_1d import Combine1dStep
from hexcal.steps.spectrum.combining import Spectrum, combine, common_wavelengths

WAVE = np.linspace(5, 10, 51)


def association(folder, *paths):
    members = [{"expname": path.name, "exptype": "science"} for path in paths]
    table = {"asn_type": "spec3", "asn_rule": "none", "asn_id": "a3001", "asn_pool": "none", "program": "1"}
    path = folder / "asn.json"
    path.write_text(json.dumps({**table, "products": [{"name": "combined", "members": members}]}))
    return path


def table_of(result):
    return result.spec[0].spec_table


@pytest.fixture
def pair(tmp_path):
    """Two exposures of 100 and 300 s; the second has a flagged and a NaN element, and one that is only marked."""
    dq, flux = np.zeros(51, "u4"), np.full(51, 2.0)
    dq[5], dq[7], flux[10] = 1, 4, np.nan
    first = spectra(tmp_path / "a_x1d.fits", (WAVE, np.full(51, 1.0), {}))
    more = {"dq": dq, "error": 0.3}
    second = spectra(tmp_path / "b_x1d.fits", (WAVE, flux, more), exposure_time=300.0, integration_time=50.0)
    return association(tmp_path, first, second)


@pytest.mark.req("C1D-01", "C1D-03", "C1D-09", "C1D-12", "C1D-14", "HDU-16", "SFX-17")
def test_weighted_mean(pair):
    table = table_of(Combine1dStep.call(pair))
    names = ["WAVELENGTH", "FLUX", "ERROR", "SURF_BRIGHT", "SB_ERROR", "DQ", "WEIGHT", "N_INPUT"]
    assert list(table.dtype.names) == names
    assert {table.dtype[name].str[1:] for name in names if name != "DQ"} == {"f8"}
    assert table["FLUX"][0] == pytest.approx((100 * 1 + 300 * 2) / 400)
    assert table["ERROR"][0] == pytest.approx(np.hypot(100 * 0.1, 300 * 0.3) / 400)
    assert table["SURF_BRIGHT"][0] == pytest.approx(17.5)
    assert table["SB_ERROR"][0] == pytest.approx(10 * np.hypot(10, 90) / 400)
    for place in (5, 10):
        assert (table["FLUX"][place], table["WEIGHT"][place], table["N_INPUT"][place]) == (1, 100, 1)
    assert (table["DQ"][7], table["DQ"][5], table["N_INPUT"][7]) == (4, 0, 2)
    np.testing.assert_allclose(table["WAVELENGTH"], WAVE)


@pytest.mark.req("C1D-07", "C1D-08", "C1D-09", "C1D-10", "C1D-11")
@pytest.mark.parametrize(
    ("key", "weights"),
    [
        ("effinttm", (10, 50)),
        ("Integration_Time", (10, 50)),
        ("EFFEXPTM", (100, 300)),
        ("exposure", (100, 300)),
        ("unit_weight", (1, 1)),
        ("unit weight", (1, 1)),
        ("something else", (1, 1)),
    ],
)
def test_weights(pair, key, weights, caplog):
    table = table_of(Combine1dStep.call(pair, exptime_key=key))
    assert table["WEIGHT"][0] == sum(weights)
    assert table["FLUX"][0] == pytest.approx((weights[0] + 2 * weights[1]) / sum(weights))
    assert ("is not known" in caplog.text) is (key == "something else")


@pytest.mark.req("C1D-02", "C1D-04", "C1D-05")
def test_shifted_and_reversed_spectra_are_matched_by_wavelength(tmp_path):
    paths = [
        spectra(tmp_path / "a_x1d.fits", (WAVE, WAVE, {})),
        spectra(tmp_path / "b_x1d.fits", ((WAVE + 0.02)[::-1], (WAVE + 0.02)[::-1], {})),
    ]
    table = table_of(Combine1dStep.call(association(tmp_path, *paths)))
    np.testing.assert_allclose(table["WAVELENGTH"], WAVE + 0.01)
    assert (np.diff(table["WAVELENGTH"]) > 0).all()
    np.testing.assert_allclose(table["FLUX"][1:-1], table["WAVELENGTH"][1:-1])
    assert (table["N_INPUT"][1:-1] == 2).all()


@pytest.mark.parametrize("n_spectra", [2, 3, 5])
def test_any_offsets_give_a_mean_of_the_right_length(n_spectra):
    rng = np.random.default_rng(1)
    waves = [np.sort(WAVE + rng.normal(0, 0.05, WAVE.size)) for _ in range(n_spectra)]
    common = common_wavelengths(waves)
    assert (np.diff(common) > 0).all()
    assert WAVE.size <= common.size <= 1.5 * WAVE.size


@pytest.mark.req("C1D-06")
def test_wavelengths_without_clumps_are_grouped_by_the_number_of_spectra():
    # Half a step apart no wavelength is near to another one; beyond the overlap each spectrum stands alone.
    first, second, third = np.arange(0.0, 20.0), np.arange(10.5, 30.0), np.arange(40.0, 50.0)
    common = common_wavelengths([first, second, third])
    np.testing.assert_allclose(common, [*range(10), *np.arange(10.25, 20.0), *np.arange(20.5, 30.0), *third])


def test_spectra_that_overlap_in_part():
    waves = [np.linspace(5, 10, 51), np.linspace(6.013, 12.013, 61)]
    spectra = [Spectrum(wave, wave, wave * 0 + 1, wave, wave * 0 + 1, np.zeros(wave.size, "u4")) for wave in waves]
    mean = combine(spectra)
    assert mean["WAVELENGTH"].size == 71
    np.testing.assert_allclose(mean["FLUX"], mean["WAVELENGTH"], rtol=2e-3)
    assert (mean["N_INPUT"][:10] == 1).all() and (mean["N_INPUT"][10:50] == 2).all()


def test_sigma_clip_leaves_out_what_is_far(tmp_path):
    rng = np.random.default_rng(2)
    paths = []
    for number in range(6):
        flux = 5 + rng.normal(0, 0.01, 51)
        flux[20] += 40 * (number == 3)
        paths.append(spectra(tmp_path / f"s{number}_x1d.fits", (WAVE, flux, {})))
    asn = association(tmp_path, *paths)
    assert table_of(Combine1dStep.call(asn))["FLUX"][20] > 10
    table = table_of(Combine1dStep.call(asn, sigma_clip=5.0))
    assert (table["FLUX"][20], table["N_INPUT"][20]) == (pytest.approx(5, abs=0.05), 5)
    assert (table["N_INPUT"] >= 4).all()


@pytest.mark.req("C1D-13")
def test_orders_are_combined_each_for_itself(tmp_path):
    parts = [(WAVE, np.full(51, 1.0), {"order": 1}), (WAVE, np.full(51, 7.0), {"order": 2})]
    path = spectra(tmp_path / "a_x1d.fits", *parts)
    result = Combine1dStep.call(path, save_results=True, output_dir=str(tmp_path))
    assert [part.spectral_order for part in result.spec] == [1, 2]
    assert [part.spec_table["FLUX"][3] for part in result.spec] == [1, 7]
    with fits.open(tmp_path / "a_c1d.fits") as hdus:
        tables = [hdu for hdu in hdus if hdu.name == "COMBINE1D"]
        assert [len(hdu.data) for hdu in tables] == [WAVE.size] * 2
    stored = datamodels.open(tmp_path / "a_c1d.fits")
    assert stored.meta.cal_step.combine_1d == "COMPLETE"
    assert len(stored.spec) == 2


def test_elements_without_any_value_are_left_out():
    wave = np.linspace(1, 2, 11)
    flux = np.ones(11)
    flux[4] = np.nan
    mean = combine([Spectrum(wave, flux, flux, flux, flux, np.zeros(11, "u4"))] * 2)
    np.testing.assert_allclose(mean["WAVELENGTH"], np.delete(wave, 4))
    assert np.isfinite(mean["FLUX"]).all() and (mean["N_INPUT"] == 2).all()


def test_nothing_to_combine(tmp_path, caplog):
    path = spectra(tmp_path / "a_x1d.fits", ([], [], {}))
    Combine1dStep.call(path)
    assert "there is no spectrum to combine" in caplog.text


def test_images_are_refused():
    with pytest.raises(InputError, match="MultiSpecModel"):
        Combine1dStep.call(datamodels.ImageModel((4, 4)))


def test_input_is_untouched(pair, tmp_path):
    exposure = datamodels.open(tmp_path / "a_x1d.fits")
    before = exposure.spec[0].spec_table.copy()
    Combine1dStep.call(exposure)
    np.testing.assert_array_equal(exposure.spec[0].spec_table, before)
    assert exposure.meta.cal_step.combine_1d is None


@pytest.mark.parametrize("more", [{"dq": 1}, {}])
def test_spectra_without_a_usable_flux_make_no_empty_table(tmp_path, more, caplog):
    flux = np.full(51, 1.0 if more else np.nan)
    path = spectra(tmp_path / "a_x1d.fits", (WAVE, flux, more), (WAVE, flux, more))
    result = Combine1dStep.call(association(tmp_path, path))
    assert "no element of any spectrum has a flux that may be used" in caplog.text
    assert "MultiCombinedSpecModel" not in str(type(result))


def test_an_order_without_a_usable_flux_is_left_out_and_told(tmp_path, caplog):
    path = spectra(tmp_path / "a_x1d.fits", (WAVE, np.full(51, 1.0), {}), (WAVE, np.full(51, np.nan), {"order": 2}))
    result = Combine1dStep.call(association(tmp_path, path))
    assert [part.spectral_order for part in result.spec] == [1]
    assert "Order 2: no element of 1 spectra has a flux that may be used" in caplog.text
