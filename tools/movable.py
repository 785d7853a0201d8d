"""Make the environment work where the checkout is moved or copied to (``make env``): no command names a folder."""

import importlib.metadata
import os
import sys
import sysconfig
from pathlib import Path

# The shell starts the Python beside the command, also through a link; for Python it is a text without a name.
_HEAD = """#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""


def without_folder(text: str, python: str) -> str:
    """Return a command written in Python that starts the Python beside it, if it starts `python`; else as it is."""
    head = f"#!{python}\n"
    return _HEAD + text.removeprefix(head) if text.startswith(head) else text


def main():
    """Rewrite the commands of Hexcal, and where Python looks for its sources."""
    folder = Path(sysconfig.get_path("scripts"))
    for point in importlib.metadata.distribution("hexcal").entry_points.select(group="console_scripts"):
        command = folder / point.name
        command.write_text(without_folder(command.read_text(encoding="utf-8"), sys.executable), encoding="utf-8")
    sources, packages = Path(__file__).resolve().parents[1] / "src", Path(sysconfig.get_path("purelib"))
    for path in packages.glob("*hexcal*.pth"):
        if path.read_text(encoding="utf-8").strip() == str(sources):
            path.write_text(os.path.relpath(sources, packages) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
