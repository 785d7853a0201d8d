"""Descriptions of transforms and of a WCS as the YAML nodes of an ASDF file.

The file follows version 1.6.0 of the ASDF standard; gwcs and astropy read it as if the ASDF library had written it.
"""

from functools import cache
from typing import Any

import numpy as np

from hexcal.models.wcs import arrays, selectors, transforms, turns
from hexcal.models.wcs.description import Choice, Frame, Step, Tagged, Unit, Wcs

STANDARD = b"1.6.0"
"""Version of the ASDF standard that the tags belong to."""
WCS_TAG = "tag:stsci.edu:gwcs/wcs-1.4.0"
_STEP_TAG = "tag:stsci.edu:gwcs/step-1.3.0"
_FRAME_VERSIONS = {"composite_frame": "1.0.0", "temporal_frame": "1.1.0", "stokes_frame": "1.1.0"}
_ARRAY_TAG = "tag:stsci.edu:asdf/core/ndarray-1.1.0"
_UNIT_TAG = "tag:stsci.edu:asdf/unit/unit-1.0.0"
_BOX_TAG = "tag:stsci.edu:asdf/transform/property/bounding_box-1.2.0"
_CHOICE_TAG = "tag:stsci.edu:asdf/transform/property/compound_bounding_box-1.2.0"
_PLAIN = "tag:yaml.org,2002:"


@cache
def _yaml() -> Any:
    import yaml

    return yaml


class Writer:
    """Writes into the nodes of one file: what several transforms share is written once.

    Attributes
    ----------
    blocks : list of bytes
        Arrays, each with its header, as the file holds them behind its tree.
    """

    def __init__(self):
        self.blocks: list[bytes] = []
        self._known: dict[int, tuple] = {}
        self._float = _yaml().representer.SafeRepresenter().represent_float

    def node(self, value) -> Any:
        """Return the node of a value: a transform, frame, WCS, array, or plain data."""
        plain = self._scalar(value)
        if plain is not None:
            return plain
        if isinstance(value, Unit):
            return _yaml().ScalarNode(_UNIT_TAG, str(value))
        if isinstance(value, str):
            return _yaml().ScalarNode(f"{_PLAIN}str", value)
        if id(value) not in self._known:
            # With the object, so that its identity stays its own.
            self._known[id(value)] = (self._collection(value), value)
        return self._known[id(value)][0]

    def _scalar(self, value):
        if value is None:
            return _yaml().ScalarNode(f"{_PLAIN}null", "null")
        if isinstance(value, bool | np.bool_):
            return _yaml().ScalarNode(f"{_PLAIN}bool", "true" if value else "false")
        if isinstance(value, int | np.integer):
            return _yaml().ScalarNode(f"{_PLAIN}int", str(int(value)))
        return self._float(float(value)) if isinstance(value, float | np.floating) else None

    def _collection(self, value):
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, transforms.Transform):
            return self._transform(value)
        if isinstance(value, Frame):
            return self._frame(value)
        if isinstance(value, Wcs):
            content = {"name": value.name, "pixel_shape": value.pixel_shape, "steps": value.pipeline}
            return self._mapping(WCS_TAG, content)
        if isinstance(value, Step):
            return self._mapping(_STEP_TAG, {"frame": value.frame, "transform": value.transform})
        if isinstance(value, Tagged):
            return self._mapping(value.tag, value.content)
        if isinstance(value, dict):
            return self._mapping(f"{_PLAIN}map", value)
        return self._sequence(value)

    def _sequence(self, values):
        nodes = [self.node(value) for value in values]
        return _yaml().SequenceNode(f"{_PLAIN}seq", nodes, flow_style=all(map(_is_scalar, nodes)))

    def _mapping(self, tag, content):
        pairs = [(self.node(key), self.node(content[key])) for key in sorted(content)]
        return _yaml().MappingNode(tag, pairs, flow_style=all(_is_scalar(value) for _, value in pairs))

    def _array(self, values):
        number = len(self.blocks)
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        self.blocks.append(arrays.block_of(values))
        content = {"source": number, "datatype": values.dtype.name, "byteorder": "little", "shape": values.shape}
        pairs = [(self.node(key), self.node(value)) for key, value in content.items()]
        return _yaml().MappingNode(_ARRAY_TAG, pairs, flow_style=False)

    def _frame(self, frame):
        if not frame.kind:
            return self.node(frame.name)
        tag = f"tag:stsci.edu:gwcs/{frame.kind}-{_FRAME_VERSIONS.get(frame.kind, '1.2.0')}"
        return self._mapping(tag, {"name": frame.name, **dict(frame.content)})

    def _transform(self, transform):
        content = {**transform.fixed, **_properties(transform)}
        content["inputs"], content["outputs"] = list(transform.inputs), list(transform.outputs)
        if transform.name is not None:
            content["name"] = transform.name
        node = _yaml().MappingNode(f"tag:stsci.edu:{transform.tag}", [], flow_style=False)
        # Known before its parts: it may be the inverse of its inverse.
        self._known[id(transform)] = (node, transform)
        nodes = {key: self.node(value) for key, value in content.items()}
        if transform.given_inverse is not None:
            nodes["inverse"] = self.node(transform.given_inverse)
        if transform.bounding_box is not None:
            nodes["bounding_box"] = self._box(transform.bounding_box)
        node.value.extend((self.node(key), nodes[key]) for key in sorted(nodes))
        return node

    def _box(self, box):
        if not isinstance(box, Choice):
            return self._mapping(_BOX_TAG, _box_content(box, []))
        boxes = [
            {"bbox": self._mapping(_BOX_TAG, _box_content(interval, ["name"])), "key": [key]}
            for key, interval in box.items()
        ]
        listed = [
            _yaml().MappingNode(
                f"{_PLAIN}map", [(self.node("bbox"), entry["bbox"]), (self.node("key"), self.node(entry["key"]))]
            )
            for entry in boxes
        ]
        pairs = [
            (self.node("cbbox"), _yaml().SequenceNode(f"{_PLAIN}seq", listed, flow_style=False)),
            (self.node("ignore"), self.node([])),
            (self.node("order"), self.node("F")),
            (self.node("selector_args"), self.node([{"argument": "name", "ignore": True}])),
        ]
        return _yaml().MappingNode(_CHOICE_TAG, pairs, flow_style=False)


