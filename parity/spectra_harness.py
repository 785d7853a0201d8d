"""Inputs with a known truth for spectra, and what the reference implementation makes of them; kept in the parity cache.

The scripts that make the inputs are not part of Hexcal: they lie in ``HEXCAL_HARNESS`` (default: the folder ``parity``
beside ``HEXCAL_REAL_DATA``). Inputs and products are kept below ``spectra`` in HEXCAL_PARITY_DIR, each under a name
that changes with all that it depends on. A product that lies there is never made again.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from peer_env import VERSION, peer_python

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("HEXCAL_REAL_DATA") or HERE.parent.parent / "shared" / "data")
HARNESS = Path(os.environ.get("HEXCAL_HARNESS") or DATA.parent / "parity")


@dataclass(frozen=True)
class Inputs:
    """Exposures, associations, reference files and truth of one mode.

    Attributes
    ----------
    folder : str
        Folder of the scripts in the harness.
    script : str
        The one that is run.
    options : tuple of str
        Its words.
    merged : dict
        Name of a folder of reference files -> folders that it is put together from.
    """

    folder: str
    script: str
    options: tuple
    merged: dict = field(default_factory=dict, hash=False)


def _nirspec(mode, *more):
    return Inputs("nirspec", "make_nirspec_inputs.py", ("--mode", mode, "--seed", "1", *more))


def _miri(mode, **merged):
    return Inputs("mirispec", "make_spec_inputs.py", ("--mode", mode, "--seed", "1"), merged)


_BANDS = {f"refs_{bands}": ("refs/common", f"refs/{bands}") for bands in ("12SHORT", "34SHORT")}
INPUTS = {
    "fs": _nirspec("fs"),
    "mos": _nirspec("mos", "--slitlets", "12"),
    "mos-60": _nirspec("mos", "--slitlets", "60"),
    "ifu": _nirspec("ifu"),
    "bots": _nirspec("bots", "--nints", "10"),
    "miri-lrs": _miri("miri-lrs"),
    "miri-mrs": _miri("miri-mrs", **_BANDS),
    "miri-lrs-slitless": _miri("miri-lrs-slitless"),
}


@dataclass(frozen=True)
class Run:
    """A pipeline of the reference implementation with the products of all its steps.

    Attributes
    ----------
    inputs : str
        Name in `INPUTS`.
    association : str
        Its input.
    refs : str
        Folder of reference files.
    target : str
        The pipeline.
    steps : dict
        Parameters of steps.
    """

    inputs: str
    association: str
    refs: str = "refs"
    target: str = "calwebb_spec2"
    steps: dict = field(default_factory=dict, hash=False)


_FRINGES = {"residual_fringe": {"skip": False}}
RUNS = {
    "fs": Run("fs", "fs_spec2_1_asn.json"),
    "fs-alone": Run("fs", "fs_spec2_1_nobkg_asn.json"),
    "mos": Run("mos", "mos_spec2_1_asn.json"),
    "mos-alone": Run("mos", "mos_spec2_1_nobkg_asn.json"),
    "ifu": Run("ifu", "ifu_spec2_1_asn.json"),
    "ifu-background": Run("ifu", "ifu_spec2_1_bkg_asn.json"),
    "bots": Run("bots", "bots_spec2_asn.json"),
    "lrs": Run("miri-lrs", "nod1_spec2_asn.json"),
    "lrs-alone": Run("miri-lrs", "plain1_spec2_asn.json"),
    "lrs-slitless": Run("miri-lrs-slitless", "tso_spec2_asn.json"),
    "mrs12": Run("miri-mrs", "sub1_12SHORT_spec2_asn.json", "refs_12SHORT", steps=_FRINGES),
    "mrs12-alone": Run("miri-mrs", "plain1_12SHORT_spec2_asn.json", "refs_12SHORT"),
    "mrs34": Run("miri-mrs", "sub1_34SHORT_spec2_asn.json", "refs_34SHORT", steps=_FRINGES),
}


def available():
    """Whether the harness is here; where not, say so."""
    if (HARNESS / "nirspec").is_dir():
        return True
    print(f"skip  spectra: {HARNESS} does not hold the scripts that make the inputs (HEXCAL_HARNESS)")
    return False


def root():
    """The folder of everything that is kept."""
    base = os.environ.get("HEXCAL_PARITY_DIR") or Path.home() / ".cache" / "hexcal-parity"
    return Path(base) / "spectra"


def digest(*parts):
    """Return a short name for all that something depends on."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:10]


