"""Where jobs run: a Dask cluster of this machine, one that runs already, or one that a batch system starts."""

import contextlib
import importlib.util
import os
import re
from dataclasses import dataclass
from typing import Any

from hexcal import memory
from hexcal.errors import ParameterError, ResourceError

MEMORY = "MEMORY"
"""The resource of the cluster that jobs take: megabytes."""
_DASHBOARD = "127.0.0.1:0"
"""Any free port, and for this machine only: whoever sees the dashboard can stop workers."""
_LEAST = 1_000_000_000
"""Bytes that a worker of the machine should have, lest there be more workers than jobs that fit."""


@dataclass(frozen=True)
class Resources:
    """What the jobs may use.

    Attributes
    ----------
    workers : int
        Processes that do jobs side by side.
    threads : int
        Threads of each.
    memory : int
        Bytes of each.
    """

    workers: int
    threads: int
    memory: int


def of_machine(workers: int | None = None, allowed: str | None = None) -> Resources:
    """Divide this machine.

    Parameters
    ----------
    workers : int, optional
        Processes; default: one for each core, as far as the memory allows.
    allowed : str, optional
        Memory for all of them, such as ``8GB``; default 80 % of what the machine has.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    total = memory.parsed(allowed, "--memory") if allowed else int(0.8 * _memory_of_machine())
    if workers is None:
        workers = max(1, min(cores, total // _LEAST))
    return Resources(workers, max(1, cores // workers), total // workers)


def _memory_of_machine():
    """Bytes that the machine has, or that the group of processes may use."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else [8 << 30]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(name, encoding="ascii") as stream:
            limits.append(int(stream.read()))
    return min(limits)


def require_installed():
    """Look for Dask, without the time that its import takes: where nothing has changed it is not needed.

    Raises
    ------
    ResourceError
        If it is not installed.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ResourceError(
            "processing a programme needs Dask, which is not installed",
            where="Python package distributed",
            hint="pip install 'hexcal[workflow]', or calibrate single exposures with hexcal run",
        )


@contextlib.contextmanager
def client(resources: Resources, scheduler: str | None = None, slurm: str | None = None, logs: str | None = None):
    """Connect to a cluster, starting one where there is none.

    Parameters
    ----------
    resources : Resources
        Of the workers that are started.
    scheduler : str, optional
        Address of a scheduler that runs: ``tcp://host:8786``. Its workers must have the resource MEMORY (megabytes)
        and see the same files.
    slurm : str, optional
        Options of the jobs that SLURM starts as workers: ``queue=main walltime=02:00:00 account=abc``.
    logs : str, optional
        Folder for what workers on SLURM print.

    Yields
    ------
    distributed.Client
    """
    require_installed()
    import distributed

    _quiet()
    with contextlib.ExitStack() as stack:
        if scheduler is not None:
            target = scheduler
        elif slurm is not None:
            target = stack.enter_context(_slurm(resources, slurm, logs))
        else:
            target = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=resources.workers,
                    threads_per_worker=1,
                    processes=True,
                    # What a job takes is a resource; a worker that is over its share is not ended.
                    memory_limit=0,
                    resources={MEMORY: resources.memory / 1e6},
                    dashboard_address=_DASHBOARD,
                    host="127.0.0.1",
                )
            )
        try:
            connection = stack.enter_context(distributed.Client(target, timeout="20s"))
        except (OSError, TimeoutError) as error:
            raise ResourceError(
                f"the scheduler does not answer: {str(error).splitlines()[0]}",
                where=str(scheduler),
                hint="dask scheduler starts one, dask worker ADDRESS --nthreads 1 --resources MEMORY=4000 its workers",
            ) from error
        yield connection


def _quiet():
    """Have Dask log warnings only, and let a worker die three times before its jobs are given up."""
    import logging

    from dask import config

    config.set({"distributed.scheduler.allowed-failures": 3})
    logging.getLogger("distributed").setLevel(logging.ERROR)


def has_dashboard() -> bool:
    """Whether the library that draws Dask's dashboard (bokeh) is installed."""
    return importlib.util.find_spec("bokeh") is not None


def _slurm(resources, text, logs):
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError as error:
        raise ResourceError(
            "workers on SLURM need dask-jobqueue, which is not installed",
            where=str(error),
            hint="pip install 'hexcal[workflow]'",
        ) from error
    options: dict[str, Any] = {"log_directory": logs, **slurm_options(text)}
    megabytes = int(resources.memory / 1e6)
    cluster = SLURMCluster(
        cores=1,
        processes=1,
        job_cpu=resources.threads,
        memory=f"{megabytes}MB",
        worker_extra_args=["--resources", f"{MEMORY}={megabytes}"],
        scheduler_options={"dashboard_address": _DASHBOARD},
        **options,
    )
    cluster.scale(jobs=resources.workers)
    return cluster


def slurm_options(text: str) -> dict[str, Any]:
    """Return the options of ``--slurm``: ``queue=main walltime=02:00:00`` as a dict.

    Raises
    ------
    ParameterError
        If it is no list of NAME=VALUE.
    """
    options = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or not re.fullmatch(r"[a-z_]+", name):
            raise ParameterError(
                f"options for SLURM are NAME=VALUE, got '{word}'",
                where="--slurm",
                hint='--slurm "queue=main walltime=02:00:00 account=abc"',
            )
        options[name] = value
    return options


def require_room(jobs, resources: Resources) -> None:
    """Raise ResourceError if a job needs more memory than any worker has."""
    largest = max(jobs, key=lambda job: job.memory, default=None)
    if largest is not None and largest.memory > resources.memory:
        raise ResourceError(
            f"a job needs about {largest.memory / 1e6:.0f} MB, and a worker has {resources.memory / 1e6:.0f} MB",
            where=largest.key,
            hint="fewer workers have more memory each: --workers=1, or --memory=SIZE",
        )
