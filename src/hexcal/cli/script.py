"""A command of a user's own for one step or pipeline: the ``cmdline`` of `hexcal.stpipe`."""

import sys
from typing import Any

from hexcal.cli.main import guarded


def step_script(cls: type[Any], args: list[str] | None = None) -> None:
    """Run a step or pipeline with the words of the command line, and end the program with its exit status.

    Parameters
    ----------
    cls : type
        The step or pipeline that the script is for. Inputs and options are those of ``hexcal run``; a parameter file is
        given with ``--config-file=FILE``.
    args : list of str, optional
        Words to take instead of those of the command line.

    Raises
    ------
    SystemExit
        Always: with status 0 after success, 1 after an error that has been printed, 64 if there is no science data.
    """
    sys.exit(guarded(lambda words: _run(cls, words), list(sys.argv[1:] if args is None else args)))


def _run(cls, words):
    from hexcal.core.cmdline import run_class

    run_class(cls, [word for word in words if word != "--debug"])
    return 0
