"""``python -m hexcal COMMAND ...`` is ``hexcal COMMAND ...``."""

import sys

from hexcal.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
