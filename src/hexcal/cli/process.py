"""``hexcal process DIR --out DIR``: a whole programme, from raw exposures to mosaics and spectra."""

import time

_DESCRIPTION = """Calibrate a whole programme: stage 1 of each exposure, associations, stages 2 and 3. What was made
before and has not changed is kept. Options of steps are those of `hexcal run`: --steps.STEP.PARAMETER=VALUE for all
pipelines that have the step, --PIPELINE.PARAMETER=VALUE for one; --profile=NAME and --references=DIR for all."""
_EXAMPLES = """examples:
  hexcal process raw/ --out products --dry-run
  hexcal process raw/ --out products --profile=recommended --steps.tweakreg.skip=true
  hexcal process raw/ --out products --scheduler tcp://head:8786
  hexcal process --watch raw/ --out products"""


def main(words):
    """Plan, tell the plan, do it; exit status 1 if a job failed or a file could not be used."""
    parser = _parser()
    if any(word in ("-h", "--help") for word in words):
        parser.print_help()
        return 0
    options, others = _parsed(parser, words)
    from hexcal.workflow.programme import Programme

    programme = Programme(options, others, words, _say)
    if options.dry_run:
        return programme.show()
    return _watched(programme, options.interval) if options.watch else programme.process()


def _watched(programme, interval):
    """Process again and again, until a signal (Ctrl-C) ends the process.

    A folder that is still empty, or a full disk, is waited for.
    """
    from hexcal.errors import InputError, ResourceError
    from hexcal.files import gate

    last_message, is_again = None, False
    while True:
        gate.begin_anew()
        try:
            programme.process(is_again)
            is_again, last_message = True, None
        except (InputError, ResourceError) as error:
            if str(error) != last_message:
                last_message = str(error)
                _say(f"waiting: {last_message}")
        time.sleep(interval)


def _say(text):
    print(text, flush=True)


def _parsed(parser, words):
    """The options of the command, and those that go to steps."""
    from hexcal.errors import ParameterError

    own = {name.removeprefix("--") for name in parser.options()}
    mine, others = [], []
    for word in words:
        name = word[2:].partition("=")[0] if word.startswith("--") else ""
        (others if name and name not in own and name != "debug" else mine).append(word)
    options = parser.parse_args([word for word in mine if word != "--debug"])
    if not options.sources:
        raise ParameterError(
            "folders or files with exposures are missing", where="hexcal process", hint="hexcal process raw/ --out out"
        )
    if options.as_json and not options.dry_run:
        raise ParameterError("--json can only be used with --dry-run", where="hexcal process", hint="add --dry-run")
    return options, others


def _parser():
    from hexcal.arguments import Arguments, number, whole_number
    from hexcal.workflow.options import QUICK_GROUPS, RECIPES

    class Parser(Arguments):
        def options(self):
            """The names of all options."""
            return [name for name in self._option_string_actions if name.startswith("--")]

    parser = Parser("hexcal process", _DESCRIPTION, epilog=_EXAMPLES)
    add = parser.add_argument
    add("sources", nargs="*", metavar="DIR|FILE", help="exposures, or folders: these are searched with all subfolders")
    add("--out", required=True, metavar="DIR", help="folder for products, ledger, logs and report")
    add("--dry-run", action="store_true", help="only show the plan: each job with its reason, and what is missing")
    add("--json", dest="as_json", action="store_true", help="with --dry-run: the plan as JSON")
    recipe = f"full (default), or quick: {QUICK_GROUPS} groups of each ramp, no outlier detection"
    add("--recipe", choices=tuple(RECIPES), default="full", help=recipe)
    add("--until", type=int, choices=(1, 2, 3), default=3, metavar="STAGE", help="last stage: 1, 2 or 3 (default)")
    add("--pool", metavar="FILE", help="pool that says which exposures belong together; default: from their headers")
    add("--config-file", action="append", default=[], metavar="FILE", help="parameter file; may be given several times")
    add("--workers", type=whole_number(1), metavar="N", help="processes; default: one for each core, as memory allows")
    add("--memory", metavar="SIZE", help="memory for all workers, such as 8GB; default: 80 %% of the machine's")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--scheduler", metavar="ADDRESS", help="address of a running Dask scheduler: tcp://HOST:8786")
    slurm = 'start workers by SLURM; its options: "queue=main walltime=02:00:00"'
    where.add_argument("--slurm", metavar="OPTIONS", help=slurm)
    add("--watch", action="store_true", help="keep running and take new exposures as they arrive, until Ctrl-C")
    add("--interval", type=number(0.1), default=30.0, metavar="S", help="with --watch: seconds between searches")
    add("--no-report", action="store_true", help="write no report at the end")
    return parser
