"""Descriptions of transforms and of a WCS from the YAML nodes of an ASDF file."""

from typing import Any

import numpy as np

from hexcal.models.wcs import arrays, selectors, spectrographs, transforms, turns
from hexcal.models.wcs.description import Choice, Frame, Step, Tagged, Unit, Wcs

_ROOT = "tag:stsci.edu:"
_PLAIN = "tag:yaml.org,2002:"
_COLUMN = ("asdf/core/column", "asdf/table/column")
"""A column of a table: its name, and its values."""


class NotDescribed(Exception):
    """Something that there is no description for: astropy and gwcs may know it."""


class Reader:
    """Reads nodes of one file; what several of them share is read once, and shared.

    Parameters
    ----------
    blocks : sequence of bytes
        Blocks of binary data of the file.
    """

    def __init__(self, blocks):
        import yaml

        self.blocks, self._known, self._nodes = blocks, {}, []
        scalars: Any = yaml.constructor.SafeConstructor()
        self._scalars = {
            "str": lambda node: node.value,
            "null": lambda node: None,
            "float": scalars.construct_yaml_float,
            "int": scalars.construct_yaml_int,
            "bool": scalars.construct_yaml_bool,
        }

    def value(self, node) -> Any:
        """Return what a node stands for.

        Raises
        ------
        NotDescribed
            If there is no description for it.
        """
        if isinstance(node.value, str):
            return self._scalar(node)
        if id(node) not in self._known:
            # Nodes are kept, so that their identities stay theirs.
            self._nodes.append(node)
            self._known[id(node)] = self._collection(node)
        return self._known[id(node)]

    def _scalar(self, node):
        construct = self._scalars.get(node.tag.removeprefix(_PLAIN))
        if construct is not None:
            return construct(node)
        if "/unit/unit-" in node.tag or "/units/unit-" in node.tag:
            return Unit(node.value)
        raise NotDescribed(node.tag)

    def _collection(self, node):
        name = node.tag.removeprefix(_ROOT).rpartition("-")[0]
        if node.tag.startswith(_PLAIN):
            return self._plain(node)
        if name == "asdf/core/ndarray":
            try:
                return arrays.array_of(self._plain(node), self.blocks)
            except (arrays.NotReadable, ValueError, TypeError, KeyError) as error:
                raise NotDescribed(f"{node.tag}: {error}") from error
        if "astropy/table/table-" in node.tag:
            return _columns(self._plain(node))
        if name in _COLUMN:
            return self._plain(node)
        if name.startswith("gwcs/") and name.endswith(("frame", "frame2d")):
            return self._frame(name.removeprefix("gwcs/"), node)
        if name == "gwcs/wcs":
            content = self._plain(node)
            wcs = Wcs(content["steps"], content["name"])
            wcs.pixel_shape = content.get("pixel_shape")
            return wcs
        if name == "gwcs/step":
            content = self._plain(node)
            frame = content["frame"]
            return Step(Frame("", frame, ()) if isinstance(frame, str) else frame, content.get("transform"))
        return self._transform(name, node)

    def _plain(self, node) -> Any:
        if node.tag == f"{_PLAIN}omap" and not any(isinstance(entry, tuple) for entry in node.value):
            return {key: value for entry in node.value for key, value in self.value(entry).items()}
        if node.value and isinstance(node.value[0], tuple):
            return {key.value if isinstance(key.value, str) else "": self.value(inner) for key, inner in node.value}
        return [self.value(inner) for inner in node.value] if "map" not in node.tag else {}

    def _frame(self, kind, node):
        content = {}
        for key, inner in node.value:
            content[key.value] = self._tagged(inner) if key.value == "reference_frame" else self.value(inner)
        name = content.pop("name")
        return Frame(kind, name, tuple(sorted(content.items())))

    def _tagged(self, node):
        return Tagged(node.tag, {key.value: self.value(inner) for key, inner in node.value})

    def _transform(self, name, node):
        make = _MAKERS.get(name)
        if make is None or not all(isinstance(item, tuple) for item in node.value):
            raise NotDescribed(node.tag)
        nodes = {key.value: inner for key, inner in node.value}
        later = {key: nodes.pop(key) for key in ("inverse", "bounding_box") if key in nodes}
        content = {key: self.value(inner) for key, inner in nodes.items()}
        try:
            transform = make(content)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise NotDescribed(f"{node.tag}: {error}") from error
        transform.name = content.get("name")
        for ends in ("inputs", "outputs"):
            if ends in content:
                setattr(transform, ends, tuple(content[ends]))
        if "bounding_box" in later:
            transform.bounding_box = self._box(later["bounding_box"], transform.inputs)
        # Known before its inverse: that may have this transform as its own inverse.
        self._known[id(node)] = transform
        if "inverse" in later:
            transform.inverse = self.value(later["inverse"])
        return transform

    def _box(self, node, inputs) -> Any:
        name = node.tag.rpartition("/")[2].rpartition("-")[0]
        if name == "compound_bounding_box":
            return self._choice({key.value: inner for key, inner in node.value}, inputs)
        content = self._plain(node)
        if name == "bounding_box":
            return {key: tuple(pair) for key, pair in content["intervals"].items()}
        if not isinstance(content, list):
            raise NotDescribed(node.tag)
        # An older form, the last input first.
        pairs = content[::-1] if isinstance(content[0], list) else [content]
        return {key: tuple(pair) for key, pair in zip(inputs, pairs, strict=True)}

    def _choice(self, parts, inputs):
        choice = Choice()
        for entry in parts["cbbox"].value:
            of_key = {key.value: inner for key, inner in entry.value}
            choice[self.value(of_key["key"])[0]] = self._box(of_key["bbox"], inputs)
        return choice


