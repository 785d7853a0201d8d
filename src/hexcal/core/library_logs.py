"""Messages of libraries, and of the user's own code, in the log of a run: as if they came from the step that runs."""

import contextlib
import contextvars
import logging

from hexcal.core.log import ROOT

_STEP: contextvars.ContextVar[str] = contextvars.ContextVar("step", default=ROOT)


@contextlib.contextmanager
def of_step(name):
    """Take messages of other loggers as those of the step whose logger has this name, within the context."""
    token = _STEP.set(name)
    try:
        yield
    finally:
        _STEP.reset(token)


class _PassedOn(logging.Handler):
    """Gives messages that do not come from Hexcal to the handlers of Hexcal, under the name of the running step."""

    def emit(self, record):
        if record.name.partition(".")[0] == ROOT:
            return
        renamed = logging.makeLogRecord({**record.__dict__, "name": _STEP.get()})
        for handler in logging.getLogger(ROOT).handlers:
            if renamed.levelno >= handler.level:
                handler.handle(renamed)


@contextlib.contextmanager
def passed_on():
    """Have the messages of all loggers in the log of the run.

    Which of them speak is their own matter (their level, by default WARNING).
    """
    root, handler = logging.getLogger(), _PassedOn()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
