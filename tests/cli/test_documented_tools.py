"""Commands and doors of the original that scripts use: migrate_data, collect_pipeline_cfgs, step_script."""

import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from extracted_spectra import spectra

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import InputError
from hexcal.step import Combine1dStep, DQInitStep

ROOT = Path(__file__).resolve().parents[2]
FORMER = {"FLUX_ERROR": "ERROR", "BKGD_ERROR": "BERROR"}


@pytest.fixture
def former(tmp_path):
    """A spectrum with the columns that it had before the variances came."""
    path = spectra(tmp_path / "jw1_x1d.fits", (np.arange(5.0, 6.0, 0.1), np.linspace(1, 2, 10), {"dq": 4}))
    with datamodels.open(path) as model:
        part = model.parts()[0]
        kept = [name for name in part.spec_table.dtype.names if "VAR" not in name]
        columns = {FORMER.get(name, name): part.spec_table[name] for name in kept}
        table = np.empty(10, [(name, values.dtype.newbyteorder("=")) for name, values in columns.items()])
        for name, values in columns.items():
            table[name] = values
        part.spec_table = table
        model.save(path)
    return path


@pytest.mark.req("DM-06")
def test_columns_of_an_earlier_release_are_told_on_validation(former):
    with pytest.raises(ValueError, match="Column names don't match schema: EXTRACT1D has no column FLUX_ERROR") as told:
        datamodels.MultiSpecModel(former, strict_validation=True)
    assert "migrate_data" in str(told.value)
    assert datamodels.open(former).parts()[0].spec_table["ERROR"][0] == 0.1  # who wants to look at it may


@pytest.mark.req("CLI-13")
@pytest.mark.parametrize("place", ["--in-place", "--output-dir"])
def test_migrate_data_gives_the_columns_of_today(former, place, tmp_path, capsys):
    before = former.read_bytes()
    folder = tmp_path / "new"
    assert main(["migrate_data", str(former), place, *([str(folder)] if place == "--output-dir" else [])]) == 0
    path = former if place == "--in-place" else folder / former.name
    assert place == "--in-place" or former.read_bytes() == before
    model = datamodels.MultiSpecModel(path, strict_validation=True)
    table = model.parts()[0].spec_table
    assert table.dtype.names == tuple(name for name, *_ in datamodels.SpecModel.specs["spec_table"].columns)
    assert np.array_equal(table["FLUX"], np.linspace(1, 2, 10)) and (table["FLUX_ERROR"] == 0.1).all()
    assert (table["DQ"] == 4).all()
    assert np.isnan(table["FLUX_VAR_POISSON"]).all()  # nobody knows them
    assert main(["migrate_data", str(path), "--in-place"]) == 0
    assert "up to date, left alone" in capsys.readouterr().out


def test_migrate_data_goes_on_after_a_file_that_cannot_be_read(former, tmp_path, capsys):
    broken = tmp_path / "broken_x1d.fits"
    broken.write_bytes(b"no FITS")
    assert main(["migrate_data", str(broken), str(former), "--output-dir", str(tmp_path / "new")]) == 1
    assert "broken_x1d.fits: not migrated" in capsys.readouterr().err
    assert (tmp_path / "new" / former.name).is_file()


@pytest.mark.req("CLI-12")
def test_collect_pipeline_cfgs_writes_files_that_run_and_set_nothing(tmp_path, capsys):
    own = tmp_path / "dq_init.cfg"
    own.write_text('name = "dq_init"\nclass = "jwst.dq_init.DQInitStep"\nskip = True\n')
    assert main(["collect_pipeline_cfgs", str(tmp_path)]) == 0
    assert "not replaced" in capsys.readouterr().out and "skip" in own.read_text()
    assert main(["run", str(tmp_path / "calwebb_spec2.cfg"), "--help"]) == 0
    assert "calwebb_spec2" in capsys.readouterr().out
    step = Combine1dStep.from_config_file(str(tmp_path / "combine_1d.cfg"))
    assert step.get_pars() == Combine1dStep().get_pars()


@pytest.mark.req("CLI-11")
def test_step_script_makes_a_command_of_a_step(former, tmp_path):
    script = tmp_path / "combine.py"
    script.write_text(
        "from hexcal.step import Combine1dStep\nfrom hexcal.stpipe import cmdline\n\n"
        "if __name__ == '__main__':\n    cmdline.step_script(Combine1dStep)\n"
    )
    main(["migrate_data", str(former), "--in-place"])
    (tmp_path / "combine.cfg").write_text('class = "hexcal.step.Combine1dStep"\nsuffix = "own"\n')
    words = [sys.executable, str(script), "--config-file=combine.cfg", former.name]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "jw1_own.fits").is_file()
    wrong = subprocess.run([*words, "--sigma=3"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert wrong.returncode == 1 and "did you mean '--sigma_clip'" in wrong.stderr and "Traceback" not in wrong.stderr


@pytest.mark.req("IO-19", "ROUTE-11")
def test_files_are_taken_as_associations(tmp_path):
    step = DQInitStep()
    names = ["jw1_a_rate.fits", "jw1_b_rate.fits"]
    second, third = step.load_as_level2_asn(names), step.load_as_level3_asn(names)
    assert [product["name"] for product in second["products"]] == ["jw1_a", "jw1_b"]
    assert [[member["expname"] for member in product["members"]] for product in third["products"]] == [names]
    assert step.load_as_level2_asn(names[0])["products"] == second["products"][:1]
    path = tmp_path / "asn.json"
    assert main(["asn", "from-list", *names, "-o", str(path), "--product-name", "all"]) == 0
    assert step.load_as_level3_asn(path)["products"][0]["name"] == "all"
    with pytest.raises(InputError, match="at least one file"):
        step.load_as_level3_asn([])
    with pytest.raises(InputError, match="in memory only"):
        step.load_as_level2_asn([datamodels.ImageModel((4, 4))])


def test_system_call_is_told_what_to_use_instead(capsys):
    assert main(["run", "stpipe.subproc.SystemCall", "x.fits"]) == 1
    assert "hooks of a step" in capsys.readouterr().err


@pytest.mark.req("ROUTE-04")
@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("calwebb_nrslamp-spec2", "calwebb_spec2"),
        ("calwebb_tso-spec2", "calwebb_spec2"),
        ("calwebb_tso1", "calwebb_detector1"),
        ("calwebb_tso-image2", "calwebb_image2"),
        ("calwebb_wfs-image2", "calwebb_image2"),
    ],
)
@pytest.mark.parametrize("ending", ["", ".cfg"])
def test_pipelines_that_were_parameter_files_only(former, present, ending, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", former + ending, "--help"]) == 0
    assert f"hexcal run {present} " in capsys.readouterr().out


def test_every_installed_command_begins_somewhere():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    for name, place in scripts.items():
        module, _, function = place.partition(":")
        assert callable(getattr(importlib.import_module(module), function, None)), name
