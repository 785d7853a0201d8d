"""Where the labels of an image begin and end."""

import itertools

import numpy as np
import pytest

from hexcal.kernels.label_windows import columns_of_labels


@pytest.mark.parametrize("cuts", [(0, 9), (0, 1, 5, 9)])
def test_each_row_has_each_label_from_its_first_to_its_last_column(cuts):
    labels = np.random.default_rng(1).integers(-2, 5, (9, 12))
    first, last = np.full((2, 9, 5), -1, np.int32)
    for low, high in itertools.pairwise(cuts):
        columns_of_labels(low, high, labels, first, last)
    for row, label in np.ndindex(9, 5):
        columns = np.flatnonzero(labels[row] == label) if label else []
        expected = (columns[0], columns[-1]) if len(columns) else (-1, -1)
        assert (first[row, label], last[row, label]) == expected
