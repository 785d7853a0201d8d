"""``hexcal diff A B``: how two products differ."""

import sys
from pathlib import Path

_DESCRIPTION = """Show how two products differ: keywords, arrays, tables. Exit status 0: they do not, 1: they do,
2: they could not be compared. When, where and by which version they were made does not count."""


def main(words):
    """Print the differences; returns the exit status."""
    from hexcal.arguments import Arguments, number
    from hexcal.errors import HexcalError

    parser = Arguments("hexcal diff", _DESCRIPTION)
    add = parser.add_argument
    add("files", nargs=2, metavar="FILE", help="product in FITS, or catalogue in ECSV")
    add("--rtol", type=number(0), default=0.0, metavar="R", help="allowed relative difference (default 0)")
    add("--atol", type=number(0), default=0.0, metavar="A", help="allowed absolute difference (default 0)")
    add("--ignore", action="append", default=[], metavar="NAME", help="keyword, column or extension to leave out")
    add("--picture", metavar="PNG", help="draw the images that differ, and their difference")
    try:
        options = parser.parse(words)
        return 0 if options is None else _compared(options)
    except HexcalError as error:
        print(f"hexcal: {error}", file=sys.stderr)
        return 2


def _compared(options):
    from hexcal.report import difference

    tolerance = difference.Tolerance(options.rtol, options.atol)
    result = difference.compare(options.files[0], options.files[1], tolerance, options.ignore)
    print("\n".join(difference.lines(result)))
    if options.picture:
        path = difference.picture(result, options.picture, [Path(name).name for name in options.files])
        print(f"written: {path}" if path else "no image differs: no picture")
    return 1 if result.differences else 0
