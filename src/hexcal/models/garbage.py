"""Trees of many small objects, made without a look for garbage among them."""

import contextlib
import gc
from collections.abc import Iterator

_MOST_TEXT = 2 << 20
"""Bytes of text that trees are made of between two looks for garbage: nodes of a WCS, which take 25 times as much, may
refer to each other, and wait until then.
"""
_made = 0


@contextlib.contextmanager
def not_collected(size: int = 0) -> Iterator[None]:
    """Make something within that lives on: to look through it again and again takes as long as to make it.

    Parameters
    ----------
    size : int
        Bytes of text that it is made of. Garbage is looked for when much was made.
    """
    global _made
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        _made += size
        if _made > _MOST_TEXT:
            _made = 0
            gc.collect()
