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
    made_from : tuple of (str, str)
        Of stage 3: associations, and folders of reference files, that calwebb_spec2 of the reference implementation
        works on first; the members of `association` are its products.
    n_science : int, optional
        Only so many science members of the association.
    """

    inputs: str
    association: str
    refs: str = "refs"
    target: str = "calwebb_spec2"
    steps: dict = field(default_factory=dict, hash=False)
    made_from: tuple = ()
    n_science: int | None = None


def _stage3(inputs, association, made_from, refs="refs", **more):
    pairs = tuple(item if isinstance(item, tuple) else (item, refs) for item in made_from)
    return Run(inputs, association, refs, "calwebb_spec3", made_from=pairs, **more)


_FRINGES = {"residual_fringe": {"skip": False}}
_STAGE_2_STEPS = {"straylight": {"skip": True}, "cube_build": {"output_type": "multi"}}
"""Parameters of stage 2 where its products are the input of stage 3: those of operations, less what takes a minute."""
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
    "fs-3": _stage3("fs", "fs_spec3_asn.json", [f"fs_spec2_{k}_asn.json" for k in (1, 2, 3)]),
    "mos-3": _stage3("mos", "mos_spec3_asn.json", [f"mos_spec2_{k}_asn.json" for k in (1, 2, 3)]),
    # Two of the four exposures: the reference implementation takes 9 GB for four.
    "ifu-3": _stage3("ifu", "ifu_spec3_asn.json", [f"ifu_spec2_{k}_asn.json" for k in (1, 2)], n_science=2),
    "ifu-4-3": _stage3("ifu", "ifu_spec3_asn.json", [f"ifu_spec2_{k}_asn.json" for k in (1, 2, 3, 4)]),
    "mos-60-3": _stage3("mos-60", "mos_spec3_asn.json", [f"mos_spec2_{k}_asn.json" for k in (1, 2, 3)]),
    "ifu-3-master": _stage3(
        "ifu",
        "ifu_spec3_mbkg_asn.json",
        ["ifu_spec2_1_asn.json", "ifu_spec2_2_asn.json", "ifu_spec2_sky_asn.json"],
        n_science=2,
    ),
    "lrs-3": _stage3("miri-lrs", "nods_spec3_asn.json", ["nod1_spec2_asn.json", "nod2_spec2_asn.json"]),
    "lrs-3-master": _stage3("miri-lrs", "master_spec3_asn.json", [f"plain{k}_spec2_asn.json" for k in (1, 2, 3)]),
    "mrs-3": _stage3(
        "miri-mrs",
        "sub_spec3_asn.json",
        [(f"sub{k}_{bands}_spec2_asn.json", f"refs_{bands}") for bands in ("12SHORT", "34SHORT") for k in (1, 2)],
        "refs/common",
    ),
    "mrs-3-master": _stage3(
        "miri-mrs",
        "master_spec3_asn.json",
        [(f"plain{k}_12SHORT_spec2_asn.json", "refs_12SHORT") for k in (1, 2, 3)],
        "refs/common",
    ),
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
def association(name):
    """Return the path of the association of a run; of stage 3, beside the exposures that are made for it."""
    run = RUNS[name]
    source = inputs(run.inputs)
    if not run.made_from:
        return source / run.association
    folder = source / "stage2" / digest(run.made_from, sorted(_STAGE_2_STEPS.items()), VERSION)
    if not _is_complete(folder):
        _make_stage2(source, folder, run)
        _complete(folder)
    table = json.loads((source / run.association).read_text())
    members = [member for member in table["products"][0]["members"] if member["exptype"] == "science"]
    others = [member for member in table["products"][0]["members"] if member["exptype"] != "science"]
    table["products"][0]["members"] = [
        {**member, "expname": Path(member["expname"]).name} for member in members[: run.n_science] + others
    ]
    path = folder / f"{name}_{run.association}"
    path.write_text(json.dumps(table, indent=1))
    return path


def _make_stage2(source, folder, run):
    """Have the reference implementation make the exposures that stage 3 combines."""
    folder.mkdir(parents=True, exist_ok=True)
    params = {"save_results": True, "output_dir": str(folder)}
    jobs = [
        {"target": "calwebb_spec2", "input": str(source / name), "refs": str(source / refs), "params": params}
        for name, refs in run.made_from
    ]
    peer([{**job, "steps": _STAGE_2_STEPS} for job in jobs], folder, f"running stage 2 of {VERSION} for {run.inputs}")


def is_made(name):
    """Whether the products of a run are there."""
    return _is_complete(_folder_of(name))


def _folder_of(name):
    run = RUNS[name]
    source, given = inputs(run.inputs), association(name)
    key = digest(
        run.association, run.refs, run.target, run.steps, VERSION, *((given.parent.name,) * bool(run.made_from))
    )
    return source / "runs" / f"{name}-{key}"


@cache
def products(name):
    """Return the folder with the products of a run of the reference implementation, of every step."""
    run, given, folder = RUNS[name], association(name), _folder_of(name)
    if not _is_complete(folder):
        folder.mkdir(parents=True, exist_ok=True)
        job = {"target": run.target, "input": str(given), "refs": str(inputs(run.inputs) / run.refs)}
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
