"""Find and take out the fringes that the fringe flat leaves in spectra of MIRI MRS."""

import warnings
from typing import NamedTuple

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter, run_bands
from hexcal.errors import ParameterError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.models.tables import table_of
from hexcal.steps.flux.mrs_gap import band_of

_BANDS = ("SHORT", "MEDIUM", "LONG")
_DO_NOT_USE = np.uint32(pixel.DO_NOT_USE)
_FEWEST_PIXELS = 50
"""A column of a slice with fewer usable pixels is left alone."""
_KNOTS = 3.0
"""Periods of the fringes between the knots of the continuum, so that it does not follow them."""
_OVERSAMPLING = 4.0
_ROUNDS = 2
_MOST_WAVES = 400
"""Waves that are tried in one column, at most."""


class ResidualFringeStep(Step):
    """Divide the spectra of MIRI MRS by the sine waves that are found in them.

    Fringes of point sources are not those of the fringe flat. Each detector column of a slice whose signal is strong
    enough is fitted: a smooth continuum, without emission lines, and on it sine waves in wavenumber whose periods are
    those of the FRINGEFREQ reference; waves are added as long as they make the fit more probable. Columns whose fringes
    would be larger than the reference allows are left as they are. Errors and flags are not changed. Off by default.

    The documents do not describe the algorithm, and release 3.0.0 finds other waves: its corrections are not
    reproduced (docs/decisions.md has both against the truth).
    """

    alias = "residual_fringe"
    is_often_left_out = True
    reference_types = ("fringefreq", "regions")
    input_model = ("IFUImageModel", "ImageModel")

    class Parameters(StepParameters):
        """Which wavelengths are left out."""

        skip: bool = parameter(True, "Leave the step out.")
        save_intermediate_results: bool = parameter(
            False,
            "Write the fringes of each pixel (what the data are divided by, less 1), with suffix "
            "_residual_fringe_model.",
        )
        search_output_file: bool = parameter(
            False, "Name products after the output_file of the pipeline, where the step has none of its own."
        )
        suffix: str = parameter("residual_fringe", "Suffix of the product.")
        ignore_region_min: list[float] | None = parameter(
            None, "Shortest wavelengths of regions that are left as they are.", unit="micron"
        )
        ignore_region_max: list[float] | None = parameter(
            None, "Longest wavelengths of the same regions.", unit="micron"
        )

    def references_needed(self, model):
        """The frequencies; slices and wavelengths come from the WCS."""
        return ("fringefreq",) if model.meta.exposure.type == "MIR_MRS" else ()

    def extra_products(self):
        """The fringes."""
        return [{"suffix": "residual_fringe_model"}] if self.parameters.save_intermediate_results else []

    def require_parameters(self):
        """Regions that are ignored must have two ends."""
        self._ignored_regions()

    def _ignored_regions(self):
        return ignored_regions(self.parameters.ignore_region_min, self.parameters.ignore_region_max)

    def process(self, model, references):
        from hexcal.steps.wcs.spectral import ifu_slices

        if model.meta.exposure.type != "MIR_MRS":
            raise SkipStep(
                f"residual fringes are corrected in exposures of MIR_MRS only, this is {model.meta.exposure.type}",
                is_expected=True,
            )
        regions = self._ignored_regions()
        rows = fringe_rows(model, references.fringefreq)
        gain = np.zeros(model.data.shape, np.float32)
        n_corrected = n_columns = 0
        for part in ifu_slices(model):
            lines = rows.get(100 * part.channel + part.number, ())
            columns = columns_of(part, model, regions)
            n_columns += len(columns.index)
            for line in lines:
                n_corrected += correct_slice(columns, line, references.fringefreq.max_amp_table)
            columns.put_back(gain[part.window])
        model.data /= 1 + gain
        self.log.info("Fringes taken out of %d of %d columns of slices", n_corrected, n_columns)
        if self.parameters.save_intermediate_results:
            product = type(model)(gain, dq=np.zeros_like(model.dq), err=np.zeros_like(gain))
            product.update(model)
            self.save_model(product, suffix="residual_fringe_model", force=True)
        return model


