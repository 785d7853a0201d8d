"""``hexcal reffiles plan|make|config|template``: reference files from calibration exposures."""

import sys
from pathlib import Path

_HELP = """usage: hexcal reffiles COMMAND ...

commands:
  plan TYPE... INPUT...      which exposures go into which file, what remains to be done to them
  make TYPE... INPUT...      from raw exposures to checked reference files
  compare NEW OLD            what a new file changes, also in an exposure (--exposure FILE) that is calibrated with both
  makers                     what can be made, and of what
  config                     print a configuration with all keys and their defaults
  template NAME              print a maker of your own to begin with

TYPE is a type of reference file or the label of a maker; INPUT a file, a folder, a pattern or a list of files.
Parameters of makers are --PARAMETER=VALUE, or --LABEL.PARAMETER=VALUE where several are made.

  hexcal reffiles make superbias readnoise darks/ --author "A. Name" --output products"""


def main(words):
    """Run one of the commands; returns the exit status."""
    from hexcal.errors import unknown_name

    if not words or words[0] in ("-h", "--help"):
        print(_HELP)
        return 0 if words else 1
    commands = {
        "plan": _plan,
        "make": _make,
        "compare": _compare,
        "makers": _makers,
        "config": _config,
        "template": _template,
    }
    if words[0] not in commands:
        raise unknown_name("command", words[0], commands, where="hexcal reffiles")
    return commands[words[0]](words[1:])


def _parser(command):
    from hexcal.arguments import Arguments

    class Parser(Arguments):
        def own_options(self):
            """The names of the options of the command itself."""
            return [name for name in self._option_string_actions if name.startswith("--")]

    parser = Parser(f"hexcal reffiles {command}", _HELP.partition("\n")[0])
    add = parser.add_argument
    add("words", nargs="*", metavar="TYPE|INPUT", help="types of reference files, then files, folders, patterns, lists")
    add("-c", "--config", action="append", default=[], metavar="FILE", help="configuration; may be given several times")
    add("--output", metavar="DIR", help="folder of the runs (outrootdir; default: JWST_MKREFS_OUTDIR, else here)")
    add("--new-run", action="store_true", help="take the next number for the run")
    add("--references", metavar="DIR", help="reference files for the pipeline (default: as hexcal run; else SELF)")
    add("--plugin", action="append", default=[], metavar="FILE", help="file with makers of your own")
    add("--redo", action="store_true", help="make files again that are there")
    add("--json", dest="as_json", action="store_true", help="the plan as JSON")
    return parser


def _planned(command, words):
    """The options, the tasks, the files that are not used, and the table of the inputs."""
    from hexcal.errors import ParameterError
    from hexcal.reffiles import configuration, inputs, places, plan, registry

    parser = _parser(command)
    mine, others = _sorted(words, parser.own_options())
    options = parser.parse(mine)
    if options is None:
        return None
    known = registry.makers(options.plugin)
    settings = configuration.read(options.config, known)
    if settings.without_effect():
        print(f"hexcal: these keys change nothing here: {', '.join(settings.without_effect())}", file=sys.stderr)
    defaults = settings.values.get("default_reflabels") or {}
    labels, sources = _split(options.words, known)
    labels = labels or settings.values.get("reftypes") or []
    if not labels or not sources:
        raise ParameterError(
            "no type of reference file is named" if not labels else "no exposures are given",
            where=f"hexcal reffiles {command}",
            hint="hexcal reffiles makers lists the types; hexcal reffiles make superbias darks/",
        )
    chosen = [registry.maker_of(label, known, defaults) for label in labels]
    for name, value in others:
        _set(settings, name, value, chosen)
    if options.output:
        configuration.set_option(settings, "output", "outrootdir", options.output)
    found, left_out = inputs.read_inputs(sources, settings.selection())
    where = places.places_of(settings.section("output"), options.new_run)
    tasks = plan.plan_of(chosen, found, settings, where, author_needed=command == "make")
    used = {}
    for task in tasks:
        for path in {item.path for group in task.groups for item in group.group.members}:
            used[path] = " ".join([*used.get(path, "").split(), task.maker.label])
    return options, settings, where, tasks, left_out, inputs.table_of(found, left_out, settings.selection(), used)


def _sorted(words, own):
    """Words of the command itself, and options of makers: (name, value)."""
    mine, others, words = [], [], list(words)
    while words:
        word = words.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or f"--{name}" in own or name in ("debug", "help"):
            mine.append(word)
        else:
            others.append((name, value if equals or not words else words.pop(0)))
    return mine, others


def _split(words, known):
    """Types and inputs: the first words that are no files are types."""
    from hexcal.reffiles.registry import ALIASES

    types = {maker.reference_type for maker in known.values()}
    labels = []
    for position, word in enumerate(words):
        is_name = word in known or word in types or word in ALIASES
        if not is_name and (Path(word).exists() or any(sign in word for sign in "*?[/.")):
            return labels, words[position:]
        labels.append(word)
    return labels, []


