"""Doing the jobs of a plan: those that changed, each as soon as what it needs is there, on the workers of a cluster."""

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hexcal.core.provenance import version
from hexcal.files.atomic import atomic
from hexcal.workflow import cluster, ledger, worker

LOGS = "logs"
"""Folder of the logs, in that of the products."""


@dataclass
class Outcome:
    """What became of the jobs of a plan.

    Attributes
    ----------
    done, failed, no_data : dict of str to dict
        Key -> what the worker said.
    not_run : dict of str to str
        Key -> which job it waited for in vain.
    kept : list of str
        Keys of jobs whose products are as they would be made now.
    seconds : float
        From beginning to end.
    """

    done: dict = field(default_factory=dict)
    failed: dict = field(default_factory=dict)
    no_data: dict = field(default_factory=dict)
    not_run: dict = field(default_factory=dict)
    kept: list = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_good(self):
        """Whether nothing failed."""
        return not self.failed


@dataclass
class Settings:
    """How jobs are done.

    Attributes
    ----------
    out : pathlib.Path
        Folder of the products.
    words : dict of str to list of str
        Options for each pipeline, as those of ``hexcal run``.
    resources : Resources
        Of workers that are started.
    scheduler, slurm : str or None
        See `hexcal.workflow.cluster.client`.
    groups : int or None
        How many groups of a ramp are read.
    """

    out: Path
    words: dict
    resources: cluster.Resources
    scheduler: str | None = None
    slurm: str | None = None
    groups: int | None = None


def run(plan, book, changes, settings, tell: Callable[[str, Any], None]) -> Outcome:
    """Do the jobs of a plan that have to run.

    Parameters
    ----------
    plan : Plan
        What has to be made.
    book : Ledger
        Where it is noted.
    changes : Changes
        Says which jobs have to run.
    settings : Settings
        How.
    tell : callable
        Is told ``("cluster", client, number of workers that SLURM is asked for)``,
        ``("begin", job, why)``, ``("end", job, result)``, ``("left", job, key)``.

    Returns
    -------
    Outcome
    """
    started, outcome = time.perf_counter(), Outcome()
    waiting = {}
    for job in plan.jobs.values():
        if changes.why(job) is None:
            outcome.kept.append(job.key)
        else:
            waiting[job.key] = job
    if waiting:
        cluster.require_room(waiting.values(), settings.resources)
        _write_associations(plan, waiting, settings.out)
        with contextlib.ExitStack() as stack:
            _Runner(plan, book, changes, settings, tell, outcome, stack).all_of(waiting)
    outcome.seconds = time.perf_counter() - started
    return outcome


def _write_associations(plan, waiting, out):
    """Write the associations that jobs will read, unless they are there as they are."""
    for job in waiting.values():
        text = plan.associations.get(job.source.name)
        if text is None:
            continue
        path = out / job.source.name
        content = text.encode()
        if not path.is_file() or path.read_bytes() != content:
            with atomic(path) as stream:
                stream.write(content)


class _Runner:
    """Submits jobs, and takes their results."""

    def __init__(self, plan, book, changes, settings, tell, outcome, stack):
        self.plan, self.book, self.changes, self.settings = plan, book, changes, settings
        self.tell, self.outcome = tell, outcome
        logs = os.fspath(settings.out / LOGS)
        self.client = stack.enter_context(cluster.client(settings.resources, settings.scheduler, settings.slurm, logs))
        self.running = {}
        self.missing, self.followers = {}, defaultdict(list)
        """Key of a waiting job -> how many of its needs are not there yet; key -> jobs that need it."""

    def all_of(self, waiting):
        """Do jobs (dict of str to Job); those whose needs failed are left."""
        from distributed import as_completed

        self.tell("cluster", self.client, self.settings.resources.workers if self.settings.slurm is not None else 0)
        for job in waiting.values():
            needs = [need for need in job.needs if need in waiting]
            self.missing[job.key] = len(needs)
            for need in needs:
                self.followers[need].append(job)
        completed = as_completed(with_results=True, raise_errors=False)
        for job in waiting.values():
            if not self.missing[job.key]:
                completed.add(self._submit(job))
        while self.running:
            future, result = next(completed)
            job = self.running.pop(future.key)
            self._end(job, result, future)
            for ready in self._made_ready(job):
                completed.add(self._submit(ready))

    def _made_ready(self, ended):
        """Return the jobs that waited for nothing but this one; leave those that never will have what they need."""
        if ended.key not in self.outcome.done:
            self._leave_followers(ended)
            return []
        ready = []
        for job in self.followers[ended.key]:
            self.missing[job.key] -= 1
            if not self.missing[job.key] and job.key not in self.outcome.not_run:
                ready.append(job)
        return ready

    def _leave_followers(self, lost):
        """Leave the jobs that need a job, and those that need them."""
        left = [lost]
        while left:
            need = left.pop(0).key
            for job in self.followers[need]:
                if job.key not in self.outcome.not_run:
                    self.outcome.not_run[job.key] = need
                    self.tell("left", job, need)
                    left.append(job)

    def _submit(self, job):
        why = self.changes.again[job.key]
        self.book.begin(job, why)
        described = {
            "pipeline": job.pipeline,
            "source": str(job.source),
            "words": [*self.settings.words[job.pipeline], f"--output_dir={self.settings.out}"],
            "log": str(self.log_of(job)),
            "groups": self.settings.groups if job.source.name.endswith(("_uncal.fits", "_uncal.fits.gz")) else None,
            "threads": self.settings.resources.threads,
        }
        future = self.client.submit(
            worker.do,
            described,
            key=f"{job.key} {time.time_ns()}",
            resources={cluster.MEMORY: max(1, job.memory / 1e6)},
            pure=False,
            retries=0,
        )
        self.running[future.key] = job
        self.tell("begin", job, why)
        return future

    def log_of(self, job):
        """Path of the log of a job."""
        return self.settings.out / LOGS / f"{job.key.replace(' ', '-').replace('/', '-')}.log"

    def _end(self, job, result, future):
        if future.status != "finished":
            # The worker was killed, again and again, or could not even load the program.
            result = {
                "state": ledger.FAILED,
                "error": f"the worker was lost: {_text(result)}",
                "seconds": None,
                "peak_memory_mb": None,
                "products": [],
                "made_of": None,
                "worker": None,
            }
        note_end(self.book, job, result, self.settings.words[job.pipeline], self.log_of(job))
        book = {ledger.DONE: self.outcome.done, ledger.NO_DATA: self.outcome.no_data}
        book.get(result["state"], self.outcome.failed)[job.key] = result
        self.tell("end", job, result)


def note_end(book, job, result, words, log) -> None:
    """Note in a ledger how a job ended.

    Parameters
    ----------
    book : Ledger
        The ledger.
    job : Job
        The job.
    result : dict
        As `hexcal.workflow.worker.do` returns it.
    words : list of str
        Options of the run.
    log : path-like
        Its log.
    """
    made_of = None
    if result["state"] != ledger.FAILED:
        made_of = {
            "version": version(),
            **(result["made_of"] or {}),
            "words": list(words),
            "members": [list(member) for member in job.members],
        }
    noted = {name: value for name, value in result.items() if name != "is_of_input"}
    book.end(job.key, **{**noted, "made_of": made_of, "log": os.fspath(log)})


def _text(result):
    """What Dask says of a lost job: (type, exception, traceback), or an exception."""
    error = result[1] if isinstance(result, tuple) and len(result) > 1 else result
    return str(error).splitlines()[0] if str(error) else type(error).__name__
