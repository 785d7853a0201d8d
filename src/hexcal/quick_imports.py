"""Libraries that take long to load for how they look for things: loaded with a quicker search.

What stands in for a function gives the same answers, and only while the library is loaded.
"""

import contextlib
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Mapping
from functools import cache
from typing import Any


@contextlib.contextmanager
def for_photutils():
    """Load photutils within: a second less.

    It asks which distribution it is itself, for which the files of all that is installed are searched; it loads
    scipy.signal, and with it all of scipy.stats, for a convolution that few need; and to note the versions of all
    libraries in its tables it loads them, matplotlib too.
    """
    if "photutils.segmentation" in sys.modules:
        yield
        return
    search = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = lambda: _Distributions(search)
    signal = _standing_in_for_signal()
    try:
        with for_scipy():
            yield
    finally:
        importlib.metadata.packages_distributions = search
        if sys.modules.get("scipy.signal") is signal:
            del sys.modules["scipy.signal"]
    _note_versions_without_loading()


def _standing_in_for_signal():
    """Put a module with `fftconvolve` in the place of scipy.signal, if that is not loaded; return it, or None."""
    if "scipy.signal" in sys.modules:
        return None
    signal = types.ModuleType("scipy.signal")
    vars(signal)["fftconvolve"] = _fftconvolve
    return sys.modules.setdefault("scipy.signal", signal)


def _fftconvolve(*args, **named):
    from scipy.signal import fftconvolve

    return fftconvolve(*args, **named)


def _note_versions_without_loading():
    """Have photutils look versions up instead of loading what they are of."""
    misc = sys.modules.get("photutils.utils._misc")
    if hasattr(misc, "_get_version_info"):
        vars(misc)["_get_version_info"] = _versions


@cache
def _version(package):
    try:
        return importlib.metadata.version("scikit-image" if package == "skimage" else package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _versions():
    return {"Python": sys.version.split()[0]} | {package: _version(package) for package in _NOTED}


_NOTED = ("photutils", "astropy", "numpy", "scipy", "skimage", "matplotlib", "gwcs", "bottleneck")
"""Packages of which photutils notes the versions."""


class _Distributions(Mapping):
    """Package -> names of the distributions that hold it.

    The one that is named like the package is found without a search.
    """

    def __init__(self, search):
        self._all = cache(search)

    def __getitem__(self, package):
        try:
            named_alike = importlib.metadata.distribution(package)
        except importlib.metadata.PackageNotFoundError:
            return self._all()[package]
        return [named_alike.metadata["Name"]]

    def __iter__(self):
        return iter(self._all())

    def __len__(self):
        return len(self._all())


@contextlib.contextmanager
def for_scipy():
    """Load parts of scipy within: half a second less.

    It takes the documentation of hundreds of functions apart, to add which other libraries of arrays they know; here
    the documentation stays as it is. It takes over all names of numpy, and so loads its tests and its Fortran.
    """
    try:
        documentation: Any = importlib.import_module("scipy._lib._docscrape")
    except ImportError:
        # Another release of scipy keeps it elsewhere: it loads as it always does.
        documentation = None
    real: Any = getattr(documentation, "FunctionDoc", None)
    if real is None or real is _DocAsItIs:
        yield
        return
    documentation.FunctionDoc = _DocAsItIs
    numpy: Any = importlib.import_module("numpy")
    later = {name: _Later(f"numpy.{name}") for name in ("f2py", "testing") if name not in vars(numpy)}
    for name, module in later.items():
        setattr(numpy, name, module)
    try:
        yield
    finally:
        for name, module in later.items():
            if vars(numpy).get(name) is module:
                delattr(numpy, name)
        for name in ("_docscrape", "_array_api", "_util", "deprecation"):
            module = sys.modules.get(f"scipy._lib.{name}")
            if module is not None and vars(module).get("FunctionDoc") is _DocAsItIs:
                vars(module)["FunctionDoc"] = real


class _Later(types.ModuleType):
    """Stands for a module, which is loaded when something of it is asked for."""

    def __getattr__(self, name):
        return getattr(importlib.import_module(self.__name__), name)


class _DocAsItIs(dict):
    """Stands for the documentation of a function, in sections; what is added to one is left out."""

    def __init__(self, function, *_, **__):
        super().__init__()
        self._text = function.__doc__ or ""

    def __missing__(self, section):
        return self.setdefault(section, [])

    def __str__(self):
        # The first line would be the signature.
        return f"\n{self._text}"


@contextlib.contextmanager
def for_tweakwcs():
    """Load modules of tweakwcs that need no WCS within, without the others, which load gwcs."""
    if "tweakwcs" in sys.modules:
        yield
        return
    package: Any = types.ModuleType("tweakwcs")
    spec: Any = importlib.util.find_spec("tweakwcs")
    package.__path__ = list(spec.submodule_search_locations)
    package.__version__ = importlib.metadata.version("tweakwcs")
    sys.modules["tweakwcs"] = package
    try:
        with for_scipy():
            yield
    finally:
        # Who asks for the package itself gets it whole.
        del sys.modules["tweakwcs"]


@contextlib.contextmanager
def for_asdf():
    """Load the extensions of the ASDF library within: it reads the lists of their tags with the slow reader of YAML.

    The fast one gives the same.
    """
    import yaml

    slow, loader = yaml.safe_load, getattr(yaml, "CSafeLoader", None)
    if loader is None:
        yield
        return
    yaml.safe_load = lambda stream: yaml.load(stream, loader)
    try:
        yield
    finally:
        yaml.safe_load = slow
