"""Time series pass calwebb_spec2 in blocks, with the bits that they have as a whole."""

import logging

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.cli import main as cli
from hexcal.core import blocks
from hexcal.errors import InputError
from hexcal.pipeline import Spec2Pipeline

N_INTS = 7
MODES = ("nirspec-bots", "miri-lrs-slitless")


@pytest.fixture(scope="module", params=MODES)
def simulated(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp(request.param)
    assert cli.main(["simulate", "spectra", request.param, f"--ints={N_INTS}", f"--output={folder}"]) == 0
    return folder


@pytest.fixture
def series(simulated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEXCAL_REFERENCES", str(simulated / "references"))
    return str(next(simulated.glob("*_rateints.fits")))


def calibrate(monkeypatch, label, given, per_block=None, **more):
    size = 4 * np.prod(datamodels.open(given).shape[1:])
    monkeypatch.setattr(blocks, "SPECTRA_BYTES", 1 << 40 if per_block is None else per_block * size)
    return Spec2Pipeline.call(given, output_dir=label, **more)


def assert_same(first, second):
    """All but the date of writing and the record of the run is the same."""
    with fits.open(first) as one, fits.open(second) as other:
        assert [(hdu.name, hdu.ver) for hdu in one] == [(hdu.name, hdu.ver) for hdu in other]
        for hdu, twin in zip(one[:-1], other[:-1], strict=True):
            assert [str(card) for card in hdu.header.cards if card.keyword != "DATE"] == [
                str(card) for card in twin.header.cards if card.keyword != "DATE"
            ]
            assert hdu.data is None or hdu.data.tobytes() == twin.data.tobytes(), hdu.name


def record_of(path):
    """What each step did, as the product records it."""
    return [(e["step"], e["status"], sorted(e["references"])) for e in datamodels.open(path).provenance["steps"]]


def products(folder):
    return sorted(path.name for path in folder.glob("*.fits"))


STEPS = {
    "plain": {},
    "rows": {"extract_1d": {"integrations_as": "rows"}},
    "replaced": {"pixel_replace": {"skip": False}},
    "not centred": {"targ_centroid": {"skip": False}},
    "left out": {"flat_field": {"skip": True}, "photom": {"override_photom": "N/A"}, "extract_1d": {"skip": True}},
}


@pytest.mark.parametrize("case", STEPS)
def test_one_block_or_many_give_the_same_bits(series, tmp_path, monkeypatch, caplog, case):
    caplog.set_level(logging.INFO, "hexcal")
    whole = calibrate(monkeypatch, "whole", series, steps=STEPS[case])
    assert "pass in" not in caplog.text
    words = ("integrations done", "replaced", "Aperture")
    told = {line for line in messages(caplog) if any(word in line for word in words)}
    caplog.clear()
    parts = calibrate(monkeypatch, "parts", series, 2, steps=STEPS[case])
    assert "The 7 integrations pass in 4 blocks, at most 2 at a time" in caplog.text
    assert told <= set(messages(caplog)), "what is true of all is told of all"
    names = products(tmp_path / "whole")
    assert len(names) == (1 if case == "left out" else 2) and names == products(tmp_path / "parts")
    for name in names:
        assert_same(tmp_path / "whole" / name, tmp_path / "parts" / name)
        assert record_of(tmp_path / "whole" / name) == record_of(tmp_path / "parts" / name)
    for array in ("data", "err", "dq", "wavelength"):
        assert np.array_equal(getattr(parts, array), getattr(whole, array), equal_nan=True), "it can be used on"
    assert parts.meta.exposure.integration_end == whole.meta.exposure.integration_end
    assert len(parts.int_times) == N_INTS


def messages(caplog):
    return [record.getMessage() for record in caplog.records]


def test_a_segment_counts_its_integrations_from_its_own_first(series, tmp_path, monkeypatch):
    model = datamodels.open(series)
    model.meta.exposure.integration_start, model.meta.exposure.integration_end = 101, 100 + N_INTS
    model.int_times["integration_number"] += 100
    model.save(tmp_path / "segment_rateints.fits")
    for label, per_block in (("whole", None), ("parts", 3)):
        calibrate(monkeypatch, label, "segment_rateints.fits", per_block)
    for name in products(tmp_path / "whole"):
        assert_same(tmp_path / "whole" / name, tmp_path / "parts" / name)
    spectra = datamodels.open(tmp_path / "parts" / "segment_x1dints.fits")
    assert [part.int_num for part in spectra.spec] == list(range(101, 101 + N_INTS))


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ({"flat_field": {"save_results": True}}, "the result of flat_field is saved"),
        ({"extract_1d": {"extraction_type": None}}, "a profile may be fitted to all integrations"),
    ],
)
def test_what_needs_all_integrations_gets_them(series, monkeypatch, caplog, steps, reason):
    caplog.set_level(logging.INFO, "hexcal")
    calibrate(monkeypatch, "parts", series, 2, steps=steps)
    assert f"All {N_INTS} integrations are processed together" in caplog.text and reason in caplog.text


def test_what_is_not_saved_stays_in_memory(series, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "SPECTRA_BYTES", 1)
    result = Spec2Pipeline.call(series)
    assert result.data.shape[0] == N_INTS and products(tmp_path) == []


@pytest.mark.parametrize("per_block", [None, 3])
def test_what_is_calibrated_is_delivered_where_spectra_cannot_be_made(series, tmp_path, monkeypatch, per_block):
    (tmp_path / "cut.json").write_text('{"apertures": [')
    steps = {"extract_1d": {"override_extract1d": str(tmp_path / "cut.json")}}
    calibrate(monkeypatch, "good", series)
    with pytest.raises(InputError, match="not readable as JSON"):
        calibrate(monkeypatch, "bad", series, per_block, steps=steps)
    (name,) = products(tmp_path / "bad")
    assert name.endswith("_calints.fits")
    good, bad = (datamodels.open(tmp_path / folder / name) for folder in ("good", "bad"))
    np.testing.assert_array_equal(bad.data, good.data)


def test_blocks_that_disagree_are_worked_on_together(series, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "hexcal")
    model = datamodels.open(series)
    model.data[2:] = np.nan
    model.save(tmp_path / "gone_rateints.fits")
    steps = {"pixel_replace": {"skip": False}}
    for label, per_block in (("whole", None), ("parts", 1)):
        calibrate(monkeypatch, label, "gone_rateints.fits", per_block, steps=steps)
    assert "All integrations are processed together after all: pixel_replace is SKIPPED" in caplog.text
    for name in products(tmp_path / "whole"):
        assert_same(tmp_path / "whole" / name, tmp_path / "parts" / name)
