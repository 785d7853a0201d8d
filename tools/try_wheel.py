"""Build a wheel, install it without the checkout, and calibrate an exposure there (``make wheel``).

The environment is one of its own; a type checker looks at what is installed.

python tools/try_wheel.py --python /path/to/python3.13      # with another Python
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXPOSURE = "jw00001001001_02101_00001_nrca3"
SIMULATE = "simulate exposure --instrument NIRCAM --subarray SUB64P --groups 8 --seed 1 --output sim"
CALIBRATE = f"run calwebb_detector1 sim/{EXPOSURE}_uncal.fits --references=sim/references --output_dir=out"
SCRIPT = f"""\
from typing import assert_type

from numpy import ndarray

from hexcal import datamodels
from hexcal.associations import Association, AssociationPool, AssociationRegistry
from hexcal.associations.lib.rules_level3_base import DMS_Level3_Base
from hexcal.errors import HexcalError, InputError, nearest
from hexcal.pipeline import Detector1Pipeline
from hexcal.step import JumpStep

rate = datamodels.open("out/{EXPOSURE}_rate.fits")
assert_type(rate, datamodels.DataModel)
assert_type(JumpStep(rejection_threshold=5), JumpStep)
assert_type(datamodels.IRISImageModel().data, ndarray)
assert_type(Detector1Pipeline().steps["jump"].source_of("skip"), str)
assert_type(nearest("jmup", ["jump", "refpix"]), str | None)
error: HexcalError = InputError("a file is needed", where="x_uncal.fits")
rules: dict[str, type[Association]] = dict(AssociationRegistry())
assert issubclass(rules["Asn_Lv3Image"], DMS_Level3_Base)
assert_type(AssociationPool().name, str)
assert rate.shape == (64, 64), rate.shape
assert rate.meta.cal_step.ramp_fit == "COMPLETE"
"""
"""What somebody writes who has installed Hexcal; it runs, and its types hold."""
WRONG = ("from hexcal.step import JumpStepp\n", "from hexcal.errors import nearest\nnearest('a', 5)\n")
"""What a type checker must find in scripts: a name that is not there, a value of another type."""


def main() -> None:
    """Do it; ends with the status of what fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="Python of the new environment (default: this one)")
    python = parser.parse_args().python
    with tempfile.TemporaryDirectory() as folder:
        _try(Path(folder), python)
    print("the wheel installs, calibrates and shows its types")


def _try(folder, python):
    pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
    _run([sys.executable, *pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT], folder)
    _run([python, "-m", "venv", folder / "env"], folder)
    new = folder / "env" / "bin" / "python"
    _run([new, *pip, "install", *folder.glob("*.whl")], folder)
    where = subprocess.check_output(
        [new, "-c", "import hexcal; print(hexcal.__file__)"], cwd=folder, env=_environment(folder), text=True
    )
    assert Path(where.strip()).is_relative_to(folder.resolve()), f"the checkout was imported: {where}"
    for words in (SIMULATE, CALIBRATE):
        _run([new.with_name("hexcal"), *words.split()], folder)
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    _run([new, "script.py"], folder)
    checker = [Path(sys.executable).with_name("pyright"), "--pythonpath", new]
    _run([*checker, "script.py"], folder)
    for script in WRONG:
        (folder / "wrong.py").write_text(script, encoding="utf-8")
        checked = subprocess.run([*checker, "wrong.py"], cwd=folder, check=False, capture_output=True)
        assert checked.returncode == 1, f"the type checker sees nothing wrong in {script!r}"


def _run(command, folder):
    """Run a command without what the environment says of checkouts and references."""
    done = subprocess.run(command, cwd=folder, env=_environment(folder), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}")


def _environment(folder):
    ours = ("PYTHONPATH", "CRDS_", "HEXCAL_", "STPIPE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HEXCAL_CACHE": str(folder / "cache")}


if __name__ == "__main__":
    main()
