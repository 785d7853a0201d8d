"""From a true rate to raw counts, frame by frame.

The image is cut into blocks of rows, each with a random stream of its own: a block stays in the cache of the processor,
and the result is the same with any number of threads.
"""

from typing import Any, NamedTuple

import numpy as np

from hexcal.core.bands import run_bands
from hexcal.simulate.response import linearized, measured_from

BLOCK = 32
"""Rows of a block."""


class Signals(NamedTuple):
    """What a detector reads besides the light.

    Parameters
    ----------
    hits : structured array
        Cosmic rays, as `hexcal.simulate.cosmic_rays.draw` gives.
    drifts : Drifts, optional
    transients : Transients, optional
    added : float32 array (nints, ngroups, ny, nx), DN, optional
        Is added to what each frame of a group reads.
    charge : float32 array (nints, ngroups, ny, nx), DN, optional
        Is added to what each pixel holds in the frames of a group.
    """

    hits: np.ndarray
    drifts: Any = None
    transients: Any = None
    added: Any = None
    charge: Any = None


def simulate_ramps(mode, rate, detector, signals, seed, threads=None):
    """Read out a detector.

    In every frame: electrons arrive with Poisson statistics, charge of cosmic rays is added, the sum goes through the
    inverse of the linearity correction, is limited by the full well, gets bias, reset noise, drifts and read noise, and
    is rounded to a 16-bit number. The frames of a group are averaged, and rounded again; frames in gaps are not kept.

    Parameters
    ----------
    mode : Mode
    rate : float32 array (ny, nx), DN/s
        Rate of the light as the detector counts it (response included, dark current not).
    detector : DetectorPixels
        Of the same pixels.
    signals : Signals
    seed : int
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    uint16 array (nints, ngroups, ny, nx), DN
    """
    data = np.empty(mode.shape, np.uint16)
    electrons_per_frame = ((rate.astype(np.float64) + detector.dark) * detector.gain * mode.frame_time).astype(
        np.float32
    )
    n_blocks = -(-mode.ysize // BLOCK)

    def read_blocks(first_block, last_block):
        for block in range(first_block, last_block):
            rows = slice(block * BLOCK, min((block + 1) * BLOCK, mode.ysize))
            pixels, rng = _Pixels(detector, rows), _stream(seed, block)
            _read_block(mode, data, rows, electrons_per_frame[rows], pixels, signals, rng)

    run_bands(read_blocks, n_blocks, threads=threads)
    return data


def _stream(seed, block):
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(1, block)))


class _Pixels:
    """The properties of one block of rows, contiguous."""

    def __init__(self, detector, rows):
        self.bias, self.gain, self.read_noise, self.well, self.coefficients = (
            np.ascontiguousarray(getattr(detector, name)[..., rows, :])
            for name in ("bias", "gain", "read_noise", "well", "coefficients")
        )
        self.is_science = ~detector.is_reference[rows]
        self.is_miri, self.reset_noise = detector.is_miri, detector.reset_noise
        self.anomaly = None if detector.reset_anomaly is None else detector.reset_anomaly[rows]
        self.ceiling = linearized(self.well + (self.bias if self.is_miri else 0), self.coefficients)

    def start(self, rng):
        """Return what an integration starts from.

        The level that counts are added to after the non-linear response, and the linear counts at its start.
        """
        level = self.bias + self.reset_noise * rng.standard_normal(self.bias.shape, np.float32) * self.is_science
        if self.is_miri:
            return np.zeros_like(level), linearized(level, self.coefficients)
        return level, np.zeros_like(level)


def _read_block(mode, data, rows, electrons_per_frame, pixels, signals, rng):
    hits, drifts, transients, added, more = signals
    stride = mode.n_frames + mode.group_gap
    inside = hits[(hits["y"] >= rows.start) & (hits["y"] < rows.stop)]
    for integration in range(mode.n_ints):
        own = inside[inside["integration"] == integration]
        level, start = pixels.start(rng)
        collected = np.zeros(pixels.bias.shape, np.float32)
        charge = np.zeros(pixels.bias.shape, np.float32)
        last_frame = -1
        for group in range(mode.n_groups):
            total = np.zeros(pixels.bias.shape, np.float32)
            for k in range(mode.n_frames):
                frame = group * stride + k
                collected += rng.poisson(electrons_per_frame * (frame - last_frame))
                new = own[(own["frame"] > last_frame) & (own["frame"] <= frame)]
                np.add.at(charge, (new["y"] - rows.start, new["x"]), new["charge"])
                last_frame = frame
                linear = collected / pixels.gain + charge + start
                if more is not None:
                    linear += more[integration, group, rows]
                counts = measured_from(np.minimum(linear, pixels.ceiling), pixels.coefficients)
                counts += level
                counts += pixels.read_noise * rng.standard_normal(counts.shape, np.float32)
                if drifts is not None:
                    counts += drifts.of(integration, group, k, rows.start, rows.stop)
                if added is not None:
                    counts += added[integration, group, rows]
                if transients is not None:
                    _add_transients(counts, pixels, transients, integration, group, rows)
                total += np.clip(np.rint(counts), 0, 65535)
            data[integration, group, rows] = np.rint(total / mode.n_frames)


def _add_transients(counts, pixels, transients, integration, group, rows):
    counts += transients.anomaly[integration, group] * pixels.anomaly
    by_row = transients.offset[integration, group][np.arange(rows.start, rows.stop) % 2]
    counts += by_row[:, None] * pixels.is_science


def reference_output(shape, level, read_noise, drift, rng):
    """Read MIRI's reference output: a constant level, its own drift, and read noise.

    Parameters
    ----------
    shape : tuple
        (nints, ngroups, ny, nx / 4).
    level, read_noise, drift : float
        DN.
    rng : numpy.random.Generator

    Returns
    -------
    uint16 array
    """
    result = np.empty(shape, np.uint16)
    for integration in range(shape[0]):
        wander = rng.normal(0, drift / 3, shape[1]).cumsum()
        for group in range(shape[1]):
            result[integration, group] = np.rint(
                level + wander[group] + read_noise * rng.standard_normal(shape[2:], np.float32)
            )
    return result
