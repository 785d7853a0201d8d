"""Runs of the pipeline on calibration exposures: one serves all makers that want the same steps with the same files."""

import hashlib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hexcal.reffiles import intermediate
from hexcal.reffiles.pipeline_steps import PIPELINE, Remaining, steps_with
from hexcal.reffiles.product_search import Search
from hexcal.workflow import ledger
from hexcal.workflow.changes import Changes
from hexcal.workflow.jobs import Job
from hexcal.workflow.references import Choices


@dataclass(frozen=True)
class Demand:
    """An exposure as a maker wants it.

    Attributes
    ----------
    label : str
        The maker.
    member : Input
        The exposure.
    remaining : Remaining
        What has to be done to it.
    references : tuple of (str, str)
        Type -> file or ``N/A``, for those that are not left to the choice of the pipeline.
    root : str
        Base of the names of its products.
    folder : pathlib.Path
        Where they go.
    given : str or None
        Folder of reference files for all that is not named.
    """

    label: str
    member: Any
    remaining: Remaining
    references: tuple[tuple[str, str], ...]
    root: str
    folder: Path
    given: str | None = None

    @property
    def words(self) -> list[str]:
        """Options of the run, but for those that say where its products go."""
        own = set(self.remaining.to_do)
        folder = [f"--references={self.given}"] if self.given else []
        overrides = [
            f"--steps.{step}.override_{kind}={path}"
            for kind, path in self.references
            for step in steps_with(kind)
            if step in own
        ]
        return [*self.remaining.words(str(self.member.path))[2:], *folder, *overrides]

    @property
    def key(self) -> str:
        """What is the same for all demands that one run fulfils."""
        digest = hashlib.sha256("\n".join([str(self.member.path), *self.words]).encode()).hexdigest()[:12]
        return f"{self.remaining.suffix} {self.member.kind} {self.root} {digest}"

    def is_part_of(self, other: "Demand") -> bool:
        """Whether a run for another demand passes through what this one wants."""
        length = len(self.remaining.order)
        # What is left out later, or used later, makes no difference to what comes before.
        own = set(self.remaining.to_do)
        used = {kind for kind, _ in (*self.references, *other.references) if own & set(steps_with(kind))}
        return (
            (self.member.path, self.member.kind, self.remaining.done)
            == (other.member.path, other.member.kind, other.remaining.done[: len(self.remaining.done)])
            and self.remaining.order == other.remaining.order[:length]
            and self.remaining.suffix != "rate"
            and {pair for pair in self.references if pair[0] in used}
            == {pair for pair in other.references if pair[0] in used}
        )


@dataclass
class PipelineRun:
    """One run of the pipeline.

    Attributes
    ----------
    demand : Demand
        The one that goes farthest.
    saved : list of str
        Steps whose products are saved on the way.
    reason : str or None
        Why it has to run; None if its products are as they would be made now.
    found : pathlib.Path or None
        A product of another run that is what this one would make.
    removed : set of str
        Its products that were removed on purpose.
    """

    demand: Demand
    folder: Path
    saved: list[str] = field(default_factory=list)
    reason: str | None = None
    found: Path | None = None
    removed: set[str] = field(default_factory=set)

    @property
    def job(self) -> Job:
        """The run as the ledger knows it."""
        member = self.demand.member
        return Job(self.demand.key, PIPELINE, member.path, ((str(member.path), member.kind),))

    @property
    def words(self) -> list[str]:
        """All words after the input."""
        return [
            *self.demand.words,
            *(f"--steps.{step}.save_results=true" for step in self.saved),
            f"--output_dir={self.folder}",
            f"--output_file={self.demand.root}",
        ]

    @property
    def command(self) -> str:
        """The command that does the same."""
        return shlex.join(["hexcal", "run", PIPELINE, str(self.demand.member.path), *self.words])

    def product(self, suffix: str, by_integration: bool = False) -> Path:
        """Return the path of a product, by its suffix."""
        if self.found is not None and suffix == self.demand.remaining.suffix:
            return self.found
        suffix = "rateints" if suffix == "rate" and by_integration else suffix
        return self.folder / f"{self.demand.root}_{suffix}.fits"

    def described(self, places: Any, threads: int, keep_log: bool) -> dict[str, Any]:
        """Return what `hexcal.workflow.worker.do` is given."""
        name = f"{self.demand.root}_{self.demand.remaining.suffix}.log.txt"
        logs = self.folder if keep_log else places.folder / "logs" / self.folder.relative_to(self.folder.parents[1])
        return {
            "pipeline": PIPELINE, "source": str(self.demand.member.path), "words": self.words,
            "log": str(logs / name), "groups": None, "threads": threads,
        }  # fmt: skip


def arranged(demands: Iterable[Demand], book: Any, references: Any, redo: bool = False,
             search: Iterable[Path] = ()) -> dict[Demand, PipelineRun]:  # fmt: skip
    """Return the run that fulfils each demand; as few as possible.

    Parameters
    ----------
    demands : iterable of Demand
        In the order of the makers.
    book : Ledger
        What was run before.
    references : path-like or None
        Folder of reference files; None where the environment has a cache.
    redo : bool
        Run everything again.
    search : iterable of pathlib.Path
        Folders in which products may be that are as they would be made now.
    """
    runs: dict[str, PipelineRun] = {}
    result: dict[Demand, PipelineRun] = {}
    choices, seeker = Choices(references), Search(list(search), book)
    for demand in sorted(demands, key=lambda item: -len(item.remaining.order)):
        run = runs.get(demand.key)
        if run is None:
            run = _own(demand, book, choices, redo, seeker)
            server = _server(demand, runs.values()) if run.reason is not None else None
            if server is not None:
                step = demand.remaining.order[-1]
                server.saved = [*server.saved, step] if step not in server.saved else server.saved
                run = server
            else:
                runs[demand.key] = run
        result[demand] = run
    return result


def _server(demand, runs):
    """A run that passes through what a demand wants: one that has to be done, or that has left the product."""
    suffix = demand.remaining.suffix
    fitting = [run for run in runs if run.found is None and demand.is_part_of(run.demand)]
    kept = [
        run for run in fitting
        if run.reason is None and (run.product(suffix).is_file() or str(run.product(suffix)) in run.removed)
    ]  # fmt: skip
    return next(iter([*kept, *(run for run in fitting if run.reason is not None)]), None)


def _own(demand, book, choices, redo, seeker):
    """The run for one demand alone."""
    row = book.job(demand.key)
    known = [item["path"] for item in (row or {}).get("products") or () if item["path"].endswith(".fits")]
    run = PipelineRun(demand, Path(known[0]).parent if known else demand.folder)
    changes = Changes(book, {PIPELINE: demand.words}, choices)
    run.reason = "it is to be done again" if redo else changes.why(run.job)
    run.removed = intermediate.removed(row)
    if run.reason is not None and not redo:
        run.found = seeker.product(demand, choices)
        run.reason = None if run.found is not None else run.reason
    return run


def note_begin(run: PipelineRun, book: Any) -> None:
    """Note in the ledger that a run begins."""
    book.begin(run.job, run.reason)


def note_end(run: PipelineRun, book: Any, result: Mapping[str, Any], log: str) -> str | None:
    """Note in the ledger how a run ended; returns what went wrong, if anything did."""
    from hexcal.workflow.run import note_end as note

    note(book, run.job, dict(result), run.demand.words, log)
    return None if result["state"] == ledger.DONE else str(result["error"])
