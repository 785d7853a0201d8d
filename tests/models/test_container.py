"""Associations opened as containers.

Which members are models, that they are opened when asked for, what they carry, saving.
"""

import json
from types import MappingProxyType

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.datamodels import ImageModel, ModelContainer
from hexcal.errors import InputError, ParameterError, ResourceError
from hexcal.models import association_file

NAMES = ("a_cal.fits", "b_cal.fits", "c_x1d.fits")


def association(*members, name="product"):
    listed = [{"expname": name, "exptype": kind, **more} for name, kind, more in members]
    return {
        "asn_type": "image3",
        "asn_id": "o001",
        "asn_pool": "jw00001_pool",
        "products": [{"name": name, "members": listed}],
    }


ALL = association(
    ("a_cal.fits", "science", {"group_id": "7"}),
    ("b_cal.fits", "science", {"tweakreg_catalog": "b.ecsv"}),
    ("c_x1d.fits", "background", {}),
    ("catalog_cat.ecsv", "sourcecat", {}),
)


@pytest.fixture
def folder(tmp_path):
    for value, name in enumerate(NAMES):
        ImageModel(np.full((4, 5), value, np.float32)).save(tmp_path / name)
    (tmp_path / "catalog_cat.ecsv").write_text("# a catalogue")
    (tmp_path / "t_asn.json").write_text(json.dumps(ALL))
    return tmp_path


@pytest.mark.req("ASN-08", "ASN-06")
def test_members_that_are_models_are_in_the_container(folder):
    container = datamodels.open(str(folder / "t_asn.json"))
    assert type(container) is ModelContainer and len(container) == 3
    assert [model.meta.filename for model in container] == list(NAMES)
    assert all(isinstance(model, ImageModel) for model in container)
    assert [float(model.data[0, 0]) for model in container] == [0, 1, 2]
    # what is no model is still in the table
    assert container.meta.asn_table.products[0]["members"][3]["exptype"] == "sourcecat"
    assert container.asn_table == ALL
    assert container.exptypes == ["science", "science", "background"]
    container.check()


def test_members_are_opened_when_asked_for(folder):
    container = datamodels.open(folder / "t_asn.json")
    (folder / "b_cal.fits").write_text("not FITS any more")
    assert container[0].shape == (4, 5)
    assert container[0] is container[0]
    with pytest.raises(InputError, match="FITS"):
        container[1]


@pytest.mark.req("ASN-08")
def test_what_the_association_says_is_in_the_metadata_of_each_member(folder):
    first, second, third = datamodels.open(folder / "t_asn.json")
    assert first.meta.asn.instance == {
        "exptype": "science",
        "table_name": "t_asn.json",
        "pool_name": "jw00001_pool",
    }
    assert third.meta.asn.exptype == "background"
    assert first.get_meta("meta.group_id") == "7" and second.get_meta("meta.group_id") is None
    assert second.get_meta("meta.tweakreg_catalog") == "b.ecsv"


@pytest.mark.parametrize("wrap", [dict, MappingProxyType])
def test_a_mapping_is_as_good_as_a_file(folder, monkeypatch, wrap):
    monkeypatch.chdir(folder)
    container = datamodels.open(wrap(ALL))
    assert [float(model.data[0, 0]) for model in container] == [0, 1, 2]
    assert container.path is None and "table_name" not in container[0].meta.asn
    with pytest.raises(InputError, match="products"):
        datamodels.open({"members": []})


def test_yaml_is_read_as_well(folder):
    association_file.write_association(folder / "t_asn.yaml", ALL)
    assert "{" not in (folder / "t_asn.yaml").read_text()
    assert len(datamodels.open(folder / "t_asn.yaml")) == 3


@pytest.mark.req("ASN3-10")
def test_one_exposure_may_be_a_member_in_two_roles(folder):
    content = association(
        ("a_cal.fits", "science", {}), ("a_cal.fits", "background", {}), ("c_x1d.fits", "background", {})
    )
    (folder / "t_asn.json").write_text(json.dumps(content))
    container = datamodels.open(folder / "t_asn.json")
    assert [model.meta.asn.exptype for model in container] == ["science", "background", "background"]
    assert container[0] is not container[1]


