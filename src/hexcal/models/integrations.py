"""Some integrations of an exposure, as a model of its own.

Read from the file as they are asked for, never the whole.
"""

from typing import Any

from hexcal.models.contents import Contents


class Integrations:
    """What lets a model stand for some integrations of its file; a part of `RampModel`, `CubeModel` and `SlitModel`."""

    per_integration: tuple[str, ...] = ()
    """Arrays and tables whose first axis counts integrations."""
    contents: Contents
    specs: Any
    meta: Any
    primary: Any

    def integrations(self, first: int, last: int) -> Any:
        """Return a model of the integrations ``first <= i < last`` (indices from 0).

        This one is not changed by what happens to it.

        INTSTART and INTEND are theirs, INT_TIMES has their rows; what belongs to pixels (PIXELDQ) is a copy.
        """
        source: Any = self
        source.whole_tree()
        cls: Any = type(self)
        part = cls(self.contents.source)
        part.contents, part.observatory, part.specs = source.contents.copied(), source.observatory, source.specs
        part.contents.window = slice(first, last)
        for name, value in self.contents.arrays.items():
            cut = value if value is None or name not in self.per_integration else value[first:last]
            part.contents.arrays[name] = None if cut is None else cut.copy()
        exposure = part.meta.exposure
        exposure.integration_start = (exposure.integration_start or 1) + first
        exposure.integration_end = exposure.integration_start + last - first - 1
        return part

    def take_metadata(self, part: Any) -> None:
        """Take over what steps have noted in the metadata of a part of this model.

        The numbers of its integrations stay.
        """
        exposure = self.meta.exposure
        own = exposure.integration_start, exposure.integration_end
        self.contents.tree, self.contents.history = part.contents.tree, part.contents.history
        self.meta.exposure.integration_start, self.meta.exposure.integration_end = own

    def stand_for(self, whole: Any) -> None:
        """Let what a part of ``whole`` has become stand for all of it: without arrays that count integrations.

        They are those of its file, or are put in their places.
        """
        for name in self.per_integration:
            self.contents.arrays.pop(name, None)
        self.contents.window = None
        exposure = whole.meta.exposure
        self.meta.exposure.integration_start = exposure.integration_start
        self.meta.exposure.integration_end = exposure.integration_end

    def _take_over(self, other):
        super()._take_over(other)  # type: ignore[misc]
        self.contents.window = other.contents.window if isinstance(other, Integrations) else None

    def is_read_in_parts(self) -> bool:
        """Whether a part of the data can be read without the rest: not from an image that is compressed in tiles."""
        source: Any = self
        extension = source.contents.extension(self.specs[self.primary])
        return self.primary in self.contents.arrays or extension is None or extension.kind != "compressed"

    def shape_of(self, name):
        """As `DataModel.shape_of`."""
        shape = super().shape_of(name)  # type: ignore[misc]
        if (
            shape is None
            or self.contents.window is None
            or name not in self.per_integration
            or name in self.contents.arrays
        ):
            return shape
        return (self.contents.window.stop - self.contents.window.start, *shape[1:])

    def read_stored(self, spec, extension, index=None):
        """As `DataModel.read_stored`."""
        if self.contents.window is not None and spec.name in self.per_integration:
            index = index if isinstance(index, tuple) else (slice(None) if index is None else index,)
            if index[0] is Ellipsis:
                index = (*(slice(None),) * (len(extension.shape) - len(index) + 1), *index[1:])
            index = (inside(self.contents.window, index[0]), *index[1:])
        return super().read_stored(spec, extension, index)  # type: ignore[misc]

    def load_table(self, spec):
        """As `DataModel.load_table`."""
        table = super().load_table(spec)  # type: ignore[misc]
        if table is not None and self.contents.window is not None and spec.name in self.per_integration:
            table = self.contents.arrays[spec.name] = table[self.contents.window]
        return table

    def plain_table(self, name):
        """As `DataModel.plain_table`."""
        table = super().plain_table(name)  # type: ignore[misc]
        cut = self.contents.window is not None and name in self.per_integration and name not in self.contents.arrays
        return table[self.contents.window] if cut and table is not None else table


def inside(window: slice, part: Any) -> Any:
    """Index of `part` of a window, in the coordinates of the whole axis."""
    if isinstance(part, slice):
        start, stop, step = part.indices(window.stop - window.start)
        return slice(window.start + start, window.start + stop, step)
    return window.start + part
