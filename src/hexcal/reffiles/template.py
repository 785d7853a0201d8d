"""The text of a new maker, for users who write their own."""

TEXT = '''"""{label}: what it is, in one sentence."""

import numpy as np

from hexcal import datamodels
from hexcal.core.parameters import parameter
from hexcal.reffiles.maker import Maker, MakerParameters, ramp_rows
from hexcal.reffiles.statistics import clipped


class {name}(Maker):
    """How it is made, with the source of the formula."""

    label = "{label}"
    reference_type = "superbias"
    inputs = "D+"  # which exposures go into one file: D, DD, DDFF, D+ ...
    steps = "saturation-"  # steps of the pipeline that they must have had

    class Parameters(MakerParameters):
        """Its own parameters; author, description and the like are there already."""

        sigma: float = parameter(3.0, "Values farther from the median are clipped.", unit="sigma", gt=0)

    def make(self, members, parameters, log):
        """Return the reference model. The tool fills in the header, checks the file and writes it."""
        value, error = np.zeros(members.shape, "f4"), np.zeros(members.shape, "f4")
        darks = members.of_kind("dark")
        for first, last in members.bands(sum(model.shape_of("data")[0] for model in darks)):
            found = clipped(np.concatenate([ramp_rows(model, first, last, 1)[0][:, 0] for model in darks]),
                            sigma=parameters.sigma)
            value[first:last], error[first:last] = found.mean, found.error
        log.info("Mean level %.1f DN", value.mean())
        model = datamodels.SuperBiasModel(value)
        model.err, model.dq = error, np.zeros(members.shape, "u4")
        return model
'''


def text_of(label: str) -> str:
    """Return the text of a maker with a label."""
    name = "".join(word.capitalize() for word in label.replace("-", "_").split("_")) + "Maker"
    return TEXT.replace("{label}", label).replace("{name}", name)


TEST = '''"""The maker {label} finds the bias that darks were made with."""

import logging

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.reffiles.maker import Members
from hexcal.reffiles.registry import makers


def dark(seed):
    """A dark with a bias of 1000 DN and a noise of 5 DN, in the middle of the detector."""
    model = datamodels.RampModel(np.random.default_rng(seed).normal(1000, 5, (1, 3, 16, 16)).astype("f4"))
    model.meta.telescope, model.meta.instrument.name, model.meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    model.meta.subarray.xstart = model.meta.subarray.ystart = 1001
    return model


def test_the_bias_is_found():
    maker = makers(["mkref_{label}.py"])["{label}"]
    members = Members([("dark", dark(seed)) for seed in range(10)])
    model = maker().make(members, maker.Parameters(), logging.getLogger("test"))
    assert model.data.mean() == pytest.approx(1000, abs=1)
'''


def test_of(label: str) -> str:
    """Return the text of a test for a new maker."""
    return TEST.replace("{label}", label)
