"""Options that several actions of ``hexcal simulate`` have."""


def add_mode(group):
    """Add the options that say which detector takes an exposure, and how.

    Parameters
    ----------
    group : argparse group
        Of the parser of an action.
    """
    add = group.add_argument
    add("--instrument", default="NIRCAM", help="NIRCAM, MIRI, NIRISS or FGS (default NIRCAM)")
    add("--detector", help="default: the first one that has the subarray")
    add("--subarray", default="FULL", help="name of the subarray (default FULL)")
    add("--filter", help="name of the filter (default F200W, F444W, F1000W)")
    add("--readpatt", help="read-out pattern (default RAPID, FASTR1)")
