"""The metadata of a model.

A tree of dicts filled from header cards when first asked for, and from the ASDF extension when it alone knows.
"""

import copy
from collections.abc import Mapping
from typing import Any

from hexcal import observatories
from hexcal.errors import ParameterError
from hexcal.models import asdf_tree, left_wcs, meta, stored_wcs
from hexcal.models.contents import Contents
from hexcal.models.wcs.description import Wcs

_WCS = "meta.wcs"
_OF_ONE_FILE = ("meta.filename", "meta.model_type", "meta.date")


class Metadata:
    """What `DataModel` knows beside its arrays.

    The tree, the history, and header cards that the keyword dictionary does not know.
    """

    model_type: Any
    starts_with: Any
    observatory: Any
    path: Any
    contents: Contents
    specs: Any

    @property
    def meta(self):
        """The metadata tree."""
        return meta.Node(self, "meta")

    @property
    def keywords(self):
        """The keyword dictionary: that of the observatory, with what `extend_schema` has added."""
        return self.contents.keywords or self.observatory.keywords

    @property
    def history(self):
        """Texts of the HISTORY cards: a list to append to."""
        self.metadata_tree()
        return self.contents.history

    @history.setter
    def history(self, texts):
        self.metadata_tree()
        entries = [texts] if isinstance(texts, str | dict) else texts
        self.contents.history[:] = [
            str(entry["description"] if isinstance(entry, dict) else entry) for entry in entries
        ]

    def metadata_tree(self):
        """Return the metadata as nested dicts: what the header cards say."""
        if self.contents.tree is None:
            self.contents.tree, self.contents.history, self.contents.cards = {"meta": {}}, [], {}
            if self.contents.source is not None:
                from hexcal.models import fits_cards

                fits_cards.read_cards(self)
            else:
                for path, value in self.starts_with:
                    self.set_unchecked(path, value)
        return self.contents.tree

    def whole_tree(self):
        """Return the metadata with what only the ASDF extension has; FITS keywords win (nested dicts)."""
        tree = self.metadata_tree()
        if self.contents.is_merged is not None or self.contents.source is None:
            return tree
        from hexcal.models import fits_cards

        if self.contents.container is not None:
            self.contents.is_merged = True
            recorded = self.contents.container.recorded_part(self.contents.version)
            fits_cards.restore_texts(self, recorded)
            meta.merge_below(tree, copy.copy(recorded))
            return tree
        extension = self.contents.source.find("ASDF")
        self.contents.is_merged = True
        if extension is not None:
            content = asdf_tree.from_bytes(
                bytes(self.contents.source.raw_bytes(extension)), str(self.contents.source.path)
            )
            fits_cards.restore_texts(self, content)
            recorded = content.pop("history")
            self.contents.history.extend(text for text in recorded if text not in self.contents.history)
            known = {spec.name for spec in self.specs.values()}
            meta.merge_below(tree, {name: value for name, value in content.items() if name not in known})
        return tree

    def branch(self, path):
        """Return the nested dict at a dotted path (an empty one if nothing is set there)."""
        tree = self.metadata_tree()
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
            Refuse a path that is neither set nor known to the keyword dictionary of any observatory; otherwise it gives
            None. What only another observatory has reads as None: steps for all of them may ask.

        Raises
        ------
        ParameterError
            Also an AttributeError; carries the nearest right name.
        """
        keywords = self.keywords
        path = keywords.of_branch(path)
        value = self.value_at(path)
        if value is not None:
            return value
        if keywords.of_path(path, self.model_type) is not None:
            return None
        if keywords.children(path):
            return meta.Node(self, path)
        self.whole_tree()
        value = self.value_at(path)
        if value is not None or not strict:
            return value
        if observatories.is_branch_anywhere(path):
            return meta.Node(self, path)
        if path != _WCS and not observatories.is_known_anywhere(path):
            raise keywords.unknown(path, where=path.rpartition(".")[0])
        return None

    def leave_wcs_in_file(self):
        """Let go of a WCS that is as it stands in the file of the model; it is read again when it is asked for."""
        source, tree = self.contents.source, self.contents.tree
        held = (tree or {}).get("meta", {}).get("wcs")
        if self.contents.container is not None or source is None:
            return
        if held is None or left_wcs.is_left_in_file(held) or not stored_wcs.is_of_file(held, str(source.path)):
            return

        def stored():
            return source.raw_bytes(source.find("ASDF"))

        def read():
            return asdf_tree.from_bytes(bytes(stored()), str(source.path))["meta"]["wcs"]

        tree["meta"]["wcs"] = left_wcs.LeftInFile(read, held, len(stored()))

    def row_of(self, path):
        """Return the row of the keyword dictionary that holds for a path of this model, or None.

        Below ``meta`` a path means the same in all models; at the top (``order``, ``name``) it belongs to the classes
        that the row names.
        """
        row = self.keywords.of_path(path, self.model_type)
        if row is None or not row.models or path.startswith("meta."):
            return row
        return row if not self.kinds().isdisjoint(row.models) else None

    def kinds(self):
        """Names of the class of this model and of those that it extends (set of str)."""
        return {cls.__dict__["model_type"] for cls in type(self).__mro__ if "model_type" in cls.__dict__}

    def value_at(self, path):
        """Return what is set at a dotted path, without the ASDF extension; None if nothing is."""
        tree: Any = self.metadata_tree()
        branch, name = {}, ""
        for name in path.split("."):
            if not isinstance(tree, dict) or name not in tree:
                return None
            branch, tree = tree, tree[name]
        if isinstance(tree, stored_wcs.StoredWcs | Wcs):
            tree = branch[name] = stored_wcs.opened(tree)
        return meta.Node(self, path) if isinstance(tree, dict) else tree

    def set_meta(self, path, value):
        """Set the value at a dotted path; None removes it. Known keywords are checked for type and allowed values."""
        path = self.keywords.of_branch(path)
        names = path.split(".")
        tree = self.metadata_tree()
        if isinstance(value, meta.Node):
            value = copy.deepcopy(value.instance)
        value = meta.checked(path, value, self.row_of(path))
        if path == _WCS or value is None:
            # What the ASDF extension has must not come back over it.
            self.whole_tree()
        if path == _WCS:
            _require_wcs(value, self.path)
        for name in names[:-1]:
            tree = tree.setdefault(name, {})
        if value is None:
            tree.pop(names[-1], None)
        else:
            tree[names[-1]] = value

    def __getitem__(self, path):
        return getattr(self, path) if path in self.specs else self.get_meta(path, strict=True)

    def __setitem__(self, path, value):
        if path in self.specs:
            setattr(self, path, value)
        else:
            self.set_meta(path, value)

    def find_fits_keyword(self, keyword):
        """List the dotted paths that a FITS keyword stands for."""
        return [entry.path for entry in self.keywords if entry.keyword == keyword]

    def update(self, other, only=None, without=()):
        """Take over metadata.

        Parameters
        ----------
        other : DataModel or dict
            Where from: a model (not its file name and type; its WCS is shared), or nested dicts of metadata and arrays.
        only : str, optional
            "PRIMARY" or another EXTNAME: only keywords of that HDU.
        without : collection of str, optional
            Paths of a model's metadata that are left out, such as "meta.wcs".
        """
        if isinstance(other, Mapping):
            self._update_from_dict(other, only)
            return
        for path, value in meta.walk({"meta": other.whole_tree()["meta"]}):
            if path not in _OF_ONE_FILE and path not in without and self._is_of_hdu(path, only):
                # A WCS is replaced, and never changed: it is shared, since copying it takes seconds.
                self.set_unchecked(path, value if stored_wcs.is_wcs(value) else copy.deepcopy(value))
        self.metadata_tree()
        if only in (None, "PRIMARY"):
            self.contents.cards.setdefault("PRIMARY", []).extend(other.contents.cards.get("PRIMARY", []))
            self.contents.history.extend(text for text in other.history if text not in self.contents.history)

    def _is_of_hdu(self, path, only):
        if only is None:
            return True
        entry = self.keywords.of_path(path)
        return entry is not None and entry.hdu == only

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

    def set_unchecked(self, path, value):
        """Set without checks: values that came from a file are kept as they are."""
        tree = self.metadata_tree()
        *branch, leaf = path.split(".")
        for name in branch:
            tree = tree.setdefault(name, {})
            if not isinstance(tree, dict):
                return
        tree[leaf] = value


def _require_wcs(value, where):
    if value is not None and not (isinstance(value, stored_wcs.StoredWcs | Wcs) or stored_wcs.is_wcs(value)):
        raise ParameterError(
            f"{_WCS} must be an object of gwcs (gwcs.WCS), got {type(value).__name__}",
            where=str(where or "model in memory"),
        )
