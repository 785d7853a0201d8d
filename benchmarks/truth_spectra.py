"""Spectra with known truth that the pipelines extract: exposures of scripts beside Hexcal, and products of parity."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parity"))


def is_available():
    """Whether the scripts that make the exposures are here."""
    import spectra_harness

    return (spectra_harness.HARNESS / "nirspec").is_dir()


def make_spectra(folder, mode, association, refs="refs"):
    """Make the exposures of a mode, or take those that are kept, and put them into a folder as links."""
    import spectra_harness

    source = spectra_harness.inputs(mode)
    (folder / "refs").rmdir()
    (folder / "refs").symlink_to(source / refs)
    for path in (*source.glob("*.fits"), source / "truth.json"):
        (folder / path.name).symlink_to(path)
    (folder / "input.json").symlink_to(source / association)
    np.savez(folder / "truth.npz", mode=mode)
    _take_products(folder, mode, association, refs)


def make_stage3(folder, run):
    """Take the exposures that stage 3 combines, as the reference implementation's stage 2 makes them."""
    import spectra_harness

    given = spectra_harness.RUNS[run]
    source, association = spectra_harness.inputs(given.inputs), spectra_harness.association(run)
    (folder / "refs").rmdir()
    (folder / "refs").symlink_to(source / given.refs)
    (folder / "truth.json").symlink_to(source / "truth.json")
    table = json.loads(association.read_text())
    for member in table["products"][0]["members"]:
        member["expname"] = str(association.parent / member["expname"])
    (folder / "input.json").write_text(json.dumps(table))
    np.savez(folder / "truth.npz", mode=given.inputs)
    _take_product(folder, spectra_harness.products(run))


def _take_products(folder, mode, association, refs):
    """Take what parity has of the reference implementation with the same input and parameters, if it is there."""
    import spectra_harness

    for name, run in spectra_harness.RUNS.items():
        if (run.inputs, run.association, run.refs) == (mode, association, refs) and not run.steps:
            if spectra_harness.is_made(name):
                _take_product(folder, spectra_harness.products(name))
            return


def _take_product(folder, products):
    """Let products stand for those of a run of the reference implementation."""
    from peer_env import VERSION

    (folder / VERSION).symlink_to(products)
    report = products / "report.json"
    if report.exists():
        shutil.copy(report, folder / f"{VERSION}.report.json")
    else:
        entry = {"id": VERSION, "error": None, "call_s": float("nan")}
        (folder / f"{VERSION}.report.json").write_text(json.dumps([entry]))
    (folder / f"{VERSION}.fits").touch()
