"""Commands of an environment that was moved."""

import os
import subprocess
import sys

import pytest
from movable import without_folder


@pytest.mark.skipif(os.name != "posix", reason="commands are scripts of the shell")
def test_a_command_runs_where_its_folder_is_moved_to(tmp_path):
    before, after = tmp_path / "before", tmp_path / "now here"
    before.mkdir()
    python, command = before / "python", before / "greet"
    python.symlink_to(sys.executable)
    command.write_text(without_folder(f"#!{python}\nimport sys\nprint('hello', *sys.argv[1:])\n", str(python)))
    command.chmod(0o755)
    before.rename(after)
    (tmp_path / "link").symlink_to(after / "greet")
    for name in (after / "greet", tmp_path / "link"):
        done = subprocess.run([name, "a b", "c"], capture_output=True, text=True, check=True)
        assert done.stdout == "hello a b c\n"


def test_what_is_no_command_of_this_python_stays():
    for text in ("#!/bin/sh\nexit 0\n", "print(1)\n", ""):
        assert without_folder(text, "/somewhere/python") == text
