"""``hexcal asn COMMAND``: which exposures belong together.

Each command also exists by its documented name, such as ``asn_generate``.
"""

import importlib
import sys

from hexcal.errors import unknown_name

# Command -> (module with main(words), what it does). Only the module of the command is imported.
COMMANDS = {
    "generate": ("asn_generate", "make the associations of a pool of exposures"),
    "from-list": ("asn_from_list", "make an association of the files that you name"),
    "edit": ("asn_edit", "add files to an association, or remove them"),
    "gather": ("asn_gather", "copy an association and its files to another folder"),
    "pool": ("asn_make_pool", "make a pool from the headers of exposures"),
    "explain": ("asn_explain", "why exposures are together in associations, or not"),
}


def main(words):
    """Run one command.

    Parameters
    ----------
    words : list of str
        After ``hexcal asn``.

    Returns
    -------
    int
        Exit status.
    """
    if not words or words[0] in ("-h", "--help", "help"):
        print("usage: hexcal asn COMMAND ...\n\ncommands:")
        print("\n".join(f"  {name:10s} {text}" for name, (_, text) in COMMANDS.items()))
        print("\n`hexcal asn COMMAND --help` tells more.")
        return 0 if words else 1
    name, *rest = words
    if name not in COMMANDS:
        raise unknown_name("command", name, COMMANDS, where="hexcal asn")
    return importlib.import_module(f"hexcal.cli.{COMMANDS[name][0]}").main(rest)


def _script(command):
    from hexcal.cli.main import main as hexcal

    return hexcal(["asn", command, *sys.argv[1:]])


def asn_generate():
    """``asn_generate ...`` is ``hexcal asn generate ...``."""
    return _script("generate")


def asn_from_list():
    """``asn_from_list ...`` is ``hexcal asn from-list ...``."""
    return _script("from-list")


def asn_edit():
    """``asn_edit ...`` is ``hexcal asn edit ...``."""
    return _script("edit")


def asn_gather():
    """``asn_gather ...`` is ``hexcal asn gather ...``."""
    return _script("gather")


def asn_make_pool():
    """``asn_make_pool ...`` is ``hexcal asn pool ...``."""
    return _script("pool")
