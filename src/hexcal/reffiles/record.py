"""The record of a reference file: what it was made of, how, and by what; in its ASDF extension and beside it."""

import datetime
import json
import platform
from pathlib import Path
from typing import Any

from hexcal.core.config import storable
from hexcal.core.provenance import version
from hexcal.files.atomic import atomic
from hexcal.references.digest import sha256

TARGET = "hexcal reffiles make"


def add(model: Any, job: dict[str, Any], notes: list[str], seconds: float) -> None:
    """Put the record of an individual file into its model, in place, under ``provenance``."""
    model.set_meta("provenance", storable(of_job(job, notes, seconds)))


def of_job(job: dict[str, Any], notes: list[str], seconds: float) -> dict[str, Any]:
    """Return the record of an individual file as plain values."""
    from hexcal.core.provenance import peak_memory_mb

    return {
        "software": {"name": "hexcal", "version": version(), "python": platform.python_version(),
                     "platform": platform.platform()},
        "run": {
            "target": TARGET,
            "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "maker": job["label"],
            "plugins": [_file(path) for path in job["plugins"]],
            "folders": list(job["folders"]),
            "parameters": {name: {"value": value, "origin": job["origins"].get(name, "default")}
                           for name, value in as_recorded(job["parameters"]).items()},
            "output": Path(job["output"]).name,
            "path": str(Path(job["output"]).resolve()),
            "pipeline": list(job["runs"]),
            "seconds": round(seconds, 2),
            "peak_memory_mb": peak_memory_mb(),
        },
        "inputs": [_file(item["input"]) for item in job["members"]],
        "products": [
            {**_file(item["product"]), "input": item["input"], "kind": item["kind"],
             "flags": _file(item["flags"]) if item["flags"] else None, "also": dict(item["also"])}
            for item in job["members"]
        ],
        "notes": list(notes),
        "steps": [],
    }  # fmt: skip


def joined(paths: list[Path], records: list[dict[str, Any]], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a final file that is joined of several."""
    seen: dict[str, dict[str, Any]] = {}
    for own in records:
        seen.update({item["path"]: item for item in own["inputs"]})
    return {
        **records[0],
        "run": {**records[0]["run"], "target": "hexcal reffiles combine", "combine": parameters},
        "inputs": list(seen.values()),
        "individual": [_file(path) for path in paths],
        "products": [item for own in records for item in own["products"]],
        "notes": [text for own in records for text in own["notes"]],
    }


def write_beside(path: Path, record: dict[str, Any]) -> None:
    """Write a record as JSON beside its file."""
    with atomic(path.with_suffix(".json")) as stream:
        stream.write(json.dumps(record, indent=1, default=str).encode())


def of_file(path: Any) -> dict[str, Any] | None:
    """Return the record of a reference file; None if it has none."""
    from hexcal.models.open import open as open_model

    record = open_model(path).get_meta("provenance")
    return None if record is None else record.instance


def _file(path):
    return {"path": str(Path(path).resolve()), "sha256": sha256(path)}


def as_recorded(values: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as they stand in a record."""
    return json.loads(json.dumps(storable(values), default=str))
