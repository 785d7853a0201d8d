"""``mkrefs LABEL... IMAGE...``: the command of jwst_reffiles, done by ``hexcal reffiles``."""


def main(words):
    """Translate the options, and run; returns the exit status."""
    options = _parser().parse(words)
    if options is None:
        return 0
    from hexcal.cli import reffiles

    translated = ["plan" if options.onlyshow else "make", *options.reflabels_and_imagelist]
    for path in [*([options.cfgfile] if options.cfgfile else []), *options.extracfgfile]:
        translated.append(f"--config={path}")
    translated += ["--new-run"] if options.newrunID else []
    if not options.onlyshow:
        translated += _of_making(options)
    for name in ("outrootdir", "outsubdir", "addsuffix", "runID", "runIDNdigits", "ssbdir"):
        value = getattr(options, name)
        if value is not None:
            translated.append(f"--output.{name}={value}")
    if options.skip_runID_ssbdir:
        translated.append("--output.skip_runID_ssbdir=true")
    translated += [f"--all.{name}={value}" for name, value in [*options.params, *options.pall]]
    translated += [f"--{section}.{name}={value}" for section, name, value in options.pp]
    _set_logging(options)
    return reffiles.main(translated)


def _of_making(options):
    """Options that only making has."""
    words = ["--redo-references"] if options.force_redo_ref else []
    words += ["--redo-products"] if options.force_redo_strun else []
    words += [f"--most-products={options.maxNstrun}"] if options.maxNstrun is not None else []
    words += [f"--most-references={options.maxNref}"] if options.maxNref is not None else []
    if options.batch:
        from hexcal.threads import available_cores

        words.append(f"--jobs={available_cores()}")
    return words


def _set_logging(options):
    """Levels of the log on the screen and in a file, as the original has them."""
    import logging

    log = logging.getLogger("hexcal")
    level = "DEBUG" if options.debug_log else "INFO" if options.verbose else options.logScreenLevel
    if level is not None:
        handler = logging.StreamHandler()
        handler.setLevel(level.upper())
        log.addHandler(handler)
        log.setLevel(min(log.getEffectiveLevel(), handler.level))


def _parser():
    from hexcal.arguments import Arguments, whole_number

    parser = Arguments("mkrefs", "Make reference files with the options of jwst_reffiles; hexcal reffiles has its own.")
    add = parser.add_argument
    add("reflabels_and_imagelist", nargs="+", metavar="LABEL|IMAGE", help="makers or types, then exposures or lists")
    add("-b", "--batch", action="store_true", help="one process for each core of this machine")
    add("--onlyshow", action="store_true", help="only say what would be done")
    for name in ("outrootdir", "outsubdir", "addsuffix", "runID", "runIDNdigits", "ssbdir"):
        add(f"--{name}", metavar="VALUE", help=f"as {name} of the section output of the configuration")
    add("--skip_runID_ssbdir", action="store_true", help="keep products of the pipeline out of the folder of the run")
    add("-n", "--newrunID", action="store_true", help="use the next free number for the run")
    add("--force_redo_strun", action="store_true", help="run the pipeline again")
    add("--force_redo_ref", action="store_true", help="make reference files again")
    add("--maxNstrun", type=whole_number(0), metavar="N", help="run the pipeline at most N times")
    add("--maxNref", type=whole_number(0), metavar="N", help="make at most N individual files")
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    add("--logScreenLevel", choices=levels, help="messages that are printed")
    add("-v", "--verbose", action="store_true", help="print messages of the makers and of the pipeline")
    add("-d", "--debug", dest="debug_log", action="store_true", help="print all messages")
    add("-c", "--cfgfile", metavar="FILE", help="configuration")
    add("-e", "--extracfgfile", action="append", default=[], metavar="FILE", help="further configuration")
    add("-p", "--params", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter")
    add("--pall", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter of all makers")
    pp = "a parameter of a section"
    add("--pp", nargs=3, action="append", default=[], metavar=("SECTION", "NAME", "VALUE"), help=pp)
    return parser
