"""A member of a container: a model, or the file that it is read from, that is borrowed and given back."""

import itertools
from collections.abc import Collection
from pathlib import Path
from typing import Any

from hexcal.errors import InputError
from hexcal.models.datamodel import DataModel
from hexcal.models.scratch import Scratch

_NUMBERS = itertools.count()


class Member:
    """One model of a container, and what the association says of it.

    Parameters
    ----------
    source : path-like or DataModel
        Where it comes from.
    record : dict
        Its entry in the association.
    product : int
        Position of the product of the association that it belongs to.

    Attributes
    ----------
    path : pathlib.Path or None
        The file of the member.
    model : DataModel or None
        The member, once it was asked for. While it is given back, its large arrays lie in files.
    """

    def __init__(self, source: Any, record: dict, product: int = 0):
        self.record, self.product = record, product
        self.path: Path | None = None if isinstance(source, DataModel) else Path(source)
        self.model: DataModel | None = source if isinstance(source, DataModel) else None
        self._shared: DataModel | None = None
        self._is_borrowed = self._is_held = self._was_changed = self._is_accepted = False
        self._number = next(_NUMBERS)
        # The arrays of each part of the model that are not as in its file.
        self._kept: dict[int, set[str]] = {}

    def hold(self, container) -> DataModel:
        """Return the model, to stay in memory from now on: whoever has it may change it at any time."""
        self._is_held = True
        return self._open(container)

    def _open(self, container):
        """Return the model; read, or copied from that of another container, when it is first asked for."""
        if self._shared is not None:
            self.model, self._shared = self._shared.copy(), None
        if self.model is None:
            from hexcal.models.single import open_single

            self.model = open_single(self.path)
            container.describe(self.model, self.record)
        if not self._is_accepted:
            self._is_accepted = True
            self.model = container.on_open(self.model) if container.on_open is not None else self.model
        return self.model

    def borrow(self, container) -> DataModel:
        """Return the model until it is given back.

        Raises
        ------
        InputError
            If it is borrowed already: two users of one model would spoil each other's work.
        """
        if self._is_borrowed:
            raise InputError(
                "this member of the container is borrowed already", where=self.name, hint="give it back first"
            )
        model = self._open(container)
        self._is_borrowed = True
        return model

    def give_back(self, changed: bool | Collection[str], scratch: Scratch | None) -> None:
        """Take the model back; see `ModelContainer.give_back`."""
        if not self._is_borrowed or self.model is None:
            raise InputError("this member of the container was not borrowed", where=self.name)
        self._is_borrowed = False
        self._was_changed = self._was_changed or changed is not False
        if scratch is None or self._is_held:
            return
        if not self._was_changed and self.path is not None:
            self.model, self._is_accepted = None, False
            return
        for number, part in enumerate(self.model.parts()):
            self._put_away(part, number, changed, scratch)

    def exchange(self, model: DataModel) -> None:
        """Put another model in the place of the one that is borrowed."""
        self.model, self._kept = model, {}
        self._was_changed = True

    def _put_away(self, part, number, changed, scratch):
        """Leave of each large array only a map of a file.

        Those that changed are written, the others are as they were before.
        """
        kept = self._kept.setdefault(number, set())
        part.leave_wcs_in_file()
        loaded = part.loaded()
        if changed is True or (self.path is None and not kept):
            kept.update(loaded)
            written = loaded
        else:
            written = [name for name in loaded if name in (changed or ())]
            kept.update(written)
        for name in loaded:
            file = f"{self._number}-{number}-{name}.npy"
            if name in written:
                setattr(part, name, scratch.store(file, getattr(part, name)))
            elif name not in kept:
                part.forget(name)
            elif scratch.holds(file):
                setattr(part, name, scratch.mapped(file))

    @property
    def name(self) -> str:
        """How messages call the member."""
        return self.file_name or "a model in memory"

    @property
    def file_name(self) -> str | None:
        """The file that the member was read from, or the name that its metadata give it.

        None for a nameless model in memory.
        """
        path = self.path or getattr(self.model, "path", None)
        return str(path) if path is not None else self.model.get_meta("meta.filename") if self.model else None

    def copy(self) -> "Member":
        """Return an independent member; its model is copied when it is first asked for."""
        other = Member(self.path or self.model or self._shared, self.record, self.product)
        other.path, other.model, other._shared = self.path, None, self.model or self._shared
        return other

    def close(self) -> None:
        """Forget the model if it can be read again; otherwise its arrays."""
        if self.path is not None:
            self.model, self._kept = None, {}
            self._is_held = self._was_changed = self._is_accepted = False
        elif self.model is not None:
            self.model.close()
