"""Choose the reference file of a step by CRDS: from the environment's cache and context, for an open model."""

import os

from hexcal.errors import ReferenceError_
from hexcal.references.cache import observatory_of_exposure
from hexcal.references.conditioning import NOT_APPLICABLE
from hexcal.references.context import open_context
from hexcal.references.environment import is_true
from hexcal.references.header_cards import ModelHeader
from hexcal.references.rules import FILE, NOT_FOUND


def is_configured():
    """Whether the environment says where a cache of reference files is (CRDS_PATH)."""
    return bool(os.environ.get("CRDS_PATH"))


class Chooser:
    """Chooses reference files for one exposure.

    Parameters
    ----------
    model : DataModel
        The exposure.
    context : str, optional
        Default: the environment's CRDS_CONTEXT, else the default of the cache.

    Attributes
    ----------
    context : Context
        ``context.name`` is what a product records as CRDS_CTX.
    """

    def __init__(self, model, context=None):
        self.header = ModelHeader(model)
        observatory = observatory_of_exposure(None, str(self.header.get("TELESCOP") or ""), context)
        self.context = open_context(context, observatory=observatory)

    def has_rules_for(self, reference_type):
        """Whether the context has rules for a type of reference file, or says that it does not apply."""
        known = self.context.types(self.context.instrument_of(self.header))
        return reference_type.lower() in {name.lower() for name in known}

    def choose(self, types):
        """Return type -> `Choice` (dict) for some types."""
        return self.context.choose(self.header, types)

    def find(self, reference_type):
        """Return the path of the reference file of a type, or "N/A" where the type does not apply.

        Raises
        ------
        ReferenceError_
            If no rule fits the exposure, the file is declared unfit for science, or it is not in the cache and cannot
            be fetched.
        """
        choice = self.choose([reference_type])[reference_type.lower()]
        instrument = self.context.instrument_of(self.header)
        where = f"{instrument} in {self.context.name}"
        if choice.status == NOT_FOUND:
            raise ReferenceError_(
                f"no {reference_type} reference: {choice.reason}",
                where=where,
                hint=(
                    f"`hexcal crds explain FILE {reference_type}` shows the rules; "
                    f"override_{reference_type}=FILE does without them"
                ),
            )
        if choice.status != FILE:
            return NOT_APPLICABLE
        check_fit_for_science(self.context.cache, choice.name)
        path = self.context.cache.reference_path(choice.name, instrument)
        if not os.path.isfile(path):
            from hexcal.references.fetching import fetch

            if not fetch.is_possible():
                raise ReferenceError_(
                    f"the {reference_type} reference {choice.name} is not in the cache",
                    where=path,
                    hint=f"{fetch.why_not()}, copy it there, or give override_{reference_type}",
                )
            fetch.bring(self.context.cache, {choice.name: path})
        return path

    def missing(self, types):
        """Return the chosen files of some types that are not in the cache: name -> where they belong (dict)."""
        instrument = self.context.instrument_of(self.header)
        names = [choice.name for choice in self.choose(types).values() if choice.status == FILE]
        paths = {name: self.context.cache.reference_path(name, instrument) for name in names}
        return {name: path for name, path in paths.items() if not os.path.isfile(path)}

    def fetch(self, types):
        """Have the chosen files of some types in the cache.

        What is missing is listed in the log with its size, and fetched together.

        Raises
        ------
        ReferenceError_, ResourceError
            If one of them cannot be had; without a server, with the names of all that are missing.
        """
        missing = self.missing(types)
        for name in missing:
            check_fit_for_science(self.context.cache, name)
        if missing:
            from hexcal.references.fetching import fetch

            fetch.bring(self.context.cache, missing)


def check_fit_for_science(cache, name):
    """Refuse a file that the observatory has withdrawn, unless the environment's CRDS_ALLOW_BAD_REFERENCES allows it.

    Parameters
    ----------
    cache : ReferenceCache
        Its configuration lists withdrawn files.
    name : str
        Of the file.

    Raises
    ------
    ReferenceError_
    """
    if name in cache.withdrawn() and not is_true("CRDS_ALLOW_BAD_REFERENCES"):
        raise ReferenceError_(
            f"the observatory has declared {name} unfit for science",
            where=cache.root,
            hint="use a newer context, or set CRDS_ALLOW_BAD_REFERENCES=1",
        )
