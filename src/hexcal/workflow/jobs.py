"""A job: one run of one pipeline, what it waits for, and why it is there."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One run of one pipeline.

    Attributes
    ----------
    key : str
        What it is known by, from one call to the next: the pipeline, and the exposure or product.
    pipeline : str
        Its alias.
    source : pathlib.Path
        Its input: an exposure, or the file of an association.
    members : tuple of (str, str)
        Files that go in, and their roles: paths of exposures, names of products.
    needs : tuple of str
        Keys of the jobs that make some of them.
    reason : str
        Why it belongs to the plan.
    memory : int
        Bytes that it takes, about.
    seconds : float
        Time that it takes on one core, about.
    """

    key: str
    pipeline: str
    source: Path
    members: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    reason: str = ""
    memory: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, as ``hexcal process --dry-run --json`` prints it."""
        return {**asdict(self), "source": str(self.source), "memory_mb": round(self.memory / 1e6)} | {
            "members": [{"name": name, "role": role} for name, role in self.members],
            "seconds": round(self.seconds, 1),
        }


@dataclass
class Plan:
    """What has to be made of some exposures.

    Attributes
    ----------
    jobs : dict of str to Job
        By key, in an order in which each comes after those that it needs.
    associations : dict of str to str
        Files of associations that the jobs read: name -> text.
    rejected : list of Rejected
        Files of which nothing is made.
    notes : list of str
        What is not made besides, and why.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    associations: dict[str, str] = field(default_factory=dict)
    rejected: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, job: Job) -> None:
        """Add a job, whose needs are in the plan."""
        self.jobs[job.key] = job
