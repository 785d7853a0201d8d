"""An exposure that passes calwebb_detector1 in blocks gives what it gives as a whole, bit for bit.

A block is some of its integrations.
"""

import logging

import numpy as np
import pytest
from astropy.io import fits
from exposures import MIRI, NAME, NIRCAM, write_references, write_uncal

from hexcal import datamodels
from hexcal.core import SkipStep, blocks
from hexcal.errors import InputError
from hexcal.models import dqflags
from hexcal.pipeline import Detector1Pipeline
from hexcal.steps.detector import jump_gathered
from hexcal.steps.detector.jump import JumpStep
from hexcal.steps.detector.superbias import SuperBiasStep

SHAPE = (7, 9, 12, 20)
STEM = NAME.removesuffix("_uncal.fits")
EACH = 4 * SHAPE[1] * SHAPE[2] * SHAPE[3]


def ramps(shape=SHAPE):
    """Ramps of a bright field with cosmic rays and pixels that saturate in some of the integrations."""
    rng = np.random.default_rng(3)
    rate = rng.uniform(5, 40, shape[2:])
    rate[2:4, 3:7] = 9000
    scale = rng.uniform(0.6, 1.4, (shape[0], 1, 1, 1))
    data = 1000 + scale * rate * np.arange(1, shape[1] + 1)[None, :, None, None] + rng.normal(0, 3, shape)
    hits = (rng.random(shape) < 0.01) * rng.uniform(100, 3000, shape)
    return np.clip(data + np.cumsum(hits, axis=1), 0, 65000).astype(np.uint16)


