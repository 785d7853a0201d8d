"""A maker: what turns a group of exposures into one reference file."""

import itertools
import logging
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from hexcal.core.parameters import CheckedValues, parameter
from hexcal.errors import InputError

BAND_SAMPLES = 1 << 24
"""Samples of all members that are in memory at once."""
DO_NOT_USE, SATURATED, JUMP_DET = 1, 2, 4
"""Bits of GROUPDQ that makers ask for."""
SPOILED = SATURATED | JUMP_DET
"""What makes a sample wrong; DO_NOT_USE alone says that a step wants a group left out, as MIRI's first and last one."""


class NotSuitable(InputError):
    """The exposures are good, but this file cannot be made of them: too few hot pixels, groups or darks.

    Where all types are asked for that the exposures allow, such a type is told and left out.
    """


class MakerParameters(CheckedValues):
    """The parameters that every maker has."""

    author: str | None = parameter(None, "AUTHOR of the file; nothing is made without one.")
    description: str | None = parameter(None, "DESCRIP of the file. Default: what it is and of how many exposures.")
    pedigree: str | None = parameter(
        None, "PEDIGREE. Default: SIMULATION, or INFLIGHT with the dates of the exposures; GROUND and DUMMY if said so."
    )
    useafter: str | None = parameter(None, "USEAFTER. Default: the beginning of the day of the first exposure.")
    history: str | None = parameter(None, "Text that says what is different from the file before (DIFFERENCES).")


