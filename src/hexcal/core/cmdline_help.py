"""The help of ``hexcal run``.

Its options, and the parameters of a step or pipeline with type, bounds, unit and default.
"""

from typing import NamedTuple

from hexcal.core.parameters import INFRASTRUCTURE, describe


class Option(NamedTuple):
    """An option of the command itself."""

    help: str
    value: str = ""
    """What its value is called; empty: the option is true or false."""


OPTIONS = {
    "help": Option("list all parameters and stop (also -h)"),
    "version": Option("show the version and stop"),
    "verbose": Option("show all messages (also -v)"),
    "log-level": Option("show messages from this level on: DEBUG, INFO, WARNING, ERROR, CRITICAL", "LEVEL"),
    "log-file": Option("write the messages to this file as well; replaced if it exists", "FILE"),
    "log-stream": Option("where messages are shown: stdout (default), stderr, or null for nowhere", "STREAM"),
    "logcfg": Option("logging configuration, instead of the options log-...", "FILE"),
    "debug": Option("show the whole traceback of an error and enter the debugger"),
    "save-parameters": Option("write the parameters that are used to an ASDF file", "FILE"),
    "config-file": Option("parameter file; options given on the command line take precedence", "FILE"),
    "disable-crds-steppars": Option("use no parameter reference files (default: STPIPE_DISABLE_CRDS_STEPPARS)"),
    "allow-hooks": Option("run hooks that data files name: a product that is made again, a parameter reference"),
    "threads": Option("number of threads (default: all cores)", "N"),
    "memory": Option(
        "memory that the run may take, such as 2GB: long exposures pass in smaller blocks (default: no bound)", "SIZE"
    ),
}
SHORT = {"-h": "--help", "-v": "--verbose"}
GENERAL = """usage: hexcal run [options] TARGET INPUT... [--parameter=value] [--steps.STEP.PARAMETER=value]

TARGET is the name of a pipeline or step (`hexcal steps` lists them), a class (hexcal.step.JumpStep),
or a parameter file (.asdf, .cfg).

  hexcal run calwebb_detector1 exposure_uncal.fits --references=refs
  hexcal run calwebb_detector1 exposure_uncal.fits --steps.jump.rejection_threshold=5 --output_dir=out
  hexcal run jump exposure_ramp.fits --override_gain=gain.fits

The value of a parameter is taken from the first of these that gives one: the command line, the parameter file,
parameter references of CRDS (pars-TARGET, chosen for the input; --disable-crds-steppars leaves them out), the default.

`hexcal run TARGET --help` lists all parameters of a target."""


def options_text():
    """Return the options of the command, one a line."""
    return [
        f"  --{name + (f'={option.value}' if option.value else ''):24s} {option.help}"
        for name, option in OPTIONS.items()
    ]


def help_text(cls):
    """Return the help of one step or pipeline: what it does, its options, and its parameters."""
    lines = [f"usage: hexcal run {cls.alias} INPUT [--parameter=value ...]", "", _first_line(cls), ""]
    lines += ["options:", *options_text(), "", "parameters:", *_parameters(cls, "")]
    for name, step in cls.step_defs.items():
        lines += ["", f"step {name}: {_first_line(step)}"]
        lines += _parameters(step, f"steps.{name}.", infrastructure=False)
    if cls.step_defs:
        lines += ["", f"each step also has: {', '.join(f'--steps.STEP.{name}' for name in INFRASTRUCTURE)}"]
    return "\n".join(lines)


def _first_line(cls):
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _parameters(cls, prefix, infrastructure=True):
    return [
        f"  --{prefix}{describe(field, name)}"
        for name, field in cls.parameters_class.model_fields.items()
        if infrastructure or name not in INFRASTRUCTURE
    ]
