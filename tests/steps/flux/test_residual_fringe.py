"""residual_fringe: sine waves put into spectra are taken out again; lines, noise and ignored regions stay."""

import json

import miri_spectra as miri
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.core import bands
from hexcal.errors import ParameterError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.step import ResidualFringeStep
from hexcal.steps.flux import residual_fringe
from hexcal.steps.wcs.spectral import IFUSlice

SHAPE = (1024, 60)
PERIOD = 2.8
FIELDS = [(name, "f8") for name in ("slice", "ffreq", "dffreq")]
FIELDS += [("min_nfringes", "i8"), ("max_nfringes", "i8"), ("min_snr", "f8"), ("pgram_res", "f8")]


def wavelengths():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return 4.9 + 0.00082 * y + 1e-5 * x


def scene(amplitude=0.02, noise=0.002, seed=3):
    """A smooth spectrum with narrow lines in 60 columns, and the fringes that it is multiplied with."""
    rng = np.random.default_rng(seed)
    wave = wavelengths()
    x = np.arange(SHAPE[1])
    profile = np.exp(-0.5 * ((x - 20) / 6) ** 2) + 0.3
    truth = 1000 * (1 + 0.4 * np.sin(wave * 3) + 0.1 * wave) * profile
    for centre in (5.1, 5.34, 5.6):
        truth = truth * (1 + 2 * np.exp(-0.5 * ((wave - centre) / 0.0012) ** 2))
    fringe = 1 + amplitude * np.cos(2 * np.pi * 1e4 / wave / PERIOD + 0.1 * x)
    data = truth * fringe * (1 + rng.normal(0, noise, SHAPE))
    return truth, fringe, data, noise * truth


def the_slice():
    wave = wavelengths()
    return IFUSlice(1, 1, 0, 0, wave, wave, wave, wave, wave)


def exposure(data, error):
    model = miri.mrs_exposure(data.astype("f4"))
    model.err = error.astype("f4")
    return model


def write_reference(folder, slices=(101,), period=PERIOD, limit=0.2):
    model = datamodels.FringeFreqModel()
    table = np.array([(label, period, 0.2, 1, 10, 10.0, 0.01) for label in slices], FIELDS)
    for band in ("short", "medium", "long"):
        setattr(model, f"rfc_freq_{band}_table", table)
    model.max_amp_table = np.array([(4.0, limit), (30.0, limit)], [("wavelength", "f8"), ("amplitude", "f8")])
    model.update({"meta": {"telescope": "JWST", "reftype": "FRINGEFREQ", "instrument": {"name": "MIRI"}}})
    model.save(folder / "fringefreq.fits")
    return str(folder)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("hexcal.steps.wcs.spectral.ifu_slices", lambda model: [the_slice()])

    def step(model, references=None, **parameters):
        references = references or write_reference(tmp_path)
        return ResidualFringeStep.call(model, references=references, skip=False, **parameters)

    return step


@pytest.mark.req("RFRN-03")
def test_known_fringes_are_taken_out(run):
    truth, fringe, data, error = scene()
    result = run(exposure(data, error))
    before = np.std(fringe - 1)
    left = result.data / (data / fringe) - 1
    assert np.std(left) < 0.1 * before
    # Lines keep their flux: where they are, the correction is that of the fringes as well.
    lines = truth > 1.5 * np.median(truth, axis=0)
    assert np.std(left[lines]) < 0.2 * before
    assert np.array_equal(result.err, error.astype("f4")) and not result.dq.any()
    assert result.meta.cal_step.residual_fringe == "COMPLETE"


def test_without_fringes_next_to_nothing_changes(run):
    _, _, data, error = scene(amplitude=0.0)
    changed = run(exposure(data, error)).data / data - 1
    assert np.std(changed) < 0.0005 and np.median(np.abs(changed)) < 1e-6


@pytest.mark.req("RFRN-10")
def test_waves_of_other_periods_stay(run, tmp_path):
    _, fringe, data, error = scene()
    result = run(exposure(data, error), references=write_reference(tmp_path, period=4.2))
    assert np.std(result.data / data - 1) < 0.2 * np.std(fringe - 1)