class FringeLine(NamedTuple):
    """One kind of fringes of a slice.

    Parameters
    ----------
    period, half_range : float
        cm^-1; periods from `period` - `half_range` to `period` + `half_range` are looked for.
    fewest, most : int
        Waves.
    min_snr : float
        Smallest median signal-to-noise ratio of a column that is corrected.
    resolution : float
        cm^-1, distance between the periods that are tried; smaller where the spectrum tells closer ones apart.
    """

    period: float
    half_range: float
    fewest: int
    most: int
    min_snr: float
    resolution: float


def ignored_regions(shortest, longest):
    """Return the regions that are left as they are: list of (shortest, longest wavelength), micron.

    Raises
    ------
    ParameterError
        If the two lists do not belong together.
    """
    shortest, longest = shortest or [], longest or []
    if len(shortest) != len(longest):
        raise ParameterError(
            f"ignore_region_min has {len(shortest)} wavelengths, ignore_region_max {len(longest)}: "
            "each region needs both",
            where="ignore_region_min, ignore_region_max",
        )
    regions = [(float(low), float(high)) for low, high in zip(shortest, longest, strict=True)]
    wrong = [region for region in regions if not region[0] < region[1]]
    if wrong:
        raise ParameterError(
            f"a region must end at a longer wavelength than it begins: {wrong[0][0]:g} to {wrong[0][1]:g} micron",
            where="ignore_region_min, ignore_region_max",
        )
    return regions


