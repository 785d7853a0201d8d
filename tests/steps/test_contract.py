"""What every step promises, whatever it does: the contract that a new step has to keep."""

import numpy as np
import pytest
from exposures import MIRI, NIRCAM, write_references, write_rscd, write_traps, write_uncal, write_waves
from sky_projections import point, tangent_plane, write_wcs_references

from hexcal import datamodels
from hexcal.core import registry
from hexcal.errors import DataUnusable
from hexcal.models.dqflags import group, pixel
from hexcal.pipeline import Detector1Pipeline
from hexcal.steps import ALIASES as ALL_ALIASES

NEED_SOURCES = {"tweakreg", "skymatch", "source_catalog"}
"""Steps that need sources: tests/steps/image/test_contract_of_images.py."""
NEED_SLITS = {
    "resample_spec",
    "extract_1d",
    "imprint",
    "pathloss",
    "barshadow",
    "pixel_replace",
    "nsclean",
    "master_background_mos",
}
"""Steps that need slits: test_contract_of_spectra.py in spectrum, test_contract_of_corrections.py in flux."""
NEED_SLICES = {"cube_build", "mrs_imatch", "adaptive_trace_model"}
"""Steps that need slices of an integral-field unit: test_cube_build.py, test_mrs_imatch.py ... in spectrum."""
FULL_FRAMES_ONLY = {"picture_frame"}  # of NIRSpec; its own tests say the same
WORKS_ON_EXTRACTED_SPECTRA = {"combine_1d", "spectral_leak", "master_background"}  # tests/steps/spectrum
STEPS_OF_MRS = {"straylight", "fringe", "srctype", "badpix_selfcal", "residual_fringe", "targ_centroid"}
"""Steps of full frames of MIRI: tests/steps/test_contract_of_mrs.py, or with their own tests."""
NEED_OPEN_SLITS = {"extract_2d", "msa_flagging", "wavecorr"}  # tests/steps/test_contract_of_nirspec.py
ELSEWHERE = STEPS_OF_MRS | NEED_SLICES | NEED_SOURCES | NEED_SLITS | NEED_OPEN_SLITS
ELSEWHERE |= FULL_FRAMES_ONLY | WORKS_ON_EXTRACTED_SPECTRA
ALIASES = [alias for alias in ALL_ALIASES if alias not in ELSEWHERE]
SHAPE = (2, 8, 20, 24)
MIRI_STEPS = {"emicorr", "firstframe", "lastframe", "reset", "rscd"}
WORKS_ON_THE_SKY = {"resample"}
COMPARES_INTEGRATIONS = {"outlier_detection", "outlier_detection_scaled", "outlier_detection_stack"}
WORKS_ON_RATES = {
    *WORKS_ON_THE_SKY,
    *("gain_scale", "flat_field", "photom", "background", "assign_wcs", "assign_mtwcs", *COMPARES_INTEGRATIONS),
}


def step_of(alias):
    return registry.find(alias)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(scope="module")
def references(folder):
    """References that change something, per instrument."""
    rng = np.random.default_rng(5)
    ny, nx = SHAPE[-2:]
    coeffs = np.zeros((3, ny, nx), "f4")
    coeffs[1], coeffs[2] = 1, 1e-7
    dark = np.arange(SHAPE[1], dtype="f4")[:, None, None] * 0.1 + np.zeros((ny, nx), "f4")
    kernel = np.array([[0, -0.01, 0], [-0.01, 1.04, -0.01], [0, -0.01, 0]], "f4")
    mask = np.where(rng.random((ny, nx)) < 0.02, 1, 0).astype("u4")
    mask[:4] |= pixel.REFERENCE_PIXEL
    made = {}
    for name, mode in (("NIRCAM", NIRCAM), ("MIRI", MIRI)):
        both = {"linearity": coeffs, "mask": mask, "superbias": rng.normal(1000, 1, (ny, nx)).astype("f4")}
        both["dark"] = np.stack([dark, dark]) if mode is MIRI else dark
        both["flat"] = rng.normal(1, 0.1, (ny, nx)).astype("f4")
        both["reset"] = (dark[None] + 1).astype("f4")
        made[name] = write_references(folder / f"refs_{name.lower()}", SHAPE, mode, ipc=kernel, **both)
        write_rscd(made[name])
        write_waves(made[name])
    write_traps(made["NIRCAM"], (ny, nx))
    _write_factors(made["NIRCAM"])
    _write_background(made["NIRCAM"], (ny, nx))
    write_wcs_references(made["NIRCAM"])
    return made


