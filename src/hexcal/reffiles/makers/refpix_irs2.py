"""Weights of the IRS2 reference-pixel correction of NIRSpec."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.open import model_class
from hexcal.reffiles.maker import Maker, MakerParameters
from hexcal.steps.detector import irs2, refpix_irs2

_PAIRS = 2


class RefpixMaker(Maker):
    """For each frequency the weights of the reference output and of the reference pixels that leave least noise.

    What is left of a group less the mean of the groups, as a function of time, of the normal pixels of a sector, N, of
    the reference output, A, and of the reference pixels of the sector, B: alpha and beta minimise the mean of
    |N - alpha A - beta B|^2 over all groups of darks and over neighbouring frequencies, by their cross-power spectra
    (Rauscher et al. 2017, PASP 129, 105003, arXiv:1707.09387).
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
        least_neighbours: int = parameter(24, "At least so many frequencies are taken together.", ge=1)
        most_frames: int = parameter(200, "Groups that are used at most.", ge=2)
        bad_factor: float = parameter(3.0, "Pairs of reads that are bad at times, as in the step.", unit="sigma", gt=0)

    @classmethod
    def why_not(cls, inputs):
        """The weights are those of IRS2 patterns."""
        if not all("IRS2" in item.value("READPATT") for item in inputs):
            return "the weights are those of IRS2 frames: darks of NRSIRS2 or NRSIRS2RAPID are needed"
        return None

    def make(self, members, parameters, log):
        """Return the table of the weights."""
        models = members.of_kind("dark")
        detector = str(members.first.meta.instrument.detector)
        if members.shape != (irs2.SECTOR * (irs2.SECTORS + 1), irs2.LINES):
            raise InputError(
                f"the weights are those of IRS2 frames of 3200 x 2048 values, the darks have {members.shape}",
                where="READPATT", hint="give darks of NRSIRS2 or NRSIRS2RAPID",
            )  # fmt: skip
        sums, frames, bad = None, 0, np.zeros((irs2.SECTORS, irs2.JUMPS, _PAIRS), bool)
        for model in models:
            n_ints, n_groups = model.shape_of("data")[:2]
            if n_groups < 2:
                raise InputError("the noise is that of differences of groups: at least 2 are needed", where="NGROUPS")
            for integration in range(n_ints):
                ramp = np.asarray(model.read("data", np.s_[integration]), np.float32)
                bad |= refpix_irs2.suspicious_pairs(ramp[None], detector, parameters.bad_factor)
                mean = irs2.as_read(ramp, detector).mean(axis=0, dtype=np.float64)
                for frame in ramp:
                    if frames < parameters.most_frames:
                        part = _powers(irs2.as_read(frame, detector), mean)
                        sums = part if sums is None else [one + other for one, other in zip(sums, part, strict=True)]
                        frames += 1
        if sums is None:
            raise InputError("there are no groups to measure the noise in")
        alpha, beta, left = _weights(sums, parameters)
        log.info("%d groups: %.1f %% of the power of the normal pixels is left (below 100 cycles a line)", frames,
                 100 * left)  # fmt: skip
        log.info("%d of 256 pairs of reads of reference pixels are bad at times", bad.sum())
        return model_class("IRS2Model")(irs2_table=_table(alpha, beta), dq_table=_bad_table(bad))

    @classmethod
    def is_for_all(cls, path):
        """The file is for the detector as a whole."""
        return path.startswith("meta.subarray.") or path in ("meta.instrument.filter", "meta.instrument.grating")


def _powers(frame, mean) -> list[Any]:
    """Power and cross-power spectra of one group: NN, AA, BB, AB, NA, NB, each (4, frequencies)."""
    change = np.nan_to_num(np.subtract(frame, mean, dtype=np.float64).astype(np.float32))
    there = np.ones(change.shape, bool)
    lines = [refpix_irs2.edge_line(change, there, k).astype(np.float32) for k in range(-1, irs2.SECTORS)]
    output: Any = refpix_irs2.spectrum_of_output(change, there, lines[0])
    reads = [refpix_irs2.reference_reads(change, k) - lines[k + 1][None, None, None] for k in range(irs2.SECTORS)]
    references: Any = refpix_irs2.spectra_of_references(reads)
    result: list[list[Any]] = [[] for _ in range(6)]
    for k in range(irs2.SECTORS):
        normal: Any = _spectrum_of_normal(irs2.sector(change, k) - lines[k + 1])
        pairs: Any = (normal, normal), (output, output), (references[k],) * 2
        pairs += (output, references[k]), (normal, output), (normal, references[k])
        for own, (one, other) in zip(result, pairs, strict=True):
            own.append(one * np.conj(other))
    return [np.array(own) for own in result]


def _spectrum_of_normal(values):
    """Transform of the normal pixels of a sector (640, 2048) in time; the times between them are filled."""
    from scipy import fft

    stream = np.zeros((irs2.LINES, irs2.PERIOD), np.float32)
    holes = np.ones(stream.shape, bool)
    stream[:, irs2.TIMES_NORMAL] = values[~irs2.IS_REFERENCE].T
    holes[:, irs2.TIMES_NORMAL] = False
    return fft.rfft(refpix_irs2.fill_gaps(stream, holes))


def _weights(sums, parameters):
    """alpha, beta (4, frequencies), and the share of the power that is left at low frequencies."""
    smooth = [_together(one, parameters) for one in sums]
    normal, output, reference, both, with_output, with_reference = smooth
    # Normal equations: N A* = alpha A A* + beta B A*; N B* = alpha A B* + beta B B*.
    determinant = output * reference - both * np.conj(both)
    determinant = np.where(np.abs(determinant) > 1e-12 * np.abs(output * reference), determinant, np.inf)
    alpha = (with_output * reference - with_reference * np.conj(both)) / determinant
    beta = (with_reference * output - with_output * both) / determinant
    left = normal - alpha * np.conj(with_output) - beta * np.conj(with_reference)
    low = np.s_[:, 1 : 100 * irs2.LINES]
    share = np.abs(left[low]).sum() / np.abs(normal[low]).sum()
    return alpha, beta, float(share)


def _together(values, parameters):
    """Means over neighbouring frequencies, whose width grows with the frequency."""
    number = values.shape[1]
    index = np.arange(number)
    half = np.maximum(parameters.least_neighbours // 2, (parameters.neighbours * index).astype(int))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, number)
    total = np.concatenate([np.zeros((len(values), 1), values.dtype), np.cumsum(values, axis=1)], axis=1)
    return (total[:, high] - total[:, low]) / (high - low)


def _table(alpha, beta):
    """The table of a reference file: real and imaginary parts take turns, for positive and negative frequencies."""
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
