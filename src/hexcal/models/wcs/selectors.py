"""Transforms that choose among others by where a point lies, as descriptions: those of integral-field units."""

from typing import Any

import numpy as np

from hexcal.models.wcs.transforms import Transform


class RegionsSelector(Transform):
    """One transform for each region of the first coordinates.

    Parameters
    ----------
    inputs, outputs : sequence of str
        Names of the coordinates.
    selector : dict
        Label of a region -> its transform.
    label_mapper : Transform
        From the inputs to the label.
    undefined_transform_value : float
        What comes out where there is no region.
    """

    tag = "gwcs/regions_selector-1.3.0"

    def __init__(self, inputs, outputs, selector, label_mapper, undefined_transform_value=np.nan, name=None):
        super().__init__(name)
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.selector, self.label_mapper = dict(selector), label_mapper
        self.undefined_transform_value = undefined_transform_value

    def _opposite(self):
        back = {label: transform.inverse for label, transform in self.selector.items()}
        mapper = self.label_mapper.inverse
        return RegionsSelector(self.outputs, self.inputs, back, mapper, self.undefined_transform_value)


class _LabelMapper(Transform):
    """From coordinates to the label of a region."""

    tag = "gwcs/label_mapper-1.3.0"
    outputs = ("labels",)
    mapper: Any
    no_label: Any = 0
    inputs_mapping: Any = None


class LabelMapperArray(_LabelMapper):
    """An array of labels; 0 where there is no region.

    Parameters
    ----------
    mapper : int array (ny, nx)
    """

    inputs, outputs = ("x", "y"), ("label",)

    def __init__(self, mapper, inputs_mapping=None, name=None):
        super().__init__(name)
        self.mapper, self.inputs_mapping = mapper, inputs_mapping


class LabelMapperRange(_LabelMapper):
    """One transform, which gives the label, for each range of a coordinate.

    Parameters
    ----------
    inputs : sequence of str
        Names of the coordinates.
    mapper : dict
        (lower, upper) -> transform.
    inputs_mapping : Mapping
        Which of the coordinates it is.
    """

    def __init__(self, inputs, mapper, inputs_mapping=None, name=None):
        super().__init__(name)
        self.inputs, self.mapper, self.inputs_mapping = tuple(inputs), dict(mapper), inputs_mapping


class LabelMapperDict(_LabelMapper):
    """One transform, which gives the label, for each value of a coordinate.

    Parameters
    ----------
    inputs : sequence of str
        Names of the coordinates.
    mapper : dict
        Value -> transform.
    inputs_mapping : Mapping
        Which of the coordinates it is.
    atol : float
        How far from a value it may be.
    """

    def __init__(self, inputs, mapper, inputs_mapping=None, atol=1e-8, name=None):
        super().__init__(name)
        self.inputs, self.mapper, self.inputs_mapping = tuple(inputs), dict(mapper), inputs_mapping
        self.atol = float(atol)


class LabelMapper(_LabelMapper):
    """A transform that gives the label.

    Parameters
    ----------
    inputs : sequence of str
        Names of the coordinates.
    mapper : Transform
    inputs_mapping : Mapping
        Which of the coordinates it takes.
    no_label : float
        What it gives where there is no region.
    """

    outputs = ("x0",)

    def __init__(self, inputs, mapper, no_label=np.nan, inputs_mapping=None, name=None):
        super().__init__(name)
        self.inputs, self.mapper, self.inputs_mapping = tuple(inputs), mapper, inputs_mapping
        self.no_label = no_label


class MIRI_AB2Slice(Transform):
    """From the coordinate across the slices of MIRI MRS to the label of the slice.

    Parameters
    ----------
    beta_zero : float
        Arcsec, of the centre of the first slice.
    beta_del : float
        Arcsec, width of a slice.
    channel : float
        1 to 4.
    """

    tag = "jwst_pipeline/miri_ab2slice-1.2.0"
    parameters = (("beta_zero", "number"), ("beta_del", "number"), ("channel", "number"))
    inputs, outputs = ("beta",), ("slice",)

    def __init__(self, beta_zero, beta_del, channel, name=None):
        super().__init__(name)
        self.beta_zero, self.beta_del, self.channel = float(beta_zero), float(beta_del), float(channel)


def mapper_of(content):
    """Return the mapper of labels that a node of a file says (`_LabelMapper`)."""
    mapper, mapping = content["mapper"], content.get("inputs_mapping")
    if isinstance(mapper, np.ndarray):
        return LabelMapperArray(mapper, mapping)
    inputs = content["inputs"]
    if isinstance(mapper, Transform):
        return LabelMapper(inputs, mapper, content.get("no_label", np.nan), mapping)
    if not any(isinstance(label, list) for label in mapper["labels"]):
        values = dict(zip(mapper["labels"], mapper["models"], strict=True))
        return LabelMapperDict(inputs, values, mapping, content.get("atol", 1e-8))
    limits = [tuple(label) for label in mapper["labels"]]
    return LabelMapperRange(inputs, dict(zip(limits, mapper["models"], strict=True)), mapping)


def selector_of(content):
    """Return the selector of regions that a node of a file says."""
    chosen = content["selector"]
    transforms = dict(zip(chosen["labels"], chosen["transforms"], strict=True))
    value = content.get("undefined_transform_value", np.nan)
    return RegionsSelector(content["inputs"], content["outputs"], transforms, content["label_mapper"], value)


def content_of_mapper(transform):
    """Return what the schema says of a mapper of labels beside what all transforms have (dict)."""
    mapper = transform.mapper
    if isinstance(mapper, dict):
        labels = [list(label) if isinstance(label, tuple) else label for label in mapper]
        mapper = {"labels": labels, "models": list(mapper.values())}
    content = {"mapper": mapper, "no_label": transform.no_label}
    if isinstance(transform, LabelMapperDict):
        content["atol"] = transform.atol
    return content if transform.inputs_mapping is None else {**content, "inputs_mapping": transform.inputs_mapping}


def content_of_selector(transform):
    """Return what the schema says of a selector of regions beside what all transforms have (dict)."""
    return {
        "label_mapper": transform.label_mapper,
        "selector": {"labels": list(transform.selector), "transforms": list(transform.selector.values())},
        "undefined_transform_value": transform.undefined_transform_value,
    }