class Maker:
    """Makes one type of reference file.

    A maker declares what it is and what it needs, and does the work in `make`. Opening, running the pipeline, naming,
    headers, checks and writing belong to `hexcal.reffiles`.

    Attributes
    ----------
    label : str
        What it is called in commands and configurations.
    reference_type : str
        Such as ``superbias``.
    inputs : str
        Which exposures go into one file (see `hexcal.reffiles.patterns`); ``D+F+|D+``: the first of several that the
        exposures allow.
    steps : str
        Steps that they must have had (see `hexcal.reffiles.pipeline_steps`).
    forbidden : tuple of str
        Steps that they must not have had.
    needs : tuple of str
        Types of reference files that its steps use.
    by_integration : tuple of str
        Kinds of exposures of which it wants the rates of each integration, where it wants rates.
    without : tuple of str
        Types of reference files that the pipeline must not use, since they would hide what is looked for.
    instruments : tuple of str
        Instruments that have this type; empty: all.
    flags : str
        Step up to which the pipeline runs on for the sake of its flags alone; the data are those after `steps`.
    also : tuple of str
        Steps before the last one whose products it gets besides, as `Members.also`.
    extension : str
        Of its files: ``fits`` or ``asdf``.
    """

    label: ClassVar[str] = ""
    reference_type: ClassVar[str] = ""
    inputs: ClassVar[str] = "D+"
    steps: ClassVar[str] = ""
    forbidden: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    by_integration: ClassVar[tuple[str, ...]] = ()
    without: ClassVar[tuple[str, ...]] = ()
    instruments: ClassVar[tuple[str, ...]] = ()
    flags: ClassVar[str] = ""
    also: ClassVar[tuple[str, ...]] = ()
    extension: ClassVar[str] = "fits"
    Parameters: ClassVar[type[MakerParameters]] = MakerParameters

    def make(self, members: "Members", parameters: Any, log: logging.Logger) -> Any:
        """Return the reference model that a group of exposures gives.

        Parameters
        ----------
        members : Members
            The exposures, opened, after the steps.
        parameters : MakerParameters
            Its own parameters.
        log : logging.Logger
            For what should be known of the result.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define make")

    @classmethod
    def why_not(cls, inputs: list[Any]) -> str | None:
        """Return why a file cannot be made of some exposures, beside that there are too few of a kind; None if it can.

        Parameters
        ----------
        inputs : list of Input
            Headers of the exposures.
        """
        return None

    @classmethod
    def is_for_all(cls, path: str) -> bool:
        """Whether its files hold for all values of a metadatum, which they then do not have (dotted path)."""
        return False

    def combine(self, models: list[Any]) -> Any:
        """Return what individual files are joined to; None to have them joined pixel by pixel.

        Parameters
        ----------
        models : list of DataModel
            The individual files.
        """
        return None


class Members:
    """The exposures of a group, as a maker sees them: read band by band, so that memory does not grow with them.

    Parameters
    ----------
    models : list of (str, DataModel)
        Kind and model of each.
    inputs : list of Input
        The exposures that they were made of.

    Attributes
    ----------
    counts : int array (ny, nx) or (ngroups, ny, nx), or None
        How many values are behind each one of the result; a maker that knows it sets it.
    pictures : dict of str to array (ny, nx)
        Maps that a maker wants to be drawn beside its file: what they show -> values.
    also : dict of (str, str) to list of DataModel
        (Step, kind) -> products of that step.
    """

    def __init__(self, models, inputs=()):
        self.models, self.inputs = list(models), list(inputs)
        self.counts: Any = None
        self.pictures: dict[str, Any] = {}
        self.also: dict[tuple[str, str], list[Any]] = {}
        shapes = {model.shape_of("data")[-2:] for _, model in self.models}
        if len(shapes) > 1:
            raise InputError(f"the exposures differ in size: {', '.join(map(str, sorted(shapes)))}")
        self.shape = shapes.pop()

    def of_kind(self, kind: str) -> list[Any]:
        """Return the models of a kind."""
        return [model for own, model in self.models if own == kind]

    @property
    def first(self) -> Any:
        """The first model, whose metadata stand for all."""
        return self.models[0][1]

    @property
    def n_groups(self) -> int:
        """The smallest number of groups of the ramps."""
        return min(model.shape_of("data")[1] for _, model in self.models)

    def bands(self, samples_per_pixel: int) -> Iterator[tuple[int, int]]:
        """Yield bands of rows (first, last) of which so many values per pixel fit into memory at once."""
        rows = max(1, BAND_SAMPLES // max(1, samples_per_pixel * self.shape[1]))
        for first in range(0, self.shape[0], rows):
            yield first, min(first + rows, self.shape[0])

    def bad_pixels(self) -> Any:
        """Return which pixels no exposure can use (DO_NOT_USE in all of them), bool (ny, nx)."""
        bad = np.ones(self.shape, bool)
        for _, model in self.models:
            bad &= (_pixel_flags(model) & DO_NOT_USE) != 0
        return bad

    def amplifiers(self) -> list[Any]:
        """Return the part of the image that each amplifier reads, as indices of (ny, nx) arrays."""
        model = self.first
        outputs = max(1, int(model.meta.exposure.noutputs or 1))
        if model.is_miri:
            # Every fourth column has the same one; the fifth output is that of the reference.
            start = int(model.meta.subarray.xstart or 1) - 1
            return [np.s_[..., (number - start) % 4 :: 4] for number in range(4)]
        along_rows = abs(int(model.meta.subarray.fastaxis or 1)) == 2
        size = self.shape[0] if along_rows else self.shape[1]
        edges = [round(size * number / outputs) for number in range(outputs + 1)]
        parts = [slice(low, high) for low, high in itertools.pairwise(edges)]
        return [np.s_[..., part, :] if along_rows else np.s_[..., part] for part in parts]

    def reference_pixels(self) -> Any:
        """Return which pixels see no light, bool (ny, nx): the borders of the detector as far as they were read."""
        return reference_pixels_of(self.first, self.shape)


class _WithFlags:
    """A model whose flags of groups are those of a later product of the same exposure."""

    def __init__(self, model, later):
        self._model, self._later = model, later

    def __getattr__(self, name):
        return getattr(self._later if name in ("groupdq", "pixeldq") else self._model, name)

    def read(self, name, index=np.s_[:]):
        """Read a part of an array from the file."""
        return (self._later if name in ("groupdq", "pixeldq") else self._model).read(name, index)

    def has(self, name):
        """Whether the model has an array."""
        return (self._later if name in ("groupdq", "pixeldq") else self._model).has(name)


def with_flags(model: Any, later: Any) -> Any:
    """Return a model with the flags of a later product of the same exposure; both are read as they are asked for."""
    return _WithFlags(model, later)


def image_rows(model: Any, first: int, last: int) -> tuple[Any, Any]:
    """Return rows of rates: values (n, rows, nx) as float32 and flags; n is 1 for an image, else integrations."""
    # Flags are read as they are wanted too: a model keeps what is asked of it as an attribute.
    data, flags = (model.read(name, np.s_[..., first:last, :]) for name in ("data", "dq"))
    shape = (-1, *data.shape[-2:])
    return data.astype(np.float32, copy=False).reshape(shape), flags.reshape(shape)


def _pixel_flags(model) -> Any:
    """Flags of pixels, uint32 (ny, nx): what all integrations have."""
    flags = model.read("pixeldq" if "pixeldq" in model.specs else "dq", np.s_[..., :, :])
    return flags if flags.ndim == 2 else np.bitwise_and.reduce(flags, axis=0)


def ramp_rows(model, first: int, last: int, groups: int | None = None) -> tuple[Any, Any]:
    """Return rows of a ramp: values (nints, ngroups, rows, nx) as float32, and its flags of groups."""
    index = np.s_[:, :groups, first:last]
    flags = model.read("groupdq", index) if model.has("groupdq") else None
    data = model.read("data", index).astype(np.float32, copy=False)
    return data, np.zeros(data.shape, np.uint8) if flags is None else flags


def reference_pixels_of(model: Any, shape: tuple[int, int]) -> Any:
    """Return which pixels of a model, with images of a shape (ny, nx), are reference pixels, bool (ny, nx)."""
    result = np.zeros(shape, bool)
    facts = model.observatory.detector(model.meta.instrument.detector)
    rows = np.arange(shape[0]) + (model.meta.subarray.ystart or 1) - 1
    columns = np.arange(shape[1]) + (model.meta.subarray.xstart or 1) - 1
    result[(rows < facts.bottom) | (rows >= facts.rows - facts.top)] = True
    result[:, (columns < facts.left) | (columns >= facts.columns - facts.right)] = True
    return result


def usable_groups(flags) -> Any:
    """Return which groups of an exposure no step wants left out as a whole, bool (ngroups,).

    Parameters
    ----------
    flags : uint8 array (nints, ngroups, rows, nx)
        GROUPDQ.
    """
    left_out = ((flags & DO_NOT_USE) != 0) & ((flags & SPOILED) == 0)
    return left_out.mean(axis=(0, 2, 3)) < 0.5


def of_tree(name: str, tree: dict[str, Any]) -> Any:
    """Return a model that is nothing but a tree (an ASDF file), by the name of its class."""
    from hexcal.models.single import model_class

    model: Any = model_class(name)()
    return model.hold(dict(tree), None)