@pytest.mark.req("ASN3-04")
def test_members_by_their_role(folder):
    container = datamodels.open(folder / "t_asn.json")
    assert [model.meta.filename for model in container.of_type("science")] == ["a_cal.fits", "b_cal.fits"]
    assert container.of_type("background")[0] is container[2]
    assert container.ind_asn_type("science") == [0, 1] and container.ind_asn_type("psf") == []
    with_psf = association(("a_cal.fits", "science", {}), ("b_cal.fits", "psf", {}))
    (folder / "psf_asn.json").write_text(json.dumps(with_psf))
    assert [model.meta.filename for model in datamodels.open(folder / "psf_asn.json").of_type("psf")] == ["b_cal.fits"]
    path = folder / "t_asn.json"
    assert len(ModelContainer(path, asn_exptypes=["background"])) == 1
    assert len(ModelContainer(path, asn_exptypes=["Science"], asn_n_members=1)) == 1
    with pytest.raises(InputError, match="did you mean 'science'"):
        ModelContainer(path, asn_exptypes=["sience"])


def test_a_list_of_models_and_paths(folder):
    model = ImageModel((4, 5))
    container = datamodels.open([model, str(folder / "a_cal.fits"), folder / "b_cal.fits"])
    assert container[0] is model and container[2].meta.filename == "b_cal.fits"
    assert container.exptypes == ["science"] * 3 and "asn" not in container[1].meta
    container.append(folder / "c_x1d.fits")
    container[0] = folder / "c_x1d.fits"
    assert container[0].meta.filename == container[-1].meta.filename == "c_x1d.fits"
    assert len(container[1:3]) == 2 and container[1:3][0] is container[1]
    del container[0]
    assert [item.meta.filename for item in container.parts()] == ["a_cal.fits", "b_cal.fits", "c_x1d.fits"]
    container[:2] = [model]
    assert len(container) == 2 and container.pop(0) is model


@pytest.mark.parametrize(
    ("items", "says"),
    [([3], "got int"), (["none.fits"], "no such file"), ([ModelContainer()], "hold containers")],
)
def test_what_is_no_model_is_refused(items, says):
    with pytest.raises(InputError, match=says):
        datamodels.open(items)


def test_copies_of_copies_of_models_in_memory_are_independent():
    with datamodels.ImageModel((2, 2)) as model, ModelContainer([model]) as container:
        first = container.copy()
        second = first.copy()
        second[0].data[:] = 8
        assert model.data[0, 0] == first[0].data[0, 0] == 0


def test_a_container_of_a_container_is_its_copy(folder):
    container = datamodels.open(folder / "t_asn.json")
    with pytest.raises(ParameterError, match="list"):
        ModelContainer(container)
    container[0].data[:] = 7
    copy = container.copy()
    copy[0].data[:] = 8
    assert container[0].data[0, 0] == 7 and copy.exptypes == container.exptypes and copy.path == container.path
    container.close()
    assert container[0].data[0, 0] == 0  # read again from the file


def test_each_model_is_saved(folder):
    container, target = datamodels.open(folder / "t_asn.json"), folder / "new"
    target.mkdir()
    container[1].data[:] = 9
    assert container.save(dir_path=target) == [str(target / name) for name in NAMES]
    assert datamodels.open(target / "b_cal.fits").data[0, 0] == 9
    assert container.save(target / "root.fits") == [str(target / f"root{number}.fits") for number in range(3)]
    with pytest.raises(InputError, match="one file"):
        datamodels.open([folder / "a_cal.fits"] * 2).save(dir_path=target)
    with pytest.raises(InputError, match="no file name"):
        datamodels.open([ImageModel((2, 2))]).save(dir_path=target)
    with pytest.raises(ResourceError):
        container.save(dir_path=folder / "nowhere")