def _write_factors(folder):
    factors = np.array(
        [("F200W", "CLEAR", 2, 0.1)], [("filter", "S12"), ("pupil", "S12"), ("photmjsr", "f4"), ("uncertainty", "f4")]
    )
    reference = datamodels.NrcImgPhotomModel(phot_table=factors)
    reference.meta.reftype, reference.meta.instrument.name, reference.meta.instrument.detector = (
        "PHOTOM",
        "NIRCAM",
        "NRCA1",
    )
    reference.save(folder / "photom.fits")


def _write_background(folder, shape):
    (folder / "background").mkdir()
    background = datamodels.ImageModel(np.full(shape, 3, "f4"))
    background.meta.telescope, background.meta.instrument.name, background.meta.instrument.detector = (
        "JWST",
        "NIRCAM",
        "NRCA1",
    )
    background.save(folder / "background" / "b_rate.fits")


@pytest.fixture(scope="module")
def ramps(folder):
    """Exposures with stars, cosmic rays and saturated samples, per instrument."""
    rng = np.random.default_rng(6)
    rate = 10 ** rng.uniform(0, 4, SHAPE[-2:])
    data = 1000 + rate * np.arange(SHAPE[1])[:, None, None] + rng.normal(0, 3, SHAPE)
    data[0, 4:, rng.integers(0, 20, 15), rng.integers(0, 24, 15)] += 3000
    data = np.clip(data, 0, 65535).round().astype("u2")
    return {
        "NIRCAM": write_uncal(folder, data=data, name="nrc_uncal.fits"),
        "MIRI": write_uncal(folder, data=data, mode=MIRI, name="mir_uncal.fits"),
    }


def ramp_for(alias, ramps):
    """An input for the step, in memory."""
    ramp = datamodels.RampModel(datamodels.open(ramps["MIRI" if alias in MIRI_STEPS else "NIRCAM"]))
    if alias == "guider_cds":
        raw = datamodels.GuiderRawModel(ramp.data[:, :2])
        raw.update(ramp)
        raw.meta.exposure.type, raw.meta.exposure.ngroups = "FGS_ACQ1", 2
        return raw
    if alias in COMPARES_INTEGRATIONS:
        cube = datamodels.CubeModel(np.diff(ramp.data[0, :5], axis=0))
        cube.update(ramp)
        cube.var_rnoise = cube.err = np.ones(cube.shape, "f4")
        cube.meta.exposure.type = "NRC_CORON"
        return cube
    if alias in WORKS_ON_RATES:
        image = datamodels.ImageModel(ramp.data[0, 1] - ramp.data[0, 0])
        image.update(ramp)
        image.var_poisson = image.var_rnoise = np.ones(image.shape, "f4")
        image.meta.exposure.gain_factor = 2.0
        point(image)
        if alias == "assign_mtwcs":
            image.meta.target.type, image.meta.wcsinfo.mt_ra, image.meta.wcsinfo.mt_dec = "MOVING", 10.0, -20.0
            image.meta.wcs = tangent_plane()
        if alias in WORKS_ON_THE_SKY:
            image.meta.wcs = tangent_plane(shape=image.shape)
        return image
    if alias == "emicorr":
        ramp.meta.subarray.name = "SUB64"
    if alias == "refpix":
        ramp.pixeldq[:4] = pixel.REFERENCE_PIXEL
    if alias == "group_scale":
        ramp.meta.exposure.nframes, ramp.meta.exposure.frame_divisor = 4, 8
    return ramp


def run(alias, model, references, **parameters):
    folder = references["MIRI" if alias in MIRI_STEPS else "NIRCAM"]
    if alias == "persistence":
        parameters["save_trapsfilled"] = False
    if alias == "background":
        parameters["bkg_list"] = [str(folder / "background" / "b_rate.fits")]
    result = step_of(alias).call(model, references=str(folder), **{"skip": False, **parameters})
    # What works on all exposures together gives them all back.
    return result[0] if isinstance(result, datamodels.ModelContainer) else result


def models_of(result):
    """The models of a result; a step for all exposures together that is skipped returns them as a container."""
    return list(result) if isinstance(result, tuple | list | datamodels.ModelContainer) else [result]


def arrays_of(result):
    return [
        (name, getattr(model, name))
        for model in models_of(result)
        for name in model.specs
        if isinstance(getattr(model, name), np.ndarray)
    ]


