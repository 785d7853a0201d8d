"""What the server says while it runs: what its operator has to know, and never more than some lines a minute."""

import asyncio
import contextlib
import logging
import time

_LOGGERS = ("asyncio", "uvicorn.error", "hexcal.references.server.rpc")
_LINES, _WINDOW = 10, 60.0


class Sparing(logging.Filter):
    """Lets some lines a minute through, one line for each record, and tells with the next one how many were kept back.

    Parameters
    ----------
    lines : int
        In a window.
    window : float
        Seconds.
    """

    def __init__(self, lines=_LINES, window=_WINDOW):
        super().__init__()
        self.lines, self.window = lines, window
        self._opened, self._shown, self._kept = time.monotonic(), 0, 0

    def filter(self, record):
        """Whether a record is shown; its traceback becomes the last line of it, but for a fault of Hexcal."""
        error = record.exc_info[1] if record.exc_info else None
        if _has_gone(error):
            return False
        now = time.monotonic()
        if now - self._opened > self.window:
            self._opened, self._shown = now, 0
        if self._shown >= self.lines:
            self._kept += 1
            return False
        self._shown += 1
        if error is not None and not record.name.startswith("hexcal"):
            record.msg, record.args, record.exc_info = f"{type(error).__name__}: {error}", (), None
        if self._kept:
            record.msg = f"{record.getMessage()} ({self._kept} lines before this one were left out)"
            record.args, self._kept = (), 0
        return True


def _has_gone(error):
    """Whether an error is only that a client went away, or was cut off at the end."""
    from starlette.requests import ClientDisconnect

    return isinstance(error, asyncio.CancelledError | ClientDisconnect)


@contextlib.contextmanager
def sparing():
    """Keep the logs of the server short while it runs."""
    spare = Sparing()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(spare)
    try:
        yield spare
    finally:
        for logger in loggers:
            logger.removeFilter(spare)
