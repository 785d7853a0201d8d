"""An exposure of many integrations passes calwebb_image2 in blocks, with the bits that it has as a whole."""

import json
import logging

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.core import blocks
from hexcal.pipeline import Image2Pipeline
from hexcal.simulate.imaging import Imaging
from hexcal.simulate.imaging_setups import setup_of

SIZE, N_INTS = 48, 7
ROOT = "jw00042001001_02101_00001_nrca1"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image2_blocks")
    setup = setup_of("NIRCAM")
    Imaging(setup, setup.camera(SIZE), n_exposures=2, seed=4).save(folder)
    return folder


@pytest.fixture
def folder(simulated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEXCAL_REFERENCES", str(simulated / "references"))
    return tmp_path


def write_cube(simulated, path, seed, **meta):
    """Write integrations that differ, some of their pixels flagged, and their times."""
    image = datamodels.open(simulated / f"{ROOT}_rate.fits")
    random = np.random.default_rng(seed)
    noise = random.normal(0, 0.01, (N_INTS, SIZE, SIZE)).astype("f4")
    planes = {key: np.stack([getattr(image, key)] * N_INTS) for key in ("err", "dq", "var_poisson", "var_rnoise")}
    planes["dq"] |= (random.random(noise.shape) < 0.02).astype("u4")
    cube = datamodels.CubeModel(image.data + noise, **planes)
    cube.update(image)
    cube.int_times = np.zeros(N_INTS, [("integration_number", "i4"), ("int_mid_MJD_UTC", "f8")])
    cube.int_times["integration_number"] = np.arange(1, N_INTS + 1)
    for name, value in meta.items():
        cube.set_meta(f"meta.{name.replace('__', '.')}", value)
    cube.meta.filename = path.name
    cube.save(path)
    return path.name


def calibrate(monkeypatch, label, given, per_block=None, **more):
    monkeypatch.setattr(blocks, "RATES_BYTES", 1 << 40 if per_block is None else per_block * 4 * SIZE**2)
    return Image2Pipeline.call(given, output_dir=label, **more)


def assert_same(first, second):
    """All but the date of writing and the record of the run is the same."""
    with fits.open(first) as one, fits.open(second) as other:
        assert [hdu.name for hdu in one] == [hdu.name for hdu in other]
        for hdu, twin in zip(one[:-1], other[:-1], strict=True):
            assert [str(card) for card in hdu.header.cards if card.keyword != "DATE"] == [
                str(card) for card in twin.header.cards if card.keyword != "DATE"
            ]
            assert hdu.data is None or hdu.data.tobytes() == twin.data.tobytes(), hdu.name


def record_of(path):
    """What each step did, as the product records it."""
    return [(e["step"], e["status"], sorted(e["references"])) for e in datamodels.open(path).provenance["steps"]]


@pytest.mark.parametrize("tso", [False, True])
def test_one_block_or_many_give_the_same_bits(folder, simulated, monkeypatch, caplog, tso):
    caplog.set_level(logging.INFO, "hexcal")
    more = {"exposure__type": "NRC_TSIMAGE", "visit__tsovisit": True} if tso else {}
    name = write_cube(simulated, folder / "target_rateints.fits", 3, **more)
    whole = calibrate(monkeypatch, "whole", name)
    parts = calibrate(monkeypatch, "parts", name, 2)
    assert "The 7 integrations pass in 4 blocks, at most 2 at a time" in caplog.text
    assert_same("whole/target_calints.fits", "parts/target_calints.fits")
    assert parts.meta.cal_step.photom == parts.meta.cal_step.assign_wcs == "COMPLETE"
    for array in ("data", "err", "dq", "var_flat", "area"):
        assert np.array_equal(getattr(parts, array), getattr(whole, array), equal_nan=True), "it can be used on"
    assert parts.meta.wcs(3, 4) == whole.meta.wcs(3, 4)
    kept = [record_of(f"{label}/target_calints.fits") for label in ("whole", "parts")]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("backgrounds", ["integrations", "image"])
def test_the_background_is_averaged_once(folder, simulated, monkeypatch, caplog, backgrounds):
    caplog.set_level(logging.INFO, "hexcal")
    target = write_cube(simulated, folder / "target_rateints.fits", 3)
    blank = write_cube(simulated, folder / "blank_rateints.fits", 5)
    if backgrounds == "image":
        other = ROOT.replace("_00001_", "_00002_")
        blank = f"{other}_rate.fits"
        (folder / blank).symlink_to(simulated / blank)
    members = [{"expname": target, "exptype": "science"}, {"expname": blank, "exptype": "background"}]
    (folder / "asn.json").write_text(json.dumps({"products": [{"name": "alpha", "members": members}]}))
    calibrate(monkeypatch, "whole", "asn.json")
    caplog.clear()
    parts = calibrate(monkeypatch, "parts", "asn.json", 3)
    assert caplog.text.count("Average of 1 background exposures") == 1
    assert parts.meta.cal_step.bkg_subtract == "COMPLETE"
    assert_same("whole/alpha_calints.fits", "parts/alpha_calints.fits")


def test_what_is_not_saved_stays_in_memory(folder, simulated, monkeypatch):
    name = write_cube(simulated, folder / "target_rateints.fits", 3)
    monkeypatch.setattr(blocks, "RATES_BYTES", 4 * SIZE**2)
    result = Image2Pipeline.call(name)
    assert result.data.shape == (N_INTS, SIZE, SIZE) and list(folder.glob("*_calints.fits")) == []


def test_a_correction_that_is_left_out_is_left_out_of_all(folder, simulated, monkeypatch, caplog):
    name = write_cube(simulated, folder / "target_rateints.fits", 3)
    steps = {"flat_field": {"override_flat": "N/A"}}
    calibrate(monkeypatch, "whole", name, steps=steps)
    caplog.clear()
    parts = calibrate(monkeypatch, "parts", name, 2, steps=steps)
    assert parts.meta.cal_step.flat_field == "SKIPPED"
    assert caplog.text.count("NOT corrected by flat_field") == 1
    assert_same("whole/target_calints.fits", "parts/target_calints.fits")
