"""Libraries that take long to load for how they look for things: loaded with a quicker search.

What stands in for a function gives the same answers, and only while the library is loaded.
"""

import contextlib
import importlib.metadata
import sys
from collections.abc import Mapping
from functools import cache


@contextlib.contextmanager
def for_photutils():
    """Load photutils within: 0.4 s less.

    It asks which distribution it is itself, for which the files of all that is installed are searched.
    """
    if "photutils.segmentation" in sys.modules:
        yield
        return
    search = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = lambda: _Distributions(search)
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = search


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
