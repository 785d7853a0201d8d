"""Reading and writing associations; what a valid one is."""

import io
import json
import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hexcal.associations import Association, AssociationError, AssociationNotValidError, RegistryMarker, load_asn
from hexcal.errors import InputError
from hexcal.models.association_check import STAGE_2, STAGE_3, as_json_values, check_schema
from hexcal.models.association_file import read_association
from hexcal.models.association_text import FORMATS, parse

# The examples of the documents, shortened.
IMAGE2 = {
    "asn_type": "image2",
    "asn_rule": "candidate_Asn_Lv2Image",
    "version_id": "20210610t121508",
    "code_version": "1.2.3",
    "degraded_status": "No known degraded exposures in association.",
    "program": "00623",
    "constraints": "DMSAttrConstraint({'name': 'program', 'sources': ['program'], 'value': '623'})",
    "asn_id": "o037",
    "asn_pool": "jw00623_20210610t121508_pool",
    "target": "9",
    "products": [
        {
            "name": "jw00623037001_02101_00001_mirimage",
            "members": [
                {
                    "expname": "jw00623037001_02101_00001_mirimage_rate.fits",
                    "exptype": "science",
                    "exposerr": "null",
                }
            ],
        }
    ],
}
IMAGE3 = {
    "degraded_status": "No known degraded exposures in association.",
    "version_id": "20160826t131159",
    "asn_type": "image3",
    "asn_id": "c3001",
    "constraints": "Constraints:\n    opt_elem2: CLEAR\n    detector: (?!NULL).+\n    wfsvisit: NULL",
    "asn_pool": "mega_pool",
    "asn_rule": "Asn_Image",
    "target": "1",
    "program": "99009",
    "products": [
        {
            "name": "jw99009-a3001-t001_nircam_f090w",
            "members": [
                {
                    "exposerr": None,
                    "expname": f"jw_0000{number}_cal.fits",
                    "asn_candidate": "[('o001', 'observation')]",
                    "exptype": "science",
                }
                for number in (1, 2)
            ],
        }
    ],
}
CUBE = """
{
  "asn_rule": "Asn_MIRIFU_Dither",
  "target": "MYTarget",
  "asn_id": "c3001",
  "asn_pool": "jw00024_001_01_pool",
  "program": "00024", "asn_type": "dither",
  "products": [
    {
      "name": "MIRM103-Q0-Q3",
      "members": [
        {
          "exptype": "SCIENCE", "expname": "MIRM103-Q0-SHORT_495_cal.fits",
        },
        {
          "exptype": "SCIENCE", "expname": "MIRM103-Q1-SHORT_495_cal.fits"
        }
      ]
    }
  ]
}
"""


def changed(association, **changes):
    return {name: value for name, value in {**association, **changes}.items() if value is not ...}


def with_member(association, **member):
    first = {"expname": "a_cal.fits", "exptype": "science"}
    return changed(
        association, products=[{"members": [first, changed({"expname": "b.fits", "exptype": "science"}, **member)]}]
    )


@pytest.mark.req("API-03", "ASN-07", "ASN2-11", "ASN3-08")
@pytest.mark.parametrize("association", [IMAGE2, IMAGE3], ids=["stage 2", "stage 3"])
def test_load_asn(association, tmp_path):
    text = json.dumps(association, indent=4)
    path = tmp_path / "x_asn.json"
    path.write_text(text)
    for serialized in (text, text.encode(), io.StringIO(text), io.BytesIO(text.encode()), path, str(path), association):
        found = load_asn(serialized)
        assert type(found) is dict
        assert found == association
        assert found["products"][0]["members"][0]["expname"] == association["products"][0]["members"][0]["expname"]
    with path.open() as stream:
        assert load_asn(stream, format="json") == association


@pytest.mark.req("API-03", "API-04")
def test_yaml():
    text = FORMATS["yaml"].dump(IMAGE3)[1]
    assert load_asn(text) == load_asn(text, format="yaml") == IMAGE3
    assert load_asn(json.dumps(IMAGE3), format="yaml") == IMAGE3
    with pytest.raises(AssociationNotValidError, match="not JSON: line 1, column 1"):
        load_asn(text, format="json")
    with pytest.raises(AssociationError, match=r"(?s)unknown format of an association 'jason'.*'json'"):
        load_asn(text, format="jason")


def test_free_types_and_rules_and_a_comma_too_many():
    found = load_asn(CUBE)
    assert (found["asn_type"], found["asn_rule"]) == ("dither", "Asn_MIRIFU_Dither")
    assert len(found["products"][0]["members"]) == 2


