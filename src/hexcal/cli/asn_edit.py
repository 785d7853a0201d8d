"""``hexcal asn edit``, ``asn_edit``: add files to an association, or remove them."""

_EPILOG = """Files to be added must exist, here or beside the association; files to be removed must be members.
If one of them is not, nothing is changed. A file that is added becomes a member of every product."""


def main(words):
    """Add or remove, and say what was written."""
    options = _parser().parse_args(words)
    from hexcal.associations.asn_edit import edit

    written = edit(
        options.association,
        options.filenames,
        remove_them=options.remove,
        exptype=options.type,
        ignore_suffix=options.ignore,
        output=options.output,
    )
    done = "removed" if options.remove else f"added as {options.type}"
    print(f"{written}: {', '.join(options.filenames)} {done}")
    return 0


def _parser():
    from hexcal.arguments import Arguments

    arguments = Arguments("asn_edit", "Add files to an association, or remove them.", epilog=_EPILOG, allow_abbrev=True)
    what = arguments.add_mutually_exclusive_group(required=True)
    what.add_argument("-a", "--add", action="store_true", help="add the files")
    what.add_argument("-r", "--remove", action="store_true", help="remove the files")
    arguments.add_argument("-t", "--type", default="science", help='type of members that are added; default: "science"')
    arguments.add_argument(
        "-i",
        "--ignore",
        action="store_true",
        help="compare names without their suffix: x_rate.fits also means x_cal.fits",
    )
    arguments.add_argument("-o", "--output", metavar="FILE", help="write the result here; default: the same file")
    arguments.add_argument("association", help="the association")
    arguments.add_argument("filenames", nargs="+", metavar="FILE", help="file to add or remove")
    return arguments
