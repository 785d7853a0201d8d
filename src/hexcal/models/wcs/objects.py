"""Objects of gwcs of the WCSs that stand in one file.

The slits of a product share most of their transforms. The first few WCSs are made one by one, so that nobody waits for
all of them; then the rest are made together, and each shared transform is made only once.
"""

import weakref
from typing import Any

from hexcal.errors import InputError

_ONE_BY_ONE = 3
"""So many are made by themselves."""


class ObjectsOfFile:
    """Makes objects of gwcs of the stored WCSs of a file: each is handed out once, and made anew if asked for again."""

    def __init__(self):
        # Of a WCS that nobody has any more its whole file, which it knows, must not wait until garbage is looked for.
        self._others: Any = weakref.WeakValueDictionary()
        self._ready: dict[int, Any] = {}
        self._made = 0

    def __reduce__(self):
        """Another process makes its own objects."""
        return type(self), ()

    def add(self, stored: Any) -> None:
        """Note a WCS of the file (StoredWcs)."""
        self._others[id(stored.node)] = stored

    def read(self, stored: Any) -> Any:
        """Return what the libraries make of a WCS.

        Raises
        ------
        InputError
            If they cannot read it.
        """
        if self._made >= _ONE_BY_ONE and len(self._others) > 1 and id(stored.node) in self._others:
            self._read_others()
        self._others.pop(id(stored.node), None)
        made = self._ready.pop(id(stored.node), None)
        self._made += made is None
        return _read([stored])[0] if made is None else made

    def _read_others(self):
        others, self._others = dict(self._others), weakref.WeakValueDictionary()
        try:
            self._ready = dict(zip(others, _read(list(others.values())), strict=True))
        except InputError:
            # At least one of them cannot be read: each is then made by itself, and the error comes with that one.
            return


def _read(wcses):
    from hexcal.models import asdf_tree

    content = asdf_tree.to_bytes({"wcs": wcses})
    return asdf_tree.from_bytes_with_library(content, wcses[0].where)["wcs"]
