"""The dictionary of header keywords of an observatory: where a value is found in the model and in the file."""

import os
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from hexcal.errors import InputError, ParameterError, unknown_name
from hexcal.observatories.tables import read_table

PRIMARY = "PRIMARY"


class Keyword(NamedTuple):
    """One row of the keyword dictionary: where a value is found in the model and in the file."""

    path: str
    keyword: str
    hdu: str
    type: str
    allowed: tuple
    comment: str
    section: str
    models: tuple


def _split(text):
    return tuple(text.split("|")) if text else ()


class KeywordTable:
    """The keyword dictionary of one observatory, with its look-ups.

    A row that names model classes takes precedence, for these classes, over a row that holds for all; for other classes
    it is the last resort: a card in the right HDU says the same thing in a file of whatever kind.

    Parameters
    ----------
    rows : sequence of Keyword
        In the order of the cards in a header.
    keyword_aliases : dict of str to str, optional
        Old keyword: the keyword now.
    path_aliases : dict of str to str, optional
        Old path: the path now.
    branch_aliases : dict of str to str, optional
        Other name of a branch: the branch whose metadata are meant.
    """

    def __init__(self, rows, keyword_aliases=None, path_aliases=None, branch_aliases=None):
        self.rows = tuple(rows)
        self.keyword_aliases = MappingProxyType(dict(keyword_aliases or {}))
        self.path_aliases = MappingProxyType(dict(path_aliases or {}))
        self.branch_aliases = MappingProxyType(dict(branch_aliases or {}))
        self._by_path = {}
        self._by_card = {}
        self._children = {}
        self._of_hdu = {}
        for row in self.rows:
            self._by_path.setdefault(row.path, []).append(row)
            self._by_card.setdefault((row.keyword, row.hdu.upper()), []).append(row)
        for path in self._by_path:
            # Climb only as far as the branch is new: most rows share their parents.
            while "." in path:
                path, _, name = path.rpartition(".")
                names = self._children.get(path)
                if names is not None:
                    names[name] = None
                    break
                self._children[path] = {name: None}
            else:
                self._children.setdefault("", {})[path] = None

    @classmethod
    def from_folder(cls, folder):
        """Read ``keywords.tsv`` and ``keyword_aliases.tsv`` of a folder; columns: `hexcal.observatories.base`."""
        columns = ("path", "keyword", "hdu", "type", "allowed", "comment", "section", "models")
        rows = [
            Keyword(path, keyword, hdu, kind, _split(allowed), comment, section, _split(models))
            for path, keyword, hdu, kind, allowed, comment, section, models in read_table(
                os.path.join(folder, "keywords.tsv"), columns
            )
        ]
        aliases = {"keyword": {}, "path": {}, "branch": {}}
        filename = os.path.join(folder, "keyword_aliases.tsv")
        if os.path.exists(filename):
            for old, new, kind, _ in read_table(filename, ("old", "new", "kind", "note")):
                if kind not in aliases:
                    raise InputError(
                        f"the kind of an alias must be keyword, path or branch, found {kind!r}", where=filename
                    )
                aliases[kind][old] = new
        return cls(rows, aliases["keyword"], aliases["path"], aliases["branch"])

    def extended(self, rows):
        """Return a dictionary with further rows, which go before those of the same path or card (KeywordTable)."""
        paths = {row.path for row in rows}
        kept = (row for row in self.rows if row.path not in paths)
        return KeywordTable([*rows, *kept], self.keyword_aliases, self.path_aliases, self.branch_aliases)

    def of_branch(self, path):
        """Return the path that is meant by one below the other name of a branch; any other path as it is."""
        for other, branch in self.branch_aliases.items():
            if path == other or path.startswith(f"{other}."):
                return branch + path[len(other) :]
        return path

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)

    def of_path(self, path, model=None):
        """Return the `Keyword` of a dotted path, or None.

        Parameters
        ----------
        path : str
            ``meta.instrument.name``; list numbers as ``items``. An old path is taken for the new one.
        model : str, optional
            Name of the model class; decides between rows for some classes only.
        """
        rows = self._by_path.get(path)
        if rows is None:
            rows = self._by_path.get(self.path_aliases.get(path), ())
        return _choose(rows, model)

    def of_card(self, keyword, hdu=PRIMARY, model=None):
        """Return the `Keyword` of a header card, or None.

        Parameters
        ----------
        keyword : str
            Any case; an old spelling is taken for the new one.
        hdu : str
            EXTNAME in any case, or PRIMARY.
        model : str, optional
            Name of the model class; decides between rows for some classes only.
        """
        keyword, hdu = keyword.upper(), hdu.upper()
        rows = self._by_card.get((keyword, hdu))
        if rows is None:
            rows = self._by_card.get((self.keyword_aliases.get(keyword), hdu), ())
        return _choose(rows, model)

    def of_hdu(self, hdu, model=None):
        """Return the rows of one HDU that hold for a model class, in the order of the cards (tuple of Keyword).

        A path stands in one HDU only per model class: nothing is written twice.
        """
        key = (hdu.upper(), model)
        if key not in self._of_hdu:
            self._of_hdu[key] = tuple(
                row
                for row, is_only_one in self._in_hdu.get(key[0], ())
                if is_only_one or (self.of_card(row.keyword, *key) is row and self.of_path(row.path, model) is row)
            )
        return self._of_hdu[key]

    @cached_property
    def _in_hdu(self):
        """Of each HDU its rows, with whether no other row has the same path or card (dict of str to list).

        These hold for whatever model.
        """
        rows = {}
        for row in self.rows:
            hdu = row.hdu.upper()
            is_only_one = len(self._by_path[row.path]) == len(self._by_card[row.keyword, hdu]) == 1
            is_only_one = is_only_one and row.keyword == row.keyword.upper()
            rows.setdefault(hdu, []).append((row, is_only_one))
        return rows

    def children(self, path=""):
        """Return the names one level below a path (empty tuple: a leaf or unknown)."""
        return tuple(self._children.get(path, ()))

    def is_branch(self, path):
        """Whether something is known below this path, so that it can be asked for attributes."""
        return path in self._children

    def is_known(self, path):
        """Whether the path is a keyword's or a branch: reading it gives None if it is not set."""
        return path in self._by_path or path in self._children or path in self.path_aliases

    def unknown(self, path, where=None):
        """Return (not raise) the exception for a path that is not known, with the nearest right one.

        The nearest name is looked for beside the wrong element first, then among all paths.
        """
        parent, name = "", path
        for element in path.split("."):
            below = f"{parent}.{element}" if parent else element
            if not self.is_known(below):
                name = element
                break
            parent = below
        near = unknown_name("attribute", name, self.children(parent), where=where or parent, error=ParameterError)
        if parent and near.hint and near.hint.startswith("did you mean"):
            return near
        everywhere = [known for known in self._by_path if known.rpartition(".")[2] == path.rpartition(".")[2]]
        if everywhere:
            return ParameterError(near.message, where=near.where, hint=f"did you mean '{everywhere[0]}'?")
        return near


def _choose(rows, model):
    general = None
    for row in rows:
        if not row.models:
            general = general or row
        elif model in row.models:
            return row
    return general or (rows[0] if rows else None)
