"""The context image, decoded."""

import numpy as np
import pytest

from hexcal.errors import InputError
from hexcal.steps.image.context import decode_context


@pytest.mark.req("RSMP-05", "RSMP-06")
def test_worked_example_of_the_documents():
    context = np.zeros((3, 5, 6), np.int32)
    context[:, 1, 3] = 36196864, 67125536, 8203
    context[:, 4, 2] = 537920000, 163856, 32865
    first, second = decode_context(context, [3, 2], [1, 4])
    assert list(first) == [9, 12, 14, 19, 21, 25, 37, 40, 46, 58, 64, 65, 67, 77]
    assert list(second) == [9, 20, 29, 36, 47, 49, 64, 69, 70, 79]


def test_the_last_bit_is_that_of_the_32nd_exposure():
    context = np.zeros((1, 1, 1), np.int32)
    context[0, 0, 0] = np.array(1 << 31, np.uint32).view(np.int32)
    assert list(decode_context(context, 0, 0)[0]) == [31]


@pytest.mark.parametrize(("x", "y"), [([0.5], [0]), ([0, 1], [0])])
def test_positions_must_be_whole_numbers_in_pairs(x, y):
    with pytest.raises(InputError, match="whole numbers"):
        decode_context(np.zeros((1, 2, 2), np.int32), x, y)
