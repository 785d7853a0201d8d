"""Wrong input: a clear message of at most five lines, exit status 1, nothing written or damaged."""

import errno
import hashlib

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal.cli.main import main
from hexcal.models import fits_writer


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_references(tmp_path / "refs")
    write_uncal(tmp_path, name="good_uncal.fits")
    return tmp_path


def refused(folder, capsys, words, *texts, status=1):
    """Run a command that must be refused: its words in the message, five lines at most, every file as before."""
    before = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
    assert main(words) == status
    message = capsys.readouterr().err.strip()
    after = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
    assert after == before
    assert len(message.splitlines()) <= 5, message
    assert "fault in the program" not in message
    for text in texts:
        assert text in message, message


RUN = ["run", "calwebb_detector1"]


def test_missing_file(folder, capsys):
    refused(
        folder,
        capsys,
        [*RUN, "god_uncal.fits", "--references=refs"],
        "there is no such file",
        "did you mean 'good_uncal.fits'?",
    )


def test_a_directory(folder, capsys):
    refused(folder, capsys, [*RUN, "refs", "--references=refs"], "this is a directory")


def test_no_input(folder, capsys):
    refused(folder, capsys, [*RUN, "--references=refs"], "needs an input")


def test_truncated_fits(folder, capsys):
    content = (folder / "good_uncal.fits").read_bytes()
    (folder / "cut_uncal.fits").write_bytes(content[:-2880])
    refused(folder, capsys, [*RUN, "cut_uncal.fits", "--references=refs"], "the file is truncated", "extension SCI")


@pytest.mark.parametrize("content", [b"", b"not FITS at all", b"SIMPLE  =                    T"])
def test_not_fits(folder, capsys, content):
    (folder / "bad_uncal.fits").write_bytes(content)
    refused(folder, capsys, [*RUN, "bad_uncal.fits", "--references=refs"], "not a readable FITS file")


def test_no_sci(folder, capsys):
    with fits.open(folder / "good_uncal.fits") as hdus:
        hdus["SCI"].name = "DATA"
        hdus.writeto(folder / "nosci_uncal.fits")
    refused(folder, capsys, [*RUN, "nosci_uncal.fits", "--references=refs"], "needs the image extension SCI", "DATA")


def test_wrong_dimensions(folder, capsys):
    write_uncal(folder, name="flat_uncal.fits")
    with fits.open(folder / "flat_uncal.fits", mode="update") as hdus:
        hdus["SCI"].data = np.zeros((16, 24), "f4")
    refused(folder, capsys, [*RUN, "flat_uncal.fits", "--references=refs"], "4 dimensions", "(16, 24)")


def test_ngroups_against_data(folder, capsys):
    write_uncal(folder, name="n_uncal.fits")
    fits.setval(folder / "n_uncal.fits", "NGROUPS", value=9)
    refused(folder, capsys, [*RUN, "n_uncal.fits", "--references=refs"], "NGROUPS = 9", "6 groups")


def test_unknown_exposure_type(folder, capsys):
    write_uncal(folder, name="t_uncal.fits", EXP_TYPE="NRC_IMAJ")
    refused(
        folder,
        capsys,
        [*RUN, "t_uncal.fits", "--references=refs"],
        "unknown exposure type 'NRC_IMAJ'",
        "did you mean 'NRC_IMAGE'?",
    )


def test_guider_exposure(folder, capsys):
    write_uncal(folder, name="g_uncal.fits", EXP_TYPE="FGS_ACQ1")
    refused(folder, capsys, [*RUN, "g_uncal.fits", "--references=refs"], "FGS_ACQ1", "calwebb_guider")


def test_unknown_telescope(folder, capsys):
    write_uncal(folder, name="h_uncal.fits", TELESCOP="HST")
    refused(folder, capsys, [*RUN, "h_uncal.fits", "--references=refs"], "HST")


