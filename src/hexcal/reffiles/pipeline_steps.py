"""Which steps of the pipeline an exposure has had, and which remain before a reference file can be made of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from hexcal.core import registry
from hexcal.errors import InputError, unknown_name
from hexcal.models.open import open as open_model

ALIASES = {"dark": "dark_current", "rate": "ramp_fit", "slope": "ramp_fit", "dark_sub": "dark_current"}
"""Other names of steps, in configurations of the original and in the products."""
PIPELINE = "calwebb_detector1"


@dataclass(frozen=True)
class Remaining:
    """What has to be done to an exposure.

    Attributes
    ----------
    order : tuple of str
        All steps that must be complete, in the order of the pipeline of the exposure.
    done : tuple of str
        Those of them that are.
    to_do : tuple of str
        Those that are not.
    left_out : tuple of str
        Steps of the pipeline that must not run.
    data_step : str or None
        The step after which the data are wanted, where the pipeline runs on for the sake of flags.
    also : tuple of str
        Further steps whose products are wanted.
    """

    order: tuple[str, ...]
    done: tuple[str, ...]
    to_do: tuple[str, ...]
    left_out: tuple[str, ...]
    data_step: str | None = None
    also: tuple[str, ...] = ()

    @property
    def suffix(self) -> str | None:
        """Suffix of the product: the last step that was done; None where none is needed."""
        last = self.order[-1] if self.order else None
        return "rate" if last == "ramp_fit" else last

    def words(self, source: str) -> list[str]:
        """Return the words after ``hexcal run`` that do what remains."""
        skipped = [f"--steps.{name}.skip=true" for name in (*self.left_out, *self.done)]
        # The pipeline leaves some steps out by itself.
        wanted = [f"--steps.{name}.skip=false" for name in self.to_do if name in _off_by_default()]
        saved = {*self.also, *([self.data_step] if self.data_step else [])} & set(self.to_do)
        wanted += [f"--steps.{name}.save_results=true" for name in self.to_do if name in saved]
        return [PIPELINE, source, *skipped, *wanted, f"--suffix={self.suffix}"]


def parsed(text: str, where: str | None = None) -> list[tuple[str, bool]]:
    """Return the steps that a text asks for: (step, whether all before it are asked for too).

    Parameters
    ----------
    text : str
        ``refpix-`` (all up to and with refpix), ``dq_init,saturation``, or both; empty: none.

    Raises
    ------
    ParameterError
        If a step is not known; with the nearest name.
    """
    known = set(step_defs())
    wanted = []
    for word in (word.strip() for word in text.split(",")):
        if not word:
            continue
        name = ALIASES.get(word.rstrip("-"), word.rstrip("-"))
        if name not in known:
            raise unknown_name("step", word.rstrip("-"), [*known, *ALIASES], where=where)
        wanted.append((name, word.endswith("-")))
    return wanted


def remaining(
    exposure: Any, text: str, forbidden: tuple[str, ...] = (), flags: str = "", also: tuple[str, ...] = ()
) -> Remaining:
    """Return what remains to be done to an exposure.

    Parameters
    ----------
    exposure : Input
        With the status of the steps that it has had.
    text : str
        Steps that must be complete (see `parsed`), whatever was done to it.
    forbidden : tuple of str
        Steps that it must not have had, such as dark_current for a dark.
    flags : str
        Step up to which the pipeline runs on for the sake of its flags alone.
    also : tuple of str
        Further steps whose products are wanted.

    Returns
    -------
    Remaining

    Raises
    ------
    InputError
        If it has had a step that is forbidden, or one that comes after those that remain.
    """
    wanted = parsed(text)
    wanted = [*wanted, *parsed(flags)]
    everything, default = _steps_for(exposure)
    order: set[str] = set()
    for name, with_all_before in wanted:
        if name not in everything:
            continue
        order.add(name)
        if with_all_before:
            order.update(step for step in default if everything.index(step) < everything.index(name))
    needed = [name for name in everything if name in order]
    by_name = {name for name, _ in wanted}
    done = [name for name in needed if _is_done(exposure, name, name in by_name)]
    to_do = [name for name in needed if name not in done]
    had = [name for name in everything if _is_done(exposure, name, True)]
    bad = next((name for name in had if name in forbidden), None)
    late = next((name for name in had if to_do and everything.index(name) > everything.index(to_do[0])), None)
    if bad is not None or late is not None:
        reason = f"{bad} has been done, which must not be" if bad else f"{late} has been done before {to_do[0]}"
        raise InputError(reason, where=str(exposure.path), hint="give the raw exposure (_uncal)")
    left_out = tuple(name for name in everything if name not in needed)
    data_step = (
        max((name for name, _ in parsed(text) if name in needed), key=needed.index, default=None) if flags else None
    )
    also = tuple(name for name in also if name in needed)
    return Remaining(tuple(needed), tuple(done), tuple(to_do), left_out, data_step, also)


@cache
def step_defs() -> dict[str, Any]:
    """Return the steps of the pipeline: name -> class."""
    return dict(registry.find(PIPELINE).step_defs)


def _is_done(exposure, name, by_name):
    """Whether a step was done; one that was skipped counts unless it is asked for by its own name."""
    step = step_defs()[name]
    status = exposure.steps.get(step.status) or exposure.steps.get(name)
    return status == "COMPLETE" or (status == "SKIPPED" and not by_name)


_DECIDING = (
    *("TELESCOP", "INSTRUME", "DETECTOR", "EXP_TYPE", "READPATT", "SUBARRAY", "FILTER", "GRATING", "TSOVISIT"),
    *("NINTS", "NGROUPS", "NFRAMES", "GROUPGAP", "DATAMODL"),
)
"""Keywords on which the steps of an exposure may depend."""
_known: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}


def _steps_for(exposure):
    """Steps of the pipeline for an exposure, and those that it does by itself; asked once for each mode."""
    mode = tuple(exposure.value(key) for key in _DECIDING)
    if mode not in _known:
        pipeline: Any = registry.find(PIPELINE)()
        names = {id(step): name for name, step in pipeline.steps.items()}
        everything = [names[id(step)] for step in pipeline.steps_for(open_model(exposure.path))]
        _known[mode] = (everything, [name for name in everything if not pipeline.steps[name].skip])
    return _known[mode]


@cache
def _off_by_default():
    pipeline: Any = registry.find(PIPELINE)()
    return {name for name, step in pipeline.steps.items() if step.skip}


def steps_with(kind: str) -> list[str]:
    """Return the steps of the pipeline that ask for a type of reference file."""
    return _steps_with().get(kind, [])


def cannot_do_without(kind: str, steps: Iterable[str]) -> str | None:
    """Return the first of some steps that is not skipped where it has no reference file of a type; None if all are."""
    used = set(steps)
    return next((name for name in steps_with(kind) if name in used and not step_defs()[name].skippable), None)


@cache
def _steps_with():
    result: dict[str, list[str]] = {}
    for name, step in step_defs().items():
        for kind in step.reference_types:
            result.setdefault(kind, []).append(name)
    return result


def all_types() -> list[str]:
    """Return the types of reference files that the steps of the pipeline ask for."""
    return list(_steps_with())


def types_used(steps) -> list[str]:
    """Return the types of reference files that some steps ask for."""
    wanted = set(steps)
    return [kind for kind, names in _steps_with().items() if wanted & set(names)]
