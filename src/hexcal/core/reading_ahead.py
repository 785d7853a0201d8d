"""Reading reference files ahead: while a step of a pipeline works, a thread reads what the next ones need.

Only arrays are read, and given to the model that the step opens: whatever is wrong with a file, the step that needs it
meets it, and a step that never comes to its reference never does.
"""

import contextlib
import contextvars
import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hexcal import memory
from hexcal.models import fits_table
from hexcal.models.declared import reference_class
from hexcal.models.fits_source import FitsSource
from hexcal.models.reference import ReferenceFileModel
from hexcal.models.stripes import is_striped
from hexcal.threads import default_threads, start_thread, undivided

MOST_BYTES = 32 << 20
"""What may wait in memory for the steps that will take it."""


@dataclass(frozen=True)
class Wanted:
    """Arrays of a reference file that a step will take as a whole."""

    step: int
    """Number of the step among those that run."""
    path: str
    reference_type: str
    names: tuple[str, ...]
    """Of the arrays."""
    model_class: Any
    """Of the reference."""
    shape: tuple[int, ...]
    """(ny, nx) of the exposure: a file of another size is cut out by the step, and not read ahead."""

    @property
    def size(self):
        """Bytes that it will take; all arrays are of four bytes a pixel."""
        return 4 * len(self.names) * math.prod(self.shape)

    def is_before(self, other):
        """Whether another one is of the same step or of a later one."""
        return other is not self and other.step >= self.step

    def is_of(self, path, reference_type):
        """Whether it is this file, for this type."""
        return (self.path, self.reference_type) == (str(path), reference_type)


@dataclass(frozen=True)
class Ready:
    """What was read: arrays and tables by name, and of which file and for which model."""

    signature: tuple[int, int]
    model_class: Any
    contents: dict[str, Any]

    def give_to(self, model: Any) -> None:
        """Have a model that was opened keep the arrays as if it had read them, if it is of that file and class."""
        source = model.contents.source
        if type(model) is self.model_class and source is not None and source.signature == self.signature:
            model.contents.arrays.update(self.contents)


def wanted_by(steps: Sequence[Any], model: Any, paths: dict[tuple[str, str], Any]) -> list[Wanted]:
    """Return what steps will read as a whole, in order.

    Parameters
    ----------
    steps : sequence of Step
        Those that will run.
    model : DataModel
        The exposure.
    paths : dict
        (name of a step, reference type) -> its file.
    """
    if model.shape is None or is_striped(model):
        return []
    wanted = []
    for number, step in enumerate(steps):
        for kind, names in step.reads_ahead.items():
            path = paths.get((step.name, kind))
            model_class = reference_class(model.observatory, kind)
            if isinstance(path, str | Path) and model_class is not None and issubclass(model_class, ReferenceFileModel):
                wanted.append(Wanted(number, str(path), kind, names, model_class, tuple(model.shape[-2:])))
    return wanted


class ReadingAhead:
    """A thread that reads reference files in the order in which steps will need them.

    Parameters
    ----------
    wanted : sequence of Wanted
        In that order.
    """

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._waiting = deque(wanted)
        self._reading: Wanted | None = None
        self._read: list[tuple[Wanted, Ready | None]] = []
        self._changed = threading.Condition()
        context = contextvars.copy_context()
        # A limit on memory is the user's: then nothing is held that is not needed yet.
        is_limited = memory.limit() is not None or memory.bound_of_run() is not None
        may_read = bool(wanted) and default_threads() > 1 and not is_limited
        self._thread = start_thread(lambda: context.run(self._read_all), "hexcal-ahead") if may_read else None

    def take(self, path: Any, reference_type: str) -> Ready | None:
        """Return what was read of a file; None if nothing was: then the step reads it itself.

        What earlier steps would have taken, and did not, is dropped.
        """
        if self._thread is None:
            return None
        # The thread allocates, the steps free: without this, what they freed would stay with the thread.
        memory.give_back_freed()
        with self._changed:
            while self._reading is not None and self._reading.is_of(path, reference_type):
                self._changed.wait()
            listed = [*self._read, *((wanted, None) for wanted in self._waiting)]
            wanted, ready = next((item for item in listed if item[0].is_of(path, reference_type)), (None, None))
            if wanted is not None:
                # Where it is still waiting, the step is here already: it reads with all its threads.
                self._read = [item for item in self._read if wanted.is_before(item[0])]
                self._waiting = deque(item for item in self._waiting if wanted.is_before(item))
                self._changed.notify_all()
            return ready

    def close(self) -> None:
        """End the thread; what it is reading it finishes."""
        with self._changed:
            self._waiting.clear()
            self._read.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _read_all(self):
        with undivided():
            while (wanted := self._next()) is not None:
                ready = None
                try:
                    # The step that needs the file meets the same error, and tells of it.
                    with contextlib.suppress(Exception):
                        ready = read(wanted)
                finally:
                    with self._changed:
                        self._reading = None
                        self._read.append((wanted, ready))
                        self._changed.notify_all()

    def _next(self):
        """Wait until there is room for what comes next, and begin it; None when there is nothing more to read."""
        with self._changed:
            while self._waiting and self._held() + self._waiting[0].size > MOST_BYTES:
                self._changed.wait()
            self._reading = self._waiting.popleft() if self._waiting else None
            return self._reading

    def _held(self):
        return sum(wanted.size for wanted, ready in self._read if ready is not None)


def read(wanted: Wanted) -> Ready:
    """Read arrays of a reference file as its model does; those that are not plain images are left out."""
    source = FitsSource(wanted.path)
    model = wanted.model_class(source)
    for name in wanted.names:
        extension = model.contents.extension(model.specs[name])
        if extension is not None and _is_plain(source, extension, wanted.shape):
            getattr(model, name)
    return Ready(source.signature, wanted.model_class, dict(model.contents.arrays))


def _is_plain(source, extension, shape):
    """Whether an image is read without any other library, and is of the size of the exposure."""
    if source.packing or extension.kind != "image" or extension.shape[-2:] != shape:
        return False
    definitions = source.find("DQ_DEF")
    if definitions is None:
        return True
    return fits_table.read_plain(definitions.header, bytes(source.raw_bytes(definitions))) is not None
