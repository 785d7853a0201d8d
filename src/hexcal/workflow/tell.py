"""What ``hexcal process`` and ``hexcal status`` print."""

import sys
from pathlib import Path
from typing import Any

from hexcal.references.fetching.progress import size_text
from hexcal.workflow import cluster, ledger

_MOST = 12
"""So many files of one kind are listed by name."""


def plan_text(plan, again):
    """Return the lines that tell a plan: its jobs with their reasons, and what is left out.

    Parameters
    ----------
    plan : Plan
        The plan.
    again : dict of str to str
        Jobs that have to run, and why.
    """
    lines = []
    for job in plan.jobs.values():
        needs = f"needs about {job.memory / 1e6:.0f} MB and {job.seconds:.0f} s"
        what = f"will run, because {again[job.key]}; {needs}" if job.key in again else "up to date"
        lines.append(f"  {job.key}\n      {job.reason}\n      {what}")
    run = [job for job in plan.jobs.values() if job.key in again]
    seconds, largest = sum(job.seconds for job in run), max((job.memory for job in run), default=0)
    lines.append(
        f"{counted(len(plan.jobs), 'job')}, of which {len(run)} will run: about {duration(seconds)} on one core, "
        f"and up to {largest / 1e6:.0f} MB of memory each"
        if run
        else f"{counted(len(plan.jobs), 'job')}, all up to date"
    )
    return [*lines, *left_out(plan)]


def left_out(plan):
    """Return the lines that tell of which files nothing is made, and why."""
    lines = [f"not used: {item.path.name}: {item.reason}" for item in plan.rejected]
    return [*lines, *(f"not made: {note}" for note in plan.notes)]


def missing_text(sizes):
    """Return the lines that tell which reference files the cache lacks (dict of name to bytes or None)."""
    if not sizes:
        return []
    known = [size for size in sizes.values() if size is not None]
    total = size_text(sum(known)) if len(known) == len(sizes) else "sizes are unknown, as CRDS_SERVER_URL is not set"
    lines = [f"missing from the cache: {counted(len(sizes), 'reference file')} ({total}):"]
    for name, size in list(sizes.items())[:_MOST]:
        lines.append(f"  {name}" + (f"  {size_text(size)}" if size is not None else ""))
    if len(sizes) > _MOST:
        lines.append(f"  and {len(sizes) - _MOST} more; hexcal crds sync --dataset-files ... fetches them all")
    return lines


class Progress:
    """Tells what becomes of the jobs: a bar on a terminal, else one line for each job that ends.

    Parameters
    ----------
    total : int
        Number of jobs of the plan.
    say : callable
        Prints a line.
    """

    def __init__(self, total, say):
        self.total, self.say = total, say
        self.count: int = 0
        self._bar: Any = None
        self._task: Any = None
        if sys.stdout.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            )
            self._task = self._bar.add_task("starting", total=total)

    def __enter__(self):
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_):
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event, *details):
        """Take an event of `hexcal.workflow.run.run`."""
        if event == "cluster":
            self._print(_cluster_text(*details))
        elif event == "begin" and self._bar is not None:
            self._bar.update(self._task, description=details[0].key)
        elif event in ("end", "left"):
            self.count += 1
            self._print(self._line(event, *details))
            if self._bar is not None:
                self._bar.advance(self._task)

    def _line(self, event, job, result):
        head = f"[{self.count}/{self.total}] {job.key}"
        if event == "left":
            return f"{head}: not run, because {result} gave no product"
        if result["state"] == ledger.DONE:
            return f"{head}: done in {result['seconds']:.1f} s, peak memory {result['peak_memory_mb']:.0f} MB"
        return f"{head}: {result['state']}: {in_one_line(result['error'])}"

    def _print(self, text):
        if text and self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        elif text:
            self.say(text)


def _cluster_text(client, wanted):
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    link = client.dashboard_link if cluster.has_dashboard() else None
    slurm_text = f"{counted(wanted, 'worker')} of Dask asked of SLURM; jobs begin as soon as the first one runs"
    return (slurm_text if wanted else f"{counted(workers, 'worker')} of Dask") + (
        f"; dashboard at {link}" if link else ""
    )


def summary(plan, outcome):
    """Return the lines at the end: products, what failed and why, what was not run."""
    products = sum(len(result["products"]) for result in outcome.done.values())
    lines = [
        f"{counted(len(outcome.done), 'job')} done ({counted(products, 'file')}), {len(outcome.kept)} already up to "
        f"date, {len(outcome.failed)} failed, {len(outcome.not_run)} not run; it took {duration(outcome.seconds)}"
    ]
    lines += [f"failed: {key}: {in_one_line(result['error'])}" for key, result in outcome.failed.items()]
    lines += [f"no science data: {key}: {in_one_line(result['error'])}" for key, result in outcome.no_data.items()]
    lines += [f"not run: {key}: it needs the products of {need}" for key, need in outcome.not_run.items()]
    return [*lines, *left_out(plan)]


def status_text(book, at_work=False):
    """Return the lines of ``hexcal status``: the last run, and every job.

    `at_work`: whether a run holds the folder now.
    """
    lines = []
    runs = book.runs()
    if runs:
        last = runs[-1]
        never = "and is still at work" if at_work else "and was killed before its end"
        until = f"and ended {last['ended']}" if last["ended"] else never
        lines.append(f"the last run began {last['started']} {until}; Hexcal {last['version']} on {last['host']}")
    for job in book.jobs():
        seconds = f", {job['seconds']:.1f} s" if job["seconds"] is not None else ""
        products = [Path(product["path"]).name for product in job["products"] or []]
        tail = in_one_line(job["error"]) if job["error"] else ", ".join(products[:4])
        lines.append(f"  {job['state']:8s} {job['key']}{seconds}" + (f": {tail}" if tail else ""))
    states = [job["state"] for job in book.jobs()]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return [*lines, f"{counted(len(states), 'job')}: {counts}" if states else "no job has begun yet"]


def in_one_line(error):
    """Return an error in one line: what is wrong, and where."""
    lines = str(error).splitlines()
    where = next(
        (line.strip().removeprefix("where:").strip() for line in lines if line.strip().startswith("where:")), ""
    )
    return f"{lines[0]} ({where})" if where and lines else (lines[0] if lines else "")


def counted(number, what):
    """Return a number with the name of what is counted: ``1 job``, ``2 jobs``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def duration(seconds):
    """Return a time in words."""
    return (
        f"{seconds:.1f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
