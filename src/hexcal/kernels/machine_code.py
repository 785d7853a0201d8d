"""Calling the machine code of kernels: what numba has compiled is loaded by llvmlite and called through ctypes.

The arguments are those of the functions that numba makes: where the result goes, where a failure is described, then
each argument in its parts. An array has seven and more: two owners (none here: it belongs to the caller, who waits),
its numbers of values and of bytes of one, its address, and for each axis its length and its stride; a tuple has those
of its members.
"""

import ctypes
import functools
import importlib.machinery
import importlib.util
import os
import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np

_NUMBERS = {bool, int, float, *(np.dtype(letter).type for letter in "?bBhHiIlLfd")}
_CTYPES = {
    "P": ctypes.c_void_p,
    "q": ctypes.c_int64,
    "i": ctypes.c_int32,
    "h": ctypes.c_int16,
    "b": ctypes.c_int8,
    "d": ctypes.c_double,
    "f": ctypes.c_float,
}
_RESULTS = {"int64": ctypes.c_int64, "float64": ctypes.c_double, "bool": ctypes.c_bool}
_LARGEST_INT = 2**63
_SUCCESS = (0, -2)
"""What a function returns when all is well; with -2 it has no result."""


class Code(NamedTuple):
    """The machine code of a kernel for arguments of one kind."""

    entry: str
    """Name of the function in the object file."""
    arguments: str
    """A letter of `_CTYPES` for each part of the arguments."""
    results: tuple[str, ...]
    """Names of `_RESULTS`."""
    is_tuple: bool
    """Whether what it returns is a tuple of them, even if there is but one."""
    needs: tuple[str, ...]
    """Functions that it calls and does not contain."""
    binary: bytes
    """An object file."""


LEFT_TO_NUMBA = Code("", "", (), False, (), b"")
"""Of a kernel that has arguments or a result that only numba can hand over."""


def taken_apart(args, values):
    """Take arguments apart.

    Parameters
    ----------
    args : tuple
        Arguments of a kernel.
    values : list
        Gets their parts.

    Returns
    -------
    tuple
        Kinds of the arguments, hashable; the machine code depends on nothing else. None of an argument that only numba
        knows how to hand over.
    """
    return tuple([_kind(arg, values) for arg in args])


def _kind(arg, values):
    kind = type(arg)
    if kind is np.ndarray:
        flags = arg.flags
        values += (None, None, arg.size, arg.itemsize, arg.__array_interface__["data"][0], *arg.shape, *arg.strides)
        layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"
        return arg.dtype, arg.ndim, layout, flags.writeable, flags.aligned
    if kind in _NUMBERS:
        value = arg if kind in (float, int) else arg.item() if kind is not bool else int(arg)
        if kind is int and not -_LARGEST_INT <= arg < _LARGEST_INT:
            return None
        values.append(value)
        return kind
    if isinstance(arg, tuple):
        return kind, tuple([_kind(member, values) for member in arg])
    return None


def can_be_called(code):
    """Whether all is there that machine code needs."""
    return (
        set(code.results) <= _RESULTS.keys()
        and set(code.arguments) <= _CTYPES.keys()
        and prepare()
        and all(_address_of(name) for name in code.needs)
    )


def way(code):
    """Return ``call(args, values)`` for machine code; None if it cannot be called here."""
    if not can_be_called(code):
        return None
    llvm = _llvm()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    # One engine for each: functions of the same name in two object files are not the same.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code.binary))
    engine.finalize_object()
    parts = [_CTYPES[letter] for letter in code.arguments]
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *parts)
    function = kind(engine.get_function_address(code.entry))
    fields = [(f"part_{i}", _RESULTS[name]) for i, name in enumerate(code.results)]
    result = type("Result", (ctypes.Structure,), {"_fields_": fields})
    return functools.partial(_call, engine, function, result, code.is_tuple)


def _call(engine, function, kind, is_tuple, args, values):
    # The engine and the arrays are arguments so that they live as long as the call.
    result, failure = kind(), ctypes.c_void_p()
    status = function(ctypes.addressof(result), ctypes.addressof(failure), *values)
    if status not in _SUCCESS:
        raise _error(status, failure.value)
    results = tuple([getattr(result, name) for name, _ in kind._fields_])
    return results if is_tuple else results[0] if results else None


class _Failure(ctypes.Structure):
    """How numba describes an exception."""

    _fields_ = (
        ("pickled", ctypes.c_void_p),
        ("size", ctypes.c_int32),
        ("further", ctypes.c_void_p),
        ("unwrap", ctypes.c_void_p),
        ("is_dynamic", ctypes.c_int32),
    )


def _error(status, address):
    if status > 0 and address:
        failure = _Failure.from_address(address)
        if not failure.is_dynamic:
            kind, words, *_ = pickle.loads(ctypes.string_at(failure.pickled, failure.size))
            return kind(*(words or ()))
    return RuntimeError(f"a kernel ended with status {status}")


@functools.cache
def _llvm():
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # From the first engine on the functions of the process are known, those of C and its mathematics.
    llvm.create_mcjit_compiler(llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine())
    return llvm


@functools.cache
def machine():
    """What machine code depends on beside its source: processor, versions of the compiler, its settings."""
    import llvmlite

    llvm = _llvm()
    settings = [f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.startswith("NUMBA_")]
    return "\n".join(
        (
            llvm.get_process_triple(),
            llvm.get_host_cpu_name(),
            llvm.get_host_cpu_features().flatten(),
            llvmlite.__version__,
            (_numba_folder() / "_version.py").read_text(),
            *(setting for setting in settings if not setting.startswith("NUMBA_CACHE_DIR=")),
        )
    )


def _numba_folder():
    # numba is found, not loaded.
    return Path(importlib.util.find_spec("numba").origin).parent


@functools.cache
def prepare():
    """Load what machine code calls; returns whether that has worked."""
    # Elsewhere the mathematical functions have other names, which numba knows.
    return os.name == "posix" and all(_load(name, prefix) for name, prefix in _EXTENSIONS.items())


_EXTENSIONS = {"numba.core.runtime._nrt_python": "NRT_", "numba._helperlib": "numba_"}
"""Modules of numba in C -> how the machine code calls their functions."""


def _load(name, prefix):
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        path = _numba_folder().parent / f"{name.replace('.', '/')}{suffix}"
        if path.exists():
            # Under the name that it has in numba: it is the same module if numba is loaded later.
            loader = importlib.machinery.ExtensionFileLoader(name, str(path))
            module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
            loader.exec_module(module)
            for function, address in module.c_helpers.items():
                _llvm().add_symbol(f"{prefix}{function}", address)
            return True
    return False


def _address_of(name):
    return _llvm().address_of_symbol(name)
