#!/usr/bin/env python
"""Generate the associations of pools with Hexcal and with the reference implementation; both must be the same sets.

    .venv/bin/python parity/associations.py all pools but mega_pool where its truth is not kept, in all modes
    .venv/bin/python parity/associations.py jw80600 mega pools whose names contain one of these .venv/bin/python
    parity/associations.py --make-mega also make the truth of mega_pool: 1 to 25 minutes for each mode, once
    .venv/bin/python parity/associations.py --version 3.0.0 one of the releases; default: both .venv/bin/python
    parity/associations.py --examples 5 also print some of the associations that differ

Pools are those of `HEXCAL_REAL_DATA` (default ../shared/data). Templates (`pool_templates.py`) are compared as they are
and filled in. The truth is `asn_generate` of releases 1.13.4 and 3.0.0, each run in its own environment
(`peer_env.py`), and compared with `asn_generate --rules-of`; it is kept in `HEXCAL_PARITY_DIR`, under names that change
with the pool.

An association is its rule, type, candidate, name of product, and members with exposure type. Numbers and time stamps do
not count. One line per pool: associations expected, found, missing, extra, over all modes. Exit status 1 if more differ
than KNOWN declares.
"""

import argparse
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

from peer_env import peer_python
from pool_templates import expand, is_template

VERSIONS = ("1.13.4", "3.0.0")
HERE = Path(__file__).resolve().parent
POOLS = Path(os.environ.get("HEXCAL_REAL_DATA") or HERE.parent.parent / "shared" / "data") / "pools"
KEPT = Path(os.environ.get("HEXCAL_PARITY_DIR") or Path.home() / ".cache" / "hexcal-parity") / "associations"
MODES = {"default": [], "discover": ["--discover"], "all": ["--all-candidates"], "ids": ["-i"], "merge": ["--merge"]}
MEGA = "mega_pool"
# Differences that are there for a reason: release -> pool -> (why, missing, extra), over all modes.
_ONE_NAME = (
    "a template not filled in: one file name, candidates that cannot be read; what stays depends on the order of rows"
)
_MADE_ROWS = (
    "2 rows that no telescope makes: a guider image of NIRSpec; --merge: which of two rules names what is merged"
)
_MERGED_NAME = "--merge: which of the rules names what is merged depends on the order of rows"
KNOWN = {
    "1.13.4": {
        "mega_pool": (_MADE_ROWS, 4, 4),
        "pool_001_candidates_lower": (_ONE_NAME, 2, 3),
        "pool_007_spec_miri": (_ONE_NAME, 2, 0),
        "pool_010_spec_nirspec_lv2bkg": (_ONE_NAME, 14, 4),
        "pool_017_spec_nirspec_lv2imprint": (_ONE_NAME, 2, 0),
        "pool_019_niriss_wfss": (_ONE_NAME, 1, 1),
        "pool_025_nirspec_fss_nod_chop": (_ONE_NAME, 2, 3),
    },
    "3.0.0": {
        "mega_pool": (_MERGED_NAME, 49, 49),
        "pool_001_candidates_lower": (_ONE_NAME, 0, 1),
        "pool_003_image_nircam": (_ONE_NAME, 0, 1),
        "pool_007_spec_miri": (_ONE_NAME, 3, 4),
        "pool_010_spec_nirspec_lv2bkg": (_ONE_NAME, 3, 8),
        "pool_017_spec_nirspec_lv2imprint": (_ONE_NAME, 3, 4),
        "pool_019_niriss_wfss": (_ONE_NAME, 3, 4),
        "pool_023b_nirspec_msa_3nod_subpix": (_ONE_NAME, 0, 1),
        "pool_024b_nirspec_fss_nods": (_ONE_NAME, 0, 1),
        "pool_025_nirspec_fss_nod_chop": (_ONE_NAME, 0, 4),
    },
}


