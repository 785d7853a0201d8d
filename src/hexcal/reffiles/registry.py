"""The makers that there are: Hexcal's own, those of installed packages, and those in files of users."""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from hexcal.errors import HexcalError, InputError, ParameterError, ResourceError, unknown_name
from hexcal.observatories.plugins import entry_points_of, load
from hexcal.reffiles import compat
from hexcal.reffiles.maker import Maker
from hexcal.reffiles.makers import MAKERS

GROUP = "hexcal.reffiles"
ALIASES: dict[str, str] = {"bpm": "mask", "bad_pixel_mask": "mask", "rdnoise": "readnoise"}
"""Names of the original for types of reference files."""


def makers(plugins: Iterable[str] = (), folders: Iterable[str] = ()) -> dict[str, type[Maker]]:
    """Return all makers by label.

    Parameters
    ----------
    plugins : iterable of path-like
        Python files with makers.
    folders : iterable of path-like
        Folders in which every ``mkref_*.py`` is such a file.

    Raises
    ------
    ParameterError
        If two makers have one label, or a file holds none.
    """
    by_label: dict[str, type[Maker]] = {}
    for label, place in MAKERS.items():
        module, _, name = place.partition(":")
        by_label[label] = getattr(importlib.import_module(module), name)
    for point in entry_points_of(GROUP):
        if (maker := _of_package(point)) is not None:
            _add(by_label, maker, point.name)
    files = [*plugins, *(path for folder in folders for path in sorted(Path(folder).glob("mkref_*.py")))]
    for path in files:
        for maker in _in_file(Path(path)):
            _add(by_label, maker, str(path))
    return by_label


@cache
def _of_package(point):
    """The maker of an installed package; None, and a warning, where it cannot be loaded."""
    try:
        return load(point, GROUP, type, "a maker")
    except InputError as error:
        logging.getLogger("hexcal").warning("%s (%s). Its maker is left out.", error.message, error.where)
        return None


def _add(by_label, maker, where):
    if maker.label in by_label:
        raise ParameterError(
            f"two makers are called '{maker.label}'", where=where, hint="give one of them another label"
        )
    by_label[maker.label] = maker


def _in_file(path):
    """The makers that a file defines."""
    if not path.is_file():
        raise ResourceError("the file of a maker does not exist", where=str(path))
    name = f"hexcal_maker_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ParameterError("not a Python file", where=str(path))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except HexcalError:
        raise
    except Exception as error:
        raise ParameterError(f"the maker cannot be loaded: {type(error).__name__}: {error}", where=str(path)) from error
    classes = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == name]
    own = [value for value in classes if issubclass(value, Maker) and value.label]
    own += [compat.as_maker(value, path) for value in classes if issubclass(value, compat.mkrefclass_template)]
    if not own:
        raise ParameterError(
            "the file defines no maker", where=str(path), hint="`hexcal reffiles template NAME` prints one"
        )
    return own


def maker_of(name: str, known: dict[str, type[Maker]], defaults: dict[str, str] | None = None) -> type[Maker]:
    """Return the maker of a label or a type of reference file.

    Parameters
    ----------
    name : str
        A label, a type, or a name of the original for it (bpm, rdnoise).
    known : dict of str to type
        As of `makers`.
    defaults : dict of str to str
        Type -> label of the maker that makes it, where there are several.

    Raises
    ------
    ParameterError
        If there is none; with the nearest name.
    """
    name = (defaults or {}).get(name, ALIASES.get(name, name))
    if name in known:
        return known[name]
    by_type = [maker for maker in known.values() if maker.reference_type == name]
    if not by_type:
        raise unknown_name("maker", name, [*known, *ALIASES], where="hexcal reffiles")
    if len(by_type) > 1:
        raise ParameterError(
            f"several makers make {name}: {', '.join(maker.label for maker in by_type)}",
            hint=f"name one of them, or set default_reflabels: {{{name}: LABEL}}",
        )
    return by_type[0]


def in_order(chosen: Iterable[type[Maker]], selves: dict[str, set[str]] | None = None) -> list[type[Maker]]:
    """Return makers so that each comes after those whose files it uses.

    Parameters
    ----------
    chosen : iterable of type
        Makers.
    selves : dict of str to set of str
        Label -> types of reference files that were made in the same run and are used by it (SELF).

    Raises
    ------
    ParameterError
        If they need each other in a circle, with its members.
    """
    waiting, ordered = sorted(dict.fromkeys(chosen), key=lambda maker: _PLACE.get(maker.label, len(_PLACE))), []
    while waiting:
        types = {maker.reference_type for maker in waiting}
        ready = next(
            (maker for maker in waiting if not (selves or {}).get(maker.label, set()) & types - {maker.reference_type}),
            None,
        )
        if ready is None:
            names = ", ".join(maker.label for maker in waiting)
            raise ParameterError(
                f"each of these needs another one of them first (SELF): {names}",
                where="reffile4ssb",
                hint="take one of the references from CRDS or from a file",
            )
        ordered.append(ready)
        waiting.remove(ready)
    return ordered


_PLACE = {label: place for place, label in enumerate(MAKERS)}
