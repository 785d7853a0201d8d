"""Why a job has to run, and what the ledger remembers."""

import os
import re
from pathlib import Path

import pytest

from hexcal.core.provenance import version
from hexcal.errors import ParameterError, ResourceError
from hexcal.workflow import ledger as ledger_
from hexcal.workflow import options
from hexcal.workflow.changes import Changes
from hexcal.workflow.jobs import Job
from hexcal.workflow.ledger import Ledger, is_held, locked


class Fixed:
    """Chooses what it is told."""

    def __init__(self, chosen):
        self.chosen = chosen

    def path(self, kind, exposure):
        return self.chosen.get(kind)


@pytest.fixture
def made(tmp_path):
    """A ledger in which one job is done, and that job."""
    raw, dark, product = tmp_path / "a_uncal.fits", tmp_path / "dark.fits", tmp_path / "a_rate.fits"
    for path in (raw, dark, product):
        path.write_text(path.name)
        os.utime(path, (1e9, 1e9))
    book = Ledger(tmp_path)
    job = Job("calwebb_detector1 a", "calwebb_detector1", raw, ((str(raw), "science"),))
    status = product.stat()
    book.begin(job, "new")
    book.end(
        job.key,
        state=ledger_.DONE,
        products=[
            {
                "path": str(product), "size": status.st_size, "mtime_ns": status.st_mtime_ns,
                "sha256": book.digest(product),
            }
        ],
        made_of={
            "version": version(),
            "words": ["--profile=recommended"],
            "members": [[str(raw), "science"]],
            "inputs": [{"path": str(raw), "sha256": book.digest(raw)}],
            "references": [
                {
                    "step": "dark_current", "type": "dark", "exposure": None, "path": str(dark),
                    "sha256": book.digest(dark),
                }
            ],
        },
    )  # fmt: skip
    yield book, job, tmp_path
    book.close()


def why(book, job, words=("--profile=recommended",), chosen=None, again=None):
    folder = Path(job.source).parent
    choices = Fixed({"dark": str(folder / "dark.fits"), **(chosen or {})})
    return Changes(book, {job.pipeline: list(words)}, choices, dict(again or {})).why(job)


def test_nothing_changed_nothing_runs(made):
    book, job, _ = made
    assert why(book, job) is None


def test_each_change_is_a_reason(made):
    book, job, folder = made
    assert why(book, Job("other", job.pipeline, job.source)) == "it is new"
    assert why(book, job, words=["--profile=3.0.0"]) == (
        "its options have changed: now with --profile=3.0.0, no longer with --profile=recommended"
    )
    assert why(book, job, chosen={"dark": str(folder / "dark2.fits")}) == (
        "the dark reference is now dark2.fits instead of dark.fits"
    )
    needing = Job(job.key, job.pipeline, job.source, job.members, needs=("calwebb_dark b",))
    assert why(book, needing, again={"calwebb_dark b": "new"}) == "calwebb_dark b runs, whose products it needs"
    more = Job(job.key, job.pipeline, job.source, (*job.members, ("b_rate.fits", "background")))
    assert why(book, more) == "its members have changed: b_rate.fits is new"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a_uncal.fits", "its input a_uncal.fits has changed"),
        ("dark.fits", "the dark reference dark.fits has changed"),
        ("a_rate.fits", "its product a_rate.fits has been changed since"),
    ],
)
def test_a_changed_file_is_a_reason(made, name, reason):
    book, job, folder = made
    (folder / name).write_text("something else")
    assert why(book, job) == reason


def test_a_product_that_is_gone_is_made_again(made):
    book, job, folder = made
    (folder / "a_rate.fits").unlink()
    assert why(book, job) == "its product a_rate.fits is gone"


def test_a_file_that_was_only_touched_is_no_reason(made):
    book, job, folder = made
    for name in ("a_uncal.fits", "dark.fits", "a_rate.fits"):
        os.utime(folder / name, (1.1e9, 1.1e9))
    assert why(book, job) is None


def test_what_a_killed_run_left_is_done_again(made):
    book, job, _ = made
    book.begin(job, "new")
    assert why(book, job) == "it was interrupted"
    book.begin_run(["process"], version())
    assert why(book, job) == "it was interrupted"


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(ResourceError, match="another run is processing") as error,
        locked(tmp_path),
    ):
        pass
    assert f"process {os.getpid()}" in error.value.where
    with locked(tmp_path):
        pass


def test_a_folder_without_a_ledger_says_what_makes_one(tmp_path):
    with pytest.raises(ResourceError, match="no ledger") as error:
        Ledger(tmp_path, writes=False)
    assert "hexcal process" in error.value.hint


def test_options_go_to_the_pipelines_that_have_the_step():
    words = options.by_pipeline(
        ["calwebb_detector1", "calwebb_image2", "calwebb_image2"],
        [
            "--steps.jump.rejection_threshold=5",
            "--profile=recommended",
            "--calwebb_image2.save_bsub=true",
            "--calwebb_image2.steps.photom.skip=true",
        ],
        [],
        "full",
    )
    assert words == {
        "calwebb_detector1": ["--steps.jump.rejection_threshold=5", "--profile=recommended"],
        "calwebb_image2": ["--profile=recommended", "--save_bsub=true", "--steps.photom.skip=true"],
    }


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--steps.jumpp.skip=true", "did you mean.*jump"),
        ("--steps.jump.rejection_treshold=5", "rejection_threshold"),
        ("--steps.jump.skip", "needs a value"),
        ("--profil=recommended", "did you mean.*profile"),
    ],
)
def test_wrong_options_are_said_before_the_work(word, message):
    with pytest.raises(ParameterError) as error:
        options.by_pipeline(["calwebb_detector1"], [word], [], "full")
    assert re.search(message, str(error.value))


def test_the_quick_recipe_leaves_outliers_out():
    words = options.by_pipeline(["calwebb_image3"], [], [], "quick")
    assert words == {"calwebb_image3": ["--steps.outlier_detection.skip=true"]}


def test_what_a_full_disk_keeps_from_the_ledger_is_noted_later(tmp_path):
    book = Ledger(tmp_path)
    number = book.begin_run(["process"], version())
    job = Job("calwebb_dark a", "calwebb_dark", tmp_path / "a_uncal.fits")
    pages = book._base.execute("PRAGMA page_count").fetchone()[0]
    book._base.execute(f"PRAGMA max_page_count={pages}")
    book.begin(job, "it is new " + 9000 * "x")
    book.end(job.key, state="done")
    assert book.job(job.key) is None
    with pytest.raises(ResourceError, match="ledger cannot be written: database or disk is full") as error:
        book.end_run(number)
    assert "same command again" in error.value.hint
    book._base.execute("PRAGMA max_page_count=100000")
    book.end_run(number)
    assert book.job(job.key)["state"] == "done" and book.runs()[-1]["ended"]
    book.close()


def test_whether_a_run_is_at_work_can_be_seen(tmp_path):
    assert not is_held(tmp_path)
    with locked(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
