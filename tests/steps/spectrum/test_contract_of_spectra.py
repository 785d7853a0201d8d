"""The contract of steps (tests/steps/test_contract.py) for those that need slits with coordinates."""

import numpy as np
import pytest
from tilted_slits import smooth, star, tilted_slit

from hexcal.core import registry
from hexcal.models.dqflags import pixel

ALIASES = ["resample_spec", "extract_1d"]


def input_of(alias):
    return tilted_slit(star(), smooth)


def run(alias, model, **parameters):
    given = {"override_extract1d": "N/A", "override_apcorr": "N/A"} if alias == "extract_1d" else {}
    return registry.find(alias).call(model, **given, **parameters)


def arrays_of(model):
    parts = model.parts() if hasattr(model, "parts") and model.parts() else [model]
    return [
        (f"{number} {name}", np.asarray(getattr(part, name)))
        for number, part in enumerate(parts)
        for name in part.specs
        if getattr(part, name) is not None
    ]


@pytest.mark.parametrize("alias", ALIASES)
def test_the_input_is_untouched(alias):
    model = input_of(alias)
    before = {name: value.copy() for name, value in arrays_of(model)}
    meta = model.to_flat_dict(include_arrays=False)
    result = run(alias, model)
    after = dict(arrays_of(model))
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert {k: v for k, v in model.to_flat_dict(include_arrays=False).items() if k != "meta.wcs"} == {
        k: v for k, v in meta.items() if k != "meta.wcs"
    }
    assert result.get_meta(f"meta.cal_step.{registry.find(alias).status}") == "COMPLETE"


@pytest.mark.parametrize("alias", ALIASES)
def test_the_same_bits_for_any_number_of_threads(alias, monkeypatch):
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        results.append(arrays_of(run(alias, input_of(alias))))
    for other in results[1:]:
        for (name, one), (_, two) in zip(results[0], other, strict=True):
            assert one.tobytes() == two.tobytes(), name


@pytest.mark.parametrize("alias", ALIASES)
def test_skip_passes_the_input_on_unchanged(alias):
    model = input_of(alias)
    result = run(alias, model, skip=True)
    assert all(
        one.tobytes() == two.tobytes() for (_, one), (_, two) in zip(arrays_of(model), arrays_of(result), strict=True)
    )
    assert result.get_meta(f"meta.cal_step.{registry.find(alias).status}") == "SKIPPED"


@pytest.mark.parametrize("alias", ALIASES)
def test_data_that_are_all_nan_give_no_error_and_no_numbers(alias):
    model = input_of(alias)
    model.data[...] = np.nan
    for name, value in arrays_of(run(alias, model)):
        if name.endswith(" data"):
            assert not np.isfinite(value).any() or (value[np.isfinite(value)] == 0).all()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("flag", ["DO_NOT_USE", "SATURATED"])
def test_data_that_are_all_flagged_are_no_fault(alias, flag):
    model = input_of(alias)
    model.dq[...] = pixel[flag]
    assert run(alias, model) is not None


@pytest.mark.parametrize("alias", ALIASES)
def test_each_parameter_is_documented(alias):
    cls = registry.find(alias)
    assert cls.__doc__ and cls.alias == alias
    for name, field in cls.parameters_class.model_fields.items():
        assert field.description, name
