"""Fill and verify a cache from a server.

The mappings and reference files of contexts, files by name, files of exposures.
"""

import os
import re
from dataclasses import dataclass, field

from hexcal.errors import ReferenceError_, ResourceError, unknown_name
from hexcal.references.cache import ReferenceCache
from hexcal.references.context import Context, folded
from hexcal.references.fetching import fetch
from hexcal.references.fetching.download import difference
from hexcal.references.names import named
from hexcal.references.rules import FILE

_SERIAL = re.compile(r".*_(\d+)\.pmap")


def _serial(bound, serials, where) -> int | None:
    if isinstance(bound, str) and bound not in serials:
        raise unknown_name("context", bound, serials, where=where, error=ReferenceError_)
    return serials[bound] if isinstance(bound, str) else bound


def _parts(observatory):
    return ("mappings", observatory), ("config", observatory, "server_config")


@dataclass
class Synced:
    """What was done.

    Parameters
    ----------
    wanted : int
        Files that should be in the cache.
    items : list of Item
        Those that were missing and that the server has.
    unknown : list of str
        Those that were missing and that the server does not know.
    failures : dict of str to HexcalError
        What failed, by name.
    """

    wanted: int = 0
    items: list = field(default_factory=list)
    unknown: list = field(default_factory=list)
    failures: dict = field(default_factory=dict)

    def add(self, other):
        """Take in what else was done."""
        self.wanted += other.wanted
        self.items += other.items
        self.unknown += other.unknown
        self.failures.update(other.failures)


@dataclass
class Checked:
    """What a check found.

    Parameters
    ----------
    count : int
        Files looked at.
    wrong : dict of str to str
        Name -> what is wrong.
    items : list of Item
        The right ones, to be fetched in their place.
    unknown : list of str
        Files that the server does not know.
    """

    count: int = 0
    wrong: dict = field(default_factory=dict)
    items: list = field(default_factory=list)
    unknown: list = field(default_factory=list)


