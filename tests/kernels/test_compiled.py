"""How kernels are compiled, kept on disk, and called."""

import gc
import math
import subprocess
import sys
import textwrap
import threading
import time
from typing import NamedTuple

import numpy as np
import pytest

from hexcal.kernels import compiling, one_at_a_time, stored
from hexcal.kernels.compiled import borrower, helper, inlined, is_being_compiled, is_on_disk, kernel


@pytest.fixture(autouse=True)
def on_its_own_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    stored.folder.cache_clear()
    yield
    stored.folder.cache_clear()


@pytest.fixture
def only_machine_code(monkeypatch):
    """Nothing may be handed over by numba."""

    def refuse(kernel):
        raise AssertionError(kernel)

    monkeypatch.setattr(compiling, "whole", refuse)


class Image(NamedTuple):
    """Arrays that belong together."""

    data: np.ndarray
    flags: np.ndarray


class Settings(NamedTuple):
    """Numbers that belong together."""

    factor: float
    count: int
    is_on: bool


@inlined
def square(x):
    return x * x


@helper
def add(total, x):
    return total + square(x)


@kernel
def add_rows(first, last, image, settings, shape, out):
    for y in range(first, last):
        total = 0.0
        for x in range(image.data.shape[1]):
            if image.flags[y, x] == 0:
                total = add(total, image.data[y, x])
        out[y] = total * settings.factor + settings.count * (1 if settings.is_on else 100) + shape[0]


def rows(**more):
    data = np.arange(12, dtype=np.float32).reshape(3, 4)
    flags = np.zeros((3, 4), np.uint8)
    flags[1, 1] = 1
    out = np.full(3, -1.0)
    return 1, 3, Image(data, flags), Settings(0.5, 3, True), (7, 8), out


def test_arrays_numbers_and_tuples_of_them_are_handed_over(only_machine_code):
    args = rows()
    add_rows(*args)
    assert list(args[-1]) == [-1.0, 0.5 * (16 + 36 + 49) + 10, 0.5 * (64 + 81 + 100 + 121) + 10]


def test_it_may_be_called_by_name(only_machine_code):
    *args, out = rows()
    add_rows(*args, out=out)
    assert out[1] == 60.5


@kernel
def sum_of(array):
    total = 0.0
    for value in array.flat:
        total += value
    return total


@pytest.mark.parametrize("letter", "bBhHiIlLfd?")
def test_arrays_of_every_layout_and_type(only_machine_code, letter):
    array = np.arange(24).reshape(4, 6).astype(letter)
    fixed = array.copy()
    fixed.flags.writeable = False
    for part in (array, np.asfortranarray(array), array[::2, 1::2], array[:0], array[::-1], fixed):
        assert sum_of(part) == part.sum(dtype=float)


@kernel
def itself(x):
    return x


@pytest.mark.parametrize(
    "number",
    [
        True,
        False,
        3,
        -3,
        2**62,
        0.5,
        math.nan,
        math.inf,
        np.float64(0.25),
        np.float32(0.1),
        np.int32(-7),
        np.uint8(255),
    ],
)
def test_numbers_come_back(number):
    back = itself(number)
    assert back == number or math.isnan(number)
    assert isinstance(back, type(number.item() if isinstance(number, np.generic) else number))


@kernel
def parts_of(x):
    return int(x), x - int(x), x > 0


def test_tuples_of_numbers_come_back(only_machine_code):
    assert parts_of(2.25) == (2, 0.25, True)


@kernel
def first_values(n):
    values = np.zeros(n)
    values[0] = 1
    return values


@kernel
def is_given(x):
    return x is not None


def test_what_only_numba_hands_over_is_left_to_it():
    assert list(first_values(3)) == [1, 0, 0]
    assert [is_given(x) for x in (None, 1, "text")] == [False, True, True]


def test_what_is_left_to_numba_is_left_to_it_by_the_next_process_without_compiling(monkeypatch):
    kernel(first_values.function)(3)
    monkeypatch.setattr(compiling, "machine_code_of", None)
    assert list(kernel(first_values.function)(2)) == [1, 0]


def test_want_of_memory_is_an_error(only_machine_code):
    @kernel
    def take(n):
        return np.zeros(n).size

    with pytest.raises(MemoryError):
        take(2**50)


SOURCE = """
    import math, numpy, sys
    from hexcal.kernels.compiled import kernel
    from helpers import twice

    @kernel
    def twice_and_one(x):
        return twice(x) + 1

    print(twice_and_one(int(sys.argv[1])), "numba" in sys.modules)

    @kernel
    def angle(matrix, x):
        return math.atan2(matrix.reshape(4)[1], x) + math.exp(x)

    angle(numpy.ones((2, 2)), 0.5)
    print("numba" in sys.modules)
"""
HELPER = """
    from hexcal.kernels.compiled import helper

    @helper
    def twice(x):
        return {factor} * x
"""


