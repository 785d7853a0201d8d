"""Members of a container that are given back do not keep the WCS that they have read."""

import gc
import weakref

import cubes
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.models import asdf_tree, left_wcs, stored_wcs
from hexcal.models.container import ModelContainer
from hexcal.models.left_wcs import LeftInFile
from hexcal.models.stored_wcs import wcs_of
from hexcal.models.wcs import arrays


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


def test_it_is_not_read_to_be_left_again(path, monkeypatch):
    container = ModelContainer([str(path)])
    with container.borrowed(0, changed=()) as model:
        assert model.meta.wcs is not None
    with container.borrowed(0, changed=()) as model:
        model.meta.title = "the WCS is not asked for"
    monkeypatch.setattr(asdf_tree, "from_bytes", None)
    for _ in range(2):
        with container.borrowed(0, changed=()):
            pass
    assert held(container).is_unread


def test_the_object_is_handed_back_once(path):
    container = ModelContainer([str(path)])
    with container.borrowed(0, changed=()) as model:
        first = model.meta.wcs
    other = held(container)
    with container.borrowed(0, changed=()) as model:
        assert model.meta.wcs is first
    # What shares the place in the file gets an object of its own.
    again = other.read()
    assert again is not first
    np.testing.assert_array_equal(sky(again), sky(first))


def test_an_object_that_was_changed_meanwhile_is_not_handed_back(path):
    container = ModelContainer([str(path)])
    with container.borrowed(0, changed=()) as model:
        first = model.meta.wcs
    before = sky(first)
    first.bounding_box = ((0, 5), (0, 6))
    with container.borrowed(0, changed=()) as model:
        assert model.meta.wcs is not first
        np.testing.assert_array_equal(sky(model.meta.wcs), before)


def test_only_the_last_few_objects_are_kept(path, monkeypatch):
    monkeypatch.setattr(left_wcs, "_MOST_KEPT", 1)
    containers = [ModelContainer([str(path)]) for _ in range(2)]
    objects = []
    for container in containers:
        with container.borrowed(0, changed=()) as model:
            objects.append(model.meta.wcs)
    assert held(containers[0]).let_go() is None
    assert held(containers[1]).let_go() is objects[1]


@pytest.mark.parametrize(("limit", "most", "is_known"), [(10**9, 0, True), (0, 0, False), (0, 1, True)])
def test_descriptions_stay_large_ones_up_to_a_number(path, monkeypatch, limit, most, is_known):
    monkeypatch.setattr(left_wcs, "_SMALL", limit)
    monkeypatch.setattr(left_wcs, "_MOST_DESCRIBED", most)
    container = ModelContainer([str(path)])
    with container.borrowed(0, changed=()) as model:
        description = wcs_of(model)
    with container.borrowed(0, changed=()) as model:
        assert (wcs_of(model) is description) == is_known
        assert held(container).is_unread == is_known


def test_there_is_room_for_another_large_one_when_one_is_forgotten(path, monkeypatch):
    monkeypatch.setattr(left_wcs, "_SMALL", 0)
    monkeypatch.setattr(left_wcs, "_MOST_DESCRIBED", 1)

    def is_kept_of(container):
        with container.borrowed(0, changed=()) as model:
            assert wcs_of(model) is not None
        return held(container).known_description is not None

    first, second, third = (ModelContainer([str(path)]) for _ in range(3))
    assert is_kept_of(first)
    assert not is_kept_of(second)
    first.close()
    gc.collect()
    assert is_kept_of(third)


def test_files_with_the_same_map_of_slices_share_it(path, monkeypatch):
    monkeypatch.setattr(arrays, "_LARGE", 1000)
    maps = [wcs_of(datamodels.open(path)).pipeline[0].transform.label_mapper.mapper for _ in range(2)]
    assert maps[0] is maps[1]
    assert not maps[0].flags.writeable


def test_a_file_is_forgotten_with_its_wcs_without_a_look_for_garbage(path, tmp_path, monkeypatch):
    monkeypatch.setattr(left_wcs, "_SMALL", 0)
    read, source = weakref.WeakSet(), stored_wcs.Source
    monkeypatch.setattr(stored_wcs, "Source", lambda *given: read.add(made := source(*given)) or made)
    gc.collect()
    gc.disable()
    try:
        container = ModelContainer([str(path)])
        for _ in range(2):
            with container.borrowed(0, changed=()) as model:
                assert wcs_of(model) is not None
                model.save(tmp_path / "a_cal.fits")
                assert len(read) == 1
            del model
            assert not read
    finally:
        gc.enable()
