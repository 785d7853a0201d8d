"""``hexcal asn gather``, ``asn_gather``: copy an association and its files to another folder."""


def main(words):
    """Copy, and say where the association is now."""
    options = _parser().parse_args(words)
    from hexcal.associations.asn_gather import asn_gather

    given = {} if options.shellcmd is None else {"shellcmd": options.shellcmd}
    gathered = asn_gather(
        options.association,
        options.destination,
        exp_types=options.exp_types,
        exclude_types=options.exclude_types,
        source_folder=options.source_folder,
        **given,
    )
    if options.verbose:
        from hexcal.models.association_file import members, read_association

        for _, member in members(read_association(gathered)):
            print(f"{member['expname']}  {member['exptype']}")
    print(gathered)
    return 0


def _parser():
    from hexcal.arguments import Arguments

    arguments = Arguments(
        "asn_gather",
        "Copy an association and its files to another folder; only what is not there yet.",
        allow_abbrev=True,
    )
    arguments.add_argument("association", help="the association")
    arguments.add_argument("destination", nargs="?", help="folder to copy to; default: the current one")
    arguments.add_argument(
        "-s",
        "--source",
        dest="source_folder",
        metavar="DIR",
        help="where the files are; default: folder of the association",
    )
    arguments.add_argument(
        "-t",
        "--exp-types",
        action="append",
        metavar="TYPE",
        help="type of members to copy; may be repeated; default: all",
    )
    arguments.add_argument(
        "-x", "--exclude-types", action="append", metavar="TYPE", help="type of members to leave out; may be repeated"
    )
    arguments.add_argument(
        "-c",
        "--cmd",
        dest="shellcmd",
        metavar="COMMAND",
        help="command that copies one file, given source and target; default: no command",
    )
    arguments.add_argument("-v", "--verbose", action="count", default=0, help="list the files that belong to it")
    return arguments
