"""Transforms of coordinates, as descriptions: what a stored WCS is made of.

They have the names, parameters and operators of astropy's models (``|``: one after the other, ``&``: side by side), but
loading astropy and making its models takes longer than all that is computed with them. A description says what the
ASDF schemas of transforms say, no more: `hexcal.steps.wcs.evaluate` computes with it, `nodes` writes and reads it.
"""

import copy
from typing import Any

import numpy as np


class Transform:
    """What all transforms have.

    Attributes
    ----------
    tag : str
        Of the schema, with its version: what stands behind ``tag:stsci.edu:``.
    parameters : tuple of (str, str)
        Attributes that the file holds under their name, and what they are: ``number``, ``numbers``, ``text``,
        ``array``, ``model``, ``models``, ``plain``.
    inputs, outputs : tuple of str
        Names of the coordinates.
    name : str or None
    bounding_box : dict or Choice or None
        Input -> (lower, upper), pixels.
    """

    tag = ""
    parameters: tuple = ()
    fixed: dict = {}
    inputs: tuple = ("x",)
    outputs: tuple = ("y",)

    def __init__(self, name=None):
        self.name = name
        self.bounding_box: Any = None
        self.given_inverse: Any = None

    n_inputs = property(lambda self: len(self.inputs))
    n_outputs = property(lambda self: len(self.outputs))

    @property
    def inverse(self) -> "Transform":
        """The way back: the one that was given, else the analytic one; NotImplementedError if there is none."""
        return self.given_inverse if self.given_inverse is not None else self._opposite()

    @inverse.setter
    def inverse(self, transform):
        self.given_inverse = transform

    def _opposite(self) -> "Transform":
        """Return the analytic inverse."""
        raise NotImplementedError(f"the transform {self.name or type(self).__name__} has no way back")

    @property
    def has_inverse(self):
        """Whether there is a way back."""
        try:
            return self.inverse is not None
        except NotImplementedError:
            return False

    def deepcopy(self):
        """Return a copy whose name, inputs, outputs, inverse and box can be changed; its parts are shared."""
        return copy.copy(self)

    def __or__(self, other) -> "Compound":
        return Compound("|", self, other)

    def __and__(self, other) -> "Compound":
        return Compound("&", self, other)

    def __add__(self, other) -> "Compound":
        return Compound("+", self, other)

    def __sub__(self, other) -> "Compound":
        return Compound("-", self, other)

    def __mul__(self, other) -> "Compound":
        return Compound("*", self, other)

    def __truediv__(self, other) -> "Compound":
        return Compound("/", self, other)

    def __repr__(self):
        return f"<{type(self).__name__} {self.name or ''}>"


OPERATORS = {
    "|": "compose",
    "&": "concatenate",
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "fix_inputs": "fix_inputs",
}
"""Operator of a compound transform: name of its schema."""


class Compound(Transform):
    """Two transforms: one after the other, side by side, their outputs combined, or the first with inputs fixed."""

    def __init__(self, op, left, right, name=None):
        super().__init__(name)
        self.op, self.left, self.right = op, left, right
        self.inputs, self.outputs = _ends(op, left, right)

    tag = property(lambda self: f"asdf/transform/{OPERATORS[self.op]}-1.4.0")

    def _opposite(self):
        if self.op == "|":
            return self.right.inverse | self.left.inverse
        if self.op == "&":
            return self.left.inverse & self.right.inverse
        return super()._opposite()


def _ends(op, left, right):
    """Inputs and outputs of two transforms, named as astropy names them."""
    if op == "|":
        if left.n_outputs != right.n_inputs:
            raise ValueError(f"{left!r} gives {left.n_outputs} coordinates, {right!r} takes {right.n_inputs}")
        return left.inputs, right.outputs
    if op == "&":
        return _apart(left.inputs, right.inputs), _apart(left.outputs, right.outputs)
    if op == "fix_inputs":
        fixed = {left.inputs[key] if isinstance(key, int) else key for key in right}
        return tuple(name for name in left.inputs if name not in fixed), left.outputs
    return left.inputs, left.outputs


def _apart(left, right):
    if set(left).intersection(right):
        left, right = (tuple(f"{name}{number}" for name in names) for number, names in enumerate((left, right)))
    return tuple(left) + tuple(right)


def _numbered(count):
    return tuple(f"x{number}" for number in range(count))


class Identity(Transform):
    """Coordinates as they are."""

    tag = "asdf/transform/identity-1.4.0"

    def __init__(self, n_inputs, name=None):
        super().__init__(name)
        self.inputs = self.outputs = _numbered(n_inputs)

    def _opposite(self):
        return self


