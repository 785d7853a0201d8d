"""Associations copied with their members."""

import inspect
import json
import os

import pytest

from hexcal.associations.asn_gather import asn_gather
from hexcal.errors import InputError, ParameterError, ResourceError

MEMBERS = {"a_cal.fits": "science", "b_cal.fits": "background", "c_cal.fits": "psf"}


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "from"
    folder.mkdir()
    for name in MEMBERS:
        (folder / name).write_text(f"content of {name}")
    members = [{"expname": name, "exptype": kind, "exposerr": None} for name, kind in MEMBERS.items()]
    products = [{"name": "p1", "members": members[:2]}, {"name": "p2", "members": members[2:]}]
    path = folder / "x_asn.json"
    path.write_text(json.dumps({"asn_id": "o001", "asn_pool": "pool", "products": products}))
    return path


def listing(folder):
    return sorted(item.name for item in folder.iterdir())


@pytest.mark.req("CMD-11", "ASN-06")
def test_the_association_lies_beside_its_members(path, tmp_path):
    gathered = asn_gather(path, tmp_path / "to")
    assert gathered == tmp_path / "to" / "x_asn.json"
    assert listing(tmp_path / "to") == [*MEMBERS, "x_asn.json"]
    assert json.loads(gathered.read_text()) == json.loads(path.read_text())
    for name in MEMBERS:
        assert (tmp_path / "to" / name).read_text() == f"content of {name}"
        assert (tmp_path / "to" / name).stat().st_mtime_ns == (path.parent / name).stat().st_mtime_ns


@pytest.mark.req("CMD-11", "CMD-12")
def test_defaults(path, tmp_path):
    parameters = inspect.signature(asn_gather).parameters
    assert list(parameters) == [
        "association",
        "destination",
        "exp_types",
        "exclude_types",
        "source_folder",
        "shellcmd",
    ]
    assert parameters["shellcmd"].default == "rsync -urv --no-perms --chmod=ugo=rwX"
    asn_gather(str(path))
    assert listing(tmp_path) == [*MEMBERS, "from", "x_asn.json"]


@pytest.mark.req("CMD-12")
@pytest.mark.parametrize(
    ("options", "taken"),
    [
        ({"exp_types": ["science"]}, ["a_cal.fits"]),
        ({"exp_types": ["PSF", "science"]}, ["a_cal.fits", "c_cal.fits"]),
        ({"exclude_types": ["background"]}, ["a_cal.fits", "c_cal.fits"]),
        ({"exp_types": ["science", "psf"], "exclude_types": ["psf"]}, ["a_cal.fits"]),
    ],
)
def test_only_some_types(path, tmp_path, options, taken):
    gathered = asn_gather(path, "to", **options)
    assert listing(tmp_path / "to") == [*taken, "x_asn.json"]
    products = json.loads(gathered.read_text())["products"]
    assert [member["expname"] for product in products for member in product["members"]] == taken


@pytest.mark.req("CMD-12")
def test_members_from_another_folder(path, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in MEMBERS:
        (path.parent / name).rename(other / name)
    asn_gather(path, "to", source_folder="other")
    assert listing(tmp_path / "to") == [*MEMBERS, "x_asn.json"]
    # the members may even be at the destination already
    (tmp_path / "other" / "a_cal.fits").write_text("mine")
    asn_gather(path, "other", source_folder="other")
    assert (other / "a_cal.fits").read_text() == "mine" and (other / "x_asn.json").is_file()


@pytest.mark.req("CMD-11")
def test_members_in_several_folders_end_up_side_by_side(path, tmp_path):
    (tmp_path / "deep").mkdir()
    (path.parent / "a_cal.fits").rename(tmp_path / "deep" / "a_cal.fits")
    text = path.read_text().replace("a_cal.fits", "../deep/a_cal.fits").replace("b_cal", f"{path.parent}/b_cal")
    path.write_text(text)
    gathered = asn_gather(path, "to")
    assert listing(tmp_path / "to") == [*MEMBERS, "x_asn.json"]
    products = json.loads(gathered.read_text())["products"]
    assert [member["expname"] for product in products for member in product["members"]] == list(MEMBERS)
    (path.parent / "c_cal.fits").rename(path.parent / "a_cal.fits")
    path.write_text(text.replace("c_cal.fits", "a_cal.fits"))
    with pytest.raises(InputError, match="two members would have the same file name"):
        asn_gather(path, "to2")
    assert not (tmp_path / "to2").exists()


def test_a_second_run_copies_only_what_changed(path, tmp_path):
    asn_gather(path, "to")
    before = {name: (tmp_path / "to" / name).stat().st_ino for name in MEMBERS}
    (path.parent / "a_cal.fits").write_text("new content of a")
    (tmp_path / "to" / "b_cal.fits").write_text("newer at the destination")
    stat = (path.parent / "b_cal.fits").stat()
    os.utime(tmp_path / "to" / "b_cal.fits", ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    os.utime(path.parent / "a_cal.fits", ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    asn_gather(path, "to")
    after = {name: (tmp_path / "to" / name).stat().st_ino for name in MEMBERS}
    assert (tmp_path / "to" / "a_cal.fits").read_text() == "new content of a"
    assert (tmp_path / "to" / "b_cal.fits").read_text() == "newer at the destination"
    assert before["c_cal.fits"] == after["c_cal.fits"] and before["b_cal.fits"] == after["b_cal.fits"]


@pytest.mark.req("CMD-12")
def test_a_command_of_the_user_copies(path, tmp_path):
    asn_gather(path, "to", shellcmd="cp -p")
    assert listing(tmp_path / "to") == [*MEMBERS, "x_asn.json"]
    with pytest.raises(ParameterError, match="no command 'nosuchcommand -x'"):
        asn_gather(path, "to2", shellcmd="nosuchcommand -x")
    with pytest.raises(ResourceError, match="failed with status 1"):
        asn_gather(path, "to3", shellcmd="false")
    assert not (tmp_path / "to3" / "x_asn.json").exists()


def test_the_association_is_not_written_when_a_member_is_missing(path, tmp_path):
    (path.parent / "b_cal.fits").unlink()
    with pytest.raises(InputError, match=r"1 of 3 members are missing: b_cal\.fits"):
        asn_gather(path, "to")
    assert not (tmp_path / "to").exists()


def test_what_cannot_be_gathered(path, tmp_path):
    before = listing(path.parent)
    with pytest.raises(InputError, match="folder of the association"):
        asn_gather(path, path.parent)
    with pytest.raises(InputError, match="did you mean 'science'"):
        asn_gather(path, "to", exp_types=["sience"])
    with pytest.raises(InputError, match="no member is left"):
        asn_gather(path, "to", exclude_types=list(MEMBERS.values()))
    with pytest.raises(InputError, match="no such file"):
        asn_gather("none_asn.json", "to")
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="cannot be created"):
        asn_gather(path, "file/to")
    assert listing(path.parent) == before
