"""Some integrations of an exposure, as a model of its own: read from the file as they are asked for, never the whole."""

import copy
from typing import Any

_PER_INTEGRATION = ("data", "groupdq", "err", "zeroframe", "refout", "int_times")
"""Arrays and tables whose first axis counts integrations."""


class Integrations:
    """What lets a model stand for some integrations of its file; a part of `RampModel`."""

    _window: Any = None
    """Integrations of the file that this model stands for, a slice; None for all."""
    _arrays: Any
    _source: Any
    _layout: Any
    meta: Any
    primary: Any

    def integrations(self, first: int, last: int) -> Any:
        """Return a model of the integrations ``first <= i < last`` (indices from 0); this one is not changed by what happens to it.

        INTSTART and INTEND are theirs, INT_TIMES has their rows; what belongs to pixels (PIXELDQ) is a copy.
        """
        source: Any = self
        source._merge_asdf()
        cls: Any = type(self)
        part = cls(self._source)
        for name in ("observatory", "_keywords", "_layout", "_version", "_file", "_asdf"):
            object.__setattr__(part, name, getattr(source, name))
        part._tree, part._history = copy.deepcopy(source._tree), list(source._history)
        part._extra_cards = {name: list(cards) for name, cards in source._extra_cards.items()}
        part._removed, part._window = set(source._removed), slice(first, last)
        for name, value in self._arrays.items():
            cut = value if value is None or name not in _PER_INTEGRATION else value[first:last]
            part._arrays[name] = None if cut is None else cut.copy()
        exposure = part.meta.exposure
        exposure.integration_start = (exposure.integration_start or 1) + first
        exposure.integration_end = exposure.integration_start + last - first - 1
        return part

    def take_metadata(self, part: Any) -> None:
        """Take over what steps have noted in the metadata of a part of this model; the numbers of its integrations stay."""
        exposure = self.meta.exposure
        own = exposure.integration_start, exposure.integration_end
        self._tree, self._history = part._tree, part._history
        self.meta.exposure.integration_start, self.meta.exposure.integration_end = own

    def is_read_in_parts(self) -> bool:
        """Whether a part of the data can be read without the rest: not from an image that is compressed in tiles."""
        source: Any = self
        extension = source._extension(self._layout[self.primary])
        return self.primary in self._arrays or extension is None or extension.kind != "compressed"

    def copy(self):
        """As `DataModel.copy`."""
        other = super().copy()  # type: ignore[misc]
        other._window = self._window
        return other

    def shape_of(self, name):
        """As `DataModel.shape_of`."""
        shape = super().shape_of(name)  # type: ignore[misc]
        if shape is None or self._window is None or name not in _PER_INTEGRATION or name in self._arrays:
            return shape
        return (self._window.stop - self._window.start, *shape[1:])

    def _read_typed(self, spec, extension, index=None):
        if self._window is not None and spec.name in _PER_INTEGRATION:
            index = index if isinstance(index, tuple) else (slice(None) if index is None else index,)
            index = (inside(self._window, index[0]), *index[1:])
        return super()._read_typed(spec, extension, index)  # type: ignore[misc]

    def _load_table(self, spec):
        table = super()._load_table(spec)  # type: ignore[misc]
        if table is not None and self._window is not None and spec.name in _PER_INTEGRATION:
            table = self._arrays[spec.name] = table[self._window]
        return table

    def plain_table(self, name):
        """As `DataModel.plain_table`."""
        table = super().plain_table(name)  # type: ignore[misc]
        cut = self._window is not None and name in _PER_INTEGRATION and name not in self._arrays
        return table[self._window] if cut and table is not None else table


def inside(window: slice, part: Any) -> Any:
    """Index of `part` of a window, in the coordinates of the whole axis."""
    if isinstance(part, slice):
        start, stop, step = part.indices(window.stop - window.start)
        return slice(window.start + start, window.start + stop, step)
    return window.start + part
