"""Residual fringes in extracted spectra of MIRI MRS: sine waves that were put in come out, lines stay."""

import extracted_cubes
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.steps.spectrum.extract_1d import Extract1dStep
from hexcal.steps.spectrum.spectrum_fringes import add_columns, fringes

PLANES = 1050


def spectrum(channel=1, amplitude=0.01, noise=0.0005):
    """Wavelengths, a spectrum with a line and fringes, the same without fringes, errors."""
    first, step = {1: (4.9, 0.0008), 4: (24.4, 0.006), 3: (15.4, 0.0025)}[channel]
    wave = first + step * np.arange(PLANES)
    middle, width = first + 0.4 * step * PLANES, 6 * step
    true = 2.0 * (wave / first) ** -1.5 * (1 + 3 * np.exp(-0.5 * ((wave - middle) / width) ** 2))
    phase = 2 * np.pi * 1e4 / wave
    sampling = np.median(np.abs(np.diff(1e4 / wave)))
    gain = 1 + amplitude * np.cos(phase / 2.72 + 1)
    if 3 * sampling < 0.3:
        gain *= 1 + 0.5 * amplitude * np.cos(phase / 0.4)
    error = noise * true
    flux = true * gain + np.random.default_rng(1).normal(0, 1, PLANES) * error
    return wave, flux, true, error


@pytest.mark.parametrize("channel", [1, 3, 4])
def test_fringes_are_divided_out_and_lines_stay(channel):
    wave, flux, true, error = spectrum(channel)
    flux[200:205] = np.nan
    gain = fringes(wave, flux, error, channel)
    before, after = (np.nanstd((values / true - 1)[20:-20]) for values in (flux, flux / (1 + gain)))
    assert before > 0.006 and after < 0.15 * before
    near = slice(400, 440)
    assert np.nansum((flux / (1 + gain))[near]) == pytest.approx(true[near].sum(), rel=2e-3)


@pytest.mark.parametrize("channel", [1, 3, 4])
def test_torn_ends_of_a_band_leave_fringes_of_no_other_wavelength(channel):
    wave, flux, true, error = spectrum(channel)
    for end, share in ((slice(0, 12), 0.05), (slice(-12, None), 0.03)):
        flux[end] *= share
        error[end] *= 0.05 * share
    gain = fringes(wave, flux, error, channel)
    ratio = (flux / (1 + gain) / true)[20:-20]
    # Of fringes of 1 %, and noise of 0.05 %.
    assert np.std(ratio) < 0.0008


@pytest.mark.parametrize("seed", range(4))
def test_one_wave_of_any_period_is_found_as_one(seed):
    wave, _, true, error = spectrum(3, noise=0.0001)
    period, phase = np.random.default_rng(seed).uniform((2.6, 0), (3.0, 6))
    gain = 0.01 * np.cos(2 * np.pi * 1e4 / wave / period + phase)
    # The channel has 50 periods; what is left is no larger at the ends than in the middle.
    left = (1 + gain) / (1 + fringes(wave, true * (1 + gain), error, 3)) - 1
    assert np.abs(np.r_[left[20:150], left[-150:-20]]).max() < 3e-4


def test_nothing_is_taken_out_where_nothing_is_and_little_is_known():
    wave, flux, _, error = spectrum(amplitude=0.0)
    assert np.abs(fringes(wave, flux, error, 1)).max() < 1e-3
    assert not fringes(wave, np.full(PLANES, np.nan), error, 1).any()
    assert not fringes(wave, flux, np.zeros(PLANES), 1).any()


def cube(channel="1"):
    wave, flux, _, _ = spectrum()
    data = flux[:, None, None] * np.ones((1, 9, 9))
    model = datamodels.IFUCubeModel(data.astype(np.float32))
    model.err = (0.001 * data).astype(np.float32)
    like = extracted_cubes.make_cube(np.ones(extracted_cubes.SHAPE), "EXTENDED", "MIRI", "MIR_MRS")
    model.update(like)
    model.meta.wcs, model.meta.instrument.channel = (
        extracted_cubes.cube_wcs((4.0, 4.0), wave[0], wave[1] - wave[0]),
        channel,
    )
    return model


