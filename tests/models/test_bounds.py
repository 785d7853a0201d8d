"""Nothing is read without end.

Devices and pipes, texts that are too large, trees that are too deep or unfold to too much.
"""

import json
import os
import stat

import pytest
import yaml

from hexcal import datamodels
from hexcal.core import config
from hexcal.errors import HexcalError, InputError
from hexcal.models import asdf_tree, bounds
from hexcal.references.header_cards import read_header
from hexcal.references.mapping_file import read_mapping

HEAD = "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n--- !core/asdf-1.1.0\n"
BOMB = "a0: &a0 [1, 2]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
MERGED = "b0: &b0 {k: 1}\n" + "".join(f"b{n}: &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]


@pytest.mark.parametrize("opener", [datamodels.open, read_header, asdf_tree.from_file, config.load, read_mapping])
@pytest.mark.parametrize("name", ["a.fits", "a.asdf", "a.json", "a.yaml", "a.pmap"])
def test_a_pipe_a_device_and_a_folder_are_refused_before_they_are_read(tmp_path, opener, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(HexcalError, match="is required, this is a named pipe"):
        opener(str(tmp_path / name))
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    if stat.S_ISCHR(os.stat("/dev/zero").st_mode):
        with pytest.raises(HexcalError, match="is required, this is a device"):
            opener(str(tmp_path / name))
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(HexcalError, match="is required, this is a directory"):
        opener(str(tmp_path / name))


@pytest.mark.parametrize("text", [BOMB, MERGED], ids=["anchors", "merged keys"])
@pytest.mark.parametrize("loader", LOADERS)
def test_a_tree_that_unfolds_to_billions_of_values_is_refused_before_it_is_made(text, loader):
    with pytest.raises(InputError, match=r"(?s)at most 5000000 values .*x\.yaml"):
        bounds.from_yaml(text, "x.yaml", loader)


@pytest.mark.parametrize("content", ["meta: {a: 1}\n", "meta: {a: !transform/shift-1.2.0 {offset: 1.0}}\n"])
def test_so_is_that_of_an_asdf_file_with_and_without_objects(tmp_path, content):
    path = tmp_path / "a.asdf"
    path.write_text(f"{HEAD}{content}{BOMB}...\n")
    with pytest.raises(InputError, match="unfolds to more"):
        datamodels.open(path)


def test_a_parameter_file_and_an_association_are_bounded_too(tmp_path):
    path = tmp_path / "pars.asdf"
    path.write_text(f"{HEAD}class: hexcal.step.JumpStep\nparameters: {{}}\n{BOMB}...\n")
    with pytest.raises(InputError, match="unfolds to more"):
        config.load(path)
    path = tmp_path / "asn.yaml"
    path.write_text(f"{BOMB}products: *a11\n")
    with pytest.raises(InputError, match="unfolds to more"):
        datamodels.open(path)


@pytest.mark.parametrize("levels", [bounds.MOST_DEPTH + 1, 5_000, 100_000])
def test_nesting_has_an_end_in_every_notation(tmp_path, levels):
    brackets = "[" * levels + "]" * levels
    for name, text in (("a.json", brackets), ("a.yaml", brackets), ("a.asdf", f"{HEAD}meta: {brackets}\n...\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="at most 200 levels of nesting are read, there are more"):
            datamodels.open(tmp_path / name)


def test_nesting_by_indentation_has_an_end():
    for text in ("- " * 3000 + "1", "? " * 3000 + "1", "".join(f"{' ' * n}a:\n" for n in range(1200))):
        for loader in LOADERS:
            with pytest.raises(InputError, match="levels of nesting"):
                bounds.from_yaml(text, "x.yaml", loader)


@pytest.mark.parametrize(
    "opening", ["[ !a]", "[ &a]", "[ '[a]',", '[ "a]",', "[ #a]\n", "[ \u5d00,", "{[ a]: {"], ids=repr
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_brackets_that_are_none_hide_no_depth(opening, encoding):
    with pytest.raises((InputError, yaml.YAMLError)):
        bounds.from_yaml((opening * 20_000).encode(encoding), "x.yaml", LOADERS[1])


@pytest.mark.parametrize("text", ["a: [x0, x1]\n", "- [[1, 2], [3, 4]]\n"])
def test_many_short_lists_are_not_looked_through_twice(text, monkeypatch):
    monkeypatch.setattr(bounds, "_require_shallow_yaml", None)
    assert bounds.from_yaml(text * 900, "") == yaml.safe_load(text * 900)


def test_what_files_really_hold_is_read(tmp_path):
    deep = None
    for _ in range(bounds.MOST_DEPTH - 4):
        deep = [deep]
    tree = {"deep": deep, "wide": list(range(100_000))}
    assert bounds.from_json(json.dumps(tree), "") == tree
    shared = "a: &a {x: [1, 2]}\nb: [*a, *a]\nc: {<<: *a, y: 3}\n"
    assert bounds.from_yaml(shared, "") == yaml.safe_load(shared)
    path = tmp_path / "a.asdf"
    asdf_tree.to_file(path, {"meta": {"deep": deep}})
    assert asdf_tree.from_file(path)["meta"]["deep"] == deep


def test_a_tree_within_itself_is_refused(tmp_path):
    path = tmp_path / "a.asdf"
    path.write_text(f"{HEAD}meta: &m\n  inner: *m\n...\n")
    with pytest.raises(InputError, match="must not refer to itself"):
        datamodels.open(path)


def test_a_text_that_is_too_large_is_refused(tmp_path):
    path = tmp_path / "a.json"
    with open(path, "wb") as stream:
        stream.truncate(bounds.MOST_TEXT + 1)
    with pytest.raises(InputError, match="of at most 256 MB is required, this one has 256 MB"):
        datamodels.open(path)


def test_of_an_asdf_file_with_large_arrays_only_the_tree_is_read_for_its_metadata(tmp_path):
    path = tmp_path / "a.asdf"
    path.write_text(f"{HEAD}meta: {{a: 1}}\n...\n")
    with open(path, "r+b") as stream:
        stream.truncate(1 << 40)
    assert asdf_tree.from_file(path)["meta"] == {"a": 1}
