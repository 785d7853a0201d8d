"""Parameter references: how they are chosen, and what happens where there is none."""

import json
import os
import shutil

import numpy as np
import pytest
from exposures import NAME, write_uncal
from pars_caches import HEAD, BendStep, BentPipeline, make_pars_cache, parameter_file, reference_path, result

from hexcal import datamodels
from hexcal.core import config
from hexcal.core import parameter_references as references
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.pipeline import Detector1Pipeline


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = make_pars_cache(tmp_path / "cache")
    monkeypatch.setenv("CRDS_PATH", str(root))
    return root


@pytest.fixture
def uncal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"))


@pytest.mark.req("REF-02", "ROUTE-03", "ASDF-05", "S2C-07")
def test_the_type_is_pars_and_the_name_of_the_class(root, uncal):
    assert BendStep.get_config_reftype() == "pars-bendstep" and BendStep.reference_types == ()
    assert BendStep.get_config_from_reference(uncal)["parameters"] == {"factor": 5, "offset": 1}
    assert Detector1Pipeline.get_config_reftype() == "pars-detector1pipeline"


@pytest.mark.req("CRDS-07", "CRDS-01", "PYI-01", "CLI-04", "ASDF-07")
def test_call_and_the_command_line_use_them_and_run_does_not(root, uncal, tmp_path):
    assert result(BendStep.call(uncal)) == 6.0
    assert result(BendStep.call(datamodels.open(uncal))) == 6.0
    words = [str(uncal), f"--output_dir={tmp_path / 'out'}"]
    assert result(BendStep.from_cmdline(words)) == 6.0
    assert result(BendStep.from_cmdline([*words, "--offset=2", "--save-parameters=used.asdf"])) == 7.0
    used = config.load("used.asdf")["parameters"]
    assert (used["factor"], used["offset"]) == (5.0, 2.0)
    assert result(BendStep().run(uncal)) == result(BendStep()(uncal)) == 2.0
    assert result(BendStep(factor=3).run(uncal)) == 3.0


@pytest.mark.req("PREC-07")
@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "yes", "on"])
def test_the_environment_leaves_them_out(root, uncal, monkeypatch, word):
    monkeypatch.setenv("STPIPE_DISABLE_CRDS_STEPPARS", word)
    assert result(BendStep.call(uncal)) == 2.0
    assert BendStep.get_config_from_reference(uncal)["parameters"] == {}
    assert BendStep.get_config_from_reference(uncal, disable=False)["parameters"] != {}


@pytest.mark.parametrize("word", ["", "false", "FALSE", "0", "no", "off"])
def test_the_environment_does_not_leave_them_out(root, uncal, monkeypatch, word):
    monkeypatch.setenv("STPIPE_DISABLE_CRDS_STEPPARS", word)
    assert result(BendStep.call(uncal)) == 6.0
    assert BendStep.get_config_from_reference(uncal, disable=True)["parameters"] == {}


def test_another_word_in_the_environment_is_an_error(root, uncal, monkeypatch):
    monkeypatch.setenv("STPIPE_DISABLE_CRDS_STEPPARS", "maybe")
    with pytest.raises(ParameterError, match="STPIPE_DISABLE_CRDS_STEPPARS must be true or false, got 'maybe'"):
        BendStep.call(uncal)


@pytest.mark.req("PREC-07", "CLI-04")
def test_the_option_leaves_them_out(root, uncal, tmp_path, monkeypatch):
    words = [str(uncal), f"--output_dir={tmp_path / 'out'}"]
    assert result(BendStep.from_cmdline([*words, "--disable-crds-steppars"])) == 2.0
    monkeypatch.setenv("STPIPE_DISABLE_CRDS_STEPPARS", "true")
    assert result(BendStep.from_cmdline([*words, "--disable-crds-steppars=false"])) == 6.0


@pytest.mark.req("ASDF-09")
@pytest.mark.parametrize(
    ("keyword", "value"),
    [("EXP_TYPE", "NRC_GRISM"), ("DATE-OBS", "2019-01-01"), ("INSTRUME", "MIRI")],
)
def test_where_no_rule_fits_coded_defaults_are_used(root, tmp_path, keyword, value):
    exposure = write_uncal(tmp_path, data=np.ones((1, 2, 3, 4), "u2"), **{keyword: value})
    assert references.find(BendStep, exposure) == []
    assert result(BendStep.call(exposure)) == 2.0


def test_types_without_a_reference_and_environments_without_a_cache(root, uncal, monkeypatch):
    from hexcal.step import JumpStep, LinearityStep

    assert references.find(JumpStep, uncal) == []
    assert references.find(LinearityStep, uncal) == []
    monkeypatch.delenv("CRDS_PATH")
    assert references.find(BendStep, uncal) == []


