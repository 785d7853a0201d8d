"""WCSs that members of a container, when they are given back, leave in their files.

Their nodes take much memory, and go; descriptions stay, those of large ones up to a number. The last few objects of
gwcs, which take seconds to make, are kept.
"""

import weakref
from collections import deque

from hexcal.models.stored_wcs import StoredWcs, is_as_read, is_undescribed, is_wcs

_MOST_KEPT = 4
"""Objects of gwcs that are kept: those of four dithers. One of MIRI MRS takes 30 MB, one of NIRSpec IFU 100 MB."""
_SMALL = 100_000
"""Bytes of a file's metadata up to which the description of its WCS always stays: an image's, not a spectrograph's."""
_MOST_DESCRIBED = 32
"""Largest number of spectrographs' descriptions in memory. Most of a description is its map of slices, and exposures
with the same map share it. The first ones stay, since members are asked for in turn.
"""
_DESCRIBED: weakref.WeakSet = weakref.WeakSet()
"""Those that keep the description of a large one."""
_KEPT: deque = deque()
"""References to those that keep one, the oldest first."""


class LeftInFile(StoredWcs):
    """A WCS that was read once, and is read from its file again when it is asked for.

    An object of gwcs that is kept is handed to the first who asks for it, if nobody has changed it in the meantime.

    Parameters
    ----------
    reads : callable
        Returns the StoredWcs.
    held : gwcs.WCS or other form
        The WCS as the model had it.
    size : int
        Bytes that it is read from.
    """

    def __init__(self, reads, held=None, size=0):
        self._reads, self._stored, self._is_undescribed = reads, None, False
        self._kept = None
        if isinstance(held, StoredWcs) and (size <= _SMALL or len(_DESCRIBED) < _MOST_DESCRIBED):
            # While the nodes are here: most steps that combine exposures will ask for it.
            self._kept = held.described()
            if size > _SMALL:
                _DESCRIBED.add(self)
        if is_wcs(held):
            self._object, self._is_undescribed = held, is_undescribed(held)
            _keep(self)

    @property
    def is_unread(self):
        """Whether nobody has asked for its nodes."""
        return self._stored is None

    @property
    def _read_again(self):
        self._stored = self._stored or self._reads()
        return self._stored

    node = property(lambda self: self._read_again.node)
    source = property(lambda self: self._read_again.source)  # pyright: ignore[reportAssignmentType]
    _description = property(lambda self: self._read_again._description)

    def described(self):
        """Return its description, as `StoredWcs`."""
        return None if self._is_undescribed else self._kept or self._read_again.described()

    @property
    def known_description(self):
        """Its description, if it is known without a look into the file; else None."""
        return self._kept or (None if self.is_unread else self._read_again.known_description)

    def let_go(self):
        """Return the object that is kept, and keep it no longer; None if there is none."""
        return vars(self).pop("_object", None)

    def read(self):
        """Return it as an object of gwcs: the one that is kept, else a new one; as `StoredWcs`."""
        held = self.let_go()
        return held if held is not None and is_as_read(held) else super().read()


def is_left_in_file(value):
    """Whether a WCS was left in its file, and nobody has asked for it since."""
    return isinstance(value, LeftInFile) and value.is_unread


def _keep(left):
    """Note that an object is kept; the one that was left longest ago is let go."""
    _KEPT.append(weakref.ref(left))
    while len(_KEPT) > _MOST_KEPT:
        oldest = _KEPT.popleft()()
        if oldest is not None:
            oldest.let_go()
