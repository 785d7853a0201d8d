"""The methods that clients call: contexts, mappings, facts about files, and the choice of reference files."""

from hexcal.errors import InputError, ReferenceError_, unknown_name
from hexcal.references.context import folded
from hexcal.references.dates import parse_date
from hexcal.references.names import named
from hexcal.references.rules import FILE, NONE_NEEDED

MOST_NAMES = 100_000
"""Files that one call can ask for: more than the archive of JWST has in one context."""
MOST_TYPES = 1000
"""Types of references, or fields."""
_LONGEST = 1000


class Call:
    """One call of a client. Its public methods are those of the protocol, with the parameters of the protocol.

    Parameters
    ----------
    sites : Sites
        What is published.
    url : str
        Of the server, as the client sees it, without a slash at the end.
    site : Site, optional
        The observatory in whose part of the server the client asks.
    """

    def __init__(self, sites, url, site=None):
        self._sites, self._url = sites, url
        self._site = site or (next(iter(sites.by_name.values())) if len(sites.by_name) == 1 else None)

    def get_server_info(self):
        """Return what a client has to know before anything else.

        Default context, addresses, names of mappings, withdrawn files.
        """
        if self._site is None:
            names = list(self._sites.by_name)
            raise ReferenceError_(
                f"the server has {len(names)} observatories: {', '.join(names)}",
                hint=f"add one to its address: CRDS_SERVER_URL={self._url}/{names[0]}",
            )
        return self._site.info(f"{self._url}/{self._site.observatory}")

    def get_default_context(self, observatory, state="latest"):
        """Return the name of the default context, or another one: `state` is "latest", "edit" or "versions"."""
        return self._sites.of(_text(observatory, "observatory")).context_name(_text(state, "state"))

    def get_mapping_names(self, context):
        """Return the names of all mappings below a .pmap, .imap or .rmap, and its own, sorted."""
        site, name = self._of_mapping(context)
        return sorted(self._below(site, name))

    def get_reference_names(self, context):
        """Return the names of all reference files below a .pmap, .imap or .rmap, sorted."""
        site, name = self._of_mapping(context)
        below = self._below(site, name)
        return sorted({file for mapping in below.values() if mapping for file in named(mapping)} - set(below))

    def get_file_info_map(self, observatory, files=None, fields=None):
        """Return facts about files, or about all files (`Site.file_info`)."""
        site = self._sites.of(_text(observatory, "observatory"))
        return site.file_info(_texts(files, "files", MOST_NAMES), _texts(fields, "fields"))

    def get_file_info(self, observatory, file):
        """Return all that is known of one file (dict of str to str).

        The client may name a context instead of the observatory.
        """
        site = self._sites.of_file(_text(observatory, "observatory")) or self._sites.of(observatory)
        infos = site.file_info([_text(file, "file")])
        if file not in infos:
            raise ReferenceError_(f"{site.observatory} has no file '{file}'")
        return infos[file]

    def get_context_by_date(self, date, observatory):
        """Return the name of the context that was the default on a date, which may stand after the observatory's name.

        "jwst-2019-06-01".
        """
        site = self._sites.of(_text(observatory, "observatory"))
        text = _text(date, "date").removeprefix(f"{site.observatory}-")
        try:
            day = parse_date(text)
        except ValueError as error:
            raise InputError("a date such as 2019-06-01T12:00:00 is required", where=text) from error
        return site.context_on(day)

    def get_best_references(self, context, header, reftypes=None):
        """Return the reference files of an exposure.

        Type -> name, "NOT FOUND n/a" where the type does not apply, or "NOT FOUND " and why.
        """
        site, name = self._of_mapping(context)
        if not isinstance(header, dict):
            raise InputError("a table of keywords and values is required", where="header")
        context, types = site.context(name), _texts(reftypes, "reftypes")
        known = context.types(context.instrument_of(folded(header)))
        # A client may know types that an old context does not: the others are answered all the same.
        unknown = [kind for kind in types or () if kind.lower() not in known]
        known_types = [kind for kind in types if kind not in unknown] if types else None
        answers = {kind: _answer(choice) for kind, choice in context.choose(header, known_types).items()}
        return answers | {kind: f"NOT FOUND unknown type of reference '{kind}'" for kind in unknown}

    def _of_mapping(self, name):
        """Site and full name of a mapping or context, which may be symbolic."""
        name = _text(name, "context")
        site = self._sites.of_file(name) or self._site
        if site is None:
            names = ", ".join(self._sites.by_name)
            raise ReferenceError_(f"no observatory of the server ({names}) has a context '{name}'")
        if not name.endswith((".imap", ".rmap")):
            return site, site.context_name(name)
        if site.catalog.find("mappings", name) is None:
            raise unknown_name("mapping", name, site.catalog.files("mappings"), error=ReferenceError_)
        return site, name

    def _below(self, site, name, known=None):
        """Mappings by name, None for one that others name and the cache lacks: all but what needs it can be used."""
        known = {} if known is None else known
        if name not in known:
            is_there = site.catalog.find("mappings", name) is not None
            known[name] = mapping = site.mapping(name) if is_there else None
            for below in sorted(named(mapping)) if mapping and isinstance(mapping.selector, dict) else ():
                self._below(site, below, known)
        return known


METHODS = tuple(name for name in vars(Call) if not name.startswith("_"))


def _answer(choice):
    if choice.status == FILE:
        return choice.name
    return "NOT FOUND n/a" if choice.status == NONE_NEEDED else f"NOT FOUND {choice.reason}"


def _text(value, name):
    if not isinstance(value, str):
        raise InputError(f"a text is required, got {type(value).__name__}", where=name)
    if len(value) > _LONGEST:
        raise InputError(f"a text of at most {_LONGEST} letters is required, got {len(value)}", where=name)
    return value


def _texts(values, name, most=MOST_TYPES):
    if values is None:
        return None
    if not isinstance(values, list):
        raise InputError("a list of texts is required", where=name)
    if len(values) > most:
        raise InputError(
            f"at most {most} {name} are answered in one call, got {len(values)}",
            where=name,
            hint="ask for them in several calls, or for all at once by leaving them out",
        )
    for value in values:
        _text(value, name)
    return values
