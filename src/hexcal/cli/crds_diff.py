"""``hexcal crds diff OLD NEW``: what two mappings differ in."""

import os

from hexcal.cli.crds_options import open_cache, parser
from hexcal.errors import ParameterError


def main(words):
    """Print one line per difference; exit status 0, also if they differ."""
    arguments = parser(
        "diff", "What two mappings differ in: two contexts, down to the rules of each type.", context=False
    )
    arguments.add_argument("old", metavar="OLD")
    arguments.add_argument("new", metavar="NEW")
    options = arguments.parse_args(words)
    kinds = [os.path.splitext(name)[1] for name in (options.old, options.new)]
    if kinds[0] != kinds[1]:
        raise ParameterError(
            f"mappings of the same kind are required, got {options.old} and {options.new}", where="hexcal crds diff"
        )
    from hexcal.references.names import differences

    lines = differences(open_cache(options, options.new), options.old, options.new)
    print("\n".join(lines) if lines else "no difference")
    return 0
