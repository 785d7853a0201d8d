"""calwebb_spec3: which steps, which products, what it refuses; spectra of a known star with cosmic rays."""

import json

import numpy as np
import pytest
from astropy.io import fits
from extracted_spectra import spectra
from tilted_slits import SHAPE, smooth, star, tilted_slit

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.pipeline import Image3Pipeline, Spec3Pipeline
from hexcal.pipelines.spec3 import steps_of

SHIFTS = (-3.0, 0.0, 2.5)
HIT = (12, 20)
TABLE = {
    "NRS_FIXEDSLIT": "assign_mtwcs master_background outlier_detection resample_spec extract_1d",
    "NRS_MSASPEC": "assign_mtwcs outlier_detection resample_spec extract_1d",
    "NRS_IFU": "assign_mtwcs master_background outlier_detection cube_build extract_1d",
    "MIR_LRS-FIXEDSLIT": "assign_mtwcs master_background outlier_detection resample_spec extract_1d",
    "MIR_MRS": "assign_mtwcs master_background mrs_imatch outlier_detection cube_build extract_1d spectral_leak",
}
OF_NEWER_RELEASES = {"adaptive_trace_model", "pixel_replace"}


def slit(number, name=None, hit=False, sky=0.0, seed=1):
    """One dithered exposure of a star, perhaps on a sky, with noise and a cosmic ray."""
    model = tilted_slit(lambda position: 5 * star(width=2.0)(position), smooth, SHIFTS[number])
    rng = np.random.default_rng(100 * seed + number)
    model.data = model.data + rng.normal(0, 1, SHAPE).astype("f4") + np.float32(sky)
    if hit:
        model.data[HIT] += 400
    model.meta.filename = f"nod{number}_cal.fits"
    model.name = name
    return model


def association(folder, models, backgrounds=(), name="combined"):
    members = []
    for model in models:
        model.save(folder / model.meta.filename)
        members.append({"expname": model.meta.filename, "exptype": "science"})
    members += [{"expname": path.name, "exptype": "background"} for path in backgrounds]
    table = {"asn_type": "spec3", "asn_rule": "none", "asn_id": "a3001", "asn_pool": "none", "program": "1"}
    path = folder / "asn.json"
    path.write_text(json.dumps({**table, "products": [{"name": name, "members": members}]}))
    return str(path)


def fixed_slits(number):
    """An exposure of two fixed slits of NIRSpec."""
    model = datamodels.MultiSlitModel()
    model.meta.telescope, model.meta.instrument.name, model.meta.exposure.type = "JWST", "NIRSPEC", "NRS_FIXEDSLIT"
    model.meta.filename = f"e{number}_cal.fits"
    slits = []
    for name in ("S200A1", "S400A1"):
        part = slit(number, name, hit=number == 0)
        part.meta.bunit_data = "MJy/sr"
        slits.append(part)
    model.slits = slits
    return model


def names(folder):
    return {path.name for path in (folder / "out").glob("*.fits")}


@pytest.mark.req("SPC3-02", "SPC3-03", "SPC3-04", "MBKG-20")
@pytest.mark.parametrize("exposure_type", TABLE)
def test_steps(exposure_type):
    model = datamodels.ImageModel((4, 4))
    model.meta.telescope, model.meta.exposure.type = "JWST", exposure_type
    assert [name for name in steps_of(model) if name not in OF_NEWER_RELEASES] == TABLE[exposure_type].split()


@pytest.mark.req("SPC3-06")
@pytest.mark.parametrize("kind", ["MOVING", "FIXED", None])
def test_coordinates_of_moving_targets_only(kind):
    model = datamodels.ImageModel((4, 4))
    model.meta.telescope, model.meta.exposure.type, model.meta.target.type = "JWST", "MIR_LRS-FIXEDSLIT", kind
    assert ("assign_mtwcs" in [step.name for step in Spec3Pipeline().steps_for(model)]) is (kind == "MOVING")


@pytest.mark.req("MTWCS-07")
@pytest.mark.parametrize("exposure_type", [*TABLE, "NRC_IMAGE"])
def test_the_coordinates_of_moving_targets_come_first(exposure_type):
    model = datamodels.ImageModel((4, 4))
    model.meta.telescope, model.meta.exposure.type, model.meta.target.type = "JWST", exposure_type, "MOVING"
    pipeline = Image3Pipeline() if exposure_type == "NRC_IMAGE" else Spec3Pipeline()
    assert pipeline.steps_for(model)[0].name == "assign_mtwcs"


