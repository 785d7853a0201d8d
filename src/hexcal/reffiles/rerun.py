"""Making a reference file again from the record that it carries."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hexcal.core.names import make_folder
from hexcal.errors import InputError
from hexcal.files.atomic import atomic
from hexcal.reffiles import individual
from hexcal.reffiles.inputs import Selection


def again(path: Any, recorded: dict[str, Any], folder: Any) -> Path:
    """Make a reference file again, of the same products, with the same parameters; returns its path.

    Parameters
    ----------
    path : path-like
        The file.
    recorded : dict
        Its record.
    folder : path-like
        Where the new one goes.

    Raises
    ------
    InputError
        If a file that it was made of is gone or has changed, or the file is there already.
    """
    output = Path(folder, Path(path).name)
    if output.exists():
        raise InputError("the file exists already", where=str(output), hint="--output_dir=DIR")
    for item in (*recorded["products"], *recorded.get("individual", ()), *recorded["run"]["plugins"]):
        _require_same(item)
    make_folder(output.parent)
    if "individual" in recorded:
        _join(output, recorded)
        return output
    run = recorded["run"]
    with tempfile.TemporaryDirectory(prefix="hexcal-rerun-", dir=output.parent) as scratch:
        job = {
            "label": run["maker"], "plugins": [item["path"] for item in run["plugins"]], "folders": run["folders"],
            "members": [_member(item) for item in recorded["products"]], "selection": Selection(),
            "parameters": {name: entry["value"] for name, entry in run["parameters"].items()},
            "origins": {name: entry["origin"] for name, entry in run["parameters"].items()},
            "output": str(Path(scratch, output.name)), "runs": run["pipeline"],
        }  # fmt: skip
        result = individual.make(job)
        if result["error"] is not None:
            raise InputError(f"the file cannot be made again: {result['error']}", where=str(path))
        with open(job["output"], "rb") as remade, atomic(output) as stream:
            shutil.copyfileobj(remade, stream)
    return output


def _member(item):
    return {
        "input": item["input"], "kind": item["kind"], "product": item["path"],
        "flags": item["flags"]["path"] if item["flags"] else None, "also": item.get("also", {}),
    }  # fmt: skip


def _join(output, recorded):
    from hexcal.core.parameters import validated
    from hexcal.reffiles.combine import CombineParameters
    from hexcal.reffiles.final import write_final
    from hexcal.reffiles.registry import makers

    known = makers([item["path"] for item in recorded["run"]["plugins"]], recorded["run"]["folders"])
    parameters = validated(CombineParameters, recorded["run"]["combine"], "combine")
    write_final(
        output, [Path(item["path"]) for item in recorded["individual"]], parameters, known[recorded["run"]["maker"]]
    )


def _require_same(item):
    from hexcal.references.digest import sha256

    path = Path(item["path"])
    if not path.is_file():
        raise InputError("a file that this one was made from no longer exists", where=str(path), hint="put it back")
    if sha256(path) != item["sha256"]:
        raise InputError("a file that this one was made from has changed", where=str(path),
                         hint="make the reference file again: hexcal reffiles make")  # fmt: skip
