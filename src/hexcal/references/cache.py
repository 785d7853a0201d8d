"""A reference cache on disk, in the layout of CRDS: where mappings and reference files lie, which contexts there are.

The network is touched only for a mapping or a configuration that is missing, and only if the environment names a server
(`hexcal.references.fetching.fetch`).

::

    CACHE/config/OBSERVATORY/server_config              the default context
    CACHE/config/OBSERVATORY/ref_cache_subdir_mode      "instrument" or "flat"
    CACHE/mappings/OBSERVATORY/*.pmap *.imap *.rmap
    CACHE/references/OBSERVATORY/[INSTRUMENT/]FILE
"""

# Every public signature is typed; what lies behind it need not be.
# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
import re
from collections.abc import Iterable
from os import PathLike
from typing import Any

from hexcal.errors import InputError, ReferenceError_, unknown_name
from hexcal.python_texts import literal
from hexcal.references.environment import is_true
from hexcal.references.mapping_file import check_name, read_mapping
from hexcal.references.rules import Rules

DEFAULT_PATH = "/grp/crds/cache"
_FILE_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*")
_FOLDER_NAME = re.compile(r"[A-Za-z0-9_+-]+")
_SERIAL = re.compile(r".*_(\d+)\.pmap")
_SYMBOLS = {"default": "operational_context", "operational": "operational_context", "edit": "edit_context"}