class Sync:
    """Brings one observatory's part of a cache into line with a server.

    Parameters
    ----------
    cache : ReferenceCache
        To fill.
    source : Remote
        The server.
    dry_run : bool
        Whether nothing is fetched.
    """

    def __init__(self, cache, source, dry_run=False):
        source.require(cache.observatory)
        self.cache, self.source, self.dry_run = cache, source, dry_run
        cache.may_fetch = not dry_run

    @classmethod
    def of(cls, root, observatory, source, scratch):
        """Return a `Sync` for a cache, which is begun if it is not there.

        Parameters
        ----------
        root : str
            Of the cache.
        observatory : str or None
            Default: that of the server.
        source : Remote
            The server.
        scratch : str or None
            Empty folder: then nothing is fetched, and the folder stands for a cache that is not there.

        Raises
        ------
        ResourceError
            If the environment forbids to change the cache.
        """
        observatory = (observatory or source.info()["observatory"]).lower()
        source.require(observatory)
        if scratch is None and fetch.is_readonly():
            raise ResourceError(
                "the cache must be changed to fill it, and it is set to be read only",
                where=f"{root} (CRDS_READONLY_CACHE)",
                hint="unset CRDS_READONLY_CACHE, or give --dry-run",
            )
        is_new = not all(os.path.exists(os.path.join(root, *path)) for path in _parts(observatory))
        if is_new:
            root = scratch or root
            fetch.configure(root, observatory, source)
        return cls(ReferenceCache(root, observatory), source, scratch is not None)

    def finish(self):
        """Take over the server's configuration, once its default context is in the cache.

        Returns
        -------
        bool
            Whether it was taken over: a default context whose rules are not there would be of no use without a network.
        """
        default = self.source.info().get("operational_context")
        is_new = default and default != self.cache.configured("operational_context")
        if is_new and not os.path.isfile(self.cache.mapping_path(default)):
            return False
        fetch.configure(self.cache.root, self.cache.observatory, self.source)
        return True

    # ---- contexts

    def contexts(self):
        """Return the contexts that the server has and that have a serial number, in its order."""
        numbered = [
            (int(match[1]), name) for name in self.source.mappings(".pmap") if (match := _SERIAL.fullmatch(name))
        ]
        return [name for _, name in sorted(numbered)]

    def default(self):
        """Return the default context of the server."""
        name = self.source.info().get("operational_context")
        if not name:
            raise ReferenceError_(
                "the server names no default context", where=self.source.url, hint="name one with --contexts"
            )
        return name

    def newest(self):
        """Return the context of the server with the greatest serial number."""
        contexts = self.contexts()
        if not contexts:
            raise ReferenceError_("the server has no numbered context", where=self.source.url)
        return contexts[-1]

    def between(self, first=None, last=None):
        """Return the server's contexts from one to another.

        Parameters
        ----------
        first, last : str or int, optional
            Name or serial number; default: no bound.
        """
        serials = {name: int(name[:-5].rpartition("_")[2]) for name in self.contexts()}
        low, high = (_serial(bound, serials, self.source.url) for bound in (first, last))
        return [
            name
            for name, serial in serials.items()
            if (low is None or low <= serial) and (high is None or serial <= high)
        ]

    # ---- what should be there

    def mapping_paths(self, names):
        """Return where mappings and all below them belong, as the server tells it: name -> path (dict).

        Parameters
        ----------
        names : list of str
            Of .pmap, .imap or .rmap.
        """
        below = {other for name in names for other in (name, *self.source.mapping_names(name))}
        return {name: self.cache.mapping_path(name) for name in sorted(below)}

    def reference_paths(self, mappings):
        """Return where the reference files of mappings belong: name -> path (dict).

        Parameters
        ----------
        mappings : dict of str to str
            From `mapping_paths`.
        """
        paths = {}
        for name, path in mappings.items():
            if not name.endswith(".rmap"):
                continue
            if self.dry_run and not os.path.isfile(path):
                paths.update({file: self.path_of(file) for file in self.source.reference_names(name)})
                continue
            mapping = self.cache.mapping(name, verify=False)
            instrument = str(mapping.header.get("instrument", ""))
            paths.update({file: self.cache.reference_path(file, instrument) for file in named(mapping)})
        return paths

    def exposure_paths(self, header, context=None):
        """Return where the reference files of an exposure belong: name -> path (dict).

        Mappings that are missing are fetched.

        Parameters
        ----------
        header : mapping
            Of the exposure.
        context : str, optional
            As in `ReferenceCache.context_name`.
        """
        try:
            chosen = Context(self.cache, context)
            instrument = chosen.instrument_of(folded(header))
            names = [choice.name for choice in chosen.choose(header).values() if choice.status == FILE]
        except ReferenceError_ as error:
            if not self.dry_run:
                raise
            raise ReferenceError_(
                f"cannot determine the references of an exposure without the mappings: {error.message}",
                where=error.where,
                hint="fetch the mappings first: `hexcal crds sync`, or do without --dry-run",
            ) from error
        return {name: self.cache.reference_path(name, instrument) for name in names}

    def path_of(self, name):
        """Return where a file belongs, by its name alone (str)."""
        if fetch.is_mapping(name):
            return self.cache.mapping_path(name)
        parts = name.split("_")
        if len(parts) < 3:
            raise ReferenceError_(
                f"cannot tell the instrument of {name} from its name",
                where="--files",
                hint="names are like jwst_nircam_dark_0042.fits or jwst_0541.pmap",
            )
        return self.cache.reference_path(name, parts[1])

    def cached_paths(self):
        """Return all mappings and reference files of the cache: name -> path (dict)."""
        paths = {name: self.cache.mapping_path(name) for name in self.cache.mappings()}
        folder = os.path.join(self.cache.root, "references", self.cache.observatory)
        for above, _, names in os.walk(folder):
            paths.update({name: os.path.join(above, name) for name in names if not name.startswith(".")})
        return paths

    # ---- doing it

    def fill_rules(self, names):
        """Fetch what is missing of mappings and of all below them.

        Parameters
        ----------
        names : list of str
            Of .pmap, .imap or .rmap.

        Returns
        -------
        paths : dict of str to str
            Name -> path of all of them.
        done : Synced
            What was done.
        """
        if self.dry_run:
            paths = self.mapping_paths(names)
            return paths, self.fill(paths)
        paths, done, level = {}, Synced(), names
        while level:
            above = {name: self.cache.mapping_path(name) for name in level}
            paths.update(above)
            done.add(self.fill(above))
            # What is below a mapping that could not be had is not known; that it could not is in `done`.
            there = [name for name, path in above.items() if os.path.isfile(path) and not name.endswith(".rmap")]
            below = {other for name in there for other in named(self.cache.mapping(name, verify=False))}
            level = sorted(below - paths.keys())
        return paths, done

    def fill(self, paths):
        """Fetch what is missing (`Synced`).

        Parameters
        ----------
        paths : dict of str to str
            Name -> where it belongs.
        """
        missing = {name: path for name, path in paths.items() if not os.path.isfile(path)}
        done = Synced(len(paths))
        if missing:
            done.items, done.unknown = fetch.plan(self.source, missing)
            if not self.dry_run:
                done.failures = fetch.fetch_all(done.items, self.source.patience)
        return done

    def check(self, paths, with_sha1=True):
        """Compare files that are in the cache with what the server says of them (`Checked`).

        Parameters
        ----------
        paths : dict of str to str
            Name -> path; those that are not there are left out.
        with_sha1 : bool
            Whether their content is compared, not only their size.
        """
        here = {name: path for name, path in paths.items() if os.path.isfile(path)}
        checked = Checked(len(here))
        items, checked.unknown = fetch.plan(self.source, here)
        for item in items:
            wrong = difference(item, item.path, with_sha1)
            if wrong is not None:
                checked.wrong[item.name] = wrong
                checked.items.append(item)
        return checked

    def repair(self, checked):
        """Fetch the right files in the place of wrong ones, each of which stays until the right one is there.

        Returns
        -------
        dict of str to HexcalError
            What failed, by name.
        """
        return fetch.fetch_all(checked.items, self.source.patience, replace=True)
