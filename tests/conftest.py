"""What all tests share: the marker `req`, the real data, and settings of the libraries under test."""

import json
import os
import signal
from collections import defaultdict
from pathlib import Path

import hypothesis
import pytest
from requirements_trace import read_rows

from hexcal.errors import nearest

ROOT = Path(__file__).resolve().parents[1]

# The first example of a property may have to compile a kernel; the same examples are drawn in every run.
hypothesis.settings.register_profile("hexcal", deadline=None, derandomize=True)
hypothesis.settings.load_profile("hexcal")

os.environ.setdefault("MPLBACKEND", "Agg")
# A test says itself where references come from, and asks no server but its own.
for _name in [name for name in os.environ if name.startswith(("CRDS_", "STPIPE_")) or name == "HEXCAL_REFERENCES"]:
    del os.environ[_name]


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory):
    """What Hexcal remembers between runs is not mixed with that of the user."""
    os.environ["HEXCAL_CACHE"] = str(tmp_path_factory.mktemp("hexcal_cache"))


@pytest.fixture
def signals_reach_children():
    """Signals end what the test starts, also where they are ignored here (in the background, under nohup)."""
    ignored = [number for number in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(scope="session")
def real_data():
    """Folder of real exposures and reference files; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("HEXCAL_REAL_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("real data are not here: set HEXCAL_REAL_DATA to their folder")
    return folder


# ---- marker `req`: which rows of docs/requirements a test shows


def pytest_configure(config):
    """Attach the recorder of requirements."""
    config.pluginmanager.register(_Requirements(config), "hexcal-requirements")


class _Requirements:
    """Checks the ids in the markers, and records which of them passed when HEXCAL_TRACE names a file."""

    def __init__(self, config):
        self.rows = read_rows()
        # Workers of xdist send their reports to the controller, which alone writes.
        target = os.environ.get("HEXCAL_TRACE")
        self.target = Path(target) if target and not hasattr(config, "workerinput") else None
        self.tests = {outcome: defaultdict(list) for outcome in ("passed", "failed", "skipped")}

    def pytest_runtest_setup(self, item):
        for row in _rows_of(item):
            if row not in self.rows:
                guess = nearest(row, self.rows)
                hint = f"did you mean '{guess}'?" if guess else "see docs/requirements"
                pytest.fail(f"marker req names '{row}', which is not in docs/requirements; {hint}", pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        report.requirements = _rows_of(item)  # travels from a worker to the controller with the report
        return report

    def pytest_runtest_logreport(self, report):
        if not report.passed or report.when == "call":
            for row in report.requirements:
                self.tests[report.outcome][row].append(report.nodeid)

    def pytest_sessionfinish(self):
        if self.target is not None:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self.target.write_text(json.dumps(self.tests, indent=1, sort_keys=True), encoding="utf-8")


def _rows_of(item):
    return [row for marker in item.iter_markers("req") for row in marker.args]
