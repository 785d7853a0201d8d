"""Records of the products that a run saves, for the program that has started it: it need not open them again."""

import contextlib
import contextvars
from typing import Any

_records: contextvars.ContextVar[list[dict[str, Any]] | None] = contextvars.ContextVar(
    "hexcal_saved_records", default=None
)


@contextlib.contextmanager
def collected():
    """Collect the records of all products that are saved inside; yields the list, which grows.

    Each is what `hexcal.core.provenance.Record.as_dict` returned when the product was saved.
    """
    token = _records.set([])
    try:
        yield _records.get()
    finally:
        _records.reset(token)


def note(record: dict[str, Any]) -> None:
    """Note the record of a product that is saved, if somebody collects them."""
    records = _records.get()
    if records is not None:
        records.append(record)
