"""Which flags of groups leave a ramp with a rate: all patterns of two to five groups."""

import itertools

import numpy as np
import pytest

from hexcal.steps.detector.fitted_ramps import Ramps, Timing
from hexcal.steps.detector.ramp_fit import fit_ramps

DNU, SAT, JUMP, PERSISTENCE = 1, 2, 4, 32
GAIN, NOISE = 2.0, 8.0


def usable(flags):
    return flags & ~(JUMP | PERSISTENCE) == 0


def good(flags):
    return flags & ~PERSISTENCE == 0


def rates_of(group_dq, suppress, seed=5):
    """Rates, and rates per integration, of one ramp for each row of flags.

    TGROUP is four times TFRAME, and the ramps stand on a pedestal.
    """
    n_groups, n = group_dq.shape[1], group_dq.shape[0]
    data = 5000 + np.cumsum(np.random.default_rng(seed).integers(60, 200, (1, n_groups, 1, n)), axis=1)
    shape = (1, n)
    return fit_ramps(
        Ramps(
            data.astype(np.float32),
            np.ascontiguousarray(group_dq.T.reshape(data.shape), np.uint8),
            np.zeros(shape, np.uint32),
            np.full(shape, GAIN, np.float32),
            np.full(shape, NOISE, np.float32),
            Timing(20.0, 5.0),
            suppress_one_group=suppress,
        )
    )


FLAGS_OF_GROUPS = {2: (0, 1, 2, 4, 5, 32, 36, 64, 65), 3: (0, 1, 2, 4, 32, 65), 4: (0, 1, 2, 4, 32), 5: (0, 1, 2, 4)}


@pytest.mark.parametrize("suppress", [True, False])
@pytest.mark.parametrize("n_groups", FLAGS_OF_GROUPS)
def test_a_ramp_has_a_rate_with_an_error_or_is_marked_as_having_none(n_groups, suppress):
    every = np.array(list(itertools.product(FLAGS_OF_GROUPS[n_groups], repeat=n_groups)))
    for fit in rates_of(every, suppress):
        slope, err, dq, var_poisson, var_rnoise = (array.reshape(-1) for array in fit.arrays())
        without = np.isnan(slope)
        np.testing.assert_array_equal(without, dq & DNU != 0)
        assert without.any()
        assert not err[without].any()
        assert not var_poisson[without].any()
        assert not var_rnoise[without].any()
        assert (err[~without] > 0).all()


@pytest.mark.parametrize("n_groups", FLAGS_OF_GROUPS)
@pytest.mark.req("RAMP-12")
def test_without_two_usable_groups_side_by_side_there_is_no_rate_from_single_groups(n_groups):
    """(0, 5, 0, 5): two good groups, but no difference between them; a rate would be the pedestal divided by TGROUP."""
    every = np.array(list(itertools.product(FLAGS_OF_GROUPS[n_groups], repeat=n_groups)))
    slope = rates_of(every, suppress=True)[0].slope[0]
    pair = (usable(every[:, :-1]) & good(every[:, 1:])).any(axis=1)
    assert np.isnan(slope[~pair]).all()
    assert (np.abs(slope[np.isfinite(slope)]) < 11).all(), "no rate holds the pedestal"
    two_good = pair & (good(every).sum(axis=1) > 1) & (every[:, 0] & SAT == 0)
    assert np.isfinite(slope[two_good]).all()


@pytest.mark.parametrize("suppress", [True, False])
@pytest.mark.parametrize("n_groups", [2, 3, 4])
def test_persistence_in_a_group_changes_no_rate(n_groups, suppress):
    every = np.array(list(itertools.product((0, 1, 4, 32, 36), repeat=n_groups)))
    for own, without in zip(rates_of(every, suppress), rates_of(every & ~PERSISTENCE, suppress), strict=True):
        for name in ("slope", "err", "var_poisson", "var_rnoise"):
            np.testing.assert_array_equal(getattr(own, name), getattr(without, name))
        np.testing.assert_array_equal(own.dq & ~np.uint32(PERSISTENCE), without.dq)
