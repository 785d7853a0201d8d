"""Options of ``hexcal reffiles plan|make``: types, inputs, and parameters of makers."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hexcal.arguments import Arguments, whole_number

ALL = "all"
_COMMON = ("author", "description", "pedigree", "useafter", "history")
_SPELLINGS = {"descrip": "description", "use_after": "useafter"}


class Parser(Arguments):
    """The options of a command; those that are not its own are parameters of makers."""

    def own_options(self) -> list[str]:
        """The names of the options of the command itself."""
        return [name for name in self._option_string_actions if name.startswith("--")]


def parser(command: str) -> Parser:
    """Return the parser of ``plan`` or ``make``."""
    text = {
        "plan": "Show which exposures go into which reference file, and what remains to be done to them.",
        "make": "Make reference files from raw exposures, and check them.",
    }[command]
    result = Parser(f"hexcal reffiles {command}", text)
    add = result.add_argument
    add("words", nargs="*", metavar="TYPE|INPUT", help="types of reference files, then files, folders, patterns, lists")
    add("-c", "--config", action="append", default=[], metavar="FILE", help="configuration; may be given several times")
    add("--output", metavar="DIR", help="folder of the runs (outrootdir; default: JWST_MKREFS_OUTDIR, else here)")
    add("--new-run", action="store_true", help="use the next free number for the run")
    add(
        "--references", metavar="DIR", help="reference files for the pipeline (default: as hexcal run, else those made)"
    )
    add("--plugin", action="append", default=[], metavar="FILE", help="file with makers of your own")
    add("--groups", metavar="FILE", help="groups of exposures: a file that --write-groups wrote, perhaps edited")
    closure = "leave out every Nth exposure (default 5), and check that the new files calibrate it well"
    add("--closure", nargs="?", type=whole_number(2), const=5, metavar="N", help=closure)
    add("--passes", type=whole_number(1), default=1, metavar="N",
        help="make everything N times; from the second time on with the files of the previous time")  # fmt: skip
    if command == "plan":
        add("--json", dest="as_json", action="store_true", help="as JSON, with the command of each run")
        add("--verbose", action="store_true", help="print the command of each run of the pipeline too")
        add("--write-groups", metavar="FILE", help="write the groups as YAML")
        add("--commands", metavar="FILE", help="write the runs of the pipeline as a list of commands")
        return result
    add("--jobs", type=whole_number(1), default=1, metavar="N", help="processes that work at the same time (default 1)")
    add("--scheduler", metavar="ADDRESS", help="address of a running Dask scheduler, as for hexcal process")
    add("--slurm", metavar="OPTIONS", help='start workers with SLURM: "queue=main walltime=02:00:00"')
    add("--redo", action="store_true", help="make existing products of the pipeline and reference files again")
    add("--redo-products", action="store_true", help="run the pipeline again")
    add("--redo-references", action="store_true", help="make reference files again")
    add("--most-products", type=whole_number(0), metavar="N", help="run the pipeline at most N times now")
    add("--most-references", type=whole_number(0), metavar="N", help="make at most N individual files now")
    removing = "when all is made, remove the ramps and rates that the pipeline has made on the way"
    add("--remove-intermediate", action="store_true", help=removing)
    add("--truth", metavar="DIR", help="true reference files (<type>.fits): pulls against them are part of the report")
    add("--test-exposure", metavar="FILE", help="raw exposure that is calibrated with the old and the new files")
    add("--no-report", action="store_true", help="do not write the page report.html")
    return result


@dataclass
class Planned:
    """What the words of a command say.

    Attributes
    ----------
    options : argparse.Namespace
        Options of the command.
    settings : Configuration
        Files, and parameters that options give.
    places : Places
        Where files go.
    tasks : list of Task
        What is to be made.
    left_out : list of LeftOut
        Files that nobody uses.
    held_out : list of Input
        Exposures for the closure.
    inputs : list of Input
        The others.
    is_all : bool
        Whether all types are asked for that the exposures allow.
    """

    options: Any
    settings: Any
    places: Any
    tasks: list[Any]
    left_out: list[Any]
    held_out: list[Any]
    inputs: list[Any]
    is_all: bool = False

    def table(self):
        """Return the table of the inputs."""
        from hexcal.reffiles.inputs import table_of

        used: dict[Path, str] = {}
        for task in self.tasks:
            for path in {item.path for group in task.groups for item in group.group.members}:
                used[path] = " ".join([*used.get(path, "").split(), task.maker.label])
        used.update({item.path: "closure" for item in self.held_out})
        return table_of([*self.inputs, *self.held_out], self.left_out, self.settings.selection(), used)


def planned(command: str, words: list[str]) -> Planned | None:
    """Return what the words of a command say; None if they ask for help."""
    from hexcal.errors import ParameterError
    from hexcal.reffiles import closure, configuration, group_file, inputs, places, plan, registry

    own = parser(command)
    mine, others = _sorted(words, own.own_options())
    options = own.parse(mine)
    if options is None:
        return None
    folders = configuration.plugin_folders(options.config)
    known = registry.makers(options.plugin, folders)
    settings = configuration.read(options.config, known)
    options.folders = folders
    _warn(settings, known)
    allowed = settings.allowed(known)
    labels, sources = _split(options.words, known)
    labels = labels or settings.general.reftypes
    unknown = [word for word in labels if not _is_name(word, known)]
    if unknown and not sources:
        raise ParameterError(
            f"'{unknown[-1]}' is neither a type of reference file nor a file or folder that is there",
            where=f"hexcal reffiles {command}",
            hint="hexcal reffiles makers lists the types",
        )
    if not labels or not sources:
        raise ParameterError(
            "no type of reference file is named" if not labels else "no exposures are given",
            where=f"hexcal reffiles {command}",
            hint="hexcal reffiles makers lists the types; hexcal reffiles make superbias darks/",
        )
    chosen = _chosen(labels, allowed, settings.values.get("default_reflabels") or {})
    for name, value in others:
        _set(settings, name, value, chosen)
    if options.output:
        configuration.set_option(settings, "output", "outrootdir", options.output)
    exposures, left_out = inputs.read_inputs(sources, settings.selection())
    used, held_out = closure.split(exposures, options.closure)
    where = places.places_of(settings.section("output"), options.new_run)
    given = group_file.read(options.groups) if options.groups else None
    tasks = plan.plan_of(chosen, used, settings, where, command == "make", given)
    if ALL in labels:
        tasks = [task for task in tasks if not task.problem] or tasks
    return Planned(options, settings, where, tasks, left_out, held_out, used, ALL in labels)


def _warn(settings, known):
    names = settings.without_effect(known)
    if names:
        print(f"hexcal: these keys change nothing here: {', '.join(names)}", file=sys.stderr)


def _chosen(labels, allowed, defaults):
    """The makers that are named; `all` are those of Hexcal, and of plug-ins."""
    from hexcal.reffiles import registry

    chosen: dict[str, Any] = {}
    for label in labels:
        if label == ALL:
            of_types: dict[str, str] = {}
            for name, maker in allowed.items():
                of_types.setdefault(maker.reference_type, defaults.get(maker.reference_type, name))
            chosen.update({name: allowed[name] for name in of_types.values()})
        else:
            maker = registry.maker_of(label, allowed, defaults)
            chosen[maker.label] = maker
    return list(chosen.values())


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
    labels = []
    for position, word in enumerate(words):
        if not _is_name(word, known) and (Path(word).exists() or any(sign in word for sign in "*?[/.")):
            return labels, words[position:]
        labels.append(word)
    return labels, []


def _is_name(word, known):
    """Whether a word names a type of reference file, or a maker."""
    from hexcal.reffiles.registry import ALIASES

    return word in known or word in ALIASES or word == ALL or word in {item.reference_type for item in known.values()}


def _set(settings, name, value, chosen):
    """Set a parameter that the command line gives."""
    from hexcal.errors import ParameterError, unknown_name
    from hexcal.reffiles.configuration import set_option

    label, dot, parameter = name.rpartition(".")
    if label == "output":
        set_option(settings, label, _known_output(parameter), value)
        return
    parameter = parameter.replace("-", "_")
    parameter = _SPELLINGS.get(parameter, parameter)
    if not value:
        raise ParameterError(f"the option --{name} needs a value: --{name}=VALUE", where="hexcal reffiles")
    takers = [
        maker
        for maker in chosen
        if (not dot or label in (maker.label, ALL)) and parameter in maker.Parameters.model_fields
    ]
    if not takers:
        names = [parameter for maker in chosen for parameter in maker.Parameters.model_fields]
        raise unknown_name("option", f"--{name}", [f"--{each}" for each in names], where="hexcal reffiles")
    if len(takers) > 1 and not dot and parameter not in _COMMON:
        labels = ", ".join(maker.label for maker in takers)
        raise ParameterError(
            f"--{name} is a parameter of several makers: {labels}", where="hexcal reffiles",
            hint=f"--{takers[0].label}.{parameter}={value} for one of them, --{ALL}.{parameter}={value} for all",
        )  # fmt: skip
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
