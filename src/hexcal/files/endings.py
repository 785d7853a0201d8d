"""SIGTERM and SIGHUP, which batch systems send, end a run in order.

What is unfinished is removed, and one line says why it ended.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading

_unfinished: dict[str, int] = {}
"""Files that are being written and have not got their final name -> process that writes them; whoever ends that process
removes them.
"""


def begun(path: str) -> None:
    """Note that a file is being written under a name of its own."""
    _unfinished[path] = os.getpid()


def done(path: str) -> None:
    """Note that the file has its final name, or is gone."""
    _unfinished.pop(path, None)


@contextlib.contextmanager
def orderly():
    """End the process in order when it is told to end by SIGTERM or SIGHUP.

    Also by Ctrl-C, where `hexcal.cli.start` has left that to the system.

    The process ends in the handler of the signal, with the status 128 and the number of the signal. Raising an
    exception there would not do: it can hit the interpreter in the middle of an import, which is then never finished,
    and other threads wait for it for ever. A signal that the program which uses Hexcal handles itself, or ignores (as
    ``nohup`` does), is left to it; so are all of them in threads beside the main one.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)]
        taken = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _end(number, frame):
    """Remove what is unfinished, say so, and end the process."""
    for path, process in list(_unfinished.items()):
        if process == os.getpid():
            with contextlib.suppress(OSError):
                os.unlink(path)
    how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    with contextlib.suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), f"hexcal: {how}; nothing that was not complete has been written\n".encode())
    # Temporary folders are removed by what is registered for the end of the interpreter.
    atexit._run_exitfuncs()
    os._exit(128 + number)
