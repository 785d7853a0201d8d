"""What killed runs leave is removed by the next run into the folder, unless somebody still writes it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hexcal.files import gate, left_over
from hexcal.files.atomic import atomic

_WRITER = """
import sys, time
from hexcal.files.atomic import atomic
with atomic("product") as stream:
    stream.write(b"half"); stream.flush()
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "writing\n"
    yield process
    process.kill()
    process.communicate()


def _hidden(folder):
    return [name for name in os.listdir(folder) if name.startswith(".")]


def test_what_kill_9_leaves_is_removed_by_the_next_run(writer, tmp_path):
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert len(_hidden(tmp_path)) == 1
    with gate.run(), atomic("other") as stream:
        stream.write(b"whole")
    assert os.listdir(tmp_path) == ["other"]


def test_what_is_still_being_written_stays(writer, tmp_path):
    with gate.run(), atomic("other") as stream:
        stream.write(b"whole")
    assert len(_hidden(tmp_path)) == 1
    writer.stdin.write("\n")
    writer.stdin.flush()
    assert writer.wait() == 0
    assert (tmp_path / "product").read_bytes() == b"half" and not _hidden(tmp_path)


def test_files_of_others_stay(tmp_path):
    theirs = [
        ".mine.part",
        ".x.hexcal-1.part",
        "x.hexcal-00000000-00000000.part",
        ".dark.fits.part",
        ".a.12345678.part",
    ]
    for name in theirs:
        (tmp_path / name).write_text("theirs")
    (tmp_path / left_over.partial_name("folder")).mkdir()
    before = sorted(os.listdir(tmp_path))
    with gate.run():
        left_over.tidy(tmp_path)
    assert sorted(os.listdir(tmp_path)) == before


def test_what_another_computer_may_still_write_stays_for_a_day(tmp_path):
    path = tmp_path / ".x.hexcal-00000000-11111111.part"
    path.write_text("half")
    with gate.run():
        left_over.tidy(tmp_path)
    assert path.exists()
    yesterday = time.time() - 100000
    os.utime(path, (yesterday, yesterday))
    with gate.run():
        left_over.tidy(tmp_path)
    assert not path.exists()
