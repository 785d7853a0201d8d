"""``migrate_data``: bring products of earlier releases up to date."""

import sys
from pathlib import Path

from hexcal.errors import HexcalError


def main(words):
    """Rewrite one file after the other; files that need nothing are left alone, those that fail are named."""
    from hexcal.arguments import Arguments

    arguments = Arguments(
        "migrate_data", "Give products of earlier releases (extracted spectra, x1d) the columns that they have today."
    )
    arguments.add_argument("files", nargs="+", help="products, .fits")
    place = arguments.add_mutually_exclusive_group(required=True)
    place.add_argument("--in-place", action="store_true", help="replace the files")
    place.add_argument("--output-dir", metavar="DIR", help="write the new files here, under the same names")
    options = arguments.parse_args(words)
    failed = 0
    for name in options.files:
        try:
            print(f"{name}: {_migrated(name, options.output_dir)}")
        except HexcalError as error:
            failed += 1
            print(f"{name}: not migrated: {error}", file=sys.stderr)
    return 1 if failed else 0


def _migrated(name, folder):
    """What became of a file, in words."""
    from hexcal.core.names import make_folder
    from hexcal.files import gate
    from hexcal.models.migration import migrate
    from hexcal.models.open import open as open_model

    with open_model(name) as model:
        number = migrate(model)
        if not number:
            return "up to date, left alone"
        if folder is None:
            gate.edits(name)
        else:
            make_folder(Path(folder))
        path = model.save(Path(name) if folder is None else Path(folder) / Path(name).name)
    return f"{number} table{'s' if number > 1 else ''} brought up to date, written to {path}"
