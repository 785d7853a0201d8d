"""``hexcal crds uses NAME``: which mappings and contexts name a file."""

from hexcal.cli.crds_options import open_cache, parser


def main(words):
    """Print the mappings; exit status 1 if none names the file."""
    arguments = parser(
        "uses", "The rules, instruments and contexts that lead to a reference file or mapping.", context=False
    )
    arguments.add_argument("name", metavar="REFERENCE|MAPPING", help="name without folder")
    options = arguments.parse_args(words)
    from hexcal.references.names import users

    naming = users(open_cache(options, options.name), options.name)
    for names in naming.values():
        for name in names:
            print(name)
    if not naming:
        print(f"no mapping in the cache names {options.name}")
    return 0 if naming else 1