@pytest.mark.req("RFRN-04")
def test_ignored_regions_stay_as_they_are(run):
    _, fringe, data, error = scene()
    result = run(exposure(data, error), ignore_region_min=[5.0, 5.5], ignore_region_max=[5.1, 5.55])
    wave = wavelengths()
    ignored = ((wave >= 5.0) & (wave <= 5.1)) | ((wave >= 5.5) & (wave <= 5.55))
    assert np.array_equal(result.data[ignored], data.astype("f4")[ignored])
    assert np.std((result.data * fringe / data)[~ignored]) < 0.2 * np.std(fringe)
    with pytest.raises(ParameterError, match="ignore_region_min has 2 wavelengths, ignore_region_max 1"):
        run(exposure(data, error), ignore_region_min=[5.0, 5.5], ignore_region_max=[5.1])
    with pytest.raises(ParameterError, match="longer wavelength"):
        run(exposure(data, error), ignore_region_min=[5.3], ignore_region_max=[5.1])


def test_columns_at_the_edge_of_a_slice_that_see_it_in_fewer_than_half_of_the_rows(run, monkeypatch):
    _, fringe, data, error = scene()
    wave = wavelengths()
    wave[:300], wave[780:] = np.nan, np.nan
    part = IFUSlice(1, 1, 0, 0, wave, wave, wave, wave, wave)
    monkeypatch.setattr("hexcal.steps.wcs.spectral.ifu_slices", lambda model: [part])
    result = run(exposure(data, error))
    seen = np.isfinite(wave)
    assert np.std((result.data * fringe / data - 1)[seen]) < 0.15 * np.std((fringe - 1)[seen])
    assert np.array_equal(result.data[~seen], data.astype("f4")[~seen])


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.08])
def test_noise_is_not_taken_for_fringes(run, noise):
    """Signal-to-noise ratios of 50, 20 and 12: what is left is never more than there was."""
    _, fringe, data, error = scene(amplitude=0.01, noise=noise)
    left = run(exposure(data, error)).data * fringe / data - 1
    assert np.sqrt(np.mean(left**2)) < 1.03 * np.std(fringe)


def test_bad_pixels_and_weak_columns(run):
    truth, fringe, data, error = scene()
    error[:, 50:] = truth[:, 50:]
    bad = data.copy()
    bad[100, 20], bad[200:210, 20] = 1e7, np.nan
    model = exposure(bad, error)
    model.dq[100, 20] = pixel.DO_NOT_USE
    result = run(model)
    assert np.array_equal(result.data[:, 50:], data[:, 50:].astype("f4"))
    good = np.isfinite(bad[:, 20]) & (bad[:, 20] < 1e6)
    assert np.std((result.data / (data / fringe))[good, 20] - 1) < 0.15 * np.std(fringe - 1)


@pytest.mark.req("RFRN-08")
def test_fringes_larger_than_allowed_are_left(run, tmp_path):
    _, _, data, error = scene(amplitude=0.3)
    assert np.array_equal(run(exposure(data, error)).data, data.astype("f4"))
    assert not np.array_equal(run(exposure(data, error), write_reference(tmp_path, limit=0.5)).data, data.astype("f4"))


@pytest.mark.req("RFRN-01", "RFRN-05")
def test_it_is_off_by_default_and_for_mrs_only(run, tmp_path):
    _, _, data, error = scene()
    model = exposure(data, error)
    result = ResidualFringeStep.call(model, references=write_reference(tmp_path))
    assert result.meta.cal_step.residual_fringe == "SKIPPED"
    model.meta.exposure.type = "NRS_IFU"
    assert run(model).meta.cal_step.residual_fringe == "SKIPPED"
    defaults = ResidualFringeStep().get_pars()
    assert (defaults["skip"], defaults["save_intermediate_results"], defaults["search_output_file"]) == (
        True,
        False,
        False,
    )
    assert defaults["suffix"] == "residual_fringe"


