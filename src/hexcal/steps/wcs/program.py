"""A transform as a list of instructions: a description (`hexcal.models.wcs`), or a model of astropy.

They are for the kernel `hexcal.kernels.transforms`.

The transforms of a WCS are trees of small models; each model becomes one instruction or none (a mapping only says which
value is which). Where a direction on the sphere is computed from a vector only to be made a vector again, the vector is
kept: of the five changes between angles and vectors in an aligned WCS two remain.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hexcal.core import bands
from hexcal.models.wcs.transforms import Transform
from hexcal.steps.wcs import program_spectral, rotations
from hexcal.steps.wcs.program_spectral import NotCompilable


@dataclass(frozen=True)
class Program:
    """Instructions that are as good as a transform; see `hexcal.kernels.transforms.evaluate`."""

    instructions: np.ndarray
    registers: np.ndarray
    parameters: np.ndarray
    n_registers: int
    outputs: np.ndarray

    def __call__(self, *coordinates):
        """Return the transformed coordinates.

        A tuple of float64 arrays of the shape of the coordinates (float64 arrays of one shape).
        """
        from hexcal.kernels import transforms

        points = np.array([np.ravel(values) for values in coordinates], np.float64)
        results = np.empty((self.outputs.size, points.shape[1]))
        blocks = -(-points.shape[1] // transforms.BLOCK)
        args = (self.instructions, self.registers, self.parameters, self.n_registers, self.outputs)
        bands.run_bands(transforms.evaluate, blocks, *args, points, results)
        return tuple(values.reshape(np.shape(coordinates[0])) for values in results)


def compiled(transform, *further, only_last=False, wanted=None):
    """Return a transform as a program.

    Parameters
    ----------
    transform : astropy.modeling.Model
        Any number of inputs and outputs.
    *further : astropy.modeling.Model
        Each takes what the one before gives.
    only_last : bool
        Of several, give the results of the last one only.
    wanted : sequence of int, optional
        Which of the results are wanted; what only the others need is left out. Default: all.

    Returns
    -------
    Program
        Its results are those of the last transform; of several, followed by those of the first one.

    Raises
    ------
    NotCompilable
        If a model in it is not known.
    """
    writer = _Writer(transform.n_inputs)
    first = outputs = writer.write(transform, tuple(range(transform.n_inputs)))
    for following in further:
        outputs = writer.write(following, outputs)
    results = (*outputs, *first) if further and not only_last else outputs
    return writer.program(results if wanted is None else tuple(results[number] for number in wanted))


@dataclass
class _Writer:
    """Writes instructions; registers are numbered in the order in which they get their values."""

    n_inputs: int
    steps: list = field(default_factory=list)
    n_registers: int = 0
    vectors: dict = field(default_factory=dict)
    """Registers of (longitude, latitude): registers of the vector that they were computed from."""

    def __post_init__(self):
        self.n_registers = self.n_inputs

    def add(self, code, inputs, n_outputs, parameters=(), count=0):
        outputs = tuple(range(self.n_registers, self.n_registers + n_outputs))
        self.n_registers += n_outputs
        self.steps.append((code, tuple(inputs), outputs, tuple(map(float, parameters)), count))
        return outputs

    def write(self, model, inputs):
        """Write a model; return the registers of its outputs."""
        if getattr(model, "op", None) is not None:
            return self.compound(model, inputs)
        for cls in type(model).__mro__:
            method = _MODELS.get(cls.__name__)
            if method is not None:
                return method(self, model, inputs)
        raise NotCompilable(type(model).__name__)

    def compound(self, model, inputs):
        left, right = model.left, model.right
        if model.op == "|":
            return self.write(right, self.write(left, inputs))
        if model.op == "&":
            split = left.n_inputs
            return (*self.write(left, inputs[:split]), *self.write(right, inputs[split:]))
        if model.op == "fix_inputs":
            return program_spectral.fixed_inputs(self, model, inputs)
        code = _arithmetic().get(model.op)
        if code is None:
            raise NotCompilable(f"operator {model.op}")
        pairs = zip(self.write(left, inputs), self.write(right, inputs), strict=True)
        return tuple(self.add(code, pair, 1)[0] for pair in pairs)

    def vector_of(self, lon_lat):
        """Registers of the vector that points to a direction."""
        from hexcal.kernels import transforms

        known = self.vectors.get(tuple(lon_lat))
        return self.add(transforms.TO_VECTOR, lon_lat, 3) if known is None else known

    def direction_of(self, vector, wrap):
        """Registers of longitude and latitude of a vector."""
        from hexcal.kernels import transforms

        lon_lat = self.add(transforms.TO_SPHERE, vector, 2, (wrap,))
        self.vectors[lon_lat] = tuple(vector)
        return lon_lat

    def rotated(self, vector, matrix):
        from hexcal.kernels import transforms

        return self.add(transforms.ROTATE, vector, 3, np.ravel(matrix))

    def program(self, outputs):
        """Return what is needed for the outputs, with as few registers as there are values in use at one time."""
        needed, steps = set(outputs), []
        for step in reversed(self.steps):
            if needed.intersection(step[2]):
                needed.update(step[1])
                steps.append(step)
        steps.reverse()
        place, count = _places(steps, outputs, self.n_inputs)
        rows, table, parameters = [], [], []
        for code, inputs, results, numbers, size in steps:
            # Two inputs at least are looked up: those that an instruction does not have are its first one.
            padded = (*inputs, *inputs[:1] * 2)
            rows.append((code, len(table), len(table) + len(padded), len(parameters), size))
            table += [place[register] for register in (*padded, *results, *results[:1] * 2)]
            parameters += numbers
        return Program(
            np.array(rows, np.int64).reshape(-1, 5),
            np.array(table or [0], np.int64),
            np.array(parameters or [0.0]),
            count,
            np.array([place[register] for register in outputs], np.int64),
        )


def _places(steps, outputs, n_inputs):
    """Return register -> place for all values, and the number of places.

    A place is taken again when its value is not needed any more.

    No instruction writes where it reads: the outputs of one are placed before its inputs are let go.
    """
    last_use = {register: number for number, step in enumerate(steps) for register in (*step[1], *step[2])}
    last_use |= dict.fromkeys(outputs, len(steps))
    place, free, count = {number: number for number in range(n_inputs)}, [], n_inputs
    for number, (_, inputs, results, _, _) in enumerate(steps):
        for register in results:
            if free:
                place[register] = free.pop()
            else:
                place[register], count = count, count + 1
        for register in {*inputs, *results}:
            if last_use[register] == number:
                free.append(place[register])
    return place, count


def _arithmetic() -> dict[str, int]:
    from hexcal.kernels import transforms

    return {"+": transforms.ADD, "-": transforms.SUBTRACT, "*": transforms.MULTIPLY, "/": transforms.DIVIDE}


# ---- one function per model


def _linear(writer, register, slope, offset):
    from hexcal.kernels import transforms

    return register if (slope, offset) == (1, 0) else writer.add(transforms.LINEAR, (register,), 1, (slope, offset))[0]


def _number(parameter: Any) -> float:
    """The value of a parameter of a model; units are not looked at where there are none."""
    if isinstance(parameter, float):
        return parameter
    if getattr(parameter, "unit", None) is not None:
        raise NotCompilable("parameter with a unit")
    return float(np.asarray(parameter.value).reshape(()))


def _array(parameter: Any) -> np.ndarray:
    """The values of a parameter of a model."""
    return np.asarray(getattr(parameter, "value", parameter), float)


def _shift(writer, model, inputs):
    return (_linear(writer, inputs[0], 1.0, _number(model.offset)),)


def _scale(writer, model, inputs):
    return (_linear(writer, inputs[0], _number(model.factor), 0.0),)


def _linear_1d(writer, model, inputs):
    return (_linear(writer, inputs[0], _number(model.slope), _number(model.intercept)),)


def _constant(writer, model, inputs):
    from hexcal.kernels import transforms

    return writer.add(transforms.CONSTANT, inputs, 1, (_number(model.amplitude),))


def _fits_image(writer, model, inputs):
    return writer.write(model.forward, inputs)


def _identity(writer, model, inputs):
    return tuple(inputs)


def _mapping(writer, model, inputs):
    return tuple(inputs[number] for number in model.mapping)


def _windowed(writer, register, domain, window):
    """A coordinate as a polynomial takes it: mapped from its domain to its window, where both are given."""
    if domain is None or window is None or tuple(domain) == tuple(window):
        return register
    slope = (window[1] - window[0]) / (domain[1] - domain[0])
    return _linear(writer, register, slope, window[0] - slope * domain[0])


def _polynomial_1d(writer, model, inputs):
    from hexcal.kernels import transforms

    register = _windowed(writer, inputs[0], model.domain, model.window)
    if model.degree == 1:
        return (_linear(writer, register, *_coefficients_1d(model)[::-1]),)
    numbers = _coefficients_1d(model)
    return writer.add(transforms.POLYNOMIAL_1D, (register,), 1, numbers, model.degree)


def _is_described(model: Any) -> bool:
    """Whether a model is a description, or one of astropy."""
    return isinstance(model, Transform)


def _coefficients_1d(model: Any):
    if _is_described(model):
        return model.coefficients
    return [_number(getattr(model, f"c{i}")) for i in range(model.degree + 1)]


def _polynomial_2d(writer, model, inputs):
    from hexcal.kernels import transforms

    places = (
        _windowed(writer, inputs[0], model.x_domain, model.x_window),
        _windowed(writer, inputs[1], model.y_domain, model.y_window),
    )
    of_name = _numbers(model)
    degree = max((i + j for i, j in _exponents(model.degree) if of_name[f"c{i}_{j}"] != 0), default=0)
    numbers = [of_name[f"c{i}_{j}"] for i, j in _exponents(degree)]
    return writer.add(transforms.POLYNOMIAL_2D, places, 1, numbers, degree)


def _exponents(degree):
    """Those of x and y in the order of the kernel."""
    return [(i, j) for j in range(degree + 1) for i in range(degree - j + 1)]


def _numbers(model: Any):
    """Name of a parameter -> value, of a model of single numbers without units."""
    if _is_described(model):
        return {f"c{i}_{j}": float(model.coefficients[i, j]) for i, j in _exponents(model.degree)}
    if any(getattr(model, name).unit is not None for name in model.param_names[:1]):
        raise NotCompilable("parameter with a unit")
    if model.parameters.size != len(model.param_names):
        raise NotCompilable("a set of models")
    return dict(zip(model.param_names, map(float, model.parameters), strict=True))


def _affine(writer, model, inputs):
    from hexcal.kernels import transforms

    matrix, shift = _array(model.matrix), _array(model.translation)
    return writer.add(transforms.AFFINE, inputs, 2, (*matrix.ravel(), *shift.ravel()))


def _rotation_2d(writer, model, inputs):
    from hexcal.kernels import transforms

    if _is_described(model):
        columns = rotations.of_plane(model)
    else:
        columns = np.array([np.ravel(model(*unit)) for unit in np.eye(2)])
    return writer.add(transforms.AFFINE, inputs, 2, (*columns.T.ravel(), 0.0, 0.0))


def _rotation_3d(writer, model, inputs):
    if _is_described(model):
        return writer.rotated(inputs, rotations.matrix_of(model))
    columns = [np.ravel(model(*unit)) for unit in np.eye(3)]
    return writer.rotated(inputs, np.array(columns).T)


def _rotation_of_sphere(wrap):
    """A model that turns directions: its matrix is what it does to the axes."""

    def write(writer, model, inputs):
        if _is_described(model):
            matrix = rotations.matrix_of(model)
        else:
            axes = ((0.0, 0.0), (90.0, 0.0), (0.0, 90.0))
            ends = [_unit_vector(*(float(np.ravel(value)[0]) for value in model(*axis))) for axis in axes]
            matrix = np.array(ends).T
        return writer.direction_of(writer.rotated(writer.vector_of(inputs), matrix), wrap)

    return write


def _unit_vector(lon, lat):
    lon, lat = np.radians(lon), np.radians(lat)
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _spherical_to_cartesian(writer, model, inputs):
    return writer.vector_of(inputs)


def _cartesian_to_spherical(writer, model, inputs):
    return writer.direction_of(inputs, float(model.wrap_lon_at))


def _tangent_to_sky(writer, model, inputs):
    from hexcal.kernels import transforms

    return writer.direction_of(writer.add(transforms.TANGENT_TO_VECTOR, inputs, 3), 180.0)


def _sky_to_tangent(writer, model, inputs):
    from hexcal.kernels import transforms

    return writer.add(transforms.VECTOR_TO_TANGENT, writer.vector_of(inputs), 2)


_MODELS = {
    "FITSImagingWCSTransform": _fits_image,
    "Shift": _shift,
    "Scale": _scale,
    "Multiply": _scale,
    "Linear1D": _linear_1d,
    "Const1D": _constant,
    "Identity": _identity,
    "Mapping": _mapping,
    "Polynomial1D": _polynomial_1d,
    "Polynomial2D": _polynomial_2d,
    "AffineTransformation2D": _affine,
    "Rotation2D": _rotation_2d,
    "SphericalRotationSequence": _rotation_of_sphere(180.0),
    "RotationSequence3D": _rotation_3d,
    "RotateNative2Celestial": _rotation_of_sphere(360.0),
    "RotateCelestial2Native": _rotation_of_sphere(180.0),
    "SphericalToCartesian": _spherical_to_cartesian,
    "CartesianToSpherical": _cartesian_to_spherical,
    "Pix2Sky_Gnomonic": _tangent_to_sky,
    "Sky2Pix_Gnomonic": _sky_to_tangent,
    **program_spectral.MODELS,
}
"""Name of a model of astropy or gwcs: what writes it."""
