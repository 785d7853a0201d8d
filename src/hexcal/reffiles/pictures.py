"""Pictures of reference files: how many values are behind each pixel, maps, histograms."""

from pathlib import Path
from typing import Any

import numpy as np

from hexcal.files.atomic import atomic


def write_contributions(path: Path, counts: Any, model: Any, title: str) -> None:
    """Write a picture of the number of values behind each pixel (of the worst group), and of ERR.

    Parameters
    ----------
    path : pathlib.Path
        A PNG.
    counts : int array (ny, nx) or (ngroups, ny, nx)
        Numbers of values.
    model : DataModel
        The reference; its errors are drawn where it has some.
    title : str
        Of the picture.
    """
    from matplotlib.figure import Figure

    counts = np.asarray(counts)
    fewest = counts.reshape(-1, *counts.shape[-2:]).min(axis=0)
    err = model.err if "err" in model.specs and model.has("err") else None
    by_group = counts.ndim == 3 and len(counts) > 1
    panels = 1 + (err is not None) + by_group
    figure = Figure(figsize=(5.5 * panels, 4.6), dpi=100, layout="constrained")
    figure.suptitle(title, fontsize=10)
    axes = list(np.atleast_1d(figure.subplots(1, panels)))
    _map(figure, axes.pop(0), fewest, "values per pixel (fewest of all groups)" if by_group else "values per pixel")
    if err is not None:
        image = np.asarray(err, float).reshape(-1, *err.shape[-2:])[-1]
        _map(figure, axes.pop(0), image, "ERR of the last group" if by_group else "ERR")
    if by_group:
        axes[0].plot(np.arange(len(counts)), np.median(counts, axis=(1, 2)), "o-", markersize=3)
        axes[0].set_xlabel("group")
        axes[0].set_ylabel("median number of values")
    with atomic(path) as stream:
        figure.savefig(stream, format="png")


def _map(figure, axes, image, label):
    """Draw an image between its 1st and 99th percentile."""
    good = image[np.isfinite(image)]
    low, high = np.percentile(good, [1, 99]) if good.size else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    drawn = axes.imshow(image, origin="lower", vmin=low, vmax=high, interpolation="nearest", cmap="viridis")
    axes.set_title(label, fontsize=9)
    figure.colorbar(drawn, ax=axes, shrink=0.8)


def _flag_map(axes, flagged, label):
    """Draw which pixels are flagged; a single one is seen in a large image too."""
    block = max(1, max(flagged.shape) // 256)
    ny, nx = (-(-size // block) for size in flagged.shape)
    padded = np.zeros((ny * block, nx * block), bool)
    padded[: flagged.shape[0], : flagged.shape[1]] = flagged
    some = padded.reshape(ny, block, nx, block).any(axis=(1, 3))
    extent = (-0.5, nx * block - 0.5, -0.5, ny * block - 0.5)
    axes.imshow(some, origin="lower", extent=extent, vmin=0, vmax=1, interpolation="nearest", cmap="Greys")
    axes.set_title(f"{label}: {np.count_nonzero(flagged)} pixels", fontsize=9)


def maps(images: dict[str, Any]) -> Any:
    """Return a figure with one map for each image, and the histogram of its values below.

    Parameters
    ----------
    images : dict of str to float or bool array (ny, nx)
        Label -> image; one of flags has no histogram.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4 * len(images), 7.2), layout="constrained")
    grid = figure.subplots(2, len(images), squeeze=False, height_ratios=(1.4, 1))
    for column, (label, image) in enumerate(images.items()):
        if np.asarray(image).dtype == bool:
            _flag_map(grid[0, column], np.asarray(image), label)
            grid[1, column].set_axis_off()
            continue
        image = np.asarray(image, float)
        _map(figure, grid[0, column], image, label)
        good = image[np.isfinite(image)]
        if good.size:
            low, high = np.percentile(good, [0.2, 99.8])
            span = (low, high) if high > low else (low - 0.5, low + 0.5)
            grid[1, column].hist(good, bins=80, range=span, histtype="step")
        grid[1, column].set_yscale("log")
        grid[1, column].set_ylabel("pixels")
    return figure


def write_maps(path: Path, images: dict[str, Any]) -> None:
    """Write such a figure as a PNG."""
    figure = maps(images)
    with atomic(path) as stream:
        figure.savefig(stream, format="png", dpi=90)
