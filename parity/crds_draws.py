#!/usr/bin/env python
"""Choose references for random headers with Hexcal and with the reference implementation's client.

Every answer must be the same.

    .venv/bin/python parity/crds_draws.py 20,000 headers, all contexts of the real cache, all types: minutes
    .venv/bin/python parity/crds_draws.py --draws 2000 --seed 7 --examples

Headers are made of the values that occur in the mappings of the context (alternatives, wild cards filled in, dates at,
just before and long after those of rules), mixed with values that do not: absent, N/A, ANY, UNDEFINED, other spellings
of numbers and dates, nonsense. Every context gets its share. The client runs in its own environment (`peer_env.py`), on
a copy of the cache, without network. Exit status 1 if an answer differs.

What is compared, per type: the file chosen, "N/A", "omitted", or "not found". Several rules of the same weight: the
client ends with an exception; there its rules are asked directly. If they name different files, Hexcal must say that it
is ambiguous, which elsewhere counts as "not found".
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REAL_DATA = Path(os.environ.get("HEXCAL_REAL_DATA") or HERE.parent.parent / "shared" / "data")
ODD = [
    "N/A",
    "ANY",
    "",
    "UNDEFINED",
    "NONE",
    "n/a",
    "*",
    "GENERIC",
    "NONSENSE",
    "12",
    "1.0",
    "T",
    "F",
    "NOT FOUND n/a",
    "A|B",
    "-1",
]
ODD_DATES = [
    "2016-01-01",
    "01/02/2016",
    "13/02/16",
    "Feb 3 2016",
    "3 Feb 2016",
    "2016/02/03",
    "2016-2-3",
    "20160203",
    "1899-01-01",
    "",
    "N/A",
]
ODD_TIMES = ["00:00:00", "12:34", "1:2:3", "23:59:59.999999", "25:00:00", "11:00:00 PM", "", "noon", "00:00:00.5"]
DATE, TIME = "META.OBSERVATION.DATE", "META.OBSERVATION.TIME"


# ---- headers


def occurring(context, instrument):
    """Parameter -> values that occur in the rules of an instrument, and the dates of its rules."""
    from hexcal.references.rules import Rules

    values, dates = {}, set()
    for kind in context.types(instrument):
        rules = context.rules(instrument, kind)
        if isinstance(rules, Rules):
            collect(rules.mapping.selector, rules.groups, values, dates)
            for name in rules.parameters:
                values.setdefault(name, set())
            for expression in (rules.mapping.header.get("rmap_relevance") or "",):
                values.setdefault("META.EXPOSURE.TYPE", set()).update(expression.split('"')[1::2])
    return {name: sorted(texts) for name, texts in values.items()}, sorted(dates)


def collect(node, groups, values, dates):
    if isinstance(node, str):
        return
    for key, below in node.rules:
        if node.selector == "Match":
            for name, text in zip(groups[0], key if isinstance(key, tuple) else (key,), strict=True):
                values.setdefault(name, set()).update(concrete(text))
        else:
            dates.add(str(key))
        collect(below, groups[1:], values, dates)


def concrete(text):
    """Values that a pattern speaks of."""
    return [
        part.strip().removeprefix("NOT ").replace("*", filler)
        for part in text.split("|")
        for filler in (("", "_X") if "*" in part else ("",))
    ]


def another_spelling(value, chance):
    try:
        number = float(value)
    except ValueError:
        return chance.choice([value, value.lower(), f" {value} "])
    return chance.choice(
        [value, f"{number}", int(number) if number == int(number) else number, f"{number:.3f}", f"+{value}"]
    )


def draw(chance, context, instrument, values, dates):
    """One random header: mostly sensible, so that most types are found."""
    header = {"META.INSTRUMENT.NAME": chance.choice([instrument, instrument.lower()])}
    # The parameter of the first contexts, which is META.INSTRUMENT.TYPE there.
    header[context.instrument_parameter] = header["META.INSTRUMENT.NAME"]
    oddness = chance.choice([0, 0, 0.03, 0.15])
    for name, known in values.items():
        if name in (DATE, TIME):
            continue
        if chance.random() < oddness:
            odd = chance.choice([None, *ODD])
            if odd is not None:
                header[name] = odd
        elif known:
            header[name] = another_spelling(chance.choice(known), chance)
    date, time_of_day = "2030-01-01", "00:00:00"
    if dates and chance.random() < 0.8:
        date, _, time_of_day = chance.choice(dates).replace("T", " ").partition(" ")
        if chance.random() < 0.3:
            time_of_day = chance.choice(ODD_TIMES[:4])
        if chance.random() < 0.2:
            date = f"{chance.randrange(1990, 2030)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"
    if chance.random() < oddness:
        date = chance.choice(ODD_DATES)
    if chance.random() < oddness:
        time_of_day = chance.choice(ODD_TIMES)
    header.update({DATE: date, TIME: time_of_day})
    if chance.random() < oddness:
        del header[chance.choice([DATE, TIME])]
    return header


def drawn(cache, number, seed):
    """Random headers by context: list of (context, header)."""
    from hexcal.references.context import open_context

    chance = random.Random(seed)
    names = cache.contexts()
    draws = []
    for place, name in enumerate(names):
        share = number * (place + 1) // len(names) - number * place // len(names)
        context = open_context(name, cache.root, cache.observatory)
        instruments = [name for name in context.instruments() if name != "SYSTEM"] or context.instruments()
        known = {}
        for _ in range(share):
            instrument = chance.choice(context.instruments() if chance.random() < 0.1 else instruments)
            if instrument not in known:
                known[instrument] = occurring(context, instrument)
            draws.append((name, draw(chance, context, instrument, *known[instrument])))
    return draws


# ---- the two sides


def types_of(cache, name, header):
    """All types that a context knows for the instrument of a header."""
    from hexcal.references.context import open_context

    context = open_context(name, cache.root, cache.observatory)
    return context.types(context.instrument_of(header))


def own_answers(draws, cache):
    """Answers of Hexcal, one dict of type -> answer per header."""
    from hexcal.references.context import open_context

    answers = []
    for name, header in draws:
        chosen = open_context(name, cache.root, cache.observatory).choose(header)
        answers.append({kind: answer(choice) for kind, choice in chosen.items()})
    return answers


def answer(choice):
    if choice.status == "not found" and choice.reason.startswith("ambiguous"):
        return "ambiguous"
    return choice.name or {"n/a": "N/A"}.get(choice.status, choice.status)


def peer_side(questions, answers):
    """Run in the environment of the reference implementation: answers of its client."""
    import crds

    def normal(text):
        text = str(text)
        return "N/A" if text.lower() == "not found n/a" else "not found" if text.startswith("NOT FOUND") else text

    def ask(header, context, kinds):
        chosen = crds.getrecommendations(header, reftypes=kinds, context=context, observatory="jwst")
        return {kind.lower(): normal(text) for kind, text in chosen.items()}

    def tied(header, context, kind):
        instrument = header["META.INSTRUMENT.NAME"].lower()
        rules = crds.rmap.get_cached_mapping(context).get_imap(instrument).get_rmap(kind)
        missing = dict.fromkeys(rules.get_required_parkeys(), "UNDEFINED")
        files = rules.get_best_ref(crds.core.utils.condition_header({**missing, **header}))
        return (
            "ambiguous"
            if isinstance(files, str) or len(set(files)) > 1
            else normal(files[0].replace("N/A", "NOT FOUND n/a"))
        )

    results = []
    for name, header, kinds in json.loads(Path(questions).read_text()):
        try:
            # All types by name: else it leaves out those that no step would ask for.
            chosen = ask(header, name, kinds)
        except TypeError:
            # It does not survive an ambiguity: type by type, then.
            chosen = {}
            for kind in kinds:
                try:
                    chosen.update(ask(header, name, [kind]))
                except TypeError:
                    chosen[kind] = tied(header, name, kind)
        results.append(chosen)
    Path(answers).write_text(json.dumps(results))


def peer_answers(draws, cache, folder):
    """Answers of the reference implementation's client, on a copy of the cache (it would write into it)."""
    from peer_env import peer_python

    copy = folder / "cache"
    shutil.copytree(cache.root, copy, copy_function=shutil.copyfile)
    os.chmod(copy, 0o755)
    questions, answers = folder / "questions.json", folder / "answers.json"
    questions.write_text(json.dumps([(*draw, types_of(cache, *draw)) for draw in draws]))
    environment = {
        **os.environ,
        "CRDS_PATH": str(copy),
        "CRDS_SERVER_URL": "https://none.invalid",
        "CRDS_OBSERVATORY": cache.observatory,
        "CRDS_ALLOW_BAD_REFERENCES": "1",
        "CRDS_ALLOW_BAD_RULES": "1",
    }
    command = [peer_python(), __file__, "--peer-side", questions, answers]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode or not answers.exists():
        raise SystemExit(f"the client ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(answers.read_text())


# ---- comparison


def compare(number=20_000, seed=1, examples=0, out=print):
    """Compare all answers; prints one line.

    Returns
    -------
    int
        How many answers differ.
    """
    from hexcal.references.cache import ReferenceCache

    root = REAL_DATA / "crds_cache"
    if not root.is_dir():
        out(f"skip  crds_draws  no mappings: {root} is not there")
        return 0
    cache = ReferenceCache(root, "jwst")
    draws = drawn(cache, number, seed)
    begin = time.perf_counter()
    own = own_answers(draws, cache)
    seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    # Folders copied from a read-only cache are made writable, or they could not be removed.
    with tempfile.TemporaryDirectory(prefix="crds_draws_") as folder:
        peer = peer_answers(draws, cache, Path(folder))
    peer_seconds = time.perf_counter() - begin
    kinds, differing = {}, []
    for (name, header), ours, theirs in zip(draws, own, peer, strict=True):
        for kind in {*ours, *theirs}:
            own_file, peer_file = ours.get(kind, "omitted"), theirs.get(kind, "omitted")
            kinds[peer_file if peer_file in ("N/A", "omitted", "not found", "ambiguous") else "file"] = (
                kinds.get(peer_file if peer_file in ("N/A", "omitted", "not found", "ambiguous") else "file", 0) + 1
            )
            if own_file == "ambiguous" and peer_file == "not found":
                own_file = peer_file
            if own_file != peer_file:
                differing.append((name, kind, own_file, peer_file, header))
    total = sum(kinds.values())
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    out(
        f"{'FAIL' if differing else 'pass'}  crds_draws  differing: {len(differing)}/{total} answers"
        f" | {number} headers, {len({name for name, _ in draws})} contexts, seed {seed} | {counts} | {seconds:.1f} s, "
        f"peer {peer_seconds:.1f} s"
    )
    for name, kind, own_file, peer_file, header in differing[: examples or 0]:
        out(f"      {name} {kind}: Hexcal {own_file}, peer {peer_file}; {header}")
    return len(differing)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", action="store_true", help="also show some answers that differ")
    options = parser.parse_args()
    return 1 if compare(options.draws, options.seed, 20 if options.examples else 0) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer-side"]:
        peer_side(*sys.argv[2:])
    else:
        sys.path.insert(0, str(HERE))
        sys.exit(main())