@pytest.mark.req("API-03")
def test_registry_first_and_validate():
    from hexcal.associations import AssociationRegistry

    text = json.dumps(IMAGE3)
    every = load_asn(text, first=False)
    assert len(every) > 1 and all(one == IMAGE3 for one in every)
    assert load_asn(text, registry=None) == IMAGE3
    assert load_asn('{"a": 1}', registry=None) == {"a": 1}, "the base class has no schema"
    assert load_asn('{"a": 1}', validate=False) == {"a": 1}
    with pytest.raises(AssociationNotValidError):
        load_asn('{"a": 1}')
    assert load_asn(text, registry=AssociationRegistry) == load_asn(text, registry=AssociationRegistry()) == IMAGE3
    assert load_asn('{"a": 1.5}', registry=None, parse_float=str) == {"a": "1.5"}

    class Demanding(Association):
        @classmethod
        def validate(cls, asn):
            raise AssociationNotValidError("never right")

    registry = AssociationRegistry()
    registry.clear()
    with pytest.raises(AssociationNotValidError, match="there are no rules"):
        load_asn(text, registry=registry)
    registry.add_rule("Demanding", RegistryMarker.rule(Demanding))
    with pytest.raises(AssociationNotValidError, match="never right"):
        load_asn(text, registry=registry)


@pytest.mark.req("API-11", "GEN-10")
def test_which_rules_validate():
    from hexcal.associations import AssociationRegistry

    registry = AssociationRegistry()
    found = registry.validate(IMAGE3)
    assert {"Asn_Lv2Image", "Asn_Lv3Image"} <= {rule.__name__ for rule in found} <= set(registry)
    with pytest.raises(AssociationNotValidError):
        registry.validate({})
    assert registry.load(json.dumps(IMAGE2)) == IMAGE2


@pytest.mark.parametrize(
    ("serialized", "message"),
    [
        ("", "empty"),
        ('{"a":', "not JSON: line 1, column 6"),
        ('{"a":\n\n x y: [}', r"not JSON: line 3.*not YAML: line 3"),
        ("only words", "holds 'only words', not an association"),
        ("!!python/object/apply:os.getcwd []", "not YAML"),
        ("missing_asn.json", r"(?s)cannot be read: No such file.*missing_asn\.json"),
        (b"\xff\xfe", "not an association"),
        (None, "not from NoneType"),
        ("[1, 2]", "an association must be a dictionary"),
    ],
)
def test_what_is_no_association(serialized, message):
    with pytest.raises(AssociationNotValidError, match=message) as caught:
        load_asn(serialized)
    assert len(str(caught.value).splitlines()) <= 5


def test_a_file_that_is_none(tmp_path):
    path = tmp_path / "x_asn.json"
    path.write_bytes(b"\x93\xff")
    with pytest.raises(AssociationNotValidError, match=r"(?s)cannot be read.*x_asn"):
        load_asn(path)
    path.write_text("{")
    with path.open() as stream, pytest.raises(AssociationNotValidError, match=r"(?s)not JSON.*where: .*x_asn\.json"):
        load_asn(stream)
    with pytest.raises(AssociationNotValidError, match="this is a directory"):
        load_asn(tmp_path)


@pytest.mark.req("ASN-06")
def test_members_that_are_named_with_a_folder_are_told():
    for association in (IMAGE2, IMAGE3):
        with pytest.warns(UserWarning, match=r"1 members are named with a folder, such as '/x/b\.fits'"):
            load_asn(with_member(association, expname="/x/b.fits"))


# ---- schemas


@pytest.mark.req("ASN2-01", "ASN2-02", "ASN2-03", "ASN2-07", "ASN3-01", "ASN3-02", "ASN3-05")
@pytest.mark.parametrize(("schema", "association"), [(STAGE_2, IMAGE2), (STAGE_3, IMAGE3)], ids=["stage 2", "stage 3"])
def test_what_is_required_and_what_is_not(schema, association):
    check_schema(association, schema)
    for name in association:
        smaller = changed(association, **{name: ...})
        if name in ("asn_id", "asn_pool", "products"):
            with pytest.raises(AssociationNotValidError, match=f"'{name}' is missing"):
                check_schema(smaller, schema)
        else:
            check_schema(smaller, schema)
    for version in (None, "NULL", "20210610t121508"):
        check_schema(changed(association, version_id=version), schema)
    check_schema(changed(association, something="else", asn_type="any", asn_rule="any"), schema)
    check_schema(changed(association, products=[{"members": [{"expname": "a.fits", "exptype": "science"}]}]), schema)
    check_schema(with_member(association, exposerr="guiding lost"), schema)
    check_schema(with_member(association, asn_candidate="[('o001', 'observation')]"), schema)


