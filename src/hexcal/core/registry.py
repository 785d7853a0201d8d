"""Find a step or pipeline by alias, class name, dotted class, or parameter file.

Hexcal's own, and those that installed plug-ins bring.
"""

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hexcal import observatories
from hexcal.errors import HexcalError, InputError, ParameterError
from hexcal.observatories.documented import unknown_target
from hexcal.observatories.plugins import load

GROUP = "hexcal.steps"
"""Group of entry points in which a plug-in names its `StepTable`."""
_OURS = ("jwst", "stpipe", "hexcal")
"""First words of dotted classes that stand for classes of Hexcal."""
PARAMETER_FILES = (".asdf", ".cfg")


@dataclass(frozen=True)
class StepTable:
    """The steps and pipelines that a plug-in brings.

    Attributes
    ----------
    observatory : str
        Name of the observatory whose exposures they are for.
    aliases : mapping of str to str
        Name on the command line -> ``"package.module:Class"``.
    originals : tuple of str
        First words of dotted classes that stand for these, such as the package that the plug-in replaces.
    class_names : mapping of str to str
        Other names of classes, of other releases -> alias.
    """

    observatory: str
    aliases: Mapping[str, str]
    originals: tuple[str, ...] = ()
    class_names: Mapping[str, str] | tuple = ()

    def offers(self, source):
        """Return its steps and pipelines (list of `Offer`)."""
        more = dict(self.class_names)
        return [
            Offer(
                alias, place, (place.partition(":")[2], *(name for name in more if more[name] == alias)), self, source
            )
            for alias, place in self.aliases.items()
        ]


@dataclass(frozen=True)
class Offer:
    """One step or pipeline.

    Its alias, where its class is, the names of the class, and who brings it (None and "Hexcal" for Hexcal's own).
    """

    alias: str
    place: str
    class_names: tuple[str, ...]
    table: StepTable | None
    source: str

    @property
    def observatory(self):
        """Name of the observatory that it is for; None: for all."""
        return None if self.table is None else self.table.observatory

    def load(self):
        """Return the class."""
        module, _, name = self.place.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except Exception as error:
            if self.table is None:
                raise
            # Foreign code: whatever is wrong with it, its package is named.
            raise InputError(
                f"'{self.alias}' of {self.source} cannot be loaded: {type(error).__name__}: {error}",
                where=self.place,
                hint="install the plug-in again, or remove it",
            ) from error


@cache
def _plugins():
    """Tables of installed plug-ins, and the errors of those that have none, both by the name of the entry point."""
    tables, broken = {}, {}
    for point in observatories.entry_points_of(GROUP):
        try:
            tables[point.name] = load(point, GROUP, StepTable, "a hexcal.core.StepTable")
        except InputError as error:
            logging.getLogger("hexcal").warning("%s (%s). What it brings cannot be run.", error.message, error.where)
            broken[point.name] = error
    return tables, broken


def plugin_tables():
    """Return the tables of installed plug-ins by the name of their entry point (dict of str to StepTable).

    A plug-in that cannot be loaded is named in the log, once; only who asks for something that nobody else has is
    stopped by it.
    """
    return _plugins()[0]


def _with_broken(error):
    """Return (not raise) the error for something that is not known, with the plug-ins that may have it.

    These are the ones that cannot be loaded.
    """
    broken = list(_plugins()[1].values())
    if not broken:
        return error
    reasons = "; ".join(each.message for each in broken)
    return ParameterError(f"{error.message}; {reasons}", where=broken[0].where, hint=broken[0].hint)


def _built_in():
    """Hexcal's own. The tables belong to the rooms above this one.

    They are read by name, and nothing is imported but the tables.
    """
    tables = (importlib.import_module(f"hexcal.{room}").ALIASES for room in ("pipelines", "steps"))
    return [
        Offer(alias, place, (place.partition(":")[2],), None, "Hexcal")
        for table in tables
        for alias, place in table.items()
    ]


def offers():
    """Return all that there is to run (list of `Offer`): Hexcal's pipelines and steps, then those of plug-ins."""
    return [
        *_built_in(),
        *(offer for name, table in plugin_tables().items() for offer in table.offers(f"the plug-in '{name}'")),
    ]


def aliases():
    """Return {alias: "module:Class"} of Hexcal's own steps and pipelines, pipelines first."""
    return {offer.alias: offer.place for offer in _built_in()}


