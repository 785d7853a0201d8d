"""Arrays that wait in files."""

from pathlib import Path

import numpy as np
import pytest

from hexcal.models.scratch import Scratch, let_go


def resident_kb(address):
    """Kilobytes in memory of the mapping that an address belongs to."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first:
            start, end = (int(part, 16) for part in first.split("-"))
            inside = start <= address < end
        elif inside and first == "Rss:":
            return int(line.split()[1])
    raise LookupError(hex(address))


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="this system does not tell what is in memory")
def test_what_was_read_of_a_mapped_array_is_let_go():
    scratch, values = Scratch(), np.arange(1 << 20, dtype="f4").reshape(1024, 1024)
    mapped = scratch.store("a.npy", values)
    assert np.array_equal(mapped, values)
    address = mapped.ctypes.data
    assert resident_kb(address) > 4000
    let_go(mapped)
    assert resident_kb(address) < 1000
    assert np.array_equal(mapped[100:110], values[100:110])
    scratch.remove()


def test_an_array_in_memory_stays():
    values = np.ones((300, 300))
    let_go(values)
    let_go(values[3:])
    assert (values == 1).all()
