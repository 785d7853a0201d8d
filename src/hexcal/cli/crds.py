"""``hexcal crds COMMAND``: choose, explain and look after reference files."""

import importlib

from hexcal.errors import unknown_name

# Command -> (module with main(words), what it does). Only the module of the command is imported.
COMMANDS = {
    "bestrefs": ("crds_bestrefs", "the reference files of exposures"),
    "explain": ("crds_explain", "why a reference file is chosen for an exposure: rule by rule"),
    "list": ("crds_list", "contexts, instruments, types of references, files"),
    "uses": ("crds_uses", "which mappings and contexts name a file"),
    "diff": ("crds_diff", "what two mappings differ in"),
    "certify": ("crds_certify", "whether reference files are fit for delivery, and what changed since the last"),
    "insert": ("crds_insert", "a new context with reference files added"),
    "sync": ("crds_sync", "fill a cache from a server, check what is in it"),
    "checksum": ("crds_checksum", "check or renew the sha1sum of mappings"),
    "serve": ("crds_serve", "publish a cache over HTTP"),
}


def main(words):
    """Run one command.

    Parameters
    ----------
    words : list of str
        After ``hexcal crds``.

    Returns
    -------
    int
        Exit status.
    """
    if not words or words[0] in ("-h", "--help", "help"):
        print("usage: hexcal crds COMMAND ...\n\ncommands:")
        print("\n".join(f"  {name:10s} {text}" for name, (_, text) in COMMANDS.items()))
        print(
            "\nThe cache is CRDS_PATH (or --cache), the context CRDS_CONTEXT (or --context), "
            "else the default of the cache.\n"
            "What is missing in the cache is fetched from CRDS_SERVER_URL, if that is set; "
            "see `hexcal crds sync --help`."
        )
        return 0 if words else 1
    name, *rest = words
    if name not in COMMANDS:
        raise unknown_name("command", name, COMMANDS, where="hexcal crds")
    return importlib.import_module(f"hexcal.cli.{COMMANDS[name][0]}").main(rest)
