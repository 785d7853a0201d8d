"""Members of a container that are given back do not keep the WCS that they have read."""

import cubes
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.models.container import ModelContainer
from hexcal.models.stored_wcs import LeftInFile


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("left")
    cubes.exposure(cubes.write_references(folder)).save(folder / "a_cal.fits")
    return folder / "a_cal.fits"


def held(container):
    return container._members[0].model.contents.tree["meta"]["wcs"]


def sky(wcs):
    return np.array(wcs(np.arange(10.0, 30.0), np.full(20, 7.0), with_bounding_box=False))


def test_it_is_read_again(path, tmp_path):
    container = ModelContainer([str(path)])
    with container.borrowed(0, changed=()) as model:
        before, model.meta.title = sky(model.meta.wcs), "something to keep"
    assert isinstance(held(container), LeftInFile)
    with container.borrowed(0, changed=()) as model:
        np.testing.assert_array_equal(sky(model.meta.wcs), before)
        assert model.meta.title == "something to keep"
    # As it is: what nobody asks for is written as it stands in the file.
    container.borrow(0).save(tmp_path / "b_cal.fits")
    np.testing.assert_array_equal(sky(datamodels.open(tmp_path / "b_cal.fits").meta.wcs), before)


def test_one_that_was_changed_stays(path):
    container = ModelContainer([str(path)])
    with container.borrowed(0, changed=()) as model:
        model.meta.wcs.bounding_box = ((0, 5), (0, 6))
    with container.borrowed(0, changed=()) as model:
        assert model.meta.wcs.bounding_box.intervals[0].upper in (5, 6)
