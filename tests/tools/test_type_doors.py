"""Type checkers see the public modules as they are: the stubs hold every name, and every array of a declared model."""

import pytest
from type_doors import DOORS, SOURCE, stub


@pytest.mark.parametrize("door", DOORS)
def test_the_stub_of_a_public_module_is_up_to_date(door):
    assert (SOURCE / DOORS[door]).read_text(encoding="utf-8") == stub(door), "run `make format`, which writes the stubs"


def test_a_declared_model_has_its_arrays_and_parts():
    text = stub("hexcal.datamodels")
    assert "from hexcal.models.open import open as open" in text
    assert "class IRISImageModel(" in text
    body = text.partition("class MultiSpecModel(")[2].partition("\nclass ")[0]
    assert "spec: list[SpecModel]" in body
