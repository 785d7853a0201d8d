"""A programme from beginning to end: exposures, plan, what has changed, the work, the summary."""

import os
from pathlib import Path

from hexcal.core.provenance import version
from hexcal.errors import HexcalError
from hexcal.workflow import cluster, options, plan, references, run, tell
from hexcal.workflow.changes import Changes
from hexcal.workflow.exposures import collect
from hexcal.workflow.ledger import NAME, Ledger, locked


class Programme:
    """What ``hexcal process`` does.

    Parameters
    ----------
    settings : argparse.Namespace
        Options of the command.
    step_words : list of str
        Options that go to steps.
    words : list of str
        All words of the command, for the ledger.
    say : callable
        Prints a line.
    """

    def __init__(self, settings, step_words, words, say):
        self.settings, self.step_words, self.words, self.say = settings, step_words, words, say
        self.out = Path(settings.out).resolve()
        self.resources = cluster.of_machine(settings.workers, settings.memory)

    def _planned(self):
        """The exposures, and the plan for them."""
        exposures, rejected = collect(self.settings.sources, but=self.out)
        rules_of = next((w.partition("=")[2] for w in self.step_words if w.startswith("--profile=")), None)
        planned = plan.plan_of(
            exposures, self.out, rules_of=_release(rules_of), pool=self.settings.pool, last_stage=self.settings.until
        )
        planned.rejected[:0] = rejected
        return exposures, planned

    def _changes(self, planned, book):
        pipelines = [job.pipeline for job in planned.jobs.values()]
        words = options.by_pipeline(pipelines, self.step_words, self.settings.config_file, self.settings.recipe)
        folder = next((w.partition("=")[2] for w in self.step_words if w.startswith("--references=")), None)
        return Changes(book, words, references.Choices(folder))

    def show(self):
        """Tell the plan, and do nothing; returns the exit status."""
        exposures, planned = self._planned()
        book = Ledger(self.out, writes=False) if Path(self.out, NAME).is_file() else _Nothing()
        changes = self._changes(planned, book)
        for job in planned.jobs.values():
            changes.why(job)
        if self.settings.as_json:
            self.say(plan.as_json(planned, changes.again))
            return 0
        lines = tell.plan_text(planned, changes.again)
        lines += tell.missing_text(references.sizes_of(references.missing_files(planned, exposures)))
        self.say("\n".join([tell.counted(len(exposures), "exposure"), *lines]))
        return 0

    def process(self, is_again=False):
        """Do what has to be done; returns the exit status.

        `is_again`: the same was done a while ago, and nothing is said if nothing has changed.
        """
        cluster.require_installed()
        exposures, planned = self._planned()
        os.makedirs(self.out, exist_ok=True)
        with locked(self.out):
            book = Ledger(self.out)
            try:
                number = book.begin_run(self.words, version())
                outcome = self._done(exposures, planned, book, is_again)
                # What cannot be written now does no harm to the products, and the summary must tell of them.
                is_told = self._attempt(lambda: book.end_run(number))
                if not self.settings.no_report and (outcome.done or outcome.failed):
                    is_told &= self._attempt(lambda: self.say(f"report: {self._report(planned, book)}"))
            finally:
                book.close()
        if not is_again or outcome.done or outcome.failed:
            self.say("\n".join(tell.summary(planned, outcome)))
        return 0 if outcome.is_good and is_told and not planned.rejected else 1

    def _attempt(self, action):
        """Do something; if it fails, say why. Returns whether it was done."""
        try:
            action()
        except HexcalError as error:
            self.say(f"not done: {tell.in_one_line(error)}")
            return False
        return True

    def _report(self, planned, book):
        """Write the pages; returns the path of the first."""
        from hexcal.report.pages.pages import write_programme

        notes = tell.left_out(planned)
        return write_programme(self.out, book.jobs(), f"Programme in {self.out.name}", notes)

    def _done(self, exposures, planned, book, is_again):
        changes = self._changes(planned, book)
        groups = options.QUICK_GROUPS if self.settings.recipe == "quick" else None
        settings = run.Settings(
            self.out, changes.words, self.resources, self.settings.scheduler, self.settings.slurm, groups
        )
        if not is_again:
            counts = f"{tell.counted(len(exposures), 'exposure')}, {tell.counted(len(planned.jobs), 'job')}"
            self.say(f"{counts}; the log of each job is in {self.out / run.LOGS}")
            for line in tell.missing_text(references.sizes_of(references.missing_files(planned, exposures))):
                self.say(line)
        with tell.Progress(len(planned.jobs), self.say) as progress:
            return run.run(planned, book, changes, settings, progress)


class _Nothing:
    """The ledger of a folder into which nothing was processed."""

    def job(self, key):
        """Nothing is known of any job."""


def _release(profile):
    """The release whose association rules a profile means; None for those of the default."""
    return profile if profile and profile[0].isdigit() else None
