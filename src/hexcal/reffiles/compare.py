"""Before and after: what a new reference file changes, in itself and in an exposure that is calibrated with it."""

import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.core import cmdline
from hexcal.errors import InputError
from hexcal.models import dqflags
from hexcal.models.open import open as open_model
from hexcal.reffiles.make import steps_with
from hexcal.reffiles.pipeline_steps import PIPELINE
from hexcal.report import difference

SIGMAS = (1, 3, 10)


@dataclass
class Change:
    """What a new reference file changes.

    Attributes
    ----------
    reference_type : str
        Its type.
    reference : list of str
        How the new file differs from the old one.
    flags : dict of str to list of int
        Flag -> pixels of the reference that have it now and had not, and the other way round.
    rate : dict of str to float
        Of the calibrated exposure: median and scatter of the change of the rate in units of its error, and the numbers
        of pixels that change by more than 1, 3 and 10 errors; pixels flagged now and not before, and the other way
        round.
    """

    reference_type: str
    reference: list[str] = field(default_factory=list)
    flags: dict[str, list[int]] = field(default_factory=dict)
    rate: dict[str, float] = field(default_factory=dict)

    @property
    def is_none(self) -> bool:
        """Whether nothing changes."""
        return not self.reference and not any(self.rate.get(f"beyond_{sigma}_sigma") for sigma in SIGMAS)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the lines that tell it."""
        if self.is_none:
            return ["no difference"]
        result = [f"reference: {text}" for text in self.reference]
        result += [f"flag {name}: {new} pixels more, {old} fewer" for name, (new, old) in self.flags.items()]
        return [*result, *(f"rate: {name.replace('_', ' ')}: {value:g}" for name, value in self.rate.items())]


def compare(new, old, exposure=None, references=None) -> Change:
    """Compare a new reference file with the one before.

    Parameters
    ----------
    new, old : path-like
        Files of one type.
    exposure : path-like, optional
        Raw exposure that is calibrated with both, everything else equal.
    references : path-like, optional
        Folder of the other reference files; default: as `hexcal run`.

    Returns
    -------
    Change

    Raises
    ------
    InputError
        If the files are of several types, or the exposure cannot be calibrated.
    """
    models = [open_model(path) for path in (new, old)]
    kinds = [str(model.meta.reftype or "").lower() for model in models]
    if kinds[0] != kinds[1] or not kinds[0]:
        raise InputError(
            f"the files are of types {kinds[0] or 'unknown'} and {kinds[1] or 'unknown'}", where=f"{new}, {old}"
        )
    ignored = ("AUTHOR", "DESCRIP", "HISTORY", "PEDIGREE", "USEAFTER", "DQ_DEF")
    change = Change(kinds[0], [str(item) for item in difference.compare(new, old, ignored=ignored).differences])
    if all("dq" in model.specs and model.has("dq") for model in models):
        change.flags = _flags(*(model.dq for model in models))
    if exposure is not None:
        change.rate = _rates(kinds[0], new, old, exposure, references)
    return change


def _flags(new, old) -> dict[str, list[int]]:
    """Flag -> pixels gained and lost, for flags that change."""
    if new.shape != old.shape:
        return {}
    result = {}
    for bit in range(32):
        value = np.uint32(1 << bit)
        gained = int(np.count_nonzero((new & value) & ~(old & value)))
        lost = int(np.count_nonzero((old & value) & ~(new & value)))
        if gained or lost:
            result[(dqflags.names_of(int(value)) or [f"bit {bit}"])[0]] = [gained, lost]
    return result


def _rates(kind, new, old, exposure, references):
    """How the rates of an exposure change."""
    steps = steps_with(kind)
    if not steps:
        raise InputError(f"no step of {PIPELINE} uses a {kind} reference", where=str(new))
    with tempfile.TemporaryDirectory(prefix="hexcal-compare-") as folder:
        products = [
            _calibrated(exposure, kind, steps, path, references, Path(folder, name))
            for name, path in (("new", new), ("old", old))
        ]
        (after, before) = ((np.asarray(model.data, float), model.err, model.dq) for model in map(open_model, products))
        return _change(after, before)


def _calibrated(exposure, kind, steps, path, references, folder):
    """The rate image of an exposure, calibrated with one reference file."""
    words = [f"--steps.{step}.override_{kind}={path}" for step in steps]
    words += [f"--references={references}"] if references else []
    cmdline.run_target([PIPELINE, str(exposure), *words, f"--output_dir={folder}", "--log-stream=null"])
    return next(folder.glob("*_rate.fits"))


def _change(after, before) -> dict[str, float]:
    (rate, error, flags), (old_rate, _, old_flags) = after, before
    good = np.isfinite(rate) & np.isfinite(old_rate) & (error > 0) & ((flags | old_flags) & 1 == 0)
    pull = (rate - old_rate)[good] / error[good]
    result = {
        "median_change_in_errors": float(np.median(pull)) if pull.size else 0.0,
        "scatter_of_change_in_errors": float(1.4826 * np.median(np.abs(pull - np.median(pull)))) if pull.size else 0.0,
    }
    result.update({f"beyond_{sigma}_sigma": int(np.count_nonzero(np.abs(pull) > sigma)) for sigma in SIGMAS})
    result["flagged_now"] = int(np.count_nonzero((flags & 1) & ~(old_flags & 1)))
    result["flagged_before"] = int(np.count_nonzero((old_flags & 1) & ~(flags & 1)))
    return result
