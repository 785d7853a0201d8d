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
        what = again.get(job.key, "up to date")
        needs = f"{job.memory / 1e6:.0f} MB, {job.seconds:.0f} s"
        lines.append(f"  {job.key}\n      {job.reason}; {what}" + (f"; about {needs}" if job.key in again else ""))
    run = [job for job in plan.jobs.values() if job.key in again]
    seconds, largest = sum(job.seconds for job in run), max((job.memory for job in run), default=0)
    lines.append(
        f"{len(plan.jobs)} jobs, {len(run)} to run: about {_duration(seconds)} on one core, "
        f"at most {largest / 1e6:.0f} MB each"
        if run
        else f"{len(plan.jobs)} jobs, all up to date"
    )
    return [*lines, *left_out(plan)]


def left_out(plan):
    """Return the lines that tell of which files nothing is made, and why."""
    lines = [f"not used: {item.path.name}: {item.reason}" for item in plan.rejected]
    return [*lines, *(f"note: {note}" for note in plan.notes)]


def missing_text(sizes):
    """Return the lines that tell which reference files the cache lacks (dict of name to bytes or None)."""
    if not sizes:
        return []
    known = [size for size in sizes.values() if size is not None]
    total = size_text(sum(known)) if len(known) == len(sizes) else "sizes not known without CRDS_SERVER_URL"
    lines = [f"{len(sizes)} reference files are not in the cache ({total}):"]
    for name, size in list(sizes.items())[:_MOST]:
        lines.append(f"  {name}" + (f"  {size_text(size)}" if size is not None else ""))
    if len(sizes) > _MOST:
        lines.append(f"  and {len(sizes) - _MOST} more: hexcal crds sync --dataset-files ... fetches them")
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
            self._print(_cluster_text(details[0]))
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
            return f"{head}: not run, since {result} has no products"
        if result["state"] == ledger.DONE:
            return f"{head}: {result['seconds']:.1f} s, {result['peak_memory_mb']:.0f} MB"
        return f"{head}: {result['state']}: {_first_line(result['error'])}"

    def _print(self, text):
        if text and self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        elif text:
            self.say(text)


def _cluster_text(client):
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    link = client.dashboard_link if cluster.has_dashboard() else None
    return f"{workers} workers" + (f", dashboard: {link}" if link else "")


def summary(plan, outcome):
    """Return the lines at the end: products, what failed and why, what was not run."""
    products = sum(len(result["products"]) for result in outcome.done.values())
    lines = [
        f"{len(outcome.done)} jobs done ({products} files), {len(outcome.kept)} up to date, "
        f"{len(outcome.failed)} failed, {len(outcome.not_run)} not run, in {_duration(outcome.seconds)}"
    ]
    lines += [f"failed: {key}: {_first_line(result['error'])}" for key, result in outcome.failed.items()]
    lines += [f"no data: {key}: {_first_line(result['error'])}" for key, result in outcome.no_data.items()]
    lines += [f"not run: {key}: it needs {need}" for key, need in outcome.not_run.items()]
    return [*lines, *left_out(plan)]


def status_text(book):
    """Return the lines of ``hexcal status``: the last run, and every job."""
    lines = []
    runs = book.runs()
    if runs:
        last = runs[-1]
        until = f"to {last['ended']}" if last["ended"] else "still running, or killed"
        lines.append(f"last run: {last['started']} {until}; version {last['version']}, {last['host']}")
    for job in book.jobs():
        seconds = f", {job['seconds']:.1f} s" if job["seconds"] is not None else ""
        products = [Path(product["path"]).name for product in job["products"] or []]
        tail = _first_line(job["error"]) if job["error"] else ", ".join(products[:4])
        lines.append(f"  {job['state']:8s} {job['key']}{seconds}" + (f": {tail}" if tail else ""))
    states = [job["state"] for job in book.jobs()]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return [*lines, f"{len(states)} jobs: {counts}" if states else "no jobs yet"]


def _first_line(error):
    lines = str(error).splitlines()
    where = next(
        (line.strip().removeprefix("where:").strip() for line in lines if line.strip().startswith("where:")), ""
    )
    return f"{lines[0]} ({where})" if where and lines else (lines[0] if lines else "")


def _duration(seconds):
    return (
        f"{seconds:.1f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
