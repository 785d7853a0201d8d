"""Products of earlier runs, elsewhere, that are what a run would make now: known by the record that they carry."""

from pathlib import Path
from typing import Any

from hexcal.core import registry
from hexcal.core.provenance import version
from hexcal.errors import HexcalError
from hexcal.models.open import open as open_model
from hexcal.reffiles.pipeline_steps import PIPELINE

_OF_OUTPUT = ("output_", "override_", "save_", "search_", "suffix", "input_dir", "references", "profile", "skip")
"""Beginnings of the names of parameters that do not change what is in a product."""


class Search:
    """Looks for products in folders.

    Parameters
    ----------
    folders : list of pathlib.Path
        They, and the folders in them.
    book : Ledger
        Knows digests.
    """

    def __init__(self, folders: list[Path], book: Any):
        self.book = book
        self.by_name: dict[str, list[Path]] = {}
        for folder in folders:
            for path in sorted(folder.rglob("*.fits")) if folder.is_dir() else ():
                self.by_name.setdefault(path.name, []).append(path)

    def product(self, demand: Any, choices: Any) -> Path | None:
        """Return a product that is what a demand wants; None if there is none."""
        root, suffix = demand.member.path.name.rpartition("_")[0], demand.remaining.suffix
        for path in self.by_name.get(f"{root}_{suffix}.fits", ()):
            try:
                record = open_model(path).get_meta("provenance")
                if record is not None and self._is_as_now(record.instance, demand, choices):
                    return path
            except (HexcalError, KeyError, TypeError):
                # A file that cannot be read, or whose record is another program's, is none that could be used.
                continue
        return None

    def _is_as_now(self, record, demand, choices):
        """Whether a record tells of the same input, version, steps, parameters and references."""
        if record["software"]["version"] != version() or record["run"]["target"] != PIPELINE:
            return False
        if record["inputs"][0]["sha256"] != self.book.digest(demand.member.path):
            return False
        entries = {entry["step"].rpartition(".")[2]: entry for entry in record["steps"]}
        done = tuple(name for name in demand.remaining.order if _has_run(entries.get(name)))
        others = {name for name, entry in entries.items() if _has_run(entry) and name in demand.remaining.left_out}
        if done != demand.remaining.to_do or others:
            return False
        return all(_default(name, entries[name]) and self._same_references(entries[name], demand, choices)
                   for name in done)  # fmt: skip

    def _same_references(self, entry, demand, choices):
        overrides = dict(demand.references)
        for kind, item in entry["references"].items():
            now = overrides.get(kind)
            now = choices.path(kind, demand.member.path) if now is None else (None if now == "N/A" else now)
            digest = self.book.digest(now) if now is not None else None
            if digest != (item or {}).get("sha256"):
                return False
        return True


def _has_run(entry):
    return (
        entry is not None
        and entry["status"] in ("COMPLETE", "SKIPPED")
        and not entry["parameters"].get("skip", {}).get("value")
    )


def _default(name, entry):
    """Whether a step had the parameters that it has by default."""
    fields = registry.find(PIPELINE).step_defs[name].parameters_class.model_fields
    return all(
        key not in fields or item["value"] == fields[key].default
        for key, item in entry["parameters"].items()
        if not key.startswith(_OF_OUTPUT)
    )