def _is_scalar(node):
    return isinstance(node.value, str)


def _box_content(box, ignored):
    return {"ignore": ignored, "intervals": {name: list(pair) for name, pair in box.items()}, "order": "F"}


def _properties(transform):
    """What the schema of a transform says beside what all transforms have (dict)."""
    for cls in type(transform).__mro__:
        if cls in _SPECIAL:
            return _SPECIAL[cls](transform)
    values = {}
    for name, kind in transform.parameters:
        value = getattr(transform, name)
        values[name] = list(value) if kind in ("numbers", "models") else value
    if "slits" in values:
        values["slits"] = [list(slit) if isinstance(slit, tuple) else slit for slit in values["slits"]]
    return values


def _compound(transform):
    right = transform.right
    if transform.op == "fix_inputs":
        right = {"keys": list(right), "values": list(right.values())}
    return {"forward": [transform.left, right]}


def _mapping(transform):
    content: dict[str, Any] = {"mapping": list(transform.mapping)}
    if transform.n_inputs > max(transform.mapping) + 1:
        content["n_inputs"] = transform.n_inputs
    return content


def _polynomial(transform):
    content = {"coefficients": transform.coefficients}
    for name in ("domain", "window"):
        pair = getattr(transform, name)
        if pair is not None:
            content[name] = [list(inner) if isinstance(inner, tuple) else inner for inner in pair]
    return content


def _table(transform):
    content = {
        "bounds_error": transform.bounds_error,
        "lookup_table": np.asarray(transform.lookup_table),
        "method": transform.method,
        "points": [np.asarray(points) for points in transform.points],
    }
    return content if transform.fill_value is None else {**content, "fill_value": transform.fill_value}


def _rotation_3d(transform):
    return {
        "direction": transform.direction,
        "phi": transform.lon,
        "theta": transform.lat,
        "psi": transform.lon_pole,
    }


_SPECIAL: dict[type, Any] = {
    transforms.Compound: _compound,
    transforms.Identity: lambda transform: {"n_dims": transform.n_inputs} if transform.n_inputs != 1 else {},
    transforms.Mapping: _mapping,
    transforms.Const1D: lambda transform: {"dimensions": 1, "value": transform.amplitude},
    transforms.Polynomial1D: _polynomial,
    transforms.Polynomial2D: _polynomial,
    transforms.Tabular1D: _table,
    turns.RotateNative2Celestial: _rotation_3d,
    selectors.RegionsSelector: selectors.content_of_selector,
    selectors.LabelMapperArray: selectors.content_of_mapper,
    selectors.LabelMapperRange: selectors.content_of_mapper,
    selectors.LabelMapperDict: selectors.content_of_mapper,
    selectors.LabelMapper: selectors.content_of_mapper,
}