def _columns(table):
    """The columns of a table: name -> array (dict)."""
    columns = {column["name"]: column["data"] for column in table["columns"]}
    if not all(isinstance(values, np.ndarray) for values in columns.values()):
        raise NotDescribed("a table of columns that are no arrays")
    return columns


def _compound(op):
    def make(content):
        left, right = content["forward"]
        if op == "fix_inputs":
            right = dict(zip(right["keys"], right["values"], strict=True))
        elif not isinstance(right, transforms.Transform):
            raise TypeError("not two transforms")
        return transforms.Compound(op, left, right)

    return make


def _by_parameters(cls):
    def make(content):
        return cls(**{name: content[name] for name, _ in cls.parameters})

    return make


def _chosen(key, classes):
    """A class by what a property of the schema says."""

    def make(content):
        return _by_parameters(classes[content[key]])(content)

    return make


def _polynomial(content):
    coefficients = np.asarray(content["coefficients"], np.float64)
    cls = transforms.Polynomial1D if coefficients.ndim == 1 else transforms.Polynomial2D
    pairs = {key: None if content.get(key) is None else _as_tuples(content[key]) for key in ("domain", "window")}
    return cls(coefficients, **pairs)


def _as_tuples(values):
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def _table(content):
    values = np.asarray(content["lookup_table"])
    cls = transforms.Tabular1D if values.ndim == 1 else transforms.Tabular2D
    method, is_error = content.get("method", "linear"), content.get("bounds_error", True)
    return cls(content["points"], values, method, is_error, content.get("fill_value"))


def _rotation_3d(content):
    classes = {cls.direction: cls for cls in (turns.RotateNative2Celestial, turns.RotateCelestial2Native)}
    return classes[content["direction"]](content["phi"], content["theta"], content["psi"])


def _constant(content):
    if content.get("dimensions", 1) != 1:
        raise ValueError("a constant of two coordinates")
    return transforms.Const1D(content["value"])


_SPECIAL = {
    "asdf/transform/identity": lambda content: transforms.Identity(content.get("n_dims", 1)),
    "asdf/transform/remap_axes": lambda content: transforms.Mapping(content["mapping"], content.get("n_inputs")),
    "asdf/transform/constant": _constant,
    "asdf/transform/polynomial": _polynomial,
    "asdf/transform/tabular": _table,
    "asdf/transform/rotate3d": _rotation_3d,
    "asdf/transform/gnomonic": _chosen(
        "direction", {"pix2sky": turns.Pix2Sky_Gnomonic, "sky2pix": turns.Sky2Pix_Gnomonic}
    ),
    "asdf/transform/rotate_sequence_3d": _chosen(
        "rotation_type", {"cartesian": turns.RotationSequence3D, "spherical": turns.SphericalRotationSequence}
    ),
    "gwcs/regions_selector": selectors.selector_of,
    "gwcs/label_mapper": selectors.mapper_of,
    "gwcs/spherical_cartesian": _chosen(
        "transform_type",
        {
            "spherical_to_cartesian": turns.SphericalToCartesian,
            "cartesian_to_spherical": turns.CartesianToSpherical,
        },
    ),
    "jwst_pipeline/coords": _chosen(
        "model_type",
        {
            **dict.fromkeys(("to_dircos", "unitless2directional"), spectrographs.Unitless2DirCos),
            **dict.fromkeys(("from_dircos", "directional2unitless"), spectrographs.DirCos2Unitless),
        },
    ),
    "jwst_pipeline/grating_equation": _chosen(
        "output",
        {
            "wavelength": spectrographs.WavelengthFromGratingEquation,
            "angle": spectrographs.AngleFromGratingEquation,
        },
    ),
}
_SIMPLE = (
    *(transforms.Shift, transforms.Scale, transforms.Multiply, transforms.Linear1D, turns.Rotation2D),
    *(transforms.AffineTransformation2D, spectrographs.Rotation3DToGWA, spectrographs.RefractionIndexFromPrism),
    *(spectrographs.Snell, spectrographs.Logical, spectrographs.Gwa2Slit, spectrographs.Slit2Gwa),
    *(spectrographs.Slit2Msa, spectrographs.Msa2Slit, selectors.MIRI_AB2Slice),
)
_MAKERS: dict[str, Any] = {
    **{f"asdf/transform/{name}": _compound(op) for op, name in transforms.OPERATORS.items()},
    **{cls.tag.rpartition("-")[0]: _by_parameters(cls) for cls in _SIMPLE},
    **_SPECIAL,
}
"""Name of a schema: what makes the description of what follows it."""