def test_an_exposure_that_does_not_name_its_instrument_has_none(root, uncal, caplog):
    model = datamodels.open(uncal)
    model.meta.instrument.name = None
    assert references.find(BendStep, model) == []
    assert "No parameter reference can be chosen: the instrument of the exposure is not known" in caplog.text


def test_a_chosen_file_that_cannot_be_had_is_an_error(root, uncal):
    reference_path(root, "pars-bendstep").unlink()
    with pytest.raises(
        ReferenceError_, match=r"(?s)pars-bendstep.* not in the cache.*--disable-crds-steppars"
    ) as caught:
        BendStep.call(uncal)
    assert len(str(caught.value).splitlines()) <= 5


@pytest.mark.req("CRDS-02")
def test_a_chosen_file_that_is_missing_is_fetched(root, uncal, tmp_path, monkeypatch):
    from crds_servers import served

    from hexcal.references.server.sites import Sites

    mine = tmp_path / "mine"
    shutil.copytree(root, mine, ignore=shutil.ignore_patterns("references"))
    monkeypatch.setenv("CRDS_PATH", str(mine))
    with served(Sites(root)) as url:
        monkeypatch.setenv("CRDS_SERVER_URL", url)
        assert result(BendStep.call(uncal)) == 6.0
    monkeypatch.delenv("CRDS_SERVER_URL")  # from now on none is needed
    assert result(BendStep.call(uncal)) == 6.0
    reference_path(mine, "pars-bendstep").unlink()
    with pytest.raises(ReferenceError_, match="--disable-crds-steppars"):
        BendStep.call(uncal)


def test_a_context_that_is_not_there_is_an_error(root, uncal, monkeypatch):
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0002.pmap")
    with pytest.raises(ReferenceError_, match=r"(?s)unknown context 'jwst_0002.pmap'.*--disable-crds-steppars"):
        BendStep.call(uncal)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("parameters: {factr: 1}", ParameterError, "unknown parameter 'factr'"),
        ("parameters: {factor: many}", ParameterError, "factor = 'many' is not valid"),
        ("parameters: {factor: 1000}", ParameterError, "less than or equal to 100"),
        ("no_parameters: {}", ParameterError, "needs the key 'parameters'"),
        ("parameters: [", InputError, "not readable as ASDF"),
    ],
)
def test_an_error_in_a_parameter_reference_names_the_file(root, uncal, content, error, message):
    path = reference_path(root, "pars-bendstep")
    path.write_text(f"{HEAD}class: x.BendStep\n{content}\n...\n")
    with pytest.raises(error, match=message) as caught:
        BendStep.call(uncal)
    assert str(path) in str(caught.value) and "--disable-crds-steppars" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 5


@pytest.mark.req("PREC-06", "ROUTE-10")
def test_the_first_science_member_decides_for_an_association(root, uncal, tmp_path):
    write_uncal(tmp_path, name="grism_uncal.fits", EXP_TYPE="NRC_GRISM")
    members = [
        {"expname": "grism_uncal.fits", "exptype": "background"},
        {"expname": NAME, "exptype": "science"},
        {"expname": "grism_uncal.fits", "exptype": "science"},
    ]
    path = tmp_path / "x_asn.json"
    path.write_text(json.dumps({"products": [{"name": "x", "members": members}]}))
    assert [one.kind for one in references.find(BendStep, path)] == ["pars-bendstep"]
    path.write_text(json.dumps({"products": [{"name": "x", "members": [members[2], members[1]]}]}))
    assert references.find(BendStep, path) == []
    with pytest.raises(InputError, match="there is no exposure"):
        references.find(BendStep, [])
    assert [one.kind for one in references.find(BendStep, [uncal, "grism_uncal.fits"])] == ["pars-bendstep"]


def test_a_folder_of_references_is_asked_instead(root, uncal, tmp_path, monkeypatch):
    folder = tmp_path / "refs"
    folder.mkdir()
    assert result(BendStep.call(uncal, references=str(folder))) == 2.0
    BendStep(factor=9).export_config(folder / "pars-bendstep.asdf", include_meta=True)
    assert result(BendStep.call(uncal, references=str(folder))) == 9.0
    monkeypatch.setenv("HEXCAL_REFERENCES", str(folder))
    monkeypatch.delenv("CRDS_PATH")
    assert result(BendStep.call(uncal)) == 9.0


