"""The reference files of a programme: which are missing, and whether the same ones would be chosen again."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hexcal.core import registry
from hexcal.errors import HexcalError
from hexcal.models.open import open as open_model
from hexcal.references import chooser
from hexcal.references.folder import ReferenceFolder
from hexcal.references.rules import FILE


class Choices:
    """Chooses reference files for exposures, as a run of them would.

    Parameters
    ----------
    folder : path-like, optional
        Folder of reference files; default: the environment's HEXCAL_REFERENCES, else the cache in CRDS_PATH.
    """

    def __init__(self, folder=None):
        folder = folder or os.environ.get("HEXCAL_REFERENCES")
        self._folder = ReferenceFolder(folder) if folder else None
        self._models, self._choosers = {}, {}

    def path(self, kind: str, exposure: Path) -> str | None:
        """Return the file of a type for an exposure; None where there is none, or none applies.

        Raises
        ------
        HexcalError
            If the choice is not possible.
        """
        if self._folder is not None:
            chosen = self._folder.find(kind, self._model(exposure))
            return str(Path(chosen).resolve()) if chosen != "N/A" else None
        if not chooser.is_configured():
            return None
        chooser_ = self._chooser(exposure)
        choice = chooser_.choose([kind])[kind.lower()]
        if choice.status != FILE:
            return None
        context = chooser_.context
        return str(Path(context.cache.reference_path(choice.name, context.instrument_of(chooser_.header))).resolve())

    def missing(self, exposure: Path, pipelines: Iterable[str]) -> dict[str, str]:
        """Return the files that pipelines will ask for and the cache lacks: name -> where it belongs."""
        if self._folder is not None or not chooser.is_configured():
            return {}
        return self._chooser(exposure).missing(sorted({kind for alias in pipelines for kind in types_of(alias)}))

    def _model(self, exposure):
        if exposure not in self._models:
            self._models[exposure] = open_model(exposure)
        return self._models[exposure]

    def _chooser(self, exposure):
        if exposure not in self._choosers:
            self._choosers[exposure] = chooser.Chooser(self._model(exposure))
        return self._choosers[exposure]


def types_of(pipeline: str) -> set[str]:
    """Return the types of reference files that the steps of a pipeline may ask for."""
    owner = registry.find(pipeline)
    steps = owner.step_defs.values() or (owner,)
    return {kind for step in steps for kind in step.reference_types}


def missing_files(plan, exposures) -> dict[str, str]:
    """Return the reference files that a plan needs and the cache lacks: name -> where it belongs.

    What cannot be chosen for an exposure is left to its job, which says so.
    """
    choices, missing = Choices(), {}
    by_path = {str(exposure.path) for exposure in exposures}
    pipelines = _pipelines_of_exposures(plan)
    for path, aliases in pipelines.items():
        if path in by_path:
            try:
                missing.update(choices.missing(Path(path), aliases))
            except HexcalError:
                continue
    return missing


def _pipelines_of_exposures(plan):
    """Path of a raw exposure -> the pipelines of all jobs that it goes through."""
    first = {job.key: name for job in plan.jobs.values() if not job.needs for name, _ in job.members[:1]}
    result: dict[str, set[str]] = {}
    origins: dict[str, set[str]] = {}
    for job in plan.jobs.values():
        origins[job.key] = {first[job.key]} if job.key in first else set().union(*(origins[key] for key in job.needs))
        for path in origins[job.key]:
            result.setdefault(path, set()).add(job.pipeline)
    return result


def sizes_of(missing: dict[str, str]) -> dict[str, int | None]:
    """Return the sizes of files in bytes, as the server says; None without a server (CRDS_SERVER_URL)."""
    from hexcal.references.fetching import fetch

    if not missing or fetch.server_url() is None:
        return dict.fromkeys(missing)
    items, _ = fetch.plan(fetch.server(), missing)
    return {**dict.fromkeys(missing), **{item.name: item.size for item in items}}


def words_override(kind: str, words: Iterable[Any]) -> bool:
    """Whether options of a run give the reference of a type themselves."""
    return any(f"override_{kind}=" in str(word).replace("-", "_") for word in words)
