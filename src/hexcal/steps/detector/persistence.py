"""Subtract the persistence of earlier light: charge that traps captured then and release now."""

import numpy as np

from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import InputError, ReferenceError_
from hexcal.models.dqflags import pixel

_SECONDS_PER_DAY = 86400.0


class PersistenceStep(Step):
    """Subtract charge that traps release, and tell how many are filled at the end of the exposure."""

    alias = "persistence"
    is_often_left_out = True
    reference_types = ("trapdensity", "trappars", "persat")
    input_model = "RampModel"

    class Parameters(StepParameters):
        """Parameters of the correction of persistence."""

        input_trapsfilled: str = parameter(
            "", "Filled traps after the exposure before, of the same detector; default none."
        )
        flag_pers_cutoff: float = parameter(
            40.0, "Pixels with at least this much persistence are flagged PERSISTENCE in PIXELDQ.", unit="DN"
        )
        save_persistence: bool | str = parameter(
            False,
            "Write what is subtracted, with suffix _output_pers; with persistence_time the windows that are still "
            "open, an ASDF file (true, or its name).",
        )
        save_trapsfilled: bool = parameter(True, "Write the filled traps, with suffix _trapsfilled.")
        persistence_time: int | None = parameter(
            None,
            "Flag groups so long after much light, instead of subtracting what traps release (the method of release "
            "3.0.0).",
            unit="s",
            gt=0,
        )
        dn_threshold: float | None = parameter(
            None,
            "With persistence_time: signal that is much light; saturation is in any case.",
            unit="DN",
        )
        persistence_array_file: str | None = parameter(
            None, "With persistence_time: open windows of the exposure before, as save_persistence writes them."
        )
        persistence_dnu: bool = parameter(
            False, "With persistence_time: flag these groups DO_NOT_USE as well, so that they are not fitted."
        )

    def references_needed(self, model):
        """The window needs none."""
        return () if self.parameters.persistence_time else self.reference_types

    def needs_all_integrations(self, model):
        """Traps keep charge from one integration to the next; without a reference the step is left out."""
        if self.parameters.persistence_time:
            return "windows of persistence reach from one integration into the next"
        if any(self.get_reference_file(model, kind) == "N/A" for kind in self.reference_types):
            return None
        return "traps keep charge from one integration to the next"

    def process(self, ramp, references):
        if self.parameters.persistence_time:
            from hexcal.steps.detector.persistence_window import process_window

            return process_window(self, ramp)
        exposure = ramp.meta.exposure
        if not exposure.group_time:
            raise InputError(f"the traps need the time between groups, TGROUP is {exposure.group_time}", where="TGROUP")
        families = _families(references.trappars)
        density, full_well = _usable(references.trapdensity.cutout(ramp), references.persat.cutout(ramp))
        filled = self._filled(ramp, families)
        resets = np.full(len(ramp.data), exposure.nresets_between_ints or 0, float)
        resets[0] = exposure.nresets_at_start or 0
        subtracted = correct(
            ramp.data,
            ramp.groupdq,
            ramp.pixeldq,
            filled,
            (density, full_well, families),
            (exposure.group_time, resets * (exposure.frame_time or 0)),
            self.parameters.flag_pers_cutoff,
            keep=bool(self.parameters.save_persistence),
        )
        if self.parameters.save_trapsfilled:
            self._save(ramp, "TrapsFilledModel", filled.astype(np.float32), "trapsfilled")
        if subtracted is not None:
            self._save(ramp, "RampModel", subtracted, "output_pers")
        return ramp

    def _filled(self, ramp, families):
        """Traps filled at the start of the exposure: float64 (nfamilies, ny, nx)."""
        shape = (len(families), *ramp.data.shape[-2:])
        name = self.parameters.input_trapsfilled
        if not name:
            return np.zeros(shape)
        earlier = self.open_model(name)
        filled = _cut(earlier, ramp)
        if filled.shape != shape:
            raise InputError(
                f"the filled traps must have the trap families and the pixels of the exposure, {shape}; "
                f"found {earlier.shape_of('data')}",
                where=str(name),
                hint="give the _trapsfilled file of the exposure before, of the same detector",
            )
        end, start = earlier.meta.exposure.end_time, ramp.meta.exposure.start_time
        if end is None or start is None:
            raise InputError(
                f"the traps decay from EXPEND of the exposure before ({end}) to EXPSTART of this one ({start}); "
                "both are needed",
                where=str(name),
            )
        return filled * np.exp(-(start - end) * _SECONDS_PER_DAY * families[:, 3])[:, None, None]

    def _save(self, ramp, kind, array, suffix):
        from hexcal.models.declared import everywhere

        extra = type(ramp)(array) if kind == "RampModel" else everywhere()[kind](array)
        extra.update(ramp)
        self.save_model(extra, suffix, force=True)


