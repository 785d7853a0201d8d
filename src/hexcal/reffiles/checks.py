"""Checks of what a run has made: certified, opened, within limits, used by the pipeline, closed, compared."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.core import cmdline
from hexcal.errors import HexcalError
from hexcal.models.dqflags import pixel
from hexcal.models.open import open as open_model
from hexcal.reffiles import closure, individual, pipeline_steps, quality, truth
from hexcal.reffiles.quality import FAIL, PASS, WARN, Check, Row
from hexcal.workflow import worker


def check_run(run: Any, tasks: list[Any], outcome: Any, held_out: list[Any], true_folder: Any = None,
              exposure: Any = None) -> list[Check]:  # fmt: skip
    """Check all final files of a run.

    Parameters
    ----------
    run : Run
        What has made them.
    tasks : list of Task
        The plan.
    outcome : Outcome
        What became of it.
    held_out : list of Input
        Exposures that were left out.
    true_folder : path-like, optional
        Folder of true references, ``<type>.fits``.
    exposure : path-like, optional
        Raw exposure for the comparison with the files before; default: one that was left out.
    """
    opens, runs_pipeline = run.configuration.tests()
    checks = []
    for task in tasks:
        for path in outcome.final.get(task.maker.label, ()):
            check = Check(task.maker.label, path)
            checks.append(check)
            _findings(check, outcome)
            model = _opened(check) if opens else open_model(path)
            if model is None:
                continue
            limits = run.configuration.limits(task.maker)
            check.rows += quality.judged(quality.statistics(model), limits, f"quality of {task.maker.label}")
            _true(check, task.maker, model, true_folder)
            _closure(check, run, task, path, held_out)
            _before(check, run, task, path, exposure or (held_out[0].path if held_out else None))
    if runs_pipeline:
        _pipeline(checks, run, tasks, outcome)
    _orientation(checks)
    return checks


def _findings(check, outcome):
    errors = [text for text in outcome.findings.get(check.path, ()) if text.startswith("error")]
    warnings = [text for text in outcome.findings.get(check.path, ()) if not text.startswith("error")]
    verdict = FAIL if errors else WARN if warnings else PASS
    check.rows.append(
        Row("certified", f"{len(errors)} errors, {len(warnings)} warnings", "0 errors, 0 warnings", verdict)
    )


def _opened(check):
    """The model of a file, all of which can be read; None if not."""
    try:
        whole = open_model(check.path)
        for name in whole.specs:
            if whole.has(name):
                getattr(whole, name)
    except (HexcalError, ValueError) as error:
        check.rows.append(Row("opened with its model", str(error), "yes", FAIL))
        return None
    check.rows.append(Row("opened with its model", type(whole).__name__))
    # What was read goes: the files of a run are not in memory together.
    return open_model(check.path)


def _true(check, maker, model, folder):
    path = Path(folder, f"{maker.reference_type}.{maker.extension}") if folder is not None else None
    if path is None or not path.is_file():
        return
    true = open_model(path)
    check.rows += truth.rows(maker.reference_type, model, true)
    pull = truth.pulls(maker.reference_type, model, true)
    if pull is not None:
        from hexcal.reffiles.pictures import maps
        from hexcal.report.pages.plots import of_figure

        check.pictures.append((of_figure(maps({"pull against the truth": pull})), "Pulls against the truth"))


# ---- closure


def _closure(check, run, task, path, held_out):
    """Measure the exposures that were left out, with the new file."""
    maker = task.maker
    kinds = {member.kind for item in task.groups for member in item.group.members}
    mode = next((items[0].group.members[-1] for final, items in task.finals.items() if final.name == path.name), None)
    if mode is None:
        return
    own = [item for item in held_out if item.kind in kinds and _same_mode(item, mode)]
    if not own:
        return
    try:
        measured = _measured(run, task, path, own)
    except HexcalError as error:
        check.rows.append(Row("closure", error.message, "exposures that were left out can be measured", WARN))
        return
    check.rows += closure.rows(maker.reference_type, open_model(path), measured)


def _same_mode(exposure, other):
    return all(exposure.value(key) == other.value(key) for key in ("DETECTOR", "SUBARRAY", "READPATT"))


def _measured(run, task, path, exposures):
    """What the maker gives for exposures that are calibrated with the new file."""
    from hexcal.core.parameters import values_of
    from hexcal.errors import InputError

    maker = task.maker
    steps = closure.OWN_STEP.get(maker.reference_type, maker.steps)
    with tempfile.TemporaryDirectory(prefix="hexcal-closure-") as folder:
        members = [_calibrated(run, task, path, item, steps, folder) for item in exposures]
        job = {
            "label": maker.label, "plugins": list(run.settings.plugins), "folders": list(run.settings.folders),
            "members": members, "selection": run.configuration.selection(), "parameters": values_of(task.parameters),
            "origins": {}, "output": str(Path(folder, f"closure.{maker.extension}")), "runs": [],
        }  # fmt: skip
        result = individual.make(job)
        if result["error"] is not None:
            raise InputError(result["error"].splitlines()[0], where=maker.label)
        model = open_model(job["output"]).copy()
        for name in model.specs:
            if model.has(name):
                setattr(model, name, getattr(model, name))
        return model


def _calibrated(run, task, path, exposure, steps, folder):
    """An exposure after steps, with the new file, as a member of a group."""
    from hexcal.errors import InputError

    remaining = pipeline_steps.remaining(exposure, steps, ())
    demand = run.demand(task, exposure, remaining)
    kind = task.maker.reference_type
    words = [word for word in demand.words if f"override_{kind}=" not in word]
    words += [f"--steps.{step}.override_{kind}={path}" for step in pipeline_steps.steps_with(kind)
              if step in remaining.to_do]  # fmt: skip
    result = worker.do(
        {
            "pipeline": pipeline_steps.PIPELINE, "source": str(exposure.path),
            "words": [*words, f"--output_dir={folder}", f"--output_file={demand.root}"],
            "log": str(Path(folder, f"{demand.root}.log")), "groups": None, "threads": run.settings.workers.threads,
        }
    )  # fmt: skip
    if result["error"] is not None:
        raise InputError(result["error"].splitlines()[0], where=str(exposure.path))
    suffix = remaining.suffix
    suffix = "rateints" if suffix == "rate" and exposure.kind in task.maker.by_integration else suffix
    product = str(Path(folder, f"{demand.root}_{suffix}.fits")) if remaining.to_do else str(exposure.path)
    return {"input": str(exposure.path), "kind": exposure.kind, "product": product, "flags": None, "also": {}}


# ---- before and after, pipeline, orientation


def _before(check, run, task, path, exposure):
    """Compare a new file with the one that it is to be compared with."""
    from hexcal.reffiles.compare import compare, predecessor

    if task.validation is None:
        return
    try:
        old = predecessor(path, task.groups[0].group.members[0].path, task.validation)
        if old is None:
            check.rows.append(Row("file before", "none", "one to compare with", WARN))
            return
        change = compare(path, old, exposure, run.given)
    except HexcalError as error:
        check.rows.append(Row("comparison with the file before", error.message, "possible", WARN))
        return
    check.rows += [Row(f"compared with {Path(old).name}", text) for text in change.lines()]
    check.pictures += change.pictures


def _pipeline(checks, run, tasks, outcome):
    """Run the pipeline with all new files on one exposure of every mode."""
    modes: dict[tuple[str, ...], Any] = {}
    keys = ("INSTRUME", "DETECTOR", "SUBARRAY", "READPATT")
    for task in tasks:
        for item in task.groups if task.maker.label in outcome.final else ():
            for member in item.group.members:
                modes.setdefault((member.kind, *(member.value(key) for key in keys)), member)
    for mode, member in modes.items():
        error = _tried(run, member)
        name = f"pipeline with it, {' '.join(word for word in mode if word)}"
        for check in checks:
            check.rows.append(Row(name, error or "runs", "runs", FAIL if error else PASS))


def _tried(run, member):
    """What goes wrong when an exposure is calibrated with all that was made; None if nothing."""
    fits = not run.bootstraps or all(run.latest(kind, member) is not None for kind in ("gain", "readnoise"))
    # Without gain and read noise there are no rates; the steps before them can be tried all the same.
    remaining = pipeline_steps.remaining(member, "ramp_fit-" if fits else "linearity-")
    steps = remaining.to_do
    words = remaining.words(str(member.path))[2:]
    words += [
        f"--steps.{step}.override_{kind}={path}"
        for kind in pipeline_steps.types_used(steps)
        if (path := run.latest(kind, member)) is not None
        for step in pipeline_steps.steps_with(kind)
    ]
    words += [f"--references={run.given}"] if run.given else []
    if run.bootstraps:
        words += [
            f"--steps.{step}.override_{kind}=N/A"
            for kind in pipeline_steps.types_used(steps)
            if run.latest(kind, member) is None
            for step in pipeline_steps.steps_with(kind)
        ]
    with tempfile.TemporaryDirectory(prefix="hexcal-check-") as folder:
        try:
            cmdline.run_target(
                [pipeline_steps.PIPELINE, str(member.path), *words, f"--output_dir={folder}", "--log-stream=null"]
            )
        except HexcalError as error:
            return error.message
    return None


def reference_of(path: Any) -> Any:
    """Return the model of a reference file."""
    return open_model(path)


def _orientation(checks):
    """Hot pixels of the dark and of the mask are the same: a file that is turned is found out."""
    paths = {check.label: check.path for check in checks}
    if not {"dark", "mask"} <= paths.keys():
        return
    hot = [
        (np.bitwise_or.reduce(flags.reshape(-1, *flags.shape[-2:]), axis=0) & np.uint32(pixel.HOT)) != 0
        for flags in (np.asarray(reference_of(paths[label]).dq) for label in ("dark", "mask"))
    ]
    if hot[0].shape != hot[1].shape or min(each.sum() for each in hot) < 5:
        return
    share = (hot[0] & hot[1]).sum() / min(each.sum() for each in hot)
    row = Row(
        "hot pixels of dark and mask coincide", f"{100 * share:.0f} %", "above 80 %", PASS if share > 0.8 else FAIL
    )
    for check in checks:
        if check.label in ("dark", "mask"):
            check.rows.append(row)
