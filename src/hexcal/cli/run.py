"""``hexcal run TARGET INPUT... --parameter=value``."""

import atexit
import gc
import sys


def main(words):
    """Run the command; returns the exit status."""
    # What is imported stays until the process ends. To look for garbage in it, again and again and once more at the
    # end, takes a third of the time of a small exposure.
    gc.disable()
    try:
        from hexcal.core import cmdline

        target = cmdline.resolved(words or ["--help"])
    finally:
        if is_own_process():
            gc.freeze()
            atexit.register(gc.freeze)
        gc.enable()
    if target is not None:
        cmdline.run_class(*target)
    return 0 if words else 1


def is_own_process():
    """Whether this process is nothing but the command.

    A test, or a program that calls `hexcal.cli.main`, is more.
    """
    return "hexcal.cli.start" in sys.modules
