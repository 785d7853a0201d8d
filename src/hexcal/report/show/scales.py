"""How values become colours: stretched by asinh, linear, logarithmic; and the axes of an image."""

import numpy as np

from hexcal.report.picture import colour_bar, colours, round_ticks

IMAGE_COLOURS = "inferno"
_MOST_TICKS = 12
_ROUND = (1, 2, 2.5, 5, 10)


def norm_of(values, scale=None):
    """Return what maps values to 0 ... 1.

    Parameters
    ----------
    values : float array
        Those that are not finite do not count.
    scale : str, optional
        "linear": from the 0.5th to the 99.8th percentile; "log": positive values only; None: asinh, linear in the noise
        around the median and logarithmic above.

    Returns
    -------
    matplotlib Normalize
    """
    from matplotlib.colors import AsinhNorm, LogNorm, Normalize

    finite = values[np.isfinite(values)]
    if scale == "log":
        positive = finite[finite > 0]
        low, high = np.percentile(positive, (1, 99.9)) if positive.size else (1.0, 10.0)
        return LogNorm(float(low), max(float(high), 1.001 * float(low)))
    if not finite.size:
        return Normalize(0, 1)
    if scale == "linear":
        low, high = (float(value) for value in np.percentile(finite, (0.5, 99.8)))
        return Normalize(low, high if high > low else low + 1)
    low, middle, high = (float(value) for value in np.percentile(finite, (1, 50, 99.9)))
    spread = 1.48 * float(np.median(np.abs(finite - middle))) or 0.1 * (high - low) or 1.0
    return AsinhNorm(linear_width=2 * spread, vmin=low, vmax=max(high, low + 4 * spread))


def draw_image(axes, image, unit, scale=None, extent=None, aspect="equal", bad="0.55"):
    """Draw an image with its colour bar; what is not finite is grey.

    Parameters
    ----------
    axes : matplotlib Axes
    image : array (ny, nx)
    unit : str
        For the colour bar.
    scale : str, optional
        See `norm_of`.
    extent : tuple, optional
        Of the outer edges of the pixels: left, right, bottom, top. Default: pixels counted from 1.
    aspect : str
        "equal" or "auto".
    bad : str
        Colour of what is not finite.
    """
    norm = norm_of(np.asarray(image, float), scale)
    ny, nx = image.shape
    axes.imshow(
        np.ma.masked_invalid(image), norm=norm, cmap=colours(IMAGE_COLOURS).with_extremes(bad=bad), origin="lower",
        interpolation="antialiased", interpolation_stage="rgba", aspect=aspect,
        extent=(0.5, nx + 0.5, 0.5, ny + 0.5) if extent is None else extent,
    )  # fmt: skip
    stretch = {"log": ", logarithmic", "linear": ""}.get(scale or "", ", asinh stretch")
    width = getattr(norm, "linear_width", None)
    ticks = _few(round_ticks(norm.vmin, norm.vmax, width)) if width is not None else None
    colour_bar(axes, norm, IMAGE_COLOURS, f"{unit}{stretch}".lstrip(", "), ticks)


def _few(ticks):
    """Ticks that have room beside a small image: powers of ten only where there are many."""
    if len(ticks) <= _MOST_TICKS:
        return ticks
    powers = np.log10(np.abs(np.where(ticks == 0, 1, ticks)))
    return ticks[(ticks == 0) | (np.abs(powers - np.round(powers)) < 1e-6)]


def mark_flags(axes, flagged, extent=None):
    """Colour pixels: bool (ny, nx), True where flagged."""
    ny, nx = flagged.shape
    layer = np.zeros((ny, nx, 4))
    layer[flagged] = (0.1, 0.95, 0.85, 0.9)
    axes.imshow(
        layer, origin="lower", interpolation="nearest", aspect=axes.get_aspect(),
        extent=(0.5, nx + 0.5, 0.5, ny + 0.5) if extent is None else extent,
    )  # fmt: skip


def seen_columns(image):
    """Return the edges of the columns (from 1) in which there are values: those to both sides need not be drawn."""
    columns = np.flatnonzero(np.isfinite(image).any(axis=0))
    first, last = (columns[0], columns[-1]) if columns.size else (0, image.shape[1] - 1)
    return first + 0.5, last + 1.5


def number_axis(axis, values, label, most=8):
    """Give an axis of pixels (from 1) the ticks of a quantity that changes along it.

    Parameters
    ----------
    axis : matplotlib Axis
    values : float array (n,)
        The quantity at each pixel; NaN where it is not known.
    label : str
        With the unit.
    most : int
        Ticks at most.
    """
    axis.set_label_text(label)
    known = np.isfinite(values)
    if axis.axis_name == "x":
        low, high = axis.get_view_interval()
        places = np.arange(1, len(values) + 1)
        known &= (places >= low) & (places <= high)
    pixels = np.arange(1, len(values) + 1)[known]
    values = values[known]
    if len(values) < 2 or values[0] == values[-1]:
        return
    if values[0] > values[-1]:
        pixels, values = pixels[::-1], values[::-1]
    ticks = round_steps(values[0], values[-1], most)
    axis.set_ticks(np.interp(ticks, values, pixels), labels=[f"{tick:g}".replace("-", "−") for tick in ticks])


def round_steps(low, high, most=8):
    """Return the multiples of a round number between two limits, at most `most`: float array."""
    raw = (high - low) / max(most, 1)
    power = 10.0 ** np.floor(np.log10(raw))
    step = power * next(number for number in _ROUND if number * power >= raw)
    steps = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return np.round(steps, 12)
