"""A WCS: frames and the transforms between them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from hexcal.errors import InputError


@dataclass(frozen=True)
class Frame:
    """One frame of coordinates.

    Parameters
    ----------
    kind : str
        Name of its schema: ``frame2d``, ``celestial_frame``, ``spectral_frame``, ``composite_frame``, ``frame``, ...
    name : str
    content : tuple of (str, value)
        What else the schema says of it, by name.
    """

    kind: str
    name: str
    content: tuple

    @property
    def naxes(self):
        """Number of its axes."""
        content = dict(self.content)
        if self.kind == "composite_frame":
            return sum(frame.naxes for frame in content["frames"])
        return content.get("naxes") or len(content.get("axes_order") or content.get("axes_names") or (0, 1))


class Unit(str):
    """A unit, as files write it."""


class Tagged(NamedTuple):
    """What a schema of its own describes, and that Hexcal hands on as it is: the reference frame of the sky."""

    tag: str
    content: Any


class Step(NamedTuple):
    """A frame and the transform to the next one (None of the last)."""

    frame: Any
    transform: Any


class Choice(dict):
    """Bounding boxes of the slits of one WCS: number of the slit -> {input: (lower, upper)}."""


class Wcs:
    """Frames and transforms: what `gwcs.WCS` is made of, under the same names.

    Never changed once it is made, but for its bounding box, which is set at once.

    Parameters
    ----------
    steps : list of (Frame, Transform)
        The transform of the last one is None.
    name : str
    """

    def __init__(self, steps, name=""):
        self.pipeline = [Step(frame, transform) for frame, transform in steps]
        self.name = name
        self.pixel_shape: Any = None

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return f"<WCS: {' -> '.join(self.available_frames)}>"

    @property
    def available_frames(self):
        """Names of the frames (list)."""
        return [step.frame.name for step in self.pipeline]

    @property
    def output_frame(self):
        """The last frame."""
        return self.pipeline[-1].frame

    pixel_n_dim = property(lambda self: self.pipeline[0].transform.n_inputs)
    world_n_dim = property(lambda self: self.pipeline[-2].transform.n_outputs)

    @property
    def bounding_box(self) -> Any:
        """Input -> (lower, upper), pixels, where the WCS holds (dict); several of them (Choice); None: everywhere."""
        return self.pipeline[0].transform.bounding_box

    @bounding_box.setter
    def bounding_box(self, box):
        """By input, or (lower, upper) of each input in their order. The first transform may be shared: it is copied."""
        first = self.pipeline[0]
        transform = first.transform.deepcopy()
        if box is not None and not isinstance(box, dict):
            box = dict(zip(transform.inputs, box, strict=True))
        transform.bounding_box = box
        self.pipeline[0] = Step(first.frame, transform)

    @property
    def forward_transform(self):
        """From the first frame to the last."""
        return self._chained([step.transform for step in self.pipeline[:-1]])

    @property
    def backward_transform(self):
        """From the last frame to the first."""
        return self._chained([step.transform.inverse for step in self.pipeline[-2::-1]])

    def get_transform(self, first, last):
        """Return the transform from one frame to another, by their names."""
        names = self.available_frames
        for name in (first, last):
            if name not in names:
                raise InputError(f"the WCS has the frames {', '.join(names)}, not {name}")
        start, end = names.index(first), names.index(last)
        if start < end:
            return self._chained([step.transform for step in self.pipeline[start:end]])
        return self._chained([step.transform.inverse for step in reversed(self.pipeline[end:start])])

    @staticmethod
    def _chained(transforms):
        whole, *further = transforms
        for transform in further:
            whole = whole | transform
        return whole
