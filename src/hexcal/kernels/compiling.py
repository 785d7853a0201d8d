"""Compiling kernels by numba: loaded where one is not on disk yet, or has arguments that only numba can hand over."""

import contextlib
import functools
import types
from typing import Any

import numba
from numba import _dynfunc
from numba.core import codegen, compiler_lock, cpu
from numba.core import types as numba_types

from hexcal.kernels.compiled import Helper, Kernel
from hexcal.kernels.machine_code import Code, can_be_called, prepare
from hexcal.kernels.quicker import quicker

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_LETTERS = {"i64": "q", "i32": "i", "i16": "h", "i8": "b", "double": "d", "float": "f"}


def machine_code_of(kernel, kinds, args):
    """Compile a kernel for arguments.

    Parameters
    ----------
    kernel : Kernel
    kinds : tuple
        Kinds of its arguments.
    args : tuple
        Its arguments.

    Returns
    -------
    Code or None
        None if the machine code has arguments or a result that only numba can hand over.
    """
    if not prepare() or any(kind is None for kind in _flat(kinds)):
        return None
    function = _within(kernel)
    with compiler_lock.global_compiler_lock:
        function.targetctx.refresh()
        with quicker(), _without_machine_code():
            signature = tuple(function.typeof_pyval(arg) for arg in args)
            result = function._compiler.compile(signature, None)
            context, described, library = result.target_context, result.fndesc, result.library
            library._ensure_finalized()
        library._optimize_final_module()
        binary = library.codegen._tm.emit_object(library._final_module)
        parts = context.call_conv.get_function_type(described.restype, described.argtypes).args[2:]
    needs = [f.name for f in library._final_module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    is_tuple = isinstance(described.restype, numba_types.UniTuple | numba_types.Tuple)
    results = described.restype.types if is_tuple else [described.restype] * (described.restype != numba_types.none)
    code = Code(
        described.llvm_func_name,
        "".join("P" if str(part).endswith("*") else _LETTERS.get(str(part), "?") for part in parts),
        tuple(str(numba_types.unliteral(kind)) for kind in results),
        is_tuple,
        tuple(needs),
        binary,
    )
    return code if can_be_called(code) else None


@contextlib.contextmanager
def _without_machine_code():
    """Have numba make no machine code within, and optimize nothing.

    It would, of every helper, and of every function of numpy that is called, though they become parts of the kernel
    and are optimized there.
    """
    context, library = cpu.CPUContext, codegen.JITCodeLibrary
    before = context.get_executable, library._optimize_final_module, library._finalize_final_module
    context.get_executable = _without_entry
    library._optimize_final_module, library._finalize_final_module = lambda _: None, _finalize
    try:
        yield
    finally:
        context.get_executable, library._optimize_final_module, library._finalize_final_module = before


def _without_entry(_, library, described, environment):
    # What a call from Python would take: it leads nowhere, and nobody calls it.
    return _dynfunc.make_function(described.lookup_module(), described.qualname, "", 0, environment, (library,))


def _finalize(library):
    library._finalize_dynamic_globals()
    library._verify_declare_only_symbols()
    library._finalized = True


def _flat(kinds):
    for kind in kinds:
        if isinstance(kind, tuple):
            yield from _flat(kind)
        else:
            yield kind


@functools.cache
def whole(kernel):
    """Return a kernel as numba compiles, keeps and calls it."""
    function = _with_parts(kernel)
    try:
        return numba.njit(cache=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    except RuntimeError:
        # There is no folder where numba could keep it.
        return numba.njit(no_cfunc_wrapper=True, **_OPTIONS)(function)


@functools.cache
def part(helper):
    """Return a helper as numba compiles and calls it."""
    return numba.njit(**_OPTIONS)(_with_parts(helper))


@functools.cache
def _within(kernel):
    """Return a kernel or helper as kernels call it: without a way in from Python, which takes long to compile."""
    compiled = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS, **kernel.options)(
        _with_parts(kernel)
    )

    def add_overload(result):
        returned = result.target_context.data_model_manager[result.signature.return_type]
        if kernel.options.get("_nrt") is False and returned.contains_nrt_meminfo():
            raise AssertionError(f"{kernel.function.__qualname__} is a borrower, and returns an array")
        # Without the entry that a call from Python would take: it leads nowhere.
        compiled.overloads[tuple(result.signature.args)] = result

    compiled.add_overload = add_overload
    return compiled


@functools.cache
def _with_parts(kernel):
    """Return the function of a kernel or helper, which finds what numba has made of the helpers that it calls."""
    function = kernel.function
    known = dict(function.__globals__)
    copy = types.FunctionType(function.__code__, known, function.__name__, function.__defaults__, function.__closure__)
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    for name in function.__code__.co_names:
        if isinstance(known.get(name), Helper | Kernel):
            known[name] = _within(known[name])
    return copy


def _without_linear_algebra():
    """Load that part of numba which looks for scipy.linalg, without the look.

    Importing it takes longer than many a kernel, and no kernel needs it.

    A function that uses linear algebra still asks for it when it is compiled.
    """
    from numba.np import linalg

    look = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        from numba.np import arraymath

        arraymath.ensure_blas = look
    finally:
        linalg.ensure_blas = look


_without_linear_algebra()
