"""Remove the drift of the amplifiers, which the reference pixels share with the others."""

import logging
from functools import partial
from typing import Literal

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.models.stripes import is_striped
from hexcal.models.superstripes import SuperstripeRampModel
from hexcal.steps.detector.irs2 import is_irs2
from hexcal.steps.detector.refpix_levels import (
    correct_amplifiers,
    correct_miri,
    correct_single_output,
    correct_stripes,
)
from hexcal.steps.detector.zero_frame import correct_zero_frame

_DARK_COLUMN_SUBARRAYS = ("SUB32", "SUB512", "SUB512S")
"""NIRSpec subarrays without reference pixels, whose first and last four columns get no light.

JWST pipeline documentation 1.13.5, section refpix.
"""


class RefPixStep(Step):
    """Subtract the drift of the read-out electronics, measured in the reference pixels.

    Near infrared: the reference pixels in the first and last lines give a level for each amplifier and for odd and even
    columns, those at the sides what all columns of a line share, by a running median or, with
    ``refpix_algorithm="sirs"``, by the kernels of a sirskernel reference for each amplifier. Subarrays read through one
    amplifier have a level for odd and for even columns; stripes of a multistripe read-out have one for each amplifier,
    and superstripes are put together into ramps of a common subarray.
    MIRI: levels of the amplifiers, relative to the first group. NIRSpec IRS2: weights in Fourier space for the
    interleaved reference pixels and for the reference output.
    """

    alias = "refpix"
    reference_types = ("refpix", "sirskernel")
    input_model = "RampModel"
    by_integration = True
    superstripes = "whole"

    class Parameters(StepParameters):
        odd_even_columns: bool = parameter(True, "Near-infrared: measure odd and even columns separately.")
        use_side_ref_pixels: bool = parameter(
            True, "Near-infrared: also remove the signal along the rows that the reference pixels at the sides show."
        )
        side_smoothing_length: int = parameter(
            11, "Length of the running median over the side reference pixels.", unit="row", ge=1
        )
        side_gain: float = parameter(1.0, "Factor on the signal of the side reference pixels.")
        odd_even_rows: bool = parameter(True, "MIRI: measure odd and even rows separately.")
        ovr_corr_mitigation_ftr: float = parameter(
            3.0,
            "NIRSpec IRS2: reference pixels with a property farther than this from the mean of all are suspicious.",
            unit="sigma",
        )
        preserve_irs2_refpix: bool = parameter(False, "NIRSpec IRS2: keep the interleaved reference pixels.")
        irs2_zeros: Literal["gaps", "values"] = parameter(
            "gaps",
            "NIRSpec IRS2: what a value is that equals the mean of its pixel over the groups: a gap in the series, "
            "or a value.",
        )
        irs2_mean_subtraction: bool = parameter(
            False, "NIRSpec IRS2: first subtract the level of the pixels in the first and last lines that see no light."
        )
        siglimit: float = parameter(
            3.0, "Reference pixels farther than this from the mean are left out of the average.", unit="sigma", gt=0
        )
        refpix_algorithm: Literal["median", "sirs"] = parameter(
            "median",
            "Near-infrared full frames, what is made of the side reference pixels: a running median, or the best "
            "estimate for each output by the kernels of a sirskernel reference.",
        )
        sigreject: float = parameter(
            4.0, "sirs: how far from the median a side reference pixel may be.", unit="sigma", gt=0
        )
        gaussmooth: float = parameter(
            1.0, "sirs: standard deviation of the Gaussian that smooths the kernels.", unit="row", ge=0
        )
        superstripe_flags: Literal["first", "own"] = parameter(
            "first",
            "Superstripes: the flags that say which reference pixels count: those of the first place for all, as "
            "release 3.0.0 does, or those of each place.",
        )
        halfwidth: int = parameter(30, "sirs: rows before and behind a row that its kernel takes in.", unit="row", ge=0)

    def references_needed(self, model):
        if is_irs2(model):
            return ("refpix",)
        return ("sirskernel",) if self._takes_kernels(model) else ()

    def is_optional(self, reference_type):
        """Without kernels the running median is taken."""
        return reference_type == "sirskernel"

    def _takes_kernels(self, model):
        own = self.parameters
        is_full_frame = model.meta.subarray.name == "FULL" and not model.is_miri
        return own.refpix_algorithm == "sirs" and own.use_side_ref_pixels and is_full_frame

    def needs_all_integrations(self, model):
        """Reference pixels that are bad at times are looked for in all integrations of IRS2 data."""
        return "it looks for bad reference pixels in all integrations" if is_irs2(model) else None

    def process(self, ramp, references):
        if isinstance(ramp, SuperstripeRampModel):
            return self._correct_superstripes(ramp)
        if is_irs2(ramp):
            from hexcal.steps.detector.refpix_irs2 import process_irs2

            return process_irs2(self, ramp, references)
        full_frame = ramp.meta.subarray.name == "FULL"
        if ramp.is_miri:
            if not full_frame:
                raise SkipStep("there is no correction for MIRI subarrays", is_expected=True)
            self._correct_miri(ramp)
        elif is_striped(ramp):
            self._correct_stripes(ramp)
        elif full_frame or ramp.meta.exposure.noutputs == _detector_of(ramp).outputs:
            self._correct_amplifiers(ramp, references)
        else:
            self._correct_single_output(ramp)
        return ramp

    def _correct_miri(self, ramp):
        left_alone = correct_miri(ramp.data, _usable(ramp), self.parameters.odd_even_rows, self.parameters.siglimit)
        text = "%d groups are left uncorrected: an amplifier has no usable reference pixels on one side"
        self.tell_count(text, left_alone, level=logging.WARNING)

    def _correct_amplifiers(self, ramp, references):
        from hexcal.steps.detector.refpix_regions import edge_classes, side_strips

        where, usable = self._layout(ramp), _usable(ramp)
        edges, _ = edge_classes(usable, where, by_parity=True)
        counts = edges.starts[[0, len(edges.starts) // 2, -1]]
        sides = (
            [where.as_read(usable)[:, first : first + width].any() for first, width in side_strips(where)]
            if self.parameters.use_side_ref_pixels
            else []
        )
        if counts[2] == 0 and not any(sides):
            raise SkipStep("no usable reference pixels")
        self.log.info(
            "reference pixels: first lines %s, last lines %s, sides used %d",
            "yes" if counts[1] > 0 else "no",
            "yes" if counts[2] > counts[1] else "no",
            sum(sides),
        )
        correct = self._correction(ramp, references)
        correct(ramp.data, usable, where)
        correct_zero_frame(ramp, lambda data, _: correct(data, usable, where))

    def _correction(self, ramp, references):
        """Return the function that corrects images, ``correct(data, usable, where)``."""
        own = self.parameters
        if self._takes_kernels(ramp):
            from hexcal.steps.detector.refpix_sirs import correct_by_kernels, kernels_for

            kernels = kernels_for(self, ramp, references)
            if kernels is not None:
                limits = {"n_sigma": own.sigreject, "edge_sigma": own.siglimit}
                return partial(correct_by_kernels, by_parity=own.odd_even_columns, kernels=kernels, **limits)
        elif own.refpix_algorithm == "sirs" and own.use_side_ref_pixels:
            self.log.info("sirs is for full frames: the running median of the side reference pixels is taken")
        return partial(
            correct_amplifiers,
            by_parity=own.odd_even_columns,
            use_sides=own.use_side_ref_pixels,
            length=own.side_smoothing_length,
            gain=own.side_gain,
            n_sigma=own.siglimit,
        )

    def _correct_stripes(self, ramp):
        import numpy as np

        from hexcal.models.dqflags import pixel

        reference_pixels = (ramp.pixeldq & np.uint32(pixel.REFERENCE_PIXEL)) != 0
        how = reference_pixels & _usable(ramp), self._layout(ramp), self.parameters.odd_even_columns
        if not correct_stripes(ramp.data, *how, self.parameters.siglimit):
            raise SkipStep("no usable reference pixels in the stripes")
        correct_zero_frame(ramp, lambda data, _: correct_stripes(data, *how, self.parameters.siglimit))

    def _correct_superstripes(self, ramp):
        from hexcal.steps.detector.superstripes import joined

        for place in range(ramp.n_places):
            part, flags = ramp.at_place(place), ramp.pixeldq[place]
            if self.parameters.superstripe_flags == "first":
                part.pixeldq = ramp.pixeldq[0]
            self._correct_stripes(part)
            part.pixeldq = flags
            ramp.take_place(place, part)
        return joined(ramp)

    def _correct_single_output(self, ramp):
        import numpy as np

        from hexcal.models.dqflags import pixel

        reference_pixels = (ramp.pixeldq & np.uint32(pixel.REFERENCE_PIXEL)) != 0
        if ramp.meta.instrument.name == "NIRSPEC" and ramp.meta.subarray.name in _DARK_COLUMN_SUBARRAYS:
            reference_pixels[:, :4] = reference_pixels[:, -4:] = True
        own = self.parameters
        how = reference_pixels & _usable(ramp), self._layout(ramp), own.odd_even_columns, own.siglimit
        if correct_single_output(ramp.data, *how):
            correct_zero_frame(ramp, lambda data, _: self._correct_zero_frame(data, how))
        else:
            raise SkipStep(
                "no usable reference pixels in at least one group"
                + (
                    ", in odd or in even columns (odd_even_columns=False takes all columns together)"
                    if self.parameters.odd_even_columns
                    else ""
                )
            )

    def _correct_zero_frame(self, data, how):
        import numpy as np

        if not correct_single_output(data, *how):
            self.log.warning("the zero frame has no usable reference pixels: it is left out")
            data[:] = np.nan

    def _layout(self, ramp):
        from hexcal.steps.detector.refpix_regions import layout

        own = _detector_of(ramp)
        expected = own.fastaxis, own.slowaxis
        axes = ramp.meta.subarray.fastaxis, ramp.meta.subarray.slowaxis
        if None in axes:
            axes = expected
        elif axes != expected:
            self.log.warning(
                "FASTAXIS, SLOWAXIS are %s, %s; %s has %s, %s; those of the header are used",
                *axes,
                own.name,
                *expected,
            )
        return layout(ramp.shape[-2:], ramp.subarray[:2], *axes, own)


def _detector_of(ramp):
    """What the observatory of the exposure knows of its detector."""
    return ramp.observatory.detector(ramp.meta.instrument.detector)


def _usable(ramp):
    from hexcal.models.dqflags import pixel
    from hexcal.steps.detector.flags import without_flag

    return without_flag(ramp.pixeldq, pixel.DO_NOT_USE)
