"""SIGTERM and SIGHUP, which batch systems send, end a run as Ctrl-C does: what is unfinished is removed, nothing else is lost."""

import contextlib
import signal
import threading
import time

_PATIENCE = 5.0
"""Seconds in which further signals do not disturb the clearing up."""


class Ended(SystemExit):
    """The run was ended by a signal; the exit status is 128 and the number of the signal.

    Parameters
    ----------
    number : int
        The signal.
    """

    def __init__(self, number):
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


@contextlib.contextmanager
def orderly():
    """Raise `Ended` in the main thread when the process is told to end, so that partial files are removed on the way out.

    Ctrl-C raises KeyboardInterrupt also where the process had not taken it over yet. A signal that the program which uses Hexcal handles itself, or
    ignores (as ``nohup`` does), is left to it; threads beside the main one cannot be told. Of several signals the first counts, so that they do not disturb
    the clearing up; Ctrl-C is obeyed again, and so is what comes some seconds later.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)]
        taken = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    first = float("-inf")

    def end(number, frame):
        nonlocal first
        # Python drops an exception that is raised while it calls a finaliser: the next signal is for that.
        if number == signal.SIGINT or time.monotonic() - first > _PATIENCE:
            first = time.monotonic()
            raise KeyboardInterrupt if number == signal.SIGINT else Ended(number)

    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
