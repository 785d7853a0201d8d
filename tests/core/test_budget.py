"""The memory that a run may take.

Said before the work, kept by the choice of the blocks, refused at once where it is too little.
"""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exposures import write_references, write_uncal

from hexcal import memory
from hexcal.cli.main import main
from hexcal.core import budget
from hexcal.errors import ParameterError, ResourceError
from hexcal.pipeline import Detector1Pipeline

SHAPE = (8, 5, 64, 64)
LITTLE = "190MB"


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2e9), ("1.5 GiB", 1.5 * 2**30), ("800M", 8e8), (".5g", 5e8), ("3tib", 3 * 2**40)]
)
def test_sizes_have_a_unit(text, size):
    assert memory.parsed(text, "--memory") == size


@pytest.mark.parametrize("text", ["", "2", "GB", "0GB", "-1GB", "2 kB", "2GBs", "nan GB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ParameterError, match="such as 2GB"):
        memory.parsed(text, "--memory")


def test_the_bound_of_a_run_is_that_of_the_user(monkeypatch):
    assert memory.bound_of_run() is None
    monkeypatch.setenv("HEXCAL_MEMORY", "2GB")
    assert memory.bound_of_run() == 2e9
    with memory.bounded("1GB"):
        assert memory.bound_of_run() == 1e9
        assert budget.limit_of(Detector1Pipeline()) == 1e9
        assert budget.limit_of(Detector1Pipeline(maximum_memory="3GB")) == 3e9
    with memory.bounded(None):
        assert memory.bound_of_run() == 2e9


def test_blocks_get_smaller_with_the_memory_and_never_empty():
    shape = (400, 10, 256, 256)
    limits = [None, 10**10, 4 * 10**8, 3 * 10**8, 2 * 10**8, 1]
    counts = [budget.integrations_at_once(shape, 32 << 20, limit) for limit in limits]
    assert counts == sorted(counts, reverse=True) and counts[0] == counts[1] == 12 and counts[-1] == 1
    for limit, count in zip(limits[1:], counts[1:], strict=True):
        assert budget.bytes_needed(shape, count) <= limit or count == 1
    assert budget.integrations_at_once((1, 10, 2048, 2048), 32 << 20, 1) == 1


@pytest.fixture
def exposure(tmp_path):
    write_references(tmp_path / "refs", SHAPE)
    return write_uncal(tmp_path, SHAPE)


def rates(exposure, folder, *words):
    main(
        [
            "run",
            "calwebb_detector1",
            str(exposure),
            f"--references={exposure.parent / 'refs'}",
            *words,
            f"--output_dir={folder}",
        ]
    )
    return {path.name: path.read_bytes()[-100_000:] for path in sorted(Path(folder).glob("*_rate*.fits"))}


def test_the_bits_do_not_depend_on_the_memory(exposure, tmp_path, monkeypatch, caplog):
    from hexcal import datamodels

    assert rates(exposure, tmp_path / "all")
    monkeypatch.setattr(budget, "_PROGRAM", 0.0)
    few = f"{budget.bytes_needed(SHAPE, 2) / 1e6 + 0.01:.3f}MB"
    with caplog.at_level(logging.INFO):
        assert rates(exposure, tmp_path / "few", f"--memory={few}")
    assert "pass in 4 blocks" in caplog.text
    for name in ("rate", "rateints"):
        whole, blocks = (datamodels.open(next((tmp_path / folder).glob(f"*_{name}.fits"))) for folder in ("all", "few"))
        for array in ("data", "err", "dq", "var_poisson", "var_rnoise"):
            assert np.array_equal(getattr(whole, array), getattr(blocks, array), equal_nan=True)


def test_a_run_that_cannot_fit_says_so_before_the_work(exposure, tmp_path, capsys):
    with pytest.raises(ResourceError, match=r"needs about .* MB for one integration at a time, and may take 50 MB"):
        Detector1Pipeline(references=str(tmp_path / "refs"), maximum_memory="50MB").run(exposure)
    words = [f"--references={tmp_path / 'refs'}", "--steps.jump.pool_integrations=true", "--memory=150MB"]
    assert main(["run", "calwebb_detector1", str(exposure), *words]) == 1
    said = capsys.readouterr().err
    assert "(jump: pool_integrations" in said and "and may take 150 MB" in said and "--memory=" in said


def test_a_target_that_does_not_divide_its_work_refuses_the_option(exposure, capsys):
    assert main(["run", "superbias", str(exposure), "--memory=2GB"]) == 1
    assert "does not divide its work" in capsys.readouterr().err


def test_the_estimate_is_told_once(exposure, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        Detector1Pipeline(references=str(tmp_path / "refs")).run(exposure)
    told = [record.getMessage() for record in caplog.records if "samples: about" in record.getMessage()]
    assert len(told) == 1 and told[0].startswith("8 x 5 x 64 x 64 samples: about")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the largest resident size is read from /proc")
def test_a_run_keeps_to_its_memory(tmp_path):
    shape = (60, 10, 128, 256)
    write_references(tmp_path / "refs", shape)
    exposure = write_uncal(tmp_path, shape)
    code = f"""
import sys
from pathlib import Path
from hexcal.cli.main import main
words = ["run", "calwebb_detector1", {str(exposure)!r}, "--references={tmp_path / "refs"}", "--memory={LITTLE}"]
assert main([*words, "--log-stream=null"]) == 0
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
    # Kernels that are compiled take memory, too: they are on disk after the first run.
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert float(done.stdout.split()[-1]) < 1.1 * 190e3
