"""The keywords of a reference file: those that every type must have, their spelling, and the values that are legal."""

import re
from datetime import date

from hexcal.errors import nearest
from hexcal.references.conditioning import condition
from hexcal.references.context import keyword_table
from hexcal.references.dates import parse_date
from hexcal.references.delivery.certify_tables import detector_of, rows_of
from hexcal.references.parkeys import REFTYPE, SPECIAL, USEAFTER

# For an observatory whose tables do not say more.
_REQUIRED = tuple(
    {"path": path, "need": "yes", "meaning": meaning}
    for path, meaning in (
        ("meta.telescope", "the telescope"),
        ("meta.instrument.name", "the instrument"),
        ("meta.reftype", "the type of reference"),
        ("meta.useafter", "the first date for which the file holds, as 2021-03-04T00:00:00"),
    )
)
_HISTORY = ("DOCUMENT", "SOFTWARE", "DATA USED", "DIFFERENCES")
_STRICT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
_SLASHED = re.compile(r"^\d{1,2}[/-]\d{1,2}[/-]\d{2,4}")
_PEDIGREES = ("SIMULATION", "GROUND", "DUMMY", "INFLIGHT")
_SERIAL = re.compile(r"\d{4,}")


def check(subject, result):
    """Note what is wrong with the keywords of a `Subject` in a `Certificate`."""
    table = keyword_table(subject.observatory)
    for row in rows_of(subject.tables, "reference_keywords.tsv") or _REQUIRED:
        parameter = row["path"].upper()
        # An ASDF file does not keep its own name.
        if subject.text(parameter) or (parameter == "META.FILENAME" and not subject.is_fits):
            continue
        if row["need"] == "yes":
            result.error(_keyword(subject, parameter), f"is required ({row['meaning']}), the file has none")
        else:
            result.warn(_keyword(subject, parameter), f"is usual ({row['meaning']}), the file has none")
    reftype = subject.text(REFTYPE).lower()
    if reftype and reftype != subject.reference_type:
        result.error("REFTYPE", f"must be {subject.reference_type.upper()}, it is {reftype.upper()}")
    _useafter(subject, result)
    _pedigree(subject, result)
    _history(subject, result)
    _detector(subject, result)
    _legal(subject, result, table)
    _name(subject, result)


def _keyword(subject, parameter):
    return subject.header.keyword_of(parameter) if subject.is_fits else parameter.lower()


def _useafter(subject, result):
    value, keyword = subject.text(USEAFTER), _keyword(subject, USEAFTER)
    if not value:
        return
    try:
        parsed = parse_date(value)
    except (ValueError, OverflowError) as error:
        result.error(keyword, f"must be a date like 2021-03-04T00:00:00, it is '{value}' ({error})")
        return
    if _SLASHED.search(value):
        # 01/02/2020 is read month first, 01/02/20 day first: no one can know what was meant.
        result.error(
            keyword, f"must be a date like 2021-03-04T00:00:00, it is '{value}' (read as {parsed.isoformat()})"
        )
    elif not _STRICT.fullmatch(value):
        result.warn(keyword, f"should be written {parsed.isoformat()}, it is '{value}'")


def _pedigree(subject, result):
    value, keyword = subject.text("META.PEDIGREE"), _keyword(subject, "META.PEDIGREE")
    if not value:
        return
    word, *dates = value.split()
    if word.upper() not in _PEDIGREES or (dates and word.upper() != "INFLIGHT"):
        result.error(keyword, f"must be one of {', '.join(_PEDIGREES)} (with two dates), it is '{value}'")
        return
    if word != word.upper():
        result.warn(keyword, f"should be in capitals, it is '{word}'")
    if word.upper() == "INFLIGHT":
        try:
            first, last = (date.fromisoformat(text) for text in dates)
        except ValueError:
            result.error(keyword, f"must be INFLIGHT and two dates like 2022-06-05 2022-06-07, it is '{value}'")
            return
        if last < first:
            result.error(keyword, f"must begin with the earlier date, it is '{value}'")


def _history(subject, result):
    entries = subject.model.history or ([] if subject.is_fits else subject.model.tree.get("HISTORY", []))
    entries = [entries] if isinstance(entries, str) else entries
    texts = [str(entry.get("description", "") if isinstance(entry, dict) else entry) for entry in entries]
    everything = " ".join(texts).upper()
    if not everything.strip():
        result.warn("HISTORY", "should say how the file was made, the file has none")
        return
    absent = [word for word in _HISTORY if word not in everything]
    if absent:
        result.warn("HISTORY", f"should say how the file was made; it has no entry for {', '.join(absent)}")


def _detector(subject, result):
    row = detector_of(subject.tables, subject.detector)
    if row is None:
        return
    if subject.instrument and row["instrument"] != subject.instrument:
        result.error(
            "DETECTOR", f"must be one of {subject.instrument}, {subject.detector} belongs to {row['instrument']}"
        )
    for parameter, name in (("META.SUBARRAY.FASTAXIS", "fastaxis"), ("META.SUBARRAY.SLOWAXIS", "slowaxis")):
        value = subject.value(parameter)
        if value is not None and str(value) != row[name]:
            result.warn(
                _keyword(subject, parameter),
                f"is {row[name]} for {subject.detector} in the orientation of science data, the file has {value}",
            )


def _legal(subject, result, table):
    for row in table or ():
        if not row.allowed or row.hdu != "PRIMARY":
            continue
        parameter = row.path.upper()
        given = {row.keyword if subject.is_fits else row.path: subject.value(parameter)}
        pattern = subject.header.pattern_keyword(parameter)
        if pattern is not None:
            given[pattern] = subject.header.pattern(pattern)
        for where, value in given.items():
            for text in str(value).split("|") if value is not None else ():
                _legal_value(text, where, row.allowed, result)


def _legal_value(text, where, allowed, result):
    value = condition(text)
    legal = {condition(known) for known in allowed} | {condition(known) for known in SPECIAL}
    if value and value not in legal:
        guess = nearest(text.strip(), allowed)
        hint = (
            f"; nearest is {guess}"
            if guess
            else f"; allowed values: {', '.join(list(allowed)[:8])}{' ...' if len(allowed) > 8 else ''}"
        )
        result.warn(where, f"'{text.strip()}' is not among the allowed values{hint}")


def _name(subject, result):
    """``jwst_nircam_dark_0042.fits``; a file that is not delivered yet may have any other name."""
    stem = subject.name.split(".")[0].lower()
    parts = stem.split("_")
    if parts[0] != subject.observatory or len(parts) != 4 or not _SERIAL.fullmatch(parts[-1]):
        return
    expected = f"{subject.observatory}_{subject.instrument.lower()}_{subject.reference_type}_{parts[-1]}"
    if subject.instrument and subject.reference_type and stem != expected:
        result.warn("name", f"should be {expected} after INSTRUME and REFTYPE, it is {stem}")
