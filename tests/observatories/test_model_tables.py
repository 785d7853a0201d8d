"""Models that an observatory declares: tables that are not understood are refused with their place."""

import pytest

from hexcal.errors import InputError
from hexcal.models import declared
from hexcal.observatories import Observatory
from hexcal.observatories.model_tables import read_models

MODELS = "model\tbase\treftype\tcomment\n"
ARRAYS = "model\tname\thdu\tdtype\tdimensions\tfill\tshape\n"


@pytest.fixture
def observatory(tmp_path):
    def make(models, arrays=""):
        (tmp_path / "models.tsv").write_text(MODELS + models)
        (tmp_path / "model_arrays.tsv").write_text(ARRAYS + arrays)
        return Observatory("exo", "EXO", str(tmp_path), ("ONE", "TWO"))

    return make


def test_no_tables_no_models(tmp_path):
    assert read_models(str(tmp_path)) == ()
    assert Observatory("exo", "EXO", str(tmp_path)).exposure_types == frozenset()


def test_tables_become_classes(observatory):
    made = declared.classes(
        observatory(
            "One\tExposureModel\t\tone\nTwo\tOne\tdark\ttwo\n",
            "One\tdata\tSCI\tf4\t2|3\t\tprimary\nOne\tdq\tDQ\tu4\t\t0\timage\nTwo\tmore\tMORE\tf8\t1\t\t\n",
        )
    )
    one, two = made["One"], made["Two"]
    assert (one.primary, one.specs["data"].ndim, one.__doc__) == ("data", (2, 3), "one")
    assert one.specs["dq"].shape_of((2, 3, 4)) == (3, 4)
    assert issubclass(two, one)
    assert (two.primary, list(two.specs)) == ("data", ["data", "dq", "more"])
    # With two instruments there is none to begin with.
    assert two.starts_with == (("meta.telescope", "EXO"), ("meta.reftype", "DARK"))


@pytest.mark.parametrize(
    ("models", "arrays", "match"),
    [
        ("One\tExposurModel\t\t\n", "", "unknown model to extend 'ExposurModel'.*did you mean 'ExposureModel'"),
        ("One\tno.such.place:Class\t\t\n", "", "no.such.place:Class cannot be found.*No module named"),
        ("One\tos:nothing\t\t\n", "", "os:nothing cannot be found.*nothing"),
        ("One\tos:getcwd\t\t\n", "", "must be a subclass of DataModel"),
        ("One\tDataModel\t\t\n", "Won\tdata\tSCI\tf4\t2\t\t\n", "an array of 'Won', which is not in models.tsv"),
        (
            "One\tDataModel\t\t\n",
            "One\tdata\tSCI\tf4\ttwo\t\t\n",
            "must be numbers, found 'two'.*model_arrays.tsv, One",
        ),
        ("One\tDataModel\t\t\n", "One\tdata\tSCI\tf4\t2\tno\twhole\n", "must be numbers"),
        ("One\tDataModel\t\t\n", "One\tdata\tSCI\tf4\t2\t0\t\n", "needs the shape whole or image"),
        ("One\tDataModel\t\t\n", "One\tdata\tSCI\tf4\t2\t0\tround\n", "needs the shape whole or image"),
        ("One\tDataModel\t\t\n", "One\tdata\tSCI\tf99\t2\t\t\n", "f99.*is not a type"),
        ("One\tDataModel\n", "", "4 columns are required, 2 found"),
    ],
)
def test_tables_that_are_not_understood(observatory, models, arrays, match):
    with pytest.raises(InputError, match=f"(?s){match}"):
        dict(declared.classes(observatory(models, arrays)))
