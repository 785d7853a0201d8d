"""``python -m hexcal COMMAND ...`` is ``hexcal COMMAND ...``."""

import sys

from hexcal.cli.start import hexcal

if __name__ == "__main__":
    sys.exit(hexcal())
