"""The one way in which Hexcal compiles a kernel."""

import numba

kernel = numba.njit(nogil=True, cache=True, error_model="numpy")
"""Compile a function: the GIL is released so that bands of rows run in threads; the machine code is kept on disk, so that only the first run pays for it;
a division by zero gives inf or NaN as in numpy. Neither ``fastmath`` nor ``parallel``: the same bits must come out for any number of threads."""


@kernel
def _nothing():
    return 0


def prepare():
    """Load the compiler's run-time support, which takes some tenths of a second, so that the first real kernel does not wait for it."""
    _nothing()
