"""Flag saturated samples, and samples at the floor of the analogue-to-digital converter."""

from hexcal.core import Step, StepParameters, parameter
from hexcal.models import dqflags
from hexcal.steps.detector.zero_frame import blank_zero_frame

_UNREACHABLE = 65536.0
"""DN; just above the largest value of a 16-bit converter."""


class SaturationStep(Step):
    """Flag saturated samples, their neighbours and later groups, and samples at the A/D floor."""

    alias = "saturation"
    reference_types = ("saturation", "superbias")
    reads_ahead = {"saturation": ("data", "dq")}
    input_model = "RampModel"
    by_integration = True
    superstripes = "places"

    class Parameters(StepParameters):
        n_pix_grow_sat: int = parameter(
            1, "Number of layers of pixels around a saturated one that are flagged as well.", unit="pixel", ge=0
        )
        use_readpatt: bool = parameter(
            False,
            "Also discard a group of averaged frames that may hide saturated frames, just before a saturated group.",
        )

    def references_needed(self, model):
        """The superbias only sharpens one test of `use_readpatt`; that test also works without it."""
        if self._averages_frames(model) and self.get_reference_file(model, "superbias") != "N/A":
            return ("saturation", "superbias")
        return ("saturation",)

    def _averages_frames(self, ramp):
        return self.parameters.use_readpatt and (ramp.meta.exposure.nframes or 1) > 1

    def process(self, ramp, references):
        import numpy as np

        distance = self.parameters.n_pix_grow_sat
        limit, flags = _thresholds(ramp, references.saturation)
        how = limit, flags, distance, dqflags.of(ramp.observatory).get("NO_SAT_CHECK", 0)
        threshold, first = flag_saturation(ramp.data, ramp.pixeldq, ramp.groupdq, *how)
        blank_zero_frame(
            ramp,
            lambda data, group_dq: flag_saturation(data, ramp.pixeldq, group_dq, *how),
        )
        if self._averages_frames(ramp):
            bias = references.superbias.cutout(ramp).data if "superbias" in references else None
            flag_partly_saturated(ramp.data, ramp.groupdq, threshold, bias, ramp.meta.exposure.nframes, first, distance)
        saturated = int(np.count_nonzero(first < ramp.shape[1]))
        text = "%d of %d pixels (%.2f %%) are saturated in some group, neighbours included"
        self.tell_count(text, saturated, first.size)
        return ramp


def _thresholds(ramp, reference):
    """Thresholds and flags of the reference for the pixels of an exposure.

    Interleaved reference pixels of IRS2 frames have none, and no flags.
    """
    from hexcal.steps.detector import irs2

    if not irs2.is_interleaved(ramp) or reference.shape[-2:] != (irs2.LINES, irs2.LINES):
        reference = reference.cutout(ramp)
        return reference.data, reference.dq
    reference.require_one_size()
    detector = ramp.meta.instrument.detector
    threshold = irs2.interleave(reference.data, detector, _UNREACHABLE)
    return threshold, None if reference.dq is None else irs2.interleave(reference.dq, detector, 0)


