"""Metadata of several exposures, blended."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.model_blender import (
    KeywordRules,
    KwRule,
    blendmodels,
    build_tab_schema,
    cat_headers,
    convert_dtype,
    extract_filenames_from_product,
    find_keywords_in_section,
    get_blended_metadata,
    interpret_entry,
    metablender,
)
from hexcal.models.blending import RULES, Blender


def exposure(number, **values):
    image = datamodels.ImageModel((2, 2))
    image.meta.telescope, image.meta.filename = "JWST", f"exposure{number}_cal.fits"
    image.meta.observation.time = f"0{number}:00:00.000"
    image.meta.exposure.exposure_time, image.meta.exposure.start_time = 10.0 * number, 60000.0 + number
    image.meta.instrument.filter = "F200W"
    for path, value in values.items():
        image.set_meta(path.replace("__", "."), value)
    return image


@pytest.mark.req("BLEND-06")
@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("first", [3, 1, 2], 3),
        ("last", [3, 1, 2], 2),
        ("float_one", [3, 1], 1.0),
        ("int_one", [3, 1], 1),
        ("zero", [3, 1], 0),
        ("multi", ["A", "B"], "MULTIPLE"),
        ("multi", ["A", "A"], "A"),
        ("multi?", ["A", "B"], "?"),
        ("multi?", ["A", "A"], "A"),
        ("mean", [1, 2, 6], 3.0),
        ("sum", [1, 2, 6], 9),
        ("max", [1, 6, 2], 6),
        ("min", [3, 1, 2], 1),
        ("stddev", [1.0, 3.0], 1.0),
        ("mintime", ["10:00:00.0", "09:59:59.9"], "09:59:59.9"),
        ("maxtime", ["10:00:00.0", "09:59:59.9"], "10:00:00.0"),
        ("mindate", ["2024-02-01", "2023-12-31"], "2023-12-31"),
        ("maxdate", ["2024-02-01", "2023-12-31"], "2024-02-01"),
        ("mindatetime", ["2024-02-01T00:00:01", "2024-02-01T00:00:00.5"], "2024-02-01T00:00:00.5"),
        ("maxdatetime", ["2024-02-01T00:00:01", "2024-02-01T00:00:00.5"], "2024-02-01T00:00:01"),
    ],
)
def test_rules(rule, values, expected):
    result = RULES[rule](values)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.req("BLEND-01", "BLEND-02", "BLEND-04", "BLEND-05", "BLEND-07")
def test_a_product_gets_blended_values_and_a_row_for_each_input(tmp_path):
    inputs = [exposure(1), exposure(2, meta__instrument__filter="F115W", meta__target__ra=5.5)]
    paths = [inputs[0], inputs[1].save(tmp_path / "second_cal.fits")]
    product = datamodels.ImageModel((2, 2))
    product.update(inputs[0])
    assert blendmodels(product, inputs=paths, output="mosaic_i2d.fits", ignore=["meta.exposure.start_time"]) is product
    assert product.meta.filename == "mosaic_i2d.fits"
    assert product.meta.instrument.filter == "MULTIPLE"
    assert product.meta.exposure.exposure_time == 30
    assert product.meta.exposure.start_time == 60001
    assert product.meta.target.ra == 5.5
    table = product.hdrtab
    assert len(table) == 2
    assert list(table["FILTER"]) == [b"F200W", b"F115W"]
    assert list(table["TIME-OBS"]) == [b"01:00:00.000", b"02:00:00.000"]
    assert np.isnan(table["TARG_RA"][0]) and table["TARG_RA"][1] == 5.5
    assert list(tmp_path.iterdir()) == [tmp_path / "second_cal.fits"]


@pytest.mark.req("BLEND-03")
def test_inputs_of_the_association_of_the_product(tmp_path):
    from hexcal.models.association_file import write_association

    names = []
    for number in (1, 2):
        exposure(number).save(tmp_path / f"e{number}_cal.fits")
        names.append({"expname": f"e{number}_cal.fits", "exptype": "science"})
    association = {"asn_type": "image3", "asn_id": "a3001", "products": [{"name": "both", "members": names}]}
    write_association(tmp_path / "asn.json", association)
    product = datamodels.ImageModel((2, 2))
    product.meta.asn.table_name = "asn.json"
    path = product.save(tmp_path / "both_i2d.fits")
    assert [name.rpartition("/")[2] for name in extract_filenames_from_product(path)] == ["e1_cal.fits", "e2_cal.fits"]
    blended = blendmodels(path)
    assert blended.meta.exposure.exposure_time == 30
    with pytest.raises(InputError, match="does not say"):
        blendmodels(datamodels.ImageModel((2, 2)))
    with pytest.raises(InputError, match="nothing to blend"):
        blendmodels(product, inputs=[])


@pytest.mark.req("BLEND-08")
def test_blended_values_without_a_product():
    (values,), table = get_blended_metadata([exposure(1), exposure(3)])
    assert values["meta.exposure.exposure_time"] == 40
    assert table["EFFEXPTM"].tolist() == [10, 30]


@pytest.mark.req("BLEND-09")
def test_helpers():
    from astropy.io import fits

    table = np.zeros(1, [("A", "S5"), ("B", "f8"), ("C", "?"), ("D", "i4")])
    schema = build_tab_schema(table)
    columns = schema["allOf"][0]["properties"]["hdrtab"]["datatype"]
    assert columns[0] == {"name": "A", "datatype": ["ascii", 5]}
    assert [column["datatype"] for column in columns[1:]] == ["float64", "bool8", "int32"]
    assert convert_dtype("<f4") == "float32"
    with pytest.raises(ParameterError):
        convert_dtype("c8")
    both = cat_headers(fits.Header({"A": 1, "B": 2}), fits.Header({"B": 3, "C": 4}))
    assert (both["A"], both["B"], both["C"]) == (1, 2, 4)


@pytest.mark.req("BLEND-10", "BLEND-11", "BLEND-12")
def test_metablender():
    inputs = [exposure(1), exposure(2, meta__target__ra=5.5)]
    aggregated, table = metablender(
        inputs,
        [
            ("META.EXPOSURE.EXPOSURE_TIME", "time", sum),
            ("meta.exposure.start_time", "span", (min, max)),
            ("meta.target.ra", "ra", max, "ignore"),
            ("meta.target.dec", "dec", max, "constant", -1.0),
            ("meta.target.ra", "none", lambda values: None),
            ("meta.target.ra", "RA"),
            ("meta.exposure.exposure_time", "T", None, "raise"),
        ],
    )
    assert aggregated == {"time": 30, "span": (60001, 60002), "ra": 5.5, "dec": -1.0}
    assert list(table["RA"].mask) == [True, False] and table["RA"][1] == 5.5
    assert list(table["T"]) == [10, 20]
    with pytest.raises(ValueError, match=r"has no meta\.target\.ra"):
        metablender(inputs, [("meta.target.ra", "ra", max, "raise")])
    with pytest.raises(ParameterError, match="2 to 5"):
        metablender(inputs, [("meta.target.ra",)])


@pytest.mark.req("BLEND-13", "BLEND-14", "BLEND-15")
def test_rules_of_keywords():
    from astropy.io import fits

    rules = KeywordRules(exposure(1))
    position = rules.index_of("meta.exposure.exposure_time")
    attribute, output, function, error = rules.rules[position]
    assert (attribute, output, error) == ("meta.exposure.exposure_time",) * 2 + ("ignore",)
    assert function([1, 2]) == 3
    assert ("meta.exposure.exposure_time",) * 2 in rules.rules
    assert rules.index_of("meta.nothing") is None
    aggregated, table = rules.apply([exposure(1), exposure(2)], tabhdu=True)
    assert aggregated["meta.exposure.exposure_time"] == 30
    assert list(table["meta.exposure.exposure_time"]) == [10, 20]
    header = fits.Header()
    rules.add_rules_kws(header)
    assert any("meta.exposure.exposure_time = sum" in line for line in header["HISTORY"])
    count = len(rules.rules)
    rules.merge(KeywordRules(exposure(2)))
    assert len(rules.rules) == count
    assert interpret_entry({"A": "A"}, header) == [("A", "A")]
    assert KwRule({"A": {"rule": "max"}}).interpret(header) == [("A", "A", max, "ignore")]
    assert KwRule({"A": {"rule": "max", "output": "B"}}).interpret(header) == [("A", "B", max, "ignore")]
    with pytest.raises(ParameterError, match="rule of blending"):
        KwRule({"A": {"rule": "maximum"}}).interpret(header)
    cards = fits.Header([("", "Target information"), ("TARG_RA", 1), ("TARG_DEC", 2), ("", "Other"), ("X", 1)])
    assert find_keywords_in_section(cards, "Target") == ["TARG_RA", "TARG_DEC"]


def test_a_value_that_differs_in_kind_or_is_no_plain_value_does_no_harm():
    blender = Blender(rules={"meta.exposure.exposure_time": "first", "meta.exposure": "first"})
    blender.add(exposure(1))
    blender.add(datamodels.ImageModel((2, 2)))
    assert blender.values() == {"meta.exposure.exposure_time": 10}
    assert np.isnan(blender.table()["EFFEXPTM"][1])
    assert Blender(rules={}).table() is None
