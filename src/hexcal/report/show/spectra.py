"""Extracted and combined spectra: flux with its error and the points that are flagged; spectra of a time series."""

from dataclasses import dataclass

import numpy as np

from hexcal.errors import InputError, unknown_name
from hexcal.models.dqflags import pixel
from hexcal.report.show import scales
from hexcal.report.show.view import MOST_PANELS, Panel, View, chosen_parts, name_of, require_integration, title_of

_ERRORS = {"FLUX": ("FLUX_ERROR", "ERROR"), "SURF_BRIGHT": ("SB_ERROR",), "BACKGROUND": ("BKGD_ERROR",)}
_TIMES = ("MJD-AVG", "MJD_AVG")
_LINE, _FLAGGED = "#3b4fa3", "#e0452f"


@dataclass(frozen=True)
class Spectrum:
    """One spectrum.

    Attributes
    ----------
    name : str
    wavelength, values : float64 array (n,)
        µm, and the column that is drawn.
    error : float64 array (n,) or None
    flagged : bool array (n,) or None
        DO_NOT_USE.
    column, unit : str
    time : float or None
        MJD of the middle of the integration.
    """

    name: str
    wavelength: np.ndarray
    values: np.ndarray
    error: np.ndarray | None
    flagged: np.ndarray | None
    column: str
    unit: str
    time: float | None = None


def spectra_view(model, path, look):
    """Return the view of spectra: one panel for each."""
    spectra = spectra_of(model, look, path)
    panels = [_panel(spectrum, look) for spectrum in spectra[:MOST_PANELS]]
    left = len(spectra) - len(panels)
    return View(title_of(model, path), panels, note=f"{left} more spectra: --slit NAME" if left else "")


def time_series_view(model, path, look):
    """Return the view of spectra of many integrations: white light, all as an image, and their mean or one of them."""
    spectra = spectra_of(model, look, path)
    if look.integration is not None:
        spectrum = spectra[require_integration(look.integration, len(spectra), path)]
        return View(title_of(model, path), [_panel(spectrum, look)])
    first = spectra[0]
    alike = [spectrum for spectrum in spectra if len(spectrum.values) == len(first.values)]
    values = np.array([spectrum.values for spectrum in alike])
    panels = [_white_light(alike, values), _dynamic(alike, values, look), _panel(_mean(alike, values), look)]
    left = len(spectra) - len(alike)
    return View(title_of(model, path), panels, note=f"{left} spectra of other lengths: --integration N" if left else "")


def spectra_of(model, look, where):
    """Return the spectra of a model, one for each row of tables that hold several.

    Parameters
    ----------
    model : DataModel
        Of spectra, or of one spectrum.
    look : Look
        Which column (default FLUX) and which of them.
    where : path-like
        File, for messages.

    Returns
    -------
    list of Spectrum

    Raises
    ------
    InputError
        If there are none.
    ParameterError
        For a column or name that is not there.
    """
    parts = model.parts() if hasattr(model, "parts") else [model]
    if not parts:
        raise InputError("there is no spectrum in this file", where=str(where))
    chosen = chosen_parts(parts, look, str(where))
    spectra = []
    for number, part in enumerate(chosen):
        table = part.spec_table
        if table is None or not len(table):
            continue
        rows = table if table.dtype["WAVELENGTH"].shape else [None]
        spectra += [_spectrum(table, row, name_of(part, number + 1), look, where) for row in rows]
    if not spectra:
        raise InputError("the tables of spectra in this file are empty", where=str(where))
    return spectra


def _spectrum(table, row, name, look, where):
    names = table.dtype.names
    column = (look.extension or "FLUX").upper()
    if column not in names:
        numbers = [each for each in names if each != "WAVELENGTH"]
        raise unknown_name("column", column, numbers, where=str(where))

    def read(label, dtype: type = float):
        return np.array(table[label] if row is None else row[label], dtype)

    error = next((read(label) for label in _ERRORS.get(column, ()) if label in names), None)
    flagged = (read("DQ", np.int64) & pixel.DO_NOT_USE) != 0 if "DQ" in names else None
    time = next((float(row[label]) for label in _TIMES if row is not None and label in names), None)
    label = f"{name} {row['INT_NUM']}" if row is not None and "INT_NUM" in names else name
    if row is not None and "SOURCE_ID" in names:
        label = f"{name} source {row['SOURCE_ID']}"
    return Spectrum(label, read("WAVELENGTH"), read(column), error, flagged, column, _unit(table, column), time)


def _unit(table, column):
    columns = getattr(table, "columns", None)
    return (columns[column].unit or "") if columns is not None else ""


def _panel(spectrum, look):
    def draw(axes):
        draw_spectrum(axes, spectrum.wavelength, spectrum.values, spectrum.error, spectrum.flagged, look.scale)
        unit = f" ({spectrum.unit})" if spectrum.unit else ""
        axes.set(xlabel="wavelength (µm)", ylabel=f"{spectrum.column}{unit}")
        axes.set_title(spectrum.name, fontsize=10)

    return Panel(draw, 12.0, 4.0)


