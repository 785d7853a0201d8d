"""``hexcal demo``, in a small subarray."""

import re

import matplotlib.image
import pytest

from hexcal.cli.main import main


def test_a_demo_writes_what_it_says(tmp_path, capsys):
    assert main(["demo", "--subarray", "SUB160", "--groups", "6", "--output", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    rows = [line for line in output.splitlines() if re.match(r"[│|]\s+\d\S* to ", line)]
    assert len(rows) == 5
    assert "cosmic rays above 8 sigma" in output
    assert matplotlib.image.imread(tmp_path / "demo.png").shape[1] > 1500
    for suffix in ("uncal", "truth", "rate", "rateints"):
        (path,) = tmp_path.glob(f"*_{suffix}.fits")
        if suffix != "rateints":
            assert str(path) in output
    assert "jump" in (tmp_path / "demo.log").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [("", "--output"), ("--output x --groups 2", "at least 3 groups"), ("--output x --ouput y", "--output")],
)
def test_bad_words(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", *words.split()]) == 1
    assert message in capsys.readouterr().err


def test_help(capsys):
    assert main(["demo", "--help"]) == 0
    assert "--seed" in capsys.readouterr().out
