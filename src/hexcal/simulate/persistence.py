"""Persistence: charge that traps have kept from an earlier exposure, and release into this one."""

import numpy as np

FAMILIES = ((180.0, 0.0004, 60.0, 0.0005), (150.0, 0.002, 100.0, 0.005), (90.0, 0.02, 200.0, 0.03))
"""Families of traps: capture0 and capture2 in traps, capture1 and the rate of decay in 1/s."""


def filled_traps(light, full_well=20000.0):
    """Return the traps that an earlier exposure has filled.

    Parameters
    ----------
    light : float array (ny, nx), DN
        What the earlier exposure has collected.
    full_well : float, DN
        Beyond it all traps are filled.

    Returns
    -------
    float32 array (nfamilies, ny, nx)
        Filled traps, in proportion to the square of the light.
    """
    share = np.clip(np.asarray(light, np.float64) / full_well, 0, 1) ** 2
    return np.array([(slow + instant) * share for slow, _, instant, _ in FAMILIES], np.float32)


def after(filled, seconds):
    """Return the traps that are still filled after a time, float32 (nfamilies, ny, nx)."""
    return np.array([traps * np.exp(-seconds * rate) for traps, (*_, rate) in zip(filled, FAMILIES, strict=True)], "f4")


def released(filled, mode):
    """Return the charge that traps release into an exposure: the truth.

    The number of filled traps of each family decays exponentially with time, also while the detector is reset between
    integrations, when the charge is lost.

    Parameters
    ----------
    filled : float array (nfamilies, ny, nx)
        At the start of the exposure.
    mode : Mode

    Returns
    -------
    float32 array (nints, ngroups, ny, nx), DN
        What has come since the start of the integration.
    """
    n_ints, n_groups = mode.shape[:2]
    starts = np.arange(n_ints) * (mode.integration_time + mode.frame_time)
    times = mode.group_time * np.arange(1, n_groups + 1)
    result = np.zeros(mode.shape, np.float32)
    for traps, (*_, rate) in zip(filled, FAMILIES, strict=True):
        left = np.exp(-rate * starts)[:, None] * (1 - np.exp(-rate * times))
        result += (left[..., None, None] * traps).astype(np.float32)
    return result


def reference_tables(shape, full_well=20000.0):
    """Return the arrays of the three references that know these traps: ``trapdensity``, ``persat``, ``trappars``."""
    columns = [(name, "f4") for name in ("capture0", "capture1", "capture2", "decay_param")]
    rows = [(slow, -rate, instant, -decay) for slow, rate, instant, decay in FAMILIES]
    return {
        "trapdensity": np.ones(shape, np.float32),
        "persat": np.full(shape, full_well, np.float32),
        "trappars": np.array(rows, columns),
    }