def find(name, beside=None, inputs=()):
    """Return the class that a word of the command line or a parameter file stands for.

    Parameters
    ----------
    name : str
        An alias (``jump``), a class name (``JumpStep``), or a dotted class. Dotted classes of the original
        (``jwst.jump.JumpStep``) give Hexcal's class of that name; those of the originals that a plug-in names give its
        own.
    beside : path-like, optional
        Folder of the parameter file: a module there may be named too.
    inputs : sequence of str
        Words of the command line. Where plug-ins for two observatories have the name, the first file among them
        decides.

    Raises
    ------
    ParameterError
        If there is none, with the nearest right name; or if two plug-ins have the same name, with both.
    """
    name = _present_name(str(name))
    module, _, last = name.rpartition(".")
    matching = [offer for offer in offers() if _is_called(offer, name, module, last)]
    if all(offer.alias != name for offer in matching):
        # A class may have the name of one of Hexcal's; then the package that is named with it says which is meant.
        matching = [offer for offer in matching if offer.table is None] or matching
    if matching:
        return _chosen(name, matching, inputs).load()
    words = {*_OURS, *(word for table in plugin_tables().values() for word in table.originals)}
    if module and module.split(".")[0] not in words and all(part.isidentifier() for part in name.split(".")):
        return _foreign(module, last, beside)
    raise _with_broken(unknown_target(name, [word for offer in offers() for word in (offer.alias, *offer.class_names)]))


def _is_called(offer, name, module, last):
    if name == offer.alias:
        return True
    first = module.split(".")[0]
    originals = (*_OURS, *(offer.table.originals if offer.table is not None else ()))
    return last in offer.class_names and first in ("", *originals)


def _chosen(name, offers, inputs):
    """The one of several offers that is meant."""
    sources = " and ".join(dict.fromkeys(offer.source for offer in offers))
    known = [offer.observatory for offer in offers]
    if len(offers) == 1:
        return offers[0]
    if None in known or len(set(known)) < len(known):
        raise ParameterError(
            f"'{name}' is the name of a step or pipeline of {sources}",
            hint="rename one of the two, or remove its package",
        )
    observatory = _observatory_of(inputs)
    chosen = [offer for offer in offers if offer.observatory == observatory]
    if not chosen:
        raise ParameterError(
            f"'{name}' is the name of a step or pipeline of {sources}: the input decides, and it is of "
            + (f"the observatory '{observatory}'" if observatory else "no known observatory"),
            hint="name the class with its module",
        )
    return chosen[0]


def _observatory_of(inputs):
    """Name of the observatory of the first file among the words of a command line, or None."""
    from hexcal.core.members import deciding
    from hexcal.models.open import open as open_model

    for word in inputs:
        if not str(word).startswith("-") and os.path.isfile(word) and Path(word).suffix not in PARAMETER_FILES:
            try:
                model = deciding(open_model(word))
            except HexcalError:
                continue
            return observatories.owner_of_tables(model.observatory).name
    return None


def _present_name(name):
    """The name that one of another release stands for, said in the log; any other name as it is."""
    former = importlib.import_module("hexcal.pipelines").FORMER
    present = former.get(name) or former.get(name.rpartition(".")[2] if name.split(".")[0] in _OURS else None)
    if present is not None:
        logging.getLogger("hexcal").warning("%s is the name of %s in another release; it is run", name, present)
    return present or name


def of_former_file(path):
    """Return the alias for a parameter file that former releases brought along (``calwebb_dark.cfg``): it set nothing.

    None if it is the name of none.

    Parameters
    ----------
    path : str
        Name on the command line; of a file that does not exist.
    """
    stem = Path(path).stem
    is_known = stem in aliases() or stem in importlib.import_module("hexcal.pipelines").FORMER
    return stem if Path(path).suffix == ".cfg" and path == Path(path).name and is_known else None


def _module_in(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    loaded = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def _foreign(module, last, beside):
    """A class of the user: importable, or in a module beside the parameter file."""
    try:
        path = Path(beside, f"{module}.py") if beside is not None else None
        if path is not None and path.is_file():
            target = _module_in(path, module)
        else:
            target = importlib.import_module(module)
        target = getattr(target, last)
    except (ImportError, AttributeError) as error:
        raise _with_broken(
            ParameterError(
                f"the class '{module}.{last}' cannot be imported: {error}", hint="`hexcal steps` lists what there is"
            )
        ) from None
    if not hasattr(target, "parameters_class"):
        raise ParameterError(f"'{module}.{last}' is not a step: it must be a subclass of hexcal.step.Step")
    return target
