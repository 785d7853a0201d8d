"""Electromagnetic interference of MIRI: the waves of known frequencies, and which frequencies there are."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError, ParameterError
from hexcal.reffiles.maker import Maker, MakerParameters, NotSuitable, of_tree
from hexcal.reffiles.statistics import of_map
from hexcal.steps.detector import emi_wave, miri_clock
from hexcal.steps.detector.emicorr import readout_of

_CLOCKS_APART = 0.02
"""Share by which the clocks of a frame may differ from TFRAME."""


class EmicorrMaker(Maker):
    """The wave of each frequency by phase, from the residuals of straight lines in darks, and its error.

    The residuals of the ramps less a straight line are folded with each frequency at the times at which the pixels are
    read. The exposures begin at any phase: their waves are shifted onto that of the first before they are averaged.
    The first groups, which the reset disturbs, and the last one do not count. The error of a wave is that by which the
    exposures differ; a wave that does not stand out of it is written as zero.
    Lines of the periodogram of the means of rows are listed with their significance. The clocks follow from TFRAME
    and the number of rows, and are checked against TFRAME. (JWST pipeline documentation 1.13.5, section emicorr.)
    """

    label = "emicorr"
    reference_type = "emicorr"
    inputs = "D+"
    steps = "dq_init"
    forbidden = ("emicorr", "linearity", "reset")
    needs = ("mask",)
    instruments = ("MIRI",)
    extension = "asdf"

    class Parameters(MakerParameters):
        """Parameters of the waves."""

        frequencies: list[float] | None = parameter(
            None, "Frequencies. Default: those that are known to disturb the subarray.", unit="Hz"
        )
        nbins: int | None = parameter(None, "Points of a wave. Default: one for two pixels, at most 500.", ge=8)
        clocks: list[int] | None = parameter(
            None, "Clocks from row to row and from frame to frame. Default: by TFRAME and the number of rows."
        )
        first_group: int = parameter(
            5, "First group, counted from 0, that the reset does not disturb; fewer of short ramps.", ge=0
        )
        least_wave: float = parameter(3.0, "Waves below this many errors are written as zero.", unit="sigma", ge=0)
        search: bool = parameter(True, "List the frequencies that the darks show.")
        least_frequency: float = parameter(2.0, "Lowest frequency that is looked for.", unit="Hz", gt=0)
        significance: float = parameter(
            6.0, "Lines of the periodogram are listed whose power is at least this many times its noise.", gt=1
        )

    def make(self, members, parameters, log):
        """Return the waves."""
        models = members.of_kind("dark")
        first = models[0]
        if members.n_groups < emi_wave.MINIMUM_GROUPS:
            raise NotSuitable(f"at least {emi_wave.MINIMUM_GROUPS} groups are needed", where="NGROUPS")
        readout = readout_of(first, _clocks(first, parameters, log))
        subarray, pattern = str(first.meta.subarray.name), str(first.meta.exposure.readpatt)
        frequencies = parameters.frequencies or miri_clock.default_frequencies(subarray)
        names = [f"Hz{round(frequency)}" for frequency in frequencies]
        if len(set(names)) < len(names):
            names = [f"Hz{frequency:g}".replace(".", "p") for frequency in frequencies]
        is_slow = not pattern.startswith("FAST")
        detector = str(first.meta.instrument.detector)
        names = [f"{name}_slow_{detector}" for name in names] if is_slow else names
        entries = {}
        for name, frequency in zip(names, frequencies, strict=True):
            wave, error = _wave(models, readout, frequency, parameters)
            significance = float(wave.std() / error.mean())
            description = f"wave of {wave.std():.3f} DN rms, {significance:.1f} errors"
            if significance < parameters.least_wave:
                wave, description = np.zeros_like(wave), f"{description}: the darks do not show it, written as zero"
            entries[name] = {
                "frequency": float(frequency),
                "phase_amplitudes": wave.astype(np.float32),
                "phase_amplitudes_error": error.astype(np.float32),
            }
            log.info("%s: %g Hz, %s", name, frequency, description)
        if parameters.search:
            _tell_lines(models, readout, parameters, log)
        freqs = {pattern.removesuffix("R1"): {detector: names} if is_slow else names}
        tree = {
            "frequencies": entries,
            "subarray_cases": {
                subarray: {"rowclocks": int(readout.row), "frameclocks": int(readout.frame), "freqs": freqs}
            },
        }
        return of_tree("EmiModel", tree)

    def combine(self, models):
        """Waves of several modes together; of the same one, that of the smallest error."""
        result = models[0].copy()
        frequencies, cases = (dict(result.tree[name]) for name in ("frequencies", "subarray_cases"))
        for model in models[1:]:
            for name, entry in model.tree["frequencies"].items():
                if name not in frequencies or _size(entry) < _size(frequencies[name]):
                    frequencies[name] = entry
            for subarray, case in model.tree["subarray_cases"].items():
                own = cases.setdefault(subarray, case)
                if (own["rowclocks"], own["frameclocks"]) != (case["rowclocks"], case["frameclocks"]):
                    raise InputError(f"the files disagree about the read-out clocks of {subarray}")
                own["freqs"] = {**own["freqs"], **case["freqs"]}
        return of_tree("EmiModel", {**result.tree, "frequencies": frequencies, "subarray_cases": cases})

    @classmethod
    def is_for_all(cls, path):
        """One file holds all detectors, subarrays and patterns."""
        return path.startswith(("meta.subarray.", "meta.exposure.")) or path in (
            "meta.instrument.detector", "meta.instrument.filter", "meta.instrument.channel", "meta.instrument.band"
        )  # fmt: skip


def _size(entry):
    return float(np.mean(np.asarray(entry["phase_amplitudes_error"], float)))


def _clocks(model, parameters, log):
    """Clocks from row to row and from frame to frame, checked."""
    n_rows, time = model.shape_of("data")[-2], model.meta.exposure.frame_time
    clocks = tuple(parameters.clocks) if parameters.clocks else miri_clock.clocks(time, n_rows)
    if len(clocks) != 2:
        raise ParameterError("clocks are two numbers: from row to row, from frame to frame", where="emicorr.clocks")
    by_frame = clocks[1] * miri_clock.CLOCK
    if abs(by_frame / time - 1) > _CLOCKS_APART or clocks[0] * n_rows > clocks[1]:
        raise InputError(
            f"the clocks {clocks[0]} and {clocks[1]} do not fit a frame of {time:.5f} s with {n_rows} rows",
            where="rowclocks, frameclocks", hint=f"by TFRAME they are {miri_clock.clocks(time, n_rows)}",
        )  # fmt: skip
    log.info("%d clocks from row to row, %d from frame to frame (%.5f s; TFRAME %.5f s)", *clocks, by_frame, time)
    return clocks


def _straight(ramp, first_group):
    """First and last group, counted from 0 and excluded, between which a ramp is straight: as many as it takes."""
    first = max(0, min(first_group, len(ramp) - 1 - 2 * emi_wave.MINIMUM_GROUPS))
    return first, max(len(ramp) - 1, first + emi_wave.MINIMUM_GROUPS)


def _wave(models, readout, frequency, parameters):
    """Mean wave of all exposures by phase, and its error, DN."""
    n_bins = parameters.nbins or emi_wave.n_bins_for(frequency, 500)
    waves, counts = [], []
    for model in models:
        total: Any = None
        for integration in range(model.shape_of("data")[0]):
            ramp = np.asarray(model.read("data", np.s_[integration]), np.float32)
            flags = (
                model.read("groupdq", np.s_[integration]) if model.has("groupdq") else np.zeros(ramp.shape, np.uint8)
            )
            first, last = _straight(ramp, parameters.first_group)
            ramp, flags = np.ascontiguousarray(ramp[first:last]), flags[first:last]
            usable = emi_wave.usable_ramps(ramp, flags)
            part = emi_wave.phased(ramp, usable, readout, frequency, integration, n_bins, first)
            total = part if total is None else total + part
        waves.append(emi_wave.measured(total[0], total[1]))
        counts.append(total[1])
    # The exposures begin at phases of their own.
    number = np.array(counts).sum(axis=1)
    mean, shifted = waves[int(np.argmax(number))], np.array(waves)
    for _ in range(3):
        shifted = np.array([_shifted_onto(wave, mean) for wave in waves])
        mean = np.average(shifted, axis=0, weights=number)
    noise = np.array([_noise(wave) for wave in waves])
    error = np.sqrt(np.sum((number * noise) ** 2)) / number.sum()
    if len(waves) > 1:
        # What frames have in common is in the waves, and not in the differences of neighbouring points.
        apart = np.sqrt(np.mean((shifted - mean) ** 2) / (len(waves) - 1))
        error = max(error, float(apart))
    return mean, np.full(n_bins, error)


def _shifted_onto(wave, other):
    """A wave, moved to where it is most like another one."""
    correlation = np.fft.irfft(np.fft.rfft(other) * np.conj(np.fft.rfft(wave)), len(wave))
    return np.roll(wave, int(np.argmax(correlation)))


def _noise(wave):
    """Noise of a point of a smooth wave, from the differences of neighbours."""
    return of_map(np.diff(wave, append=wave[:1]))[1] / np.sqrt(2)


def _tell_lines(models, readout, parameters, log):
    """List the frequencies of the strongest lines in the periodogram of the means of rows."""
    from astropy.timeseries import LombScargle

    powers: Any = None
    frequencies: Any = None
    for model in models:
        ramp = np.asarray(model.read("data", np.s_[0]), np.float64)
        ramp = ramp[slice(*_straight(ramp, parameters.first_group))]
        group = np.arange(len(ramp)) - (len(ramp) - 1) / 2
        slope = np.tensordot(group, ramp, (0, 0)) / (group**2).sum()
        residual = ramp - ramp.mean(axis=0) - group[:, None, None] * slope
        rows = np.median(residual, axis=2)
        clocks = group[:, None] * readout.frame + np.arange(ramp.shape[1])[None, :] * readout.row
        highest = 0.5 / (readout.row * miri_clock.CLOCK)
        span = (clocks.max() - clocks.min()) * miri_clock.CLOCK
        if frequencies is None:
            frequencies = np.arange(parameters.least_frequency, highest, 0.25 / span)
        power = LombScargle(clocks.ravel() * miri_clock.CLOCK, rows.ravel()).power(frequencies)
        powers = power if powers is None else powers + power
    level, spread = of_map(powers)
    strong = np.flatnonzero(powers > level + parameters.significance * spread)
    listed: list[int] = []
    for index in strong[np.argsort(powers[strong])[::-1]]:
        if all(abs(frequencies[index] - frequencies[other]) > 1.0 for other in listed):
            listed.append(int(index))
    texts = [f"{frequencies[index]:.2f} Hz ({(powers[index] - level) / spread:.0f} sigma)" for index in listed[:8]]
    log.info("Lines in the periodogram: %s", ", ".join(texts) or "none")
