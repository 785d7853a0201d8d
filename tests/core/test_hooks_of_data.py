"""Data files run nothing: hooks of a product or a parameter reference need the word of the user; the user's own run."""

import asdf
import numpy as np
import pytest
from exposures import NAME, write_uncal

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import HookError
from hexcal.step import GroupScaleStep

PRODUCT = NAME.replace("uncal", "group_scale")


@pytest.fixture
def uncal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "refs").mkdir()
    return write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))


def parameter_file(path, **parameters):
    asdf.AsdfFile({"class": "hexcal.step.GroupScaleStep", "parameters": parameters}).write_to(path)
    return str(path)


@pytest.mark.parametrize("name", ["pre_hooks", "post_hooks"])
def test_hooks_of_a_parameter_reference_need_the_word_of_the_user(uncal, tmp_path, capsys, name):
    parameter_file(tmp_path / "refs" / "pars-groupscalestep.asdf", **{name: ["touch evil, touch worse"]})
    words = ["run", "group_scale", str(uncal), "--references=refs"]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "pars-groupscalestep.asdf" in error and "--allow-hooks" in error and f"--{name}=[]" in error
    assert not (tmp_path / "evil").exists() and not (tmp_path / PRODUCT).exists()
    assert main([*words, f"--{name}=[]"]) == 0
    assert not (tmp_path / "evil,").exists()
    assert main([*words, "--allow-hooks"]) == 0
    assert (tmp_path / "worse").exists()


def test_hooks_of_a_file_that_a_parameter_reference_names_are_no_better(uncal, tmp_path):
    parameter_file(tmp_path / "refs" / "inner.asdf", post_hooks=["touch evil"])
    parameter_file(tmp_path / "refs" / "pars-groupscalestep.asdf", config_file="inner.asdf")
    with pytest.raises(HookError, match="touch evil"):
        GroupScaleStep.call(uncal, references="refs")
    config = GroupScaleStep.get_config_from_reference(uncal)
    assert config["parameters"] == {}
    GroupScaleStep.call(uncal, references="refs", allow_hooks=True)
    assert (tmp_path / "evil").exists()


def test_a_configuration_from_a_reference_stays_one_of_data(uncal, tmp_path, monkeypatch):
    parameter_file(tmp_path / "refs" / "pars-groupscalestep.asdf", post_hooks="touch evil")
    monkeypatch.setenv("HEXCAL_REFERENCES", str(tmp_path / "refs"))
    step = GroupScaleStep.from_config_section(GroupScaleStep.get_config_from_reference(uncal))
    with pytest.raises(HookError, match="touch evil"):
        step.run(uncal)
    step.allow_hooks = True
    step.run(uncal)
    assert (tmp_path / "evil").exists()


def test_hooks_of_a_product_are_not_run_by_rerun(uncal, tmp_path, capsys):
    assert main(["run", "group_scale", str(uncal), "--references=refs", "--post_hooks=touch done"]) == 0
    assert (tmp_path / "done").exists()
    (tmp_path / "done").unlink()
    assert main(["rerun", PRODUCT]) == 1
    error = capsys.readouterr().err
    assert "touch done" in error and "--allow-hooks" in error and not (tmp_path / "done").exists()
    assert main(["rerun", PRODUCT, "--post_hooks=[]"]) == 0 and not (tmp_path / "done").exists()
    assert main(["rerun", PRODUCT, "--allow-hooks"]) == 0 and (tmp_path / "done").exists()


def test_a_parameter_file_named_in_a_product_runs_nothing(uncal, tmp_path):
    assert main(["run", "group_scale", str(uncal), "--references=refs"]) == 0
    parameter_file(tmp_path / "evil.asdf", pre_hooks=["touch evil"])
    model = datamodels.open(PRODUCT)
    record = model.get_meta("provenance").instance
    del record["run"]["parameters"]["pre_hooks"]
    record["run"]["parameters"]["config_file"] = str(tmp_path / "evil.asdf")
    model.set_meta("provenance", record)
    model.save("sent.fits")
    assert main(["rerun", "sent.fits"]) == 1 and not (tmp_path / "evil").exists()


def test_code_beside_a_product_is_not_imported_by_rerun(uncal, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "sent_with_it.py").write_text("open('evil', 'w').close()\n")
    assert main(["run", "group_scale", str(uncal), "--references=refs"]) == 0
    model = datamodels.open(PRODUCT)
    record = model.get_meta("provenance").instance
    record["run"]["class"] = "sent_with_it.Step"
    model.set_meta("provenance", record)
    model.save("sent.fits")
    assert main(["rerun", "sent.fits"]) == 1
    assert "sent_with_it" in capsys.readouterr().err and not (tmp_path / "evil").exists()


def test_hooks_of_the_users_own_parameter_file_run(uncal, tmp_path):
    mine = parameter_file(tmp_path / "mine.asdf", pre_hooks=["touch own"])
    assert main(["run", mine, str(uncal), "--references=refs"]) == 0
    assert (tmp_path / "own").exists()
