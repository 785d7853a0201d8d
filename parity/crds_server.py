#!/usr/bin/env python
"""The client of the reference implementation with `hexcal crds serve` as its server.

What it chooses and what it fetches must be right, byte by byte.

    .venv/bin/python parity/crds_server.py                      all cases: a minute or two
    .venv/bin/python parity/crds_server.py 'sync*' bestrefs     those whose names match
    .venv/bin/python parity/crds_server.py --show               also what the client says

A cache is made of the real mappings, and of reference files for one context: the real file where there is one, else
bytes that its name decides. It is served on this machine; every case begins with an empty cache for the client, which
runs in its own environment (`peer_env.py`). Exit status 1 if a case fails.
"""

import argparse
import contextlib
import fnmatch
import hashlib
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
CONTEXT = "jwst_0541.pmap"
# Observatory: (default context, what is fetched of it). The real context of ligeriri names mappings that are not there;
# those of IRIS are.
OTHERS = {
    "tmt": ("tmt_0001.pmap", "tmt_0001.pmap"),
    "ligeriri": ("ligeriri_0001.pmap", "ligeriri_iris_0001.imap"),
}
HEXCAL = [sys.executable, "-c", "import sys; from hexcal.cli.main import main; sys.exit(main())"]


class Workplace:
    """The served cache, its server, and what all cases ask.

    Parameters
    ----------
    folder : Path
        Empty; all goes in there.
    show : bool
        Whether to print what the client says.
    """

    def __init__(self, folder, show=False):
        from peer_env import peer_python

        self.folder, self.show = folder, show
        self.bin = Path(peer_python()).parent
        self.served = folder / "served"
        self.url = None
        self._caches = 0

    def fill(self):
        """Make the served cache."""
        from hexcal.references.cache import ReferenceCache

        for kind in ("mappings", "config"):
            # Files copied from a read-only cache must be writable, or they could not be removed.
            shutil.copytree(REAL_DATA / "crds_cache" / kind, self.served / kind, copy_function=shutil.copyfile)
        for path in (self.served, *self.served.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.caches = {name: ReferenceCache(self.served, name) for name in ("jwst", *OTHERS)}
        real = {path.name: path for path in (REAL_DATA / "references").rglob("*") if path.is_file()}
        for top in (CONTEXT, *(names[1] for names in OTHERS.values())):
            observatory = top.partition("_")[0]
            for name in self.below(top)[1]:
                instrument = name.split("_")[1] if observatory == "jwst" else "iris"
                path = self.served / "references" / observatory / instrument / name
                path.parent.mkdir(parents=True, exist_ok=True)
                draw = random.Random(name)
                path.write_bytes(real[name].read_bytes() if name in real else draw.randbytes(draw.randrange(1, 8000)))

    def below(self, name):
        """Names of the mappings and of the files below a mapping (two sets)."""
        from hexcal.references.names import named

        cache = self.caches[name.partition("_")[0]]
        mappings, files, todo = set(), set(), [name]
        while todo:
            mappings.add(todo[-1])
            for below in named(cache.mapping(todo.pop(), verify=False)):
                (todo.append if below.endswith("map") else files.add)(below)
        return mappings, files

    @contextlib.contextmanager
    def serving(self):
        """Run the server as a user does."""
        server = subprocess.Popen(
            [*HEXCAL, "crds", "serve", "--cache", self.served, "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            line = server.stdout.readline()
            if " at " not in line:
                raise SystemExit(f"the server did not start: {line}")
            self.url = line.partition(" at ")[2].partition(": ")[0]
            yield
        finally:
            server.terminate()
            server.wait(30)
            server.stdout.close()

    def empty(self):
        """An empty cache for the client."""
        self._caches += 1
        folder = self.folder / f"client{self._caches}"
        folder.mkdir()
        return folder

    def client(self, cache, *words, observatory="jwst", program="crds"):
        """Run the client; the lines that it prints, without those of its log that only inform."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CRDS_")}
        environment.update(
            CRDS_PATH=str(cache), CRDS_SERVER_URL=f"{self.url}/{observatory}", CRDS_OBSERVATORY=observatory
        )
        done = subprocess.run(
            [self.bin / program, *map(str, words)],
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if "does not start with https" not in line]
        if self.show:
            print("\n".join(f"      {line}" for line in lines))
        return [line for line in lines if "INFO" not in line and line.strip()]

    def compare(self, cache, expected):
        """How the files in a client's cache differ from those that are served (list of str).

        `wanted`: names that must be there.
        """
        here = {path.name: path for kind in ("mappings", "references") for path in (cache / kind).rglob("*.*")}
        there = {path.name: path for kind in ("mappings", "references") for path in (self.served / kind).rglob("*.*")}
        problems = [f"{name} is missing" for name in sorted(expected - here.keys())]
        problems += [f"{name} is not wanted" for name in sorted(here.keys() - expected)]
        return problems + [f"{name} differs" for name in sorted(here) if _bytes(here[name]) != _bytes(there.get(name))]

    def exposures(self):
        """Headers of real exposures, written as FITS files: (names, headers).

        Without EXP_TYPE the client does not say what is of use.
        """
        from astropy.io import fits

        names, headers = [], []
        for number, product in enumerate(json.loads((REAL_DATA / "crds_truth.json").read_text())):
            if "EXP_TYPE" not in product["header"]:
                continue
            header = fits.Header()
            for keyword, value in product["header"].items():
                header[keyword] = value
            name = f"exposure{number:02d}.fits"
            fits.PrimaryHDU(header=header).writeto(self.folder / name, overwrite=True)
            names.append(name)
            headers.append(product["header"])
        return names, headers

    def own(self, names, headers):
        """Hexcal's answers: (exposure, type) -> file or "n/a", without those that it does not find."""
        from hexcal.references.context import open_context

        answers = {}
        for name, header in zip(names, headers, strict=True):
            context = open_context(CONTEXT, self.served, "jwst")
            # Asked for by name, a type to be omitted is one that does not apply; so it is for the client.
            for kind, choice in context.choose(header, context.types(header["INSTRUME"])).items():
                if choice.status != "not found":
                    answers[name, kind] = choice.name or choice.status
        return answers


def _bytes(path):
    return path.read_bytes() if path is not None else None


def _differing(peer, own, names):
    """Where the client's answers are not Hexcal's.

    It asks for the types that it holds to be of use for an exposure, and for none else.
    """
    wrong = [f"{name}: no answer" for name in names if not any(key[0] == name for key in peer)]
    return wrong + [f"{key}: {new}, Hexcal {own.get(key)}" for key, new in peer.items() if new != own.get(key)]


def _questions(names):
    return ["--files", *names, "--new-context", CONTEXT, "--print-new-references"]


def _answers(lines):
    """What `crds bestrefs --print-new-references` prints: (exposure, type) -> file or "n/a"."""
    words = (line.split() for line in lines if line.startswith("exposure"))
    return {(name, kind): new for name, _, kind, _, new in words}


# ---- the cases: each returns (what is wrong, what was done)


def contexts(place):
    cache = place.empty()
    answers = {
        "operational": place.client(cache, "list", "--operational-context"),
        "latest": place.client(cache, "list", "--latest-context"),
        "edit and by date": place.client(
            cache, "list", "--resolve-contexts", "--contexts", "jwst-edit", "2019-06-01T00:00:00"
        ),
    }
    expected = {"operational": [CONTEXT], "latest": [CONTEXT], "edit and by date": ["jwst_0531.pmap", CONTEXT]}
    return [f"{name}: {lines}" for name, lines in answers.items() if lines != expected[name]], "3 questions"


def sync_mappings(place):
    cache = place.empty()
    problems = place.client(cache, "sync", "--contexts", CONTEXT)
    mappings = place.below(CONTEXT)[0]
    return problems + place.compare(cache, mappings), f"{len(mappings)} mappings identical"


def sync_references(place):
    cache = place.empty()
    problems = place.client(cache, "sync", "--contexts", CONTEXT, "--fetch-references")
    mappings, files = place.below(CONTEXT)
    return problems + place.compare(
        cache, mappings | files
    ), f"{len(mappings)} mappings, {len(files)} references identical"


def sync_repairs(place):
    cache, imap = place.empty(), "jwst_fgs_0073.imap"
    words = ["sync", "--contexts", imap, "--fetch-references"]
    problems = place.client(cache, *words)
    mappings, files = place.below(imap)
    for name, change in zip(sorted(files), (lambda old: old[:-1], lambda old: bytes(len(old)), None), strict=False):
        path = next(cache.rglob(name))
        path.write_bytes(change(path.read_bytes())) if change else path.unlink()
    before = len(place.compare(cache, mappings | files))
    problems += [f"{before} files were spoilt, not 3"] if before != 3 else []
    place.client(cache, *words, "--check-files", "--check-sha1sum", "--repair-files")
    return problems + place.compare(cache, mappings | files), "a shortened, an altered and a missing file repaired"


def bestrefs(place):
    cache = place.empty()
    names, headers = place.exposures()
    peer, own = (
        _answers(place.client(cache, "bestrefs", *_questions(names), "--sync-references=1")),
        place.own(names, headers),
    )
    files = {file for file in peer.values() if file != "n/a"}
    wrong = _differing(peer, own, names)
    wrong += place.compare(cache, place.below(CONTEXT)[0] | files)
    return wrong, f"{len(peer)} answers for {len(names)} exposures as Hexcal's own, {len(files)} references identical"


def bestrefs_by_the_server(place):
    cache = place.empty()
    names, headers = place.exposures()
    peer, own = (
        _answers(place.client(cache, "bestrefs", *_questions(names), "--remote-bestrefs")),
        place.own(names, headers),
    )
    wrong = _differing(peer, own, names)
    wrong += place.compare(cache, set()) if (cache / "mappings").exists() else []
    return wrong, f"{len(peer)} answers for {len(names)} exposures, no mapping fetched"


def library(place):
    cache = place.empty()
    header = {"META.TELESCOPE": "JWST", "META.INSTRUMENT.NAME": "MIRI", "META.INSTRUMENT.DETECTOR": "MIRIMAGE"}
    header |= {"META.INSTRUMENT.FILTER": "F770W", "META.EXPOSURE.READPATT": "FAST", "META.SUBARRAY.NAME": "FULL"}
    header |= {"META.EXPOSURE.TYPE": "MIR_IMAGE", "META.OBSERVATION.DATE": "2019-01-01"}
    header |= {"META.OBSERVATION.TIME": "00:00:00"}
    types = ["dark", "gain", "mask", "linearity"]
    code = (
        f"import crds, json; print('FOUND', json.dumps(crds.getreferences({header!r}, reftypes={types!r}, "
        "observatory='jwst')))"
    )
    lines = place.client(cache, "-c", code, program="python")
    files = json.loads(next((line[6:] for line in lines if line.startswith("FOUND ")), "{}"))
    names = {Path(path).name for path in files.values() if os.path.isfile(path)}
    wrong = [] if len(files) == len(types) == len(names) else [f"found {files}", *lines[-2:]]
    return wrong + place.compare(cache, place.below(CONTEXT)[0] | names), f"{len(names)} references found and identical"


def sync_by_hexcal(place, context=CONTEXT):
    """Hexcal as the client."""
    cache, observatory = place.empty(), context.partition("_")[0]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRDS_")}
    environment["CRDS_SERVER_URL"] = f"{place.url}/{observatory}"
    words = ["crds", "sync", "--contexts", context, "--fetch-references", "--cache", str(cache)]
    done = subprocess.run([*HEXCAL, *words], env=environment, capture_output=True, text=True, check=False)
    mappings, files = place.below(context)
    wrong = [done.stderr.strip()[-300:]] if done.returncode else []
    wrong += place.compare(cache, mappings | files)
    return wrong, f"{len(mappings)} mappings, {len(files)} references identical, fetched by Hexcal"


def other_observatories(place):
    """The client has no code for them: it reads the default context, and can fetch nothing. Hexcal can."""
    wrong, answers = [], []
    for observatory, (context, top) in OTHERS.items():
        answer = place.client(place.empty(), "list", "--operational-context", observatory=observatory)
        problems, done = sync_by_hexcal(place, top)
        wrong += [f"context of {observatory}: {answer}"] if answer != [context] else []
        wrong += problems
        answers.append(f"{observatory}: context told to the client, {done}")
    return wrong, "; ".join(answers)


CASES = {
    function.__name__: function
    for function in (
        contexts,
        sync_mappings,
        sync_references,
        sync_repairs,
        bestrefs,
        bestrefs_by_the_server,
        library,
        sync_by_hexcal,
        other_observatories,
    )
}


def compare(names=(), show=False, out=print):
    """Run the cases whose names match; prints a line for each.

    Returns
    -------
    int
        How many fail.
    """
    if not (REAL_DATA / "crds_cache").is_dir():
        out(f"skip  crds_server  no mappings: {REAL_DATA / 'crds_cache'} is not there")
        return 0
    chosen = [name for name in CASES if not names or any(fnmatch.fnmatch(name, pattern) for pattern in names)]
    if not chosen:
        raise SystemExit(f"no case matches {' '.join(names)}; there are {', '.join(CASES)}")
    failures = 0
    with tempfile.TemporaryDirectory(prefix="crds_server_") as folder:
        place = Workplace(Path(folder), show)
        place.fill()
        before = _digest(place.served)
        with place.serving():
            for name in chosen:
                begin = time.perf_counter()
                wrong, done = CASES[name](place)
                failures += bool(wrong)
                result = f"{len(wrong)} wrong: {'; '.join(wrong[:3])}" if wrong else done
                out(
                    f"{'FAIL' if wrong else 'pass'}  {'crds_server:' + name:40s} {result} | "
                    f"{time.perf_counter() - begin:.1f} s"
                )
        unchanged = _digest(place.served) == before
        out(f"{'pass' if unchanged else 'FAIL'}  {'crds_server:read_only':40s} the served cache is as it was")
    return failures + (not unchanged)


def _digest(folder):
    lines = [
        f"{path.relative_to(folder)} {path.stat().st_mtime_ns if path.is_file() else ''}" for path in folder.rglob("*")
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases (patterns as of a shell); default all")
    parser.add_argument("--show", action="store_true", help="also print what the client says")
    options = parser.parse_args()
    return 1 if compare(options.names, options.show) else 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
