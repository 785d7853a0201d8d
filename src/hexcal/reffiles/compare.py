"""Before and after: what a new reference file changes, in itself and in an exposure that is calibrated with it."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.core import cmdline
from hexcal.errors import InputError
from hexcal.models import dqflags
from hexcal.models.open import open as open_model
from hexcal.reffiles import truth
from hexcal.reffiles.pipeline_steps import PIPELINE, steps_with
from hexcal.report import difference

SIGMAS = (1, 3, 10)
_ARRAYS = ("data", "err", "var_poisson", "var_rnoise", "dq")


@dataclass
class Change:
    """What a new reference file changes.

    Attributes
    ----------
    reference_type : str
        Its type.
    reference : list of str
        How the new file differs from the old one.
    statistics : dict of str to list of float
        Statistic -> its value in the new and in the old file, for those that differ.
    flags : dict of str to list of int
        Flag -> pixels of the reference that have it now and had not, and the other way round.
    products : dict of str to dict of str to float
        Of the calibrated exposure, by array: median and scatter of the change in units of the error, the numbers of
        pixels that change by more than 1, 3 and 10 errors; of flags the pixels that are flagged now or were before.
    truth : list of str
        How both files compare with the truth.
    pictures : list of (str, str)
        Pictures as URLs with data, and what they show.
    """

    reference_type: str
    reference: list[str] = field(default_factory=list)
    statistics: dict[str, list[float]] = field(default_factory=dict)
    flags: dict[str, list[int]] = field(default_factory=dict)
    products: dict[str, dict[str, float]] = field(default_factory=dict)
    truth: list[str] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def rate(self) -> dict[str, float]:
        """How the rates of the exposure change; empty without one."""
        return self.products.get("rate", {})

    @property
    def is_none(self) -> bool:
        """Whether nothing changes."""
        return not self.reference and not any(self.rate.get(f"beyond_{sigma}_sigma") for sigma in SIGMAS)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, without the pictures."""
        names = ("reference_type", "reference", "statistics", "flags", "products", "truth")
        return {name: getattr(self, name) for name in names}

    def lines(self, with_products: bool = True) -> list[str]:
        """Return the lines that tell it; without those of the calibrated exposure where a table has them."""
        if self.is_none:
            return ["no difference", *self.truth]
        result = [f"reference: {text}" for text in self.reference]
        result += [f"{name}: {new:.6g} instead of {old:.6g}" for name, (new, old) in self.statistics.items()]
        result += [f"flag {name}: {new} pixels more, {old} fewer" for name, (new, old) in self.flags.items()]
        result += [
            f"{array}: {name.replace('_', ' ')}: {value:g}"
            for array, figures in self.products.items()
            for name, value in figures.items()
            if with_products
        ]
        return [*result, *self.truth]


def predecessor(new: Any, exposure: Any, source: str) -> str | None:
    """Return the file that a new one is compared with: one that is named, or the choice of the context (``CRDS``).

    Parameters
    ----------
    new : path-like
        The new file.
    exposure : path-like
        One of the exposures that it was made of.
    source : str
        ``CRDS``, or a path.
    """
    from hexcal.workflow.references import Choices

    if source != "CRDS":
        if not Path(source).is_file():
            raise InputError("the file to compare with does not exist", where=f"validation: {source}")
        return source
    kind = str(open_model(new).meta.reftype or "").lower()
    return Choices().path(kind, Path(exposure))


