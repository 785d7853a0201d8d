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
