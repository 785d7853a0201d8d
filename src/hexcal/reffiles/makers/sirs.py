"""Kernels of the reference-pixel correction SIRS of near-infrared full frames."""

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.reffiles.maker import Maker, MakerParameters, of_tree
from hexcal.reffiles.makers.spectra import means_of_neighbours
from hexcal.reffiles.statistics import of_map
from hexcal.steps.detector.refpix_regions import layout, side_strips


class SirsMaker(Maker):
    """For each frequency along the lines the weights of the two sides of reference pixels that leave least noise.

    Of each difference of two successive groups, less the mean of each output: the mean of a line of an output, n,
    and those of the reference pixels at the two sides, l and r, are transformed along the lines; gamma and zeta
    minimise the mean of |n - gamma l - zeta r|^2 over all groups of darks and over neighbouring frequencies (Rauscher
    et al. 2022, JATIS 8, 028002). They are real: kernels that look as far forth as back.
    """

    label = "sirskernel"
    reference_type = "sirskernel"
    inputs = "D+"
    steps = "superbias-"
    forbidden = ("refpix",)
    needs = ("mask", "superbias", "saturation")
    instruments = ("NIRCAM", "NIRISS", "FGS", "NIRSPEC")
    extension = "asdf"

    class Parameters(MakerParameters):
        """Parameters of the weights."""

        neighbours: float = parameter(
            0.1, "Frequencies within this share of a frequency are taken together.", gt=0, lt=1
        )
        least_neighbours: int = parameter(4, "Least number of frequencies that are taken together.", ge=1)
        clipping_sigma: float = parameter(4.0, "Pixels farther from the mean of a line do not count.", gt=1)

    @classmethod
    def why_not(cls, inputs):
        """Full frames have reference pixels at both sides."""
        if not all(item.value("SUBARRAY") == "FULL" for item in inputs):
            return "the kernels are those of full frames, with reference pixels at both sides"
        return None

    def make(self, members, parameters, log):
        """Return the weights of the detector."""
        where, usable = _where(members), ~members.bad_pixels()
        sums, frames = None, 0
        for model in members.of_kind("dark"):
            n_ints, n_groups = model.shape_of("data")[:2]
            for integration in range(n_ints):
                before = np.asarray(model.read("data", np.s_[integration, 0]), np.float32)
                for group in range(1, n_groups):
                    after = np.asarray(model.read("data", np.s_[integration, group]), np.float32)
                    part = _powers(_lines(after - before, usable, where, parameters))
                    sums = part if sums is None else sums + part
                    before, frames = after, frames + 1
        if sums is None:
            raise InputError("the noise is that of differences of groups: at least 2 are needed", where="NGROUPS")
        gamma, zeta, left = _weights(means_of_neighbours(sums, parameters.neighbours, parameters.least_neighbours))
        log.info("%d differences of groups: %.1f %% of the power of the means of lines is left", frames, 100 * left)
        name = str(members.first.meta.instrument.detector).lower()
        return of_tree("SIRSKernelModel", {name: {"gamma": gamma, "zeta": zeta}})

    def combine(self, models):
        """The kernels of several detectors together; those of one are not averaged."""
        tree = dict(models[0].tree)
        for model in models[1:]:
            for name, kernels in model.tree.items():
                if name != "meta" and name in tree:
                    raise InputError(
                        f"several files have kernels of {name}", hint="make one of all darks (imtypes: D+)"
                    )
                if name != "meta":
                    tree[name] = kernels
        return of_tree("SIRSKernelModel", tree)

    @classmethod
    def is_for_all(cls, path):
        """One file holds all detectors of an instrument."""
        return path.startswith("meta.subarray.") or (
            path.startswith("meta.instrument.") and path != "meta.instrument.name"
        )


def _where(members):
    model = members.first
    meta = model.meta
    where = layout(
        members.shape, ((meta.subarray.ystart or 1) - 1, (meta.subarray.xstart or 1) - 1), meta.subarray.fastaxis,
        meta.subarray.slowaxis, model.observatory.detector(meta.instrument.detector),
    )  # fmt: skip
    if where.slow.size != where.n_slow or where.fast.size != where.n_fast or len(side_strips(where)) < 2:
        raise InputError(
            "the kernels are those of full frames, with reference pixels at both sides", where=str(meta.subarray.name)
        )
    return where


def _lines(difference, usable, where, parameters):
    """Means of lines in the order of the read-out: the two sides, and the outputs, (2 + noutputs, nslow)."""
    image, good = where.as_read(difference), where.as_read(usable)
    sides = [slice(first, first + width) for first, width in side_strips(where)]
    sides = sides[::-1] if where.fast_backwards else sides
    width = where.n_fast // where.amplifiers
    outputs = [slice(max(k * width, _seeing(where)[0]), min((k + 1) * width, _seeing(where)[1]))
               for k in range(where.amplifiers)]  # fmt: skip
    outputs = outputs[::-1] if where.fast_backwards else outputs
    edges = where.slow_border
    lines = []
    for part in (*sides, *outputs):
        values = np.where(good[:, part], image[:, part], np.nan).astype(np.float64)
        middle, spread = of_map(values)
        values[np.abs(values - middle) > parameters.clipping_sigma * spread] = np.nan
        with np.errstate(invalid="ignore"):
            count = np.isfinite(values).sum(axis=1)
            mean = np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), middle)
        inner = mean[edges[0] : len(mean) - edges[1] or None]
        lines.append(mean - inner.mean())
    levels = np.array(lines)
    return levels[:, ::-1] if where.backwards else levels


def _seeing(where):
    """First and last column, along the fast direction, that see light."""
    return where.fast_border[0], where.n_fast - where.fast_border[1]


def _powers(lines):
    """Power and cross-power spectra: NN, LL, RR, LR of all, NL, NR of each output, (6, noutputs, frequencies)."""
    spectra = np.fft.rfft(lines, axis=1)
    left, right, outputs = spectra[0], spectra[1], spectra[2:]
    ones = np.ones_like(outputs)
    return np.array(
        [
            outputs * np.conj(outputs), ones * (left * np.conj(left)), ones * (right * np.conj(right)),
            ones * (left * np.conj(right)), outputs * np.conj(left), outputs * np.conj(right),
        ]
    )  # fmt: skip


def _weights(sums):
    """Weights gamma and zeta (noutputs, frequencies), and the share of the power of the lines that is left."""
    normal, left, right, both, with_left, with_right = sums.real
    determinant = left * right - both**2
    determinant = np.where(np.abs(determinant) > 1e-9 * left * right, determinant, np.inf)
    gamma = (with_left * right - with_right * both) / determinant
    zeta = (with_right * left - with_left * both) / determinant
    # The means of the lines are 0: there is nothing to weigh.
    gamma[:, 0] = zeta[:, 0] = 0.0
    rest = normal - 2 * gamma * with_left - 2 * zeta * with_right
    rest = rest + gamma**2 * left + zeta**2 * right + 2 * gamma * zeta * both
    return gamma, zeta, float(rest[:, 1:].sum() / normal[:, 1:].sum())
