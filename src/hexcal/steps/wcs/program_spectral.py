"""How the models of spectrographs are written as instructions: tables, prism, grating, fixed inputs."""

from typing import Any

import numpy as np

from hexcal.models.wcs.spectrographs import WavelengthFromGratingEquation

_AXES = {"x": 0, "y": 1, "z": 2}
_CONDITIONS = {"GT": 0, "LT": 1, "EQ": 2, "NE": 3}
SAME_GLASS = 20.0
"""Kelvin from the reference temperature within which the glass is described by Sellmeier's equation alone."""


def _codes():
    from hexcal.kernels import dispersers

    return dispersers


def _number(parameter):
    """The value of a parameter, of a description or of a model of astropy."""
    return float(np.ravel(getattr(parameter, "value", parameter))[0])


class NotCompilable(Exception):
    """The transform holds a model that the kernel does not know: it is evaluated by astropy."""


def _tabular(writer, model, inputs):
    points, values = np.asarray(model.points[0], np.float64), np.asarray(model.lookup_table, np.float64)
    fill = model.fill_value
    if model.method != "linear" or model.bounds_error or values.ndim != 1 or len(points) < 2:
        raise NotCompilable("a table that is not linear")
    if points[0] > points[-1]:
        points, values = points[::-1], values[::-1]
    if not (np.diff(points) > 0).all():
        raise NotCompilable("a table whose points neither rise nor fall")
    numbers = (float(fill is None), np.nan if fill is None else float(fill), *points, *values)
    return writer.add(_codes().TABLE, inputs, 1, numbers, len(points))


def _unit_vector(writer, model, inputs):
    return writer.add(_codes().UNIT_VECTOR, inputs, 3)


def _unitless(writer, model, inputs):
    from hexcal.kernels import transforms

    return tuple(writer.add(transforms.DIVIDE, (axis, inputs[2]), 1)[0] for axis in inputs[:2])


def _turn(writer, model, inputs):
    numbers = []
    angles = getattr(model.angles, "value", model.angles)
    for angle, axis in zip(np.radians(np.ravel(angles)), model.axes_order, strict=True):
        numbers += [_AXES[axis], np.cos(angle), np.sin(angle)]
    return writer.add(_codes().TURN, inputs, 3, numbers, len(model.axes_order))


def _prism_index(writer, model, inputs):
    angle = np.radians(_number(model.prism_angle))
    return writer.add(_codes().PRISM_INDEX, inputs, 1, (np.sin(angle), np.cos(angle)))


def _snell(writer, model, inputs):
    if not model.temp - model.tref < SAME_GLASS:
        raise NotCompilable("a prism whose glass is warm")
    angle = np.radians(model.prism_angle)
    numbers = (np.sin(angle), np.cos(angle), *model.kcoef[:3], *model.lcoef[:3])
    return writer.add(_codes().SNELL, inputs[:3], 3, numbers)


def _grating_angles(writer, model, inputs):
    factor = _number(model.groove_density) * _number(model.order)
    return writer.add(_codes().GRATING_ANGLES, inputs[:3], 3, (factor,))


def _grating_wavelength(writer, model: Any, inputs):
    """Both models of this name are sums of two angles, times a number, of either sign."""
    from hexcal.kernels import transforms

    first, last = inputs[0], inputs[-1]
    if isinstance(model, WavelengthFromGratingEquation):
        factor = -1.0 / (model.order * model.groove_density)
    else:
        ones = np.zeros(len(inputs))
        ones[0] = 1.0
        factor = float(np.ravel(model(*ones))[0])
    total = writer.add(transforms.ADD, (first, last), 1)[0]
    return writer.add(transforms.LINEAR, (total,), 1, (factor, 0.0))


def _logical(writer, model, inputs):
    if np.ndim(model.compareto) or np.ndim(model.value):
        raise NotCompilable("a condition on arrays")
    numbers = (float(model.compareto), float(model.value))
    return writer.add(_codes().SUBSTITUTE, inputs, 1, numbers, _CONDITIONS[model.condition])


def fixed_inputs(writer, model, inputs):
    """Write a transform some of whose inputs are fixed."""
    from hexcal.kernels import transforms

    fixed, given, places = dict(model.right), list(inputs), []
    for number, name in enumerate(model.left.inputs):
        value = fixed.get(name, fixed.get(number))
        if value is None:
            places.append(given.pop(0))
        elif isinstance(value, int | float | np.number):
            places.append(writer.add(transforms.CONSTANT, inputs[:1], 1, (float(value),))[0])
        else:
            raise NotCompilable(f"input {name} fixed at {value!r}")
    return writer.write(model.left, tuple(places))


MODELS = {
    "Tabular1D": _tabular,
    "Unitless2DirCos": _unit_vector,
    "DirCos2Unitless": _unitless,
    "Rotation3DToGWA": _turn,
    "RefractionIndexFromPrism": _prism_index,
    "Snell": _snell,
    "AngleFromGratingEquation": _grating_angles,
    "WavelengthFromGratingEquation": _grating_wavelength,
    "Logical": _logical,
}
"""Name of a model: what writes it."""
