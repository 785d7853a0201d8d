"""How far extracted spectra are from the truth: continuum, lines, errors; of point and of extended sources."""

import json
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.ndimage import median_filter

_LINES = {
    "miri-lrs": [(7.7, 0.06), (11.3, 0.08)],
    "miri-lrs-slitless": [(7.7, 0.06)],
    "miri-mrs": [(5.34, 0.003), (6.99, 0.01), (12.81, 0.012), (18.71, 0.02)],
}
"""Centre and width (micron) of the lines of scenes that give their spectra as tables."""
_REACH = 5.0
"""A line is fitted within so many of its widths."""
_WINDOW = 31
"""Pixels over which noise is told from what changes with wavelength."""
_SIGNAL = 5.0
"""Lines are judged where they are so many times as bright as their error."""
_AROUND, _WIDE = 4, 201
"""Spaxels about a star that hold its light; planes over which the share of one of them changes slowly."""
_DO_NOT_USE = 1
_TOGETHER = 10
"""Neighbouring wavelengths whose sum is judged, too."""


def measure_spectra(product, folder, extended=False):
    """Errors of the extracted spectra of all sources of one kind."""
    truth = json.loads((folder / "truth.json").read_text())
    paths = sorted(Path(folder, product.stem).glob("*_x1d*.fits"))
    by_product = {path.name: list(_of_product(path, truth, extended)) for path in paths}
    spectra = [judged for each in by_product.values() for judged in each]
    if not spectra:
        raise ValueError(f"no spectrum of {'an extended' if extended else 'a point'} source in {product.stem}")
    bias = 100 * np.array([judged["bias"] for judged in spectra])
    figures = {
        "continuum, median error (%)": float(np.median(np.abs(bias))),
        "continuum, worst source (%)": float(np.abs(bias).max()),
        "pull width": float(np.median([judged["pull"] for judged in spectra])),
        "pull width, sums of ten": float(np.median([judged["pull_of_ten"] for judged in spectra])),
        "scatter / error, worst source": float(max(judged["scatter"] for judged in spectra)),
    }
    lines = np.array([line for judged in spectra for line in judged["lines"]]).reshape(-1, 2)
    if len(lines):
        figures["lines, flux (%)"] = float(100 * np.median(np.abs(lines[:, 0] - 1)))
        figures["lines, centre (pixel)"] = float(np.median(np.abs(lines[:, 1])))
    return figures | _of_channels(by_product)


def _of_channels(by_product):
    """Pull width of each channel of MRS that has a spectrum of its own."""
    return {
        f"pull width, channel {channel}": judged["pull"]
        for channel in "1234"
        for name, each in by_product.items()
        for judged in each
        if f"_ch{channel}-" in name
    }


def measure_cube(product, folder):
    """As `measure_spectra`, and the waves in spectra of single spaxels, which aliasing makes."""
    return {**measure_spectra(product, folder), **_waves(next(Path(folder, product.stem).glob("*_s3d.fits")))}


def _waves(path):
    """How the share of the star's light in spaxels changes by wavelength, about its running median."""
    with fits.open(path) as hdus:
        cube = hdus["SCI"].data.astype(float)
    image = np.nan_to_num(cube).mean(axis=0)
    y, x = np.unravel_index(np.argmax(image), image.shape)
    near = cube[:, y - _AROUND : y + _AROUND + 1, x - _AROUND : x + _AROUND + 1]
    total, waves = np.nansum(near, axis=(1, 2)), []
    for j, i in np.ndindex(3, 3):
        share = near[:, _AROUND - 1 + j, _AROUND - 1 + i] / total
        share = share[np.isfinite(share) & (total > np.median(total) / 10)]
        change = share / median_filter(share, _WIDE, mode="nearest") - 1
        waves.append(100 * _width(change))
    return {
        "waves in spaxels, median (%)": float(np.median(waves)),
        "waves in spaxels, worst of nine (%)": float(max(waves)),
    }


def measure_extended(product, folder):
    """As `measure_spectra`, of extended sources and of blank sky."""
    return measure_spectra(product, folder, extended=True)


def _of_product(path, truth, extended):
    with fits.open(path) as hdus:
        spectra = [hdu for hdu in hdus if hdu.name == "EXTRACT1D"]
        brightness = truth.get("light_curve")
        for number, hdu in enumerate(spectra):
            source = _source(truth, hdu.header, hdus[0].header)
            if source is not None and source["extended"] == extended:
                # A series has a table for each integration; in 3.0.0 a row of one table.
                yield from _judged(hdu.data, source, brightness and brightness[number:])


def _source(truth, header, primary):
    """The true source of a spectrum: whether it is extended, its spectrum as a function, its lines."""
    sources = truth["sources"]
    if "flux_Jy" in sources[0]:
        true = sources[0]
        return {
            "extended": False,
            "spectrum": lambda wave: np.interp(wave, true["wave_um"], true["flux_Jy"], left=np.nan, right=np.nan),
            "lines": _LINES[truth["mode"]],
            "range": (true["wave_um"][0], true["wave_um"][-1]),
        }
    true = _of_nirspec(truth, sources, header, primary)
    if true["kind"] == "extended":
        # A blob is brightest in its middle: its mean over an aperture is no figure of the extraction.
        return None

    def spectrum(wave):
        lines = sum(peak * np.exp(-0.5 * ((wave - centre) / width) ** 2) for centre, peak, width in true["lines"])
        return true["norm"] * ((wave / 2) ** true["slope"] + lines)

    lines = [(centre, width) for centre, _, width in true["lines"]]
    return {"extended": true["kind"] != "point", "spectrum": spectrum, "lines": lines, "range": (0.75, 5.15)}