class ReferenceCache:
    """One observatory's part of a cache.

    Parameters
    ----------
    root : path-like, optional
        The cache; default: the environment's CRDS_PATH, else /grp/crds/cache.
    observatory : str, optional
        Name of the folder under ``mappings``, any case; default: CRDS_OBSERVATORY, else what CRDS_CONTEXT begins with,
        else the only folder there.

    Attributes
    ----------
    may_fetch : bool
        Whether a mapping or configuration that is missing may be fetched, if there is a server.

    Raises
    ------
    ReferenceError_
        If there is no such cache or observatory, or the server does not answer.
    """

    def __init__(self, root: str | PathLike[str] | None = None, observatory: str | None = None) -> None:
        given = root or os.environ.get("CRDS_PATH")
        self.root = os.path.expanduser(os.fspath(given or DEFAULT_PATH))
        if not os.path.isdir(os.path.join(self.root, "mappings")) and not _fetch().is_possible():
            what = "holds no mappings" if os.path.isdir(self.root) else "does not exist"
            raise ReferenceError_(
                f"the cache of reference files {what}",
                where=self.root if given else f"{self.root} (CRDS_PATH is not set)",
                hint=(
                    "set CRDS_PATH to the folder that holds mappings/, references/ and config/, "
                    "or CRDS_SERVER_URL to fill it"
                ),
            )
        self.observatory = self._observatory(observatory)
        self.may_fetch = True
        self._read = {}
        self._rules = {}
        self._withdrawn = None

    def _observatory(self, wanted: str | None) -> str:
        known = observatories(self.root)
        wanted = wanted or os.environ.get("CRDS_OBSERVATORY")
        if not wanted:
            named = observatory_of_name(self.root, os.environ.get("CRDS_CONTEXT", ""))
            if named is not None:
                return named
            if not known and _fetch().is_possible():
                return _fetch().configure(self.root)
            if len(known) != 1:
                raise ReferenceError_(
                    f"the cache has mappings of {len(known)} observatories, one must be named",
                    where=self.root,
                    hint=f"give --observatory, or set CRDS_OBSERVATORY to one of: {', '.join(known)}",
                )
            return known[0]
        if wanted.lower() not in known:
            if _fetch().is_possible():
                return _fetch().configure(self.root, wanted.lower())
            raise unknown_name("observatory", wanted, known, where=self.root, error=ReferenceError_)
        return wanted.lower()

    def _config_path(self, name: str) -> str:
        return os.path.join(self.root, "config", self.observatory, name)

    # ---- mappings

    def mapping_path(self, name: str) -> str:
        """Return where the mapping of a name lies (str), whether or not it is there.

        Raises
        ------
        ReferenceError_
            If it is not the name of a mapping.
        """
        return os.path.join(self.root, "mappings", self.observatory, check_name(name, where=self.root))

    def mapping(self, name: str, verify: bool = True, beside: Iterable[str] = ()) -> Any:
        """Return a mapping (`MappingFile`).

        A file that has not changed is read once, one that is missing is fetched if there is a server.

        Parameters
        ----------
        name : str
            Without folder.
        verify : bool
            Whether its sha1sum must be right. The environment's CRDS_IGNORE_MAPPING_CHECKSUM=1 takes precedence.
        beside : iterable of str
            Names of mappings that will be asked for next: if this one has to be fetched, they come with it.
        """
        path = self.mapping_path(name)
        verify = verify and not is_true("CRDS_IGNORE_MAPPING_CHECKSUM")
        try:
            stat = os.stat(path)
            key = stat.st_mtime_ns, stat.st_size, stat.st_ino
        except FileNotFoundError:
            if _fetch().bring_mapping(self, name, beside):
                return self.mapping(name, verify)
            key = None
        except OSError:
            key = None
        known = self._read.get(name)
        if known is None or known[0] != key or (verify and not known[1]):
            known = self._read[name] = key, verify, read_mapping(path, verify)
        return known[2]

    def rules(self, name: str, verify: bool = True, beside: Iterable[str] = ()) -> Any:
        """Return the rules of an .rmap (`Rules`), made once for a file that has not changed.

        Parameters
        ----------
        name, verify, beside
            As in `mapping`.
        """
        mapping = self.mapping(name, verify, beside)
        known = self._rules.get(name)
        if known is None or known.mapping is not mapping:
            known = self._rules[name] = Rules(mapping)
        return known

    def mappings(self, ending: str = "") -> list[str]:
        """Return the names of the mappings in the cache that end so, sorted."""
        names = os.listdir(os.path.join(self.root, "mappings", self.observatory))
        return sorted(name for name in names if name.endswith(ending or ("map")) and name[-5:-3] in (".p", ".i", ".r"))

    # ---- contexts

    def contexts(self) -> list[str]:
        """Return the names of all contexts (.pmap), sorted."""
        return self.mappings(".pmap")

    def newest(self) -> str:
        """Return the context with the greatest serial number; of an empty cache that of the server, if there is one.

        Raises
        ------
        ReferenceError_
            If none has a serial number.
        """
        numbered = _numbered(self.contexts())
        if not numbered and self.may_fetch and _fetch().is_possible():
            source = _fetch().server()
            source.require(self.observatory)
            numbered = _numbered(source.mappings(".pmap"))
        if not numbered:
            raise ReferenceError_("the cache has no numbered context", where=self.root)
        return max(numbered)[1]

    def context_name(self, name: str | None = None) -> str:
        """Return the name of the context to use.

        Parameters
        ----------
        name : str, optional
            A .pmap; or ``newest``, ``default``, ``edit``, also as ``jwst-latest``, ``jwst-operational``, ``jwst-edit``.
            Default: the environment's CRDS_CONTEXT, else the default of the cache's server_config, else the newest.

        Raises
        ------
        ReferenceError_
            If it is not in the cache.
        """
        chosen: Any = name or os.environ.get("CRDS_CONTEXT")
        where = os.path.join(self.root, "mappings", self.observatory)
        if not chosen:
            chosen = self.configured("operational_context") or self.newest()
            where = f"named as default by {self._config_path('server_config')}"
        word = chosen.lower().removeprefix(f"{self.observatory}-")
        if word in ("newest", "latest"):
            chosen = self.newest()
        if word in _SYMBOLS:
            chosen = self.configured(_SYMBOLS[word])
            if chosen is None:
                raise ReferenceError_(
                    f"the cache does not say which context is '{word}'",
                    where=self._config_path("server_config"),
                    hint=f"name a context; the newest is {self.newest()}",
                )
        is_here = chosen.endswith(".pmap") and os.path.isfile(self.mapping_path(chosen))
        if not is_here and not (chosen.endswith(".pmap") and _fetch().bring_mapping(self, chosen)):
            raise self._unknown_context(chosen, where)
        return chosen

    def _unknown_context(self, name: str, where: str) -> Exception:
        error = unknown_name("context", name, self.contexts(), where=where, error=ReferenceError_)
        if not (self.may_fetch and _SERIAL.fullmatch(name)):
            return error
        # It may well exist, only not here.
        return ReferenceError_(error.message, where, f"{error.hint} Or {_fetch().why_not()}")

    def configured(self, key: str) -> Any:
        """Return one entry of the cache's server_config, or None.

        It is fetched if it is missing and there is a server.

        Raises
        ------
        ReferenceError_
            If the file is there and cannot be understood, or the server does not answer.
        """
        path = self._config_path("server_config")
        if not os.path.exists(path):
            if not (self.may_fetch and _fetch().is_possible()):
                return None
            _fetch().configure(self.root, self.observatory)
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        # The file is long (the whole history), the entry is one short text: it is taken without reading the rest.
        match = re.search(rf"^[ {{]'{re.escape(key)}': '([^'\\]*)',?\}}?$", text, re.MULTILINE)
        if match:
            return match.group(1)
        try:
            return literal(text).get(key)
        except (ValueError, SyntaxError, AttributeError) as error:
            raise ReferenceError_(
                "the configuration of the cache is corrupt", where=path, hint="fetch it again"
            ) from error

    def withdrawn(self) -> Any:
        """Return the names of files that the observatory has declared unfit for science (frozenset)."""
        if self._withdrawn is None:
            try:
                with open(self._config_path("bad_files.txt"), encoding="utf-8") as stream:
                    self._withdrawn = frozenset(stream.read().split())
            except FileNotFoundError:
                self._withdrawn = frozenset()
        return self._withdrawn

    # ---- reference files

    def reference_path(self, name: str, instrument: str) -> str:
        """Return where a reference file lies or would lie (str).

        Parameters
        ----------
        name : str
            Without folder.
        instrument : str
            Any case.

        Raises
        ------
        ReferenceError_
            If the name has a path in it.
        """
        if not _FILE_NAME.fullmatch(name) or ".." in name or not _FOLDER_NAME.fullmatch(instrument):
            raise ReferenceError_(
                f"'{name}' of '{instrument}' is not the name of a reference file",
                where=self.root,
                hint="a name of letters, digits, _ . - +, without folder, blanks or '..'",
            )
        folder = os.path.join(self.root, "references", self.observatory)
        by_instrument = os.path.join(folder, instrument.lower(), name)
        flat = os.path.join(folder, name)
        is_flat = self._mode() == "flat"
        first, second = (flat, by_instrument) if is_flat else (by_instrument, flat)
        return second if not os.path.exists(first) and os.path.exists(second) else first

    def _mode(self) -> Any:
        try:
            with open(self._config_path("ref_cache_subdir_mode"), encoding="utf-8") as stream:
                return stream.read().strip()
        except FileNotFoundError:
            return "instrument"


