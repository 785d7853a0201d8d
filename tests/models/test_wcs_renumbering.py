"""Nodes of WCSs in a new file: which blocks they need, and what of them has to be copied."""

from types import SimpleNamespace

import pytest

from hexcal.models.wcs_renumbering import ArrayPaths, Renumbering

yaml = pytest.importorskip("yaml")
ARRAY = "tag:stsci.edu:asdf/core/ndarray-1.1.0"
INT, TEXT, SEQUENCE, MAPPING = (f"tag:yaml.org,2002:{name}" for name in ("int", "str", "seq", "map"))


class File:
    """What the WCSs of one file share."""

    def __init__(self, count):
        self.blocks = [b"block %d" % number for number in range(count)]

    def wcs(self, node):
        return SimpleNamespace(node=node, source=self)


def array(number):
    return yaml.MappingNode(ARRAY, [(yaml.ScalarNode(TEXT, "source"), yaml.ScalarNode(INT, str(number)))])


def mapping(**values):
    return yaml.MappingNode(MAPPING, [(yaml.ScalarNode(TEXT, name), value) for name, value in values.items()])


def listed(*values):
    return yaml.SequenceNode(SEQUENCE, list(values))


def numbers_in(node):
    text = yaml.serialize(node)
    return [int(line.split("source:")[1].strip(" }")) for line in text.splitlines() if "source:" in line]


def test_only_what_leads_to_arrays_is_copied_and_each_block_is_there_once():
    plain, file = mapping(a=yaml.ScalarNode(INT, "1")), File(6)
    shared = listed(plain, array(5))
    wcses = [file.wcs(listed(shared, plain, array(3))), file.wcs(listed(plain, shared))]
    renumbering = Renumbering(wcses)
    assert renumbering.blocks == [b"block 3", b"block 5"]
    first, second = (renumbering.node(wcs) for wcs in wcses)
    assert numbers_in(first) == [1, 0] and numbers_in(second) == [1]
    assert first.value[1] is plain and second.value[0] is plain
    # Shared before, shared now; and what was read stays as it was.
    assert first.value[0] is second.value[1] and first.value[0] is not shared
    assert numbers_in(wcses[0].node) == [5, 3]


def test_a_wcs_that_comes_later_and_shares_what_is_known_is_renumbered_too():
    file, shared = File(4), listed(array(2))
    early, late = file.wcs(listed(shared)), file.wcs(mapping(inside=mapping(part=shared), own=array(3)))
    assert numbers_in(Renumbering([early]).node(early)) == [0]
    renumbering = Renumbering([late])
    assert renumbering.blocks == [b"block 2", b"block 3"] and numbers_in(renumbering.node(late)) == [0, 1]


def test_a_transform_may_be_the_inverse_of_its_inverse():
    file = File(2)
    inverse, forward = mapping(), mapping(table=array(1))
    inverse.value.append((yaml.ScalarNode(TEXT, "inverse"), forward))
    forward.value.append((yaml.ScalarNode(TEXT, "inverse"), inverse))
    for root in (forward, inverse):
        wcs = file.wcs(root)
        renumbering = Renumbering([wcs])
        copy = renumbering.node(wcs)
        assert renumbering.blocks == [b"block 1"] and numbers_in(copy) == [0]
        assert copy is not root and dict_of(dict_of(copy)["inverse"])["inverse"] is copy


def dict_of(node):
    return {key.value: value for key, value in node.value}


def test_wcses_of_several_files_are_numbered_together():
    files = [File(2), File(3)]
    wcses = [files[0].wcs(listed(array(0))), files[1].wcs(listed(array(2)))]
    renumbering = Renumbering(wcses)
    assert renumbering.blocks == [b"block 0", b"block 2"]
    assert renumbering.node(wcses[0]) is wcses[0].node and numbers_in(renumbering.node(wcses[1])) == [1]


def test_each_node_is_looked_at_once():
    paths, shared = ArrayPaths(), listed(*(mapping(k=array(n)) for n in range(3)))
    for _ in range(2):
        root = listed(shared, array(7))
        paths.add(root)
        assert sorted(paths.numbers(root, set())) == [0, 1, 2, 7]
        assert paths.lead(shared) and paths.lead(root)
    assert list(paths.numbers(root, {id(root)})) == []
