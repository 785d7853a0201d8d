"""The optics of NIRSpec with its prism, in plain numbers: from the plane of the shutters to pixels of a detector.

The distances and tilts are about those of the instrument (Jakobsen et al. 2022, A&A 661, A80; te Plate et al. 2005),
without its distortion but for a gentle bending of camera and collimator, whose inverse is exact. Light goes through the
collimator on the wheel of dispersers, twice through the prism, and through the camera on the detector; on the sky side
fore-optics and telescope are linear.
"""

from dataclasses import dataclass

import numpy as np

PIXEL = 1.8e-5
"""Metres."""
FPA_SHIFT = (-0.03817, -0.01842)
"""Of the centre of the first pixel of NRS1, metres."""
CAMERA, CAMERA_BEND = (3.5, 3.7), (0.05, 0.02)
"""Tangents per metre; bending per metre."""
COLLIMATOR, COLLIMATOR_BEND = (0.635, 0.607), (0.04, -0.03)
"""Metres per tangent."""
OFF_AXIS = 0.2936
"""Tangent of the angle between the axes of collimator and camera and the middle of the wheel."""
THETA = (0.0333, -0.2755, -0.1420)
"""Rotations of the wheel about x, y and z, degrees."""
TILT = 24.29
"""Of the prism about y, degrees."""
PRISM_ANGLE = -16.5
"""Degrees."""
GLASS_K = (0.58339748, 0.46085267, 3.8915394)
GLASS_L = (0.00252643, 0.010078333, 1200.556)
"""Sellmeier coefficients of calcium fluoride (µm²)."""
READING, ZERO_READING, READING_SCALE = 0.33685, 0.33674, -8555.5
"""Of the sensor that tells where the wheel stopped: of the exposures; without tilt; arcsec per unit."""
FORE = ((1.2221, 1.0903), (-1.0735, 1.2412))
"""From the plane of the shutters to the focus of the telescope."""
TELESCOPE, V2V3 = (-1568.0, 1568.0), (379.6, -429.0)
"""Arcsec per metre, and V2, V3 of the middle, arcsec."""
RANGE = (0.6, 5.3)
"""Of the wavelengths, µm."""


def refraction(wavelength):
    """Return the index of refraction of the prism at wavelengths (µm)."""
    square = np.asarray(wavelength, float) ** 2
    return np.sqrt(1 + sum(k * square / (square - part) for k, part in zip(GLASS_K, GLASS_L, strict=True)))


def wheel_angles():
    """Return the rotations about x, y, z and y that lead to the frame of the prism, degrees."""
    x, y, z = THETA
    # A mirror that turns by an angle turns the light by twice as much: the sensor tells that of the light.
    return x, y + 0.5 * READING_SCALE * (READING - ZERO_READING) / 3600, z, TILT


