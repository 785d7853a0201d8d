"""How a product was made: inputs, references, parameters with their source, versions, times, peak memory.

Kept in every product.
"""

import datetime
import platform
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

from hexcal.core.config import storable
from hexcal.core.digests import Digests
from hexcal.core.parameters import INFRASTRUCTURE, values_of

_LIBRARIES = ("numpy", "scipy", "numba", "astropy", "asdf")


def version():
    """Version of Hexcal."""
    from hexcal import __version__

    return __version__


def peak_memory_mb():
    """Largest memory of this process so far, in MB (0 where the platform does not tell)."""
    try:
        import resource
    except ImportError:
        return 0.0
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale, 1)


@dataclass(frozen=True)
class Former:
    """What the product that is made again says of its references.

    Attributes
    ----------
    names : dict of str to str
        Path -> ``crds://NAME``, for those that CRDS chose.
    contexts : tuple of str
        The contexts that chose them, or parameters.
    asked : dict of (str, str, str) to str
        Step, type of reference, and exposure or part -> path or "N/A", for those that were chosen for one of several
        exposures, or asked for by a running step.
    """

    names: dict = field(default_factory=dict)
    contexts: tuple = ()
    asked: dict = field(default_factory=dict)


class Record:
    """The record of one run; its dict goes under ``provenance`` into the ASDF extension of each product.

    Parameters
    ----------
    step : Step
        The outermost step of the run.
    inputs : sequence of Source
        What the run starts from (see `hexcal.core.run_files`).
    """

    def __init__(self, step, inputs):
        self.step = step
        self.former = step.former or Former()
        self.started = datetime.datetime.now(datetime.UTC)
        self.entries = []
        self.inputs = [source for source in inputs if source.path is None or Path(source.path).is_file()]
        self._digests = Digests()
        self.parameter_references = {
            reference: Path(reference.path).resolve() for reference in step.parameter_references
        }
        for path in self.parameter_references.values():
            self._digests.begin(str(path))
        for source in self.inputs:
            for path in (source.path, *(path for path, _ in source.members)):
                if path is not None and Path(path).is_file():
                    self._digests.begin(str(Path(path).resolve()))

    def begin(self, step):
        """Start the entry of one step; returns it."""
        entry = {
            "step": step.qualified_name,
            "class": f"{type(step).__module__}.{type(step).__name__}",
            "status": "RUNNING",
            "references": {},
            "references_asked": [],
        }
        entry["parameters"] = _described(step)
        self.entries.append(entry)
        entry["_clock"] = time.perf_counter()
        return entry

    def part(self, entry, name):
        """Return the entry of one member or part of what a step works on; a new one if it has none."""
        parts = entry.setdefault("parts", [])
        for part in parts:
            if part["name"] == name:
                return part
        parts.append({"name": name, "references": {}})
        return parts[-1]

    def end(self, entry, status, seconds=None):
        """Finish the entry of a step; `seconds`, where it was not at work all the time since it began."""
        entry["status"] = status
        since = time.perf_counter() - entry.pop("_clock")
        entry["seconds"] = round(since if seconds is None else seconds, 4)
        entry["peak_memory_mb"] = peak_memory_mb()

    def reference(self, entry, reference_type, source):
        """Note a reference file that a step uses."""
        entry["references"][reference_type] = self._resolved(source)

    def entry_of(self, step_name):
        """Return the entry of a step that runs or has run, the latest."""
        return next(entry for entry in reversed(self.entries) if entry["step"] == step_name)

    def asked(self, step_name, reference_type, exposure, source):
        """Note a reference file that a running step has asked for.

        Parameters
        ----------
        step_name : str
            Qualified name of the step.
        reference_type, exposure : str
            What it asked for, and for which exposure.
        source : path-like or DataModel
            What it got; "N/A" where there is none.
        """
        entry = self.entry_of(step_name)
        item = {"type": reference_type, "exposure": exposure, "path": self._resolved(source)}
        # What is declared is recorded already, and what is asked twice is asked once.
        if entry["references"].get(reference_type, "not declared") == item["path"]:
            return
        if item not in entry["references_asked"]:
            entry["references_asked"].append(item)

    def _resolved(self, source):
        """Path of a reference (str), which is digested; None for "N/A" and for a model in memory."""
        path = Path(source) if isinstance(source, str | Path) else getattr(source, "path", None)
        if path is None or not path.exists():
            return None if path is None or str(source) == "N/A" else str(path)
        self._digests.begin(str(path.resolve()))
        return str(path.resolve())

    @property
    def contexts(self):
        """Contexts of CRDS that chose parameter references (list of str).

        Or that chose them for the product that is made again.
        """
        chosen = [reference.context for reference in self.parameter_references if reference.context is not None]
        return list(dict.fromkeys([*chosen, *self.former.contexts]))

    def close(self):
        """End the computation of digests."""
        self._digests.close()

    def as_dict(self):
        """Return the record as plain dicts and lists."""
        return {
            "software": {
                "name": "hexcal",
                "version": version(),
                "python": platform.python_version(),
                "libraries": dict(_versions()),
                "platform": platform.platform(),
            },
            "run": {
                "target": self.step.alias,
                "class": f"{type(self.step).__module__}.{type(self.step).__name__}",
                "started": self.started.isoformat(timespec="seconds"),
                "parameters": storable(self.step.get_pars()),
                "parameter_references": [
                    {
                        "type": reference.kind,
                        "step": ".".join([self.step.name, *reference.steps]),
                        "context": reference.context,
                        **self._file(path),
                    }
                    for reference, path in self.parameter_references.items()
                ],
            },
            "inputs": [self._input(source) for source in self.inputs],
            "steps": [self._entry(entry) for entry in self.entries],
        }

    def _input(self, source):
        """An input: None for a model in memory; an association with its members."""
        if source.path is None and not source.members:
            return None
        described = self._file(Path(source.path).resolve()) if source.path is not None else {"path": None}
        if not source.members:
            return described
        # A member that is not there, such as a catalogue that nobody needs, has no digest.
        members = [(path.resolve(), role) for path, role in source.members]
        return {**described, "members": [{**self._file(path), "role": role} for path, role in members]}

    def _file(self, path):
        if str(path) not in self._digests:
            return {"path": str(path), "sha256": None}
        return {"path": str(path), "sha256": self._digests.of(str(path))}

    def _entry(self, entry):
        seconds = entry.get("seconds", round(time.perf_counter() - entry["_clock"], 4) if "_clock" in entry else None)
        status = "COMPLETE" if entry["status"] == "RUNNING" else entry["status"]
        described = {
            **{name: value for name, value in entry.items() if name != "_clock"},
            "references": self._references(entry),
            "references_asked": [{**item, **self._file(item["path"] or "N/A")} for item in entry["references_asked"]],
            "seconds": seconds,
            "status": status,
        }
        if "parts" in entry:
            described["parts"] = [{**part, "references": self._references(part)} for part in entry["parts"]]
        return described

    def _references(self, entry):
        return {kind: self._file("N/A" if path is None else path) for kind, path in entry["references"].items()}


def _described(step):
    """Parameters of one step with their source; those that only say where files go are left out unless set."""
    return {
        name: {"value": storable(value), "source": step.source_of(name)}
        for name, value in values_of(step.parameters).items()
        if name in step.sources or (name not in INFRASTRUCTURE and not name.startswith("override_"))
    }


@cache
def _versions():
    return {name: metadata.version(name) for name in _LIBRARIES}