def test_reference_of_another_detector(folder, capsys):
    fits.setval(folder / "refs" / "gain.fits", "DETECTOR", value="NRCB4")
    refused(folder, capsys, [*RUN, "good_uncal.fits", "--references=refs"], "NRCB4", "NRCA1", "gain")


def test_reference_of_another_shape(folder, capsys):
    write_references(folder / "refs", superbias=np.zeros((8, 8), "f4"))
    refused(
        folder,
        capsys,
        [*RUN, "good_uncal.fits", "--references=refs"],
        "does not cover the subarray",
        "(8, 8)",
        "(16, 24)",
    )


def test_truncated_reference(folder, capsys):
    path = folder / "refs" / "linearity.fits"
    path.write_bytes(path.read_bytes()[:-2880])
    refused(folder, capsys, [*RUN, "good_uncal.fits", "--references=refs"], "truncated", "linearity.fits")


def test_missing_references(folder, capsys):
    (folder / "refs" / "readnoise.fits").unlink()
    refused(folder, capsys, [*RUN, "good_uncal.fits", "--references=refs"], "readnoise (step ramp_fit)")
    refused(folder, capsys, [*RUN, "good_uncal.fits"], "no source of reference files is set")


def test_unwritable_directory(folder, capsys):
    # A file where a directory is needed cannot be written into by anyone, root included.
    (folder / "file").write_text("")
    refused(
        folder,
        capsys,
        [*RUN, "good_uncal.fits", "--references=refs", "--output_dir=file/out"],
        "the product cannot be written: 'file' is not a directory",
        "file/out",
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "not writable"), (errno.EIO, "cannot write")],
)
def test_disk_full_while_writing(folder, capsys, monkeypatch, number, text):
    def fail(stream, data):
        stream.write(b"half of it")
        raise OSError(number, "made up")

    monkeypatch.setattr(fits_writer, "_write_array", fail)
    refused(folder, capsys, ["run", "superbias", "good_uncal.fits", "--references=refs"], text)


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (
            ["run", "calwebb_detektor1", "good_uncal.fits"],
            ("unknown step or pipeline 'calwebb_detektor1'", "did you mean 'calwebb_detector1'?"),
        ),
        (["run", "jmup", "good_uncal.fits"], ("did you mean 'jump'?",)),
        (["run", "DQInitStp", "good_uncal.fits"], ("did you mean 'DQInitStep'?",)),
        (["run", "no.such.Step", "good_uncal.fits"], ("cannot be imported",)),
        (["run", "numpy.ndarray", "good_uncal.fits"], ("is not a step",)),
        (
            [*RUN, "good_uncal.fits", "--steps.jmp.rejection_threshold=5"],
            ("unknown step 'jmp'", "did you mean 'jump'?"),
        ),
        (
            [*RUN, "good_uncal.fits", "--steps.jump.rejection_treshold=5"],
            ("did you mean '--steps.jump.rejection_threshold'?",),
        ),
        ([*RUN, "good_uncal.fits", "--save_calibrated_rmp=true"], ("did you mean '--save_calibrated_ramp'?",)),
        (
            [*RUN, "good_uncal.fits", "--steps.jump.rejection_threshold=-1"],
            ("greater than or equal to 0", "rejection_threshold"),
        ),
        ([*RUN, "good_uncal.fits", "--steps.jump.rejection_threshold=five"], ("valid number",)),
        ([*RUN, "good_uncal.fits", "--steps.jump.rejection_threshold"], ("needs a value",)),
        (["run", "--skip", "good_uncal.fits"], ("the first word must be",)),
        (["rum", "jump"], ("did you mean 'run'?",)),
        (["info", "nix.fits"], ("there is no such file",)),
        (["rerun", "good_uncal.fits"], ("carries no record",)),
    ],
)
def test_misspelled_words(folder, capsys, words, texts):
    refused(folder, capsys, words, *texts)


def test_output_equal_to_input(folder, capsys):
    refused(
        folder,
        capsys,
        ["run", "superbias", "good_uncal.fits", "--references=refs", "--suffix=uncal"],
        "would overwrite what this run reads",
    )
