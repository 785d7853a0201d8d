"""The log tells what runs, on what, with which parameters and references, what was found, and what is not right."""

import json
import logging

import numpy as np
import pytest
from exposures import write_references, write_uncal

from hexcal import __version__, datamodels
from hexcal.cli.main import main
from hexcal.core import Step
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import GroupScaleStep, SuperBiasStep


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEXCAL_REFERENCES", str(write_references(tmp_path / "refs")))
    write_uncal(tmp_path, name="x_uncal.fits")
    return tmp_path


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_log_tells_version_input_parameters_references_and_what_was_found(folder, caplog):
    caplog.set_level(logging.INFO, "hexcal")
    steps = {"jump": {"rejection_threshold": 6.0}}
    rate = Detector1Pipeline.call("x_uncal.fits", steps=steps, output_dir="out")
    text = "\n".join(record.getMessage() for record in caplog.records)
    for line in (
        f"Hexcal {__version__} runs calwebb_detector1",
        "Input: x_uncal.fits",
        "Parameters that differ from the defaults: jump.rejection_threshold=6.0 (python)",
        "Reference superbias: ",
        "of 384 pixels (0.00 %) are saturated in some group",
        "samples (0.",
        "of 384 pixels (0.00 %) have no rate",
        "ImageModel: 0 of 384 pixels (0.00 %) are flagged DO_NOT_USE",
    ):
        assert line in text, line
    assert f"Hexcal {__version__} runs" in json.dumps(
        datamodels.open(f"out/{rate.meta.filename}").get_meta("cal_logs").instance
    )


def test_a_missing_superbias_dark_or_linearity_reference_stands_out(folder, caplog):
    for kind in ("superbias", "dark", "linearity"):
        (folder / "refs" / f"{kind}.fits").unlink()
    Detector1Pipeline.call("x_uncal.fits")
    messages = warnings_of(caplog)
    assert "Step superbias skipped: no superbias reference" in messages
    assert "The result is NOT corrected by superbias, linearity, dark_current: there is no reference file" in messages


def test_a_step_that_has_nothing_to_do_is_no_warning(folder, caplog):
    caplog.set_level(logging.INFO, "hexcal")
    Detector1Pipeline.call("x_uncal.fits")
    GroupScaleStep.call("x_uncal.fits")
    assert not [message for message in warnings_of(caplog) if "gain_scale" in message or "group_scale" in message]
    assert not [message for message in warnings_of(caplog) if "ipc" in message or "NOT corrected" in message]
    assert "GAINFACT is neither" in caplog.text


def test_an_input_of_constant_value_and_a_result_of_nan_warn(folder, caplog):
    class LoseStep(Step):
        """Lose everything."""

        alias = "lose"

        def process(self, image):
            image.data[:] = np.nan
            return image

    LoseStep.call(datamodels.ImageModel(np.full((80, 70), 3, "f4")))
    assert warnings_of(caplog) == [
        "All values of the input are 3.0: is it the right file?",
        "No value of the ImageModel is a finite number",
    ]
    caplog.clear()
    SuperBiasStep.call("x_uncal.fits")
    assert warnings_of(caplog) == []


def test_info_shows_references_parameters_and_history(folder, capsys):
    assert main(["run", "superbias", "x_uncal.fits", "--suffix=mine"]) == 0
    model = datamodels.open("x_mine.fits")
    model.history.append("looked at by hand")
    model.save("x_mine.fits")
    capsys.readouterr()
    assert main(["info", "x_mine.fits"]) == 0
    text = capsys.readouterr().out
    assert "reference    superbias " in text and "superbias.fits" in text
    assert "history      looked at by hand" in text and "suffix=mine (command line)" in text


def test_info_shows_an_association_whose_members_are_absent(folder, capsys):
    members = [{"expname": name, "exptype": "science"} for name in ("x_uncal.fits", "gone_cal.fits")]
    content = {"asn_id": "o001", "asn_pool": "p", "asn_type": "image2", "products": [{"name": "x", "members": members}]}
    (folder / "x_asn.json").write_text(json.dumps(content))
    assert main(["info", "x_asn.json"]) == 0
    text = capsys.readouterr().out
    assert "gone_cal.fits  (is not there)" in text and "x_uncal.fits\n" in text and "asn_type     image2" in text
