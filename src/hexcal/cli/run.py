"""``hexcal run TARGET INPUT... --parameter=value``."""

from hexcal.errors import ParameterError

_HELP = """usage: hexcal run TARGET INPUT... [--parameter=value] [--steps.STEP.PARAMETER=value]

TARGET is the name of a pipeline or step (`hexcal steps` lists them), a class (hexcal.step.JumpStep), or a parameter file (.asdf, .cfg).

  hexcal run calwebb_detector1 exposure_uncal.fits --references=refs
  hexcal run calwebb_detector1 exposure_uncal.fits --steps.jump.rejection_threshold=5 --output_dir=out
  hexcal run jump exposure_ramp.fits --override_gain=gain.fits

Of several values of a parameter, the first of these is used: the command line, the parameter file, parameter references of CRDS
(pars-TARGET, chosen for the input; --disable-crds-steppars leaves them out), the default.

`hexcal run TARGET --help` lists all parameters of a target."""


def main(words):
    """Run the command; returns the exit status."""
    if not words or words[0] in ("-h", "--help"):
        print(_HELP)
        return 0 if words else 1
    if words[0].startswith("-"):
        raise ParameterError(
            f"the first word must be a pipeline, a step or a parameter file, got {words[0]!r}",
            hint="hexcal run calwebb_detector1 FILE --parameter=value",
        )
    from hexcal.core import cmdline

    cmdline.run_target(words)
    return 0
