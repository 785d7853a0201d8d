"""A context of CRDS (.pmap): which reference files belong to an exposure, from its header alone."""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from os import PathLike
from typing import Any

from hexcal.errors import InputError, ReferenceError_, unknown_name
from hexcal.references.cache import ReferenceCache
from hexcal.references.conditioning import UNDEFINED, condition
from hexcal.references.rules import NONE_NEEDED, OMITTED, Choice, Rules, choice_of

INSTRUMENT = "META.INSTRUMENT.NAME"
_NO_RULES = ("N/A", "OMIT")


class Context:
    """One version of all rules.

    Parameters
    ----------
    cache : ReferenceCache
        Where the mappings are.
    name : str, optional
        As in `ReferenceCache.context_name`.

    Attributes
    ----------
    name : str
        Of the .pmap.
    """

    def __init__(self, cache: ReferenceCache, name: str | None = None) -> None:
        self.cache = cache
        self.name = cache.context_name(name)
        top = cache.mapping(self.name, verify=False)
        # A context may declare that the sums of its mappings are not kept up to date.
        self._verify = not top.header.get("ignore_checksum")
        self.pmap = cache.mapping(self.name, self._verify)
        self.instrument_parameter = _first(self.pmap.header.get("parkey"))
        self._imaps = {}
        self._rules = {}
        self._parameters = {}

    # ---- what there is

    def instruments(self) -> Any:
        """Return the names of the instruments, as the context spells them."""
        return list(self.pmap.selector)

    def imap(self, instrument: str) -> Any:
        """Return the mapping of an instrument (`MappingFile`), or None where the context says N/A or OMIT.

        Raises
        ------
        ReferenceError_
            If the context does not know the instrument, or its mapping is missing or corrupt.
        """
        folded = instrument.upper()
        if folded not in self._imaps:
            names = {name.upper(): mapping for name, mapping in self.pmap.selector.items()}
            if folded not in names:
                raise unknown_name("instrument", instrument, self.instruments(), where=self.name, error=ReferenceError_)
            name = names[folded]
            self._imaps[folded] = None if name.upper() in _NO_RULES else self.cache.mapping(name, self._verify)
        return self._imaps[folded]

    def types(self, instrument: str) -> Any:
        """Return the types of references of an instrument, lower case, in the order of its mapping."""
        imap = self.imap(instrument)
        return [name.lower() for name in imap.selector] if imap else []

    def rules(self, instrument: str, reference_type: str) -> Any:
        """Return the rules of a type (`Rules`), or "N/A" or "OMIT".

        Raises
        ------
        ReferenceError_
            If the type is unknown, or its mapping is missing or corrupt.
        """
        key = instrument.upper(), reference_type.lower()
        rules = self._rules.get(key)
        if rules is None:
            imap = self.imap(instrument)
            names = {name.lower(): mapping for name, mapping in imap.selector.items()} if imap else {}
            if key[1] not in names:
                raise unknown_name(
                    "type of reference",
                    reference_type,
                    names,
                    where=f"{instrument} in {self.name}",
                    error=ReferenceError_,
                )
            name = names[key[1]]
            if name.upper() in _NO_RULES:
                rules = name.upper()
            else:
                rules = self.cache.rules(name, self._verify, beside=names.values())
            self._rules[key] = rules
        return rules

    # ---- choosing

    def instrument_of(self, header: Any) -> str:
        """Return the instrument of an exposure.

        Raises
        ------
        InputError
            If the header does not name it.
        """
        # The first contexts of JWST name a parameter that no file has.
        parameters = dict.fromkeys((self.instrument_parameter, INSTRUMENT))
        for value in self.values(header, parameters).values():
            if value not in ("", UNDEFINED):
                return value
        names = [
            name for parameter in parameters for name in (parameter, *keywords_of(self.cache.observatory, parameter))
        ]
        raise InputError(
            "the instrument of the exposure is not known",
            where=" or ".join(names),
            hint="no reference file can be chosen without it"
            if keyword_table(self.cache.observatory)
            else f"no plug-in tells the keywords of the observatory '{self.cache.observatory}'",
        )

    def choose(self, header: Any, types: Iterable[str] | None = None) -> dict[str, Any]:
        """Return what the rules say about each type.

        Parameters
        ----------
        header : mapping
            Values by names of parameters (``META.INSTRUMENT.NAME``) or by FITS keywords (``INSTRUME``), in any case.
        types : iterable of str, optional
            Default: all types of the instrument. Types to be omitted are left out of the result, if they were not asked
            for.

        Returns
        -------
        dict of str to Choice
        """
        header = folded(header)
        instrument = self.instrument_of(header)
        type_names = self.types(instrument) if types is None else [name.lower() for name in types]
        values = self.values(header, self.parameters(instrument, tuple(type_names)))
        choices = {}
        for name in type_names:
            rules = self.rules(instrument, name)
            choice = rules.choose(values) if isinstance(rules, Rules) else choice_of(rules)
            if choice.status != OMITTED:
                choices[name] = choice
            elif types is not None:
                choices[name] = Choice(NONE_NEEDED)
        return choices

    def parameters(self, instrument: str, types: Iterable[str] | None = None) -> Any:
        """Return the parameters that decide about these types (tuple of str), without that of the instrument."""
        types = tuple(self.types(instrument)) if types is None else types
        key = instrument.upper(), types
        if key not in self._parameters:
            all_rules = [self.rules(instrument, name) for name in types]
            self._parameters[key] = tuple(
                dict.fromkeys(name for rules in all_rules if isinstance(rules, Rules) for name in rules.parameters)
            )
        return self._parameters[key]

    def values(self, header: Any, parameters: Iterable[str]) -> dict[str, Any]:
        """Return conditioned values by parameter (dict of str to str) of a header with upper-case keys."""
        values = {}
        for parameter in parameters:
            value = header.get(parameter)
            if value is None:
                for keyword in keywords_of(self.cache.observatory, parameter):
                    value = header.get(keyword)
                    if value is not None:
                        break
            values[parameter] = condition(value)
        return values


