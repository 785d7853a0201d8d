"""Members added to an association and removed."""

import copy
import json

import pytest

from hexcal.associations import asn_edit
from hexcal.errors import InputError, ResourceError

ASSOCIATION = {
    "asn_type": "spec2",
    "asn_id": "o001",
    "asn_pool": "pool",
    "products": [
        {
            "name": "p1",
            "members": [
                {"expname": "a_rate.fits", "exptype": "science", "exposerr": None},
                {"expname": "b_rate.fits", "exptype": "background"},
            ],
        },
        {"name": "p2", "members": [{"expname": "c_rate.fits", "exptype": "science"}]},
    ],
}


def names(association):
    return [[member["expname"] for member in product["members"]] for product in association["products"]]


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside").mkdir()
    for name in ("d_rate.fits", "e_rate.fits"):
        (tmp_path / "beside" / name).touch()
    path = tmp_path / "beside" / "x_asn.json"
    path.write_text(json.dumps(ASSOCIATION, indent=4))
    return path


@pytest.mark.req("ASN2-10", "ASN3-06", "CMD-08")
def test_a_member_is_added_to_every_product_with_name_and_type_only(path):
    asn_edit.edit(path, ["d_rate.fits"], exptype="imprint")
    edited = json.loads(path.read_text())
    assert names(edited) == [["a_rate.fits", "b_rate.fits", "d_rate.fits"], ["c_rate.fits", "d_rate.fits"]]
    assert edited["products"][1]["members"][1] == {"expname": "d_rate.fits", "exptype": "imprint"}
    del edited["products"][0]["members"][-1], edited["products"][1]["members"][-1]
    assert edited == ASSOCIATION


@pytest.mark.req("ASN2-10", "ASN3-06")
def test_a_member_is_removed_from_every_product(path):
    asn_edit.edit(path, ["b_rate.fits"], remove_them=True)
    edited = json.loads(path.read_text())
    assert names(edited) == [["a_rate.fits"], ["c_rate.fits"]]
    assert edited["products"][0]["members"][0]["exposerr"] is None


def test_a_product_that_loses_its_last_member_goes(path):
    asn_edit.edit(path, ["c_rate.fits"], remove_them=True)
    assert names(json.loads(path.read_text())) == [["a_rate.fits", "b_rate.fits"]]


def test_names_may_be_compared_without_their_suffix(path):
    with pytest.raises(InputError, match=r"not a member of the association: b_cal\.fits"):
        asn_edit.remove(ASSOCIATION, ["b_cal.fits"])
    assert names(asn_edit.remove(ASSOCIATION, ["b_cal.fits", "c.fits"], ignore_suffix=True)) == [["a_rate.fits"]]
    # what is no suffix of a product belongs to the name
    with pytest.raises(InputError):
        asn_edit.remove(ASSOCIATION, ["b_nrs1.fits"], ignore_suffix=True)


def test_one_exposure_in_a_second_role(path):
    edited = asn_edit.add(ASSOCIATION, ["a_rate.fits"], "background")
    assert edited["products"][0]["members"][-1] == {"expname": "a_rate.fits", "exptype": "background"}
    with pytest.raises(InputError, match="already"):
        asn_edit.add(edited, ["a_rate.fits"], "background")


def test_the_argument_is_never_changed():
    before = copy.deepcopy(ASSOCIATION)
    asn_edit.add(ASSOCIATION, ["z.fits"])
    asn_edit.remove(ASSOCIATION, ["a_rate.fits"])
    assert before == ASSOCIATION


def test_the_result_may_go_to_another_file(path, tmp_path):
    before = path.read_text()
    assert asn_edit.edit(path, ["beside/e_rate.fits"], output=tmp_path / "new.yaml") == tmp_path / "new.yaml"
    assert path.read_text() == before
    assert "e_rate.fits" in (tmp_path / "new.yaml").read_text()
    assert "beside" not in (tmp_path / "new.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "options", "says"),
    [
        (["d_rate.fits", "none.fits"], {}, r"must exist: none\.fits"),
        (["a_rate.fits", "none.fits"], {"remove_them": True}, r"not a member of the association: none\.fits"),
        (["a_rat.fits"], {"remove_them": True}, r"did you mean 'a_rate\.fits'"),
        (["a_rate.fits", "b_rate.fits", "c_rate.fits"], {"remove_them": True}, "no member would be left"),
    ],
)
def test_on_an_error_nothing_is_changed(path, words, options, says):
    before = path.read_bytes()
    with pytest.raises(InputError, match=says):
        asn_edit.edit(path, words, **options)
    assert path.read_bytes() == before
    assert sorted(item.name for item in path.parent.iterdir()) == ["d_rate.fits", "e_rate.fits", "x_asn.json"]


def test_the_association_survives_a_failed_write(path, tmp_path, monkeypatch):
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ResourceError, match="disk is full"):
        asn_edit.edit(path, ["d_rate.fits"])
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 3