def test_low_resolution_spectra_are_combined(tmp_path):
    asn = association(tmp_path, [slit(number, hit=number == 1) for number in range(3)])
    Spec3Pipeline.call(asn, save_results=True, output_dir=str(tmp_path / "out"), steps={"extract_1d": {"skip": True}})
    assert names(tmp_path) >= {"combined_s2d.fits", *(f"nod{number}_a3001_crf.fits" for number in range(3))}
    flagged = datamodels.open(tmp_path / "out" / "nod1_a3001_crf.fits")
    assert flagged.dq[HIT] & pixel.OUTLIER and flagged.meta.cal_step.outlier_detection == "COMPLETE"
    rectified = datamodels.open(tmp_path / "out" / "combined_s2d.fits")
    assert rectified.meta.asn.table_name == "asn.json"
    # The star is as bright as it is, at every wavelength, and the cosmic ray is gone.
    along = np.nansum(rectified.data, axis=0)
    wave = rectified.wavelength[rectified.shape[0] // 2]
    ratio = along[4:-4] / (5 * smooth(wave[4:-4]))
    assert abs(np.median(ratio) - 1) < 0.01 and np.abs(ratio - 1).max() < 0.1


@pytest.mark.req("SPC3-07")
def test_background_of_the_association(tmp_path):
    wave = np.linspace(0.5, 3, 40)
    path = spectra(tmp_path / "b_x1d.fits", (wave, 0 * wave + 3, {}))
    background = datamodels.open(path)
    background.meta.observation.bkgdtarg = True
    background.save(path)
    models = [slit(number, sky=30.0) for number in range(3)]
    asn = association(tmp_path, models, [path])
    Spec3Pipeline.call(asn, save_results=True, output_dir=str(tmp_path / "out"), steps={"extract_1d": {"skip": True}})
    rectified = datamodels.open(tmp_path / "out" / "combined_s2d.fits")
    assert rectified.meta.cal_step.master_background == "COMPLETE"
    assert abs(np.nanmedian(rectified.data[:6])) < 0.5


@pytest.mark.req("E2S-02")
def test_sources_are_told_apart_right_after_the_background(tmp_path, monkeypatch):
    from hexcal.models import exp_to_source

    order, divide, run = [], exp_to_source.exp_to_source, Spec3Pipeline.step_defs["master_background"].process
    monkeypatch.setattr(exp_to_source, "exp_to_source", lambda *words: (order.append("sources"), divide(*words))[1])
    monkeypatch.setattr(
        Spec3Pipeline.step_defs["master_background"],
        "process",
        lambda self, *words, **more: (order.append("master_background"), run(self, *words, **more))[1],
    )
    for name in ("outlier_detection", "resample_spec"):
        cls = Spec3Pipeline.step_defs[name]
        monkeypatch.setattr(
            cls,
            "process",
            lambda self, *words, name=name, real=cls.process, **more: (order.append(name), real(self, *words, **more))[
                1
            ],
        )
    wave = np.linspace(0.5, 6, 40)
    path = spectra(tmp_path / "b_x1d.fits", (wave, 0 * wave + 3, {}))
    asn = association(tmp_path, [fixed_slits(number) for number in range(3)], name="jw1-o001_{source_id}_nirspec_prism")
    steps = {"master_background": {"user_background": str(path)}, "extract_1d": {"skip": True}}
    Spec3Pipeline.call(asn, output_dir=str(tmp_path / "out"), steps=steps)
    assert order[:3] == ["master_background", "sources", "outlier_detection"]


def test_a_background_that_is_no_spectrum_is_told(tmp_path):
    slit(2).save(tmp_path / "b_cal.fits")
    asn = association(tmp_path, [slit(0), slit(1)], [tmp_path / "b_cal.fits"])
    reason = r"(?s)as background, .* works on a MultiSpecModel or .* is a SlitModel.*next:  give the extracted spectrum"
    with pytest.raises(InputError, match=reason):
        Spec3Pipeline.call(asn, output_dir=str(tmp_path / "out"))


@pytest.mark.req("SPC3-08", "E2S-11")
def test_each_slit_is_a_product(tmp_path):
    asn = association(tmp_path, [fixed_slits(number) for number in range(3)], name="jw1-o001_{source_id}_nirspec_prism")
    Spec3Pipeline.call(asn, save_results=True, output_dir=str(tmp_path / "out"), steps={"extract_1d": {"skip": True}})
    sources = ("jw1-o001_s00001_nirspec_prism", "jw1-o001_s00003_nirspec_prism")
    assert names(tmp_path) >= {f"{source}_{suffix}.fits" for source in sources for suffix in ("cal", "crf", "s2d")}
    flagged = datamodels.open(tmp_path / "out" / f"{sources[1]}_crf.fits")
    assert [bool(exposure.dq[HIT] & pixel.OUTLIER) for exposure in flagged.exposures] == [True, False, False]
    source = datamodels.open(tmp_path / "out" / f"{sources[0]}_cal.fits")
    assert len(source.exposures) == 3 and not (source.exposures[0].dq & pixel.OUTLIER).any()


def test_a_product_carries_the_record_of_its_own_source(tmp_path):
    path, out = association(tmp_path, [fixed_slits(number) for number in (0, 1)]), tmp_path / "out"
    Spec3Pipeline.call(path, save_results=True, output_dir=str(out), steps={"extract_1d": {"skip": True}})
    steps, logs = [], []
    for number in ("00001", "00003"):
        with datamodels.open(next(out.glob(f"*s{number}*_s2d.fits"))) as product:
            steps.append([entry["step"] for entry in product.provenance["steps"]])
            logs.append(product.cal_logs["calwebb_spec3"])
        # Of the pipeline and of what was done to all before, too.
        assert all(number in line for line in logs[-1] if "Saved" in line)
        assert any("2 exposures, 2 sources" in line for line in logs[-1])
    # As much for the last one as for the first one.
    assert steps[0] == steps[1] and steps[0].count("calwebb_spec3.resample_spec") == 1
    assert len(logs[0]) == len(logs[1])


@pytest.mark.req("SPC3-12")
def test_products_of_steps_have_the_names_of_their_sources_or_exposures(tmp_path):
    asn = association(tmp_path, [fixed_slits(number) for number in range(3)], name="jw1-o001_{source_id}_nirspec_prism")
    asked = {name: {"save_results": True} for name in ("outlier_detection", "resample_spec")}
    Spec3Pipeline.call(asn, output_dir=str(tmp_path / "out"), steps={**asked, "extract_1d": {"skip": True}})
    # What a step is asked to save is saved once, and never under a name of no source.
    sources = ("jw1-o001_s00001_nirspec_prism", "jw1-o001_s00003_nirspec_prism")
    assert names(tmp_path) >= {f"{source}_{suffix}.fits" for source in sources for suffix in ("crf", "s2d")}
    assert all(name.startswith(sources) for name in names(tmp_path))


@pytest.mark.req("E2S-02")
def test_sources_are_regrouped_after_the_master_background_and_before_all_else(tmp_path):
    """The products of sources have lost the background; outliers are looked for, and named, by source."""
    wave = np.linspace(0.5, 3, 40)
    user = spectra(tmp_path / "user_x1d.fits", (wave, 0 * wave + 3, {}))
    models = [fixed_slits(number) for number in range(3)]
    for model in models:
        for part in model.slits:
            part.data = part.data + np.float32(30)
    asn = association(tmp_path, models, name="jw1-o001_{source_id}_nirspec_prism")
    steps = {"master_background": {"user_background": str(user)}, "extract_1d": {"skip": True}}
    Spec3Pipeline.call(asn, save_results=True, output_dir=str(tmp_path / "out"), steps=steps)
    for source in ("s00001", "s00003"):
        regrouped = datamodels.open(tmp_path / "out" / f"jw1-o001_{source}_nirspec_prism_cal.fits")
        assert [each.meta.cal_step.master_background for each in regrouped.exposures] == ["COMPLETE"] * 3
        assert regrouped.meta.cal_step.outlier_detection is None
        assert all(abs(np.nanmedian(each.data[:4])) < 1 for each in regrouped.exposures)
        flagged = datamodels.open(tmp_path / "out" / f"jw1-o001_{source}_nirspec_prism_crf.fits")
        assert flagged.meta.cal_step.outlier_detection == "COMPLETE"


@pytest.mark.req("BLEND-17")
def test_the_product_of_a_source_has_the_headers_of_its_exposures(tmp_path):
    models = [fixed_slits(number) for number in range(3)]
    for number, model in enumerate(models):
        for holder in (model, *model.slits):
            holder.meta.exposure.start_time, holder.meta.exposure.end_time = 60000.0 + number, 60000.5 + number
            holder.meta.exposure.exposure_time = 100.0
            holder.meta.filename = model.meta.filename
    asn = association(tmp_path, models, name="jw1-o001_{source_id}_nirspec_prism")
    Spec3Pipeline.call(asn, save_results=True, output_dir=str(tmp_path / "out"), steps={"extract_1d": {"skip": True}})
    for source in ("s00001", "s00003"):
        with fits.open(tmp_path / "out" / f"jw1-o001_{source}_nirspec_prism_s2d.fits") as hdus:
            table, header = hdus["HDRTAB"].data, hdus[0].header
            assert table["FILENAME"].tolist() == ["e0_cal.fits", "e1_cal.fits", "e2_cal.fits"]
            assert table["EXPSTART"].tolist() == [60000.0, 60001.0, 60002.0]
            assert (header["EXPSTART"], header["EXPEND"], header["TEXPTIME"]) == (60000.0, 60002.5, 300.0)
        with fits.open(tmp_path / "out" / f"jw1-o001_{source}_nirspec_prism_cal.fits") as regrouped:
            assert "HDRTAB" not in regrouped


def test_gratings_are_not_mixed(tmp_path):
    models = [fixed_slits(number) for number in range(3)]
    for model, grating in zip(models, ("PRISM", "PRISM", "G140M"), strict=True):
        model.meta.instrument.grating, model.meta.instrument.filter = grating, "CLEAR"
    asn = association(tmp_path, models, name="jw1-o001_{source_id}_nirspec_prism")
    with pytest.raises(InputError, match="one grating and filter are combined; found: PRISM-CLEAR, G140M-CLEAR"):
        Spec3Pipeline.call(asn, output_dir=str(tmp_path / "out"), steps={"extract_1d": {"skip": True}})


def test_a_source_that_fails_is_left_out(tmp_path, caplog):
    models = [fixed_slits(number) for number in range(3)]
    for model in models:
        model.slits[1].meta.wcsinfo.dispersion_direction = None
    asn = association(tmp_path, models, name="jw1-o001_{source_id}_nirspec_prism")
    Spec3Pipeline.call(asn, save_results=True, output_dir=str(tmp_path / "out"), steps={"extract_1d": {"skip": True}})
    assert "Source 3 is left out" in caplog.text
    assert "jw1-o001_s00001_nirspec_prism_s2d.fits" in names(tmp_path)
    assert "jw1-o001_s00003_nirspec_prism_s2d.fits" not in names(tmp_path)


@pytest.mark.parametrize("exposure_type", ["NIS_SOSS", "NIS_WFSS", "NRC_WFSS"])
def test_spectra_without_slits_are_refused(exposure_type):
    model = slit(0)
    model.meta.exposure.type = exposure_type
    with pytest.raises(InputError, match="without slits"):
        Spec3Pipeline.call([model])


@pytest.mark.req("SPC3-01")
def test_time_series_and_images_are_sent_to_their_pipelines():
    model = slit(0)
    model.meta.exposure.type = "NRS_BRIGHTOBJ"
    with pytest.raises(InputError, match="tso3"):
        Spec3Pipeline.call([model])
    model.meta.exposure.type = "NRC_IMAGE"
    with pytest.raises(InputError, match="image3"):
        Spec3Pipeline.call([model])


def test_modes_are_not_mixed():
    models = [slit(0), slit(1)]
    models[1].meta.exposure.type = "MIR_MRS"
    with pytest.raises(InputError, match="exposures of one mode"):
        Spec3Pipeline.call(
            models, steps={"extract_1d": {"skip": True}, "cube_build": {"skip": True}, "spectral_leak": {"skip": True}}
        )