def flag_saturation(
    data, pixel_dq, group_dq, threshold, reference_dq, distance, unchecked=dqflags.pixel.NO_SAT_CHECK, threads=None
):
    """Flag saturated samples and samples at the A/D floor, in place.

    A sample at or above its threshold is SATURATED, and so are all later ones of that pixel in the integration, and
    those of all pixels in the box of ``2 * distance + 1`` pixels around it. A sample that is zero or negative gets
    AD_FLOOR and DO_NOT_USE, alone. Flags that were set before stay. Growth does not spare pixels without threshold or
    reference pixels.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp; only read.
    pixel_dq : uint32 array (ny, nx)
        Gets the flags of the reference, and NO_SAT_CHECK where the threshold is NaN.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags of the samples.
    threshold : float32 array (ny, nx), DN
        Saturation threshold. NaN, or a pixel flagged NO_SAT_CHECK: no sample of a 16-bit converter can reach it (65536
        DN).
    reference_dq : uint32 array (ny, nx) or None
        Flags of the reference, in master bits.
    distance : int
        Layers of neighbours to flag.
    unchecked : int
        The flag NO_SAT_CHECK; 0 where an observatory has none.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    threshold : float32 array (ny, nx), DN
        The threshold compared with.
    first : int16 array (nints, ny, nx)
        Index of the first group flagged as saturated, growth included; ngroups if none is.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section saturation. At the threshold itself the two statements there differ (>
    and >=); the reference implementation uses >=.
    """
    import numpy as np

    from hexcal.core.bands import run_bands
    from hexcal.kernels import saturation as kernels
    from hexcal.models.dqflags import group

    n_integrations, _, ny, nx = data.shape
    if reference_dq is None:
        reference_dq = np.zeros((ny, nx), np.uint32)
    usable = np.empty((ny, nx), np.float32)
    run_bands(
        kernels.prepare_threshold,
        ny,
        threshold,
        reference_dq,
        unchecked,
        _UNREACHABLE,
        pixel_dq,
        usable,
        threads=threads,
    )
    first_saturated = np.empty((n_integrations, ny, nx), np.int16)
    run_bands(
        kernels.find_saturation,
        ny,
        data,
        usable,
        group.AD_FLOOR | group.DO_NOT_USE,
        group_dq,
        first_saturated,
        threads=threads,
    )
    grown = np.empty_like(first_saturated)
    run_bands(kernels.flag_saturation, ny, first_saturated, distance, group.SATURATED, group_dq, grown, threads=threads)
    return usable, grown


def flag_partly_saturated(data, group_dq, threshold, bias, n_frames, first, distance, threads=None):
    """Flag as DO_NOT_USE groups that are averages over saturated and unsaturated frames, in place.

    The average of the frames of a group can lie below the threshold while its last frames were above. Two cases are
    looked for, both in the group g just before the first one that is flagged as saturated:

    * a steady ramp: ``data[g] >= threshold * mean(frames of g) / last frame of g`` (frames counted from 1 at the start
      of the integration, gaps between groups left out), in pixels that have a threshold; neighbours in the box are
      flagged in the same group;
    * a jump to saturation within the second group, g = 1: one frame at the threshold is enough to explain its average,
      ``data[1] > data[0] + (threshold - data[0]) / n_frames``, while a steady ramp from the first group would not be
      saturated at the end of the third, ``data[0] < bias + (threshold - bias) * mean(frames of group 0) / (3 *
      n_frames)``; no neighbours are flagged.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp; only read.
    group_dq : uint8 array (nints, ngroups, ny, nx)
        Flags of the samples.
    threshold : float32 array (ny, nx), DN
        As `flag_saturation` returns it.
    bias : float32 array (ny, nx) or None, DN
        Superbias; None for 0.
    n_frames : int
        Frames averaged to a group (NFRAMES), at least 2.
    first : int16 array (nints, ny, nx)
        As `flag_saturation` returns it.
    distance : int
        Layers of neighbours to flag.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    Not in the documentation of 1.13.5. The rules are those that ``use_readpatt`` of the reference implementation 3.0.0
    shows from outside.
    """
    import numpy as np

    from hexcal.core.bands import run_bands
    from hexcal.kernels import saturation as kernels
    from hexcal.models.dqflags import group

    n_groups, ny = data.shape[1:3]
    if bias is None:
        bias = np.zeros_like(threshold)
    start = n_frames * np.arange(n_groups)
    dilution = (start + (n_frames + 1) / 2) / (start + n_frames)
    partly = np.empty_like(first)
    run_bands(
        kernels.find_partly_saturated,
        ny,
        data,
        threshold,
        _UNREACHABLE,
        bias,
        dilution,
        n_frames,
        first,
        group.DO_NOT_USE,
        group_dq,
        partly,
        threads=threads,
    )
    run_bands(kernels.flag_partly_saturated, ny, partly, distance, group.DO_NOT_USE, group_dq, threads=threads)