def main():
    """Compare, print, and return the exit status."""
    options = _options()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    if not POOLS.is_dir():
        print(f"skip  no pools: {POOLS} is no folder (HEXCAL_REAL_DATA)")
        return 0
    totals, failed = Counter(), 0
    versions = [options.version] if options.version else VERSIONS
    for name, text, version in ((*pool, version) for version in versions for pool in _pools(options.pools)):
        counts = _compare_pool(name, text, version, options)
        if counts is None:
            continue
        why, missing, extra = KNOWN[version].get(name, ("", 0, 0))
        passed = counts["missing"] <= missing and counts["extra"] <= extra
        failed += not passed
        totals.update(counts)
        known = f" | known: {why}" if why else ""
        print(f"{'pass' if passed else 'FAIL'}  {version:6} {name:48} {_said(counts)}{known}", flush=True)
    print(f"{'FAIL' if failed else 'pass'}  {'all':55} {_said(totals)}")
    return 1 if failed else 0


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pools", nargs="*", help="parts of the names of pools; default: all")
    parser.add_argument("--make-mega", action="store_true", help="make the truth of mega_pool where it is not kept")
    parser.add_argument(
        "--examples", type=int, default=0, help="how many associations that differ are printed per pool and mode"
    )
    parser.add_argument("--version", choices=VERSIONS, help="release of the reference implementation; default: both")
    return parser.parse_args()


def _said(counts):
    return "  ".join(f"{what} {counts[what]}" for what in ("expected", "found", "missing", "extra"))


def _pools(wanted):
    """Name and text of each pool; templates twice."""
    for path in sorted(POOLS.glob("*.csv")):
        text = path.read_text()
        pools = [(path.stem, text)]
        if is_template(text):
            pools.append((f"{path.stem}_filled_in", expand(text)))
        yield from (pool for pool in pools if not wanted or any(part in pool[0] for part in wanted))


def _compare_pool(name, text, version, options):
    counts = Counter()
    for mode, words in MODES.items():
        words = words + _some_candidates(text) if mode == "ids" else words
        if words == ["-i"]:
            continue
        expected = _truth(name, text, mode, words, version, options.make_mega)
        if expected is None:
            print(f"skip  {version:6} {name} {mode}: its truth takes 1 to 25 minutes; make it with --make-mega")
            continue
        own = _own(name, text, [*words, "--rules-of", version])
        missing, extra = expected - own, own - expected
        counts.update(expected=len(expected), found=len(own), missing=len(missing), extra=len(extra))
        for sign, differing in (("-", missing), ("+", extra)):
            for rule, kind, candidate, product, members in sorted(differing)[: options.examples]:
                names = " ".join("=".join(member) for member in members)
                print(f"    {mode} {sign} {rule} {kind} {candidate} {product} {names}"[:300])
    return counts or None


def _some_candidates(text):
    """The first and the last two of the candidates of a pool."""
    candidates = sorted(set(re.findall(r"'([oc]\d+)'", text.lower())))
    return list(dict.fromkeys(candidates[:1] + candidates[-2:]))


def _truth(name, text, mode, words, version, make_mega):
    """What the reference implementation makes (set), from what is kept where it has been made.

    None if it takes too long.
    """
    pool = hashlib.sha256(" ".join([text, *words]).encode()).hexdigest()[:16]
    kept = KEPT / version / f"{name}-{mode}-{pool}.json"
    if kept.exists():
        return {_hashable(entry) for entry in json.loads(kept.read_text())}
    if name == MEGA and not make_mega:
        return None
    generator = peer_python(version).with_name("asn_generate")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"{name}.csv")
        file.write_text(text)
        done = subprocess.run(
            [generator, file, "-p", folder, *words], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(
                f"{generator} {' '.join(words)} of {name} ends with {done.returncode}: {done.stderr[-400:]}"
            )
        peer = _saved(folder)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps(sorted(peer)))
    partial.replace(kept)
    return peer


def _own(name, text, words):
    """What Hexcal makes (set)."""
    from hexcal.associations import main as asn_generate

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"{name}.csv")
        file.write_text(text)
        asn_generate([str(file), "-p", folder, *words])
        return _saved(folder)


def _saved(folder):
    """The associations in the files of a folder."""
    associations = set()
    for file in Path(folder).glob("*_asn.json"):
        content = json.loads(file.read_text())
        for product in content["products"]:
            members = sorted((member["expname"], member["exptype"]) for member in product["members"])
            associations.add(
                (content["asn_rule"], content["asn_type"], content["asn_id"], product["name"], tuple(members))
            )
    return associations


def _hashable(association):
    return (*association[:4], tuple(tuple(member) for member in association[4]))


if __name__ == "__main__":
    sys.exit(main())
