"""The structure that a list of files gets."""

import pytest

from hexcal.associations.listed import add_each, add_together
from hexcal.errors import InputError, ParameterError


def member(name, kind="science"):
    return {"expname": name, "exptype": kind}


@pytest.mark.req("CMD-08")
def test_a_product_for_each_file():
    association = {"asn_id": "a3001"}
    add_each(association, ["a_rate.fits", "b_nrs1_rateints.fits", "c.fits", "d_foo.fits", "e_rate"])
    assert association["asn_id"] == "a3001"
    assert [product["name"] for product in association["products"]] == ["a", "b_nrs1", "c", "d_foo", "e"]
    assert [product["members"] for product in association["products"]] == [
        [member(name)] for name in ("a_rate.fits", "b_nrs1_rateints.fits", "c.fits", "d_foo.fits", "e_rate")
    ]


def test_a_file_that_is_not_science_goes_with_every_product():
    association = {}
    add_each(association, [("a_rate.fits", "science"), ("b_rate.fits", "background")], with_exptype=True)
    assert association["products"] == [
        {"name": "a", "members": [member("a_rate.fits"), member("b_rate.fits", "background")]}
    ]
    with pytest.raises(InputError, match="science"):
        add_each({}, [("b_rate.fits", "background")], with_exptype=True)


@pytest.mark.req("CMD-09")
def test_one_product_of_all_files():
    association = {}
    items = ["a_cal.fits", "b_cal.fits"]
    add_together(association, items, product_name="mosaic", acid="o012", meta={"program": "01234"})
    assert association == {
        "asn_id": "o012",
        "program": "01234",
        "products": [{"name": "mosaic", "members": [member("a_cal.fits"), member("b_cal.fits")]}],
    }
    add_together(association, [("a_cal.fits", "psf")], product_name="x", with_exptype=True)
    assert association["products"] == [{"name": "x", "members": [member("a_cal.fits", "psf")]}]


def test_what_cannot_be_an_association():
    with pytest.raises(ParameterError, match="name of its product"):
        add_together({}, ["a_cal.fits"])
    for add in (add_each, lambda *words, **more: add_together(*words, product_name="x", **more)):
        with pytest.raises(InputError, match="at least one file"):
            add({}, [])
        for item in (3, None, " ", {"a": 1}):
            with pytest.raises(InputError, match="file names"):
                add({}, [item])
        with pytest.raises(InputError, match="pair"):
            add({}, ["a_cal.fits"], with_exptype=True)
