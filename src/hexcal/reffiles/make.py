"""Doing what a plan says: pipeline runs, individual files, the final file and its check."""

import logging
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hexcal.core.names import make_folder
from hexcal.errors import HexcalError, InputError, shortened
from hexcal.files import gate
from hexcal.models.open import open as open_model
from hexcal.reffiles import headers, pipeline_steps
from hexcal.reffiles.combine import combined
from hexcal.reffiles.maker import Members
from hexcal.reffiles.plan import SELF
from hexcal.workflow import ledger, run, worker
from hexcal.workflow.changes import Changes
from hexcal.workflow.jobs import Job
from hexcal.workflow.references import Choices

REFERENCES = "references"
"""Folder in that of the run that holds what was made, as ``<type>.fits``: the references of what is made after it."""


@dataclass
class Outcome:
    """What became of a run.

    Attributes
    ----------
    final : dict of str to pathlib.Path
        Label -> the file that is delivered.
    failed : dict of str to str
        Label, or label and number of the group -> why.
    findings : dict of str to list of str
        Label -> what certifying found.
    """

    final: dict[str, Path] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    findings: dict[str, list[str]] = field(default_factory=dict)


class Run:
    """One run of the tool.

    Parameters
    ----------
    places : Places
        Where files go.
    configuration : Configuration
        What is set.
    references : path-like, optional
        Folder of reference files for the pipeline; default: the environment's, and where it names none, what this run
        has made.
    redo : bool
        Make files again that are there.
    say : callable
        Prints a line.
    """

    def __init__(
        self, places, configuration, references=None, redo=False, say: Callable[[str], None] = lambda text: None
    ):
        self.places, self.configuration, self.redo, self.say = places, configuration, redo, say
        self.given = references or os.environ.get("HEXCAL_REFERENCES")
        self.log = logging.getLogger("hexcal.reffiles")
        self.outcome = Outcome()
        self.names = Counter()

    def do(self, tasks) -> Outcome:
        """Do tasks, in order; what fails does not stop the others."""
        make_folder(self.places.folder)
        members = {(item.kind, item.path) for task in tasks for group in task.groups for item in group.group.members}
        self.names = Counter((kind, path.name.rpartition("_")[0] or path.stem) for kind, path in members)
        with gate.run(), ledger.locked(self.places.folder):
            book = ledger.Ledger(self.places.folder)
            try:
                for task in tasks:
                    self._task(task, book)
            finally:
                book.close()
        return self.outcome

    def _task(self, task, book):
        label = task.maker.label
        if task.problem:
            self.outcome.failed[label] = task.problem
            return
        made = []
        for item in task.groups:
            try:
                made.append(self._group(task, item, book))
            except HexcalError as error:
                self.outcome.failed[f"{label}, group {item.number}"] = str(error)
            except Exception as error:  # noqa: BLE001 - a maker of a user's must not end those of the others
                self.outcome.failed[f"{label}, group {item.number}"] = (
                    f"{type(error).__name__}: {shortened(str(error))}"
                )
        if made:
            try:
                self._final(task, made)
            except HexcalError as error:
                self.outcome.failed[label] = str(error)

    # ---- one group

    def _group(self, task, item, book) -> Path:
        """Make the individual file of a group; returns its path."""
        paths = [
            self._product(task, member, remaining, book)
            for member, remaining in zip(item.group.members, item.remaining, strict=True)
        ]
        if item.output.is_file() and not self.redo and _newer(item.output, paths):
            self.say(f"{item.output.name}: kept")
            return item.output
        models = [(member.kind, open_model(path)) for member, path in zip(item.group.members, paths, strict=True)]
        members = Members(models, item.group.members)
        maker = task.maker()
        model = maker.make(members, task.parameters, self.log.getChild(maker.label))
        headers.describe(model, maker, members, list(item.group.members), task.parameters)
        make_folder(item.output.parent)
        model.save(item.output)
        self.say(f"{item.output.name}: made of {len(paths)} exposures")
        return item.output

    def _product(self, task, member, remaining, book) -> Path:
        """Return the exposure after the steps that remain, made unless it is there as it would be made now."""
        if not remaining.to_do:
            return member.path
        root = self._root(member)
        suffix = remaining.suffix
        words = [*remaining.words(str(member.path))[2:], *self._reference_words(task)]
        # What the references are decides what the product is: those of one type may differ from maker to maker.
        job = Job(
            f"{suffix} {member.kind} {root} {task.maker.label}",
            pipeline_steps.PIPELINE,
            member.path,
            ((str(member.path), member.kind),),
        )
        folder = self.places.products / task.maker.label / member.kind
        changes = Changes(book, {job.pipeline: words}, Choices(self._folder()))
        reason = changes.why(job)
        if reason is not None:
            book.begin(job, reason)
            log = folder / f"{root}_{suffix}.log.txt"
            result = worker.do(
                {
                    "pipeline": job.pipeline, "source": str(member.path),
                    "words": [*words, f"--output_dir={folder}", f"--output_file={root}"],
                    "log": str(log), "groups": None, "threads": len(os.sched_getaffinity(0)),
                }
            )  # fmt: skip
            run.note_end(book, job, result, words, log)
            if result["state"] != ledger.DONE:
                raise InputError(f"the pipeline failed on {member.path.name}: {result['error']}", where=str(log))
            self.say(f"{root}_{suffix}.fits: {result['seconds']:.1f} s ({reason})")
        name = (
            f"{root}_rateints.fits"
            if suffix == "rate" and member.kind in task.maker.by_integration
            else f"{root}_{suffix}.fits"
        )
        return folder / name

    def _root(self, member):
        """Base of the names of the products of an exposure; ground data may have one name in several folders."""
        root = member.path.name.rpartition("_")[0] or member.path.stem
        return f"{member.path.parent.name}_{root}" if self.names[member.kind, root] > 1 else root

    def _folder(self):
        """Folder of references for the pipeline; None where the environment has a cache."""
        if self.given:
            return self.given
        if os.environ.get("CRDS_PATH"):
            return None
        folder = self.places.folder / REFERENCES
        make_folder(folder)
        return folder

    def _reference_words(self, task):
        folder = self._folder()
        words = [f"--references={folder}"] if folder is not None else []
        for kind, source in task.references.items():
            if source == "CRDS":
                continue
            path = self._self(kind) if source == SELF else source
            words += [f"--steps.{step}.override_{kind}={path}" for step in steps_with(kind)]
        return words

    def _self(self, kind):
        made = self.places.folder / REFERENCES / f"{kind}.fits"
        if not made.is_file():
            raise InputError(
                f"the {kind} reference is to be the one of this run (SELF), and there is none", where=str(made)
            )
        return made

    # ---- the final file

    def _final(self, task, made):
        maker = task.maker
        if not (task.final.is_file() and not self.redo and _newer(task.final, made)):
            model = combined([open_model(path) for path in made], self.configuration.combining())
            if len(made) > 1:
                _join_history(model, made)
            model.save(task.final)
        self.outcome.final[maker.label] = task.final
        kept = self.places.folder / REFERENCES / f"{maker.reference_type}.fits"
        make_folder(kept.parent)
        # The pipeline may have read the one of a run before.
        gate.edits(kept)
        open_model(task.final).save(kept)
        self.outcome.findings[maker.label] = _certified(task.final)
        self.say(
            f"{task.final}: made of {len(made)} individual files, {len(self.outcome.findings[maker.label])} findings"
        )


def _newer(path, sources):
    return all(path.stat().st_mtime_ns >= Path(source).stat().st_mtime_ns for source in sources)


def steps_with(kind):
    """The steps of the pipeline that ask for a type of reference file."""
    from hexcal.core import registry

    owner = registry.find(pipeline_steps.PIPELINE)
    return [name for name, step in owner.step_defs.items() if kind in step.reference_types]


def _join_history(model, paths):
    """The data of all individual files are those of the final one."""
    known = set(map(_text, model.history))
    for path in paths[1:]:
        for entry in open_model(path).history:
            if _text(entry).startswith("DATA USED:") and _text(entry) not in known:
                known.add(_text(entry))
                model.history.append(entry)


def _text(entry: Any) -> str:
    return entry["description"] if isinstance(entry, dict) else str(entry)


def _certified(path) -> list[str]:
    """What certifying a file finds: errors and warnings."""
    from hexcal import observatories
    from hexcal.references.delivery.certify import certify
    from hexcal.references.header_cards import read_header

    observatory = observatories.of_header(read_header(str(path)), default="jwst")
    found = certify(str(path), observatory.name).findings
    return [f"{finding.level}: {finding.where}: {finding.text}" for finding in found]