class Mapping(Transform):
    """Coordinates in another order, left out, or several times."""

    tag = "asdf/transform/remap_axes-1.5.0"

    def __init__(self, mapping, n_inputs=None, name=None):
        super().__init__(name)
        self.mapping = tuple(map(int, mapping))
        self.inputs = _numbered(n_inputs or max(self.mapping) + 1)
        self.outputs = _numbered(len(self.mapping))

    def _opposite(self):
        if not set(range(self.n_inputs)) <= set(self.mapping):
            return super()._opposite()
        back = Mapping([self.mapping.index(place) for place in range(self.n_inputs)], self.n_outputs)
        back.inputs, back.outputs = self.outputs, self.inputs
        return back


class Shift(Transform):
    """``x + offset``."""

    tag, parameters = "asdf/transform/shift-1.4.0", (("offset", "number"),)

    def __init__(self, offset, name=None):
        super().__init__(name)
        self.offset = float(offset)

    def _opposite(self):
        return Shift(-self.offset)


class Scale(Transform):
    """``x * factor``."""

    tag, parameters = "asdf/transform/scale-1.4.0", (("factor", "number"),)

    def __init__(self, factor, name=None):
        super().__init__(name)
        self.factor = float(factor)

    def _opposite(self):
        return Scale(1 / self.factor)


class Multiply(Scale):
    """``x * factor``."""

    tag = "asdf/transform/multiplyscale-1.2.0"

    def _opposite(self):
        return Multiply(1 / self.factor)


class Linear1D(Transform):
    """``slope * x + intercept``."""

    tag, parameters = "asdf/transform/linear1d-1.2.0", (("slope", "number"), ("intercept", "number"))

    def __init__(self, slope=1.0, intercept=0.0, name=None):
        super().__init__(name)
        self.slope, self.intercept = float(slope), float(intercept)

    def _opposite(self):
        return Linear1D(1 / self.slope, -self.intercept / self.slope)


class Const1D(Transform):
    """One number."""

    tag = "asdf/transform/constant-1.6.0"

    def __init__(self, amplitude, name=None):
        super().__init__(name)
        self.amplitude = float(amplitude)


class Polynomial1D(Transform):
    """``sum c_i x^i``.

    Parameters
    ----------
    coefficients : array (degree + 1,)
    domain, window : pair of numbers or None
        The coordinate is mapped from one to the other first.
    """

    tag = "asdf/transform/polynomial-1.3.0"

    def __init__(self, coefficients, domain=None, window=None, name=None):
        super().__init__(name)
        self.coefficients = np.asarray(coefficients, np.float64)
        self.domain, self.window = domain, window

    degree = property(lambda self: len(self.coefficients) - 1)


class Polynomial2D(Transform):
    """``sum c_ij x^i y^j`` for ``i + j <= degree``.

    Parameters
    ----------
    coefficients : array (degree + 1, degree + 1)
    domain, window : pair of pairs of numbers or None
        Of x and of y.
    """

    tag = "asdf/transform/polynomial-1.3.0"
    inputs, outputs = ("x", "y"), ("z",)

    def __init__(self, coefficients, domain=None, window=None, name=None):
        super().__init__(name)
        self.coefficients = np.asarray(coefficients, np.float64)
        self.domain, self.window = domain, window

    degree = property(lambda self: len(self.coefficients) - 1)
    x_domain = property(lambda self: self.domain and self.domain[0])
    y_domain = property(lambda self: self.domain and self.domain[1])
    x_window = property(lambda self: self.window and self.window[0])
    y_window = property(lambda self: self.window and self.window[1])


class Tabular1D(Transform):
    """A table, between whose points is a straight line.

    Parameters
    ----------
    points : array (n,), or a list of it
        Rising.
    lookup_table : array (n,)
    """

    tag = "asdf/transform/tabular-1.4.0"

    def __init__(self, points, lookup_table, method="linear", bounds_error=True, fill_value: Any = np.nan, name=None):
        super().__init__(name)
        self.points = tuple(points) if isinstance(points, list | tuple) else (points,)
        self.lookup_table, self.method = lookup_table, method
        self.bounds_error, self.fill_value = bounds_error, fill_value

    def _opposite(self):
        points, values = self.points[0], self.lookup_table
        if values[0] > values[-1]:
            points, values = points[::-1], values[::-1]
        return Tabular1D(values, points, self.method, self.bounds_error, self.fill_value)


class AffineTransformation2D(Transform):
    """``matrix (x, y) + translation``."""

    tag, parameters = "asdf/transform/affine-1.5.0", (("matrix", "array"), ("translation", "array"))
    inputs = outputs = ("x", "y")

    def __init__(self, matrix, translation=(0.0, 0.0), name=None):
        super().__init__(name)
        self.matrix = np.asarray(matrix, np.float64).reshape(2, 2)
        self.translation = np.asarray(translation, np.float64).reshape(2)

    def _opposite(self):
        back = np.linalg.inv(self.matrix)
        return AffineTransformation2D(back, -back @ self.translation)


class Tabular2D(Tabular1D):
    """A table of two coordinates, linear between its points."""

    inputs, outputs = ("x", "y"), ("z",)

    def _opposite(self):
        return Transform._opposite(self)
