"""Keywords in which the steps of stage 2 say that they have run, and flags that they use."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels, step
from hexcal.core import StepParameters
from hexcal.models.dqflags import pixel

KEYWORDS = {
    "AssignWcsStep": "S_WCS",
    "BackgroundStep": "S_BKDSUB",
    "BarShadowStep": "S_BARSHA",
    "Extract2dStep": "S_EXTR2D",
    "FlatFieldStep": "S_FLAT",
    "FringeStep": "S_FRINGE",
    "ImprintStep": "S_IMPRNT",
    "MSAFlagOpenStep": "S_MSAFLG",
    "PathLossStep": "S_PTHLOS",
    "PhotomStep": "S_PHOTOM",
    "SourceTypeStep": "S_SRCTYP",
    "StraylightStep": "S_STRAY",
    "ResampleStep": "S_RESAMP",
    "ResampleSpecStep": "S_RESAMP",
    "CubeBuildStep": "S_IFUCUB",
    "Extract1dStep": "S_EXTR1D",
    "WavecorrStep": "S_WAVCOR",
    "NSCleanStep": "S_NSCLEN",
}
FLAGS = {
    "DO_NOT_USE": 0, "NON_SCIENCE": 9, "NO_FLAT_FIELD": 18, "UNRELIABLE_FLAT": 25, "FLUX_ESTIMATED": 28,
    "MSA_FAILED_OPEN": 29, "REFERENCE_PIXEL": 31,
}  # fmt: skip


@pytest.mark.req("S2C-02")
@pytest.mark.parametrize("name", KEYWORDS)
def test_the_keyword_of_a_step(name, tmp_path):
    model = datamodels.ImageModel(np.zeros((4, 4), "f4"))
    model.meta.telescope = "JWST"
    getattr(step, name)().set_status(model, "COMPLETE")
    model.save(tmp_path / "done.fits")
    header = fits.getheader(tmp_path / "done.fits")
    assert header[KEYWORDS[name]] == "COMPLETE"
    assert [key for key in header if key.startswith("S_") and key != "S_REGION"] == [KEYWORDS[name]]


@pytest.mark.req("S2C-05")
def test_the_flags():
    assert {name: getattr(pixel, name) for name in FLAGS} == {name: 1 << bit for name, bit in FLAGS.items()}


@pytest.mark.req("MSAF-04")
def test_msa_flagging_has_no_parameters_of_its_own():
    own = set(step.MSAFlagOpenStep.Parameters.model_fields) - set(StepParameters.model_fields)
    assert {name for name in own if not name.startswith("override_")} == set()
    assert "msaoper" in step.MSAFlagOpenStep.reference_types
