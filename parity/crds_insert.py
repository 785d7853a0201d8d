#!/usr/bin/env python
"""Insert random reference files into real rules with Hexcal and with the reference implementation's client.

The new rules must be the same.

    .venv/bin/python parity/crds_insert.py                     30 files, rules of three contexts: two minutes
    .venv/bin/python parity/crds_insert.py --draws 200 --seed 7

Headers are made of the values of a rule of the type, or of several rules, some replaced by ANY or N/A, or-ed values as
P_ keywords. The client (``crds refactor insert``) runs in its own environment (`peer_env.py`), without network. Exit
status 1 if rules differ.

Two differences are declared and counted. Hexcal refuses a rule that would count the same as one that leads to N/A:
exposures that match both would get no file. The client has lists of legal values per instrument, Hexcal one for all.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REAL_DATA = Path(os.environ.get("HEXCAL_REAL_DATA") or HERE.parent.parent / "shared" / "data")
CONTEXTS = ("jwst_0541.pmap", "jwst_0400.pmap", "jwst_0200.pmap")
DATES = ("2021-03-04T05:06:07", "1999-01-01T00:00:00.25", "2000-01-01T00:00:00", "2015-11-01")


def drawn(chance, context):
    """A type of the context and the keywords of a file for it: (rules, keywords)."""
    from hexcal.references.context import keywords_of
    from hexcal.references.rules import Rules

    while True:
        instrument = chance.choice([name for name in context.instruments() if name != "SYSTEM"])
        rules = context.rules(instrument, chance.choice(context.types(instrument)))
        if not isinstance(rules, Rules) or not getattr(rules.selector, "rules", None):
            continue
        names = {parameter: keywords_of("jwst", parameter) for parameter in rules.selector.parameters}
        # Without dates the client has nothing to do with USEAFTER, and fails.
        if all(names.values()) and len(rules.groups) > 1:
            break
    keywords = {"TELESCOP": "JWST", "INSTRUME": instrument, "REFTYPE": rules.mapping.header["filekind"].upper()}
    keywords["USEAFTER"] = chance.choice(DATES)
    base = chance.choice(rules.selector.rules)[0]
    for number, keyword in enumerate(first[0] for first in names.values()):
        text = base[number].text
        if chance.random() < 0.3:
            text = chance.choice(["ANY", "N/A", chance.choice(rules.selector.rules)[0][number].text])
        text = "N/A" if text.startswith("NOT ") else text
        keywords[f"P_{keyword[:6]}" if "|" in text else keyword] = f"{text}|" if "|" in text else text
    return rules, keywords


def write(path, keywords):
    from astropy.io import fits

    fits.PrimaryHDU(header=fits.Header(keywords)).writeto(path)


def own_rules(context, rules, path, folder):
    """The selector that Hexcal makes, or the reason why it makes none."""
    from hexcal.errors import HexcalError
    from hexcal.references.delivery.insert import insert
    from hexcal.references.mapping_file import read_mapping

    try:
        inserted = insert(context, [path], folder=folder)
    except HexcalError as error:
        return str(error)
    return plain(read_mapping(folder / inserted.mappings[rules.mapping.name]).selector)


def peer_rules(rules, path, target, command):
    """The selector that the client makes, or what it prints if it makes none."""
    from hexcal.references.mapping_file import read_mapping

    environment = {
        **os.environ,
        "CRDS_PATH": str(REAL_DATA / "crds_cache"),
        "CRDS_SERVER_URL": "https://127.0.0.1:9",
        "CRDS_OBSERVATORY": "jwst",
        "CRDS_READONLY_CACHE": "1",
    }
    words = [command, "refactor", "insert", rules.mapping.path, target, path]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else plain(read_mapping(target).selector)


def plain(node):
    """Rules as they are compared: without order."""
    if isinstance(node, str):
        return ("file", node)
    return node.selector, frozenset((key, plain(below)) for key, below in node.rules)


def verdict(own, peer):
    """Return "same", "refused by both", a declared difference, or "differs"."""
    if own == peer:
        return "same"
    if isinstance(own, str) and "exposures that match both get none" in own:
        return "refused by Hexcal: no file for some exposures"
    if isinstance(peer, str) and "is not in (" in peer:
        return "refused by both" if isinstance(own, str) else "not legal for the instrument"
    return "refused by both" if isinstance(own, str) and isinstance(peer, str) else "differs"


def compare(number=30, seed=1, out=print):
    """Compare the rules; prints one line, and those that differ.

    Returns
    -------
    int
        How many differ.
    """
    from peer_env import peer_python

    from hexcal.references.context import open_context

    root = REAL_DATA / "crds_cache"
    if not root.is_dir():
        out(f"skip  crds_insert  no mappings: {root} is not there")
        return 0
    command, chance, verdicts = peer_python().parent / "crds", random.Random(seed), {}
    for place in range(number):
        context = open_context(CONTEXTS[place % len(CONTEXTS)], root, "jwst")
        rules, keywords = drawn(chance, context)
        with tempfile.TemporaryDirectory(prefix="crds_insert_") as name:
            folder = Path(name)
            path = folder / "jwst_new_9999.fits"
            write(path, keywords)
            own = own_rules(context, rules, path, folder / "own")
            peer = peer_rules(rules, path, folder / "jwst_peer_9999.rmap", command)
        outcome = verdict(own, peer)
        verdicts[outcome] = verdicts.get(outcome, 0) + 1
        if outcome == "differs":
            sides = [side if isinstance(side, str) else "accepted" for side in (own, peer)]
            out(f"      {rules.mapping.name} {keywords}: Hexcal {sides[0]}, peer {sides[1][-400:]}")
    failed = verdicts.get("differs", 0)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(verdicts.items()))
    out(f"{'FAIL' if failed else 'pass'}  crds_insert  differing: {failed}/{number} files | seed {seed} | {counts}")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return 1 if compare(options.draws, options.seed) else 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