def test_the_product_records_each_source_and_the_files(root, uncal, tmp_path):
    local = parameter_file(tmp_path / "mine.asdf", {}, {"first": {"offset": 4}}, "pars_caches.BentPipeline")
    BentPipeline.call(uncal, config_file=local, steps={"second": {"offset": 3}}, output_dir=str(tmp_path / "out"))
    (product,) = (tmp_path / "out").iterdir()
    model = datamodels.open(product)
    record = model.provenance
    sources = {
        (entry["step"], name): item["source"] for entry in record["steps"] for name, item in entry["parameters"].items()
    }
    assert sources["bent.first", "factor"] == "parameter reference jwst_nircam_pars-bendstep_0001.asdf"
    assert sources["bent.second", "factor"] == "parameter reference jwst_nircam_pars-bentpipeline_0001.asdf"
    assert sources["bent.first", "offset"] == str(local) and sources["bent.second", "offset"] == "python"
    files = record["run"]["parameter_references"]
    assert [(one["type"], one["step"], one["context"]) for one in files] == [
        ("pars-bendstep", "bent.first", "jwst_0001.pmap"),
        ("pars-bendstep", "bent.second", "jwst_0001.pmap"),
        ("pars-bentpipeline", "bent", "jwst_0001.pmap"),
    ]
    assert files[0]["path"] == os.path.realpath(reference_path(root, "pars-bendstep")) and len(files[0]["sha256"]) == 64
    assert model.meta.ref_file.crds.context_used == "jwst_0001.pmap"
    (lines,) = model.cal_logs.values()
    assert [line.partition("Parameter reference ")[2] for line in lines if "Parameter reference" in line] == [
        f"pars-{name}: {reference_path(root, f'pars-{name}')}" for name in ("bendstep", "bentpipeline")
    ]


def test_an_error_in_a_parameter_reference_tells_the_ways_out(root, uncal, tmp_path, capsys):
    """It is not the user's file: they can do without the step, or without all such files."""
    path = parameter_file(reference_path(root, "pars-bentpipeline"), {}, {"second": {"find_showers": True}})
    words = [str(uncal), f"--output_dir={tmp_path / 'out'}"]
    with pytest.raises(ParameterError) as caught:
        BentPipeline.from_cmdline(words)
    assert str(caught.value).splitlines() == [
        "unknown parameter 'find_showers'",
        f"  where: {path}, for step 'bent.second'",
        "  next:  --steps.second.skip=true does without the step; "
        "--disable-crds-steppars (STPIPE_DISABLE_CRDS_STEPPARS=true) uses coded defaults",
    ]
    first = 1 * 5 + 1
    assert result(BentPipeline.from_cmdline([*words, "--steps.second.skip=true"])) == first
    assert result(BentPipeline.from_cmdline([*words, "--disable-crds-steppars"])) == 1 * 2 * 3


def test_a_step_that_the_user_leaves_out_needs_no_parameters(root, uncal, tmp_path):
    reference_path(root, "pars-bentpipeline").unlink()
    parameter_file(reference_path(root, "pars-bentpipeline"), {})
    parameter_file(reference_path(root, "pars-bendstep"), {"factr": 1})
    BentPipeline.call(
        uncal, steps={"first": {"skip": True}, "second": {"skip": True}}, output_dir=str(tmp_path / "out")
    )
    (product,) = (tmp_path / "out").iterdir()
    files = datamodels.open(product).provenance["run"]["parameter_references"]
    assert [one["type"] for one in files] == ["pars-bentpipeline"]


@pytest.mark.req("PREC-06", "ROUTE-10")
def test_the_rules_are_asked_once_for_a_run(root, uncal, monkeypatch):
    asked, find = [], references.find
    monkeypatch.setattr(references, "find", lambda *words, **more: (asked.append(words[0]), find(*words, **more))[1])
    assert result(BentPipeline.call(uncal)) == (5 + 1) * 7 + 1
    assert asked == [BentPipeline]


@pytest.mark.req("PYI-07")
def test_layering_by_hand(root, uncal, tmp_path):
    from hexcal import config_parser

    local = parameter_file(tmp_path / "mine.asdf", {"offset": 10})
    settings = BendStep.get_config_from_reference(uncal)
    config_parser.merge_config(settings, config_parser.load_config_file(local))
    step = BendStep.from_config_section(settings)
    assert (step.factor, step.offset) == (5.0, 10.0) and result(step.run(uncal)) == 15.0


def test_saved_parameters_are_those_used(root, uncal, tmp_path):
    BendStep.from_cmdline([str(uncal), "--offset=2", f"--output_dir={tmp_path / 'out'}", "--save-parameters=used.asdf"])
    used = config.load("used.asdf")["parameters"]
    assert (used["factor"], used["offset"]) == (5.0, 2.0)
