"""``mkrefs LABEL... IMAGE...``: the command of jwst_reffiles, done by ``hexcal reffiles``."""


def main(words):
    """Translate the options, and run; returns the exit status."""
    options = _parser().parse(words)
    if options is None:
        return 0
    from hexcal.cli import reffiles
    from hexcal.errors import ParameterError

    if options.batch:
        raise ParameterError(
            "batch systems are not used by mkrefs", where="-b", hint="hexcal process has --scheduler and --slurm"
        )
    translated = ["plan" if options.onlyshow else "make", *options.reflabels_and_imagelist]
    for path in [*([options.cfgfile] if options.cfgfile else []), *options.extracfgfile]:
        translated.append(f"--config={path}")
    translated += ["--new-run"] if options.newrunID else []
    translated += ["--redo"] if options.force_redo_ref or options.force_redo_strun else []
    for name in ("outrootdir", "outsubdir", "addsuffix", "runID", "runIDNdigits", "ssbdir"):
        value = getattr(options, name)
        if value is not None:
            translated.append(f"--output.{name}={value}")
    if options.skip_runID_ssbdir:
        translated.append("--output.skip_runID_ssbdir=true")
    translated += [f"--{name}={value}" for name, value in [*options.params, *options.pall]]
    translated += [f"--{section}.{name}={value}" for section, name, value in options.pp]
    return reffiles.main(translated)


def _parser():
    from hexcal.arguments import Arguments

    parser = Arguments("mkrefs", "Make reference files, by the options of jwst_reffiles; hexcal reffiles has its own.")
    add = parser.add_argument
    add("reflabels_and_imagelist", nargs="+", metavar="LABEL|IMAGE", help="makers or types, then exposures or lists")
    add("-b", "--batch", action="store_true", help="not used: hexcal process has --scheduler")
    add("--onlyshow", action="store_true", help="only tell what would be done")
    for name in ("outrootdir", "outsubdir", "addsuffix", "runID", "runIDNdigits", "ssbdir"):
        add(f"--{name}", metavar="VALUE", help=f"as {name} of the section output of the configuration")
    add("--skip_runID_ssbdir", action="store_true", help="products of the pipeline do not go below the run")
    add("-n", "--newrunID", action="store_true", help="take the next number for the run")
    add("--force_redo_strun", action="store_true", help="run the pipeline again")
    add("--force_redo_ref", action="store_true", help="make reference files again")
    add("-c", "--cfgfile", metavar="FILE", help="configuration")
    add("-e", "--extracfgfile", action="append", default=[], metavar="FILE", help="further configuration")
    add("-p", "--params", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter")
    add("--pall", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter of all makers")
    pp = "a parameter of a section"
    add("--pp", nargs=3, action="append", default=[], metavar=("SECTION", "NAME", "VALUE"), help=pp)
    return parser
