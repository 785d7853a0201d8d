"""spectral_leak: the light of 6 micron that was put into a spectrum at 12 micron is taken out, and nothing else."""

import json

import numpy as np
import pytest
from astropy.io import fits
from extracted_spectra import spectra

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.step import SpectralLeakStep

W1, W3 = np.arange(5.66, 6.63, 0.001), np.arange(11.55, 13.47, 0.0025)


def _fraction(wave):
    return 0.03 * np.exp(-(((wave - 12.2) / 0.08) ** 2))


def _short(wave):
    return 2 + np.sin(3 * wave)


@pytest.fixture
def folder(tmp_path):
    wave = np.arange(11.5, 13.0, 0.005)
    table = np.array(
        list(zip(wave, _fraction(wave), 0 * wave, strict=True)),
        [("WAVELENGTH", "f4"), ("FRAC_LEAK", "f4"), ("ERR_LEAK", "f4")],
    )
    model = datamodels.MirMrsPtCorrModel(leakcor_table=table)
    model.meta.telescope, model.meta.instrument.name, model.meta.reftype = "JWST", "MIRI", "MRSPTCORR"
    model.save(tmp_path / "mrsptcorr.fits")
    return tmp_path


def spectrum(folder, channel, band, wave, flux):
    path = spectra(folder / f"ch{channel}-{band.lower()}_x1d.fits", (wave, flux, {}))
    model = datamodels.open(path)
    model.meta.instrument.channel, model.meta.instrument.band = channel, band
    model.meta.exposure.type = "MIR_MRS"
    return model


def correct(folder, *models, **more):
    return SpectralLeakStep.call(list(models), override_mrsptcorr=str(folder / "mrsptcorr.fits"), **more)


@pytest.mark.req("SLEAK-01", "SLEAK-04")
def test_the_leak_is_taken_out(folder):
    true = 5 - 0.1 * W3
    leaky = spectrum(folder, "3", "SHORT", W3, true + _fraction(W3) * _short(W3 / 2))
    source, other = spectrum(folder, "1", "MEDIUM", W1, _short(W1)), spectrum(folder, "2", "SHORT", W1 + 2, 0 * W1 + 1)
    result = correct(folder, other, source, leaky)
    table = result[2].parts()[0].spec_table
    assert (
        np.allclose(table["FLUX"], true, atol=2e-4 * 0.1)
        and np.abs(leaky.parts()[0].spec_table["FLUX"] - true).max() > 0.04
    )
    assert np.array_equal(table["SURF_BRIGHT"], leaky.parts()[0].spec_table["SURF_BRIGHT"])
    for index, before in ((0, other), (1, source)):
        assert np.array_equal(result[index].parts()[0].spec_table, before.parts()[0].spec_table)
    assert result[2].meta.cal_step.spectral_leak == "COMPLETE"
    # Flags lie in the file as signed integers with an offset: they must not come out as such.
    assert not table["DQ"].any()


@pytest.mark.req("SLEAK-02")
def test_spectra_of_files_come_back_as_a_container_with_that_of_band_3a_corrected(folder):
    wave = np.linspace(11.55, 13.47, 4000)
    flags = np.arange(wave.size, dtype="u4") % 2
    for name, band, waves in (("ch1", ("1", "MEDIUM"), W1), ("ch3", ("3", "SHORT"), wave)):
        dq = flags[: waves.size]
        path = spectra(folder / f"{name}_x1d.fits", (waves, 1 + 0 * waves, {"dq": dq}))
        model = datamodels.open(path)
        model.meta.instrument.channel, model.meta.instrument.band = band
        model.save(path)
    members = [{"expname": f"{name}_x1d.fits", "exptype": "science"} for name in ("ch1", "ch3")]
    table = {"asn_type": "spec3", "asn_rule": "none", "asn_id": "a3001", "asn_pool": "none", "program": "1"}
    (folder / "asn.json").write_text(json.dumps({**table, "products": [{"name": "product", "members": members}]}))
    override = {"override_mrsptcorr": str(folder / "mrsptcorr.fits")}
    source, leaky = SpectralLeakStep.call(str(folder / "asn.json"), **override)
    corrected = leaky.parts()[0].spec_table
    np.testing.assert_allclose(corrected["FLUX"], 1 - _fraction(wave), atol=1e-3)
    # A table as large as this waits in a file between being given back and being asked for.
    np.testing.assert_array_equal(corrected["DQ"], flags)
    np.testing.assert_array_equal(source.parts()[0].spec_table["FLUX"], 1)


