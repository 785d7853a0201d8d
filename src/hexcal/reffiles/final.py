"""The final file: individual files joined, with their record, and certified."""

from pathlib import Path
from typing import Any

from hexcal.core.names import make_folder
from hexcal.core.parameters import values_of
from hexcal.models.open import open as open_model
from hexcal.reffiles import record
from hexcal.reffiles.combine import combined


def write_final(final: Path, paths: list[Path], parameters: Any, maker: Any = None) -> None:
    """Join individual files and write the result, with its record.

    Parameters
    ----------
    final : pathlib.Path
        Where.
    paths : list of pathlib.Path
        Individual files.
    parameters : CombineParameters
        How they are joined.
    maker : type, optional
        What has made them.
    """
    from hexcal.core.config import storable

    model = combined([open_model(path) for path in paths], parameters, maker)
    records = [entry for entry in map(record.of_file, paths) if entry is not None]
    if len(paths) > 1:
        _join_history(model, paths)
        if records:
            model.set_meta("provenance", storable(record.joined(paths, records, values_of(parameters))))
    make_folder(final.parent)
    model.save(final)
    entry = record.of_file(final)
    if entry is not None:
        record.write_beside(final, entry)


def is_joined(final: Path, individual: list[Path], parameters: Any) -> bool:
    """Return whether a final file is there as it would be joined now."""
    entry = record.of_file(final) if final.is_file() and newer(final, individual) else None
    if entry is None:
        return False
    if len(individual) == 1:
        return "individual" not in entry
    same = [item["path"] for item in entry.get("individual", ())] == [str(path.resolve()) for path in individual]
    return same and entry["run"].get("combine") == record.as_recorded(values_of(parameters))


def newer(path: Path, sources: Any) -> bool:
    """Return whether a file is newer than all of some others."""
    return all(path.stat().st_mtime_ns >= Path(source).stat().st_mtime_ns for source in sources)


def _join_history(model, paths):
    """The data of all individual files are those of the final one."""
    known = set(map(_text, model.history))
    for path in paths[1:]:
        for entry in open_model(path).history:
            if _text(entry).startswith("DATA USED:") and _text(entry) not in known:
                known.add(_text(entry))
                model.history.append(entry)


def _text(entry: Any) -> str:
    return entry["description"] if isinstance(entry, dict) else str(entry)


def certified(path: Any) -> list[str]:
    """Return what certifying a file finds: errors and warnings."""
    from hexcal import observatories
    from hexcal.references.delivery.certify import certify
    from hexcal.references.header_cards import read_header

    observatory = observatories.of_header(read_header(str(path)), default="jwst")
    findings = certify(str(path), observatory.name).findings
    return [f"{finding.level}: {finding.where}: {finding.text}" for finding in findings]
