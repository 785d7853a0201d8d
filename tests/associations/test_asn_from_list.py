"""``asn_from_list``: associations of files that the user names, as text and as command."""

import json

import pytest
import yaml

from hexcal import __version__
from hexcal.associations import Association, load_asn
from hexcal.associations.asn_from_list import Main, asn_from_list
from hexcal.associations.lib.rules_level2_base import DMSLevel2bBase
from hexcal.associations.lib.rules_level3_base import DMS_Level3_Base
from hexcal.cli import asn
from hexcal.cli.main import main
from hexcal.errors import InputError, ParameterError

# What release 1.13.4 of the original writes, its version apart.
STAGE_3 = """{
    "asn_type": "None",
    "asn_rule": "DMS_Level3_Base",
    "version_id": null,
    "code_version": "VERSION",
    "degraded_status": "No known degraded exposures in association.",
    "program": "noprogram",
    "constraints": "No constraints",
    "asn_id": "a3001",
    "target": "none",
    "asn_pool": "none",
    "products": [
        {
            "name": "l3_results",
            "members": [
                {
                    "expname": "a_cal.fits",
                    "exptype": "science"
                },
                {
                    "expname": "b_cal.fits",
                    "exptype": "science"
                }
            ]
        }
    ]
}"""
STAGE_2 = """{
    "asn_type": "None",
    "asn_rule": "DMSLevel2bBase",
    "version_id": null,
    "code_version": "VERSION",
    "degraded_status": "No known degraded exposures in association.",
    "program": "noprogram",
    "constraints": "No constraints",
    "asn_id": "a3001",
    "asn_pool": "none",
    "products": [
        {
            "name": "a",
            "members": [
                {
                    "expname": "a_rate.fits",
                    "exptype": "science"
                }
            ]
        },
        {
            "name": "jw00623037001_02101_00001_mirimage",
            "members": [
                {
                    "expname": "jw00623037001_02101_00001_mirimage_rateints.fits",
                    "exptype": "science"
                }
            ]
        }
    ]
}"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = main(["asn", "from-list", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.mark.req("CMD-07", "CMD-09", "ASN2-01")
def test_stage_3_byte_for_byte(run, tmp_path):
    assert run("-o", "l3.json", "--product-name", "l3_results", "a_cal.fits", "b_cal.fits")[0] == 0
    assert (tmp_path / "l3.json").read_text() == STAGE_3.replace("VERSION", __version__)


@pytest.mark.req("CMD-07", "CMD-08", "ASN2-05")
def test_stage_2_byte_for_byte(run, tmp_path):
    files = ["a_rate.fits", "jw00623037001_02101_00001_mirimage_rateints.fits"]
    assert run("-o", "l2.json", "-r", "DMSLevel2bBase", *files)[0] == 0
    assert (tmp_path / "l2.json").read_text() == STAGE_2.replace("VERSION", __version__)


@pytest.mark.req("CMD-10")
def test_the_function_returns_the_association():
    association = asn_from_list(["a_cal.fits"], product_name="p")
    assert isinstance(association, DMS_Level3_Base) and association["products"][0]["name"] == "p"
    association = asn_from_list(["a_rate.fits", "b_rate.fits"], rule=DMSLevel2bBase)
    assert isinstance(association, DMSLevel2bBase) and len(association["products"]) == 2
    # any class of associations will do, and nothing need be valid
    assert asn_from_list(["a", "b"], rule=Association)["members"] == ["a", "b"]
    with pytest.raises(ParameterError, match="name of its product"):
        asn_from_list(["a_cal.fits"])


@pytest.mark.req("CMD-09", "ASN3-04")
def test_types_of_members():
    items = [("a_cal.fits", "science"), ("b_cal.fits", "psf")]
    association = asn_from_list(items, product_name="p", with_exptype=True)
    assert [member["exptype"] for member in association["products"][0]["members"]] == ["science", "psf"]


def test_the_id_is_the_one_given(run, tmp_path):
    run("-o", "x.json", "-i", "c1001", "--product-name", "p", "a_cal.fits")
    assert json.loads((tmp_path / "x.json").read_text())["asn_id"] == "c1001"


def test_yaml(run, tmp_path):
    assert run("-o", "x.yaml", "-f", "yaml", "--product-name", "p", "a_cal.fits")[0] == 0
    content = yaml.safe_load((tmp_path / "x.yaml").read_text())
    assert content["products"] == [{"name": "p", "members": [{"expname": "a_cal.fits", "exptype": "science"}]}]


@pytest.mark.parametrize("rule", ["DMS_Level3_Base", "DMSLevel2bBase", "Asn_Lv3Image", "Asn_Lv2Image"])
def test_what_is_written_is_valid(run, tmp_path, rule):
    name = [] if "2" in rule else ["--product-name", "p"]
    assert run("-o", "x.json", "-r", rule, *name, "a_cal.fits")[0] == 0
    with open(tmp_path / "x.json") as stream:
        content = load_asn(stream)
    assert content["asn_rule"] == rule and content["products"][0]["members"][0]["expname"] == "a_cal.fits"


def test_a_rule_of_the_user(run, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from hexcal.associations import Association, RegistryMarker\n\n"
        "@RegistryMarker.rule\nclass Asn_Mine(Association):\n    pass\n"
    )
    assert run("-o", "x.json", "--ruledefs", "mine.py", "-r", "Asn_Mine", "a.fits")[0] == 0
    content = json.loads((tmp_path / "x.json").read_text())
    assert content["asn_rule"] == "Asn_Mine" and content["members"] == ["a.fits"]


def test_the_class_behind_the_command(run, tmp_path):
    made = Main("-o x.json --product-name p a_cal.fits")
    assert made.asn["products"][0]["name"] == "p" and not (tmp_path / "x.json").exists()
    assert Main.cli(["-o", "x.json", "--product-name", "p", "a_cal.fits"]).asn == made.asn
    assert (tmp_path / "x.json").is_file()


def test_members_that_pipelines_will_not_find_are_named(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "a_cal.fits").touch()
    status, _, err = run("-o", "out/x.json", "--product-name", "p", "a_cal.fits", "later_cal.fits")
    assert status == 0 and "1 are not there: a_cal.fits" in err
    assert run("-o", "x.json", "--product-name", "p", "a_cal.fits")[2] == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a_cal.fits"], "--product-name NAME"),
        (["-r", "DMS_Level3Base", "a_cal.fits"], "did you mean 'DMS_Level3_Base'"),
        (["-f", "xml", "--product-name", "p", "a_cal.fits"], "json"),
        (["--product-name", "p"], "FILE"),
        (["--ruledefs", "none.py", "-r", "X", "a_cal.fits"], "none.py"),
        (["-r", "DMSLevel2bBase", "--product-name", "p", "a_cal.fits"], "a product for each file"),
    ],
)
def test_on_an_error_nothing_is_written(run, tmp_path, words, says):
    (tmp_path / "x.json").write_text("as before")
    status, _, err = run("-o", "x.json", *words)
    assert status == 1 and says in err and len(err.splitlines()) <= 5
    assert (tmp_path / "x.json").read_text() == "as before" and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there(run):
    status, _, err = run("-o", "none/x.json", "--product-name", "p", "a_cal.fits")
    assert status == 1 and "does not exist" in err
    with pytest.raises(InputError):
        Main.cli(["-o", "x.json", "--product-name", "p", " "])


@pytest.mark.req("CMD-07")
def test_the_documented_name(run, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["asn_from_list", "-o", "x.json", "--product-name", "p", "a_cal.fits"])
    assert asn.asn_from_list() == 0 and (tmp_path / "x.json").is_file()