def fringe_rows(model, reference):
    """Return label of a slice -> its kinds of fringes (tuple of FringeLine).

    Raises
    ------
    ReferenceError_
        If the FRINGEFREQ file has no table for the band.
    """
    rows = {}
    for channel in map(int, str(model.meta.instrument.channel or "")):
        band = band_of(channel, model.meta.instrument.band)
        table = table_of(reference, f"rfc_freq_{band.lower()}_table") if band in _BANDS else None
        if table is None:
            raise ReferenceError_(
                f"the fringefreq file has no table for channel {channel}, band {model.meta.instrument.band}",
                where=str(reference.path or "model in memory"),
                hint="give another one with override_fringefreq",
            )
        rows |= {label: kinds for label, kinds in _rows_of(table).items() if label // 100 == channel}
    return rows


def _rows_of(table):
    columns = ("ffreq", "dffreq", "min_nfringes", "max_nfringes", "min_snr", "pgram_res")
    rows = {}
    for row in table:
        kinds = zip(*(np.atleast_1d(row[name]) for name in columns), strict=True)
        rows[int(row["slice"])] = tuple(
            FringeLine(float(f), float(df), int(low), int(high), float(snr), float(res))
            for f, df, low, high, snr, res in kinds
            if f > 0 and high > 0
        )
    return rows


class Columns:
    """The columns of a slice as spectra, each along a row of the arrays (ncolumns, n).

    Parameters
    ----------
    signal, variance, wavenumber : float64 array (ncolumns, n)
        MJy/sr or DN/s, its square, and cm^-1; wavenumbers are finite everywhere.
    usable : bool array (ncolumns, n)
        What the fit may use.
    corrected : bool array (ncolumns, n)
        What may be corrected: pixels of the slice outside of ignored regions.
    index : int array (ncolumns,)
        Column of each in the window of the slice.
    """

    def __init__(self, signal, variance, wavenumber, usable, corrected, index):
        self.signal, self.variance, self.wavenumber = signal, variance, wavenumber
        self.usable, self.corrected, self.index = usable, corrected, index
        self.gain = np.zeros_like(signal)

    def put_back(self, window):
        """Write the fringes into the pixels of the slice."""
        for gain, corrected, column in zip(self.gain, self.corrected, self.index, strict=True):
            window[corrected, column] = gain[corrected]


def columns_of(part, model, regions):
    """Return the columns of a slice that have enough usable pixels (`Columns`).

    Parameters
    ----------
    part : IFUSlice
        The slice.
    model : DataModel
        The exposure.
    regions : list of (float, float)
        Wavelengths that are left out, micron.
    """
    signal = model.data[part.window].T.astype(np.float64)
    error = model.err[part.window].T.astype(np.float64)
    flags = model.dq[part.window].T
    wavelength = part.wavelength.T
    inside = np.isfinite(wavelength)
    corrected = inside.copy()
    for low, high in regions:
        corrected &= ~((wavelength >= low) & (wavelength <= high))
    usable = corrected & np.isfinite(signal) & (error > 0) & np.isfinite(error) & (flags & _DO_NOT_USE == 0)
    index = np.nonzero(np.count_nonzero(usable, axis=1) >= _FEWEST_PIXELS)[0]
    wavenumber = np.empty((len(index), signal.shape[1]))
    rows = np.arange(signal.shape[1])
    for number, column in enumerate(index):
        known = inside[column]
        wavenumber[number] = np.interp(rows, rows[known], 1e4 / wavelength[column, known])
    keep = usable[index]
    return Columns(
        np.where(keep, signal[index], 0.0),
        np.where(keep, error[index] ** 2, np.inf),
        wavenumber,
        keep,
        corrected[index],
        index,
    )


def correct_slice(columns, line, max_amplitude, threads=None):
    """Fit one kind of fringes in the columns of a slice, beside those that were found before.

    Parameters
    ----------
    columns : Columns
        Their `gain` is changed.
    line : FringeLine
        What is looked for.
    max_amplitude : structured array or None
        ``wavelength`` (micron) and ``amplitude``: a column with larger fringes is not corrected.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int
        Number of columns in which fringes were found.
    """
    from hexcal.kernels.residual_fringe import fit_fringes

    if not len(columns.index):
        return 0
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(columns.usable, columns.signal / np.sqrt(columns.variance), np.nan)
    chosen = np.nonzero(np.nanmedian(ratio, axis=1) >= line.min_snr)[0]
    sampling = _sampling(columns, chosen)
    # Waves of less than three pixels cannot be told from noise.
    chosen, sampling = chosen[3 * sampling < line.period], sampling[3 * sampling < line.period]
    if not len(chosen):
        return 0
    wavenumber = np.ascontiguousarray(columns.wavenumber[chosen])
    span = np.ptp(wavenumber, axis=1)
    longest, shortest = line.period + line.half_range, max(line.period - line.half_range, 1e-3)
    lowest, highest = np.full(len(chosen), 1 / longest), 1 / shortest
    step = np.minimum(max(line.resolution, 1e-6) / line.period**2, 1 / (_OVERSAMPLING * span))
    n_waves = np.minimum(np.floor((highest - lowest) / step).astype(np.int64) + 1, _MOST_WAVES)
    step = np.where(n_waves > 1, (highest - lowest) / np.maximum(n_waves - 1, 1), step)
    gain, number = np.empty_like(wavenumber), np.empty(len(chosen), np.int64)
    signal = columns.signal[chosen] / (1 + columns.gain[chosen])
    weights = np.where(columns.usable[chosen], 1 / columns.variance[chosen], 0.0)
    limits = np.full((2, len(chosen)), [[line.fewest], [min(line.most, 30)]], np.int64)
    settings = (_KNOTS * line.period / sampling, lowest, step, n_waves, *limits, _ROUNDS)
    arrays = (signal, weights, wavenumber)
    run_bands(fit_fringes, len(chosen), *arrays, *settings, gain, number, threads=threads)
    has_fringes = (number > 0) & ~_too_large(gain, wavenumber, columns.corrected[chosen], max_amplitude)
    columns.gain[chosen[has_fringes]] = (1 + columns.gain[chosen[has_fringes]]) * (1 + gain[has_fringes]) - 1
    return int(np.count_nonzero(has_fringes))


def _sampling(columns, chosen):
    """Distance of neighbouring pixels of some columns, cm^-1: the median of those that see the slice."""
    steps = np.abs(np.diff(columns.wavenumber[chosen], axis=1))
    usable = columns.usable[chosen]
    # Every column has enough usable pixels; two of them may still not be neighbours.
    steps = np.where(usable[:, 1:] & usable[:, :-1], steps, np.nan)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")
        return np.nan_to_num(np.nanmedian(steps, axis=1), nan=np.inf)


def _too_large(gain, wavenumber, corrected, max_amplitude):
    """Columns whose fringes exceed what the reference allows at their wavelength."""
    if max_amplitude is None or not len(max_amplitude):
        limit = np.ones_like(gain)
    else:
        names = {name.lower(): name for name in max_amplitude.dtype.names}
        wavelength, amplitude = (np.asarray(max_amplitude[names[name]], float) for name in ("wavelength", "amplitude"))
        order = np.argsort(wavelength)
        limit = np.interp(1e4 / wavenumber, wavelength[order], amplitude[order])
    return ((np.abs(gain) > limit) & corrected).any(axis=1)
