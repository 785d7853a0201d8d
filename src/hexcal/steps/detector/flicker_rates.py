"""Rates that show where sources are, for steps that look for what is behind them."""

from typing import Any

from hexcal.models.dqflags import group
from hexcal.steps.detector import flicker_mask
from hexcal.steps.detector.fitted_ramps import Ramps, timing_of
from hexcal.steps.detector.ramp_fit import fit_ramps

_UNUSABLE_GROUPS = group.DO_NOT_USE | group.SATURATED | group.JUMP_DET


def rates_of(step: Any, model: Any, together: bool):
    """Rates of a ramp, float32 (nints, ny, nx), or (1, ny, nx) `together`.

    By the fit of the ramp, as ramp_fit does it, with the references of `step`.
    """
    names = {kind: step.get_reference_file(model, kind) for kind in ("gain", "readnoise")}
    if "N/A" in names.values() or not model.meta.exposure.group_time:
        step.log.info(
            "without gain and read noise, sources are looked for in the mean of the differences between groups"
        )
        return flicker_mask.draft_rate(model.data, model.groupdq, _UNUSABLE_GROUPS)
    references: list[Any] = [step.get_reference_file_model(model, kind) for kind in names]
    gain, read_noise = (reference.cutout(model).data for reference in references)
    timing = timing_of(model.meta.exposure)
    ramps = Ramps(model.data, model.groupdq, model.pixeldq, gain, read_noise, timing)
    exposure, integrations = fit_ramps(ramps, threads=None)
    return exposure.slope[None] if together else integrations.slope
