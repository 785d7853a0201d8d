"""``hexcal crds checksum FILE...``: check or renew the sha1sum of mapping files."""

from hexcal.arguments import Arguments


def main(words):
    """Check each file; exit status 1 if a sum is wrong or missing."""
    arguments = Arguments(prog="hexcal crds checksum", description="Check or renew the sha1sum in mapping files.")
    arguments.add_argument("files", nargs="+", metavar="FILE", help="path of a .pmap, .imap or .rmap")
    arguments.add_argument("--update", action="store_true", help="write the right sum into the file")
    options = arguments.parse_args(words)
    from hexcal.references.mapping_file import read_mapping, sha1sum, write_sha1sum

    failed = False
    for path in options.files:
        # Whatever else is wrong with a mapping is said before its sum is.
        mapping = read_mapping(path, verify=False)
        if options.update:
            print(f"{mapping.name}: {'updated' if write_sha1sum(path) else 'right'}")
            continue
        with open(path, "rb") as stream:
            computed, recorded = sha1sum(stream.read())
        failed |= computed != recorded
        print(f"{mapping.name}: {'right' if computed == recorded else f'wrong: is {computed}, says {recorded}'}")
    return 1 if failed else 0