def correct(data, group_dq, pixel_dq, filled, pixels, times, cutoff, keep=False, threads=None):
    """Subtract the persistence of each group, and fill the traps again.

    Traps of a family that are filled, n, release n (1 - exp(-t / tau)) in a time t; what they have released since the
    start of the integration is in every later group. At the end of an integration they capture: from the smooth ramp in
    proportion to its slope squared, while the signal is above the full well, and from cosmic rays.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        Corrected in place.
    group_dq : uint8 array (nints, ngroups, ny, nx)
    pixel_dq : uint32 array (ny, nx)
        Gets PERSISTENCE.
    filled : float64 array (nfamilies, ny, nx)
        Filled traps at the start; at the end on return.
    pixels : (density, full_well, families)
        As of the kernel `persistence`.
    times : (group_time, reset_times)
        float, and float64 array (nints), s.
    cutoff : float, DN
        Persistence from which on a pixel is flagged.
    keep : bool
        Return the persistence.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    float32 array (nints, ngroups, ny, nx), DN, or None
        What was subtracted.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section persistence. That a group holds all that was released since the start of
    the integration, and that no decay is counted for the resets before the first one, is release 1.13.4.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.persistence import persistence

    subtracted = np.zeros(data.shape if keep else (0, 0, 0, 0), np.float32)
    largest = np.zeros(data.shape[-2:], np.float32)
    density, full_well, families = pixels
    group_time, reset_times = times
    run_bands(
        persistence,
        data.shape[2],
        data,
        group_dq,
        filled,
        density,
        full_well,
        families,
        float(group_time),
        reset_times,
        subtracted,
        largest,
        threads=threads,
    )
    pixel_dq[(largest >= cutoff) & (largest > 0)] |= pixel.PERSISTENCE
    return subtracted if keep else None


def _families(reference):
    """capture0, 1 / time of capture, capture2, 1 / time of decay of each family of traps: float64 (nfamilies, 4)."""
    table = reference.trappars_table
    families = np.array([table[name] for name in ("capture0", "capture1", "capture2", "decay_param")], np.float64).T
    families[:, [1, 3]] = np.abs(families[:, [1, 3]])
    if not np.isfinite(families).all() or (families[:, 1] == 0).any():
        raise ReferenceError_(
            "the parameters of traps must be numbers, and the times of capture not infinite (capture1 not 0)",
            where=str(reference.path or "trappars"),
        )
    return np.ascontiguousarray(families)


def _usable(density, full_well):
    """Density of traps and full well, float64 (ny, nx); no traps where either is not known."""
    bad = np.zeros(density.data.shape, bool)
    for reference in (density, full_well):
        bad |= ~np.isfinite(reference.data)
        if reference.dq is not None:
            bad |= reference.dq & pixel.DO_NOT_USE != 0
    bad |= full_well.data <= 0
    return np.where(bad, 0, density.data).astype(np.float64), np.where(bad, np.inf, full_well.data).astype(np.float64)


def _cut(earlier, ramp):
    """Filled traps of the pixels of an exposure, out of those of the same or of a larger area.

    Float64 (nfamilies, ny, nx).
    """
    data = np.asarray(earlier.data, np.float64)
    shape, here, there = ramp.data.shape[-2:], ramp.meta.subarray, earlier.meta.subarray
    if data.shape[-2:] == shape:
        return data
    y, x = ((here.ystart or 1) - (there.ystart or 1), (here.xstart or 1) - (there.xstart or 1))
    return data[:, y : y + shape[0], x : x + shape[1]] if y >= 0 and x >= 0 else data
