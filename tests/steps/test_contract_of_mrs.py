"""The contract of steps (tests/steps/test_contract.py) for those of MIRI MRS, which work on full frames."""

import miri_spectra as miri
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.core import registry
from hexcal.models.dqflags import pixel

ALIASES = ["straylight", "fringe", "srctype", "badpix_selfcal"]
SHAPE = (1024, 1032)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mrs_contract")
    rng = np.random.default_rng(3)
    columns = ("yrow", "lor_fwhm", "lor_scale", "gau_fwhm", "gau_xoff", "gau_scale1", "gau_scale2")
    rows = [(y, 100, 4e-5, 10, 25, 2e-4, 1e-4) for y in range(SHAPE[0])]
    table = np.array(rows, [(name, "i2" if name == "yrow" else "f4") for name in columns])
    cross = datamodels.MirMrsXArtCorrModel(ch1a_table=table, ch2a_table=table)
    fringe = datamodels.FringeModel(data=rng.normal(1, 0.1, SHAPE).astype("f4"))
    for model, name in ((cross, "mrsxartcorr"), (fringe, "fringe")):
        model.update({"meta": {"telescope": "JWST", "reftype": name.upper(), "instrument": {"name": "MIRI"}}})
        model.save(folder / f"{name}.fits")
    return folder


def exposure():
    rng = np.random.default_rng(7)
    data = rng.normal(0.1, 0.05, SHAPE).astype("f4")
    data[:, 40:480] += 50.0
    data[rng.integers(0, 1024, 99), rng.integers(0, 1032, 99)] = np.nan
    return miri.mrs_exposure(data)


def arrays_of(model):
    return {name: array for name in model.specs if isinstance(array := getattr(model, name), np.ndarray)}


def run(alias, model, folder, **parameters):
    own = {"force_single": True} if alias == "badpix_selfcal" else {}
    return registry.find(alias).call(model, references=str(folder), **{"skip": False, **own, **parameters})


@pytest.mark.parametrize("alias", ALIASES)
def test_the_input_is_untouched(alias, folder):
    model = exposure()
    before = {name: array.copy() for name, array in arrays_of(model).items()}
    meta = model.to_flat_dict(include_arrays=False)
    result = run(alias, model, folder)
    assert all(before[name].tobytes() == array.tobytes() for name, array in arrays_of(model).items())
    assert model.to_flat_dict(include_arrays=False) == meta
    assert result.get_meta(f"meta.cal_step.{registry.find(alias).status}") == "COMPLETE"


@pytest.mark.parametrize("alias", ALIASES)
def test_the_same_bits_for_any_number_of_threads(alias, folder, monkeypatch):
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        results.append(arrays_of(run(alias, exposure(), folder)))
    assert all(results[0][name].tobytes() == results[1][name].tobytes() for name in results[0])


@pytest.mark.parametrize("alias", ALIASES)
def test_skip_passes_the_input_on_unchanged(alias, folder):
    model = exposure()
    result = run(alias, model, folder, skip=True)
    assert all(
        np.array_equal(array, getattr(model, name), equal_nan=name != "dq") for name, array in arrays_of(result).items()
    )
    assert result.get_meta(f"meta.cal_step.{registry.find(alias).status}") == "SKIPPED"


@pytest.mark.parametrize("alias", ALIASES)
def test_data_that_are_all_nan_or_flagged_are_no_fault(alias, folder):
    model = exposure()
    model.data[...] = np.nan
    assert not np.isfinite(run(alias, model, folder).data).any()
    model = exposure()
    model.dq[...] = pixel.DO_NOT_USE
    run(alias, model, folder)


@pytest.mark.parametrize("alias", [alias for alias in ALIASES if registry.find(alias).reference_types])
def test_without_a_reference_the_step_is_skipped_and_says_so(alias, tmp_path, caplog):
    result = run(alias, exposure(), tmp_path)
    assert result.get_meta(f"meta.cal_step.{registry.find(alias).status}") == "SKIPPED"
    assert "reference" in caplog.text


@pytest.mark.parametrize("alias", ALIASES)
def test_each_parameter_is_documented(alias):
    cls = registry.find(alias)
    for name, field in cls.parameters_class.model_fields.items():
        assert field.description, f"{alias}.{name}"
