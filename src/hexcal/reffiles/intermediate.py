"""Ramps and rates on the way to reference files: removed when they have served, and made again when they are needed.

The ledger keeps what it knows of them, and says that they were removed on purpose: a run that finds everything else as
it was makes nothing.
"""

import os
from collections.abc import Iterable
from typing import Any

REMOVED = "removed"
"""In the ledger, of a product: it was removed on purpose."""


def remove(book: Any, keys: Iterable[str]) -> tuple[int, int]:
    """Remove the products of pipeline runs.

    Parameters
    ----------
    book : Ledger
        Where the runs are noted.
    keys : iterable of str
        Keys of the runs.

    Returns
    -------
    files : int
        How many were removed.
    size : int
        Their bytes.
    """
    files = size = 0
    for key in keys:
        products = (book.job(key) or {}).get("products") or []
        for product in products:
            if product.get(REMOVED):
                continue
            # Noted before it is gone: killed in between, a run takes it for one that has to be made again, if needed.
            product[REMOVED] = True
            book.end(key, products=products)
            if os.path.isfile(product["path"]):
                size += os.path.getsize(product["path"])
                files += 1
                os.unlink(product["path"])
    return files, size


def make_again(needed: Iterable[Any], runs: dict[Any, Any]) -> None:
    """Have runs done again whose products were removed, with all products that are wanted of them.

    Parameters
    ----------
    needed : iterable of PipelineRun
        Whose products are needed.
    runs : dict of Demand to PipelineRun
        The run that fulfils each demand.
    """
    for run in needed:
        run.reason = run.reason or "its products were removed, and are needed now"
        for demand, server in runs.items():
            step = demand.remaining.order[-1]
            if server is run and step not in {*run.saved, run.demand.remaining.order[-1]}:
                run.saved = [*run.saved, step]


def removed(row: dict[str, Any] | None) -> set[str]:
    """Return the paths of products of a run (its row in the ledger) that were removed on purpose."""
    return {item["path"] for item in (row or {}).get("products") or () if item.get(REMOVED)}