@pytest.mark.req("ASN2-01", "ASN2-07", "ASN3-01", "ASN3-03")
@pytest.mark.parametrize(("schema", "association"), [(STAGE_2, IMAGE2), (STAGE_3, IMAGE3)], ids=["stage 2", "stage 3"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"products": "x"}, 'products must be a list, it is "x"'),
        ({"products": [5]}, r"products\[0\] must be a dictionary, it is 5"),
        ({"products": [{"name": "n"}]}, r"products\[0\] must have 'members'; 'members' is missing"),
        ({"products": [{"name": 5, "members": []}]}, r"products\[0\]\.name must be text, it is 5"),
        (
            {"products": [{"members": []}]},
            r"products\[0\]\.members must have at least one member with exptype 'science'",
        ),
        (
            {"products": [{"members": [{"expname": "a", "exptype": "psf"}]}]},
            "at least one member with exptype 'science'",
        ),
        (
            {"products": [{"members": [{"exptype": "science"}]}]},
            r"products\[0\]\.members\[0\] must have .*'expname' is missing",
        ),
        ({"asn_pool": None}, "asn_pool must be text, it is null"),
        ({"program": 5}, "program must be text, it is 5"),
        ({"version_id": 5}, "version_id must be text or null, it is 5"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(schema, association, change, message):
    with pytest.raises(AssociationNotValidError, match=message):
        check_schema(changed(association, **change), schema)


@pytest.mark.req("ASN2-09", "ASN3-04")
def test_types_of_members():
    for exptype in ("science", "background", "imprint", "sourcecat", "segmap", "direct_image"):
        check_schema(with_member(IMAGE2, exptype=exptype), STAGE_2)
    for exptype in ("science", "background", "psf"):
        check_schema(with_member(IMAGE3, exptype=exptype), STAGE_3)
    for association, schema in ((IMAGE2, STAGE_2), (IMAGE3, STAGE_3)):
        with pytest.raises(AssociationNotValidError, match=r"members\[1\]\.exptype must be text"):
            check_schema(with_member(association, exptype=5), schema)


@pytest.mark.req("ASN2-10", "ASN3-06")
def test_editing():
    for association, suffix in ((IMAGE2, "rate"), (IMAGE3, "cal")):
        edited = load_asn(json.dumps(association))
        members = edited["products"][0]["members"]
        members.append({"expname": f"jw_00003_{suffix}.fits", "exptype": "background"})
        assert load_asn(json.dumps(edited)) == edited
        del members[-1]
        assert load_asn(json.dumps(edited)) == association


def test_one_exposure_as_science_and_as_background():
    names = [
        ("science", "jw1_cal.fits"),
        ("background", "jw1_x1d.fits"),
        ("science", "jw2_cal.fits"),
        ("background", "jw2_x1d.fits"),
    ]
    nodded = changed(
        IMAGE3, asn_type="spec3", products=[{"members": [{"expname": name, "exptype": role} for role, name in names]}]
    )
    found = load_asn(json.dumps(nodded))
    assert [(one["exptype"], one["expname"]) for one in found["products"][0]["members"]] == names


def test_an_association_object_is_checked_as_it_is():
    class Odd(dict):
        pass

    association = Association()
    association.data.update(as_json_values(IMAGE3))
    association["products"][0]["members"][0] = Odd(association["products"][0]["members"][0])
    check_schema(association, STAGE_3)
    assert parse(association) == association.data


def test_plain():
    import numpy as np

    class Text(str):
        __slots__ = ()

    found = as_json_values(
        {"a": np.str_("x"), "b": np.int64(5), "c": np.float32(0.5), "d": (Text("y"), None, True), 6: pytest}
    )
    assert found == {"a": "x", "b": 5, "c": 0.5, "d": ["y", None, True], "6": str(pytest)}
    assert [type(one) for one in (found["a"], found["b"], found["c"], found["d"][0])] == [str, int, float, str]


def test_reading_needs_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_asn(json.dumps(IMAGE2))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text("abc_", min_size=1), below, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc_", min_size=1), values, min_size=1), st.sampled_from(["json", "yaml"]))
def test_what_is_written_is_read_again(data, format):
    association = Association()
    association.data = data
    _, text = association.dump(format=format)
    assert Association.load(text, format=format) == data
    assert Association.load(io.StringIO(text)) == data


def test_a_comma_too_many_opens_by_every_door_and_is_told(tmp_path, caplog):
    path = tmp_path / "x_asn.json"
    path.write_text(json.dumps(IMAGE3).replace("]}]", ",]}]"))
    with pytest.raises(json.JSONDecodeError):
        json.loads(path.read_text())
    assert load_asn(path) == IMAGE3
    assert not caplog.records
    assert read_association(path) == IMAGE3
    (record,) = caplog.records
    assert "x_asn.json: not JSON: line 1, column" in record.getMessage()
    path.write_text('{"products": [{]}')
    for door in (load_asn, read_association):
        with pytest.raises(InputError, match=r"not JSON: line 1, column 16"):
            door(path)


def test_nothing_that_reads_associations_needs_their_rules():
    """The rules use the reader; the other way round would be a circle."""
    code = (
        "import sys, hexcal.models.association_text; print(*(name for name in sys.modules if 'associations.classes' in "
        "name))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