@pytest.mark.req("RFRN-02")
def test_a_file_a_model_and_an_association_of_one_file(run, tmp_path):
    _, _, data, error = scene()
    model = exposure(data, error)
    path = model.save(tmp_path / "a_cal.fits")
    asn = {"products": [{"name": "a", "members": [{"expname": "a_cal.fits", "exptype": "science"}]}]}
    (tmp_path / "a_asn.json").write_text(json.dumps(asn))
    of_model = run(model)
    assert of_model.model_type == "IFUImageModel" and not np.array_equal(of_model.data, data)
    for given in (str(path), str(tmp_path / "a_asn.json")):
        found = run(given)
        found = found[0] if isinstance(found, list | datamodels.ModelContainer) else found
        assert np.array_equal(found.data, of_model.data, equal_nan=True)


@pytest.mark.req("RFRN-09")
def test_the_band_chooses_its_table(tmp_path):
    """The file is chosen by the detector: test_selection_spectra."""
    assert set(ResidualFringeStep.reference_types) == {"fringefreq", "regions"}
    reference = datamodels.open(write_reference(tmp_path) + "/fringefreq.fits")
    pairs = {"SHORT": 2.8, "MEDIUM": 2.6, "LONG": 2.4}
    for band, period in pairs.items():
        table = np.array([(101, period, 0.2, 1, 10, 10, 0.01)], FIELDS)
        setattr(reference, f"rfc_freq_{band.lower()}_table", table)
    _, _, data, error = scene()
    model = exposure(data, error)
    for band, period in pairs.items():
        model.meta.instrument.band = band
        assert residual_fringe.fringe_rows(model, reference)[101][0].period == period


@pytest.mark.req("RFRN-07")
def test_references(run, tmp_path):
    _, _, data, error = scene()
    model = exposure(data, error)
    reference = datamodels.open(write_reference(tmp_path) + "/fringefreq.fits")
    rows = residual_fringe.fringe_rows(model, reference)
    assert rows == {101: (residual_fringe.FringeLine(2.8, 0.2, 1, 10, 10.0, 0.01),)}
    # Release 3.0.0 has several values in each cell.
    pairs = [(name, kind, (2,)) if name != "slice" else (name, kind) for name, kind in FIELDS]
    reference.rfc_freq_short_table = np.array(
        [(101, (2.8, 0.4), (0.2, 0.1), (1, 10), (5, 5), (10, 10), (0.01, 0.005))], pairs
    )
    assert [line.period for line in residual_fringe.fringe_rows(model, reference)[101]] == [2.8, 0.4]
    model.meta.instrument.band = "N/A"
    with pytest.raises(ReferenceError_, match="channel 1, band N/A"):
        run(model)


def test_intermediate_results(run, tmp_path):
    _, fringe, data, error = scene()
    path = exposure(data, error).save(tmp_path / "a_cal.fits")
    run(path, save_intermediate_results=True, output_dir=str(tmp_path))
    model = datamodels.open(tmp_path / "a_residual_fringe_model.fits")
    assert np.std(model.data - (fringe - 1)) < 0.1 * np.std(fringe - 1)


def test_the_same_bits_for_any_number_of_threads():
    _, _, data, error = scene()
    gains = []
    for threads in (1, 3):
        with bands.number_of_threads(threads):
            columns = residual_fringe.columns_of(the_slice(), exposure(data, error), [])
            line = residual_fringe.FringeLine(2.8, 0.2, 1, 5, 10.0, 0.01)
            residual_fringe.correct_slice(columns, line, None)
            gains.append(columns.gain)
    assert np.array_equal(*gains) and gains[0].any()


def test_the_contract_of_steps(run, tmp_path):
    """As tests/steps/test_contract_of_mrs.py: input untouched, all NaN, all flagged, skip, no reference."""
    _, _, data, error = scene()
    model = exposure(data, error)
    before, meta = model.data.copy(), model.to_flat_dict(include_arrays=False)
    run(model)
    assert np.array_equal(model.data, before) and model.to_flat_dict(include_arrays=False) == meta
    assert np.isnan(run(exposure(np.full(SHAPE, np.nan), error)).data).all()
    model.dq[...] = pixel.DO_NOT_USE
    assert np.array_equal(run(model).data, before)
    (tmp_path / "none").mkdir()
    assert run(model, references=str(tmp_path / "none")).meta.cal_step.residual_fringe == "SKIPPED"