def folded(header: Any) -> Mapping[str, Any]:
    """Return a header as one whose keys are asked for in upper case; a `ModelHeader` is one."""
    return {name.upper(): header[name] for name in header} if hasattr(header, "keys") else header


def _first(parkey: Any) -> Any:
    parkey = parkey[0] if isinstance(parkey, tuple | list) and parkey else parkey
    return str(parkey or INSTRUMENT).upper()


@lru_cache(maxsize=4096)
def keywords_of(observatory: str, parameter: str) -> tuple[str, ...]:
    """Return the FITS keywords in which the value of a parameter may stand (tuple of str).

    By the observatory's dictionary of keywords.

    Parameters
    ----------
    observatory : str
        Name; one without a plug-in has no dictionary: then headers must have the names of the parameters.
    parameter : str
        ``META.INSTRUMENT.NAME``.
    """
    table = keyword_table(observatory)
    row = table.of_path(parameter.lower()) if table else None
    if table is None or row is None:
        return ()
    former = [old for old, new in table.keyword_aliases.items() if new == row.keyword]
    return (row.keyword, *former)


@lru_cache(maxsize=16)
def keyword_table(observatory: str) -> Any:
    """Return the dictionary of keywords of an observatory (`KeywordTable`), or None if no plug-in brings one."""
    from hexcal.observatories import get

    try:
        return get(observatory).keywords
    except InputError:
        return None


@lru_cache(maxsize=16)
def _cache(root: str | PathLike[str] | None, observatory: str) -> ReferenceCache:
    return ReferenceCache(root, observatory)


_open = {}


def open_context(
    name: str | None = None, root: str | PathLike[str] | None = None, observatory: str | None = None
) -> Context:
    """Return a context; what has been read and not changed since is not read again.

    Parameters
    ----------
    name, root, observatory : str, optional
        As in `ReferenceCache` and `ReferenceCache.context_name`; default: the environment.

    Returns
    -------
    Context
    """
    place = ReferenceCache(root, observatory)
    cache = _cache(os.path.realpath(place.root), place.observatory)
    name = cache.context_name(name)
    pmap = cache.mapping(name, verify=False)
    known = _open.get((cache.root, cache.observatory, name))
    if known is None or known.pmap is not pmap:
        if len(_open) >= 64:
            _open.clear()
        known = _open[cache.root, cache.observatory, name] = Context(cache, name)
    return known
