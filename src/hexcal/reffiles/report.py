"""The page of a run, and that of a comparison: figures, verdicts, maps and histograms, in one HTML file each."""

from pathlib import Path
from typing import Any

from hexcal.reffiles import record
from hexcal.reffiles.quality import PASS
from hexcal.report.pages.pages import write_page

PAGE = "report.html"


def write_run(folder: Path, checks: list[Any], outcome: Any, tasks: list[Any], left_out: list[Any]) -> Path:
    """Write the page of a run; returns its path.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    checks : list of Check
        One for each final file.
    outcome : Outcome
        What became of the run.
    tasks : list of Task
        The plan.
    left_out : list of LeftOut
        Files that nobody used.
    """
    path = folder / PAGE
    reasons = [f"{item.path.name}: {item.reason}" for item in left_out]
    reasons += [f"{name}: not made: {reason}" for name, reason in outcome.not_made.items()]
    reasons += [f"{task.maker.label}: {item.path.name}: {item.reason}" for task in tasks for item in task.left]
    write_page(
        path,
        "reffiles.html",
        title=f"Reference files: {folder.name or folder}",
        files=[_file(number, check) for number, check in enumerate(checks, 1)],
        failed=outcome.failed,
        left=[*outcome.left, *reasons],
    )
    return path


def _file(number, check):
    entry = record.of_file(check.path) or {}
    run = entry.get("run", {})
    return {
        "number": number,
        "label": check.label,
        "path": str(check.path),
        "rows": check.rows,
        "not_passed": [row for row in check.rows if row.verdict != PASS],
        "notes": entry.get("notes", []),
        "parameters": run.get("parameters", {}),
        "inputs": [Path(item["path"]).name for item in entry.get("inputs", [])],
        "pipeline": run.get("pipeline", []),
        "pictures": [*_pictures(check.path), *_drawn(entry), *check.pictures],
    }


def _drawn(entry):
    """Pictures that were written when the individual files were made: numbers of values, maps of the maker."""
    import base64

    drawings = []
    for item in entry.get("individual") or (
        [{"path": entry["run"]["path"]}] if entry.get("run", {}).get("path") else []
    ):
        for ending, text in ((".values.png", "Numbers of values and errors"), (".maps.png", "Maps of the maker")):
            picture = Path(item["path"]).with_suffix(ending)
            if picture.is_file():
                data = base64.b64encode(picture.read_bytes()).decode("ascii")
                drawings.append((f"data:image/png;base64,{data}", f"{text} of {Path(item['path']).name}"))
    return drawings[:8]


def _pictures(path):
    """Maps and histograms of a file."""
    import numpy as np

    from hexcal.models.open import open as open_model
    from hexcal.reffiles.pictures import maps
    from hexcal.report.pages.plots import of_figure

    model: Any = open_model(path)
    images: dict[str, Any] = {}
    for name in ("data", "coeffs", "err", "dq"):
        if name in model.specs and model.has(name) and len(model.shape_of(name)) > 1:
            array = np.asarray(getattr(model, name))
            plane = array.reshape(-1, *array.shape[-2:])
            if name == "coeffs":
                images |= {f"coefficient {power}": plane[power] for power in range(2, len(plane))}
            elif name == "dq":
                images["flagged DO_NOT_USE"] = (plane[-1] & np.uint32(1)) != 0
            else:
                images[{"data": "values", "err": "errors"}[name]] = plane[-1]
    return [(of_figure(maps(images)), f"Maps of {path.name}, and histograms of their values")] if images else []


def write_comparison(path: Any, change: Any, new: Any, old: Any) -> Path:
    """Write the page of a comparison of two files; returns its path."""
    write_page(
        Path(path),
        "reffiles_compare.html",
        title=f"{Path(new).name} instead of {Path(old).name}",
        new=str(new),
        old=str(old),
        change=change,
        lines=change.lines(with_products=False),
    )
    return Path(path)
