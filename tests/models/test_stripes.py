"""Read-outs of stripes: which lines they have, and what is cut out of references for them."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.models.stripes import is_striped, lines_read
from hexcal.steps.detector.dq_init import DQInitStep
from hexcal.steps.detector.refpix import RefPixStep
from hexcal.steps.detector.superbias import SuperBiasStep

SIZE = 2048
NAMES = ("multistripe_reads1", "multistripe_skips1", "multistripe_reads2", "multistripe_skips2", "repeat_stripe",
         "interleave_reads1")  # fmt: skip


def ramp_of(n_lines, stripes, detector="NRCALONG", instrument="NIRCAM", axes=(-1, 2), n_columns=SIZE):
    shape = (n_lines, n_columns) if abs(axes[1]) == 2 else (n_columns, n_lines)
    ramp = datamodels.RampModel(np.zeros((1, 2, *shape), np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.instrument.detector = "JWST", instrument, detector
    where = ramp.meta.subarray
    where.name, where.xstart, where.ystart, where.ysize, where.xsize = "SUB164STRIPE4_DHS", 1, 1, *shape
    where.fastaxis, where.slowaxis = axes
    for name, value in zip(NAMES, stripes, strict=True):
        setattr(where, name, value)
    return ramp


def ranges(lines):
    """First and last line of each run."""
    ends = np.flatnonzero(np.diff(lines) != 1)
    return [(int(lines[a]), int(lines[b])) for a, b in zip([0, *ends + 1], [*ends, len(lines) - 1], strict=True)]


@pytest.mark.parametrize(
    ("n_lines", "stripes", "axes", "expected"),
    [
        (164, (4, 100, 40, 85, 0, 0), (-1, 2), [(0, 3), (104, 143), (229, 268), (354, 393), (479, 518)]),
        (161, (1, 100, 40, 85, 0, 1), (-1, 2), [(0, 0), (101, 140), (226, 265), (351, 390), (476, 515)]),
        (164, (1, 100, 40, 85, 1, 0), (-1, 2), [(0, 0), (101, 140)] * 4),
        (82, (1, 100, 40, 85, 1, 1), (-1, 2), [(0, 0), (101, 140), (0, 0), (226, 265)]),
        (82, (1, 100, 40, 85, 1, 1), (1, -2), [(1782, 1821), (2047, 2047), (1907, 1946), (2047, 2047)]),
        (82, (1, 100, 40, 85, 1, 1), (-2, -1), [(1782, 1821), (2047, 2047), (1907, 1946), (2047, 2047)]),
    ],
)
def test_lines_are_those_that_the_original_takes(n_lines, stripes, axes, expected):
    """Measured with release 3.0.0: superbias of a reference whose values are the numbers of its lines."""
    ramp = ramp_of(n_lines, stripes, axes=axes)
    assert is_striped(ramp) and ranges(lines_read(ramp, SIZE)) == expected


@pytest.mark.parametrize(
    ("n_lines", "stripes", "message"),
    [
        (160, (1, 100, 40, 85, 1, 1), "164 lines"),
        (164, (1, 100, 40, 900, 1, 1), "up to line"),
    ],
)
def test_stripes_that_do_not_fit_are_refused(n_lines, stripes, message):
    with pytest.raises(InputError, match=message):
        lines_read(ramp_of(n_lines, stripes), SIZE)


def test_other_subarrays_have_no_stripes():
    assert not is_striped(ramp_of(164, (None,) * 6)) and not is_striped(ramp_of(164, (0,) * 6))


def superbias(values=None, shape=(SIZE, SIZE)):
    values = np.broadcast_to(np.arange(shape[0], dtype="f4")[:, None], shape) if values is None else values
    reference = datamodels.SuperBiasModel(values.copy())
    reference.dq, reference.err = np.zeros(shape, np.uint32), np.zeros(shape, np.float32)
    reference.dq[226] = pixel.HOT
    reference.meta.reftype, reference.meta.subarray.name = "SUPERBIAS", "FULL"
    return reference


@pytest.mark.parametrize("from_file", [False, True])
def test_references_of_the_whole_detector_give_the_lines_that_were_read(from_file, tmp_path):
    ramp, reference = ramp_of(82, (1, 100, 40, 85, 1, 1)), superbias()
    given = str(reference.save(tmp_path / "superbias.fits")) if from_file else reference
    result = SuperBiasStep.call(ramp, override_superbias=given)
    lines = np.r_[0, 101:141, 0, 226:266]
    np.testing.assert_array_equal(result.data[0, 1], -np.broadcast_to(lines[:, None], (82, SIZE)))
    np.testing.assert_array_equal(result.pixeldq == pixel.HOT, np.broadcast_to((lines == 226)[:, None], (82, SIZE)))


def test_a_reference_of_the_subarray_is_used_as_it_is_and_another_one_is_refused():
    ramp, own = ramp_of(82, (1, 100, 40, 85, 1, 1)), superbias(shape=(300, SIZE))
    with pytest.raises(ReferenceError_, match="of the whole detector"):
        SuperBiasStep.call(ramp, override_superbias=own)
    own = datamodels.SuperBiasModel(np.full((82, SIZE), 7, "f4"))
    own.meta.reftype, own.meta.subarray.name = "SUPERBIAS", "SUB164STRIPE4_DHS"
    assert (SuperBiasStep.call(ramp, override_superbias=own).data == -7).all()


def flagged(ramp):
    """The mask of the detector, through dq_init."""
    dq = np.zeros((SIZE, SIZE), np.uint32)
    dq[:4] = dq[-4:] = dq[:, :4] = dq[:, -4:] = pixel.REFERENCE_PIXEL
    mask = datamodels.MaskModel(dq=dq)
    mask.meta.reftype, mask.meta.subarray.name = "MASK", "FULL"
    return DQInitStep.call(ramp, override_mask=mask)


@pytest.mark.parametrize(("by_parity", "noutputs"), [(True, 4), (False, 4), (True, 1)])
def test_refpix_subtracts_the_mean_of_all_reference_pixels_of_an_amplifier(by_parity, noutputs):
    ramp = ramp_of(164, (1, 100, 40, 85, 1, 1))
    ramp.meta.exposure.noutputs = noutputs
    x, stripe = np.arange(SIZE), np.arange(164) // 41
    # Reference lines differ from stripe to stripe, and those at the sides from both.
    ramp.data[:] = np.where(
        (np.arange(164) % 41 == 0)[:, None], 100 * (stripe + 1)[:, None] + 10 * (x // 512) + x % 2, 0
    )
    result = RefPixStep.call(flagged(ramp), odd_even_columns=by_parity)
    taken = (ramp.data - result.data)[0, 0]
    assert (taken == taken[0]).all()
    # Means of 4 lines of 256 columns; of the outer amplifiers with 160 lines of 2 columns of zeros.
    inner = 260 + 10 * (x // 512 - 1) + (x % 2 if by_parity else 0.5)
    np.testing.assert_allclose(taken[0, 512:1536], inner[512:1536], rtol=1e-5)
    lines = 4 * 256 * (250 + np.array([0, 1])) + 0.0
    outer = lines / (4 * 256 + 160 * 2)
    expected = outer if by_parity else [outer.mean()] * 2
    np.testing.assert_allclose(taken[0, 10:12], expected, rtol=1e-4)
    assert result.meta.cal_step.refpix == "COMPLETE"


def test_stripes_without_reference_pixels_are_left_alone():
    ramp = ramp_of(80, (0, 100, 40, 85, 0, 0), n_columns=SIZE)
    assert RefPixStep.call(ramp).meta.cal_step.refpix == "SKIPPED"
    only_sides = flagged(ramp)
    only_sides.data[:] = 3
    result = RefPixStep.call(only_sides)
    assert (result.data[..., 512:1536] == 3).all() and (result.data[..., :512] == 0).all()