@pytest.mark.req("SLEAK-03")
@pytest.mark.parametrize("missing", ["1B", "3A"])
def test_without_one_of_the_bands_nothing_is_done(folder, missing, caplog):
    band = ("3", "SHORT", W3) if missing == "1B" else ("1", "MEDIUM", W1)
    model = spectrum(folder, *band, 1 + 0 * band[2])
    result = correct(folder, model)
    assert f"no spectrum of band {missing}" in caplog.text
    assert np.array_equal(result[0].parts()[0].spec_table, model.parts()[0].spec_table)
    assert result[0].meta.cal_step.spectral_leak == "SKIPPED"


def test_nan_in_band_1b_does_not_spread(folder):
    flux = _short(W1)
    flux[100:130] = np.nan
    leaky = spectrum(folder, "3", "SHORT", W3, 1 + _fraction(W3) * _short(W3 / 2))
    result = correct(folder, spectrum(folder, "1", "MEDIUM", W1, flux), leaky)
    assert np.allclose(result[1].parts()[0].spec_table["FLUX"], 1, atol=1e-4)
    nothing = correct(folder, spectrum(folder, "1", "MEDIUM", W1, np.nan * W1), leaky)
    assert np.array_equal(nothing[1].parts()[0].spec_table["FLUX"], leaky.parts()[0].spec_table["FLUX"])


def test_numbers_of_spectra_that_do_not_fit(folder):
    path = spectra(folder / "two_x1d.fits", (W1, 1 + 0 * W1, {}), (W1, 2 + 0 * W1, {}))
    two = datamodels.open(path)
    two.meta.instrument.channel, two.meta.instrument.band = "1", "MEDIUM"
    with pytest.raises(InputError, match="which belong together"):
        correct(folder, two, spectrum(folder, "3", "SHORT", W3, 1 + 0 * W3))


TABLES = {
    "LEAKCOR": [("WAVELENGTH", "f4"), ("FRAC_LEAK", "f4"), ("ERR_LEAK", "f4")],
    "TRACOR": [
        ("CHANNEL", "i4"),
        *((name, "f4") for name in ("WAVE_MIN", "WAVE_MAX", "T_WMIN_CENTRE", "T_WMIN_EDGE", "T_WMAX_CENTRE")),
        ("T_WMAX_EDGE", "f4"),
    ],
    "WAVCORR_OPTICAL": [
        ("SUB_BAND", "S4"),
        *((name, "f4") for name in ("BETA_SLICE", "WAVE_MIN", "WAVE_MAX", "SRP_MIN", "SRP_MAX")),
    ],
    "WAVCORR_XSLICE": [("XSLICE_MIN", "f4"), ("XSLICE_MAX", "f4")],
    "WAVCORR_SHIFT": [("BETA_OFF", "f4"), ("DS_MIN", "f4"), ("DS_MAX", "f4")],
}


@pytest.mark.req("SLEAK-05", "SLEAK-06")
def test_the_reference_file_has_five_tables_of_which_one_is_used(tmp_path, caplog):
    arrays = {name: np.zeros(4, columns) for name, columns in TABLES.items()}
    arrays["LEAKCOR"]["WAVELENGTH"], arrays["LEAKCOR"]["FRAC_LEAK"] = (11, 12, 13, 14), 0.5
    arrays["TRACOR"]["CHANNEL"] = 3
    arrays["WAVCORR_OPTICAL"]["SUB_BAND"] = b"3A"
    path = tmp_path / "mrsptcorr.fits"
    header = fits.Header({"TELESCOP": "JWST", "INSTRUME": "MIRI", "REFTYPE": "MRSPTCORR", "EXP_TYPE": "MIR_MRS"})
    hdus = [fits.BinTableHDU(array, name=name) for name, array in arrays.items()]
    fits.HDUList([fits.PrimaryHDU(header=header), *hdus]).writeto(path)
    # Read, written, and read again: the columns and their types stay.
    datamodels.MirMrsPtCorrModel(str(path)).save(tmp_path / "again.fits")
    with fits.open(tmp_path / "again.fits") as again:
        assert again[0].data is None
        for name, columns in TABLES.items():
            table = again[name].data
            assert [column.lower() for column in table.names] == [column.lower() for column, _ in columns]
            types = [table.dtype[index].newbyteorder("=").str.lstrip("<|=") for index in range(len(columns))]
            assert [kind[0] if kind[0] == "S" else kind for kind in types] == [
                kind[0] if kind[0] == "S" else kind for _, kind in columns
            ]
    leaky = spectrum(tmp_path, "3", "SHORT", W3, 1 + 0 * W3)
    source = spectrum(tmp_path, "1", "MEDIUM", W1, 0.2 + 0 * W1)
    result = correct(tmp_path, source, leaky)
    assert np.allclose(result[1].parts()[0].spec_table["FLUX"], 0.9)
