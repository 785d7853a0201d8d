"""The text of ASDF trees: what libyaml makes of the same values, and nodes of WCSs with their shared parts."""

from types import SimpleNamespace

import pytest

from hexcal.models import asdf_text, node_texts, yaml_scalars
from hexcal.models.stored_wcs import Source, StoredWcs

yaml = pytest.importorskip("yaml")
ARRAY = "tag:stsci.edu:asdf/core/ndarray-1.1.0"
SHIFT = "tag:stsci.edu:asdf/transform/shift-1.4.0"
INT, FLOAT, TEXT, SEQUENCE, MAPPING = (f"tag:yaml.org,2002:{name}" for name in ("int", "float", "str", "seq", "map"))
VALUES = [
    *("", "a", "yes", "null", "~", "1", "1.5", "1e5", "2026-11-29", "a: b", "a #b", "- a", "it's", '"', " a ", "a\nb"),
    *(
        "é",
        "日本",
        "\x07",
        "\u2028",
        "x" * 200,
        "long line, with 'quotes': and more " * 3,
        "tab\t",
        "[a",
        "*a",
        "&a",
        "!a",
    ),
    *(0, -7, 10**20, 0.0, -0.0, 1.0, 1e17, 1e-7, 5e-324, float("inf"), float("-inf"), True, False, None),
]


def file_of(count=10):
    return Source([b"block %d" % number for number in range(count)], b"1.6.0", "a file")


def scalar(value):
    return yaml.ScalarNode(FLOAT if isinstance(value, float) else INT if isinstance(value, int) else TEXT, str(value))


def mapping(tag=MAPPING, flow=False, **values):
    return yaml.MappingNode(tag, [(scalar(name), value) for name, value in values.items()], flow_style=flow)


def listed(*values, flow=False):
    return yaml.SequenceNode(SEQUENCE, list(values), flow_style=flow)


def array(number, flow=False):
    return mapping(ARRAY, flow, source=scalar(number), shape=listed(scalar(2), flow=True))


def text_of(source, *nodes):
    wcses = [StoredWcs(node, source) for node in nodes]
    return asdf_text.text_of({"wcs": wcses}, wcses)


def nodes_of(text):
    """The nodes of the WCSs in a text; what an alias stands for is the node that it refers to."""
    root = yaml.compose(f"%TAG ! tag:stsci.edu:asdf/\n---\n{text}", Loader=yaml.SafeLoader)
    return root.value[0][1].value


def dict_of(node):
    return {key.value: value for key, value in node.value}


def plain(node):
    """A node without arrays as text, with its tags."""
    return yaml.serialize(node, width=10000)


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_values_are_read_back_as_they_were(value):
    tree = {"a": value, "b": [value, [value, {"c": value}]], "d": {}, "e": [], "f": {"g": [[], {}]}, str(value): 1}
    text, blocks = asdf_text.text_of(tree, [])
    assert repr(yaml.safe_load(text)) == repr(tree) and not blocks


def test_a_plain_tree_has_the_bytes_of_libyaml():
    tree = {"meta": {"a": 1, "list": [1, [2.5, "x"], {"b": None, "c": [True]}], "texts": ["a, b", "yes", "x: y"]}}
    assert asdf_text.text_of(tree, [])[0] + "\n" == yaml.dump(tree, sort_keys=False, default_flow_style=False)


def test_not_a_number_and_long_keys():
    tree = yaml.safe_load(asdf_text.text_of({"k" * 300: [1, {"a": 2}], "nan": float("nan")}, [])[0])
    assert tree["k" * 300] == [1, {"a": 2}] and tree["nan"] != tree["nan"]


def test_each_block_in_use_is_there_once_and_arrays_have_its_number():
    shared, source = listed(scalar(1), array(5)), file_of()
    text, blocks = text_of(source, listed(shared, array(3)), listed(array(3, flow=True), shared))
    assert blocks == [b"block 3", b"block 5"]
    first, second = nodes_of(text)
    # Shared before, shared now.
    assert first.value[0] is second.value[1]
    assert dict_of(first.value[1])["source"].value == dict_of(second.value[0])["source"].value == "0"
    assert dict_of(first.value[0].value[1])["source"].value == "1"


def test_texts_of_one_product_do_not_change_those_of_another():
    source, common = file_of(), mapping(SHIFT, offset=scalar(1.5), table=array(2))
    slits = [mapping(a=listed(common, flow=number == 2), own=array(number + 4)) for number in range(4)]
    alone = [text_of(file_of(), slit) for slit in slits]
    together = None
    for _ in range(2):
        # What is common is known to be so only when the second slit comes.
        assert [text_of(source, slit) for slit in slits] == alone
        assert together is None or text_of(source, *slits) == together
        together = text_of(source, *slits)
        assert [text_of(source, slit) for slit in slits] == alone
    assert together is not None
    members = nodes_of(together[0])
    assert len({id(dict_of(member)["a"].value[0]) for member in members}) == 1
    assert together[1] == [b"block 2", *(b"block %d" % (number + 4) for number in range(4))]


