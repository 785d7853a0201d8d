"""``hexcal crds uses NAME``: which mappings and contexts name a file."""

from hexcal.cli.crds_options import open_cache, parser


def main(words):
    """Print the mappings; exit status 1 if none names the file."""
    made = parser(
        "uses", "The rules, instruments and contexts that lead to a reference file or mapping.", context=False
    )
    made.add_argument("name", metavar="REFERENCE|MAPPING", help="name without folder")
    options = made.parse_args(words)
    from hexcal.references.names import users

    found = users(open_cache(options, options.name), options.name)
    for names in found.values():
        for name in names:
            print(name)
    if not found:
        print(f"no mapping in the cache names {options.name}")
    return 0 if found else 1