def _of_nirspec(truth, sources, header, primary):
    by_name = {source["name"]: source for source in sources}
    if truth["mode"] == "mos":
        number = header.get("SOURCEID", 0)
        return sources[number - 1] if 0 < number < len(sources) else by_name["sky"]
    if truth["mode"] == "fs":
        return by_name["star" if header.get("SLTNAME", primary.get("SLTNAME")) == "S200A1" else "sky"]
    return sources[0]


def _judged(table, source, light_curve):
    """Yield bias, pull width and lines of a spectrum, or of each one of a series."""
    # Of spectra of MRS those without residual fringes; of cubes of several channels 3.0.0 has none but NaN.
    is_corrected = "RF_FLUX" in table.dtype.names and np.isfinite(table["RF_FLUX"]).any()
    flux = "RF_FLUX" if is_corrected else "FLUX"
    names = ("SURF_BRIGHT", "SB_ERROR") if source["extended"] else (flux, "FLUX_ERROR")
    has_correlation = "CORRELATION" in table.dtype.names
    rows = zip(*(np.atleast_2d(table[name]) for name in ("WAVELENGTH", *names, "DQ")), strict=True)
    for number, (wave, value, error, dq) in enumerate(rows):
        correlation = np.asarray(table["CORRELATION"], float) if has_correlation else np.zeros((wave.size, 0))
        brightness = light_curve[number] if light_curve else 1.0
        true = source["spectrum"](wave) * brightness
        low, high = source["range"]
        good = np.isfinite(value) & np.isfinite(error) & np.isfinite(true) & (value != 0) & (wave > low) & (wave < high)
        good &= dq & _DO_NOT_USE == 0
        if good.sum() < 30:
            continue
        wave, value, error, true = (np.asarray(item, float)[good] for item in (wave, value, error, true))
        correlation = correlation[good]
        near = np.zeros(wave.size, bool)
        for centre, width in source["lines"]:
            near |= np.abs(wave - centre) < _REACH * width
        ratio = value / true
        # What changes slowly with wavelength is no noise; it counts as bias.
        smooth = median_filter(ratio, _WINDOW, mode="nearest")
        noise = (ratio - smooth) * true
        pull = (noise / error)[~near]
        # Over a wider window, of which ten wavelengths are no large part.
        wide = median_filter(ratio, 4 * _WINDOW + 1, mode="nearest")
        of_ten = _sums_of_ten((ratio - wide) * true, error, correlation, near)
        lines = [_line(wave, value, error, true, *line) for line in source["lines"]]
        yield {
            "bias": float(np.median(ratio[~near]) - 1),
            "pull": _width(pull),
            "pull_of_ten": _width(of_ten),
            "scatter": float(np.sqrt(np.mean(pull**2))),
            "lines": [line for line in lines if line is not None],
        }


def _width(pull):
    return float(1.4826 * np.median(np.abs(pull - np.median(pull)))) if len(pull) else float("nan")


def _sums_of_ten(noise, error, correlation, near):
    """Sums of ten neighbouring wavelengths beside the lines, in units of their errors: with the correlations."""
    result = []
    for first in range(0, len(noise) - _TOGETHER + 1, _TOGETHER):
        part = slice(first, first + _TOGETHER)
        if near[part].any():
            continue
        covariance = np.diag(error[part] ** 2)
        for lag in range(1, correlation.shape[1] + 1):
            for i in range(_TOGETHER - lag):
                together = correlation[first + i, lag - 1] * error[first + i] * error[first + i + lag]
                covariance[i, i + lag] = covariance[i + lag, i] = together
        result.append(noise[part].sum() / np.sqrt(covariance.sum()))
    return np.array(result)


def _line(wave, value, error, true, centre, width):
    """Flux over the true one, and shift in pixels, of one line; None where it is lost in the noise or cut off.

    The true line above a straight continuum, and its first two derivatives, are fitted to the spectrum with a continuum
    of its own. The second one stands for the width: pixels make a line of two pixels 2 % wider, which is no loss of
    flux, and without it the flux would seem to be 1 % too small.
    """
    near = np.flatnonzero(np.abs(wave - centre) < _REACH * width)
    if near.size < 8 or wave.min() > centre - _REACH * width or wave.max() < centre + _REACH * width:
        return None
    wave, value, error, true = wave[near], value[near], error[near], true[near]
    ends = [int(np.argmin(wave)), int(np.argmax(wave))]
    line = true - np.interp(wave, wave[ends], true[ends])
    slope = np.gradient(line)
    shapes = [np.ones(wave.size), (wave - centre) / width, line, -slope, np.gradient(slope)]
    terms = np.stack(shapes, axis=1) / error[:, None]
    fit, *_ = np.linalg.lstsq(terms, value / error, rcond=None)
    uncertainty = np.sqrt(np.linalg.inv(terms.T @ terms)[2, 2])
    return (fit[2], fit[3] / fit[2]) if fit[2] > _SIGNAL * uncertainty else None
