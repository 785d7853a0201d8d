"""``hexcal crds``: the commands that choose and explain."""

import json

import pytest
from exposures import write_uncal

from hexcal.cli.main import main


@pytest.fixture
def exposure(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("CRDS_PATH", str(real_data / "crds_cache"))
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0541.pmap")
    monkeypatch.delenv("CRDS_OBSERVATORY", raising=False)
    return str(write_uncal(tmp_path, SUBARRAY="FULL", **{"DATE-OBS": "2022-09-01", "TIME-OBS": "00:00:00"}))


def test_bestrefs_as_json(exposure, capsys):
    assert main(["crds", "bestrefs", exposure, "--types", "superbias,gain", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {exposure}
    assert set(answer[exposure]) == {"superbias", "gain"}
    assert answer[exposure]["superbias"].startswith("jwst_nircam_superbias_")


def test_explain_names_the_rules_and_the_file(exposure, capsys):
    assert main(["crds", "explain", exposure, "superbias"]) == 0
    text = capsys.readouterr().out
    assert "jwst_0541.pmap" in text
    assert "META.INSTRUMENT.DETECTOR = NRCA1" in text
    assert "result" in text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["crds", "bestrfs"], "did you mean 'bestrefs'?"),
        (["crds", "bestrefs", "nix.fits"], "nix.fits"),
        (["crds", "explain", "{exposure}", "superbais"], "superbias"),
        (["crds", "bestrefs", "{exposure}", "--context", "jwst_9999.pmap"], "jwst_9999.pmap"),
        (["crds", "bestrefs", "{exposure}", "--cache", "nowhere"], "nowhere"),
    ],
)
def test_errors_are_short_and_end_with_status_1(exposure, words, text, capsys):
    assert main([word.format(exposure=exposure) for word in words]) == 1
    message = capsys.readouterr().err
    assert text in message
    assert len(message.strip().splitlines()) <= 5


def test_list_and_uses(exposure, capsys):
    assert main(["crds", "list", "types", "NIRCAM"]) == 0
    assert "superbias" in capsys.readouterr().out
    assert main(["crds", "uses", "jwst_nircam_superbias_0026.fits"]) == 0
    assert "jwst_nircam_superbias_0006.rmap" in capsys.readouterr().out
    assert main(["crds", "--help"]) == 0
    assert "bestrefs" in capsys.readouterr().out