@cache
def inputs(name):
    """Return the folder of the inputs of a mode, making them if they are not there."""
    wanted = INPUTS[name]
    scripts = sorted((HARNESS / wanted.folder).glob("*.py"))
    key = digest(wanted.script, wanted.options, sorted(wanted.merged.items()), *(path.read_bytes() for path in scripts))
    folder = root() / f"{name}-{key}"
    if _is_complete(folder):
        return folder
    script = HARNESS / wanted.folder / wanted.script
    _call([peer_python(), script, *wanted.options, "--out", folder], folder, f"making the inputs of {name}")
    for merged, parts in wanted.merged.items():
        _merge(folder, merged, parts)
    return _complete(folder)


def _merge(folder, merged, parts):
    """Put reference files together in one folder; those of a later one take the place of others."""
    (folder / merged).mkdir(exist_ok=True)
    for part in parts:
        for path in sorted((folder / part).iterdir()):
            if path.is_file():
                shutil.copy(path, folder / merged / path.name)


@cache
def products(name):
    """Return the folder with the products of a run of the reference implementation, of every step."""
    run = RUNS[name]
    source = inputs(run.inputs)
    folder = source / "runs" / f"{name}-{digest(run.association, run.refs, run.target, run.steps, VERSION)}"
    if not _is_complete(folder):
        folder.mkdir(parents=True, exist_ok=True)
        job = {"target": run.target, "input": str(source / run.association), "refs": str(source / run.refs)}
        job |= {"steps": run.steps, "all_steps": True, "params": {"save_results": True, "output_dir": str(folder)}}
        peer([job], folder, f"running {VERSION} on {name}")
        _complete(folder)
    return folder


def products_alone(case_name, job, base):
    """Return the folder with what the reference implementation makes of one step alone, of a case of its own."""
    folder = base / "alone" / f"{digest(case_name, json.dumps(job, sort_keys=True), VERSION)}"
    if not _is_complete(folder):
        folder.mkdir(parents=True, exist_ok=True)
        peer([{**job, "outputs": [str(folder / f"result{index}.fits") for index in range(4)]}], folder, case_name)
        _complete(folder)
    return folder


def peer(jobs, folder, what):
    """Run jobs of the reference implementation; end with its message if one fails."""
    given, report = folder / "jobs.json", folder / "report.json"
    given.write_text(json.dumps([{"id": str(number), **job} for number, job in enumerate(jobs)]))
    _call([peer_python(), HERE / "peer.py", given, report], folder, what)


def _call(command, folder, what):
    print(f"{what} ...", file=sys.stderr, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.txt"
    with log.open("w") as stream:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        words = [str(word) for word in command]
        done = subprocess.run(words, stdout=stream, stderr=subprocess.STDOUT, check=False, env=environment)
    if done.returncode:
        lines = [line for line in log.read_text(errors="replace").splitlines() if not line.startswith("  ")]
        raise SystemExit(f"{what} failed; see {log}\n" + "\n".join(lines[-5:]))


def _is_complete(folder):
    return (folder / "complete").exists()


def _complete(folder):
    (folder / "complete").touch()
    return folder


def product(folder, suffix):
    """Return the one product of a folder with a suffix."""
    paths = sorted(folder.glob(f"*_{suffix}.fits"))
    if len(paths) != 1:
        raise SystemExit(f"{folder} holds {len(paths)} products _{suffix}, 1 is needed")
    return paths[0]
