"""``hexcal asn explain``: lines, JSON, questions that cannot be answered."""

import json

import pytest
from association_pools import USER_RULES, exposure, pool

from hexcal.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pool(exposure(1), exposure(2, filter="f200w"), exposure(3)).write("p.csv")

    def run(*words):
        status = main(["asn", "explain", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_one_exposure(run):
    status, out, err = run("p.csv", "_00001_")
    assert (status, err) == (0, "")
    assert out.startswith("exposure    jw00001001001_02101_00001_nrcb2_uncal.fits\ncandidates  o001 (observation)\n")
    assert "candidate_Asn_Lv3Image  as science" in out


def test_two_exposures(run):
    assert "together in 1 association:" in run("p.csv", "_00001_", "_00003_")[1]
    out = run("p.csv", "_00001_", "_00002_")[1]
    assert "together in no association" in out and "filter must be the same: f115w and f200w" in out
    out = run("p.csv", "_00001_", "_00002_", "--rule", "Asn_Lv3Image")[1]
    assert "Asn_Lv3Image" in out and "Asn_Lv2Image" not in out


def test_a_rule(run):
    out = run("p.csv", "_00001_", "--rule", "Lv3TSO")[1]
    assert "rule        Asn_Lv3TSO, type tso3" in out and "no   is_tso is given; it is not given" in out
    assert out.splitlines()[-1].startswith("result      in none of its associations: it asks that is_tso is given")


def test_json(run):
    answer = json.loads(run("p.csv", "_00001_", "_00002_", "--json")[1])
    assert answer["together"] == []
    assert {
        "rule": "Asn_Lv3Image",
        "roles": [["science"], ["science"]],
        "reasons": ["filter must be the same: f115w and f200w"],
    } in answer["apart"]


def test_rules_of_users(run, tmp_path):
    (tmp_path / "mine.py").write_text(USER_RULES)
    out = run("p.csv", "_00001_", "--rule", "SameFilter", "-r", "mine.py")[1]
    assert "all of" in out and "filter asks for anything; filter is f115w" in out
    out = run("p.csv", "_00001_", "_00002_", "-r", "mine.py", "--ignore-default")[1]
    assert "filter asks for f115w; filter is f200w" in out and "Lv3" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "required: pool, EXPOSURE"),
        (("p.csv",), "required: EXPOSURE"),
        (("p.csv", "nrcb2"), "3 exposures have 'nrcb2' in their names"),
        (
            ("p.csv", "jw00001001001_02101_00001_nrcb2_uncl.fits"),
            "did you mean 'jw00001001001_02101_00001_nrcb2_uncal.fits'",
        ),
        (("p.csv", "_00001_", "_00001_"), "two different exposures"),
        (("p.csv", "_00001_", "_00002_", "_00003_"), "one or two exposures"),
        (("p.csv", "_00001_", "--rule", "Lv3Imag"), "did you mean 'Asn_Lv3Image'"),
        (("p.csv", "_00001_", "--candidate", "o01"), "did you mean 'o001'"),
        (("p.csv", "_00001_", "--jsn"), "did you mean '--json'"),
        (("q.csv", "_00001_"), "the pool does not exist"),
    ],
)
def test_questions_that_cannot_be_answered(run, words, message):
    status, out, err = run(*words)
    assert status == 1 and out == "" and message in err and len(err.splitlines()) <= 5
