"""The plug-in of IRIS, as if it were installed by its entry point, and exposures of one night."""

import os
from dataclasses import replace

import numpy as np
import pytest

import hexcal.iris
from hexcal.core import registry
from hexcal.simulate.iris import IrisMode, simulate_frame
from hexcal.simulate.iris_ramp import simulate_ramp


@pytest.fixture(autouse=True)
def plug_in(monkeypatch):
    """The plug-in is there, also where the installed Hexcal is older than its entry point; no cache is."""
    monkeypatch.setattr(registry, "plugin_tables", lambda: {"tmt": hexcal.iris.table})
    for name in [name for name in os.environ if name.startswith(("CRDS_", "HEXCAL_REF"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A science frame, a sky frame and a flat of one detector, with its references; the present folder.

    A function of the size and the window that is read gives the simulated science frame.
    """
    monkeypatch.chdir(tmp_path)

    def take(size=96, **mode):
        simulations = {}
        for seed, kind in enumerate(("FLAT", "SKY", "SCI")):
            chosen = IrisMode(size=size, kind=kind, **mode)
            simulations[kind] = simulate_frame(chosen, seed=seed, detector_seed=7)
            simulations[kind].save(".", overwrite=True)
        monkeypatch.setenv("HEXCAL_REFERENCES", "references")
        return simulations["SCI"]

    return take


@pytest.fixture
def ramps(tmp_path, monkeypatch):
    """A ramp with its references, saved in the present folder: a function of its reads.

    Of a field of stars, or of one `level`, electrons per second.
    """
    monkeypatch.chdir(tmp_path)

    def take(n_reads=20, n_ramps=1, size=64, level=None, **mode):
        chosen = replace(IrisMode(size=size, exposure_time=54.0), **mode)
        scene = None if level is None else np.full((size, size), level)
        simulation = simulate_ramp(chosen, simulate_frame(chosen, scene, seed=3), n_reads, n_ramps, seed=5)
        simulation.save(".", overwrite=True)
        monkeypatch.setenv("HEXCAL_REFERENCES", "references")
        return simulation

    return take
