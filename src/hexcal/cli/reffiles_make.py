"""``hexcal reffiles plan|make|combine``."""

import sys
from pathlib import Path

from hexcal.arguments import Arguments
from hexcal.cli.reffiles_options import planned


def plan(words):
    """Tell the plan; returns the exit status."""
    import json

    from hexcal.reffiles import group_file, plan
    from hexcal.reffiles.make import Run

    planning = planned("plan", words)
    if planning is None:
        return 0
    options = planning.options
    wants_commands = options.commands or options.as_json or options.verbose
    commands = _commands(planning) if wants_commands else {}
    if options.write_groups:
        group_file.write(options.write_groups, planning.tasks)
    if options.commands:
        _write_text(options.commands, "".join(f"{command}\n" for command in dict.fromkeys(commands.values())))
    if options.as_json:
        tree = [task.as_dict() for task in planning.tasks]
        for task in tree:
            for group in task["groups"]:
                group["commands"] = [commands.get((task["maker"], Path(path))) for path in group["members"]]
        print(json.dumps(tree, indent=1, default=str))
    else:
        run = Run(planning.places, planning.settings, _settings(planning))
        commands = commands if options.verbose else None
        print("\n".join(plan.lines(planning.tasks, planning.left_out, commands, not run.bootstraps)))
        print("".join(f"kept for the closure: {item.path.name}\n" for item in planning.held_out), end="")
    return 64 if all(task.problem for task in planning.tasks) else 0


def _commands(planning):
    """(label, exposure) -> the command that brings it to what the maker wants; of the first pass."""
    from hexcal.reffiles.make import Run

    run = Run(planning.places, planning.settings, _settings(planning))
    return run.commands(planning.tasks)


def _settings(planning):
    from hexcal.reffiles.outcome import Settings
    from hexcal.reffiles.workers import Workers

    options = planning.options
    batch = planning.settings.batch()
    value = lambda name: getattr(options, name, None)  # noqa: E731
    return Settings(
        options.references, bool(value("redo") or value("redo_products")),
        bool(value("redo") or value("redo_references")), value("most_products"), value("most_references"),
        options.passes, planning.is_all, tuple(options.plugin), tuple(options.folders),
        Workers(value("jobs") or batch.get("jobs", 1), value("scheduler") or batch.get("scheduler"),
                value("slurm") or batch.get("slurm")),
    )  # fmt: skip


def make(words):
    """Make reference files; returns the exit status."""
    from hexcal.errors import HexcalError
    from hexcal.reffiles.inputs import told
    from hexcal.reffiles.make import Run

    planning = planned("make", words)
    if planning is None:
        return 0
    for line in told(planning.left_out):
        print(line)
    if all(task.problem for task in planning.tasks):
        for task in planning.tasks:
            print(f"hexcal: {task.maker.label}: {task.problem}", file=sys.stderr)
        return 64
    _write(planning.table(), planning.places.folder / "inputs.ecsv")
    run = Run(planning.places, planning.settings, _settings(planning), lambda text: print(text, flush=True))
    _tell_of_room(planning, not run.bootstraps)
    outcome = run.do(planning.tasks)
    try:
        checked = _checks(planning, run, outcome)
    except (HexcalError, OSError) as error:
        # What was made, and what was not, is said all the same.
        print(f"hexcal: the checks stopped: {error}", file=sys.stderr)
        checked = False
    for label, paths in outcome.final.items():
        for path in paths:
            print(f"{label}: {path}")
            for finding in outcome.findings.get(path, ()):
                print(f"  {finding}")
    for label, reason in outcome.failed.items():
        print(f"hexcal: {label} failed: {reason}", file=sys.stderr)
    for name, reason in outcome.not_made.items():
        print(f"not made, as these exposures do not allow it: {name}: {reason}")
    for name in outcome.left:
        print(f"left for a later run: {name}")
    is_good = outcome.is_good and checked
    if planning.options.remove_intermediate:
        _remove_intermediate(run, is_good)
    return 0 if is_good else 1


def _tell_of_room(planning, shared):
    """Say before anything runs that the products of the pipeline may not fit on the disk."""
    import shutil

    from hexcal.reffiles import plan

    folder = planning.places.folder
    needed, free = plan.estimate(planning.tasks, shared)[1] * planning.options.passes, shutil.disk_usage(folder).free
    if needed > free:
        print(
            f"hexcal: products of the pipeline take about {needed / 1e9:.1f} GB in all, and {free / 1e9:.1f} GB are "
            f"free\n  where: {folder}\n  next:  what does not fit fails and can be made by the same command later; "
            "--output DIR names another place",
            file=sys.stderr,
        )


def _remove_intermediate(run, is_good):
    """Remove what was made on the way, unless something is still to be made of it."""
    if not is_good:
        print("the products of the pipeline are kept: not everything is made and checked")
        return
    files, size = run.remove_intermediate()
    print(f"removed {files} products of the pipeline, {size / 1e9:.2f} GB; they are made again when they are needed")


def _checks(planning, run, outcome):
    """Check what was made, and write the page; returns whether nothing failed."""
    from hexcal.reffiles.checks import check_run

    options = planning.options
    checks = check_run(run, planning.tasks, outcome, planning.held_out, options.truth, options.test_exposure)
    for check in checks:
        for line in check.lines():
            print(line, flush=True)
    if not options.no_report and outcome.final:
        from hexcal.reffiles.report import write_run

        print(f"report: {write_run(planning.places.folder, checks, outcome, planning.tasks, planning.left_out)}")
    return not any(check.failed for check in checks)


def combine(words):
    """Join individual files; returns the exit status."""
    from hexcal.core.parameters import describe, validated
    from hexcal.errors import ParameterError
    from hexcal.reffiles.combine import CombineParameters
    from hexcal.reffiles.final import certified, write_final
    from hexcal.reffiles.registry import maker_of, makers

    parser = Arguments("hexcal reffiles combine", "Join individual reference files into one, pixel by pixel.")
    add = parser.add_argument
    add("type", metavar="TYPE", help="type of reference file, or label of a maker")
    add("files", nargs="+", metavar="FILE", help="individual files")
    add("--output", required=True, metavar="FILE", help="the file that is written")
    add("--plugin", action="append", default=[], metavar="FILE", help="file with makers of your own")
    for name in CombineParameters.model_fields:
        if name != "flag_fractions":
            spellings = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))
            add(*spellings, metavar="VALUE", help=describe(CombineParameters.model_fields[name], name))
    options = parser.parse(words)
    if options is None:
        return 0
    output = Path(options.output)
    if output.exists():
        raise ParameterError("the output exists already", where=str(output), hint="give another name")
    given = {name: getattr(options, name) for name in CombineParameters.model_fields if hasattr(options, name)}
    parameters = validated(
        CombineParameters, {key: value for key, value in given.items() if value is not None}, "combine"
    )
    maker = maker_of(options.type, makers(options.plugin))
    write_final(output, [Path(path) for path in options.files], parameters, maker)
    findings = certified(output)
    print(f"{output}: made of {len(options.files)} individual files")
    print("".join(f"  {finding}\n" for finding in findings), end="")
    return 1 if any(finding.startswith("error") for finding in findings) else 0


def _write(table, path):
    """Write the table of the inputs; that of a run before is replaced."""
    import io

    from hexcal.core.names import make_folder

    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    make_folder(path.parent)
    _write_text(path, text.getvalue())


def _write_text(path, text):
    from hexcal.files.atomic import atomic

    with atomic(path) as stream:
        stream.write(text.encode())
