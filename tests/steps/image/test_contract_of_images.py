"""The contract of steps (tests/steps/test_contract.py) for those that need images with sources."""

import numpy as np
import pytest
from mosaics import mosaic, write_references
from star_fields import exposure, stars

from hexcal import datamodels
from hexcal.core import registry
from hexcal.models.dqflags import pixel

PARAMETERS = {
    "tweakreg": {"starfinder": "iraf", "sharplo": 0.5, "sharphi": 2.0, "roundlo": 0.0, "roundhi": 0.3},
    "skymatch": {"subtract": True},
    "source_catalog": {},
}


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    return write_references(tmp_path_factory.mktemp("references"))


@pytest.fixture(scope="module")
def exposures():
    sky = stars(40)
    return [exposure(sky, (0.2 * k, 0.1), (0.05 * k, 0.0, 0.0), k + 1, level=0.2 + 0.1 * k) for k in range(3)]


def inputs_of(alias, exposures):
    return mosaic() if alias == "source_catalog" else [image.copy() for image in exposures]


def run(alias, images, references, **parameters):
    return registry.find(alias).call(images, references=str(references), **PARAMETERS[alias], **parameters)


def listed(images):
    return list(images) if isinstance(images, list | datamodels.ModelContainer) else [images]


def arrays_of(result):
    if hasattr(result, "colnames"):
        columns = {name: column for name, column in result.items() if not hasattr(column, "ra")}
        return [(name, np.asarray(getattr(column, "value", column))) for name, column in columns.items()]
    return [
        (f"{number} {name}", getattr(model, name))
        for number, model in enumerate(listed(result))
        for name in ("data", "err", "dq")
    ]


def places_of(result):
    return [] if hasattr(result, "colnames") else [np.array(model.meta.wcs(10.0, 20.0)) for model in listed(result)]


@pytest.mark.parametrize("alias", PARAMETERS)
def test_the_input_is_untouched(alias, exposures, references):
    images = inputs_of(alias, exposures)
    before = [(array.copy(), name) for name, array in arrays_of(images)]
    places = places_of(images)
    metas = [model.to_flat_dict(include_arrays=False) for model in listed(images)]
    result = run(alias, images, references)
    assert all(np.array_equal(array, now) for (array, _), (_, now) in zip(before, arrays_of(images), strict=True))
    assert np.array_equal(places, places_of(images))
    for model, meta in zip(listed(images), metas, strict=True):
        after = model.to_flat_dict(include_arrays=False)
        assert {name: value for name, value in after.items() if name != "meta.wcs"} == {
            name: value for name, value in meta.items() if name != "meta.wcs"
        }
    if alias != "source_catalog":
        assert {model.get_meta(f"meta.cal_step.{alias}") for model in result} == {"COMPLETE"}


@pytest.mark.parametrize("alias", PARAMETERS)
def test_the_same_bits_for_any_number_of_threads(alias, exposures, references, monkeypatch):
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        result = run(alias, inputs_of(alias, exposures), references)
        results.append([*arrays_of(result), *(("place", place) for place in places_of(result))])
    for other in results[1:]:
        for (name, one), (_, two) in zip(results[0], other, strict=True):
            assert one.tobytes() == two.tobytes(), name


@pytest.mark.parametrize("alias", PARAMETERS)
def test_skip_passes_the_input_on_unchanged(alias, exposures, references):
    images = inputs_of(alias, exposures)
    result = run(alias, images, references, skip=True)
    for (name, one), (_, two) in zip(arrays_of(images), arrays_of(result), strict=True):
        assert np.array_equal(one, two), name
    assert {model.get_meta(f"meta.cal_step.{alias}") for model in listed(result)} == {"SKIPPED"}


@pytest.mark.parametrize("alias", PARAMETERS)
@pytest.mark.parametrize("case", ["nan", "flagged"])
def test_images_without_a_usable_pixel_are_no_fault(alias, case, exposures, references):
    images = inputs_of(alias, exposures)
    for image in listed(images):
        if case == "nan" or alias == "source_catalog":
            image.data[...] = np.nan
        else:
            image.dq[...] = pixel.DO_NOT_USE
    result = run(alias, images, references)
    assert {model.get_meta(f"meta.cal_step.{alias}") for model in listed(result)} == {"SKIPPED"}


def test_a_missing_reference_leaves_the_catalogue_out(references, caplog):
    result = registry.find("source_catalog").call(mosaic(), references=str(references), override_apcorr="N/A")
    assert result.meta.cal_step.source_catalog == "SKIPPED"
