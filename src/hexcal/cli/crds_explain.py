"""``hexcal crds explain FILE TYPE``: why a reference file is chosen."""

from hexcal.cli.crds_options import open_context, parser


def main(words):
    """Print the rules; exit status 1 if none fits."""
    arguments = parser(
        "explain",
        "Which rules match an exposure and which do not, the nearest ones, and the dates for which they hold.",
    )
    arguments.add_argument("file", metavar="FILE")
    arguments.add_argument("type", metavar="TYPE", help="of reference, such as dark")
    options = arguments.parse_args(words)
    from hexcal.references.explain import explain
    from hexcal.references.header_cards import read_header

    header = read_header(options.file)
    lines = explain(open_context(options, header), header, options.type)
    print("\n".join(lines))
    return 1 if "NOT FOUND" in lines[-1] else 0
