"""Which groups of a ramp are fitted: those that the user wants, less the ends that are flagged throughout."""

from hexcal.models.dqflags import group


def used_groups(n_groups, first, last, warn):
    """Return (first, last) of the groups to use, as asked for, mended where that is impossible.

    Parameters
    ----------
    n_groups : int
    first, last : int or None
        As the user asks, counted from 0; both inclusive.
    warn : callable
        Told what was mended.
    """
    wanted_first, wanted_last = 0 if first is None else first, n_groups - 1 if last is None else last
    if wanted_first < 0:
        warn("firstgroup %d is below 0: 0 is used", wanted_first)
        wanted_first = 0
    if wanted_last >= n_groups:
        warn("lastgroup %d is beyond the last of %d groups: %d is used", wanted_last, n_groups, n_groups - 1)
        wanted_last = n_groups - 1
    if (first is not None or last is not None) and wanted_first >= wanted_last:
        warn("firstgroup %d must be below lastgroup %d: all groups are used", wanted_first, wanted_last)
        return 0, n_groups - 1
    return wanted_first, wanted_last


def all_flagged(group_dq, groups, flag):
    """Whether all pixels of these groups of all integrations carry a flag.

    Looks no further than the first group where one does not.
    """
    return all(((group_dq[i, g] & flag) != 0).all() for g in groups for i in range(group_dq.shape[0]))


def without_unused_ends(group_dq, first, last):
    """Shrink a range of groups by those at its ends that are DO_NOT_USE in all pixels and integrations.

    Last < first if nothing is left.
    """
    while first <= last and all_flagged(group_dq, (first,), group.DO_NOT_USE):
        first += 1
    while last > first and all_flagged(group_dq, (last,), group.DO_NOT_USE):
        last -= 1
    return first, last
