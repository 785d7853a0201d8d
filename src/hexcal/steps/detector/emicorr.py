"""Take the interference of known frequencies out of MIRI ramps."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import ReferenceError_
from hexcal.steps.detector import emi_wave, miri_clock

_WAVE_POINTS = 500
"""Most bins of a wave that is measured."""


@dataclass(frozen=True)
class Frequency:
    """One disturbance: name, frequency in Hz, and its wave (float array, DN, begins at phase 0), None to measure it."""

    name: str
    frequency: float
    wave: np.ndarray | None = None


class EmiCorrStep(Step):
    """Subtract the electromagnetic interference of known frequencies from MIRI ramps."""

    alias = "emicorr"
    reference_types = ("emicorr",)
    takes_references = False
    input_model = "RampModel"

    class Parameters(StepParameters):
        """Parameters of the correction of interference."""

        skip: bool = parameter(True, "Leave the step out.")
        algorithm: Literal["sequential", "joint"] = parameter(
            "sequential",
            "How a reference wave is fitted: to the ramps less a straight line, or together with the straight lines.",
        )
        nints_to_phase: int | None = parameter(
            None, "Number of integrations from which a wave is measured. Default: as use_n_cycles says.", ge=1
        )
        nbins: int | None = parameter(
            None, "Number of bins of one wave. Default: one for two pixels, at most 500.", ge=8
        )
        scale_reference: bool = parameter(
            True, "Scale the reference wave to the data; it applies to the sequential algorithm."
        )
        onthefly_corr_freq: list[float] | None = parameter(
            None, "Frequencies to correct for with waves measured in the data, without a reference file.", unit="Hz"
        )
        use_n_cycles: int | None = parameter(
            3, "A wave is measured from as many integrations as hold this number of its cycles; None for all.", ge=1
        )
        fit_ints_separately: bool = parameter(
            False, "Joint algorithm: phase and size of the wave separately for each integration."
        )
        fine_phase: bool = parameter(
            False,
            "Sequential algorithm: shift a reference wave by parts of its points, and take it between them; otherwise "
            "by whole points, as release 3.0.0 of the original does.",
        )
        leave_out_ends: bool = parameter(
            True,
            "Measure waves without the first and the last group of an integration, which the reset disturbs; "
            "they are subtracted from these groups all the same.",
        )
        user_supplied_reffile: str | None = parameter(
            None, "ASDF reference file of the user; the same as override_emicorr."
        )
        save_intermediate_results: bool = parameter(
            False, "Write the result; and the waves, as a reference file, if they were measured."
        )

    def references_needed(self, model):
        """None where frequencies or a file are given."""
        own = self.parameters.onthefly_corr_freq or self.parameters.user_supplied_reffile
        return () if own or not model.is_miri else self.reference_types

    def needs_all_integrations(self, model):
        """A wave is measured in several integrations."""
        return "the waves of the interference are measured in several integrations"

    def process(self, ramp):
        _require_possible(ramp)
        frequencies, clocks = self._frequencies(ramp)
        readout = readout_of(ramp, clocks)
        self.log.info("frequencies: %s Hz", ", ".join(f"{frequency.frequency:g}" for frequency in frequencies))
        measured = {frequency.name: frequency for frequency in frequencies if frequency.wave is None}
        waves = correct(ramp.data, ramp.groupdq, frequencies, readout, self.parameters)
        if self.parameters.save_intermediate_results:
            if measured:
                self._save_waves(ramp, [(measured[name], wave) for name, wave in waves if name in measured], readout)
            self.save_model(ramp, "emicorr", force=not self.saves)
        return ramp

    def extra_products(self):
        """The corrected ramp, and the waves that were measured in it."""
        if not self.parameters.save_intermediate_results:
            return []
        return [{"suffix": "emicorr"}, {"suffix": "emi_ref_waves", "ext": ".asdf"}]

    def _frequencies(self, ramp):
        subarray = ramp.meta.subarray.name
        if self.parameters.onthefly_corr_freq:
            return [Frequency(f"{value:g}", value) for value in self.parameters.onthefly_corr_freq], None
        if self.parameters.user_supplied_reffile:
            return listed(self.open_model(self.parameters.user_supplied_reffile).tree, ramp)
        if self.get_reference_file(ramp, "emicorr") == "N/A":
            self.log.warning("no emicorr reference: the waves of the known frequencies are measured in the data")
            return [Frequency(f"{value:g}", value) for value in miri_clock.default_frequencies(subarray)], None
        return listed(self.get_reference_file_model(ramp, "emicorr").tree, ramp)

    def _save_waves(self, ramp, waves, readout):
        from hexcal.models.asdf_tree import to_file

        exposure, names = ramp.meta.exposure, [frequency.name for frequency, _ in waves]
        patterns = {exposure.readpatt: {ramp.meta.instrument.detector: names}}
        if exposure.readpatt.startswith("FAST"):
            patterns = {exposure.readpatt: names}
        tree = {
            "meta": {
                "reftype": "emicorr",
                "model_type": "EmiModel",
                "telescope": "JWST",
                "instrument": {"name": "MIRI"},
            },
            "frequencies": {
                frequency.name: {"frequency": frequency.frequency, "phase_amplitudes": wave.astype(np.float32)}
                for frequency, wave in waves
            },
            "subarray_cases": {
                ramp.meta.subarray.name: {"rowclocks": readout.row, "frameclocks": readout.frame, "freqs": patterns}
            },
        }
        path = self.make_output_path(suffix="emi_ref_waves", ext=".asdf")
        to_file(path, tree)
        self.log.info("waves saved as %s", path)


def _require_possible(ramp):
    if not ramp.is_miri:
        raise SkipStep("interference is corrected for MIRI only", is_expected=True)
    if ramp.shape[1] < emi_wave.MINIMUM_GROUPS:
        raise SkipStep(
            f"at least {emi_wave.MINIMUM_GROUPS} groups are needed to tell a wave from a slope, found {ramp.shape[1]}"
        )
    if not miri_clock.known_pattern(ramp.meta.exposure.readpatt):
        raise SkipStep(
            f"the times of the read-out pattern {ramp.meta.exposure.readpatt} are not those of single frames"
        )


def listed(tree, ramp):
    """Return what a reference file has for the subarray, read-out pattern and detector of an exposure.

    Parameters
    ----------
    tree : dict
        With ``frequencies`` and ``subarray_cases`` (JWST pipeline documentation 1.13.5, section emicorr).
    ramp : RampModel

    Returns
    -------
    list of Frequency
    tuple of int
        Clocks from row to row, and from frame to frame.

    Raises
    ------
    SkipStep
        If the file has nothing for this exposure.
    ReferenceError_
        If a listed frequency is not in the file.
    """
    subarray, pattern, detector = ramp.meta.subarray.name, ramp.meta.exposure.readpatt, ramp.meta.instrument.detector
    case = tree.get("subarray_cases", {}).get(subarray)
    if case is None:
        raise SkipStep(f"the emicorr reference has no entry for SUBARRAY = {subarray}")
    names = case["freqs"].get(pattern, case["freqs"].get(pattern.removesuffix("R1")))
    if isinstance(names, dict):
        names = names.get(detector)
    if not names:
        raise SkipStep(
            f"the emicorr reference has no frequency for SUBARRAY = {subarray}, READPATT = {pattern}, {detector}"
        )
    known = tree.get("frequencies", {})
    if missing := [name for name in names if name not in known]:
        raise ReferenceError_(
            f"frequencies listed for {subarray} are missing in the emicorr reference: {', '.join(missing)}",
            where="frequencies",
        )
    waves = [
        Frequency(name, float(known[name]["frequency"]), np.asarray(known[name]["phase_amplitudes"], np.float64))
        for name in names
    ]
    return waves, (int(case["rowclocks"]), int(case["frameclocks"]))


def readout_of(ramp, clocks=None):
    """Return when the pixels of an exposure are read (`emi_wave.Readout`).

    `clocks` are those of a reference file, by default they follow from TFRAME.
    """
    exposure = ramp.meta.exposure
    row, frame = clocks or miri_clock.clocks(exposure.frame_time, ramp.shape[-2])
    return emi_wave.Readout(
        exposure.nsamples or 1, row, frame, ramp.shape[1] + miri_clock.frames_between(exposure.readpatt)
    )


def correct(data, group_dq, frequencies, readout, parameters, threads=None):
    """Take waves out of ramps, one frequency after the other, in place.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        At least three groups.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flagged ramps are corrected, but do not count in the fit.
    frequencies : list of Frequency
    readout : emi_wave.Readout
    parameters : EmiCorrStep.Parameters
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    list of (str, float64 array (nbins,))
        Name of each frequency and the wave subtracted from the last integration, DN.
    """
    ends = int(parameters.leave_out_ends and data.shape[1] >= emi_wave.MINIMUM_GROUPS + 2)
    measured = data[:, ends : data.shape[1] - ends]
    usable = [
        emi_wave.usable_ramps(ramp, flags[ends : len(flags) - ends])
        for ramp, flags in zip(measured, group_dq, strict=True)
    ]
    waves = []
    for frequency in frequencies:
        n_wave = _WAVE_POINTS if frequency.wave is None else len(frequency.wave)
        n_bins = parameters.nbins or emi_wave.n_bins_for(frequency.frequency, n_wave)
        fine = frequency.wave is None or parameters.fine_phase or parameters.algorithm == "joint"
        phases = [
            emi_wave.phased(
                measured[number], usable[number], readout, frequency.frequency, number, n_bins, ends, fine, threads
            )
            for number in range(_n_phased(frequency, len(data), data.shape[1], readout, parameters))
        ]
        fits = _fits(frequency, phases, n_bins, readout, measured.shape[1], parameters)
        for number, ramp in enumerate(data):
            wave = fits[min(number, len(fits) - 1)]
            emi_wave.subtract(ramp, wave, readout, frequency.frequency, number, fine, threads)
        waves.append((frequency.name, fits[-1]))
    return waves


def _n_phased(frequency, n_ints, n_groups, readout, parameters):
    """Number of integrations from which the wave is measured."""
    if parameters.algorithm == "joint" and frequency.wave is not None:
        return n_ints
    if parameters.nints_to_phase is not None:
        return min(parameters.nints_to_phase, n_ints)
    if parameters.use_n_cycles is None:
        return n_ints
    cycles = readout.cycles(frequency.frequency)[0] * n_groups
    return min(n_ints, max(1, int(np.ceil(parameters.use_n_cycles / cycles))))


def _fits(frequency, phases, n_bins, readout, n_groups, parameters):
    """Waves to subtract: one for all integrations, or one for each."""
    total = np.sum(phases, axis=0)
    sums, counts, firsts = total
    if frequency.wave is None:
        return [emi_wave.measured(sums, counts)]
    step, scale = readout.cycles(frequency.frequency)[0], parameters.scale_reference
    if parameters.algorithm == "sequential" and not parameters.fine_phase:
        return [emi_wave.aligned_by_points(sums, counts, firsts, frequency.wave, scale, step, n_groups)]
    reference = emi_wave.resampled(frequency.wave, n_bins)
    if parameters.algorithm == "sequential":
        return [emi_wave.aligned(sums, counts, firsts, reference, scale, step, n_groups)]
    chosen = phases if parameters.fit_ints_separately else [total]
    return [emi_wave.joint(sums, firsts, reference, step, n_groups) for sums, _, firsts in chosen]
