"""``asn_generate``, ``hexcal asn generate``: options, names and contents of files, messages, exit status."""

import json
import re

import pytest
from association_pools import USER_RULES, exposure, pool

from hexcal.associations import load_asn
from hexcal.cli import asn
from hexcal.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pool(exposure(1), exposure(2), exposure(3, "nrc_dark")).write("p.csv")

    def run(*words):
        status = main(["asn", "generate", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def files(tmp_path, folder="out"):
    return sorted(path.name for path in (tmp_path / folder).iterdir())


@pytest.mark.req("CMD-01", "ASN-03", "ASN-11")
def test_a_pool_becomes_files(run, tmp_path):
    status, out, err = run("p.csv", "-p", "out")
    assert (status, err) == (0, "")
    assert out == "3 associations of 3 exposures, in out; 1 exposures in none\n"
    assert files(tmp_path) == [
        "jw00001-o001_image2_00001_asn.json",
        "jw00001-o001_image2_00002_asn.json",
        "jw00001-o001_image3_00001_asn.json",
    ]
    content = json.loads((tmp_path / "out" / "jw00001-o001_image3_00001_asn.json").read_text())
    assert content["asn_pool"] == "p.csv" and content["asn_rule"] == "candidate_Asn_Lv3Image"
    assert [member["expname"] for member in content["products"][0]["members"]] == [
        "jw00001001001_02101_00001_nrcb2_cal.fits",
        "jw00001001001_02101_00002_nrcb2_cal.fits",
    ]
    status, _, err = run()
    assert status == 1 and "pool" in err


@pytest.mark.req("ASN-11")
def test_versions(run, tmp_path):
    assert run("p.csv", "-p", "named", "--version-id", "MyV1")[0] == 0
    assert files(tmp_path, "named")[0] == "jw00001-o001_myv1_image2_00001_asn.json"
    assert load_asn(tmp_path / "named" / files(tmp_path, "named")[0])["version_id"] == "MyV1"
    assert run("p.csv", "-p", "now", "--version-id")[0] == 0
    assert re.fullmatch(r"jw00001-o001_\d{8}t\d{6}_image2_00001_asn\.json", files(tmp_path, "now")[0])
    assert run("p.csv", "-p", "out")[0] == 0
    assert load_asn(tmp_path / "out" / files(tmp_path)[0])["version_id"] is None


@pytest.mark.req("API-04")
def test_yaml(run, tmp_path):
    assert run("p.csv", "-p", "json")[0] == run("p.csv", "-p", "yaml", "--format", "yaml")[0] == 0
    for name in files(tmp_path, "json"):
        assert load_asn(tmp_path / "yaml" / name.replace(".json", ".yaml")) == load_asn(tmp_path / "json" / name)
    status, _, err = run("p.csv", "--format", "jsn")
    assert status == 1 and "json" in err


def test_merge_dry_run_and_orphans(run, tmp_path):
    assert run("p.csv", "-p", "out", "--merge", "--save-orphans")[0] == 0
    assert files(tmp_path) == [
        "jw00001-o001_image2_00001_asn.json",
        "jw00001-o001_image3_00001_asn.json",
        "orphaned.csv",
    ]
    status, out, _ = run("p.csv", "-p", "dry", "--dry-run")
    assert status == 0 and "dry run" in out and not (tmp_path / "dry").exists()
    assert run("p.csv", "-p", "same", "--no-merge")[0] == 0 and len(files(tmp_path, "same")) == 3


@pytest.mark.req("GEN-07")
def test_pools_in_other_forms(run, tmp_path):
    made = pool(exposure(1), exposure(2))
    made.write("commas.csv", delimiter=",")
    made.write("pool.ecsv", format="ascii.ecsv", delimiter=" ")
    made.write("pool.fits", format="fits")
    assert run("commas.csv", "-d", ",", "-p", "out")[0] == 0
    assert run("pool.ecsv", "--pool-format", "ascii.ecsv", "-p", "out2")[0] == 0
    assert run("pool.fits", "--pool-format", "fits", "-p", "out3")[0] == 0
    assert files(tmp_path) == files(tmp_path, "out2") == files(tmp_path, "out3")
    status, _, err = run("commas.csv")
    assert status == 1 and "separated by '|'" in err


@pytest.mark.req("CMD-02")
def test_for_the_workflow_of_operations(run):
    assert "asn_generate complete" not in run("p.csv", "--dry-run")[1]
    assert run("p.csv", "--dry-run", "--DMS")[1].endswith("asn_generate complete\n")


def test_lists_of_what_was_made(run):
    out = run("p.csv", "--dry-run", "-v")[1]
    assert "jw00001-o001_image3_00001_asn  candidate_Asn_Lv3Image\n" in out and "product" not in out
    out = run("p.csv", "--dry-run", "-D")[1]
    assert "product jw00001-o001_t001_nircam_clear-f115w" in out and "00002_nrcb2_cal.fits  science" in out
    assert "filter: f115w" in out
    assert re.fullmatch(r"\d+\.\d+.*\n", run("--version")[1])


@pytest.mark.req("CMD-03", "CMD-03b")
def test_rules_of_users(run, tmp_path):
    (tmp_path / "mine.py").write_text(USER_RULES)
    assert run("p.csv", "-r", "mine.py", "-p", "both")[0] == 0
    assert run("p.csv", "-r", "mine.py", "--ignore-default", "-p", "alone")[0] == 0
    assert files(tmp_path, "alone") == ["jw00001-o001_mine_00001_asn.json", "unnamed_association.json"]
    assert len(files(tmp_path, "both")) == 5
    status, _, err = run("p.csv", "--ignore-default")
    assert status == 1 and "-r FILE" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("p.csv", "--dicsover"), "did you mean '--discover'?"),
        (("p.csv", "--all-candidate", "--discover"), "not allowed with"),
        (("nothing.csv",), "the pool does not exist"),
        (("p.csv", "-i", "o01"), "did you mean o001?"),
        (("p.csv", "-r", "none.py"), "rules file cannot be read"),
        (("p.csv", "-p", "p.csv"), "cannot be written"),
        (("p.csv", "--pool-format", "ascii.nothing"), "cannot be read as"),
    ],
)
def test_what_goes_wrong_is_said_in_a_few_lines(run, tmp_path, words, message):
    status, out, err = run(*words)
    assert status == 1 and out == "" and message in err and len(err.splitlines()) <= 6
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