def extract(model, **parameters):
    return Extract1dStep.call(model, override_extract1d="N/A", override_apcorr="N/A", **parameters)


@pytest.mark.req("X1D-39")
def test_the_step_adds_columns_without_fringes_where_it_is_asked_to(tmp_path):
    plain = extract(cube())
    assert "RF_FLUX" not in plain.spec[0].spec_table.dtype.names
    result = extract(cube(), ifu_rfcorr=True)
    assert result.model_type == "MRSMultiSpecModel"
    result.save(tmp_path / "x_x1d.fits")
    with datamodels.open(tmp_path / "x_x1d.fits") as stored:
        table = stored.spec[0].spec_table
        assert np.array_equal(table["FLUX"], plain.spec[0].spec_table["FLUX"])
        true = spectrum()[2]
        for name in ("FLUX", "SURF_BRIGHT"):
            ratio = table[f"RF_{name}"] / true
            assert np.std(ratio[20:-20]) < 0.15 * np.std((table[name] / true)[20:-20])
        assert not table["RF_BACKGROUND"].any()


def test_each_channel_of_a_cube_of_several_is_corrected_by_itself():
    """Channels 3 and 4, with a gap between them and fringes of their own; channel 3 ends beyond where 4 may begin."""
    n = PLANES
    wave, flux, true, error = (
        np.concatenate((one[:n], other)) for one, other in zip(spectrum(3), spectrum(4), strict=True)
    )
    between = np.arange(18.05, 24.3, 0.006)
    wave, true, error = (
        np.insert(each, n, fill) for each, fill in ((wave, between), (true, 0 * between), (error, 0 * between))
    )
    flux = np.insert(flux, n, np.nan * between)
    flux[:20] *= 0.3
    dq = np.where(np.isfinite(flux) & (np.arange(len(flux)) >= 20), 0, 1).astype(np.uint32)
    columns = {"WAVELENGTH": wave, "FLUX": flux, "FLUX_ERROR": error, "SURF_BRIGHT": flux.copy(), "DQ": dq}
    columns |= {name: np.zeros(len(wave)) for name in ("BACKGROUND", "BKGD_ERROR")}
    add_columns(columns, "34")
    for part, channel in ((slice(20, n), 3), (slice(len(wave) - PLANES, None), 4)):
        before, after = (np.std((columns[name] / true)[part][20:-20]) for name in ("FLUX", "RF_FLUX"))
        assert before > 0.006 and after < 0.15 * before
        alone = flux[part] / (1 + fringes(wave[part], flux[part], error[part], channel))
        assert np.array_equal(columns["RF_FLUX"][part], alone)
    assert np.isnan(columns["RF_FLUX"][n : n + len(between)]).all()


def test_channels_without_a_gap_are_told_apart_by_wavelength():
    wave = np.arange(16.0, 20.0, 0.003)
    error = np.full(len(wave), 1e-4)
    gain = 0.01 * np.where(wave < 17.84, np.cos(2 * np.pi * 1e4 / wave / 2.7), np.sin(2 * np.pi * 1e4 / wave / 2.9))
    columns = {"WAVELENGTH": wave, "FLUX": 1 + gain, "FLUX_ERROR": error, "SURF_BRIGHT": 1 + gain}
    columns |= {name: np.zeros(len(wave)) for name in ("BACKGROUND", "BKGD_ERROR")}
    columns["DQ"] = np.zeros(len(wave), np.uint32)
    add_columns(columns, "1234")
    assert np.std(columns["RF_FLUX"][20:-20]) < 0.05 * np.std(gain)


def test_a_cube_of_several_channels_has_the_columns(caplog):
    result = extract(cube("12"), ifu_rfcorr=True)
    table = result.spec[0].spec_table
    assert np.std((table["RF_FLUX"] / spectrum()[2])[20:-20]) < 0.15 * np.std((table["FLUX"] / spectrum()[2])[20:-20])
    assert "RF_FLUX" not in extract(cube(None), ifu_rfcorr=True).spec[0].spec_table.dtype.names
    assert "the channel of MIRI MRS is required, it is ?" in caplog.text