@pytest.mark.parametrize("alias", ALIASES)
def test_the_input_is_untouched(alias, ramps, references):
    model = ramp_for(alias, ramps)
    before = {name: value.copy() for name, value in arrays_of(model)}
    meta = model.to_flat_dict(include_arrays=False)
    result = run(alias, model, references)
    assert all(
        np.array_equal(value, before[name], equal_nan=value.dtype.kind == "f") for name, value in arrays_of(model)
    )
    assert model.to_flat_dict(include_arrays=False) == meta
    for one in models_of(result):
        assert one.get_meta(f"meta.cal_step.{step_of(alias).status}") == "COMPLETE"


@pytest.mark.parametrize("alias", ALIASES)
def test_the_same_bits_for_any_number_of_threads(alias, ramps, references, monkeypatch):
    results = []
    cores = {"maximum_cores": "all"} if "maximum_cores" in step_of(alias).parameters_class.model_fields else {}
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        results.append(arrays_of(run(alias, ramp_for(alias, ramps), references, **cores)))
    for other in results[1:]:
        for (name, one), (_, two) in zip(results[0], other, strict=True):
            assert one.tobytes() == two.tobytes(), name


@pytest.mark.parametrize("alias", ALIASES)
def test_skip_passes_the_input_on_unchanged(alias, ramps, references):
    model = ramp_for(alias, ramps)
    result = run(alias, model, references, skip=True)
    assert all(
        np.array_equal(value, getattr(model, name), equal_nan=value.dtype.kind == "f")
        for name, value in arrays_of(result)
    )
    assert all(one.get_meta(f"meta.cal_step.{step_of(alias).status}") == "SKIPPED" for one in models_of(result))


@pytest.mark.parametrize("alias", ALIASES)
def test_data_that_are_all_nan_give_no_error_and_no_numbers(alias, ramps, references):
    model = ramp_for(alias, ramps)
    model.data[...] = np.nan
    result = run(alias, model, references)
    for name, value in arrays_of(result):
        if name == "data":
            assert not np.isfinite(value).any() or (value[np.isfinite(value)] == 0).all()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("flag", ["DO_NOT_USE", "SATURATED"])
def test_data_that_are_all_flagged_are_no_fault(alias, flag, ramps, references):
    model = ramp_for(alias, ramps)
    if alias in {*WORKS_ON_RATES, "guider_cds"}:
        model.dq[...] = pixel[flag]
    else:
        model.pixeldq[...] = pixel[flag]
        model.groupdq[...] = group[flag]
    if (alias, flag) == ("ramp_fit", "SATURATED"):
        with pytest.raises(DataUnusable):
            run(alias, model, references)
        return
    result = run(alias, model, references)
    if alias == "ramp_fit":
        assert all(np.isnan(rate.data).all() and (rate.dq & pixel.DO_NOT_USE).all() for rate in result)


NEED_A_REFERENCE = [alias for alias in ALIASES if step_of(alias).reference_types and step_of(alias).skippable]


@pytest.mark.parametrize(
    "alias",
    [
        alias
        for alias in NEED_A_REFERENCE
        if alias not in ("refpix", "gain_scale", "emicorr", "clean_flicker_noise", "guider_cds", "resample")
    ],
)
def test_without_a_reference_the_step_is_skipped_and_says_so(alias, ramps, tmp_path):
    model = ramp_for(alias, ramps)
    result = step_of(alias).call(model, references=str(tmp_path), skip=False)
    assert result.get_meta(f"meta.cal_step.{step_of(alias).status}") == "SKIPPED"
    assert np.array_equal(result.data, model.data)


@pytest.mark.parametrize("alias", ALIASES)
def test_each_parameter_is_documented(alias):
    cls = step_of(alias)
    assert cls.__doc__ and cls.alias == alias
    for name, field in cls.parameters_class.model_fields.items():
        assert field.description, name


CHANGE_ERRORS = {"ramp_fit", "gain_scale", "guider_cds"}


@pytest.mark.req("ERRPROP-04")
@pytest.mark.parametrize("alias", [name for name in Detector1Pipeline.step_defs if name not in CHANGE_ERRORS])
def test_errors_pass_through_the_other_steps_of_stage_1(alias, ramps, references):
    """Neither changed nor used: the result is the same with other errors."""
    if alias in FULL_FRAMES_ONLY:
        pytest.skip("full frames only: tests/steps/detector/test_picture_frame.py")
    results = []
    for seed in (1, 2):
        model = ramp_for(alias, ramps)
        errors = np.random.default_rng(seed).uniform(1, 9, model.shape).astype("f4")
        model.err = errors.copy()
        results.append(run(alias, model, references))
        assert np.array_equal(results[-1].err, errors)
    assert np.array_equal(results[0].data, results[1].data, equal_nan=True)
    assert np.array_equal(results[0].groupdq, results[1].groupdq)
