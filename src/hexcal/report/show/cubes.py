"""Cubes of spectra: the image of all wavelengths, and the spectrum of the middle."""

import numpy as np

from hexcal.report.show import scales
from hexcal.report.show.spectra import draw_spectrum
from hexcal.report.show.view import Panel, View, array_of, title_of, unit_of
from hexcal.steps.wcs.sky_angles import eastward

_RADIUS = 3.0
"""Of the circle whose spectrum is drawn, spatial elements."""


def cube_view(model, path, look):
    """Return the view of a cube (nwavelengths, ny, nx)."""
    name, cube = array_of(model, look)
    cube = np.where(_good(model, cube), cube, np.nan) if name in ("data", "err") else cube.astype(float)
    with np.errstate(all="ignore"):
        image = _mean(cube, axis=0)
    wavelength = wavelengths_of(model, len(cube))
    x, y, what = _middle(model, image.shape)
    rows, columns = np.indices(image.shape)
    circle = np.hypot(columns - x, rows - y) <= _RADIUS + 1e-6
    spectrum = _mean(cube[:, circle], axis=1)
    unit = unit_of(model, name)
    scale = _scale(model)
    extent, labels = _axes(image.shape, scale)

    def draw_image(axes):
        scales.draw_image(axes, image, unit, look.scale, extent)
        left, right, bottom, top = extent
        to_x, to_y = (right - left) / image.shape[1], (top - bottom) / image.shape[0]
        angle = np.linspace(0, 2 * np.pi, 100)
        axes.plot(
            left + (x + 0.5 + _RADIUS * np.cos(angle)) * to_x, bottom + (y + 0.5 + _RADIUS * np.sin(angle)) * to_y,
            color="#39d0ff", linewidth=1, label=what,
        )  # fmt: skip
        axes.legend(fontsize=8, loc="upper right")
        axes.set(xlabel=labels[0], ylabel=labels[1])
        low, high = wavelength[0], wavelength[-1]
        axes.set_title(f"{model.specs[name].hdu}: mean of {len(cube)} planes, {low:.4g} to {high:.4g} µm", fontsize=10)

    def draw_line(axes):
        draw_spectrum(axes, wavelength, spectrum, None, None, look.scale)
        axes.set(xlabel="wavelength (µm)", ylabel=f"mean ({unit})" if unit else "mean")
        axes.set_title(f"circle at {what}, radius {_RADIUS:g} elements", fontsize=10)

    return View(title_of(model, path), [Panel(draw_image, 7.2, 6.2), Panel(draw_line, 9.0, 6.2)], across=True)


def _good(model, cube):
    weights = np.asarray(model.weightmap) if model.has("weightmap") else None
    good = np.isfinite(cube)
    return good if weights is None or weights.shape != cube.shape else good & (weights > 0)


def _mean(values, axis):
    """Mean of what is finite; NaN where nothing is."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0).sum(axis=axis, dtype=float)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def wavelengths_of(model, count):
    """Return the wavelengths of the planes of a cube (µm), from its table or its header; planes from 1 without."""
    if model.has("wavetable") and len(model.wavetable):
        table = model.wavetable
        column = "wavelength" if "wavelength" in table.dtype.names else table.dtype.names[0]
        values = np.asarray(table[column], float).ravel()
        if len(values) == count:
            return values
    start, step, pixel = (model.get_meta(f"meta.wcsinfo.{name}3") for name in ("crval", "cdelt", "crpix"))
    if start is None or not step:
        return np.arange(1.0, count + 1)
    return start + step * (np.arange(1, count + 1) - (pixel or 1))


def _scale(model):
    """Size of an element along x and y, arcsec, positive to the left for right ascension; None if not known."""
    names = ("cdelt1", "cdelt2", "pc1_1")
    x, y, sign = (model.get_meta(f"meta.wcsinfo.{name}") for name in names)
    return None if not x or not y else (3600 * x * (-1 if sign is not None and sign < 0 else 1), 3600 * y)


def _axes(shape, scale):
    """Edges of the image around its middle, and the labels of its axes."""
    ny, nx = shape
    if scale is None:
        return (0.5, nx + 0.5, 0.5, ny + 0.5), ("x (element)", "y (element)")
    x, y = scale
    return (-x * nx / 2, x * nx / 2, -y * ny / 2, y * ny / 2), ("offset in RA (arcsec)", "offset in Dec (arcsec)")


def _middle(model, shape):
    """The element (from 0) of the target, if it lies in the cube, else of the middle; and what it is."""
    info = {name: model.get_meta(f"meta.wcsinfo.{name}") for name in ("crval1", "crval2", "crpix1", "crpix2")}
    scale = _scale(model)
    ra, dec = model.get_meta("meta.target.ra"), model.get_meta("meta.target.dec")
    turned = model.get_meta("meta.wcsinfo.pc1_2")
    if scale is not None and None not in (ra, dec, *info.values()) and not turned:
        east = eastward(ra, info["crval1"], dec) * 3600
        x = east / scale[0] + info["crpix1"] - 1
        y = (dec - info["crval2"]) * 3600 / scale[1] + info["crpix2"] - 1
        if 0 <= x < shape[1] and 0 <= y < shape[0]:
            return x, y, "the target"
    return (shape[1] - 1) / 2, (shape[0] - 1) / 2, "the middle"
