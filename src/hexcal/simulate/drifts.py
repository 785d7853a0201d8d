"""Signals of the read-out electronics, which the reference pixels see as well."""

from dataclasses import dataclass

import numpy as np

from hexcal.observatories.jwst.detectors import detector as detector_facts


@dataclass(frozen=True)
class Drifts:
    """What is added to every pixel of a frame, DN.

    `columns`: float32 (nints, ngroups, nframes, 2, nx), for even and odd rows; `rows`: float32 (nints, ngroups,
    nframes, ny).
    """

    columns: np.ndarray
    rows: np.ndarray

    def of(self, integration, group, frame, first_row, last_row):
        """Return the sum for some rows of one frame: float32 (rows, nx)."""
        parity = np.arange(first_row, last_row) % 2
        return (
            self.columns[integration, group, frame][parity]
            + self.rows[integration, group, frame, first_row:last_row, None]
        )


def amplifier_of_column(mode):
    """Return the number of the amplifier that reads each column: int (nx,).

    In the near infrared the amplifiers read blocks of columns; MIRI's read every fourth column.
    """
    x = np.arange(mode.xsize)
    if mode.instrument == "MIRI":
        return (x + mode.xstart - 1) % 4
    return x * mode.n_outputs // mode.xsize


def can_be_measured(mode):
    """Whether the reference pixels of this mode allow the pipeline to take drifts out.

    MIRI only in full frame, others where the border is read; none for NIRSpec, whose amplifiers read blocks of rows.
    """
    if abs(mode.fastaxis) == 2:
        return False
    return mode.is_full_frame if mode.instrument == "MIRI" else bool(mode.reference_pixels().any())


def make_drifts(mode, amplitude, rng):
    """Draw the drifts of an exposure.

    Each amplifier wanders from frame to frame, apart for odd and even columns (MIRI: rows), by steps of a third of the
    amplitude, and jitters by as much. Near-infrared full frames have a common smooth wave along the rows as well, of a
    tenth of it; the side reference pixels see that one.

    Parameters
    ----------
    mode : Mode
    amplitude : float
        DN.
    rng : numpy.random.Generator

    Returns
    -------
    Drifts
    """
    n_ints, n_groups, ny, nx = mode.shape
    n_amplifiers = 4 if mode.instrument == "MIRI" else mode.n_outputs
    steps = rng.normal(0, amplitude / 3, (n_ints, n_groups, mode.n_frames, n_amplifiers, 2))
    level = steps.reshape(n_ints, -1, n_amplifiers, 2).cumsum(axis=1).reshape(steps.shape)
    level += rng.normal(0, amplitude / 3, steps.shape)
    if abs(mode.fastaxis) == 2:
        return _along_columns(mode, level, amplitude, rng)
    amplifier, parity = amplifier_of_column(mode), np.arange(nx) % 2
    if mode.instrument == "MIRI":
        columns = np.moveaxis(level[..., amplifier, :], -1, -2)
    else:
        columns = np.repeat(level[..., None, amplifier, parity], 2, axis=-2)
    rows = np.zeros((n_ints, n_groups, mode.n_frames, ny), np.float32)
    if mode.instrument != "MIRI" and mode.n_outputs > 1 and amplitude > 0:
        rows += _wave(rows.shape, amplitude, rng)
    return Drifts(columns.astype(np.float32), rows)


def _along_columns(mode, level, amplitude, rng):
    """Drifts of a detector that is read along its columns (NIRISS, the guiders): its amplifiers read blocks of rows."""
    n_ints, n_groups, ny, nx = mode.shape
    y = np.arange(ny)
    rows = level[..., y * mode.n_outputs // ny, y % 2].astype(np.float32)
    columns = np.zeros((n_ints, n_groups, mode.n_frames, 2, nx), np.float32)
    if mode.n_outputs > 1 and amplitude > 0:
        columns += _wave((n_ints, n_groups, mode.n_frames, nx), amplitude, rng)[..., None, :]
    return Drifts(columns, rows)


def _wave(shape, amplitude, rng):
    """A smooth wave along the last axis: float32 array of `shape`."""
    phase, period = rng.uniform(0, 2 * np.pi, (2, *shape[:3], 1)), rng.uniform(300, 900, (2, *shape[:3], 1))
    wave = np.sin(2 * np.pi * np.arange(shape[-1]) / period + phase).sum(axis=0)
    return (0.1 * amplitude * wave).astype(np.float32)


@dataclass(frozen=True)
class Transients:
    """MIRI: what the resets do to the science pixels.

    `anomaly`: float32 (nints, ngroups), share of each pixel's reset anomaly; `offset`: float32 (nints, ngroups, 2), DN,
    for even and odd rows.
    """

    anomaly: np.ndarray
    offset: np.ndarray

    RESET_GROUPS = 15
    """Groups that the reset anomaly lasts; as many are in the reset reference."""
    RSCD_GROUPS = 4
    """Groups of the second and later integrations that the decay of the reset switch disturbs, the first frame counted.
    """


def make_transients(mode):
    """Return the transients of an exposure.

    Reset anomaly, first frame, last frame (rows reset in pairs), decay after the reset switch.

    Returns
    -------
    Transients or None
        None for near-infrared detectors.
    """
    if mode.instrument != "MIRI":
        return None
    n_ints, n_groups, _, _ = mode.shape
    offset = np.zeros((n_ints, n_groups, 2), np.float32)
    offset[:, 0] -= 40
    if n_groups > 1:
        offset[:, -1] += (12, 18)
    last = min(Transients.RSCD_GROUPS, n_groups)
    offset[1:, :last] += (60 * np.exp(-np.arange(last) / 1.5)).astype(np.float32)[:, None]
    return Transients(reset_curve(n_ints, n_groups), offset)


def reset_curve(n_ints, n_groups):
    """Return the share of the reset anomaly in each group, float32 (nints, ngroups).

    It decays within 3 groups, faster after the first integration.
    """
    group = np.arange(n_groups)
    slow, fast = np.exp(-group / 3), 0.5 * np.exp(-group / 2)
    curve = np.where(np.arange(n_ints)[:, None] == 0, slow, fast)
    curve[:, Transients.RESET_GROUPS - 1 :] = 0
    return curve.astype(np.float32)


def reference_output_shape(mode):
    """Shape of MIRI's REFOUT: one value per four columns."""
    return (*mode.shape[:-1], mode.xsize // detector_facts(mode.detector).outputs)
