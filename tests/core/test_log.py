"""Logging: the documented configuration file, and what goes where by default."""

import logging

import numpy as np
import pytest
from exposures import write_uncal

from hexcal import datamodels
from hexcal.core import Step, log
from hexcal.errors import HexcalError, InputError, ParameterError
from hexcal.step import GroupScaleStep


@pytest.fixture
def uncal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))


class TalkingStep(Step):
    """A step that uses a library with a logger of its own."""

    alias = "talking"

    def process(self, model):
        self.log.info("from the step")
        logging.getLogger("some.library").warning("from a library")
        logging.getLogger("some.library").debug("too low for its own level")
        return model


@pytest.mark.req("LOG-07")
def test_messages_of_libraries_appear_as_those_of_the_running_step(uncal, tmp_path, capsys):
    (tmp_path / "my.cfg").write_text(
        "[*.talking]\nhandler = file:step.log\nlevel = DEBUG\nformat = %(name)s %(levelname)s %(message)s\n"
    )
    model = TalkingStep.call(uncal, logcfg=str(tmp_path / "my.cfg"))
    lines = (tmp_path / "step.log").read_text().splitlines()
    assert lines.count("hexcal.talking WARNING from a library") == 1 and not any("too low" in line for line in lines)
    assert isinstance(TalkingStep().log, logging.Logger) and "hexcal.talking INFO from the step" in lines
    logging.getLogger("some.library").warning("after the run")
    assert "after the run" not in (tmp_path / "step.log").read_text()
    model = TalkingStep.call(uncal, save_results=True)
    saved = datamodels.open(model.meta.filename)
    assert sum("from a library" in line for line in saved.cal_logs["talking"]) == 1


@pytest.mark.req("LOG-02", "LOG-03", "LOG-08")
def test_a_configuration_file_sends_messages_to_files(uncal, tmp_path):
    (tmp_path / "my.cfg").write_text(
        '[*]\nhandler = "file:all.log, append:more.log"\nlevel = DEBUG\nformat = '
        "%(levelname)s|%(message)s\n[*.other]\nhandler = file:other.log\n"
        "[*.group_scale]\nhandler = file:step.log\nformat = %(message)s\n"
        "[*.group_scale.*]\nhandler = file:below.log\nlevel = WARNING\nformat = %(message)s\n"
    )
    (tmp_path / "more.log").write_text("before\n")
    for _ in range(2):  # "file" begins anew, "append" goes on; both times the same messages
        (tmp_path / "more.log").write_text("before\n")
        GroupScaleStep.call(uncal, logcfg=str(tmp_path / "my.cfg"))
    lines = (tmp_path / "all.log").read_text().splitlines()
    assert lines[0].startswith("INFO|Hexcal ") and "INFO|Step group_scale running" in lines
    assert (tmp_path / "more.log").read_text().splitlines() == ["before", *lines]
    assert (tmp_path / "other.log").read_text() == ""
    assert "Step group_scale running" in (tmp_path / "step.log").read_text()
    assert (tmp_path / "below.log").read_text() == ""
    assert not logging.getLogger("hexcal").handlers


@pytest.mark.req("LOG-03")
def test_a_level_keeps_out_what_is_below_it(uncal, tmp_path):
    (tmp_path / "my.cfg").write_text("[*]\nhandler = file:x.log\nlevel = WARNING\nformat = %(levelname)s\n")
    GroupScaleStep.call(uncal, logcfg="my.cfg")
    assert set((tmp_path / "x.log").read_text().split()) <= {"WARNING"}


@pytest.mark.req("LOG-04")
def test_handlers_of_the_terminal_and_of_files_side_by_side(uncal, tmp_path, capfd):
    (tmp_path / "my.cfg").write_text(
        '[*]\nhandler = "stdout, stderr, file:x.log, append:y.log"\nformat = %(message)s\n'
    )
    (tmp_path / "x.log").write_text("old\n")
    (tmp_path / "y.log").write_text("old\n")
    GroupScaleStep.call(uncal, logcfg="my.cfg")
    told = capfd.readouterr()
    first = "Step group_scale running"
    assert first in told.out and first in told.err
    lines = (tmp_path / "x.log").read_text().splitlines()
    assert lines[0].startswith("Hexcal ") and first in lines
    assert (tmp_path / "y.log").read_text().splitlines() == ["old", *lines]


@pytest.mark.req("LOG-01")
def test_the_first_configuration_that_is_there_is_used_alone(uncal, tmp_path, monkeypatch):
    """A named file, then the working directory, then the home directory; the next are not even read."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    places = {"named": tmp_path / "named.cfg", "here": tmp_path / "stpipe-log.cfg", "home": home / "stpipe-log.cfg"}
    for name, path in places.items():
        path.write_text(f"[*]\nhandler = append:{name}.log\n")
    for name, path in places.items():
        GroupScaleStep.call(uncal, **({"logcfg": str(path)} if name == "named" else {}))
        written = sorted(log.stem for log in tmp_path.glob("*.log"))
        assert written == [name], "the others are not used beside it"
        assert "group_scale" in (tmp_path / f"{name}.log").read_text()
        (tmp_path / f"{name}.log").unlink()
        path.unlink()


@pytest.mark.req("LOG-03")
def test_break_level_stops_the_run(uncal, tmp_path):
    (tmp_path / "my.cfg").write_text("[*]\nhandler = file:x.log\nbreak_level = WARNING\n")
    with pytest.raises(HexcalError, match="level WARNING"):
        GroupScaleStep.call(uncal, logcfg="my.cfg")  # a skipped step warns


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[*]\nlevel = LOUD\n", ParameterError),
        ("[*]\nhandler = printer\n", ParameterError),
        ("[*]\nlevl = INFO\n", ParameterError),
        ("level = INFO\n", InputError),
    ],
)
def test_a_bad_configuration_is_refused(uncal, tmp_path, text, error):
    (tmp_path / "my.cfg").write_text(text)
    with pytest.raises(error, match=r"my\.cfg|level"):
        GroupScaleStep.call(uncal, logcfg="my.cfg")


def test_a_program_that_has_set_up_logging_is_left_alone(uncal, caplog, capsys):
    with caplog.at_level(logging.INFO):
        GroupScaleStep.call(uncal)
    assert any("running" in record.message for record in caplog.records)
    assert capsys.readouterr().out == ""


@pytest.mark.req("LOG-05")
def test_by_default_info_goes_to_the_terminal(uncal, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("hexcal"), "propagate", False)
    GroupScaleStep.call(uncal)
    assert "hexcal.group_scale - INFO - Step group_scale running" in capsys.readouterr().out


def test_verbose_lowers_the_level(uncal, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("hexcal"), "propagate", False)
    with log.configured(verbose=True):
        logging.getLogger("hexcal.x").debug("detail")
    assert "detail" in capsys.readouterr().out


def test_a_log_that_cannot_be_written_any_more_is_told_once_and_the_run_goes_on(capfd):
    with log.configured(None, file="/dev/full", stream="null"):
        for _ in range(3):
            logging.getLogger(log.ROOT).warning("x")
    assert capfd.readouterr().err == "hexcal: the log /dev/full cannot be written any more: No space left on device\n"
