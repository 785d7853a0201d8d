"""The reads of a detector of IRIS that see a known scene, with the references that belong to them."""

from dataclasses import replace

import numpy as np

from hexcal import datamodels
from hexcal.errors import ParameterError
from hexcal.simulate.iris import describe_exposure, describe_reference

_BIAS, _READ_NOISE = 1000.0, 9.0
_CURVATURE = 1e-6
"""True counts are measured ones plus so many per square of them."""


def simulate_ramp(mode, simulation, n_reads, n_ramps=1, seed=0):
    """Simulate ramps of the scene of a frame: photons, bias, the non-linear response, read noise.

    Parameters
    ----------
    mode : IrisMode
        How the frame was taken: its exposure time is that of a ramp.
    simulation : IrisSimulation
        The frame, its truth and its references.
    n_reads, n_ramps : int
        Reads of a ramp, and ramps; the first read is taken at the reset.
    seed : int
        The same seed gives the same ramps.

    Returns
    -------
    IrisSimulation
        With the ramp (electrons), and references of types bias and nonlincoeff besides.

    Notes
    -----
    Read noise and bias are those of the simulations of the Liger and IRIS pipeline.
    """
    if n_reads < 2:
        raise ParameterError(f"a ramp needs two reads at least, got {n_reads}", where="n_reads")
    rng = np.random.default_rng([seed, 4])
    dark, flat = (simulation.references[kind].data[mode.part] for kind in ("dark", "flat"))
    rate = simulation.truth * np.where(simulation.references["mask"].dq[mode.part] & 1024, 0, flat) + dark
    times = np.linspace(0, mode.exposure_time, n_reads)
    shape = (n_ramps, n_reads, *rate.shape)
    photons = rng.poisson(np.broadcast_to(rate, shape) * np.diff(times, prepend=0)[:, None, None])
    true = np.cumsum(photons, axis=1, dtype=np.float64)
    # The measured counts are the smaller solution of true = measured + c measured^2.
    measured = (np.sqrt(1 + 4 * _CURVATURE * true) - 1) / (2 * _CURVATURE)
    bias = rng.normal(_BIAS, 20, rate.shape)
    ramp = datamodels.IRISRampModel((measured + bias + rng.normal(0, _READ_NOISE, shape)).astype(np.float32))
    ramp.times = np.broadcast_to(times, (n_ramps, n_reads)).copy()
    describe_exposure(ramp, mode, "IMG", 0)
    ramp.meta.bunit_data, ramp.meta.bunit_err = "electron", "electron"
    ramp.meta.exposure.ngroups, ramp.meta.exposure.nints = n_reads, n_ramps
    ramp.meta.exposure.group_time, ramp.meta.instrument.readnoise = float(times[1]), _READ_NOISE
    coefficients = np.empty((3, *rate.shape), np.float32)
    coefficients[:] = np.array([_CURVATURE, 1, 0])[:, None, None]
    more = {
        "bias": datamodels.IRISBiasModel(bias.astype(np.float32)),
        "nonlincoeff": datamodels.IRISNonlinearModel(coefficients),
    }
    for kind, model in more.items():
        describe_reference(kind, model, mode, mode.window)
    return replace(simulation, ramp=ramp, references={**simulation.references, **more})
