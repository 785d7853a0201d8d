"""One individual reference file: a maker at work, in this process or in that of a worker."""

import logging
import resource
import time
from pathlib import Path
from typing import Any

from hexcal.core.names import make_folder
from hexcal.errors import HexcalError, shortened
from hexcal.reffiles import headers, record
from hexcal.reffiles.inputs import exposure_of
from hexcal.reffiles.maker import Members, NotSuitable, with_flags
from hexcal.reffiles.registry import makers


def make(job: dict[str, Any]) -> dict[str, Any]:
    """Make an individual file; an error of the maker is told, not raised.

    Parameters
    ----------
    job : dict
        ``label``; ``plugins`` and ``folders`` (where makers of users are); ``members``: list of dict with ``input``
        (path of the exposure), ``product`` (path), ``flags`` (path of a later product whose flags are used, or None),
        ``also`` (step -> path);
        ``selection`` (`Selection`); ``parameters`` (dict), ``origins`` (dict); ``output`` (path); ``runs`` (commands).

    Returns
    -------
    dict
        ``error`` (None, or what went wrong), ``is_suitable`` (False: the exposures do not allow the file), ``notes``
        (what the maker said), ``seconds``, ``peak_memory_mb``.
    """
    from hexcal.files import gate

    started, notes = time.perf_counter(), _Notes()
    log = logging.getLogger(f"hexcal.reffiles.{job['label']}")
    log.addHandler(notes)
    level, log.level = log.level, min(log.getEffectiveLevel(), logging.INFO)
    error, is_suitable = None, True
    try:
        with gate.run():
            _make(job, log, notes)
    except HexcalError as failure:
        error, is_suitable = str(failure), not isinstance(failure, NotSuitable)
    except MemoryError:
        error = "not enough memory"
    except Exception as fault:  # noqa: BLE001 - a maker of a user's must not end those of the others
        error = f"{type(fault).__name__}: {shortened(str(fault))}"
    finally:
        log.removeHandler(notes)
        log.setLevel(level)
    return {
        "error": error,
        "is_suitable": is_suitable,
        "notes": notes.lines,
        "seconds": round(time.perf_counter() - started, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1),
    }


class _Notes(logging.Handler):
    """Keeps what a maker says of its result."""

    def __init__(self):
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record):
        """Keep a line."""
        self.lines.append(record.getMessage())


def _make(job, log, notes):
    from hexcal.models.open import open as open_model

    maker = makers(job["plugins"], job["folders"])[job["label"]]()
    parameters = type(maker).Parameters(**job["parameters"])
    exposures = [exposure_of(Path(item["input"]), job["selection"]) for item in job["members"]]
    models = []
    for item, exposure in zip(job["members"], exposures, strict=True):
        model = open_model(item["product"])
        models.append((exposure.kind, with_flags(model, open_model(item["flags"])) if item["flags"] else model))
    members = Members(models, exposures)
    for item, exposure in zip(job["members"], exposures, strict=True):
        for step, path in item["also"].items():
            members.also.setdefault((step, exposure.kind), []).append(open_model(path))
    started = time.perf_counter()
    model = maker.make(members, parameters, log)
    headers.describe(model, maker, members, exposures, parameters)
    model.history.extend(f"RESULT: {line}" for line in notes.lines)
    record.add(model, job, notes.lines, time.perf_counter() - started)
    output = Path(job["output"])
    make_folder(output.parent)
    model.save(output)
    if members.pictures:
        from hexcal.reffiles.pictures import write_maps

        write_maps(output.with_suffix(".maps.png"), members.pictures)
    if members.counts is not None:
        from hexcal.reffiles.pictures import write_contributions

        write_contributions(output.with_suffix(".values.png"), members.counts, model, output.name)
