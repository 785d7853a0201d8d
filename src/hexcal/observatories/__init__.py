"""Observatories: what is particular to one telescope, as data.

`get` returns an `Observatory` by name, `of_header` by the values of TELESCOP and INSTRUME. Other observatories are
added by installing a package with an entry point in the group ``hexcal.observatories`` whose object is an
`Observatory`; a built-in name cannot be taken.
"""

from functools import cache
from importlib import import_module

from hexcal.errors import InputError, unknown_name
from hexcal.observatories.base import Observatory
from hexcal.observatories.keyword_table import Keyword, KeywordTable
from hexcal.observatories.plugins import entry_points_of, load

__all__ = [
    "GROUP",
    "Keyword",
    "KeywordTable",
    "Observatory",
    "entry_points_of",
    "everywhere",
    "get",
    "is_branch_anywhere",
    "is_known_anywhere",
    "names",
    "of_header",
    "owner_of_tables",
    "suffixes",
]

GROUP = "hexcal.observatories"

# Known without looking at the installed packages: searching their entry points costs more than reading a header.
_BUILT_IN = {"jwst": "hexcal.observatories.jwst"}
_BUILT_IN_TELESCOPES = {"JWST": "jwst"}


@cache
def _plugins():
    """Entry points of the group by name, without the built-in names.

    Searched once, since every file that is opened may ask.
    """
    return {point.name: point for point in entry_points_of(GROUP) if point.name not in _BUILT_IN}


def names():
    """Return the names of all observatories, built-in and installed, sorted."""
    return sorted({*_BUILT_IN, *_plugins()})


def everywhere():
    """Yield all observatories, without the plug-ins that cannot be loaded.

    Whoever needs one of these by name is told why.
    """
    for name in names():
        try:
            yield get(name)
        except InputError:
            continue


@cache
def is_known_anywhere(path):
    """Whether some observatory knows a dotted path of metadata: a keyword that the others lack, and no typing error."""
    return any(observatory.keywords.is_known(path) for observatory in everywhere())


@cache
def is_branch_anywhere(path):
    """Whether some observatory knows metadata below a dotted path."""
    return any(observatory.keywords.is_branch(path) for observatory in everywhere())


@cache
def suffixes():
    """Return the suffixes of product names of all observatories (frozenset of str).

    For names of files that nobody has opened yet.
    """
    return frozenset().union(*(observatory.suffixes for observatory in everywhere()))


def get(name):
    """Return an observatory by name.

    Parameters
    ----------
    name : str
        ``"jwst"`` or the name of an installed plug-in, in any case.

    Returns
    -------
    Observatory

    Raises
    ------
    InputError
        If no observatory has this name, or a plug-in cannot be loaded or does not provide an `Observatory`.
    """
    wanted = str(name).lower()
    if wanted in _BUILT_IN:
        return import_module(_BUILT_IN[wanted]).observatory
    plugins = _plugins()
    if wanted not in plugins:
        raise unknown_name("observatory", name, [*_BUILT_IN, *plugins], error=InputError)
    return load(plugins[wanted], GROUP, Observatory, "an Observatory")


def of_header(header, default=None):
    """Return the observatory whose file has this primary header.

    Parameters
    ----------
    header : mapping
        Anything with ``get``, such as an astropy Header; TELESCOP and INSTRUME are read.
    default : str, optional
        Name of the observatory to take when TELESCOP is absent or blank (not when it is unknown) and INSTRUME is that
        of no single observatory.

    Raises
    ------
    InputError
        If TELESCOP is absent and nothing else tells, no observatory has this value, or several have and INSTRUME does
        not decide between them.
    """
    telescope, instrument = (str(header.get(name) or "").strip().upper() for name in ("TELESCOP", "INSTRUME"))
    if telescope in _BUILT_IN_TELESCOPES:
        return get(_BUILT_IN_TELESCOPES[telescope])
    if telescope:
        return _of_telescope(telescope, instrument)
    if default is not None and (not instrument or instrument in _upper(get(default).instruments)):
        return get(default)
    alone = _alone([known for known in everywhere() if instrument in _upper(known.instruments)])
    if alone is not None:
        return alone
    if default is None:
        raise InputError(
            "the keyword TELESCOP is required, it is absent or blank",
            where="primary header",
            hint="set it, for example to 'JWST', or name the observatory",
        )
    return get(default)


def _upper(texts):
    return {text.upper() for text in texts}


def _alone(candidates):
    """The only observatory of several that stands for itself.

    Those that share the tables of another are the same one here; None if there are more.
    """
    owners = [known for known in candidates if known.has_models] or candidates
    return owners[0] if len(owners) == 1 else None


def _of_telescope(telescope, instrument):
    """The observatory with this value of TELESCOP; INSTRUME decides between several."""
    candidates, known, broken = [], list(_BUILT_IN_TELESCOPES), None
    for name in _plugins():
        try:
            observatory = get(name)
        except InputError as error:
            # It matters only if no other plug-in knows the telescope.
            broken = error
            continue
        if telescope in _upper(observatory.all_telescopes):
            candidates.append(observatory)
        known += observatory.all_telescopes
    if not candidates:
        raise broken or unknown_name("value of TELESCOP", telescope, known, where="primary header", error=InputError)
    if len(candidates) > 1:
        of_instrument = [candidate for candidate in candidates if instrument in _upper(candidate.instruments)]
        candidates = of_instrument or candidates
    if len(candidates) > 1:
        names_found = " and ".join(sorted(candidate.name for candidate in candidates))
        raise InputError(
            f"TELESCOP = {telescope} belongs to the observatories {names_found}, "
            f"and INSTRUME = {instrument or 'nothing'} does not tell which",
            where="primary header",
            hint="set INSTRUME",
        )
    return candidates[0]


def owner_of_tables(observatory):
    """Return the observatory whose models and tables an observatory has: itself, or the one whose folder it shares."""
    if observatory.has_models:
        return observatory
    return next(
        (candidate for candidate in everywhere() if candidate.has_models and candidate.folder == observatory.folder),
        observatory,
    )
