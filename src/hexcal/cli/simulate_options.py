"""Options of ``hexcal simulate`` that several actions have, or that belong together."""

from hexcal.arguments import number


def add_mode(group, instruments="NIRCAM, MIRI, NIRISS or FGS"):
    """Add the options that say which detector takes an exposure, and how.

    Parameters
    ----------
    group : argparse group
        Of the parser of an action.
    instruments : str
        Those that the action simulates.
    """
    add = group.add_argument
    add("--instrument", default="NIRCAM", help=f"{instruments} (default NIRCAM)")
    add("--detector", help="default: the first one that has the subarray")
    add("--subarray", default="FULL", help="name of the subarray (default FULL)")
    add("--filter", help="name of the filter (default F200W, F444W, F1000W)")
    add("--readpatt", help="read-out pattern (default RAPID, FASTR1)")


def add_effects(parser):
    """Add the options for effects that have a plane of their own in the truth file."""
    add = parser.add_argument_group(
        "further effects (each with its plane in the truth file, such as ADDED_INTERFERENCE, and its references)"
    ).add_argument
    add(
        "--interference",
        type=number(0),
        default=0.0,
        metavar="DN",
        help="electromagnetic interference of MIRI: amplitude of the strongest wave (default 0); FAST, FASTR1, SLOW "
        "and SLOWR1. emicorr corrects for it",
    )
    add(
        "--flicker",
        type=number(0),
        default=0.0,
        metavar="DN",
        help="1/f noise of the read-out: standard deviation in a group (default 0). clean_flicker_noise cleans it",
    )
    add(
        "--persistence",
        type=number(0),
        metavar="S",
        help="charge of traps that an exposure of other stars has filled, which ended S seconds before (default "
        "none); near-infrared detectors. Its _trapsfilled file is written, from which persistence corrects for it",
    )
    add(
        "--charge-migration",
        type=number(0),
        default=0.0,
        metavar="SHARE",
        help="share of the charge beyond 25000 DN that goes to the four neighbours, between 0 and 1 (default 0); "
        "near-infrared detectors. charge_migration leaves out what has lost or gained",
    )


def effects_of(options):
    """Return the `hexcal.simulate.effects.Effects` that the options ask for."""
    from hexcal.simulate.effects import Effects

    return Effects(options.interference, options.flicker, options.persistence, options.charge_migration)
