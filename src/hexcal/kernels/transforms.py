"""The transforms of a WCS as a list of instructions, carried out for many points.

Each instruction reads and writes registers, which hold one value per point; points are taken in blocks, so that all
registers stay in the cache. An instruction is a row (code, first input, first output, first parameter, count): inputs
of an instruction follow in the table of registers.
"""

import numpy as np

from hexcal.kernels.compiled import kernel
from hexcal.kernels.dispersers import carry_out

BLOCK = 256
"""Points that are worked on at one time."""

LINEAR, POLYNOMIAL_1D, POLYNOMIAL_2D, AFFINE, TO_VECTOR, ROTATE, TO_SPHERE, TANGENT_TO_VECTOR, VECTOR_TO_TANGENT = (
    range(9)
)
ADD, SUBTRACT, MULTIPLY, DIVIDE, CONSTANT = range(9, 14)
"""Codes of the instructions."""

_DEGREE = np.pi / 180.0


@kernel
def _polynomial(x, y, out, row, n, parameters, first, degree):
    """``sum c_ij x^i y^j`` for i + j <= degree.

    For each j from the highest, the polynomial in x, both by Horner's rule.
    """
    for k in range(n):
        out[k] = 0.0
    end = first + (degree + 1) * (degree + 2) // 2
    for j in range(degree, -1, -1):
        # Coefficients of y^j: x^0 ... x^(degree - j); those of higher j stand behind them.
        start = end - (degree - j + 1)
        end = start
        top = parameters[start + degree - j]
        for k in range(n):
            row[k] = top
        for i in range(degree - j - 1, -1, -1):
            c = parameters[start + i]
            for k in range(n):
                row[k] = row[k] * x[k] + c
        for k in range(n):
            out[k] = out[k] * y[k] + row[k]


@kernel
def _to_sphere(x, y, z, lon, lat, n, wrap):
    """Longitude and latitude, degrees, of vectors; longitudes from `wrap` - 360 to `wrap`."""
    for k in range(n):
        angle = np.arctan2(y[k], x[k]) / _DEGREE
        if wrap == 360.0 and angle < 0.0:
            angle += 360.0
        lon[k] = angle
        lat[k] = np.arctan2(z[k], np.sqrt(x[k] * x[k] + y[k] * y[k])) / _DEGREE


@kernel
def _to_vector(lon, lat, x, y, z, n):
    for k in range(n):
        a, b = lon[k] * _DEGREE, lat[k] * _DEGREE
        cos_b = np.cos(b)
        x[k], y[k], z[k] = cos_b * np.cos(a), cos_b * np.sin(a), np.sin(b)


@kernel
def _tangent_to_vector(u, v, x, y, z, n):
    """Native unit vectors of places in a tangent plane, degrees.

    The pole is the point of contact (Calabretta & Greisen 2002, section 5.1.3).
    """
    for k in range(n):
        a, b = u[k] * _DEGREE, v[k] * _DEGREE
        length = np.sqrt(1.0 + a * a + b * b)
        x[k], y[k], z[k] = -b / length, a / length, 1.0 / length


@kernel
def _vector_to_tangent(x, y, z, u, v, n):
    for k in range(n):
        # What lies behind the plane has no place in it.
        depth = z[k] if z[k] > 0.0 else np.nan
        u[k], v[k] = y[k] / depth / _DEGREE, -x[k] / depth / _DEGREE


@kernel
def _carry_out(instruction, registers, r, row, n, parameters):
    """Carry out one instruction for `n` points; `r` is the table of registers of all instructions."""
    code, first_in, first_out, p, count = instruction
    a, out = registers[r[first_in]], registers[r[first_out]]
    if code == LINEAR:
        for k in range(n):
            out[k] = parameters[p] * a[k] + parameters[p + 1]
    elif code == POLYNOMIAL_1D:
        for k in range(n):
            out[k] = parameters[p + count]
        for i in range(count - 1, -1, -1):
            for k in range(n):
                out[k] = out[k] * a[k] + parameters[p + i]
    elif code == CONSTANT:
        for k in range(n):
            out[k] = parameters[p]
    elif code == POLYNOMIAL_2D:
        _polynomial(a, registers[r[first_in + 1]], out, row, n, parameters, p, count)
    else:
        _carry_out_more(instruction, registers, r, n, parameters)


