"""Where ramps of NIRSpec see light: known in stage 1 from the WCS of an image without data."""

import numpy as np
import pytest
from nirspec_spectra import SHAPE, exposure, write_references

from hexcal import datamodels
from hexcal.steps.detector import lit_regions
from hexcal.steps.detector.clean_flicker_noise import CleanFlickerNoiseStep
from hexcal.steps.detector.lit_regions import always_lit, lit_by_spectra
from hexcal.steps.wcs.assign_wcs import AssignWcsStep

N_GROUPS = 4


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    folder = write_references(tmp_path_factory.mktemp("references"))
    image = np.ones(SHAPE, "f4")
    for kind, model in (
        ("gain", datamodels.GainModel(image)),
        ("readnoise", datamodels.ReadnoiseModel(image)),
    ):
        model.meta.telescope, model.meta.instrument.name, model.meta.reftype = "JWST", "NIRSPEC", kind
        model.meta.subarray.xstart, model.meta.subarray.ystart = 1, 977
        model.save(folder / f"{kind}.fits")
    return str(folder)


def ramp():
    """Fixed slits, and noise that is the same in all pixels of a column."""
    rng = np.random.default_rng(3)
    model = exposure(shape=(1, N_GROUPS, *SHAPE), kind=datamodels.RampModel)
    model.data[:] = rng.normal(0, 1, model.shape) + rng.normal(0, 20, (1, N_GROUPS, 1, SHAPE[1]))
    timing = model.meta.exposure
    timing.nints, timing.ngroups, timing.nframes, timing.group_time, timing.frame_time = 1, N_GROUPS, 1, 1.0, 1.0
    timing.groupgap, timing.readpatt, timing.noutputs = 0, "NRSRAPID", 4
    model.meta.subarray.fastaxis, model.meta.subarray.slowaxis = 2, 1
    model.meta.subarray.name = "ALLSLITS"
    return model


def run(model, references, **parameters):
    how = {"skip": False, "background_method": None, "fit_method": "median", "references": references}
    return CleanFlickerNoiseStep.call(model, **{**how, **parameters})


def footprints(references):
    """Where the slits are, by the WCS of a rate."""
    return lit_by_spectra(AssignWcsStep.call(exposure(), references=references))


def test_slits_are_left_out_of_the_mask_of_a_ramp(references, tmp_path):
    lit = footprints(references)
    assert 0.01 < lit.mean() < 0.9
    noisy = ramp()
    spectrum = 500 * np.arange(N_GROUPS)[:, None, None] * lit
    bright = ramp()
    bright.data += spectrum[None].astype("f4")
    keep = {"save_mask": True, "output_dir": str(tmp_path), "output_file": "x"}
    result = run(bright, references, mask_science_regions=True, mask_from="rate_less_lines", n_sigma=5.0, **keep)
    with datamodels.open(next(tmp_path.glob("*_mask.fits"))) as mask:
        assert not mask.data[..., lit].any() and mask.data[..., ~lit].mean() > 0.9
    left = (result.data - spectrum)[0]
    assert np.ptp(np.median(np.diff(noisy.data[0], axis=0), axis=1)) > 50
    assert np.mean(np.abs(np.median(np.diff(left, axis=0), axis=1)) < 1.5) > 0.97
    assert result.meta.wcs is None
    assert result.meta.cal_step.assign_wcs is None


def test_shutters_that_cannot_close_count_for_slitlets_only(monkeypatch, references):
    """msa_flagging is asked where micro-shutters are in the way."""
    asked = []

    def placed(name):
        def run(self, image):
            asked.append(name)
            image.dq[3, 5] = 1 << 29 if name == "msa_flagging" else 0
            return image

        return run

    for module, cls in (("assign_wcs", "AssignWcsStep"), ("msa_flagging", "MSAFlagOpenStep")):
        monkeypatch.setattr(f"hexcal.steps.wcs.{module}.{cls}.run", placed(module))
    for kind, steps in (("NRS_FIXEDSLIT", 1), ("NRS_MSASPEC", 2)):
        asked.clear()
        model = ramp()
        model.meta.exposure.type = kind
        image = lit_regions.draft_with_wcs(CleanFlickerNoiseStep(), model)
        assert asked == ["assign_wcs", "msa_flagging"][:steps]
        assert always_lit(image)[3, 5] == (steps == 2)
