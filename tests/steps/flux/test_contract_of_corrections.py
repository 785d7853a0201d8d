"""The contract of steps (tests/steps/test_contract.py) for the corrections of slits."""

import numpy as np
import pytest
import slit_references
from slits import make_slits

from hexcal.core import registry
from hexcal.models.dqflags import pixel

NEED_REFERENCES = ["flat_field", "pathloss", "barshadow", "photom"]
ALIASES = [*NEED_REFERENCES, "pixel_replace"]


def make(alias):
    """Slits with structure in them."""
    slits = make_slits(("S200A1", "S400A1"), "NRS_MSASPEC" if alias == "barshadow" else "NRS_FIXEDSLIT")
    rng = np.random.default_rng(8)
    for slit in slits.slits:
        slit.data[:] = rng.normal(10, 1, slit.shape)
        slit.dq[2, 3] = pixel.SATURATED
    return slits


def run(alias, model, **parameters):
    given = {f"override_{name}": reference for name, reference in slit_references.of(alias).items()}
    return registry.find(alias).call(model, **{**given, "skip": False, **parameters})


def arrays_of(model):
    return [
        (f"{number} {name}", np.asarray(getattr(part, name)))
        for number, part in enumerate(model.slits)
        for name in part.specs
        if getattr(part, name) is not None
    ]


def status_of(alias, model):
    return model.get_meta(f"meta.cal_step.{registry.find(alias).status}")


@pytest.mark.parametrize("alias", ALIASES)
def test_the_input_is_untouched(alias):
    model = make(alias)
    before = {name: value.copy() for name, value in arrays_of(model)}
    result = run(alias, model)
    after = dict(arrays_of(model))
    assert {name: value.tobytes() for name, value in before.items()} == {
        name: value.tobytes() for name, value in after.items()
    }
    assert status_of(alias, model) is None and status_of(alias, result) == "COMPLETE"


@pytest.mark.parametrize("alias", ALIASES)
def test_the_same_bits_for_any_number_of_threads(alias, monkeypatch):
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        results.append(arrays_of(run(alias, make(alias))))
    for other in results[1:]:
        for (name, one), (_, two) in zip(results[0], other, strict=True):
            assert one.tobytes() == two.tobytes(), name


@pytest.mark.parametrize("alias", ALIASES)
def test_skip_passes_the_input_on_unchanged(alias):
    model = make(alias)
    result = run(alias, model, skip=True)
    assert all(
        one.tobytes() == two.tobytes() for (_, one), (_, two) in zip(arrays_of(model), arrays_of(result), strict=True)
    )
    assert status_of(alias, result) == "SKIPPED"


@pytest.mark.parametrize("alias", NEED_REFERENCES)
def test_without_a_reference_the_step_is_skipped(alias):
    overrides = {f"override_{name}": "N/A" for name in slit_references.of(alias)}
    result = run(alias, make(alias), **overrides)
    assert status_of(alias, result) == "SKIPPED"


@pytest.mark.parametrize("alias", ALIASES)
def test_data_that_are_all_nan_stay_so(alias):
    model = make(alias)
    model.slits[0].data[...] = np.nan
    result = run(alias, model)
    assert np.isnan(result.slits[0].data).all() and np.isfinite(result.slits[1].data).any()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("flag", ["DO_NOT_USE", "SATURATED"])
def test_data_that_are_all_flagged_are_no_fault(alias, flag):
    model = make(alias)
    for slit in model.slits:
        slit.dq[...] = pixel[flag]
    result = run(alias, model)
    assert status_of(alias, result) == "COMPLETE"
    assert all((slit.dq & pixel[flag]).all() for slit in result.slits)
