"""The metadata of a model: a tree of dicts filled from header cards when first asked for, and from the ASDF extension when it alone knows."""

import copy
from collections.abc import Mapping
from typing import Any

from hexcal import observatories
from hexcal.errors import ParameterError
from hexcal.models import asdf_tree, meta, stored_wcs

_WCS = "meta.wcs"
_OF_ONE_FILE = ("meta.filename", "meta.model_type", "meta.date")


class Metadata:
    """What `DataModel` knows beside its arrays: the tree, the history, and header cards that the keyword dictionary does not know."""

    model_type: Any
    starts_with: Any
    observatory: Any
    _source: Any
    path: Any
    _version: Any
    _container: Any
    _layout: Any
    _tree: Any
    _asdf: Any
    _history: Any
    _extra_cards: Any
    _keywords: Any

    @property
    def meta(self):
        """The metadata tree."""
        return meta.Node(self, "meta")

    @property
    def keywords(self):
        """The keyword dictionary: that of the observatory, with what `extend_schema` has added."""
        return self._keywords or self.observatory.keywords

    @property
    def history(self):
        """Texts of the HISTORY cards: a list to append to."""
        self._metadata()
        return self._history

    @history.setter
    def history(self, texts):
        self._metadata()
        entries = [texts] if isinstance(texts, str | dict) else texts
        self._history[:] = [str(entry["description"] if isinstance(entry, dict) else entry) for entry in entries]

    def _metadata(self):
        if self._tree is None:
            self._tree, self._history, self._extra_cards = {"meta": {}}, [], {}
            if self._source is not None:
                from hexcal.models import fits_cards

                fits_cards.read_cards(self)
            else:
                for path, value in self.starts_with:
                    self._assign(path, value)
        return self._tree

    def _merge_asdf(self):
        """Add what only the ASDF extension has; FITS keywords win."""
        tree = self._metadata()
        if self._asdf is not None or self._source is None:
            return tree
        from hexcal.models import fits_cards

        if self._container is not None:
            self._asdf = True
            recorded = self._container.recorded_part(self._version)
            fits_cards.restore_texts(self, recorded)
            meta.merge_below(tree, copy.copy(recorded))
            return tree
        extension = self._source.find("ASDF")
        self._asdf = True
        if extension is not None:
            content = asdf_tree.from_bytes(bytes(self._source.raw_bytes(extension)), str(self._source.path))
            fits_cards.restore_texts(self, content)
            recorded = content.pop("history")
            self._history.extend(text for text in recorded if text not in self._history)
            known = {spec.name for spec in self._layout.values()}
            meta.merge_below(tree, {name: value for name, value in content.items() if name not in known})
        return tree

    def branch(self, path):
        """Return the nested dict at a dotted path (an empty one if nothing is set there)."""
        tree = self._metadata()
        for name in self.keywords.of_branch(path).split("."):
            tree = tree.get(name, {}) if isinstance(tree, dict) else {}
        return tree if isinstance(tree, dict) else {}

    def get_meta(self, path, strict=False) -> Any:
        """Return the value at a dotted path such as "meta.exposure.group_time".

        Parameters
        ----------
        path : str
            Dotted path below the model.
        strict : bool
            Refuse a path that is neither set nor known to the keyword dictionary of any observatory; otherwise it gives None. What only another
            observatory has reads as None: steps for all of them may ask.

        Raises
        ------
        ParameterError
            Also an AttributeError; carries the nearest right name.
        """
        keywords = self.keywords
        path = keywords.of_branch(path)
        found = self._lookup(path)
        if found is not None:
            return found
        if keywords.of_path(path, self.model_type) is not None:
            return None
        if keywords.children(path):
            return meta.Node(self, path)
        self._merge_asdf()
        found = self._lookup(path)
        if found is not None or not strict:
            return found
        if observatories.is_branch_anywhere(path):
            return meta.Node(self, path)
        if path != _WCS and not observatories.is_known_anywhere(path):
            raise keywords.unknown(path, where=path.rpartition(".")[0])
        return None

    def row_of(self, path):
        """Return the row of the keyword dictionary that holds for a path of this model, or None.

        Below ``meta`` a path means the same in all models; at the top (``order``, ``name``) it belongs to the classes that the row names.
        """
        row = self.keywords.of_path(path, self.model_type)
        if row is None or not row.models or path.startswith("meta."):
            return row
        return row if not self.kinds().isdisjoint(row.models) else None

    def kinds(self):
        """Names of the class of this model and of those that it extends (set of str)."""
        return {cls.__dict__["model_type"] for cls in type(self).__mro__ if "model_type" in cls.__dict__}

    def _lookup(self, path):
        tree: Any = self._metadata()
        branch, name = {}, ""
        for name in path.split("."):
            if not isinstance(tree, dict) or name not in tree:
                return None
            branch, tree = tree, tree[name]
        if isinstance(tree, stored_wcs.StoredWcs):
            tree = branch[name] = tree.read()
        return meta.Node(self, path) if isinstance(tree, dict) else tree

    def set_meta(self, path, value):
        """Set the value at a dotted path; None removes it. Known keywords are checked for type and allowed values."""
        path = self.keywords.of_branch(path)
        names = path.split(".")
        tree = self._metadata()
        if isinstance(value, meta.Node):
            value = copy.deepcopy(value.instance)
        value = meta.checked(path, value, self.row_of(path))
        if path == _WCS:
            # What only the ASDF extension has must not come back over it.
            self._merge_asdf()
            _require_wcs(value, self.path)
        for name in names[:-1]:
            tree = tree.setdefault(name, {})
        if value is None:
            tree.pop(names[-1], None)
        else:
            tree[names[-1]] = value

    def __getitem__(self, path):
        return getattr(self, path) if path in self._layout else self.get_meta(path, strict=True)

    def __setitem__(self, path, value):
        if path in self._layout:
            setattr(self, path, value)
        else:
            self.set_meta(path, value)

    def find_fits_keyword(self, keyword):
        """List the dotted paths that a FITS keyword stands for."""
        return [entry.path for entry in self.keywords if entry.keyword == keyword]

    def update(self, other, only=None):
        """Take over metadata.

        Parameters
        ----------
        other : DataModel or dict
            Where from: a model (not its file name and type), or nested dicts of metadata and arrays.
        only : str, optional
            "PRIMARY" or another EXTNAME: only keywords of that HDU.
        """
        if isinstance(other, Mapping):
            self._update_from_dict(other, only)
            return
        for path, value in meta.walk({"meta": other._merge_asdf()["meta"]}):
            if path not in _OF_ONE_FILE and self._is_of_hdu(path, only):
                self._assign(path, copy.deepcopy(value))
        self._metadata()
        if only in (None, "PRIMARY"):
            self._extra_cards.setdefault("PRIMARY", []).extend(other._extra_cards.get("PRIMARY", []))
            self._history.extend(text for text in other.history if text not in self._history)

    def _is_of_hdu(self, path, only):
        entry = self.keywords.of_path(path)
        return only is None or (entry is not None and entry.hdu == only)

    def _update_from_dict(self, tree, only):
        for name, value in tree.items():
            if isinstance(value, Mapping):
                for path, item in meta.walk({name: value}):
                    if self._is_of_hdu(path, only):
                        self.set_meta(path, copy.deepcopy(item))
            elif name == "history":
                self.history = value
            elif only is None:
                setattr(self, name, value)

    def _assign(self, path, value):
        """Set without checks: values that came from a file are kept as they are."""
        tree = self._metadata()
        *branch, leaf = path.split(".")
        for name in branch:
            tree = tree.setdefault(name, {})
            if not isinstance(tree, dict):
                return
        tree[leaf] = value


def _require_wcs(value, where):
    if value is not None and not (isinstance(value, stored_wcs.StoredWcs) or stored_wcs.is_wcs(value)):
        raise ParameterError(
            f"{_WCS} must be an object of gwcs (gwcs.WCS), got {type(value).__name__}",
            where=str(where or "model in memory"),
        )
