"""What ``model.name`` means.

Arrays of the layout, attributes that the documents give to a class, and arrays that a user attaches.
"""

import difflib
from typing import Any

import numpy as np

from hexcal.errors import unknown_name
from hexcal.models import meta, stored_wcs
from hexcal.models.contents import Contents
from hexcal.models.layout import Array, ArrayAttribute, TableAttribute

_OWN = {"contents", "specs", "observatory"}

_ALIKE = 0.75
"""From this likeness on, the name of an array that a user attaches is taken for a misspelling: "dta", not "my_mask"."""


class Attributes:
    """Attribute access of `DataModel`.

    A name that neither the class, nor the keyword dictionary, nor the user has declared is refused with the nearest
    right one. An array may be attached under any name that is not a misspelling of a declared one; it is saved in the
    ASDF extension.
    """

    of_tree: tuple = ()
    """Attributes of the class that are kept in the ASDF tree."""
    model_type: Any
    keywords: Any
    contents: Contents
    specs: Any
    metadata_tree: Any
    whole_tree: Any
    set_meta: Any
    get_meta: Any
    row_of: Any
    kinds: Any

    def __setattr__(self, name, value):
        if name in _OWN or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        elif name in self.specs:
            attribute(self.specs[name]).__set__(self, value)
        elif name == "meta":
            self.metadata_tree()["meta"] = dict(value.instance if isinstance(value, meta.Node) else value)
        elif self._is_declared(name):
            self.set_meta(name, value)
        elif name in self.whole_tree() or (isinstance(value, np.ndarray) and not self._is_misspelt(name)):
            self.metadata_tree()[name] = value
        else:
            raise unknown_name("attribute", name, self._names(), where=type(self).__name__)

    def __getattr__(self, name):
        if name.startswith("_") or name in _OWN:
            raise AttributeError(name)
        if hasattr(type(self), name):
            # A property has failed with an AttributeError: this says which, instead of calling the property unknown.
            return object.__getattribute__(self, name)
        if name in self.specs:
            return attribute(self.specs[name]).__get__(self)
        tree = self.metadata_tree()
        if name not in tree:
            tree = self.whole_tree()
        if name in tree:
            tree[name] = stored_wcs.opened(tree[name])
            is_branch = isinstance(tree[name], dict) and self._is_branch(name)
            return meta.Node(self, name) if is_branch else tree[name]
        if self._is_declared(name):
            return meta.Node(self, name) if self._is_branch(name) else None
        raise unknown_name("attribute", name, self._names(), where=type(self).__name__)

    def __delattr__(self, name):
        if name in self.specs:
            setattr(self, name, None)
        elif name in self.whole_tree():
            del self.metadata_tree()[name]
        else:
            raise unknown_name("attribute", name, self._names(), where=type(self).__name__)

    def _is_declared(self, name):
        """Whether a name at the top of the model is known, for this class or one that it extends."""
        return name in self.of_tree or self.row_of(name) is not None or self._is_branch(name)

    def _is_branch(self, name):
        """Whether the keyword dictionary knows something below a name, for this class."""
        return bool(self.keywords.children(name)) and any(
            row.path.startswith(f"{name}.") and self.row_of(row.path) is not None for row in self.keywords
        )

    def _is_misspelt(self, name):
        return bool(difflib.get_close_matches(name, self._names(), 1, _ALIKE))

    def _names(self):
        """Names that a user may have meant."""
        kinds = self.kinds()
        own = [row.path for row in self.keywords if "." not in row.path and not kinds.isdisjoint(row.models)]
        return [*self.specs, "meta", *self.of_tree, *self.metadata_tree(), *own]

    def _extend(self, keywords, arrays):
        """Let this model, and no other, hold further metadata and arrays."""
        if keywords:
            self.contents.keywords = self.keywords.extended(keywords)
            self._read_declared(keywords)
        if arrays:
            self.specs = {**self.specs, **{spec.name: spec for spec in arrays}}

    def _read_declared(self, keywords):
        """Take from the unknown cards of the file those that are known now."""
        self.metadata_tree()
        for row in keywords:
            cards = self.contents.cards.get(row.hdu.upper(), []) if row.keyword else []
            for card in [card for card in cards if card[0] == row.keyword]:
                cards.remove(card)
                if self.get_meta(row.path) is None:
                    self.set_meta(row.path, card[1])


def attribute(spec):
    """Return the descriptor of an array or a table."""
    return ArrayAttribute(spec) if isinstance(spec, Array) else TableAttribute(spec)
