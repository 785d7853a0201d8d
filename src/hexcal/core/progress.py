"""Progress of a pipeline on a terminal: the step, the time that has passed, and about how long it will take."""

import contextlib
import sys
import time
from typing import Any

from hexcal.core import log, members

QUIET_SECONDS = 3.0
"""Nothing is shown of runs that are shorter."""


class Progress:
    """The line at the bottom of a terminal that follows the steps of a pipeline.

    Parameters
    ----------
    steps : list of Step
        Those that will run, in order.
    console : rich.console.Console
        The terminal.
    quiet_seconds : float
        Time from which on the line is shown.
    """

    def __init__(self, steps, console, quiet_seconds=QUIET_SECONDS):
        self.console, self.quiet_seconds = console, quiet_seconds
        self.weights = {step.name: step.relative_time for step in steps}
        self.total = sum(self.weights.values())
        self.done = 0.0
        self.clock = time.monotonic()
        self.display: Any = None
        self.task: Any = None

    def begin(self, name):
        """Tell that a step begins."""
        elapsed = time.monotonic() - self.clock
        if self.display is None and elapsed >= self.quiet_seconds and name in self.weights:
            self._show()
        if self.display is not None and name in self.weights:
            remaining = elapsed * (self.total - self.done) / self.done if self.done else None
            about = f", about {_duration(remaining)} remaining" if remaining is not None else ""
            self.display.update(self.task, description=f"{name}{about}", completed=self.done)

    def end(self, name, part=1.0):
        """Tell that a step has ended, or has done a part of its work."""
        self.done = min(self.done + self.weights.get(name, 0.0) * part, self.total)
        if part == 1:
            self.weights.pop(name, None)
        if self.display is not None:
            self.display.update(self.task, completed=self.done)

    def _show(self):
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Display

        columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        self.display = Display(*columns, console=self.console, transient=True)
        self.task = self.display.add_task("", total=self.total)
        self.display.start()

    def close(self):
        """Remove the line."""
        if self.display is not None:
            self.display.stop()
            self.display = None


def _duration(seconds):
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


@contextlib.contextmanager
def shown(pipeline, model):
    """Follow the steps that a pipeline runs for an exposure, if its messages go to a terminal.

    Parameters
    ----------
    pipeline : Step
        Which runs; for one that has no steps nothing is shown. Its context gets the `Progress`.
    model : DataModel
        The exposure.
    """
    if not (hasattr(pipeline, "steps_for") and sys.stdout.isatty() and log.shows_on("stdout")):
        yield
        return
    from rich.console import Console

    steps = [step for step in pipeline.steps_for(members.deciding(model)) if not step.parameters.skip]
    pipeline.context.progress = progress = Progress(steps, Console())
    try:
        yield
    finally:
        pipeline.context.progress = None
        progress.close()
