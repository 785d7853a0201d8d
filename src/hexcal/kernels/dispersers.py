"""Instructions of transforms (`hexcal.kernels.transforms`) that only spectrographs need: tables, prism, grating."""

import numpy as np

from hexcal.kernels.compiled import helper

TABLE, UNIT_VECTOR, TURN, PRISM_INDEX, GRATING_ANGLES, SNELL, SUBSTITUTE = range(14, 21)
"""Codes of the instructions; those below are in `hexcal.kernels.transforms`."""


@helper
def _table(x, out, n, parameters, p, count):
    """Linear between points; parameters: whether it goes on beyond its ends, value there, points (rising), values."""
    goes_on, beyond, points, values = parameters[p] != 0.0, parameters[p + 1], p + 2, p + 2 + count
    place = 0
    for k in range(n):
        v = x[k]
        if np.isnan(v):
            out[k] = np.nan
            continue
        if not goes_on and (v < parameters[points] or v > parameters[points + count - 1]):
            out[k] = beyond
            continue
        # Points come in order, mostly: the interval of the last one is looked at first.
        if v < parameters[points + place] or v > parameters[points + place + 1]:
            low, high = 0, count - 1
            while high - low > 1:
                middle = (low + high) // 2
                if parameters[points + middle] <= v:
                    low = middle
                else:
                    high = middle
            place = low
        start, end = parameters[points + place], parameters[points + place + 1]
        weight = (v - start) / (end - start)
        out[k] = parameters[values + place] * (1.0 - weight) + parameters[values + place + 1] * weight


@helper
def _turn(x, y, z, u, v, w, n, parameters, p, count):
    """Turns about axes, each given as its number, cosine and sine; z is what makes a unit vector of it."""
    for k in range(n):
        a, b, c = x[k], y[k], z[k]
        for i in range(count):
            axis, cos, sin = parameters[p + 3 * i], parameters[p + 3 * i + 1], parameters[p + 3 * i + 2]
            if axis == 0.0:
                b = b * cos + c * sin
            elif axis == 1.0:
                a = a * cos - c * sin
            else:
                a, b = a * cos + b * sin, -a * sin + b * cos
            c = np.sqrt(1.0 - a * a - b * b)
        u[k], v[k], w[k] = a, b, c


@helper
def _through_prism(lam, x, y, u, v, w, n, parameters, p):
    """Into glass, to its back surface, reflected, and out; Sellmeier's equation, micron."""
    sin, cos = parameters[p], parameters[p + 1]
    for k in range(n):
        square = lam[k] * lam[k] * 1e12
        index = 1.0
        for i in range(3):
            index += parameters[p + 2 + i] * square / (square - parameters[p + 5 + i])
        index = np.sqrt(index)
        a, b = x[k] / index, y[k] / index
        c = np.sqrt(1.0 - a * a - b * b)
        a = a * cos - c * sin
        c = np.sqrt(1.0 - a * a - b * b)
        a, b = -a, -b
        a = a * cos + c * sin
        a, b = a * index, b * index
        u[k], v[k], w[k] = a, b, np.sqrt(1.0 - a * a - b * b)


@helper
def _substitute(x, out, n, limit, value, condition):
    for k in range(n):
        v = x[k]
        is_met = (
            (condition == 0 and v > limit)
            or (condition == 1 and v < limit)
            or (condition == 2 and v == limit)
            or (condition == 3 and not np.isnan(v) and v != limit)
        )
        out[k] = value if is_met else v


@helper
def carry_out(instruction, registers, r, n, parameters):
    """Carry out one of these instructions for `n` points; `r` is the table of registers of all instructions."""
    code, first_in, first_out, p, count = instruction
    a, b, c = registers[r[first_in]], registers[r[first_in + 1]], registers[r[first_in + 2]]
    u, v, w = registers[r[first_out]], registers[r[first_out + 1]], registers[r[first_out + 2]]
    if code == TABLE:
        _table(a, u, n, parameters, p, count)
    elif code == UNIT_VECTOR:
        for k in range(n):
            length = np.sqrt(1.0 + a[k] * a[k] + b[k] * b[k])
            u[k], v[k], w[k] = a[k] / length, b[k] / length, 1.0 / length
    elif code == TURN:
        _turn(a, b, c, u, v, w, n, parameters, p, count)
    elif code == PRISM_INDEX:
        sin, cos = parameters[p], parameters[p + 1]
        for k in range(n):
            bent = (c[k] + a[k] * (1.0 - 2.0 * sin * sin)) / (2.0 * sin * cos)
            u[k] = np.sqrt(bent * bent + a[k] * a[k] + b[k] * b[k])
    elif code == GRATING_ANGLES:
        for k in range(n):
            x, y = -b[k] - parameters[p] * a[k], -c[k]
            u[k], v[k], w[k] = x, y, np.sqrt(1.0 - x * x - y * y)
    elif code == SNELL:
        _through_prism(a, b, c, u, v, w, n, parameters, p)
    elif code == SUBSTITUTE:
        _substitute(a, u, n, parameters[p], parameters[p + 1], count)
