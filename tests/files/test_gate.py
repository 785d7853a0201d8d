"""The gate: what a run reads is never written, under none of its names; what it has written is not written twice."""

import contextvars
import os
import threading

import pytest

from hexcal.errors import InputError
from hexcal.files import gate
from hexcal.files.atomic import all_or_none, atomic


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "read").write_text("read")
    os.symlink("read", "symbolic")
    os.link("read", "hard")
    return tmp_path


@pytest.mark.parametrize("name", ["read", "./read", "symbolic", "hard", "nowhere/../read"])
def test_what_is_read_is_written_under_none_of_its_names(folder, name):
    (folder / "nowhere").mkdir()
    with gate.run():
        gate.reading("read", "dark reference")
        with pytest.raises(InputError, match="dark reference"), atomic(name) as stream:
            stream.write(b"other")
    assert {(folder / each).read_text() for each in ("read", "symbolic", "hard")} == {"read"}
    assert sorted(os.listdir(folder)) == ["hard", "nowhere", "read", "symbolic"]


def test_what_is_read_through_a_link_is_protected_under_its_own_name(folder):
    with gate.run():
        gate.reading("symbolic")
        for name in ("read", "hard", "symbolic"):
            with pytest.raises(InputError):
                gate.check(name)


def test_what_is_read_while_the_output_is_being_written_is_protected_too(folder):
    def write_and_read():
        with atomic("read") as stream:
            stream.write(b"other")
            gate.reading("hard")

    with gate.run(), pytest.raises(InputError, match="reads"):
        write_and_read()
    assert (folder / "read").read_text() == "read"


def test_a_file_is_written_once_in_a_run_and_again_in_the_next(folder):
    for _ in range(2):
        with gate.run():
            with atomic("product") as stream:
                stream.write(b"first")
            with pytest.raises(InputError, match="one file"), atomic("product") as stream:
                stream.write(b"second")
    assert (folder / "product").read_bytes() == b"first"


def test_a_command_that_begins_anew_writes_a_file_again(folder):
    with gate.run():
        for text in ("first", "second"):
            gate.begin_anew()
            with gate.run(), atomic(folder / "out.txt") as stream:
                stream.write(text.encode())
    assert (folder / "out.txt").read_text() == "second"


def test_outside_of_a_run_files_may_be_replaced(folder):
    gate.reading("read")
    for text in (b"a", b"b"):
        with atomic("read") as stream:
            stream.write(text)
    assert (folder / "read").read_bytes() == b"b"


def test_a_planned_output_that_is_read_is_refused_when_it_is_read(folder):
    with gate.run():
        gate.plan("hard")
        with pytest.raises(InputError, match="mask reference"):
            gate.reading("read", "mask reference")


def test_what_an_inner_run_reads_is_protected_in_the_outer_one_and_not_beside_it(folder):
    with gate.run():
        with gate.run():
            gate.reading("read")
        with pytest.raises(InputError):
            gate.check("read")
    with gate.run():
        gate.check("read")


def test_runs_in_threads_know_nothing_of_each_other_unless_told(folder):
    seen = {}

    def look(name):
        try:
            gate.check("read")
            seen[name] = "free"
        except InputError:
            seen[name] = "protected"

    with gate.run():
        gate.reading("read")
        context = contextvars.copy_context()
        for name, call in (("other", look), ("own", lambda name: context.run(look, name))):
            thread = threading.Thread(target=call, args=(name,))
            thread.start()
            thread.join()
    assert seen == {"other": "free", "own": "protected"}


def test_of_several_files_all_are_written_or_none(folder):
    def write(*names, error=None):
        with all_or_none() as open_part:
            for name in names:
                open_part(name).write(b"new")
            if error is not None:
                raise error

    with gate.run():
        gate.reading("read")
        with pytest.raises(InputError):
            write("a", "b", "read")
    with pytest.raises(OSError, match="full"):
        write("a", error=OSError(28, "full"))
    assert sorted(os.listdir(folder)) == ["hard", "read", "symbolic"]
    write("a", "b")
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes() == b"new"


def test_the_longest_file_name_that_the_system_has_can_be_written(folder):
    name = "x" * 250 + ".fits"
    with atomic(name) as stream:
        stream.write(b"data")
    assert (folder / name).read_bytes() == b"data"
