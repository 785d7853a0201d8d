"""One observatory of a cache as it is published: its default context, its files and what is known of them."""

import datetime
import os

from hexcal.errors import ReferenceError_, unknown_name
from hexcal.references.cache import ReferenceCache
from hexcal.references.context import Context
from hexcal.references.server.catalog import KINDS, Catalog
from hexcal.references.server.checksums import Checksums

# For so long the list of all files waits for sums that are not known yet; the rest are named as unknown.
_PATIENCE = 5.0
UNKNOWN_SUM = "none"
_LIST_FROM = 200
_MOST_CONTEXTS = 64
FIELDS = ("blacklisted", "filename", "observatory", "rejected", "sha1sum", "size", "state")


class Site:
    """One observatory.

    Parameters
    ----------
    root : path-like
        The cache.
    observatory : str
        Its name in the cache.
    context : str, optional
        The default context; default: that of the cache's server_config if it is there, else the newest.

    Raises
    ------
    ReferenceError_
        If there is no such context.
    """

    def __init__(self, root, observatory, context=None):
        self.root, self.observatory = os.path.realpath(root), observatory
        self._context = self.cache().context_name(context) if context else None
        self.catalog = Catalog(self.root, observatory)
        self.sums = Checksums()
        self._mappings = self.cache()
        self._contexts = {}
        self.default_context()

    def cache(self):
        """Return the cache as it is now (`ReferenceCache`): its configuration may be renewed while it is served."""
        cache = ReferenceCache(self.root, self.observatory)
        # A cache that is served is never written: not even by fetching what it lacks from another server.
        cache.may_fetch = False
        return cache

    def default_context(self):
        """Return the name of the context that is used where none is named (str)."""
        return self._context or self.configured("operational_context") or self.cache().newest()

    def context_name(self, name):
        """Return the name of a context (str) that may be given by what it is.

        As "latest", "operational" (the default one), "edit", "versions", also as "jwst-edit".
        """
        word = name.lower().removeprefix(f"{self.observatory}-")
        if word in ("latest", "operational", "default"):
            return self.default_context()
        if word in ("edit", "versions"):
            return self.configured(f"{word}_context") or self.default_context()
        return self.cache().context_name(name)

    def configured(self, key):
        """Return a context that the cache's server_config names, or None if it names none that is there."""
        name = self.cache().configured(key)
        return name if name and self.catalog.find("mappings", name) else None

    def context(self, name):
        """Return a context by name (`Context`); what has been read and not changed since is not read again."""
        pmap = self.mapping(name)
        known = self._contexts.get(name)
        if known is None or known.pmap is not pmap:
            if len(self._contexts) >= _MOST_CONTEXTS:
                self._contexts.clear()
            known = self._contexts[name] = Context(self._mappings, name)
        return known

    def context_on(self, date):
        """Return the name of the default context of a day (str), by the history in the cache's server_config.

        Parameters
        ----------
        date : datetime.datetime
            Without time zone.

        Raises
        ------
        ReferenceError_
            If the history does not say, or the context is not in the cache.
        """
        from hexcal.references.dates import parse_date

        history = [(parse_date(entry[0]), entry[1]) for entry in self.cache().configured("context_history") or []]
        before = [entry for entry in history if entry[0] <= date]
        if not before:
            raise ReferenceError_(
                f"no default context of {date} is known", where=self.observatory, hint="name a context (.pmap)"
            )
        return self.cache().context_name(max(before)[1])

    def mapping(self, name):
        """Return a mapping by name (`MappingFile`); whether its sum is right is for the client to check."""
        return self._mappings.mapping(name, verify=False)

    def info(self, url):
        """Return what a client is told first (dict).

        Parameters
        ----------
        url : str
            Of this observatory, as the client sees it.
        """
        from hexcal import __version__

        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        cache = self.cache()
        return {
            "observatory": self.observatory,
            "operational_context": self.default_context(),
            "edit_context": self.context_name("edit"),
            "versions_context": self.context_name("versions"),
            "mappings": list(self.catalog.files("mappings")),
            "context_history": cache.configured("context_history") or [],
            "bad_files_list": sorted(cache.withdrawn()),
            "connected": True,
            "force_remote_mode": False,
            "status": "server",
            "server": url,
            "mapping_url": {self.observatory: f"{url}/unchecked_get/mappings/{self.observatory}/"},
            "reference_url": {self.observatory: f"{url}/unchecked_get/references/{self.observatory}/"},
            "crds_version": {"str": f"hexcal {__version__}", "rev": "", "svnurl": ""},
            "last_refreshed": now,
            "last_synced": now,
            "max_bestrefs_per_rpc": 1000,
            "max_headers_per_rpc": 1000,
        }

    def file_info(self, names=None, fields=None):
        """Return facts about files.

        Parameters
        ----------
        names : list of str, optional
            Names that are not there are left out of the result. Default: all files; then a sha1sum that would take long
            to compute is "none".
        fields : list of str, optional
            Some of `FIELDS`; default: all.

        Returns
        -------
        dict of str to dict of str to str

        Raises
        ------
        ParameterError
            If a field is not known.
        """
        for field in fields or ():
            if field not in FIELDS:
                raise unknown_name("field", field, FIELDS, where="get_file_info_map")
        fields = list(FIELDS) if fields is None else fields
        paths = self._all() if names is None else self._named(names)
        if names is None and "sha1sum" in fields:
            self.sums.fill(list(paths.values()), _PATIENCE)
            sum_of = self.sums.remembered
        else:
            sum_of = self.sums.of
        withdrawn, result = self.cache().withdrawn(), {}
        for name, path in paths.items():
            try:
                result[name] = self._facts(name, path, fields, sum_of, withdrawn)
            except FileNotFoundError:
                # Removed since it was listed: it is not there.
                continue
            except OSError as error:
                raise ReferenceError_(f"the file cannot be read: {error.strerror}", where=name) from error
        return result

    def _facts(self, name, path, fields, sum_of, withdrawn):
        known = {
            "filename": lambda: name,
            "observatory": lambda: self.observatory,
            "size": lambda: str(os.stat(path).st_size),
            "sha1sum": lambda: sum_of(path) or UNKNOWN_SUM,
            "blacklisted": lambda: "true" if name in withdrawn else "false",
            "rejected": lambda: "true" if name in withdrawn else "false",
            "state": lambda: "archived",
        }
        return {field: known[field]() for field in fields}

    def _all(self):
        return {name: path for kind in KINDS for name, path in self.catalog.files(kind).items()}

    def _named(self, names):
        if len(names) > _LIST_FROM:
            # The folders are read once, not once for each name.
            everything = self._all()
            return {
                name: everything[name] for name in names if name in everything and os.access(everything[name], os.R_OK)
            }
        infos = {}
        for name in names:
            path = next((path for kind in KINDS if (path := self.catalog.find(kind, name))), None)
            if path is not None:
                infos[name] = path
        return infos
