"""What a page tells of a product: facts, statistics, flags, steps, references, warnings."""

import math
import os
from pathlib import Path

import numpy as np

from hexcal.errors import HexcalError
from hexcal.models import dqflags, summary

_LEVELS = (" - WARNING - ", " - ERROR - ", " - CRITICAL - ")
_ARRAYS = ("data", "err", "var_poisson", "var_rnoise", "var_flat", "weight", "wht")


def statistics(model) -> list[dict[str, str]]:
    """Return median, scatter and range of the arrays of a model, without pixels that must not be used.

    The scatter is 1.4826 times the median absolute deviation: that of the noise where most pixels are blank.
    """
    rows = []
    flags = _flags(model)
    for name in _ARRAYS:
        if name not in model.specs or not model.has(name):
            continue
        values = np.asarray(getattr(model, name))
        if values.dtype.kind != "f" or not values.size:
            continue
        good = np.isfinite(values)
        if flags is not None and flags.shape == values.shape[-flags.ndim :]:
            good &= (flags & np.uint32(1)) == 0
        used = values[good]
        if not used.size:
            rows.append({"array": name, "median": "none is good", "scatter": "", "range": "", "bad": _share(1.0)})
            continue
        middle = float(np.median(used))
        scatter = 1.4826 * float(np.median(np.abs(used - middle)))
        low, high = (float(value) for value in np.percentile(used, (0.1, 99.9)))
        rows.append(
            {
                "array": name,
                "median": _number(middle),
                "scatter": _number(scatter),
                "range": f"{_number(low)} to {_number(high)}",
                "bad": _share(1 - used.size / values.size),
            }
        )
    return rows


def _flags(model):
    for name in ("dq", "pixeldq"):
        if name in model.specs and model.has(name):
            values = getattr(model, name)
            return values if values is not None and values.size else None
    return None


def flag_counts(model) -> list[dict[str, str]]:
    """Return how many pixels have each flag, the most frequent first."""
    flags = _flags(model)
    if flags is None:
        return []
    known = dqflags.of(model.observatory)
    counts = [(int(np.count_nonzero(flags & np.uint32(1 << bit))), bit) for bit in range(32)]
    return [
        {"flag": name, "count": f"{count:,}", "share": _share(count / flags.size)}
        for count, bit in sorted(counts, reverse=True)
        if count
        for name in dqflags.names_of(1 << bit, known)
    ]


def of_product(path, model) -> dict:
    """Return all that a page tells of a product in words and tables.

    Parameters
    ----------
    path : path-like
        Its file.
    model : DataModel
        The product.
    """
    record = model.get_meta("provenance")
    record = record.instance if record is not None else {}
    return {
        "name": Path(path).name,
        "kind": model.model_type,
        "size": f"{os.path.getsize(path) / 1e6:.1f} MB",
        "facts": summary.facts(model),
        "contents": summary.contents(model),
        "statistics": statistics(model),
        "flags": flag_counts(model),
        "warnings": warnings(model),
        "steps": steps(record),
        "references": references(record),
        "inputs": list(
            dict.fromkeys(Path(item["path"]).name for item in record.get("inputs", ()) if item and item.get("path"))
        ),
        "made": made(record),
    }


def made(record) -> str:
    """Return by what and when a product was made."""
    if not record:
        return "not made by Hexcal, or its record was lost"
    when = str(record["run"]["started"]).replace("T", " ").partition("+")[0]
    return f"made by {record['run']['target']} of Hexcal {record['software']['version']}, {when} UTC"


def steps(record) -> list[dict[str, str]]:
    """Return the steps of a record with status, time, memory and the parameters that differ from the defaults."""
    rows = []
    for entry in record.get("steps", ()):
        changed = [
            f"{name} = {item['value']} ({item['source']})"
            for name, item in entry["parameters"].items()
            if item["source"] != "default"
        ]
        rows.append(
            {
                "step": entry["step"].partition(".")[2] or entry["step"],
                "status": entry["status"].lower(),
                "seconds": f"{entry['seconds']:.2f}" if entry.get("seconds") is not None else "",
                "memory": f"{entry['peak_memory_mb']:.0f}" if entry.get("peak_memory_mb") else "",
                "changed": "; ".join(changed),
            }
        )
    return rows


def references(record) -> list[dict[str, str]]:
    """Return the reference files of a record, and why each of them was chosen."""
    rows = []
    for entry in record.get("steps", ()):
        for kind, item in entry["references"].items():
            path = item["path"]
            given = entry["parameters"].get(f"override_{kind}")
            rows.append(
                {
                    "step": entry["step"].rpartition(".")[2],
                    "type": kind,
                    "file": "none applies" if path == "N/A" else Path(path).name,
                    "why": _why(path, given),
                    "sha256": (item["sha256"] or "")[:12],
                }
            )
    return rows


def _why(path, given):
    if given is not None and given["value"] is not None:
        return f"given by the user ({given['source']})"
    if path == "N/A":
        return "nothing that is given applies to this exposure"
    parts = Path(path).parts
    return "rules of CRDS" if "references" in parts and "crds" in str(path).lower() else f"from {Path(path).parent}"


def warnings(model) -> list[str]:
    """Return the warnings and errors in the logs that a product carries."""
    logs = model.get_meta("cal_logs")
    lines = [
        line for log in (logs.instance if hasattr(logs, "instance") else logs or {}).values() for line in _lines(log)
    ]
    return list(dict.fromkeys(_message(line) for line in lines if any(level in line for level in _LEVELS)))


def _message(line):
    """A line of a log (time - logger - level - message) as one reads it: ``straylight: no reference``."""
    parts = line.split(" - ", 3)
    if len(parts) < 4:
        return line
    step = parts[1].removeprefix("hexcal.").rpartition(".")[2]
    return f"{step}: {parts[3]}"


def _lines(log):
    return log.splitlines() if isinstance(log, str) else [str(line) for line in log]


def footprint(model) -> list[tuple[float, float]]:
    """Return the corners of what a product covers on the sky: (RA, Dec) in degrees, from S_REGION; empty if unknown."""
    text = model.get_meta("meta.wcsinfo.s_region")
    words = str(text or "").upper().replace("POLYGON", "").replace("ICRS", "").split()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return []
    if len(numbers) < 6 or len(numbers) % 2 or not all(map(math.isfinite, numbers)):
        return []
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def can_open(path):
    """Return the model of a file, None if it cannot be opened as one."""
    from hexcal.models.open import open as open_model

    try:
        return open_model(path)
    except HexcalError:
        return None


def _number(value):
    return f"{value:.5g}"


def _share(value):
    return f"{100 * value:.3g} %"