def test_the_documented_name_is_a_command(run, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["asn_generate", "p.csv", "--dry-run"])
    assert asn.asn_generate() == 0
    assert "3 associations" in capsys.readouterr().out


@pytest.mark.req("ASN-10")
def test_direct_images_of_grism_exposures_are_products_of_stage_3(run, tmp_path):
    rows = (
        exposure(1, "nis_image", filter="clear", pupil="f200w"),
        exposure(2, "nis_wfss", filter="gr150r", pupil="f200w"),
    )
    pool(*rows).write("wfss.csv")
    assert run("wfss.csv", "-p", "out")[0] == 0
    content = load_asn(tmp_path / "out" / "jw00001-o001_spec2_00001_asn.json")
    image3 = load_asn(tmp_path / "out" / "jw00001-o001_image3_00001_asn.json")["products"][0]["name"]
    assert [(member["expname"], member["exptype"]) for member in content["products"][0]["members"]][1:] == [
        (f"{image3}_i2d.fits", "direct_image"),
        (f"{image3}_cat.ecsv", "sourcecat"),
        (f"{image3}_segm.fits", "segmap"),
    ]


def test_real_pool(run, real_data, tmp_path):
    path = real_data / "pools" / "jw90001_20171108T043223_pool.csv"
    assert run(str(path), "-p", "out")[0] == 0
    assert {load_asn(tmp_path / "out" / name)["asn_pool"] for name in files(tmp_path)} == {path.name}
