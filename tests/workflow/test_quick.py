"""A raw exposure with fewer groups."""

import numpy as np
from astropy.io import fits
from exposures import write_uncal

from hexcal.workflow.quick import with_first_groups


def test_only_the_first_groups_are_kept(tmp_path):
    path = write_uncal(tmp_path)
    with with_first_groups(path, 4) as copy, fits.open(copy) as short, fits.open(path) as whole:
        assert np.array_equal(short["SCI"].data, whole["SCI"].data[:, :4])
        assert short[0].header["NGROUPS"] == 4 and short[0].header["FILTER"] == "F200W"
        folder = copy.rpartition("/")[0]
    import os

    assert not os.path.exists(folder)


def test_a_short_ramp_is_taken_as_it_is(tmp_path):
    path = write_uncal(tmp_path)
    with with_first_groups(path, 20) as copy:
        assert copy == str(path)
