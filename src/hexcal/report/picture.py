"""Pictures of images, and of how they compare with a truth. matplotlib is imported when a picture is made."""

from pathlib import Path

import numpy as np

from hexcal.files.atomic import atomic

_PULL_LIMIT = 5.0


def compare_with_truth(path, rate, err, pull, levels, title):
    """Make a PNG: the rate image, its deviation from the truth, and the distribution of the latter.

    The deviation is in units of its error, the distribution at levels of flux.

    Parameters
    ----------
    path : path-like
        File to write.
    rate, err : float array (ny, nx), DN/s
        Measured, and its error.
    pull : float array (ny, nx)
        (measured - true) / error; NaN where flagged.
    levels : sequence of (label, values)
        Name of a level of flux and the pulls in it: one curve each.
    title : str

    Returns
    -------
    str
        The path.

    Raises
    ------
    ResourceError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(19, 6.4), dpi=110, layout="constrained")
    figure.suptitle(title, fontsize=13)
    image, residual, histogram = figure.subplots(1, 3, width_ratios=(1, 1, 0.85))
    show_rate(image, rate)
    _show_pull(residual, pull)
    _show_histogram(histogram, levels)
    with atomic(path) as stream:
        figure.savefig(stream, format=Path(path).suffix.lstrip(".") or "png")
    return str(path)


def show_rate(axes, rate, unit="DN/s"):
    """Draw an image with an asinh stretch: linear in the noise of the sky, logarithmic in the stars.

    Parameters
    ----------
    axes : matplotlib Axes
    rate : float array (ny, nx)
        NaN is drawn grey.
    unit : str
        For the colour bar.
    """
    from matplotlib.colors import AsinhNorm

    finite = rate[np.isfinite(rate)]
    low, middle, high = np.percentile(finite, (1, 50, 99.9)) if finite.size else (0.0, 0.5, 1.0)
    spread = max(float(np.median(np.abs(finite - middle))) * 1.48, 1e-6) if finite.size else 1.0
    norm = AsinhNorm(linear_width=2 * spread, vmin=float(low), vmax=max(float(high), float(low) + 10 * spread))
    drawn = axes.imshow(
        colours("inferno")(norm(np.ma.masked_invalid(rate))),
        origin="lower",
        interpolation="antialiased",
        interpolation_stage="rgba",
    )
    drawn.set_extent((0.5, rate.shape[1] + 0.5, 0.5, rate.shape[0] + 0.5))
    _label(axes, "Measured rate")
    colour_bar(axes, norm, "inferno", f"{unit} (asinh stretch)", round_ticks(norm.vmin, norm.vmax, norm.linear_width))


def _show_pull(axes, pull):
    from matplotlib.colors import Normalize

    norm = Normalize(-_PULL_LIMIT, _PULL_LIMIT)
    # A part at full resolution: averages over pixels would hide the noise that is to be judged.
    size = min(256, *pull.shape)
    y, x = (pull.shape[0] - size) // 2, (pull.shape[1] - size) // 2
    part = pull[y : y + size, x : x + size]
    axes.imshow(
        np.ma.masked_invalid(part), cmap=colours("RdBu_r"), norm=norm, origin="lower", interpolation="nearest",
        extent=(x + 0.5, x + size + 0.5, y + 0.5, y + size + 0.5),
    )  # fmt: skip
    where = "" if size == min(pull.shape) else f", central {size} × {size} pixels"
    _label(axes, f"(measured − true) / ERR{where}")
    colour_bar(axes, norm, "RdBu_r", "σ (grey: flagged)")


def _show_histogram(axes, levels):
    edges = np.linspace(-_PULL_LIMIT, _PULL_LIMIT, 81)
    middle = (edges[1:] + edges[:-1]) / 2
    lines = colours("viridis")(np.linspace(0.05, 0.9, max(len(levels), 1)))
    for (label, values), colour in zip(levels, lines, strict=False):
        count, _ = np.histogram(values, edges)
        density = count / max(len(values), 1) / (edges[1] - edges[0])
        axes.step(middle, np.where(density > 0, density, np.nan), where="mid", color=colour, label=label, linewidth=1.4)
    axes.plot(
        middle, np.exp(-0.5 * middle**2) / np.sqrt(2 * np.pi), "k--", linewidth=1.2, label="Gaussian, mean 0, width 1"
    )
    axes.set(
        yscale="log",
        ylim=(1e-5, 1),
        xlim=(-_PULL_LIMIT, _PULL_LIMIT),
        xlabel="(measured − true) / ERR",
        ylabel="share of pixels per σ",
    )
    axes.set_title("Is the error right? True rates in DN/s:", fontsize=11)
    axes.legend(fontsize=9, loc="lower center")
    axes.grid(alpha=0.2)


def colours(name):
    """Return a colour map of matplotlib that draws grey what is masked."""
    import matplotlib

    return matplotlib.colormaps[name].with_extremes(bad="0.55")


def _label(axes, title):
    axes.set_title(title, fontsize=11)
    axes.set(xlabel="x (pixel)", ylabel="y (pixel)")


def colour_bar(axes, norm, name, label, ticks=None):
    """Draw the colour bar of an image beside its axes."""
    from matplotlib.cm import ScalarMappable

    bar = axes.figure.colorbar(ScalarMappable(norm, colours(name)), ax=axes, label=label, fraction=0.046, pad=0.02)
    if ticks is not None:
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        bar.minorticks_off()


def round_ticks(low, high, linear_width):
    """Return values of 1, 2 and 5 times powers of ten between two limits, for an axis with asinh stretch.

    None of them within its linear part but 0.
    """
    powers = 10.0 ** np.arange(
        np.floor(np.log10(max(linear_width, 1e-30))), np.ceil(np.log10(max(high, -low, 1e-30))) + 1
    )
    steps = np.outer(powers, (1, 2, 5)).ravel()
    steps = steps[steps > linear_width]
    candidates = np.concatenate([-steps[::-1], [0.0], steps])
    return candidates[(candidates >= low) & (candidates <= high)]