def _turned(x, y, angle, axis):
    """Rotate the direction (x, y, z) about an axis; z is what makes its length 1."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    z = np.sqrt(1 - x**2 - y**2)
    if axis == "x":
        return x, y * c + z * s
    if axis == "y":
        return x * c - z * s, y
    return x * c + y * s, -x * s + y * c


def _to_wheel(u, v):
    """From tangents to a direction in the frame of the prism."""
    length = np.sqrt(1 + u**2 + v**2)
    x, y = u / length, v / length
    for angle, axis in zip(wheel_angles(), "xyzy", strict=True):
        x, y = _turned(x, y, angle, axis)
    return x, y


def _from_wheel(x, y):
    for angle, axis in zip(reversed(wheel_angles()), "yzyx", strict=True):
        x, y = _turned(x, y, -angle, axis)
    z = np.sqrt(1 - x**2 - y**2)
    return x / z, y / z


def through_prism(x, y, wavelength):
    """Return the direction of light after the prism: refracted, reflected at its back, refracted."""
    index = refraction(wavelength)
    x, y = x / index, y / index
    x, y = _turned(x, y, PRISM_ANGLE, "y")
    x, y = _turned(-x, -y, -PRISM_ANGLE, "y")
    return x * index, y * index


def shutters_to_pixel(x, y, wavelength):
    """Return where light from the plane of the shutters falls.

    Parameters
    ----------
    x, y : float array
        Metres.
    wavelength : float array
        µm, at the telescope.

    Returns
    -------
    x, y : float array
        Pixels of NRS1, counted from 0.
    """
    (a, b), (width, height) = COLLIMATOR_BEND, COLLIMATOR
    x, y = x / width, y / height
    y = y - b * x**2
    x = x - a * y**2
    u, v = _from_wheel(*through_prism(*_to_wheel(x, y - OFF_AXIS), wavelength))
    (a, b), (width, height) = CAMERA_BEND, CAMERA
    x, y = u / width, (v - OFF_AXIS) / height
    y = y - b * x**2
    x = x - a * y**2
    return (x - FPA_SHIFT[0]) / PIXEL, (y - FPA_SHIFT[1]) / PIXEL


def shutters_to_telescope(x, y):
    """Return V2, V3 (arcsec) of a place in the plane of the shutters (metres)."""
    u, v = FORE[0][0] * x + FORE[0][1] * y, FORE[1][0] * x + FORE[1][1] * y
    return V2V3[0] + TELESCOPE[0] * u, V2V3[1] + TELESCOPE[1] * v


def telescope_to_shutters(v2, v3):
    """Return the place in the plane of the shutters (metres) of V2, V3 (arcsec)."""
    u, v = (np.asarray(v2) - V2V3[0]) / TELESCOPE[0], (np.asarray(v3) - V2V3[1]) / TELESCOPE[1]
    inverse = np.linalg.inv(np.array(FORE))
    return inverse[0, 0] * u + inverse[0, 1] * v, inverse[1, 0] * u + inverse[1, 1] * v


@dataclass(frozen=True)
class Opening:
    """A hole in the plane of the shutters: a slit, a shutter, or a column of open shutters.

    Attributes
    ----------
    name : str
    x, y : float
        Of its middle, metres.
    width, height : float
        Metres: across (in the direction of dispersion) and along.
    low, high : float
        Its lower and upper end, in units of its height from its middle.
    frame : tuple of float
        Where the frame of `x` and `y` lies in the plane of the shutters, metres, and by how much it is turned, degrees.
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    low: float = -0.5
    high: float = 0.5
    frame: tuple = (0.0, 0.0, 0.0)

    def to_shutters(self, across, along):
        """Return the place in metres of a place in units of width and height from the middle."""
        x, y = self.x + np.asarray(across) * self.width, self.y + np.asarray(along) * self.height
        x0, y0, angle = self.frame
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        return x0 + x * c - y * s, y0 + x * s + y * c

    def to_pixel(self, across, along, wavelength):
        """Return pixels (from 0) of a place in the opening and a wavelength (µm, at the telescope)."""
        return shutters_to_pixel(*self.to_shutters(across, along), wavelength)

    def to_telescope(self, across=0.0, along=0.0):
        """Return V2, V3 (arcsec) of a place in the opening."""
        v2, v3 = shutters_to_telescope(*self.to_shutters(across, along))
        return float(v2), float(v3)

    def from_telescope(self, v2, v3):
        """Return the place in the opening of V2, V3 (arcsec)."""
        x, y = telescope_to_shutters(v2, v3)
        x0, y0, angle = self.frame
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        x, y = (x - x0) * c + (y - y0) * s, -(x - x0) * s + (y - y0) * c
        return float((x - self.x) / self.width), float((y - self.y) / self.height)

    @property
    def arcsec(self):
        """Height on the sky, arcsec."""
        low, high = self.to_telescope(0.0, -0.5), self.to_telescope(0.0, 0.5)
        return float(np.hypot((high[0] - low[0]) * np.cos(np.radians(low[1] / 3600)), high[1] - low[1]))

    def box(self, margin=2):
        """Return the pixels around its spectrum: first and last column, first and last row (from 0)."""
        wavelength, along = np.meshgrid(np.linspace(0.55, 5.5, 60), np.linspace(self.low, self.high, 15))
        x, y = self.to_pixel(0.0, along, wavelength)
        low, high = np.floor([x.min(), y.min()]).astype(int), np.ceil([x.max(), y.max()]).astype(int)
        return low[0] - margin, high[0] + margin, low[1] - margin, high[1] + margin

    def planes(self, columns, rows, across=0.0):
        """Return wavelength and place along the opening of pixels.

        Parameters
        ----------
        columns, rows : float array
            Pixels, counted from 0.
        across : float
            Of the light, in units of the width.

        Returns
        -------
        wavelength : float64 array
            µm, at the telescope.
        along : float64 array
            In units of the height.

        Notes
        -----
        By Newton's method on the way of the light, to 1e-10 pixel.
        """
        grid = np.linspace(0.5, 5.9, 400)
        x, y = self.to_pixel(across, 0.0, grid)
        wavelength = np.interp(columns, x, grid)
        pitch = (self.to_pixel(across, 0.5, 2.5)[1] - self.to_pixel(across, -0.5, 2.5)[1])  # fmt: skip
        along = (rows - np.interp(columns, x, y)) / pitch
        step = 1e-4
        for _ in range(7):
            x, y = self.to_pixel(across, along, wavelength)
            by_wave = np.subtract(self.to_pixel(across, along, wavelength + step), (x, y)) / step
            by_along = np.subtract(self.to_pixel(across, along + step, wavelength), (x, y)) / step
            determinant = by_wave[0] * by_along[1] - by_wave[1] * by_along[0]
            dx, dy = columns - x, rows - y
            wavelength = np.clip(wavelength + (by_along[1] * dx - by_along[0] * dy) / determinant, 0.45, 6.2)
            along = along + (by_wave[0] * dy - by_wave[1] * dx) / determinant
        return wavelength, along


SLITS = {
    name: Opening(name, x, y, width, height)
    for name, x, y, width, height in (
        ("S200A1", 0.02697, -0.00272, 7.6e-5, 1.26e-3),
        ("S200A2", 0.03466, -0.00126, 7.6e-5, 1.27e-3),
        ("S400A1", 0.02967, 0.00029, 1.55e-4, 1.45e-3),
        ("S1600A1", 0.02867, 0.00155, 6.27e-4, 6.2e-4),
        ("S200B1", -0.03468, 0.00276, 7.9e-5, 1.27e-3),
    )
}
"""The fixed slits, in the order in which the reference file lists them."""
IFU = Opening("IFU", 0.0412, 0.0, 1.21e-3, 1.23e-3)
"""The window of the integral-field unit."""
