"""Doing things side by side: in this process, or on the workers of a Dask cluster."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class Workers:
    """Where pipeline runs and makers work.

    Attributes
    ----------
    jobs : int
        How many at once; 1: in this process, one after the other.
    scheduler, slurm : str or None
        As of `hexcal.workflow.cluster.client`.
    """

    jobs: int = 1
    scheduler: str | None = None
    slurm: str | None = None
    _client: Any = None

    @property
    def threads(self) -> int:
        """Threads of each."""
        from hexcal.threads import available_cores

        return max(1, available_cores() // self.jobs)

    @contextlib.contextmanager
    def at_work(self) -> Iterator["Workers"]:
        """Start the cluster, if there is to be one, and end it afterwards."""
        if self.jobs == 1 and self.scheduler is None and self.slurm is None:
            yield self
            return
        from hexcal.workflow import cluster

        resources = cluster.of_machine(self.jobs)
        with cluster.client(resources, self.scheduler, self.slurm) as client:
            self._client = client
            try:
                yield self
            finally:
                self._client = None

    def each(self, function: Callable[[Any], Any], items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        """Yield (key, result) of a function for items (key, argument), as they come.

        A worker that is lost gives an exception as result.
        """
        if self._client is None:
            for key, argument in items:
                yield key, function(argument)
            return
        from distributed import as_completed

        waiting = {}
        for number, (key, argument) in enumerate(items):
            future = self._client.submit(function, argument, key=f"reffiles {number} {id(waiting)}", pure=False)
            waiting[future.key] = key
            waiting[future] = future
        futures = [item for item in waiting if not isinstance(item, str)]
        for future, result in as_completed(futures, with_results=True, raise_errors=False):
            lost = future.status != "finished"
            yield waiting[future.key], RuntimeError(f"the worker was lost: {_text(result)}") if lost else result


def _text(result):
    error = result[1] if isinstance(result, tuple) and len(result) > 1 else result
    return (str(error).splitlines() or [type(error).__name__])[0]
