"""``hexcal run TARGET INPUT... --parameter=value``."""


def main(words):
    """Run the command; returns the exit status."""
    from hexcal.core import cmdline

    cmdline.run_target(words or ["--help"])
    return 0 if words else 1
