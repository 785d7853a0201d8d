"""Persistence: full wells, parameters of the traps, and their density."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.single import model_class
from hexcal.reffiles.flags import definitions
from hexcal.reffiles.maker import SPOILED, Maker, MakerParameters, NotSuitable, ramp_rows
from hexcal.reffiles.makers.saturation import SaturationMaker
from hexcal.reffiles.statistics import of_map

_NEAR_INFRARED = ("NIRCAM", "NIRISS", "NIRSPEC", "FGS")
_DAY = 86400.0
PLATEAU = 0.97
"""Share of the plateau of the ramps that is the full well, as of `PersatMaker`."""


class PersatMaker(SaturationMaker):
    """The counts above the superbias from which a pixel reaches all of its traps: a share of the plateau of ramps.

    As the saturation thresholds, of ramps whose superbias is subtracted.
    """

    label = "persat"
    reference_type = "persat"
    steps = "superbias-"
    forbidden = ("linearity",)
    needs = ("mask", "saturation", "superbias")
    # Thresholds would cut the ramps off below the plateau, not the counts themselves.
    instruments = _NEAR_INFRARED

    def _model(self, threshold, dq):
        known = np.isfinite(threshold)
        dq[~known] |= np.uint32(pixel.DO_NOT_USE)
        model = model_class("PersistenceSatModel")(np.where(known, threshold, np.nanmedian(threshold)))
        model.dq, model.dq_def = dq, definitions("DO_NOT_USE", "NO_SAT_CHECK")
        return model


class TrapMaker(Maker):
    """What traps release after light of a known level: common to the parameters of the traps and to their density.

    The charge that darks show after a flat, group by group, is fitted with a sum over families of traps,
    sum_f N_f exp(-t_0 / tau_f) (1 - exp(-(t - t_0) / tau_f)), with t since the end of the light and t_0 the beginning
    of an integration, and with dark current; none of them is negative.
    """

    inputs = "FD+"
    steps = "linearity-,jump"
    forbidden = ("dark_current",)
    needs = ("mask", "superbias", "saturation", "linearity", "readnoise", "gain")
    without = ("trapdensity", "trappars", "persat")
    instruments = _NEAR_INFRARED

    class Parameters(MakerParameters):
        """Parameters of the fit."""

        decay_times: list[float] = parameter(
            [0.0], "Times of decay of the families. Default: those that fit the exposures best.", unit="s"
        )
        capture_time: float = parameter(
            1000.0, "Time in which traps capture; the light of one exposure does not tell it.", unit="s", gt=0
        )
        full_well: float | None = parameter(
            None,
            "Counts above the bias at which all traps are reached. Default: 0.97 of the largest of the flat, which "
            "is what persat says if the flat is driven into saturation.",
            unit="DN",
        )

    @classmethod
    def why_not(cls, inputs):
        """Darks must follow a flat."""
        lit = [item.mjd for item in inputs if item.kind != "dark"]
        if not lit or not any(item.kind == "dark" and item.mjd > min(lit) for item in inputs):
            return "the traps need darks that follow the flat in time"
        return None

    def observed(self, members):
        """Return the flat, and where the charge after it stands.

        Returns
        -------
        DataModel
            The flat.
        list of (float, float, DataModel, int, int)
            Beginning of the integration, and time of a group, since the end of the light, s; dark, integration, group.
        list of DataModel
            Darks before the flat.
        """
        by_model = list(zip(members.models, members.inputs, strict=True))
        (flat, light), *_ = [(model, item) for (kind, model), item in by_model if kind != "dark"]
        end = float(light.header.get("EXPEND") or light.mjd)
        later = [(model, item) for (kind, model), item in by_model if kind == "dark" and item.mjd >= end]
        if not later:
            raise NotSuitable("the traps need darks that follow the flat in time", where="EXPSTART")
        points = []
        for model, item in later:
            exposure = model.meta.exposure
            n_ints, n_groups = model.shape_of("data")[:2]
            length = n_groups * exposure.group_time + (exposure.frame_time or 0.0)
            for integration in range(n_ints):
                start = (item.mjd - end) * _DAY + integration * length
                points += [
                    (start, start + (group + 1) * exposure.group_time, model, integration, group)
                    for group in range(n_groups)
                ]
        earlier = [model for (kind, model), item in by_model if kind == "dark" and item.mjd < light.mjd]
        return flat, points, earlier


def _charges(points, first, last):
    """Charge since the first group of the integration, NaN where a sample is bad: (n, rows, nx)."""
    result: list[Any] = []
    cache: Any = (None, None, None)
    for _, _, model, integration, group in points:
        if cache[0] is not model:
            cache = (model, *ramp_rows(model, first, last))
        data, flags = cache[1], cache[2]
        bad = np.bitwise_or.reduce(flags[integration, : group + 1] & SPOILED, axis=0) != 0
        result.append(np.where(bad, np.nan, data[integration, group] - data[integration, 0]))
    return np.array(result)


def _since_first(points):
    """Times of the first groups, and of all groups, since the end of the light, s: (n,)."""
    first = np.array([start + model.meta.exposure.group_time for start, _, model, _, _ in points])
    return first, np.array([point[1] for point in points])


def _without_current(charges, points, earlier, first, last):
    """Charges without the dark current that the darks before the flat show, (n, rows, nx)."""
    if not earlier:
        return charges
    rates = []
    for model in earlier:
        data, flags = ramp_rows(model, first, last)
        bad = np.bitwise_or.reduce(flags & SPOILED, axis=1) != 0
        span = max(1, data.shape[1] - 1) * model.meta.exposure.group_time
        rates += list(np.where(bad, np.nan, (data[:, -1] - data[:, 0]) / span))
    known = np.isfinite(rates)
    rate = np.where(known, rates, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    begin, time = _since_first(points)
    return charges - rate * (time - begin)[:, None, None]


def _design(points, decay_times, with_current):
    """What each family, and the dark current, adds to the charge since the first group: (n, families [+ 1])."""
    first, time = _since_first(points)
    columns = [np.exp(-first / tau) - np.exp(-time / tau) for tau in decay_times]
    return np.stack([*columns, *([time - first] if with_current else [])], axis=1)


def _fitted(charge, points, decay_times, with_current):
    """Traps of each family, DN, and what is left: non-negative least squares."""
    from scipy.optimize import nnls

    design = _design(points, decay_times, with_current)
    used = np.isfinite(charge)
    parameters, left = nnls(design[used], charge[used])
    return parameters[: len(decay_times)], left


def _best_times(charge, points, with_current):
    """The times of decay of three families that leave least."""
    times = np.array([point[1] for point in points])
    shortest, longest = max(1.0, np.diff(np.unique(times)).min()), 3 * times.max()
    grid = np.geomspace(shortest, longest, 14)
    best = None
    for first in range(len(grid)):
        for second in range(first + 1, len(grid)):
            for third in range(second + 1, len(grid)):
                chosen = grid[[first, second, third]]
                left = _fitted(charge, points, chosen, with_current)[1]
                if best is None or left < best[0]:
                    best = (left, chosen)
    if best is None:
        raise NotSuitable("too few groups follow the flat to tell three families of traps apart", where="NGROUPS")
    from scipy.optimize import minimize

    def left_by(logarithms):
        return _fitted(charge, points, np.exp(logarithms), with_current)[1]

    # From the best ones of the grid on.
    minimum = minimize(left_by, np.log(best[1]), method="Nelder-Mead", options={"xatol": 1e-3, "maxiter": 600})
    return np.sort(np.exp(minimum.x))


def _fill(flat, members, parameters, log):
    """Share of the traps that the light of the flat fills, as the step persistence counts it."""
    from hexcal.steps.detector.persistence import correct

    n_ints, n_groups = flat.shape_of("data")[:2]
    seen, ramp = ~members.reference_pixels(), np.zeros((n_ints, n_groups, 1, 1), np.float32)
    for integration in range(n_ints):
        for group in range(n_groups):
            ramp[integration, group] = of_map(flat.read("data", np.s_[integration, group]), seen)[0]
    well = parameters.full_well if parameters.full_well is not None else PLATEAU * float(ramp.max())
    exposure = flat.meta.exposure
    resets = np.full(n_ints, (exposure.nresets_between_ints or 0) * (exposure.frame_time or 0.0), float)
    resets[0] = (exposure.nresets_at_start or 0) * (exposure.frame_time or 0.0)
    # One trap that captures at once, and keeps what it has.
    family = np.array([[0.0, 1 / parameters.capture_time, 1.0, 1e-12]])
    filled, full = np.zeros((1, 1, 1)), np.ones((1, 1))
    pixels = full, well * full, family
    correct(ramp, np.zeros(ramp.shape, np.uint8), np.zeros((1, 1), np.uint32), filled, pixels,
            (float(exposure.group_time), resets), np.inf)  # fmt: skip
    share = float(filled[0, 0, 0])
    log.info("The flat fills %.3f of the traps, for a full well of %.0f DN", share, well)
    if not share > 0:
        raise InputError("the flat has no light that traps could keep", where="full_well")
    return share


class TrapparsMaker(TrapMaker):
    """Amplitudes and times of three families of traps, from the charge that darks show after a flat.

    capture2 is the charge of a family for light up to the full well; what the families capture slowly (capture0) cannot
    be told from one level of light, and is 0.
    """

    label = "trappars"
    reference_type = "trappars"

    def make(self, members, parameters, log):
        """Return the table of the families."""
        flat, points, earlier = self.observed(members)
        reference = members.reference_pixels()
        medians = []
        for first, last in members.bands(len(points) + 2):
            charges = _without_current(_charges(points, first, last), points, earlier, first, last)
            seen = ~reference[first:last]
            # The densities have the median 1, and are not distributed symmetrically.
            medians.append([np.nanmedian(charge[seen]) for charge in charges])
        charge = np.nanmean(np.array(medians), axis=0)
        given = [time for time in parameters.decay_times if time > 0]
        times = np.array(given) if given else _best_times(charge, points, not earlier)
        filled, left = _fitted(charge, points, times, not earlier)
        amount = filled / _fill(flat, members, parameters, log)
        log.info("Traps: %s; rms of the residuals %.3f DN", ", ".join(
            f"{size:.2f} DN decay in {time:.0f} s" for size, time in zip(amount, times, strict=True)),
            left / np.sqrt(len(points)))  # fmt: skip
        table = np.zeros(len(times), [(name, "f8") for name in ("capture0", "capture1", "capture2", "decay_param")])
        table["capture1"], table["capture2"] = -1 / parameters.capture_time, amount
        table["decay_param"] = -1 / times
        return model_class("TrapParsModel")(trappars_table=table)


class TrapdensityMaker(TrapMaker):
    """The relative density of traps: the charge that a pixel shows after a flat over that of all (median 1)."""

    label = "trapdensity"
    reference_type = "trapdensity"

    def make(self, members, parameters, log):
        """Return the map."""
        _, points, earlier = self.observed(members)
        reference, density = members.reference_pixels(), np.full(members.shape, np.nan)
        scatter = np.full(members.shape, np.nan)
        for first, last in members.bands(2 * len(points) + 2):
            charges = _charges(points, first, last).astype(np.float64)
            charges = _without_current(charges, points, earlier, first, last)
            seen = ~reference[first:last]
            medians = np.array([of_map(charge, seen)[0] for charge in charges])
            known = np.isfinite(charges)
            # The best multiple of what all pixels show.
            weight = np.where(known, medians[:, None, None] ** 2, 0.0).sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                product = np.where(known, charges * medians[:, None, None], 0.0).sum(axis=0)
                density[first:last] = product / weight
                left = np.where(known, charges - density[first:last] * medians[:, None, None], 0.0)
                scatter[first:last] = np.sqrt((left**2).sum(axis=0) / weight / np.maximum(known.sum(axis=0) - 1, 1))
        seen = ~reference & np.isfinite(density)
        if not seen.any():
            raise InputError("no pixel shows what it releases: all groups are flagged")
        density = np.where(seen, density / np.median(density[seen]), 0.0)
        dq = np.where(seen, 0, pixel.DO_NOT_USE).astype(np.uint32)
        log.info("Density of traps: scatter %.3f over the pixels, noise %.3f", of_map(density, seen)[1],
                 of_map(scatter, seen)[0])  # fmt: skip
        model: Any = model_class("TrapDensityModel")(np.maximum(density, 0.0).astype(np.float32))
        model.dq, model.dq_def = dq, definitions("DO_NOT_USE")
        return model
