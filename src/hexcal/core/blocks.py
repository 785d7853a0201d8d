"""Passing an exposure through the steps of a pipeline in blocks of integrations.

The memory that this takes does not grow with their number.
"""

import itertools
import logging
import math
import time
from typing import Any

from hexcal.core import budget, library_logs, run
from hexcal.core import inputs as given
from hexcal.core.blockwise import BlocksDisagree
from hexcal.core.configspec import require_values
from hexcal.core.members import models
from hexcal.core.skip import SkipStep

BLOCK_BYTES = 16 << 20
"""Size of the float32 ramps of a block; a block has one integration at least."""
RATES_BYTES = 32 << 20
"""Size of the float32 rates of a block; a block has one integration at least."""
SPECTRA_BYTES = 4 << 20
"""Size of the float32 rates of a block of spectra, whose frames are small; a block has one integration at least."""


def parts_of(pipeline, steps, ramp, whole: str | None = None, block_bytes: int | None = None) -> list[tuple[int, int]]:
    """Divide an exposure into blocks of integrations.

    Parameters
    ----------
    pipeline : Pipeline
        Whose log says why an exposure that is large enough is not divided.
    steps : list of Step
        Those that the blocks will pass.
    ramp : RampModel
        The exposure; nothing of it is read.
    whole : str, optional
        Reason of the pipeline itself to work on the whole.
    block_bytes : int, optional
        Most bytes of the float32 ramps of a block; default BLOCK_BYTES, or fewer where the run may take less memory
        (`hexcal.core.budget`).

    Returns
    -------
    list of (int, int)
        First integration, and last + 1, of each block; empty if the exposure is to be worked on as a whole.

    Raises
    ------
    ResourceError
        If the run needs more memory than it may take.
    """
    n_ints = ramp.shape[0]
    each = budget.integrations_at_once(ramp.shape, block_bytes or BLOCK_BYTES, budget.limit_of(pipeline))
    count = -(-n_ints // each)
    reason = None if count < 2 else whole or reason_for_whole(steps, ramp)
    if count < 2 or reason:
        budget.tell(pipeline, ramp.shape, None, reason)
        if reason:
            pipeline.log.info("All %d integrations are processed together: %s", n_ints, reason)
        return []
    budget.tell(pipeline, ramp.shape, -(-n_ints // count))
    return _edges(pipeline, n_ints, count)


def parts_of_rates(
    pipeline, steps, rates, whole: str | None = None, block_bytes: int | None = None
) -> list[tuple[int, int]]:
    """Divide an exposure of rates (nints, ny, nx) into blocks of integrations.

    As `parts_of`, but by default of RATES_BYTES. An exposure that is in memory already is not divided.
    """
    n_ints, size = rates.shape[0], 4 * math.prod(rates.shape[1:])
    count = -(-n_ints // max(1, (block_bytes or RATES_BYTES) // size))
    if count < 2 or rates.primary in rates.loaded():
        return []
    reason = whole or reason_for_whole(steps, rates)
    if reason:
        pipeline.log.info("All %d integrations are processed together: %s", n_ints, reason)
        return []
    return _edges(pipeline, n_ints, count)


def _edges(pipeline, n_ints, count):
    """(first, last + 1) of so many blocks of about the same size; the log says so."""
    edges = [n_ints * number // count for number in range(count + 1)]
    pipeline.log.info("The %d integrations pass in %d blocks, at most %d at a time", n_ints, count, -(-n_ints // count))
    return list(itertools.pairwise(edges))


def reason_for_whole(steps, ramp) -> str | None:
    """Return why an exposure cannot pass through steps in blocks of integrations; None if it can."""
    from hexcal.models.superstripes import SuperstripeRampModel

    if not ramp.is_read_in_parts():
        return "the file is compressed, and no part of it can be read without the rest"
    if isinstance(ramp, SuperstripeRampModel):
        return "several integrations of superstripes make one"
    for step in steps:
        own = step.parameters
        if own.skip:
            continue
        if own.pre_hooks or own.post_hooks:
            return f"{step.name} has hooks"
        if step.saves:
            return f"the result of {step.name} is saved"
        reason = (
            "its work is that of a derived class, which does not say that it can work on some integrations at a time"
            if _is_changed(type(step))
            else None
            if step.gathers(ramp)
            else step.needs_all_integrations(ramp)
        )
        if reason:
            return f"{step.name}: {reason}"
    return None


def _is_changed(step_class):
    """Whether a class has a `process` of its own, but what is said of it is said by a class that it derives from."""

    def depth(name):
        return next(number for number, cls in enumerate(step_class.__mro__) if name in cls.__dict__)

    return depth("process") < min(depth("by_integration"), depth("needs_all_integrations"))


class _Once(logging.Filter):
    """Lets a message pass once: what is true of each block is true of the exposure."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def filter(self, record):
        """Whether the message is a new one."""
        key = record.levelno, record.getMessage()
        new = key not in self.seen
        self.seen.add(key)
        return new


class _StepOfBlocks:
    """One step: its references opened once, one entry in the record, one line for each thing in the log."""

    def __init__(self, step, context, n_blocks):
        self.step, self.context, self.n_blocks = step, context, n_blocks
        self.seconds, self.status, self.references = 0.0, None, None
        self.entry = context.record.begin(step)
        self.once = _Once()
        step.log.addFilter(self.once)
        step.begin_blocks()

    def work(self, action, model=None):
        """Do something in the time and under the name of the step: ``action()`` returns a result and a status.

        The status is noted in the result, and in ``model``.
        """
        step, begun, status = self.step, time.perf_counter(), "FAILED"
        step.context = self.context
        try:
            result, status = action()
            if self.status not in (None, status):
                raise BlocksDisagree(f"{step.name} is {status} for some integrations and {self.status} for others")
            if not step.parameters.skip or self.status is None:
                for marked in models([model, *(result if isinstance(result, tuple) else (result,))]):
                    marked.set_meta(f"meta.cal_step.{step.status}", status)
            return result
        finally:
            self.status = step.last_status = status
            self.seconds += time.perf_counter() - begun
            step.context = None

    def process(self, model, process, others=()):
        """Pass one block, with the `others` that the step takes; ``process`` may take the place of that of the step."""
        step = self.step
        if step.parameters.skip:
            step.log.info("Step %s skipped", step.name)
            return model, "SKIPPED"
        step.log.info("Step %s running", step.name)
        if self.context.progress is not None:
            self.context.progress.begin(step.name)
        model = given.checked(step, model)
        try:
            require_values(step)
            if self.references is None:
                self.references = run.references_of(step, (model,), self.entry)
            with library_logs.of_step(step.log.name):
                return run.processed(step, (model, *others), self.references, process), "COMPLETE"
        except SkipStep as reason:
            run.leave_out(step, reason)
            return model, "SKIPPED"
        finally:
            if self.context.progress is not None:
                self.context.progress.end(step.name, 1 / self.n_blocks)

    def end(self, disagree):
        """End the entry of the step, or drop it if the blocks do not agree."""
        step = self.step
        step.context = self.context
        if not disagree:
            if self.status == "COMPLETE":
                step.tell_counts()
            self.context.record.end(self.entry, self.status, self.seconds)
            step.log.info("Step %s %s in %.2f s", step.name, str(self.status).lower(), self.seconds)
        step.end_blocks()
        step.context = None
        step.log.removeFilter(self.once)


class BlockRun:
    """The blocks of an exposure on their way through the steps of a pipeline that runs.

    A context manager, which ends the entries of the steps.

    Parameters
    ----------
    pipeline : Pipeline
        It.
    parts : list of (int, int)
        As of `parts_of`.
    """

    def __init__(self, pipeline, parts):
        self.context, self.parts = pipeline.context, parts
        self.n_entries = len(self.context.record.entries)
        self.steps: dict[str, _StepOfBlocks] = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        disagree = kind is not None and issubclass(kind, BlocksDisagree)
        for step in self.steps.values():
            step.end(disagree)
        if disagree:
            del self.context.record.entries[self.n_entries :]

    def blocks(self, ramp, make: Any = None):
        """Yield a model of each block; what is in its memory is given back after it.

        What steps note in the metadata of the first is taken over by the ramp.

        ``make(ramp, first, last)`` may take the place of ``ramp.integrations(first, last)``.
        """
        noted = None
        for first, last in self.parts:
            block = ramp.integrations(first, last) if make is None else make(ramp, first, last)
            yield block
            for name in block.loaded():
                block.forget(name)
            noted = noted or block
        ramp.take_metadata(noted)

    def _of(self, step):
        if step.name not in self.steps:
            self.steps[step.name] = _StepOfBlocks(step, self.context, len(self.parts))
        return self.steps[step.name]

    def made_of(self, step, model):
        """As `step`, for a step that makes something else of a block: the block stays as it is."""
        state = self._of(step)
        return state.work(lambda: state.process(model, None))

    def step(self, step, model, *others, process: Any = None):
        """Pass a block through a step.

        Parameters
        ----------
        step : Step
            Of the pipeline.
        model : DataModel
            The block.
        *others : object
            What the step takes beside it.
        process : callable, optional
            In place of the step's own ``process``, with the same arguments.
        """
        state = self._of(step)
        return state.work(lambda: state.process(model, process, others), model)

    def closing(self, step, action):
        """Do what a step does after the last block: return ``action()``, a model or a tuple of models."""
        return self._of(step).work(lambda: (action(), "COMPLETE"))

    def in_order(self, steps, model):
        """Pass a block through steps, one after the other."""
        for step in steps:
            model = self.step(step, model)
        return model
