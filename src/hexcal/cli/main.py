"""``hexcal COMMAND ...`` and ``strun``: find the command, run it, turn exceptions into a message and an exit status."""

import contextlib
import errno
import importlib
import os
import sys
import traceback

from hexcal import memory
from hexcal.errors import HexcalError, ResourceError, shortened, unknown_name

COMMANDS = {
    "run": "run a pipeline or step: hexcal run calwebb_detector1 FILE",
    "steps": "list the pipelines and steps",
    "info": "show what a file is",
    "show": "draw a picture of a product",
    "simulate": "make exposures and reference files with a known truth",
    "process": "calibrate a whole programme: from raw exposures to mosaics and spectra",
    "status": "show what became of the jobs of a programme",
    "reffiles": "make reference files from calibration exposures",
    "mkrefs": "make reference files with the options of jwst_reffiles",
    "diff": "show how two products differ",
    "report": "write pages of a programme and its products, to read in a browser",
    "demo": "simulate an exposure, calibrate it, compare with the truth",
    "rerun": "make a product again from its own record",
    "crds": "see which reference files the rules of CRDS choose, and why; caches and deliveries",
    "asn": "say which exposures belong together: pools and associations",
    "migrate_data": "bring products of earlier releases up to date",
    "collect_pipeline_cfgs": "write parameter files that name a class and nothing else, for scripts that want them",
    "create_data": "convert exposures of ground tests to raw exposures of the telescope",
    "set_telescope_pointing": "write the pointing into exposures, from telemetry",
    "set_velocity_aberration": "write the keywords of velocity aberration into exposures",
    "v1_calculate": "compute where the axis of the telescope points, over time",
    "pointing_summary": "list how far from their targets exposures point",
}
_USAGE_STATUS = 1


def main(words=None):
    """Run one command.

    Parameters
    ----------
    words : list of str, optional
        Default: those of the command line.

    Returns
    -------
    int
        Exit status: 0 success, 1 error, 64 no science data.
    """
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in ("-h", "--help", "help"):
        print("usage: hexcal COMMAND ...\n\ncommands:")
        print("\n".join(f"  {name:23s} {text}" for name, text in COMMANDS.items()))
        print("\n`hexcal COMMAND --help` tells more. Documentation and examples: README.md")
        return 0 if words else _USAGE_STATUS
    if words[0] == "--version":
        from hexcal import __version__

        print(__version__)
        return 0
    return guarded(_command, words)


def strun(words=None):
    """``strun TARGET INPUT ...`` is ``hexcal run TARGET INPUT ...``."""
    return main(["run", *(sys.argv[1:] if words is None else words)])


def _command(words):
    name, *rest = words
    if name not in COMMANDS:
        raise unknown_name("command", name, COMMANDS, where="hexcal")
    if name not in ("run", "rerun"):
        # `guarded` has seen it; those two have it among their own options.
        rest = [word for word in rest if word != "--debug"]
    return importlib.import_module(f"hexcal.cli.{name}").main(rest) or 0


def guarded(function, words):
    """Call ``function(words)``.

    An error of Hexcal becomes its message on stderr and its exit status, any other a short report of a fault.
    """
    from hexcal.files import endings, gate

    debug = "--debug" in words
    try:
        with gate.run(), endings.orderly():
            status = function(words)
        sys.stdout.flush()
        return status
    except HexcalError as error:
        if debug:
            _debug()
        return _say(error)
    except BrokenPipeError:
        # The reader of our output has gone, as in `hexcal steps | head`: not an error of the user's.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("hexcal: interrupted; nothing that was not complete has been written", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno in _OF_THE_MACHINE:
            return _say(_machine(error))
        return _fault(error, debug)
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of Hexcal, said in three lines
        return _fault(error, debug)


_NO_MEMORY = ResourceError(
    "not enough memory; files that were not complete have not been written",
    hint="give the run more memory, fewer threads (--threads=1), or a smaller part of the exposure",
)
_OF_THE_MACHINE = (errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EROFS)


def _machine(error):
    """The message for an error of the operating system that is no fault of the program."""
    if error.errno == errno.ENOMEM:
        return _NO_MEMORY
    if error.filename is not None:
        return ResourceError(
            f"the system refused access to a file: {error.strerror}",
            where=str(error.filename),
            hint="free some space, or use another disk",
        )
    with contextlib.suppress(OSError):
        # What could not be written must not be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ResourceError(
        f"the output cannot be written: {error.strerror}", where="standard output", hint="free some space"
    )


def _say(error):
    print(f"hexcal: {error}", file=sys.stderr)
    return error.exit_status


def _fault(error, debug):
    """Say in three lines that the program has a fault.

    For want of memory libraries raise errors of any kind, and that is no fault of it.
    """
    if debug:
        _debug()
    if isinstance(error, MemoryError) or memory.is_short():
        return _say(_NO_MEMORY)
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = type(error).__name__
    text = f"hexcal: fault in the program: {name}: {shortened(str(error))}\n  where: {place.filename}:{place.lineno}"
    print(f"{text}\n  next:  run again with --debug for the whole traceback, and report it", file=sys.stderr)
    return 1


def _debug():
    import pdb

    traceback.print_exc()
    if sys.stdin.isatty():
        pdb.post_mortem()
