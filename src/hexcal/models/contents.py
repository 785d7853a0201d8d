"""What a model holds, and where the rest of it is: what those that read and write files see of a model."""

import copy
from typing import Any

from hexcal.models.stored_wcs import objects_in, stored


class Contents:
    """The arrays and metadata of a model that are in memory, and the file that has the others.

    Parameters
    ----------
    source : FitsSource, optional
        The FITS file.

    Attributes
    ----------
    arrays : dict
        Arrays and tables by name that were read or set; None for one that was taken away.
    removed : set of str
        HDUs of the file that the model does not have any more.
    version : int
        EXTVER of the extensions that belong to the model.
    container : DataModel or None
        The model of many parts (slits) that the model is a part of.
    file : path or None
        The file that the model was read from, where that is not FITS.
    window : slice, tuple of slice or None
        What the model stands for of its file: some integrations, or some rows and columns.
    tree : dict or None
        Metadata; None before they are asked for.
    is_merged : bool or None
        Whether the tree has what only the ASDF extension knows.
    history : list of str
        HISTORY.
    cards : dict
        Name of an HDU -> header cards that the keyword dictionary does not know (list of Card).
    keywords : Keywords or None
        The keyword dictionary, where this model alone has one.
    """

    __slots__ = (
        *("arrays", "cards", "container", "file", "history", "is_merged"),
        *("keywords", "removed", "source", "tree", "version", "window"),
    )

    def __init__(self, source: Any = None) -> None:
        self.arrays: dict[str, Any] = {}
        self.removed: set[str] = set()
        self.source, self.version = source, 1
        self.tree: Any = None
        self.is_merged: Any = None
        self.history: Any = None
        self.cards: Any = None
        self.keywords: Any = None
        self.container: Any = None
        self.file: Any = None
        self.window: Any = None

    def extension(self, spec: Any) -> Any:
        """Return the extension of the file that holds an array or a table, or None."""
        if self.source is None or spec.hdu in self.removed:
            return None
        return self.source.of(spec, self.version)

    def shared(self) -> "Contents":
        """Return what another model takes over: the same file and metadata, no array."""
        other = Contents(self.source)
        other.version, other.removed, other.keywords = self.version, set(self.removed), self.keywords
        other.tree, other.is_merged, other.history, other.cards = self.tree, self.is_merged, self.history, self.cards
        return other

    def copied(self, tree: Any = None, shares_wcs: bool = False) -> "Contents":
        """Return contents of the same file that change independently, without arrays.

        A copy of the tree may be given. With `shares_wcs`, objects of gwcs are not copied.
        """
        other = self.shared()
        other.file, other.window = self.file, self.window
        if self.tree is not None:
            memo = {id(wcs): wcs for wcs in objects_in(self.tree)} if shares_wcs else {}
            other.tree = copy.deepcopy(self.tree, memo) if tree is None else tree
            other.history = list(self.history)
            other.cards = {name: list(cards) for name, cards in self.cards.items()}
        return other

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """What pickle takes: each WCS as it stands in a file, since not every object of gwcs can be pickled."""
        state = {name: getattr(self, name) for name in self.__slots__}
        objects = list(objects_in(self.tree)) if self.tree else []
        if objects:
            in_files = stored(objects, None)
            memo: dict[int, Any] = dict(zip(map(id, objects), in_files, strict=True))
            state["tree"] = copy.deepcopy(self.tree, memo)
        return None, state

    def copied_arrays(self) -> dict[str, Any]:
        """Return copies of the arrays in memory (dict)."""
        return {name: None if value is None else value.copy() for name, value in self.arrays.items()}
