"""Where the installed commands begin.

Until a command is at work, Ctrl-C ends the process at once and silently, as it ends a program in C.

The interpreter would print a traceback of whatever it is importing. This module is imported by the commands only, since
it changes how the process takes the signal; `hexcal.files.endings` takes it over when a command runs.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def hexcal():
    """``hexcal COMMAND ...``."""
    from hexcal.cli.main import main

    return main()


def strun():
    """``strun TARGET INPUT ...``."""
    from hexcal.cli.main import strun

    return strun()


def _association(command):
    from hexcal.cli import asn

    return getattr(asn, command)()


def asn_edit():
    """``asn_edit ...``."""
    return _association("asn_edit")


def asn_from_list():
    """``asn_from_list ...``."""
    return _association("asn_from_list")


def asn_gather():
    """``asn_gather ...``."""
    return _association("asn_gather")


def asn_generate():
    """``asn_generate ...``."""
    return _association("asn_generate")


def asn_make_pool():
    """``asn_make_pool ...``."""
    return _association("asn_make_pool")


def _documented(name):
    """A command of Hexcal that is also installed under its documented name."""
    import sys

    from hexcal.cli.main import main

    return main([name, *sys.argv[1:]])


def collect_pipeline_cfgs():
    """``collect_pipeline_cfgs DIR``."""
    return _documented("collect_pipeline_cfgs")


def migrate_data():
    """``migrate_data ...``."""
    return _documented("migrate_data")


def mkrefs():
    """``mkrefs ...``."""
    return _documented("mkrefs")


def pointing_summary():
    """``pointing_summary ...``."""
    return _documented("pointing_summary")


def create_data():
    """``create_data ...``."""
    return _documented("create_data")


def set_telescope_pointing():
    """``set_telescope_pointing ...``."""
    return _documented("set_telescope_pointing")


def set_velocity_aberration():
    """``set_velocity_aberration ...``."""
    return _documented("set_velocity_aberration")


def v1_calculate():
    """``v1_calculate ...``."""
    return _documented("v1_calculate")
