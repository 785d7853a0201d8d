"""Members of a container that are borrowed and given back.

What was changed waits in files, and the memory does not grow with their number.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.datamodels import ImageModel, ModelContainer
from hexcal.errors import InputError, ResourceError
from hexcal.models import scratch

pytestmark = pytest.mark.usefixtures("signals_reach_children")

SIZE = 200
"""Large enough for the arrays to be put into files."""


@pytest.fixture
def paths(tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("HEXCAL_SCRATCH", str(tmp_path / "scratch"))
    for number in range(3):
        model = ImageModel(np.full((SIZE, SIZE), number, np.float32), err=np.ones((SIZE, SIZE), np.float32))
        model.save(tmp_path / f"{number}_cal.fits")
    return [tmp_path / f"{number}_cal.fits" for number in range(3)]


def in_scratch(paths):
    return sorted(path.name for path in (paths[0].parent / "scratch").rglob("*.npy"))


def test_changes_are_kept_when_a_member_is_given_back(paths):
    container = ModelContainer(paths)
    for exposure in container.each(changed=["dq"]):
        exposure.dq[3, 4] = 1
        exposure.meta.observation.visit_number = "7"
        assert exposure.err[0, 0] == 1
    assert len(in_scratch(paths)) == 3
    assert [(int(one.dq.sum()), one.meta.observation.visit_number) for one in container.each()] == [(1, "7")] * 3
    # An array that was not named is as it was in the file.
    with container.borrowed(0, changed=["dq"]) as exposure:
        exposure.data[:] = 9
    assert [float(one.data[0, 0]) for one in container.each()] == [0, 1, 2]
    assert datamodels.open(paths[0]).dq.sum() == 0


def test_what_is_given_back_unchanged_is_as_before(paths):
    container = ModelContainer(paths)
    with container.borrowed(0, changed=False) as exposure:
        exposure.data[:] = 9
        exposure.meta.observation.visit_number = "7"
    with container.borrowed(0) as exposure:
        assert exposure.data[0, 0] == 0 and exposure.meta.observation.visit_number is None
        exposure.data[:] = 5
    with container.borrowed(0, changed=False) as exposure:
        assert exposure.data[0, 0] == 5
        exposure.data[:] = 6
    with container.borrowed(0, changed=()) as exposure:
        assert exposure.data[0, 0] == 5


def test_a_member_that_was_changed_twice_has_both_changes(paths):
    container = ModelContainer(paths)
    for step in (1, 2):
        for exposure in container.each(changed=["data"]):
            exposure.data += step
    assert [float(one.data[0, 0]) for one in container.each()] == [3, 4, 5]
    assert len(in_scratch(paths)) == 3


def test_a_failure_forgets_the_changes_and_gives_the_member_back(paths):
    container = ModelContainer(paths)
    with pytest.raises(ZeroDivisionError), container.borrowed(1) as exposure:
        exposure.data[:] = 1 / 0
    assert container.borrow(1).data[0, 0] == 1


def test_a_member_is_lent_to_one_user_at_a_time(paths):
    container = ModelContainer(paths)
    container.borrow(0)
    with pytest.raises(InputError, match="borrowed already") as caught:
        container.borrow(0)
    assert "0_cal.fits" in str(caught.value)
    container.give_back(0)
    with pytest.raises(InputError, match="not borrowed"):
        container.give_back(0)


def test_another_model_can_take_the_place_of_a_member(paths):
    container = ModelContainer(paths)
    container.borrow(0)
    container.give_back(0, model=ImageModel(np.full((SIZE, SIZE), 8, np.float32)))
    assert [float(one.data[0, 0]) for one in container.each()] == [8, 1, 2]


def test_models_handed_over_open_stay_in_memory(paths):
    models = [ImageModel((SIZE, SIZE)), ImageModel((SIZE, SIZE))]
    container = ModelContainer(models)
    for exposure in container.each(changed=["data"]):
        exposure.data += 1
    assert models[0].data[0, 0] == 1 and not in_scratch(paths)
    container.in_memory = False
    for exposure in container.each(changed=["dq"]):
        exposure.dq[0, 0] = 1
        assert exposure.data[0, 0] == 1
    assert in_scratch(paths) and [int(one.dq.sum() + one.data[1, 1]) for one in container.each()] == [2, 2]


def test_in_memory_writes_no_files(paths):
    container = ModelContainer(paths, in_memory=True)
    for exposure in container.each(changed=True):
        exposure.data += 1
    assert [float(one.data[0, 0]) for one in container.each()] == [1, 2, 3] and not in_scratch(paths)


def test_a_model_taken_from_the_list_stays_the_same_object(paths):
    container = ModelContainer(paths)
    first = container[0]
    first.data[:] = 4
    with container.borrowed(0) as exposure:
        assert exposure is first
    assert container[0] is first and first.data[0, 0] == 4 and not in_scratch(paths)


def test_a_copy_is_independent_of_changes_that_wait_in_files(paths):
    container = ModelContainer(paths)
    for exposure in container.each(changed=True):
        exposure.data += 1
    copy = container.copy()
    for exposure in copy.each(changed=True):
        exposure.data += 10
    assert [float(one.data[0, 0]) for one in container.each()] == [1, 2, 3]
    assert [float(one.data[0, 0]) for one in copy.each()] == [11, 12, 13]


def test_the_files_go_with_the_container(paths):
    container = ModelContainer(paths)
    for exposure in container.each(changed=True):
        exposure.data += 1
    kept = container.borrow(2)
    assert in_scratch(paths)
    del container, exposure
    assert not list((paths[0].parent / "scratch").iterdir())
    assert kept.data[0, 0] == 3


def test_a_full_disk_is_said_with_the_way_out(paths, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch.np, "save", full)
    with pytest.raises(ResourceError, match="No space left") as caught, ModelContainer(paths).borrowed(0) as exposure:
        exposure.data += 1
    assert "HEXCAL_SCRATCH" in str(caught.value) and not in_scratch(paths)


def test_memory_does_not_grow_with_the_number_of_members(tmp_path):
    code = """
        import resource, sys
        import numpy as np
        from hexcal.datamodels import ImageModel, ModelContainer

        count = int(sys.argv[1])
        ImageModel(np.zeros((1024, 1024), np.float32)).save("a_cal.fits")
        container = ModelContainer(["a_cal.fits"] * count)
        for _ in range(2):
            for exposure in container.each(changed=["data", "dq"]):
                exposure.data += 1
                exposure.dq[:] = 3
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", textwrap.dedent(code), str(count)],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for count in (2, 12)
    ]
    # A member is 8 MB; ten more of them would be 80.
    assert peaks[1] - peaks[0] < 16_000