def draw_spectrum(axes, wavelength, values, error, flagged, scale=None):
    """Draw a spectrum: a line, its error as a band, flagged points as crosses; the limits are those of good points.

    Parameters
    ----------
    axes : matplotlib Axes
    wavelength, values : float array (n,)
    error : float array (n,) or None
    flagged : bool array (n,) or None
    scale : str, optional
        "log" for a logarithmic axis of the flux.
    """
    good = np.isfinite(values) & np.isfinite(wavelength)
    if flagged is not None:
        good &= ~flagged
    shown = np.where(good, values, np.nan)
    if error is not None and np.any(np.isfinite(error)):
        axes.fill_between(
            wavelength, shown - error, shown + error, color=_LINE, alpha=0.25, linewidth=0, label="± error"
        )
    axes.plot(wavelength, shown, color=_LINE, linewidth=0.9, drawstyle="steps-mid", label="values")
    if flagged is not None and np.any(flagged):
        _cross_out(axes, wavelength[flagged], values[flagged], len(values))
    if scale == "log" and np.any(values[good] > 0):
        axes.set_yscale("log", nonpositive="mask")
    elif good.any():
        axes.set_ylim(*limits(values[good], None if error is None else error[good]))
    axes.grid(alpha=0.2)
    if axes.get_legend_handles_labels()[1] != ["values"]:
        axes.legend(fontsize=8, loc="best")


def _cross_out(axes, wavelength, values, count):
    """Flagged points: where they are, or at the lower edge if they have no value."""
    known = np.isfinite(values)
    if known.any():
        label = f"DO_NOT_USE: {np.count_nonzero(known)} of {count}"
        axes.plot(wavelength[known], values[known], "x", color=_FLAGGED, markersize=4, label=label)
    if not known.all():
        axes.plot(
            wavelength[~known], np.full(np.count_nonzero(~known), 0.01), "|", color=_FLAGGED, markersize=6,
            transform=axes.get_xaxis_transform(), label=f"DO_NOT_USE, no value: {np.count_nonzero(~known)} of {count}",
        )  # fmt: skip


def limits(values, error=None):
    """Return limits of an axis within which all but far outliers lie: the extremes, or 8 widths beyond the bulk."""
    low, high = np.percentile(values, (1, 99))
    margin = 0.6 * (high - low) + (3 * float(np.nanmedian(error)) if error is not None else 0)
    margin = margin if np.isfinite(margin) and margin > 0 else 0.1 * abs(high) or 1.0
    low, high = max(float(values.min()), low - margin), min(float(values.max()), high + margin)
    pad = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    return low - pad, high + pad


def _mean(spectra, values):
    good = np.isfinite(values)
    for row, spectrum in zip(good, spectra, strict=True):
        row &= True if spectrum.flagged is None else ~spectrum.flagged
    count = good.sum(axis=0)
    mean = np.where(count > 0, np.where(good, values, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
    first, error = spectra[0], None
    if first.error is not None:
        squares = np.array([spectrum.error for spectrum in spectra]) ** 2
        error = np.sqrt(np.where(good, squares, 0).sum(axis=0)) / np.maximum(count, 1)
    return Spectrum(
        f"mean of {len(spectra)} integrations", first.wavelength, mean, error, count == 0, first.column, first.unit
    )


def _white_light(spectra, values):
    flagged = [np.zeros(len(s.values), bool) if s.flagged is None else s.flagged for s in spectra]
    # What is bad in one integration is left out of all: a curve of one set of wavelengths.
    usable = np.isfinite(values).all(axis=0) & ~np.any(flagged, axis=0)
    total = values[:, usable].sum(axis=1)
    known = all(spectrum.error is not None for spectrum in spectra)
    errors = np.array([spectrum.error for spectrum in spectra])[:, usable] if known else None
    error = None if errors is None else np.sqrt((errors**2).sum(axis=1))
    times = [spectrum.time for spectrum in spectra]
    start = next((int(time) for time in times if time), None)
    if start is None or None in times:
        along, label = np.arange(1, len(spectra) + 1), "integration"
    else:
        along, label = np.array(times, float) - start, f"MJD − {start} (days)"
    level = np.median(total) or 1.0

    def draw(axes):
        axes.errorbar(
            along, total / level, None if error is None else error / abs(level), fmt="o", markersize=3, color=_LINE
        )
        axes.set(xlabel=label, ylabel="white light / median")
        axes.ticklabel_format(useOffset=False)
        axes.grid(alpha=0.2)
        axes.set_title(f"sum over {np.count_nonzero(usable)} of {values.shape[1]} wavelengths", fontsize=10)

    return Panel(draw, 12.0, 3.4)


def _dynamic(spectra, values, look):
    first = spectra[0]

    def draw(axes):
        scales.draw_image(axes, values, f"{first.column} ({first.unit})", look.scale, aspect="auto")
        axes.set_xlim(*scales.seen_columns(values))
        scales.number_axis(axes.xaxis, first.wavelength, "wavelength (µm)", 10)
        axes.set_ylabel("integration")

    return Panel(draw, 12.0, 3.4)
