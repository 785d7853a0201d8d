"""Doing what a plan says: pipeline runs, individual files, the final files and their checks."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hexcal.core.names import make_folder
from hexcal.core.parameters import values_of
from hexcal.errors import HexcalError, InputError
from hexcal.files import gate
from hexcal.files.atomic import atomic
from hexcal.reffiles import first_mask, individual, intermediate, pipeline_runs, pipeline_steps, record, run_products
from hexcal.reffiles.final import certified, is_joined, newer, write_final
from hexcal.reffiles.maker import NotSuitable
from hexcal.reffiles.outcome import Failure, Outcome, Settings
from hexcal.reffiles.plan import BARE, SELF
from hexcal.workflow import ledger, worker

_LEFT = Failure("it was left for a later run")
REFERENCES = "references"
"""Folder in that of the run with a copy of what was made, as ``<type>.fits``: a folder for ``--references``."""


class Run:
    """One run of the tool.

    Parameters
    ----------
    places : Places
        Where files go.
    configuration : Configuration
        What is set.
    settings : Settings
        How it is done.
    say : callable
        Prints a line.
    """

    def __init__(self, places, configuration, settings=None, say: Callable[[str], None] = lambda text: None):
        self.places, self.configuration, self.say = places, configuration, say
        self.settings = settings or Settings()
        self.given = self.settings.references or os.environ.get("HEXCAL_REFERENCES")
        self.outcome = Outcome()
        self.names = Counter()
        self.made: dict[str, list[tuple[Any, Path]]] = {}
        """Type -> the files of it that this run has made, the latest first, with an exposure that says for what."""
        self.number = 0
        self.products_run = self.references_run = 0

    @property
    def bootstraps(self) -> bool:
        """Whether nothing but what the run makes itself is there as reference files."""
        return not self.given and not os.environ.get("CRDS_PATH")

    def do(self, tasks) -> Outcome:
        """Do tasks, in order; what fails does not stop the others."""
        make_folder(self.places.folder)
        self.count_names(tasks)
        with gate.run(), ledger.locked(self.places.folder), self.settings.workers.at_work():
            book = ledger.Ledger(self.places.folder)
            try:
                for number in range(1, self.settings.passes + 1):
                    self.number = number
                    self._clear()
                    for wave in self.waves(tasks):
                        self._wave(wave, book)
            finally:
                book.close()
        return self.outcome

    def remove_intermediate(self) -> tuple[int, int]:
        """Remove the products of the pipeline; returns how many files, and their bytes."""
        with ledger.locked(self.places.folder):
            book = ledger.Ledger(self.places.folder)
            try:
                return intermediate.remove(book, [row["key"] for row in book.jobs()])
            finally:
                book.close()

    def _clear(self):
        """What an earlier pass has made counts only as references for this one; its failures may be mended."""
        self.outcome = Outcome(left=self.outcome.left)

    def count_names(self, tasks):
        """Count how many inputs have one name: ground data may have it in several folders."""
        members = {(item.kind, item.path) for task in tasks for group in task.groups for item in group.group.members}
        self.names = Counter((kind, path.name.rpartition("_")[0] or path.stem) for kind, path in members)

    def commands(self, tasks) -> dict[tuple[str, Path], str]:
        """Return (label, exposure) -> the command that brings it to what a maker wants; nothing is opened or made.

        Files that the run has yet to make are named as they will be.
        """
        self.number = self.settings.passes
        self.count_names(tasks)
        result = {}
        for task in tasks:
            for item in task.groups:
                for member, remaining in zip(item.group.members, item.remaining, strict=True):
                    if remaining.to_do:
                        result[task.maker.label, member.path] = self._command(task, member, remaining)
            for final, items in task.finals.items():
                self.made.setdefault(task.maker.reference_type, []).insert(0, (items[0].group.members[-1], final))
        return result

    def _command(self, task, member, remaining):
        try:
            demand = self.demand(task, member, remaining)
        except NotSuitable as error:
            return f"# cannot be done: {error.message}"
        return pipeline_runs.PipelineRun(demand, demand.folder).command

    def waves(self, tasks) -> list[list[Any]]:
        """Tasks that may be done together: none of them uses what another one makes."""
        waves: list[list[Any]] = []
        for task in tasks:
            types = {other.maker.reference_type for other in waves[-1]} if waves else set()
            uses = {kind for kind, source in task.references.items() if source == SELF}
            if not waves or self.bootstraps or uses & types:
                waves.append([])
            waves[-1].append(task)
        return waves

    # ---- places of this pass

    @property
    def _here(self):
        return self.places if self.number == self.settings.passes else self.places.of_pass(self.number)

    def _placed(self, path: Path) -> Path:
        """Where a file of the plan is in this pass."""
        return self._here.folder / path.relative_to(self.places.folder)

    # ---- one wave

    def _wave(self, tasks, book):
        demands: dict[tuple[str, int, Path], pipeline_runs.Demand] = {}
        for task in tasks:
            if task.problem:
                self.outcome.failed[task.maker.label] = task.problem
                continue
            self._demands(task, demands)
        runs = pipeline_runs.arranged(
            demands.values(), book, self._folder(), self.settings.redo_products, self._search_folders()
        )
        for run in runs.values():
            first_mask.write(self.places.folder, run.demand)
        self._make_removed_again(tasks, demands, runs)
        errors = self._run_pipelines(runs, book)
        jobs = []
        for task in tasks:
            for item in task.groups:
                job = self._individual(task, item, demands, runs, errors)
                if job is not None:
                    jobs.append(((task, item, len(job["members"])), job))
        self._make_individual(jobs)
        for task in tasks:
            self._finish(task)

    def _make_removed_again(self, tasks, demands, runs):
        """Have runs done again whose products were removed, for individual files that have to be made."""
        for task in tasks:
            for item in task.groups:
                own = [demands.get((task.maker.label, item.number, member.path)) for member in item.group.members]
                needed = [runs[demand] for demand in own if demand is not None and runs[demand].removed]
                if needed and not self._is_there(task, item, self._members(task, item, demands, runs)):
                    intermediate.make_again(needed, runs)

    def _run_of(self, task, item, member, demands, runs):
        """The run of the pipeline for an exposure of a group; None where nothing remains to be done."""
        demand = demands.get((task.maker.label, item.number, member.path))
        return runs[demand] if demand is not None else None

    def _members(self, task, item, demands, runs):
        """The exposures of a group as the maker gets them."""
        return [
            run_products.member(task, member, remaining, self._run_of(task, item, member, demands, runs))
            for member, remaining in zip(item.group.members, item.remaining, strict=True)
        ]

    def _demands(self, task, demands):
        for item in task.groups:
            for member, remaining in zip(item.group.members, item.remaining, strict=True):
                if remaining.to_do:
                    try:
                        demands[task.maker.label, item.number, member.path] = self.demand(task, member, remaining)
                    except HexcalError as error:
                        told = self._told_of(not isinstance(error, NotSuitable))
                        told[f"{task.maker.label}, group {item.number}"] = str(error)

    def _told_of(self, is_failure) -> dict[str, str]:
        """Where it is noted that a file is not made: as a failure, or as what the exposures do not allow."""
        return self.outcome.not_made if self.settings.as_allowed and not is_failure else self.outcome.failed

    def demand(self, task, member, remaining) -> pipeline_runs.Demand:
        """Return what a maker wants of an exposure."""
        references = dict(self._references(task, member, remaining.to_do))
        root = member.path.name.rpartition("_")[0] or member.path.stem
        root = f"{member.path.parent.name}_{root}" if self.names[member.kind, root] > 1 else root
        folder = self._here.products / task.maker.label / member.kind
        return pipeline_runs.Demand(
            task.maker.label, member, remaining, tuple(sorted(references.items())), root, folder,
            str(self.given) if self.given else None,
        )  # fmt: skip

    def _references(self, task, member, steps):
        """Reference files that are not left to the choice of the pipeline: (type, file or N/A)."""
        for kind in pipeline_steps.types_used(steps):
            source = task.references.get(kind)
            latest = self.latest(kind, member)
            if source == BARE or (source is None and self.bootstraps and kind == "mask" and latest is None):
                yield kind, str(first_mask.path_of(self.places.folder, member))
            elif source is None and self.bootstraps:
                step = pipeline_steps.cannot_do_without(kind, steps)
                if latest is None and step is not None:
                    raise NotSuitable(
                        f"{step} needs a {kind} reference, and this run has made none",
                        where=task.maker.label,
                        hint=f"make {kind} in the same run, name a folder that has one (--references DIR), or a file "
                        f"in the configuration (reffile4ssb: {{{kind}: FILE}})",
                    )
                yield kind, str(latest) if latest is not None else "N/A"
            elif source == SELF:
                if latest is None:
                    raise InputError(
                        f"the {kind} reference is to be the one of this run (SELF), and there is none",
                        where=task.maker.label,
                        hint=f"make {kind} in the same run, or name a file",
                    )
                yield kind, str(latest)
            elif source == "N/A":
                yield kind, "N/A"
            elif source is not None and source != "CRDS":
                yield kind, str(run_products.existing(source))

    def latest(self, kind, member) -> Path | None:
        """The file of a type that this run has made for the detector and subarray of an exposure, if there is one."""
        keys = ("INSTRUME", "DETECTOR", "SUBARRAY", "SUBSTRT1", "SUBSTRT2")
        own = [member.value(key) for key in keys]
        return next(
            (path for other, path in self.made.get(kind, ()) if [other.value(key) for key in keys] == own), None
        )

    def _folder(self):
        """Folder of references for the pipeline; None where the environment has a cache, or there is nothing yet."""
        return self.given or None

    def _search_folders(self):
        folders = self.configuration.section("output")["pipeline_prod_search_dir"]
        return [Path(os.path.expandvars(folder)) for folder in folders]

    # ---- the pipeline

    def _run_pipelines(self, runs, book) -> dict[str, Failure]:
        """Do the runs that have to be done; returns what went wrong, by key."""
        due = list({id(run): run for run in runs.values() if run.reason is not None}.values())
        if self.settings.most_products is not None:
            room = max(0, self.settings.most_products - self.products_run)
            due, left = due[:room], due[room:]
        else:
            left = []
        errors = {run.demand.key: _LEFT for run in left}
        self.products_run += len(due)
        output = self.configuration.section("output")
        jobs = []
        for run in due:
            pipeline_runs.note_begin(run, book)
            described = run.described(self._here, self.settings.workers.threads, bool(output["ssblogFlag"]))
            jobs.append((run, described))
        logs = {id(run): described["log"] for run, described in jobs}
        for run, result in self.settings.workers.each(worker.do, jobs):
            result = run_products.lost(result) if isinstance(result, Exception) else result
            log = logs[id(run)]
            error = pipeline_runs.note_end(run, book, result, log)
            if output["ssberrorlogFlag"]:
                run_products.write_errors(run, log, error)
            if error is not None:
                text = f"the pipeline failed on {run.demand.member.path.name}: {error}\n  log:   {log}"
                errors[run.demand.key] = Failure(text, result["is_of_input"])
                continue
            self.say(f"{run.demand.root}_{run.demand.remaining.suffix}: {result['seconds']:.1f} s ({run.reason})")
        return errors

    # ---- individual files

    def _individual(self, task, item, demands, runs, errors):
        """The job that makes an individual file; None if it is there, or cannot be made."""
        name = f"{task.maker.label}, group {item.number}"
        if name in {**self.outcome.failed, **self.outcome.not_made}:
            return None
        of_member = {member: self._run_of(task, item, member, demands, runs) for member in item.group.members}
        bad = {member: errors[run.demand.key] for member, run in of_member.items() if run and run.demand.key in errors}
        if _LEFT in bad.values():
            self.outcome.left.append(name)
            return None
        if bad:
            # One that is broken does not take the others with it; a disk that is full does.
            kept = item.without(bad, task.rules) if all(failure.is_of_input for failure in bad.values()) else None
            if kept is None:
                self.outcome.failed[name] = next(iter(bad.values())).text
                return None
            self.outcome.failed |= {f"{name}, without {each.path.name}": failure.text for each, failure in bad.items()}
            item = kept
        commands = [run.command for member, run in of_member.items() if run is not None and member not in bad]
        output, members = self._placed(item.output), self._members(task, item, demands, runs)
        if self._is_there(task, item, members):
            self.say(f"{output.name}: kept")
            return None
        if self.settings.most_references is not None and self.references_run >= self.settings.most_references:
            self.outcome.left.append(f"{name}")
            return None
        self.references_run += 1
        # It may have been looked at, to see whether it is as it would be made now.
        gate.edits(output)
        return {
            "label": task.maker.label, "plugins": list(self.settings.plugins), "folders": list(self.settings.folders),
            "members": members, "selection": self.configuration.selection(), "parameters": values_of(task.parameters),
            "origins": task.origins, "output": str(output), "runs": commands,
        }  # fmt: skip

    def _is_there(self, task, item, members):
        """Whether an individual file was made of these exposures, their products, and the parameters as they are.

        Products that are gone were removed on purpose, when they had served.
        """
        output = self._placed(item.output)
        if not output.is_file() or self.settings.redo_references:
            return False
        sources = [path for own in members for path in (own["product"], own["flags"]) if path and Path(path).is_file()]
        former = record.of_file(output)
        if former is None or not newer(output, sources):
            return False
        # An exposure that is taken away leaves no product that is newer.
        if [entry["path"] for entry in former["inputs"]] != [str(Path(own["input"]).resolve()) for own in members]:
            return False
        values = {name: entry["value"] for name, entry in former["run"].get("parameters", {}).items()}
        return values == record.as_recorded(values_of(task.parameters))

    def _make_individual(self, jobs):
        for (task, item, number), result in self.settings.workers.each(individual.make, jobs):
            name = f"{task.maker.label}, group {item.number}"
            if isinstance(result, Exception):
                self.outcome.failed[name] = str(result)
            elif result["error"] is not None:
                self._told_of(result["is_suitable"])[name] = result["error"]
            else:
                self.say(f"{item.output.name}: made of {number} exposures in {result['seconds']:.1f} s")
                for note in result["notes"]:
                    self.say(f"  {note}")

    # ---- final files

    def _finish(self, task):
        label = task.maker.label
        for final, items in task.finals.items():
            individual = [self._placed(item.output) for item in items]
            individual = [path for item, path in zip(items, individual, strict=True)
                    if f"{label}, group {item.number}" not in {*self.outcome.failed, *self.outcome.not_made}
                    and path.is_file()]  # fmt: skip
            if not individual or any(text.startswith(f"{label}, group") for text in self.outcome.left):
                continue
            try:
                self._final(task, self._placed(final), individual, items[0].group.members[-1])
            except HexcalError as error:
                self.outcome.failed[label] = str(error)
            except OSError as error:
                self.outcome.failed[label] = f"the file cannot be written: {error.strerror}"

    def _final(self, task, final, individual, exposure):
        maker = task.maker
        parameters = self.configuration.combining()
        if self.settings.redo_references or not is_joined(final, individual, parameters):
            gate.edits(final)
            write_final(final, individual, parameters, maker)
        if not (final.with_suffix(".json")).is_file():
            record.write_beside(final, record.of_file(final) or {})
        self.outcome.final.setdefault(maker.label, []).append(final)
        self.made.setdefault(maker.reference_type, []).insert(0, (exposure, final))
        if self.number == self.settings.passes:
            self._keep(maker, final)
            self.outcome.findings[final] = certified(final)
        findings = self.outcome.findings.get(final, [])
        self.say(f"{final}: made of {len(individual)} individual files, {len(findings)} findings")

    def _keep(self, maker, final):
        """Keep a copy under the name by which a folder of references is searched."""
        kept = self.places.folder / REFERENCES / f"{maker.reference_type}.{maker.extension}"
        if len(self.outcome.final[maker.label]) > 1:
            kept = kept.with_name(f"{final.name.removesuffix(f'.{maker.extension}')}.{maker.extension}")
        make_folder(kept.parent)
        gate.edits(kept)
        with open(final, "rb") as stored, atomic(kept, again=True) as stream:
            shutil.copyfileobj(stored, stream)