def _set(settings, name, value, chosen):
    """Set a parameter that the command line gives."""
    from hexcal.errors import ParameterError, unknown_name
    from hexcal.reffiles.configuration import set_option

    label, dot, parameter = name.rpartition(".")
    if label == "output":
        set_option(settings, label, _known_output(parameter), value)
        return
    parameter = parameter.replace("-", "_")
    parameter = {"descrip": "description", "use_after": "useafter"}.get(parameter, parameter)
    if not value:
        raise ParameterError(f"the option --{name} needs a value: --{name}=VALUE", where="hexcal reffiles")
    takers = [
        maker for maker in chosen if (not dot or maker.label == label) and parameter in maker.Parameters.model_fields
    ]
    if not takers:
        names = [parameter for maker in chosen for parameter in maker.Parameters.model_fields]
        raise unknown_name("option", f"--{name}", [f"--{each}" for each in names], where="hexcal reffiles")
    for maker in takers:
        set_option(settings, maker.label, str(parameter), value)


def _known_output(name):
    """A key of the section output."""
    from hexcal.errors import unknown_name
    from hexcal.reffiles.configuration import Configuration

    keys = Configuration().section("output")
    if name not in keys:
        raise unknown_name("option", f"--output.{name}", [f"--output.{key}" for key in keys], where="hexcal reffiles")
    return name


def _plan(words):
    import json

    from hexcal.reffiles import plan

    planned = _planned("plan", words)
    if planned is None:
        return 0
    options, _, _, tasks, left_out, _ = planned
    if options.as_json:
        print(json.dumps([task.as_dict() for task in tasks], indent=1, default=str))
    else:
        print("\n".join(plan.lines(tasks, left_out)))
    return 64 if all(task.problem for task in tasks) else 0


def _make(words):
    from hexcal.reffiles.make import Run

    planned = _planned("make", words)
    if planned is None:
        return 0
    options, settings, where, tasks, left_out, table = planned
    for item in left_out:
        print(f"not used: {item.path.name}: {item.reason}")
    if all(task.problem for task in tasks):
        for task in tasks:
            print(f"hexcal: {task.maker.label}: {task.problem}", file=sys.stderr)
        return 64
    _write(table, where.folder / "inputs.ecsv")
    outcome = Run(where, settings, options.references, options.redo, lambda text: print(text, flush=True)).do(tasks)
    for label, path in outcome.final.items():
        print(f"{label}: {path}")
        for finding in outcome.findings[label]:
            print(f"  {finding}")
    for label, reason in outcome.failed.items():
        print(f"hexcal: {label} failed: {reason}", file=sys.stderr)
    wrong = any(finding.startswith("error") for found in outcome.findings.values() for finding in found)
    return 1 if outcome.failed or wrong else 0


def _compare(words):
    import json

    from hexcal.arguments import Arguments
    from hexcal.reffiles.compare import compare

    parser = Arguments("hexcal reffiles compare", "What a new reference file changes; exit status 1 if anything.")
    add = parser.add_argument
    add("new", metavar="NEW", help="new reference file")
    add("old", metavar="OLD", help="the one before")
    add("--exposure", metavar="FILE", help="raw exposure that is calibrated with both")
    add("--references", metavar="DIR", help="the other reference files (default: as hexcal run)")
    add("--json", dest="as_json", action="store_true", help="as JSON")
    options = parser.parse(words)
    if options is None:
        return 0
    change = compare(options.new, options.old, options.exposure, options.references)
    print(json.dumps(change.as_dict(), indent=1) if options.as_json else "\n".join(change.lines()))
    return 0 if change.is_none else 1


def _write(table, path):
    """Write the table of the inputs; that of a run before is replaced."""
    import io

    from hexcal.core.names import make_folder
    from hexcal.files.atomic import atomic

    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    make_folder(path.parent)
    with atomic(path) as stream:
        stream.write(text.getvalue().encode())


def _makers(words):
    from hexcal.reffiles.registry import makers

    for label, maker in makers(words).items():
        first = (maker.__doc__ or "").strip().partition("\n")[0]
        print(
            f"{label:12s} {maker.reference_type:12s} of {maker.inputs:5s} after {maker.steps or 'nothing':18s} {first}"
        )
    return 0


def _config(words):
    from hexcal.reffiles import configuration
    from hexcal.reffiles.registry import makers

    print(configuration.example(makers(words)))
    return 0


def _template(words):
    from hexcal.errors import ParameterError
    from hexcal.reffiles.template import text_of

    if len(words) != 1 or not words[0].replace("-", "_").isidentifier():
        raise ParameterError("the name of the maker is missing", where="hexcal reffiles template", hint="template NAME")
    print(text_of(words[0]))
    return 0
