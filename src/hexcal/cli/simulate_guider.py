"""``hexcal simulate guider`` and ``hexcal simulate irs2``: exposures that are read out in ways of their own."""

import shlex

from hexcal.arguments import Arguments, number, whole_number

ABOUT_GUIDER = "an exposure of a guider function, the truth beside it, and reference files that fit"
ABOUT_IRS2 = "a full frame of NIRSpec with interleaved reference pixels, and reference files that fit"
_FUNCTIONS = ("id", "stack", "acq1", "acq2", "track", "fineguide")


def guider_options():
    """Return the parser of the options of guider exposures."""
    parser = Arguments(
        prog="hexcal simulate guider",
        description=f"Simulate {ABOUT_GUIDER}.",
        epilog="example:\n  hexcal simulate guider --function fineguide --output fg",
    )
    add = parser.add_argument
    add("--function", required=True, choices=_FUNCTIONS, help="guider function")
    _add_output(add)
    add("--ints", type=whole_number(1), metavar="N", help="integrations (default: of the function)")
    add("--star", type=number(0), default=5e4, metavar="RATE", help="rate of the guide star, DN/s (default 50000)")
    return parser


def run_guider(options):
    """Write a guider exposure; returns the exit status."""
    from hexcal.simulate.guider import simulate_guider

    simulation = simulate_guider(options.function, seed=options.seed, n_ints=options.ints, star=options.star)
    _tell(simulation.save(options.output, options.overwrite), "calwebb_guider")
    return 0


def irs2_options():
    """Return the parser of the options of IRS2 exposures."""
    parser = Arguments(
        prog="hexcal simulate irs2",
        description=f"Simulate {ABOUT_IRS2}.",
        epilog="example:\n  hexcal simulate irs2 --groups 4 --output irs2",
    )
    add = parser.add_argument
    _add_output(add)
    add("--detector", choices=("NRS1", "NRS2"), default="NRS1", help="default NRS1")
    add("--groups", type=whole_number(1), default=5, metavar="N", help="groups in an integration (default 5)")
    add("--ints", type=whole_number(1), default=1, metavar="N", help="integrations (default 1)")
    add("--dark", action="store_true", help="no light: a dark, with the EXP_TYPE of darks")
    return parser


def run_irs2(options):
    """Write an IRS2 exposure; returns the exit status."""
    from hexcal.simulate.irs2 import simulate_irs2

    simulation = simulate_irs2(
        detector=options.detector, n_ints=options.ints, n_groups=options.groups, seed=options.seed, dark=options.dark
    )
    _tell(simulation.save(options.output, options.overwrite), "calwebb_dark" if options.dark else "calwebb_detector1")
    return 0


def _add_output(add):
    add("--output", required=True, metavar="DIR", help="folder to write to")
    add("--overwrite", action="store_true", help="replace files that exist")
    add(
        "--seed", type=whole_number(0), default=0, metavar="N", help="the same seed gives the same exposure (default 0)"
    )


def _tell(written, pipeline):
    print("\n".join(f"  {name:11s} {path}" for name, path in written.items()))
    exposure, references = shlex.quote(written["exposure"]), shlex.quote(written["references"])
    print(f"\nnext: hexcal run {pipeline} {exposure} --references={references}")
