"""Subtract the picture frame of NIRSpec: a glow of the edges that changes with the temperature of the detector."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.models.dqflags import pixel
from hexcal.steps.detector import flicker_mask
from hexcal.steps.detector.flicker_rates import rates_of
from hexcal.steps.detector.lit_regions import always_lit, draft_with_wcs, lit_by_spectra

_EDGE, _BORDER = 70, 5
"""Width of the edge, and of what it begins with and does not count: the reference pixels and one more; pixels."""
_WITHOUT_LIGHT = ("NRS_DARK",)


class PictureFrameStep(Step):
    """Scale the picture frame of the reference to what changes from the first group to each other one, and subtract it.

    The medians of the center and of the edge (70 pixels wide, without the outermost five) of a difference, in pixels
    that see no source, give the scale of the frame and an offset; both are subtracted from the whole group. For NIRSpec
    full frames. The regions that spectra fall on are known from the WCS and from the shutters that cannot close; the
    steps assign_wcs and msa_flagging find them for this step alone.
    """

    alias = "picture_frame"
    is_often_left_out = True
    reference_types = ("pictureframe", "gain", "readnoise")
    input_model = "RampModel"
    by_integration = False

    class Parameters(StepParameters):
        """Parameters of the fit of the picture frame."""

        skip: bool = parameter(True, "Leave the step out.")
        mask_science_regions: bool = parameter(
            True, "Leave out regions that are known to see light: slits, slitlets, slices, shutters that cannot close."
        )
        n_sigma: float = parameter(
            2.0, "Pixels further above the background than this are taken for sources.", unit="sigma", gt=0
        )
        save_mask: bool = parameter(False, "Write the mask of pixels without sources, with suffix _pctfrm_mask.")
        save_correction: bool = parameter(False, "Write what is subtracted, with suffix _pctfrm_correction.")

    def needs_all_integrations(self, model):
        """For the mask."""
        return "the mask of sources is made from all integrations"

    def process(self, ramp, references):
        if ramp.meta.instrument.name != "NIRSPEC" or ramp.meta.subarray.name != "FULL":
            raise SkipStep("the picture frame is known for NIRSpec full frames only", is_expected=True)
        frame = references.pictureframe.cutout(ramp).data
        mask = self._mask(ramp)
        kept = np.zeros_like(ramp.data) if self.parameters.save_correction else None
        scales = subtract_frame(ramp.data, frame, mask, kept)
        if scales is None:
            raise SkipStep("center and edge of the picture frame do not differ, or have no pixels without sources")
        self.log.info("scale of the picture frame: %.4g to %.4g", np.min(scales), np.max(scales))
        if self.parameters.save_mask:
            self._save(ramp, mask.astype(np.float32), "pctfrm_mask")
        if kept is not None:
            self._save(ramp, kept, "pctfrm_correction")
        return ramp

    def _mask(self, ramp):
        """Pixels without sources in the rate of all integrations: bool (ny, nx)."""
        rates = rates_of(self, ramp, together=True)
        rate = np.nanmean(rates, axis=0) if len(rates) > 1 else rates[0]
        bad = ramp.pixeldq & pixel.DO_NOT_USE != 0
        if self.parameters.mask_science_regions and ramp.meta.exposure.type not in _WITHOUT_LIGHT:
            image = draft_with_wcs(self, ramp)
            bad |= lit_by_spectra(image) | always_lit(image)
        return flicker_mask.source_free(rate, bad, self.parameters.n_sigma)

    def extra_products(self):
        """The mask and what is subtracted."""
        extras = {"pctfrm_mask": self.parameters.save_mask, "pctfrm_correction": self.parameters.save_correction}
        return [{"suffix": suffix} for suffix, is_asked in extras.items() if is_asked]

    def _save(self, ramp, array, suffix):
        from hexcal.models.open import open as open_model

        extra = open_model(array)
        extra.update(ramp)
        self.save_model(extra, suffix, force=True)


def subtract_frame(data, frame, mask, kept=None):
    """Subtract the scaled picture frame and an offset from each group, in place.

    Parameters
    ----------
    data : float32 array (nints, ngroups, 2048, 2048), DN
    frame : float array (2048, 2048)
        The picture frame, in any unit.
    mask : bool array (2048, 2048)
        Pixels without sources.
    kept : float32 array like `data`, optional
        Gets what is subtracted.

    Returns
    -------
    float64 array (nints, ngroups), or None
        Scales; None, and nothing is changed, where the frame has no center and edge to tell apart.

    Notes
    -----
    The method of the reference implementation 3.0.0, as measured: ``a = (C - E) / (c - e)``, ``b = C - a c`` with C, E
    the medians of a difference to the first group of the integration in center and edge, c, e those of the frame.
    """
    good = mask & np.isfinite(frame)
    inner, outer = (slice(_EDGE, -_EDGE),) * 2, (slice(_BORDER, -_BORDER),) * 2
    center, edge = np.zeros_like(good), np.zeros_like(good)
    center[inner], edge[outer] = good[inner], good[outer]
    edge[inner] = False
    if not (center.any() and edge.any()):
        return None
    of_frame = np.median(frame[center]), np.median(frame[edge])
    if of_frame[0] == of_frame[1]:
        return None
    scales = np.zeros(data.shape[:2])
    frame = np.nan_to_num(frame)
    for i, integration in enumerate(data):
        first = integration[0].copy()
        for g in range(1, len(integration)):
            change = integration[g] - first
            middle, rim = _median(change[center]), _median(change[edge])
            scale = float(middle - rim) / float(of_frame[0] - of_frame[1])
            correction = (scale * frame + (middle - scale * of_frame[0])).astype(np.float32)
            if np.isfinite(scale):
                scales[i, g] = scale
                integration[g] -= correction
                if kept is not None:
                    kept[i, g] = correction
    return scales


def _median(values):
    finite = values[np.isfinite(values)]
    return np.median(finite) if finite.size else np.nan
