"""Where a cube lies."""

from types import SimpleNamespace

import numpy as np

from hexcal.steps.spectrum.cube_planning import _at_border


def test_the_border_of_a_slice_is_made_of_the_ends_of_its_rows_and_columns():
    member = np.random.default_rng(1).random((12, 9)) < 0.4
    member[4], member[:, 2] = False, False
    rows, columns = np.nonzero(member)
    expected = [
        x in (columns[rows == y].min(), columns[rows == y].max())
        or y in (rows[columns == x].min(), rows[columns == x].max())
        for y, x in zip(rows, columns, strict=True)
    ]
    assert not all(expected)
    np.testing.assert_array_equal(_at_border(SimpleNamespace(rows=rows, columns=columns)), expected)