@pytest.mark.req("ASN-06")
def test_a_member_with_a_folder_is_found_with_a_warning(folder):
    (folder / "sub").mkdir()
    (folder / "a_cal.fits").rename(folder / "sub" / "a_cal.fits")
    for name in ("sub/a_cal.fits", str(folder / "sub" / "a_cal.fits")):
        content = association(("b_cal.fits", "science", {}), (name, "science", {}))
        (folder / "t_asn.json").write_text(json.dumps(content))
        with pytest.warns(UserWarning, match="1 members are named with a folder"):
            container = datamodels.open(folder / "t_asn.json")
        assert container[1].data[0, 0] == 0


def test_a_folder_in_the_name_of_a_product_is_told_and_no_name_is_no_none(folder, monkeypatch):
    monkeypatch.chdir(folder)
    content = association(("a_cal.fits", "science", {}))
    content["products"][0]["name"] = "night1/mosaic"
    with pytest.warns(UserWarning, match="the product 'night1/mosaic' is written as 'mosaic'"):
        datamodels.open(content)
    content["products"][0]["name"] = None
    assert [name for name, _ in datamodels.open(content).by_product()] == [""]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "line 1"),
        ('{"products": []}', "at least one product"),
        ('{"products": 3}', "at least one product"),
        ('{"products": [{"name": "x"}]}', r"products\[0\] must have `members`"),
        ('{"products": [{"members": []}]}', "at least one member"),
        ('{"products": [{"members": [{"expname": "a_cal.fits"}]}]}', "`exptype`"),
        ('{"products": [{"members": [{"exptype": "science", "expname": 3}]}]}', "`expname`"),
        ('{"products": [{"members": ["a_cal.fits"]}]}', r"products\[0\].members\[0\]"),
        ('{"products": [{"members": [{"exptype": "science", "expname": "t_asn.json"}]}]}', "names itself"),
        (json.dumps(association(("a_cla.fits", "science", {}))), "1 of 1 members are missing: a_cla.fits"),
    ],
)
def test_a_malformed_association_is_refused(folder, content, says):
    (folder / "t_asn.json").write_text(content)
    with pytest.raises(InputError, match=says) as caught:
        datamodels.open(folder / "t_asn.json")
    assert "t_asn.json" in str(caught.value) and len(str(caught.value).splitlines()) <= 5


def test_an_association_that_names_another_association_does_not_open_it(folder):
    for one, other in (("x_asn.json", "y_asn.json"), ("y_asn.json", "x_asn.json")):
        content = association(("a_cal.fits", "science", {}), (other, "background", {}))
        (folder / one).write_text(json.dumps(content))
    assert len(datamodels.open(folder / "x_asn.json")) == 1


def test_a_container_without_models_is_refused_by_check(folder):
    (folder / "t_asn.json").write_text(json.dumps(association(("catalog_cat.ecsv", "sourcecat", {}))))
    with pytest.raises(InputError, match="no member"):
        datamodels.open(folder / "t_asn.json").check()


def test_json_that_is_no_association_stays_a_tree(tmp_path):
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert datamodels.open(tmp_path / "x.json").a == 1
    with pytest.raises(InputError, match="products"):
        association_file.read_association(tmp_path / "x.json")
    with pytest.raises(InputError, match="directory"):
        association_file.read_association(tmp_path)
    (tmp_path / "x.yaml").write_text("a: [1,\nb: 2")
    with pytest.raises(InputError, match=r"line 2"):
        association_file.read_association(tmp_path / "x.yaml")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        association_file.read_association(tmp_path / "b.json")


def test_a_file_that_is_a_member_twice_is_told(folder):
    content = association(("a_cal.fits", "science", {}), ("b_cal.fits", "science", {}), ("a_cal.fits", "science", {}))
    path = folder / "twice.json"
    path.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match=r"1 files are members more than once, and count as often: a_cal.fits"):
        assert len(ModelContainer(path)) == 3


def test_a_file_that_is_a_member_of_two_products_is_not_told(folder, recwarn):
    first, second = association(("a_cal.fits", "science", {})), association(("a_cal.fits", "background", {}), name="o")
    first["products"] += second["products"]
    (folder / "two.json").write_text(json.dumps(first))
    assert len(ModelContainer(folder / "two.json")) == 2 and not list(recwarn)
