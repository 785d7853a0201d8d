"""``pointing_summary``: how far exposures point from their targets."""


def main(words):
    """Write the table."""
    from hexcal.arguments import Arguments

    arguments = Arguments(
        "pointing_summary",
        "Compare where V1 and the reference point of exposures look with the position of the target.",
    )
    arguments.add_argument("exposures", nargs="+", help="exposure with pointing keywords")
    arguments.add_argument("-o", "--output", help="file for the table (ECSV); default: standard output")
    arguments.add_argument(
        "--extra-meta", nargs="+", default=[], metavar="PATH", help="further columns: meta.instrument.name"
    )
    options = arguments.parse_args(words)
    from hexcal.cli.v1_calculate import write_table
    from hexcal.steps.pointing.v1_calculate import calc_deltas

    return write_table(calc_deltas(options.exposures, options.extra_meta), options.output)
