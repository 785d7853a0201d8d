"""``hexcal asn generate``, ``asn_generate``: the associations of a pool."""


def main(words):
    """Generate the associations, write them, say what was made."""
    from hexcal.associations.command import Main

    if "--version" in words:
        from hexcal import __version__

        print(__version__)
        return 0
    generator = Main.cli(words)
    options = generator.options
    for association in generator.associations if options.verbose or options.debug else ():
        print(f"{association.asn_name}  {association['asn_rule']}")
        if options.debug:
            _details(association)
    count = len(generator.associations)
    where = "dry run: nothing saved" if options.dry_run else f"in {options.path}"
    print(
        f"{count} association{'' if count == 1 else 's'} of {len(generator.pool)} exposures, {where}; "
        f"{len(generator.orphaned)} exposures in none"
    )
    if options.DMS:
        print("asn_generate complete")
    return 0


def _details(association):
    for line in association["constraints"].splitlines():
        print(f"    {line}")
    for product in association.get("products", ()):
        print(f"    product {product['name']}")
        for member in product["members"]:
            print(f"        {member['expname']}  {member['exptype']}")
