"""Less of what numba does beside compiling kernels: a third of the time of the first run ever.

Nothing here changes what is compiled. What is replaced stands as it was as soon as a kernel is ready.
"""

import contextlib
import functools
import gc
from typing import Any

from numba.core import lowering, targetconfig
from numba.core.types import functions

_known: dict[Any, Any] = {}
"""Function, types of its arguments, options of the compiler -> the function type that was asked, and its answer."""


@contextlib.contextmanager
def quicker():
    """Compile within, by one thread at a time."""
    with contextlib.ExitStack() as stack:
        if gc.isenabled():
            # What is made here lives until the kernel is ready: to look through it again and again finds nothing.
            gc.disable()
            stack.callback(gc.enable)
        for owner, name, value in (
            (functions.Function, "get_call_type", _call_type),
            (targetconfig.TargetConfig, "values", _values),
            # Ways into a function from Python and C: kernels are called by their machine code.
            (lowering.Lower, "create_cpython_wrapper", _nothing),
            (lowering.Lower, "create_cfunc_wrapper", _nothing),
        ):
            stack.callback(_restore, owner, name, vars(owner).get(name))
            setattr(owner, name, value)
        yield


def _restore(owner, name, before):
    if before is None:
        # It was that of a base class.
        delattr(owner, name)
    else:
        setattr(owner, name, before)


_resolve = functions.Function.get_call_type


def _call_type(self, context, args, kws):
    """As numba's: which types a function gives for those of its arguments, but found out once.

    For an addition it tries dozens of ways, in each kernel and, while types are still open, several times.
    """
    key = self, context, args, tuple(sorted(kws.items())), targetconfig.ConfigStack.top_or_none()
    if key not in _known:
        _known[key] = self, _resolve(self, context, args, kws)
    asked, signature = _known[key]
    if asked is not self:
        self._impl_keys[signature.args] = asked._impl_keys[signature.args]
    return signature


def _values(self):
    """As numba's: all options of the compiler, without asking for each; they are compared at every turn."""
    return {**_defaults(type(self)), **self._values}


@functools.cache
def _defaults(kind):
    return {name: option.default for name, option in kind.options.items()}


def _nothing(*_, **__):
    """Stand in for what is left out."""
