"""Logging: the documented configuration file, and what goes where by default."""

import logging

import numpy as np
import pytest
from exposures import write_uncal

from hexcal.core import log
from hexcal.errors import HexcalError, InputError, ParameterError
from hexcal.step import GroupScaleStep


@pytest.fixture
def uncal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))


@pytest.mark.req("LOG-02", "LOG-03", "LOG-04", "LOG-08", "LOG-07")
def test_a_configuration_file_sends_messages_to_files(uncal, tmp_path):
    (tmp_path / "my.cfg").write_text(
        '[*]\nhandler = "file:all.log, append:more.log"\nlevel = DEBUG\nformat = %(levelname)s|%(message)s\n[*.other]\nhandler = file:other.log\n'
    )
    (tmp_path / "more.log").write_text("before\n")
    GroupScaleStep.call(uncal, logcfg=str(tmp_path / "my.cfg"))
    lines = (tmp_path / "all.log").read_text().splitlines()
    assert lines[0] == "INFO|Step group_scale running"
    assert (tmp_path / "more.log").read_text().splitlines() == ["before", *lines]
    assert (tmp_path / "other.log").read_text() == ""
    assert not logging.getLogger("hexcal").handlers


@pytest.mark.req("LOG-01")
def test_stpipe_log_cfg_in_the_current_directory_is_used(uncal, tmp_path):
    (tmp_path / "stpipe-log.cfg").write_text("[*]\nhandler = file:here.log\n")
    GroupScaleStep.call(uncal)
    assert "group_scale" in (tmp_path / "here.log").read_text()


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


@pytest.mark.req("LOG-06")
def test_verbose_lowers_the_level(uncal, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("hexcal"), "propagate", False)
    with log.configured(verbose=True):
        logging.getLogger("hexcal.x").debug("detail")
    assert "detail" in capsys.readouterr().out
