"""A small reference cache with parameter references of a step and a pipeline made for tests."""

import json

import numpy as np
from crds_caches import DATES, imap, make_cache, pmap, rmap

from hexcal.core import Pipeline, Step, StepParameters, parameter

HEAD = "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0\n"


class BendStep(Step):
    """Multiply the data."""

    alias = "bend"
    input_model = "RampModel"

    class Parameters(StepParameters):
        factor: float = parameter(2.0, "Factor.", ge=0, le=100)
        offset: float = parameter(0.0, "Offset.")

    def process(self, ramp):
        ramp.data *= np.float32(self.factor)
        ramp.data += np.float32(self.offset)
        return ramp


class BentPipeline(Pipeline):
    """Bend twice."""

    alias = "bent"
    input_model = "RampModel"
    step_defs = {"first": BendStep, "second": BendStep}
    step_defaults = {"second": {"factor": 3.0}}
    not_built = ("someday",)

    class Parameters(StepParameters):
        note: str | None = parameter(None, "A note.")

    def process(self, ramp):
        return self.run_in_order([self.first, self.second], ramp)


def parameter_file(path, parameters, steps=None, cls="pars_caches.BendStep", name=None):
    """Write a parameter file; `steps` by name."""
    tree = {"class": cls, "parameters": parameters} | ({"name": name} if name else {})
    if steps:
        tree["steps"] = [{"name": step, "parameters": values} for step, values in steps.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + "\n".join(f"{key}: {json.dumps(value)}" for key, value in tree.items()) + "\n...\n")
    return path


def reference_path(root, kind):
    return root / "references" / "jwst" / "nircam" / f"jwst_nircam_{kind}_0001.asdf"


def make_pars_cache(folder):
    """A cache whose rules have, for images of NIRCam: BendStep with factor 5, offset 1.

    BentPipeline with a note and factor 7 for its second step.
    """
    kinds = ("pars-bendstep", "pars-bentpipeline")
    mappings = {"jwst_0001.pmap": pmap({"NIRCAM": "jwst_nircam_0001.imap"})}
    mappings["jwst_nircam_0001.imap"] = imap(
        {**{kind.upper(): f"jwst_nircam_{kind}_0001.rmap" for kind in kinds}, "PARS-JUMPSTEP": "N/A"}
    )
    for kind in kinds:
        selector = f"Match({{('NRC_IMAGE',): UseAfter({{'2020-01-01 00:00:00': 'jwst_nircam_{kind}_0001.asdf'}})}})"
        mappings[f"jwst_nircam_{kind}_0001.rmap"] = rmap(
            selector, (("META.EXPOSURE.TYPE",), DATES), filekind=kind.upper()
        )
    root = make_cache(folder, mappings, operational_context="jwst_0001.pmap")
    parameter_file(reference_path(root, "pars-bendstep"), {"factor": 5, "offset": 1})
    parameter_file(reference_path(root, "pars-bentpipeline"), {"note": "from CRDS"}, {"second": {"factor": 7}})
    return root


def result(model):
    """The first value of a ramp."""
    return float(model.data[0, 0, 0, 0])
