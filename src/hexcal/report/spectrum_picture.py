"""A picture of what becomes of an exposure of a spectrograph: rates, rectified spectra or cube, spectra and truth."""

from pathlib import Path
from typing import Any

import numpy as np

from hexcal.files.atomic import atomic
from hexcal.report.show.spectra import limits
from hexcal.report.show.view import Look
from hexcal.report.show.views import view_of

_MOST = 4
"""Spectra that are drawn."""


def from_rate_to_spectrum(path, exposure, rectified, spectra):
    """Make a PNG of an exposure, its rectified spectra or cube, and extracted spectra beside the truth.

    Parameters
    ----------
    path : path-like
        File to write.
    exposure, rectified : path-like
        Products ``_rate``, and ``_s2d`` or ``_s3d``.
    spectra : list of Compared
        See `hexcal.simulate.spectra.compare`.

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

    above = [view_of(each, Look()).panels[0] for each in (exposure, rectified)]
    shown = spectra[:_MOST]
    figure = Figure(figsize=(19, 5 + 3.6 * max(len(shown), 1)), dpi=100, layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(5, 3.6 * max(len(shown), 1)))
    for axes, panel in zip(parts[0].subplots(1, 2), above, strict=True):
        panel.draw(axes)
    if shown:
        grid = parts[1].subplots(len(shown), 2, squeeze=False, width_ratios=(1.6, 1))
        for (left, right), spectrum in zip(grid, shown, strict=True):
            _show_spectrum(left, spectrum)
            _show_ratio(right, spectrum)
    with atomic(path) as stream:
        figure.savefig(stream, format=Path(path).suffix.lstrip(".") or "png")
    return str(path)


def _show_spectrum(axes, spectrum):
    axes.plot(spectrum.wavelength, spectrum.flux, color="#3b4fa3", linewidth=1.0, label="extracted")
    axes.plot(spectrum.wavelength, spectrum.true, "--", color="#d0671f", linewidth=1.0, label="true")
    axes.set(xlabel="wavelength (µm)", ylabel="flux (Jy)", ylim=limits(spectrum.flux))
    axes.set_title(spectrum.name, fontsize=11)
    axes.legend(fontsize=9)
    axes.grid(alpha=0.2)


def _show_ratio(axes, spectrum):
    percent = 100 * (spectrum.ratio - 1)
    error = 100 * spectrum.error / np.abs(spectrum.true)
    axes.fill_between(spectrum.wavelength, -error, error, color="0.8", linewidth=0, label="± error")
    axes.plot(spectrum.wavelength, percent, ".", color="#3b4fa3", markersize=3, label="extracted − true")
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.set(xlabel="wavelength (µm)", ylabel="extracted − true (%)", ylim=limits(percent))
    axes.set_title(f"median {100 * spectrum.bias:+.2f} %, pull width {spectrum.pull[1]:.2f}", fontsize=11)
    axes.legend(fontsize=9)
