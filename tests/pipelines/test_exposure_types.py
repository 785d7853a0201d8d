"""Which exposures the pipelines of stage 1 take, and segments of long exposures."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.observatories.jwst.exposure_types import exposure_type, exposure_types
from hexcal.pipeline import Detector1Pipeline

SHAPE = (2, 6, 16, 24)


def ramp_of(name):
    ramp = datamodels.RampModel((1, 2, 3, 4))
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.exposure.type = (
        "JWST",
        exposure_type(name).instrument,
        name,
    )
    return ramp


@pytest.mark.parametrize("name", exposure_types("detector1"))
def test_all_exposure_types_of_the_sky_have_their_steps(name):
    steps = [step.name for step in Detector1Pipeline().steps_for(ramp_of(name))]
    assert steps[-2:] == ["ramp_fit", "gain_scale"]
    assert ("reset" in steps) == ("superbias" not in steps) == (exposure_type(name).instrument == "MIRI")


@pytest.mark.parametrize("name", exposure_types("guider"))
def test_guider_exposures_are_sent_to_their_pipeline(name):
    with pytest.raises(InputError, match="calwebb_guider"):
        Detector1Pipeline().steps_for(ramp_of(name))


def test_a_segment_keeps_its_name_and_the_times_of_its_integrations(tmp_path):
    times = np.zeros(SHAPE[0], [("integration_number", "i4"), ("int_mid_MJD_UTC", "f8")])
    times["integration_number"], times["int_mid_MJD_UTC"] = [3, 4], [59000.25, 59000.5]
    name = "jw00001001001_02101_00001-seg002_nrca1_uncal.fits"
    segment = {"NINTS": 4, "INTSTART": 3, "INTEND": 4, "EXSEGNUM": 2, "EXSEGTOT": 2, "TSOVISIT": True}
    path = write_uncal(tmp_path, SHAPE, name=name, extra=[fits.BinTableHDU(times, name="INT_TIMES")], **segment)
    references = write_references(tmp_path / "refs", SHAPE)
    skipped = {"ipc": {"skip": True}}
    Detector1Pipeline.call(path, references=str(references), output_dir=str(tmp_path), save_results=True, steps=skipped)
    with fits.open(tmp_path / name.replace("uncal", "rateints")) as product:
        assert product["INT_TIMES"].data["integration_number"].tolist() == [3, 4]
        assert product["INT_TIMES"].data["int_mid_MJD_UTC"].tolist() == [59000.25, 59000.5]
        assert [product[0].header[key] for key in ("INTSTART", "INTEND", "EXSEGNUM")] == [3, 4, 2]
    assert (tmp_path / name.replace("uncal", "rate")).exists()
