"""mrs_imatch: differences of background that were put in are found, and taken out where that is asked for."""

import cubes
import miri_spectra as miri
import numpy as np
import pytest

from hexcal.datamodels import ModelContainer
from hexcal.errors import InputError
from hexcal.step import MRSIMatchStep
from hexcal.steps.spectrum.intensity_matching import matched
from hexcal.steps.spectrum.mrs_imatch import apply_background_2d


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cubes.write_references(tmp_path_factory.mktemp("imatch"))


def _exposures(folder, *levels):
    def scene(level):
        return lambda ra, dec, w: 20 + level(3600 * (ra - 53.16), 3600 * (dec + 27.79), w)

    return [cubes.exposure(folder, scene(level)) for level in levels]


@pytest.mark.req("IMATCH-02", "IMATCH-03")
def test_polynomials_that_were_put_in_come_back_but_for_their_mean():
    rng = np.random.default_rng(1)
    coordinates = tuple(rng.uniform(-1, 1, 400) for _ in range(3))
    true = rng.normal(0, 1, (3, 2, 2, 2))
    values = [np.polynomial.polynomial.polyval3d(*coordinates, c) + 5 for c in true]
    values[0][::7] = np.nan
    errors = [np.full(400, error) for error in (0.1, 0.2, 0.3)]
    found = matched(values, errors, coordinates, 1)
    assert np.allclose(found, true - true.mean(axis=0), atol=1e-8)
    assert np.isnan(matched([np.full(400, np.nan)] * 2, errors[:2], coordinates, 1)).all()


@pytest.mark.req("IMATCH-01", "IMATCH-06", "IMATCH-07")
def test_differences_are_taken_out(folder):
    models = _exposures(
        folder, lambda x, y, w: 1 + 0 * x, lambda x, y, w: -2 + 0.3 * (w - 6), lambda x, y, w: 0.4 * x + 0 * w
    )
    before = [model.data.copy() for model in models]
    kept = MRSIMatchStep.call(models)
    assert all(np.array_equal(model.data, data) for model, data in zip(kept, before, strict=True))
    assert not kept[0].meta.background.subtracted and len(kept[0].meta.background.polynomial_info) == 2
    result = MRSIMatchStep.call(models, subtract=True)
    seen = before[0] != 0
    mean = np.mean(before, axis=0)
    for model, data in zip(result, before, strict=True):
        assert np.abs(data - mean)[seen].max() > 0.5
        assert np.abs(model.data - mean)[seen].max() < 0.06
        assert model.meta.background.subtracted and model.meta.cal_step.mrs_imatch == "COMPLETE"
        assert np.array_equal(model.data[~seen], data[~seen])


@pytest.mark.req("IMATCH-04")
def test_a_source_does_not_count(folder):
    models = _exposures(folder, lambda x, y, w: 1 + 0 * x, lambda x, y, w: -1 + 0 * x)
    models[1].data[10:20, 8:10] += 500
    result = MRSIMatchStep.call(models, subtract=True)
    calm = (models[0].data != 0) & (models[1].data < 100)
    assert np.abs(result[0].data - result[1].data)[calm].max() < 0.1


@pytest.mark.req("IMATCH-08")
def test_polynomials_are_subtracted_and_added_back(folder):
    models = _exposures(folder, lambda x, y, w: 1 + 0 * x, lambda x, y, w: -1 + 0 * x)
    model = MRSIMatchStep.call(models)[0]
    data = model.data.copy()
    apply_background_2d(model, channel=1)
    changed = model.data != data
    assert changed.any() and not changed[:, 40:].any()
    apply_background_2d(model, channel="1", subtract=False)
    assert np.allclose(model.data, data, atol=1e-5)
    apply_background_2d(model, channel=["1", 2])
    assert (model.data != data)[:, 40:].any()
    with pytest.raises(InputError, match="channel"):
        apply_background_2d(model, channel=4)
    with pytest.raises(InputError, match="mrs_imatch first"):
        apply_background_2d(models[0])


@pytest.mark.req("IMATCH-05")
def test_skipped_where_nothing_can_be_matched(folder, caplog):
    models = _exposures(folder, lambda x, y, w: 1 + 0 * x, lambda x, y, w: 0 * x)
    alone = MRSIMatchStep.call(models[:1])
    assert alone[0].meta.cal_step.mrs_imatch == "SKIPPED"
    models[1].data[...] = np.nan
    result = MRSIMatchStep.call(models, subtract=True)
    assert result[0].meta.cal_step.mrs_imatch == "SKIPPED" and "cannot be compared" in caplog.text
    assert np.array_equal(result[0].data, models[0].data)


@pytest.mark.req("IMATCH-09")
def test_a_list_or_a_container_of_exposures_with_coordinates(folder):
    models = _exposures(folder, lambda x, y, w: 1 + 0 * x, lambda x, y, w: -1 + 0 * x)
    of_list, of_container = (MRSIMatchStep.call(given, subtract=True) for given in (models, ModelContainer(models)))
    for one, two in zip(of_list, of_container, strict=True):
        assert np.array_equal(one.data, two.data) and one.meta.cal_step.mrs_imatch == "COMPLETE"
    with pytest.raises(InputError, match="assign_wcs"):
        MRSIMatchStep.call([models[0], miri.mrs_exposure()])
