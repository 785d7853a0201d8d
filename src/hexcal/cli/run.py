"""``hexcal run TARGET INPUT... --parameter=value``."""

import gc


def main(words):
    """Run the command; returns the exit status."""
    # What is imported stays until the process ends: to look for garbage in it takes a tenth of the time until the work begins.
    gc.disable()
    try:
        from hexcal.core import cmdline

        target = cmdline.resolved(words or ["--help"])
    finally:
        gc.enable()
    if target is not None:
        cmdline.run_class(*target)
    return 0 if words else 1
