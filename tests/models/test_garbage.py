"""Garbage is not looked for while trees are made."""

import contextlib
import gc

import pytest

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
