"""Keywords in which the steps of stage 2 say that they have run, and flags that they use."""

import asdf
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


@pytest.mark.req("S2C-01", "S2C-02")
@pytest.mark.parametrize("name", KEYWORDS)
def test_the_keyword_of_a_step(name, tmp_path):
    model = datamodels.ImageModel(np.zeros((4, 4), "f4"))
    model.meta.telescope = "JWST"
    for status in ("COMPLETE", "SKIPPED"):
        getattr(step, name)().set_status(model, status)
        model.save(tmp_path / "done.fits")
        header = fits.getheader(tmp_path / "done.fits")
        assert header[KEYWORDS[name]] == status
        # Of steps that were not attempted there is none.
        assert [key for key in header if key.startswith("S_") and key != "S_REGION"] == [KEYWORDS[name]]


@pytest.mark.req("S2C-05")
def test_the_flags():
    assert {name: getattr(pixel, name) for name in FLAGS} == {name: 1 << bit for name, bit in FLAGS.items()}


@pytest.mark.req("MSAF-04")
def test_msa_flagging_has_no_parameters_of_its_own():
    own = set(step.MSAFlagOpenStep.Parameters.model_fields) - set(StepParameters.model_fields)
    assert {name for name in own if not name.startswith("override_")} == set()
    assert "msaoper" in step.MSAFlagOpenStep.reference_types


REFERENCE_KEYWORDS = {
    "AUTHOR": "author", "DATAMODL": "model_type", "DATE": "date", "DESCRIP": "description", "FILENAME": "filename",
    "INSTRUME": "instrument.name", "PEDIGREE": "pedigree", "REFTYPE": "reftype", "TELESCOP": "telescope",
    "USEAFTER": "useafter",
}  # fmt: skip


@pytest.mark.req("S2C-03")
def test_keywords_of_every_reference_file(tmp_path):
    """The same names in FITS and in ASDF, where there is none for the name of the file."""
    values = {
        "AUTHOR": "me", "DATAMODL": "FlatModel", "DATE": "2026-01-01T00:00:00", "DESCRIP": "a flat", "INSTRUME": "MIRI",
        "FILENAME": "flat.fits", "PEDIGREE": "GROUND", "REFTYPE": "FLAT", "TELESCOP": "JWST",
        "USEAFTER": "2022-01-01T00:00:00",
    }  # fmt: skip
    path = tmp_path / "flat.fits"
    fits.HDUList(
        [fits.PrimaryHDU(header=fits.Header(values)), fits.ImageHDU(np.ones((4, 4), "f4"), name="SCI")]
    ).writeto(path)
    tree: dict = {"model": 1}
    for keyword, name in REFERENCE_KEYWORDS.items():
        branch = tree.setdefault("meta", {})
        for part in name.split(".")[:-1]:
            branch = branch.setdefault(part, {})
        branch[name.rpartition(".")[2]] = values[keyword]
    asdf.AsdfFile(tree).write_to(tmp_path / "flat.asdf")
    with datamodels.open(path) as of_fits, datamodels.open(tmp_path / "flat.asdf") as of_asdf:
        for keyword, name in REFERENCE_KEYWORDS.items():
            assert str(of_fits.get_meta(f"meta.{name}")).startswith(values[keyword]), keyword
            assert of_asdf.get_meta(f"meta.{name}") == values[keyword] or keyword == "FILENAME", keyword
