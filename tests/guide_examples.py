"""Runs the examples of a page of the guide, one after the other, as a reader would."""

import contextlib
import doctest
import io
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import hexcal

_FENCE = re.compile(r"^```(bash|python|output)( fails)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A block of a page."""

    language: str
    fails: bool
    text: str
    line: int


def examples(text: str) -> list[Example]:
    """Return the blocks ```bash, ```python and ```output of a page; blocks in other languages are not run."""
    return [
        Example(block[1], bool(block[2]), block[3], text.count("\n", 0, block.start()) + 1)
        for block in _FENCE.finditer(text)
    ]


class Reader:
    """Somebody who types the examples in a folder of their own.

    Parameters
    ----------
    folder : Path
        Where commands and Python run.
    environment : dict
        For commands.
    """

    def __init__(self, folder: Path, environment: dict):
        self.folder, self.environment = folder, environment
        self.names: dict = {"__name__": "__main__"}
        self.printed = ""

    def follow(self, page: Path) -> None:
        """Run a page; AssertionError names the line of the example that does not do what the page says."""
        for example in examples(page.read_text(encoding="utf-8")):
            where = f"{page.name}, line {example.line}"
            if example.language == "output":
                _require_alike(example.text, self.printed, where)
            elif example.language == "bash":
                self._type(example, where)
            else:
                self._python(example, where)

    def _type(self, example, where):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", example.text],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.printed = done.stdout
        assert (done.returncode != 0) == example.fails, f"{where}: status {done.returncode}\n{done.stdout[-2000:]}"

    def _python(self, example, where):
        text = io.StringIO()
        code = compile(example.text, where, "exec")
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(text):
            exec(code, self.names)
        self.printed = text.getvalue()


def _require_alike(wanted, got, where):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(wanted, got, flags), f"{where}: expected\n{wanted}\ngot\n{got}"


def environment_of_reader(folder: Path, python: str) -> dict:
    """Environment in which `hexcal` and the commands of associations run this source, with nothing set by the user.

    Parameters
    ----------
    folder : Path
        Gets the commands.
    python : str
        The interpreter.
    """
    folder.mkdir()
    for name in ("hexcal", "asn_make_pool", "asn_generate", "asn_from_list"):
        command = folder / name
        code = f"import sys; from hexcal.cli.start import {name}; sys.exit({name}())"
        command.write_text(f'#!/bin/sh\nexec "{python}" -c "{code}" "$@"\n', encoding="utf-8")
        command.chmod(0o755)
    source = Path(hexcal.__file__).resolve().parents[1]
    places = {"PATH": folder, "PYTHONPATH": source}
    return {**os.environ, **{name: f"{place}{os.pathsep}{os.environ.get(name, '')}" for name, place in places.items()}}