@kernel
def _carry_out_more(instruction, registers, r, n, parameters):
    code, first_in, first_out, p, _ = instruction
    a, b, out = registers[r[first_in]], registers[r[first_in + 1]], registers[r[first_out]]
    if code == ADD:
        for k in range(n):
            out[k] = a[k] + b[k]
    elif code == SUBTRACT:
        for k in range(n):
            out[k] = a[k] - b[k]
    elif code == MULTIPLY:
        for k in range(n):
            out[k] = a[k] * b[k]
    elif code == DIVIDE:
        for k in range(n):
            out[k] = a[k] / b[k]
    elif code == AFFINE:
        second = registers[r[first_out + 1]]
        for k in range(n):
            out[k] = parameters[p] * a[k] + parameters[p + 1] * b[k] + parameters[p + 4]
            second[k] = parameters[p + 2] * a[k] + parameters[p + 3] * b[k] + parameters[p + 5]
    else:
        _carry_out_on_sphere(instruction, registers, r, n, parameters)


@kernel
def _carry_out_on_sphere(instruction, registers, r, n, parameters):
    code, first_in, first_out, p, _ = instruction
    a, b = registers[r[first_in]], registers[r[first_in + 1]]
    u, v = registers[r[first_out]], registers[r[first_out + 1]]
    if code == TO_VECTOR:
        _to_vector(a, b, u, v, registers[r[first_out + 2]], n)
    elif code == TANGENT_TO_VECTOR:
        _tangent_to_vector(a, b, u, v, registers[r[first_out + 2]], n)
    elif code == TO_SPHERE:
        _to_sphere(a, b, registers[r[first_in + 2]], u, v, n, parameters[p])
    elif code == VECTOR_TO_TANGENT:
        _vector_to_tangent(a, b, registers[r[first_in + 2]], u, v, n)
    elif code == ROTATE:
        c, w = registers[r[first_in + 2]], registers[r[first_out + 2]]
        m = parameters[p : p + 9]
        for k in range(n):
            x, y, z = a[k], b[k], c[k]
            u[k] = m[0] * x + m[1] * y + m[2] * z
            v[k] = m[3] * x + m[4] * y + m[5] * z
            w[k] = m[6] * x + m[7] * y + m[8] * z
    else:
        carry_out(instruction, registers, r, n, parameters)


@kernel
def evaluate(first_block, last_block, instructions, r, parameters, n_registers, outputs, points, results):
    """Carry out a list of instructions for blocks ``first_block <= b < last_block`` of points.

    Parameters
    ----------
    first_block, last_block : int
        Blocks of `BLOCK` points.
    instructions : int64 array (n, 5)
        As the module describes them; the first registers hold the point.
    r : int64 array
        Table of registers.
    parameters : float64 array
        Numbers of all instructions.
    n_registers : int
        How many registers there are.
    outputs : int64 array (n_outputs,)
        Registers that hold the result.
    points : float64 array (n_inputs, npoints)
        The points.
    results : float64 array (n_outputs, npoints)
        The results.
    """
    registers = np.empty((n_registers, BLOCK))
    row = np.empty(BLOCK)
    for block in range(first_block, last_block):
        start = block * BLOCK
        n = min(BLOCK, points.shape[1] - start)
        for i in range(points.shape[0]):
            for k in range(n):
                registers[i, k] = points[i, start + k]
        for i in range(instructions.shape[0]):
            _carry_out(instructions[i], registers, r, row, n, parameters)
        for i in range(outputs.size):
            for k in range(n):
                results[i, start + k] = registers[outputs[i], k]