def test_a_transform_may_be_the_inverse_of_its_inverse():
    inverse, forward = mapping(SHIFT), mapping(SHIFT, table=array(1))
    inverse.value.append((scalar("inverse"), forward))
    forward.value.append((scalar("inverse"), inverse))
    source = file_of()
    for root in (forward, inverse):
        text, blocks = text_of(source, root)
        (node,) = nodes_of(text)
        assert blocks == [b"block 1"] and dict_of(dict_of(node)["inverse"])["inverse"] is node


def test_one_wcs_at_two_places_is_one_node():
    node = mapping(SHIFT, a=listed(scalar(1)))
    first, second = nodes_of(text_of(file_of(), node, node)[0])
    assert first is second


def test_wcses_of_several_files_are_numbered_together():
    files = [file_of(), Source([b"x", b"y", b"z"], b"1.6.0", "another")]
    wcses = [StoredWcs(listed(array(0)), files[0]), StoredWcs(listed(array(2)), files[1])]
    text, blocks = asdf_text.text_of({"wcs": wcses}, wcses)
    assert blocks == [b"block 0", b"z"]
    assert [dict_of(node.value[0])["source"].value for node in nodes_of(text)] == ["0", "1"]


def test_what_is_written_is_read_as_the_same_nodes():
    long = listed(*(scalar(number + 0.25) for number in range(60)), flow=True)
    node = mapping(
        SHIFT,
        words=listed(scalar("custom:x"), scalar("a, b"), scalar("it's"), scalar("1.5"), flow=True),
        nested=listed(listed(listed(scalar(1)), scalar(2)), mapping(a=listed()), mapping(flow=True, k=scalar("v: w"))),
        unit=yaml.ScalarNode("tag:stsci.edu:asdf/unit/unit-1.0.0", "pixel"),
        other=mapping("tag:stsci.edu:gwcs/step-1.3.0", inner=listed(mapping(SHIFT, flow=True), long)),
        broken=yaml.ScalarNode(TEXT, "two\nlines", style="|"),
        numbers=listed(yaml.ScalarNode(FLOAT, "1e5"), yaml.ScalarNode(FLOAT, "1.0e+17"), yaml.ScalarNode(TEXT, "7")),
        empty=yaml.SequenceNode(SEQUENCE, []),
    )
    text = text_of(file_of(), node)[0]
    assert max(map(len, text.splitlines())) < 100
    (back,) = nodes_of(text)
    assert plain(back).replace("|-\n", "") == plain(back) and _same(back, node)


def _same(first, second):
    if first.tag != second.tag or isinstance(first.value, str) or isinstance(second.value, str):
        return first.tag == second.tag and first.value == second.value
    pairs = zip(first.value, second.value, strict=True)
    if first.id == "mapping":
        return all(_same(*keys) and _same(*values) for keys, values in (zip(*pair, strict=True) for pair in pairs))
    return all(_same(*pair) for pair in pairs)


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(node_texts, "_MOST_KEPT", 1000)
    source = file_of()
    texts = node_texts.of_source(source)
    for number in range(200):
        text_of(source, listed(scalar("x" * 100), scalar(number)))
        assert texts._size < 1500
    monkeypatch.setattr(yaml_scalars, "_MOST_KNOWN", 50)
    for number in range(200):
        yaml_scalars.of_value(f"text {number}")
        yaml_scalars.of_node(yaml.ScalarNode(TEXT, f"text {number}"), True)
        assert len(yaml_scalars._KNOWN) <= 50 and len(yaml_scalars._TEXTS) <= 50


def test_texts_go_with_their_file():
    source = file_of()
    text_of(source, listed(scalar(1)))
    assert source in node_texts._OF_SOURCE
    before = len(node_texts._OF_SOURCE)
    del source
    assert len(node_texts._OF_SOURCE) < before


def test_a_tag_that_says_nothing_is_left_out():
    assert yaml_scalars.of_tag(MAPPING, True) == yaml_scalars.of_tag(SEQUENCE, False) == ""
    assert yaml_scalars.of_tag(SHIFT, True) == " !transform/shift-1.4.0"
    assert yaml_scalars.of_node(SimpleNamespace(tag=TEXT, value="a, b", style=None), True) == "'a, b'"