def test_a_hundred_members_are_opened_for_their_metadata_in_a_second(paths):
    links = [paths[0].with_name(f"link{number}_cal.fits") for number in range(100)]
    for link in links:
        os.link(paths[0], link)
    begun = time.process_time()
    container = ModelContainer(links)
    assert [model.meta.model_type for model in container.each()] == ["ImageModel"] * 100
    assert time.process_time() - begun < 1
    assert not container._scratch.folder


ENDING = """
    import os, sys, time
    from hexcal.core import Step
    class Changing(Step):
        alias = "changing"
        input_model = "ImageContainer"

        def process(self, exposures):
            for exposure in exposures.each(changed=["data"]):
                exposure.data += 1
            open("changed", "w").close()
            if sys.argv[1] == "failure":
                raise RuntimeError("as it happens")
            time.sleep(0 if sys.argv[1] == "success" else 60)
            return exposures

    Changing.call([f"{number}_cal.fits" for number in range(3)], save_results=True)
"""


@pytest.mark.parametrize("how", ["success", "failure", signal.SIGINT, signal.SIGTERM])
def test_the_scratch_folder_is_gone_however_a_run_ends(paths, how):
    folder = paths[0].parent
    words = [sys.executable, "-c", textwrap.dedent(ENDING), str(how)]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if isinstance(how, signal.Signals):
        while process.poll() is None and not (folder / "changed").exists():
            time.sleep(0.01)
        assert list((folder / "scratch").iterdir())
        process.send_signal(how)
    status = process.wait()
    assert (status == 0) == (how == "success")
    assert (folder / "changed").exists() and not list((folder / "scratch").iterdir())


def test_flags_of_a_table_that_waits_in_a_file_stay_what_they_are(tmp_path, monkeypatch):
    """Files store unsigned integers as signed ones with an offset."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("HEXCAL_SCRATCH", str(tmp_path / "scratch"))
    rows = 4000
    model = datamodels.MultiSpecModel()
    part = model.new_part()
    table = np.zeros(rows, [("WAVELENGTH", "f8"), ("FLUX", "f8"), ("DQ", "u4")])
    table["DQ"] = np.arange(rows) % 3
    part.spec_table = table
    model.spec = [part]
    model.save(tmp_path / "x1d.fits")
    container = ModelContainer([str(tmp_path / "x1d.fits")])
    borrowed = container.borrow(0)
    borrowed.spec[0].spec_table["FLUX"] += 2
    container.give_back(0, changed=True)
    assert list((tmp_path / "scratch").rglob("*spec_table.npy"))
    again = container[0].spec[0].spec_table
    np.testing.assert_array_equal(again["DQ"], table["DQ"])
    np.testing.assert_array_equal(again["FLUX"], 2)
    container[0].save(tmp_path / "again_x1d.fits")
    np.testing.assert_array_equal(datamodels.open(tmp_path / "again_x1d.fits").spec[0].spec_table["DQ"], table["DQ"])
