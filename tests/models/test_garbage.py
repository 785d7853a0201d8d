"""Garbage is not looked for while trees are made."""

import contextlib
import gc

import pytest

from hexcal.models import garbage
from hexcal.models.garbage import not_collected


@pytest.mark.parametrize("was_enabled", [True, False])
def test_it_is_looked_for_afterwards_if_it_was_before(was_enabled):
    try:
        if not was_enabled:
            gc.disable()
        with contextlib.suppress(ZeroDivisionError), not_collected():
            assert not gc.isenabled()
            raise ZeroDivisionError
        assert gc.isenabled() == was_enabled
    finally:
        gc.enable()


def test_it_is_looked_for_when_much_was_made(monkeypatch):
    looks = []
    monkeypatch.setattr(garbage, "_made", 0)
    monkeypatch.setattr(garbage.gc, "collect", lambda: looks.append(1))
    for size, expected in ((garbage._MOST_TEXT, 0), (1, 1), (garbage._MOST_TEXT, 1), (1, 2)):
        with not_collected(size):
            pass
        assert len(looks) == expected