def test_another_process_takes_it_from_the_disk_and_does_not_load_numba(tmp_path):
    (tmp_path / "use.py").write_text(textwrap.dedent(SOURCE))
    (tmp_path / "helpers.py").write_text(textwrap.dedent(HELPER.format(factor=2)))

    def answer():
        words = [sys.executable, str(tmp_path / "use.py"), "20"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()

    assert answer() == ["41", "True", "True"]
    assert answer() == ["41", "False", "False"]
    (path,) = (tmp_path / "kernels").rglob("use.twice_and_one*.hxk")
    path.write_bytes(path.read_bytes()[:-100])
    assert answer() == ["41", "True", "True"]
    assert answer() == ["41", "False", "False"]


def test_where_nothing_can_be_kept_it_is_compiled_and_nothing_is_left_behind(tmp_path, monkeypatch):
    def fail(self, other):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    assert kernel(itself.function)(3) == 3
    assert not list((tmp_path / "kernels").rglob("*itself*"))


def test_machine_code_of_another_source_is_not_taken(tmp_path, monkeypatch):
    args, fresh = rows(), kernel(add_rows.function)
    fresh(*args)
    (kinds,) = fresh.kinds
    assert is_on_disk(fresh)
    assert stored.read(fresh.function, kinds) is not None
    monkeypatch.setattr(stored, "_stamp", lambda path: (0, 0))
    assert stored.read(fresh.function, kinds) is None
    assert not is_on_disk(fresh)


def test_a_helper_of_another_module_belongs_to_the_source():
    from hexcal.kernels import ramp_fit

    names = {path.rpartition("/")[2] for path in stored._sources(stored._HERE / "ramp_fit.py")}
    assert {"ramp_fit.py", "ramp_fit_segments.py", "ramp_fit_arrays.py"} <= names
    assert ramp_fit.fit_ramps.function.__module__ == "hexcal.kernels.ramp_fit"


def test_with_the_compiler_off_kernels_are_plain_functions(monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")

    def plain(x):
        return x

    assert kernel(plain) is plain
    assert helper(plain) is plain


def test_what_another_process_compiles_is_waited_for_and_taken_from_disk(monkeypatch):
    compile_it, compiled_by, begun = compiling.machine_code_of, [], threading.Event()

    def slowly(a_kernel, *args):
        compiled_by.append(a_kernel)
        begun.set()
        time.sleep(0.3)
        return compile_it(a_kernel, *args)

    monkeypatch.setattr(compiling, "machine_code_of", slowly)
    # Locks of files that are opened twice exclude each other within a process as well.
    first, second = kernel(next_number), kernel(next_number)
    thread = threading.Thread(target=first, args=(1,))
    thread.start()
    begun.wait()
    assert is_being_compiled(second)
    assert second(1) == 2
    thread.join()
    assert compiled_by == [first]
    assert not is_being_compiled(second)
    assert not list(stored.folder().glob("*.lock"))


def test_who_was_stopped_while_compiling_is_not_waited_for_forever(monkeypatch):
    monkeypatch.setattr(one_at_a_time, "PATIENCE", 0.1)
    path = stored.path(next_number, ("i",))
    with one_at_a_time.alone(path), one_at_a_time.alone(path):
        assert one_at_a_time.is_held(path.with_name(f"{path.name}.lock"))


def next_number(x):
    return x + 1


@borrower
def without_first(values):
    return values[1:], 1


@borrower
def sum_of_two(values, more):
    first, _ = values[0], more
    return first + values[1]


@kernel
def second(values):
    return without_first(values)[0][0]


@kernel
def sum_of_scratch(x):
    values = np.empty(3)
    values[:] = x
    return sum_of_two(values[1:], (values, 1))


def test_a_borrower_takes_arrays_and_gives_none_back(only_machine_code):
    assert sum_of_scratch(2.5) == 5.0
    with pytest.raises(Exception, match="without_first is a borrower, and returns an array"):
        second(np.zeros(3))


def test_numba_is_left_as_it_was():
    from numba.core import lowering, targetconfig
    from numba.core.types import functions

    owners = functions.Function, targetconfig.TargetConfig, lowering.Lower
    before = [dict(vars(owner)) for owner in owners]
    kernel(next_number)(1)
    assert [dict(vars(owner)) for owner in owners] == before
    assert gc.isenabled()
