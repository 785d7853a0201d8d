"""msa_flagging: pixels that shutters stuck open light, by the laws of optics; which shutters; bad input."""

import json

import nirspec_spectra as nirspec
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.step import MSAFlagOpenStep
from hexcal.steps.wcs.msa_flagging import failed_open


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return nirspec.write_references(tmp_path_factory.mktemp("nirspec"))


@pytest.fixture
def flag(folder):
    types = MSAFlagOpenStep.reference_types

    def run(model, msaoper):
        chosen = nirspec.overrides(folder, override_msaoper=msaoper)
        return MSAFlagOpenStep.call(model, **{k: v for k, v in chosen.items() if k.removeprefix("override_") in types})

    return run


def _lit_by(x, y):
    """Pixels that see a shutter, anywhere along its spectrum."""
    centre = [
        origin + pitch * (place - 1) for origin, pitch, place in zip(nirspec.ORIGIN, nirspec.PITCH, (x, y), strict=True)
    ]
    columns, rows = np.meshgrid(np.arange(2048.0), np.arange(96.0))
    slit_y, wavelength = nirspec.truth(centre, nirspec.OPEN, columns, rows)
    low, high = (edge * 1e6 for edge in nirspec.RANGE)
    return np.abs(slit_y) <= 0.5, (wavelength >= low) & (wavelength <= high)


@pytest.mark.req("MSAF-01", "MSAF-03")
@pytest.mark.parametrize("exposure_type", ["NRS_MSASPEC", "NRS_IFU"])
def test_pixels_that_see_the_shutter_are_flagged(flag, tmp_path, exposure_type):
    kind = datamodels.IFUImageModel if exposure_type == "NRS_IFU" else datamodels.ImageModel
    model = nirspec.exposure(exposure_type, kind=kind)
    model.dq[:, 100] = pixel.DEAD
    result = flag(model, nirspec.write_msaoper(tmp_path / "msaoper.json", (3, 180, 4)))
    flagged = (result.dq & pixel.MSA_FAILED_OPEN) > 0
    sees, in_range = _lit_by(180, 4)
    assert flagged[sees & in_range].all() and not flagged[~sees].any() and flagged.sum() > 500
    # Along the dispersion the box goes ten pixels beyond the range of wavelengths.
    assert (flagged & ~in_range).any(axis=0).sum() <= 24
    assert np.array_equal(result.dq & ~np.uint32(pixel.MSA_FAILED_OPEN), model.dq)
    assert result.meta.cal_step.msa_flagging == "COMPLETE"


@pytest.mark.req("MSAF-02", "MSAF-07", "RT-24")
def test_any_state_counts(tmp_path):
    entries = [
        {"Q": 1, "x": 1, "y": 2, "state": "open", "TA state": "closed", "Internal state": "normal"},
        {"Q": 2, "x": 3, "y": 4, "state": "closed", "TA state": "open", "Internal state": "normal"},
        {"Q": 3, "x": 5, "y": 6, "state": "closed", "TA state": "closed", "Internal state": "open"},
        {
            "Q": 4,
            "x": 7,
            "y": 8,
            "state": "closed",
            "TA state": "closed",
            "Internal state": "normal",
            "Vignetted": "no",
        },
    ]
    path = tmp_path / "msaoper.json"
    path.write_text(json.dumps({"reftype": "MSAOPER", "msaoper": entries}))
    assert failed_open(datamodels.open(path)) == [(1, 1, 2), (2, 3, 4), (3, 5, 6)]


def test_shutters_that_do_not_reach_the_detector(flag, tmp_path, caplog):
    result = flag(
        nirspec.exposure("NRS_MSASPEC", start=(1, 1)), nirspec.write_msaoper(tmp_path / "m.json", (3, 180, 4))
    )
    assert not (result.dq & pixel.MSA_FAILED_OPEN).any() and "1 of them do not reach this detector" in caplog.text


@pytest.mark.req("MSAF-06")
def test_the_documented_layout_of_the_file(flag, tmp_path):
    heads = {
        "title": "operability", "reftype": "MSAOPER", "pedigree": "GROUND", "author": "me", "instrument": "NIRSPEC",
        "exp_type": "NRS_IFU|NRS_MSASPEC", "telescope": "JWST", "useafter": "2022-01-01T00:00:00", "descrip": "one",
        "history": "made for a test",
    }  # fmt: skip
    shutters = [{"Q": 3, "x": 180, "y": 4, "state": "open", "TA state": "closed", "Internal state": "normal"}]
    path = tmp_path / "msaoper.json"
    path.write_text(json.dumps({**heads, "msaoper": shutters}))
    opened = datamodels.open(path)
    assert {name: getattr(opened, name) for name in heads} == heads and opened.msaoper == shutters
    flagged = flag(nirspec.exposure("NRS_MSASPEC"), str(path)).dq & pixel.MSA_FAILED_OPEN
    assert np.count_nonzero(flagged) > 500


def test_other_exposures_and_bad_files(flag, tmp_path):
    assert flag(nirspec.exposure(), "N/A").meta.cal_step.msa_flagging == "SKIPPED"
    assert flag(nirspec.exposure("NRS_MSASPEC"), "N/A").meta.cal_step.msa_flagging == "SKIPPED"
    for content, message in (
        ({"reftype": "MSAOPER"}, "with a list 'msaoper'"),
        ({"msaoper": [{"state": "open", "x": 1}]}, "has Q, x and y"),
        ({"msaoper": [{"state": "open", "x": 1, "y": 1, "Q": 9}]}, "quadrants 1 to 4"),
    ):
        path = tmp_path / "bad.json"
        path.write_text(json.dumps(content))
        with pytest.raises(ReferenceError_, match=message):
            flag(nirspec.exposure("NRS_MSASPEC"), str(path))
