"""The count of requirements: sheets are read whole, and only what passed and did not fail elsewhere is counted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from requirements_trace import read_rows, shown_rows, table

ROOT = Path(__file__).resolve().parents[2]


def test_all_rows_of_the_sheets_are_read():
    rows = read_rows()
    assert len(rows) == 2049
    assert rows["JUMP-01"] == "stage1"
    assert rows["SFX-30"] == "framework"  # a borrowed row, with a dagger
    assert (rows["TMT-05"], rows["TMT-06"]) == ("framework", "iris")


def test_a_row_that_occurs_twice_is_refused(tmp_path):
    (tmp_path / "sheet.md").write_text("| A-01 | one | 1 |\n| A-01 | again | 2 |\n", encoding="utf-8")
    with pytest.raises(ValueError, match="A-01 occurs twice"):
        read_rows(tmp_path)


def test_counts_per_area_and_in_total():
    rows = {"A-01": "first", "A-02": "first", "B-01": "first", "C-01": "second"}
    record = {"passed": {"A-01": ["t"], "A-02": ["t"], "C-01": ["t"]}, "failed": {"A-02": ["u"]}}
    text = table(rows, shown_rows(record))
    assert "A 1/2   B 0/1" in text
    assert text.splitlines()[-1].split() == ["total", "2", "of", "4"]


def test_a_wrong_id_fails_the_run_with_the_nearest_right_one(tmp_path):
    test = tmp_path / "test_wrong.py"
    test.write_text(
        "import pytest\n\n@pytest.mark.req('JUMPP-03')\ndef test_it():\n    assert True\n", encoding="utf-8"
    )
    done = _pytest(test)
    assert done.returncode == 1
    assert "'JUMPP-03', which is not in docs/requirements; did you mean 'JUMP-03'?" in done.stdout


def test_a_run_is_recorded(tmp_path):
    test = tmp_path / "test_some.py"
    test.write_text(
        "import pytest\n\n"
        "@pytest.mark.req('JUMP-01', 'JUMP-02')\ndef test_passes():\n    assert True\n\n"
        "@pytest.mark.req('JUMP-02')\ndef test_fails():\n    assert False\n\n"
        "@pytest.mark.req('JUMP-01', 'JUMP-03')\ndef test_skipped():\n    pytest.skip('not here')\n",
        encoding="utf-8",
    )
    done = _pytest(test, "-n", "1", HEXCAL_TRACE=str(tmp_path / "out" / "trace.json"))
    assert done.returncode == 1
    counted = subprocess.run(
        [sys.executable, ROOT / "tools" / "requirements_trace.py", tmp_path / "out" / "trace.json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "JUMP 1/31" in counted.stdout
    total, note, skipped = counted.stdout.splitlines()[-3:]
    assert total.split() == ["total", "1", "of", "2049"]
    assert (note, skipped.strip()) == ("not shown, since all their tests were skipped: 1", "JUMP-03")


def _pytest(test, *options, **environment):
    """Run pytest on one file with the settings and the conftest of the project."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ROOT,
        "-c",
        ROOT / "pyproject.toml",
        "--confcutdir",
        ROOT,
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HEXCAL_TRACE"))},
        **environment,
    }
    return subprocess.run(
        [*command, "-p", "conftest", *options, test],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT / "tools"), str(ROOT / "src")]),
        },
    )
