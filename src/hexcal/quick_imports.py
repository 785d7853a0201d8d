"""Libraries that take long to load for what Hexcal does not use of them: loaded without it.

What stands in for a part of the standard or another library gives the same answers, and only while the library is
loaded.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def for_photutils():
    """Load photutils within: 0.7 s less.

    It asks which distribution it is itself, for which the files of all that is installed are searched; and it loads the
    whole of ``scipy.signal`` and ``scipy.stats`` for one function that Hexcal does not call.
    """
    if "photutils.segmentation" in sys.modules:
        yield
        return
    search = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = lambda: _Distributions(search)
    signal = None
    if "scipy.signal" not in sys.modules:
        signal = sys.modules["scipy.signal"] = _Signal("scipy.signal")
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = search
        if signal is not None and sys.modules.get("scipy.signal") is signal:
            del sys.modules["scipy.signal"]


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


class _Signal(ModuleType):
    """Stands in for ``scipy.signal``, which is loaded when something of it is used."""

    def __init__(self, name):
        super().__init__(name)
        # The statement that imports from a module asks for its path, and those that look at all modules for its file.
        spec: Any = importlib.util.find_spec(name)
        self.__spec__, self.__file__, self.__path__ = spec, spec.origin, list(spec.submodule_search_locations)

    @staticmethod
    def fftconvolve(*arguments, **named):
        """As in ``scipy.signal``."""
        return _real_signal().fftconvolve(*arguments, **named)

    def __getattr__(self, name):
        return getattr(_real_signal(), name)


def _real_signal() -> Any:
    if isinstance(sys.modules.get("scipy.signal"), _Signal):
        del sys.modules["scipy.signal"]
    return importlib.import_module("scipy.signal")


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