def _numbered(contexts: Iterable[str]) -> list[tuple[int, str]]:
    return [(int(match.group(1)), name) for name in contexts if (match := _SERIAL.fullmatch(name))]


def _fetch() -> Any:
    # Only where something is missing: what makes up HTTP takes longer to import than all mappings of an exposure to
    # read.
    from hexcal.references.fetching import fetch

    return fetch


def observatories(root: str | PathLike[str] | None = None) -> list[str]:
    """Return the names of the observatories of which a cache has mappings, sorted; none if there is no such cache."""
    folder = os.path.join(os.path.expanduser(root or os.environ.get("CRDS_PATH") or DEFAULT_PATH), "mappings")
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()) if os.path.isdir(folder) else []


def observatory_of_name(root: str | PathLike[str] | None, name: str) -> Any:
    """Return the observatory that the name of a mapping or reference begins with (str), or None."""
    for observatory in observatories(root):
        if re.match(rf"{re.escape(observatory)}[_.-]", name):
            return observatory
    return None


def observatory_of(root: str | PathLike[str] | None, telescope: str) -> Any:
    """Return the name of the folder of mappings for a value of TELESCOP (str), or None.

    Parameters
    ----------
    root : str or None
        As in `ReferenceCache`.
    telescope : str
        Value of TELESCOP; blank: None.

    Raises
    ------
    InputError
        If no observatory has this value.
    """
    telescope = telescope.strip()
    if not telescope:
        return None
    if telescope.lower() in observatories(root):
        return telescope.lower()
    from hexcal.observatories import of_header

    try:
        return of_header({"TELESCOP": telescope}).name
    except InputError as error:
        raise InputError(
            f"the observatory of exposures of {telescope} is not known",
            where="TELESCOP",
            hint="name the observatory with --observatory",
        ) from error


def observatory_of_exposure(root: str | PathLike[str] | None, telescope: str, context: str | None = None) -> Any:
    """Return the name of the folder of mappings for an exposure (str), or None.

    What is said explicitly decides, since several observatories may choose for the exposures of one telescope: what the
    name of the context begins with, else CRDS_OBSERVATORY, else TELESCOP.

    Parameters
    ----------
    root : str or None
        As in `ReferenceCache`.
    telescope : str
        Value of TELESCOP.
    context : str, optional
        Default: the environment's CRDS_CONTEXT.

    Raises
    ------
    InputError
        If only TELESCOP says it, and no observatory has this value; or if nothing says it and the cache has several.
    """
    named = observatory_of_name(root, context or os.environ.get("CRDS_CONTEXT", ""))
    observatory = named or os.environ.get("CRDS_OBSERVATORY") or observatory_of(root, telescope)
    known = observatories(root)
    if observatory is None and len(known) > 1:
        raise InputError(
            f"the file does not name its telescope, and the cache has rules of several: {', '.join(known)}",
            where="TELESCOP",
            hint="name the observatory with --observatory, or in CRDS_OBSERVATORY",
        )
    return observatory
