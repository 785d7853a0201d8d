"""What a second observatory asks of the frame: detectors, keywords, names and extensions of its own, and steps that need no change."""

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal import datamodels, observatories
from hexcal.errors import InputError
from hexcal.step import (
    DarkCurrentStep,
    DQInitStep,
    GainScaleStep,
    GroupScaleStep,
    IPCStep,
    JumpStep,
    LinearityStep,
    RampFitStep,
    RefPixStep,
    SaturationStep,
    SuperBiasStep,
)

SHAPE = (1, 10, 16, 24)
ONLY_JWST = ("FASTAXIS", "SLOWAXIS", "CHANNEL", "MODULE", "FRMDIVSR", "GROUPGAP", "DRPFRMS1", "TSOVISIT")


def counts():
    """Ten reads with noise, a saturated pixel and a cosmic ray: uint16 (1, 10, 16, 24)."""
    rng = np.random.default_rng(7)
    ramp = 1000 + 40 * np.arange(SHAPE[1])[None, :, None, None] + rng.normal(0, 3, SHAPE)
    ramp[0, 5:, 9, 9] += 3000
    ramp[0, 4:, 10, 12] = 64000
    # Reference pixels see no light.
    ramp[..., :4, :] = ramp[..., :4] = 1000 + rng.normal(0, 1, (1, SHAPE[1], 1, 1))
    return ramp.round().astype(np.uint16)


def raw_pair(folder):
    """The same counts of NRCA1 and of a detector of IRIS; paths."""
    data = counts()
    ours = write_uncal(folder, SHAPE, data=data, name="jwst_uncal.fits", NOUTPUTS=1)
    other = folder / "tmt_uncal.fits"
    with fits.open(ours) as hdus:
        header = hdus[0].header
        for keyword in (*ONLY_JWST, "NOUTPUTS", "DATAMODL", "EXP_TYPE"):
            header.remove(keyword)
        header.update(TELESCOP="TMT", INSTRUME="IRIS", DETECTOR="IMG1", FILTER="K", PUPIL="CLEAR", SUBARRAY="CUSTOM")
        hdus.writeto(other)
    return ours, other


def references(folder):
    """References with flagged reference pixels, a bad pixel, a dark and a quadratic linearity."""
    rng = np.random.default_rng(3)
    _, n_groups, ny, nx = SHAPE
    mask = np.zeros((ny, nx), "u4")
    mask[:4] = mask[:, :4] = datamodels.dqflags.pixel.REFERENCE_PIXEL
    mask[7, 7] = datamodels.dqflags.pixel.DO_NOT_USE
    coefficients = np.zeros((3, ny, nx), "f4")
    coefficients[1], coefficients[2] = 1, 1e-6
    dark = np.arange(n_groups)[:, None, None] * rng.uniform(0, 1, (ny, nx))
    kernel = np.array([[0, -0.005, 0], [-0.005, 1.02, -0.005], [0, -0.005, 0]], "f4")
    folder.mkdir()
    return write_references(
        folder,
        SHAPE,
        mask=mask,
        linearity=coefficients,
        dark=dark.astype("f4"),
        ipc=kernel,
        superbias=900 + rng.normal(0, 1, (ny, nx)).astype("f4"),
    )


@pytest.mark.req("TMT-07", "TMT-08")
def test_the_detector_steps_do_the_same_to_counts_of_another_observatory(tmp_path):
    folders = [references(tmp_path / "jwst"), tmp_path / "tmt"]
    folders[1].mkdir()
    for path in folders[0].glob("*.fits"):
        with fits.open(path) as hdus:
            hdus[0].header.update(TELESCOP="TMT", INSTRUME="IRIS", DETECTOR="IMG1")
            hdus.writeto(folders[1] / path.name)
    models = list(raw_pair(tmp_path))
    order = (
        GroupScaleStep,
        DQInitStep,
        SaturationStep,
        IPCStep,
        SuperBiasStep,
        RefPixStep,
        LinearityStep,
        DarkCurrentStep,
        JumpStep,
    )
    for cls in order:
        steps = [cls(references=str(folder)) for folder in folders]
        models = [step.run(model) for step, model in zip(steps, models, strict=True)]
        expected = "SKIPPED" if cls is GroupScaleStep else "COMPLETE"
        assert [step.last_status for step in steps] == [expected] * 2, cls
        for name in ("data", "pixeldq", "groupdq"):
            np.testing.assert_array_equal(*(getattr(model, name) for model in models), err_msg=f"{cls.__name__} {name}")
    assert models[1].groupdq.any() and models[1].observatory.name == "tmt"
    rates = [RampFitStep(references=str(folder)).run(model)[0] for folder, model in zip(folders, models, strict=True)]
    rates = [GainScaleStep(references=str(folder)).run(rate) for folder, rate in zip(folders, rates, strict=True)]
    for name in ("data", "err", "dq", "var_poisson", "var_rnoise"):
        np.testing.assert_array_equal(*(getattr(rate, name) for rate in rates), err_msg=name)
    assert np.nanmedian(rates[1].data) == pytest.approx(20, abs=2)


@pytest.mark.req("TMT-07")
def test_a_keyword_of_another_observatory_is_none_and_a_typing_error_is_one():
    frame = datamodels.IRISImageModel((4, 4))
    assert frame.meta.exposure.drop_frames1 is None
    assert frame.meta.exposure.groupgap is frame.meta.exposure.gain_factor is None
    assert frame.meta.visit.tsovisit is None
    assert datamodels.ImageModel((4, 4)).meta.instrument.pupil_imaging_lens is None
    for path in ("meta.exposure.grupgap", "meta.visitor.tsovisit"):
        with pytest.raises(AttributeError, match="unknown attribute"):
            frame[path]


@pytest.mark.req("TMT-08")
def test_detectors_are_those_of_the_observatory():
    tmt = observatories.get("tmt")
    facts = tmt.detector("img1")
    assert (facts.columns, facts.rows, facts.left, facts.top, facts.outputs) == (4096, 4096, 4, 4, 64)
    assert observatories.get("jwst").detector("NRCA1").fastaxis == -1
    with pytest.raises(InputError, match=r"(?s)unknown detector 'NRCA1'.*TMT"):
        tmt.detector("NRCA1")
