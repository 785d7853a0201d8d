"""The contract of steps (tests/steps/test_contract.py) for those of NIRSpec that need open slits."""

import nirspec_spectra as nirspec
import numpy as np
import pytest

from hexcal.core import registry
from hexcal.models.dqflags import pixel

ALIASES = ["assign_wcs", "extract_2d", "msa_flagging", "wavecorr"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Step -> its input, and its parameters."""
    folder = nirspec.write_references(tmp_path_factory.mktemp("nirspec"))
    references = nirspec.overrides(folder)
    assigned = registry.find("assign_wcs").call(nirspec.exposure(), **references)
    slits = registry.find("extract_2d").call(assigned)
    for slit in slits.slits:
        slit.source_type, slit.source_xpos = "POINT", 0.1
    types = registry.find("msa_flagging").reference_types
    flagging = {name: path for name, path in references.items() if name.removeprefix("override_") in types}
    flagging["override_msaoper"] = nirspec.write_msaoper(folder / "msaoper.json", (3, 180, 4))
    table = nirspec.write_wavecorr(folder / "wavecorr.asdf", "S200A1")
    return {
        "assign_wcs": (nirspec.exposure(), references),
        "extract_2d": (assigned, {}),
        "msa_flagging": (nirspec.exposure("NRS_MSASPEC"), flagging),
        "wavecorr": (slits, {"override_wavecorr": table}),
    }


@pytest.fixture
def case(made):
    def of(alias):
        model, parameters = made[alias]
        return model.copy(), parameters

    return of


def run(alias, model, **parameters):
    return registry.find(alias).call(model, **parameters)


def arrays_of(model):
    parts = model.parts() if hasattr(model, "parts") and model.parts() else [model]
    return [
        (f"{number} {name}", np.asarray(getattr(part, name)))
        for number, part in enumerate(parts)
        for name in part.specs
        if getattr(part, name) is not None
    ]


@pytest.mark.parametrize("alias", ALIASES)
def test_the_input_is_untouched(alias, case):
    model, parameters = case(alias)
    before = {name: value.copy() for name, value in arrays_of(model)}
    meta = {k: v for k, v in model.to_flat_dict(include_arrays=False).items() if not k.endswith("wcs")}
    result = run(alias, model, **parameters)
    after = dict(arrays_of(model))
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert {k: v for k, v in model.to_flat_dict(include_arrays=False).items() if not k.endswith("wcs")} == meta
    assert result.get_meta(f"meta.cal_step.{registry.find(alias).status}") == "COMPLETE"


@pytest.mark.parametrize("alias", ALIASES)
def test_the_same_bits_for_any_number_of_threads(alias, case, monkeypatch):
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        model, parameters = case(alias)
        results.append(arrays_of(run(alias, model, **parameters)))
    for other in results[1:]:
        for (name, first), (_, second) in zip(results[0], other, strict=True):
            assert first.tobytes() == second.tobytes(), name


@pytest.mark.parametrize("alias", ALIASES)
def test_skip_passes_the_input_on_unchanged(alias, case):
    model, _ = case(alias)
    result = run(alias, model, skip=True)
    pairs = zip(arrays_of(model), arrays_of(result), strict=True)
    assert all(first.tobytes() == second.tobytes() for (_, first), (_, second) in pairs)
    assert result.get_meta(f"meta.cal_step.{registry.find(alias).status}") == "SKIPPED"


@pytest.mark.parametrize("alias", ALIASES)
def test_data_that_are_all_nan_give_no_error_and_no_numbers(alias, case):
    model, parameters = case(alias)
    for part in model.parts() if hasattr(model, "parts") else [model]:
        part.data[...] = np.nan
    for name, value in arrays_of(run(alias, model, **parameters)):
        assert not name.endswith(" data") or np.isnan(value).all()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("flag", ["DO_NOT_USE", "SATURATED"])
def test_data_that_are_all_flagged_are_no_fault(alias, flag, case):
    model, parameters = case(alias)
    for part in model.parts() if hasattr(model, "parts") else [model]:
        part.dq[...] = pixel[flag]
    assert run(alias, model, **parameters) is not None


@pytest.mark.parametrize("alias", ALIASES)
def test_each_parameter_is_documented(alias):
    cls = registry.find(alias)
    assert cls.__doc__ and cls.alias == alias
    for name, field in cls.parameters_class.model_fields.items():
        assert field.description, name
