"""Delivering new reference files: certified, inserted into a new context, with the form that a delivery asks for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hexcal.errors import InputError, ReferenceError_
from hexcal.files.atomic import atomic
from hexcal.models.open import open as open_model
from hexcal.reffiles import record
from hexcal.reffiles.final import certified

_SELECTORS = {
    "INSTRUME": "meta.instrument.name", "DETECTOR": "meta.instrument.detector", "CHANNEL": "meta.instrument.channel",
    "FILTER": "meta.instrument.filter", "PUPIL": "meta.instrument.pupil", "GRATING": "meta.instrument.grating",
    "BAND": "meta.instrument.band", "SUBARRAY": "meta.subarray.name", "READPATT": "meta.exposure.readpatt",
    "EXP_TYPE": "meta.exposure.type",
}  # fmt: skip


@dataclass
class Delivery:
    """What a delivery did.

    Attributes
    ----------
    inserted : Inserted
        The new mappings.
    findings : dict of str to list of str
        File -> what certifying found.
    chosen : dict of str to list of str
        File -> exposures that will choose it, of those that were asked about.
    """

    inserted: Any
    findings: dict[str, list[str]]
    chosen: dict[str, list[str]]


def deliver(paths: list[Any], context: Any, folder: Any = None, exposures: list[Any] | None = None) -> Delivery:
    """Insert files into the rules of a context; nothing that is in the cache is changed.

    Parameters
    ----------
    paths : list of path-like
        Reference files.
    context : Context
        The new one is derived from it.
    folder : path-like, optional
        Where the new mappings go; default: the cache.
    exposures : list of path-like, optional
        Exposures of which it is said whether they will choose a file.

    Raises
    ------
    InputError
        If certifying a file finds an error; nothing is then inserted.
    """
    from hexcal.references.delivery.insert import insert

    findings = {str(path): certified(path) for path in paths}
    errors = [f"{path}: {text}" for path, texts in findings.items() for text in texts if text.startswith("error")]
    if errors:
        raise InputError(
            f"{len(errors)} errors must be mended before a delivery", where="; ".join(errors[:4]),
            hint="hexcal crds certify FILE lists them all",
        )  # fmt: skip
    inserted = insert(context, paths, folder=folder)
    return Delivery(inserted, findings, _chosen(inserted, context, folder, exposures or [], paths))


def _chosen(inserted, context, folder, exposures, paths):
    """File -> names of exposures for which the new rules choose it."""
    from hexcal.references.context import open_context
    from hexcal.references.header_cards import read_header

    names = {Path(path).name: str(path) for path in paths}
    result: dict[str, list[str]] = {str(path): [] for path in paths}
    if not exposures or folder is not None:
        return result
    new = open_context(inserted.context, context.cache.root, context.cache.observatory)
    kinds = sorted({str(open_model(path).meta.reftype).lower() for path in paths})
    for exposure in exposures:
        for kind in kinds:
            choice = new.choose(read_header(str(exposure)), [kind])[kind]
            if choice.name in names:
                result[names[choice.name]].append(Path(exposure).name)
    return result


def form(delivery: Delivery, answers: dict[str, Any]) -> dict[str, Any]:
    """Return the form of a delivery, filled in.

    Parameters
    ----------
    delivery : Delivery
        What was inserted.
    answers : dict
        ``deliverer``, ``email``, ``change_level`` (trivial, moderate, severe), ``description``.
    """
    paths = list(delivery.findings)
    models = [open_model(path) for path in paths]
    replaced = {file: place.replaced for file, _, place in delivery.inserted.places}
    return {
        "deliverer": answers.get("deliverer") or models[0].meta.author,
        "other_email": answers.get("email"),
        "instrument": str(models[0].meta.instrument.name).lower(),
        "file_type": sorted({str(model.meta.reftype).lower() for model in models}),
        "history_updated": all(model.history for model in models),
        "pedigree_updated": all(model.meta.pedigree for model in models),
        "useafter": {Path(path).name: model.meta.useafter for path, model in zip(paths, models, strict=True)},
        "keywords_checked": True,
        "calpipe_version": _pipeline_version(paths),
        "was_tested": {Path(path).name: _tested(path) for path in paths},
        "certification": {Path(path).name: texts or ["no findings"] for path, texts in delivery.findings.items()},
        "replacement_files": replaced,
        "change_level": answers.get("change_level") or "moderate",
        "modes_affected": {Path(path).name: _modes(model) for path, model in zip(paths, models, strict=True)},
        "correctness_tested": {Path(path).name: (record.of_file(path) or {}).get("notes", []) for path in paths},
        "description": answers.get("description") or "; ".join(str(model.meta.description) for model in models),
        "context": delivery.inserted.context,
    }


def write_form(path: Any, delivery: Delivery, answers: dict[str, Any]) -> None:
    """Write the form of a delivery as YAML."""
    with atomic(Path(path)) as stream:
        stream.write(yaml.safe_dump(form(delivery, answers), sort_keys=False, default_flow_style=False).encode())


def _pipeline_version(paths):
    records = [record.of_file(path) for path in paths]
    versions = {entry["software"]["version"] for entry in records if entry is not None}
    return f"Hexcal {', '.join(sorted(versions))}" if versions else None


def _tested(path):
    entry = record.of_file(path)
    return f"made of {len(entry['inputs'])} exposures, certified" if entry is not None else "certified"


def _modes(model):
    values = {key: model.get_meta(place) for key, place in _SELECTORS.items()}
    return {key: str(value) for key, value in values.items() if value is not None}


def coverage(context: Any, kinds: list[str], exposures: list[Any]) -> list[dict[str, str]]:
    """Return for which modes of some exposures a context has no file of some types.

    Parameters
    ----------
    context : Context
        Whose rules are asked.
    kinds : list of str
        Types of reference files.
    exposures : list of path-like
        Their headers say which modes are in use.

    Returns
    -------
    list of dict
        ``type``, the keywords of the mode, ``reason`` and an ``exposure``; each mode once.
    """
    from hexcal.references.header_cards import read_header

    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for path in exposures:
        header = read_header(str(path))
        mode = {key: str(header.get(key) or "").strip() for key in _SELECTORS}
        for kind in kinds:
            key = (kind, *mode.values())
            if key in rows:
                continue
            reason = _missing(context, header, kind)
            if reason is not None:
                rows[key] = {"type": kind, **{name: value for name, value in mode.items() if value},
                             "reason": reason, "exposure": Path(path).name}  # fmt: skip
    return list(rows.values())


def _missing(context, header, kind):
    """Why a context has no file of a type for an exposure; None if it has one, or the exposure needs none."""
    from hexcal.references.rules import FILE

    try:
        choice = context.choose(header, [kind])[kind]
    except ReferenceError_ as error:
        return error.message
    return None if choice.status == FILE else f"{choice.status}"
