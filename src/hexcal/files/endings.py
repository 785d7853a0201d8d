"""SIGTERM and SIGHUP, which batch systems send, end a run as Ctrl-C does: what is unfinished is removed, nothing else is lost."""

import contextlib
import signal
import threading


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
    the clearing up; only Ctrl-C is obeyed again.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)]
        taken = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    ended = False

    def end(number, frame):
        nonlocal ended
        if not ended or number == signal.SIGINT:
            ended = True
            raise KeyboardInterrupt if number == signal.SIGINT else Ended(number)

    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
