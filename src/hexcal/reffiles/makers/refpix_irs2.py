"""Weights of the IRS2 reference-pixel correction of NIRSpec."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.models.single import model_class
from hexcal.reffiles.maker import Maker, MakerParameters, NotSuitable
from hexcal.reffiles.makers.spectra import means_of_neighbours
from hexcal.steps.detector import irs2, irs2_spectra, refpix_irs2

_SHAPE = (irs2.SECTOR * (irs2.SECTORS + 1), irs2.LINES)


class RefpixMaker(Maker):
    """For each frequency the weights of the reference output and of the reference pixels that leave least noise.

    What is left of a group less the mean of the groups, as a function of time, of the normal pixels of a sector, N, of
    the reference output, A, and of the reference pixels of the sector, B: alpha and beta minimise the mean of
    |N - alpha A - beta B|^2 over all groups of darks and over neighbouring frequencies, by their cross-power spectra
    (Rauscher et al. 2017, PASP 129, 105003, arXiv:1707.09387).

    The reference pixels are visited 32 times a line, so that they know nothing of waves of more than 16 cycles a line;
    beyond `highest_frequency` the reference output alone is used. The times at which no normal pixel is read are
    filled by straight lines between those before and after, which leaves the frequencies below as they are.
    """

    label = "refpix"
    reference_type = "refpix"
    inputs = "D+"
    steps = "superbias-"
    forbidden = ("refpix",)
    needs = ("mask", "superbias", "saturation")
    instruments = ("NIRSPEC",)

    class Parameters(MakerParameters):
        """Parameters of the weights."""

        neighbours: float = parameter(
            0.02, "Frequencies within this share of a frequency are taken together.", gt=0, lt=1
        )
        least_neighbours: int = parameter(24, "Least number of frequencies that are taken together.", ge=1)
        most_neighbours: int = parameter(800, "Largest number of frequencies that are taken together.", ge=1)
        highest_frequency: float = parameter(
            12.0,
            "Highest frequency at which the reference pixels of the sector are used.",
            unit="cycles a line",
            gt=0,
            le=16,
        )
        symmetric: bool = parameter(
            True, "Real weights, that is, symmetric kernels; otherwise phases are measured too."
        )
        most_frames: int = parameter(200, "Groups that are used at most.", ge=2)
        bad_factor: float = parameter(
            3.0, "Pairs of reads of reference pixels that are farther above the others are bad.", unit="sigma", gt=0
        )

    @classmethod
    def why_not(cls, inputs):
        """The weights are those of IRS2 patterns."""
        if not all("IRS2" in item.value("READPATT") for item in inputs):
            return "the weights are those of IRS2 frames: darks of NRSIRS2 or NRSIRS2RAPID are needed"
        return None

    def make(self, members, parameters, log):
        """Return the table of the weights."""
        if members.shape != _SHAPE:
            raise NotSuitable(
                f"the weights are those of IRS2 frames of {_SHAPE[0]} x {_SHAPE[1]} values, the darks have "
                f"{members.shape[0]} x {members.shape[1]}",
                where="READPATT", hint="give darks of NRSIRS2 or NRSIRS2RAPID",
            )  # fmt: skip
        detector = str(members.first.meta.instrument.detector)
        powers, suspicious = _Powers(parameters.symmetric), []
        for ramp in _ramps(members.of_kind("dark")):
            if powers.frames < parameters.most_frames:
                suspicious.append(refpix_irs2.suspicious_pairs(ramp[None], detector, parameters.bad_factor))
                mean = irs2.as_read(ramp, detector).mean(axis=0, dtype=np.float64)
                for frame in ramp[: parameters.most_frames - powers.frames]:
                    powers.add(irs2.as_read(frame, detector), mean)
        # One in some hundred good pairs is suspicious by chance, a bad one again and again.
        bad = np.mean(suspicious, axis=0)[: irs2.SECTORS] > 0.5  # the table has no rows for the reference output
        alpha, beta, left = _weights(powers.sums, parameters)
        log.info("%d groups: %.1f %% of the power of the normal pixels is left (below %g cycles a line)",
                 powers.frames, 100 * left, parameters.highest_frequency)  # fmt: skip
        log.info("%d of 256 pairs of reads of reference pixels are bad in most integrations", bad.sum())
        return model_class("IRS2Model")(irs2_table=table_of(alpha, beta), dq_table=_bad_table(bad))

    @classmethod
    def is_for_all(cls, path):
        """The file is for the detector as a whole."""
        return path.startswith("meta.subarray.") or path in ("meta.instrument.filter", "meta.instrument.grating")


def _ramps(models):
    """The integrations of darks, float32 (ngroups, 3200, 2048), one after the other."""
    for model in models:
        n_ints, n_groups = model.shape_of("data")[:2]
        if n_groups < 2:
            raise NotSuitable("the noise is that of differences of groups: at least 2 are needed", where="NGROUPS")
        for integration in range(n_ints):
            yield np.asarray(model.read("data", np.s_[integration]), np.float32)


class _Powers:
    """Power and cross-power spectra: NN, AA, BB, AB, NA, NB, each (4, frequencies)."""

    def __init__(self, symmetric):
        self.symmetric, self.frames, self.sums = symmetric, 0, [np.zeros(1)] * 6

    def add(self, frame, mean):
        """Add those of one group, in the order of the read-out, less the mean of the groups."""
        change = np.nan_to_num(np.subtract(frame, mean, dtype=np.float64).astype(np.float32))
        there = np.ones(change.shape, bool)
        lines = [refpix_irs2.edge_line(change, there, k).astype(np.float32) for k in range(-1, irs2.SECTORS)]
        output: Any = irs2_spectra.spectrum(refpix_irs2.series_of_output(change, there, lines[0]))
        reads = [refpix_irs2.reference_reads(change, k) - lines[k + 1] for k in range(irs2.SECTORS)]
        references: Any = np.stack([refpix_irs2.spectrum_of_references(of_sector) for of_sector in reads])
        output, references = irs2_spectra.gathered(output), irs2_spectra.gathered(references)
        normal: Any = np.array([_of_normal(irs2.sector(change, k) - lines[k + 1]) for k in range(irs2.SECTORS)])
        pairs = (normal, normal), (output, output), (references, references)
        pairs += (output, references), (normal, output), (normal, references)
        for number, (signal, other) in enumerate(pairs):
            product: Any = signal * np.conj(other)
            self.sums[number] = self.sums[number] + (product.real if self.symmetric else product)
        self.frames += 1


def _of_normal(values):
    """Transform of the normal pixels of a sector, (640, 2048), in time."""
    from scipy import fft

    times = (np.arange(irs2.LINES)[:, None] * irs2.PERIOD + irs2.TIMES_NORMAL).ravel()
    known = values[~irs2.IS_REFERENCE].T.ravel()
    return fft.rfft(np.interp(np.arange(irs2.N_TIMES), times, known).astype(np.float32))


def _weights(sums, parameters):
    """alpha, beta (4, frequencies), and the share of the power that is left at low frequencies."""
    normal, output, reference, both, with_output, with_reference = (
        means_of_neighbours(power, parameters.neighbours, parameters.least_neighbours, parameters.most_neighbours)
        for power in map(np.atleast_2d, sums)
    )
    # Normal equations: N A* = alpha A A* + beta B A*; N B* = alpha A B* + beta B B*.
    determinant = output * reference - both * np.conj(both)
    determinant = np.where(np.abs(determinant) > 1e-12 * np.abs(output * reference), determinant, np.inf)
    alpha = (with_output * reference - with_reference * np.conj(both)) / determinant
    beta = (with_reference * output - with_output * both) / determinant
    low = np.arange(normal.shape[1]) <= parameters.highest_frequency * irs2.LINES
    left = (normal - alpha * np.conj(with_output) - beta * np.conj(with_reference))[:, low]
    share = np.abs(left).sum() / np.abs(normal[:, low]).sum()
    alone = np.divide(with_output, output, out=np.zeros_like(with_output), where=np.abs(output) > 0)
    return np.where(low, alpha, alone), np.where(low, beta, 0), float(share)


def table_of(alpha, beta):
    """Return the table of a reference file: real and imaginary parts take turns, all frequencies of `numpy.fft.fft`.

    Parameters
    ----------
    alpha, beta : complex or float array (4, 729089)
        For the frequencies of `numpy.fft.rfft`.
    """
    names = [f"{name}_{k}" for name in ("alpha", "beta") for k in range(irs2.SECTORS)]
    table = np.zeros(2 * irs2.N_TIMES, [(name, "f4") for name in names])
    for name, half in zip(names, [*alpha, *beta], strict=True):
        full: Any = np.concatenate([half, np.conj(half[1 : irs2.N_TIMES - len(half) + 1][::-1])])
        table[name][0::2], table[name][1::2] = full.real, full.imag
    return table


def _bad_table(bad):
    """Pairs of reads that are bad: output from 1, pair 1 or 2, and a mask with one bit for each visit."""
    table = np.zeros(2 * irs2.SECTORS, [("output", "u2"), ("odd_even", "u2"), ("mask", "u4")])
    table["output"], table["odd_even"] = np.repeat(np.arange(1, 5), 2), np.tile([1, 2], 4)
    for row in table:
        bits = bad[int(row["output"]) - 1, :, int(row["odd_even"]) - 1]
        bits = bits[::-1] if int(row["output"]) % 2 == 0 else bits
        row["mask"] = int(np.sum(bits.astype(np.uint64) << np.arange(irs2.JUMPS, dtype=np.uint64)))
    return table