def compare(new, old, exposure=None, references=None, true=None) -> Change:
    """Compare a new reference file with the one before.

    Parameters
    ----------
    new, old : path-like
        Files of one type.
    exposure : path-like, optional
        Raw exposure that is calibrated with both, everything else equal.
    references : path-like, optional
        Folder of the other reference files; default: as `hexcal run`.
    true : path-like, optional
        The true file, where it is known.

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
    _of_reference(change, models)
    if true is not None:
        change.truth = [
            f"{name}: {row.name} is {row.value}, expected {row.expected}"
            for name, model in zip(("new", "before"), models, strict=True)
            for row in truth.rows(kinds[0], model, open_model(true))
        ]
    if exposure is not None:
        _of_exposure(change, new, old, exposure, references)
    return change


def _of_reference(change, models):
    """Statistics that differ, and maps of both files and of their difference, in place."""
    from hexcal.reffiles.quality import statistics

    values = [statistics(model) for model in models]
    for name in dict.fromkeys([*values[0], *values[1]]):
        pair = [own.get(name, 0.0) for own in values]
        if pair[0] != pair[1] and not all(np.isnan(pair)):
            change.statistics[name] = pair
    images: list[Any] = [_image(model) for model in models]
    if any(image is None for image in images) or images[0].shape != images[1].shape:
        return
    _draw(
        change, {"new": images[0], "before": images[1], "new - before": images[0] - images[1]},
        "Maps of both files and of their difference, with histograms",
    )  # fmt: skip


def _image(model) -> Any:
    name = next((name for name in ("data", "coeffs", "dq") if name in model.specs and model.has(name)), None)
    if name is None or len(model.shape_of(name)) < 2:
        return None
    array = np.asarray(getattr(model, name))
    return array.reshape(-1, *array.shape[-2:])[-1].astype(float)


def _draw(change, images, text):
    from hexcal.reffiles.pictures import maps
    from hexcal.report.pages.plots import of_figure

    change.pictures.append((of_figure(maps(images)), text))


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


def _of_exposure(change, new, old, exposure, references):
    """How the products of an exposure change, in place."""
    kind = change.reference_type
    steps = steps_with(kind)
    if not steps:
        raise InputError(f"no step of {PIPELINE} uses a {kind} reference", where=str(new))
    with tempfile.TemporaryDirectory(prefix="hexcal-compare-") as folder:
        products = [
            open_model(_calibrated(exposure, kind, steps, path, references, Path(folder, name)))
            for name, path in (("new", new), ("old", old))
        ]
        after, before = ({name: np.asarray(getattr(model, name)) for name in _ARRAYS} for model in products)
    change.products = _changes(after, before)
    images = {"rate, new": after["data"], "rate, before": before["data"]}
    with np.errstate(invalid="ignore", divide="ignore"):
        images["change of the rate, in errors"] = (after["data"] - before["data"]) / after["err"]
    _draw(change, images, "The rate of the exposure with both files, and the change in units of its error")


def _calibrated(exposure, kind, steps, path, references, folder):
    """The rate image of an exposure, calibrated with one reference file."""
    words = [f"--steps.{step}.override_{kind}={path}" for step in steps]
    words += [f"--references={references}"] if references else []
    cmdline.run_target([PIPELINE, str(exposure), *words, f"--output_dir={folder}", "--log-stream=null"])
    return next(folder.glob("*_rate.fits"))


def _changes(after, before) -> dict[str, dict[str, float]]:
    good = (after["err"] > 0) & ((after["dq"] | before["dq"]) & 1 == 0)
    result = {}
    for label, name in (("rate", "data"), ("ERR", "err"), ("VAR_POISSON", "var_poisson"), ("VAR_RNOISE", "var_rnoise")):
        used = good & np.isfinite(after[name]) & np.isfinite(before[name])
        if name == "data":
            result[label] = _in_errors((after[name] - before[name])[used] / after["err"][used])
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = (after[name] / before[name])[used & (before[name] > 0)]
        result[label] = {
            "median_ratio": float(np.median(ratio)) if ratio.size else 1.0,
            "pixels_that_change_by_1_percent": int(np.count_nonzero(np.abs(ratio - 1) > 0.01)),
        }
    flags = [array["dq"] & 1 for array in (after, before)]
    result["DQ"] = {
        "flagged_now": int(np.count_nonzero(flags[0] & ~flags[1])),
        "flagged_before": int(np.count_nonzero(flags[1] & ~flags[0])),
    }
    return result


def _in_errors(pull):
    middle = float(np.median(pull)) if pull.size else 0.0
    result = {
        "median_change_in_errors": middle,
        "scatter_of_change_in_errors": float(1.4826 * np.median(np.abs(pull - middle))) if pull.size else 0.0,
    }
    return result | {f"beyond_{sigma}_sigma": int(np.count_nonzero(np.abs(pull) > sigma)) for sigma in SIGMAS}
