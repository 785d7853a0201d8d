"""Reference files that a thread reads while earlier steps of a pipeline work."""

import threading
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_uncal

from hexcal.core import Pipeline, Step, reading_ahead
from hexcal.errors import InputError

SHAPE = (1, 2, 16, 24)


class WaitStep(Step):
    """Wait until the next step's reference was read, as far as it will be."""

    alias = "wait"
    then: Any = None

    def process(self, model):
        if type(self).then is not None:
            type(self).then(self.context.reading)
        return model


class TakeStep(Step):
    """Keep what was taken of the flat."""

    alias = "take"
    reference_types = ("flat",)
    reads_ahead = {"flat": ("data", "dq")}
    taken: Any = None

    def process(self, model, references):
        flat = references.flat
        type(self).taken = (flat.contents.arrays.keys() >= {"data", "dq"}, flat.data.copy(), flat.dq.copy())
        return model


class AheadPipeline(Pipeline):
    """Wait, then take."""

    alias = "ahead"
    step_defs = {"wait": WaitStep, "take": TakeStep}

    def process(self, model):
        return self.run_in_order([self.wait, self.take], model)


def until_read(reading):
    with reading._changed:
        assert reading._changed.wait_for(lambda: reading._read, 20)


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    monkeypatch.setenv("HEXCAL_THREADS", "2")
    monkeypatch.setattr(WaitStep, "then", staticmethod(until_read))
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "hexcal-ahead"]


@pytest.fixture
def given(tmp_path):
    """An exposure and a folder with its flat, whose flag 1 means HOT."""
    refs = tmp_path / "refs"
    refs.mkdir()
    flags = np.zeros(SHAPE[2:], "u4")
    flags[3, 4] = 1
    definitions = np.array([(0, 1, b"HOT", b"")], [("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("TEXT", "S80")])
    header = fits.Header({"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "REFTYPE": "FLAT"})
    images = fits.ImageHDU(np.arange(384, dtype="f4").reshape(16, 24), name="SCI"), fits.ImageHDU(flags, name="DQ")
    table = fits.BinTableHDU(definitions, name="DQ_DEF")
    fits.HDUList([fits.PrimaryHDU(header=header), *images, table]).writeto(refs / "flat.fits")
    return write_uncal(tmp_path, SHAPE), refs


def run(given, **steps):
    return AheadPipeline.call(given[0], references=str(given[1]), steps=steps)


def test_arrays_come_as_the_step_itself_would_read_them(given, monkeypatch):
    run(given)
    was_read, data, flags = TakeStep.taken
    assert was_read
    monkeypatch.setenv("HEXCAL_THREADS", "1")
    monkeypatch.setattr(WaitStep, "then", None)
    run(given)
    was_read, *alone = TakeStep.taken
    assert not was_read
    np.testing.assert_array_equal(data, alone[0])
    np.testing.assert_array_equal(flags, alone[1])
    assert flags[3, 4] == 2048


@pytest.mark.parametrize("keep", [100, 4000], ids=["header", "pixels"])
def test_an_unreadable_file_is_told_by_the_step_that_needs_it(given, keep, monkeypatch, caplog):
    path = given[1] / "flat.fits"
    path.write_bytes(path.read_bytes()[:keep])
    messages = []
    for threads in "21":
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        monkeypatch.setattr(WaitStep, "then", staticmethod(until_read) if threads == "2" else None)
        caplog.clear()
        with pytest.raises(InputError, match="truncated") as caught:
            run(given)
        messages.append((str(caught.value), [text.partition(" in ")[0] for text in caplog.messages]))
    assert messages[0] == messages[1]
    assert "Step take running" in caplog.messages
    # Nobody needs it.
    monkeypatch.setattr(WaitStep, "then", None)
    run(given, take={"skip": True})


def test_no_thread_is_left_when_a_step_fails_or_is_interrupted(given, monkeypatch):
    for error in (ValueError, KeyboardInterrupt):

        def fail(reading, error=error):
            raise error

        monkeypatch.setattr(WaitStep, "then", staticmethod(fail))
        with pytest.raises(error):
            run(given)
        assert "hexcal-ahead" not in [thread.name for thread in threading.enumerate()]


def test_a_limit_of_the_memory_is_kept(given, monkeypatch):
    monkeypatch.setenv("HEXCAL_MEMORY", "4GB")
    monkeypatch.setattr(WaitStep, "then", None)
    run(given)
    assert not TakeStep.taken[0]


def wanted(step, path, names=("data",)):
    from hexcal.models.reference import ReferenceModel

    return reading_ahead.Wanted(step, str(path), "flat", names, ReferenceModel, SHAPE[2:])


def test_no_more_waits_than_there_is_room_for(given, monkeypatch):
    paths = [given[1] / f"{number}.fits" for number in range(4)]
    for path in paths:
        path.write_bytes((given[1] / "flat.fits").read_bytes())
    items = [wanted(number, path) for number, path in enumerate(paths)]
    monkeypatch.setattr(reading_ahead, "MOST_BYTES", 2 * items[0].size)
    reading = reading_ahead.ReadingAhead(items)
    try:
        with reading._changed:
            assert reading._changed.wait_for(lambda: len(reading._read) == 2, 20)
        assert len(reading._waiting) == 2
        # The third step takes: what the first two did not take makes room for the fourth.
        assert reading.take(paths[2], "flat") is None
        with reading._changed:
            assert reading._changed.wait_for(lambda: len(reading._read) == 1, 20)
        assert reading._read[0][0] is items[3]
        assert reading.take(paths[3], "flat") is not None and reading.take(paths[3], "flat") is None
    finally:
        reading.close()