def tables(n_ints):
    times = ["int_start_MJD_UTC", "int_mid_MJD_UTC", "int_end_MJD_UTC"]
    times += ["int_start_BJD_TDB", "int_mid_BJD_TDB", "int_end_BJD_TDB"]
    rows = np.zeros(n_ints, [("integration_number", "i4"), *((name, "f8") for name in times)])
    rows["integration_number"] = np.arange(1, n_ints + 1)
    return [fits.BinTableHDU(rows, name="INT_TIMES")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(folder, mode, extra=(), **keywords):
    """Write an exposure and references that depend on integration, group and pixel."""
    rng = np.random.default_rng(4)
    _, ngroups, ny, nx = SHAPE
    write_uncal(folder, mode=mode, data=ramps(), extra=[*tables(SHAPE[0]), *extra], **keywords)
    mask = np.where(rng.random((ny, nx)) < 0.03, 1, 0).astype("u4")
    mask[:4] |= np.uint32(1 << 31)
    saturation = np.full((ny, nx), 50000, "f4")
    saturation[5, 5] = np.nan
    gain = rng.uniform(1.5, 2.5, (ny, nx)).astype("f4")
    gain[6, :2] = 0, np.nan
    dark = rng.normal(0, 1, (2, ngroups, ny, nx) if mode is MIRI else (ngroups, ny, nx)).astype("f4")
    reset = rng.normal(0, 2, (3, ngroups, ny, nx)).astype("f4")
    arrays = {"mask": mask, "saturation": saturation, "gain": gain, "dark": dark, "reset": reset}
    write_references(folder / "refs", SHAPE, mode, **arrays)
    with fits.open(folder / "refs" / "gain.fits", mode="update") as hdus:
        hdus[0].header["GAINFACT"] = 1.5
    if mode is MIRI:
        table = np.array([("SUB64P", "FAST", 2)], [("subarray", "S15"), ("readpatt", "S15"), ("group_skip", "i4")])
        header = fits.Header({"TELESCOP": "JWST", "REFTYPE": "RSCD", "USEAFTER": "2020-01-01T00:00:00", **mode})
        hdus = [fits.PrimaryHDU(header=header), fits.BinTableHDU(table, name="RSCD_GROUP_SKIP")]
        fits.HDUList(hdus).writeto(folder / "refs" / "rscd.fits")


def calibrate(monkeypatch, label, per_block=None, **more):
    """Run the pipeline with so many integrations in a block (None: all), into a folder of its own."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 40 if per_block is None else per_block * EACH)
    return Detector1Pipeline.call(NAME, references="refs", output_dir=label, **more)


def differences(first, second):
    """What differs between the products in two folders, but the date of writing and the record of the run."""
    found = []
    for suffix in ("rate", "rateints"):
        with fits.open(f"{first}/{STEM}_{suffix}.fits") as one, fits.open(f"{second}/{STEM}_{suffix}.fits") as other:
            assert [hdu.name for hdu in one] == [hdu.name for hdu in other]
            for hdu in one[:-1]:
                cards, others = (
                    [str(card) for card in header.cards if card.keyword != "DATE"]
                    for header in (hdu.header, other[hdu.name].header)
                )
                found += [card for card in cards if card not in others]
                found += [card for card in others if card not in cards]
                if hdu.data is not None and hdu.data.tobytes() != other[hdu.name].data.tobytes():
                    found.append(f"{suffix} {hdu.name}")
    return found


@pytest.mark.parametrize("mode", [NIRCAM, MIRI], ids=["nircam", "miri"])
def test_one_block_or_many_give_the_same_bits(folder, monkeypatch, mode):
    frame = np.where(np.random.default_rng(5).random((SHAPE[0], *SHAPE[2:])) < 0.2, 0, 5000).astype("u2")
    extra = [fits.ImageHDU(frame, name="ZEROFRAME")] if mode is NIRCAM else []
    make(folder, mode, extra)
    steps = {"ramp_fit": {"suppress_one_group": False}, "firstframe": {"bright_use_group1": True}}
    whole = calibrate(monkeypatch, "whole", steps=steps)
    assert np.isfinite(whole.data).mean() > 0.5 and whole.meta.cal_step.gain_scale == "COMPLETE"
    for per_block, threads in ((1, "1"), (2, "2"), (3, "1"), (6, "2")):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        rate = calibrate(monkeypatch, f"by{per_block}", per_block, steps=steps)
        assert rate.data.tobytes() == whole.data.tobytes() and rate.dq.tobytes() == whole.dq.tobytes()
        assert differences("whole", f"by{per_block}") == []


@pytest.mark.parametrize("mode", [NIRCAM, MIRI], ids=["nircam", "miri"])
def test_a_time_series_of_a_later_segment(folder, monkeypatch, mode):
    make(folder, mode, INTSTART=3, INTEND=9, TSOVISIT=True, NINTS=20)
    calibrate(monkeypatch, "whole")
    calibrate(monkeypatch, "by2", 2)
    assert differences("whole", "by2") == []
    header = fits.getheader(f"by2/{STEM}_rateints.fits")
    assert (header["INTSTART"], header["INTEND"]) == (3, 9)


def test_a_step_has_one_entry_and_one_line_in_the_log(folder, monkeypatch, caplog):
    make(folder, NIRCAM)
    caplog.set_level(logging.INFO, "hexcal")
    calibrate(monkeypatch, "whole")
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    calibrate(monkeypatch, "by2", 2)
    in_blocks = [record.getMessage() for record in caplog.records]
    assert "The 7 integrations pass in 4 blocks, at most 2 at a time" in in_blocks

    def told(messages, word):
        return [line for line in messages if word in line]

    for word in ("are saturated in some group", "are flagged as jumps", "have no rate", "Reference superbias"):
        assert len(told(in_blocks, word)) == 1 and told(in_blocks, word) == told(lines, word)
    records = [datamodels.open(f"{name}/{STEM}_rate.fits").provenance["steps"] for name in ("whole", "by2")]
    kept = [[(e["step"], e["status"], sorted(e["references"])) for e in record] for record in records]
    assert kept[0] == kept[1] and all(entry["seconds"] is not None for entry in records[1])


def test_an_input_in_memory_is_not_changed(folder, monkeypatch):
    make(folder, NIRCAM)
    calibrate(monkeypatch, "whole")
    ramp = datamodels.RampModel(NAME)
    before, flags = ramp.data.copy(), ramp.groupdq.copy()
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2 * EACH)
    rate = Detector1Pipeline.call(ramp, references="refs")
    np.testing.assert_array_equal(ramp.data, before)
    np.testing.assert_array_equal(ramp.groupdq, flags)
    assert ramp.meta.exposure.integration_end == SHAPE[0]
    with datamodels.open(f"whole/{STEM}_rate.fits") as whole:
        np.testing.assert_array_equal(rate.data, whole.data)


@pytest.mark.parametrize(
    ("mode", "jump"),
    [
        (NIRCAM, {}),
        (NIRCAM, {"only_use_ints": False, "min_jump_to_flag_neighbors": 1.0}),
        (NIRCAM, {"after_jump_flag_dn1": 100.0, "after_jump_flag_time1": 5.0, "flag_4_neighbors": False}),
        (NIRCAM, {"expand_large_events": True, "mask_snowball_core_next_int": False}),
        (MIRI, {"after_jump_flag_dn1": 100.0, "after_jump_flag_time1": 5.0}),
    ],
)
def test_sigma_clipping_looks_at_all_integrations_of_blocks(folder, monkeypatch, mode, jump):
    frame = np.where(np.random.default_rng(5).random((SHAPE[0], *SHAPE[2:])) < 0.2, 0, 5000).astype("u2")
    make(folder, mode, [fits.ImageHDU(frame, name="ZEROFRAME")] if mode is NIRCAM else [])
    steps = {
        "jump": {"minimum_sigclip_groups": 5, "rejection_threshold": 1.8, **jump},
        "ramp_fit": {"suppress_one_group": False},
    }
    whole = calibrate(monkeypatch, "whole", steps=steps)
    assert (whole.dq & dqflags.pixel.JUMP_DET != 0).sum() > 20
    tiles = set()

    def counted(step, n_ints, all_tiles=jump_gathered.JumpsOfAll._tiles):
        tiles.update(map(str, found := list(all_tiles(step, n_ints))))
        return found

    monkeypatch.setattr(jump_gathered.JumpsOfAll, "_tiles", counted)
    # From one tile to tiles of one row, and of some of its columns.
    for per_block, threads, tile_bytes in ((1, "1", 1 << 25), (2, "2", 20_000), (3, "1", 1)):
        monkeypatch.setattr(jump_gathered, "TILE_BYTES", tile_bytes)
        monkeypatch.setattr(jump_gathered, "_FEWEST_COLUMNS", 7)
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        calibrate(monkeypatch, f"by{per_block}", per_block, steps=steps)
        assert differences("whole", f"by{per_block}") == []
    assert len(tiles) > 30


def test_the_jumps_of_all_have_one_entry_and_one_line(folder, monkeypatch, caplog):
    make(folder, NIRCAM)
    steps = {"jump": {"minimum_sigclip_groups": 5}}
    caplog.set_level(logging.INFO, "hexcal")
    told = []
    for label, per_block in (("whole", None), ("by2", 2)):
        caplog.clear()
        calibrate(monkeypatch, label, per_block, steps=steps)
        told.append([line for line in caplog.messages if "flagged as jumps" in line or "method" in line])
    assert len(told[0]) == 2 and told[0] == told[1]
    records = [datamodels.open(f"{label}/{STEM}_rate.fits").provenance["steps"] for label in ("whole", "by2")]
    kept = [[(e["step"], e["status"], sorted(e["references"])) for e in record] for record in records]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            {"jump": {"minimum_sigclip_groups": 5, "find_showers": True}},
            "jump: sigma clipping compares all integrations",
        ),
        ({"jump": {"pool_integrations": True}}, "jump: pool_integrations takes all integrations together"),
        ({"clean_flicker_noise": {"skip": False}}, "masks of sources and the background are made from all"),
        ({"superbias": {"post_hooks": [lambda model: model]}}, "superbias has hooks"),
        ({"linearity": {"save_results": True}}, "the result of linearity is saved"),
        ({"ramp_fit": {"save_opt": True}}, "save_opt and int_name write what was found in all integrations"),
    ],
)
def test_steps_that_need_all_integrations_say_so(folder, monkeypatch, caplog, steps, said):
    make(folder, NIRCAM)
    caplog.set_level(logging.INFO, "hexcal")
    calibrate(monkeypatch, "out", 2, steps=steps)
    assert any("All 7 integrations are processed together" in line and said in line for line in caplog.messages)


def test_a_derived_step_must_say_that_it_works_on_blocks(folder, monkeypatch, caplog):
    class Mine(SuperBiasStep):
        def process(self, ramp, references):
            return super().process(ramp, references)

    make(folder, NIRCAM)
    caplog.set_level(logging.INFO, "hexcal")
    monkeypatch.setitem(Detector1Pipeline.step_defs, "superbias", Mine)
    calibrate(monkeypatch, "out", 2)
    assert any("superbias: its work is that of a derived class" in line for line in caplog.messages)


def test_blocks_that_disagree_are_worked_on_together(folder, monkeypatch, caplog):
    make(folder, NIRCAM)
    calibrate(monkeypatch, "whole")
    work = JumpStep.process

    def process(self, ramp, references):
        if (ramp.meta.exposure.integration_start, ramp.shape[0]) == (4, 2):
            raise SkipStep("nothing to do")
        return work(self, ramp, references)

    monkeypatch.setattr(JumpStep, "process", process)
    caplog.set_level(logging.INFO, "hexcal")
    calibrate(monkeypatch, "by2", 2)
    assert any("together after all: jump is SKIPPED for some integrations" in line for line in caplog.messages)
    assert differences("whole", "by2") == []
    steps = [e["step"] for e in datamodels.open(f"by2/{STEM}_rate.fits").provenance["steps"]]
    assert len([name for name in steps if name.endswith(".jump")]) == 1


def test_a_failure_in_the_middle_leaves_nothing(folder, monkeypatch):
    make(folder, NIRCAM)
    scratch = folder / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("HEXCAL_SCRATCH", str(scratch))
    work = JumpStep.process

    def process(self, ramp, references):
        if ramp.meta.exposure.integration_start > 4:
            raise InputError("this integration is broken")
        assert any(scratch.iterdir()) or ramp.meta.exposure.integration_start == 1
        return work(self, ramp, references)

    monkeypatch.setattr(JumpStep, "process", process)
    with pytest.raises(InputError, match="this integration is broken"):
        calibrate(monkeypatch, "out", 1)
    assert not list(scratch.iterdir()) and not list(folder.glob("out/*"))
    logger = logging.getLogger("hexcal.calwebb_detector1.jump")
    assert not logger.filters


def test_nothing_waits_that_nobody_wants(folder, monkeypatch):
    make(folder, NIRCAM)
    scratch = folder / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("HEXCAL_SCRATCH", str(scratch))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", EACH)
    stored = []
    monkeypatch.setattr("hexcal.models.scratch.Scratch.append", lambda *words: stored.append(words))
    assert Detector1Pipeline.call(NAME, references="refs").shape == SHAPE[2:]
    assert stored == [] and not list(scratch.iterdir())


def test_a_part_of_a_ramp_is_a_model_of_its_own(folder):
    make(folder, MIRI)
    ramp = datamodels.RampModel(NAME)
    part = ramp.integrations(2, 5)
    assert part.shape == part.groupdq.shape == (3, *SHAPE[1:]) and not ramp.loaded()
    np.testing.assert_array_equal(part.data, ramps()[2:5])
    np.testing.assert_array_equal(part.read("data", np.s_[1, 2]), ramps()[3, 2])
    assert part.int_times["integration_number"].tolist() == [3, 4, 5]
    part.data[:] = 0
    part.check()
    assert (part.meta.exposure.integration_start, part.meta.exposure.integration_end) == (3, 5)
    assert ramp.meta.exposure.integration_start == 1 and ramp.data.any()
    part.save("part.fits")
    assert fits.getdata("part.fits", "GROUPDQ").shape == (3, *SHAPE[1:])
